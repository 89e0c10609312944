"""The table of paid endpoints, which router, checkout, rate limits, OpenAPI and catalogue read.

An incomplete row fails when the application is built, not when it is called.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

from app.errors import ConfigurationError
from app.http.rate_limits import limits_in
from app.products.convert.endpoint import convert_endpoint
from app.products.endpoint import Endpoint
from app.products.layered.endpoints import now_endpoint, schedule_endpoint
from app.products.roster.check_endpoint import check_endpoint
from app.products.roster.cover_endpoint import cover_endpoint
from app.products.roster.endpoint import roster_endpoint
from app.products.roster.report_endpoint import report_endpoint
from app.products.rotation.endpoint import rotation_endpoint
from app.products.workspace.endpoint import workspace_endpoint


def paid_endpoints(rate_limit: str = "", *, workspaces: bool = False) -> Sequence[Endpoint]:
    """Return every paid endpoint, in catalogue order.

    ``rate_limit`` is the operator's setting, which ``limits_in`` parses; it may name an endpoint
    that is not served. ``workspaces`` says that workspaces are sold, for which an operator sets a
    secret. Raises ``ConfigurationError``.
    """
    rows = _limited(rate_limit) if rate_limit else _rows()
    return [row for row in rows if workspaces or not row.keeps]


@cache
def _rows() -> Sequence[Endpoint]:
    return (
        *(rotation_endpoint(), schedule_endpoint(), now_endpoint()),
        *(roster_endpoint(), check_endpoint(), cover_endpoint(), report_endpoint()),
        *(convert_endpoint(), workspace_endpoint()),
    )


def _limited(rate_limit: str) -> Sequence[Endpoint]:
    rows = _rows()
    limits, errors = limits_in(rate_limit, [row.slug for row in rows])
    if errors:
        raise ConfigurationError(errors)
    return [replace(row, rate_limit=limits.get(row.slug, row.rate_limit)) for row in rows]


def rate_limit_errors(rate_limit: str) -> Sequence[str]:
    """Return what is wrong with the operator's limits."""
    try:
        paid_endpoints(rate_limit)
    except ConfigurationError as error:
        return error.problems
    return ()
