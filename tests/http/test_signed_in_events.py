"""Events of a realtime service that has no access keys: it signs in to us with Entra's token."""

from pathlib import Path

from adapters.tokens.entra import EntraTokens
from tests.entra import AUDIENCE, PRINCIPAL, TENANT, an_entra
from tests.http.test_chat_signals import let_in, service_event
from tests.world import a_world

SETTINGS = {
    "APP_TENANT_ID": TENANT,
    "APP_WEB_PUBSUB_EVENT_AUDIENCE": AUDIENCE,
    "APP_WEB_PUBSUB_EVENT_PRINCIPAL": PRINCIPAL,
}


async def test_only_the_token_opens_even_to_whom_knows_a_key(tmp_path: Path) -> None:
    async with an_entra() as entra, a_world(tmp_path, **SETTINGS) as world:
        assert world.parts.event_tokens is not None
        world.parts.event_tokens = EntraTokens(TENANT, AUDIENCE, PRINCIPAL, world.clock, login=entra.login)
        ada = await world.sign_up("ada")
        await let_in(world, ada, Authorization=f"Bearer {entra.token()}")
        good = await service_event(world, "sys.connected", ada, {}, Authorization=f"Bearer {entra.token()}")
        assert good.status_code == 204
        for wrong in ({}, {"Authorization": "Bearer nonsense"}, ada.bearer):
            assert (await service_event(world, "sys.connected", ada, {}, **wrong)).status_code == 403
        assert entra.asked == 1
