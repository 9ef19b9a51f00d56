"""Files over HTTP, as browsers upload, read and delete them."""

import asyncio
import io
from pathlib import Path

import httpx
import pytest
from PIL import Image

from domain.files.kinds import DOCX, JPEG, PDF, PNG, RULES, TXT, WEBP, Category, Who
from tests.contents import SOUND, a_pdf, a_picture
from tests.uploads import FILES, appoint, ask, begin, complete, read, send, upload
from tests.world import World, a_world

HELLO = b"hello, world\n"


def code(reply: httpx.Response) -> tuple[int, str]:
    return reply.status_code, reply.json()["error"]["code"]


def detail(reply: httpx.Response) -> list[tuple[str, str]]:
    assert code(reply) == (400, "validation_error"), reply.text
    return [(fault["path"], fault["code"]) for fault in reply.json()["error"]["details"]]


async def test_a_file_is_uploaded_completed_read_and_deleted(world: World) -> None:
    ada = await world.sign_up("ada")
    reply = await ask(world, ada, HELLO, TXT, fileName="Müller's plan.txt")
    ticket = reply.json()
    assert set(ticket) == {"uploadUrl", "method", "headers", "fileId", "expiresAt"}
    assert ticket["expiresAt"] == "2026-01-20T12:15:00.000Z"
    assert (await send(world, ticket, HELLO)).status_code == 201
    done = (await complete(world, ada, ticket["fileId"])).json()
    assert done["id"] == ticket["fileId"]
    assert (done["fileName"], done["size"], done["mimeType"]) == ("Müller's plan.txt", 13, TXT)
    assert done["uploadedAt"] == "2026-01-20T12:00:00.000Z"
    got = await world.client.get(f"{FILES}/{done['id']}", headers=ada.bearer)
    assert got.json() == done
    bytes_back = await read(world, got.json()["url"])
    assert bytes_back.content == HELLO
    assert bytes_back.headers["X-Content-Type-Options"] == "nosniff"
    assert bytes_back.headers["Content-Type"] == TXT
    assert bytes_back.headers["Content-Disposition"].startswith("attachment; ")
    assert "M%C3%BCller%27s%20plan.txt" in bytes_back.headers["Content-Disposition"]
    gone = await world.client.delete(f"{FILES}/{done['id']}", headers=ada.bearer)
    assert gone.status_code == 204
    assert code(await world.client.get(f"{FILES}/{done['id']}", headers=ada.bearer)) == (404, "not_found")
    assert (await read(world, got.json()["url"])).status_code == 404


@pytest.mark.parametrize("category", list(Category))
async def test_every_type_of_every_category_can_be_uploaded(world: World, category: Category) -> None:
    ada = await world.sign_up("ada")
    if RULES[category].who is Who.AUTHOR:
        assert code(await ask(world, ada, a_pdf(), PDF, category)) == (403, "forbidden")
        await appoint(world, ada, "mentor")
    for kind in sorted(RULES[category].types):
        done = await upload(world, ada, SOUND[kind], kind, category)
        assert done["mimeType"] == (WEBP if category is Category.AVATAR else kind)
        assert (await read(world, done["url"])).status_code == 200


async def test_strangers_upload_for_forms_and_nothing_else(world: World) -> None:
    eve = await world.sign_up("eve", verified=False)
    for category in Category:
        kind = min(RULES[category].types)
        if category is not Category.FORM:
            assert code(await ask(world, None, SOUND[kind], kind, category)) == (401, "missing_token")
            assert code(await ask(world, eve, SOUND[kind], kind, category)) == (403, "email_not_verified")
    ticket = await begin(world, None, a_pdf(), PDF, "form")
    assert (await complete(world, None, ticket["fileId"])).status_code == 200


async def test_what_is_announced_is_checked(world: World) -> None:
    ada = await world.sign_up("ada")
    assert detail(await ask(world, ada, HELLO, TXT, fileType="text/html")) == [("fileType", "choice")]
    assert detail(await ask(world, ada, HELLO, TXT, fileName="run.exe")) == [("fileName", "extension")]
    assert detail(await ask(world, ada, HELLO, TXT, fileName="../up.txt")) == [("fileName", "format")]
    assert detail(await ask(world, ada, HELLO, TXT, fileSize=50 * 2**20 + 1)) == [("fileSize", "too_large")]
    assert detail(await ask(world, ada, HELLO, TXT, fileSize=0)) == [("fileSize", "too_small")]
    assert detail(await ask(world, ada, HELLO, TXT, category="secret")) == [("category", "choice")]
    both = await ask(world, ada, HELLO, TXT, fileType="text/html", fileSize=10**12)
    assert detail(both) == [("fileType", "choice"), ("fileSize", "too_large")]


async def test_nobody_completes_reads_or_deletes_what_is_anothers(world: World) -> None:
    ada, eve = await world.sign_up("ada"), await world.sign_up("eve")
    ticket = await begin(world, ada, HELLO, TXT)
    for other in (eve, None):
        assert code(await complete(world, other, ticket["fileId"])) == (404, "not_found")
    await complete(world, ada, ticket["fileId"])
    url = f"{FILES}/{ticket['fileId']}"
    for other in (eve, None):
        assert code(await complete(world, other, ticket["fileId"])) == (404, "not_found")
    assert code(await world.client.get(url, headers=eve.bearer)) == (404, "not_found")
    assert code(await world.client.delete(url, headers=eve.bearer)) == (404, "not_found")
    assert code(await world.client.get(url)) == (401, "missing_token")
    assert code(await world.client.delete(url)) == (401, "missing_token")
    assert (await world.client.get(url, headers=ada.bearer)).status_code == 200
    for strange in ("../../etc/passwd", "file", "0" * 36, ""):
        assert code(await complete(world, ada, strange)) == (404, "not_found")


async def test_an_administrator_deletes_any_file_and_reads_those_of_forms(world: World) -> None:
    ada, grace = await world.sign_up("ada"), await world.sign_up("grace")
    await appoint(world, grace, "admin")
    own, form = await upload(world, ada, HELLO, TXT), await upload(world, None, a_pdf(), PDF, "form")
    assert (await world.client.get(f"{FILES}/{own['id']}", headers=grace.bearer)).status_code == 404
    assert (await world.client.get(f"{FILES}/{form['id']}", headers=grace.bearer)).status_code == 200
    assert (await world.client.get(f"{FILES}/{form['id']}", headers=ada.bearer)).status_code == 404
    assert (await world.client.delete(f"{FILES}/{own['id']}", headers=grace.bearer)).status_code == 204


async def test_a_file_of_another_size_or_type_is_deleted(world: World) -> None:
    ada = await world.sign_up("ada")
    ticket = await begin(world, ada, HELLO[:-1], TXT, fileSize=len(HELLO))
    assert detail(await complete(world, ada, ticket["fileId"])) == [("fileId", "size_mismatch")]
    assert detail(await complete(world, ada, ticket["fileId"])) == [("fileId", "size_mismatch")]
    ticket = await begin(world, ada, a_picture("PNG"), PDF)
    assert detail(await complete(world, ada, ticket["fileId"])) == [("fileId", "type_mismatch")]
    assert code(await world.client.get(f"{FILES}/{ticket['fileId']}", headers=ada.bearer)) == (404, "not_found")
    assert await world.parts.blobs.stat(f"{ticket['fileId']}/upload") is None


async def test_completing_before_the_bytes_are_there_loses_nothing(world: World) -> None:
    ada = await world.sign_up("ada")
    ticket = (await ask(world, ada, HELLO, TXT)).json()
    assert code(await complete(world, ada, ticket["fileId"])) == (409, "conflict")
    await send(world, ticket, HELLO)
    assert (await complete(world, ada, ticket["fileId"])).status_code == 200


async def test_two_completions_at_once_are_one(world: World) -> None:
    ada = await world.sign_up("ada")
    ticket = await begin(world, ada, HELLO, TXT)
    replies = await asyncio.gather(*(complete(world, ada, ticket["fileId"]) for _ in range(5)))
    assert [reply.status_code for reply in replies] == [200] * 5, [reply.text for reply in replies]
    assert len({reply.content for reply in replies}) == 1
    assert (await read(world, replies[0].json()["url"])).content == HELLO


async def test_an_upload_url_makes_its_one_blob_once(world: World) -> None:
    ada = await world.sign_up("ada")
    ticket = await begin(world, ada, HELLO, TXT)
    assert (await send(world, ticket, b"other bytes!\n")).status_code == 403
    done = (await complete(world, ada, ticket["fileId"])).json()
    await send(world, ticket, b"other bytes!\n")  # may make a blob again, which nobody is shown
    assert (await complete(world, ada, ticket["fileId"])).json() == done
    assert (await read(world, done["url"])).content == HELLO
    assert (await read(world, ticket["uploadUrl"])).status_code == 403
    world.clock.advance(days=1, seconds=1)
    await world.run_jobs("sweep_files")
    assert await world.parts.blobs.stat(f"{done['id']}/upload") is None


async def test_a_read_url_ends(world: World) -> None:
    ada = await world.sign_up("ada")
    done = await upload(world, ada, HELLO, TXT)
    world.clock.advance(minutes=14)
    assert (await read(world, done["url"])).status_code == 200
    world.clock.advance(minutes=1)
    assert (await read(world, done["url"])).status_code == 403


async def test_an_avatar_is_made_anew_in_three_sizes(world: World) -> None:
    ada, bob = await world.sign_up("ada"), await world.sign_up("bob")
    exif = Image.Exif()
    exif[0x010E] = "taken at home"
    photo = a_picture("JPEG", 900, 700, exif=exif)
    assert b"taken at home" in photo
    done = await upload(world, ada, photo, JPEG, "avatar")
    assert sorted(done["sizes"]) == ["256", "512", "64"]
    for width, url in done["sizes"].items():
        made = (await read(world, url)).content
        with Image.open(io.BytesIO(made)) as picture:
            assert (picture.format, picture.size) == ("WEBP", (int(width), int(width)))
            assert not picture.getexif()
        assert b"taken at home" not in made
    assert (await world.client.get(f"{FILES}/{done['id']}", headers=bob.bearer)).status_code == 200
    reply = await world.client.patch("/api/v1/users/me", json={"avatar": done["id"]}, headers=ada.bearer)
    assert reply.json()["avatar"] == done["id"]
    letter = await upload(world, ada, SOUND[DOCX], DOCX)
    for person, file in ((bob, done), (ada, letter)):
        reply = await world.client.patch("/api/v1/users/me", json={"avatar": file["id"]}, headers=person.bearer)
        assert detail(reply) == [("avatar", "unknown_file")]


async def test_a_form_holds_a_file_and_no_other_form_does(world: World) -> None:
    pdf, photo = await upload(world, None, a_pdf(), PDF, "form"), await upload(world, None, SOUND[PNG], PNG, "form")
    pending = await begin(world, None, a_pdf(), PDF, "form")

    async def refer(notes: str, *file_ids: str) -> httpx.Response:
        body = {
            "referrer": {"name": "Carol", "email": "carol@county.example"},
            "participant": {"name": "Dan"},
            "services": ["housing"],
            "urgency": "low",
            "notes": notes,
            "attachments": [{"fileId": file_id} for file_id in file_ids],
        }
        return await world.client.post("/api/v1/forms/referral", json=body)

    assert detail(await refer("a", pdf["id"], pending["fileId"])) == [("attachments[1].fileId", "unknown_file")]
    assert (await refer("b", pdf["id"], photo["id"])).status_code == 201
    assert detail(await refer("c", pdf["id"])) == [("attachments[0].fileId", "unknown_file")]
    assert (await refer("b", pdf["id"], photo["id"])).status_code == 201  # a repeat without a key
    world.clock.advance(days=2)
    await world.run_jobs("sweep_files")
    grace = await world.sign_up("grace")
    await appoint(world, grace, "admin")
    assert (await world.client.get(f"{FILES}/{pdf['id']}", headers=grace.bearer)).status_code == 200


async def test_a_person_gets_ten_upload_urls_a_minute(tmp_path: Path) -> None:
    async with a_world(tmp_path, APP_RATE_LIMIT_UPLOAD_PER_MINUTE="10") as world:
        ada, bob = await world.sign_up("ada"), await world.sign_up("bob")
        replies = [await ask(world, ada, HELLO, TXT) for _ in range(11)]
        assert [reply.status_code for reply in replies] == [200] * 10 + [429]
        assert (await ask(world, bob, HELLO, TXT)).status_code == 200


async def test_a_request_that_is_sent_twice_announces_one_file(world: World) -> None:
    ada = await world.sign_up("ada")
    body = {"fileName": "a.txt", "fileType": TXT, "fileSize": 13, "category": "document"}
    headers = {**ada.bearer, "Idempotency-Key": "k"}
    first, again = [await world.client.post(f"{FILES}/upload-url", json=body, headers=headers) for _ in range(2)]
    assert first.json() == again.json()
