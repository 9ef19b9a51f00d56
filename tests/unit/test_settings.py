"""What the settings refuse, and that they keep secrets to themselves."""

import pytest

from runtime.environment import SettingsFaulty
from runtime.production import EMULATOR_KEYS
from runtime.services import AzureMail, KeyVault, RedisService, Smtp, StorageQueues
from runtime.settings import Settings
from runtime.web_push import new_private_key

SOUND = {
    "APP_API_URL": "https://api.tools.example",
    "APP_SITE_URL": "https://tools.example",
    "APP_ALLOWED_ORIGINS": "https://tools.example",
    "APP_COSMOS_ENDPOINT": "https://tools.documents.azure.com",
    "APP_SQL_ODBC": "Driver={ODBC Driver 18 for SQL Server};Server=tcp:tools.database.windows.net;Database=tools",
    "APP_KEY_VAULT_URL": "https://tools.vault.azure.net",
    "APP_QUEUE_ENDPOINT": "https://tools.queue.core.windows.net",
    "APP_BLOB_ENDPOINT": "https://tools.blob.core.windows.net",
    "APP_REDIS_URL": "rediss://tools.redis.azure.net:10000",
    "APP_ACS_ENDPOINT": "https://tools.communication.azure.com",
    "APP_WEB_PUBSUB_ENDPOINT": "https://tools.webpubsub.azure.com",
    "APP_TENANT_ID": "11111111-2222-3333-4444-555555555555",
    "APP_WEB_PUBSUB_EVENT_AUDIENCE": "api://tools",
    "APP_WEB_PUBSUB_EVENT_PRINCIPAL": "22222222-2222-3333-4444-555555555555",
    "APP_MAIL_FROM": "T.O.O.L.S Inc <hello@tools.example>",
    "APP_MAIL_TEAM": "team@tools.example",
    "APP_IDENTITY_CLIENT_ID": "33333333-2222-3333-4444-555555555555",
}
"""Of production, as the deployment gives them."""


def read(**changes: str | None) -> Settings:
    changed = {**SOUND, **changes}
    known = Settings.names()
    return Settings.read(
        {name: value for name, value in changed.items() if value is not None and _is_known(name, known)}
    )


def _is_known(name: str, known: set[str]) -> bool:
    return name in known or name not in SOUND


def faults(**changes: str | None) -> str:
    with pytest.raises(SettingsFaulty) as refused:
        read(**changes)
    return str(refused.value)


def test_production_stands_on_the_cloud_alone() -> None:
    settings = read()
    assert settings.production
    assert isinstance(settings.keys, KeyVault)
    assert isinstance(settings.queue, StorageQueues)
    assert isinstance(settings.mail, AzureMail)
    assert isinstance(settings.redis, RedisService)
    assert settings.redis.by_identity


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DEVHOST_DATA", ".data"),
        ("APP_COOKIE_SECURE", "false"),
        ("APP_ALLOWED_ORIGINS", "*"),
        ("APP_ALLOWED_ORIGINS", "http://tools.example"),
        ("APP_API_URL", "http://api.tools.example"),
        ("APP_SITE_URL", "http://tools.example"),
        ("APP_COSMOS_ENDPOINT", "http://tools.documents.azure.com"),
        ("APP_COSMOS_ENDPOINT", "https://localhost:8081"),
        ("APP_COSMOS_ENDPOINT", None),
        ("APP_COSMOS_KEY", EMULATOR_KEYS[1]),
        ("APP_SQL_ODBC", None),
        ("APP_SQL_ODBC", "Server=x;UID=sa;PWD=hunter2"),
        ("APP_SQL_ODBC", "Server=x;Authentication=ActiveDirectoryPassword"),
        ("APP_SQL_ODBC", "Server=x;Trusted_Connection=yes"),
        ("APP_KEY_VAULT_URL", None),
        ("APP_SIGNING_KEYS_SECRET", "a/b"),
        ("APP_QUEUE_ENDPOINT", None),
        ("APP_STORAGE_CONNECTION_STRING", "UseDevelopmentStorage=true"),
        ("APP_REDIS_URL", "redis://tools.redis.azure.net"),
        ("APP_REDIS_URL", "tools.redis.azure.net"),
        ("APP_ACS_ENDPOINT", None),
        ("APP_SMTP_URL", "smtp://user:pw@mail.example"),
        ("APP_WEB_PUBSUB_ENDPOINT", None),
        ("APP_WEB_PUBSUB_EVENT_AUDIENCE", None),
        ("APP_MAIL_FROM", None),
    ],
)
def test_production_refuses(name: str, value: str | None) -> None:
    assert name in faults(**{name: value})


def test_published_keys_are_refused_in_every_place() -> None:
    account = f"DefaultEndpointsProtocol=https;AccountName=a;AccountKey={EMULATOR_KEYS[0]};"
    text = faults(APP_QUEUE_ENDPOINT=None, APP_BLOB_ENDPOINT=None, APP_STORAGE_CONNECTION_STRING=account)
    assert "emulator" in text
    assert EMULATOR_KEYS[0] not in text


@pytest.mark.parametrize(
    ("url", "sound"),
    [
        ("smtp://user:p%40ss@mail.example:2525", True),
        ("smtps://mail.example", True),
        ("smtp://user@mail.example", False),
        ("http://mail.example", False),
        ("smtp://mail.example:port", False),
        ("smtp://127.0.0.1:25", False),
    ],
)
def test_smtp_in_production(url: str, *, sound: bool) -> None:
    if not sound:
        assert "APP_SMTP_URL" in faults(APP_ACS_ENDPOINT=None, APP_SMTP_URL=url)
        return
    mail = read(APP_ACS_ENDPOINT=None, APP_SMTP_URL=url).mail
    assert isinstance(mail, Smtp)
    assert mail.password in {None, "p@ss"}
    assert mail.implicit_tls is url.startswith("smtps")


VAPID = {"APP_VAPID_PRIVATE_KEY": new_private_key(), "APP_VAPID_SUBJECT": "mailto:team@tools.example"}


def test_push_is_off_until_it_has_a_key_and_never_reaches_this_machine_in_production() -> None:
    assert read().push.vapid is None
    push = read(**VAPID).push
    assert push.vapid is not None
    assert push.vapid.private_key not in repr(push)
    assert push.hosts.find("https://fcm.googleapis.com/x") is not None
    assert push.hosts.find("http://127.0.0.1/x") is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("APP_VAPID_PRIVATE_KEY", None),
        ("APP_VAPID_PRIVATE_KEY", "secret"),
        ("APP_VAPID_PRIVATE_KEY", "A" * 43),
        ("APP_VAPID_PRIVATE_KEY", "_" * 43),
        ("APP_VAPID_PRIVATE_KEY", "@Microsoft.KeyVault(SecretUri=https://v/secrets/vapid-key)"),
        ("APP_VAPID_SUBJECT", None),
        ("APP_VAPID_SUBJECT", "team@tools.example"),
        ("APP_VAPID_SUBJECT", "http://tools.example"),
        ("APP_PUSH_HOSTS", "localhost"),
        ("APP_PUSH_HOSTS", "10.0.0.1"),
        ("APP_PUSH_HOSTS", "fcm.googleapis.com,*"),
        ("APP_PUSH_HOSTS", "*.com"),
        ("APP_PUSH_HOSTS", "https://fcm.googleapis.com"),
    ],
)
def test_push_settings_that_are_none_are_refused(name: str, value: str | None) -> None:
    assert name in faults(**{**VAPID, name: value})


def test_a_misspelt_name_is_told_with_the_nearest() -> None:
    text = faults(APP_COSMOS_ENPOINT="https://x.example", APP_NONSENSE_XYZZY="1")
    assert "APP_COSMOS_ENPOINT is not a setting of this application; is it APP_COSMOS_ENDPOINT?" in text
    assert "APP_NONSENSE_XYZZY is not a setting of this application" in text


def test_all_faults_are_told_together() -> None:
    text = faults(APP_MAIL_FROM=None, APP_API_URL="nowhere", APP_ACCESS_TOKEN_SECONDS="soon", APP_REDIS_URL="x")
    for name in ("APP_MAIL_FROM", "APP_API_URL", "APP_ACCESS_TOKEN_SECONDS", "APP_REDIS_URL"):
        assert name in text


SECRET = "s3cr3t-value"
SECRETS = {
    "APP_COSMOS_KEY": SECRET,
    "APP_SQL_ODBC": f"Server=x;Database={SECRET}",
    "APP_REDIS_URL": f"rediss://:{SECRET}@tools.redis.azure.net:10000",
    "APP_CHALLENGE_SECRET": SECRET,
    "APP_CHALLENGE_VERIFY_URL": "https://challenge.example/siteverify",
    "APP_ACS_ENDPOINT": None,
    "APP_SMTP_URL": f"smtp://user:{SECRET}@mail.example",
    "APP_WEB_PUBSUB_ENDPOINT": None,
    "APP_WEB_PUBSUB_CONNECTION_STRING": f"Endpoint=https://x.webpubsub.azure.com;AccessKey={SECRET};Version=1.0;",
    "APP_QUEUE_ENDPOINT": None,
    "APP_BLOB_ENDPOINT": None,
    "APP_STORAGE_CONNECTION_STRING": f"DefaultEndpointsProtocol=https;AccountName=a;AccountKey={SECRET};",
}


def test_no_secret_is_in_a_repr() -> None:
    settings = read(**SECRETS)
    assert SECRET in str(getattr(settings.documents, "key", None))
    assert SECRET not in repr(settings)
    assert SECRET not in str(settings)


@pytest.mark.parametrize("name", sorted(Settings.names()))
def test_no_value_is_in_an_error(name: str) -> None:
    """Whatever is wrong with it: the person at the terminal knows what was set, and logs go far."""
    assert SECRET not in faults(**{**SECRETS, name: f"://{SECRET}\x00", "APP_MAIL_FROM": None})
