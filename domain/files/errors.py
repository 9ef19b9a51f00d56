"""What can go wrong with files, and how it is told."""

from typing import Final

from domain.kernel.errors import Conflict, Fault, Forbidden, Invalid, NotFound


class FileNotFound(NotFound):
    """Also raised for what belongs to somebody else: absence and secrecy look the same."""

    message = "There is no such file."


class NotUploaded(Conflict):
    message = "The file's bytes have not arrived. Upload them first."


class UploadNotVerified(Forbidden):
    code = "email_not_verified"
    message = "Confirm your e-mail address first."


class FileRefused(Invalid):
    """The bytes are not what was announced, or nothing we keep. They have been deleted."""

    def __init__(self, reason: str) -> None:
        """*reason* is one of REFUSALS."""
        self.reason = reason
        super().__init__(faults=[Fault("fileId", reason, REFUSALS[reason])])


REFUSALS: Final = {
    "size_mismatch": "The file is not as large as was announced. Ask for a new upload.",
    "type_mismatch": "The file is not of the type that was announced.",
    "unsafe_content": "The file holds something that cannot be kept here.",
    "damaged": "The file is damaged or incomplete.",
    "too_many_pixels": "The picture has too many pixels.",
    "archive_too_large": "The archive would be too large once unpacked.",
    "infected": "The file was found to be harmful.",
}
"""Codes of details, and what they say."""
