"""``oncall-schedule`` and ``oncall-now``: a layered schedule over a window or at an instant."""
