"""Callers of every kind, each with a purpose and a seeded chance of its own.

Strategy: an ``Errand`` is what one caller wants, with what must come of it in the end, whatever
goes wrong in between. A ``Caller`` carries one out: it asks any of the workers and does what a 503
or a lost connection asks for, the same request again. ``Tally`` counts what was sent and told.

Invariants, checked at every answer: no status but those of ``STATUSES``; a 503 says when to come
back and with what; nothing that the facilitator wrote reaches a caller; the answers to one payment
name one transaction.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

import httpx
from eth_account import Account
from eth_account.signers.local import LocalAccount
from solders.hash import Hash
from solders.keypair import Keypair
from x402.extensions.payment_identifier import append_payment_identifier_to_extensions
from x402.http.utils import decode_payment_response_header, encode_payment_signature_header
from x402.mechanisms.evm.constants import ERR_INVALID_SIGNATURE, ERR_VALID_BEFORE_EXPIRED
from x402.schemas import PaymentPayload, PaymentPayloadV1, PaymentRequired

from tests.support.chain.chain import Chain
from tests.support.chain.facilitator_process import NETWORK_V1, UPSTREAM_TEXT, nonce_in
from tests.support.chain.payments import authorization, payload, payment, signature_of
from tests.support.chain.service import ENDPOINT, EXAMPLE, reason_in
from tests.support.solana_payments import Order, memo
from tests.support.solana_payments import payload as solana_payload

STATUSES = {200, 400, 402, 409, 503}
PATIENCE_SECONDS = 90.0
"""How long a caller keeps asking."""
SHORT_LIFE_SECONDS = 20
"""Authorizations that cannot succeed: one that was sent is only refused once it has expired."""
COPIES = 5
SOLANA_SHARE = 0.4
"""Of the payments that may be made on either chain."""
OTHER_BODY = EXAMPLE.replace(b'"shifts": 3', b'"shifts": 4')
BAD_BODIES = (b"{", b'{"people": []}', b"[]", EXAMPLE.replace(b"24}", b"-1}"))
OTHER_TERMS: Sequence[Mapping[str, str]] = (
    {"amount": "1"},
    {"pay_to": "0x00000000000000000000000000000000000000AA"},
    {"asset": "0x00000000000000000000000000000000000000AA"},
    {"network": "eip155:1"},
    {"scheme": "upto"},
)

Outcome = tuple[int, str]
"""A status, and the reason that goes with it."""
SentRequest = tuple[bytes, Mapping[str, str]]


@dataclass
class Tally:
    """What was sent and what was told.

    ``paid`` holds the transaction of every nonce answered 200, ``answered`` its request: the
    body and the headers. ``spent`` holds the nonces that payers spent on somebody else. ``late``
    counts requests made after the errands.
    """

    requests: int = 0
    late: int = 0
    retries: int = 0
    hang_ups: int = 0
    lost_connections: int = 0
    told: Counter[Outcome] = field(default_factory=Counter)
    paid: dict[str, str] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)
    spent: set[str] = field(default_factory=set)
    answered: dict[str, SentRequest] = field(default_factory=dict)

    def count(self, answer: httpx.Response, nonce: str) -> None:
        """Count one answer to the payment with ``nonce``, and check what holds for every one."""
        status = answer.status_code
        assert status in STATUSES, answer.text
        assert UPSTREAM_TEXT not in answer.text + str(answer.headers)
        if status == 200:
            receipt = decode_payment_response_header(answer.headers["PAYMENT-RESPONSE"])
            assert self.paid.setdefault(nonce, receipt.transaction) == receipt.transaction
            self.told[200, ""] += 1
            return
        reason = reason_in(answer) or ""
        self.told[status, reason] += 1
        if status == 503:
            assert int(answer.headers["Retry-After"]) >= 1
            assert answer.json()["retry"] == "same-payment"
            if reason == "settlement_unknown":
                self.unknown.add(nonce)


@dataclass(frozen=True)
class SolanaPayer:
    """A wallet on Solana, the ``terms`` it pays on, and a blockhash that stays valid."""

    wallet: Keypair
    terms: PaymentRequired
    blockhash: Hash

    def payment(self, memo_bytes: bytes) -> PaymentPayload:
        """A payment with a memo that makes it differ from all others."""
        [accepted] = self.terms.accepts
        order = Order(
            payer=self.wallet,
            fee_payer=accepted.extra["feePayer"],
            payee=accepted.pay_to,
            blockhash=self.blockhash,
            after=(memo(memo_bytes.hex().encode()),),
        )
        return PaymentPayload(
            payload=solana_payload(order),
            accepted=accepted.model_copy(deep=True),
            resource=self.terms.resource,
        )


@dataclass
class Caller:
    """One caller at ``address`` with a wallet. Everything random comes from ``chance``."""

    urls: Sequence[str]
    http: httpx.AsyncClient
    terms: PaymentRequired
    tally: Tally
    chance: random.Random
    wallet: LocalAccount
    address: str
    chain: Chain
    solana: SolanaPayer

    def new_nonce(self) -> str:
        return "0x" + self.chance.randbytes(32).hex()

    def payment(self, **changes: str) -> PaymentPayload:
        return payment(self.wallet, self.terms, **{"nonce": self.new_nonce(), **changes})

    def payment_on_either(self) -> PaymentPayload:
        """A payment on one of the two chains."""
        on_solana = self.chance.random() < SOLANA_SHARE
        return self.solana.payment(self.chance.randbytes(16)) if on_solana else self.payment()

    async def pay(
        self, paid: PaymentPayload | PaymentPayloadV1, body: bytes = EXAMPLE
    ) -> httpx.Response:
        """The final answer to ``paid``."""
        name = "PAYMENT-SIGNATURE" if isinstance(paid, PaymentPayload) else "X-PAYMENT"
        headers = {name: encode_payment_signature_header(paid)}
        return await self.ask(body, headers, nonce_in(paid))

    async def ask(
        self, body: bytes, headers: Mapping[str, str] | None = None, nonce: str = ""
    ) -> httpx.Response:
        """The final answer: 503s and lost connections are tried again, at any worker."""
        self.tally.requests += 1
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            pause = 0.5
            try:
                answer = await self._post(body, headers or {})
            except httpx.TransportError:
                self.tally.lost_connections += 1
            else:
                self.tally.count(answer, nonce)
                if answer.status_code == 200:
                    self.tally.answered[nonce] = body, headers or {}
                if answer.status_code != 503:
                    return answer
                pause = min(float(answer.headers["Retry-After"]), 1)
            assert time.monotonic() < deadline, f"no answer in {PATIENCE_SECONDS} s"
            await asyncio.sleep(pause)
            self.tally.retries += 1

    async def hang_up_on(self, paid: PaymentPayload, after_seconds: float) -> None:
        """Send ``paid`` and be gone, most likely before the answer comes."""
        self.tally.requests += 1
        headers = {"PAYMENT-SIGNATURE": encode_payment_signature_header(paid)}
        try:
            answer = await self._post(EXAMPLE, headers, read_seconds=after_seconds)
        except httpx.ReadTimeout:
            self.tally.hang_ups += 1
        except httpx.TransportError:
            self.tally.lost_connections += 1
        else:
            self.tally.count(answer, nonce_in(paid))

    async def spend_elsewhere(self, nonce: str) -> bool:
        """Spend ``nonce`` on a friend, past the service; whether that was in time."""
        friend = Account.from_key(self.chance.randbytes(32)).address
        theirs = authorization(self.wallet, self.terms, nonce=nonce, to=friend)
        signature = signature_of(self.wallet, self.terms, theirs)
        done = await asyncio.to_thread(
            self.chain.can_transfer_with_authorization, theirs, signature
        )
        if done:
            self.tally.spent.add(nonce)
        return done

    async def _post(
        self, body: bytes, headers: Mapping[str, str], read_seconds: float = 30
    ) -> httpx.Response:
        sent = {"Content-Type": "application/json", "X-Forwarded-For": self.address, **headers}
        return await self.http.post(
            self.chance.choice(self.urls) + ENDPOINT,
            content=body,
            headers=sent,
            timeout=httpx.Timeout(30, read=read_seconds),
        )


# --- errands: what a caller wants, and what must come of it ---------------------------------


async def asks_for_terms(caller: Caller) -> None:
    expect(await caller.ask(EXAMPLE), 402)


async def sends_nonsense(caller: Caller) -> None:
    expect(await caller.ask(caller.chance.choice(BAD_BODIES)), 400)


async def pays_for_nonsense(caller: Caller) -> None:
    body = caller.chance.choice(BAD_BODIES)
    expect(await caller.pay(caller.payment_on_either(), body), 400)


async def pays_unreadably(caller: Caller) -> None:
    header = caller.chance.choice(["%%%", "e30=", "bm90IGpzb24="])
    answer = await caller.ask(EXAMPLE, {"PAYMENT-SIGNATURE": header})
    expect(answer, 400, "invalid_payment")


async def pays(caller: Caller) -> None:
    expect(await caller.pay(caller.payment_on_either()), 200)


async def pays_by_version_1(caller: Caller) -> None:
    made = caller.payment()
    paid = PaymentPayloadV1(scheme="exact", network=NETWORK_V1, payload=made.payload)
    expect(await caller.pay(paid), 200)


async def replays(caller: Caller) -> None:
    paid = caller.payment_on_either()
    first, second = await caller.pay(paid), await caller.pay(paid)
    expect(first, 200)
    expect(second, 200)
    assert first.content == second.content


async def replays_for_another_body(caller: Caller) -> None:
    paid = caller.payment_on_either()
    first, second = await caller.pay(paid), await caller.pay(paid, OTHER_BODY)
    expect(first, 200)
    expect(second, 409)


async def sends_copies(caller: Caller) -> None:
    paid = caller.payment_on_either()
    answers = await asyncio.gather(*(caller.pay(paid) for _ in range(COPIES)))
    for answer in answers:
        expect(answer, 200)
        assert answer.content == answers[0].content


async def hangs_up_and_retries(caller: Caller) -> None:
    paid = caller.payment_on_either()
    await caller.hang_up_on(paid, after_seconds=caller.chance.uniform(0.001, 0.1))
    expect(await caller.pay(paid), 200)


async def pays_with_an_identifier(caller: Caller) -> None:
    paid = _identified(caller, caller.chance.randbytes(16).hex())
    first, second = await caller.pay(paid), await caller.pay(paid)
    expect(first, 200)
    expect(second, 200)


async def pays_twice_with_an_identifier(caller: Caller) -> None:
    identifier = caller.chance.randbytes(16).hex()
    first = await caller.pay(_identified(caller, identifier))
    second = await caller.pay(_identified(caller, identifier))
    expect(first, 200)
    expect(second, 409)


async def changes_the_terms(caller: Caller) -> None:
    made = caller.payment()
    changes = caller.chance.choice(OTHER_TERMS)
    paid = made.model_copy(update={"accepted": made.accepted.model_copy(update=changes)})
    expect(await caller.pay(paid), 402)


async def pays_too_late(caller: Caller) -> None:
    answer = await caller.pay(caller.payment(valid_before=_in_seconds(-1)))
    expect(answer, 402, ERR_VALID_BEFORE_EXPIRED)


async def forges_a_signature(caller: Caller) -> None:
    signed = authorization(
        caller.wallet,
        caller.terms,
        nonce=caller.new_nonce(),
        valid_before=_in_seconds(SHORT_LIFE_SECONDS),
    )
    forger = Account.from_key(caller.chance.randbytes(32))
    forged = signature_of(forger, caller.terms, signed)
    answer = await caller.pay(payload(caller.terms, signed, forged))
    expect(answer, 402, ERR_INVALID_SIGNATURE)


async def pays_with_an_empty_wallet(caller: Caller) -> None:
    pauper = Account.from_key(caller.chance.randbytes(32))
    lifetime = {"valid_before": _in_seconds(SHORT_LIFE_SECONDS)}
    paid = payment(pauper, caller.terms, nonce=caller.new_nonce(), **lifetime)
    expect(await caller.pay(paid), 402)


async def spends_the_nonce_elsewhere_first(caller: Caller) -> None:
    nonce = caller.new_nonce()
    assert await caller.spend_elsewhere(nonce)
    expect(await caller.pay(caller.payment(nonce=nonce)), 402)


async def spends_the_nonce_elsewhere_meanwhile(caller: Caller) -> None:
    """Whoever is first on chain has the money, and the answer follows it."""
    nonce = caller.new_nonce()

    async def spend() -> bool:
        await asyncio.sleep(caller.chance.uniform(0, 0.5))
        return await caller.spend_elsewhere(nonce)

    answer, spent = await asyncio.gather(caller.pay(caller.payment(nonce=nonce)), spend())
    expect(answer, 402 if spent else 200)


def expect(answer: httpx.Response, status: int, reason: str | None = None) -> None:
    """The final answer must be this one."""
    told = answer.status_code, "" if answer.status_code == 200 else reason_in(answer)
    assert told[0] == status, told
    assert reason in (None, told[1]), told


def _identified(caller: Caller, identifier: str) -> PaymentPayload:
    """A payment that echoes the terms' extensions and adds an id, as the SDK does."""
    declared = caller.terms.model_copy(deep=True).extensions or {}
    append_payment_identifier_to_extensions(declared, identifier)
    return caller.payment().model_copy(update={"extensions": declared})


def _in_seconds(seconds: int) -> str:
    return str(int(time.time()) + seconds)


Errand = Callable[[Caller], Awaitable[None]]

MIX: Mapping[Errand, tuple[int, int]] = {
    asks_for_terms: (220, 1),
    sends_nonsense: (120, 1),
    pays_for_nonsense: (120, 1),
    pays_unreadably: (60, 1),
    pays: (420, 1),
    pays_by_version_1: (40, 1),
    replays: (80, 2),
    replays_for_another_body: (60, 2),
    sends_copies: (24, COPIES),
    hangs_up_and_retries: (60, 2),
    pays_with_an_identifier: (30, 2),
    pays_twice_with_an_identifier: (20, 2),
    changes_the_terms: (160, 1),
    pays_too_late: (80, 1),
    forges_a_signature: (40, 1),
    pays_with_an_empty_wallet: (40, 1),
    spends_the_nonce_elsewhere_first: (40, 1),
    spends_the_nonce_elsewhere_meanwhile: (40, 1),
}
"""How many callers run each errand, and how many requests it is, retries apart."""

REQUESTS = sum(times * requests for times, requests in MIX.values())


def errands(chance: random.Random) -> Sequence[Errand]:
    """All errands of ``MIX`` in a random order."""
    planned = [errand for errand, (times, _) in MIX.items() for _ in range(times)]
    chance.shuffle(planned)
    return planned
