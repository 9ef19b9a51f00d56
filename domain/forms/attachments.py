"""What can be attached to a form."""

from collections.abc import Sequence


class NoAttachments:
    """While there are no uploads, every file is unknown."""

    async def find_unknown(self, file_ids: Sequence[str]) -> set[str]:
        return set(file_ids)
