"""What a form may hold: every bad field is named, and what looks like code is text."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.http.test_forms import FORMS, count, send
from tests.world import World


def changed(form: str, **fields: Any) -> dict[str, Any]:
    return {**FORMS[form], **fields}


@pytest.mark.parametrize(
    ("form", "body", "faults"),
    [
        ("contact", {}, {"name": "required", "email": "required", "subject": "required", "message": "required"}),
        ("contact", changed("contact", name=" ", message="\n"), {"name": "too_short", "message": "too_short"}),
        ("contact", changed("contact", name=5, email=None), {"name": "type", "email": "type"}),
        ("contact", changed("contact", email="ada", phone="call me"), {"email": "email", "phone": "phone"}),
        ("contact", changed("contact", email="ada@people.example\nBcc: x@y.example"), {"email": "email"}),
        ("contact", changed("contact", subject="one\ntwo"), {"subject": "format"}),
        (
            "contact",
            changed("contact", subject="x" * 201, message="x" * 5001),
            {"subject": "too_long", "message": "too_long"},
        ),
        ("contact", changed("contact", message="a\x00b"), {"message": "control_character"}),
        (
            "contact",
            changed("contact", role="admin", status="resolved"),
            {"role": "unknown_field", "status": "unknown_field"},
        ),
        ("interest", changed("interest", interests=[]), {"interests": "too_few"}),
        ("interest", changed("interest", interests=["a"] * 21), {"interests": "too_many"}),
        ("interest", changed("interest", interests=["Art", "art"]), {"interests[1]": "repeated"}),
        (
            "interest",
            changed("interest", interests=["a", 7, ""]),
            {"interests[1]": "type", "interests[2]": "too_short"},
        ),
        ("referral", changed("referral", urgency="now"), {"urgency": "choice"}),
        ("referral", changed("referral", referrer={"name": "C", "email": "@"}), {"referrer.email": "too_short"}),
        ("referral", changed("referral", referrer={"name": "C", "email": "a@b@"}), {"referrer.email": "email"}),
        (
            "referral",
            changed("referral", participant={"phone": "12", "x": 1}),
            {"participant.name": "required", "participant.x": "unknown_field"},
        ),
        ("referral", changed("referral", participant={"name": "D", "phone": "12"}), {"participant.phone": "phone"}),
        (
            "referral",
            changed("referral", attachments=[{"fileId": "018d2b1e-7a3c-7c4e-8f5a-0123456789ab"}, {"fileId": "../etc"}]),
            {"attachments[0].fileId": "unknown_file", "attachments[1].fileId": "unknown_file"},
        ),
    ],
)
async def test_bad_fields_are_named_and_nothing_is_kept(
    world: World, form: str, body: Mapping[str, Any], faults: dict[str, str]
) -> None:
    reply = await send(world, form, body)
    assert reply.status_code == 400
    error = reply.json()["error"]
    assert error["code"] == "validation_error"
    assert {detail["path"]: detail["code"] for detail in error["details"]} == faults
    assert "ada@" not in reply.text
    assert count(world.data) == 0


async def test_a_huge_form_is_too_large(world: World) -> None:
    reply = await send(world, "contact", changed("contact", message="x" * 70_000))
    assert (reply.status_code, reply.json()["error"]["code"]) == (413, "payload_too_large")


@pytest.mark.parametrize(
    "text",
    [
        "'; DROP TABLE submissions; --",
        '{"$gt": ""}',
        "%s %(x)s {0} :id ?",
        "<script>alert(1)</script>",
        "=cmd|' /C calc'!A0",
    ],
)
async def test_what_looks_like_code_is_kept_as_text(world: World, text: str) -> None:
    reply = await send(world, "contact", changed("contact", name=text, subject=text, message=text))
    assert reply.status_code == 201
    submission = await world.parts.forms.store.find(reply.json()["id"])
    assert submission is not None
    assert (submission.sender_name, submission.content["message"]) == (text, text)
