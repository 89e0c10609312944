"""The IANA time zone that is meant by another name: of Windows, of a city, of a country.

Strategy: a name is written in one form (small letters, without accents and underscores) and looked
up in tables, which are made once from the pinned ``tzdata`` (``zone.tab``, ``iso3166.tab``,
``zonenow.tab``) and from CLDR's zones of Windows. What a name stands for is a list of zones. If
their clocks show the same from the year of the database on, the first of them is the answer;
otherwise the name is ambiguous, and all of them are candidates. An abbreviation is never an answer:
CEST is half a year of Berlin, and IST is India, Ireland or Israel.

Invariants: the name of an IANA zone stands for itself. Nothing depends on when it is asked.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

from app.engine.walltime import DAY, HOUR, MINUTE, WEEK, clock_of, zone_data_version, zone_names
from app.engine.windows_zones import WINDOWS_ZONES

MAX_NAME = 100
"""The most characters of a name that is looked up: longer than each that there is."""
YEARS = 3
"""How long clocks must show the same for a name to stand for any of them."""

_AREAS = frozenset(
    (
        *("Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia"),
        *("Europe", "Indian", "Pacific"),
    )
)
_NO_CITIES = frozenset(("act", "lhi", "nsw", "north", "south", "west"))
"""Parts of Australia, which are no names of cities."""
_ALIASES: Mapping[str, Sequence[str]] = {
    "AE": ("uae",),
    "BA": ("bosnia",),
    "CI": ("ivory coast",),
    "CZ": ("czechia",),
    "GB": ("united kingdom", "great britain", "uk", "england", "scotland", "wales"),
    "KP": ("north korea",),
    "KR": ("south korea",),
    "MK": ("macedonia",),
    "MM": ("burma",),
    "NL": ("holland", "the netherlands"),
    "SZ": ("swaziland",),
    "US": ("usa", "us", "u.s.", "u.s.a.", "united states of america"),
    "VA": ("vatican",),
}
"""Names of countries beside those in ``iso3166.tab``."""
_CITIES: Mapping[str, Sequence[str]] = {
    "Africa/Johannesburg": ("cape town", "durban"),
    "Africa/Lagos": ("abuja",),
    "America/Chicago": ("austin", "dallas", "houston", "minneapolis", "new orleans"),
    "America/Guayaquil": ("quito",),
    "America/Guyana": ("georgetown",),
    "America/Los_Angeles": ("san diego", "san francisco", "seattle", "silicon valley"),
    "America/New_York": (
        *("atlanta", "boston", "charlotte", "miami", "new york city", "nyc", "orlando"),
        *("philadelphia", "pittsburgh", "washington dc", "washington d.c."),
    ),
    "America/Sao_Paulo": ("belo horizonte", "brasilia", "curitiba", "rio de janeiro"),
    "America/Toronto": ("ottawa", "quebec"),
    "Asia/Jerusalem": ("haifa",),
    "Asia/Kolkata": ("bangalore", "bengaluru", "chennai", "delhi", "mumbai", "new delhi", "pune"),
    "Asia/Shanghai": ("beijing", "guangzhou", "hangzhou", "shenzhen"),
    "Asia/Tokyo": ("kyoto", "nagoya", "osaka", "yokohama"),
    "Australia/Sydney": ("newcastle nsw",),
    "Europe/Amsterdam": ("eindhoven", "rotterdam", "the hague", "utrecht"),
    "Europe/Berlin": (
        *("cologne", "dusseldorf", "frankfurt", "hamburg", "koln", "leipzig", "munchen"),
        *("munich", "nuremberg", "stuttgart"),
    ),
    "Europe/Brussels": ("antwerp", "ghent"),
    "Europe/Istanbul": ("ankara", "izmir"),
    "Europe/Lisbon": ("lisboa", "porto"),
    "Europe/London": ("edinburgh", "glasgow", "leeds", "manchester"),
    "Europe/Madrid": ("barcelona",),
    "Europe/Paris": ("lyon", "marseille", "toulouse"),
    "Europe/Prague": ("brno", "praha"),
    "Europe/Rome": ("florence", "milan", "milano", "naples", "roma", "turin"),
    "Europe/Stockholm": ("gothenburg", "malmo"),
    "Europe/Vienna": ("graz", "salzburg", "wien"),
    "Europe/Warsaw": ("gdansk", "krakow", "warszawa", "wroclaw"),
    "Europe/Zurich": ("basel", "bern", "geneva", "lausanne"),
    "Pacific/Auckland": ("wellington",),
}
"""Large cities after which no zone is named."""
_AMBIGUOUS: Mapping[str, Sequence[str]] = {
    "birmingham": ("Europe/London", "America/Chicago"),
    "cordoba": ("America/Argentina/Cordoba", "Europe/Madrid"),
    "georgia": ("America/New_York", "Asia/Tbilisi"),
    "hyderabad": ("Asia/Kolkata", "Asia/Karachi"),
    "korea": ("Asia/Seoul", "Asia/Pyongyang"),
    "la paz": ("America/La_Paz", "America/Mazatlan"),
    "portland": ("America/Los_Angeles", "America/New_York"),
    "san jose": ("America/Los_Angeles", "America/Costa_Rica"),
    "san juan": ("America/Puerto_Rico", "America/Argentina/San_Juan"),
    "st petersburg": ("Europe/Moscow", "America/New_York"),
    "washington": ("America/New_York", "America/Los_Angeles"),
}
"""Names of several places, whatever a table says."""
_ABBREVIATIONS: Mapping[str, Sequence[str]] = {
    "ast": ("Asia/Riyadh",),
    "british summer time": ("Europe/London",),
    "brt": ("America/Sao_Paulo",),
    "bst": ("Asia/Dhaka",),
    "central european summer time": ("Europe/Paris",),
    "central european time": ("Europe/Paris", "Africa/Algiers"),
    "central": ("America/Chicago",),
    "central time": ("America/Chicago",),
    "ct": ("America/Chicago",),
    "eastern european summer time": ("Europe/Athens",),
    "eastern european time": ("Europe/Athens", "Africa/Tripoli"),
    "eastern": ("America/New_York",),
    "eastern time": ("America/New_York",),
    "et": ("America/New_York",),
    "greenwich mean time": ("Africa/Abidjan", "Europe/London"),
    "gst": ("Asia/Dubai",),
    "ict": ("Asia/Bangkok",),
    "indian standard time": ("Asia/Kolkata",),
    "mountain": ("America/Denver",),
    "mountain time": ("America/Denver",),
    "mt": ("America/Denver",),
    "pacific": ("America/Los_Angeles",),
    "pacific time": ("America/Los_Angeles",),
    "pt": ("America/Los_Angeles",),
    "sgt": ("Asia/Singapore",),
    "z": ("Etc/UTC",),
}
"""What people call a time in words or letters that ``tzdata`` does not have, or not for as much."""

_WITHOUT_SUMMER = frozenset(("EST", "HST", "MST"))
"""IANA zones with names that people also use where there is summer time."""

_OFFSET = re.compile(r"(?:UTC|GMT)?\s*([+-])([0-9]{1,2})(?::?([0-9]{2}))?", re.IGNORECASE)
_DISPLAY = re.compile(
    r"\((?:UTC|GMT)(?:\s*([+-])([0-9]{1,2}):?([0-9]{2}))?\)\s*(.+)", re.IGNORECASE
)
_SPELLED = re.compile(r"[A-Za-z]{2,5}")


def zone_of_name(name: str) -> str | None:
    """Return the IANA zone that ``name`` stands for, or ``None`` if it stands for none or several.

    ``name`` may be the name of an IANA zone (in any case), also behind a prefix as in
    ``/example.org/Europe/Berlin``; the name or the display name of a zone of Windows; a city, alone
    or in its area as in ``Europe/Munich``; or a country with one clock.
    """
    if len(name) > MAX_NAME:
        return None
    if name in zone_names():
        return name
    written = _plain(name)
    if _is_abbreviation(written):
        return None
    found = _iana_names().get(written) or _prefixed(name) or _windows_zone(name)
    if found:
        return found
    meant = _places().get(written) or _in_area(name)
    return meant[0] if meant and _show_the_same(meant) else None


def candidates_of(name: str) -> Sequence[str]:
    """Return the zones that an ambiguous name may stand for, each with a clock of its own."""
    if len(name) > MAX_NAME:
        return ()
    written = _plain(name)
    found = [*_at_offset(name), *_abbreviations().get(written, ())]
    return _distinct(found or _places().get(written, ()))


def offsets_in_words(zone: str) -> str:
    """Return the offset of a zone in the year of the database: in winter, and in summer."""
    winter, summer = _offsets(zone)
    if winter == summer:
        return f"UTC{_signed(winter)} all year"
    return f"UTC{_signed(winter)}, in summer {_signed(summer)}"


def clock_in_words(zone: str) -> str:
    """Return a zone's name, with its offset if it is an abbreviation that has no summer time."""
    return f"{zone} ({offsets_in_words(zone)})" if zone in _WITHOUT_SUMMER else zone


def is_offset(name: str) -> bool:
    """Return whether ``name`` is an offset, such as ``+02:00`` or ``UTC+2``."""
    return _OFFSET.fullmatch(name.strip()) is not None


@cache
def known_names() -> Sequence[str]:
    """Return the names of places and zones in one form, to look for misspelt ones."""
    return [*_places(), *(written for written in _iana_names() if "/" in written)]


def load_names() -> None:
    """Read the tables of names, so that the first name that is looked up need not wait for it."""
    known_names()
    _windows()
    _abbreviations()


def plain_name(name: str) -> str:
    """Return ``name`` in the one form in which names are compared."""
    return _plain(name[:MAX_NAME])


def _plain(name: str) -> str:
    decomposed = unicodedata.normalize("NFKD", name.replace("_", " ").casefold())
    letters = "".join(c for c in decomposed if not unicodedata.combining(c))
    return " ".join(letters.replace("’", "'").split())


@cache
def _iana_names() -> Mapping[str, str]:
    return {_plain(name): name for name in zone_names()}


def _is_abbreviation(written: str) -> bool:
    """Return whether a name is an abbreviation, though in capitals a zone may have it: EST."""
    return written in _abbreviations() and written not in ("gmt", "utc")


def _in_area(name: str) -> Sequence[str]:
    """Return the zones of a city behind an area, if they are there: those of ``Asia/Mumbai``."""
    area, _, city = name.partition("/")
    return [zone for zone in _places().get(_plain(city), ()) if zone.startswith(f"{area}/")]


def _prefixed(name: str) -> str | None:
    """Return the zone at the end of a globally unique name: ``/example.org/Europe/Rome``."""
    if name.lower() == "tzone://microsoft/utc":
        return "UTC"
    if not name.startswith("/"):
        return None
    parts = name.strip("/").split("/")
    ends = ("/".join(parts[-count:]) for count in (3, 2, 1))
    return next((end for end in ends if end in zone_names()), None)


def _windows_zone(name: str) -> str | None:
    """Return the zone of a name or a display name of Windows."""
    by_name, by_display = _windows()
    written = _plain(name)
    if written in by_name:
        return by_name[written]
    if (full := written.replace("(gmt", "(utc")).startswith("(utc") and full in by_display:
        return by_display[full]
    display = _DISPLAY.fullmatch(name.strip())
    if display is None:
        return _of_cities(name)
    sign, hours, minutes, rest = display.groups()
    zone = by_display.get(_plain(rest)) or _of_cities(rest)
    offset = _milliseconds(sign, hours, minutes) if sign else 0
    return zone if zone and offset in _offsets(zone) else None


def _of_cities(names: str) -> str | None:
    """Return the zone of a list of cities, as display names have it."""
    if "," not in names:
        return None
    _, by_display = _windows()
    if found := by_display.get(_plain(names)):
        return found
    meant = [_places().get(_plain(name), ()) for name in names.split(",")]
    zones = [zone for zones in meant for zone in zones]
    return zones[0] if all(meant) and _show_the_same(zones) else None


@cache
def _windows() -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Return the zones of Windows by name, and by display name with and without its offset."""
    by_name: dict[str, str] = {}
    by_display: dict[str, str] = {}
    for name, (zone, display) in WINDOWS_ZONES.items():
        by_name[_plain(name)] = by_name[_plain(name.replace("Standard", "Daylight"))] = zone
        by_display[_plain(display)] = by_display[_plain(display.split(") ", 1)[1])] = zone
    return by_name, by_display


@cache
def _places() -> Mapping[str, Sequence[str]]:
    """Return the zones that a city or a country stands for, by its name in one form."""
    places: dict[str, list[str]] = {}
    for written, zone in [*_cities(), *_countries()]:
        places.setdefault(written, []).append(zone)
    for written, zone in _cities_of_windows():
        places.setdefault(written, [zone])
    return places | {written: list(zones) for written, zones in _AMBIGUOUS.items()}


def _cities() -> Iterator[tuple[str, str]]:
    """Yield the cities after which a zone is named, those in ``zone.tab`` first, and large ones."""
    listed = {zone for zones in _zones_by_country().values() for zone in zones}
    for name in sorted(zone_names(), key=lambda name: (name not in listed, name)):
        area, _, city = name.partition("/")
        if area in _AREAS and "/" not in city and _plain(city) not in _NO_CITIES:
            yield _plain(city), name
    for zone, cities in _CITIES.items():
        yield from ((city, zone) for city in cities)


def _countries() -> Iterator[tuple[str, str]]:
    for code, zones in _zones_by_country().items():
        for written in _names_by_country()[code]:
            yield from ((written, zone) for zone in zones)


def _cities_of_windows() -> Iterator[tuple[str, str]]:
    for zone, display in WINDOWS_ZONES.values():
        yield from ((_plain(place), zone) for place in display.split(") ", 1)[1].split(", "))


@cache
def _zones_by_country() -> Mapping[str, Sequence[str]]:
    """Return the zones of a country by its code, the most populous ones first."""
    zones: dict[str, list[str]] = {}
    for code, _, zone in _rows("zone.tab"):
        zones.setdefault(code, []).append(zone)
    return zones


@cache
def _names_by_country() -> Mapping[str, Sequence[str]]:
    """Return the names of a country by its code: with and without what stands in brackets."""
    return {
        code: (*dict.fromkeys((_plain(name), _plain(name.split(" (")[0]))), *_ALIASES.get(code, ()))
        for code, name in _rows("iso3166.tab")
    }


@cache
def _abbreviations() -> Mapping[str, Sequence[str]]:
    """Return the zones whose clocks have an abbreviation in the year of the database."""
    found: dict[str, dict[str, None]] = {}
    for _, _, zone in _rows("zonenow.tab"):
        for at in _solstices():
            abbreviation = datetime.fromtimestamp(at / 1_000, ZoneInfo(zone)).tzname() or ""
            if _SPELLED.fullmatch(abbreviation):
                found.setdefault(abbreviation.lower(), {})[zone] = None
    for abbreviation, zones in _ABBREVIATIONS.items():
        found.setdefault(abbreviation, {}).update(dict.fromkeys(zones))
    return {abbreviation: list(zones) for abbreviation, zones in found.items()}


def _at_offset(name: str) -> Sequence[str]:
    """Return the zones that are always at the offset which ``name`` is."""
    match = _OFFSET.fullmatch(name.strip())
    if match is None:
        return ()
    offset = _milliseconds(*match.groups())
    fixed = f"Etc/GMT{-offset // HOUR:+d}" if offset else "Etc/UTC"
    if offset % HOUR == 0:
        return [fixed] if fixed in zone_names() else ()
    return [zone for _, _, zone in _rows("zonenow.tab") if set(_offsets(zone)) == {offset}]


def _distinct(zones: Iterable[str]) -> Sequence[str]:
    """Return the first zone of each clock."""
    return list({_shown(zone): zone for zone in reversed(list(zones))}.values())[::-1]


def _show_the_same(zones: Iterable[str]) -> bool:
    first, *others = dict.fromkeys(zones)
    return all(_shown(zone) == _shown(first) for zone in others)


@cache
def _shown(zone: str) -> Sequence[int]:
    """Return the offsets of a zone, week by week, for some years from that of the database on."""
    clock, first = clock_of(zone), _year_begins()
    return tuple(clock.offset_at(at) for at in range(first, first + YEARS * 366 * DAY, WEEK))


def _offsets(zone: str) -> tuple[int, int]:
    """Return the smaller and the larger offset of a zone, of the summer and winter of the year."""
    offsets = [clock_of(zone).offset_at(at) for at in _solstices()]
    return min(offsets), max(offsets)


def _solstices() -> tuple[int, int]:
    """Return instants in the summer of the database's year and in the winter that follows."""
    return _year_begins() + 182 * DAY, _year_begins() + 366 * DAY


def _year_begins() -> int:
    return int(datetime(int(zone_data_version()[:4]), 1, 1, tzinfo=UTC).timestamp()) * 1_000


def _milliseconds(sign: str, hours: str, minutes: str | None) -> int:
    return (int(hours) * HOUR + int(minutes or 0) * MINUTE) * (-1 if sign == "-" else 1)


def _signed(offset: int) -> str:
    hours, minutes = divmod(abs(offset) // MINUTE, 60)
    return f"{'-' if offset < 0 else '+'}{hours:02}:{minutes:02}"


def _rows(table: str) -> Iterator[Sequence[str]]:
    """Yield the first columns of a table of ``tzdata``."""
    text = files("tzdata").joinpath("zoneinfo", table).read_text("utf-8")
    for line in text.splitlines():
        if line and not line.startswith("#"):
            yield line.split("\t")[:3]
