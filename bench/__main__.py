"""`make bench`: the product as it runs beside what people would pick instead; writes docs/performance.md.

    python -m bench [--windows 3] [--seconds 1] [--only requests,logins,fan-out,start,worker] [--peers] [--page FILE]

T and the limits of the machine are always measured; with `--peers` also Synapse, Parse Server and ejabberd, those of
them that bench/peers/setup.sh has set up.

Linux only: costs are read from /proc. Everything is kept below a temporary folder on this disk, so that a durable
write is one.
"""

import argparse
import json
import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import uvloop

from bench.import_time import NO_BYTECODE
from bench.limits import Aiohttp, GroupCommit, Hello, Picows
from bench.peers.ejabberd import Ejabberd, EjabberdOfTwo
from bench.peers.parse import Parse
from bench.peers.synapse import Synapse
from bench.report import write
from bench.rows import BREAKS, Bench, Results
from bench.subject import Subject
from bench.subjects import Ours, Template
from bench.worker import under_the_runtime
from tests.process import ROOT

PARTS = ("start", "requests", "logins", "fan-out", "worker")


def peers(folder: Path) -> Iterator[Subject]:
    """Those that are set up. The others are named where nobody overlooks it."""
    for peer in (Synapse, Parse, Ejabberd, EjabberdOfTwo):
        if peer.is_set_up():
            yield peer(folder / peer.name)
        else:
            print(f"NOT MEASURED: {peer.name}. `make peers` sets it up.", flush=True)


async def measure(
    folder: Path, subjects: Sequence[Subject], only: list[str], *, windows: int, seconds: float
) -> Results:
    print("people and histories", flush=True)
    bench = Bench([subject for subject in subjects if await _is_ready(subject)], Results(), windows, seconds)
    subjects = bench.subjects
    if "start" in only:
        await bench.cold_starts()
    async with AsyncExitStack() as stack:
        for subject in subjects:
            await stack.enter_async_context(subject.serving())
        if "requests" in only:
            await bench.requests()
        if "logins" in only:
            await bench.logins()
    if "fan-out" in only:
        for subject in subjects:
            async with subject.serving():
                await subject.sign_in()  # a token of ours ends after 15 minutes
        await bench.fan_outs((10, 100, 1000))
    if "worker" in only:
        await under_the_runtime(folder, bench.results, windows=windows, seconds=seconds)
    return bench.results


async def _is_ready(subject: Subject) -> bool:
    """Make its people and histories. A peer that cannot is named and left out; without ours or T there is no bench."""
    try:
        async with subject.serving():
            await subject.prepare()
        await subject.fill()
    except BREAKS as error:
        if subject.name in {"ours", "T"}:
            raise
        print(f"NOT MEASURED: {subject.name}. {type(error).__name__} {error}", flush=True)
        return False
    return True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--windows", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--only", type=lambda text: text.split(","), default=list(PARTS))
    parser.add_argument("--peers", action="store_true")
    parser.add_argument("--page", type=Path)
    given = parser.parse_args()
    os.environ.pop(NO_BYTECODE, None)  # a start is measured from bytecode: T's packages have theirs since their set-up
    subprocess.run([ROOT / "bench" / "peers" / "setup.sh"], check=True)  # noqa: S603 - our own script
    build = ROOT / ".build"
    with tempfile.TemporaryDirectory(dir=build) as name:  # not /tmp, which may be memory
        folder = Path(name)
        subjects = [
            *(Ours(folder / "ours"), Template(folder / "template"), *(peers(folder) if given.peers else ())),
            *(limit(folder / limit.name) for limit in (Hello, GroupCommit, Picows, Aiohttp)),
        ]
        results = uvloop.run(measure(folder, subjects, given.only, windows=given.windows, seconds=given.seconds))
    kept = [{"row": row, "subject": name, "windows": seen} for (row, name), seen in results.windows.items()]
    (build / "bench.json").write_text(json.dumps(kept, indent=1))
    if given.page:
        write(given.page, results, windows=given.windows, seconds=given.seconds)
    if failed := [f"{row}: {fault}" for (row, name), fault in results.faults.items() if name == "ours"]:
        raise SystemExit("\n".join(["Ours failed:", *failed]))


if __name__ == "__main__":
    main()
