"""What can be attached to a form."""

from collections.abc import Sequence


class NoAttachments:
    """Where nothing can be uploaded every file is unknown."""

    async def claim(self, file_ids: Sequence[str], *, claimant: str) -> set[str]:  # noqa: ARG002 - the port's
        return set(file_ids)
