"""Private media of lessons: files of ours that the enrolled read, by links that end."""

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from domain.courses.media import claim_name, file_of
from domain.courses.model import Lesson, Resource, ResourceType
from domain.courses.publishing import WholeCourse
from domain.files.kinds import MP4, PDF
from domain.files.model import FILE_ID
from domain.kernel.containers import FILES as CONTAINER
from domain.kernel.errors import Invalid, Unavailable
from tests.budget import CountingDocuments
from tests.contents import a_pdf, an_mp4
from tests.courses import a_course, course_id, lesson_id
from tests.http.test_users import code, get
from tests.uploads import FILES, appoint, read, upload
from tests.world import Person, World, a_world

COURSE = f"/api/v1/courses/{course_id(1)}"
LESSON = f"{COURSE}/lessons/{lesson_id(1, 1)}"
PUBLIC = Resource("A guide for everybody", "https://example.org/guide.pdf", ResourceType.LINK)


@dataclass
class Class:
    """Mia teaches, Ada is enrolled, Eve is not."""

    world: World
    mia: Person
    ada: Person
    eve: Person
    video: str
    sheet: str

    async def publish(self, video: str | None, *sheets: str, number: int = 1) -> None:
        await self.world.parts.courses.publishing.load([with_media(a_course(number), video, *sheets)])


def with_media(whole: WholeCourse, video: str | None, *sheets: str) -> WholeCourse:
    """In its first lesson."""
    first, *rest = whole.lessons
    ours = tuple(Resource("A sheet", f"{FILES}/{each}", ResourceType.PDF) for each in sheets)
    lesson: Lesson = replace(first, video_url=video and f"{FILES}/{video}", resources=(PUBLIC, *ours))
    return replace(whole, lessons=(lesson, *rest))


@pytest.fixture
async def room(world: World) -> Class:
    mia, ada, eve = [await world.sign_up(name) for name in ("mia", "ada", "eve")]
    await appoint(world, mia, "mentor")
    video = (await upload(world, mia, an_mp4(), MP4, "course-video"))["id"]
    sheet = (await upload(world, mia, a_pdf(), PDF, "course-document"))["id"]
    room = Class(world, mia, ada, eve, video, sheet)
    await room.publish(video, sheet)
    await world.client.post(f"{COURSE}/enroll", headers=ada.bearer)
    return room


async def test_the_enrolled_get_links_that_end(room: Class) -> None:
    world = room.world
    lesson = (await get(world, LESSON, room.ada)).json()
    assert (await read(world, lesson["videoUrl"])).content == an_mp4()
    public, sheet = lesson["resources"]
    assert public == {"title": PUBLIC.title, "url": PUBLIC.url, "type": "link"}
    assert (await read(world, sheet["url"])).content == a_pdf()
    assert code(await get(world, LESSON, room.eve)) == (403, "not_enrolled")
    assert room.video not in (await world.client.get(COURSE)).text
    world.clock.advance(minutes=14)
    later = (await get(world, LESSON, room.ada)).json()
    world.clock.advance(minutes=1)
    assert (await read(world, lesson["videoUrl"])).status_code == 403
    assert (await read(world, later["videoUrl"])).content == an_mp4()


async def test_the_enrolled_read_a_lessons_file_by_its_id_until_they_leave(room: Class) -> None:
    world, url = room.world, f"{FILES}/{room.sheet}"
    assert (await read(world, (await get(world, url, room.ada)).json()["url"])).content == a_pdf()
    assert code(await get(world, url, room.eve)) == (404, "not_found")
    assert code(await world.client.delete(url, headers=room.ada.bearer)) == (404, "not_found")
    await world.client.delete(f"{COURSE}/enroll", headers=room.ada.bearer)
    assert code(await get(world, url, room.ada)) == (404, "not_found")
    assert (await get(world, url, room.mia)).status_code == 200


async def test_a_lesson_shows_no_file_that_its_course_does_not_hold(room: Class) -> None:
    world = room.world
    document = (await upload(world, room.mia, a_pdf(), PDF, "document"))["id"]
    for wrong in (document, room.ada.id):
        with pytest.raises(Invalid) as refused:
            await room.publish(room.video, room.sheet, wrong)
        assert [(fault.path, fault.code) for fault in refused.value.faults] == [
            ("lessons[0].resources[2].url", "unknown_file")
        ]
    with pytest.raises(Invalid) as refused:  # it is the first course's
        await room.publish(room.video, number=2)
    assert [fault.path for fault in refused.value.faults] == ["lessons[0].videoUrl"]
    assert len((await get(world, LESSON, room.ada)).json()["resources"]) == 2, "the course stays as it was"


async def test_what_a_course_no_longer_shows_is_nobodys_to_read_and_free_for_another(room: Class) -> None:
    world = room.world
    await room.publish(None, room.sheet)
    lesson = (await get(world, LESSON, room.ada)).json()
    assert (lesson["videoUrl"], len(lesson["resources"])) == (None, 2)
    assert code(await get(world, f"{FILES}/{room.video}", room.ada)) == (404, "not_found")
    await room.publish(room.video, number=2)
    stored = await world.parts.documents.find(CONTAINER, room.video, FILE_ID)
    assert stored is not None
    assert stored.item["claimedBy"] == claim_name(course_id(2))
    world.clock.advance(days=2)
    await world.run_jobs("sweep_files")
    assert await world.parts.blobs.stat(f"{room.video}/{stored.item['version']}") is not None


async def test_a_file_that_was_deleted_is_left_out(room: Class) -> None:
    for file_id in (room.video, room.sheet):
        await room.world.client.delete(f"{FILES}/{file_id}", headers=room.mia.bearer)
    lesson = (await get(room.world, LESSON, room.ada)).json()
    assert (lesson["videoUrl"], [each["title"] for each in lesson["resources"]]) == (None, [PUBLIC.title])


async def test_a_lesson_is_read_though_no_link_can_be_made(room: Class, monkeypatch: pytest.MonkeyPatch) -> None:
    async def down(*_: object, **__: object) -> str:
        raise Unavailable

    monkeypatch.setattr(type(room.world.parts.blobs), "sign_download", down)
    reply = await get(room.world, LESSON, room.ada)
    assert (reply.status_code, reply.json()["videoUrl"]) == (200, None)
    assert reply.json()["content"]


async def test_media_cost_one_call_and_only_where_there_are_any(tmp_path: Path) -> None:
    async with a_world(tmp_path) as world:
        documents = CountingDocuments(world.parts.documents)
        vars(world.parts)["documents"] = documents
        mia, ada = await world.sign_up("mia"), await world.sign_up("ada")
        await appoint(world, mia, "mentor")
        sheets = [(await upload(world, mia, a_pdf(), PDF, "course-document"))["id"] for _ in range(3)]
        await world.parts.courses.publishing.load([with_media(a_course(1), None, *sheets)])
        await world.client.post(f"{COURSE}/enroll", headers=ada.bearer)
        for lesson, reads in ((lesson_id(1, 1), 2), (lesson_id(1, 2), 1)):
            await get(world, f"{COURSE}/lessons/{lesson}", ada)
            with documents.measure() as calls:
                await get(world, f"{COURSE}/lessons/{lesson}", ada)
            assert calls.by_kind == {"find": 1, "find_many": reads}


@pytest.mark.parametrize(
    ("address", "is_ours"),
    [
        (f"{FILES}/{course_id(1)}", True),
        (f"{FILES}/{course_id(1)}/", False),
        (f"{FILES}/{course_id(1)}?x", False),
        (f"https://elsewhere.example{FILES}/{course_id(1)}", False),
        (f"{FILES}/../files/{course_id(1)}", False),
        (f"{FILES}/1", False),
        ("/videos/one.mp4", False),
        (None, False),
    ],
)
def test_which_addresses_are_files_of_ours(address: str | None, is_ours: bool) -> None:
    assert file_of(address) == (course_id(1) if is_ours else None)
