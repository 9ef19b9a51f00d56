"""What ties a log line to its request, and what a log line must not say."""

import logging
from contextvars import ContextVar
from typing import Any, Final

_NOBODY: Final = ("", "")
_current: ContextVar[tuple[str, str]] = ContextVar("request", default=_NOBODY)
"""The request id and the trace id of what is being worked on."""
_SAFE: Final = frozenset({AttributeError, ImportError, ModuleNotFoundError, NameError, NotImplementedError, TypeError})
"""Their messages speak of code, never of data."""
_MOST_CAUSES: Final = 10


def begin(request_id: str, trace_id: str | None) -> None:
    """From here on, this task and those it starts work on this request."""
    _current.set((request_id, trace_id or ""))


def tag_records() -> None:
    """Give every log record of the process `request_id` and `trace_id`, whoever writes it.

    As attributes: the text stays as it is, and telemetry exporters send attributes along as dimensions.
    """
    factory = logging.getLogRecordFactory()
    if getattr(factory, "tags_requests", False):
        return

    def tagged(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = factory(*args, **kwargs)
        record.request_id, record.trace_id = _current.get()
        return record

    tagged.tags_requests = True  # type: ignore[attr-defined]
    logging.setLogRecordFactory(tagged)


def without_words(error: BaseException, *, depth: int = 0) -> BaseException:
    """The same failure for the log: type, traceback and causes, but no message, which may quote personal data.

    A class says of itself with `tells_no_data = True` that its messages are safe.
    """
    safe = type(error) in _SAFE or getattr(error, "tells_no_data", False)
    bare = type(type(error).__name__, (Exception,), {"__module__": type(error).__module__})(
        *(error.args if safe else ())
    )
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if isinstance(error, BaseExceptionGroup):
        cause = error.exceptions[0]
    if cause is not None and depth < _MOST_CAUSES:
        bare.__cause__ = without_words(cause, depth=depth + 1)
    traced: BaseException = bare.with_traceback(error.__traceback__)
    return traced
