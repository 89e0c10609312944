"""Finds the operation of a path.

Strategy: paths are looked up by their number of segments. Among the few of one length, fixed
segments are compared and the rest are parameters. Starlette's router would try forty expressions.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from http import HTTPStatus

from starlette.exceptions import HTTPException

from app.teams.null_characters import NULL
from app.teams.operation import Operation

Segments = Sequence[str]
Methods = dict[str, Operation]


class OperationRouter:
    """The operations of a table, by path and method."""

    def __init__(self, operations: Sequence[Operation]) -> None:
        by_path: defaultdict[str, Methods] = defaultdict(dict)
        for operation in operations:
            by_path[operation.path][operation.method] = operation
        self._by_length: defaultdict[int, list[tuple[Segments, Methods]]] = defaultdict(list)
        for path, methods in by_path.items():
            segments = path.split("/")
            self._by_length[len(segments)].append((segments, methods))

    def match(self, method: str, path: str) -> tuple[Operation, Mapping[str, str]]:
        """Return an operation and its path's parameters. Raises ``HTTPException`` 404 or 405."""
        given = path.split("/")
        for segments, methods in self._by_length.get(len(given), ()):
            parameters = _parameters(segments, given)
            if parameters is not None:
                return _by_method(methods, method, path), parameters
        served = "is not served: /openapi.full.json says what is"
        raise HTTPException(HTTPStatus.NOT_FOUND, f"{path[:200]} {served}")


def _parameters(segments: Segments, given: Segments) -> dict[str, str] | None:
    parameters = {}
    for segment, value in zip(segments, given, strict=True):
        if segment == value:
            continue
        if not segment.startswith("{") or not value or NULL in value:
            return None
        parameters[segment[1:-1]] = value
    return parameters


def _by_method(methods: Methods, method: str, path: str) -> Operation:
    operation = methods.get("GET" if method == "HEAD" else method)
    if operation is None:
        allowed = ", ".join([*methods, *(["HEAD"] if "GET" in methods else []), "OPTIONS"])
        raise HTTPException(
            HTTPStatus.METHOD_NOT_ALLOWED,
            f"{method} is not served at {path[:200]}: use {allowed}",
            {"Allow": allowed},
        )
    return operation
