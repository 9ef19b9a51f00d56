"""Signing up, in and out.  Walks: `docs/flows/sign-in.md`, `docs/flows/refresh.md`."""

import azure.functions as func

from blueprints.access import ANY_ACCOUNT, ANYONE, SIGNED_IN_UNVERIFIED
from blueprints.auth_shapes import (
    ChangePasswordIn,
    EmailIn,
    GuestIn,
    GuestOut,
    LogInIn,
    LogOutIn,
    MessageOut,
    RefreshedOut,
    RefreshIn,
    ResetPasswordIn,
    RevokedOut,
    SessionOut,
    SessionsOut,
    SignedInOut,
    SignedUpOut,
    SignUpIn,
    TokenIn,
    TokenQuery,
)
from domain.auth.devices import describe_device
from domain.auth.grants import Grant
from domain.auth.model import Client
from domain.kernel.errors import Conflict, MissingToken
from runtime import parts
from web.call import Call
from web.cookies import REFRESH_TOKEN, cleared_cookies, session_cookies
from web.declaration import Limit
from web.endpoint import endpoint
from web.incoming import network_of
from web.reply import Cookie, Reply

bp = func.Blueprint()


def client_of(call: Call) -> Client:
    """Who is at the other end, as far as can be told."""
    address = call.client_address
    return Client(address, network_of(address), describe_device(call.headers.get("user-agent")))


def cookies_of(grant: Grant) -> tuple[Cookie, ...]:
    return session_cookies(
        access_token=grant.access_token,
        access_ttl=grant.access_ttl,
        refresh_token=grant.refresh_token,
        refresh_ttl=grant.refresh_ttl,
    )


@endpoint(
    bp,
    "POST",
    "v1/auth/signup",
    access=ANYONE,
    takes=SignUpIn,
    gives=SignedUpOut,
    status=201,
    errors=("user_exists", "conflict"),
    limit=Limit.SIGNUP,
    replays_itself=True,
)
async def sign_up(call: Call) -> Reply:
    """Create an account and sign in.

    A link to verify the e-mail address is mailed; until it is followed the account may use `/auth/*` and `/users/me`
    only. Repeated with the same `Idempotency-Key` and body, it gives new tokens of the same session. Who is signed in
    as a guest keeps their id and their conversation; the guest's sessions end.
    """
    body, auth = call.body(SignUpIn), parts.get().auth
    who = (body.email, body.name, body.password, client_of(call))
    guest_id = await _guest_of(call)
    if guest_id is not None:
        grant = await auth.guest_sign_up.sign_up(guest_id, *who, key=call.idempotency_key)
    else:
        grant = await auth.sign_up.sign_up(*who, key=call.idempotency_key)
    return Reply(201, SignedUpOut.of(grant), cookies=cookies_of(grant))


@endpoint(
    bp,
    "POST",
    "v1/auth/guest",
    access=ANYONE,
    takes=GuestIn,
    gives=GuestOut,
    status=201,
    errors=("not_found", "conflict"),
    limit=Limit.GUEST,
    replays_itself=True,
)
async def come_as_guest(call: Call) -> Reply:
    """Talk to those who are there for guests, without an account.

    For 24 hours, in one conversation, `conversationId`, and with nobody else; signing up meanwhile keeps both.
    `not_found` where guests are not received (a setting), `service_unavailable` while nobody is there for them.
    Repeated with the same `Idempotency-Key` and name from the same network, it gives new tokens of the same session.
    """
    if call.identity is not None:
        raise Conflict("You are signed in already.")
    name, key = call.body(GuestIn).name, call.idempotency_key
    welcome = await parts.get().auth.guests.admit(name, client_of(call), key=key)
    return Reply(201, GuestOut.of(welcome), cookies=cookies_of(welcome.grant))


@endpoint(
    bp,
    "POST",
    "v1/auth/login",
    access=ANYONE,
    takes=LogInIn,
    gives=SignedInOut,
    errors=("invalid_credentials", "account_suspended"),
    limit=Limit.LOGIN,
)
async def log_in(call: Call) -> Reply:
    """Sign in with e-mail address and password.

    After five wrong passwords for one address from one network each further try has to wait, longer each time.
    """
    body = call.body(LogInIn)
    grant = await parts.get().auth.sign_in.login(body.email, body.password, client_of(call))
    return Reply(200, SignedInOut.of(grant), cookies=cookies_of(grant))


@endpoint(
    bp,
    "POST",
    "v1/auth/refresh",
    access=ANYONE,
    takes=RefreshIn,
    gives=RefreshedOut,
    errors=("missing_token", "invalid_token", "token_revoked", "csrf_failed"),
    refusal_ends_session=True,
)
async def refresh(call: Call) -> Reply:
    """Trade the refresh token for new tokens.

    By the cookie, or by `refreshToken` in the body; then the answer's body has the next one. A token that was traded
    before ends its session, but for the first ten seconds, when it gives the session's current tokens.
    """
    given = call.body(RefreshIn).refresh_token
    token = given or _cookie_of_ours(call)
    if not token:
        raise MissingToken
    grant = await parts.get().auth.refresh.refresh(token, client_of(call))
    body = RefreshedOut(grant.access_token, grant.refresh_token) if given else RefreshedOut(grant.access_token)
    return Reply(200, body, cookies=cookies_of(grant))


@endpoint(bp, "POST", "v1/auth/logout", access=ANYONE, takes=LogOutIn, gives=MessageOut, errors=("csrf_failed",))
async def log_out(call: Call) -> Reply:
    """Sign out this device, by its refresh token or its access token.

    Both cookies are cleared; the session's access tokens stop working at once. Signing out twice is fine.
    """
    if "authorization" not in call.headers and ("cookie" in call.headers or "origin" in call.headers):
        call.require_same_site()
    token = call.body(LogOutIn).refresh_token or call.cookies.get(REFRESH_TOKEN)
    caller = None if call.identity is None else (call.identity.user_id, call.identity.session_id)
    await parts.get().auth.sessions.log_out(token, caller, client_of(call))
    return Reply(200, MessageOut("You are signed out."), cookies=cleared_cookies())


@endpoint(bp, "POST", "v1/auth/logout-all", access=ANY_ACCOUNT, gives=RevokedOut)
async def log_out_everywhere(call: Call) -> Reply:
    """Sign out every device, this one too."""
    count = await parts.get().auth.sessions.log_out_everywhere(call.user_id, client_of(call))
    return Reply(200, RevokedOut(count), cookies=cleared_cookies())


@endpoint(bp, "GET", "v1/auth/sessions", access=ANY_ACCOUNT, gives=SessionsOut)
async def list_sessions(call: Call) -> Reply:
    """List where the caller is signed in, the latest sign-in first."""
    sessions = await parts.get().auth.sessions.list_standing(call.user_id)
    current_id = call.caller.session_id
    return Reply(200, SessionsOut([SessionOut.of(session, current_id=current_id) for session in sessions]))


@endpoint(bp, "DELETE", "v1/auth/sessions/{session_id}", access=ANY_ACCOUNT, status=204, errors=("not_found",))
async def revoke_session(call: Call) -> Reply:
    """Sign out one device of the caller's."""
    session_id = call.path_id("session_id")
    await parts.get().auth.sessions.revoke(call.user_id, session_id, client_of(call))
    return Reply(204, cookies=cleared_cookies() if session_id == call.caller.session_id else ())


@endpoint(
    bp,
    "POST",
    "v1/auth/forgot-password",
    access=ANYONE,
    takes=EmailIn,
    gives=MessageOut,
    limit=Limit.FORGOT_PASSWORD,
)
async def forgot_password(call: Call) -> Reply:
    """Ask for a link to set a new password.

    The answer is the same whether or not there is such an account.
    """
    await parts.get().auth.recovery.forget(call.body(EmailIn).email)
    return Reply(200, MessageOut("If there is an account with this address, we have sent a link to it."))


@endpoint(
    bp,
    "POST",
    "v1/auth/reset-password",
    access=ANYONE,
    takes=ResetPasswordIn,
    gives=MessageOut,
    errors=("invalid_token",),
    limit=Limit.RESET_PASSWORD,
)
async def reset_password(call: Call) -> Reply:
    """Set a new password by a mailed link.

    The link is good once and for 15 minutes; a password that is refused does not use it up. Every session ends.
    """
    body = call.body(ResetPasswordIn)
    await parts.get().auth.recovery.reset(body.token, body.new_password, client_of(call))
    return Reply(200, MessageOut("Your password is changed. Sign in with the new one."), cookies=cleared_cookies())


@endpoint(
    bp,
    "POST",
    "v1/auth/change-password",
    access=SIGNED_IN_UNVERIFIED,
    takes=ChangePasswordIn,
    gives=MessageOut,
    errors=("invalid_credentials",),
)
async def change_password(call: Call) -> Reply:
    """Set a new password by proving the present one. The other sessions end, this one stays."""
    body = call.body(ChangePasswordIn)
    caller = call.caller
    await parts.get().auth.recovery.change(
        caller.user_id, caller.session_id, body.current_password, body.new_password, client_of(call)
    )
    return Reply(200, MessageOut("Your password is changed."))


@endpoint(bp, "GET", "v1/auth/verify-email", access=ANYONE, query=TokenQuery, status=302)
async def follow_verification(call: Call) -> Reply:
    """Verify an e-mail address by the mailed link, and go to the site's page about it.

    The page is told `status=success` or `status=invalid`. A HEAD looks and does nothing.
    """
    page = f"{parts.get().settings.site_url}/verify-email"
    if call.method == "HEAD":
        return Reply(302, None, {"Location": page})
    verified = await parts.get().auth.verification.try_verify(call.query(TokenQuery).token, client_of(call))
    return Reply(302, None, {"Location": f"{page}?status={'success' if verified else 'invalid'}"})


@endpoint(
    bp,
    "POST",
    "v1/auth/verify-email",
    access=ANYONE,
    takes=TokenIn,
    gives=MessageOut,
    errors=("invalid_token",),
)
async def verify_email(call: Call) -> Reply:
    """Verify an e-mail address by the token of the mailed link. It is good once and for 48 hours."""
    await parts.get().auth.verification.verify(call.body(TokenIn).token, client_of(call))
    return Reply(200, MessageOut("Your e-mail address is verified."))


@endpoint(bp, "POST", "v1/auth/resend-verification", access=SIGNED_IN_UNVERIFIED, gives=MessageOut, status=202)
async def resend_verification(call: Call) -> Reply:
    """Mail another link to verify the caller's address. Links mailed before stay good."""
    await parts.get().auth.verification.resend(call.user_id, client_of(call))
    return Reply(202, MessageOut("If your address is not verified yet, a link is on its way."))


async def _guest_of(call: Call) -> str | None:
    """The guest who is signed in, if by no more than the refresh cookie of a page of ours: they had a long talk."""
    if call.identity is not None:
        return call.user_id if call.identity.guest else None
    token = call.cookies.get(REFRESH_TOKEN)
    return await parts.get().auth.guests.recognise(token) if token and call.is_same_site else None


def _cookie_of_ours(call: Call) -> str | None:
    """The refresh token of a browser. Raises CsrfFailed when another site had it sent."""
    token = call.cookies.get(REFRESH_TOKEN)
    if token:
        call.require_same_site()
    return token
