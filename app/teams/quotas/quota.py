"""The quotas of an organisation: the bounds of what it may store, and the operator's setting.

Strategy: the database counts what is stored. A write is judged at the end of its transaction by
what it has added, so that one rule holds for every operation, and nothing of a write that is over
is kept.

Invariant: only what grows is refused. An organisation over a quota, which an operator may have
lowered, reads and deletes what it has.
"""

import re
from collections.abc import Mapping, Sequence

from msgspec import Struct, structs

from app.errors import QuotaExceeded
from app.products.workspace.answer import WORKSPACE_QUOTAS
from app.similar import most_similar


class Amounts(Struct, frozen=True):
    """An amount of each kind that is counted.

    ``entries`` and ``overrides`` are those that were not taken back before they began. ``bytes``
    are all texts, with earlier versions, the audit and the answers kept for an ``Idempotency-Key``,
    and 100 for each row.
    """

    schedules: int = 1_000
    people: int = 10_000
    entries: int = 100_000
    overrides: int = 100_000
    bytes: int = 256 * 1024 * 1024


QUOTAS = Amounts()
"""The quotas unless an operator sets others."""
OF_WORKSPACES = Amounts(**structs.asdict(WORKSPACE_QUOTAS))
"""The quotas of organisations that were bought: they are part of what is sold."""
NAMES = Amounts.__struct_fields__

UNITS: Mapping[str, int] = {"": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
SETTING = re.compile(r"([^\s=]+)\s*=\s*([1-9][0-9]{0,11})(KiB|MiB|GiB)?")

CHANGE_SHARE = 8
"""Changes may go over a quota by one part in so many. Every change adds to what is kept of the
past, and an organisation that is full can still mend a schedule or make it smaller."""


def quotas_in(text: str) -> tuple[Amounts, Sequence[str]]:
    """Return the quotas in an operator's ``text``, and the errors in it.

    An example is ``schedules=50,bytes=64MiB``; a quota that is not named stays the usual one.
    """
    quotas: dict[str, int] = {}
    errors = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        match = SETTING.fullmatch(part)
        if match is None or (match[3] and match[1] != "bytes"):
            errors.append(f"{part!r} is not a quota such as schedules=50 or bytes=64MiB")
            continue
        name, number, unit = match.groups("")
        if name not in NAMES:
            similar = most_similar(name, NAMES)
            hint = f"did you mean {similar}?" if similar else f"there are {', '.join(NAMES)}"
            errors.append(f"{name} is not counted; {hint}")
        elif name in quotas:
            errors.append(f"{name} has two quotas")
        else:
            quotas[name] = int(number) * UNITS[unit]
    return structs.replace(QUOTAS, **quotas), [f"ONCALL_QUOTA: {error}" for error in errors]


def require_within(quotas: Amounts, before: Amounts, after: Amounts, *, changes: bool) -> None:
    """Raise ``QuotaExceeded`` if what is stored has grown over a quota.

    ``changes`` says that the write changes what there was, which may go over by a share.
    """
    over = []
    for name in NAMES:
        quota, was, now = (getattr(amounts, name) for amounts in (quotas, before, after))
        if was < now > quota + (quota // CHANGE_SHARE if changes else 0):
            over.append(f"{name}: {was:,} of {quota:,} are used, and this adds {now - was:,}")
    if over:
        raise QuotaExceeded(f"{'; '.join(over)}. Delete what is no longer needed")
