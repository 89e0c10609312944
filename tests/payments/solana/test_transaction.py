"""What a payer signed on Solana: read within bounds, and held against the terms."""

from base64 import b64decode, b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from solders.hash import Hash
from solders.instruction import AccountMeta
from solders.keypair import Keypair
from solders.message import MessageAddressTableLookup, MessageV0, to_bytes_versioned
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.system_program import AdvanceNonceAccountParams, advance_nonce_account
from solders.transaction import VersionedTransaction
from x402.mechanisms.svm.constants import LIGHTHOUSE_PROGRAM_ADDRESS, TOKEN_2022_PROGRAM_ADDRESS
from x402.mechanisms.svm.utils import derive_ata

from app.errors import InvalidPayment, PaymentRefused
from app.payments.solana.transaction import MAX_BYTES, Transfer, transfer_in
from tests.support.solana_payments import (
    FEE_PAYER,
    NETWORK,
    OTHER,
    PAYEE,
    PAYER,
    PRICE,
    TERMS,
    USDC,
    Order,
    decoded,
    encoded,
    instruction,
    memo,
    name_on_chain,
    payload,
    signed,
)

READ = "not a payment of the exact scheme on Solana: "


def transfer(**changes: Any) -> Transfer:
    return transfer_in(payload(**changes))


def unreadable(given: object) -> str:
    with pytest.raises(InvalidPayment) as refused:
        transfer_in(given)
    text = str(refused.value)
    assert text.startswith(READ)
    return text.removeprefix(READ)


# --- what is read ---------------------------------------------------------------------------


@pytest.mark.parametrize("legacy", [False, True])
def test_a_payment_is_read(legacy: bool) -> None:
    blockhash = Hash.new_unique()
    sent = payload(legacy=legacy, blockhash=blockhash)
    read = transfer_in(sent)
    assert (read.payer, read.fee_payer) == (str(PAYER.pubkey()), str(FEE_PAYER.pubkey()))
    assert (read.source, read.destination) == (
        derive_ata(str(PAYER.pubkey()), USDC),
        derive_ata(PAYEE, USDC),
    )
    assert (read.mint, read.amount, read.blockhash) == (USDC, str(PRICE), str(blockhash))
    assert read.payload.transaction == sent["transaction"]
    read.require_pays(TERMS)


def test_the_place_of_the_fee_payers_signature_changes_nothing() -> None:
    """Its facilitator writes it; a caller who writes there has not another payment."""
    sent = payload()
    scribbled = bytearray(b64decode(sent["transaction"]))
    scribbled[1:65] = bytes(range(64))
    read, again = transfer_in(sent), transfer_in(encoded(bytes(scribbled)))
    assert read == again
    assert again.payload.transaction == sent["transaction"]


def test_members_that_are_not_known_are_left_out() -> None:
    assert transfer_in({**payload(), "more": 1})


def test_wallets_may_add_checks_of_their_own() -> None:
    check = instruction(LIGHTHOUSE_PROGRAM_ADDRESS, b"\x01")
    transfer(after=(check, check, memo(), check)).require_pays(TERMS)


def test_a_payment_without_a_memo_is_read() -> None:
    transfer(after=()).require_pays(TERMS)


def test_a_token_of_the_newer_program_is_read_and_is_not_ours() -> None:
    read = transfer(program=TOKEN_2022_PROGRAM_ADDRESS, mint=OTHER)
    assert refusal(read) == "invalid_exact_svm_payload_mint_mismatch"


# --- what is not read -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (None, "Expected `object`, got `null`"),
        ({}, "Object missing required field `transaction`"),
        ({"transaction": 1}, "Expected `str`, got `int`"),
        ({"transaction": "A" * 1645}, "Expected `str` of length <= 1644"),
        ({"transaction": ""}, "it is not a transaction"),
        ({"transaction": "AAA"}, "it is not a transaction"),
        ({"transaction": "AA=A"}, "it is not a transaction"),
        ({"transaction": " AAAA"}, "it is not a transaction"),
        ({"transaction": "ÄAAA"}, "it is not a transaction"),
        ({"transaction": "AAAA"}, "it is not a transaction"),
    ],
)
def test_what_has_not_the_form_is_not_read(given: object, why: str) -> None:
    assert unreadable(given).startswith(why)


def test_a_transaction_of_the_largest_size_is_read() -> None:
    least = len(bytes(signed(Order(after=(memo(b""),)))))
    text = b"x" * (MAX_BYTES - least - 1)  # its length takes a second byte
    assert len(b64decode(payload(after=(memo(text),))["transaction"])) == MAX_BYTES
    transfer(after=(memo(text),)).require_pays(TERMS)


def test_bytes_after_the_transaction_are_not_read() -> None:
    whole = b64decode(payload()["transaction"])
    assert unreadable(encoded(whole + b"\0")) == "it is not a transaction alone"
    assert unreadable(encoded(whole[:-1])) == "it is not a transaction"


def test_an_index_beyond_the_accounts_is_not_read() -> None:
    whole = bytearray(b64decode(payload(after=())["transaction"]))
    account = whole.index(bytes([12]) + PRICE.to_bytes(8, "little")) - 2
    whole[account] = 200
    assert unreadable(encoded(bytes(whole))) == "it is not a transaction"


def test_accounts_in_a_lookup_table_are_not_read() -> None:
    message = Order().message()
    assert isinstance(message, MessageV0)
    table = MessageAddressTableLookup(Pubkey.new_unique(), bytes([0]), b"")
    hidden = MessageV0(
        message.header,
        message.account_keys,
        message.recent_blockhash,
        message.instructions,
        [table],
    )
    signature = PAYER.sign_message(to_bytes_versioned(hidden))
    whole = VersionedTransaction.populate(hidden, [Signature.default(), signature])
    assert "lookup table" in unreadable(encoded(bytes(whole)))


TWO = "it must have two signatures, the payer's and the fee payer's"
ONE_TRANSFER = "it must have one transfer of a token"
CHECKED = "it must move the token by TransferChecked"
SECOND = "its second signature must be that of the payer, who pays somebody else"
SIGNER = AccountMeta(Pubkey.new_unique(), is_signer=True, is_writable=False)
ACCOUNT = AccountMeta(Pubkey.new_unique(), is_signer=False, is_writable=False)
SYSTEM = "it calls the program 11111111111111111111111111111111"
NONCE = AdvanceNonceAccountParams(
    nonce_pubkey=Pubkey.new_unique(), authorized_pubkey=PAYER.pubkey()
)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"extra_accounts": (SIGNER,)}, TWO),
        ({"extra_accounts": (ACCOUNT,)}, CHECKED),
        ({"kind": 3}, CHECKED),
        ({"after": (Order().transfer(),)}, ONE_TRANSFER),
        ({"program": LIGHTHOUSE_PROGRAM_ADDRESS}, ONE_TRANSFER),
        ({"program": OTHER}, f"it calls the program {OTHER}"),
        ({"before": (advance_nonce_account(NONCE),)}, SYSTEM),
        ({"after": (instruction(OTHER, b""),)}, f"it calls the program {OTHER}"),
        ({"source": derive_ata(PAYEE, USDC)}, SECOND),
    ],
    ids=[
        "a third signature",
        "a fifth account",
        "another instruction of the token",
        "two transfers",
        "no transfer",
        "a program that is not known",
        "a durable nonce",
        "a program after it",
        "to itself",
    ],
)
def test_another_shape_is_not_read(changes: dict[str, Any], why: str) -> None:
    assert unreadable(payload(**changes)) == why


@pytest.mark.parametrize("data", [bytes([12]) + bytes(8), bytes([12]) + bytes(10)])
def test_a_transfer_of_another_length_is_not_read(data: bytes) -> None:
    right = Order().transfer()
    wrong = instruction(str(right.program_id), data, *right.accounts)
    message = MessageV0.try_compile(FEE_PAYER.pubkey(), [wrong], [], Hash.new_unique())
    whole = VersionedTransaction.populate(message, [Signature.default()] * 2)
    assert unreadable(encoded(bytes(whole))) == CHECKED


def test_the_second_signer_must_be_the_payer() -> None:
    """Else somebody's delegate or a stranger would be charged with the request."""
    stranger = AccountMeta(Pubkey.from_string(OTHER), is_signer=True, is_writable=True)
    right = Order().transfer()
    accounts = [
        *right.accounts[:3],
        AccountMeta(PAYER.pubkey(), is_signer=False, is_writable=False),
    ]
    transfer = instruction(str(right.program_id), bytes(right.data), *accounts)
    instructions = [transfer, instruction(str(memo().program_id), b"", stranger)]
    message = MessageV0.try_compile(FEE_PAYER.pubkey(), instructions, [], Hash.new_unique())
    whole = VersionedTransaction.populate(message, [Signature.default()] * 2)
    assert unreadable(encoded(bytes(whole))) == SECOND


WHOLE = b64decode(payload()["transaction"])


@given(
    changes=st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), max_size=6),
    length=st.integers(0, MAX_BYTES),
    more=st.binary(max_size=80),
)
def test_whatever_bytes_come_they_are_read_or_refused(
    changes: list[tuple[int, int]], length: int, more: bytes
) -> None:
    changed = bytearray(WHOLE)
    for place, byte in changes:
        changed[place] = byte
    given = encoded(bytes(changed[:length] + more)[:MAX_BYTES])
    try:
        read = transfer_in(given)
    except InvalidPayment:
        return
    assert transfer_in({"transaction": read.payload.transaction}) == read


# --- what is held against the terms ---------------------------------------------------------


def refusal(read: Transfer) -> str:
    with pytest.raises(PaymentRefused) as refused:
        read.require_pays(TERMS)
    assert refused.value.detail
    return refused.value.reason


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"fee_payer": OTHER}, "invalid_exact_svm_fee_payer_mismatch"),
        ({"mint": OTHER}, "invalid_exact_svm_payload_mint_mismatch"),
        ({"payee": OTHER}, "invalid_exact_svm_payload_recipient_mismatch"),
        ({"destination": PAYEE}, "invalid_exact_svm_payload_recipient_mismatch"),
        ({"amount": PRICE - 1}, "invalid_exact_svm_payload_amount_mismatch"),
        ({"amount": PRICE + 1}, "invalid_exact_svm_payload_amount_mismatch"),
        ({"amount": 2**64 - 1}, "invalid_exact_svm_payload_amount_mismatch"),
    ],
)
def test_a_payment_that_does_not_suffice_is_refused(changes: dict[str, Any], reason: str) -> None:
    assert refusal(transfer(**changes)) == reason


def test_a_signature_of_another_is_refused() -> None:
    message = Order().message()
    forged = Keypair().sign_message(to_bytes_versioned(message))
    whole = VersionedTransaction.populate(message, [Signature.default(), forged])
    read = transfer_in(encoded(bytes(whole)))
    assert refusal(read) == "invalid_exact_svm_payload_signature_invalid"


def test_terms_without_a_fee_payer_are_met_by_nothing() -> None:
    with pytest.raises(PaymentRefused, match="not the feePayer of the terms"):
        transfer().require_pays(TERMS.model_copy(update={"extra": {}}))


# --- which payment it is --------------------------------------------------------------------


def test_the_message_makes_the_payment() -> None:
    first, second = transfer(), transfer()
    key = first.identity(NETWORK, USDC).key
    assert key.startswith(f"{NETWORK}:{USDC}:{PAYER.pubkey()}:")
    assert key != second.identity(NETWORK, USDC).key
    assert key != first.identity("solana:elsewhere", USDC).key


def test_the_signature_opens_its_receipt() -> None:
    """A message is public once it is on chain; who asks for its answer must show the signature."""
    sent = payload()
    forged = bytearray(b64decode(sent["transaction"]))
    forged[70] ^= 1
    read, other = (transfer_in(each) for each in (sent, encoded(bytes(forged))))
    ours, theirs = (each.identity(NETWORK, USDC) for each in (read, other))
    assert ours.key == theirs.key
    assert ours.fingerprint != theirs.fingerprint


def test_the_name_on_chain_is_the_fee_payers_signature() -> None:
    sent = payload()
    read = transfer_in(sent)
    assert read.is_named_by(name_on_chain(sent))
    assert not read.is_named_by(name_on_chain(payload()))
    assert not read.is_named_by(name_on_chain(sent, Keypair()))
    assert not read.is_named_by(str(decoded(sent).signatures[1]))


@pytest.mark.parametrize("name", ["", "0", "x" * 88, "1" * 64, b64encode(bytes(64)).decode()])
def test_free_text_names_no_transaction(name: str) -> None:
    assert not transfer().is_named_by(name)


def test_a_claim_ends_after_the_blockhash() -> None:
    assert transfer().valid_before(1_000.5) == 1_120.5
