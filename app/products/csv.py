"""The lists of the JSON answers as CSV (RFC 4180): a header of JSON field names, CRLF, UTF-8.

A spreadsheet may run a text as a formula if it begins with = + - @ (also in full width, also after
blanks and characters that are not seen), a tab or a line break, so such a text is written with an
apostrophe in front. So is a text that has apostrophes before such a beginning. Therefore a reader
gets the text back by removing one apostrophe from each cell that matches ``'`` + ``RISKY``, and
``'t Hooft`` is written unchanged. Control characters are written as by ``plain_text``. ``null``
becomes an empty cell.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence

from app.formats.plain import plain_text
from app.products.convert.answer import FourWeeks, OncallConvertAnswer
from app.products.layered.answer import (
    OncallNowAnswer,
    OncallScheduleAnswer,
    OverrideGiven,
    RoleOnCall,
    ScheduleGap,
    ScheduleSegment,
)
from app.products.roster.answer import RosterAnswer, RosterGap, RosterSlot
from app.products.roster.cover_answer import CoverAnswer
from app.products.roster.report_answer import ReportAnswer
from app.products.rotation.answer import RotationAnswer

INVISIBLE = r"\xad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff"
"""Characters without a shape, such as the byte order mark: programs drop them as they please."""

RISKY = re.compile(rf"'*([\s{INVISIBLE}]*[=+\-@＝＋－＠]|[\t\n])")
"""The beginnings of texts that are written with an apostrophe in front."""

Cell = str | int | None
Row = ScheduleSegment | OncallNowAnswer | RoleOnCall

ROTATION_COLUMNS = ("shift", "person", "start", "end", "nextHandoff")
SCHEDULE_COLUMNS = (
    *("start", "end", "user_id", "source", "layer"),
    *("override_start_at", "override_end_at", "override_reason", "starts_before", "ends_after"),
)
NOW_COLUMNS = (
    *("at", "user_id", "source", "layer"),
    *("override_start_at", "override_end_at", "override_reason"),
    *("since", "until", "next_user_id", "next_at"),
)
ROSTER_COLUMNS = (*("slot", "start", "end", "startLocal", "endLocal", "kind", "skill", "person"),)
COVER_COLUMNS = (
    *("stretch", "start", "end", "startLocal", "endLocal", "kind", "role", "skill"),
    *("person", "cover", "able"),
)
REPORT_COLUMNS = (
    *("person", "rule", "name", "minutes", "hours", "shifts"),
    *("perHour", "perShift", "amount", "currency"),
)


def rotation_csv(answer: RotationAnswer) -> bytes:
    """Write a row for each shift, with local times and a column for each role if there are any."""
    rotation = answer.rotation
    local = ("startLocal", "endLocal") if rotation[0].start_local else ()
    roles = tuple(rotation[0].roles or ())
    return _csv(
        (*ROTATION_COLUMNS, *local, *map(_text, roles)),
        (
            (
                *(shift.shift, _text(shift.person), shift.start, shift.end, shift.next_handoff),
                *((shift.start_local, shift.end_local) if local else ()),
                *(_text(shift.roles[role]) for role in roles if shift.roles),
            )
            for shift in rotation
        ),
    )


def convert_csv(answer: OncallConvertAnswer) -> bytes:
    """Write one row for each shift and gap of the four weeks, as ``schedule_csv`` does."""
    return schedule_csv(answer.four_weeks)


def schedule_csv(answer: OncallScheduleAnswer | FourWeeks) -> bytes:
    """Write one row for each shift and gap, in order.

    A gap has a start and an end, and the override that says so, if one does. There are columns for
    people who are on call together, or were passed over, and for roles, where there are any.
    """
    extra = _extra_columns(answer.final_schedule, answer.gaps)
    shifts: list[Sequence[Cell]] = [
        (
            *(shift.start, shift.end, _text(shift.user_id), shift.source, _text(shift.layer)),
            *_override(shift.override),
            *(_flag(shift.starts_before), _flag(shift.ends_after)),
            *_extra_cells(shift, extra),
        )
        for shift in answer.final_schedule
    ]
    gaps: list[Sequence[Cell]] = [
        (
            *(gap.start, gap.end, None, "override" if gap.override else None, None),
            *_override(gap.override),
            *(None, None),
            *(_text(gap.role) if column == "role" else None for column in extra),
        )
        for gap in answer.gaps
    ]
    rows = sorted((*shifts, *gaps), key=lambda row: str(row[0]))
    return _csv((*SCHEDULE_COLUMNS, *extra), rows)


def roster_csv(answer: RosterAnswer) -> bytes:
    """Write one row for each place, in order of the slots. One that nobody has has no person."""
    taken: list[Sequence[Cell]] = [
        (*_slot(slot), _text(held.skill or None), _text(held.person))
        for slot in answer.assignments
        for held in slot.people
    ]
    empty = [(*_slot(gap), _text(gap.skill or None), None) for gap in answer.gaps]
    return _csv(ROSTER_COLUMNS, sorted((*taken, *empty), key=lambda row: f"{row[0]:>9}"))


def _slot(slot: RosterSlot | RosterGap) -> Sequence[Cell]:
    local = (slot.start_local, slot.end_local)
    return (slot.slot, slot.start, slot.end, *local, _text(slot.kind or None))


def cover_csv(answer: CoverAnswer) -> bytes:
    """Write one row for each stretch, with who gives it away and who is proposed."""
    return _csv(
        COVER_COLUMNS,
        (
            (
                *(each.stretch, each.start, each.end, each.start_local, each.end_local),
                *map(_text, (each.kind or None, each.role or None, each.skill or None)),
                *(_text(each.person), _text(each.cover or None), each.able),
            )
            for each in answer.stretches
        ),
    )


def report_csv(answer: ReportAnswer) -> bytes:
    """Write one row for each person and rule, in their order."""
    return _csv(
        REPORT_COLUMNS,
        (
            (
                *(_text(line.person), line.rule or None, _text(line.name)),
                *(line.minutes, str(line.hours), line.shifts),
                *(line.per_hour or None, line.per_shift or None, line.amount),
                _text(answer.currency or None),
            )
            for line in answer.lines
        ),
    )


def now_csv(answer: OncallNowAnswer) -> bytes:
    """Write one row, or one for each role, with the extra columns of ``schedule_csv``."""
    parts = answer.roles or (answer,)
    extra = _extra_columns(parts)
    rows = [
        (
            *(answer.at, _text(part.user_id), part.source, _text(part.layer)),
            *_override(part.override),
            *(part.since, part.until),
            *((_text(part.next.user_id), part.next.at) if part.next else (None, None)),
            *_extra_cells(part, extra),
        )
        for part in parts
    ]
    return _csv((*NOW_COLUMNS, *extra), rows)


def _extra_columns(rows: Sequence[Row], gaps: Sequence[ScheduleGap] = ()) -> Sequence[str]:
    """Return the columns that only some answers need."""
    several = any(row.user_ids for row in rows)
    passed = any(row.passed_over for row in rows)
    roles = any(row.role for row in (*rows, *gaps))
    return (
        *(("user_ids",) if several else ()),
        *(("passed_over",) if passed else ()),
        *(("role",) if roles else ()),
    )


def _extra_cells(row: Row, columns: Sequence[str]) -> Iterator[Cell]:
    """Yield people on call together, people who were passed over, and the role.

    There are commas between people.
    """
    for column in columns:
        if column == "role":
            yield _text(row.role)
            continue
        passed = dict.fromkeys(
            f"{who.user_id} ({who.reason})" if who.reason else who.user_id
            for who in row.passed_over
        )
        yield _text(", ".join(row.user_ids if column == "user_ids" else passed)) or None


def _override(override: OverrideGiven | None) -> Sequence[Cell]:
    if override is None:
        return (None, None, None)
    return (override.start_at, override.end_at, _text(override.reason))


def _text(text: str | None) -> str | None:
    if text is None:
        return None
    cell = plain_text(text)
    return f"'{cell}" if RISKY.match(cell) else cell


def _flag(value: bool) -> str:  # noqa: FBT001 - the value of a cell
    return "true" if value else "false"


def _csv(columns: Sequence[Cell], rows: Iterable[Sequence[Cell]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue().encode()


csv_bytes, text_cell = _csv, _text
"""For the tables of kept schedules, which follow the same rules."""
