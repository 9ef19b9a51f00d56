"""Timers and queues: what follows a request, and what nobody asks for. Each calls one use case, safe to run twice.

A failure is raised, not swallowed: the host shows the message again, and after five tries moves it to
`<name>-poison`; a timer simply comes round again.
"""

import azure.functions as func

from runtime import parts

bp = func.Blueprint()


@bp.timer_trigger(arg_name="timer", schedule="*/10 * * * * *", use_monitor=False)
async def sweep_outbox(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the trigger's own name
    """Hand over what a crash, or a queue that was down, left in an outbox."""
    await parts.get().outbox.sweep_all()
