"""Words by which calendars of this service are known again when they are sent back."""

PRODUCT = "-//On-call rotation service//EN"
NOBODY = "Nobody on call"
"""The summary of a gap begins so."""
