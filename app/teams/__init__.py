"""The stored schedules of teams: the v1 and v2 on-call APIs behind keys (``schedules.md``, Stored).

``operation`` says what a stored operation is, and ``routes`` lists them all. ``pipeline`` turns a
request into the answer of one: ``router`` finds it, ``auth`` checks the key, ``queries`` reads the
query. Each resource has a package of its own with ``schemas`` (the wire), ``handlers``, ``routes``
(its operations) and ``store`` (its SQL). ``app`` opens the database and serves all of it.
"""
