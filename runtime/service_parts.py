"""The services behind us: which adapter stands for each, as the settings say. Each is built on first use, then kept.

The SDKs are imported here and nowhere else: an app over embedded stores never pays for them.
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from adapters.cache.in_process import InProcessCache
from adapters.resilience import Guard, Limits
from domain.files.ports import Blobs
from domain.kernel.cache import Cache
from domain.kernel.clock import Clock, SystemClock
from domain.kernel.documents import DocumentStore, StoreThrottled
from domain.kernel.errors import Unavailable
from domain.kernel.mail import Mailer
from domain.kernel.outbox import Queue
from domain.kernel.realtime import Realtime
from runtime.services import AzureMail, BlobStorage, Cosmos, Embedded, KeyVault, Smtp, StorageQueues
from runtime.settings import Settings
from runtime.sql import open_database

if TYPE_CHECKING:
    from adapters.identity import AzureIdentity
    from adapters.secrets.key_ring import TurnableKeys
    from adapters.sql.database import Database
    from adapters.tokens.entra import EntraTokens


@dataclass
class ServiceParts:
    settings: Settings
    clock: Clock = field(default_factory=SystemClock)
    guards: dict[str, Guard] = field(default_factory=dict)
    """Around each service in the cloud, by its name in `readyz`; filled as parts are built."""

    def guard(self, name: str, limits: Limits, *, answered: tuple[type[Unavailable], ...] = ()) -> Guard:
        return self.guards.setdefault(name, Guard(name, limits, answered=answered))

    @cached_property
    def identity(self) -> "AzureIdentity":
        from adapters.identity import AzureIdentity

        return AzureIdentity(self.settings.identity_client_id, production=self.settings.production)

    @cached_property
    def documents(self) -> DocumentStore:
        match self.settings.documents:
            case Embedded(folder):
                from adapters.documents.sqlite import SqliteDocuments

                return SqliteDocuments(folder / "documents.db", self.clock)
            case Cosmos(endpoint, database, key):
                from adapters.documents.cosmos import GUARD, CosmosDocuments

                guard = self.guard("documents", GUARD, answered=(StoreThrottled,))
                return CosmosDocuments(
                    endpoint, database, key=key, credential=lambda: self.identity.credential, guard=guard
                )

    @property
    def alone(self) -> bool:
        """Embedded documents belong to one process, so there is no other instance."""
        return isinstance(self.settings.documents, Embedded)

    @cached_property
    def cache(self) -> Cache:
        service = self.settings.redis
        if service is None:
            return InProcessCache(self.clock, remembers_sessions=self.alone)
        from adapters.cache.redis import GUARD, RedisCache
        from adapters.identity import redis_credentials

        credentials = redis_credentials(self.identity) if service.by_identity else None
        return RedisCache(service.url, self.clock, credentials=credentials, guard=self.guard("cache", GUARD))

    @cached_property
    def keys(self) -> "TurnableKeys":
        match self.settings.keys:
            case Embedded(folder):
                from adapters.secrets.files import FileKeys

                return FileKeys(folder / "keys.json")
            case KeyVault(url, secret):
                from adapters.secrets.key_vault import GUARD, KeyVaultKeys

                return KeyVaultKeys(url, secret, lambda: self.identity.credential, guard=self.guard("keys", GUARD))

    @cached_property
    def queue(self) -> Queue:
        match self.settings.queue:
            case Embedded(folder):
                from adapters.queues.sqlite import SqliteQueue

                return SqliteQueue(folder / "queues.db", self.clock)
            case StorageQueues(endpoint, connection_string):
                from adapters.queues.azure import GUARD, StorageQueue

                return StorageQueue(
                    connection_string=connection_string,
                    endpoint=endpoint,
                    credential=lambda: self.identity.credential,
                    guard=self.guard("queue", GUARD),
                )

    @cached_property
    def blobs(self) -> Blobs:
        match self.settings.blobs:
            case Embedded(folder):
                from adapters.blobs.embedded import EmbeddedBlobs

                return EmbeddedBlobs(folder / "blobs", self.keys, self.clock, api_url=self.settings.api_url)
            case BlobStorage(container, endpoint, connection_string):
                from adapters.blobs.azure import GUARD, AzureBlobs

                return AzureBlobs(
                    container,
                    self.clock,
                    connection_string=connection_string,
                    endpoint=endpoint,
                    credential=lambda: self.identity.credential,
                    guard=self.guard("blobs", GUARD),
                )

    @cached_property
    def sql(self) -> "Database":
        return open_database(self.settings, self.guard)

    @cached_property
    def mailer(self) -> Mailer:
        sender = self.settings.mail_from
        match self.settings.mail:
            case Embedded(folder):
                from adapters.mail.eml import EmlMailer

                return EmlMailer(folder / "mail", sender=sender, clock=self.clock)
            case Smtp() as smtp:
                return self._smtp(smtp)
            case AzureMail(endpoint):
                from adapters.mail.acs import GUARD, AzureMailer

                return AzureMailer(
                    endpoint,
                    lambda: self.identity.credential,
                    sender=sender,
                    clock=self.clock,
                    guard=self.guard("mail", GUARD),
                )

    def _smtp(self, smtp: Smtp) -> Mailer:
        from adapters.mail.smtp import GUARD, SmtpMailer

        return SmtpMailer(
            smtp.host,
            smtp.port,
            sender=self.settings.mail_from,
            clock=self.clock,
            user=smtp.user,
            password=smtp.password,
            implicit_tls=smtp.implicit_tls,
            start_tls=not smtp.on_this_machine,
            guard=self.guard("mail", GUARD),
        )

    @cached_property
    def event_tokens(self) -> "EntraTokens | None":
        """What a realtime service without access keys signs its events with; None where it has keys."""
        signer = self.settings.realtime.events
        if signer is None:
            return None
        from adapters.tokens.entra import GUARD, EntraTokens

        guard = self.guard("entra", GUARD)
        return EntraTokens(signer.tenant, signer.audience, signer.principal, self.clock, guard=guard)

    @cached_property
    def realtime(self) -> Realtime:
        from adapters.realtime.webpubsub import GUARD, WebPubSubRealtime

        chosen = self.settings.realtime
        return WebPubSubRealtime(
            chosen.hub,
            connection_string=chosen.connection_string,
            endpoint=chosen.endpoint,
            credential=lambda: self.identity.credential,
            guard=self.guard("realtime", GUARD),
        )
