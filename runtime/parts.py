"""The wiring: one class, each part built on first use and kept for the worker's life.

Heavy imports sit in the part that needs them, because import time is cold-start time. Call `parts.get()` through
the module (never `from runtime.parts import get`): then a test has one place to replace.
"""

from dataclasses import dataclass, field
from functools import cached_property

from adapters.cache.in_process import InProcessCache
from domain.courses.catalogue import Catalogue
from domain.courses.enrolments import Enrolments
from domain.courses.learning import Learning
from domain.courses.projection import Projection
from domain.courses.publishing import Publishing
from domain.courses.reading import Courses
from domain.kernel.cache import Cache
from domain.kernel.clock import Clock, SystemClock
from domain.kernel.documents import DocumentStore
from domain.kernel.ids import Ids, SystemIds
from domain.kernel.keys import Keys
from domain.kernel.mail import Mailer
from domain.kernel.outbox import Outbox, Queue
from domain.kernel.submissions import Submissions
from domain.mail.ports import Sites
from domain.mail.service import MailRoom, mail_domain
from runtime import settings as runtime_settings
from runtime.edge_policy import edge_policy
from runtime.settings import Cosmos, Embedded, Settings
from web.access import Authenticator
from web.edge import Edge


@dataclass
class Parts:
    """Each part is built on first use, then kept."""

    settings: Settings
    clock: Clock = field(default_factory=SystemClock)

    @cached_property
    def ids(self) -> Ids:
        return SystemIds(self.clock)

    @cached_property
    def documents(self) -> DocumentStore:
        match self.settings.documents:
            case Embedded(folder):
                from adapters.documents.sqlite import SqliteDocuments

                return SqliteDocuments(folder / "documents.db", self.clock)
            case Cosmos(endpoint, database, key):
                from adapters.documents.cosmos import CosmosDocuments

                return CosmosDocuments(endpoint, database, key=key, client_id=self.settings.identity_client_id)

    @cached_property
    def cache(self) -> Cache:
        return InProcessCache(self.clock)

    @cached_property
    def keys(self) -> Keys:
        from adapters.secrets.files import FileKeys

        return FileKeys(self.settings.keys.folder / "keys.json")

    @cached_property
    def authenticator(self) -> Authenticator:
        raise NotImplementedError

    @cached_property
    def edge(self) -> Edge:
        """What every request passes through: nothing heavy is built before a request needs it."""
        return Edge(
            policy=edge_policy(self.settings),
            clock=self.clock,
            ids=self.ids,
            cache=self.cache,
            authenticator=lambda: self.authenticator,
            documents=lambda: self.documents,
            keys=lambda: self.keys,
        )

    @cached_property
    def queue(self) -> Queue:
        from adapters.queues.sqlite import SqliteQueue

        return SqliteQueue(self.settings.queue.folder / "queues.db", self.clock)

    @cached_property
    def outbox(self) -> Outbox:
        return Outbox(self.documents, self.queue, self.clock)

    @cached_property
    def mailer(self) -> Mailer:
        from adapters.mail.eml import EmlMailer

        return EmlMailer(self.settings.mail.folder / "mail", sender=self.settings.mail_from, clock=self.clock)

    @cached_property
    def catalogue(self) -> Catalogue:
        return Catalogue(self.documents, self.clock)

    @cached_property
    def course_projection(self) -> Projection:
        return Projection(self.documents, self.clock)

    @cached_property
    def enrolments(self) -> Enrolments:
        return Enrolments(self.documents, self.course_projection, self.clock)

    @cached_property
    def courses(self) -> Courses:
        return Courses(self.documents, self.enrolments)

    @cached_property
    def learning(self) -> Learning:
        return Learning(self.documents, self.enrolments, self.clock)

    @cached_property
    def publishing(self) -> Publishing:
        return Publishing(self.documents, self.course_projection, self.clock)

    @cached_property
    def submissions(self) -> Submissions:
        raise NotImplementedError

    @cached_property
    def mail_room(self) -> MailRoom:
        sites = Sites(
            api_url=self.settings.api_url,
            site_url=self.settings.site_url,
            mail_domain=mail_domain(self.settings.mail_from),
            team=self.settings.mail_team,
        )
        return MailRoom(self.documents, self.keys, lambda: self.submissions, self.mailer, sites, self.clock)

    async def close(self) -> None:
        """Close what was built, last built first."""
        for part in reversed(list(vars(self).values())):
            close = getattr(part, "close", None)
            if close is not None:
                await close()


_parts: Parts | None = None


def get() -> Parts:
    """The process's parts. Raises SettingsFaulty on a bad environment."""
    global _parts  # noqa: PLW0603 - one worker, one set of parts
    if _parts is None:
        _parts = Parts(runtime_settings.get())
    return _parts


def use(parts: Parts | None) -> None:
    """Put *parts* in place (tests, the dev host), or forget them."""
    global _parts  # noqa: PLW0603 - see get
    _parts = parts
