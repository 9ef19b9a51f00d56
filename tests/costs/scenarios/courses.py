"""The catalogue, and learning."""

from domain.files.kinds import MP4
from tests.contents import an_mp4
from tests.costs.bench import COURSE_ID, Bench, case, scenario
from tests.courses import a_course, lesson_id
from tests.http.test_lesson_media import with_media
from tests.uploads import appoint, upload
from tests.world import Person

COURSE = {"course_id": COURSE_ID}
LESSON = {**COURSE, "lesson_id": lesson_id(1, 1)}


async def _a_learner(bench: Bench) -> Person:
    await bench.load_course()
    ada = await bench.person()
    await bench.do("POST", f"courses/{COURSE_ID}/enroll", ada)
    return ada


@scenario
async def list_courses(bench: Bench) -> None:
    await bench.load_course()
    await bench.do("GET", "courses")
    await bench.measure()


@case("first on this instance", endpoint="list_courses")
async def list_courses_first(bench: Bench) -> None:
    await bench.load_course()
    await bench.measure()


@scenario
async def get_course(bench: Bench) -> None:
    await bench.load_course()
    await bench.measure(at=COURSE)


@case("enrolled", endpoint="get_course")
async def get_my_course(bench: Bench) -> None:
    await bench.measure(await _a_learner(bench), at=COURSE)


@scenario
async def list_lessons(bench: Bench) -> None:
    await bench.load_course()
    await bench.measure(at=COURSE)


@scenario
async def enroll(bench: Bench) -> None:
    await bench.load_course()
    await bench.measure(await bench.person(), at=COURSE)


@scenario
async def leave_course(bench: Bench) -> None:
    await bench.measure(await _a_learner(bench), at=COURSE)


@scenario
async def get_lesson(bench: Bench) -> None:
    await bench.measure(await _a_learner(bench), at=LESSON)


@case("with private media", endpoint="get_lesson")
async def get_lesson_with_media(bench: Bench) -> None:
    ada, mia = await _a_learner(bench), await bench.person("mia")
    await appoint(bench.world, mia, "mentor")
    video = await upload(bench.world, mia, an_mp4(), MP4, "course-video")
    await bench.world.parts.courses.publishing.load([with_media(a_course(1), video["id"])])
    await bench.measure(ada, at=LESSON)


@scenario
async def complete_lesson(bench: Bench) -> None:
    await bench.measure(await _a_learner(bench), at=LESSON, json={"timeSpent": 10})


@scenario
async def get_rating(bench: Bench) -> None:
    await bench.measure(await _a_learner(bench), at=COURSE)


@scenario
async def rate_course(bench: Bench) -> None:
    await bench.measure(await _a_learner(bench), at=COURSE, json={"rating": 4})


@scenario
async def get_progress(bench: Bench) -> None:
    await bench.measure(await _a_learner(bench))
