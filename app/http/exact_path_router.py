"""A router for the few most requested paths, in front of the application's own router."""

from collections.abc import Mapping, Sequence

from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send


class ExactPathRouter:
    """A router that finds ``routes`` by exact path, then ``others`` by path prefix, then ``app``.

    Starlette's router tries the pattern of each route in turn. Paid requests need not wait for it.
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
