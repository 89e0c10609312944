"""Calendars that other programs wrote, read as RFC 5545 says."""
