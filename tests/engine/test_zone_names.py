"""What the names of time zones stand for, beside the IANA names."""

import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from app.engine.walltime import zone_data_version, zone_names
from app.engine.windows_zones import WINDOWS_ZONES
from app.engine.zone_names import (
    candidates_of,
    is_offset,
    known_names,
    load_names,
    offsets_in_words,
    plain_name,
    zone_of_name,
)


def test_every_iana_name_stands_for_itself() -> None:
    assert {name for name in zone_names() if zone_of_name(name) != name} == set()


def test_every_zone_of_windows_is_known_by_all_its_names() -> None:
    for name, (zone, display) in WINDOWS_ZONES.items():
        assert zone in zone_names()
        assert zone_of_name(display) == zone_of_name(display.replace("UTC", "GMT")) == zone
        if name != "UTC":  # an IANA name as well
            assert zone_of_name(name) == zone_of_name(name.upper()) == zone
            assert zone_of_name(name.replace("Standard", "Daylight")) == zone


def test_the_offset_of_a_display_name_is_the_one_of_its_zone_or_was_that_of_windows() -> None:
    changed = set()
    for zone, display in WINDOWS_ZONES.values():
        sign, hours, minutes = re.match(r"\(UTC(?:(.)(..):(..))?\)", display).groups("0")
        offset = timedelta(hours=int(hours), minutes=int(minutes)) * (-1 if sign == "-" else 1)
        in_2022 = {datetime(2022, month, 1, tzinfo=ZoneInfo(zone)).utcoffset() for month in (1, 7)}
        changed |= set() if offset in in_2022 else {zone}
    assert len(changed) <= 4, changed


@pytest.mark.parametrize(
    ("name", "zone"),
    [
        ("america/new york", "America/New_York"),
        ("New York", "America/New_York"),
        ("Zürich", "Europe/Zurich"),
        ("São Paulo", "America/Sao_Paulo"),
        ("Mumbai", "Asia/Kolkata"),
        ("Asia/Mumbai", "Asia/Kolkata"),
        ("Europe/Munich", "Europe/Berlin"),
        ("Hawaii", "Pacific/Honolulu"),
        ("Eastern Time (US & Canada)", "America/New_York"),
        ("Germany", "Europe/Berlin"),
        ("Ireland", "Europe/Dublin"),
        ("Britain", "Europe/London"),
        ("UK", "Europe/London"),
        ("Korea", "Asia/Seoul"),
        ("Vietnam", "Asia/Ho_Chi_Minh"),
        ("utc", "UTC"),
        ("tzone://Microsoft/Utc", "UTC"),
        ("/freeassociation.sourceforge.net/Europe/Berlin", "Europe/Berlin"),
        ("/mozilla.org/20050126_1/America/Indiana/Knox", "America/Indiana/Knox"),
        ("(GMT+02:00) Helsinki, Kiev, Riga, Sofia, Tallinn, Vilnius", "Europe/Helsinki"),
        ("Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna", "Europe/Berlin"),
        ("Berlin, Paris", "Europe/Berlin"),
    ],
)
def test_names_of_places_and_of_other_programs_are_understood(name: str, zone: str) -> None:
    assert zone_of_name(name) == zone


@pytest.mark.parametrize(
    "name",
    [
        "Customized Time Zone",
        "tzone://Microsoft/Custom",
        "/example.org/Nowhere",
        "West",
        "Petersburg",
        "Berlin, Nowhere",
        "Berlin, London",
        "Europe/Mumbai",
        "(UTC-11:00) Midway Island, Samoa",
        "(UTC+09:00) Eastern Time (US & Canada)",
        "(UTC) Berlin, Paris",
        "+02:00",
        "x" * 101,
        "Berlin" + " " * 101,
    ],
)
def test_what_is_unknown_or_contradicts_itself_is_no_zone(name: str) -> None:
    assert zone_of_name(name) is None


@pytest.mark.parametrize(
    ("name", "candidates"),
    [
        ("CEST", ["Europe/Paris"]),
        ("IST", ["Europe/Dublin", "Asia/Jerusalem", "Asia/Kolkata"]),
        ("BST", ["Europe/London", "Asia/Dhaka"]),
        ("pst", ["America/Los_Angeles", "Asia/Manila"]),
        ("Pacific Time", ["America/Los_Angeles"]),
        ("Spain", ["Europe/Madrid", "Atlantic/Canary"]),
        ("Georgia", ["America/New_York", "Asia/Tbilisi"]),
        ("Samoa", ["Pacific/Samoa", "Pacific/Apia"]),
        ("UTC+2", ["Etc/GMT-2"]),
        ("-0330", []),
        ("+00:00", ["Etc/UTC"]),
        ("+05:45", ["Asia/Kathmandu"]),
        ("GMT+20", []),
        ("Nowhere", []),
        ("x" * 101, []),
    ],
)
def test_an_ambiguous_name_has_candidates(name: str, candidates: list[str]) -> None:
    assert zone_of_name(name) is None
    assert list(candidates_of(name)) == candidates


def test_candidates_of_an_abbreviation_use_it_in_one_half_of_a_year() -> None:
    summer = datetime(int(zone_data_version()[:4]), 7, 1, tzinfo=UTC)
    for abbreviation in ("CST", "EST", "MST", "AEST", "EEST", "WEST", "NZDT"):
        zones = candidates_of(abbreviation)
        assert zones
        for zone in zones:
            halves = (summer, summer + timedelta(days=182))
            assert abbreviation in {at.astimezone(ZoneInfo(zone)).tzname() for at in halves}, zone


def test_candidates_have_clocks_of_their_own() -> None:
    for country in ("USA", "Canada", "Australia", "Russia", "Brazil"):
        zones = candidates_of(country)
        assert len({offsets_in_words(zone) for zone in zones}) > 2
        assert "America/Detroit" not in zones  # it is that of New York


@pytest.mark.parametrize(
    ("zone", "words"),
    [
        ("Europe/Paris", "UTC+01:00, in summer +02:00"),
        ("Asia/Kolkata", "UTC+05:30 all year"),
        ("Australia/Sydney", "UTC+10:00, in summer +11:00"),
        ("America/St_Johns", "UTC-03:30, in summer -02:30"),
        ("America/Vancouver", "UTC-07:00 all year"),
    ],
)
def test_offsets_are_told_for_both_halves_of_the_year(zone: str, words: str) -> None:
    assert offsets_in_words(zone) == words


def test_an_offset_is_told_from_a_name() -> None:
    assert all(map(is_offset, ("+2", "-05:00", "UTC+5:30", "gmt -3", "+0530")))
    assert not any(map(is_offset, ("UTC", "Etc/GMT+5", "+", "Berlin", "2")))


def test_misspelt_names_are_compared_with_places_and_zones() -> None:
    load_names()
    known = known_names()
    assert {plain_name("Europe/Zürich"), "berlin", "samoa", "united states"} <= set(known)
    assert "est" not in known


def test_the_first_misspelt_name_makes_no_clock() -> None:
    """Clocks of hundreds of zones would take a second, for which everybody else would wait."""
    code = """
from app.engine.walltime import _clock_of
from app.engine.zone_names import load_names
from app.http.scalars import zone_of
load_names()
try:
    zone_of("Xyzzyq/Qwtrp")
except ValueError as error:
    print(_clock_of.cache_info().misses, error)
"""
    told = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert re.fullmatch(r'(\d+) timezone "Xyzzyq/Qwtrp" is unknown: write .*\n', told)
    assert int(told.split()[0]) == 0
