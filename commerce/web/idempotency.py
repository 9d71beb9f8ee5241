"""`Idempotency-Key`: one effect per key, caller and route; a repeated request gets its answer."""

import hashlib
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from datetime import timedelta
from functools import wraps
from typing import Any
from uuid import UUID, uuid4

from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request

from commerce.events.models import IdempotencyRecord, IdempotencyState
from commerce.kernel.clock import machine_now
from commerce.rows import insert
from commerce.web.problems import Problem, problem_response

HEADER = "Idempotency-Key"
KEPT = timedelta(hours=24)
"""Of machine time."""
LEASE = timedelta(seconds=60)
LONGEST_KEY = 255


def idempotent(method: Callable[..., Any]) -> Callable[..., Any]:
    """For a method of an API view that creates. Without the header it runs as usual.

    Another body under the same key is 422, one still running 409 with Retry-After; a finished one
    gives the stored answer again with `Idempotent-Replayed: true`. Answers below 500 are kept for
    24 hours of machine time; a request that died or ended in 5xx may be tried again. What the
    view's `told_once` names is not kept: it is null in the repeated answer.
    """

    @wraps(method)
    def run(view: Any, request: Request, *args: Any, **kwargs: Any) -> Any:
        key = request.headers.get(HEADER, "").strip()
        if not key:
            return method(view, request, *args, **kwargs)
        if len(key) > LONGEST_KEY or not key.isprintable():
            return problem_response(
                Problem(400, "idempotency_key_malformed", f"{HEADER}: 1 to 255 visible characters.")
            )
        # The view's answer is stored as sent: rendering happens inside, errors are mapped inside.
        claimed = _claim(
            key=key, caller=_caller(request), route=_route(request), digest=_digest(request)
        )
        if isinstance(claimed, HttpResponse):
            return claimed
        return _answer(view, request, claimed, lambda: method(view, request, *args, **kwargs))

    run.takes_idempotency_key = True  # type: ignore[attr-defined]
    return run


def _claim(*, key: str, caller: str, route: str, digest: str) -> UUID | HttpResponse:
    """A token if this request is to run, else the answer to give."""
    now, token = machine_now(), uuid4()
    mine = {"token": token, "lease_until": now + LEASE}
    identity = {"key": key, "caller": caller, "route": route}
    IdempotencyRecord.objects.filter(**identity, created_at__lt=now - KEPT).delete()
    try:
        with transaction.atomic():
            insert([IdempotencyRecord(**identity, body_digest=digest, **mine)])
        return token
    except IntegrityError:
        record = IdempotencyRecord.objects.filter(**identity).first()
    if record is None:  # the first request has just failed and freed the key
        return _still_running()
    if record.body_digest != digest:
        return problem_response(
            Problem(
                422,
                "idempotency_key_reused",
                "This Idempotency-Key was used with another body. Use a new key.",
            )
        )
    if record.state == IdempotencyState.FINISHED:
        return _replay(record)
    freed = IdempotencyRecord.objects.filter(
        pk=record.pk, state=IdempotencyState.RUNNING, lease_until__lt=now
    ).update(**mine)
    return token if freed else _still_running()


def _answer(view: Any, request: Request, token: UUID, act: Callable[[], Any]) -> Any:
    """Act and keep the answer: in one transaction where the view's `one_transaction` says so.

    Then a crash leaves neither the effect nor the answer, and who lost his lease has no effect.
    """
    whole = getattr(view, "one_transaction", False)
    try:
        with transaction.atomic() if whole else nullcontext():
            response = _acted(view, request, act)
            if response.status_code < 500 and not _keep(view, token, response) and whole:
                raise _LeaseLost
    except _LeaseLost:
        return _still_running()
    except BaseException:
        _forget(token)
        raise
    if response.status_code >= 500:
        _forget(token)
    return response


class _LeaseLost(Exception):
    """Another request took the key over; what was done here is undone."""


def _acted(view: Any, request: Request, act: Callable[[], Any]) -> Any:
    try:
        response = act()
    except Exception as error:
        response = view.handle_exception(error)
    response = view.finalize_response(request, response)
    response.render()
    return response


def _keep(view: Any, token: UUID, response: Any) -> bool:
    """False if the record is no longer this request's."""
    return bool(
        IdempotencyRecord.objects.filter(token=token, state=IdempotencyState.RUNNING).update(
            state=IdempotencyState.FINISHED,
            status=response.status_code,
            content_type=response.get("Content-Type", ""),
            headers={
                name: response[name] for name in ("Location", "Retry-After") if name in response
            },
            body=_without(response, getattr(view, "told_once", ())),
        )
    )


def _without(response: Any, names: tuple[str, ...]) -> bytes:
    """The body, with null for what `names` names."""
    data = getattr(response, "data", None)
    if not isinstance(data, Mapping) or not data.keys() & set(names):
        return bytes(response.content)
    kept = {name: None if name in names else value for name, value in data.items()}
    return bytes(JSONRenderer().render(kept))


def _forget(token: UUID) -> None:
    IdempotencyRecord.objects.filter(token=token, state=IdempotencyState.RUNNING).delete()


def _replay(record: IdempotencyRecord) -> HttpResponse:
    return HttpResponse(
        bytes(record.body),
        status=record.status,
        content_type=record.content_type or None,
        headers={**record.headers, "Idempotent-Replayed": "true"},
    )


def _still_running() -> HttpResponse:
    return problem_response(
        Problem(
            409,
            "idempotency_in_progress",
            "The first request with this Idempotency-Key is still running.",
            headers={"Retry-After": "1"},
        )
    )


def _caller(request: Request) -> str:
    context: Any = request.auth
    actor = getattr(context, "actor", None)
    if actor is None:
        return "anonymous"
    return f"{actor.kind}:{actor.id if actor.id is not None else context.visitor_key}"


def _route(request: Request) -> str:
    http: HttpRequest = request._request
    return f"{http.method} {http.path}"[:200]


def _digest(request: Request) -> str:
    body = request._request.body
    return hashlib.sha256(body).hexdigest()


def forget_old() -> int:
    """Remove the records that answer no repetition any more; how many."""
    return IdempotencyRecord.objects.filter(created_at__lt=machine_now() - KEPT).delete()[0]
