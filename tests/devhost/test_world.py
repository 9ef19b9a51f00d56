from tests.world import World


async def test_the_app_answers_in_process(world: World) -> None:
    assert (await world.client.get("/nowhere")).status_code == 404
