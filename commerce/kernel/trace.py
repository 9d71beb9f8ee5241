"""One trace id from the click to the provider's callback (W3C trace context)."""

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_TRACEPARENT = re.compile(r"^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}$")
_trace: ContextVar[str] = ContextVar("trace_id", default="")


def new_trace() -> str:
    """A fresh trace id: 32 hexadecimal digits."""
    return secrets.token_hex(16)


def current_trace() -> str:
    """The trace id of this request or task; empty outside of both."""
    return _trace.get()


def trace_of(traceparent: str) -> str:
    """The trace id within a `traceparent` header; empty if the header is not one."""
    match = _TRACEPARENT.match(traceparent.strip().lower())
    return match.group(1) if match and int(match.group(1), 16) else ""


def traceparent() -> str:
    """The header that passes the present trace on, with a new span id."""
    return f"00-{current_trace() or new_trace()}-{secrets.token_hex(8)}-01"


@contextmanager
def traced(trace_id: str = "") -> Iterator[str]:
    """Work under `trace_id` (a new one when empty) for the block."""
    token = _trace.set(trace_id or new_trace())
    try:
        yield _trace.get()
    finally:
        _trace.reset(token)
