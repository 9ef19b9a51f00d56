"""What sign-in can refuse, besides the kernel's tokens that are missing, invalid or revoked."""

from domain.kernel.errors import Conflict, Forbidden, Unauthenticated


class InvalidCredentials(Unauthenticated):
    """Never says which of the two was wrong, nor whether there is such an account."""

    code = "invalid_credentials"
    message = "E-mail address or password is not right."


class AccountSuspended(Forbidden):
    """Told only to who proved the password."""

    code = "account_suspended"
    message = "This account is suspended. Write to us if you think this is a mistake."


class UserExists(Conflict):
    code = "user_exists"
    message = "There is an account with this e-mail address. Sign in, or reset the password."
