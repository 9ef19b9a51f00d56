"""Enrolments, completions and ratings as JSON."""

from typing import Annotated

import msgspec

from domain.courses.learning import CourseProgress
from domain.kernel.clock import to_iso
from web.bodies import In, Out


class CompleteLessonIn(In):
    """*time_spent*: minutes this lesson took."""

    time_spent: Annotated[float, msgspec.Meta(ge=0, le=1440)] = 0


class RatingIn(In):
    rating: Annotated[int, msgspec.Meta(ge=1, le=5)]


class EnrolmentOut(Out):
    """*progress* is whole percent; more than 0 for somebody who comes back."""

    course_id: str
    user_id: str
    enrolled_at: str
    progress: int


class EnrolledOut(Out):
    message: str
    enrollment: EnrolmentOut

    @classmethod
    def of(cls, progress: CourseProgress) -> "EnrolledOut":
        one = progress.enrolment
        return cls(
            message="You are enrolled. Start whenever you are ready.",
            enrollment=EnrolmentOut(one.course_id, one.user_id, to_iso(one.enrolled_at), progress.percentage),
        )


class CourseProgressOut(Out):
    course_id: str
    completed_lessons: int
    total_lessons: int
    percentage: int


class CompletedOut(Out):
    message: str
    progress: CourseProgressOut

    @classmethod
    def of(cls, progress: CourseProgress) -> "CompletedOut":
        whole = progress.percentage == 100  # noqa: PLR2004 - percent
        return cls(
            message="Course complete. Well done." if whole else "Lesson complete.",
            progress=CourseProgressOut(
                progress.enrolment.course_id, len(progress.completed), progress.total_lessons, progress.percentage
            ),
        )


class RatingOut(Out):
    """*rating* is null while the caller has not rated."""

    course_id: str
    rating: int | None
