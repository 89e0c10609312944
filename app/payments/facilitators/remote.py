"""A remote x402 facilitator behind the SDK's ``FacilitatorClient`` protocol.

Strategy: one pooled ``aiohttp`` session (a sixth of httpx's CPU per call, measured), a total
deadline per call, no redirects, a cap on the answer. Only here is it decided what matters to a
payer: whether a settlement was sent, and whether its outcome is known. What matters to the operator
is taken from each answer by ``call`` and handed to ``record_call``.

Invariants: ``settle`` raises ``FacilitatorUnavailable`` only if the facilitator did not act on the
request; everything else that is not a well-formed answer is ``SettlementUnknown``. Nothing that the
facilitator writes beyond its reason codes reaches a payer.
"""

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from typing import TypeVar

import aiohttp
from pydantic import BaseModel, ValidationError
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
from app.payments.facilitators.call import (
    Answer,
    CallRecorder,
    FacilitatorCall,
    answer_of,
    ignore_call,
)
from app.payments.facilitators.credentials import Credentials, NoCredentials
from app.payments.facilitators.facilitator_request import request_body_of
from app.payments.facilitators.reasons import FINAL, NOT_SERVED, UNDER_WAY
from app.payments.networks import SCHEME, supported_kinds, version_1_name
from app.payments.solana.networks import fee_payer_in, is_solana

MAX_ANSWER_BYTES = 64 * 1024
MAX_SUPPORTED_BYTES = 1024 * 1024
"""PayAI lists dozens of ways to pay, with what each needs."""
RETRY_AFTER_SECONDS = 5
REFUSED_SECONDS = 60.0
"""How long a facilitator that refused our calls counts as away; then a payment may try it again."""

NOT_ACTED_ON = frozenset({400, 401, 402, 403, 404, 405, 413, 415, 422, 429})
"""Statuses that say that a request was not acted on. 408 and 409 do not."""
REFUSES_US = frozenset({401, 402, 403})
"""Statuses that say that our key is wrong, our account wants paying, or we may not call."""

Model = TypeVar("Model", bound=BaseModel)


class RemoteFacilitator:
    """The facilitator at ``url``. Call ``connect`` before use and ``aclose`` after.

    ``headers`` go with every call, and what ``credentials`` make for it. ``name`` is what it is
    called in metrics and logs, and ``record_call`` is told of each call.
    """

    label = None
    """The value of the ``X-Payments`` header: none, because real money moves."""

    def __init__(
        self,
        url: str,
        *,
        network: str,
        headers: Mapping[str, str],
        timeout_seconds: float,
        credentials: Credentials | None = None,
        name: str = "",
        record_call: CallRecorder = ignore_call,
    ) -> None:
        self._url = url
        self._name = name
        self._credentials = credentials or NoCredentials()
        self._record_call = record_call
        self._network = network
        self._network_v1 = version_1_name(network)
        self.takes_version_1 = False
        self.fee_payer = ""
        """On Solana, the account that pays the fees; empty before the facilitator has named it."""
        self._headers = {"Content-Type": "application/json", **headers}
        self._timeout = aiohttp.ClientTimeout(total=timeout_seconds)
        self._session: aiohttp.ClientSession | None = None
        self._unsupported = (
            f"the facilitator does not support {SCHEME} on {network} (x402 version 2)"
        )
        self._problem: str | None = "the facilitator has not been reached yet"
        self._refusal: str | None = None
        self._refused_until = 0.0

    @property
    def problem(self) -> str | None:
        """The reason why no payment can be settled at the moment; ``None`` when one can."""
        return self._problem or self._refusal

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
            raise ConfigurationError([f"ONCALL_FACILITATOR: {self._problem}"])

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def refresh(self) -> None:
        """Read ``/supported`` again and update ``problem``."""
        if asyncio.get_running_loop().time() >= self._refused_until:
            self._refusal = None
        try:
            answer = await self._call("GET", "/supported", b"", MAX_SUPPORTED_BYTES)
        except (aiohttp.ClientError, TimeoutError, _AnswerTooLargeError):
            self._problem = "the facilitator cannot be reached"
            return
        supported = _parsed(answer, SupportedResponse)
        if answer.status != HTTPStatus.OK or supported is None:
            self._problem = _problem_in(answer)
        elif not any(self._is_ours(kind) for kind in supported.kinds):
            self._problem = self._unsupported
        elif is_solana(self._network) and not self._find_fee_payer(supported):
            self._problem = f"the facilitator names nobody who pays the fees on {self._network}"
        else:
            self._problem = None
            self.takes_version_1 = any(
                (kind.x402_version, kind.scheme, kind.network) == (1, SCHEME, self._network_v1)
                for kind in supported.kinds
            )

    def _find_fee_payer(self, supported: SupportedResponse) -> bool:
        """Look who pays the fees; the one that is known stays while the facilitator has it."""
        self.fee_payer = fee_payer_in(supported, self._network, self.fee_payer) or ""
        return bool(self.fee_payer)

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
        self._note_refusal(answer, understood=verified is not None)
        if verified is None or answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise _unavailable(answer)
        if verified.is_valid and answer.status != HTTPStatus.OK:
            raise _unavailable(answer)
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
        settlement = _settlement_in(answer, self._network)
        self._note_refusal(answer, understood=settlement is not None)
        return _outcome(answer, settlement)

    async def _call(
        self, method: str, path: str, body: bytes, max_bytes: int = MAX_ANSWER_BYTES
    ) -> Answer:
        """Call ``path`` and record the call. Raises what aiohttp does, and if it is too large."""
        if self._session is None:
            raise _unavailable()
        operation = path[1:]
        try:
            async with self._session.request(
                method,
                self._url + path,
                data=body,
                headers=self._credentials.fields(method, path),
                allow_redirects=False,
            ) as response:
                answer = answer_of(response, await _body_of(response, max_bytes))
        except (aiohttp.ClientError, TimeoutError, _AnswerTooLargeError) as error:
            failure = type(error).__name__.strip("_")
            self._record_call(FacilitatorCall(self._name, operation, None, failure))
            raise
        self._record_call(FacilitatorCall(self._name, operation, answer))
        return answer

    def _note_refusal(self, answer: Answer, *, understood: bool) -> None:
        """Note whether the facilitator takes our calls; an answer about a payment says it does."""
        if understood:
            self._refusal = None
        elif answer.status in REFUSES_US:
            self._refusal = _problem_in(answer)
            self._refused_until = asyncio.get_running_loop().time() + REFUSED_SECONDS

    def _is_ours(self, kind: SupportedKind) -> bool:
        family = self._network.split(":")[0]
        return (
            kind.x402_version == 2
            and kind.scheme == SCHEME
            and kind.network in (self._network, f"{family}:*")
        )


class _AnswerTooLargeError(Exception):
    pass


async def _body_of(response: "aiohttp.ClientResponse", max_bytes: int) -> bytes:
    """The body of an answer. Raises ``_AnswerTooLargeError``."""
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > max_bytes:
            raise _AnswerTooLargeError
    return bytes(body)


def _problem_in(answer: Answer) -> str:
    """What an answer that is no answer to our question says of the facilitator."""
    if answer.redirect:
        return f"the facilitator redirects to {answer.redirect}, and no redirect is followed"
    if answer.status in REFUSES_US:
        return f"the facilitator refuses our calls ({answer.summary})"
    return f"the facilitator does not answer properly ({answer.summary})"


def _settlement_in(answer: Answer, network: str) -> SettleResponse | None:
    """The settlement that an answer tells of; ``None`` if it tells of none.

    CDP leaves out transaction and network where it refuses a payment, and may call the reason an
    error type. What says that our key is wrong, or that we are not served, is about no payment.
    """
    settlement = _parsed(answer, SettleResponse)
    if settlement is None:
        said = answer.document
        reason = said.get("errorReason", answer.error_type if answer.error_type in FINAL else None)
        if said.get("success") or not isinstance(reason, str):
            return None
        named = said.get("transaction")
        transaction = named if isinstance(named, str) else ""
        settlement = SettleResponse(
            success=False, error_reason=reason, transaction=transaction, network=network
        )
    refuses_us = answer.status == HTTPStatus.UNAUTHORIZED or settlement.error_reason == NOT_SERVED
    return None if refuses_us and not settlement.success else settlement


def _outcome(answer: Answer, settlement: SettleResponse | None) -> SettleResponse:
    """The settlement that can be judged. Raises as ``settle`` does."""
    retry_after = answer.retry_after or RETRY_AFTER_SECONDS
    if settlement is not None and settlement.error_reason == ERR_SETTLEMENT_PENDING:
        # returned, the SDK would ask again by itself and show us the second answer only
        raise SettlementUnknown(retry_after=retry_after, transaction=settlement.transaction)
    if settlement is not None and answer.status == HTTPStatus.OK:
        return settlement
    if answer.status not in NOT_ACTED_ON or answer.document.get("success"):
        under_way = settlement is not None and settlement.error_reason in UNDER_WAY
        raise SettlementUnknown(
            retry_after=retry_after,
            transaction=settlement.transaction if settlement is not None and under_way else "",
        )
    if settlement is not None:
        return settlement
    raise _unavailable(answer)


def _parsed(answer: Answer, model: type[Model]) -> Model | None:
    try:
        return model.model_validate_json(answer.body)
    except ValidationError:
        return None


def _unavailable(answer: Answer | None = None) -> FacilitatorUnavailable:
    wait = answer.retry_after if answer is not None else None
    return FacilitatorUnavailable(retry_after=wait or RETRY_AFTER_SECONDS)
