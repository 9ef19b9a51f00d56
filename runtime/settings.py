"""Every setting of the application, read once.  `docs/settings.md` explains each one.

All names start with `APP_`, so that a misspelt one is found; `DEVHOST_DATA` names the folder of the embedded
stores, which stand in for every cloud service that is not configured. In production nothing is embedded.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from domain.kernel.ids import is_uuid7
from runtime.environment import Reader
from runtime.services import (
    AzureMail,
    AzureSql,
    BlobStorage,
    Cosmos,
    Embedded,
    KeyVault,
    RedisService,
    Smtp,
    StorageQueues,
    WebPubSub,
    read_blobs,
    read_documents,
    read_keys,
    read_mail,
    read_queue,
    read_realtime,
    read_redis,
    read_sql,
)
from runtime.web_push import PushSettings, read_push

PREFIX = "APP_"
MAX_HOSTS = 20
"""People in each guest's conversation from the start."""


@dataclass(frozen=True, slots=True)
class Tokens:
    issuer: str
    audience: str
    access_ttl: timedelta
    refresh_ttl: timedelta
    """Sliding: a session ends this long after its last refresh."""
    session_ttl: timedelta
    """Absolute: a session ends this long after its sign-in, whatever happens."""
    reuse_grace: timedelta


@dataclass(frozen=True, slots=True)
class Passwords:
    """argon2id. OWASP's least: 19 MiB, 2 passes, 1 lane; RFC 9106's second choice: 64 MiB, 3 passes, 4 lanes."""

    memory_kib: int
    passes: int
    lanes: int
    at_once: int
    """How many hashes run at the same time: bounds memory and leaves a core for everyone else."""


@dataclass(frozen=True, slots=True)
class Rates:
    """Requests per minute. A larger number permits more."""

    public: int
    signed_in: int
    signup: int
    login: int
    forgot_password: int
    reset_password: int
    upload: int
    forms: int
    guest: int
    login_failures: int
    """Wrong passwords for one account and client before each further try has to wait."""
    account_mails: int
    """Links of one kind mailed to one account in an hour."""


@dataclass(frozen=True, slots=True)
class ChallengeService:
    """*verify_url* is the service's `siteverify`: Turnstile, hCaptcha and reCAPTCHA have one."""

    verify_url: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class FormSettings:
    challenge: ChallengeService | None
    origin_kept: timedelta
    """How long a form keeps the network and browser it came from."""
    sweep_every: timedelta
    """How often Azure SQL is asked for e-mails a crash left behind; each time may wake a paused database."""


@dataclass(frozen=True, slots=True)
class ChatSettings:
    change_within: timedelta
    """How long people may edit and delete what they said."""
    retain_days: int | None
    """How long a conversation opened from now on keeps its messages; None: for ever."""
    digest_after: timedelta
    """How long somebody must not have been seen before an e-mail tells what they missed."""
    guest_hosts: tuple[str, ...]
    """The ids of those who receive guests; empty: there are none."""


@dataclass(frozen=True, slots=True)
class Settings:
    production: bool
    site_url: str
    """The static site: where links in e-mails lead."""
    api_url: str
    """This API as clients see it, without `/api`."""
    allowed_origins: tuple[str, ...]
    cookie_secure: bool
    trusted_proxy_depth: int
    """How many proxies append to `X-Forwarded-For` before us: the Functions front end is one."""
    tokens: Tokens
    passwords: Passwords
    rates: Rates
    documents: Embedded | Cosmos
    sql: Embedded | AzureSql
    keys: Embedded | KeyVault
    queue: Embedded | StorageQueues
    blobs: Embedded | BlobStorage
    quarantine: bool
    """Uploads wait for the malware scanner's verdict before anybody reads them."""
    redis: RedisService | None
    """None: rates are each instance's own, and where there may be several every request reads its session."""
    mail: Embedded | Smtp | AzureMail
    mail_from: str
    mail_team: str
    """Who is told of a new form."""
    realtime: WebPubSub
    forms: FormSettings
    chat: ChatSettings
    push: PushSettings
    identity_client_id: str | None
    version: str

    @classmethod
    def read(cls, env: Mapping[str, str]) -> "Settings":
        """Raises SettingsFaulty with every fault at once."""
        reader = Reader(env)
        settings = _read(reader)
        if settings.production:
            from runtime.production import check_production

            check_production(reader, settings)
        for name in sorted(env):
            if name.startswith(PREFIX) and name not in reader.known:
                reader.fault(_unknown(name, reader.known))
        reader.done()
        return settings

    @staticmethod
    def names() -> set[str]:
        """Every setting there is."""
        reader = Reader({})
        _read(reader)
        return reader.known


def _unknown(name: str, known: set[str]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, known, n=1, cutoff=0.75)
    return f"{name} is not a setting of this application" + (f"; is it {near[0]}?" if near else "")


def _read(r: Reader) -> Settings:
    production = r.choice("APP_ENV", ("development", "production"), "production") == "production"
    data = r.text("DEVHOST_DATA", "")
    if production and data:
        r.fault("DEVHOST_DATA is for development only")
    embedded = Embedded(Path(data)) if data and not production else None
    api_url = r.url("APP_API_URL")
    site_url = r.url("APP_SITE_URL")
    cookie_secure = r.flag("APP_COOKIE_SECURE", default=True)
    origins = r.origins("APP_ALLOWED_ORIGINS")
    return Settings(
        production=production,
        site_url=site_url,
        api_url=api_url,
        allowed_origins=origins,
        cookie_secure=cookie_secure,
        trusted_proxy_depth=r.whole("APP_TRUSTED_PROXY_DEPTH", 1, least=0, most=10),
        tokens=Tokens(
            issuer=r.text("APP_TOKEN_ISSUER", "tools-inc"),
            audience=r.text("APP_TOKEN_AUDIENCE", "tools-inc-api"),
            access_ttl=r.seconds("APP_ACCESS_TOKEN_SECONDS", 15 * 60),
            refresh_ttl=r.seconds("APP_REFRESH_TOKEN_SECONDS", 7 * 86400),
            session_ttl=r.seconds("APP_SESSION_SECONDS", 30 * 86400),
            reuse_grace=r.seconds("APP_REFRESH_REUSE_SECONDS", 10),
        ),
        passwords=Passwords(
            memory_kib=r.whole("APP_ARGON2_MEMORY_KIB", 64 * 1024, least=8, most=1024 * 1024),
            passes=r.whole("APP_ARGON2_PASSES", 3, least=1, most=64),
            lanes=r.whole("APP_ARGON2_LANES", 1, least=1, most=16),
            at_once=r.whole("APP_ARGON2_AT_ONCE", 2, least=1, most=64),
        ),
        rates=_rates(r),
        documents=read_documents(r, embedded),
        sql=read_sql(r, embedded),
        keys=read_keys(r, embedded),
        queue=read_queue(r, embedded),
        blobs=read_blobs(r, embedded),
        quarantine=r.choice("APP_MALWARE_SCAN", ("off", "defender"), "off") == "defender",
        redis=read_redis(r),
        mail=read_mail(r, embedded),
        mail_from=r.text("APP_MAIL_FROM"),
        mail_team=r.text("APP_MAIL_TEAM"),
        realtime=read_realtime(r),
        forms=_forms(r),
        chat=_chat(r),
        push=read_push(r, production=production),
        identity_client_id=r.text("APP_IDENTITY_CLIENT_ID", "") or None,
        version=r.text("APP_VERSION", "0.1.0"),
    )


def _chat(r: Reader) -> ChatSettings:
    hosts = r.items("APP_GUEST_HOSTS")
    if len(hosts) > MAX_HOSTS or not all(is_uuid7(host) for host in hosts):
        r.fault(f"APP_GUEST_HOSTS is not a list of at most {MAX_HOSTS} ids of accounts")
    return ChatSettings(
        change_within=r.seconds("APP_CHAT_EDIT_SECONDS", 24 * 3600),
        retain_days=r.whole("APP_CHAT_RETENTION_DAYS", 0, least=0, most=3650) or None,
        digest_after=r.seconds("APP_CHAT_DIGEST_SECONDS", 3600),
        guest_hosts=hosts,
    )


def _rates(r: Reader) -> Rates:
    def rate(name: str, default: int) -> int:
        return r.whole(f"APP_RATE_LIMIT_{name}_PER_MINUTE", default, least=1, most=1_000_000_000)

    return Rates(
        public=rate("PUBLIC", 100),
        signed_in=rate("SIGNED_IN", 1000),
        signup=rate("SIGNUP", 5),
        login=rate("LOGIN", 5),
        forgot_password=rate("FORGOT_PASSWORD", 5),
        reset_password=rate("RESET_PASSWORD", 5),
        upload=rate("UPLOAD", 10),
        forms=rate("FORMS", 10),
        guest=rate("GUEST", 5),
        login_failures=r.whole("APP_RATE_LIMIT_LOGIN_FAILURES", 5, least=1, most=1_000_000_000),
        account_mails=r.whole("APP_RATE_LIMIT_ACCOUNT_MAILS_PER_HOUR", 5, least=1, most=1_000_000_000),
    )


def _forms(r: Reader) -> FormSettings:
    verify_url, secret = r.url("APP_CHALLENGE_VERIFY_URL", ""), r.text("APP_CHALLENGE_SECRET", "")
    if bool(verify_url) is not bool(secret):
        r.fault("APP_CHALLENGE_VERIFY_URL and APP_CHALLENGE_SECRET go together")
    if verify_url.startswith("http:") and urlsplit(verify_url).hostname not in {"localhost", "127.0.0.1"}:
        r.fault("APP_CHALLENGE_VERIFY_URL must be https")
    return FormSettings(
        challenge=ChallengeService(verify_url, secret) if verify_url else None,
        origin_kept=timedelta(days=r.whole("APP_FORM_ORIGIN_DAYS", 30, least=1, most=365)),
        sweep_every=timedelta(minutes=r.whole("APP_SQL_SWEEP_MINUTES", 360, least=1, most=1440)),
    )


@cache
def get() -> Settings:
    """The process's settings, from its environment."""
    return Settings.read(os.environ)
