"""The request for a roster: its document, with what a worker process makes of it."""

from collections.abc import Sequence
from functools import cached_property

from msgspec.structs import asdict

from app.errors import FieldError
from app.products.endpoint import AFTER_SIGNING
from app.products.roster.document import RosterDocument, most_slots
from app.products.roster.people import calendars_later
from app.products.roster.translation import Translated, translated
from app.products.roster.understood import UnderstoodRoster, understood_roster

FREE_SLOTS, FREE_PAIRS = 1_000, 4_000
"""So many slots, and pairs of a slot and a person, are laid out before anybody pays."""


class RosterRequest(RosterDocument, frozen=True, dict=True):
    """Slots, people, rules and objectives."""

    @property
    def is_heavy(self) -> bool:
        return True

    @property
    def is_examined(self) -> bool:
        return True

    @property
    def later(self) -> Sequence[FieldError]:
        slots, people = most_slots(asdict(self)), len(self.people)
        if slots > FREE_SLOTS or slots * people > FREE_PAIRS:
            size = f"asks for about {slots:,} slots of {people} people"
            return [FieldError("", f"{size}, which are laid out {AFTER_SIGNING}")]
        return list(calendars_later(self.people, self.holidays))

    @cached_property
    def translated(self) -> Translated:
        """What the engine makes of it. Raises ``InvalidRequest``."""
        return translated(self)

    @property
    def understood(self) -> UnderstoodRoster:
        return understood_roster(self, self.translated)
