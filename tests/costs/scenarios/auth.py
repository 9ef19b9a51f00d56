"""Signing up, in and out."""

from tests.auth import OURS
from tests.costs.bench import Bench, case, scenario
from tests.guests import receive_guests
from tests.world import PASSWORD

NEW_PASSWORD = "another long password of mine"


def _token(bench: Bench, to: str) -> str:
    """Of the link that was mailed last."""
    return bench.world.mails(to=to)[-1].links[0].partition("token=")[2]


async def _signed_in(bench: Bench, email: str) -> dict[str, str]:
    """What a further sign-in answers."""
    body = {"email": email, "password": PASSWORD}
    answer: dict[str, str] = await bench.do("POST", "auth/login", json=body)
    return answer


@scenario
async def sign_up(bench: Bench) -> None:
    await bench.measure(json={"email": "ada@people.example", "password": PASSWORD, "name": "Ada Lovelace"})


@case("the address is taken", endpoint="sign_up")
async def sign_up_again(bench: Bench) -> None:
    ada = await bench.person()
    await bench.measure(json={"email": ada.email, "password": NEW_PASSWORD, "name": "Eve"}, status=409)


@scenario
async def come_as_guest(bench: Bench) -> None:
    receive_guests(bench.world, await bench.person("host"))
    await bench.measure(json={"name": "Gil"})


@case("a guest", endpoint="sign_up")
async def sign_up_as_guest(bench: Bench) -> None:
    receive_guests(bench.world, await bench.person("host"))
    token = (await bench.do("POST", "auth/guest", json={"name": "Gil"}))["accessToken"]
    body = {"email": "gil@people.example", "password": PASSWORD, "name": "Gil"}
    await bench.measure(headers={"Authorization": f"Bearer {token}"}, json=body)


@scenario
async def log_in(bench: Bench) -> None:
    ada = await bench.person()
    await bench.measure(json={"email": ada.email, "password": PASSWORD})


@case("wrong password", endpoint="log_in")
async def log_in_wrongly(bench: Bench) -> None:
    ada = await bench.person()
    await bench.measure(json={"email": ada.email, "password": NEW_PASSWORD}, status=401)


@case("no such account", endpoint="log_in")
async def log_in_as_nobody(bench: Bench) -> None:
    await bench.measure(json={"email": "nobody@people.example", "password": PASSWORD}, status=401)


@scenario
async def refresh(bench: Bench) -> None:
    await bench.person()
    reply = await bench.world.client.post(
        "/api/v1/auth/login", json={"email": "ada@people.example", "password": PASSWORD}
    )
    token = reply.cookies["refreshToken"]
    await bench.measure(headers={"Cookie": f"refreshToken={token}", **OURS})


@scenario
async def log_out(bench: Bench) -> None:
    await bench.measure(await bench.person(), json={})


@scenario
async def log_out_everywhere(bench: Bench) -> None:
    ada = await bench.person()
    await _signed_in(bench, ada.email)
    await bench.measure(ada, json={})


@scenario
async def list_sessions(bench: Bench) -> None:
    ada = await bench.person()
    await _signed_in(bench, ada.email)
    await bench.measure(ada)


@scenario
async def revoke_session(bench: Bench) -> None:
    ada = await bench.person()
    await _signed_in(bench, ada.email)
    sessions = (await bench.get("auth/sessions", ada)).json()["items"]
    [other] = [session["id"] for session in sessions if not session["current"]]
    await bench.measure(ada, at={"session_id": other})


@scenario
async def forgot_password(bench: Bench) -> None:
    ada = await bench.person()
    await bench.measure(json={"email": ada.email})


@scenario
async def reset_password(bench: Bench) -> None:
    ada = await bench.person()
    await bench.do("POST", "auth/forgot-password", json={"email": ada.email})
    await bench.world.run_jobs("none")
    await bench.measure(json={"token": _token(bench, ada.email), "newPassword": NEW_PASSWORD})


@scenario
async def change_password(bench: Bench) -> None:
    ada = await bench.person()
    await bench.measure(ada, json={"currentPassword": PASSWORD, "newPassword": NEW_PASSWORD})


@scenario
async def follow_verification(bench: Bench) -> None:
    ada = await bench.person(verified=False)
    await bench.world.run_jobs("none")
    await bench.measure(params={"token": _token(bench, ada.email)})


@scenario
async def verify_email(bench: Bench) -> None:
    ada = await bench.person(verified=False)
    await bench.world.run_jobs("none")
    await bench.measure(ada, json={"token": _token(bench, ada.email)})


@scenario
async def resend_verification(bench: Bench) -> None:
    ada = await bench.person(verified=False)
    await bench.measure(ada, json={})
