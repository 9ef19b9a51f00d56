"""What courses need from files."""

from collections.abc import Mapping, Sequence
from typing import Protocol


class Media(Protocol):
    """Uploads of the categories `course-video` and `course-document`. All methods raise Unavailable."""

    async def claim(self, file_ids: Sequence[str], *, claim: str) -> set[str]:
        """Take complete files for *claim*; returns those that cannot be had. Has it some already, that is fine."""
        ...

    async def release(self, file_ids: Sequence[str], *, claim: str) -> None:
        """Give back what *claim* has of these. Safe to repeat."""
        ...

    async def links(self, file_ids: Sequence[str], *, claim: str) -> Mapping[str, str]:
        """URLs that read them for ten minutes or more, by file id. Without those that *claim* does not have, or that
        are gone; none while no URL can be made. One store call."""
        ...
