"""The dev host treats functions as the Functions host and its worker do (`tests/functions_host` holds both to it)."""

import asyncio
import threading
from collections.abc import AsyncIterator

import azure.functions as func
import httpx
import pytest

from devhost.asgi import HttpTriggers

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)


@app.route("echo/{value}", methods=["GET", "POST"])
async def echo(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    seen = [req.method, req.url, dict(req.params), dict(req.route_params), len(req.get_body()), context.function_name]
    return func.HttpResponse(repr((seen, dict(req.headers))))


@app.route("cookies", methods=["GET"])
async def cookies(req: func.HttpRequest) -> func.HttpResponse:
    response = func.HttpResponse(status_code=204)
    response.headers.add("Set-Cookie", "one=a.b-c; Path=/; Max-Age=900; HttpOnly; Secure; SameSite=Lax")
    response.headers.add("Set-Cookie", "two=; Path=/api/v1/auth; Max-Age=0; HttpOnly; SameSite=Lax")
    response.headers.add("Set-Cookie", "lost=1; Path=/; Partitioned")
    return response


@app.route("thread", methods=["GET"])
def thread(req: func.HttpRequest) -> str:
    return "main" if threading.current_thread() is threading.main_thread() else "thread"


@app.route("fails", methods=["GET"])
async def fails(req: func.HttpRequest) -> func.HttpResponse:
    raise ValueError("secret")


@app.route("forgets", methods=["GET"])
async def forgets(req: func.HttpRequest) -> None:
    await asyncio.sleep(0)


@app.route("unwritable", methods=["GET"])
async def unwritable(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse("body", status_code=204)


@app.route("twice", methods=["GET"])
async def twice(req: func.HttpRequest) -> func.HttpResponse:
    response = func.HttpResponse("{}", mimetype="application/json")
    response.headers.add("Vary", "Origin")
    response.headers.add("Vary", "Cookie")
    return response


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(HttpTriggers(app, prefix="api"), client=("203.0.113.7", 4711))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost:7071") as client:
        yield client


async def test_a_request_arrives_as_the_platform_gives_it(client: httpx.AsyncClient) -> None:
    reply = await client.post(
        "/api/echo/a%2Fb?Tag=x&tag=y&empty=&q=%20",
        headers=[("X-Forwarded-For", "198.51.100.1"), ("X-Many", "1"), ("x-many", "2")],
        content=b"body",
    )
    (method, url, params, route, size, name), headers = eval(reply.text)  # noqa: S307 - our own repr
    assert (method, url) == ("POST", "http://localhost:7071/api/echo/a%2Fb?Tag=x&tag=y&empty=&q=%20")
    assert params == {"Tag": "x,y", "q": " "}
    assert route == {"value": "a%2Fb"}
    assert (size, name) == (4, "echo")
    assert headers["x-many"] == "1,2"
    assert headers["x-forwarded-for"] == "198.51.100.1, 203.0.113.7:4711"


async def test_a_chunked_body_is_lost_as_on_the_platform_and_the_log_says_so(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"body"

    reply = await client.post("/api/echo/x", content=pieces())
    assert eval(reply.text)[0][4] == 0  # noqa: S307 - our own repr
    assert "chunked" in caplog.text


async def test_a_body_above_the_hosts_limit_is_refused_unread(client: httpx.AsyncClient) -> None:
    reply = await client.post("/api/echo/x", headers={"Content-Length": str(100 * 1024 * 1024 + 1)}, content=b"")
    assert reply.status_code == 413


async def test_cookies_go_through_the_librarys_converter(client: httpx.AsyncClient) -> None:
    reply = await client.get("/api/cookies")
    assert reply.headers.get_list("set-cookie") == [
        "one=a.b-c; max-age=900; path=/; secure; samesite=lax; httponly",
        "two=; max-age=0; path=/api/v1/auth; samesite=lax; httponly",
    ]
    assert (reply.status_code, reply.content, "content-type" in reply.headers) == (204, b"", False)


async def test_plain_functions_run_in_threads(client: httpx.AsyncClient) -> None:
    assert (await client.get("/api/thread")).text == "thread"


@pytest.mark.parametrize("path", ["fails", "forgets", "unwritable"])
async def test_what_the_host_cannot_answer_is_a_bare_500(client: httpx.AsyncClient, path: str) -> None:
    reply = await client.get(f"/api/{path}")
    assert (reply.status_code, reply.content) == (500, b"")


async def test_of_a_repeated_header_the_last_is_kept(client: httpx.AsyncClient) -> None:
    reply = await client.get("/api/twice")
    assert reply.headers.get_list("vary") == ["Cookie"]


@pytest.mark.parametrize(("method", "path"), [("DELETE", "/api/twice"), ("GET", "/twice"), ("GET", "/api/nowhere")])
async def test_a_wrong_method_or_route_is_a_bare_404(client: httpx.AsyncClient, method: str, path: str) -> None:
    reply = await client.request(method, path)
    assert (reply.status_code, reply.content) == (404, b"")
