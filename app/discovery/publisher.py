"""Who offers the service, as far as the operator says it to marketplaces."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Publisher:
    """What the documents say of the operator.

    ``url`` is the address of the service. ``ownership_proofs`` are signatures of its origin by the
    keys of payees.
    """

    url: str
    contact_email: str = ""
    ownership_proofs: Sequence[str] = ()


NOBODY = Publisher("")
"""For documents that say nothing of a deployment."""
