"""Layered schedules: layers, restrictions, overrides, entries, swaps, and who is on call when."""
