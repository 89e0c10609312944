"""An on-call rotation service: answers that agents pay per request, schedules that teams keep.

``rota`` is the engine (standard library and the zone data only), ``render`` writes its results,
``payments`` decides and settles, ``limits`` counts requests and ``metrics`` money, ``storage`` is
the database, ``api`` turns endpoint rows into routes, ``listing`` describes them, ``mcp`` offers
them as tools, ``desk`` takes their payments, ``shelf`` keeps schedules (``api.stored`` over
``storage``), ``cli`` is what the commands do. Imports point inward::

    cli → main → desk, shelf → mcp → listing → api → metrics
        → payments, limits, render, storage → rota → errors

``main.create_app`` is the only place where the parts are put together; nothing is built at import.
"""

DEFAULT_PORT = 8402
"""Here, so that ``--help`` need not import the settings, and pydantic with them."""
__version__ = "0.1.0"
