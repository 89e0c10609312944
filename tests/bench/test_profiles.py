"""Stacks as py-spy writes them become shares of the time."""

from bench.profiles import Share, shares_in

STACKS = """\
main (app/__main__.py:1);serve (app/checkout/http_route.py:2);read (msgspec.py:3) 30
main (app/__main__.py:1);serve (app/checkout/http_route.py:2) 10
main (app/__main__.py:1);write (uvloop.py:4);write (uvloop.py:4) 60
_bootstrap (threading.py:5);_worker (concurrent/futures/thread.py:69) 100
"""


def test_shares_alone_and_with_calls() -> None:
    assert shares_in(STACKS) == [
        Share("write (uvloop.py:4)", 0.6, 0.6),
        Share("serve (app/checkout/http_route.py:2)", 0.1, 0.4),
        Share("read (msgspec.py:3)", 0.3, 0.3),
    ]


def test_no_looks_are_no_shares() -> None:
    assert shares_in("") == []
