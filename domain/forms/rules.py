"""What a form must hold to be taken. The limits are also those of the HTTP bodies and the SQL columns."""

import ipaddress
import re
from dataclasses import replace
from typing import Final

from domain.forms.model import Contact, Form, Interest, Referral, Sender
from domain.kernel.addresses import clean_email
from domain.kernel.errors import Fault, Invalid

MAX_NAME: Final = 200
MAX_EMAIL: Final = 254
MAX_PHONE: Final = 40
MAX_SUBJECT: Final = 200
MAX_TEXT: Final = 5000
"""Code points of a message or of notes."""
MAX_LINE: Final = 500
MAX_TOPIC: Final = 100
MAX_TOPICS: Final = 20
MAX_ATTACHMENTS: Final = 5
MAX_SEARCH: Final = 1000
MAX_USER_AGENT: Final = 256

_PHONE: Final = re.compile(r"\+?[0-9 ().\-/\u00a0]+(?:(?:ext|x)\.? ?[0-9]{1,6})?", re.IGNORECASE)
_FEWEST_DIGITS: Final = 5
_MOST_DIGITS: Final = 15 + 6
"""ITU-T E.164: at most 15; and an extension."""


def check_form(form: Form) -> Form:
    """The form with its addresses read as such. Raises Invalid with every bad field, in the contract's paths."""
    faults: list[Fault] = []
    match form:
        case Contact() | Interest():
            form = replace(form, sender=_check_sender(form.sender, "", faults))
        case Referral():
            form = replace(form, sender=_check_sender(form.sender, "referrer.", faults))
            _check_phone(form.participant.phone, "participant.phone", faults)
    _check_topics(form, faults)
    if faults:
        raise Invalid(faults=faults)
    return form


def _check_sender(sender: Sender, prefix: str, faults: list[Fault]) -> Sender:
    _check_phone(sender.phone, f"{prefix}phone", faults)
    try:
        return replace(sender, email=clean_email(sender.email, path=f"{prefix}email").text)
    except Invalid as error:
        faults.extend(error.faults)
        return sender


def _check_phone(phone: str | None, path: str, faults: list[Fault]) -> None:
    if phone is not None and not is_phone(phone):
        faults.append(Fault(path, "phone", "This is not a telephone number."))


def _check_topics(form: Form, faults: list[Fault]) -> None:
    path = "services" if form.type == "referral" else "interests"
    seen: set[str] = set()
    for position, topic in enumerate(form.topics):
        if topic.casefold() in seen:
            faults.append(Fault(f"{path}[{position}]", "repeated", "Is named twice."))
        seen.add(topic.casefold())


def is_phone(text: str) -> bool:
    """Digits with the punctuation people use, of any country, with or without an extension."""
    return _PHONE.fullmatch(text) is not None and _FEWEST_DIGITS <= sum(map(str.isdigit, text)) <= _MOST_DIGITS


def unknown_file(position: int) -> Fault:
    return Fault(f"attachments[{position}].fileId", "unknown_file", "There is no such file to attach.")


def network_of(address: str) -> str | None:
    """The caller's network (IPv4 /24, IPv6 /48): enough to see a flood from one place, too little for one person."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return None
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    return str(ipaddress.ip_network((ip, 24 if ip.version == 4 else 48), strict=False))  # noqa: PLR2004


def user_agent_of(header: str | None) -> str | None:
    """The first 256 printable characters of a `User-Agent`."""
    return "".join(filter(str.isprintable, header or ""))[:MAX_USER_AGENT].strip() or None


def search_text(form: Form, tracking: str | None) -> str:
    """What the desk's search looks through, case-folded."""
    terms = (tracking, form.sender.email, form.sender.name, *form.search_terms)
    return "\n".join(term for term in terms if term).casefold()[:MAX_SEARCH]
