"""Structured logs with the trace and without secrets; tracing for the edge, by one name."""

import logging
from typing import Any

from django.http import HttpRequest

from commerce.kernel.trace import current_trace, traced, traceparent

__all__ = ["TraceFilter", "current_trace", "shown_path", "traced", "traceparent"]

SECRET_PARTS = ("token",)
"""Names of the parts of an address that open something for whoever has them."""
HIDDEN = "***"


class TraceFilter(logging.Filter):
    """Puts the present trace id on every record, and takes the secrets of its request off it."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.trace_id = current_trace()
        request: Any = record.__dict__.pop("request", None)
        if isinstance(request, HttpRequest) and isinstance(record.args, tuple):
            record.args = tuple(
                _without(arg, _secrets(request)) if isinstance(arg, str) else arg
                for arg in record.args
            )
        return True


def shown_path(request: HttpRequest) -> str:
    """The request's path without the secrets in it."""
    return _without(request.path, _secrets(request))


def _secrets(request: HttpRequest) -> list[str]:
    match = getattr(request, "resolver_match", None)
    found = match.kwargs if match is not None else {}
    return [str(found[name]) for name in SECRET_PARTS if found.get(name)]


def _without(text: str, secrets: list[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, HIDDEN)
    return text
