"""What somebody has not read, as chat derives it and a mail tells it: numbers only."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Missed:
    """Unread *messages* in so many *conversations* that said something since the person was last seen."""

    messages: int
    conversations: int


class Unread(Protocol):
    async def missed(self, user_id: str) -> Missed:
        """Derived from the receipts at each call, for the 200 busiest conversations; muted ones count only where the
        person is mentioned. Raises Unavailable."""
        ...
