"""Cover requests: somebody asks others to take over a stretch of a shift."""
