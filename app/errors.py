"""Every failure that the service can name.

HTTP has no place here: ``http/problems.py`` turns a class into a status, and ``teams/problems.py``
does so for the stored APIs. Each class carries ``code`` (stable, machine-readable), ``title`` (the
same for every instance) and ``retry`` (what a payer may do next). An instance adds ``detail``: what
went wrong this time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

Retry = Literal["same-payment", "new-payment", "first-payment", "no"]
"""``same-payment``: send the request again unchanged, later. ``new-payment``: sign a new payment.
``first-payment``: send the payment again that came first with this identifier. ``no``: the request
cannot succeed as it is, so change it; a payment sent with it was not used."""


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing wrong with a document: where (an RFC 6901 JSON pointer) and what would be right."""

    pointer: str
    detail: str


@dataclass(frozen=True, slots=True)
class NamedFieldError(FieldError):
    """A field error with a class of its own: ``error`` is raised if nothing else is wrong."""

    error: "type[OutOfBounds]"


class OncallError(Exception):
    """Base of every named failure."""

    code: ClassVar[str]
    title: ClassVar[str]
    retry: ClassVar[Retry] = "no"

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title

    def __reduce__(self) -> tuple[object, ...]:
        """Return how an error is pickled: a worker process raises it, and the service reads it."""
        return _unpickled, (type(self), self.args, vars(self))


def _unpickled(
    kind: type[OncallError], arguments: tuple[object, ...], values: dict[str, object]
) -> OncallError:
    error = kind.__new__(kind, *arguments)
    vars(error).update(values)
    return error


class InvalidFields(OncallError):
    """A failure that lists every field error of a document, not only the first."""

    def __init__(self, errors: Sequence[FieldError]) -> None:
        first, others = errors[0], len(errors) - 1
        more = f" (and {others} more)" if others else ""
        super().__init__(f"{first.pointer or 'the document'}: {first.detail}{more}")
        self.errors = tuple(errors)


class Retryable(OncallError):
    """A temporary failure: try again after ``retry_after`` whole seconds."""

    retry = "same-payment"

    def __init__(self, detail: str = "", *, retry_after: int = 1) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


# --- what the caller sent -------------------------------------------------------------------


class InvalidRequest(InvalidFields):
    code = "invalid_request"
    title = "The request document is not valid."


class MalformedBody(OncallError):
    code = "malformed_json"
    title = "The body is not valid JSON."


class BodyTooLarge(OncallError):
    code = "body_too_large"
    title = "The body is too large."


class HeadersTooLarge(OncallError):
    code = "headers_too_large"
    title = "The request headers are too large."


class BodyTooSlow(OncallError):
    code = "body_too_slow"
    title = "The body did not arrive in time."
    retry = "same-payment"


class TakesTooLong(OncallError):
    code = "takes_too_long"
    title = "The answer takes too long to compute: ask for less. Nothing was charged."


class AnswerTooLarge(OncallError):
    code = "answer_too_large"
    title = "An answer is at most 16 MiB (16,777,216 bytes): ask for less. Nothing was charged."


class UnsupportedMediaType(OncallError):
    code = "unsupported_media_type"
    title = "The body must be JSON."


class NotAcceptable(OncallError):
    code = "not_acceptable"
    title = "No media type that the request accepts is offered."


class MisdirectedRequest(OncallError):
    code = "misdirected_request"
    title = "The request was sent to another host."


class OriginNotAllowed(OncallError):
    code = "origin_not_allowed"
    title = "Pages of this origin may not ask."


class RateLimited(Retryable):
    code = "rate_limited"
    title = "Too many requests."


# --- payment --------------------------------------------------------------------------------


class InvalidPayment(OncallError):
    code = "invalid_payment"
    title = "The payment header cannot be read."
    retry = "new-payment"


class PaymentRefused(OncallError):
    """No money moved; ``reason`` is the machine-readable x402 reason code."""

    code = "payment_refused"
    title = "The payment was refused."
    retry = "new-payment"

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(detail or reason)
        self.reason = reason


class PaymentAlreadyUsed(OncallError):
    code = "payment_already_used"
    title = "This payment has already bought the answer to another request."
    retry: ClassVar[Retry] = "new-payment"


class IdentifierAlreadyUsed(PaymentAlreadyUsed):
    """A fresh payment came with the identifier of an earlier one, and was not used."""

    code = "payment_identifier_already_used"
    title = (
        "The payment-identifier belongs to an earlier payment. Send the first payment and its "
        "request again: it is charged at most once. Another purchase needs another identifier."
    )
    retry = "first-payment"


class FacilitatorUnavailable(Retryable):
    code = "facilitator_unavailable"
    title = "Payments cannot be settled at the moment. Nothing was charged."


class SettlementUnknown(Retryable):
    code = "settlement_unknown"
    title = (
        "The settlement was sent but its outcome is not known yet. Retry with the same payment: "
        "it is charged at most once."
    )

    def __init__(self, detail: str = "", *, retry_after: int = 1, transaction: str = "") -> None:
        super().__init__(detail, retry_after=retry_after)
        self.transaction = transaction


class ClaimsUnavailable(Retryable):
    code = "claims_unavailable"
    title = "Payments cannot be remembered at the moment, so none is taken. Nothing was charged."


class TooManyClaims(Retryable):
    code = "overloaded"
    title = "Too many payments are remembered at the moment. Nothing was charged."


class TooManyConnections(Retryable):
    code = "too_many_connections"
    title = "Too many connections are open at the moment. Nothing was charged."


class WorkersBusy(Retryable):
    code = "busy"
    title = "Too much work is waiting at the moment. Nothing was charged."


class WorkerLost(Retryable):
    code = "worker_lost"
    title = "The process that computed the answer ended before it was done. Nothing was charged."


class Interrupted(Retryable):
    code = "interrupted"
    title = (
        "The service is being restarted and could not wait for this answer. Retry with the same "
        "payment: it is charged at most once."
    )


class WorkspacesUnavailable(Retryable):
    code = "workspaces_unavailable"
    title = "Workspaces cannot be opened at the moment. Nothing was charged."


class WorkspaceUnfinished(Retryable):
    code = "workspace_unfinished"
    title = (
        "The payment is settled, and the workspace cannot be opened at the moment. Send the same "
        "request with the same payment again: it is charged once."
    )


# --- stored schedules -----------------------------------------------------------------------


class Unauthorized(OncallError):
    code = "unauthorized"
    title = "A valid API key is needed: Authorization: Bearer ak_… or X-API-Key: ak_…."


class Forbidden(OncallError):
    code = "forbidden"
    title = "The API key does not permit this."


class NotFound(OncallError):
    code = "not_found"
    title = "There is no such thing here."


class Conflict(OncallError):
    code = "conflict"
    title = "What is stored does not permit this."


class QuotaExceeded(OncallError):
    code = "quota_exceeded"
    title = "The organisation has stored as much as it may."


class PreconditionFailed(OncallError):
    code = "precondition_failed"
    title = "It has been changed since: read it again, and send its ETag in If-Match."


class StoreUnavailable(Retryable):
    """The database is away or busy.

    Nothing was changed, unless the connection was lost while a change was being committed.
    """

    code = "unavailable"
    title = "What is stored cannot be reached at the moment."

    @classmethod
    def because(cls, problem: str) -> "StoreUnavailable":
        """Return the failure with ``problem`` as its reason, such as "is busy"."""
        return cls(f"The database {problem}.")


# --- running the service --------------------------------------------------------------------


class ConfigurationError(OncallError):
    """The service cannot start as configured. ``problems`` names every wrong setting."""

    code = "configuration"
    title = "The service is not configured correctly."

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class UnknownMigration(OncallError):
    code = "unknown_migration"
    title = "There is no such migration."


# --- layered schedules ----------------------------------------------------------------------


class OutOfBounds(InvalidFields):
    """A bound of the engine is exceeded.

    The engine raises it with the bound in words; validation raises it with the field errors, which
    say where in the document.
    """

    def __init__(self, found: str | Sequence[FieldError] = "") -> None:
        if not isinstance(found, str):
            super().__init__(found)
            return
        super().__init__([FieldError("", found or self.title)])
        self.detail = found or self.title


class TooManyLayers(OutOfBounds):
    code = "too_many_layers"
    title = "A schedule has at most 50 layers."


class TooManyParticipants(OutOfBounds):
    code = "too_many_participants"
    title = "A layer has at most 500 participants."


class TooManyRestrictions(OutOfBounds):
    code = "too_many_restrictions"
    title = "A layer has at most 100 restrictions."


class TooManyOverrides(OutOfBounds):
    code = "too_many_overrides"
    title = "A request has at most 10,000 overrides, entries and swaps."


class TooManySwaps(OutOfBounds):
    code = "too_many_swaps"
    title = "A request has at most 100 swaps."


class EmptyWindow(OutOfBounds):
    code = "empty_window"
    title = "A window ends after it starts."


class WindowTooLong(OutOfBounds):
    code = "window_too_long"
    title = "A window is at most 2 years (731 days) long."


class TooManySegments(OutOfBounds):
    code = "too_many_segments"
    title = "An answer has at most 100,000 segments: ask for a shorter window."


class InstantOutOfRange(OutOfBounds):
    code = "instant_out_of_range"
    title = "An instant must lie in the years 2 to 9998."


class TooMuchWork(OutOfBounds):
    code = "too_much_work"
    title = (
        "A request takes at most 1,000,000 steps: windows and turns of its layers in the period "
        "asked about, and again for each swap."
    )
