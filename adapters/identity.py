"""Who we are to Azure: one credential for the process, which keeps the tokens it got and renews them."""

import base64
import json
from typing import TYPE_CHECKING, Any, Final

from domain.kernel.errors import Unavailable

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential

REDIS_SCOPE: Final = "https://redis.azure.com/.default"


class AzureIdentity:
    """*client_id* names the user-assigned managed identity; None is the system-assigned one.

    Outside *production* whatever the developer is signed in with will do (Azure CLI, environment). In production that
    chain is never tried: it would try many things slowly, and might end up as somebody else.
    """

    def __init__(self, client_id: str | None, *, production: bool) -> None:
        self._client_id = client_id
        self._production = production
        self._credential: AsyncTokenCredential | None = None

    @property
    def credential(self) -> "AsyncTokenCredential":
        """Built at the first use; asks nobody yet. The SDKs' clients do not close it, `close` does."""
        if self._credential is None:
            self._credential = self._build()
        return self._credential

    def _build(self) -> "AsyncTokenCredential":
        if self._production:
            from azure.identity.aio import ManagedIdentityCredential

            return ManagedIdentityCredential(client_id=self._client_id)
        from azure.identity.aio import DefaultAzureCredential

        return DefaultAzureCredential(managed_identity_client_id=self._client_id)

    async def close(self) -> None:
        credential, self._credential = self._credential, None
        if credential is not None:
            await credential.close()


def redis_credentials(identity: AzureIdentity) -> Any:
    """A redis-py `CredentialProvider`: the user is the identity's object id, the password its token.

    Asked for each new connection. Redis closes a connection when its token ends; the next command opens another.
    """
    from azure.core.exceptions import ClientAuthenticationError
    from redis.credentials import CredentialProvider

    class _Entra(CredentialProvider):
        def get_credentials(self) -> tuple[str, str]:
            raise NotImplementedError  # redis-py's blocking clients ask this; ours is asyncio's

        async def get_credentials_async(self) -> tuple[str, str]:
            try:
                token = (await identity.credential.get_token(REDIS_SCOPE)).token
            except ClientAuthenticationError as error:
                raise Unavailable from error
            return object_id(token), token

    return _Entra()


def object_id(token: str) -> str:
    """The `oid` of our own token, which needs no proof. Raises ValueError."""
    try:
        payload = token.split(".")[1]
        return str(json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["oid"])
    except (IndexError, KeyError, TypeError, ValueError) as error:
        raise ValueError("a token without an object id") from error
