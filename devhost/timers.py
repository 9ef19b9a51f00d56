"""Fires the timer triggers when their schedules say so."""

import asyncio
import json
import logging
from collections.abc import Iterable

import azure.functions as func
from azure.functions.meta import Datum
from azure.functions.timer import TimerRequestConverter

from devhost.functions import Function
from devhost.schedule import Schedule
from domain.kernel.clock import Clock

log = logging.getLogger("devhost")


def timer_request() -> func.TimerRequest:
    """What a timer function gets when it runs on time."""
    datum = Datum(json.dumps({"IsPastDue": False, "Schedule": {"AdjustForDST": True}, "ScheduleStatus": {}}), "json")
    request: func.TimerRequest = TimerRequestConverter.decode(datum, trigger_metadata=None)
    return request


class Timers:
    """Each timer runs by itself, and never twice at once: the next time is sought when a run has ended."""

    def __init__(self, functions: Iterable[Function], clock: Clock) -> None:
        """Raises ScheduleFaulty."""
        self._clock = clock
        self._timers = [
            (function, Schedule.read(function.trigger["schedule"]))
            for function in functions
            if function.kind == "timerTrigger"
        ]

    async def run(self) -> None:
        """Until cancelled. What fails is logged, and comes round again."""
        async with asyncio.TaskGroup() as group:
            for function, schedule in self._timers:
                group.create_task(self._keep_firing(function, schedule))

    async def _keep_firing(self, function: Function, schedule: Schedule) -> None:
        if function.trigger.get("runOnStartup"):
            await self._fire(function)
        while True:
            now = self._clock.now()
            await asyncio.sleep((schedule.next_after(now) - now).total_seconds())
            await self._fire(function)

    async def _fire(self, function: Function) -> None:
        try:
            await function.invoke(timer_request())
        except Exception:
            log.exception("the timer %s failed", function.name)
