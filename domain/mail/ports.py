"""What the mail room needs from others.

Accounts, links and keys come from the kernel; forms through `domain.kernel.submissions.Submissions`; the way out is
`domain.kernel.mail.Mailer`. Only the addresses of our own sites are its own business.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sites:
    """URLs without a trailing slash. *mail_domain* is the right-hand side of our Message-IDs."""

    api_url: str
    site_url: str
    mail_domain: str
    team: str
    """Who is told of a new form."""

    def verify_email(self, token: str) -> str:
        return f"{self.api_url}/api/v1/auth/verify-email?token={token}"

    def reset_password(self, token: str) -> str:
        return f"{self.site_url}/reset-password?token={token}"

    def unsubscribe(self, token: str) -> str:
        return f"{self.api_url}/api/v1/users/unsubscribe?token={token}"

    @property
    def messages(self) -> str:
        return f"{self.site_url}/messages"

    @property
    def forgot_password(self) -> str:
        return f"{self.site_url}/forgot-password"

    def form(self, submission_id: str) -> str:
        return f"{self.site_url}/admin/forms/{submission_id}"
