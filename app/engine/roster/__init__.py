"""Rosters: who takes which of given slots, by rules and by what is better. No solver is in here."""
