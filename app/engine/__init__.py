"""The engine: people on call, as pure functions of a request.

``rotation`` deals shifts of one length in turn, ``planning`` finds who takes them under the rules
of a team, and ``layered`` resolves schedules of layers and overrides. They know only the standard
library, the zones of ``tzdata`` and ``app.errors``, and they read no clock.
"""
