"""Schedules that are kept: the v1 and v2 on-call APIs behind keys (``schedules.md``, Stored).

``operations`` is the type of their one table, ``table`` the table itself; ``serve`` turns a row
into an answer; ``access`` knows who asks; ``documents`` and ``schedule_documents`` are the wire,
``v1``, ``v2``, ``users``, ``policies`` and ``feeds`` the handlers, a few lines each.
"""
