"""The audit: every change of a schedule, with its time and its key."""
