"""Who changed what of a schedule, and when."""
