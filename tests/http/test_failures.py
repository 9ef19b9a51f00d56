"""Whatever goes wrong, the answer is the envelope and tells nothing it should not."""

import logging
from pathlib import Path

import pytest

from runtime.environment import SettingsFaulty
from tests.http.lab import SECRET, Lab, a_lab
from web import edge as web_edge

TRACE = "0af7651916cd43dd8448eb211c80319c"


async def test_a_fault_is_logged_once_with_its_id_and_not_told(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    headers = {"X-Request-Id": "r-1", "traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}
    reply = await lab.client.post("/api/v1/lab/fault", headers=headers)
    assert reply.status_code == 500
    assert reply.json() == {
        "error": {"code": "server_error", "message": "Something went wrong on our side.", "requestId": "r-1"}
    }
    assert reply.headers["traceresponse"].startswith(f"00-{TRACE}-")
    (record,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert record.getMessage() == f"lab_fault failed request=r-1 trace={TRACE}"
    assert "in lab_fault" in caplog.text  # where it happened,
    assert SECRET not in caplog.text  # but not what was said: messages quote data
    assert (record.request_id, record.trace_id) == ("r-1", TRACE)  # type: ignore[attr-defined]


async def test_a_dependency_that_is_down_says_when_to_come_back(lab: Lab) -> None:
    reply = await lab.client.get("/api/v1/lab/down")
    assert reply.status_code == 503
    assert reply.json()["error"]["code"] == "service_unavailable"
    assert reply.json()["error"]["retryAfter"] == 3
    assert reply.headers["retry-after"] == "3"


async def test_a_refusal_is_no_alert(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="web")
    await lab.client.get("/api/v1/lab/me", headers={"X-Request-Id": "r-2"})
    (record,) = [record for record in caplog.records if record.name == "web"]
    assert (record.levelname, record.getMessage()) == ("INFO", "lab_me refused: missing_token request=r-2")


async def test_bad_settings_are_an_unavailable_service(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    def provider() -> web_edge.Edge:
        raise SettingsFaulty("APP_SITE_URL is not set")

    web_edge.use(provider)
    reply = await lab.client.get("/api/v1/lab/me")
    assert reply.status_code == 503
    assert reply.json()["error"]["code"] == "service_unavailable"
    assert "APP_SITE_URL" not in reply.text
    assert "APP_SITE_URL is not set" in caplog.text


@pytest.mark.parametrize(
    "path",
    ["/api", "/api/", "/api/v1", "/api/v1/lab/notes/1/2", "/api//v1/lab/me", "/api/v1/lab/me/"],
)
async def test_an_unknown_address_gets_the_envelope(lab: Lab, path: str) -> None:
    reply = await lab.client.get(path)
    if reply.status_code != 401:  # the host forgives a slash at the end, as ASP.NET does
        assert (reply.status_code, reply.json()["error"]["code"]) == (404, "not_found")


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "POST"])
async def test_a_wrong_method_is_told_the_right_ones(lab: Lab, method: str) -> None:
    reply = await lab.client.request(method, "/api/V1/Lab/me")
    assert (reply.status_code, reply.json()["error"]["code"]) == (405, "method_not_allowed")
    assert reply.headers["allow"] == "GET, HEAD, OPTIONS"


async def test_every_answer_is_guarded(lab: Lab) -> None:
    for path in ("/api/v1/lab/public", "/api/v1/nowhere", "/api/v1/lab/down"):
        headers = (await lab.client.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "strict-transport-security" not in headers
        assert len(headers["x-request-id"]) == 32


async def test_where_the_api_is_https_browsers_are_told_to_stay(tmp_path: Path) -> None:
    async with a_lab(tmp_path, api_url="https://api.tools.example") as lab:
        assert "max-age=" in (await lab.client.get("/api/v1/nowhere")).headers["strict-transport-security"]
        assert (await lab.client.get("/api/v1/nowhere")).status_code == 404


async def test_what_goes_away_says_so_in_time(lab: Lab) -> None:
    reply = await lab.client.get("/api/v1/lab/old")
    assert reply.headers["deprecation"] == "@1768910400"
    assert reply.headers["sunset"] == "Wed, 20 Jan 2027 12:00:00 GMT"


async def test_what_fails_before_it_is_counted_still_says_what_is_left(lab: Lab) -> None:
    reply = await lab.client.get("/api/v1/lab/me", headers={"Authorization": "Bearer keys-are-away"})
    assert reply.status_code == 503
    assert reply.headers["x-ratelimit-remaining"] == "100"


@pytest.mark.parametrize("path", ["unwritable", "split"])
async def test_an_answer_that_cannot_be_written_is_a_fault_too(lab: Lab, path: str) -> None:
    reply = await lab.client.get(f"/api/v1/lab/{path}")
    assert (reply.status_code, reply.json()["error"]["code"]) == (500, "server_error")
    assert "set-cookie" not in reply.headers
