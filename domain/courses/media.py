"""Private media: files of ours that a lesson shows to the enrolled.

A lesson names one by its path, `/api/v1/files/<id>`, where an address for everybody may also be. The course claims its
files when it is put into the store; a lesson's reader gets links that end after some minutes.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from domain.courses.enrolments import Enrolments
from domain.courses.model import Lesson, Resource
from domain.courses.records import COURSE_ID, read_course
from domain.kernel.attachments import ClaimState
from domain.kernel.containers import COURSES
from domain.kernel.documents import DocumentStore, Item
from domain.kernel.errors import Fault
from domain.kernel.ids import UUID7_PATTERN

HOLDER: Final = "course"
"""What the names of courses' claims begin with."""

_OURS: Final = re.compile(f"/api/v1/files/({UUID7_PATTERN.strip('^$')})")


def claim_name(course_id: str) -> str:
    return f"{HOLDER}:{course_id}"


def file_of(address: str | None) -> str | None:
    """The id of the file of ours that *address* names; None for any other address."""
    found = None if address is None else _OURS.fullmatch(address)
    return None if found is None else found[1]


def files_in(item: Item) -> list[str]:
    """The files of ours that a lesson's item names, each once."""
    addresses = [item["videoUrl"], *(resource["url"] for resource in item["resources"])]
    return list(dict.fromkeys(file_id for address in addresses if (file_id := file_of(address)) is not None))


def with_links(lesson: Lesson, links: Mapping[str, str]) -> Lesson:
    """The lesson as its reader gets it. What has no link now is left out."""

    def shown(address: str) -> str | None:
        file_id = file_of(address)
        return address if file_id is None else links.get(file_id)

    resources = ((resource, shown(resource.url)) for resource in lesson.resources)
    return replace(
        lesson,
        video_url=None if lesson.video_url is None else shown(lesson.video_url),
        resources=tuple(Resource(each.title, url, each.type) for each, url in resources if url is not None),
    )


def media_faults(lessons: Iterable[Lesson], refused: set[str]) -> list[Fault]:
    """Where the files are that cannot be had."""
    addresses = [
        address
        for place, lesson in enumerate(lessons)
        for address in (
            (f"lessons[{place}].videoUrl", lesson.video_url),
            *((f"lessons[{place}].resources[{n}].url", each.url) for n, each in enumerate(lesson.resources)),
        )
    ]
    return [
        Fault(path, "unknown_file", "Is no complete upload for courses, or another course's.")
        for path, address in addresses
        if file_of(address) in refused
    ]


class CourseHolder:
    """The port `Holder`, for what lessons show."""

    def __init__(self, documents: DocumentStore, enrolments: Enrolments) -> None:
        self._documents = documents
        self._enrolments = enrolments

    async def may_read(self, user_id: str, file_id: str, claim: str) -> bool:  # noqa: ARG002 - the port's
        """For the enrolled, as they may read its lessons. Two store calls."""
        course_id = claim.removeprefix(f"{HOLDER}:")
        held = await self._enrolments.find(user_id, course_id)
        if held is None or not held.enrolment.active:
            return False
        stored = await self._documents.find(COURSES, course_id, COURSE_ID)
        return stored is not None and read_course(stored.item).shown_to_learners(enrolled=True)

    async def state(self, file_id: str, claim: str) -> ClaimState:  # noqa: ARG002 - the port's
        """A course holds its files until it gives them back, or their owner deletes them."""
        return ClaimState.STANDS

    async def is_frozen(self, file_id: str, claim: str) -> bool:  # noqa: ARG002 - the port's
        return False

    async def forget(self, file_id: str, claim: str) -> None:
        """Nothing to do: a lesson asks for its files each time, and leaves out what is gone."""
