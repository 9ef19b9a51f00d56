"""Failures become replies here, and only here: status codes, the envelope, the words of the edge itself."""

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from domain.kernel.errors import DomainError, Forbidden, Kind, Unavailable
from web.bodies import Out

STATUS: Final[Mapping[Kind, int]] = MappingProxyType(
    {
        Kind.INVALID: 400,
        Kind.UNAUTHENTICATED: 401,
        Kind.FORBIDDEN: 403,
        Kind.NOT_FOUND: 404,
        Kind.METHOD: 405,
        Kind.CONFLICT: 409,
        Kind.PRECONDITION: 412,
        Kind.TOO_LARGE: 413,
        Kind.MEDIA_TYPE: 415,
        Kind.RATE_LIMITED: 429,
        Kind.UNAVAILABLE: 503,
    }
)

CODES: Final[Mapping[str, int]] = MappingProxyType(
    {
        "validation_error": 400,
        "missing_token": 401,
        "invalid_token": 401,
        "token_revoked": 401,
        "invalid_credentials": 401,
        "forbidden": 403,
        "csrf_failed": 403,
        "account_suspended": 403,
        "email_not_verified": 403,
        "not_enrolled": 403,
        "not_participant": 403,
        "not_found": 404,
        "method_not_allowed": 405,
        "user_exists": 409,
        "already_enrolled": 409,
        "conflict": 409,
        "precondition_failed": 412,
        "payload_too_large": 413,
        "unsupported_media_type": 415,
        "rate_limit_exceeded": 429,
        "server_error": 500,
        "service_unavailable": 503,
    }
)
"""Every code a client may meet, with its status. The contract: nothing is renamed; `docs/errors.md` explains each."""


UNAVAILABLE_SECONDS: Final = 2
"""When to try again after a 503 for which nobody knows better."""


class EmailNotVerified(Forbidden):
    code = "email_not_verified"
    message = "Confirm your e-mail address first."


class NotForGuests(Forbidden):
    message = "Sign up to do this."


class CsrfFailed(Forbidden):
    code = "csrf_failed"
    message = "This request did not come from a page of ours."


class MethodNotAllowed(DomainError):
    code = "method_not_allowed"
    kind = Kind.METHOD
    message = "This address does not take this method."

    def __init__(self, *, allow: str) -> None:
        super().__init__()
        self.headers = {"Allow": allow}


class PayloadTooLarge(DomainError):
    code = "payload_too_large"
    kind = Kind.TOO_LARGE
    message = "The body is larger than this address takes."


class UnsupportedMediaType(DomainError):
    code = "unsupported_media_type"
    kind = Kind.MEDIA_TYPE
    message = "Send the body as application/json in UTF-8."


class FaultOut(Out):
    """One bad field: where, a stable slug, and a sentence."""

    path: str
    code: str
    message: str


class ErrorBody(Out, omit_defaults=True):
    """*retryAfter* is in whole seconds."""

    code: str
    message: str
    request_id: str
    details: list[FaultOut] | msgspec.UnsetType = msgspec.UNSET
    retry_after: int | msgspec.UnsetType = msgspec.UNSET


class ErrorOut(Out):
    """What every failure looks like."""

    error: ErrorBody


def status_of(error: DomainError) -> int:
    return STATUS[error.kind]


def retry_after_of(error: DomainError) -> int | None:
    """As `Retry-After` wants it (RFC 9110 §10.2.3): whole, never too early. None when trying again makes no sense.

    Who finds a service away seldom knows for how long; that it is worth another try, the client hears all the same.
    """
    if error.retry_after is None:
        return UNAVAILABLE_SECONDS if error.kind is Kind.UNAVAILABLE else None
    return max(1, math.ceil(error.retry_after))


def envelope(error: DomainError, request_id: str) -> ErrorOut:
    retry_after = retry_after_of(error)
    return ErrorOut(
        ErrorBody(
            code=error.code,
            message=error.text,
            request_id=request_id,
            details=[FaultOut(f.path, f.code, f.message) for f in error.faults] if error.faults else msgspec.UNSET,
            retry_after=msgspec.UNSET if retry_after is None else retry_after,
        )
    )


def unavailable(request_id: str) -> ErrorBody:
    """For an answer that has more to say than the envelope."""
    return envelope(Unavailable(), request_id).error


def server_error(request_id: str) -> ErrorOut:
    """What nobody foresaw: the client learns that it happened, and its id."""
    return ErrorOut(ErrorBody(code="server_error", message="Something went wrong on our side.", request_id=request_id))
