"""Bodies of `/auth`."""

from typing import Annotated

import msgspec

from domain.auth.grants import Grant
from domain.auth.guests import Welcome
from domain.auth.model import Session
from domain.auth.passwords import check_length
from domain.kernel.accounts import MAX_NAME
from domain.kernel.addresses import clean_email
from domain.kernel.clock import to_iso
from domain.kernel.names import clean_name
from web.bodies import CHECK, In, Out, Verbatim

Email = Annotated[str, msgspec.Meta(min_length=3, max_length=320, extra={CHECK: clean_email})]
Password = Annotated[Verbatim, msgspec.Meta(min_length=1, max_length=1024)]
"""One to be compared with."""
NewPassword = Annotated[Verbatim, msgspec.Meta(min_length=1, max_length=1024, extra={CHECK: check_length})]
"""What else it must be like, in the light of whose it is: `domain/auth/passwords.py`."""
Token = Annotated[str, msgspec.Meta(min_length=1, max_length=2048)]


class SignUpIn(In):
    email: Email
    password: NewPassword
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_NAME, extra={CHECK: clean_name})]


class GuestIn(In):
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_NAME, extra={CHECK: clean_name})]


class LogInIn(In):
    email: Email
    password: Password


class RefreshIn(In):
    """For clients without cookies; browsers send none."""

    refresh_token: Token | None = None


class LogOutIn(In):
    """For clients without cookies; browsers send none."""

    refresh_token: Token | None = None


class EmailIn(In):
    email: Email


class TokenIn(In):
    token: Token


class TokenQuery(msgspec.Struct, rename="camel"):
    token: str = ""


class ResetPasswordIn(In):
    token: Token
    new_password: NewPassword


class ChangePasswordIn(In):
    current_password: Password
    new_password: NewPassword


class MessageOut(Out):
    message: str


class NewUserOut(Out):
    id: str
    email: str
    name: str
    avatar: str | None


class UserOut(Out):
    id: str
    email: str
    name: str
    avatar: str | None
    role: str


class SignedUpOut(Out):
    user: NewUserOut
    access_token: str

    @classmethod
    def of(cls, grant: Grant) -> "SignedUpOut":
        account = grant.account
        return cls(NewUserOut(account.id, account.email, account.name, account.avatar), grant.access_token)


class GuestUserOut(Out):
    id: str
    name: str
    avatar: str | None


class GuestOut(Out):
    """*guestUntil* is when account and sessions end, unless the guest signs up before."""

    user: GuestUserOut
    conversation_id: str
    guest_until: str | None
    access_token: str

    @classmethod
    def of(cls, welcome: Welcome) -> "GuestOut":
        account = welcome.grant.account
        until = None if account.guest_until is None else to_iso(account.guest_until)
        user = GuestUserOut(account.id, account.name, account.avatar)
        return cls(user, welcome.conversation_id, until, welcome.grant.access_token)


class SignedInOut(Out):
    user: UserOut
    access_token: str

    @classmethod
    def of(cls, grant: Grant) -> "SignedInOut":
        account = grant.account
        user = UserOut(account.id, account.email, account.name, account.avatar, account.role.value)
        return cls(user, grant.access_token)


class RefreshedOut(Out):
    """*refreshToken* only for clients that sent theirs in the body."""

    access_token: str
    refresh_token: str | msgspec.UnsetType = msgspec.UNSET


class RevokedOut(Out):
    revoked_sessions: int


class SessionOut(Out):
    id: str
    device: str
    ip: str
    created_at: str
    last_used_at: str
    current: bool

    @classmethod
    def of(cls, session: Session, *, current_id: str) -> "SessionOut":
        return cls(
            session.id,
            session.device,
            session.ip,
            to_iso(session.created_at),
            to_iso(session.last_used_at),
            session.id == current_id,
        )


class SessionsOut(Out):
    items: list[SessionOut]
