"""The whole main job again, over the cloud's own protocols: Cosmos DB, Storage Queues, Redis, SMTP."""

import asyncio
from pathlib import Path

import pytest

from tests.local_cloud import Ports, local_cloud
from tests.main_job.people import a_town
from tests.main_job.test_main_job import take_a_lesson, talk, write_to_us
from tests.process import a_dev_host

pytestmark = pytest.mark.servers


async def test_two_people_learn_write_to_us_and_talk(tmp_path: Path) -> None:
    ports = Ports.free()
    with local_cloud(tmp_path, ports):
        async with a_dev_host(tmp_path, **ports.settings()) as host, a_town(host) as town:
            ada, bob = await town.sign_up("Ada"), await town.sign_up("Bob")
            await ada.call("GET", "/users/me/progress", 403)
            await ada.confirm_email()
            await bob.confirm_email()
            await take_a_lesson(ada)
            await write_to_us(town)
            await talk(ada, bob)
            ready = (await (await town.visitor()).client.get("/api/readyz")).json()
            assert ready["status"] == "ready"
            guarded = {name for name, each in ready["dependencies"].items() if each.get("circuit") == "closed"}
            assert guarded == {"documents", "cache", "blobs", "queue", "mail", "realtime"}
            status, output = await host.admin("check")
            assert status == 0, output
            assert await host.stop() == 0
    assert not (tmp_path / "documents.db").exists()  # nothing is embedded that is configured
    assert not (tmp_path / "queues.db").exists()


async def test_services_that_are_not_there_are_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="the dev host ended"):
        async with asyncio.timeout(60), a_dev_host(tmp_path, **Ports.free().settings()):
            pass
