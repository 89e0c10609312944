"""Payment claims: what was claimed and what was paid, in memory or in Redis."""
