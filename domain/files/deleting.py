"""How a file goes: from the first write on nobody is shown it; the sweep removes bytes that a crash left behind."""

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Final

from domain.files.model import FILE_ID, State, StoredFile, from_item, prefix_of, to_item
from domain.files.ports import Blobs
from domain.kernel.clock import Clock
from domain.kernel.containers import FILES
from domain.kernel.documents import DocumentStore, ItemNotFound, ItemStale, Stored
from domain.kernel.errors import Unavailable

FROZEN_FOR: Final = timedelta(days=1)
"""How long bytes that are evidence stay before the sweep asks again."""


async def delete_file(
    documents: DocumentStore, blobs: Blobs, clock: Clock, stored: Stored, *, frozen: bool
) -> StoredFile | None:
    """The file as it was deleted, or None: it was before. Safe to repeat, also at once. *frozen*: the bytes stay for
    now. Raises Unavailable; not for the bytes."""
    found: Stored | None = stored
    while found is not None:
        file = from_item(found.item)
        if file.state is State.DELETED:
            return None
        sweep_at = clock.now() + FROZEN_FOR if frozen else clock.now()
        gone = replace(file, state=State.DELETED, sweep_at=sweep_at)
        try:
            await documents.replace(FILES, to_item(gone), if_match=found.etag)
        except (ItemStale, ItemNotFound):  # it was completed, claimed or judged meanwhile
            found = await documents.find(FILES, file.id, FILE_ID)
            continue
        if not frozen:
            with suppress(Unavailable):
                await blobs.delete_all(prefix_of(file.id))
        return gone
    return None
