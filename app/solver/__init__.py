"""The solver of rosters. It loads OR-Tools, so only worker processes import it."""
