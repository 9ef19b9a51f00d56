"""A learner's progress on one page."""

import azure.functions as func

from blueprints.access import SIGNED_IN
from domain.courses.learning import CourseProgress, Progress
from domain.kernel.clock import to_iso
from runtime import parts
from web.bodies import Out
from web.call import Call
from web.endpoint import endpoint
from web.reply import Reply

bp = func.Blueprint()


class EnrolledCourseOut(Out):
    """*progress* is whole percent of the present outline, *timeSpent* minutes."""

    enrolled_at: str
    progress: int
    completed_lessons: list[str]
    last_accessed_at: str
    time_spent: int

    @classmethod
    def of(cls, one: CourseProgress) -> "EnrolledCourseOut":
        return cls(
            enrolled_at=to_iso(one.enrolment.enrolled_at),
            progress=one.percentage,
            completed_lessons=list(one.completed),
            last_accessed_at=to_iso(one.enrolment.last_accessed_at),
            time_spent=one.enrolment.minutes_spent,
        )


class AchievementOut(Out):
    id: str
    title: str
    description: str
    unlocked_at: str


class LearningStatsOut(Out):
    """Over everything ever done, courses left behind included. *loginStreak* is in days."""

    total_courses_completed: int
    total_lessons_completed: int
    total_time_spent: int
    login_streak: int
    last_login_at: str | None


class ProgressOut(Out):
    """*courses* by course id."""

    courses: dict[str, EnrolledCourseOut]
    achievements: list[AchievementOut]
    stats: LearningStatsOut

    @classmethod
    def of(cls, progress: Progress) -> "ProgressOut":
        logins = progress.logins
        last_login_at = logins.last_login_at if logins else None
        return cls(
            courses={course_id: EnrolledCourseOut.of(one) for course_id, one in progress.courses.items()},
            achievements=[
                AchievementOut(one.id, one.title, one.description, to_iso(one.unlocked_at))
                for one in progress.achievements
            ],
            stats=LearningStatsOut(
                total_courses_completed=progress.totals.courses_completed,
                total_lessons_completed=progress.totals.lessons_completed,
                total_time_spent=progress.totals.minutes_spent,
                login_streak=logins.streak_days if logins else 0,
                last_login_at=None if last_login_at is None else to_iso(last_login_at),
            ),
        )


@endpoint(bp, "GET", "v1/users/me/progress", access=SIGNED_IN, gives=ProgressOut, etag=True)
async def get_progress(call: Call) -> Reply:
    """Show the caller's courses, achievements and totals."""
    return Reply(200, ProgressOut.of(await parts.get().courses.learning.progress(call.user_id)))
