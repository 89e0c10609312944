"""Replanning a kept schedule after an absence: as few stretches as can be change hands."""
