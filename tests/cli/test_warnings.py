"""What ``pay`` shows of a 402 before it signs, whoever the seller is."""

import httpx
import pytest

from app.cli.pay import _warnings_in


@pytest.mark.parametrize(
    ("body", "lines"),
    [
        (b'{"warnings": [{"pointer": "/a", "detail": "is new\\u001b"}]}', ["/a: is new "]),
        (
            b'{"warnings": [{"pointer": "", "detail": "is read later"}]}',
            ["the document: is read later"],
        ),
        (b'{"x402Version": 2}', []),
        (b"", []),
        (b"\xff", []),
        (b'{"warnings": "many"}', []),
    ],
)
def test_the_warnings_of_a_402(body: bytes, lines: list[str]) -> None:
    assert _warnings_in(httpx.Response(402, content=body)) == lines
