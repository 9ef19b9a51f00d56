"""The key that an identity signs URLs with is kept while the service is away."""

import base64
from datetime import timedelta

import pytest
from azure.storage.blob import UserDelegationKey

from adapters.blobs.azure import KEY_RENEWED, KEY_SPARE, AzureBlobs
from domain.kernel.errors import Unavailable
from tests.factories import NOON, ManualClock, ids
from tests.https_services import KnownCredential
from tests.servers import free_port


async def test_links_are_made_while_a_key_lasts_though_the_service_is_away() -> None:
    clock = ManualClock()
    credential = KnownCredential("token")
    blobs = AzureBlobs("files", clock, endpoint=f"https://127.0.0.1:{free_port()}/a", credential=lambda: credential)
    blobs._key = (a_key(), NOON + KEY_RENEWED)

    async def sign() -> str:
        return await blobs.sign_download(
            f"{ids(clock).new()}/1", media_type="text/plain", disposition="attachment", expires_at=clock.now()
        )

    for wait in (timedelta(seconds=1), KEY_RENEWED - KEY_SPARE - timedelta(seconds=1)):
        clock.advance(wait)
        assert "sig=" in await sign()
    clock.advance(timedelta(seconds=1))
    with pytest.raises(Unavailable):
        await sign()
    await blobs.close()


def a_key() -> UserDelegationKey:
    key = UserDelegationKey()  # type: ignore[no-untyped-call]
    key.signed_oid = key.signed_tid = "22222222-2222-3333-4444-555555555555"
    key.signed_start, key.signed_expiry = "2026-01-20T11:00:00Z", "2026-01-20T13:00:00Z"
    key.signed_service, key.signed_version = "b", "2025-01-05"
    key.value = base64.b64encode(b"k" * 32).decode()
    return key
