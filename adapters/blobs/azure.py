"""The port `Blobs` in Azure Blob Storage.

URLs are shared access signatures: signed with a user delegation key that the managed identity was given, or with the
account's key where a connection string has one (Azurite). An upload's URL has the permission `c`: create, and not
overwrite. Azure takes blocks with `w` only, so a video's URL has both; what is served is a copy all the same.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import urlsplit

from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.storage.blob import BlobSasPermissions, ContentSettings, UserDelegationKey, generate_blob_sas
from azure.storage.blob.aio import BlobServiceClient, ContainerClient

from adapters.azure_http import NOT_FOUND, PRECONDITION_FAILED, ask, open_transport
from adapters.blobs.names import check_name
from adapters.resilience import Guard, Limits
from domain.files.ports import BlobChanged, BlobNotFound, BlobStat, SignedUpload
from domain.kernel.clock import Clock
from domain.kernel.errors import Unavailable
from domain.kernel.ids import is_uuid7

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential

log = logging.getLogger(__name__)
T = TypeVar("T")

POOL: Final = 16
READ_SECONDS: Final = 5.0
TOTAL_SECONDS: Final = 8.0
LONG_SECONDS: Final = 60.0
"""For calls that move a file's bytes."""
PAUSES: Final = (0.1, 0.4)
"""Seconds before the second and the third try. All calls may be made again."""
GUARD: Final = Limits(slots=POOL)
KEY_LIVES: Final = timedelta(hours=6)
KEY_RENEWED: Final = timedelta(hours=1)
"""Before its end: time for the service to come back."""
KEY_SPARE: Final = timedelta(minutes=20)
"""Longer than any URL signed with it."""
CLOCKS_DIFFER: Final = timedelta(minutes=5)
_ANSWERS: Final = frozenset({NOT_FOUND, PRECONDITION_FAILED})


class AzureBlobs:
    """With a *connection_string* its key signs, and a missing container is created (Azurite); at an *endpoint* the
    *credential* signs in, and the deployment has made the container. Connects at the first call."""

    def __init__(
        self,
        container: str,
        clock: Clock,
        *,
        connection_string: str | None = None,
        endpoint: str | None = None,
        credential: "Callable[[], AsyncTokenCredential] | None" = None,
        guard: Guard | None = None,
        verify: bool | str = True,
    ) -> None:
        """*verify* may name a certificate to trust (tests)."""
        self._container = container
        self._clock = clock
        self._connection_string = connection_string
        self._endpoint = endpoint
        self._credential = credential
        self._guard = guard or Guard("blobs", GUARD)
        self._verify = verify
        self._service: BlobServiceClient | None = None
        self._made = connection_string is None
        self._key: tuple[UserDelegationKey, datetime] | None = None
        self._renewing = asyncio.Lock()

    async def sign_upload(
        self,
        name: str,
        *,
        media_type: str,
        max_bytes: int,  # noqa: ARG002 - a signature here cannot hold it; completion measures
        expires_at: datetime,
        in_blocks: bool,
    ) -> SignedUpload:
        if not self._made:
            await self._call(self._make_container)
        permission = BlobSasPermissions(create=True, write=in_blocks)
        url = await self._signed(name, permission, expires_at)
        return SignedUpload(url, {"Content-Type": media_type, "x-ms-blob-type": "BlockBlob"})

    async def sign_download(self, name: str, *, media_type: str, disposition: str, expires_at: datetime) -> str:
        return await self._signed(
            name,
            BlobSasPermissions(read=True),
            expires_at,
            content_disposition=disposition,
            content_type=media_type,
            cache_control="no-store",
        )

    async def stat(self, name: str) -> BlobStat | None:
        async def look() -> BlobStat:
            found = await self._open().get_blob_client(check_name(name)).get_blob_properties()
            return BlobStat(found.size, str(found.etag))

        try:
            return await self._call(look)
        except BlobNotFound:
            return None

    async def read(self, name: str, *, etag: str, length: int) -> bytes:
        async def read() -> bytes:
            blob = self._open().get_blob_client(check_name(name))
            stream = await blob.download_blob(
                offset=0, length=length, etag=etag, match_condition=MatchConditions.IfNotModified, max_concurrency=4
            )
            content: bytes = await stream.readall()
            return content

        return await self._call(read, LONG_SECONDS)

    async def put(self, name: str, content: bytes, *, media_type: str) -> None:
        async def put() -> None:
            blob = self._open().get_blob_client(check_name(name))
            await blob.upload_blob(content, overwrite=True, content_settings=ContentSettings(content_type=media_type))

        await self._call(put, LONG_SECONDS)

    async def promote(self, source: str, name: str, *, etag: str) -> None:
        readable = await self._signed(source, BlobSasPermissions(read=True), self._clock.now() + timedelta(minutes=5))

        async def copy() -> None:
            blob = self._open().get_blob_client(check_name(name))
            begun = await blob.start_copy_from_url(
                readable, source_etag=etag, source_match_condition=MatchConditions.IfNotModified
            )
            while begun["copy_status"] == "pending":  # within one account it is done at once, but for large files
                await asyncio.sleep(0.25)
                begun = {"copy_status": str((await blob.get_blob_properties()).copy.status)}
            if begun["copy_status"] != "success":
                log.warning("a blob's copy ended as %s", begun["copy_status"])
                raise Unavailable(retry_after=1.0)

        await self._call(copy, LONG_SECONDS)

    async def delete_all(self, prefix: str) -> None:
        if not is_uuid7(prefix.partition("/")[0]):
            msg = f"not the beginning of blobs' names: {prefix!r}"
            raise ValueError(msg)

        async def delete() -> None:
            container = self._open()
            names = [name async for name in container.list_blob_names(name_starts_with=prefix)]
            for name in names:
                with suppress(ResourceNotFoundError):  # somebody else is deleting them, too
                    await container.delete_blob(name, delete_snapshots="include")

        await self._call(delete)

    async def ping(self) -> None:
        """Proves that the service answers *us*, about our container. Raises Unavailable."""

        async def look() -> None:
            if not self._made:
                await self._make_container()
            await self._open().get_container_properties()

        await self._call(look)

    async def close(self) -> None:
        service, self._service = self._service, None
        if service is not None:
            await service.close()

    async def _signed(self, name: str, permission: BlobSasPermissions, expires_at: datetime, **more: Any) -> str:
        blob = self._open().get_blob_client(check_name(name))
        if self._connection_string is not None:
            # The account's key, as the SDK read it from the connection string.
            more["account_key"] = blob.credential.account_key
            signed = generate_blob_sas(
                _account(blob.url), self._container, name, permission=permission, expiry=expires_at, **more
            )
        else:
            signed = generate_blob_sas(
                _account(blob.url),
                self._container,
                name,
                user_delegation_key=await self._delegation_key(),
                permission=permission,
                expiry=expires_at,
                protocol="https",
                **more,
            )
        return f"{blob.url}?{signed}"

    async def _delegation_key(self) -> UserDelegationKey:
        """From memory, until KEY_RENEWED before its end; while no other is to be had, until KEY_SPARE before."""
        async with self._renewing:
            now = self._clock.now()
            if self._key is None or self._key[1] - now < KEY_RENEWED:
                until = now + KEY_LIVES

                async def ask() -> UserDelegationKey:
                    self._open()
                    assert self._service is not None  # noqa: S101 - just opened
                    return await self._service.get_user_delegation_key(now - CLOCKS_DIFFER, until)

                try:
                    self._key = (await self._call(ask), until)
                except Unavailable:
                    if self._key is None or self._key[1] - now < KEY_SPARE:
                        raise
            return self._key[0]

    async def _make_container(self) -> None:
        with suppress(ResourceExistsError):
            await self._open().create_container()
        self._made = True

    async def _call(self, action: Callable[[], Awaitable[T]], seconds: float = TOTAL_SECONDS) -> T:
        """Raises BlobNotFound, BlobChanged, Unavailable."""
        try:
            return await ask(self._guard, action, seconds=seconds, pauses=PAUSES, answers=_ANSWERS)
        except HttpResponseError as error:
            raise (BlobNotFound if error.status_code == NOT_FOUND else BlobChanged) from None

    def _open(self) -> ContainerClient:
        if self._service is None:
            more: dict[str, Any] = {
                "transport": open_transport(pool=POOL, read_seconds=READ_SECONDS, verify=self._verify),
                "retry_total": 0,  # ours is shorter, see `ask`
            }
            if self._connection_string is not None:
                self._service = BlobServiceClient.from_connection_string(self._connection_string, **more)
            elif self._endpoint is not None and self._credential is not None:
                self._service = BlobServiceClient(self._endpoint, self._credential(), **more)
            else:
                raise ValueError("neither a connection string, nor an endpoint with a credential")
        return self._service.get_container_client(self._container)


def _account(url: str) -> str:
    """The account a URL is of: the host's first label, or at a bare address (emulators) the first of the path.

    The SDK's `account_name` takes the first label always.
    """
    parts = urlsplit(url)
    host = str(parts.hostname)
    return parts.path.split("/")[1] if host[0].isdigit() or host == "localhost" else host.partition(".")[0]
