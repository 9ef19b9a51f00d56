"""Files. Blob calls are not counted: their price is in the bytes."""

from domain.files.kinds import TXT
from tests.costs.bench import Bench, case, scenario
from tests.uploads import begin, upload

HELLO = b"hello, world\n"


@scenario
async def create_upload_url(bench: Bench) -> None:
    body = {"fileName": "plan.txt", "fileType": TXT, "fileSize": len(HELLO), "category": "document"}
    await bench.measure(await bench.person(), json=body)


@scenario
async def complete_upload(bench: Bench) -> None:
    ada = await bench.person()
    ticket = await begin(bench.world, ada, HELLO, TXT)
    await bench.measure(ada, json={"fileId": ticket["fileId"]})


@scenario
async def get_file(bench: Bench) -> None:
    ada = await bench.person()
    await bench.measure(ada, at={"file_id": (await upload(bench.world, ada, HELLO, TXT))["id"]})


@case("of a message, by who was sent it", endpoint="get_file")
async def get_attached_file(bench: Bench) -> None:
    ada, bob = await bench.person("ada"), await bench.person("bob")
    opened = await bench.do("POST", "conversations", ada, {"type": "direct", "participantIds": [bob.id]})
    file = await upload(bench.world, ada, HELLO, TXT, "message")
    await bench.do("POST", f"conversations/{opened['id']}/messages", ada, {"attachments": [{"id": file["id"]}]})
    await bench.measure(bob, at={"file_id": file["id"]})


@scenario
async def delete_file(bench: Bench) -> None:
    ada = await bench.person()
    await bench.measure(ada, at={"file_id": (await upload(bench.world, ada, HELLO, TXT))["id"]})
