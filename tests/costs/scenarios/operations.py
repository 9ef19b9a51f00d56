"""Probes, and the description of the API."""

from tests.costs.bench import Bench, scenario


@scenario
async def healthz(bench: Bench) -> None:
    await bench.measure()


@scenario
async def readyz(bench: Bench) -> None:
    await bench.measure()


@scenario
async def version(bench: Bench) -> None:
    await bench.measure()


@scenario
async def openapi(bench: Bench) -> None:
    await bench.measure()


@scenario
async def docs(bench: Bench) -> None:
    await bench.measure()
