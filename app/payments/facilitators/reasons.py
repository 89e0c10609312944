"""Which failure of a settlement is known to be final: the reason codes after which no money moves.

Strategy: a list of what is final, not of what is in doubt. A code that nobody here knows, free text
and no reason at all leave the outcome unknown: that costs its payer minutes, and a wrong "refused"
a second charge. The codes are those of section 9 of the x402 specification, of the SDK's ``exact``
schemes, which x402.org and PayAI run, and of CDP's error reference.

Left out on purpose: ``transaction_failed`` (the SDK also says it when a broadcast breaks off, and
with a hash when it cannot note that a transaction is under way), ``invalid_transaction_state``,
``invalid_exact_evm_verification_failed`` and ``settle_exact_svm_block_height_exceeded`` (CDP: the
payment may have landed), ``invalid_exact_evm_transfer_event_mismatch`` (the transaction succeeded),
``duplicate_settlement`` (another one is under way), ``unknown_error`` and every ``unexpected_…``.
"""

from x402.mechanisms.evm import constants as evm

UNDER_WAY = frozenset(
    {
        evm.ERR_SETTLEMENT_PENDING,
        "settle_exact_evm_transaction_confirmation_timed_out",
        "settle_exact_svm_transaction_confirmation_timed_out",
        "settle_exact_node_failure",
    }
)
"""The transaction that such an answer names was broadcast, and may be confirmed later."""

REVERTED = "settle_exact_failed_onchain"
"""The transaction that is named was mined, and moved nothing."""

NOT_SERVED = "request_blocked_by_location"
"""The facilitator does not serve us. No payer can help it."""

FINAL = frozenset(
    {
        REVERTED,
        # section 9 of the specification
        "insufficient_funds",
        "invalid_network",
        "invalid_payload",
        "invalid_payment_requirements",
        "invalid_scheme",
        "invalid_x402_version",
        # CDP
        "amount_too_low",
        "invalid_amount",
        "invalid_bazaar_extension",
        "kyt_risk_detected",
        "permit2_disabled",
        "preflight_validation_failed",
        "self_send_not_allowed",
        "unsupported_payload_type",
        # the SDK's scheme on EVM networks, by what it finds before it broadcasts
        evm.ERR_ASSET_NOT_DEPLOYED_CONTRACT,
        evm.ERR_EIP3009_NOT_SUPPORTED,
        evm.ERR_FACTORY_NOT_ALLOWED,
        evm.ERR_FAILED_TO_GET_ASSET_INFO,
        evm.ERR_FAILED_TO_GET_NETWORK_CONFIG,
        evm.ERR_FAILED_TO_VERIFY_SIGNATURE,
        evm.ERR_INSUFFICIENT_BALANCE,
        evm.ERR_MISSING_EIP712_DOMAIN,
        evm.ERR_NETWORK_MISMATCH,
        evm.ERR_NONCE_ALREADY_USED,
        evm.ERR_SMART_WALLET_DEPLOYMENT_FAILED,
        evm.ERR_TOKEN_NAME_MISMATCH,
        evm.ERR_TOKEN_VERSION_MISMATCH,
        evm.ERR_TRANSACTION_SIMULATION_FAILED,
        evm.ERR_UNSUPPORTED_SCHEME,
        # the SDK's scheme on Solana, likewise
        "fee_payer_not_managed_by_facilitator",
        "transaction_simulation_failed",
    }
)

NO_FUNDS = evm.ERR_INSUFFICIENT_BALANCE
"""The payer has not the money, and has not used the nonce: the SDK and the token look at that
first. Others' ``insufficient_funds`` may be said of a payer who has just paid us all that he had.
"""

FAMILIES = (
    "invalid_exact_evm_payload_",
    "invalid_exact_evm_permit2_payload_",
    "invalid_exact_svm_payload",
)
"""Codes that begin like this name a fault of the payload: it was never broadcast."""


def is_final(reason: str, transaction: str) -> bool:
    """Whether a failure for ``reason`` says for certain that the money did not move.

    ``transaction`` is the hash that the answer names, empty if it names none. An answer that names
    one has broadcast it, whatever else it says. That holds for the first attempt only: once a
    settlement may have been sent, no failure is final.
    """
    if transaction:
        return reason == REVERTED
    return reason in FINAL or reason.startswith(FAMILIES)
