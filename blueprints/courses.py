"""Courses as learners see them.  Walk: `docs/flows/lesson.md`."""

import azure.functions as func

from blueprints.access import ANYONE, SIGNED_IN
from blueprints.courses_shapes import CataloguePageOut, CatalogueQuery, CourseOut, LessonOut, OutlineOut
from blueprints.learning_shapes import CompletedOut, CompleteLessonIn, EnrolledOut, RatingIn, RatingOut
from domain.courses.model import State
from runtime import parts
from web.call import Call
from web.endpoint import endpoint
from web.reply import Reply

bp = func.Blueprint()

REVALIDATE = {"Cache-Control": "public, no-cache"}
"""May be kept, and must be asked about each time: the `ETag` makes that a 304."""


@endpoint(bp, "GET", "v1/courses", access=ANYONE, query=CatalogueQuery, gives=CataloguePageOut, etag=True)
async def list_courses(call: Call) -> Reply:
    """List the published courses.

    At most 60 seconds behind an edit. `sort` is one of `newest`, `title`, `popular`, `rating`, `duration`, each with
    a `-` before it to turn it round. Every word of `query` must occur in the title, the description or the
    instructor's name; case and accents do not matter.
    """
    asked = call.query(CatalogueQuery)
    page, keep = await parts.get().courses.catalogue.page(asked.wanted(), page=asked.page, limit=asked.limit)
    headers = {"Cache-Control": f"public, max-age={int(keep.total_seconds())}"}
    return Reply(200, CataloguePageOut.of(page), headers, cacheable=True)


@endpoint(bp, "GET", "v1/courses/{course_id}", access=ANYONE, gives=CourseOut, etag=True, errors=("not_found",))
async def get_course(call: Call) -> Reply:
    """Show one course with its outline.

    A course that was archived is shown to those enrolled in it only.
    """
    reader = call.identity.user_id if call.identity else None
    found = await parts.get().courses.reading.get(call.path_id("course_id"), reader=reader)
    public = found.course.state is State.PUBLISHED
    return Reply(200, CourseOut.of(found), REVALIDATE if public else {}, cacheable=public)


@endpoint(
    bp, "GET", "v1/courses/{course_id}/lessons", access=ANYONE, gives=OutlineOut, etag=True, errors=("not_found",)
)
async def list_lessons(call: Call) -> Reply:
    """List a course's lessons in order, always all of them.

    With `completed` and `completedAt` for each when the caller is signed in.
    """
    reader = call.identity.user_id if call.identity else None
    outline = await parts.get().courses.reading.outline(call.path_id("course_id"), reader=reader)
    return Reply(200, OutlineOut.of(outline, signed_in=reader is not None))


@endpoint(
    bp,
    "POST",
    "v1/courses/{course_id}/enroll",
    access=SIGNED_IN,
    gives=EnrolledOut,
    errors=("not_found", "already_enrolled"),
    idempotent=True,
)
async def enroll(call: Call) -> Reply:
    """Enrol in a course, or come back to one that was left.

    Whoever comes back finds their progress as it was.
    """
    progress = await parts.get().courses.learning.enrol(call.user_id, call.path_id("course_id"))
    return Reply(200, EnrolledOut.of(progress))


@endpoint(
    bp, "DELETE", "v1/courses/{course_id}/enroll", access=SIGNED_IN, status=204, errors=("not_found", "not_enrolled")
)
async def leave_course(call: Call) -> Reply:
    """Leave a course.

    Progress is kept for a return. Leaving twice is fine.
    """
    await parts.get().courses.learning.leave(call.user_id, call.path_id("course_id"))
    return Reply(204)


@endpoint(
    bp,
    "GET",
    "v1/courses/{course_id}/lessons/{lesson_id}",
    access=SIGNED_IN,
    gives=LessonOut,
    etag=True,
    errors=("not_found", "not_enrolled"),
)
async def get_lesson(call: Call) -> Reply:
    """Show one lesson whole, to people enrolled in its course."""
    course_id, lesson_id = call.path_id("course_id"), call.path_id("lesson_id")
    return Reply(200, LessonOut.of(await parts.get().courses.reading.lesson(course_id, lesson_id, reader=call.user_id)))


@endpoint(
    bp,
    "POST",
    "v1/courses/{course_id}/lessons/{lesson_id}/complete",
    access=SIGNED_IN,
    takes=CompleteLessonIn,
    gives=CompletedOut,
    errors=("not_found", "not_enrolled"),
)
async def complete_lesson(call: Call) -> Reply:
    """Mark a lesson done.

    Doing it again changes nothing: the first `timeSpent` stands, rounded to whole minutes.
    """
    course_id, lesson_id = call.path_id("course_id"), call.path_id("lesson_id")
    minutes = round(call.body(CompleteLessonIn).time_spent)
    progress = await parts.get().courses.learning.complete(call.user_id, course_id, lesson_id, minutes=minutes)
    return Reply(200, CompletedOut.of(progress))


@endpoint(
    bp,
    "GET",
    "v1/courses/{course_id}/rating",
    access=SIGNED_IN,
    gives=RatingOut,
    etag=True,
    errors=("not_found", "not_enrolled"),
)
async def get_rating(call: Call) -> Reply:
    """Show the caller's own rating of a course."""
    course_id = call.path_id("course_id")
    return Reply(200, RatingOut(course_id, await parts.get().courses.learning.find_rating(call.user_id, course_id)))


@endpoint(
    bp,
    "PUT",
    "v1/courses/{course_id}/rating",
    access=SIGNED_IN,
    takes=RatingIn,
    gives=RatingOut,
    errors=("not_found", "not_enrolled", "precondition_failed"),
)
async def rate_course(call: Call) -> Reply:
    """Rate a course, 1 to 5.

    One rating for each person; a new one replaces the old.
    """
    course_id, learning = call.path_id("course_id"), parts.get().courses.learning
    if "if-match" in call.headers:
        call.check_if_match(RatingOut(course_id, await learning.find_rating(call.user_id, course_id)))
    return Reply(200, RatingOut(course_id, await learning.rate(call.user_id, course_id, call.body(RatingIn).rating)))
