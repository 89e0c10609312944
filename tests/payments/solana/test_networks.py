"""What is known of the Solana networks without asking, and what a facilitator adds."""

import subprocess
import sys
from typing import Any

import pytest
from x402 import x402ResourceServer
from x402.mechanisms.svm.constants import SOLANA_DEVNET_CAIP2, SOLANA_MAINNET_CAIP2
from x402.mechanisms.svm.exact.register import register_exact_svm_server
from x402.schemas import ResourceConfig, SupportedKind, SupportedResponse

from app.payments.networks import network_errors, payee_errors
from app.payments.solana import networks
from app.payments.solana.networks import fee_payer_in, is_solana, stablecoin, supported_kind
from tests.support.processes import ROOT

FEE1, FEE2 = "1" * 32, "z" * 44
MAIN, DEV = SOLANA_MAINNET_CAIP2, SOLANA_DEVNET_CAIP2


class Facilitator:
    """What the SDK's server asks of a facilitator at its construction."""

    def get_supported(self) -> SupportedResponse:
        return SupportedResponse(kinds=[supported_kind(DEV, FEE1)])


def test_terms_name_the_token_and_who_pays_the_fees() -> None:
    server = x402ResourceServer(Facilitator())  # type: ignore[arg-type]
    register_exact_svm_server(server, DEV)
    server.initialize()
    asked = ResourceConfig(
        scheme="exact",
        pay_to="P",
        price="$0.02",
        network=DEV,
        max_timeout_seconds=networks.MAX_TIMEOUT_SECONDS,
    )
    [terms] = server.build_payment_requirements(asked)
    assert (terms.amount, terms.asset, terms.extra) == (
        "20000",
        stablecoin(DEV),
        {"feePayer": FEE1},
    )
    assert terms.max_timeout_seconds == 60


def test_networks_are_found_by_the_names_that_people_use() -> None:
    assert networks.NETWORKS["solana"] == MAIN
    assert networks.NETWORK_NAMES[DEV] == "Solana Devnet (test money)"
    assert set(networks.NETWORK_NAMES) == set(networks.NETWORKS.values())
    assert is_solana(MAIN)
    assert not is_solana("eip155:8453")
    assert stablecoin(MAIN) == "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"
    assert networks.token_program(MAIN) == "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA"


def test_what_reads_payments_may_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert networks.is_installed()
    monkeypatch.setattr(networks, "find_spec", lambda _: None)
    networks.is_installed.cache_clear()
    try:
        assert not networks.is_installed()
        assert list(network_errors(networks.NETWORKS["solana"])) == [networks.NOT_INSTALLED]
        assert list(payee_errors(networks.NETWORKS["solana"], "nobody")) == []
    finally:
        networks.is_installed.cache_clear()


def test_a_service_without_solana_loads_nothing_of_it() -> None:
    terms = "x402.mechanisms.svm.exact.register, x402.mechanisms.svm.exact.server"
    program = f"import app.main, app.payments.solana.networks, {terms}, sys; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert not {"solders", "solana"} & set(done.stdout.split())


def test_reading_payments_loads_no_solana_client() -> None:
    program = "import app.payments.solana.chain, sys; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    assert "solders" in loaded
    assert not {"solana", "httpx2"} & loaded


def kind(fee_payer: object = FEE1, **changes: Any) -> SupportedKind:
    fields = {
        "x402_version": 2,
        "scheme": "exact",
        "network": MAIN,
        "extra": {"feePayer": fee_payer},
    }
    return SupportedKind(**{**fields, **changes})


@pytest.mark.parametrize(
    ("kinds", "signers", "current", "fee_payer"),
    [
        ([kind()], {}, "", FEE1),
        ([kind(FEE1), kind(FEE2)], {}, "", FEE1),
        ([kind(FEE1), kind(FEE2)], {}, FEE2, FEE2),
        ([kind()], {"solana:*": [FEE1, FEE2]}, FEE2, FEE2),
        ([kind()], {MAIN: [FEE2]}, FEE2, FEE2),
        ([kind()], {"eip155:*": [FEE2], DEV: [FEE2]}, FEE2, FEE1),
        ([kind()], {"solana:*": [FEE2]}, "", FEE1),
        ([kind(network="solana:*")], {}, "", FEE1),
        ([kind(network=DEV), kind(FEE2)], {}, "", FEE2),
        ([kind(x402_version=1), kind(FEE2)], {}, "", FEE2),
        ([kind(scheme="upto"), kind(FEE2)], {}, "", FEE2),
        ([kind(extra=None), kind(FEE2)], {}, "", FEE2),
        ([kind("1" * 31), kind("z" * 45), kind("0" * 32), kind(FEE2)], {}, "", FEE2),
        ([kind(7), kind(FEE2)], {}, "", FEE2),
        ([kind(extra=None)], {"solana:*": [FEE2]}, FEE2, None),
        ([], {}, FEE1, None),
    ],
)
def test_who_pays_the_fees(
    kinds: list[SupportedKind], signers: dict[str, list[str]], current: str, fee_payer: str | None
) -> None:
    supported = SupportedResponse(kinds=kinds, signers=signers)
    assert fee_payer_in(supported, MAIN, current) == fee_payer
