"""The chain, the facilitator and the service, each started once; payers with fresh keys.

What is not installed skips the tests with the reason, and fails them where ``CI`` is set.
"""

import os
import shutil
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import NoReturn

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount

from tests.support.chain.books import Books, Row, received, table
from tests.support.chain.chain import Chain, anvil_binary, has_vyper, local_chain
from tests.support.chain.service import Service, local_facilitator, local_service
from tests.support.chain.solana_chain import (
    SolanaChain,
    local_solana,
    local_solana_facilitator,
)
from tests.support.processes import ROOT, tail

FUNDS = 1_000_000
"""What a payer starts with: one dollar."""

EXAMPLES = ROOT / "examples"

ROWS = pytest.StashKey[list[Row]]()
LOGS = pytest.StashKey[Path]()
RECONCILED = pytest.StashKey[list[str]]()


@pytest.fixture(scope="session")
def rows(request: pytest.FixtureRequest) -> list[Row]:
    """The table of balances that is shown at the end."""
    return request.config.stash.setdefault(ROWS, [])


@pytest.fixture(scope="session")
def reconciled(request: pytest.FixtureRequest) -> list[str]:
    """The lines of the reconciliation that are shown at the end."""
    return request.config.stash.setdefault(RECONCILED, [])


@pytest.fixture(scope="session")
def logs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the processes write; shown when a test fails."""
    return request.config.stash.setdefault(LOGS, tmp_path_factory.mktemp("logs"))


@pytest.fixture(scope="session")
def npm() -> str:
    """npm, with what the TypeScript example needs installed."""
    if not (EXAMPLES / "typescript" / "node_modules" / "@x402" / "fetch").exists():
        absent("@x402/fetch")
    return shutil.which("npm") or absent("npm")


@pytest.fixture(scope="session")
def chain(logs: Path) -> Iterator[Chain]:
    if not has_vyper():
        absent("vyper")
    with local_chain(anvil_binary() or absent("anvil"), logs) as chain:
        yield chain


@pytest.fixture(scope="session")
def facilitator_url(chain: Chain, logs: Path) -> Iterator[str]:
    with local_facilitator(chain, logs) as url:
        yield url


@pytest.fixture(scope="session")
def solana(logs: Path) -> Iterator[SolanaChain]:
    with local_solana(logs) as chain:
        yield chain


@pytest.fixture(scope="session")
def solana_facilitator_url(solana: SolanaChain, logs: Path) -> Iterator[str]:
    with local_solana_facilitator(solana, logs) as url:
        yield url


@pytest.fixture(scope="session")
def service(chain: Chain, facilitator_url: str, logs: Path, rows: list[Row]) -> Iterator[Service]:
    """The service. In the end it has been paid what the tests saw and nothing in between."""
    with local_service(facilitator_url, logs) as service:
        yield service
    assert chain.balance_of(service.payee) == received(rows, service.payee)


@pytest.fixture
def payer(chain: Chain) -> LocalAccount:
    """A fresh wallet with a dollar in it."""
    wallet: LocalAccount = Account.create()
    chain.mint(wallet.address, FUNDS)
    return wallet


@pytest.fixture
def open_books(
    chain: Chain, rows: list[Row], request: pytest.FixtureRequest
) -> Callable[[LocalAccount, Service], Books]:
    """Opens the books of the test's case on a payer and the service."""

    def opened(payer: LocalAccount, service: Service) -> Books:
        case = request.node.name.removeprefix("test_").replace("_", " ")
        return Books(chain, rows, case, payer.address, service.payee)

    return opened


def absent(what: str) -> NoReturn:
    reason = f"{what} is not installed: python scripts/chain.py installs it"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker("chain")
            item.add_marker("redis")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failure shows what the processes wrote last."""
    report = yield
    if report.failed and (folder := item.config.stash.get(LOGS, None)):
        report.sections += [
            (f"end of {log.name}", tail(log)) for log in sorted(folder.glob("*.log"))
        ]
    return report


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """The balances, read on the chain before and after every case, and the reconciliation."""
    if rows := config.stash.get(ROWS, []):
        terminalreporter.section("balances on the local chain, in USDC")
        for line in table(rows):
            terminalreporter.write_line(line)
    if lines := config.stash.get(RECONCILED, []):
        terminalreporter.section("reconciliation of answers and money")
        for line in lines:
            terminalreporter.write_line(line)
