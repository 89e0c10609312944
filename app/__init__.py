"""An on-call rotation service that agents pay per request.

``rota`` is the engine (standard library only), ``render`` writes its results, ``payments`` decides
and settles, ``limits`` counts, ``api`` turns endpoint rows into routes, ``listing`` describes them.
Imports point inward::

    main → listing → api → payments, limits, render → rota → errors

``main.create_app`` is the only place where the parts are put together; nothing is built at import.
"""

__version__ = "0.1.0"
