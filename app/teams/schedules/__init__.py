"""Schedules that teams keep, in the shape of both APIs."""
