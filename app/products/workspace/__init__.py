"""The product ``oncall-workspace``: a place to keep schedules, for a wallet and for 30 days."""
