"""`python -m devhost` and `python -m runtime.admin` as processes."""

import asyncio
import json
import signal
import socket
import stat
from pathlib import Path

import httpx
import pytest

from tests.process import a_dev_host, run_module


async def test_it_serves_says_where_and_stops_on_sigterm(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with a_dev_host(data) as host, httpx.AsyncClient(base_url=host.url) as client:
        assert f"{host.url}/api/v1" in host.greeting
        assert (await client.get("/api/healthz")).status_code == 200
        assert (await client.get("/", follow_redirects=True)).status_code == 200
        assert stat.S_IMODE(data.stat().st_mode) == 0o700
        assert stat.S_IMODE((data / "webpubsub.key").stat().st_mode) == 0o600

        status, output = await host.admin("check")
        assert (status, "documents: ok" in output) == (0, True), output

        second = await run_module("devhost", "--data", str(data), "--port", "0", "--realtime-port", "0")
        assert second == (2, f"devhost: the data folder {data} is in use by process {host.process.pid}\n")

        started = asyncio.get_running_loop().time()
        assert await host.stop() == 0
        assert asyncio.get_running_loop().time() - started < 5
    status, output = await run_module("runtime.admin", "check", DEVHOST_DATA=str(data))
    assert (status, "documents: ok" in output) == (0, True), output


async def test_ctrl_c_stops_it_too(tmp_path: Path) -> None:
    async with a_dev_host(tmp_path, "--no-sample") as host:
        host.process.send_signal(signal.SIGINT)
        assert await asyncio.wait_for(host.process.wait(), 5) == 0


async def test_commands_are_taken_from_this_user_only(tmp_path: Path) -> None:
    async with a_dev_host(tmp_path, "--no-sample") as host, httpx.AsyncClient(base_url=host.url) as client:
        secret = json.loads((tmp_path / "devhost.lock").read_text())["secret"]
        command = {"command": "check", "options": {}, "input": ""}
        for bearer, status in (("", 401), ("Bearer guess", 401), (f"Bearer {secret}", 200)):
            reply = await client.post("/_dev/admin", json=command, headers={"Authorization": bearer})
            assert reply.status_code == status
        wrong = {"Authorization": f"Bearer {secret}"}
        assert (await client.post("/_dev/admin", content=b"{", headers=wrong)).status_code == 400
        assert (await client.get("/_dev/admin", headers=wrong)).status_code == 405


@pytest.mark.parametrize(
    ("flags", "env", "line"),
    [
        (["--port", "x"], {}, "--port is not a port: x"),
        (["--frobnicate"], {}, "unrecognized arguments: --frobnicate"),
        ([], {"DEVHOST_NO_SAMPLE": "maybe"}, "DEVHOST_NO_SAMPLE is neither true nor false"),
        ([], {"APP_RATE_LIMIT_PUBLIC_PER_MINUTE": "many"}, "APP_RATE_LIMIT_PUBLIC_PER_MINUTE is not a whole number"),
        ([], {"APP_TYPO": "1"}, "APP_TYPO is not a setting of this application"),
        (["--data", "/proc/nowhere"], {}, "cannot use the data folder /proc/nowhere: No such file or directory"),
    ],
)
async def test_a_bad_setting_is_one_line_and_exit_status_2(
    tmp_path: Path, flags: list[str], env: dict[str, str], line: str
) -> None:
    env = {"DEVHOST_DATA": str(tmp_path), "DEVHOST_PORT": "0", "DEVHOST_REALTIME_PORT": "0", **env}
    assert await run_module("devhost", *flags, **env) == (2, f"devhost: {line}\n")


async def test_a_port_that_is_taken_is_one_line_and_exit_status_2(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        status, output = await run_module("devhost", "--port", str(port), DEVHOST_DATA=str(tmp_path))
    assert (status, output.count("\n")) == (2, 1)
    assert f"port {port} of 127.0.0.1 is in use; choose another with --port" in output


async def test_admin_says_in_one_line_what_it_cannot_do(tmp_path: Path) -> None:
    status, output = await run_module("runtime.admin", "frobnicate", DEVHOST_DATA=str(tmp_path))
    assert (status, output.count("\n")) == (1, 1)
    status, output = await run_module("runtime.admin", "load-courses", "nowhere.json", DEVHOST_DATA=str(tmp_path))
    assert (status, output) == (1, f"{Path.cwd()}/nowhere.json: cannot be read: No such file or directory\n")
    status, output = await run_module("runtime.admin", "check")
    assert (status, output.count("\n")) == (1, 1)
    assert "APP_API_URL is not set" in output


async def test_a_request_in_flight_is_answered_before_it_stops(tmp_path: Path) -> None:
    body = json.dumps(
        {"email": "ada@people.example", "password": "correct horse battery staple", "name": "Ada"}
    ).encode()
    head = (
        "POST /api/v1/auth/signup HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nExpect: 100-continue\r\n\r\n"
    )
    async with a_dev_host(tmp_path, "--no-sample") as host:
        reader, writer = await asyncio.open_connection("127.0.0.1", host.port)
        writer.write(head.encode())
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"  # it is being worked on
        stopping = asyncio.create_task(host.stop())
        await until_refused(host.port)
        writer.write(body)
        assert await reader.readline() == b"HTTP/1.1 201 Created\r\n"
        assert await stopping == 0
        writer.close()
    async with a_dev_host(tmp_path, "--no-sample") as host:
        assert len(await host.wait_for_mails("ada@people.example")) == 1


async def until_refused(port: int) -> None:
    """Return when no new connection is taken any more."""
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return
        writer.close()
