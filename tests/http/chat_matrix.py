"""Who may do what in chat: one row a route, one status a person, in the order of the columns.

`test_chat_access.py` asks each; a route that is in no table fails there.
"""

from dataclasses import dataclass
from typing import Any, Final

NOBODY: Final = "01890a5d-ac96-774b-bcce-b302099a8057"
HEART: Final = "%E2%9D%A4%EF%B8%8F"
LATER: Final = {"text": "later", "sendAt": "2026-01-20T18:00:00Z"}

ROOM: Final = "v1/conversations/{conversation_id}"
PLACE: Final = ROOM + "/participants/{user_id}"
SCHEDULED: Final = ROOM + "/scheduled/{scheduled_id}"
MESSAGE: Final = "v1/messages/{message_id}"
REACTION: Final = MESSAGE + "/reactions/{emoji}"
HELD_MESSAGES: Final = "v1/admin/conversations/{conversation_id}/messages"
HOLD: Final = "v1/admin/conversations/{conversation_id}/hold"
PERSON_HOLD: Final = "v1/admin/users/{user_id}/hold"
REPORT: Final = "v1/admin/reports/{report_id}"
FILE: Final = "v1/files/{file_id}"


@dataclass(frozen=True)
class Ask:
    method: str
    route: str
    body: dict[str, Any] | None = None
    query: str = ""


IN_A_GROUP: Final = ("lead", "member", "blocked", "former", "stranger", "admin")
"""Its admin, who said the message; a participant; one whom its admin blocks, which is for the two alone; one who was
put out; one who never was there; the platform's administrator, who is not there either."""

GROUP: Final[list[tuple[Ask, tuple[int, ...]]]] = [
    (Ask("GET", ROOM), (200, 200, 200, 403, 403, 403)),
    (Ask("PATCH", ROOM, {"name": "New"}), (200, 403, 403, 403, 403, 403)),
    (Ask("POST", ROOM + "/participants", {"userIds": ["{lead}"]}), (200, 403, 403, 403, 403, 403)),
    (Ask("PATCH", PLACE, {"role": "member"}), (200, 403, 403, 403, 403, 403)),
    (Ask("GET", ROOM + "/messages"), (200, 200, 200, 403, 403, 403)),
    (Ask("GET", ROOM + "/messages/search", query="q=zanzibar"), (200, 200, 200, 403, 403, 403)),
    (Ask("POST", ROOM + "/messages", {"text": "hi"}), (201, 201, 201, 403, 403, 403)),
    (Ask("POST", ROOM + "/read", {"seq": 1}), (200, 200, 200, 403, 403, 403)),
    (Ask("POST", ROOM + "/typing", {"state": "start"}), (204, 204, 204, 403, 403, 403)),
    (Ask("POST", ROOM + "/mute"), (204, 204, 204, 403, 403, 403)),
    (Ask("DELETE", ROOM + "/mute"), (204, 204, 204, 403, 403, 403)),
    (Ask("GET", ROOM + "/draft"), (404, 404, 404, 403, 403, 403)),
    (Ask("PUT", ROOM + "/draft", {"text": "I th"}), (200, 200, 200, 403, 403, 403)),
    (Ask("DELETE", ROOM + "/draft"), (204, 204, 204, 403, 403, 403)),
    (Ask("POST", ROOM + "/scheduled", LATER), (201, 201, 201, 403, 403, 403)),
    # One's own and nobody else's; who was put out sees what became of theirs.
    (Ask("GET", ROOM + "/scheduled"), (200, 200, 200, 200, 200, 200)),
    (Ask("GET", SCHEDULED), (200, 404, 404, 404, 404, 404)),
    (Ask("PATCH", SCHEDULED, {"text": "x"}), (200, 404, 404, 404, 404, 404)),
    (Ask("DELETE", SCHEDULED), (204, 404, 404, 404, 404, 404)),
    (Ask("GET", ROOM + "/retention"), (200, 200, 200, 403, 403, 200)),
    (Ask("PUT", ROOM + "/retention", {"days": 30}), (200, 403, 403, 403, 403, 200)),
    (Ask("GET", HOLD), (403, 403, 403, 403, 403, 200)),
    (Ask("PUT", HOLD, {"reason": "A complaint."}), (403, 403, 403, 403, 403, 200)),
    (Ask("DELETE", HOLD, {"reason": "Settled."}), (403, 403, 403, 403, 403, 204)),
    (Ask("GET", "v1/admin/messages/{message_id}"), (403, 403, 403, 403, 403, 200)),
    (Ask("GET", HELD_MESSAGES), (403, 403, 403, 403, 403, 403)),  # nobody holds it
    (Ask("PATCH", MESSAGE, {"text": "x"}), (200, 403, 403, 403, 403, 403)),
    (Ask("PUT", REACTION), (200, 200, 200, 403, 403, 403)),
    (Ask("DELETE", REACTION), (204, 204, 204, 403, 403, 403)),
    (Ask("POST", MESSAGE + "/report", {"reason": "It hurts."}), (201, 201, 201, 403, 403, 403)),
    (Ask("DELETE", MESSAGE), (204, 403, 403, 403, 403, 204)),
    (Ask("DELETE", PLACE), (204, 204, 403, 403, 403, 403)),
]

BETWEEN_TWO: Final = ("lead", "member", "stranger", "admin", "blocked", "blocker")
"""Who said the message, the other one, a stranger (who must not learn that it exists), the platform's administrator;
and the same two of another pair, of whom one, who said the message, is blocked by the other."""

DIRECT: Final[list[tuple[Ask, tuple[int, ...]]]] = [
    (Ask("GET", ROOM), (200, 200, 404, 404, 200, 200)),
    (Ask("PATCH", ROOM, {"name": "x"}), (403, 403, 404, 404, 403, 403)),
    (Ask("POST", ROOM + "/participants", {"userIds": [NOBODY]}), (403, 403, 404, 404, 403, 403)),
    (Ask("PATCH", PLACE, {"role": "admin"}), (403, 403, 404, 404, 403, 403)),
    (Ask("DELETE", PLACE), (403, 403, 404, 404, 403, 403)),
    (Ask("GET", ROOM + "/messages"), (200, 200, 404, 404, 200, 200)),
    (Ask("GET", ROOM + "/messages/search", query="q=zanzibar"), (200, 200, 404, 404, 200, 200)),
    (Ask("POST", ROOM + "/messages", {"text": "hi"}), (201, 201, 404, 404, 403, 403)),
    (Ask("POST", ROOM + "/read", {"seq": 1}), (200, 200, 404, 404, 200, 200)),
    (Ask("POST", ROOM + "/typing", {"state": "start"}), (204, 204, 404, 404, 403, 403)),
    (Ask("POST", ROOM + "/mute"), (204, 204, 404, 404, 204, 204)),
    (Ask("DELETE", ROOM + "/mute"), (204, 204, 404, 404, 204, 204)),
    (Ask("GET", ROOM + "/draft"), (404, 404, 404, 404, 404, 404)),
    (Ask("PUT", ROOM + "/draft", {"text": "I"}), (200, 200, 404, 404, 200, 200)),
    (Ask("DELETE", ROOM + "/draft"), (204, 204, 404, 404, 204, 204)),
    (Ask("POST", ROOM + "/scheduled", LATER), (201, 201, 404, 404, 403, 403)),
    (Ask("GET", ROOM + "/scheduled"), (200, 200, 200, 200, 200, 200)),
    (Ask("GET", ROOM + "/retention"), (200, 200, 404, 200, 200, 200)),
    (Ask("PUT", ROOM + "/retention", {"days": 30}), (403, 403, 404, 200, 403, 403)),
    (Ask("GET", HOLD), (403, 403, 403, 200, 403, 403)),
    (Ask("PUT", HOLD, {"reason": "A complaint."}), (403, 403, 403, 200, 403, 403)),
    (Ask("DELETE", HOLD, {"reason": "Settled."}), (403, 403, 403, 204, 403, 403)),
    (Ask("GET", "v1/admin/messages/{message_id}"), (403, 403, 403, 200, 403, 403)),
    (Ask("GET", HELD_MESSAGES), (403, 403, 403, 403, 403, 403)),
    (Ask("PATCH", MESSAGE, {"text": "x"}), (200, 403, 404, 404, 403, 403)),
    (Ask("PUT", REACTION), (200, 200, 404, 404, 403, 403)),
    (Ask("DELETE", REACTION), (204, 204, 404, 404, 403, 403)),
    (Ask("POST", MESSAGE + "/report", {"reason": "It hurts."}), (201, 201, 404, 404, 201, 201)),
    (Ask("DELETE", MESSAGE), (204, 403, 404, 204, 204, 403)),
]

OF_A_FILE: Final = ("lead", "member", "former", "stranger", "admin", "blocked", "blocker")
"""Of a message in a group; and, the last two, between two of whom one, whose file it is, is blocked."""

FILES: Final[list[tuple[Ask, tuple[int, ...]]]] = [
    # Whoever is there reads; its owner and administrators delete.
    (Ask("GET", FILE), (200, 200, 404, 404, 404, 200, 200)),
    (Ask("DELETE", FILE), (204, 404, 404, 404, 204, 204, 404)),
]

OWN: Final = [
    # Tell and change what is the caller's own: nothing here takes the id of somebody else's conversation.
    Ask("GET", "v1/conversations"),
    Ask("GET", "v1/chat/sync"),
    Ask("GET", "v1/messages/search", query="q=zanzibar"),
    Ask("GET", "v1/presence", query="userIds={lead}"),
    Ask("GET", "v1/users/me/blocks"),
    Ask("GET", "v1/chat/push/key"),
    Ask("GET", "v1/chat/push/subscriptions"),
    Ask("DELETE", "v1/chat/push/subscriptions/{subscription_id}"),
    Ask("POST", "v1/chat/push/subscriptions", {}),
    Ask("POST", "v1/chat/negotiate"),
    Ask("POST", "v1/conversations", {"type": "group", "participantIds": ["{lead}"], "name": "Anew"}),
    Ask("POST", "v1/users/{user_id}/block"),
    Ask("DELETE", "v1/users/{user_id}/block"),
]

ADMINISTRATION: Final = [
    Ask("GET", "v1/admin/reports"),
    Ask("GET", REPORT),
    Ask("GET", REPORT + "/attachments"),
    Ask("PATCH", REPORT, {"note": "Seen."}),
    Ask("GET", "v1/admin/holds"),
    Ask("GET", PERSON_HOLD),
    Ask("PUT", PERSON_HOLD, {"reason": "A complaint."}),
    Ask("DELETE", PERSON_HOLD, {"reason": "Settled."}),
]

NOT_BY_SIGN_IN: Final = {
    ("OPTIONS", "v1/chat/events"),
    ("POST", "v1/chat/events"),
    ("GET", "v1/users/unsubscribe"),
    ("POST", "v1/users/unsubscribe"),
}
"""The realtime service's signature, and a mailed link's, stand for a sign-in: `tests/http/test_signed_in_events.py`,
`tests/property/test_cloudevents.py`, `tests/http/test_missed.py`."""
