"""The wiring of courses, each part built on first use."""

from functools import cached_property
from typing import TYPE_CHECKING

from domain.courses.catalogue import Catalogue
from domain.courses.enrolments import Enrolments
from domain.courses.learning import Learning
from domain.courses.media import CourseHolder
from domain.courses.projection import Projection
from domain.courses.publishing import Publishing
from domain.courses.reading import Courses

if TYPE_CHECKING:
    from runtime.parts import Parts


class CoursesParts:
    def __init__(self, parts: "Parts") -> None:
        self._parts = parts

    @cached_property
    def catalogue(self) -> Catalogue:
        return Catalogue(self._parts.documents, self._parts.clock)

    @cached_property
    def projection(self) -> Projection:
        return Projection(self._parts.documents, self._parts.clock)

    @cached_property
    def enrolments(self) -> Enrolments:
        return Enrolments(self._parts.documents, self.projection, self._parts.clock)

    @cached_property
    def reading(self) -> Courses:
        return Courses(self._parts.documents, self.enrolments, self._parts.files.of_courses)

    @cached_property
    def learning(self) -> Learning:
        return Learning(self._parts.documents, self.enrolments, self._parts.clock)

    @cached_property
    def publishing(self) -> Publishing:
        parts = self._parts
        return Publishing(parts.documents, self.projection, parts.files.of_courses, parts.clock)

    @cached_property
    def holder(self) -> CourseHolder:
        return CourseHolder(self._parts.documents, self.enrolments)
