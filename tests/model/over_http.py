"""The application through its API, at one instance."""

from typing import Any, Final
from urllib.parse import quote

import httpx

from tests.model.app import NoAnswer, Refused
from tests.model.inside import HEART

NOT_NOW: Final = {502, 503, 504}
ADMISSIBLE: Final = {400, 403, 404, 409}
"""What deeds that may not be are refused with."""


class OverHttp:
    """Conforms to `tests.model.app.App`. *bearers* are the headers of each person, by id."""

    def __init__(self, url: str, bearers: dict[str, dict[str, str]]) -> None:
        self.client = httpx.AsyncClient(base_url=f"{url}/api/v1", timeout=20)
        self._bearers = bearers

    async def call(self, who: str, method: str, path: str, **more: Any) -> Any:
        try:
            reply = await self.client.request(method, path, headers=self._bearers[who], **more)
        except httpx.HTTPError as error:
            raise NoAnswer from error
        if reply.status_code in NOT_NOW:
            raise NoAnswer
        if reply.is_success:
            return reply.json() if reply.content else None
        assert reply.status_code in ADMISSIBLE, f"{method} {path}: {reply.status_code} {reply.text}"
        raise Refused(reply.text)

    async def send(self, who: str, room: str, text: str, key: str) -> dict[str, Any]:
        body = {"text": text, "clientMessageId": key}
        return dict(await self.call(who, "POST", f"/conversations/{room}/messages", json=body))

    async def edit(self, who: str, message_id: str, text: str, key: str) -> None:
        await self.call(who, "PATCH", f"/messages/{message_id}", json={"text": text, "clientMessageId": key})

    async def delete(self, who: str, message_id: str) -> None:
        await self.call(who, "DELETE", f"/messages/{message_id}")

    async def react(self, who: str, message_id: str, *, add: bool) -> None:
        await self.call(who, "PUT" if add else "DELETE", f"/messages/{message_id}/reactions/{quote(HEART)}")

    async def read(self, who: str, room: str, seq: int) -> int:
        return int((await self.call(who, "POST", f"/conversations/{room}/read", json={"seq": seq}))["lastReadSeq"])

    async def open_direct(self, who: str, other: str) -> str:
        body = {"type": "direct", "participantIds": [other]}
        return str((await self.call(who, "POST", "/conversations", json=body))["id"])

    async def open_group(self, who: str, others: list[str], name: str) -> str:
        body = {"type": "group", "participantIds": others, "name": name}
        return str((await self.call(who, "POST", "/conversations", json=body))["id"])

    async def add(self, who: str, room: str, other: str) -> None:
        await self.call(who, "POST", f"/conversations/{room}/participants", json={"userIds": [other]})

    async def remove(self, who: str, room: str, other: str) -> None:
        await self.call(who, "DELETE", f"/conversations/{room}/participants/{other}")

    async def rename(self, who: str, room: str, name: str) -> None:
        await self.call(who, "PATCH", f"/conversations/{room}", json={"name": name})

    async def set_role(self, who: str, room: str, other: str, role: str) -> None:
        await self.call(who, "PATCH", f"/conversations/{room}/participants/{other}", json={"role": role})

    async def rooms(self, who: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        cursor: dict[str, str] = {}
        while True:
            page = await self.call(who, "GET", "/conversations", params={"limit": 2, **cursor})
            rows += page["items"]
            if not page["pagination"]["hasMore"]:
                return rows
            cursor = {"cursor": page["pagination"]["nextCursor"]}

    async def room(self, who: str, room: str) -> dict[str, Any]:
        return dict(await self.call(who, "GET", f"/conversations/{room}"))

    async def messages(self, who: str, room: str, after: int, limit: int) -> tuple[list[dict[str, Any]], bool]:
        params = {"after": after, "limit": limit}
        page = await self.call(who, "GET", f"/conversations/{room}/messages", params=params)
        return page["items"], page["pagination"]["hasMore"]

    async def sync(self, who: str, since: Any, limit: int) -> tuple[list[dict[str, Any]], Any, bool] | None:
        params = {"limit": limit} if since is None else {"limit": limit, "since": since}
        page = await self.call(who, "GET", "/chat/sync", params=params)
        return None if page.get("reset") else (page["changes"], page["cursor"], page["hasMore"])

    async def negotiate(self, who: str) -> str:
        return str((await self.call(who, "POST", "/chat/negotiate"))["url"])
