"""Errors to HTTP, once for all: RFC 9457 problem documents, and the same facts for pages."""

import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db.utils import OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from rest_framework import exceptions as drf
from rest_framework.response import Response
from rest_framework.views import set_rollback

from commerce.kernel.errors import (
    Conflict,
    FaisceauError,
    Forbidden,
    InvalidInput,
    NotFound,
    Refused,
    RuleViolated,
    Unknown,
)
from commerce.kernel.sentences import Sentence
from commerce.kernel.trace import current_trace

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER = 5
TO_BE_TRIED_AGAIN = ("40001", "40P01", "55P03")
"""PostgreSQL: serialization failure, deadlock, lock not available."""

STATUS: tuple[tuple[type[FaisceauError], int], ...] = (
    (InvalidInput, 400),
    (Forbidden, 403),
    (NotFound, 404),
    (Conflict, 409),
    (RuleViolated, 422),
    (Refused, 422),
    (Unknown, 503),
    (FaisceauError, 422),
)


@dataclass(frozen=True, slots=True)
class FieldError:
    field: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Problem:
    """What went wrong, for machines (`code`) and people (`sentence`, in the request's language)."""

    status: int
    code: str
    sentence: str
    errors: tuple[FieldError, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The members of the problem document."""
        document: dict[str, Any] = {
            "type": f"urn:faisceau:problem:{self.code}",
            "title": _title(self.status),
            "status": self.status,
            "code": self.code,
            "detail": self.sentence,
            "errors": [
                {"field": error.field, "code": error.code, "message": error.message}
                for error in self.errors
            ],
            "trace_id": current_trace(),
        }
        if self.values:
            document["values"] = json.loads(json.dumps(dict(self.values), default=str))
        return document


def answer(exc: Exception, context: Mapping[str, Any]) -> Response | None:
    """The DRF exception handler. What nobody foresaw stays an exception: Django logs it as 500."""
    found = problem_of(exc)
    if found is None:
        return None
    set_rollback()
    return Response(
        found.as_json(),
        status=found.status,
        headers=dict(found.headers),
        content_type=MEDIA_TYPE,
    )


def problem_response(problem: Problem) -> HttpResponse:
    """The same outside of DRF."""
    return HttpResponse(
        json.dumps(problem.as_json(), ensure_ascii=False),
        status=problem.status,
        content_type=MEDIA_TYPE,
        headers=dict(problem.headers),
    )


def problem_of(exc: Exception) -> Problem | None:
    """The problem that `exc` stands for; None if it is a fault of ours."""
    if isinstance(exc, FaisceauError):
        return _of_ours(exc)
    if isinstance(exc, drf.APIException):
        return _of_drf(exc)
    if isinstance(exc, Http404):
        return Problem(404, "not_found", _("There is nothing at this address."))
    if isinstance(exc, PermissionDenied):
        return Problem(403, "forbidden", _("You may not do this."))
    if isinstance(exc, RequestDataTooBig):
        return Problem(413, "too_large", _("The body is too large."))
    if isinstance(exc, SuspiciousOperation | UnicodeDecodeError):
        return Problem(400, "malformed", _("The request is malformed."))
    if isinstance(exc, DjangoValidationError):
        sentence = " ".join(exc.messages)
        return Problem(400, "invalid_input", sentence)
    if isinstance(exc, OperationalError) and _sqlstate(exc) in TO_BE_TRIED_AGAIN:
        return Problem(
            409,
            "busy",
            _("Somebody else changed this at the same moment. Please try again."),
            headers={"Retry-After": "1"},
        )
    return None


def _of_ours(exc: FaisceauError) -> Problem:
    status = next(status for kind, status in STATUS if isinstance(exc, kind))
    sentence = _sentence(exc)
    name = exc.detail.get("field")
    errors = (FieldError(str(name), exc.code, sentence),) if name else ()
    headers = {"Retry-After": str(RETRY_AFTER)} if status == 503 else {}
    values = {key: value for key, value in exc.detail.items() if key != "field"}
    return Problem(status, exc.code, sentence, errors, headers, values)


def _sentence(exc: FaisceauError) -> str:
    """In the request's language: the catalogue's own words where it has them, else translated."""
    told = exc.detail.get("sentences")
    if isinstance(told, Mapping):
        own = told.get((get_language() or "").partition("-")[0])
        if own:
            return str(own)
    if isinstance(exc.message, Sentence):
        return exc.message.in_(_)
    return _(exc.message) if exc.message else ""


def _of_drf(exc: drf.APIException) -> Problem:
    headers: dict[str, str] = {}
    challenge, wait = getattr(exc, "auth_header", None), getattr(exc, "wait", None)
    if challenge:
        headers["WWW-Authenticate"] = str(challenge)
    if wait is not None:
        headers["Retry-After"] = str(int(wait) + 1)
    if isinstance(exc, drf.ValidationError):
        errors = tuple(_flat(exc.detail, path=""))
        sentence = (
            errors[0].message
            if len(errors) == 1
            else _("%(count)d fields need correction.") % {"count": len(errors)}
        )
        return Problem(400, "invalid_input", sentence, errors, headers)
    code = exc.get_codes()
    name = code if isinstance(code, str) else exc.default_code
    return Problem(exc.status_code, DRF_CODES.get(name, name), str(exc.detail), (), headers)


DRF_CODES = {
    "parse_error": "malformed_json",
    "not_authenticated": "unauthenticated",
    "authentication_failed": "unauthenticated",
    "permission_denied": "forbidden",
}


def _flat(detail: Any, *, path: str) -> Iterator[FieldError]:
    """Nested errors of serializers as a flat list; list places count from 0: `lines.2.sku`."""
    if isinstance(detail, Mapping):
        for key, value in detail.items():
            inner = path if key == "non_field_errors" else f"{path}.{key}".lstrip(".")
            yield from _flat(value, path=inner)
    elif isinstance(detail, list | tuple):
        for place, value in enumerate(detail):
            nested = isinstance(value, Mapping | list | tuple)
            yield from _flat(value, path=f"{path}.{place}".lstrip(".") if nested else path)
    else:
        yield FieldError(path, getattr(detail, "code", None) or "invalid", str(detail))


def _title(status: int) -> str:
    return {
        400: _("Invalid request"),
        401: _("Not authenticated"),
        403: _("Not allowed"),
        404: _("Not found"),
        405: _("Method not allowed"),
        406: _("Not acceptable"),
        409: _("Conflict"),
        413: _("Too large"),
        415: _("Unsupported media type"),
        422: _("Refused by a rule"),
        429: _("Too many requests"),
        503: _("Temporarily unavailable"),
    }.get(status, _("Error"))


def _sqlstate(exc: OperationalError) -> str:
    return str(getattr(exc.__cause__, "sqlstate", "") or "")


def is_api(request: HttpRequest) -> bool:
    """Whether the caller wants a problem document rather than a page."""
    return request.path.startswith(
        ("/api/", "/oauth/", "/webhooks/", "/callbacks/", "/carrier-billing")
    )
