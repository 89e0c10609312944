"""Answers about rosters, judged by what the request says: own code, nothing of the engine.

A request is read as JSON, days and local times by ``datetime``. Requests are those of
``random_request``: patterns, rules and absences in Berlin around both clock changes.
"""

from collections import defaultdict
from datetime import UTC, date, datetime, time, timedelta
from itertools import combinations
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

BERLIN = ZoneInfo("Europe/Berlin")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)

Slot = dict[str, Any]


def instant(text: str, *, is_end: bool = False) -> datetime:
    """Return what a text of a request means."""
    if len(text) == len("2026-01-01"):
        return midnight(date.fromisoformat(text) + DAY * is_end)
    at = datetime.fromisoformat(text)
    return (at if at.tzinfo else at.replace(tzinfo=BERLIN)).astimezone(UTC)


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(), BERLIN).astimezone(UTC)


def local(at: datetime) -> datetime:
    return at.astimezone(BERLIN)


def slots_of(request: dict[str, Any]) -> list[Slot]:
    """Unfold the patterns of a request, and add its single slots."""
    found = [
        slot_from(instant(each["start"]), instant(each["end"], is_end=True), each)
        for each in request.get("slots", ())
    ]
    first, last = (date.fromisoformat(request[name]) for name in ("from", "to"))
    for pattern in request.get("pattern", ()):
        for number in range((last - first).days + 1):
            day = first + DAY * number
            if DAYS[day.weekday()] in pattern.get("days", DAYS):
                start, end = wall_times(pattern, day)
                if start < end:
                    found.append(slot_from(start, end, pattern))
    return sorted(found, key=lambda slot: (slot["start"], slot["end"]))


def wall_times(pattern: dict[str, Any], day: date) -> tuple[datetime, datetime]:
    start = datetime.combine(day, time.fromisoformat(pattern["start"]), BERLIN)
    weekday, _, clock = pattern["end"].rpartition(" ")
    end = datetime.combine(day, time.fromisoformat(clock), BERLIN)
    while end.replace(tzinfo=None) <= start.replace(tzinfo=None) or (
        weekday and DAYS[end.weekday()] != weekday
    ):
        end = datetime.combine(end.date() + DAY, time.fromisoformat(clock), BERLIN)
    return first_shown(start), first_shown(end)


def first_shown(wall: datetime) -> datetime:
    """Return when the clock first shows a time, or, if it skips it, what comes next."""
    while wall.astimezone(UTC).astimezone(BERLIN).replace(tzinfo=None) != wall.replace(tzinfo=None):
        wall += MINUTE
    return wall.astimezone(UTC)


def slot_from(start: datetime, end: datetime, given: dict[str, Any]) -> Slot:
    needs = given.get("skills") or [None] * given.get("need", 1)
    return {"start": start, "end": end, "kind": given.get("kind", ""), "needs": needs}


def faults(request: dict[str, Any], answer: dict[str, Any]) -> list[str]:
    """Return everything that is wrong with an answer."""
    slots, shown = slots_of(request), answer["assignments"]
    found = [] if len(slots) == len(shown) else ["other slots"]
    held: dict[str, list[Slot]] = defaultdict(list)
    people = {person["name"]: person for person in request["people"]}
    for slot, told in zip(slots, shown, strict=False):
        found += slot_faults(slot, told, people, answer["gaps"])
        for place in told["people"]:
            held[place["person"]].append(slot)
    for name, person in people.items():
        found += [f"{name}: {fault}" for fault in faults_of(request, person, held[name])]
        found += load_faults(name, held[name], answer["loads"][name])
    for one, other in request.get("rules", {}).get("apart", ()):
        if any(overlap(a, b) for a in held[one] for b in held[other]):
            found.append(f"{one} and {other} are together")
    return found


def slot_faults(
    slot: Slot, told: dict[str, Any], people: dict[str, Any], gaps: list[dict[str, Any]]
) -> list[str]:
    """Return what is wrong with one slot: its times, its places, and its gaps."""
    found = []
    if (slot["start"], slot["end"]) != (instant(told["start"]), instant(told["end"])):
        found.append(f"another time of slot {told['slot']}")
    if local(slot["start"]).isoformat(timespec="milliseconds") != told["startLocal"]:
        found.append(f"another local start of slot {told['slot']}")
    taken = [place.get("skill") for place in told["people"]]
    empty = [gap.get("skill") for gap in gaps if gap["slot"] == told["slot"]]
    if sorted(map(str, taken + empty)) != sorted(map(str, slot["needs"])):
        found.append(f"other places of slot {told['slot']}")
    found += [
        f"{place['person']} lacks a skill"
        for place in told["people"]
        if place.get("skill") not in (None, *people[place["person"]].get("skills", ()))
    ]
    names = {place["person"] for place in told["people"]}
    return found if len(names) == len(taken) else [*found, "somebody twice"]


def overlap(one: Slot, other: Slot) -> bool:
    return bool(one["start"] < other["end"] and other["start"] < one["end"])


def faults_of(request: dict[str, Any], person: dict[str, Any], held: list[Slot]) -> list[str]:
    found = ["two at once" for pair in combinations(held, 2) if overlap(*pair)]
    for away in person.get("unavailable", ()):
        stretch = {"start": instant(away["start"]), "end": instant(away["end"], is_end=True)}
        found += ["away" for slot in held if overlap(slot, stretch)]
    rules = request.get("rules", {})
    pairs = [(a, b) for a in held for b in held if a["end"] <= b["start"]]
    rest = timedelta(hours=rules.get("minRestHours", 0))
    found += ["rest" for a, b in pairs if b["start"] - a["end"] < rest]
    for after in rules.get("restAfter", ()):
        hours = timedelta(hours=after["hours"])
        found += [
            "rest after"
            for a, b in pairs
            if a["kind"] == after["kind"] and b["start"] - a["end"] < hours
        ]
    return [*found, *window_faults(rules, held)]


def window_faults(rules: dict[str, Any], held: list[Slot]) -> list[str]:
    days = sorted({day for slot in held for day in touched(slot)})
    if not days:
        return []
    found = []
    firsts = [days[0] + DAY * n for n in range(-40, (days[-1] - days[0]).days + 1)]
    for first in firsts:
        for rule in rules.get("maxHours", ()):
            opens, closes = midnight(first), midnight(first + DAY * rule["days"])
            inside = [min(s["end"], closes) - max(s["start"], opens) for s in held]
            total = sum((part for part in inside if part > timedelta()), timedelta())
            found += ["hours"] * (total > timedelta(hours=rule["hours"]))
        for rule in rules.get("maxSlots", ()):
            run = {first + DAY * n for n in range(rule["days"])}
            kind = rule.get("kind")
            count = sum(local(s["start"]).date() in run and kind in (None, s["kind"]) for s in held)
            found += ["slots"] * (count > rule["count"])
        for rule in rules.get("minDaysOff", ()):
            run = {first + DAY * n for n in range(rule["days"])}
            found += ["days off"] * (len(run - set(days)) < rule["count"])
        if "maxConsecutive" in rules:
            run = {first + DAY * n for n in range(rules["maxConsecutive"] + 1)}
            starts = {local(s["start"]).date() for s in held}
            found += ["days in a row"] * (run <= starts)
    return found


def touched(slot: Slot) -> list[date]:
    first, last = local(slot["start"]).date(), local(slot["end"] - MINUTE).date()
    return [first + DAY * n for n in range((last - first).days + 1)]


def load_faults(name: str, held: list[Slot], load: dict[str, Any]) -> list[str]:
    """Count hours in steps of half an hour, by what the clock shows."""
    hours = nights = weekends = 0.0
    for slot in held:
        at = slot["start"]
        while at < slot["end"]:
            clock = local(at)
            hours += 0.5
            nights += 0.5 * (clock.hour >= 22 or clock.hour < 6)
            weekends += 0.5 * (clock.weekday() > 4)
            at += timedelta(minutes=30)
    told = [load[key] for key in ("slots", "hours", "nights", "weekends")]
    right = told == [len(held), hours, nights, weekends]
    return [] if right else [f"{name}: {told}, not {[len(held), hours, nights, weekends]}"]


def random_request(seed: int, *, small: bool = False) -> dict[str, Any]:
    """Make a request with everything that ``faults`` can judge."""
    random = Random(seed)  # noqa: S311 - seeded, and no secret
    first = random.choice([date(2026, 10, 22), date(2026, 3, 26), date(2026, 12, 1)])
    days = random.randint(2, 3) if small else random.randint(4, 9)
    kinds = ["day", "night"]
    pattern = [
        {"start": "08:00", "end": "20:00", "kind": "day"},
        {"start": "20:00", "end": "08:00", "kind": "night", "skills": ["senior"]},
        {"days": ["fri", "sat"], "start": "01:00", "end": "sun 03:00", "kind": "long", "need": 2},
        {"days": ["sat", "sun"], "start": "02:30", "end": "24:00", "kind": "long"},
    ][: random.randint(1, 2 if small else 4)]
    if pattern[-1]["end"] == "24:00":
        pattern[-1]["end"] = "23:30"
    kinds = [str(each["kind"]) for each in pattern]
    names = ["ana", "ben", "chloe", "dan"][: random.randint(2, 3 if small else 4)]
    people: list[dict[str, Any]] = []
    for name in names:
        away = first + DAY * random.randrange(days)
        stretch = {"start": away.isoformat(), "end": away.isoformat()}
        people.append(
            {
                "name": name,
                **({"skills": ["senior"]} if random.random() < 0.7 else {}),
                **({"unavailable": [stretch]} if random.random() < 0.4 else {}),
                **({"weight": 0.5} if random.random() < 0.2 else {}),
                **({"avoid": [{"days": ["sat"]}]} if random.random() < 0.2 else {}),
                **({"prefer": [random.choice(kinds)]} if random.random() < 0.2 else {}),
            }
        )
    rules: dict[str, Any] = {
        "minRestHours": random.choice([8, 11, 13]),
        "maxHours": [{"hours": random.choice([24, 36, 48]), "days": random.choice([2, 3, 7])}],
        "maxSlots": [{"count": 1, "days": random.choice([2, 3]), "kind": random.choice(kinds)}],
        "maxConsecutive": random.choice([1, 2, 3]),
        "minDaysOff": [{"count": 1, "days": random.choice([3, 4])}],
        "restAfter": [{"kind": random.choice(kinds), "hours": random.choice([12, 24])}],
        "apart": [names[:2]],
    }
    chosen = {name: rule for name, rule in rules.items() if random.random() < 0.4}
    return {
        "timezone": "Europe/Berlin",
        "from": first.isoformat(),
        "to": (first + DAY * (days - 1)).isoformat(),
        "pattern": pattern,
        "people": people,
        "rules": chosen,
    }
