"""Calendars of who is on call, as programs write them."""


def event(summary: str, start: str, end: str, *more: str, zone: str = "Europe/Berlin") -> str:
    """Return an event; times end in Z, or are of ``zone``, or are dates."""
    lines = [
        "BEGIN:VEVENT",
        f"UID:{summary.replace(' ', '')}{start}",
        "DTSTAMP:20260101T000000Z",
        f"SUMMARY:{summary}",
        *(_time(name, value, zone) for name, value in (("DTSTART", start), ("DTEND", end))),
        *more,
        "END:VEVENT",
    ]
    return "\r\n".join(lines)


def _time(name: str, value: str, zone: str) -> str:
    if value.endswith("Z") or not zone:
        return f"{name}:{value}"
    return f"{name};VALUE=DATE:{value}" if len(value) == 8 else f"{name};TZID={zone}:{value}"


def calendar(*parts: str) -> str:
    head = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//example//EN"]
    return "\r\n".join([*head, *parts, "END:VCALENDAR", ""])


def weekly(rule: str) -> tuple[str, ...]:
    return (
        event("ana", "20251229T090000", "20260105T090000", f"RRULE:{rule};INTERVAL=3"),
        event("ben", "20260105T090000", "20260112T090000", f"RRULE:{rule};INTERVAL=3"),
        event("cy", "20260112T090000", "20260119T090000", f"RRULE:{rule};INTERVAL=3"),
    )


WORK = "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR"
DOCUMENTS: dict[str, str] = {
    "a rotation of three by the week": calendar(*weekly("FREQ=WEEKLY")),
    "one person, always on work days": calendar(
        event("ana", "20260105T090000", "20260105T170000", f"RRULE:{WORK}")
    ),
    "nights": calendar(event("ana", "20260105T200000", "20260106T080000", "RRULE:FREQ=DAILY")),
    "two by the day": calendar(
        event("ana", "20260101T090000", "20260102T090000", "RRULE:FREQ=DAILY;INTERVAL=2"),
        event("ben", "20260102T090000", "20260103T090000", "RRULE:FREQ=DAILY;INTERVAL=2"),
    ),
    "two by the week on work days, from a Wednesday on": calendar(
        event("ana", "20251231T090000", "20251231T170000", f"RRULE:{WORK};INTERVAL=2"),
        event("ben", "20260105T090000", "20260105T170000", f"RRULE:{WORK};INTERVAL=2"),
    ),
    "weekends": calendar(
        event("dan", "20260109T170000", "20260112T090000", "RRULE:FREQ=WEEKLY;INTERVAL=2"),
        event("eve", "20260116T170000", "20260119T090000", "RRULE:FREQ=WEEKLY;INTERVAL=2"),
        *(
            event(*each)
            for each in [("ana", "20260105T090000", "20260105T170000", f"RRULE:{WORK}")]
        ),
    ),
    "single shifts in UTC": calendar(
        event("ana", "20260110T090000Z", "20260117T090000Z"),
        event("ben", "20260117T090000Z", "20260124T090000Z"),
        event("ana", "20260131T090000Z", "20260207T090000Z"),
    ),
    "all days": calendar(
        event("ana", "20260112", "20260119", zone="x"),
        event("ben", "20260119", "20260126", zone="x"),
    ),
    "a series that ends": calendar(
        event("ana", "20260105T090000Z", "20260105T170000Z", f"RRULE:{WORK};COUNT=20")
    ),
    "a series until a day": calendar(
        event(
            "ana", "20260105T090000Z", "20260105T170000Z", "RRULE:FREQ=DAILY;UNTIL=20260301T000000Z"
        )
    ),
    "a series without a day": calendar(
        event(
            "ana",
            "20260106T090000Z",
            "20260106T170000Z",
            "RRULE:FREQ=WEEKLY",
            "EXDATE:20260203T090000Z",
        )
    ),
    "a series with a change": calendar(
        event("ana", "20260106T090000Z", "20260106T170000Z", "RRULE:FREQ=WEEKLY"),
        event(
            "ben", "20260203T100000Z", "20260203T120000Z", "RECURRENCE-ID:20260203T090000Z"
        ).replace("UID:ben20260203T100000Z", "UID:ana20260106T090000Z"),
    ),
    "by the month": calendar(
        event("ana", "20260101T000000Z", "20260102T000000Z", "RRULE:FREQ=MONTHLY;BYDAY=1MO,3MO")
    ),
    "work days, and a single Saturday": calendar(
        event("ana", "20260105T090000", "20260105T170000", f"RRULE:{WORK}"),
        event("ben", "20260207T090000", "20260207T170000"),
    ),
    "levels": calendar(
        event("[L1] ana", "20251229T090000", "20260105T090000", "RRULE:FREQ=WEEKLY"),
        event("[L2] ben", "20260109T170000", "20260110T090000", "RRULE:FREQ=WEEKLY"),
    ),
}
PARTLY: dict[str, tuple[str, dict[str, str]]] = {
    "two at once": (
        calendar(
            event("ana", "20251229T090000", "20260105T090000", "RRULE:FREQ=WEEKLY"),
            event("ben", "20260105T100000", "20260105T120000", "RRULE:FREQ=WEEKLY"),
        ),
        {"": "it is a layer below: on call where that one has nobody"},
    ),
    "what nobody knows": (
        calendar(
            event("ana", "20251229T090000", "20260105T090000", "RRULE:FREQ=WEEKLY", "X-WHO:me"),
        ),
        {"": "it was not used"},
    ),
    "another component": (
        calendar(
            "BEGIN:VTODO\r\nSUMMARY:x\r\nEND:VTODO",
            event("ana", "20251229T090000", "20260105T090000", "RRULE:FREQ=WEEKLY"),
        ),
        {"": "it was not used"},
    ),
    "cancelled": (
        calendar(event("ana", "20260129T090000Z", "20260205T090000Z", "STATUS:CANCELLED")),
        {"": "it was left out"},
    ),
    "nobody": (
        calendar(event("", "20260129T090000Z", "20260205T090000Z")),
        {"": "it was left out"},
    ),
    "several attendees": (
        calendar(
            event(
                *("ana", "20260129T090000Z", "20260205T090000Z"),
                *("ATTENDEE:mailto:ana@example.com", "ATTENDEE:mailto:ben@example.com"),
            )
        ),
        {"": "ana is on call in it"},
    ),
    "over": (
        calendar(event("ana", "20240129T090000Z", "20240205T090000Z")),
        {"": "it was left out"},
    ),
    "single ones at once": (
        calendar(
            event("ana", "20260129T090000Z", "20260205T090000Z"),
            event("ben", "20260129T090000Z", "20260131T090000Z"),
        ),
        {"": "of events at once, the one that begins last is on call"},
    ),
    "a single one beside a layer": (
        calendar(
            event("ana", "20251229T090000", "20260105T090000", "RRULE:FREQ=WEEKLY"),
            event("ben", "20260129T090000Z", "20260131T090000Z"),
        ),
        {"": "the entries win"},
    ),
}
