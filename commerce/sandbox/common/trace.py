"""The trace of a request, passed on with everything that the request causes later."""

from collections.abc import Mapping

TRACE_HEADERS = ("traceparent", "X-Request-Id")


def trace_of(headers: Mapping[str, str]) -> dict[str, str]:
    """The trace headers among `headers` (whose look-up ignores case), to store and send on."""
    return {name: headers[name] for name in TRACE_HEADERS if name in headers}
