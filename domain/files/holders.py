"""What other features say of the files they hold: each is asked by the claim on the file."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from domain.files.model import StoredFile
from domain.kernel.attachments import ClaimState, Holder


@dataclass(frozen=True)
class Holders:
    """*by_name*: by what a feature's claims begin with. A form's claim is a fingerprint, and has nobody to ask."""

    by_name: Mapping[str, Holder] = field(default_factory=dict)

    async def may_read(self, user_id: str, file: StoredFile) -> bool:
        """Whether somebody may read what is not theirs."""
        found = self._find(file)
        return found is not None and await found[0].may_read(user_id, file.id, found[1])

    async def state(self, file: StoredFile) -> ClaimState | None:
        """None for what no feature holds."""
        found = self._find(file)
        return None if found is None else await found[0].state(file.id, found[1])

    async def is_frozen(self, file: StoredFile) -> bool:
        found = self._find(file)
        return found is not None and await found[0].is_frozen(file.id, found[1])

    async def forget(self, file: StoredFile) -> None:
        found = self._find(file)
        if found is not None:
            await found[0].forget(file.id, found[1])

    def _find(self, file: StoredFile) -> tuple[Holder, str] | None:
        if file.claimed_by is None:
            return None
        holder = self.by_name.get(file.claimed_by.partition(":")[0])
        return None if holder is None else (holder, file.claimed_by)
