"""What every request passes through: trace and access log, business time, bounds on its body."""

import logging
import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from commerce.kernel.clock import business_time_fixed
from commerce.kernel.trace import current_trace, trace_of, traced
from commerce.web.logs import shown_path
from commerce.web.policy import policies_of
from commerce.web.problems import Problem, is_api, problem_response

GetResponse = Callable[[HttpRequest], HttpResponseBase]

access = logging.getLogger("faisceau.access")
TIMELESS = ("/healthz", "/readyz", "/static/")
JSON_DEPTH = 32


def trace_request(get_response: GetResponse) -> GetResponse:
    """One trace per request, taken from `traceparent` or new; told in `X-Trace-Id` and the log."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        started = time.perf_counter()
        with traced(trace_of(request.headers.get("traceparent", ""))):
            response = get_response(request)
            response["X-Trace-Id"] = current_trace()
            if not request.path.startswith(TIMELESS):
                access.info(
                    "%s %s",
                    request.method,
                    shown_path(request),
                    extra={
                        "status": response.status_code,
                        "ms": round((time.perf_counter() - started) * 1000, 1),
                    },
                )
        return response

    return middleware


def business_time(get_response: GetResponse) -> GetResponse:
    """Business time is read once per request; bodies are bounded in size and JSON in depth."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        if request.path.startswith(TIMELESS):
            return get_response(request)
        refusal = _refusal_of_body(request)
        if refusal is not None:
            return refusal
        with business_time_fixed():
            return get_response(request)

    return middleware


def _refusal_of_body(request: HttpRequest) -> HttpResponse | None:
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    if _length(request) > limit:
        return problem_response(
            Problem(413, "too_large", f"A body may have at most {limit} bytes.")
        )
    if request.content_type == "application/json" and too_deep(request.body):
        return problem_response(
            Problem(400, "too_deep", f"JSON may be nested at most {JSON_DEPTH} deep.")
        )
    return None


def _length(request: HttpRequest) -> int:
    value = request.META.get("CONTENT_LENGTH") or "0"
    return int(value) if str(value).isdecimal() else 0


def too_deep(body: bytes) -> bool:
    """Whether brackets outside of texts open deeper than `JSON_DEPTH`; reads no further."""
    if body.count(b"[") + body.count(b"{") <= JSON_DEPTH:
        return False
    depth, in_text, escaped = 0, False, False
    for byte in body:
        if in_text:
            if escaped:
                escaped = False
            elif byte == 0x5C:
                escaped = True
            elif byte == 0x22:
                in_text = False
        elif byte == 0x22:
            in_text = True
        elif byte in (0x5B, 0x7B):
            depth += 1
            if depth > JSON_DEPTH:
                return True
        elif byte in (0x5D, 0x7D):
            depth -= 1
    return False


class ClosedByDefault:
    """Middleware: a route without a declared policy doesn't exist."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: Any, kwargs: Any
    ) -> HttpResponseBase | None:
        """Refuses what `policies_of` knows nothing of."""
        if policies_of(view):
            return None
        if is_api(request):
            return problem_response(Problem(403, "undeclared", "This route has no policy."))
        raise PermissionDenied("This route has no policy.")
