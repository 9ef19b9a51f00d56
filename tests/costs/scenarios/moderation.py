"""What people do about each other in MackChat, and administrators about that."""

from tests.costs.bench import Bench, scenario
from tests.costs.scenarios.chat import a_talk, say
from tests.world import Person

REASON = {"reason": "This was not kind."}


async def _a_report(bench: Bench) -> dict[str, str]:
    """Where it is."""
    ada, bob, here = await a_talk(bench)
    message = await say(bench, ada, here["conversation_id"])
    report = await bench.do("POST", f"messages/{message['message_id']}/report", bob, REASON)
    return {"report_id": report["id"]}


async def _blocked(bench: Bench) -> tuple[Person, dict[str, str]]:
    """Who blocked whom."""
    ada, bob = await bench.person("ada"), await bench.person("bob")
    await bench.do("POST", f"users/{bob.id}/block", ada)
    return ada, {"user_id": bob.id}


@scenario
async def mute_conversation(bench: Bench) -> None:
    ada, _, here = await a_talk(bench)
    await bench.measure(ada, at=here, json={})


@scenario
async def unmute_conversation(bench: Bench) -> None:
    ada, _, here = await a_talk(bench)
    await bench.do("POST", f"conversations/{here['conversation_id']}/mute", ada)
    await bench.measure(ada, at=here)


@scenario
async def block_person(bench: Bench) -> None:
    ada, bob = await bench.person("ada"), await bench.person("bob")
    await bench.measure(ada, at={"user_id": bob.id}, json={})


@scenario
async def unblock_person(bench: Bench) -> None:
    ada, whom = await _blocked(bench)
    await bench.measure(ada, at=whom)


@scenario
async def list_blocks(bench: Bench) -> None:
    ada, _ = await _blocked(bench)
    await bench.measure(ada)


@scenario
async def report_message(bench: Bench) -> None:
    ada, bob, here = await a_talk(bench)
    await bench.measure(bob, at=await say(bench, ada, here["conversation_id"]), json=REASON)


@scenario
async def list_reports(bench: Bench) -> None:
    await _a_report(bench)
    await bench.measure(await bench.admin())


@scenario
async def list_reported_files(bench: Bench) -> None:
    report = await _a_report(bench)
    await bench.measure(await bench.admin(), at=report)


@scenario
async def get_report(bench: Bench) -> None:
    await bench.measure(at=await _a_report(bench), who=await bench.admin())


@scenario
async def decide_report(bench: Bench) -> None:
    where = await _a_report(bench)
    await bench.measure(await bench.admin(), at=where, json={"note": "I have spoken with both."})


async def _held(bench: Bench) -> tuple[Person, Person, dict[str, str]]:
    """An administrator, and a person whose conversation is under hold, as they are themselves."""
    ada, _, here = await a_talk(bench)
    admin = await bench.admin()
    await bench.do("PUT", f"admin/conversations/{here['conversation_id']}/hold", admin, REASON)
    await bench.do("PUT", f"admin/users/{ada.id}/hold", admin, REASON)
    return admin, ada, here


@scenario
async def get_retention(bench: Bench) -> None:
    ada, _, here = await a_talk(bench)
    await bench.measure(ada, at=here)


@scenario
async def set_retention(bench: Bench) -> None:
    _, _, here = await a_talk(bench)
    await bench.measure(await bench.admin(), at=here, json={"days": 365})


@scenario
async def list_holds(bench: Bench) -> None:
    admin, *_ = await _held(bench)
    await bench.measure(admin)


@scenario
async def get_conversation_hold(bench: Bench) -> None:
    admin, _, here = await _held(bench)
    await bench.measure(admin, at=here)


@scenario
async def hold_conversation(bench: Bench) -> None:
    _, _, here = await a_talk(bench)
    await bench.measure(await bench.admin(), at=here, json=REASON)


@scenario
async def list_held_messages(bench: Bench) -> None:
    admin, _, here = await _held(bench)
    await bench.measure(admin, at=here)


@scenario
async def lift_conversation_hold(bench: Bench) -> None:
    admin, _, here = await _held(bench)
    await bench.measure(admin, at=here, json=REASON)


@scenario
async def get_person_hold(bench: Bench) -> None:
    admin, ada, _ = await _held(bench)
    await bench.measure(admin, at={"user_id": ada.id})


@scenario
async def hold_person(bench: Bench) -> None:
    ada, *_ = await a_talk(bench)
    await bench.measure(await bench.admin(), at={"user_id": ada.id}, json=REASON)


@scenario
async def lift_person_hold(bench: Bench) -> None:
    admin, ada, _ = await _held(bench)
    await bench.measure(admin, at={"user_id": ada.id}, json=REASON)


@scenario
async def read_message_file(bench: Bench) -> None:
    ada, _, here = await a_talk(bench)
    message = await say(bench, ada, here["conversation_id"])
    await bench.do("PATCH", f"messages/{message['message_id']}", ada, {"text": "How were you?"})
    await bench.measure(await bench.admin(), at=message)
