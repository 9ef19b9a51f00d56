"""The wiring of people: profiles, the directory and its administration, each built on first use."""

from functools import cached_property
from typing import TYPE_CHECKING

from domain.users.administration import Administration
from domain.users.directory import Directory
from domain.users.projection import Projection
from domain.users.service import Profiles
from domain.users.unsubscribing import Unsubscribing

if TYPE_CHECKING:
    from runtime.parts import Parts


class UsersParts:
    def __init__(self, parts: "Parts") -> None:
        self._parts = parts

    @cached_property
    def projection(self) -> Projection:
        return Projection(self._parts.documents, self._parts.clock)

    @cached_property
    def directory(self) -> Directory:
        return Directory(self._parts.documents)

    @cached_property
    def profiles(self) -> Profiles:
        parts = self._parts
        return Profiles(
            parts.documents,
            parts.courses.learning,
            parts.files.avatars,
            self.projection,
            parts.outbox,
            parts.clock,
            parts.ids,
        )

    @cached_property
    def unsubscribing(self) -> Unsubscribing:
        parts = self._parts
        return Unsubscribing(parts.documents, parts.keys, parts.clock, parts.ids)

    @cached_property
    def administration(self) -> Administration:
        parts = self._parts
        return Administration(
            parts.documents, self.projection, parts.auth.revocation, parts.outbox, parts.clock, parts.ids
        )
