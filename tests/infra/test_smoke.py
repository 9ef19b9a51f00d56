"""The smoke test on a real server, ours."""

import asyncio
from pathlib import Path

from infra.scripts import smoke
from tests.process import a_dev_host, free_port


async def test_a_sound_deployment_passes_and_a_wrong_site_does_not(tmp_path: Path) -> None:
    async with a_dev_host(tmp_path, "--no-sample") as host:
        good = smoke.Target(host.url, "http://localhost:3000", wake_seconds=0)
        status, lines = await asyncio.to_thread(smoke.run, good)
        assert status == 0, lines
        assert len(lines) == len(smoke.CHECKS)

        other = smoke.Target(host.url, "https://other.example", wake_seconds=0)
        status, lines = await asyncio.to_thread(smoke.run, other)
        assert status == 1
        assert [line for line in lines if line.startswith("FAILED")] == [
            "FAILED the_site_may_call: https://other.example is not allowed"
        ]


def test_nobody_there_is_one_line_for_each_check() -> None:
    status, lines = smoke.run(smoke.Target(f"http://127.0.0.1:{free_port()}", "https://tools.example"))
    assert status == 1
    assert all(line.startswith("FAILED") and "no answer" in line for line in lines)
