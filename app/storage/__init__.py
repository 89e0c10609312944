"""What outlives a process: schedules, people, keys, and who changed what.

``tables`` is the schema, ``migrations`` how a database comes to it and ``migrate`` what runs them,
``revision`` which of them a database has. ``database`` opens one of the two kinds, ``sqlite`` or
``postgres``, and gives transactions; ``faults`` names what can go wrong with them. Functions of the
other modules take a transaction and never commit.
"""
