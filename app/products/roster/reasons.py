"""Why places are empty, in words and with the pointer of each rule."""

from collections.abc import Mapping, Sequence
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from app.engine.roster.model import Roster, Rule
from app.engine.roster.reasons import Reason
from app.products.roster.rules import NamedRule


class GapReason(Struct, frozen=True):
    """A fact that keeps people out of a place."""

    text: Annotated[str, Meta(description="It in words.")]
    rule: Annotated[str, Meta(description="The pointer of the rule.")] | UnsetType = UNSET
    person: str | UnsetType = UNSET
    skill: str | UnsetType = UNSET


def gap_reason(reason: Reason, roster: Roster, rules: Mapping[Rule, NamedRule]) -> GapReason:
    """Return a reason of the engine in words."""
    if reason.rule is not None:
        named = rules[reason.rule]
        return GapReason(f"the rule {named.text}", rule=named.pointer)
    if reason.person is None:
        return GapReason(f"the skill {reason.skill}", skill=reason.skill or "")
    name = roster.people[reason.person].name
    return GapReason(f"{name} {PERSONAL[reason.what]}", person=name)


PERSONAL = {"away": "is away", "busy": "has another slot then"}


def in_words(reasons: Sequence[GapReason]) -> str:
    """Return reasons as the end of a sentence."""
    *others, last = [reason.text for reason in reasons]
    return f"{', '.join(others)} and {last}" if others else last
