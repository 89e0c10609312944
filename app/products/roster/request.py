"""The request for a roster: its document, with what a worker process makes of it."""

from functools import cached_property

from app.products.roster.document import RosterDocument
from app.products.roster.translation import Translated, translated
from app.products.roster.understood import UnderstoodRoster, understood_roster


class RosterRequest(RosterDocument, frozen=True, dict=True):
    """Slots, people, rules and objectives."""

    @property
    def is_heavy(self) -> bool:
        return True

    @property
    def is_examined(self) -> bool:
        return True

    @cached_property
    def translated(self) -> Translated:
        """What the engine makes of it. Raises ``InvalidRequest``."""
        return translated(self)

    @property
    def understood(self) -> UnderstoodRoster:
        return understood_roster(self, self.translated)
