"""The stored APIs: on-call schedules that teams keep behind keys (``schedules.md``, Stored).

``operation`` has the type of their one table and ``routes`` the table itself. ``app`` loads them,
``router`` finds the operation of a path, ``pipeline`` serves it, ``auth`` checks its key. Each
resource has a folder: ``schemas`` for its form on the wire, ``store`` for its rows, ``handlers``
for what its operations do, ``routes`` for its part of the table.
"""
