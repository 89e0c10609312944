"""Layered schedules: the people on call by layers, restrictions, overrides, entries and swaps.

Read ``model`` first, then ``resolve``. A ``LayerSource`` (``layers``) takes its turns from
``turns``, these their handoffs from ``handoff_grid``; ``versions`` answers for schedules that were
changed, ``shifts`` and ``tally`` for what their people have, ``swaps`` turns swaps into overrides.
"""
