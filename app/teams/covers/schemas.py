"""Cover requests and their candidates on the wire."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct, structs

from app.engine.cover import Share
from app.engine.layered.limits import DAY_MS
from app.errors import FieldError
from app.http.validation import RequestModel
from app.products.layered.answer import OtherRoles, ShownRole
from app.products.layered.layer_fields import Point, RoleMeant
from app.products.layered.request import Reason, order_errors, window_errors
from app.products.numbers import Number, number
from app.products.words import END, PERSON, START, meant_by
from app.teams.covers.candidates import Obstacle, RankedUser, Ranking
from app.teams.covers.state import CoverAnswer, CoverRequest, State
from app.teams.schemas import Id, Instant, PageQuery, UserId
from app.teams.times import utc_text

MAX_DAYS = 366
"""The longest stretch that can be given away."""
HOUR_MS = 3_600_000


class CandidatesQuery(RequestModel, frozen=True, rename={"from_at": "from", "to_at": "to"}):
    """The stretch to be given away: half open, 366 days at most."""

    from_at: Point
    to_at: Point
    user_id: (
        Annotated[UserId, Meta(description="whose part of it is given away; absent: all of it is")]
        | None
    ) = None
    limit: Annotated[int, Meta(ge=1, le=100, description="a whole number from 1 to 100")] = 25
    role: RoleMeant | None = None

    @classmethod
    def cross_field_errors(cls, values: Mapping[str, Any]) -> Iterator[FieldError]:
        """Yield the errors of the stretch."""
        return _stretch_errors(values, "from_at", "to_at", "/to")


class CoversQuery(PageQuery, frozen=True, kw_only=True):
    """The requests to list: all of them, or those in a state."""

    state: (
        Annotated[
            Literal["open", "accepted", "refused", "withdrawn", "expired"],
            Meta(description="`open`, `accepted`, `refused`, `withdrawn` or `expired`"),
        ]
        | None
    ) = None


class CoverPost(RequestModel, frozen=True):
    """Somebody asks others to take over a stretch of their shift."""

    user_id: Annotated[UserId, Meta(description="who is on call in all of the stretch")]
    start: Point
    end: Point
    id: Id | None = None
    reason: Reason | None = None
    offered_to: (
        Annotated[
            list[UserId],
            Meta(
                min_length=1,
                max_length=100,
                description="1 to 100 people; absent: everybody who takes part in the schedule",
            ),
        ]
        | None
    ) = None
    expires_at: (
        Annotated[Point, Meta(description="an instant to come, not after end; absent: end")] | None
    ) = None
    role: RoleMeant | None = None

    synonyms = meant_by({"user_id": PERSON, "start": START, "end": END})

    @classmethod
    def cross_field_errors(cls, values: Mapping[str, Any]) -> Iterator[FieldError]:
        """Yield the errors of the stretch, of when it expires and of whom it is offered to."""
        yield from _stretch_errors(values, "start", "end", "/end")
        expires_at = values.get("expires_at")
        if expires_at is not None and expires_at > values.get("end", expires_at):
            yield FieldError("/expires_at", "must not be after end")
        asker = values.get("user_id")
        for place, name in enumerate(values.get("offered_to") or ()):
            if name == asker:
                yield FieldError(f"/offered_to/{place}", f"{name} is who asks: name others")


class AcceptPost(RequestModel, frozen=True):
    """Who accepts, and which part: all that is open, unless it says."""

    user_id: UserId
    start: Annotated[Point, Meta(description="absent: the start of the request")] | None = None
    end: Annotated[Point, Meta(description="absent: the end of the request")] | None = None

    @classmethod
    def cross_field_errors(cls, values: Mapping[str, Any]) -> Iterator[FieldError]:
        """Yield the error of a part that does not end after it starts."""
        given = {name: at for name, at in values.items() if at is not None}
        return order_errors(given, "start", "end")


class RefusePost(RequestModel, frozen=True):
    """Who refuses, and why."""

    user_id: UserId
    reason: Reason | None = None


class Stretch(Struct, frozen=True):
    """A stretch of time, half open."""

    start: Instant
    end: Instant


class AcceptedPart(Struct, frozen=True, omit_defaults=True):
    """What somebody has taken over."""

    user_id: str
    start: Instant
    end: Instant
    override_id: Annotated[str, Meta(description="The override that gives it to them.")]
    at: Instant
    other_roles: OtherRoles = ()


class Refusal(Struct, frozen=True):
    """That somebody will not take it over."""

    user_id: str
    reason: str | None
    at: Instant


class CoverShown(Struct, frozen=True, omit_defaults=True):
    """A cover request."""

    id: str
    schedule_id: str
    user_id: Annotated[str, Meta(description="Who gives the stretch away.")]
    start: Instant
    end: Instant
    reason: str | None
    offered_to: Annotated[Sequence[str], Meta(description="Null: everybody who takes part.")] | None
    state: State
    open: Annotated[Sequence[Stretch], Meta(description="What nobody has accepted yet.")]
    accepted: Sequence[AcceptedPart]
    refused: Sequence[Refusal]
    expires_at: Instant
    created_at: Instant
    updated_at: Instant
    version: Annotated[int, Meta(description="Raised by every answer; the ETag is this in quotes.")]
    role: ShownRole | None = None


class OnCallLoad(Struct, frozen=True):
    """Hours on call by this schedule; nights are 22:00 to 06:00, weekends Saturday and Sunday."""

    hours: Number
    night_hours: Number
    weekend_hours: Number


class ObstacleShown(Struct, frozen=True):
    """What keeps somebody from it: they are away, or on call by another schedule."""

    what: Literal["on_call", "away"]
    schedule_id: Annotated[str, Meta(description="If they are on call.")] | None
    start: Instant
    end: Instant


class CandidateShown(Struct, frozen=True, omit_defaults=True):
    """Somebody who could take the stretch over."""

    user_id: str
    name: str | None
    able: Annotated[bool, Meta(description="Whether nothing keeps them from it.")]
    before: OnCallLoad
    after: OnCallLoad
    obstacles: Sequence[ObstacleShown]
    reason: Annotated[str, Meta(description="Why they stand here, in a sentence.")]
    other_roles: OtherRoles = ()


class CandidatesShown(Struct, frozen=True, omit_defaults=True):
    """Who could take a stretch over: who is able first, then by hours after, nights, weekends."""

    schedule_id: str
    stretches: Annotated[Sequence[Stretch], Meta(description="What is given away.")]
    given_by: Sequence[str]
    counted_from: Annotated[Instant, Meta(description="Hours are counted from here.")]
    counted_to: Annotated[Instant, Meta(description="To here: 28 days on either side.")]
    candidates: Sequence[CandidateShown]
    total: Annotated[int, Meta(description="How many there are, with those not shown.")]
    role: ShownRole | None = None


def cover_of(cover: CoverRequest, now: int) -> CoverShown:
    """Return a cover request as it is on the wire at ``now``."""
    given = cover.fields
    return CoverShown(
        cover.id,
        cover.schedule_id,
        given.user_id,
        utc_text(given.start_at),
        utc_text(given.end_at),
        given.reason,
        given.offered_to,
        cover.state(now),
        [stretch_of(*part) for part in cover.open_parts(now)],
        [_accepted(part) for part in cover.accepted],
        [Refusal(each.user_id, each.reason, utc_text(each.at)) for each in cover.refused],
        utc_text(given.expires_at),
        utc_text(cover.created_at),
        utc_text(cover.updated_at(now)),
        cover.version(now),
        given.role,
    )


def stretch_of(start_at: int, end_at: int) -> Stretch:
    """Return a stretch as it is on the wire."""
    return Stretch(utc_text(start_at), utc_text(end_at))


def candidates_of(schedule_id: str, ranking: Ranking) -> CandidatesShown:
    """Return a ranking as it is on the wire, but for the names of its candidates.

    Their obstacles are JSON already, since they may be many.
    """
    counted = stretch_of(*ranking.counted)
    return CandidatesShown(
        schedule_id,
        [stretch_of(*each) for each in ranking.stretches],
        ranking.givers,
        counted.start,
        counted.end,
        [_candidate(each, counted) for each in ranking.candidates],
        ranking.total,
        ranking.role,
    )


def with_names(shown: CandidatesShown, names: Mapping[str, tuple[str, int]]) -> CandidatesShown:
    """Return candidates with their names, as ``names_by_id`` gives them."""
    candidates = [
        structs.replace(each, name=names[each.user_id][0]) if each.user_id in names else each
        for each in shown.candidates
    ]
    return structs.replace(shown, candidates=candidates)


def _accepted(part: CoverAnswer) -> AcceptedPart:
    stretch = (utc_text(part.start_at), utc_text(part.end_at))
    made = (str(part.override_id), utc_text(part.at))
    return AcceptedPart(part.user_id, *stretch, *made, part.other_roles)


def _candidate(ranked: RankedUser, counted: Stretch) -> CandidateShown:
    obstacles = msgspec.json.encode([_obstacle(each) for each in ranked.obstacles])
    return CandidateShown(
        ranked.user_id,
        None,
        not ranked.obstacles,
        _load(ranked.before),
        _load(ranked.after),
        msgspec.Raw(obstacles),  # type: ignore[arg-type]
        _in_words(ranked, counted),
        ranked.other_roles,
    )


def _load(share: Share) -> OnCallLoad:
    hours, nights, weekends = (
        number(ms / HOUR_MS) for ms in (share.total_ms, share.night_ms, share.weekend_ms)
    )
    return OnCallLoad(hours, nights, weekends)


def _obstacle(each: Obstacle) -> ObstacleShown:
    return ObstacleShown(
        each.what, each.schedule_id, utc_text(each.start_at), utc_text(each.end_at)
    )


def _in_words(ranked: RankedUser, counted: Stretch) -> str:
    if ranked.obstacles:
        return f"{ranked.user_id} {ranked.obstacles[0].in_words}"
    load = _load(ranked.after)
    free = f"{', '.join(ranked.other_roles)} besides" if ranked.other_roles else "free"
    return (
        f"{ranked.user_id} is {free} and would have {load.hours} h from {counted.start} to "
        f"{counted.end}, {load.night_hours} h at night and {load.weekend_hours} h on weekends"
    )


def _stretch_errors(
    values: Mapping[str, Any], start: str, end: str, pointer: str
) -> Iterator[FieldError]:
    yield from window_errors(values, start, end, pointer)
    if {start, end} <= values.keys() and values[end] - values[start] > MAX_DAYS * DAY_MS:
        yield FieldError(pointer, f"must be at most {MAX_DAYS} days after the start")
