"""The wiring of files: uploads, reading and what follows, each built on first use."""

from functools import cached_property
from typing import TYPE_CHECKING

from domain.chat.attached import HOLDER as CHAT
from domain.courses.media import HOLDER as COURSE
from domain.files.attached import MessageFiles
from domain.files.holders import Holders
from domain.files.lessons import CourseFiles
from domain.files.service import Files
from domain.files.sweeping import FileSweep
from domain.files.uploads import Uploads
from domain.files.uses import AvatarFiles, FormFiles
from domain.files.verdicts import Verdicts

if TYPE_CHECKING:
    from runtime.parts import Parts


class FilesParts:
    def __init__(self, parts: "Parts") -> None:
        self._parts = parts

    @cached_property
    def uploads(self) -> Uploads:
        from adapters.content.inspecting import ContentInspector

        parts = self._parts
        return Uploads(
            parts.documents, parts.blobs, ContentInspector(), parts.clock, quarantine=parts.settings.quarantine
        )

    @cached_property
    def files(self) -> Files:
        return Files(self._parts.documents, self._parts.blobs, self._parts.clock, self.holders)

    @cached_property
    def holders(self) -> Holders:
        """The features that say who may read what they hold."""
        return Holders({CHAT: self._parts.chat.holder, COURSE: self._parts.courses.holder})

    @cached_property
    def sweep(self) -> FileSweep:
        return FileSweep(self._parts.documents, self._parts.blobs, self._parts.clock, self.holders)

    @cached_property
    def verdicts(self) -> Verdicts:
        return Verdicts(self._parts.documents, self._parts.blobs, self._parts.clock)

    @cached_property
    def avatars(self) -> AvatarFiles:
        return AvatarFiles(self._parts.documents)

    @cached_property
    def attachments(self) -> FormFiles:
        return FormFiles(self._parts.documents)

    @cached_property
    def of_messages(self) -> MessageFiles:
        return MessageFiles(self._parts.documents, self._parts.blobs, self._parts.clock)

    @cached_property
    def of_courses(self) -> CourseFiles:
        return CourseFiles(self._parts.documents, self._parts.blobs, self._parts.clock)
