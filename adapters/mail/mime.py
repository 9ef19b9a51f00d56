"""One e-mail as bytes (RFC 5322, MIME): text and HTML, the same for every mailer that speaks MIME."""

import re
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime
from typing import Final

from domain.kernel.mail import MailMessage

_NOT_IN_ADDRESS: Final = re.compile(r"[\s\x00-\x1f\x7f()<>@,;:\\\"\[\]]")  # RFC 5322 §3.2.3, specials but the dot


def to_mime(message: MailMessage, *, sender: str, now: datetime, travels: bool = False) -> EmailMessage:
    """Raises ValueError where an address is not exactly one address, or a header holds a line break.

    What *travels* has no line beyond SMTP's limit (RFC 5321, 4.5.3.1.6: 1,000 octets) and needs no 8-bit path; what
    stays in a file can be read as it is. *sender* is an address, or `Name <address>`. Nobody gets an automatic answer:
    `Auto-Submitted` (RFC 3834) keeps vacation responders quiet.
    """
    policy = SMTP if message.to.isascii() and (message.reply_to or "").isascii() else SMTPUTF8
    mime = EmailMessage(policy=policy)
    mime["From"] = sender
    mime["To"] = _address(message.to)
    if message.reply_to is not None:
        mime["Reply-To"] = _address(message.reply_to)
    mime["Subject"] = message.subject
    mime["Date"] = format_datetime(now)
    mime["Message-ID"] = message.message_id
    mime["Auto-Submitted"] = "auto-generated"
    for name, value in message.unsubscribe_headers.items():
        mime[name] = value
    # 8bit, so that links can be read and clicked in the file as it is; quoted-printable breaks them over lines.
    cte = "quoted-printable" if travels else "8bit"
    mime.set_content(message.text, cte=cte)
    mime.add_alternative(message.html, subtype="html", cte=cte)
    return mime


def _address(text: str) -> Address:
    """Exactly one plain address. Quoted local parts, comments and names are not; RFC 6532 letters are."""
    local, at, domain = text.rpartition("@")
    if not at or not local or not domain or _NOT_IN_ADDRESS.search(local + domain):
        raise ValueError("not exactly one e-mail address")
    return Address(username=local, domain=domain)
