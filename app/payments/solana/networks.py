"""The Solana networks: names, token, who pays the fees. Nothing here loads ``solders``."""

import re
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec

from x402.mechanisms.svm.constants import V1_TO_V2_NETWORK_MAP
from x402.mechanisms.svm.default_assets import get_default_asset
from x402.schemas import SupportedKind, SupportedResponse

NETWORKS: Mapping[str, str] = V1_TO_V2_NETWORK_MAP
"""CAIP-2 names by the names that people use: ``solana``, ``solana-devnet``, ``solana-testnet``."""

NETWORK_NAMES: Mapping[str, str] = {
    NETWORKS["solana"]: "Solana",
    NETWORKS["solana-devnet"]: "Solana Devnet (test money)",
    NETWORKS["solana-testnet"]: "Solana Testnet (test money)",
}
"""What a network is called in a text, by its CAIP-2 name."""

FAMILY = "solana"
"""The CAIP-2 namespace."""

MAX_TIMEOUT_SECONDS = 60
"""How long a payer may take from the terms to the payment: about as long as a blockhash is valid.
"""

LIFETIME_SECONDS = 120
"""Longer than a blockhash, and so a transaction, is valid: 150 blocks, which take 60 to 90 seconds.
"""

_ADDRESS = re.compile(r"\A[1-9A-HJ-NP-Za-km-z]{32,44}\Z")

NOT_INSTALLED = "Solana needs the extra of that name: pip install 'oncall-rotation[solana]'"


def is_solana(network: str) -> bool:
    """Whether a CAIP-2 name is that of a Solana network."""
    return network.startswith(FAMILY + ":")


@cache
def is_installed() -> bool:
    """Whether payments on Solana can be read here."""
    return find_spec("solders") is not None


def stablecoin(network: str) -> str:
    """The mint of the token that is asked for on ``network``."""
    return get_default_asset(network)["asset"]


def token_program(network: str) -> str:
    """The program that moves the token that is asked for on ``network``."""
    return get_default_asset(network)["token_program"]


def supported_kind(network: str, fee_payer: str) -> SupportedKind:
    """The way to pay on ``network`` as a facilitator with this ``fee_payer`` lists it."""
    extra = {"feePayer": fee_payer}
    return SupportedKind(x402_version=2, scheme="exact", network=network, extra=extra)


def fee_payer_in(supported: SupportedResponse, network: str, current: str = "") -> str | None:
    """The account that pays the fees of a payment on ``network``; ``None`` if there is none.

    A facilitator may have several and name another one each time. ``current``, which is in the
    terms, stays as long as the facilitator has it: a payment repeats the terms that it was asked.
    """
    names = (network, f"{FAMILY}:*")
    offered = [
        str((kind.extra or {}).get("feePayer"))
        for kind in supported.kinds
        if (kind.x402_version, kind.scheme) == (2, "exact") and kind.network in names
    ]
    offered = [each for each in offered if _ADDRESS.match(each)]
    signers = [signer for name in names for signer in supported.signers.get(name, ())]
    if offered and current in (*offered, *signers):
        return current
    return next(iter(offered), None)
