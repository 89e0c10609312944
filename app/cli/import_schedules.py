"""The command ``import``: another tool's schedules, converted and stored behind a key."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from msgspec import to_builtins
from rich.console import Console

from app.cli.database import open_database
from app.database.database import Tx
from app.engine.layered.model import members_of
from app.errors import FieldError, InvalidRequest, Unauthorized
from app.formats.instants import iso
from app.http.validation import RequestModel, parsed_json, validated
from app.moving.comparing import compared
from app.moving.conversion import Conversion, Person
from app.moving.tools import convert, schedule_names, tool_of
from app.products.convert.answer import conversion_in_words, schedule_of
from app.teams.audit.store import Actor
from app.teams.auth import require_scope
from app.teams.entries.handlers import create_entry
from app.teams.entries.schemas import EntryPost
from app.teams.keys.store import find_key
from app.teams.operation import SCHEDULES, WRITE, NoQuery, RequestContext
from app.teams.overrides.handlers import create_override
from app.teams.overrides.schemas import OverridePost
from app.teams.quotas.quota import quotas_in, require_within
from app.teams.quotas.store import amounts_used
from app.teams.schedules.handlers_v1 import create_schedule
from app.teams.schedules.schemas import V1SchedulePost
from app.teams.users.handlers import create_user
from app.teams.users.schemas import UserPost
from app.teams.users.store import users_by_id

ModelT = TypeVar("ModelT", bound=RequestModel)


@dataclass(frozen=True)
class ImportOptions:
    """How a file is meant: its tool, which schedule, and what the file does not say."""

    tool: str = ""
    schedule: str = ""
    timezone: str = ""
    team_id: str = ""
    email_domain: str = ""


@dataclass(frozen=True)
class Found:
    """A schedule in a file: whose form it has, and its conversion."""

    tool: str
    conversion: Conversion


def schedules_in(content: bytes, options: ImportOptions, now: int) -> list[Found]:
    """Convert the schedules in a file: all of them, or the one that is wanted.

    Raises ``MalformedBody``, ``InvalidRequest`` or ``OutOfBounds``.
    """
    document = _document(content)
    tool = options.tool or tool_of(document)
    names = schedule_names(document, tool) if tool and not options.schedule else []
    return [_found(document, tool, name, options, now) for name in names if len(names) > 1] or [
        _found(document, tool, options.schedule, options, now)
    ]


def _document(content: bytes) -> object:
    text = content.decode(errors="replace").lstrip("\ufeff \t\r\n")
    return text if text[:15].upper() == "BEGIN:VCALENDAR" else parsed_json(content)


def _found(document: object, tool: str, name: str, options: ImportOptions, now: int) -> Found:
    of, conversion = convert(document, now, tool=tool, schedule=name, timezone=options.timezone)
    return Found(of, replace(conversion, name=conversion.name or "Schedule"))


def describe(found: Sequence[Found], console: Console) -> None:
    """Print what was found in a file, and what is lost."""
    for each in found:
        comparison = compared(each.conversion)
        _print(console, conversion_in_words(each.tool, each.conversion, comparison))
        for layer in each.conversion.layers:
            turn = f"{layer.count} {layer.unit.removesuffix('s')}{'s' if layer.count > 1 else ''}"
            windows = len(layer.restrictions)
            within = f", in {windows} window{'s' if windows > 1 else ''}" if windows else ""
            people = " ".join("+".join(members_of(each)) or "nobody" for each in layer.participants)
            until = "" if layer.end_at is None else f", until {iso(layer.end_at)}"
            _print(console, f"  {layer.name}: {people}; {turn} each{within}{until}")
        for lost in each.conversion.lost:
            _print(
                console, f"  lost: {lost.pointer or 'the document'}: {lost.what}; {lost.instead}"
            )
        for difference in (comparison.differences if comparison else ())[:10]:
            there, here = (" ".join(side) or "nobody" for side in difference[2:])
            when = f"{iso(difference.start_at)} to {iso(difference.end_at)}"
            _print(console, f"  differs: {when}: there {there}, here {here}")


def _print(console: Console, line: str) -> None:
    console.print(line, markup=False, soft_wrap=True)


async def import_schedules(
    url: str,
    quota: str,
    key: str,
    found: Sequence[Found],
    options: ImportOptions,
    now: int,
    console: Console,
) -> None:
    """Store schedules with their people, overrides and entries, all or nothing.

    Raises ``Unauthorized``, ``Forbidden`` and whatever the stored APIs would refuse.
    """
    for each in found:
        made = each.conversion
        if not (made.layers or made.overrides or made.entries):
            raise InvalidRequest([FieldError(made.name, "has nothing to store")])
    quotas, _ = quotas_in(quota)

    async def work(tx: Tx) -> list[str]:
        context = await _context(tx, key, now)
        before = await amounts_used(tx, context.org_id)
        made = await _make_people(tx, context, found, options)
        lines = [await _store(tx, context, each.conversion, options) for each in found]
        require_within(quotas, before, await amounts_used(tx, context.org_id), changes=False)
        return [f"{made} people were made.", *lines]

    async with open_database(url) as database:
        for line in await database.write(work):
            _print(console, line)


async def _context(tx: Tx, key: str, now: int) -> RequestContext:
    """Return what a request with the key would have. Raises ``Unauthorized``, ``Forbidden``."""
    held = await find_key(tx, key)
    if held is None or not held.valid_at(now):
        raise Unauthorized("it is not a key of this database, or not valid any more")
    for scope in (SCHEDULES, WRITE):
        require_scope(held, scope)
    return RequestContext(Actor(held.org_id, held.id, held.name), now, "", {}, NoQuery())


async def _make_people(
    tx: Tx, context: RequestContext, found: Sequence[Found], options: ImportOptions
) -> int:
    """Make the people who are not there yet. Return how many. Raises ``InvalidRequest``."""
    people = {person.id: person for each in found for person in each.conversion.people}
    known = await users_by_id(tx, context.org_id, people)
    missing = [person for person in people.values() if person.id not in known]
    without = [person.id for person in missing if not (person.email or options.email_domain)]
    if without:
        text = (
            f"{', '.join(without[:20])} {'is' if len(without) == 1 else 'are'} not there yet, and "
            "the file has no address: make them first, or give --email-domain"
        )
        raise InvalidRequest([FieldError("people", text)])
    for person in missing:
        await create_user(tx, _with(context, UserPost, _user(person, options)))
    return len(missing)


def _user(person: Person, options: ImportOptions) -> dict[str, Any]:
    email = person.email or f"{person.id.lower()}@{options.email_domain}"
    return {"id": person.id, "name": person.name, "email": email}


async def _store(
    tx: Tx, context: RequestContext, conversion: Conversion, options: ImportOptions
) -> str:
    """Store one schedule. Return a line that tells of it."""
    document = to_builtins(schedule_of(conversion))
    if options.team_id:
        document["team_id"] = options.team_id
    made = await create_schedule(tx, _with(context, V1SchedulePost, document))
    schedule_id = str(made.location).rpartition("/")[2]
    within = _at(context, schedule_id)
    for override in conversion.overrides:
        given = {
            "user_id": override.user_id,
            "start_at": iso(override.start_at),
            "end_at": iso(override.end_at),
        }
        await create_override(tx, _with(within, OverridePost, given))
    for entry in conversion.entries:
        given = {
            "user_id": entry.user_id,
            "start": iso(entry.start_at),
            "end": iso(entry.end_at),
        }
        await create_entry(tx, _with(within, EntryPost, given))
    return f"{conversion.name} is {schedule_id}."


def _at(context: RequestContext, schedule_id: str) -> RequestContext:
    return RequestContext(context.actor, context.now, "", {"id": schedule_id}, context.query)


def _with(context: RequestContext, kind: type[ModelT], value: dict[str, Any]) -> RequestContext:
    """Return a request with a body. Raises ``InvalidRequest`` that says of what."""
    try:
        document = validated(value, kind)
    except InvalidRequest as error:
        of = f"{kind.__doc__} {value.get('id', '')}".strip()
        told = [FieldError(each.pointer, f"{each.detail} ({of})") for each in error.errors]
        raise InvalidRequest(told) from error
    return RequestContext(
        context.actor, context.now, "", context.path, context.query, document, value
    )
