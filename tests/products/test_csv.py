"""CSV by RFC 4180, without formulas for spreadsheets, and read back by programs."""

import csv
import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.engine.rotation import rotation_of
from app.formats.plain import plain_text
from app.products.csv import now_csv, rotation_csv, schedule_csv
from app.products.layered.answer import (
    NextOnCall,
    OncallNowAnswer,
    OncallScheduleAnswer,
    OverrideGiven,
    ScheduleGap,
    ScheduleSegment,
)
from app.products.layered.understood import understood_instant, understood_window
from app.products.rotation.answer import rotation_answer
from tests.support.formats import rows, unguarded

JUNE_4_MS = 1_780_531_200_000
A, B, C, D = (f"2026-06-0{day}T00:00:00.000Z" for day in (4, 5, 6, 7))
OVERRIDE = "override_start_at,override_end_at,override_reason"
HERE = understood_instant("UTC", 0)
SCHEDULE_HEADER = f"start,end,user_id,source,layer,{OVERRIDE},starts_before,ends_after"
NOW_HEADER = f"at,user_id,source,layer,{OVERRIDE},since,until,next_user_id,next_at"
FRANK = OverrideGiven("frank", A, B, 'covers "all", really')


def table(*people: str, shifts: int = 2) -> bytes:
    rotation = rotation_of(
        start_at=JUNE_4_MS, people=people, shifts=shifts, length_hours=24, offset_hours=0
    )
    return rotation_csv(rotation_answer(rotation))


def segment(*parts: Any, cut: str) -> ScheduleSegment:
    return ScheduleSegment(*parts, starts_before=cut == "start", ends_after=cut == "end")


def cell(name: str) -> str:
    """The cell in which a name is."""
    [_, row] = csv.reader(io.StringIO(table(name, shifts=1).decode(), newline=""))
    return row[1]


def test_a_rotation_byte_for_byte() -> None:
    assert table("alice", "bob") == (
        b"shift,person,start,end,nextHandoff\r\n"
        b"1,alice,2026-06-04T00:00:00.000Z,2026-06-05T00:00:00.000Z,2026-06-05T00:00:00.000Z\r\n"
        b"2,bob,2026-06-05T00:00:00.000Z,2026-06-06T00:00:00.000Z,2026-06-06T00:00:00.000Z\r\n"
    )


def test_a_schedule_byte_for_byte() -> None:
    answer = OncallScheduleAnswer(
        final_schedule=[
            segment(A, B, "frank", "override", None, FRANK, cut="start"),
            segment(C, D, "bob", "layer", "Nights, etc", None, cut="end"),
        ],
        gaps=[ScheduleGap(B, C)],
        tally=[],
        balanced=True,
        interpretation="",
        understood=understood_window("UTC", 0, 1),
    )
    assert schedule_csv(answer).decode().split("\r\n") == [
        SCHEDULE_HEADER,
        f'{A},{B},frank,override,,{A},{B},"covers ""all"", really",true,false',
        f"{B},{C},,,,,,,,",
        f'{C},{D},bob,layer,"Nights, etc",,,,false,true',
        "",
    ]


@pytest.mark.parametrize(
    ("override", "following", "expected"),
    [
        pytest.param(None, None, f"{A},bob,layer,Days,,,,,,,", id="layer-for-ever"),
        pytest.param(
            FRANK,
            NextOnCall("eve", C),
            f'{A},bob,layer,Days,{A},{B},"covers ""all"", really",,,eve,{C}',
            id="override-and-next",
        ),
    ],
)
def test_an_instant(
    override: OverrideGiven | None, following: NextOnCall | None, expected: str
) -> None:
    answer = OncallNowAnswer(A, "bob", "layer", "Days", override, None, None, following, "", HERE)
    assert now_csv(answer).decode().split("\r\n") == [
        NOW_HEADER,
        expected,
        "",
    ]


def test_it_is_utf_8_without_a_mark() -> None:
    assert "Łukasz 王".encode() in table("Łukasz 王")
    assert table("Łukasz 王")[:5] == b"shift"


@pytest.mark.parametrize(
    ("name", "written"),
    [
        pytest.param("=1+1", "'=1+1", id="equals"),
        pytest.param("+49 30", "'+49 30", id="plus"),
        pytest.param("-2", "'-2", id="minus"),
        pytest.param("@SUM(A1)", "'@SUM(A1)", id="at"),
        pytest.param("＝1", "'＝1", id="full-width"),
        pytest.param("\t=1", "'\t=1", id="tab"),
        pytest.param("\tx", "'\tx", id="tab-and-text"),
        pytest.param("\rx", "'\nx", id="carriage-return"),
        pytest.param("\nx", "'\nx", id="newline"),
        pytest.param("  =1", "'  =1", id="after-blanks"),
        pytest.param("\ufeff=1", "'\ufeff=1", id="after-a-byte-order-mark"),
        pytest.param("\u200b \u2060＝1", "'\u200b \u2060＝1", id="after-what-is-not-seen"),
        pytest.param("\ufeffann", "\ufeffann", id="a-name-after-a-byte-order-mark"),
        pytest.param("'=1", "''=1", id="an-apostrophe-of-its-own"),
        pytest.param("'t Hooft", "'t Hooft", id="a-name-with-an-apostrophe"),
        pytest.param("a=1", "a=1", id="further-on"),
        pytest.param("O'Brien", "O'Brien", id="within"),
    ],
)
def test_formulas_do_not_work(name: str, written: str) -> None:
    assert cell(name) == written
    assert unguarded(written) == plain_text(name)


@given(st.text(min_size=1) | st.text("'=+-@ \t\r\na", min_size=1))
def test_every_name_is_read_back_and_none_is_a_formula(name: str) -> None:
    assert [row["person"] for row in rows(table(name))] == [plain_text(name)] * 2
    assert cell(name)[0] not in "=+-@\t\r\n＝＋－＠"
