"""What the host's trigger extensions send along with a timer or a queue message."""

import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.functions_host.host.protocol import to_typed


def timer_payload(messages: Any) -> tuple[Any, dict[str, Any]]:
    now = datetime.now(UTC)
    status = {"Last": _iso(now), "LastUpdated": _iso(now), "Next": _iso(now + timedelta(minutes=5))}
    body = {"Schedule": {"AdjustForDST": True}, "ScheduleStatus": status, "IsPastDue": False}
    return messages.TypedData(json=json.dumps(body)), {}


def queue_payload(messages: Any, body: str, tries: int) -> tuple[Any, dict[str, Any]]:
    """*body* goes on as it lies in the queue (`messageEncoding: none`)."""
    now = datetime.now(UTC)
    text = messages.TypedData(string=body)

    def as_json(value: Any) -> Any:
        return messages.TypedData(json=json.dumps(value))

    return text, {
        "QueueTrigger": text,
        "DequeueCount": as_json(tries),
        "Id": to_typed(messages, str(uuid.uuid4())),
        "PopReceipt": to_typed(messages, "AgAAAAMAAAAAAAAA"),
        "InsertionTime": as_json(_iso(now)),
        "ExpirationTime": as_json(_iso(now + timedelta(days=7))),
        "NextVisibleTime": as_json(_iso(now + timedelta(minutes=10))),
    }


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S+00:00")
