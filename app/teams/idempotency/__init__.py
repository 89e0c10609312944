"""Answers stored by ``Idempotency-Key``."""
