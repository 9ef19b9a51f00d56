"""Without a key the managed identity signs in; where it cannot, the store is unavailable, and says nothing else."""

import socket

import pytest

from adapters.documents.cosmos import CosmosDocuments
from adapters.identity import AzureIdentity
from domain.kernel.errors import Unavailable


async def test_an_identity_that_does_not_answer_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as held:  # a port that nobody listens on
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"http://127.0.0.1:{port}/token")
        monkeypatch.setenv("IDENTITY_HEADER", "header")
        identity = AzureIdentity("11111111-2222-3333-4444-555555555555", production=True)
        store = CosmosDocuments(f"https://127.0.0.1:{port}", "tools", credential=lambda: identity.credential)
        with pytest.raises(Unavailable):
            await store.find("accounts", "p", "1")
        await store.close()
        await identity.close()
