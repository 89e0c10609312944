"""What was understood of a request for a rotation, told with the terms and with a planned answer.

A time may be written as a date or by a local clock. Here it is as an instant, so that whoever pays
sees before and after whether it means what was meant.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, chain, islice, pairwise
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.structs import replace

from app.engine.planning.membership import member_shifts
from app.engine.planning.request import Absence, PersonLimits
from app.engine.walltime import clock_of
from app.formats.instants import iso, local_iso_texts
from app.products.holiday_fields import UnderstoodHoliday, understood_holidays
from app.products.numbers import InstantText
from app.products.rotation.understood_calendars import UnderstoodCalendar

MAX_SHOWN = 100
"""The most absences that are shown: a request may have 10,000."""

Membership = tuple[int | None, int | None]
"""When a person joins and leaves; ``None`` if they do not."""


class UnderstoodAbsence(Struct, frozen=True, rename="camel", gc=False):
    """When somebody cannot be on call; half open."""

    person: str
    start: InstantText
    end: InstantText
    start_local: InstantText | UnsetType = UNSET
    end_local: InstantText | UnsetType = UNSET


class UnderstoodMember(Struct, frozen=True, rename="camel", gc=False, omit_defaults=True):
    """When somebody belongs to the team; half open."""

    person: str
    shifts: Annotated[int, Meta(description="How many shifts lie within this time.")]
    joins: InstantText | UnsetType = UNSET
    joins_local: InstantText | UnsetType = UNSET
    leaves: InstantText | UnsetType = UNSET
    leaves_local: InstantText | UnsetType = UNSET


class UnderstoodLimits(Struct, frozen=True, rename="camel", gc=False):
    """Whether limits leave room for all that there is."""

    places: Annotated[int, Meta(description="Shifts times roles.")]
    at_most: Annotated[
        int,
        Meta(
            description="How many of them `limits` of shifts and hours leave room for, whoever is "
            "away. If it is less than `places`, some stay empty."
        ),
    ]


class UnderstoodRotation(Struct, frozen=True, rename="camel", omit_defaults=True):
    """How the request was read: times as instants, and how many shifts there are."""

    timezone: Annotated[str, Meta(description="Whose clock is meant; UTC if none is given.")]
    start: Annotated[InstantText, Meta(description="First instant of the first shift.")]
    end: Annotated[InstantText, Meta(description="First instant after the last shift.")]
    shifts: Annotated[int, Meta(description="How many shifts there are.")]
    start_local: (
        Annotated[InstantText, Meta(description="`start` with `timezone`.")] | UnsetType
    ) = UNSET
    end_local: Annotated[InstantText, Meta(description="`end` with `timezone`.")] | UnsetType = (
        UNSET
    )
    absences: Annotated[
        Sequence[UnderstoodAbsence],
        Meta(description=f"The first {MAX_SHOWN} of `unavailable`, in the order of the request."),
    ] = ()
    absences_left_out: Annotated[int, Meta(description="How many absences are not shown.")] = 0
    members: Annotated[
        Sequence[UnderstoodMember],
        Meta(
            description=f"The first {MAX_SHOWN} of those in `joins` and `leaves`: for the time "
            "outside nothing is owed back."
        ),
    ] = ()
    members_left_out: Annotated[int, Meta(description="How many members are not shown.")] = 0
    limits: Annotated[UnderstoodLimits, Meta(description="With `limits`.")] | UnsetType = UNSET
    calendars: Annotated[
        Sequence[UnderstoodCalendar],
        Meta(description="What was taken from each calendar; only in the answer."),
    ] = ()
    holidays: (
        Annotated[
            Sequence[UnderstoodHoliday],
            Meta(
                description="With `holidays`: the first 100 within the rotation; only in the "
                "answer. None: the calendar knows none of these days."
            ),
        ]
        | UnsetType
    ) = UNSET


def understood_rotation(
    timezone: str | None,
    boundaries: Sequence[int],
    absences: Sequence[Absence],
    calendars: Sequence[UnderstoodCalendar] = (),
) -> UnderstoodRotation:
    """Return what was understood of a rotation whose shifts have ``boundaries``."""
    start, end = boundaries[0], boundaries[-1]
    shown = absences[:MAX_SHOWN]
    return UnderstoodRotation(
        str(timezone or "UTC"),
        iso(start),
        iso(end),
        len(boundaries) - 1,
        *_local(timezone, start, end),
        list(_understood(timezone, shown)),
        len(absences) - len(shown),
        calendars=tuple(calendars),
    )


def with_members(
    understood: UnderstoodRotation,
    timezone: str | None,
    boundaries: Sequence[int],
    members: Mapping[str, Membership],
) -> UnderstoodRotation:
    """Return what was ``understood``, with when people belong to the team."""
    if not members:
        return understood
    shown = islice(members.items(), MAX_SHOWN)
    return replace(
        understood,
        members=[_member(timezone, boundaries, *each) for each in shown],
        members_left_out=max(0, len(members) - MAX_SHOWN),
    )


def with_limits(
    understood: UnderstoodRotation,
    boundaries: Sequence[int],
    limits: Mapping[str, PersonLimits],
    people: int,
    roles: int,
) -> UnderstoodRotation:
    """Return what was ``understood``, with how much the ``limits`` leave room for.

    There are so many ``people`` and ``roles`` in all.
    """
    if not limits:
        return understood
    shifts = len(boundaries) - 1
    shortest_first = sorted(end - start for start, end in pairwise(boundaries))
    within = list(accumulate(shortest_first))
    room = (people - len(limits)) * shifts
    for each in limits.values():
        by_count = shifts if each.shifts is None else min(each.shifts, shifts)
        by_hours = shifts if each.total_ms is None else bisect_right(within, each.total_ms)
        room += min(by_count, by_hours)
    places = shifts * roles
    return replace(understood, limits=UnderstoodLimits(places, min(places, room)))


def with_holidays(
    understood: UnderstoodRotation, calendar: str | None, days: range
) -> UnderstoodRotation:
    """Return what was ``understood``, with the holidays of the ``calendar``, if there is one."""
    if not calendar:
        return understood
    return replace(understood, holidays=understood_holidays([calendar], days))


def _member(
    timezone: str | None, boundaries: Sequence[int], person: str, times: Membership
) -> UnderstoodMember:
    first, last = member_shifts(boundaries, *times)
    texts = (UNSET if at is None else iso(at) for at in times)
    local = (UNSET if at is None else _local(timezone, at, at)[0] for at in times)
    joins, joins_local, leaves, leaves_local = chain.from_iterable(zip(texts, local, strict=True))
    return UnderstoodMember(person, last - first, joins, joins_local, leaves, leaves_local)


def _understood(timezone: str | None, absences: Sequence[Absence]) -> Iterator[UnderstoodAbsence]:
    for person, start, end, _ in absences:
        yield UnderstoodAbsence(person, iso(start), iso(end), *_local(timezone, start, end))


def _local(timezone: str | None, start: int, end: int) -> tuple[str | UnsetType, str | UnsetType]:
    if timezone is None:
        return UNSET, UNSET
    start_local, end_local = local_iso_texts(clock_of(timezone), (start, end))
    return start_local, end_local
