"""Web Push: which browsers the caller's messages are told to.  Walk: `docs/flows/missed-messages.md`."""

import azure.functions as func

from blueprints.access import SIGNED_IN
from blueprints.push_shapes import DeviceOut, DevicesOut, PushKeyOut, SubscribeIn
from runtime import parts
from web.call import Call
from web.endpoint import endpoint
from web.reply import Reply

bp = func.Blueprint()


@endpoint(bp, "GET", "v1/chat/push/key", access=SIGNED_IN, gives=PushKeyOut, errors=("not_found",))
async def get_push_key(call: Call) -> Reply:  # noqa: ARG001 - the same for everyone
    """Show the key that browsers subscribe with.

    As `applicationServerKey` of `PushManager.subscribe`. Answers `not_found` where push is not set up.
    """
    return Reply(200, PushKeyOut(parts.get().push.devices.public_key()))


@endpoint(
    bp,
    "POST",
    "v1/chat/push/subscriptions",
    access=SIGNED_IN,
    takes=SubscribeIn,
    gives=DeviceOut,
    status=201,
    also=(200,),
    errors=("not_found", "conflict"),
    idempotent=True,
)
async def add_push_subscription(call: Call) -> Reply:
    """Push new messages to this browser, until its sign-in ends.

    The body is the browser's `PushSubscription`. Sending it again is fine, and answers 200. A person has ten: the
    oldest goes when there is another. What is pushed holds ids only: `{"event": "message.new", "conversationId", "seq",
    "mentioned"}`.
    """
    body = call.body(SubscribeIn)
    device, is_new = await parts.get().push.devices.register(
        call.user_id,
        call.caller.session_id,
        endpoint=body.endpoint,
        p256dh=body.keys.p256dh,
        auth=body.keys.auth,
        new_id=call.new_id,
    )
    answer = DeviceOut.of(device, call.caller.session_id)
    location = {"Location": f"/api/v1/chat/push/subscriptions/{device.id}"}
    return Reply(201 if is_new else 200, answer, location)


@endpoint(bp, "GET", "v1/chat/push/subscriptions", access=SIGNED_IN, gives=DevicesOut)
async def list_push_subscriptions(call: Call) -> Reply:
    """List the browsers that the caller's messages are pushed to, the latest first."""
    devices = await parts.get().push.devices.list(call.user_id)
    return Reply(200, DevicesOut([DeviceOut.of(device, call.caller.session_id) for device in devices]))


@endpoint(
    bp,
    "DELETE",
    "v1/chat/push/subscriptions/{subscription_id}",
    access=SIGNED_IN,
    status=204,
    errors=("not_found",),
)
async def remove_push_subscription(call: Call) -> Reply:
    """Push to one of the caller's own browsers no more."""
    await parts.get().push.devices.remove(call.user_id, call.path_id("subscription_id"))
    return Reply(204)
