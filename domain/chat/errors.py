"""What chat refuses."""

from domain.kernel.errors import Conflict, DomainError, Forbidden, Invalid, Kind, NotFound


class ConversationNotFound(NotFound):
    """Also raised to strangers of a direct conversation, whose id can be worked out from two user ids."""

    message = "There is no such conversation."


class NotParticipant(Forbidden):
    """The conversation is a group, and the caller is not, or no longer, in it."""

    code = "not_participant"
    message = "You are not in this conversation."


class PersonNotFound(NotFound):
    message = "There is nobody here with this id."


class ReportNotFound(NotFound):
    message = "There is no such report."


class NotGroupAdmin(Forbidden):
    message = "Only an admin of this group may do this."


class ParticipantNotFound(NotFound):
    message = "This person is not in the conversation."


class LastAdmin(Conflict):
    message = "A group needs an admin. Make somebody else one first."


class MessageNotFound(NotFound):
    message = "There is no such message."


class NotUnderHold(Forbidden):
    """Administrators read whole conversations of others only where a reason is on record."""

    message = "This conversation is not under a legal hold."


class DraftNotFound(NotFound):
    message = "There is no draft."


class ScheduledNotFound(NotFound):
    message = "There is no such scheduled message."


class ScheduledTooMany(Conflict):
    message = "There are too many scheduled messages."


class BeingSent(Conflict):
    message = "It is too late: this message is being sent, or was sent or cancelled."


class MessageDeleted(Conflict):
    message = "This message was deleted."


class TooLateToChange(Forbidden):
    """One's own message, sent longer ago than the setting allows."""

    message = "It is too late to change this message."


class MessageRejected(Invalid):
    """The text is empty, too long, or holds what text may not hold."""


class ConversationBusy(DomainError):
    """So many writers at once that this one lost every race; sending again is safe."""

    code = "service_unavailable"
    kind = Kind.UNAVAILABLE
    message = "This conversation is very busy. Try again shortly."
