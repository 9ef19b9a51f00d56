"""The public forms, and the desk where administrators work through them."""

import azure.functions as func

from blueprints.access import ADMINS, ANYONE
from blueprints.forms_shapes import (
    ChangeFormIn,
    ContactIn,
    FormOut,
    FormsQuery,
    FormSummaryOut,
    InterestIn,
    ReceiptOut,
    ReferralIn,
    ReferralReceiptOut,
    origin_of,
    receipt_out,
)
from domain.forms.desk import Actor
from runtime import parts
from web.call import Call
from web.declaration import Limit
from web.endpoint import endpoint
from web.idempotency import REPLAYED
from web.paging import PageOut, page, read_position
from web.reply import Reply

bp = func.Blueprint()

THANKS = "Thank you. We have received your {}, and will be in touch."


@endpoint(
    bp,
    "POST",
    "v1/forms/contact",
    access=ANYONE,
    takes=ContactIn,
    gives=ReceiptOut,
    status=201,
    limit=Limit.FORMS,
    replays_itself=True,
    errors=("conflict",),
)
async def send_contact_form(call: Call) -> Reply:
    """Write to the team."""
    return await _take(call, call.body(ContactIn), "message")


@endpoint(
    bp,
    "POST",
    "v1/forms/interest",
    access=ANYONE,
    takes=InterestIn,
    gives=ReceiptOut,
    status=201,
    limit=Limit.FORMS,
    replays_itself=True,
    errors=("conflict",),
)
async def send_interest_form(call: Call) -> Reply:
    """Tell what one would like to take part in."""
    return await _take(call, call.body(InterestIn), "interest form")


@endpoint(
    bp,
    "POST",
    "v1/forms/referral",
    access=ANYONE,
    takes=ReferralIn,
    gives=ReferralReceiptOut,
    status=201,
    limit=Limit.FORMS,
    replays_itself=True,
    errors=("conflict",),
)
async def send_referral_form(call: Call) -> Reply:
    """Refer somebody to the programme.

    The tracking number counts up from 000001 in each year (UTC), without gaps or repeats.
    """
    return await _take(call, call.body(ReferralIn), "referral")


async def _take(call: Call, body: ContactIn | InterestIn | ReferralIn, what: str) -> Reply:
    receipt = await parts.get().forms.service.submit(
        body.form(), origin_of(call), body.guards(call), key=call.idempotency_key
    )
    headers = {REPLAYED: "true"} if receipt.repeated else {}
    return Reply(201, receipt_out(receipt, THANKS.format(what)), headers)


@endpoint(bp, "GET", "v1/forms", access=ADMINS, query=FormsQuery, gives=PageOut[FormSummaryOut])
async def list_forms(call: Call) -> Reply:
    """List what was sent in, the newest first.

    `query` is found anywhere in the sender's name and e-mail, the subject, interests, participant, organization and
    tracking number.
    """
    query = call.query(FormsQuery)
    before = await read_position(call, query)
    found = await parts.get().forms.desk.page(query.wanted(), before=before, limit=query.limit + 1)
    items = [FormSummaryOut.of(submission) for submission in found[: query.limit]]
    after = items[-1].id if len(found) > query.limit else None
    return Reply(200, await page(call, query, items, after=after))


@endpoint(bp, "GET", "v1/forms/{form_id}", access=ADMINS, gives=FormOut, errors=("not_found",), etag=True)
async def get_form(call: Call) -> Reply:
    """Read one form, with what staff did about it."""
    return Reply(200, FormOut.whole(*await parts.get().forms.desk.get(call.path_id("form_id"))))


@endpoint(
    bp,
    "PATCH",
    "v1/forms/{form_id}",
    access=ADMINS,
    takes=ChangeFormIn,
    gives=FormOut,
    errors=("not_found", "precondition_failed"),
)
async def change_form(call: Call) -> Reply:
    """Set a form's status or assignee, or note something about it."""
    form_id, change = call.path_id("form_id"), call.body(ChangeFormIn).change()
    version = await _version_named(call, form_id)
    actor = Actor(call.user_id, call.request_id)
    changed = await parts.get().forms.desk.change(form_id, change, actor, version=version)
    return Reply(200, FormOut.whole(*changed))


async def _version_named(call: Call, form_id: str) -> int | None:
    """The version that `If-Match` means; None without one. Raises PreconditionFailed."""
    if "if-match" not in call.headers:
        return None
    submission, history = await parts.get().forms.desk.get(form_id)
    call.check_if_match(FormOut.whole(submission, history))
    return submission.version
