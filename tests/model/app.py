"""What people and their devices ask of the application, whichever way it is reached."""

from typing import Any, Protocol


class Refused(Exception):
    """It answered that this may not be, and that nothing was done."""


class NoAnswer(Exception):
    """Nobody knows whether it was done: the process died, the line was cut, or a service behind it was away."""


class App(Protocol):
    """One way in, to one instance. Every method raises Refused and NoAnswer."""

    async def send(self, who: str, room: str, text: str, key: str) -> dict[str, Any]: ...

    async def edit(self, who: str, message_id: str, text: str, key: str) -> None: ...

    async def delete(self, who: str, message_id: str) -> None: ...

    async def react(self, who: str, message_id: str, *, add: bool) -> None: ...

    async def read(self, who: str, room: str, seq: int) -> int:
        """How far it is read now."""
        ...

    async def open_direct(self, who: str, other: str) -> str: ...

    async def open_group(self, who: str, others: list[str], name: str) -> str: ...

    async def add(self, who: str, room: str, other: str) -> None: ...

    async def remove(self, who: str, room: str, other: str) -> None: ...

    async def rename(self, who: str, room: str, name: str) -> None: ...

    async def set_role(self, who: str, room: str, other: str, role: str) -> None: ...

    async def rooms(self, who: str) -> list[dict[str, Any]]:
        """All of them, whatever the pages."""
        ...

    async def room(self, who: str, room: str) -> dict[str, Any]: ...

    async def messages(self, who: str, room: str, after: int, limit: int) -> tuple[list[dict[str, Any]], bool]:
        """A page, and whether there is more."""
        ...

    async def sync(self, who: str, since: Any, limit: int) -> tuple[list[dict[str, Any]], Any, bool] | None:
        """Changes, the cursor to go on with, and whether there is more at once; None: begin anew."""
        ...
