"""Fan-out through the product: one message, and the time until the last socket has heard it."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bench.receivers import Audience, Receiver, Steps, fault
from bench.subject import SendOne, Subject

OPENING: Final = 50
"""Sockets that shake hands at the same time."""
OPEN_SECONDS: Final = 60
HEAR_SECONDS: Final = 30
QUIET_LOOKS: Final = 8
"""After so many in which nothing arrived, a service that never rests wholly is taken to rest."""
SATURATED_FROM: Final = 1_000_000
"""Numbers of the messages sent without a pause: those before were sent in turn."""


@dataclass(frozen=True, slots=True)
class FanOut:
    """What one window of a number of sockets showed."""

    socket_kilobytes: float
    """For each after the first tenth: what is loaded with the first sockets is in the figure below."""
    idle_kilobytes: float
    open_kilobytes: float
    last_p50_ms: float
    last_p99_ms: float
    sent_p50_ms: float
    busy_p50_ms: float
    """To the answer while eight send without a pause: whoever waits for the fan-out, or behind it, waits here."""
    deliveries: float
    """A second, with eight senders."""
    cpu_us: float
    """Of the server, for each delivery."""
    fault: str
    """What was wrong with what was heard of messages sent in turn: lost, heard twice, out of order."""
    saturated_fault: str
    """The same of what eight senders sent."""


async def fan_out(subject: Subject, sockets: int, *, tries: int, seconds: float) -> FanOut:
    """The subject was just started: what it holds before the sockets is the idle figure."""
    audience, process = Audience(), subject.process
    await asyncio.sleep(0.3)
    idle = process.pss_kilobytes
    port, ways = await subject.hearing(sockets)
    some = len(ways) // 10
    receivers = await _open(subject, port, ways[:some], audience)
    await _settled(subject, audience)
    woken = process.pss_kilobytes
    receivers += await _open(subject, port, ways[some:], audience)
    await _settled(subject, audience)
    full = process.pss_kilobytes
    last, sent = [], []
    async with subject.sender() as send_one:
        for number in range(tries):
            reached, answered = await _one(send_one, number, sockets, audience)
            last.append(reached)
            sent.append(answered)
    await _settled(subject, audience)
    wrong = fault([receiver.take() for receiver in receivers], range(tries), in_turn=True, order=subject.order)
    before, began, cpu = audience.total, time.perf_counter(), process.cpu_seconds
    window = await subject.sends(at_once=8, seconds=seconds, first=SATURATED_FROM)
    await _settled(subject, audience)
    arrived, took, used = audience.total - before, audience.heard_at - began, process.cpu_seconds - cpu
    asked = range(SATURATED_FROM + 1, SATURATED_FROM + window.asked + 1)
    heard = [receiver.take() for receiver in receivers]
    for receiver in receivers:
        assert receiver.transport is not None
        receiver.transport.abort()
    last.sort()
    return FanOut(
        socket_kilobytes=(full - woken) / (sockets - some),
        idle_kilobytes=idle,
        open_kilobytes=full,
        last_p50_ms=last[len(last) // 2],
        last_p99_ms=last[int(len(last) * 0.99)],
        sent_p50_ms=sorted(sent)[len(sent) // 2],
        busy_p50_ms=window.percentile(50),
        deliveries=arrived / took,
        cpu_us=used / max(1, arrived) * 1e6,
        fault=wrong,
        saturated_fault=fault(heard, asked, in_turn=False, order=subject.order),
    )


async def _open(subject: Subject, port: int, ways: Sequence[Steps], audience: Audience) -> list[Receiver]:
    loop = asyncio.get_running_loop()
    receivers: list[Receiver] = []
    for first in range(0, len(ways), OPENING):
        some = [subject.receiver(audience, steps) for steps in ways[first : first + OPENING]]
        for receiver in some:
            await loop.create_connection(lambda receiver=receiver: receiver, "127.0.0.1", port)  # type: ignore[misc]
        async with asyncio.timeout(OPEN_SECONDS):
            await asyncio.gather(*(receiver.open for receiver in some))
        receivers += some
    return receivers


async def _one(send_one: SendOne, number: int, sockets: int, audience: Audience) -> tuple[float, float]:
    """Milliseconds from sending to the last receiver, and to the answer. Raises TimeoutError when one hears nothing."""
    audience.expect(sockets)
    began = time.perf_counter()
    await send_one(number)
    answered = time.perf_counter()
    async with asyncio.timeout(HEAR_SECONDS):
        await audience.hear()
    return (audience.heard_at - began) * 1000, (answered - began) * 1000


async def _settled(subject: Subject, audience: Audience) -> None:
    """Return once nothing more arrives and the server rests, or after some seconds of little work."""
    before, cpu, quiet = -1, -1.0, 0
    while (before, cpu) != (audience.total, subject.process.cpu_seconds) and quiet < QUIET_LOOKS:
        quiet = quiet + 1 if before == audience.total else 0
        before, cpu = audience.total, subject.process.cpu_seconds
        await asyncio.sleep(0.3)
