"""Answers remembered by ``Idempotency-Key``."""
