"""The database of the stored APIs: schedules, users, keys and the audit.

``tables`` is the schema, ``migrations`` holds the steps to it and ``migrate`` runs them;
``revision`` says which step a database has reached. ``database`` opens a database of either kind,
``sqlite`` or ``postgres``, and gives transactions; ``errors`` says what their failures mean.
Functions of other packages take a transaction and never commit.
"""
