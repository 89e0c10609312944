"""Payments made by hand: signed as an official client signs them, or wrong in one chosen way."""

import time
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount
from x402.mechanisms.evm.eip712 import hash_eip3009_authorization
from x402.mechanisms.evm.types import ExactEIP3009Authorization, ExactEIP3009Payload
from x402.mechanisms.evm.utils import create_nonce, get_evm_chain_id
from x402.schemas import PaymentPayload, PaymentRequired

CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


def authorization(
    wallet: LocalAccount, terms: PaymentRequired, **changes: str
) -> ExactEIP3009Authorization:
    """An authorization for ``terms``, valid now and for five minutes; ``changes`` are fields."""
    [accepted] = terms.accepts
    fields = {
        "from_address": wallet.address,
        "to": accepted.pay_to,
        "value": accepted.amount,
        "valid_after": "0",
        "valid_before": str(int(time.time()) + accepted.max_timeout_seconds),
        "nonce": create_nonce(),
    }
    return ExactEIP3009Authorization(**{**fields, **changes})


def signature_of(
    wallet: LocalAccount,
    terms: PaymentRequired,
    signed: ExactEIP3009Authorization,
    *,
    network: str | None = None,
) -> bytes:
    """The 65 bytes (r, s, v) of ``wallet`` under ``signed``, for the token that ``terms`` name."""
    [accepted] = terms.accepts
    digest = hash_eip3009_authorization(
        signed,
        get_evm_chain_id(network or accepted.network),
        accepted.asset,
        accepted.extra["name"],
        accepted.extra["version"],
    )
    return bytes(Account.unsafe_sign_hash(digest, wallet.key).signature)


def payload(
    terms: PaymentRequired, signed: ExactEIP3009Authorization, signature: bytes
) -> PaymentPayload:
    """The payment as it goes into the header."""
    [accepted] = terms.accepts
    proof = ExactEIP3009Payload(authorization=signed, signature="0x" + signature.hex())
    return PaymentPayload(
        payload=proof.to_dict(),
        accepted=accepted.model_copy(deep=True),
        resource=terms.resource,
    )


def payment(wallet: LocalAccount, terms: PaymentRequired, **changes: str) -> PaymentPayload:
    """A payment of ``wallet``; ``changes`` are fields of the authorization, signed as changed."""
    signed = authorization(wallet, terms, **changes)
    return payload(terms, signed, signature_of(wallet, terms, signed))


def with_terms(wallet: LocalAccount, terms: PaymentRequired, **changes: Any) -> PaymentPayload:
    """A payment that is signed well and claims to accept other terms than were offered."""
    made = payment(wallet, terms)
    return made.model_copy(update={"accepted": made.accepted.model_copy(update=changes)})


def malleable_twin(signature: bytes) -> bytes:
    """The other signature that recovers to the same key (s above half the curve's order)."""
    s = CURVE_ORDER - int.from_bytes(signature[32:64], "big")
    return signature[:32] + s.to_bytes(32, "big") + bytes([55 - signature[64]])
