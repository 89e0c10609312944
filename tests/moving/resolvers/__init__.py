"""Who is on call by each tool's own rules, one small module a tool, from nothing of ``app``.

Each has ``on_call(document, at)``, which returns the ids of all who are on call at an instant, an
aware ``datetime``. They are written for being read beside the tool's documentation, and slow.
"""
