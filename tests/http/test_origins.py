"""Who may read answers (CORS), and whose pages may write with a cookie (CSRF)."""

from pathlib import Path

import pytest

from tests.http.lab import ADA, ADA_COOKIE, API, SITE, Lab, a_lab

PARTNER = "https://partner.example"
EVIL = "https://evil.example"


async def write(lab: Lab, **headers: str) -> int:
    given = {**ADA_COOKIE, **{name.replace("_", "-"): value for name, value in headers.items()}}
    reply = await lab.client.post("/api/v1/lab/notes", json={"text": "a"}, headers=given)
    if reply.status_code == 403:
        assert reply.json()["error"]["code"] == "csrf_failed"
    return reply.status_code


@pytest.mark.parametrize("origin", [API, SITE, PARTNER])
async def test_pages_of_ours_may_write_with_a_cookie(lab: Lab, origin: str) -> None:
    assert await write(lab, Origin=origin) == 201


@pytest.mark.parametrize("origin", [EVIL, "null", "http://localhost:7072", "https://localhost:7071", f"{API}.evil.org"])
async def test_other_pages_may_not(lab: Lab, origin: str) -> None:
    assert await write(lab, Origin=origin) == 403
    assert await write(lab, Origin=origin, Sec_Fetch_Site="same-origin") == 403


@pytest.mark.parametrize(
    ("site", "status"), [("same-origin", 201), ("none", 201), ("same-site", 403), ("cross-site", 403), ("", 403)]
)
async def test_without_an_origin_the_browsers_fetch_metadata_decides(lab: Lab, site: str, status: int) -> None:
    assert await write(lab, Sec_Fetch_Site=site) == status


async def test_a_cookie_alone_writes_nothing_and_reads_all(lab: Lab) -> None:
    assert await write(lab) == 403
    assert (await lab.client.get("/api/v1/lab/me", headers=ADA_COOKIE)).status_code == 200
    assert (await lab.client.get("/api/v1/lab/me", headers={**ADA_COOKIE, "Origin": EVIL})).status_code == 200


async def test_a_bearer_token_needs_no_origin_and_wins_over_a_cookie(lab: Lab) -> None:
    both = {"Authorization": "Bearer bob:s2", "Origin": EVIL}
    assert await write(lab, **both) == 201
    reply = await lab.client.get("/api/v1/lab/me", headers={**ADA_COOKIE, **both})
    assert reply.json()["who"] == "bob"
    # A refused Bearer token is refused: the cookie beside it is not tried.
    assert (
        await lab.client.get("/api/v1/lab/me", headers={**ADA_COOKIE, "Authorization": "Bearer x"})
    ).status_code == 401


async def test_on_a_public_address_another_sites_page_is_a_stranger(lab: Lab) -> None:
    path, body = "/api/v1/lab/forms", {"text": "a"}
    await lab.client.post(path, json=body, headers={**ADA_COOKIE, "Origin": EVIL})
    assert lab.desk.calls[-1].identity is None
    await lab.client.post(path, json=body, headers={**ADA_COOKIE, "Origin": SITE})
    assert lab.desk.calls[-1].user_id == "ada"


async def test_a_handler_can_ask_the_same_of_a_cookie_of_its_own(lab: Lab) -> None:
    cookie = {"Cookie": "refreshToken=good"}
    refused = await lab.client.post("/api/v1/lab/refresh", headers=cookie)
    assert refused.json()["error"]["code"] == "csrf_failed"
    assert "set-cookie" not in refused.headers  # or any page could sign people out
    taken = await lab.client.post("/api/v1/lab/refresh", headers={**cookie, "Origin": API})
    assert taken.status_code == 200


async def test_a_refused_refresh_token_clears_both_cookies(lab: Lab) -> None:
    reply = await lab.client.post("/api/v1/lab/refresh", headers={"Cookie": "refreshToken=old", "Origin": API})
    assert reply.status_code == 401
    assert [cookie.lower() for cookie in reply.headers.get_list("set-cookie")] == [
        "accesstoken=; max-age=0; path=/; secure; samesite=lax; httponly",
        "refreshtoken=; max-age=0; path=/api/v1/auth; secure; samesite=lax; httponly",
    ]


async def test_a_host_that_is_none_matches_no_origin(lab: Lab) -> None:
    assert await write(lab, Host="local host:port", Origin=EVIL) == 403


@pytest.mark.parametrize("origin", [SITE, PARTNER])
async def test_pages_on_the_list_may_read(lab: Lab, origin: str) -> None:
    reply = await lab.client.get("/api/v1/lab/public", headers={"Origin": origin})
    assert reply.headers["access-control-allow-origin"] == origin
    assert reply.headers["access-control-allow-credentials"] == "true"
    assert "X-RateLimit-Remaining" in reply.headers["access-control-expose-headers"]
    assert reply.headers["vary"] == "Origin, Accept"


async def test_errors_can_be_read_too(lab: Lab) -> None:
    reply = await lab.client.get("/api/v1/nowhere", headers={"Origin": SITE})
    assert reply.headers["access-control-allow-origin"] == SITE


async def test_other_pages_may_not_read(lab: Lab) -> None:
    reply = await lab.client.get("/api/v1/lab/public", headers={"Origin": EVIL})
    assert not [name for name in reply.headers if name.startswith("access-control")]
    assert reply.headers["vary"] == "Origin, Accept"


async def test_a_preflight_is_told_what_the_address_takes(lab: Lab) -> None:
    asked = {"Origin": SITE, "Access-Control-Request-Method": "PATCH", "Access-Control-Request-Headers": "if-match"}
    reply = await lab.client.options("/api/v1/lab/notes/1", headers=asked)
    assert reply.status_code == 204
    assert reply.headers["access-control-allow-origin"] == SITE
    assert reply.headers["access-control-allow-methods"] == "GET, HEAD, OPTIONS, PATCH"
    assert "If-Match" in reply.headers["access-control-allow-headers"]
    assert reply.headers["vary"] == "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"
    stranger = await lab.client.options("/api/v1/lab/notes/1", headers={**asked, "Origin": EVIL})
    assert stranger.status_code == 204
    assert not [name for name in stranger.headers if name.startswith("access-control")]
    assert (await lab.client.options("/api/v1/nowhere", headers=asked)).status_code == 404


async def test_preflights_are_not_counted(lab: Lab) -> None:
    first = await lab.client.options("/api/v1/lab/notes", headers={"Origin": SITE})
    assert first.headers["x-ratelimit-remaining"] == "100"


async def test_a_wildcard_lets_any_page_read_without_credentials_and_none_write(tmp_path: Path) -> None:
    async with a_lab(tmp_path, allowed_origins=("*",)) as lab:
        reply = await lab.client.get("/api/v1/lab/public", headers={"Origin": EVIL})
        assert reply.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in reply.headers
        assert await write(lab, Origin=EVIL) == 403


@pytest.mark.parametrize("headers", [ADA, {}])
async def test_a_token_that_is_refused_is_challenged(lab: Lab, headers: dict[str, str]) -> None:
    shown = {"Authorization": "Bearer nonsense"} if headers else {}
    reply = await lab.client.get("/api/v1/lab/me", headers=shown)
    assert reply.status_code == 401
    assert reply.headers["www-authenticate"] == ('Bearer error="invalid_token"' if shown else "Bearer")
