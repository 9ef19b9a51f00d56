"""Forms, and the desk that reads them."""

from tests.costs.bench import Bench, scenario
from tests.http.test_forms import FORMS


@scenario
async def send_contact_form(bench: Bench) -> None:
    await bench.measure(json=FORMS["contact"])


@scenario
async def send_interest_form(bench: Bench) -> None:
    await bench.measure(json=FORMS["interest"])


@scenario
async def send_referral_form(bench: Bench) -> None:
    await bench.measure(json=FORMS["referral"])


async def _a_form(bench: Bench) -> dict[str, str]:
    """Where a form is."""
    sent = await bench.do("POST", "forms/contact", json=FORMS["contact"])
    return {"form_id": sent["id"]}


@scenario
async def list_forms(bench: Bench) -> None:
    await _a_form(bench)
    await bench.measure(await bench.admin())


@scenario
async def get_form(bench: Bench) -> None:
    await bench.measure(await bench.admin(), at=await _a_form(bench))


@scenario
async def change_form(bench: Bench) -> None:
    await bench.measure(await bench.admin(), at=await _a_form(bench), json={"status": "reviewed"})
