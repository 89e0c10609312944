"""Overrides: one person for a stretch of time, above entries and layers."""
