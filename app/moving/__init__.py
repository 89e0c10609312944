"""Schedules of other tools, read and said as layered schedules: one module for each tool.

Everything here is pure: a document and an instant in, a conversion out. Nothing of a document is
dropped in silence (``reading.py``).
"""
