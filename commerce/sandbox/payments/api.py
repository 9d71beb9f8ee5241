"""The API over HTTP: key, fault, idempotency, one transaction, answer."""

import asyncio
import base64
import binascii
import logging
import secrets
from dataclasses import dataclass
from urllib.parse import parse_qsl

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from commerce.sandbox.common.faults import Fault
from commerce.sandbox.common.trace import trace_of
from commerce.sandbox.common.web import SILENCE
from commerce.sandbox.payments import forms, routes
from commerce.sandbox.payments.errors import ApiError, Document
from commerce.sandbox.payments.expand import expanded
from commerce.sandbox.payments.forms import Params
from commerce.sandbox.payments.idempotency import Answer, Idempotency, Keyed, encoded, keyed
from commerce.sandbox.payments.ids import new_id
from commerce.sandbox.payments.ledger import Arrival
from commerce.sandbox.payments.world import API_VERSION, Call, Origin, World

logger = logging.getLogger(__name__)

_BROKEN = ApiError(500, "api_error", "An unexpected error occurred. Nothing was changed.")

BEFORE = ("latency", "error")
AFTER = ("timeout_after_effect",)
LONG_SILENCE = 120.0
"""Seconds of silence after the effect if the fault names none: longer than clients wait."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it came in. `keyed` is None where idempotency does not apply."""

    request_id: str
    method: str
    path: str
    pairs: list[tuple[str, str]]
    origin: Origin
    keyed: Keyed | None


class Api:
    """Answers everything below /v1."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._idempotency = Idempotency(world.database, clock=world.clock)

    async def __call__(self, request: Request) -> Response:
        request_id = new_id("req")
        body = await request.body()
        pairs = _pairs(request, body)
        key = request.headers.get("Idempotency-Key")
        await run_in_threadpool(self._note_arrival, request, request_id, pairs, key)
        silence: float | None = None
        try:
            self._authenticate(request)
            asked = _asked(request, request_id, pairs=pairs, key=key)
            operation = f"{request.method} {request.url.path}"
            answer = await self._guarded(asked, operation=operation)
            fault = await self._strike(operation, kinds=AFTER)
            if fault is not None:
                silence = fault.seconds or LONG_SILENCE
                outcome = "no answer, the effect happened"
                await run_in_threadpool(self._world.ledger.answered, request_id, outcome)
        except ApiError as error:
            answer = Answer(error.status, encoded(error.body(request_id=request_id)), request_id)
            await run_in_threadpool(self._world.ledger.answered, request_id, str(error.status))
        except Exception:
            logger.exception("a request of the API broke")
            answer = Answer(500, encoded(_BROKEN.body(request_id=request_id)), request_id)
            await run_in_threadpool(self._world.ledger.answered, request_id, "500")
        return _response(request, answer, request_id=request_id, key=key, silence=silence)

    async def _guarded(self, asked: Asked, *, operation: str) -> Answer:
        """Run the request once for its key; a planted error strikes before the effect."""
        if asked.keyed is not None:
            stored = await run_in_threadpool(self._idempotency.start, asked.keyed)
            if stored is not None:
                outcome = f"{stored.status} replayed from {stored.original_request}"
                await run_in_threadpool(self._world.ledger.answered, asked.request_id, outcome)
                return stored
        try:
            fault = await self._strike(operation, kinds=BEFORE)
            if fault is not None and fault.seconds:
                await asyncio.sleep(fault.seconds)
            if fault is not None and fault.kind == "error":
                raise _planted(fault)
            return await run_in_threadpool(self._run, asked)
        finally:
            if asked.keyed is not None:
                self._idempotency.stop(asked.keyed)

    def _run(self, asked: Asked) -> Answer:
        """Effects, stored answer and outcome in one transaction: a crash leaves all or nothing."""
        database = self._world.database
        try:
            with database.transaction():
                try:
                    status, body = 200, self._execute(asked)
                except ApiError as error:
                    if not error.keeps_effects:
                        raise
                    status, body = error.status, error.body(request_id=asked.request_id)
                return self._settled(asked, status=status, body=body, keep=True)
        except ApiError as error:
            body = error.body(request_id=asked.request_id)
            with database.transaction():
                return self._settled(
                    asked, status=error.status, body=body, keep=not error.before_execution
                )

    def _execute(self, asked: Asked) -> Document:
        endpoint, ids = routes.resolve(asked.method, asked.path)
        params = Params(forms.parse(asked.pairs))
        paths = params.texts("expand")
        body = endpoint(self._world, Call(params=params, origin=asked.origin, ids=ids))
        return expanded(self._world, body, paths=paths)

    def _settled(self, asked: Asked, *, status: int, body: Document, keep: bool) -> Answer:
        if keep and asked.keyed is not None:
            self._idempotency.keep(
                asked.keyed, status=status, body=body, request_id=asked.request_id
            )
        self._world.ledger.answered(asked.request_id, str(status))
        return Answer(status, encoded(body), asked.request_id)

    async def _strike(self, operation: str, *, kinds: tuple[str, ...]) -> Fault | None:
        return await run_in_threadpool(self._world.faults.strike, operation, kinds=kinds)

    def _note_arrival(
        self, request: Request, request_id: str, pairs: list[tuple[str, str]], key: str | None
    ) -> None:
        amounts = [value for name, value in pairs if name in ("amount", "amount_to_capture")]
        metadata = {
            name[len("metadata[") : -1]: value
            for name, value in (
                (name.replace("payment_intent_data[metadata]", "metadata"), value)
                for name, value in pairs
            )
            if name.startswith("metadata[")
        }
        self._world.ledger.arrived(
            Arrival(
                request_id=request_id,
                method=request.method,
                path=request.url.path,
                idempotency_key=key,
                metadata=metadata,
                amount=int(amounts[0]) if amounts and amounts[0].isdigit() else None,
            )
        )

    def _authenticate(self, request: Request) -> None:
        given = _api_key(request.headers.get("Authorization", ""))
        if given is None:
            raise ApiError(
                401,
                "invalid_request_error",
                "You did not provide an API key. You need to provide your API key in the"
                " Authorization header, using Bearer auth (e.g. 'Authorization: Bearer"
                " YOUR_SECRET_KEY'). See https://stripe.com/docs/api#authentication for details,"
                " or we can help at https://support.stripe.com/.",
            )
        if not secrets.compare_digest(given.encode(), self._world.settings.api_key.encode()):
            hidden = f"{given[:8]}{'*' * max(len(given) - 12, 4)}{given[-4:]}"
            raise ApiError(401, "invalid_request_error", f"Invalid API Key provided: {hidden}")


def _asked(
    request: Request, request_id: str, *, pairs: list[tuple[str, str]], key: str | None
) -> Asked:
    path = request.url.path
    applies = request.method == "POST" and bool(key)
    origin = Origin(
        operation=f"{request.method} {path}",
        request_id=request_id,
        idempotency_key=key,
        trace=trace_of(request.headers),
    )
    return Asked(
        request_id=request_id,
        method=request.method,
        path=path,
        pairs=pairs,
        origin=origin,
        keyed=keyed(key, path=path, pairs=pairs) if applies and key else None,
    )


def _pairs(request: Request, body: bytes) -> list[tuple[str, str]]:
    found = parse_qsl(request.url.query, keep_blank_values=True)
    if request.method == "POST":
        found += parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
    return found


def _api_key(header: str) -> str | None:
    """The secret key of a Bearer header, or the user name of a Basic one."""
    scheme, _, value = header.partition(" ")
    if scheme.lower() == "bearer":
        return value.strip() or None
    if scheme.lower() == "basic":
        try:
            decoded = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return None
        return decoded.partition(":")[0] or None
    return None


def _planted(fault: Fault) -> ApiError:
    """An error at the edge: nothing was executed, so the key may be used again."""
    kind = "rate_limit_error" if fault.status == 429 else "api_error"
    return ApiError(
        fault.status,
        kind,
        "An unexpected error occurred. We have been notified of the problem.",
        code="rate_limit" if fault.status == 429 else None,
    )


def _response(
    request: Request,
    answer: Answer,
    *,
    request_id: str,
    key: str | None,
    silence: float | None,
) -> Response:
    headers = {
        "Request-Id": request_id,
        "Stripe-Version": request.headers.get("Stripe-Version", API_VERSION),
        "Cache-Control": "no-cache, no-store",
    }
    if key and request.method == "POST":
        headers |= {"Idempotency-Key": key, "Original-Request": answer.original_request}
    if answer.replayed:
        headers["Idempotent-Replayed"] = "true"
    if answer.status == 401:
        headers["WWW-Authenticate"] = 'Basic realm="Stripe"'
    if answer.status in (409, 429):
        headers["Stripe-Should-Retry"] = "true"
    if silence is not None:
        headers[SILENCE] = str(silence)
    return Response(
        answer.body, status_code=answer.status, headers=headers, media_type="application/json"
    )
