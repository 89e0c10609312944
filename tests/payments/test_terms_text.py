"""Terms as people read them."""

import pytest
from x402 import PaymentRequired, PaymentRequiredV1, PaymentRequirements

from app.payments.terms_text import price_in_words, terms_in_words


def requirements(**changes: object) -> PaymentRequirements:
    return PaymentRequirements.model_validate(
        {
            "scheme": "exact",
            "network": "eip155:8453",
            "asset": "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913",
            "amount": "1500000",
            "payTo": "0x" + "ab" * 20,
            "maxTimeoutSeconds": 60,
            **changes,
        }
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        pytest.param({}, "1.5 USDC", id="a known asset"),
        pytest.param({"amount": "1"}, "0.000001 USDC", id="an atomic unit"),
        pytest.param({"amount": "10000000"}, "10 USDC", id="no exponent"),
        pytest.param(
            {"asset": "0x" + "12" * 20},
            f"1500000 atomic units of 0x{'12' * 20}",
            id="an unknown asset",
        ),
    ],
)
def test_a_price_in_words(changes: dict[str, object], words: str) -> None:
    assert price_in_words(requirements(**changes)) == words


@pytest.mark.parametrize(
    ("network", "name"), [("eip155:8453", "Base"), ("eip155:1", "eip155:1")], ids=["known", "other"]
)
def test_terms_in_words(network: str, name: str) -> None:
    terms = PaymentRequired(accepts=[requirements(network=network)])
    [line] = terms_in_words(terms)
    assert line.endswith(f"on {name} to 0x{'ab' * 20}, signed for at most 60 s (exact)")


def test_terms_of_version_1_have_no_words_of_ours() -> None:
    assert terms_in_words(PaymentRequiredV1(accepts=[])) == []
