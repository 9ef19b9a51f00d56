"""Where requests are weighed, one scenario at a time. A new endpoint needs one small function in `scenarios/`:

    @scenario
    async def get_course(bench: Bench) -> None:
        await bench.load_course()
        await bench.measure(at={"course_id": COURSE_ID})

It is called like the endpoint's handler, prepares what the request needs, and measures one usual request: a signed-in
caller's session is known to the cache, nobody was cut off in the middle, and nothing is tried twice. `case` names a
further scenario of the same endpoint.
"""

import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import httpx
from sqlalchemy import event

from domain.chat.publishing import Publisher
from domain.kernel.accounts import Role
from tests.budget import CountingCache
from tests.costs.meter import Cost, CountingQueue, MeteredDocuments
from tests.courses import a_course, course_id
from tests.push_service import PUSH
from tests.world import PASSWORD, Person, World, a_world
from web.declaration import ENDPOINTS

COURSE_ID: Final = course_id(1)


@dataclass(frozen=True, slots=True)
class Measured:
    """*answer* is the request, with what this process does behind it; *after* is what its queue messages cause."""

    endpoint: str
    case: str
    answer: Cost
    after: Cost


@dataclass
class Bench:
    endpoint: str
    case: str
    world: World
    documents: MeteredDocuments
    cache: CountingCache
    queue: CountingQueue
    sql_transactions: int = 0
    measured: Measured | None = None

    async def person(self, name: str = "ada", *, verified: bool = True) -> Person:
        """Somebody whose session the cache knows."""
        person = await self.world.sign_up(name, verified=verified)
        assert (await self.get("users/me", person)).status_code == 200
        return person

    async def admin(self) -> Person:
        email = "grace@tools.example"
        user_id = await self.world.parts.auth.appointing.create_user(email, "Grace", Role.ADMIN, PASSWORD)
        async with self.world.browser() as browser:
            reply = await browser.post("/api/v1/auth/login", json={"email": email, "password": PASSWORD})
        admin = Person(user_id, email, PASSWORD, "Grace", reply.json()["accessToken"])
        assert (await self.get("users/me", admin)).status_code == 200
        return admin

    async def load_course(self, **more: Any) -> None:
        await self.world.parts.courses.publishing.load([a_course(1, lessons=10, **more)])

    async def get(self, path: str, who: Person, **more: Any) -> httpx.Response:
        return await self.world.client.get(f"/api/v1/{path}", headers=who.bearer, **more)

    async def do(self, method: str, path: str, who: Person | None = None, json: Any = None) -> Any:
        """A request that only prepares; what it answered."""
        reply = await self.world.client.request(
            method, f"/api/v1/{path}", json={} if json is None else json, headers=who.bearer if who else {}
        )
        assert reply.is_success, reply.text
        return reply.json() if reply.content else None

    async def measure(
        self,
        who: Person | None = None,
        *,
        at: dict[str, str] | None = None,
        status: int | None = None,
        headers: dict[str, str] | None = None,
        **more: Any,
    ) -> httpx.Response:
        """Do the request. *at* fills the route's places; *status* is what it answers, if not what the endpoint says."""
        declared = ENDPOINTS[self.endpoint]
        await self._settle()
        await self.world.run_jobs("none")
        expected = {status} if status else {declared.status, *declared.also}
        self._take()
        async with self.world.browser() as browser:
            reply = await browser.request(
                declared.method,
                f"/api/{declared.route.format(**(at or {}))}",
                headers={**(who.bearer if who else {}), **(headers or {})},
                **more,
            )
        assert reply.status_code in expected, f"{reply.status_code} {reply.text}"
        await self._settle()
        answer = self._take()
        await self.world.run_jobs("none")  # no timer, only the queues
        await self._settle()
        self.measured = Measured(self.endpoint, self.case, answer, self._take())
        return reply

    async def _settle(self) -> None:
        await self.world.parts.chat.sending.settle()
        await self.world.parts.chat.behind.settle()

    def _take(self) -> Cost:
        """What was spent since this was last asked."""
        realtime = self.world.realtime
        cost = self.documents.cost
        cost.cache, cost.queue, cost.sql = self.cache.trips, self.queue.sent, self.sql_transactions
        cost.realtime = len(realtime.sent) + len(realtime.calls)
        realtime.sent.clear()
        realtime.calls.clear()
        self.cache.trips = self.queue.sent = self.sql_transactions = 0
        self.documents.cost = Cost()
        return cost


Scenario = Callable[[Bench], Awaitable[None]]
SCENARIOS: Final[dict[tuple[str, str], Scenario]] = {}
"""By endpoint and case; the usual case is the empty text."""


def scenario(run: Scenario) -> Scenario:
    return case("")(run)


def case(name: str, *, endpoint: str | None = None) -> Callable[[Scenario], Scenario]:
    """A further scenario, of *endpoint*."""

    def keep(run: Scenario) -> Scenario:
        key = endpoint or run.__name__, name
        assert key not in SCENARIOS, key
        SCENARIOS[key] = run
        return run

    return keep


@asynccontextmanager
async def _a_bench(endpoint: str, case: str) -> AsyncGenerator[Bench]:
    with tempfile.TemporaryDirectory() as folder:
        async with a_world(Path(folder), **PUSH) as world:
            parts = world.parts
            documents, cache = MeteredDocuments(parts.documents), CountingCache(world.clock)
            queue = CountingQueue(Path(folder) / "queues.db", world.clock)
            vars(parts).update(documents=documents, cache=cache, queue=queue)
            vars(parts.chat)["publisher"] = Publisher(
                documents, world.realtime, parts.files.of_messages, world.clock, quiet=timedelta()
            )
            bench = Bench(endpoint, case, world, documents, cache, queue)

            def count(_connection: Any) -> None:
                bench.sql_transactions += 1

            event.listen(parts.sql.engine, "begin", count)
            yield bench


async def weigh(endpoint: str, case: str) -> Measured:
    """Run one scenario in a world of its own."""
    async with _a_bench(endpoint, case) as bench:
        await SCENARIOS[endpoint, case](bench)
        assert bench.measured is not None, f"the scenario of {endpoint} measures nothing"
        return bench.measured
