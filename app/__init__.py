"""An on-call rotation service: answers that agents pay for per request, schedules that teams keep.

- ``products``: the paid products. Each validates a request, computes its answer and writes it.
- ``teams``: the stored schedules of organisations, behind API keys.
- ``engine``: rotations, plans and layered schedules as pure functions. It knows only the standard
  library, the zones of ``tzdata`` and ``errors``.
- ``formats``: a timeline as iCalendar or as an SVG picture, and instants as text.
- ``checkout``: from a request and its payment to the answer and the receipt.
- ``payments``: payments by x402: terms, verification, settlement, and one charge for each payment.
- ``database``: the tables of the stored schedules, in SQLite or PostgreSQL.
- ``discovery``: the pages, OpenAPI and everything else by which the service is found and read.
- ``mcp``: the products as tools for agents.
- ``http``: request heads and bodies, validation, problems and rate limits of every route.
- ``server``: uvicorn with limits for a public port, and the middleware around the application.
- ``cli``: the commands of ``python -m app``.
- ``settings``, ``metrics``, ``logs``, ``errors``: modules that the packages share.

A package may import the packages to its right, but not those beside it behind a comma::

    cli → main → server → mcp → checkout → discovery → teams → products → metrics
        → http, formats, payments, database, settings → engine → errors

``main.create_app`` is the only place where the parts are put together. Nothing is built at import.

One time zone database: ``zoneinfo`` reads the pinned ``tzdata`` package and never the machine's
files, in every process that imports anything of this package, its workers and commands included.
Libraries that ask ``zoneinfo`` by themselves, as ``icalendar`` does, so agree with the engine.
"""

from zoneinfo import reset_tzpath

reset_tzpath(to=())

DEFAULT_PORT = 8402
"""The port of ``serve``. It is not in the settings, so that ``--help`` need not import pydantic."""
__version__ = "0.2.0"
