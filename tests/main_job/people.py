"""People who use the product as a browser does: over HTTP, with cookies, and their mail."""

import re
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit

import httpx

from devhost.mailbox import Mail

PASSWORD = "correct horse battery staple"
SITE = "http://localhost:3000"


class Host(Protocol):
    """Whatever serves the app."""

    @property
    def url(self) -> str: ...

    async def wait_for_mails(self, to: str, count: int = 1) -> list[Mail]: ...

    async def admin(self, *arguments: str, text: str = "") -> tuple[int, str]: ...


class BrowserTransport(httpx.AsyncHTTPTransport):
    """Takes the empty `domain=` that the Functions host writes into cookies for none, as browsers do (RFC 6265 §5.2.3).

    The standard library's jar would never send such a cookie back.
    """

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await super().handle_async_request(request)
        raw = [(name, re.sub(rb"; domain=(?=;|$)", b"", value)) for name, value in response.headers.raw]
        response.headers = httpx.Headers(raw)
        return response


@dataclass
class Visitor:
    """A browser on our site."""

    host: Host
    client: httpx.AsyncClient

    async def call(self, method: str, path: str, status: int, **more: Any) -> Any:
        """One request below `/api/v1`; what it answered, which must be *status*."""
        reply = await self.client.request(method, f"/api/v1{path}", **more)
        assert reply.status_code == status, f"{method} {path}: {reply.status_code} {reply.text}"
        return reply.json() if reply.content else None


@dataclass
class Person(Visitor):
    """Signed in, by cookies."""

    id: str
    email: str
    name: str

    async def confirm_email(self) -> None:
        """Follow the link of the mail that came, as a mail program does."""
        mails = await self.host.wait_for_mails(self.email)
        [link] = [link for mail in mails for link in mail.links if "verify-email" in link]
        address = urlsplit(link)
        assert f"{address.scheme}://{address.netloc}" == self.host.url
        reply = await self.client.get(f"{address.path}?{address.query}", follow_redirects=False)
        assert (reply.status_code, reply.headers["location"]) == (302, f"{SITE}/verify-email?status=success")


class Town:
    """Everybody who visits one host."""

    def __init__(self, host: Host, stack: AsyncExitStack) -> None:
        self.host = host
        self._stack = stack

    async def visitor(self) -> Visitor:
        client = httpx.AsyncClient(
            base_url=self.host.url, headers={"Origin": SITE}, timeout=30, transport=BrowserTransport()
        )
        return Visitor(self.host, await self._stack.enter_async_context(client))

    async def sign_up(self, name: str) -> Person:
        """A new person, whose e-mail is not confirmed yet."""
        email = f"{name.lower()}@people.example"
        body = {"email": email, "password": PASSWORD, "name": name}
        return await self._enter("/auth/signup", 201, body)

    async def sign_in(self, email: str, password: str = PASSWORD) -> Person:
        return await self._enter("/auth/login", 200, {"email": email, "password": password})

    async def _enter(self, path: str, status: int, body: dict[str, str]) -> Person:
        visitor = await self.visitor()
        user = (await visitor.call("POST", path, status, json=body))["user"]
        return Person(self.host, visitor.client, user["id"], user["email"], user["name"])


@asynccontextmanager
async def a_town(host: Host) -> AsyncGenerator[Town]:
    async with AsyncExitStack() as stack:
        yield Town(host, stack)
