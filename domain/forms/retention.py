"""What is forgotten about forms in time."""

from dataclasses import dataclass
from datetime import timedelta

from domain.forms.ports import FormStore
from domain.kernel.clock import Clock


@dataclass(frozen=True, slots=True)
class Retention:
    """Where a form came from is kept for *origin_kept*: long enough to trace a flood, no longer."""

    store: FormStore
    clock: Clock
    origin_kept: timedelta

    async def forget_origins(self) -> int:
        """Returns how many forms it touched. Safe to repeat."""
        return await self.store.forget_origins(before=self.clock.now() - self.origin_kept)
