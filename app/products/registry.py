"""The one table of paid endpoints. Router, checkout, limiter, OpenAPI and catalogue read it.

A row that lacks anything fails when the application is built, not when somebody calls it.
"""

from collections.abc import Sequence

from app.products.endpoint import Endpoint
from app.products.layered.endpoints import now_endpoint, schedule_endpoint
from app.products.rotation.endpoint import rotation_endpoint


def paid_endpoints() -> Sequence[Endpoint]:
    """Return every paid endpoint, in catalogue order."""
    return (rotation_endpoint(), schedule_endpoint(), now_endpoint())
