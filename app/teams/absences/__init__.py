"""Absences: when users take no turns of layers."""
