"""Entries, the shifts of a schedule, and their swaps."""
