"""What a malware scanner found. A file in quarantine waits for it; see ADR 0122.

The verdict is an item of its own beside the file. Whoever delivers one writes it and then reads the file; whoever
completes a file writes that and then reads the verdict. So one of the two sees both, in whatever order they come.
"""

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

from domain.files.model import FILE_ID, State, StoredFile, from_item, prefix_of, to_item
from domain.files.ports import Blobs
from domain.kernel.clock import Clock
from domain.kernel.containers import FILES
from domain.kernel.documents import DocumentStore, ItemNotFound, ItemStale, Stored
from domain.kernel.errors import Unavailable
from domain.kernel.ids import is_uuid7

SCANS: Final = "scans"
"""The queue that the scanner's events arrive in."""
VERDICT_LIVES: Final = timedelta(days=2)
_VERDICTS: Final = {"No threats found": True, "Malicious": False}
"""Microsoft Defender for Storage's words. Anything else (`Not scanned`, `Error`) decides nothing."""


@dataclass(frozen=True, slots=True)
class Verdict:
    file_id: str
    version: str
    clean: bool


def read_event(event: dict[str, Any]) -> Verdict | None:
    """The verdict in an event of the type `Microsoft.Security.MalwareScanningResult`; None for any other event."""
    data = event.get("data")
    if event.get("eventType") != "Microsoft.Security.MalwareScanningResult" or not isinstance(data, dict):
        return None
    clean = _VERDICTS.get(str(data.get("scanResultType")))
    _, _, name = str(data.get("blobUri", "")).rpartition("://")
    segments = name.split("/")
    if clean is None or len(segments) < 3 or not is_uuid7(segments[-2]):  # noqa: PLR2004 - host, id, leaf
        return None
    return Verdict(segments[-2], segments[-1], clean)


@dataclass(frozen=True)
class Verdicts:
    documents: DocumentStore
    blobs: Blobs
    clock: Clock

    async def take(self, event: dict[str, Any]) -> None:
        """Let the file be read, or delete it. Safe to repeat. Raises Unavailable."""
        verdict = read_event(event)
        if verdict is None:
            return
        stored = await self.documents.find(FILES, verdict.file_id, FILE_ID)
        if stored is None:
            return
        await self.documents.upsert(FILES, _to_item(verdict))
        stored = await self.documents.find(FILES, verdict.file_id, FILE_ID)
        if stored is not None and from_item(stored.item).state is State.QUARANTINED:
            await apply_verdict(self.documents, self.blobs, stored)


async def apply_verdict(documents: DocumentStore, blobs: Blobs, stored: Stored) -> StoredFile:
    """Make of a file in quarantine what the verdict says, if there is one yet. Returns the file as it then is."""
    file = from_item(stored.item)
    found = await documents.find(FILES, file.id, f"verdict:{file.version}")
    if found is None:
        return file
    if found.item["clean"]:
        judged = replace(file, state=State.COMPLETE)
    else:
        judged = replace(file, state=State.DELETED, refusal="infected", sweep_at=file.created_at)
    try:
        await documents.replace(FILES, to_item(judged), if_match=stored.etag)
    except (ItemStale, ItemNotFound):
        return file  # judged or deleted by somebody else meanwhile
    if not found.item["clean"]:
        with suppress(Unavailable):  # else the sweep does it
            await blobs.delete_all(prefix_of(file.id))
    return judged


def _to_item(verdict: Verdict) -> dict[str, Any]:
    return {
        "id": f"verdict:{verdict.version}",
        "pk": verdict.file_id,
        "type": "verdict",
        "clean": verdict.clean,
        "ttl": int(VERDICT_LIVES.total_seconds()),
    }
