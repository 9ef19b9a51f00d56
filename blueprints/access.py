"""Who may call: every endpoint names one of these."""

from typing import Final

from web.access import Access, Requires

ANYONE: Final = Access("anyone", Requires.NOTHING)
SIGNED_IN_UNVERIFIED: Final = Access("signed_in_unverified", Requires.SIGN_IN)
"""For `/auth/*` and `/users/me` only: all else waits for the e-mail to be verified."""
SIGNED_IN: Final = Access("signed_in", Requires.VERIFIED)
ANY_ACCOUNT: Final = Access("any_account", Requires.SIGN_IN, guests=True)
"""A person's own sign-in and account, whoever they are: guests, too."""
PARTICIPANTS: Final = Access("participants", Requires.VERIFIED, guests=True)
"""Talking in the conversations one is in, of which a guest has one."""
AUTHORS: Final = Access("authors", Requires.VERIFIED, frozenset({"mentor", "admin"}))
ADMINS: Final = Access("admins", Requires.VERIFIED, frozenset({"admin"}))
REALTIME_SERVICE: Final = Access("realtime_service", Requires.SERVICE)
"""The handler proves the caller by signature or Entra token."""
