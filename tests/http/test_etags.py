"""Entity tags: 304 for what the client has, 412 for what it no longer has."""

import pytest

from tests.http.lab import ADA, NOTE_ID, Lab, NoteOut

NOTE = f"/api/v1/lab/notes/{NOTE_ID}"


async def test_a_client_that_has_it_is_spared_the_body(lab: Lab) -> None:
    lab.desk.notes.append(NoteOut(id=NOTE_ID, text="a"))
    first = await lab.client.get(NOTE, headers=ADA)
    tag = first.headers["etag"]
    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = await lab.client.get(NOTE, headers={**ADA, "If-None-Match": known})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == tag
        assert again.headers["x-ratelimit-limit"] == "1000"
    lab.desk.notes[0] = NoteOut(id=NOTE_ID, text="b")
    changed = await lab.client.get(NOTE, headers={**ADA, "If-None-Match": tag})
    assert (changed.status_code, changed.json()["text"]) == (200, "b")
    assert changed.headers["etag"] != tag


async def test_a_change_to_an_old_copy_is_refused(lab: Lab) -> None:
    lab.desk.notes.append(NoteOut(id=NOTE_ID, text="a"))
    tag = (await lab.client.get(NOTE, headers=ADA)).headers["etag"]

    async def change(text: str, **headers: str) -> int:
        return (await lab.client.patch(NOTE, json={"text": text}, headers={**ADA, **headers})).status_code

    assert await change("b", **{"If-Match": tag}) == 200
    assert await change("c", **{"If-Match": tag}) == 412
    assert await change("c", **{"If-Match": f"W/{tag}"}) == 412
    assert await change("d", **{"If-Match": "*"}) == 200
    assert await change("e") == 200


async def test_head_is_get_without_the_body(lab: Lab) -> None:
    lab.desk.notes.append(NoteOut(id=NOTE_ID, text="a"))
    reply = await lab.client.head(NOTE, headers=ADA)
    assert (reply.status_code, reply.content) == (200, b"")
    assert reply.headers["etag"] == (await lab.client.get(NOTE, headers=ADA)).headers["etag"]


@pytest.mark.parametrize("path", ["/api/v1/lab/me", "/api/v1/nowhere"])
async def test_errors_and_what_is_not_declared_carry_no_tag(lab: Lab, path: str) -> None:
    reply = await lab.client.get(path, headers=ADA)
    assert "etag" not in reply.headers
    assert reply.headers["cache-control"] == "no-store"


async def test_only_what_is_the_same_for_all_may_be_kept(lab: Lab) -> None:
    assert "cache-control" not in (await lab.client.get("/api/v1/lab/public")).headers
