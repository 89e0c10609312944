"""Work divided among rates, beside a count of every quarter of an hour by what the clock shows."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest

from app.engine.layered.model import Restriction
from app.engine.layered.restrictions import recurring_windows, windows_between
from app.engine.pay import Bucket, Rate, Within, Work, buckets_of
from app.engine.walltime import DAY, HOUR, MINUTE, clock_of

ZONE = ZoneInfo("Europe/Berlin")
CLOCK = clock_of("Europe/Berlin")
QUARTER = 15 * MINUTE
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def at(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=ZONE).timestamp()) * 1000


def wall(instant: int) -> datetime:
    return (EPOCH + timedelta(milliseconds=instant)).astimezone(ZONE)


def windows(start: int, end: int, days: tuple[int, ...], around: int) -> list[tuple[int, int]]:
    recurring = recurring_windows([Restriction(start, end, days)])
    return windows_between(recurring, CLOCK, around - 20 * DAY, around + 20 * DAY)


def by_datetime(start: int, end: int, days: tuple[int, ...], around: int) -> list[tuple[int, int]]:
    """Lay windows out by ``datetime``: a repeated hour begins with its first pass, ends with its
    last, and a skipped one is the end of the gap."""
    found = []
    for number in range(-12, 13):
        day = wall(around + 12 * HOUR).date() + timedelta(days=number)
        if not days or day.weekday() in days:
            last = day + timedelta(days=end <= start)
            opens = datetime(day.year, day.month, day.day, start // HOUR, tzinfo=ZONE)
            closes = datetime(last.year, last.month, last.day, end // HOUR, tzinfo=ZONE)
            again = closes.replace(fold=1)
            is_repeated = again.astimezone(UTC) > closes.astimezone(UTC)
            ends = again if is_repeated else closes
            found.append(tuple(round(each.timestamp()) * 1000 for each in (opens, ends)))
    return found  # type: ignore[return-value]


@pytest.mark.parametrize("seed", range(50))
def test_a_thousand_cases_over_clock_changes(seed: int) -> None:
    random = Random(seed)  # noqa: S311 - seeded, and no secret
    for _ in range(20):
        change = at(random.choice(["2026-03-29T00:00", "2026-10-25T00:00"]))
        rates, rules = [], []
        for _ in range(random.randint(1, 4)):
            start, end = random.sample(range(0, 24 * HOUR, HOUR), 2)
            days = tuple(sorted(random.sample(range(7), random.choice([0, 0, 2, 5]))))
            outside, person = random.random() < 0.3, random.choice(["", "", "ana"])
            within = Within(windows(start, end, days, change), outside)
            rates.append(Rate(person, times=lambda _, within=within: [within]))
            rules.append((person, by_datetime(start, end, days, change), outside))
        work = []
        for _ in range(random.randint(1, 4)):
            begin = change + random.randrange(-96, 96) * QUARTER
            length = random.randint(1, 120) * QUARTER
            work.append(Work(random.choice(["ana", "ben"]), begin, begin + length))
        found = buckets_of(work, rates)
        counted: dict[tuple[str, int | None], int] = defaultdict(int)
        for each in work:
            for instant in range(each.start_at, each.end_at, QUARTER):
                first = next(
                    (
                        number
                        for number, (person, known, outside) in enumerate(rules)
                        if person in ("", each.person)
                        and any(opens <= instant < closes for opens, closes in known) != outside
                    ),
                    None,
                )
                counted[each.person, first] += QUARTER
        assert {key: bucket.total_ms for key, bucket in found.items()} == dict(counted)
        for name in ("ana", "ben"):
            whole = sum(each.end_at - each.start_at for each in work if each.person == name)
            parts = [bucket.total_ms for (who, _), bucket in found.items() if who == name]
            assert sum(parts) == whole


def test_rates_are_for_people_kinds_and_roles() -> None:
    work = [
        Work("ana", 0, 4 * HOUR, "night", "primary"),
        Work("ana", 0, 4 * HOUR, "day", "primary"),
        Work("ben", 0, 4 * HOUR, "night"),
    ]
    rates = [Rate("ana", "night", "primary"), Rate(kind="day"), Rate(role="backup")]
    assert buckets_of(work, rates) == {
        ("ana", 0): Bucket(4 * HOUR, 1),
        ("ana", 1): Bucket(4 * HOUR, 1),
        ("ben", None): Bucket(4 * HOUR, 1),
    }


def test_a_shift_counts_in_every_rate_that_it_has_a_part_in() -> None:
    morning = Rate(times=lambda _: [Within([(0, 2 * HOUR), (3 * HOUR, 4 * HOUR)])])
    found = buckets_of([Work("ana", HOUR, 5 * HOUR)], [morning, Rate()])
    assert found == {("ana", 0): Bucket(2 * HOUR, 1), ("ana", 1): Bucket(2 * HOUR, 1)}
