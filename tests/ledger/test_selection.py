"""Which settlements a reader wants, and what they add up to."""

import pytest

from app.ledger.selection import in_order, instant_in
from app.ledger.totals import money, totals_of
from tests.support.ledger import settlement
from tests.support.services import NETWORK, PAY_TO, USDC


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("1970-01-02", 86_400),
        ("1970-01-01T00:00:01Z", 1),
        ("1970-01-01t00:00:01z", 1),
        ("1970-01-01 01:00:00.5+01:00", 0.5),
        ("1969-12-31T23:59:59-00:00", -1),
        ("1970-01-01T00:01Z", 60),
    ],
)
def test_a_date_or_an_instant(text: str, instant: float) -> None:
    assert instant_in(text) == instant


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1970",
        "1970-1-1",
        "1970-02-30",
        "1970-01-01T00:00:00",
        "٢٠٢٦-01-01",
        "1970-01-01T25:00:00Z",
        "19700101",
        "now",
    ],
)
def test_what_is_neither_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="date such as 2026-11-01 or an instant such as"):
        instant_in(text)


def test_each_payment_counts_once_oldest_first() -> None:
    old, new = settlement(1), settlement(2)
    same = settlement(3, settled_at=2.0)
    assert in_order([same, new, old, new]) == [old, new, same]


def test_totals_tell_apart_day_product_network_payee_and_asset() -> None:
    other = "0x" + "99" * 20
    lines = [
        settlement(1),
        settlement(2, amount="1"),
        settlement(86_399),
        settlement(86_400),
        settlement(3, product="oncall-now"),
        settlement(4, pay_to=other),
        settlement(5, asset=other, amount=str(10**77)),
        settlement(6, network="eip155:8453"),
    ]
    totals = [(t.day[-2:], t.settlements, t.amount, t.amount_atomic) for t in totals_of(lines)]
    assert totals == [
        ("01", 1, "0.020000", "20000"),
        ("01", 1, "", "20000"),
        ("01", 1, "0.020000", "20000"),
        ("01", 3, "0.040001", "40001"),
        ("01", 1, "", str(10**77)),
        ("02", 1, "0.020000", "20000"),
    ]


def test_money_is_whole_to_the_last_digit() -> None:
    assert money(10**77 + 1, USDC, NETWORK) == ("1" + "0" * 71 + ".000001", "USDC")
    assert money(1, PAY_TO, NETWORK) == ("", "")
