"""Access tokens, and what must not pass for one (RFC 8725)."""

import base64
import hmac
import json
from datetime import timedelta
from typing import Any

import jwt
import pytest

from adapters.tokens.access import JwtAccessTokens
from domain.kernel.errors import InvalidToken
from domain.kernel.keys import Key, KeySet
from tests.factories import NOON, ManualClock

OLD, NOW, NEW, STRANGE = (Key(f"k{n}", bytes([n]) * 32) for n in range(1, 5))
ADA = "019bdc00-0000-7000-8000-00000000ada0"
SESSION = "019bdc00-0000-7000-8000-0000000005e5"
TTL = timedelta(minutes=15)


class Ring:
    """A key set that tests turn over."""

    def __init__(self, keys: KeySet) -> None:
        self.keys = keys

    async def get(self, kid: str | None = None) -> KeySet:  # noqa: ARG002 - the port's shape
        return self.keys


def tokens(keys: KeySet | None = None, clock: ManualClock | None = None) -> JwtAccessTokens:
    ring = Ring(keys or KeySet(NOW, previous=OLD, next=NEW))
    return JwtAccessTokens(ring, clock or ManualClock(), issuer="tools-inc", audience="tools-inc-api", ttl=TTL)


CLAIMS: dict[str, Any] = {
    "iss": "tools-inc",
    "aud": "tools-inc-api",
    "sub": ADA,
    "sid": SESSION,
    "role": "user",
    "jti": "x",
    "iat": int(NOON.timestamp()),
    "exp": int(NOON.timestamp()) + 900,
}
HEADER = {"typ": "at+jwt", "kid": NOW.kid}


def signed(claims: dict[str, Any] | None = None, header: dict[str, Any] | None = None, key: Key = NOW) -> str:
    secret = key.derive("access-token")
    return jwt.encode({**CLAIMS, **(claims or {})}, secret, "HS256", {**HEADER, **(header or {})})


def raw(header: dict[str, Any], claims: dict[str, Any], signature: str = "") -> str:
    parts = (base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in (header, claims))
    return ".".join([*parts, signature])


def hs512() -> str:
    """Signed with the right key, by another algorithm than ours."""
    body = raw({**HEADER, "alg": "HS512"}, CLAIMS).rstrip(".")
    tag = hmac.digest(NOW.derive("access-token"), body.encode(), "sha512")
    return f"{body}.{base64.urlsafe_b64encode(tag).rstrip(b'=').decode()}"


async def test_a_token_says_who_and_which_session() -> None:
    claims = await tokens().read(await tokens().issue(user_id=ADA, session_id=SESSION, role="mentor"))
    assert (claims.user_id, claims.session_id, claims.role) == (ADA, SESSION, "mentor")


async def test_a_token_carries_what_the_contract_names() -> None:
    token = await tokens().issue(user_id=ADA, session_id=SESSION, role="user")
    assert jwt.get_unverified_header(token) == {"alg": "HS256", "typ": "at+jwt", "kid": "k2"}
    claims = jwt.decode(token, options={"verify_signature": False})
    assert set(claims) == set(CLAIMS)
    assert claims["exp"] - claims["iat"] == 900


async def test_no_two_tokens_share_a_jti() -> None:
    issued = [await tokens().issue(user_id=ADA, session_id=SESSION, role="user") for _ in range(50)]
    assert len({jwt.decode(token, options={"verify_signature": False})["jti"] for token in issued}) == 50


@pytest.mark.parametrize("key", [OLD, NOW, NEW], ids=["previous", "current", "next"])
async def test_every_key_of_the_set_is_accepted(key: Key) -> None:
    assert (await tokens().read(signed(header={"kid": key.kid}, key=key))).user_id == ADA


async def test_a_token_dies_with_its_key_and_at_its_time() -> None:
    clock = ManualClock()
    token = signed()
    with pytest.raises(InvalidToken):
        await tokens(KeySet(NEW)).read(token)
    clock.advance(seconds=899)
    await tokens(clock=clock).read(token)
    clock.advance(seconds=1)
    with pytest.raises(InvalidToken):
        await tokens(clock=clock).read(token)


@pytest.mark.parametrize(
    "token",
    [
        pytest.param(raw({**HEADER, "alg": "none"}, CLAIMS), id="alg none"),
        pytest.param(raw({**HEADER, "alg": "None"}, CLAIMS, "x"), id="alg None with a signature"),
        pytest.param(raw({**HEADER, "alg": "RS256"}, CLAIMS, signed().rpartition(".")[2]), id="alg RS256"),
        pytest.param(hs512(), id="another HMAC"),
        pytest.param(signed(header={"typ": "JWT"}), id="typ JWT"),
        pytest.param(signed(header={"typ": None}), id="no typ"),
        pytest.param(signed(header={"kid": "nobody"}), id="unknown kid"),
        pytest.param(signed(header={"kid": OLD.kid}), id="another key's kid"),
        pytest.param(signed(header={"kid": "../../etc/passwd"}), id="kid is a path"),
        pytest.param(raw({"alg": "HS256", "typ": "at+jwt"}, CLAIMS, "x"), id="no kid"),
        pytest.param(raw({**HEADER, "kid": ["k2"], "alg": "HS256"}, CLAIMS, "x"), id="kid is a list"),
        pytest.param(signed(key=STRANGE), id="another secret"),
        pytest.param(jwt.encode(CLAIMS, NOW.secret, "HS256", HEADER), id="the secret not derived for this"),
        pytest.param(signed(header={"crit": ["x"], "x": 1}), id="a critical header nobody knows"),
        pytest.param(signed({"iss": "elsewhere"}), id="iss"),
        pytest.param(signed({"aud": "elsewhere"}), id="aud"),
        pytest.param(signed({"exp": int(NOON.timestamp())}), id="expired"),
        pytest.param(signed({"exp": "later"}), id="exp is text"),
        pytest.param(signed({"exp": True}), id="exp is a bool"),
        pytest.param(signed({"iat": int(NOON.timestamp()) + 120}), id="issued in the future"),
        pytest.param(signed({"role": "owner"}), id="no such role"),
        pytest.param(signed({"role": ["admin"]}), id="role is a list"),
        pytest.param(signed({"sub": "ada"}), id="sub is no id"),
        pytest.param(signed({"sid": None}), id="sid is null"),
        pytest.param("", id="empty"),
        pytest.param("a.b.c", id="not base64"),
        pytest.param("é.é.é", id="not ASCII"),
        pytest.param("x" * 100_000, id="huge"),
        pytest.param(raw({**HEADER, "alg": "HS256"}, CLAIMS, "") + ".x", id="four parts"),
    ],
)
async def test_what_is_no_access_token_of_ours_is_refused(token: str) -> None:
    with pytest.raises(InvalidToken):
        await tokens().read(token)


@pytest.mark.parametrize("claim", sorted(CLAIMS))
async def test_no_claim_may_be_missing(claim: str) -> None:
    rest = {name: value for name, value in CLAIMS.items() if name != claim}
    token = jwt.encode(rest, NOW.derive("access-token"), "HS256", HEADER)
    with pytest.raises(InvalidToken):
        await tokens().read(token)


async def test_a_token_with_any_character_changed_is_refused() -> None:
    token = signed()
    for position in range(0, len(token), 7):
        other = "A" if token[position] != "A" else "B"
        with pytest.raises(InvalidToken):
            await tokens().read(token[:position] + other + token[position + 1 :])


async def test_a_token_that_was_read_before_is_judged_by_key_and_time_again() -> None:
    clock = ManualClock()
    ring = Ring(KeySet(NOW))
    reader = JwtAccessTokens(ring, clock, issuer="tools-inc", audience="tools-inc-api", ttl=TTL)
    token = signed()
    first = await reader.read(token)
    assert await reader.read(token) == first
    ring.keys = KeySet(NEW)  # an operator threw the key away
    with pytest.raises(InvalidToken):
        await reader.read(token)
    ring.keys = KeySet(Key(NOW.kid, bytes(32)))  # another key by the same name
    with pytest.raises(InvalidToken):
        await reader.read(token)
    ring.keys = KeySet(NEW, previous=NOW)
    assert await reader.read(token) == first
    clock.advance(TTL)
    with pytest.raises(InvalidToken):
        await reader.read(token)


async def test_no_more_tokens_are_remembered_than_some(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.tokens.access._KEPT", 2)
    reader = tokens()
    for jti in ("a", "b", "c"):
        await reader.read(signed({"jti": jti}))
    assert len(reader._verified) == 2


async def test_what_was_refused_is_not_remembered() -> None:
    reader = tokens()
    with pytest.raises(InvalidToken):
        await reader.read(signed(key=STRANGE))
    assert not reader._verified
