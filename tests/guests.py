"""Guests, as tests meet them."""

from dataclasses import dataclass, replace
from typing import Any

import httpx

from tests.world import Person, World

GUEST = "/api/v1/auth/guest"


@dataclass(frozen=True)
class Guest(Person):
    """*room* is their conversation."""

    room: str
    refresh_token: str


def receive_guests(world: World, *hosts: Person) -> None:
    """From now on these receive guests, as if the setting had named them."""
    settings = world.parts.settings
    ids = tuple(host.id for host in hosts)
    world.parts.settings = replace(settings, chat=replace(settings.chat, guest_hosts=ids))
    vars(world.parts.social).pop("reception", None)
    for name in ("guests", "guest_sign_up"):
        vars(world.parts.auth).pop(name, None)
    vars(world.parts.chat).pop("tasks", None)


async def come(world: World, name: str = "Gil", **headers: str) -> httpx.Response:
    async with world.browser() as browser:
        return await browser.post(GUEST, json={"name": name}, headers=headers)


def guest_of(reply: httpx.Response) -> Guest:
    assert reply.status_code == 201, reply.text
    said: dict[str, Any] = reply.json()
    user = said["user"]
    token, refresh_token = said["accessToken"], reply.cookies["refreshToken"]
    return Guest(user["id"], "", "", user["name"], token, said["conversationId"], refresh_token)


async def a_guest(world: World, name: str = "Gil") -> Guest:
    return guest_of(await come(world, name))
