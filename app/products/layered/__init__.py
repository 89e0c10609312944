"""The products ``oncall-schedule`` and ``oncall-now``: a layered schedule over a window and now."""
