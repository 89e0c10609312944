"""A facilitator in this process, for tests in virtual time: no sockets, and every wait exact."""

import asyncio
from typing import Any, NamedTuple

from x402.schemas import (
    PaymentPayload,
    PaymentPayloadV1,
    PaymentRequirements,
    PaymentRequirementsV1,
    SettleResponse,
    SupportedResponse,
    VerifyResponse,
)

from app.errors import SettlementUnknown
from app.payments.networks import supported_kinds
from tests.support.services import NETWORK, TRANSACTION
from tests.support.virtual_time import now

OTHER_TRANSACTION = "0x" + "22" * 32


def settled(**changes: Any) -> SettleResponse:
    fields = {"success": True, "transaction": TRANSACTION, "network": NETWORK, **changes}
    return SettleResponse(**fields)


def failed(reason: str | None, transaction: str = "") -> SettleResponse:
    return settled(success=False, error_reason=reason, transaction=transaction)


def unknown(transaction: str = "") -> SettlementUnknown:
    return SettlementUnknown(transaction=transaction)


class Later(NamedTuple):
    """An answer that takes its time."""

    seconds: float
    answer: Any


class Facilitator:
    """A facilitator in this process: its answers, of which the last is repeated, and its calls."""

    def __init__(self) -> None:
        self.settlements: list[Any] = [settled()]
        self.verifications: list[Any] = [VerifyResponse(is_valid=True)]
        self.calls: list[tuple[str, float]] = []

    def get_supported(self) -> SupportedResponse:
        return SupportedResponse(kinds=supported_kinds(NETWORK))

    async def verify(
        self,
        payload: PaymentPayload | PaymentPayloadV1,
        requirements: PaymentRequirements | PaymentRequirementsV1,
    ) -> VerifyResponse:
        answer: VerifyResponse = await self._answer("verify", self.verifications)
        return answer

    async def settle(
        self,
        payload: PaymentPayload | PaymentPayloadV1,
        requirements: PaymentRequirements | PaymentRequirementsV1,
    ) -> SettleResponse:
        answer: SettleResponse = await self._answer("settle", self.settlements)
        return answer

    async def _answer(self, call: str, answers: list[Any]) -> Any:
        self.calls.append((call, now()))
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Later):
            await asyncio.sleep(answer.seconds)
            answer = answer.answer
        if isinstance(answer, Exception):
            raise answer
        return answer

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.calls]
