"""People: their own profile and trail, the directory, and its administration.  Walk: `docs/flows/profile.md`."""

import azure.functions as func

from blueprints.access import ADMINS, ANY_ACCOUNT, SIGNED_IN, SIGNED_IN_UNVERIFIED
from blueprints.users_shapes import (
    AccountIn,
    AccountOut,
    AccountsQuery,
    ActivityOut,
    PeopleQuery,
    PersonOut,
    ProfileIn,
    ProfileOut,
)
from runtime import parts
from web.call import Call
from web.endpoint import endpoint
from web.paging import PageOut, PageQuery, page, read_position
from web.reply import Reply

bp = func.Blueprint()


@endpoint(bp, "GET", "v1/users/me", access=ANY_ACCOUNT, gives=ProfileOut, etag=True)
async def get_profile(call: Call) -> Reply:
    """Show the caller's own profile."""
    return Reply(200, ProfileOut.of(await parts.get().users.profiles.get(call.user_id)))


@endpoint(
    bp,
    "PATCH",
    "v1/users/me",
    access=SIGNED_IN_UNVERIFIED,
    takes=ProfileIn,
    gives=ProfileOut,
    errors=("precondition_failed",),
)
async def change_profile(call: Call) -> Reply:
    """Change the caller's own profile.

    What the body does not name stays as it is. `avatar` is the id of a completed upload of the category `avatar`, or
    null. With `If-Match`, only the profile that the caller has seen is changed.
    """
    profiles = parts.get().users.profiles
    profile = await profiles.get(call.user_id)
    call.check_if_match(ProfileOut.of(profile))
    changed = await profiles.change(
        profile, call.body(ProfileIn).wanted(), only_if_unchanged="if-match" in call.headers
    )
    return Reply(200, ProfileOut.of(changed))


@endpoint(bp, "GET", "v1/users/me/activity", access=SIGNED_IN, query=PageQuery, gives=PageOut[ActivityOut])
async def list_activity(call: Call) -> Reply:
    """List what happened to the caller's account, the newest first."""
    asked = call.query(PageQuery)
    before = await read_position(call, asked)
    entries, after = await parts.get().users.profiles.list_activity(call.user_id, before=before, limit=asked.limit)
    return Reply(200, await page(call, asked, [ActivityOut.of(entry) for entry in entries], after=after))


@endpoint(bp, "GET", "v1/users", access=SIGNED_IN, query=PeopleQuery, gives=PageOut[PersonOut])
async def find_people(call: Call) -> Reply:
    """Find people to talk to, by the beginning of any word of their name.

    Case and accents do not matter. Only active people with a confirmed address are found. A page may be shorter than
    `limit` though there are more.
    """
    asked = call.query(PeopleQuery)
    position = await read_position(call, asked)
    people, after = await parts.get().users.directory.find_people(asked.query, after=position, limit=asked.limit)
    return Reply(200, await page(call, asked, [PersonOut.of(found) for found in people], after=after))


@endpoint(bp, "GET", "v1/admin/users", access=ADMINS, query=AccountsQuery, gives=PageOut[AccountOut])
async def list_accounts(call: Call) -> Reply:
    """List accounts, the newest first.

    A page may be shorter than `limit` though there are more.
    """
    asked = call.query(AccountsQuery)
    before = await read_position(call, asked)
    administration = parts.get().users.administration
    accounts, after = await administration.list_accounts(asked.wanted(), before=before, limit=asked.limit)
    return Reply(200, await page(call, asked, [AccountOut.of(account) for account in accounts], after=after))


@endpoint(bp, "GET", "v1/admin/users/{user_id}", access=ADMINS, gives=AccountOut, etag=True, errors=("not_found",))
async def get_account(call: Call) -> Reply:
    """Show one account."""
    held = await parts.get().users.administration.get(call.path_id("user_id"))
    return Reply(200, AccountOut.of(held.account))


@endpoint(
    bp,
    "PATCH",
    "v1/admin/users/{user_id}",
    access=ADMINS,
    takes=AccountIn,
    gives=AccountOut,
    errors=("not_found", "conflict", "precondition_failed"),
)
async def change_account(call: Call) -> Reply:
    """Set an account's role or status.

    It holds at once, also for tokens given out before. Suspending an account, or making it confirm its address again
    (`pending_verification`), ends its sessions. Who sets `active` vouches for an address that was never confirmed.
    Nobody changes their own account here. With `If-Match`, only the account that the caller has seen is changed.
    """
    administration = parts.get().users.administration
    held = await administration.get(call.path_id("user_id"))
    call.check_if_match(AccountOut.of(held.account))
    changed = await administration.change(
        call.user_id, held, call.body(AccountIn).wanted(), only_if_unchanged="if-match" in call.headers
    )
    return Reply(200, AccountOut.of(changed))
