"""What Cosmos DB and its SDK can answer, in the words of the port.

    400                     ValueError: we asked for what the service does not do
    404                     ItemNotFound
    409                     ItemExists
    412                     ItemStale
    413                     ItemTooLarge
    429                     retried for a second, then StoreThrottled
    449, lost connection    retried where that is safe, then Unavailable
    401 403 408 410 5xx     Unavailable
    not signed in           Unavailable, whatever status the identity's endpoint gave

`CosmosBatchOperationError` is no `CosmosHttpResponseError`, hence `HttpResponseError`; it knows which operation failed.
"""

import logging
import random
from http import HTTPStatus
from typing import Final

from aiohttp import ClientConnectorError
from azure.core.exceptions import AzureError, HttpResponseError
from azure.cosmos.exceptions import CosmosBatchOperationError

from adapters.azure_http import is_of_identity
from domain.kernel.documents import ItemExists, ItemNotFound, ItemStale, ItemTooLarge, StoreThrottled
from domain.kernel.errors import Unavailable

logger = logging.getLogger(__name__)

_RETRY_WITH: Final = 449
"""Two writes met inside the service, and this one was not done. It happens on busy items; trying again is right."""

_ATTEMPTS: Final = 6
_FIRST_PAUSE_SECONDS: Final = 0.01
_LONGEST_THROTTLE_SECONDS: Final = 1.0

_REFUSALS: Final[dict[int, type[ItemExists | ItemNotFound | ItemStale]]] = {
    HTTPStatus.NOT_FOUND: ItemNotFound,
    HTTPStatus.CONFLICT: ItemExists,
    HTTPStatus.PRECONDITION_FAILED: ItemStale,
}


def translate(error: AzureError) -> Exception:
    """The error to raise for *error*. Logs what an operator should know: statuses, and nothing that was sent."""
    if not isinstance(error, HttpResponseError) or is_of_identity(error):
        logger.warning("the document store does not answer: %s", type(error).__name__)
        return Unavailable()
    status, substatus = error.status_code or 0, getattr(error, "sub_status", None)
    if status in _REFUSALS:
        refusal = _REFUSALS[status]()
        if isinstance(error, CosmosBatchOperationError):
            refusal.operation_index = error.error_index
        return refusal
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return ItemTooLarge()
    if status == HTTPStatus.BAD_REQUEST:
        return ValueError(f"the document store refuses this request (400/{substatus})")
    logger.warning("the document store answers %s/%s", status, substatus)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return StoreThrottled(retry_after=max(1.0, _asked_seconds(error)))
    return Unavailable()


def pause(error: AzureError, *, attempt: int, waited: float, resend: bool) -> float | None:
    """Seconds to wait before the request is sent again; None when it must not be, or has been often enough.

    *attempt* counts from 1, *waited* is the sum of the pauses so far, *resend* says that doing it twice is harmless.
    """
    own = _FIRST_PAUSE_SECONDS * 2 ** (attempt - 1) * (0.5 + random.random())  # noqa: S311 - spreads rivals
    if isinstance(error, HttpResponseError):
        if error.status_code == HTTPStatus.TOO_MANY_REQUESTS:
            asked = max(own, _asked_seconds(error))
            return asked if waited + asked <= _LONGEST_THROTTLE_SECONDS else None
        return own if error.status_code == _RETRY_WITH and attempt < _ATTEMPTS else None
    if _was_not_sent(error):
        return own if attempt < _ATTEMPTS else None
    return own if resend and attempt == 1 else None


def _was_not_sent(error: AzureError) -> bool:
    """Did no connection come about? Then even a write may be sent again.

    The SDK calls more than that a `ServiceRequestError`: also a connection that broke after the request was sent.
    """
    return isinstance(error.inner_exception, ClientConnectorError)


def _asked_seconds(error: HttpResponseError) -> float:
    headers = getattr(error, "headers", None) or {}
    try:
        return int(headers["x-ms-retry-after-ms"]) / 1000
    except (KeyError, ValueError):
        return 0.0
