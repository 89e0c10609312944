"""What becomes of a cover request: open, and then accepted, refused, withdrawn or expired.

    open ──accept the rest──▶ accepted
     │ ├──refused by all to whom it was offered──▶ refused
     │ ├──withdraw──▶ withdrawn
     │ └──``expires_at`` is reached──▶ expired
     └──accept a part, or refuse──▶ open

Strategy: a request holds the answers that it got, and what is still open follows from them. Nobody
writes that a request has expired: it has from that instant on, and counts as one version more, so
that an ETag from before no longer matches.

Invariants: the parts that were accepted lie within the stretch and do not overlap. Of an open
request something that is still to come is open: it expires with the last of that.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from app.engine.intervals import Interval, merged, split

State = Literal["open", "accepted", "refused", "withdrawn", "expired"]


@dataclass(frozen=True, slots=True)
class CoverAnswer:
    """What somebody answered at an instant: the part that an override gives to them, or a refusal.

    A refusal has no ``override_id``, and the whole stretch. ``other_roles`` are those of the
    schedule that the same person has in a part of it.
    """

    user_id: str
    at: int
    start_at: int
    end_at: int
    override_id: str | None = None
    reason: str | None = None
    other_roles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CoverFields:
    """The part that callers give: ``user_id`` gives ``[start_at, end_at)`` away.

    ``offered_to`` is ``None`` where it is offered to everybody who takes part in the schedule.
    """

    user_id: str
    start_at: int
    end_at: int
    expires_at: int
    reason: str | None = None
    offered_to: tuple[str, ...] | None = None
    role: str | None = None


@dataclass(frozen=True, slots=True)
class CoverRequest:
    """A cover request as it is stored; ``written_state`` says nothing of its expiry."""

    id: str
    schedule_id: str
    fields: CoverFields
    written_state: State
    answers: tuple[CoverAnswer, ...]
    written_version: int
    created_at: int
    written_at: int

    @property
    def accepted(self) -> Sequence[CoverAnswer]:
        """The parts that were accepted."""
        return [answer for answer in self.answers if answer.override_id is not None]

    @property
    def refused(self) -> Sequence[CoverAnswer]:
        """The refusals."""
        return [answer for answer in self.answers if answer.override_id is None]

    def has_expired(self, now: int) -> bool:
        """Return whether it was open when it expired."""
        return self.written_state == "open" and self.fields.expires_at <= now

    def state(self, now: int) -> State:
        """Return the state at ``now``."""
        return "expired" if self.has_expired(now) else self.written_state

    def version(self, now: int) -> int:
        """Return the version at ``now``."""
        return self.written_version + self.has_expired(now)

    def updated_at(self, now: int) -> int:
        """Return when it was last changed, before ``now``."""
        return self.fields.expires_at if self.has_expired(now) else self.written_at

    def open_parts(self, now: int) -> list[Interval]:
        """Return what nobody has accepted yet, in order; nothing unless it is open."""
        return self._parts_left() if self.state(now) == "open" else []

    def _parts_left(self) -> list[Interval]:
        taken = merged(sorted((part.start_at, part.end_at) for part in self.accepted))
        return split([(self.fields.start_at, self.fields.end_at)], taken)[1]


def with_accepted(cover: CoverRequest, parts: Sequence[CoverAnswer], now: int) -> CoverRequest:
    """Return an open request after parts of it were accepted: all of it, if the rest is past."""
    after = _answered(cover, parts, now)
    last = max((end for _, end in after.open_parts(now)), default=now)
    if last <= now:
        return replace(after, written_state="accepted")
    expires_at = min(last, after.fields.expires_at)
    return replace(after, fields=replace(after.fields, expires_at=expires_at))


def with_refusal(cover: CoverRequest, refusal: CoverAnswer, now: int) -> CoverRequest:
    """Return an open request after a refusal: the last one, if all whom it was offered refused."""
    after = _answered(cover, [refusal], now)
    offered = cover.fields.offered_to
    refusing = {answer.user_id for answer in after.refused}
    is_last = offered is not None and refusing.issuperset(offered)
    return replace(after, written_state="refused") if is_last else after


def withdrawn(cover: CoverRequest, now: int) -> CoverRequest:
    """Return an open request after it was withdrawn; what was accepted stays."""
    return replace(_answered(cover, (), now), written_state="withdrawn")


def _answered(cover: CoverRequest, answers: Sequence[CoverAnswer], now: int) -> CoverRequest:
    return replace(
        cover,
        answers=(*cover.answers, *answers),
        written_version=cover.written_version + 1,
        written_at=max(now, cover.written_at),
    )
