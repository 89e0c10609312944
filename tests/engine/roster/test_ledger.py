"""What somebody may still take, limit by limit."""

from app.engine.roster.ledger import Ledger
from app.engine.roster.model import MaxConsecutive, Person, Roster
from tests.support.rosters import slot


def test_two_slots_of_a_day_are_one_day_in_a_row() -> None:
    slots = [slot(0, 4), slot(6, 4), slot(24, 4), slot(47, 1)]
    roster = Roster(slots, [Person("ana")], (), [MaxConsecutive(1)], timezone="Europe/Berlin")
    ledger = Ledger(roster)
    ledger.take(0, 0)
    assert ledger.can_take(0, 1)
    ledger.take(0, 1)
    assert not ledger.can_take(0, 1)
    assert not ledger.can_take(0, 2)
    assert [rule for rule, _ in ledger.blockers(0, 2)] == [MaxConsecutive(1)]
