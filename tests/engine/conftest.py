"""Zones come from the pinned ``tzdata`` package, for the oracle as for the engine."""

import zoneinfo

zoneinfo.reset_tzpath(to=())
