"""Our token refuses what USDC refuses, in USDC's words: the facilitator's reasons hang on them."""

import time
from dataclasses import replace

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount
from web3.exceptions import ContractLogicError
from x402.schemas import PaymentRequired

from tests.chain.conftest import FUNDS
from tests.support.chain.chain import Chain
from tests.support.chain.payments import authorization, malleable_twin, signature_of
from tests.support.chain.service import Service


@pytest.fixture(scope="module")
def terms(service: Service) -> PaymentRequired:
    return service.terms()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"valid_before": "1"}, "FiatTokenV2: authorization is expired"),
        (
            {"valid_after": str(int(time.time()) + 3600)},
            "FiatTokenV2: authorization is not yet valid",
        ),
        ({"value": str(FUNDS + 1)}, "ERC20: transfer amount exceeds balance"),
    ],
    ids=["expired", "not yet valid", "over the balance"],
)
def test_authorization_reverts(
    changes: dict[str, str],
    reason: str,
    chain: Chain,
    payer: LocalAccount,
    terms: PaymentRequired,
) -> None:
    signed = authorization(payer, terms, **changes)
    with pytest.raises(ContractLogicError, match=reason):
        chain.transfer_with_authorization(signed, signature_of(payer, terms, signed))
    assert chain.balance_of(payer.address) == FUNDS


def test_used_nonce_reverts(chain: Chain, payer: LocalAccount, terms: PaymentRequired) -> None:
    signed = authorization(payer, terms, to=Account.create().address)
    signature = signature_of(payer, terms, signed)
    chain.transfer_with_authorization(signed, signature)
    with pytest.raises(ContractLogicError, match="FiatTokenV2: authorization is used or canceled"):
        chain.transfer_with_authorization(signed, signature)
    assert chain.balance_of(payer.address) == FUNDS - int(signed.value)


def test_changed_authorization_reverts(
    chain: Chain, payer: LocalAccount, terms: PaymentRequired
) -> None:
    signed = authorization(payer, terms)
    changed = replace(signed, value="1")
    with pytest.raises(ContractLogicError, match="FiatTokenV2: invalid signature"):
        chain.transfer_with_authorization(changed, signature_of(payer, terms, signed))


def test_malleable_signature_reverts(
    chain: Chain, payer: LocalAccount, terms: PaymentRequired
) -> None:
    signed = authorization(payer, terms)
    twin = malleable_twin(signature_of(payer, terms, signed))
    with pytest.raises(ContractLogicError, match="ECRecover: invalid signature 's' value"):
        chain.transfer_with_authorization(signed, twin)
