"""The ledger: every payment that was settled, from the stream of the claims into the database.

``ledger`` is the task beside the service, ``store`` its SQL, ``selection`` which settlements a
reader wants and ``totals`` what they add up to.
"""
