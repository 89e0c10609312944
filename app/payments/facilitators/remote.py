"""A remote x402 facilitator behind the SDK's ``FacilitatorClient`` protocol.

Strategy: one pooled ``aiohttp`` session (a sixth of httpx's CPU per call, measured), a total
deadline per call, no redirects, a cap on the answer. Only here is it decided what matters to a
payer: whether a settlement was sent, and whether its outcome is known.

Invariants: ``settle`` raises ``FacilitatorUnavailable`` only if the facilitator did not act on the
request; everything else that is not a well-formed answer is ``SettlementUnknown``. Nothing that the
facilitator writes beyond its reason codes leaves this module.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import NamedTuple, TypeVar

import aiohttp
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json
from x402.mechanisms.evm.constants import ERR_SETTLEMENT_PENDING
from x402.schemas import (
    PaymentPayload,
    PaymentPayloadV1,
    PaymentRequirements,
    PaymentRequirementsV1,
    SettleResponse,
    SupportedKind,
    SupportedResponse,
    VerifyResponse,
)

from app.errors import ConfigurationError, FacilitatorUnavailable, SettlementUnknown
from app.payments.facilitators.facilitator_request import request_body_of
from app.payments.networks import SCHEME, supported_kinds, version_1_name

MAX_ANSWER_BYTES = 64 * 1024
RETRY_AFTER_SECONDS = 5

NOT_ACTED_ON = frozenset({400, 401, 402, 403, 404, 405, 413, 415, 422, 429})
"""Statuses that say that a request was not acted on. 408 and 409 do not."""

Model = TypeVar("Model", bound=BaseModel)


class _Answer(NamedTuple):
    status: int
    body: bytes


class RemoteFacilitator:
    """The facilitator at ``url``. Call ``connect`` before use and ``aclose`` after."""

    label = None
    """The value of the ``X-Payments`` header: none, because real money moves."""

    def __init__(
        self, url: str, *, network: str, headers: Mapping[str, str], timeout_seconds: float
    ) -> None:
        self._url = url
        self._network = network
        self._network_v1 = version_1_name(network)
        self.takes_version_1 = False
        self._headers = {"Content-Type": "application/json", **headers}
        self._timeout = aiohttp.ClientTimeout(total=timeout_seconds)
        self._session: aiohttp.ClientSession | None = None
        self._unsupported = (
            f"the facilitator does not support {SCHEME} on {network} (x402 version 2)"
        )
        self._problem: str | None = "the facilitator has not been reached yet"

    @property
    def problem(self) -> str | None:
        """The reason why no payment can be settled at the moment; ``None`` when one can."""
        return self._problem

    async def connect(self) -> None:
        """Open the session and read ``/supported``.

        A facilitator that is down is a ``problem``, not a failure; one that is up and does not
        settle our scheme on our network raises ``ConfigurationError``.
        """
        self._session = aiohttp.ClientSession(
            headers=self._headers,
            timeout=self._timeout,
            auto_decompress=False,
            # a settlement that waited for a connection would be unknown without having been sent
            connector=aiohttp.TCPConnector(limit=0),
        )
        await self.refresh()
        if self._problem == self._unsupported:
            await self.aclose()
            raise ConfigurationError([f"ONCALL_FACILITATOR_URL: {self._problem}"])

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def refresh(self) -> None:
        """Read ``/supported`` again and update ``problem``."""
        try:
            answer = await self._call("GET", "/supported", b"")
        except (aiohttp.ClientError, TimeoutError, _AnswerTooLargeError):
            self._problem = "the facilitator cannot be reached"
            return
        supported = _parsed(answer, SupportedResponse)
        if answer.status != HTTPStatus.OK or supported is None:
            self._problem = "the facilitator does not answer properly"
        elif not any(self._is_ours(kind) for kind in supported.kinds):
            self._problem = self._unsupported
        else:
            self._problem = None
            self.takes_version_1 = any(
                (kind.x402_version, kind.scheme, kind.network) == (1, SCHEME, self._network_v1)
                for kind in supported.kinds
            )

    def get_supported(self) -> SupportedResponse:
        """The configured kind. The SDK asks at construction, before the facilitator is reached."""
        return SupportedResponse(kinds=supported_kinds(self._network))

    async def verify(
        self,
        payload: PaymentPayload | PaymentPayloadV1,
        requirements: PaymentRequirements | PaymentRequirementsV1,
    ) -> VerifyResponse:
        """Ask whether a payment could be settled. Raises ``FacilitatorUnavailable``."""
        try:
            answer = await self._call("POST", "/verify", request_body_of(payload, requirements))
        except (aiohttp.ClientError, TimeoutError, _AnswerTooLargeError) as error:
            raise _unavailable() from error
        verified = _parsed(answer, VerifyResponse)
        if verified is None or answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise _unavailable()
        if verified.is_valid and answer.status != HTTPStatus.OK:
            raise _unavailable()
        return verified

    async def settle(
        self,
        payload: PaymentPayload | PaymentPayloadV1,
        requirements: PaymentRequirements | PaymentRequirementsV1,
    ) -> SettleResponse:
        """Ask for a payment to be settled.

        Raises ``FacilitatorUnavailable`` (nothing was sent or the facilitator did not act on it) or
        ``SettlementUnknown``; that is ``settlement_pending``, too, whatever its HTTP status.
        """
        try:
            answer = await self._call("POST", "/settle", request_body_of(payload, requirements))
        except aiohttp.ClientConnectorError as error:
            raise _unavailable() from error
        except (aiohttp.ClientError, TimeoutError, _AnswerTooLargeError) as error:
            raise SettlementUnknown(retry_after=RETRY_AFTER_SECONDS) from error
        return _settlement(answer)

    async def _call(self, method: str, path: str, body: bytes) -> _Answer:
        if self._session is None:
            raise _unavailable()
        async with self._session.request(
            method, self._url + path, data=body, allow_redirects=False
        ) as response:
            text = bytearray()
            async for chunk in response.content.iter_any():
                text += chunk
                if len(text) > MAX_ANSWER_BYTES:
                    raise _AnswerTooLargeError
            return _Answer(response.status, bytes(text))

    def _is_ours(self, kind: SupportedKind) -> bool:
        family = self._network.split(":")[0]
        return (
            kind.x402_version == 2
            and kind.scheme == SCHEME
            and kind.network in (self._network, f"{family}:*")
        )


class _AnswerTooLargeError(Exception):
    pass


def _settlement(answer: _Answer) -> SettleResponse:
    settlement = _parsed(answer, SettleResponse)
    if settlement is not None and settlement.error_reason == ERR_SETTLEMENT_PENDING:
        # returned, the SDK would ask again by itself and show us the second answer only
        raise SettlementUnknown(retry_after=RETRY_AFTER_SECONDS, transaction=settlement.transaction)
    if settlement is not None and answer.status == HTTPStatus.OK:
        return settlement
    if answer.status not in NOT_ACTED_ON or _claims_success(answer):
        raise SettlementUnknown(retry_after=RETRY_AFTER_SECONDS)
    if settlement is not None:
        return settlement
    raise _unavailable()


def _claims_success(answer: _Answer) -> bool:
    """Whether an answer says "success", whatever its status and the rest of it."""
    try:
        return bool(from_json(answer.body)["success"])
    except (ValueError, KeyError, TypeError):
        return False


def _parsed(answer: _Answer, model: type[Model]) -> Model | None:
    try:
        return model.model_validate_json(answer.body)
    except ValidationError:
        return None


def _unavailable() -> FacilitatorUnavailable:
    return FacilitatorUnavailable(retry_after=RETRY_AFTER_SECONDS)
