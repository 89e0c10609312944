"""Stored schedules, in the shape of both APIs."""
