"""The users feature over the embedded store, with accounts made directly in it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from adapters.documents.sqlite import SqliteDocuments
from adapters.queues.sqlite import SqliteQueue
from domain.courses.enrolments import Enrolments
from domain.courses.learning import Learning
from domain.courses.projection import Projection as CourseProjection
from domain.kernel.accounts import ACCOUNT_ID, Account, Role, Status
from domain.kernel.containers import ACCOUNTS, CHAT
from domain.kernel.documents import DocumentStore, Patch
from domain.kernel.errors import Unavailable
from domain.kernel.ids import SystemIds
from domain.kernel.outbox import Outbox
from domain.kernel.people import Person, person_key, read_person
from domain.users.administration import Administration
from domain.users.directory import Directory
from domain.users.projection import Projection
from domain.users.service import Profiles
from tests.budget import CountingDocuments
from tests.factories import NOON, ManualClock


@dataclass
class SignInsAtTheEdge:
    """Sign-in's side of the port: remembers whose sessions it was told to settle, or is away."""

    settled: list[str] = field(default_factory=list)
    away: bool = False

    async def settle(self, user_id: str, session_ids: Sequence[str]) -> None:
        assert not session_ids
        if self.away:
            raise Unavailable
        self.settled.append(user_id)


@dataclass
class Uploads:
    """Whose files may be avatars."""

    owned: set[tuple[str, str]] = field(default_factory=set)

    async def may_use(self, user_id: str, file_id: str) -> bool:
        return (user_id, file_id) in self.owned


class Town:
    def __init__(self, folder: Path, documents: DocumentStore | None = None) -> None:
        """Over the embedded store, unless another is given."""
        self.clock = ManualClock()
        self.ids = SystemIds(self.clock)
        self.documents = CountingDocuments(documents or SqliteDocuments(folder / "documents.db", self.clock))
        self.queue = SqliteQueue(folder / "queues.db", self.clock)
        self.outbox = Outbox(self.documents, self.queue, self.clock)
        self.sign_ins = SignInsAtTheEdge()
        self.uploads = Uploads()
        self.projection = Projection(self.documents, self.clock)
        self.directory = Directory(self.documents)
        enrolments = Enrolments(self.documents, CourseProjection(self.documents, self.clock), self.clock)
        learning = Learning(self.documents, enrolments, self.clock)
        self.profiles = Profiles(
            self.documents, learning, self.uploads, self.projection, self.outbox, self.clock, self.ids
        )
        self.administration = Administration(
            self.documents, self.projection, self.sign_ins, self.outbox, self.clock, self.ids
        )

    async def close(self) -> None:
        await self.queue.close()
        await self.documents.close()

    async def move_in(self, name: str = "Ada", *, projected: bool = True, **members: Any) -> Account:
        """An account; active and confirmed unless *members* say otherwise."""
        user_id = self.ids.new()
        account = Account(
            id=user_id,
            email=f"{user_id[-6:]}@people.example",
            email_key=user_id,
            name=name,
            password_hash="",
            created_at=NOON,
            updated_at=NOON,
            status=Status.ACTIVE,
            email_verified=True,
        )
        account = replace(account, **members)
        await self.documents.create(ACCOUNTS, account.to_item())
        if projected:
            await self.projection.project(account.id)
        return account

    async def an_admin(self, name: str = "Grace") -> Account:
        return await self.move_in(name, role=Role.ADMIN)

    async def edit(self, user_id: str, **members: Any) -> None:
        """What another feature does to an account, without projecting it."""
        await self.documents.patch(ACCOUNTS, user_id, Patch(ACCOUNT_ID, set=members, incr={"version": 1}))

    async def account(self, user_id: str) -> Account:
        stored = await self.documents.find(ACCOUNTS, user_id, ACCOUNT_ID)
        assert stored is not None
        return Account.from_item(stored.item)

    async def person(self, user_id: str) -> Person | None:
        stored = await self.documents.find(CHAT, *person_key(user_id))
        return None if stored is None else read_person(stored.item)

    async def found(self, query: str = "", limit: int = 100) -> list[str]:
        """The names that a search finds."""
        people, _ = await self.directory.find_people(query, after=None, limit=limit)
        return [person.name for person in people]
