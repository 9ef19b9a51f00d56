"""What tests of sign-in say often."""

from typing import Any

import httpx

from tests.world import PASSWORD, World

OURS = {"Origin": "http://localhost:3000"}
"""What a page of ours sends along."""


async def log_in(browser: httpx.AsyncClient, email: str, password: str = PASSWORD, **more: Any) -> httpx.Response:
    return await browser.post("/api/v1/auth/login", json={"email": email, "password": password}, **more)


async def refresh(world: World, token: str) -> httpx.Response:
    """As a client without cookies does."""
    return await world.browser().post("/api/v1/auth/refresh", json={"refreshToken": token})


def code(reply: httpx.Response) -> str:
    return str(reply.json()["error"]["code"])


def bearer(reply: httpx.Response) -> dict[str, str]:
    """The headers of whoever was given this answer."""
    return {"Authorization": f"Bearer {reply.json()['accessToken']}"}


def cookie(reply: httpx.Response, name: str = "refreshToken") -> str:
    """The value that a reply sets a cookie to."""
    (line,) = [line for line in reply.headers.get_list("set-cookie") if line.startswith(f"{name}=")]
    return str(line.partition("=")[2].partition(";")[0])


def is_cleared(reply: httpx.Response) -> bool:
    """Whether a reply empties both cookies."""
    lines = reply.headers.get_list("set-cookie")
    return [line.partition(";")[0] for line in lines] == ["accessToken=", "refreshToken="] and all(
        "max-age=0" in line.lower() for line in lines
    )


async def is_refused(world: World, headers: dict[str, str]) -> str | None:
    """The code with which a request of this caller is refused, or None."""
    reply = await world.browser().get("/api/v1/auth/sessions", headers=headers)
    return None if reply.status_code == 200 else code(reply)


async def sessions_of(world: World, headers: dict[str, str]) -> list[dict[str, Any]]:
    """Where the caller is signed in, as the API lists it."""
    items: list[dict[str, Any]] = (await world.browser().get("/api/v1/auth/sessions", headers=headers)).json()["items"]
    return items
