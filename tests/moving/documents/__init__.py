"""Documents of each tool, written after its documentation, that a layered schedule can say whole.

Each module has ``DOCUMENTS`` by what they show, and ``PARTLY``: those of which something is lost.
They were read from their tool at ``READ_AT``.
"""

READ_AT = "2026-01-05T12:00:00+00:00"
