"""Documents of the oracle, in minutes, as engine schedules, in milliseconds; random ones too."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from app.engine.layered.model import Absence, Entry, Layer, Override, Restriction, Schedule
from app.engine.layered.versions import ScheduleVersion
from app.engine.walltime import FOREVER

Document = dict[str, Any]
Draw = st.DrawFn

MINUTE = 60_000
DAY = 1440


def minute_of(text: str) -> int:
    """Return an ISO instant as whole minutes since 1970."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) // 60


def at(text: str) -> int:
    """Return an ISO instant with an offset as milliseconds since 1970."""
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def iso(instant: int) -> str:
    return datetime.fromtimestamp(instant / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def scaled(minutes: int | None) -> Any:
    return None if minutes is None else minutes * MINUTE


def schedule_of(document: Document) -> Schedule:
    return Schedule(
        document["timezone"],
        tuple(layer_of(layer) for layer in document["layers"]),
        tuple(manual_assignment_of(Override, manual) for manual in document["overrides"]),
        tuple(manual_assignment_of(Entry, manual) for manual in document["entries"]),
        tuple(
            Absence(
                each["user_id"], scaled(each["start_at"]), scaled(each["end_at"]), each["reason"]
            )
            for each in document.get("absences", ())
        ),
        document.get("when_away", "next"),
    )


def layer_of(layer: Document) -> Layer:
    return Layer(
        layer["name"],
        tuple(tuple(each) if isinstance(each, list) else each for each in layer["participants"]),
        layer["unit"],
        layer["count"],
        scaled(layer["start_at"]),
        scaled(layer["handoff_time"]),
        layer["handoff_day"],
        tuple(
            Restriction(scaled(window["start"]), scaled(window["end"]), tuple(window["days"]))
            for window in layer["restrictions"]
        ),
        layer["turns_on"],
        end_at=scaled(layer.get("end_at")),
    )


def manual_assignment_of(kind: Any, manual: Document) -> Any:
    return kind(manual["user_id"], scaled(manual["start_at"]), scaled(manual["end_at"]))


# Both clock-change days of the oddest zones, a skipped day, quiet odd offsets, 1965, 2100.
PLACES = [
    (zone, minute_of(day))
    for zone, days in {
        "America/New_York": ("2025-03-09", "2025-11-02", "1965-04-25", "1965-10-31", "2100-03-14"),
        "Europe/London": ("2025-03-30", "2025-10-26"),
        "America/Santiago": ("2025-09-07", "2025-04-06"),
        "America/Havana": ("2025-03-09", "2025-11-02"),
        "Africa/Cairo": ("2025-04-25", "2025-10-30"),
        "Asia/Beirut": ("2025-03-30", "2025-10-26"),
        "Australia/Lord_Howe": ("2025-10-05", "2025-04-06"),
        "America/St_Johns": ("2006-04-02", "2006-10-29"),
        "Asia/Kathmandu": ("2025-06-01", "1986-01-01"),
        "Asia/Kolkata": ("2025-06-01",),
        "Pacific/Apia": ("2011-12-30",),
        "Europe/Dublin": ("1971-10-31",),
    }.items()
    for day in days
]

QUARTERS = st.integers(0, 95).map(lambda quarter: quarter * 15)
NEAR_CHANGES = st.sampled_from(
    [0, 15, 30, 60, 75, 90, 105, 120, 135, 150, 165, 180, 1380, 1410, 1425]
)
TIMES = NEAR_CHANGES | QUARTERS
TURNS = st.one_of(
    st.sampled_from("abcde"),
    st.sampled_from("abcde"),
    st.lists(st.sampled_from("abcde"), min_size=2, max_size=3, unique=True),
    st.none(),
)
PEOPLE = st.one_of(
    st.lists(st.sampled_from("abcde"), min_size=0, max_size=4),
    st.lists(TURNS, min_size=1, max_size=4),
)
WINDOWS = st.fixed_dictionaries(
    {
        "days": st.lists(st.integers(0, 6), max_size=7, unique=True),
        "start": TIMES,
        "end": TIMES | st.just(DAY),
    }
)
INTERVALS = st.one_of(
    st.tuples(st.just("hours"), st.sampled_from([5, 8, 12, 24, 36, 168])),
    st.tuples(st.just("days"), st.sampled_from([1, 1, 1, 2, 3, 7, 10])),
    st.tuples(st.just("weeks"), st.sampled_from([1, 1, 2])),
    st.tuples(st.just("months"), st.sampled_from([1, 2])),
)


@st.composite
def layers(draw: Draw, middle: int) -> Document:
    unit, count = draw(INTERVALS)
    start = middle + 15 * draw(st.integers(-4 * 24 * 12, 4 * 24 * 3))
    if middle > 0 and count % 5 and draw(st.integers(0, 4)) == 0:
        start = None  # turns are then counted from 1970, which the oracle does one by one
    return {
        "name": draw(st.sampled_from(["one", "two"])),
        "participants": draw(PEOPLE),
        "unit": unit,
        "count": count,
        "start_at": start,
        "handoff_time": draw(st.none() | TIMES),
        "handoff_day": draw(st.integers(0, 6)) if unit == "weeks" else None,
        "restrictions": draw(st.lists(WINDOWS, max_size=3)),
        "turns_on": draw(st.sampled_from(["all", "active"])),
        "end_at": draw(st.none() | ends_after(middle if start is None else max(start, middle))),
    }


def ends_after(start: int) -> st.SearchStrategy[int]:
    return st.integers(1, 4 * 24 * 3).map(lambda quarters: start + 15 * quarters)


@st.composite
def manual_assignments(draw: Draw, middle: int) -> Document:
    start = middle + 15 * draw(st.integers(-4 * 24 * 2, 4 * 24 * 2))
    length = 15 * draw(st.integers(1, 4 * 36))
    return {"user_id": draw(st.sampled_from("abxy")), "start_at": start, "end_at": start + length}


@st.composite
def overrides(draw: Draw, middle: int) -> Document:
    """Draw an override, one of five of nobody."""
    override = draw(manual_assignments(middle))
    return {**override, "user_id": None} if draw(st.integers(0, 4)) == 0 else override


@st.composite
def absences(draw: Draw, middle: int) -> Document:
    absence = draw(manual_assignments(middle))
    user_id = draw(st.sampled_from("abcde"))
    return {**absence, "user_id": user_id, "reason": draw(st.sampled_from([None, "leave"]))}


@st.composite
def places_and_documents(
    draw: Draw, places: list[tuple[str, int]] = PLACES
) -> tuple[int, Document]:
    zone, middle = draw(st.sampled_from(places))
    document = {
        "timezone": zone,
        "layers": draw(st.lists(layers(middle), max_size=3)),
        "overrides": draw(st.lists(overrides(middle), max_size=3)),
        "entries": draw(st.lists(manual_assignments(middle), max_size=2)),
        "absences": draw(st.just([]) | st.lists(absences(middle), max_size=6)),
        "when_away": draw(st.sampled_from(["next", "next", "gap"])),
    }
    return middle, document


@st.composite
def places_and_versions(draw: Draw) -> tuple[int, list[ScheduleVersion]]:
    """Draw an instant, and one to four versions that begin around it.

    Some begin at once, some change a schedule back.
    """
    middle, document = draw(places_and_documents())
    known = [schedule_of(document)]
    for _ in range(draw(st.integers(0, 2))):
        other = schedule_of({**document, "layers": draw(st.lists(layers(middle), max_size=3))})
        zone = draw(st.sampled_from([other.timezone, "America/Havana"]))
        known.append(replace(other, timezone=zone))
    changes = draw(st.lists(st.integers(-3 * 24 * 60, 3 * 24 * 60), max_size=3))
    starts = [-FOREVER, *((middle + change) * MINUTE for change in sorted(changes))]
    return middle * MINUTE, [
        ScheduleVersion(start, draw(st.sampled_from(known)), number)
        for number, start in enumerate(starts)
    ]
