"""The record of a wallet: limits that hold whoever signs, and payments that stay open."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.cli.spending import OverDailyLimit, SpendingRecord
from app.cli.wallet import Payment
from tests.support.clock import Clock

PAYER, OTHER = "0xaa", "0xbb"
DAY = 86_400.0


def payment(number: int, amount: int = 20_000) -> Payment:
    return Payment({"nonce": number}, amount, lifetime=300)


@pytest.fixture
def record(tmp_path: Path, clock: Clock) -> SpendingRecord:
    record = SpendingRecord(tmp_path / "state" / "payments.sqlite", clock)
    record.create()
    return record


class TestLimit:
    def test_what_is_signed_counts_whatever_became_of_it(self, record: SpendingRecord) -> None:
        first = record.enter(PAYER, "one", payment(1), 50_000)
        record.close(first)
        record.enter(PAYER, "two", payment(2), 50_000)
        with pytest.raises(OverDailyLimit) as full:
            record.enter(PAYER, "three", payment(3), 50_000)
        assert full.value.spent == 40_000
        assert record.open_payment(PAYER, "three") is None
        record.enter(PAYER, "three", payment(3, amount=10_000), 50_000)

    def test_it_survives_a_restart_within_the_day(
        self, record: SpendingRecord, clock: Clock
    ) -> None:
        record.enter(PAYER, "one", payment(1), 20_000)
        again = SpendingRecord(record.path, clock)
        again.create()
        with pytest.raises(OverDailyLimit):
            again.enter(PAYER, "two", payment(2), 20_000)

    def test_the_day_is_that_of_utc(self, record: SpendingRecord, clock: Clock) -> None:
        clock.advance(DAY - 1)  # it was midnight
        record.enter(PAYER, "one", payment(1), 20_000)
        clock.advance(1)
        record.enter(PAYER, "two", payment(2), 20_000)

    def test_another_key_has_a_limit_of_its_own(self, record: SpendingRecord) -> None:
        record.enter(PAYER, "one", payment(1), 20_000)
        record.enter(OTHER, "one", payment(2), 20_000)

    def test_many_wallets_at_once_do_not_exceed_it(
        self, record: SpendingRecord, clock: Clock
    ) -> None:
        def signs(number: int) -> bool:
            try:
                SpendingRecord(record.path, clock).enter(
                    PAYER, str(number), payment(number), 100_000
                )
            except OverDailyLimit:
                return False
            return True

        with ThreadPoolExecutor(16) as pool:
            assert sum(pool.map(signs, range(40))) == 5


class TestOpen:
    def test_the_same_call_gets_the_payment_that_is_open(self, record: SpendingRecord) -> None:
        first = record.enter(PAYER, "one", payment(1), 20_000)
        again = record.enter(PAYER, "one", payment(2), 20_000)
        assert again == first == record.open_payment(PAYER, "one")
        assert again.payload == {"nonce": 1}

    def test_it_is_open_after_a_restart_and_until_it_is_closed(
        self, record: SpendingRecord, clock: Clock
    ) -> None:
        first = record.enter(PAYER, "one", payment(1), 20_000)
        again = SpendingRecord(record.path, clock)
        again.create()
        assert again.open_payment(PAYER, "one") == first
        again.close(first)
        assert record.open_payment(PAYER, "one") is None

    def test_no_other_key_and_no_other_call_gets_it(self, record: SpendingRecord) -> None:
        record.enter(PAYER, "one", payment(1), 20_000)
        assert record.open_payment(OTHER, "one") is None
        assert record.open_payment(PAYER, "two") is None

    def test_it_expires_with_what_was_signed(self, record: SpendingRecord, clock: Clock) -> None:
        first = record.enter(PAYER, "one", payment(1), 20_000)
        clock.advance(300)
        assert not record.is_expired(first)
        clock.advance(1)
        assert record.is_expired(first)

    def test_after_a_month_it_is_forgotten(self, record: SpendingRecord, clock: Clock) -> None:
        record.enter(PAYER, "one", payment(1), 20_000)
        clock.advance(30 * DAY)
        record.create()
        assert record.open_payment(PAYER, "one") is not None
        clock.advance(DAY)
        record.create()
        assert record.open_payment(PAYER, "one") is None


def test_only_its_owner_may_read_it(record: SpendingRecord) -> None:
    assert record.path.stat().st_mode & 0o777 == 0o600
    assert record.path.parent.stat().st_mode & 0o777 == 0o700


def test_a_file_that_is_no_record_is_told(tmp_path: Path, clock: Clock) -> None:
    path = tmp_path / "payments.sqlite"
    path.write_text("something else that is long enough to be read as the head of a file" * 20)
    with pytest.raises(sqlite3.DatabaseError):
        SpendingRecord(path, clock).create()
