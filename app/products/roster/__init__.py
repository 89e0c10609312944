"""Rosters: who takes which of given slots, solved, checked and paid.

``fields`` has the parts of documents that the products share, ``translation`` what they mean to
the engine. Each product has its request, its answer and its row of the table.
"""
