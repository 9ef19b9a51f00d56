"""MackChat."""

from datetime import timedelta
from typing import Any
from urllib.parse import quote

from domain.files.kinds import TXT
from domain.kernel.clock import to_iso
from tests.costs.bench import Bench, case, scenario
from tests.http.test_chat import event, let_in, session_of
from tests.push_service import Browser
from tests.uploads import upload
from tests.world import Person

BROWSER = Browser("https://fcm.googleapis.com/fcm/send/b1")
HEART = quote("❤️")


async def a_talk(bench: Bench) -> tuple[Person, Person, dict[str, str]]:
    """Two people in the middle of one, and where it is."""
    ada, bob = await bench.person("ada"), await bench.person("bob")
    opened = await bench.do("POST", "conversations", ada, {"type": "direct", "participantIds": [bob.id]})
    for who in (ada, bob):
        await say(bench, who, opened["id"])
    return ada, bob, {"conversation_id": opened["id"]}


async def say(bench: Bench, who: Person, room: str) -> dict[str, str]:
    said = await bench.do("POST", f"conversations/{room}/messages", who, {"text": "How are you?"})
    return {"message_id": said["id"]}


async def _a_group(bench: Bench, *names: str) -> tuple[list[Person], dict[str, str]]:
    """Led by the first, and where it is."""
    people = [await bench.person(name) for name in names]
    body = {"type": "group", "participantIds": [person.id for person in people[1:]], "name": "Welders"}
    opened = await bench.do("POST", "conversations", people[0], body)
    await say(bench, people[0], opened["id"])
    return people, {"conversation_id": opened["id"]}


@scenario
async def open_conversation(bench: Bench) -> None:
    ada, bob = await bench.person("ada"), await bench.person("bob")
    await bench.measure(ada, json={"type": "direct", "participantIds": [bob.id]})


@case("it is open already", endpoint="open_conversation")
async def open_conversation_again(bench: Bench) -> None:
    ada, bob, _ = await a_talk(bench)
    await bench.measure(ada, json={"type": "direct", "participantIds": [bob.id]}, status=200)


@case("a group of three", endpoint="open_conversation")
async def open_group(bench: Bench) -> None:
    ada, bob, cyd = [await bench.person(name) for name in ("ada", "bob", "cyd")]
    await bench.measure(ada, json={"type": "group", "participantIds": [bob.id, cyd.id], "name": "Welders"})


@scenario
async def list_conversations(bench: Bench) -> None:
    ada, *_ = await a_talk(bench)
    await bench.measure(ada)


@scenario
async def get_conversation(bench: Bench) -> None:
    ada, _, here = await a_talk(bench)
    await bench.measure(ada, at=here)


@scenario
async def change_group(bench: Bench) -> None:
    people, here = await _a_group(bench, "ada", "bob", "cyd")
    await bench.measure(people[0], at=here, json={"name": "Smiths"})


@scenario
async def add_participants(bench: Bench) -> None:
    dan = await bench.person("dan")
    people, here = await _a_group(bench, "ada", "bob", "cyd")
    await bench.measure(people[0], at=here, json={"userIds": [dan.id]})


@scenario
async def change_participant(bench: Bench) -> None:
    people, here = await _a_group(bench, "ada", "bob", "cyd")
    await bench.measure(people[0], at={**here, "user_id": people[1].id}, json={"role": "admin"})


@scenario
async def remove_participant(bench: Bench) -> None:
    people, here = await _a_group(bench, "ada", "bob", "cyd")
    await bench.measure(people[0], at={**here, "user_id": people[1].id})


@scenario
async def send_message(bench: Bench) -> None:
    ada, _, here = await a_talk(bench)
    await bench.measure(ada, at=here, json={"text": "I am well, thank you."})


@case("it mentions everybody", endpoint="send_message")
async def send_mentions(bench: Bench) -> None:
    people, here = await _a_group(bench, "ada", "bob", "cyd")
    await bench.measure(people[0], at=here, json={"text": "@all, lunch is ready."})


@case("the first of a burst", endpoint="send_message")
async def send_first_message(bench: Bench) -> None:
    """With the task that notices who is away; its own work is in docs/data-model.md."""
    ada, _, here = await a_talk(bench)
    bench.world.clock.advance(seconds=30)
    await bench.measure(ada, at=here, json={"text": "I am well, thank you."})


@case("with two files", endpoint="send_message")
async def send_message_with_files(bench: Bench) -> None:
    ada, _, here = await a_talk(bench)
    files = [{"id": (await upload(bench.world, ada, b"hello\n", TXT, "message"))["id"]} for _ in range(2)]
    await bench.measure(ada, at=here, json={"text": "The plans.", "attachments": files})


@scenario
async def list_messages(bench: Bench) -> None:
    ada, _, here = await a_talk(bench)
    await bench.measure(ada, at=here)


@scenario
async def search_conversation(bench: Bench) -> None:
    ada, _, here = await a_talk(bench)
    await bench.measure(ada, at=here, params={"q": "how are"})


@scenario
async def search_messages(bench: Bench) -> None:
    ada, *_ = await a_talk(bench)
    await bench.measure(ada, params={"q": "how are"})


@scenario
async def edit_message(bench: Bench) -> None:
    ada, _, here = await a_talk(bench)
    await bench.measure(ada, at=await say(bench, ada, here["conversation_id"]), json={"text": "How are you all?"})


@scenario
async def delete_message(bench: Bench) -> None:
    ada, _, here = await a_talk(bench)
    await bench.measure(ada, at=await say(bench, ada, here["conversation_id"]))


@case("with a file", endpoint="delete_message")
async def delete_message_with_file(bench: Bench) -> None:
    ada, _, here = await a_talk(bench)
    file = await upload(bench.world, ada, b"hello\n", TXT, "message")
    body = {"attachments": [{"id": file["id"]}]}
    said = await bench.do("POST", f"conversations/{here['conversation_id']}/messages", ada, body)
    await bench.measure(ada, at={"message_id": said["id"]})


@scenario
async def add_reaction(bench: Bench) -> None:
    ada, bob, here = await a_talk(bench)
    await bench.measure(bob, at={**await say(bench, ada, here["conversation_id"]), "emoji": HEART})


@scenario
async def remove_reaction(bench: Bench) -> None:
    ada, bob, here = await a_talk(bench)
    message = await say(bench, ada, here["conversation_id"])
    await bench.do("PUT", f"messages/{message['message_id']}/reactions/{HEART}", bob)
    await bench.measure(bob, at={**message, "emoji": HEART})


@scenario
async def mark_read(bench: Bench) -> None:
    ada, bob, here = await a_talk(bench)
    await say(bench, ada, here["conversation_id"])
    await bench.measure(bob, at=here, json={"seq": 3})


@scenario
async def get_draft(bench: Bench) -> None:
    ada, _, here = await a_talk(bench)
    await bench.do("PUT", f"conversations/{here['conversation_id']}/draft", ada, {"text": "I was"})
    await bench.measure(ada, at=here)


@scenario
async def save_draft(bench: Bench) -> None:
    ada, _, here = await a_talk(bench)
    await bench.measure(ada, at=here, json={"text": "I was"})


@scenario
async def clear_draft(bench: Bench) -> None:
    ada, _, here = await a_talk(bench)
    await bench.do("PUT", f"conversations/{here['conversation_id']}/draft", ada, {"text": "I was"})
    await bench.measure(ada, at=here)


async def _a_scheduled(bench: Bench) -> tuple[Person, dict[str, str]]:
    """A message that waits for tomorrow, and where it is."""
    ada, _, here = await a_talk(bench)
    at = to_iso(bench.world.clock.now() + timedelta(days=1))
    made = await bench.do(
        "POST", f"conversations/{here['conversation_id']}/scheduled", ada, {"text": "How are you?", "sendAt": at}
    )
    return ada, {**here, "scheduled_id": made["id"]}


@scenario
async def schedule_message(bench: Bench) -> None:
    ada, _, here = await a_talk(bench)
    at = to_iso(bench.world.clock.now() + timedelta(days=1))
    await bench.measure(ada, at=here, json={"text": "How are you?", "sendAt": at})


@scenario
async def list_scheduled(bench: Bench) -> None:
    ada, here = await _a_scheduled(bench)
    await bench.measure(ada, at=here)


@scenario
async def get_scheduled(bench: Bench) -> None:
    ada, here = await _a_scheduled(bench)
    await bench.measure(ada, at=here)


@scenario
async def change_scheduled(bench: Bench) -> None:
    ada, here = await _a_scheduled(bench)
    at = to_iso(bench.world.clock.now() + timedelta(days=2))
    await bench.measure(ada, at=here, json={"sendAt": at})


@scenario
async def cancel_scheduled(bench: Bench) -> None:
    ada, here = await _a_scheduled(bench)
    await bench.measure(ada, at=here)


@scenario
async def tell_typing(bench: Bench) -> None:
    ada, _, here = await a_talk(bench)
    await bench.measure(ada, at=here, json={"state": "start"})


@scenario
async def sync_chat(bench: Bench) -> None:
    """What a client that was away asks, with two messages to catch up on."""
    ada, bob, here = await a_talk(bench)
    cursor = (await bench.get("chat/sync", ada)).json()["cursor"]
    for _ in range(2):
        await say(bench, bob, here["conversation_id"])
    await bench.measure(ada, params={"since": cursor})


@scenario
async def get_presence(bench: Bench) -> None:
    ada, bob, _ = await a_talk(bench)
    await bench.measure(ada, params={"userIds": bob.id})


@scenario
async def get_push_key(bench: Bench) -> None:
    await bench.measure(await bench.person())


@scenario
async def add_push_subscription(bench: Bench) -> None:
    await bench.measure(await bench.person(), json=BROWSER.to_json(), status=201)


@scenario
async def list_push_subscriptions(bench: Bench) -> None:
    ada = await bench.person()
    await bench.do("POST", "chat/push/subscriptions", ada, BROWSER.to_json())
    await bench.measure(ada)


@scenario
async def remove_push_subscription(bench: Bench) -> None:
    ada = await bench.person()
    device = await bench.do("POST", "chat/push/subscriptions", ada, BROWSER.to_json())
    await bench.measure(ada, at={"subscription_id": device["id"]})


@scenario
async def negotiate(bench: Bench) -> None:
    await bench.measure(await bench.person())


@scenario
async def allow_chat_events(bench: Bench) -> None:
    await bench.measure(headers={"webhook-request-origin": "localhost"})


async def _tell(bench: Bench, kind: str, who: Person, body: Any) -> None:
    await bench.measure(headers=event(kind, who), json=body, status=204 if kind == "user.typing" else 200)


@scenario
async def receive_chat_event(bench: Bench) -> None:
    """`message`, as its twin `send_message`."""
    ada, _, here = await a_talk(bench)
    await let_in(bench.world, ada)
    await _tell(bench, "user.message", ada, {"conversationId": here["conversation_id"], "text": "I am well."})


@case("connect", endpoint="receive_chat_event")
async def receive_connect(bench: Bench) -> None:
    ada, *_ = await a_talk(bench)
    session = await session_of(bench.world, ada)
    await _tell(bench, "sys.connect", ada, {"claims": {"webpubsub.group": [f"s.{session}"]}})


@case("read", endpoint="receive_chat_event")
async def receive_read(bench: Bench) -> None:
    ada, bob, here = await a_talk(bench)
    await say(bench, ada, here["conversation_id"])
    await let_in(bench.world, bob)
    await _tell(bench, "user.read", bob, {"conversationId": here["conversation_id"], "seq": 3})
