"""Who we are to Azure, and to Redis."""

import base64
import json

import pytest
from azure.identity.aio import DefaultAzureCredential, ManagedIdentityCredential

from adapters.identity import REDIS_SCOPE, AzureIdentity, object_id, redis_credentials
from tests.https_services import KnownCredential


def a_token(**claims: str) -> str:
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{payload}.c2ln"


async def test_in_production_only_the_managed_identity_is_asked() -> None:
    identity = AzureIdentity("11111111-2222-3333-4444-555555555555", production=True)
    assert isinstance(identity.credential, ManagedIdentityCredential)
    assert identity.credential is identity.credential
    await identity.close()


async def test_a_developer_is_who_they_signed_in_as() -> None:
    identity = AzureIdentity(None, production=False)
    assert isinstance(identity.credential, DefaultAzureCredential)
    await identity.close()
    await identity.close()


async def test_to_redis_we_are_the_object_id_of_our_token() -> None:
    identity, known = AzureIdentity(None, production=True), KnownCredential(a_token(oid="our-object-id"))
    identity._credential = known
    provider = redis_credentials(identity)
    assert await provider.get_credentials_async() == ("our-object-id", a_token(oid="our-object-id"))
    assert known.scopes == [REDIS_SCOPE]


@pytest.mark.parametrize("token", ["", "a.b.c", "e30", a_token(sub="x"), "a.W10.c"])
def test_a_token_without_an_object_id_is_none_of_ours(token: str) -> None:
    with pytest.raises(ValueError, match="object id"):
        object_id(token)
