"""Profiles, the directory and its administration."""

from domain.kernel.unsubscribing import mint_unsubscribe_token
from tests.costs.bench import Bench, case, scenario


@scenario
async def get_profile(bench: Bench) -> None:
    await bench.measure(await bench.person())


@case("the cache does not know the session", endpoint="get_profile")
async def get_profile_first(bench: Bench) -> None:
    ada = await bench.person()
    await bench.world.run_jobs("none")  # one of them tells the cache
    bench.cache.__init__(bench.world.clock)  # type: ignore[misc]
    await bench.measure(ada)


@scenario
async def change_profile(bench: Bench) -> None:
    await bench.measure(await bench.person(), json={"name": "Ada Lovelace"})


@scenario
async def list_activity(bench: Bench) -> None:
    await bench.measure(await bench.person())


@scenario
async def show_unsubscribe(bench: Bench) -> None:
    await bench.measure(params={"token": "t"})


@scenario
async def unsubscribe(bench: Bench) -> None:
    ada = await bench.person()
    key = (await bench.world.parts.keys.get()).current
    await bench.measure(params={"token": mint_unsubscribe_token(key, user_id=ada.id)})


@scenario
async def find_people(bench: Bench) -> None:
    ada = await bench.person()
    for name in ("bob", "bobbie", "bobert"):
        await bench.person(name)
    await bench.measure(ada, params={"query": "bob"})


@scenario
async def list_accounts(bench: Bench) -> None:
    for name in ("ada", "bob", "cyd"):
        await bench.person(name)
    await bench.measure(await bench.admin())


@scenario
async def get_account(bench: Bench) -> None:
    ada = await bench.person()
    await bench.measure(await bench.admin(), at={"user_id": ada.id})


@scenario
async def change_account(bench: Bench) -> None:
    ada = await bench.person()
    await bench.measure(await bench.admin(), at={"user_id": ada.id}, json={"role": "mentor"})


@case("suspending", endpoint="change_account")
async def suspend_account(bench: Bench) -> None:
    ada = await bench.person()
    await bench.measure(await bench.admin(), at={"user_id": ada.id}, json={"status": "suspended"})
