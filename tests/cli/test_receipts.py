"""The command ``receipts``: the ledger as people and programs read it."""

import asyncio
import csv
import json
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from io import StringIO
from pathlib import Path

import msgspec
import pytest

from app.__main__ import main
from app.database.database import Database
from app.database.revision import REVISION
from app.ledger.store import insert_settlements
from app.payments.claims.claimed_payment import Settlement
from app.payments.claims.receipt import Receipt
from app.payments.claims.redis import RedisClaims
from tests.support.databases import migrate
from tests.support.ledger import claimed, settlement
from tests.support.processes import free_port
from tests.support.redis_server import redis_server
from tests.support.services import NETWORK, PAY_TO, USDC

DAY = 86_400
FIRST = 20_000 * DAY
"""2024-10-04, midnight in UTC."""
SOLD = [
    settlement(1, settled_at=float(FIRST - 1)),
    settlement(2, settled_at=float(FIRST)),
    settlement(3, settled_at=FIRST + 0.5, product="oncall-now", amount="10000"),
    settlement(4, settled_at=float(FIRST + DAY)),
]


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command in this process; its status, its output and its words on standard error."""

    def ran(*arguments: str, **variables: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["oncall", "receipts", *arguments])
        monkeypatch.setenv("ONCALL_DATABASE_URL", "none")
        for name, text in {"COLUMNS": "60", **variables}.items():
            monkeypatch.setenv(name, text)
        with pytest.raises(SystemExit) as ended:
            main()
        out, error = capsys.readouterr()
        status = ended.value.code or 0
        if isinstance(status, str):
            status, error = 1, error + status
        return status, out, " ".join(error.replace("│", " ").split())

    return ran


async def kept(url: str, settlements: Sequence[Settlement]) -> None:
    """Insert settlements into a database, as the task does."""
    database = Database(url)
    await database.open()
    await database.write(partial(insert_settlements, written=settlements))
    await database.aclose()


async def sold(redis_url: str, key: str, transaction: str) -> None:
    """Settle a payment, so that it enters the stream."""
    claims = RedisClaims(redis_url, lease_seconds=60)
    claim = await claims.claim(key, b"hash", time.time() + 60, claimed())
    receipt = Receipt("0xaa", "20000", NETWORK, transaction, "abc", FIRST + 0.25, "header")
    await claims.mark_settled(key, claim.holder, receipt)
    await claims.aclose()


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The URL of a database with settlements in it."""
    url = f"sqlite:///{tmp_path_factory.mktemp('ledger') / 'oncall.db'}"
    asyncio.run(migrate(url))
    asyncio.run(kept(url, SOLD[::-1]))
    return url


def listed(text: str) -> list[str]:
    """The transactions in a printed CSV, by their last digit."""
    return [row["transaction"][-1] for row in csv.DictReader(StringIO(text))]


# --- forms ----------------------------------------------------------------------------------


def test_a_table_has_whole_hashes_however_narrow_the_terminal(run: Run, ledger: str) -> None:
    status, text, _ = run(ONCALL_DATABASE_URL=ledger)
    assert status == 0
    lines = text.splitlines()
    assert lines[0].split() == [
        *("settled", "at", "product", "amount", "network"),
        *("payer", "payee", "transaction", "request"),
    ]
    assert "2024-10-03 23:59:59Z  oncall-rotation  0.020000 USDC" in lines[1]
    assert [f"0x{number:064x}" in lines[number] for number in (1, 2, 3, 4)] == [True] * 4
    assert all(PAY_TO in line and NETWORK in line for line in lines[1:5])
    totals = [line.split() for line in lines[7:11]]
    assert totals == [
        ["2024-10-03", "oncall-rotation", NETWORK, PAY_TO, "1", "0.020000", "USDC"],
        ["2024-10-04", "oncall-now", NETWORK, PAY_TO, "1", "0.010000", "USDC"],
        ["2024-10-04", "oncall-rotation", NETWORK, PAY_TO, "1", "0.020000", "USDC"],
        ["2024-10-05", "oncall-rotation", NETWORK, PAY_TO, "1", "0.020000", "USDC"],
    ]
    assert lines[-1] == "4 settlements"


def test_json_has_settlements_and_totals(run: Run, ledger: str) -> None:
    status, text, _ = run("--json", "--until", "2024-10-04", ONCALL_DATABASE_URL=ledger)
    assert status == 0
    document = json.loads(text)
    assert document["settlements"] == [
        {
            "settledAt": "2024-10-03T23:59:59.000Z",
            "product": "oncall-rotation",
            "network": NETWORK,
            "asset": USDC,
            "amountAtomic": "20000",
            "amount": "0.020000",
            "symbol": "USDC",
            "payer": SOLD[0].payer,
            "payTo": PAY_TO,
            "transaction": SOLD[0].transaction,
            "requestId": "request-1",
            "payment": SOLD[0].payment,
        }
    ]
    assert document["totals"] == [
        {
            "day": "2024-10-03",
            "product": "oncall-rotation",
            "network": NETWORK,
            "payTo": PAY_TO,
            "asset": USDC,
            "settlements": 1,
            "amountAtomic": "20000",
            "amount": "0.020000",
            "symbol": "USDC",
        }
    ]


def test_csv_is_a_line_a_settlement(run: Run, ledger: str) -> None:
    status, text, _ = run("--csv", ONCALL_DATABASE_URL=ledger)
    assert status == 0
    rows = list(csv.DictReader(StringIO(text)))
    assert listed(text) == ["1", "2", "3", "4"]
    assert rows[2]["settled_at"] == "2024-10-04T00:00:00.500Z"
    assert rows[2]["product"] == "oncall-now"


def test_what_is_not_known_is_a_dash_and_an_unknown_asset_is_counted_in_its_units(
    run: Run,
    tmp_path: Path,
) -> None:
    url = f"sqlite:///{tmp_path / 'oncall.db'}"
    asyncio.run(migrate(url))
    strange = "0x" + "99" * 20
    asyncio.run(kept(url, [settlement(1, asset=strange, product="", transaction="")]))
    status, text, _ = run(ONCALL_DATABASE_URL=url)
    assert status == 0
    assert f"-        20000 atomic units of {strange}" in text
    _, text, _ = run("--json", ONCALL_DATABASE_URL=url)
    [one] = json.loads(text)["settlements"]
    assert (one["amount"], one["symbol"], one["amountAtomic"]) == ("", "", "20000")


# --- what is wanted -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        (["--since", "2024-10-04"], "234"),
        (["--until", "2024-10-04"], "1"),
        (["--since", "2024-10-04", "--until", "2024-10-05"], "23"),
        (["--since", "2024-10-04T00:00:00.500Z"], "34"),
        (["--until", "2024-10-04T00:00:00.500Z"], "12"),
        (["--since", "2024-10-04T02:00:00+02:00"], "234"),
        (["--product", "oncall-now"], "3"),
        (["--product", "oncall-now", "--until", "2024-10-04"], ""),
        (["--product", "nothing"], ""),
    ],
)
def test_a_part_of_the_ledger(run: Run, ledger: str, options: list[str], wanted: str) -> None:
    status, text, _ = run("--csv", *options, ONCALL_DATABASE_URL=ledger)
    assert (status, "".join(listed(text))) == (0, wanted)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--since", "yesterday"], "'yesterday' is not an RFC 3339 instant"),
        (["--until", "2024-02-31"], "'2024-02-31' does not exist"),
        (["--until", "2024-10-04T00:00:00"], "or an instant such as 2026-11-01T06:00:00Z"),
        (["--since", "2024-10-04", "--until", "2024-10-04"], "is not after '2024-10-04'"),
        (["--csv", "--json"], "take one of the two"),
    ],
)
def test_what_is_no_such_part_is_said_in_words(run: Run, options: list[str], told: str) -> None:
    status, text, error = run(*options)
    assert (status, text) == (2, "")
    assert told in error


# --- where it is ----------------------------------------------------------------------------


def test_without_database_and_redis_there_is_no_ledger(run: Run, tmp_path: Path) -> None:
    status, _, error = run()
    assert status == 1
    assert "in the memory of the serving process alone" in error
    status, _, error = run(ONCALL_DATABASE_URL=f"sqlite:///{tmp_path / 'none.db'}")
    assert status == 1
    assert not list(tmp_path.iterdir()), "a database was made"


def test_a_database_that_is_not_migrated_is_named(run: Run, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'oncall.db'}"
    asyncio.run(migrate(url, "0001"))
    status, _, error = run(ONCALL_DATABASE_URL=url)
    assert status == 1
    assert f"is at migration 0001 of {REVISION}: run `python -m app migrate`" in error


def test_a_redis_that_is_away_is_named(run: Run, ledger: str) -> None:
    away = f"redis://127.0.0.1:{free_port()}/0"
    status, text, error = run(ONCALL_REDIS_URL=away, ONCALL_DATABASE_URL=ledger)
    assert (status, text) == (1, "")
    assert "Redis (ONCALL_REDIS_URL) cannot be reached" in error


@pytest.mark.redis
def test_what_stands_in_the_stream_is_listed_once_beside_the_database(
    run: Run, tmp_path: Path, ledger: str
) -> None:
    with redis_server(tmp_path) as redis_url:
        asyncio.run(sold(redis_url, SOLD[0].payment, SOLD[0].transaction))
        asyncio.run(sold(redis_url, "new", "0x" + "0" * 63 + "9"))
        stream = run("--csv", ONCALL_REDIS_URL=redis_url)
        both = run("--csv", ONCALL_REDIS_URL=redis_url, ONCALL_DATABASE_URL=ledger)
        part = run("--csv", "--since", "2024-10-05", ONCALL_REDIS_URL=redis_url)
    assert listed(stream[1]) == ["1", "9"]
    assert listed(both[1]) == ["1", "2", "9", "3", "4"]
    assert listed(part[1]) == []


def test_the_columns_are_those_of_a_settlement() -> None:
    from app.cli.receipts import COLUMNS  # noqa: PLC0415 - as the command does

    assert {field.name for field in msgspec.structs.fields(Settlement)} <= set(COLUMNS) | {"amount"}
