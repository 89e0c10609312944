"""Addresses on Solana: a payee's wallet, and the account that holds its token."""

from collections.abc import Iterator
from functools import lru_cache

from solders.pubkey import Pubkey
from solders.token.associated import get_associated_token_address

from app.payments.solana.networks import stablecoin, token_program

ADDRESS_LENGTH = 44
"""The most characters of an address; a secret key has twice as many."""


def parsed_address(text: str) -> Pubkey | None:
    """The address that ``text`` is in base58; ``None`` if it is none."""
    try:
        return Pubkey.from_string(text)
    except ValueError:
        return None


def payee_errors(pay_to: str) -> Iterator[str]:
    """The reasons why money would not reach ``pay_to``.

    A payee is a wallet. What is not a point on the curve has no key: that is how the address of a
    token account looks, and money sent to the token account *of* a token account is lost.
    """
    address = parsed_address(pay_to)
    if address is None:
        given = f"{pay_to!r} " if len(pay_to) <= ADDRESS_LENGTH else ""  # a longer one may be a key
        yield f"{given}is not a Solana address: 32 bytes in base58, 32 to 44 characters"
    elif not address.is_on_curve():
        yield (
            f"{pay_to!r} is no wallet's address; if it is that of a token account, "
            f"write the address of the wallet that owns it"
        )
    elif address == Pubkey.default():
        yield f"{pay_to!r} is the system program, and no wallet's address"


@lru_cache
def token_account_of(owner: str, network: str) -> str:
    """The associated account in which ``owner`` holds the token asked for on ``network``.

    Raises ``ValueError`` if ``owner`` is not an address.
    """
    mint, program = stablecoin(network), token_program(network)
    return str(
        get_associated_token_address(
            Pubkey.from_string(owner), Pubkey.from_string(mint), Pubkey.from_string(program)
        )
    )
