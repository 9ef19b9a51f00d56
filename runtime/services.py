"""The services behind the application, as the settings name them. Whatever holds a secret keeps it out of its repr."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from runtime.environment import Reader


@dataclass(frozen=True, slots=True)
class Embedded:
    """A store kept in files below *folder*, by one process."""

    folder: Path


@dataclass(frozen=True, slots=True)
class Cosmos:
    """*key* is None where the managed identity signs in; a key is for emulators."""

    endpoint: str
    database: str
    key: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class AzureSql:
    """*odbc* is an ODBC connection string: in production without credentials, so that the managed identity signs in."""

    odbc: str = field(repr=False)

    @property
    def by_identity(self) -> bool:
        """Whether it is left to a token who we are: the driver refuses one beside anything else that tells."""
        return not any(member(self.odbc, name) for name in ("uid", "pwd", "authentication", "trusted_connection"))


@dataclass(frozen=True, slots=True)
class KeyVault:
    """*secret* is the name of the one secret that holds the key set."""

    url: str
    secret: str


@dataclass(frozen=True, slots=True)
class StorageQueues:
    """*connection_string* is for Azurite; at *endpoint* the managed identity signs in."""

    endpoint: str | None
    connection_string: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class BlobStorage:
    """*connection_string* is for Azurite; at *endpoint* the managed identity signs in."""

    container: str
    endpoint: str | None
    connection_string: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class RedisService:
    url: str = field(repr=False)

    @property
    def by_identity(self) -> bool:
        """Over TLS and without a password: the managed identity signs in."""
        parts = urlsplit(self.url)
        return parts.scheme == "rediss" and not parts.password


@dataclass(frozen=True, slots=True)
class Smtp:
    """`smtps` is TLS from the first byte; `smtp` asks for STARTTLS, and insists on it unless *host* is this machine."""

    host: str
    port: int
    implicit_tls: bool
    user: str | None
    password: str | None = field(repr=False)

    @property
    def on_this_machine(self) -> bool:
        return is_local(self.host)

    @classmethod
    def parse(cls, url: str) -> "Smtp | None":
        """None for what is not `smtp[s]://[user:password@]host[:port]`."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            return None
        if parts.scheme not in {"smtp", "smtps"} or not parts.hostname or parts.path.strip("/"):
            return None
        tls = parts.scheme == "smtps"
        user, password = (unquote(text) if text else None for text in (parts.username, parts.password))
        return cls(parts.hostname, port or (465 if tls else 587), tls, user, password)


@dataclass(frozen=True, slots=True)
class AzureMail:
    """Azure Communication Services, signed in to with the managed identity."""

    endpoint: str


@dataclass(frozen=True, slots=True)
class EventToken:
    """Who signs the events of a Web PubSub that has no access keys: *principal*, in *tenant*, for *audience*."""

    tenant: str
    audience: str
    principal: str


@dataclass(frozen=True, slots=True)
class WebPubSub:
    hub: str
    connection_string: str | None = field(repr=False)
    endpoint: str | None
    """Signed in to with the managed identity, where there is no connection string."""
    events: EventToken | None = None

    @property
    def access_keys(self) -> tuple[str, ...]:
        """What events are signed with: the connection string's key, as it is written there."""
        key = member(self.connection_string, "accesskey")
        return (key,) if key else ()

    @property
    def hosts(self) -> tuple[str, ...]:
        """The service's host, as it names itself to the event handler."""
        host = urlsplit(self.endpoint or member(self.connection_string, "endpoint")).hostname
        return (host,) if host else ()


def member(connection_string: str | None, name: str) -> str:
    """The value of *name* (lower case) in `Name=value;…`; values may hold `=`."""
    for part in (connection_string or "").split(";"):
        key, _, value = part.partition("=")
        if key.strip().lower() == name:
            return value.strip()
    return ""


def read_embedded(r: Reader, embedded: Embedded | None, what: str) -> Embedded:
    if embedded is None:
        r.fault(f"nothing is configured for {what}")
        return Embedded(Path())
    return embedded


def read_documents(r: Reader, embedded: Embedded | None) -> Embedded | Cosmos:
    endpoint = r.url("APP_COSMOS_ENDPOINT", "")
    database = r.text("APP_COSMOS_DATABASE", "tools")
    key = r.text("APP_COSMOS_KEY", "") or None
    if key and not endpoint:
        r.fault("APP_COSMOS_KEY is set, and APP_COSMOS_ENDPOINT is not")
    if endpoint:
        return Cosmos(endpoint, database, key)
    return read_embedded(r, embedded, "the document store (APP_COSMOS_ENDPOINT)")


def read_sql(r: Reader, embedded: Embedded | None) -> Embedded | AzureSql:
    odbc = r.text("APP_SQL_ODBC", "")
    return AzureSql(odbc) if odbc else read_embedded(r, embedded, "SQL (APP_SQL_ODBC)")


def read_keys(r: Reader, embedded: Embedded | None) -> Embedded | KeyVault:
    url = r.url("APP_KEY_VAULT_URL", "")
    secret = r.text("APP_SIGNING_KEYS_SECRET", "signing-keys")
    if not re.fullmatch(r"[0-9A-Za-z-]{1,127}", secret):  # Key Vault's rule for names
        r.fault("APP_SIGNING_KEYS_SECRET is not a name of letters, digits and hyphens")
    return KeyVault(url, secret) if url else read_embedded(r, embedded, "the signing keys (APP_KEY_VAULT_URL)")


def read_queue(r: Reader, embedded: Embedded | None) -> Embedded | StorageQueues:
    connection_string = r.text("APP_STORAGE_CONNECTION_STRING", "")
    endpoint = r.url("APP_QUEUE_ENDPOINT", "")
    if connection_string and endpoint:
        r.fault("APP_STORAGE_CONNECTION_STRING and APP_QUEUE_ENDPOINT exclude each other")
    if connection_string or endpoint:
        return StorageQueues(endpoint or None, connection_string or None)
    return read_embedded(r, embedded, "the queues (APP_QUEUE_ENDPOINT)")


def read_blobs(r: Reader, embedded: Embedded | None) -> Embedded | BlobStorage:
    connection_string = r.text("APP_STORAGE_CONNECTION_STRING", "")
    endpoint = r.url("APP_BLOB_ENDPOINT", "")
    container = r.text("APP_BLOB_CONTAINER", "files")
    if not re.fullmatch(r"(?=.{3,63}$)[a-z0-9]+(?:-[a-z0-9]+)*", container):  # Azure's rule for names
        r.fault("APP_BLOB_CONTAINER is not 3 to 63 lower-case letters, digits and single hyphens")
    if connection_string and endpoint:
        r.fault("APP_STORAGE_CONNECTION_STRING and APP_BLOB_ENDPOINT exclude each other")
    if connection_string or endpoint:
        return BlobStorage(container, endpoint or None, connection_string or None)
    return read_embedded(r, embedded, "the blobs (APP_BLOB_ENDPOINT)")


def read_redis(r: Reader) -> RedisService | None:
    url = r.text("APP_REDIS_URL", "")
    if not url:
        return None
    try:
        parts = urlsplit(url)
        sound = parts.scheme in {"redis", "rediss"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        sound = False
    if not sound:
        r.fault("APP_REDIS_URL is not redis://host:port or rediss://host:port")
        return None
    return RedisService(url)


def read_mail(r: Reader, embedded: Embedded | None) -> Embedded | Smtp | AzureMail:
    endpoint, url = r.url("APP_ACS_ENDPOINT", ""), r.text("APP_SMTP_URL", "")
    if endpoint and url:
        r.fault("APP_ACS_ENDPOINT and APP_SMTP_URL exclude each other")
    if endpoint:
        return AzureMail(endpoint)
    if not url:
        return read_embedded(r, embedded, "e-mail (APP_ACS_ENDPOINT or APP_SMTP_URL)")
    smtp = Smtp.parse(url)
    if smtp is None:
        r.fault("APP_SMTP_URL is not smtp://user:password@host:port or smtps://…")
        return Embedded(Path())
    if (smtp.user is None) is not (smtp.password is None):
        r.fault("APP_SMTP_URL has a user or a password, and not both")
    return smtp


def read_realtime(r: Reader) -> WebPubSub:
    connection_string = r.text("APP_WEB_PUBSUB_CONNECTION_STRING", "") or None
    endpoint = r.url("APP_WEB_PUBSUB_ENDPOINT", "") or None
    if not connection_string and not endpoint:
        r.fault("APP_WEB_PUBSUB_CONNECTION_STRING or APP_WEB_PUBSUB_ENDPOINT is not set")
    if connection_string and endpoint:
        r.fault("APP_WEB_PUBSUB_CONNECTION_STRING and APP_WEB_PUBSUB_ENDPOINT exclude each other")
    names = ("APP_TENANT_ID", "APP_WEB_PUBSUB_EVENT_AUDIENCE", "APP_WEB_PUBSUB_EVENT_PRINCIPAL")
    tenant, audience, principal = (r.text(name, "") for name in names)
    events = EventToken(tenant, audience, principal) if tenant and audience and principal else None
    if events is None and (audience or principal):
        r.fault(f"{', '.join(names)} go together")
    return WebPubSub(r.text("APP_WEB_PUBSUB_HUB", "mackchat"), connection_string, endpoint, events)


def is_local(host: str | None) -> bool:
    return host in {"localhost", "127.0.0.1", "::1"}
