"""Rate limits and the identity of a client. The tests move the clock."""

import asyncio
from collections.abc import Coroutine, Sequence
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st
from limits import parse

from app.errors import RateLimited
from app.http.rate_limits import (
    Allowance,
    RateLimits,
    address_limit,
    client_of,
    in_words,
    is_proxy,
    limits_in,
    limits_redis,
    products_beyond,
)
from app.http.request_head import request_head
from tests.conftest import Clock
from tests.support.processes import free_port

ROUTE = "/v1/scheduling/oncall-rotation"
ANN, BEN = "192.0.2.1", "192.0.2.2"
LIMIT = parse("120/minute")


@pytest.fixture
def limits(clock: Clock) -> RateLimits:
    return RateLimits(clock)


def asked(
    limits: RateLimits,
    times: int,
    *,
    client: str = ANN,
    route: str = ROUTE,
    paying: bool = False,
    limit: str = "120/minute",
) -> list[bool]:
    """Return whether each of ``times`` requests was granted."""
    item = parse(limit)
    return [at_once(limits.spend(client, route, item, paying=paying)).granted for _ in range(times)]


def at_once(spending: Coroutine[None, None, Allowance]) -> Allowance:
    """Return the result of a local count, which never waits."""
    try:
        spending.send(None)
    except StopIteration as end:
        answer: Allowance = end.value
        return answer
    raise AssertionError("a local count waited for something")


# --- how often ------------------------------------------------------------------------------


def test_the_121st_is_refused(limits: RateLimits) -> None:
    assert asked(limits, 122) == [True] * 120 + [False] * 2


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"client": BEN}, id="another-address"),
        pytest.param({"route": "/v2/other"}, id="another-route"),
        pytest.param({"paying": True}, id="with-a-payment"),
    ],
)
def test_what_is_counted_apart(limits: RateLimits, other: dict[str, str]) -> None:
    asked(limits, 120)
    assert asked(limits, 121, **other) == [True] * 120 + [False]
    assert asked(limits, 1) == [False]


@pytest.mark.parametrize(
    ("seconds", "granted"),
    [
        pytest.param(0, False, id="at-once"),
        pytest.param(59.999, False, id="within-the-window"),
        pytest.param(60, True, id="when-the-window-has-passed"),
        pytest.param(61, True, id="after-the-window"),
        pytest.param(86_400, True, id="a-day-later"),
    ],
)
def test_served_again_after_the_window(
    limits: RateLimits, clock: Clock, seconds: float, *, granted: bool
) -> None:
    asked(limits, 120)
    clock.advance(seconds)
    assert asked(limits, 1) == [granted]


def test_the_window_moves(limits: RateLimits, clock: Clock) -> None:
    """A fixed window would grant 240 requests within two seconds around its end."""
    asked(limits, 60)
    clock.advance(59)
    assert asked(limits, 61) == [True] * 60 + [False]
    clock.advance(1)
    assert asked(limits, 61) == [True] * 60 + [False]


def test_a_refused_request_does_not_count(limits: RateLimits, clock: Clock) -> None:
    asked(limits, 120)
    clock.advance(30)
    asked(limits, 500)
    clock.advance(30)
    assert asked(limits, 121) == [True] * 120 + [False]


def test_a_clock_set_back_grants_nothing_more(limits: RateLimits, clock: Clock) -> None:
    asked(limits, 120)
    clock.advance(-3_600)
    assert asked(limits, 1) == [False]


@given(
    per_minute=st.integers(1, 5),
    waits=st.lists(st.sampled_from([0, 0.5, 10, 20, 59.5, 60, 61]), max_size=40),
)
def test_no_minute_has_more_than_the_limit(per_minute: int, waits: list[float]) -> None:
    clock = Clock(1_780_531_200.0)
    limits = RateLimits(clock)
    granted: list[float] = []
    for wait in waits:
        clock.advance(wait)
        expected = sum(at > clock.now - 60 for at in granted) < per_minute
        assert asked(limits, 1, limit=f"{per_minute}/minute") == [expected]
        granted += [clock.now] * expected


@pytest.mark.parametrize("full", [True, False], ids=["full", "not-full"])
def test_a_clock_set_back_locks_nobody_out(limits: RateLimits, clock: Clock, *, full: bool) -> None:
    """The instants that lay ahead used to be waited for, however far the clock was set back."""
    asked(limits, 120 if full else 60)
    clock.advance(-3_600)
    assert asked(limits, 61) == [not full] * 60 + [False]
    refused = at_once(limits.spend(ANN, ROUTE, LIMIT, paying=False))
    assert (refused.granted, refused.reset_seconds) == (False, 60)
    clock.advance(60)
    assert asked(limits, 121) == [True] * 120 + [False]


def test_only_the_instants_ahead_become_now(limits: RateLimits, clock: Clock) -> None:
    asked(limits, 50)
    clock.advance(40)
    asked(limits, 70)
    clock.advance(-20)
    assert asked(limits, 1) == [False]
    clock.advance(40)
    assert asked(limits, 51) == [True] * 50 + [False]
    clock.advance(20)
    assert asked(limits, 71) == [True] * 70 + [False]


# --- all requests of an address -------------------------------------------------------------


def test_an_address_is_counted_over_all_routes(clock: Clock) -> None:
    limits = RateLimits(clock, per_address=parse("3/minute"))
    assert [limits.spend_address(ANN).granted for _ in range(4)] == [True] * 3 + [False]
    assert asked(limits, 120) == [True] * 120
    assert limits.spend_address(BEN).remaining == 2
    assert limits.refusals["per-address"] == 1
    clock.advance(60)
    assert limits.spend_address(ANN).granted


@pytest.mark.parametrize(
    ("text", "of_products", "limit"),
    [
        pytest.param("", ["120/minute"], "1200/minute", id="usual"),
        pytest.param("", ["2/day", "10/minute"], "1200/minute", id="never-less"),
        pytest.param("", ["120/minute", "600/minute"], "6000/minute", id="follows-the-highest"),
        pytest.param("", ["120/minute", "30/second"], "300/second", id="by-rate-not-by-number"),
        pytest.param("50/second", ["600/minute"], "50/second", id="set"),
        pytest.param("", ["6000/2minutes"], "60000/2minutes", id="of-two-minutes"),
    ],
)
def test_the_limit_of_an_address(text: str, of_products: Sequence[str], limit: str) -> None:
    assert address_limit(text, map(parse, of_products)) == parse(limit)


def test_an_address_is_told_its_own_limit(clock: Clock) -> None:
    limits = RateLimits(clock, per_address=parse("3/minute"))
    for _ in range(4):
        allowance = limits.spend_address(ANN)
    with pytest.raises(
        RateLimited, match=r"^at most 3 requests a minute of everything from this address$"
    ):
        allowance.require()


def test_every_refusal_is_counted_under_its_policy(limits: RateLimits) -> None:
    asked(limits, 123)
    asked(limits, 122, paying=True)
    assert limits.refusals == {
        "without-payment": 3,
        "with-payment": 2,
        "per-key": 0,
        "unknown-key": 0,
        "per-address": 0,
    }


# --- what an operator writes ----------------------------------------------------------------

PRODUCTS = ("oncall-rotation", "oncall-schedule", "oncall-now")


@pytest.mark.parametrize(
    ("text", "limits"),
    [
        pytest.param("", {}, id="nothing"),
        pytest.param(" , ,", {}, id="commas-only"),
        pytest.param("600/minute", dict.fromkeys(PRODUCTS, "600/minute"), id="every-product"),
        pytest.param("oncall-now=10/second", {"oncall-now": "10/second"}, id="one-product"),
        pytest.param(
            "oncall-now=10/second , 600/hour",
            {
                "oncall-rotation": "600/hour",
                "oncall-schedule": "600/hour",
                "oncall-now": "10/second",
            },
            id="a-named-product-is-an-exception",
        ),
    ],
)
def test_limits_by_product(text: str, limits: dict[str, str]) -> None:
    assert limits_in(text, PRODUCTS) == (limits, [])


@pytest.mark.parametrize(
    ("text", "errors"),
    [
        pytest.param(
            "fast,1/minute,0/day",
            [
                "'fast' is not a limit such as 120/minute or oncall-now=10/second",
                "'0/day' is not a limit such as 120/minute or oncall-now=10/second",
            ],
            id="every-fault-is-named",
        ),
        pytest.param("1/day,2/day", ["every product has two limits"], id="two-of-all"),
        pytest.param(
            "oncall-now=1/day,oncall-now=2/day", ["oncall-now has two limits"], id="two-of-one"
        ),
        pytest.param(
            "oncall-nov=1/day",
            ["oncall-nov is not a product; did you mean oncall-now?"],
            id="misspelt",
        ),
        pytest.param(
            "x=1/day",
            [
                "x is not a product; there are oncall-rotation, oncall-schedule, oncall-now",
            ],
            id="like-no-product",
        ),
    ],
)
def test_errors_of_an_operators_limits(text: str, errors: Sequence[str]) -> None:
    assert limits_in(text, PRODUCTS)[1] == [f"ONCALL_RATE_LIMIT: {error}" for error in errors]


# --- what is said ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "wait", "granted", "remaining", "reset_seconds"),
    [
        pytest.param(0, 0, True, 119, 60, id="first"),
        pytest.param(1, 20, True, 118, 40, id="second"),
        pytest.param(1, 20.5, True, 118, 40, id="rounded-up"),
        pytest.param(119, 0, True, 0, 60, id="last"),
        pytest.param(120, 45, False, 0, 15, id="refused"),
        pytest.param(120, 59.999, False, 0, 1, id="never-in-0-seconds"),
        pytest.param(120, 60, True, 119, 60, id="anew"),
    ],
)
def test_allowance(
    limits: RateLimits,
    clock: Clock,
    before: int,
    wait: float,
    granted: bool,
    remaining: int,
    reset_seconds: int,
) -> None:
    asked(limits, before)
    clock.advance(wait)
    expected = Allowance(granted, "without-payment", LIMIT, remaining, reset_seconds)
    assert at_once(limits.spend(ANN, ROUTE, LIMIT, paying=False)) == expected


def test_waiting_as_told_is_enough(limits: RateLimits, clock: Clock) -> None:
    asked(limits, 120)
    clock.advance(7.25)
    clock.advance(at_once(limits.spend(ANN, ROUTE, LIMIT, paying=False)).reset_seconds)
    assert asked(limits, 1) == [True]


@pytest.mark.parametrize(
    ("allowance", "headers"),
    [
        pytest.param(
            Allowance(
                granted=True,
                policy="without-payment",
                limit=LIMIT,
                remaining=7,
                reset_seconds=31,
            ),
            {
                "RateLimit": '"without-payment";r=7;t=31',
                "RateLimit-Policy": '"without-payment";q=120;w=60',
            },
            id="granted",
        ),
        pytest.param(
            Allowance(
                granted=False,
                policy="with-payment",
                limit=parse("5000/hour"),
                remaining=0,
                reset_seconds=1,
            ),
            {
                "RateLimit": '"with-payment";r=0;t=1',
                "RateLimit-Policy": '"with-payment";q=5000;w=3600',
            },
            id="refused",
        ),
    ],
)
def test_headers(allowance: Allowance, headers: dict[str, str]) -> None:
    wanted = {name.lower().encode(): value.encode() for name, value in headers.items()}
    assert dict(allowance.fields) == wanted


@pytest.mark.parametrize(
    ("limit", "words"),
    [
        ("120/minute", "120 requests a minute"),
        ("1/second", "1 request a second"),
        ("5000/hour", "5000 requests an hour"),
        ("20/5minutes", "20 requests in 5 minutes"),
        ("2/2hours", "2 requests in 2 hours"),
    ],
)
def test_a_limit_in_words(limits: RateLimits, limit: str, words: str) -> None:
    assert in_words(parse(limit)) == words
    asked(limits, parse(limit).amount, limit=limit)
    refused = at_once(limits.spend(ANN, ROUTE, parse(limit), paying=False))
    with pytest.raises(RateLimited, match=f"^at most {words}$"):
        refused.require()


@pytest.mark.parametrize(
    ("limit", "seconds"), [("10/second", 1), ("10/minute", 60), ("10/hour", 3_600)]
)
def test_a_window_is_as_long_as_its_limit_says(
    limits: RateLimits, clock: Clock, limit: str, seconds: float
) -> None:
    assert asked(limits, 11, limit=limit) == [True] * 10 + [False]
    clock.advance(seconds - 0.001)
    assert asked(limits, 1, limit=limit) == [False]
    clock.advance(0.001)
    assert asked(limits, 11, limit=limit) == [True] * 10 + [False]


# --- slowapi --------------------------------------------------------------------------------


def test_slowapis_variables_do_nothing(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RATELIMIT_ENABLED", "false")
    monkeypatch.setenv("RATELIMIT_STRATEGY", "no-such-strategy")
    monkeypatch.setenv("RATELIMIT_KEY_PREFIX", "others")
    limits = RateLimits(clock)
    assert (limits.enabled, limits._key_prefix) == (True, None)
    assert asked(limits, 121) == [True] * 120 + [False]


def test_slowapis_own_check_counts_in_the_same_windows(limits: RateLimits) -> None:
    """The service does not use slowapi's own check, but its results would be the same."""
    asked(limits, 119)
    key = f"without-payment/{ROUTE}/{ANN}"
    assert limits.limiter.test(LIMIT, key)
    assert limits.limiter.hit(LIMIT, key)
    assert not limits.limiter.test(LIMIT, key)
    assert asked(limits, 1) == [False]
    limits.reset()
    assert asked(limits, 1) == [True]


# --- who is asking --------------------------------------------------------------------------

OURS = tuple(ip_network(text) for text in ("10.0.0.0/8", "127.0.0.1", "2001:db8:ffff::/48"))


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "client"),
    [
        pytest.param(ANN, [], ANN, id="direct"),
        pytest.param(ANN, [BEN], ANN, id="a-stranger-is-not-believed"),
        pytest.param(ANN, ["10.0.0.1"], ANN, id="a-stranger-who-names-our-proxy"),
        pytest.param("10.0.0.1", [], "10.0.0.1", id="our-proxy-without-header"),
        pytest.param("10.0.0.1", [ANN], ANN, id="through-our-proxy"),
        pytest.param("10.0.0.1", [f"{BEN}, {ANN}"], ANN, id="spoofed-hop-before-the-real-one"),
        pytest.param("10.0.0.1", [f"{BEN},{ANN}, 10.0.0.2"], ANN, id="two-of-our-proxies"),
        pytest.param("10.0.0.1", [BEN, ANN], ANN, id="two-headers-are-one-list"),
        pytest.param("10.0.0.1", [ANN, "10.0.0.2"], ANN, id="two-headers-two-proxies"),
        pytest.param("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3", id="only-ours-the-first"),
        pytest.param("10.0.0.1", [f"10.0.0.9, {ANN}"], ANN, id="spoofed-as-our-proxy"),
        pytest.param("10.0.0.1", ["unknown"], "10.0.0.1", id="garbage-counts-the-proxy"),
        pytest.param("10.0.0.1", [f"{ANN}, _hidden"], "10.0.0.1", id="garbage-at-the-right"),
        pytest.param("10.0.0.1", [f"garbage, {ANN}"], ANN, id="garbage-at-the-left"),
        pytest.param("10.0.0.1", [""], "10.0.0.1", id="empty-header"),
        pytest.param("10.0.0.1", [f"{ANN},"], "10.0.0.1", id="empty-hop"),
        pytest.param("10.0.0.1", [f"{ANN}:4711"], ANN, id="ipv4-with-port"),
        pytest.param("10.0.0.1", ["[2001:db8::1]:4711"], "2001:db8::/64", id="ipv6-with-port"),
        pytest.param("10.0.0.1", ["[2001:db8::1]:[1]"], "2001:db8::/64", id="ipv6-odd-port"),
        pytest.param("10.0.0.1", ["192.0.2.256"], "10.0.0.1", id="no-address"),
        pytest.param("10.0.0.1", ["192.0.2.01"], "10.0.0.1", id="octal-looking"),
        pytest.param("10.0.0.1", ["3221225985"], "10.0.0.1", id="address-as-a-number"),
        pytest.param("10.0.0.1", [f"\t{ANN}  "], ANN, id="space-around"),
        pytest.param("2001:db8:1:2:3:4:5:6", [], "2001:db8:1:2::/64", id="ipv6-by-its-64"),
        pytest.param("2001:db8:1:2::", [], "2001:db8:1:2::/64", id="same-64"),
        pytest.param("2001:db8:1:3::1", [], "2001:db8:1:3::/64", id="next-64"),
        pytest.param("2001:DB8:1:2:0:0:0:1", [], "2001:db8:1:2::/64", id="ipv6-in-other-letters"),
        pytest.param("fe80::1%eth0", [], "fe80::/64", id="ipv6-with-zone"),
        pytest.param("::1", [], "::/64", id="ipv6-loopback"),
        pytest.param("::ffff:192.0.2.1", [], ANN, id="mapped-ipv4"),
        pytest.param("::ffff:c000:201", [], ANN, id="mapped-ipv4-in-hexadecimal"),
        pytest.param("::ffff:10.0.0.1", [ANN], ANN, id="mapped-proxy-is-ours"),
        pytest.param("10.0.0.1", ["::ffff:192.0.2.1"], ANN, id="mapped-hop"),
        pytest.param("10.0.0.1", ["[2001:db8::1]"], "2001:db8::/64", id="ipv6-in-brackets"),
        pytest.param("2001:db8:ffff::1", [ANN], ANN, id="through-our-ipv6-proxy"),
        pytest.param("2001:db8:fffe::1", [ANN], "2001:db8:fffe::/64", id="not-our-ipv6-proxy"),
        pytest.param("127.0.0.1", [ANN], ANN, id="single-trusted-address"),
        pytest.param("127.0.0.2", [ANN], "127.0.0.2", id="its-neighbour"),
        pytest.param(None, [ANN], "unknown", id="no-peer"),
        pytest.param("", [ANN], "unknown", id="unix-socket"),
        pytest.param("/run/oncall.sock", [ANN], "unknown", id="socket-path"),
        pytest.param("testclient", [ANN], "unknown", id="host-name"),
    ],
)
def test_client(peer: str | None, forwarded_for: Sequence[str], client: str) -> None:
    assert client_of(peer, forwarded_for, OURS) == client


@pytest.mark.parametrize("peer", [ANN, "10.0.0.1", "127.0.0.1"])
def test_without_trusted_proxies_the_header_is_never_read(peer: str) -> None:
    assert client_of(peer, [BEN], ()) == peer


@given(st.lists(st.text(max_size=30), max_size=4))
def test_a_stranger_cannot_choose_who_to_be(forwarded_for: list[str]) -> None:
    assert client_of(ANN, forwarded_for, OURS) == ANN


@given(st.lists(st.one_of(st.text(max_size=20), st.ip_addresses().map(str)), max_size=4))
def test_nor_can_one_behind_our_proxy(forwarded_for: list[str]) -> None:
    assert client_of("10.0.0.1", [*forwarded_for, ANN], OURS) == ANN


# --- Redis ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0, True), (0.5, True), (10.9, True), (11, False), (60, False), (-1, False)],
)
def test_a_redis_that_did_not_answer_is_told_for_eleven_seconds(
    clock: Clock, seconds: float, *, told: bool
) -> None:
    limits = RateLimits(clock, f"redis://127.0.0.1:{free_port()}")
    assert limits.problem is None
    assert asyncio.run(limits.spend(ANN, ROUTE, LIMIT, paying=False)).granted
    clock.advance(seconds)
    assert (limits.problem is not None) == told


def test_a_request_waits_a_second_for_redis_at_most() -> None:
    options = limits_redis("redis://127.0.0.1").connection_pool.connection_kwargs
    assert (options["socket_timeout"], options["socket_connect_timeout"]) == (1.0, 1.0)
    assert options["retry"].get_retries() == 0


def test_products_whose_limit_an_address_meets_first() -> None:
    of_products = {"same": "60/hour", "more": "61/hour", "less": "59/hour", "burst": "2/second"}
    limits = {name: parse(text) for name, text in of_products.items()}
    assert products_beyond(parse("1/minute"), limits) == ["more", "burst"]
    assert products_beyond(parse("60/hour"), limits) == ["more", "burst"]


def test_the_client_of_a_request_is_read_from_its_head(clock: Clock) -> None:
    scope = {
        "method": "POST",
        "client": ("10.0.0.1", 50_000),
        "headers": [(b"x-forwarded-for", f"{BEN}, {ANN}".encode())],
    }
    assert RateLimits(clock).client_in(request_head(scope)) == "10.0.0.1"
    limits = RateLimits(clock, proxies=[ip_network("10.0.0.0/8")])
    assert limits.client_in(request_head(scope)) == ANN


@pytest.mark.parametrize(
    ("peer", "ours"),
    [
        ("10.0.0.1", True),
        ("::ffff:10.0.0.1", True),
        ("2001:db8:ffff::1", True),
        ("127.0.0.1", True),
        (ANN, False),
        ("127.0.0.2", False),
        ("", False),
        ("/run/oncall.sock", False),
    ],
)
def test_whether_a_peer_is_one_of_our_proxies(peer: str, ours: bool) -> None:
    assert is_proxy(peer, OURS) == ours
    assert not is_proxy(peer, ())
