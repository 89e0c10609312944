"""API keys, and the organisations that they open."""
