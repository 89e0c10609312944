"""A router for the few paths that are asked for most, in front of the application's own."""

from collections.abc import Mapping, Sequence

from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send


class ExactPathRouter:
    """Finds ``routes`` by their exact path, ``others`` by the prefix of theirs, and else ``app``.

    Paid requests thereby pass by Starlette's router, which tries each route's pattern in turn.
    """

    def __init__(
        self, app: Starlette, routes: Sequence[Route], others: Mapping[str, ASGIApp]
    ) -> None:
        self._app = app
        self._routes = {route.path: route for route in routes}
        self._others = others

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        route = self._routes.get(path)
        if route is not None:
            scope["app"], scope["route"] = self._app, route  # as the router would
            await route.app(scope, receive, send)
            return
        for prefix, other in self._others.items():
            if path.startswith(prefix):
                await other(scope, receive, send)
                return
        await self._app(scope, receive, send)
