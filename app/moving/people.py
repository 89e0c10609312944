"""The people whom a conversion names, with ids that every store takes."""

import re
from collections.abc import Mapping
from dataclasses import replace

from app.engine.layered.model import Participant, members_of
from app.moving.conversion import Conversion, Person

PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}")
OTHER = re.compile(r"[^A-Za-z0-9_.:-]+")
MAX_ID = 60


def with_plain_ids(conversion: Conversion, known: Mapping[str, Person]) -> Conversion:
    """Return a conversion in which every id is one that the stored APIs take.

    The ids of most tools are; a name or an address becomes what is left of it. ``people`` are those
    whom the schedule names, in the order in which it does.
    """
    used = dict.fromkeys(
        [
            *(
                user
                for layer in conversion.layers
                for turn in layer.participants
                for user in members_of(turn)
            ),
            *(user for each in conversion.overrides for user in members_of(each.user_id)),
            *(each.user_id for each in conversion.entries),
            *(each.user_id for each in conversion.rendered),
        ]
    )
    ids = _plain_ids(list(used))
    return replace(
        conversion,
        layers=[
            replace(layer, participants=tuple(_renamed(turn, ids) for turn in layer.participants))
            for layer in conversion.layers
        ],
        overrides=[
            replace(each, user_id=each.user_id and ids[each.user_id])
            for each in conversion.overrides
        ],
        entries=[replace(each, user_id=ids[each.user_id]) for each in conversion.entries],
        rendered=[each._replace(user_id=ids[each.user_id]) for each in conversion.rendered],
        people=[_person(user, ids[user], known) for user in used],
    )


def _renamed(turn: Participant, ids: Mapping[str, str]) -> Participant:
    if isinstance(turn, tuple):
        return tuple(ids[user] for user in turn)
    return turn and ids[turn]


def _person(given: str, plain: str, known: Mapping[str, Person]) -> Person:
    found = known.get(given, Person(given, ""))
    return Person(plain, found.name or given, found.email)


def _plain_ids(given: list[str]) -> dict[str, str]:
    """Return an id for each of ``given``: itself if it is plain, else what is left of it."""
    taken = {user for user in given if PLAIN.fullmatch(user)}
    ids = {user: user for user in taken}
    for user in given:
        if user not in ids:
            name = user.partition("@")[0] if "@" in user.strip("@") else user
            short = OTHER.sub("-", name).strip("-_.:")[:MAX_ID].lower() or "person"
            plain, number = short, 2
            while plain in taken:
                plain, number = f"{short}-{number}", number + 1
            taken.add(plain)
            ids[user] = plain
    return ids
