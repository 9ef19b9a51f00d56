"""What the port `Blobs` promises, held by the embedded store and by Azure's protocol (Azurite)."""

import base64
import ssl
from collections.abc import AsyncGenerator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import httpx
import jwt
import pytest
from azure.core.exceptions import ResourceExistsError

from adapters.blobs.azure import AzureBlobs
from adapters.blobs.embedded import EmbeddedBlobs
from adapters.secrets.files import FileKeys
from devhost.blobs import WithBlobs
from devhost.requests import Receive, Scope, Send
from domain.files.names import content_disposition
from domain.files.ports import BlobChanged, BlobNotFound, Blobs, SignedUpload
from domain.kernel.clock import SystemClock
from domain.kernel.ids import SystemIds
from tests.https_services import KnownCredential, make_certificate, parted
from tests.servers import AZURITE_ACCOUNT, azurite_server

CLOCK = SystemClock()
IDS = SystemIds(CLOCK)
TYPE = "text/plain"
HELLO = b"hello, world\n"


async def nowhere(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 404, "headers": []})
    await send({"type": "http.response.body", "body": b""})


@dataclass
class Store:
    blobs: Blobs
    client: httpx.AsyncClient

    async def sign(self, name: str, *, in_blocks: bool = False, lives: float = 60, most: int = 1000) -> SignedUpload:
        ends_at = CLOCK.now() + timedelta(seconds=lives)
        return await self.blobs.sign_upload(
            name, media_type=TYPE, max_bytes=most, expires_at=ends_at, in_blocks=in_blocks
        )

    async def put(self, upload: SignedUpload, content: bytes = HELLO) -> int:
        return (await self.client.put(upload.url, content=content, headers=dict(upload.headers))).status_code

    async def url(self, name: str, *, lives: float = 60, file_name: str = "a.txt") -> str:
        ends_at = CLOCK.now() + timedelta(seconds=lives)
        return await self.blobs.sign_download(
            name, media_type=TYPE, disposition=content_disposition(file_name), expires_at=ends_at
        )

    async def uploaded(self, content: bytes = HELLO) -> str:
        name = a_name()
        assert await self.put(await self.sign(name), content) == 201
        return name


def a_name(leaf: str = "upload") -> str:
    return f"{IDS.new()}/{leaf}"


@pytest.fixture(scope="session")
def azurite_by_identity(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The Blob service's address, and the certificate to trust."""
    certificate = make_certificate(tmp_path_factory.mktemp("azurite"))
    with azurite_server(certificate=certificate) as server:
        yield f"https://127.0.0.1:{server.blob_port}/{AZURITE_ACCOUNT}", certificate


async def by_identity(endpoint: str, certificate: str) -> Blobs:
    """Over a container that is there, as a deployment leaves it."""
    now = int(CLOCK.now().timestamp())
    claims = {
        "iss": "https://sts.windows.net/11111111-2222-3333-4444-555555555555/",
        "aud": "https://storage.azure.com",
        "nbf": now - 60,
        "iat": now - 60,
        "exp": now + 3600,
        "oid": "22222222-2222-3333-4444-555555555555",
        "tid": "11111111-2222-3333-4444-555555555555",
    }
    credential = KnownCredential(jwt.encode(claims, "k" * 32))
    blobs = AzureBlobs("files", CLOCK, endpoint=endpoint, credential=lambda: credential, verify=certificate)
    with suppress(ResourceExistsError):
        await blobs._open().create_container()
    return blobs


@pytest.fixture(params=["embedded", *(pytest.param(name, marks=pytest.mark.servers) for name in ("key", "identity"))])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Store]:
    if request.param == "identity":
        endpoint, certificate = request.getfixturevalue("azurite_by_identity")
        blobs: Blobs = await by_identity(endpoint, certificate)
        client = httpx.AsyncClient(verify=ssl.create_default_context(cafile=certificate))
    elif request.param == "key":
        blobs = AzureBlobs("files", CLOCK, connection_string=request.getfixturevalue("azurite").connection_string)
        client = httpx.AsyncClient()
    else:
        embedded = EmbeddedBlobs(tmp_path, FileKeys(tmp_path / "keys.json"), CLOCK, api_url="http://localhost:7071")
        blobs = embedded
        client = httpx.AsyncClient(transport=httpx.ASGITransport(WithBlobs(nowhere, embedded, ())))
    async with client:
        yield Store(blobs, client)
        await blobs.close()
    if request.param == "identity":
        await parted()


async def test_what_was_uploaded_is_there(store: Store) -> None:
    name = a_name()
    assert await store.blobs.stat(name) is None
    assert await store.put(await store.sign(name)) == 201
    stat = await store.blobs.stat(name)
    assert stat is not None
    assert stat.size == len(HELLO)
    assert await store.blobs.read(name, etag=stat.etag, length=1000) == HELLO
    assert await store.blobs.read(name, etag=stat.etag, length=5) == HELLO[:5]


async def test_an_upload_url_creates_and_does_nothing_else(store: Store) -> None:
    name = a_name()
    upload = await store.sign(name)
    assert (await store.client.get(upload.url)).status_code == 403
    assert await store.put(upload) == 201
    assert await store.put(upload, b"something else") == 403
    assert (await store.client.get(upload.url)).status_code == 403
    assert (await store.client.delete(upload.url)).status_code in {403, 405}
    block = f"{upload.url}&comp=block&blockid={base64.b64encode(b'1').decode()}"
    assert (await store.client.put(block, content=b"x")).status_code == 403
    content = await (await store.client.get(await store.url(name))).aread()
    assert content == HELLO


async def test_a_url_is_for_one_blob(store: Store) -> None:
    name, other = await store.uploaded(), a_name()
    for url in ((await store.sign(name)).url, await store.url(name)):
        parts = urlsplit(url)
        for path in (other, f"{name}/../{other}", f"{name}%2f..%2f{other}", f"../{other}", ""):
            moved = urlunsplit(parts._replace(path=parts.path.replace(name, path)))
            assert (
                await store.client.put(moved, content=b"x", headers={"x-ms-blob-type": "BlockBlob"})
            ).status_code >= 400
            assert (await store.client.get(moved)).status_code >= 400
    assert await store.blobs.stat(other) is None


async def test_a_url_that_was_changed_is_worth_nothing(store: Store) -> None:
    name = await store.uploaded()
    url = await store.url(name)
    head, _, query = url.partition("?")
    for pair in query.split("&"):
        key, _, value = pair.partition("=")
        for changed in (f"{key}=cw", f"{key}={value}1", ""):
            asked = f"{head}?{query.replace(pair, changed)}"
            if value and changed != pair and key not in {"sv", "sr"}:
                assert (await store.client.get(asked)).status_code in {400, 403}, (key, changed)


async def test_a_url_ends(store: Store) -> None:
    name = await store.uploaded()
    assert (await store.client.get(await store.url(name, lives=-1))).status_code == 403
    assert await store.put(await store.sign(a_name(), lives=-1)) == 403


async def test_what_is_read_is_an_attachment_of_the_type_we_say(store: Store) -> None:
    name = await store.uploaded()
    got = await store.client.get(await store.url(name, file_name='Grüße "1".txt'))
    assert got.status_code == 200
    assert got.headers["Content-Type"] == TYPE
    assert got.headers["Content-Disposition"] == (
        "attachment; filename=\"Gr__e _1_.txt\"; filename*=UTF-8''Gr%C3%BC%C3%9Fe%20%221%22.txt"
    )


@pytest.mark.parametrize(
    ("asked", "status", "got"),
    [
        ("bytes=0-4", 206, b"hello"),
        ("bytes=7-", 206, b"world\n"),
        ("bytes=5-500", 206, HELLO[5:]),
        ("bytes=500-", 416, None),
    ],
)
async def test_ranges(store: Store, asked: str, status: int, got: bytes | None) -> None:
    reply = await store.client.get(await store.url(await store.uploaded()), headers={"Range": asked})
    assert reply.status_code == status
    if got is not None:
        assert reply.content == got
        assert reply.headers["Content-Range"].endswith(f"/{len(HELLO)}")


async def test_a_large_file_may_come_in_blocks(store: Store) -> None:
    name = a_name()
    upload = await store.sign(name, in_blocks=True)
    ids = [base64.b64encode(f"block-{position}".encode()).decode() for position in range(3)]
    for position in (2, 0, 1, 1):  # in any order, and again after a cut line
        url = f"{upload.url}&comp=block&blockid={ids[position].replace('=', '%3D')}"
        assert (await store.client.put(url, content=b"%d" % position * 10)).status_code == 201
    listed = "".join(f"<Latest>{block_id}</Latest>" for block_id in ids)
    xml = f'<?xml version="1.0" encoding="utf-8"?><BlockList>{listed}</BlockList>'
    assert (await store.client.put(f"{upload.url}&comp=blocklist", content=xml)).status_code == 201
    stat = await store.blobs.stat(name)
    assert stat is not None
    assert await store.blobs.read(name, etag=stat.etag, length=100) == b"0" * 10 + b"1" * 10 + b"2" * 10


async def test_a_list_of_blocks_that_are_not_there_is_refused(store: Store) -> None:
    upload = await store.sign(name := a_name(), in_blocks=True)
    xml = "<BlockList><Latest>bm90aGVyZQ==</Latest></BlockList>"
    assert (await store.client.put(f"{upload.url}&comp=blocklist", content=xml)).status_code == 400
    assert await store.blobs.stat(name) is None


async def test_what_was_promoted_does_not_follow_the_upload(store: Store) -> None:
    name = a_name()
    upload = await store.sign(name, in_blocks=True)
    await store.put(upload)
    before = await store.blobs.stat(name)
    assert before is not None
    kept = name.replace("upload", "kept")
    await store.blobs.promote(name, kept, etag=before.etag)
    await store.blobs.promote(name, kept, etag=before.etag)
    assert await store.put(upload, b"something else") == 201
    with pytest.raises(BlobChanged):
        await store.blobs.promote(name, name.replace("upload", "more"), etag=before.etag)
    with pytest.raises(BlobChanged):
        await store.blobs.read(name, etag=before.etag, length=10)
    assert (await store.client.get(await store.url(kept))).content == HELLO


async def test_what_is_not_there_cannot_be_read_or_promoted(store: Store) -> None:
    name = a_name()
    with pytest.raises((BlobNotFound, BlobChanged)):
        await store.blobs.read(name, etag='"0x1"', length=1)
    with pytest.raises(BlobNotFound):
        await store.blobs.promote(name, name.replace("upload", "kept"), etag='"0x1"')
    assert (await store.client.get(await store.url(name))).status_code == 404


async def test_put_overwrites(store: Store) -> None:
    name = a_name("a-64")
    for content in (b"one", b"two!"):
        await store.blobs.put(name, content, media_type=TYPE)
        assert (await store.client.get(await store.url(name))).content == content


async def test_all_of_a_file_is_deleted_and_nothing_else(store: Store) -> None:
    file_id, other = IDS.new(), await store.uploaded()
    for leaf in ("upload", "kept", "kept-64"):
        await store.blobs.put(f"{file_id}/{leaf}", HELLO, media_type=TYPE)
    await store.blobs.delete_all(f"{file_id}/upload")
    assert await store.blobs.stat(f"{file_id}/upload") is None
    assert await store.blobs.stat(f"{file_id}/kept") is not None
    for _ in range(2):
        await store.blobs.delete_all(f"{file_id}/")
        assert await store.blobs.stat(f"{file_id}/kept") is None
        assert await store.blobs.stat(f"{file_id}/kept-64") is None
    assert await store.blobs.stat(other) is not None


@pytest.mark.parametrize(
    "name", ["", "upload", "../keys.json", "a/b", f"{IDS.new()}/../x", f"{IDS.new()}/a/b", f"{IDS.new()}/A b"]
)
async def test_no_name_leads_out_of_the_store(store: Store, name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        await store.blobs.stat(name)
    with pytest.raises(ValueError, match="name"):
        await store.url(name)


async def test_everything_cannot_be_deleted_at_once(store: Store) -> None:
    for prefix in ("", "/", "../", "0"):
        with pytest.raises(ValueError, match="name"):
            await store.blobs.delete_all(prefix)


async def test_a_ping_answers(store: Store) -> None:
    await store.blobs.ping()
