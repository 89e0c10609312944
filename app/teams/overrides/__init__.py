"""Overrides: one user for a stretch of time, above entries and layers."""
