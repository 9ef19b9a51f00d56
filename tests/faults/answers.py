"""What an answer must look like while something is down."""

import httpx


def is_unavailable(reply: httpx.Response) -> bool:
    """503 as the contract says, which tells when to come back and nothing of what is behind."""
    error = reply.json()["error"]
    assert reply.status_code == 503, reply.text
    assert int(reply.headers["Retry-After"]) >= 1
    assert set(error) == {"code", "message", "requestId", "retryAfter"}
    assert not any(word in reply.text.lower() for word in ("cosmos", "127.0.0.1", "documents"))
    return bool(error["code"] == "service_unavailable")
