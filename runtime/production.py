"""What production refuses: everything that is for one machine, for development, or open to be read on the way."""

from typing import Final
from urllib.parse import urlsplit

from runtime.environment import Reader
from runtime.services import (
    AzureMail,
    AzureSql,
    BlobStorage,
    Cosmos,
    KeyVault,
    RedisService,
    Smtp,
    StorageQueues,
    is_local,
    member,
)
from runtime.settings import Settings

EMULATOR_KEYS: Final = (
    # Azurite's and the Cosmos DB emulator's, published by Microsoft.
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==",
    "C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM+4QDU5DE2nQ9nDuVTqobD4b8mGGyPMbIZnqyMsEcaGQy67XIw/Jw==",
)


def check_production(r: Reader, settings: Settings) -> None:
    """Adds a fault for each setting that may not be so."""
    _check_browsers(r, settings)
    _check_urls(r, settings)
    _check_keys(r, settings)
    if isinstance(settings.sql, AzureSql) and not settings.sql.by_identity:
        r.fault("APP_SQL_ODBC holds credentials; the managed identity signs in")
    if isinstance(settings.mail, Smtp) and settings.mail.on_this_machine:
        r.fault("APP_SMTP_URL is this machine, which is for development only")
    if settings.realtime.endpoint and settings.realtime.events is None:
        r.fault(
            "APP_WEB_PUBSUB_ENDPOINT needs APP_TENANT_ID, APP_WEB_PUBSUB_EVENT_AUDIENCE and "
            "APP_WEB_PUBSUB_EVENT_PRINCIPAL, or nobody can tell its events from forged ones"
        )


def _check_browsers(r: Reader, settings: Settings) -> None:
    if not settings.cookie_secure:
        r.fault("APP_COOKIE_SECURE must be true in production")
    if "*" in settings.allowed_origins:
        r.fault("APP_ALLOWED_ORIGINS must name each origin")
    if any(urlsplit(origin).scheme != "https" for origin in settings.allowed_origins if origin != "*"):
        r.fault("APP_ALLOWED_ORIGINS must be https in production")


def _check_urls(r: Reader, settings: Settings) -> None:
    for name, url in _urls(settings).items():
        if url is None:
            continue
        parts = urlsplit(url)
        if is_local(parts.hostname):
            r.fault(f"{name} is this machine, which is for development only")
        elif parts.scheme not in {"https", "rediss"}:
            r.fault(f"{name} must be {'rediss' if name == 'APP_REDIS_URL' else 'https'} in production")


def _urls(settings: Settings) -> dict[str, str | None]:
    documents, keys, queue, mail = settings.documents, settings.keys, settings.queue, settings.mail
    realtime = settings.realtime
    return {
        "APP_API_URL": settings.api_url or None,
        "APP_SITE_URL": settings.site_url or None,
        "APP_COSMOS_ENDPOINT": documents.endpoint if isinstance(documents, Cosmos) else None,
        "APP_KEY_VAULT_URL": keys.url if isinstance(keys, KeyVault) else None,
        "APP_QUEUE_ENDPOINT": queue.endpoint if isinstance(queue, StorageQueues) else None,
        "APP_BLOB_ENDPOINT": settings.blobs.endpoint if isinstance(settings.blobs, BlobStorage) else None,
        "APP_REDIS_URL": settings.redis.url if isinstance(settings.redis, RedisService) else None,
        "APP_ACS_ENDPOINT": mail.endpoint if isinstance(mail, AzureMail) else None,
        "APP_WEB_PUBSUB_ENDPOINT": realtime.endpoint,
        "APP_WEB_PUBSUB_CONNECTION_STRING": member(realtime.connection_string, "endpoint") or None,
    }


def _check_keys(r: Reader, settings: Settings) -> None:
    """Keys that everybody knows."""
    if isinstance(settings.documents, Cosmos) and settings.documents.key in EMULATOR_KEYS:
        r.fault("APP_COSMOS_KEY is an emulator's")
    if isinstance(settings.queue, StorageQueues) and settings.queue.connection_string:
        text = settings.queue.connection_string
        emulated = member(text, "usedevelopmentstorage") == "true" or member(text, "accountkey") in EMULATOR_KEYS
        if emulated:
            r.fault("APP_STORAGE_CONNECTION_STRING is an emulator's")
        elif member(text, "defaultendpointsprotocol") == "http":
            r.fault("APP_STORAGE_CONNECTION_STRING must use https in production")
