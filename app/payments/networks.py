"""The networks that money can be asked for on, their names, tokens and addresses of payees."""

from collections.abc import Iterator

from eth_utils.address import is_checksum_address, is_hex_address, to_checksum_address
from x402.mechanisms.evm.default_assets import DEFAULT_ASSETS, get_default_asset
from x402.mechanisms.evm.utils import get_evm_chain_id
from x402.mechanisms.evm.v1.constants import V1_NETWORK_CHAIN_IDS
from x402.schemas import SupportedKind

from app.similar import most_similar

SCHEME = "exact"
ADDRESS_LENGTH = 42
PREFERRED_NETWORKS = ("eip155:8453", "eip155:84532")
"""Base comes first: a client takes the first way that its own filters leave, and most have funds
there."""


def stablecoin(network: str) -> str:
    """The address of the token that is asked for on ``network``."""
    return get_default_asset(network)["asset"]


def version_1_name(network: str) -> str | None:
    """Version 1's name of a CAIP-2 network, such as ``base-sepolia``; ``None`` if it has none."""
    chain_id = get_evm_chain_id(network)
    names = (name for name, known in V1_NETWORK_CHAIN_IDS.items() if known == chain_id)
    return next(names, None)


def version_1_network(name: str) -> str:
    """The CAIP-2 name of a network that version 1 calls ``name``. Raises ``ValueError``."""
    try:
        return f"eip155:{V1_NETWORK_CHAIN_IDS[name]}"
    except KeyError:
        raise ValueError(name) from None


def supported_kinds(network: str) -> list[SupportedKind]:
    """The ways to pay on ``network`` as a facilitator lists them: the ``exact`` scheme's."""
    kinds = [SupportedKind(x402_version=2, scheme=SCHEME, network=network)]
    network_v1 = version_1_name(network)
    if network_v1 is not None:
        kinds.append(SupportedKind(x402_version=1, scheme=SCHEME, network=network_v1))
    return kinds


def payable_networks() -> list[str]:
    """The networks whose default stablecoin takes EIP-3009 authorizations, as CAIP-2 names."""
    return [
        network
        for network, assets in DEFAULT_ASSETS.items()
        if "asset_transfer_method" not in assets[0]
    ]


def caip_2_name(network: str) -> str:
    """The CAIP-2 name of a network that has a short one, such as ``base``; others as they are."""
    return short_names().get(network, network)


def short_names() -> dict[str, str]:
    """The CAIP-2 names of the payable networks that have a short one, by that."""
    payable = payable_networks()
    names = {name: f"eip155:{chain_id}" for name, chain_id in V1_NETWORK_CHAIN_IDS.items()}
    return {name: network for name, network in names.items() if network in payable}


def network_errors(network: str) -> Iterator[str]:
    """The reason why money cannot be asked for on ``network`` (CAIP-2)."""
    if network in payable_networks():
        return
    names = short_names()
    close = most_similar(network.lower().replace(" ", "-"), names, at_least=0.75)
    if close:
        yield f"{network!r} is not a network; did you mean {close}, which is {names[close]}?"
    else:
        yield f"{network!r} is not one of {', '.join([*names, *payable_networks()])}"


def payee_errors(pay_to: str) -> Iterator[str]:
    """The reason why money would not reach ``pay_to``."""
    if not is_hex_address(pay_to) or int(pay_to, 16) == 0:
        given = f"{pay_to!r} " if len(pay_to) <= ADDRESS_LENGTH else ""  # a longer one may be a key
        yield f"{given}is not an address: 0x and 40 hexadecimal digits"
    elif not is_checksum_address(pay_to):
        yield (
            f"{pay_to!r} does not have its EIP-55 checksum, which guards against typing errors; "
            f"if the address is right, write {to_checksum_address(pay_to)}"
        )
