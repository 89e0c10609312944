"""Users: the people who can be on call."""
