"""The wiring: one class, each part built on first use and kept for the worker's life.

Heavy imports sit in the part that needs them, because import time is cold-start time. Call `parts.get()` through
the module (never `from runtime.parts import get`): then a test has one place to replace.
"""

import random
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from adapters.sql.sweeping import Debts, SqlSweep
from domain.courses.catalogue import Catalogue
from domain.courses.enrolments import Enrolments
from domain.courses.learning import Learning
from domain.courses.projection import Projection
from domain.courses.publishing import Publishing
from domain.courses.reading import Courses
from domain.forms.desk import FormDesk
from domain.forms.notes import FormNotes
from domain.forms.ports import Challenge, FormStore
from domain.forms.retention import Retention
from domain.forms.service import Forms
from domain.forms.staff import AccountStaff
from domain.kernel.ids import Ids, SystemIds
from domain.kernel.outbox import Outbox
from domain.kernel.submissions import Submissions
from domain.mail.ports import Sites
from domain.mail.service import MailRoom, mail_domain
from runtime import settings as runtime_settings
from runtime.edge_policy import edge_policy
from runtime.readiness import Check, Readiness
from runtime.service_parts import ServiceParts
from runtime.services import Embedded
from web.access import Authenticator
from web.edge import Edge

if TYPE_CHECKING:
    from adapters.sql.outbox import SqlOutbox
    from domain.chat.behind import Behind
    from domain.chat.bindings import Bindings
    from domain.chat.changes import Changes
    from domain.chat.connections import Connections
    from domain.chat.conversations import Conversations
    from domain.chat.groups import Groups
    from domain.chat.history import History
    from domain.chat.known import Known
    from domain.chat.people import StoredPeople
    from domain.chat.places import Places
    from domain.chat.publishing import Publisher
    from domain.chat.receipts import Receipts
    from domain.chat.sending import Sending
    from domain.chat.signals import Typing
    from domain.chat.sync import Sync
    from domain.chat.tasks import ChatTasks
    from runtime.auth_parts import AuthParts
    from runtime.chat_sessions import StandingSessions
    from runtime.files_parts import FilesParts
    from runtime.social_parts import SocialParts
    from runtime.users_parts import UsersParts


@dataclass
class Parts(ServiceParts):
    """Each part is built on first use, then kept. The services behind us come from `service_parts.py`."""

    @cached_property
    def ids(self) -> Ids:
        return SystemIds(self.clock)

    @cached_property
    def auth(self) -> "AuthParts":
        from runtime.auth_parts import AuthParts

        return AuthParts(self)

    @property
    def authenticator(self) -> Authenticator:
        return self.auth.authenticator

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
    def sql_debts(self) -> Debts:
        return Debts()

    @cached_property
    def sql_outbox(self) -> "SqlOutbox":
        from adapters.sql.outbox import SqlOutbox

        return SqlOutbox(self.sql, self.queue, self.sql_debts, self.clock)

    @cached_property
    def sql_sweep(self) -> SqlSweep:
        """An embedded database never sleeps, so it is asked at every tick."""
        embedded = isinstance(self.settings.sql, Embedded)
        period = timedelta() if embedded else self.settings.forms.sweep_every
        return SqlSweep(lambda: self.sql_outbox, self.sql_debts, self.clock, period)

    @cached_property
    def form_store(self) -> FormStore:
        from adapters.sql.forms import SqlForms

        return SqlForms(self.sql)

    @cached_property
    def challenge(self) -> Challenge | None:
        service = self.settings.forms.challenge
        if service is None:
            return None
        from adapters.challenge.siteverify import Siteverify

        return Siteverify(service.verify_url, service.secret)

    @cached_property
    def forms(self) -> Forms:
        return Forms(self.form_store, self.sql_outbox, self.files.attachments, self.challenge, self.clock, self.ids)

    @cached_property
    def form_retention(self) -> Retention:
        return Retention(self.form_store, self.clock, self.settings.forms.origin_kept)

    @cached_property
    def form_desk(self) -> FormDesk:
        return FormDesk(self.form_store, AccountStaff(self.documents), self.clock, self.ids)

    @cached_property
    def outbox(self) -> Outbox:
        return Outbox(self.documents, self.queue, self.clock)

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
        return FormNotes(self.form_store)

    @cached_property
    def mail_room(self) -> MailRoom:
        sites = Sites(
            api_url=self.settings.api_url,
            site_url=self.settings.site_url,
            mail_domain=mail_domain(self.settings.mail_from),
            team=self.settings.mail_team,
        )
        return MailRoom(self.documents, self.keys, lambda: self.submissions, self.mailer, sites, self.clock)

    @cached_property
    def users(self) -> "UsersParts":
        from runtime.users_parts import UsersParts

        return UsersParts(self)

    @cached_property
    def files(self) -> "FilesParts":
        from runtime.files_parts import FilesParts

        return FilesParts(self)

    @cached_property
    def people(self) -> "StoredPeople":
        from domain.chat.people import StoredPeople

        return StoredPeople(self.documents)

    @cached_property
    def conversations(self) -> "Conversations":
        from domain.chat.conversations import Conversations

        return Conversations(
            self.documents, self.people, self.places, self.outbox, self.known_memberships, self.clock, self.ids
        )

    @cached_property
    def sync(self) -> "Sync":
        from domain.chat.sync import Sync

        return Sync(self.documents, self.conversations, self.clock)

    @cached_property
    def places(self) -> "Places":
        from domain.chat.places import Places

        return Places(self.documents, self.people, self.realtime, self.clock)

    @cached_property
    def groups(self) -> "Groups":
        from domain.chat.groups import Groups

        return Groups(
            self.documents,
            self.conversations,
            self.people,
            self.places,
            self.realtime,
            self.outbox,
            self.behind,
            self.known_memberships,
            self.files.avatars,
            self.clock,
            self.ids,
        )

    @cached_property
    def history(self) -> "History":
        from domain.chat.history import History

        return History(self.documents, self.known_memberships)

    @cached_property
    def publisher(self) -> "Publisher":
        from domain.chat.publishing import Publisher

        return Publisher(self.documents, self.realtime, self.clock)

    @cached_property
    def sending(self) -> "Sending":
        from domain.chat.sending import Sending

        def pause(lost: int) -> float:
            """Up to 5 ms after the first lost race, doubling up to 160 ms: random, so that rivals part."""
            return random.random() * 0.005 * 2.0 ** min(lost, 5)  # noqa: S311 - jitter, not a secret

        return Sending(
            self.documents,
            self.publisher,
            self.outbox,
            self.behind,
            self.known_memberships,
            self.clock,
            self.ids.new,
            pause,
        )

    @cached_property
    def behind(self) -> "Behind":
        from domain.chat.behind import Behind

        return Behind()

    @cached_property
    def known_memberships(self) -> "Known":
        from domain.chat.known import Known

        return Known(self.clock)

    @cached_property
    def receipts(self) -> "Receipts":
        from domain.chat.receipts import Receipts

        return Receipts(self.documents, self.realtime, self.outbox, self.behind, self.clock, self.ids)

    @cached_property
    def changes(self) -> "Changes":
        from domain.chat.changes import Changes

        return Changes(
            self.documents,
            self.realtime,
            self.outbox,
            self.behind,
            self.known_memberships,
            self.clock,
            self.ids,
            self.settings.chat.change_within,
        )

    @cached_property
    def social(self) -> "SocialParts":
        from runtime.social_parts import SocialParts

        return SocialParts(self)

    @cached_property
    def chat_tasks(self) -> "ChatTasks":
        from domain.chat.tasks import ChatTasks

        return ChatTasks(self.documents, self.clock, self.places, self.groups, self.changes, self.social.presence)

    @cached_property
    def typing(self) -> "Typing":
        from domain.chat.signals import Typing

        return Typing(self.documents, self.realtime, self.known_memberships, self.behind, self.clock)

    @cached_property
    def connections(self) -> "Connections":
        from domain.chat.connections import Connections

        return Connections(self.conversations, self.realtime, self.socket_sessions, self.bindings, self.clock)

    @cached_property
    def socket_sessions(self) -> "StandingSessions":
        from runtime.chat_sessions import StandingSessions

        return StandingSessions(self.cache, self.authenticator)

    @cached_property
    def bindings(self) -> "Bindings":
        from domain.chat.bindings import Bindings

        return Bindings(self.documents, self.socket_sessions)

    @cached_property
    def readiness(self) -> Readiness:
        """Without documents nobody signs in or learns; all else has a queue, an outbox or a stand-in behind it."""
        return Readiness(
            (
                Check("documents", required=True, part=lambda: self.documents),
                Check("keys", required=True, part=lambda: self.keys, ask="get"),
                Check("cache", required=False, part=lambda: self.cache, note=self._cache_note),
                Check("blobs", required=False, part=lambda: self.blobs),
                Check("queue", required=False, part=lambda: self.queue),
                Check("mail", required=False, part=lambda: self.mailer),
                Check("sql", required=False, part=lambda: self.sql),
                Check("realtime", required=False, part=lambda: self.realtime),
            ),
            self.guards,
        )

    @property
    def _cache_note(self) -> str | None:
        if self.settings.redis is not None or self.alone:
            return None
        return "Without Redis: limits hold per instance, and every request reads its session from the store."

    async def close(self) -> None:
        """Close what was built, last built first; before all, what still works behind the answers."""
        for name in ("sending", "behind"):
            if name in vars(self):
                await vars(self).pop(name).close()
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
