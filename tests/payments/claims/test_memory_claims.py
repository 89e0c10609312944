"""Claims in memory to their edges: how many, how long, and how much of what was bought."""

import pytest

from app.errors import PaymentAlreadyUsed, TooManyClaims
from app.payments.claims.claim import BUSY, Claim, expiry_of
from app.payments.claims.memory import FORGOTTEN_AT_ONCE, MemoryClaims
from app.payments.claims.receipt import Receipt
from tests.conftest import Clock
from tests.support.ledger import claimed, settlements_of

pytestmark = pytest.mark.anyio

HASH = b"hash"
PAID = Receipt("0xaa", "20000", "eip155:84532", "0x1", "request", 1.0, "header")
LATER = 999.0


async def unknown(claims: MemoryClaims, key: str, expires_at: float, transaction: str = "") -> None:
    holder = (await claims.claim(key, HASH, expires_at)).holder
    await claims.mark_unknown(key, holder, transaction)


async def settled(claims: MemoryClaims, key: str, expires_at: float, answer: bytes | None) -> None:
    holder = (await claims.claim(key, HASH, expires_at)).holder
    await claims.mark_settled(key, holder, PAID, answer)


async def answer_of(claims: MemoryClaims, key: str) -> bytes | None:
    found = await claims.find(key, HASH)
    assert found is not None
    assert found.receipt == PAID
    return found.answer


# --- states ---------------------------------------------------------------------------------


async def test_what_is_found_of_each_state(clock: Clock) -> None:
    claims = MemoryClaims(clock)
    assert await claims.find("a", HASH) is None
    claim = await claims.claim("a", HASH, clock() + 60)
    assert claim == Claim(claim.holder, claimed_at=clock())
    first = clock()
    clock.advance(7)
    assert len(claim.holder) == 16
    assert await claims.find("a", HASH) == BUSY
    await claims.mark_unknown("a", claim.holder, "0x12")
    assert await claims.find("a", HASH) == Claim(sent=True, transaction="0x12")
    again = await claims.claim("a", HASH, clock() + 60)
    assert again == Claim(again.holder, sent=True, transaction="0x12", claimed_at=first)
    assert again.holder not in ("", claim.holder)
    await claims.mark_settled("a", again.holder, PAID, b"answer")
    bought = Claim(sent=True, transaction="0x12", receipt=PAID, answer=b"answer")
    assert await claims.find("a", HASH) == bought
    assert await claims.claim("a", HASH, clock() + 60) == bought
    with pytest.raises(PaymentAlreadyUsed):
        await claims.find("a", b"another")


async def test_only_the_holder_ends_a_claim_and_only_once(clock: Clock) -> None:
    claims = MemoryClaims(clock)
    holder = (await claims.claim("a", HASH, clock() + 60, claimed())).holder
    await claims.mark_settled("a", "another", PAID)
    await claims.mark_settled("b", holder, PAID)
    assert await claims.find("a", HASH) == BUSY
    await claims.mark_settled("a", holder, PAID)
    await claims.mark_settled("a", holder, Receipt("0xbb", "1", "x", "0x2", "", 2.0, ""))
    await claims.mark_unknown("a", holder)
    await claims.release("a", holder)
    assert await claims.find("a", HASH) == Claim(receipt=PAID)
    assert await settlements_of(claims) == [claimed().settled("a", PAID)]


async def test_what_was_released_leaves_nothing_behind(clock: Clock) -> None:
    claims = MemoryClaims(clock)
    for key in "ab":
        holder = (await claims.claim(key, HASH, clock() + 60)).holder
        await claims.release(key, holder)
    assert (claims._entries, claims._due, claims._answers) == ({}, {}, {})


# --- how long -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("valid_before", "expires_at"), [(0, 600), (85_800, 86_400), (85_801, 86_400), (10**9, 86_400)]
)
def test_a_claim_outlives_its_authorization_by_ten_minutes_for_a_day_at_most(
    valid_before: int, expires_at: float
) -> None:
    assert expiry_of(valid_before, 0.0) == expires_at
    assert expiry_of(valid_before + 1_000, 1_000.0) == expires_at + 1_000


async def test_it_lives_to_its_last_instant(clock: Clock) -> None:
    claims = MemoryClaims(clock)
    await unknown(claims, "a", clock() + 60)
    clock.advance(60)
    assert await claims.find("a", HASH) == Claim(sent=True)
    clock.advance(0.001)
    assert await claims.find("a", HASH) is None
    assert len(claims) == 0


# --- how many -------------------------------------------------------------------------------


async def test_a_full_store_refuses_what_it_does_not_know(clock: Clock) -> None:
    claims = MemoryClaims(clock, max_claims=2)
    await unknown(claims, "a", clock() + LATER)
    await unknown(claims, "b", clock() + LATER)
    with pytest.raises(TooManyClaims) as failure:
        await claims.claim("c", HASH, clock() + LATER)
    assert failure.value.retry_after == 30
    assert (await claims.claim("b", HASH, clock() + LATER)).sent
    assert MemoryClaims(clock)._max_claims == 100_000


async def test_what_expired_in_an_earlier_minute_makes_room(clock: Clock) -> None:
    claims = MemoryClaims(clock, max_claims=1)
    await unknown(claims, "a", clock() + 30)
    clock.advance(59)
    with pytest.raises(TooManyClaims):
        await claims.claim("b", HASH, clock() + LATER)
    clock.advance(1)
    assert (await claims.claim("b", HASH, clock() + LATER)).holder
    assert len(claims) == 1


async def test_one_claim_forgets_a_few_of_the_oldest(clock: Clock) -> None:
    claims = MemoryClaims(clock)
    for number in range(40):
        await unknown(claims, str(number), clock() + 60 * (40 - number))
    clock.advance(60 * 41)
    await claims.claim("new", HASH, clock() + LATER)
    assert list(claims._entries) == [*map(str, range(40 - FORGOTTEN_AT_ONCE)), "new"]


async def test_of_one_minute_the_first_is_forgotten_first(clock: Clock) -> None:
    claims = MemoryClaims(clock)
    for number in range(FORGOTTEN_AT_ONCE + 2):
        await unknown(claims, str(number), clock() + 1)
    clock.advance(60)
    await claims.claim("new", HASH, clock() + LATER)
    assert list(claims._entries) == ["16", "17", "new"]
    await claims.claim("newer", HASH, clock() + LATER)
    assert list(claims._entries) == ["new", "newer"]


async def test_one_that_is_being_settled_stays_however_old(clock: Clock) -> None:
    claims = MemoryClaims(clock, max_claims=2)
    slow = await claims.claim("slow", HASH, clock() + 1)
    await unknown(claims, "old", clock() + 90)
    clock.advance(600)
    assert (await claims.claim("new", HASH, clock() + LATER)).holder
    assert await claims.find("slow", HASH) == BUSY
    with pytest.raises(TooManyClaims):
        await claims.claim("newer", HASH, clock() + LATER)
    await claims.mark_settled("slow", slow.holder, PAID)
    assert await claims.find("slow", HASH) == Claim(receipt=PAID)
    clock.advance(60)
    assert (await claims.claim("newer", HASH, clock() + LATER)).holder
    assert list(claims._entries) == ["new", "newer"]


# --- the answers ----------------------------------------------------------------------------


async def test_the_oldest_answers_make_room_for_new_ones(clock: Clock) -> None:
    claims = MemoryClaims(clock, max_answer_bytes=10)
    await settled(claims, "a", clock() + 60, b"12345")
    await settled(claims, "b", clock() + 60, None)
    await settled(claims, "c", clock() + 60, b"67890")
    assert [await answer_of(claims, key) for key in "abc"] == [b"12345", None, b"67890"]
    await settled(claims, "d", clock() + 60, b"1")
    assert [await answer_of(claims, key) for key in "abcd"] == [None, None, b"67890", b"1"]
    await settled(claims, "e", clock() + 60, b"123456789")
    assert [await answer_of(claims, key) for key in "acde"] == [None, None, b"1", b"123456789"]
    await settled(claims, "f", clock() + 60, bytes(11))
    assert [await answer_of(claims, key) for key in "def"] == [None, None, None]


async def test_the_answer_of_a_forgotten_claim_makes_room(clock: Clock) -> None:
    claims = MemoryClaims(clock, max_answer_bytes=10)
    await settled(claims, "a", clock() + 60, b"1234567890")
    clock.advance(61)
    assert await claims.find("a", HASH) is None
    await settled(claims, "b", clock() + 60, b"12345")
    await settled(claims, "c", clock() + 60, b"67890")
    assert [await answer_of(claims, key) for key in "bc"] == [b"12345", b"67890"]
    assert MemoryClaims(clock)._answer_bytes_left == 32 * 1024 * 1024
