"""Timers and queues: what follows a request, and what nobody asks for. Each calls one use case, safe to run twice.

A failure is raised, not swallowed: the host shows the message again, and after five tries moves it to
`<name>-poison`; a timer simply comes round again. What has to reach open sockets goes back to the outbox instead, while
the realtime service is away: an outage may take longer than five tries.
"""

import azure.functions as func

from adapters.queues.messages import decode_message
from domain.kernel.containers import ACCOUNTS, CHAT
from domain.kernel.outbox import queued_task
from domain.kernel.sessions import SESSIONS
from runtime import parts

bp = func.Blueprint()


@bp.timer_trigger(arg_name="timer", schedule="*/10 * * * * *", use_monitor=False)
async def sweep_outbox(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the trigger's own name
    """Hand over what a crash, or a queue that was down, left in an outbox."""
    await parts.get().outbox.sweep_all()


@bp.queue_trigger(arg_name="message", queue_name="courses", connection="AzureWebJobsStorage")
async def project_course(message: func.QueueMessage) -> None:
    """Count a learner in a course, or show an edited course, where the request could not do it itself."""
    await parts.get().courses.projection.run(message.get_json())


@bp.queue_trigger(arg_name="message", queue_name="mail", connection="AzureWebJobsStorage")
async def send_mail(message: func.QueueMessage) -> None:
    """Write one letter and hand it to the mailer."""
    await parts.get().mail_room.deliver(message.get_json())


@bp.timer_trigger(arg_name="timer", schedule="*/5 * * * * *", use_monitor=False)
async def publish_pending(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the trigger's own name
    """Publish chat messages that were stored and, after a crash or an outage, not told to anyone."""
    await parts.get().chat.publisher.publish_pending()


@bp.timer_trigger(arg_name="timer", schedule="*/5 * * * * *", use_monitor=False)
async def send_scheduled(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the trigger's own name
    """Send the chat messages that are due. One query of one partition when none is."""
    await parts.get().chat.due.send_due()


@bp.timer_trigger(arg_name="timer", schedule="0 */10 * * * *", use_monitor=False)
async def expire_messages(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the trigger's own name
    """Remove chat messages that are older than their conversation keeps them."""
    await parts.get().social.expiry.run()


@bp.timer_trigger(arg_name="timer", schedule="0 10 3 * * *", use_monitor=False)
async def renew_holds(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the trigger's own name
    """Have legal holds reach what people under one came into since yesterday."""
    await parts.get().social.renew_holds()


@bp.queue_trigger(arg_name="message", queue_name="chat", connection="AzureWebJobsStorage")
async def follow_chat(message: func.QueueMessage) -> None:
    """Bring people into what was opened, keep their lists in order, and tell what a crash left untold."""
    task = message.get_json()
    work = parts.get().chat.tasks.run(task)
    await parts.get().outbox.keep_trying(CHAT, queued_task("chat", task), work)


@bp.queue_trigger(arg_name="message", queue_name="notices", connection="AzureWebJobsStorage")
async def notice_missed(message: func.QueueMessage) -> None:
    """Let those who were away know what was said, once a burst is over; and judge e-mails that are due."""
    await parts.get().chat.noticing.run(message.get_json())


@bp.queue_trigger(arg_name="message", queue_name="pushes", connection="AzureWebJobsStorage")
async def push_to_device(message: func.QueueMessage) -> None:
    """Push to one device, if its person is still away."""
    await parts.get().push.pushing.run(message.get_json())


@bp.queue_trigger(arg_name="message", queue_name="sessions", connection="AzureWebJobsStorage")
async def settle_sessions(message: func.QueueMessage) -> None:
    """Have cache and sockets follow sessions that were ended or changed."""
    task = message.get_json()
    work = parts.get().auth.revocation.settle(task["userId"], task["sessionIds"])
    await parts.get().outbox.keep_trying(ACCOUNTS, queued_task(SESSIONS, task), work)


@bp.queue_trigger(arg_name="message", queue_name="guests", connection="AzureWebJobsStorage")
async def end_guest(message: func.QueueMessage) -> None:
    """Remove a guest whose day is over, unless they signed up."""
    await parts.get().auth.guests.end(message.get_json()["userId"])


@bp.queue_trigger(arg_name="message", queue_name="resets", connection="AzureWebJobsStorage")
async def begin_reset(message: func.QueueMessage) -> None:
    """Mail a link to who forgot their password, if there is such an account."""
    task = message.get_json()
    await parts.get().auth.recovery.begin_reset(task["requestId"], task["emailKey"])


@bp.timer_trigger(arg_name="timer", schedule="*/15 * * * * *", use_monitor=False)
async def sweep_sql_outbox(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the trigger's own name
    """The same for the SQL outbox, which is asked only when there is reason to: a paused database would wake up."""
    await parts.get().sql_sweep.run()


@bp.timer_trigger(arg_name="timer", schedule="0 40 3 * * 1", use_monitor=False)
async def forget_form_origins(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the trigger's own name
    """Forget where forms came from, once abuse need not be traced any more. Weekly: it wakes the database."""
    await parts.get().forms.retention.forget_origins()


@bp.queue_trigger(arg_name="message", queue_name="projections", connection="AzureWebJobsStorage")
async def project_person(message: func.QueueMessage) -> None:
    """Have the directory and chat show a person as the account is now."""
    await parts.get().users.projection.project(message.get_json()["userId"])


@bp.timer_trigger(arg_name="timer", schedule="0 20 * * * *", use_monitor=False)
async def sweep_files(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the trigger's own name
    """Remove uploads that were never completed, and what a crash left of deleted files."""
    await parts.get().files.sweep.run()


@bp.queue_trigger(arg_name="message", queue_name="scans", connection="AzureWebJobsStorage")
async def take_verdict(message: func.QueueMessage) -> None:
    """Take what the malware scanner found in a file, as Event Grid delivers it."""
    await parts.get().files.verdicts.take(decode_message(message.get_body()))
