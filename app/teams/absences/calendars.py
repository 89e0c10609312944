"""The stretches of an absence that is given as the text of a calendar, read in a worker process."""

from collections.abc import Sequence
from typing import Any

from app.engine.layered.limits import WINDOW_MS
from app.engine.walltime import clock_of
from app.engine.zone_names import zone_of_name
from app.errors import FieldError, InvalidRequest
from app.products.rotation.absence_calendars import CalendarRules, read_calendars
from app.teams.absences.schemas import CALENDAR_CHARACTERS
from app.teams.heavy_work import Compute

STRETCHES = 1_000
"""The most events of a calendar that count."""

Stretches = Sequence[tuple[int, int, str | None]]
"""Start, end and reason of each."""


async def prepare_stretches(compute: Compute, value: Any, now: int) -> Stretches | None:
    """Return the stretches of the calendar in a body, if it has one. Raises ``InvalidRequest``.

    What validation refuses is left to it.
    """
    text, timezone = (
        (value.get("calendar"), value.get("timezone")) if isinstance(value, dict) else (None, None)
    )
    if not isinstance(text, str) or len(text) > CALENDAR_CHARACTERS:
        return None
    zone = zone_of_name(timezone) if isinstance(timezone, str) else None
    if zone is None:
        raise InvalidRequest([FieldError("/timezone", "is required beside a calendar")])
    return await compute(stretches_in, text, zone, now)


def stretches_in(text: str, timezone: str, now: int) -> Stretches:
    """Return the stretches of a calendar from ``now`` on. Raises ``InvalidRequest``."""
    window = (now, now + WINDOW_MS)
    try:
        read = read_calendars({"": text}, clock_of(timezone), window, CalendarRules())
    except InvalidRequest as error:
        faults = [FieldError("/calendar", each.detail) for each in error.errors]
        raise InvalidRequest(faults) from error
    absences = sorted(read.absences, key=lambda each: (each.start_at, each.end_at))
    found = [(each.start_at, each.end_at, each.reason) for each in absences]
    if len(found) > STRETCHES:
        fault = f"has {len(found)} absences in the next 731 days: at most {STRETCHES}"
        raise InvalidRequest([FieldError("/calendar", fault)])
    return found
