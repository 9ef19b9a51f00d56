"""Both cookies as browsers get them, byte for byte, through the worker's own conversion."""

import re
from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.servers

ADA = {"email": "ada@people.example", "password": "correct horse battery staple", "name": "Ada"}
TOKEN = r"[A-Za-z0-9._~-]+"
ACCESS = rf"accessToken={TOKEN}; max-age=900; domain=; path=/; samesite=lax; httponly"
REFRESH = rf"refreshToken={TOKEN}; max-age=604800; domain=; path=/api/v1/auth; samesite=lax; httponly"
"""The host writes an empty `domain=`, which browsers read as: this host only (RFC 6265 §5.2.3)."""
NO_ACCESS = "accessToken=; max-age=0; domain=; path=/; samesite=lax; httponly"
NO_REFRESH = "refreshToken=; max-age=0; domain=; path=/api/v1/auth; samesite=lax; httponly"


def cookies(reply: httpx.Response) -> list[str]:
    return reply.headers.get_list("set-cookie")


class Browser:
    """Keeps cookies as RFC 6265 §5 says. The standard library's jar trips over the empty `domain=`."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client
        self._jar: dict[tuple[str, str], str] = {}

    def post(self, path: str, *, origin: str = "http://localhost:3000", **more: Any) -> httpx.Response:
        kept = "; ".join(f"{name}={value}" for (name, below), value in self._jar.items() if path.startswith(below))
        reply = self._client.post(path, headers={"Origin": origin, "Cookie": kept}, **more)
        for cookie in cookies(reply):
            pair, *attributes = cookie.split("; ")
            name, _, value = pair.partition("=")
            said = dict(attribute.partition("=")[::2] for attribute in attributes)
            self._jar.pop((name, said["path"]), None)
            if said["max-age"] != "0":
                self._jar[name, said["path"]] = value
        self._client.cookies.clear()
        return reply


def assert_session(reply: httpx.Response, status: int) -> None:
    assert reply.status_code == status, reply.text
    access, refresh = cookies(reply)
    assert re.fullmatch(ACCESS, access), access
    assert re.fullmatch(REFRESH, refresh), refresh
    assert reply.headers["cache-control"] == "no-store"


def test_sign_up_login_refresh_and_logout(client: httpx.Client) -> None:
    browser = Browser(client)
    assert_session(browser.post("/api/v1/auth/signup", json=ADA), 201)
    login = browser.post("/api/v1/auth/login", json={name: ADA[name] for name in ("email", "password")})
    assert_session(login, 200)
    rotated = browser.post("/api/v1/auth/refresh")
    assert_session(rotated, 200)
    assert cookies(rotated)[1] != cookies(login)[1]
    refused = browser.post("/api/v1/auth/refresh", origin="https://evil.example")
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "csrf_failed")
    gone = browser.post("/api/v1/auth/logout")
    assert (gone.status_code, cookies(gone)) == (200, [NO_ACCESS, NO_REFRESH])
    assert browser.post("/api/v1/auth/refresh").json()["error"]["code"] == "missing_token"
