"""Public holidays beside npm's date-holidays: where both agree, and where they do not, is told.

The table in `docs/holidays.md` is compared with what is counted here, so that a release of either
that changes something is noticed.
"""

import json
import re
import subprocess
from datetime import date, timedelta

import holidays
import pytest

from app.products.holiday_calendars import EPOCH, holidays_of
from tests.support.processes import ROOT
from tests.support.requirements import absent, require

COUNTRIES = [
    "AT",
    "AU",
    "BE",
    "CA",
    "CH",
    "CZ",
    "DE",
    "DK",
    "ES",
    "FI",
    "FR",
    "GB",
    "IE",
    "IT",
    "NL",
    "NO",
    "PL",
    "PT",
    "SE",
    "US",
]
FIRST, LAST = 2021, 2030
DAYS = range((date(FIRST, 1, 1) - EPOCH).days, (date(LAST + 1, 1, 1) - EPOCH).days)
FOLDER = ROOT / "tests" / "support" / "date_holidays"
ROW = re.compile(r"^\| ([A-Z]{2}) \| ([\d,]+) \| ([\d,]+) \| ([\d,]+) \| ([\d,]+) \|", re.MULTILINE)


def theirs(codes: list[str]) -> dict[str, set[str]]:
    """The days of each calendar that date-holidays knows."""
    node = require("process", "node", "nodejs")
    if not (FOLDER / "node_modules").exists():
        absent("date-holidays", "nodejs npm; then run scripts/node_packages.py on its folder")
    command = [node, str(FOLDER / "days.cjs"), str(FIRST), str(LAST), *codes]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    return {code: set(days) for code, days in json.loads(done.stdout).items()}


def ours(code: str) -> set[str]:
    return {(EPOCH + timedelta(days=each.day)).isoformat() for each in holidays_of(code, DAYS)}


@pytest.mark.process
def test_the_table_of_differences_is_what_is_counted() -> None:
    parts = holidays.list_supported_countries(include_aliases=False)
    codes = [code for c in COUNTRIES for code in (c, *(f"{c}-{part}" for part in parts[c]))]
    found = theirs(codes)
    counted = []
    for country in COUNTRIES:
        both = [(ours(code), days) for code, days in found.items() if code[:2] == country]
        same = sum(len(mine & other) for mine, other in both)
        mine_alone = sum(len(mine - other) for mine, other in both)
        other_alone = sum(len(other - mine) for mine, other in both)
        row = (country, *(f"{n:,}" for n in (len(both), same, mine_alone, other_alone)))
        counted.append(row)
    text = (ROOT / "docs" / "holidays.md").read_text()
    assert ROW.findall(text) == counted
    alike = sum(ours(code) == days for code, days in found.items())
    assert f"Of the {len(found)} calendars {alike} agree on every day." in text
