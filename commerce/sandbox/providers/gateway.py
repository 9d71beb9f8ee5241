"""The door of all providers: who asks, what for, and whether it was asked before."""

import asyncio
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from commerce.sandbox.common.storage import Database
from commerce.sandbox.common.trace import trace_of
from commerce.sandbox.common.web import SILENCE
from commerce.sandbox.providers.callbacks import Callbacks
from commerce.sandbox.providers.faults import REQUEST_KINDS, Fault, Faults
from commerce.sandbox.providers.ledger import Ledger, Remembered, fingerprint
from commerce.sandbox.providers.protocol import (
    Answer,
    Call,
    Json,
    Operation,
    Party,
    Refusal,
    Verdict,
    refused,
)
from commerce.sandbox.providers.world import World

LARGEST_BODY = 1_000_000
LONGEST_KEY = 255
ASKED = "asked"


@dataclass(frozen=True, slots=True)
class Incoming:
    """A request as it arrived."""

    party: Party
    method: str
    path: str
    rest: str
    key: str | None
    trace: Mapping[str, str]
    body: Json

    @property
    def operation(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """An answer with the word under which the ledger keeps it."""

    answer: Answer
    word: str
    replayed: bool = False


class Gateway:
    """Arrival, effect and answer are stored in one transaction; then the answer is sent."""

    def __init__(
        self,
        database: Database,
        *,
        world: World,
        ledger: Ledger,
        callbacks: Callbacks,
        faults: Faults,
        parties: Mapping[str, Party],
        api_key: str,
        wake: Callable[[], None],
    ) -> None:
        self._database = database
        self._world = world
        self._ledger = ledger
        self._callbacks = callbacks
        self._faults = faults
        self._parties = parties
        self._expected = f"Bearer {api_key}".encode()
        self._wake = wake
        self._operations = {
            code: [(entry.method, entry.pattern(), entry) for entry in party.operations]
            for code, party in parties.items()
        }

    async def handle(self, request: Request) -> Response:
        party = self._parties.get(request.path_params["provider"])
        if party is None:
            return JSONResponse({"code": "not_found", "detail": "no such provider"}, 404)
        try:
            raw = await _read(request)
        except ClientDisconnect:
            return Response(status_code=400)
        body, rejection = self._admit(request, raw)
        incoming = Incoming(
            party=party,
            method=request.method,
            path=request.scope["path"],
            rest=request.path_params["rest"],
            key=request.headers.get("idempotency-key"),
            trace=trace_of(request.headers),
            body=body,
        )
        if rejection is not None:
            return self._note(incoming, rejection, outcome="rejected")
        fault = self._faults.strike(party.code, operation=incoming.operation, kinds=REQUEST_KINDS)
        if fault is None:
            return _response(self._settle(incoming))
        return await self._disturbed(incoming, fault)

    async def _disturbed(self, incoming: Incoming, fault: Fault) -> Response:
        if fault.kind in ("error", "outage"):
            answer = Answer(
                fault.status, {"code": "unavailable", "detail": f"planted: {fault.kind}"}
            )
            return self._note(incoming, answer, outcome="fault", fault=fault)
        if fault.kind == "timeout_before_effect":
            self._note(incoming, Answer(0, {}), outcome="fault", fault=fault)
            return _silence(fault)
        if fault.kind == "timeout_after_effect":
            self._settle(incoming, fault=fault)
            return _silence(fault)
        if fault.kind == "latency" and not fault.after:
            arrival = self._arrived(incoming)
            await asyncio.sleep(fault.seconds)
            return _response(self._settle(incoming, fault=fault, arrival=arrival))
        outcome = self._settle(incoming, fault=fault)
        if fault.kind == "latency":
            await asyncio.sleep(fault.seconds)
        return _response(outcome)

    def _admit(self, request: Request, raw: bytes | None) -> tuple[Json, Answer | None]:
        """The body, or why the request is not even looked at."""
        presented = request.headers.get("authorization", "").encode()
        if not hmac.compare_digest(presented, self._expected):
            return {}, _rejection(401, "unauthorized", "send the key as a bearer token")
        if raw is None:
            return {}, _rejection(413, "too_large", "a body has at most 1 MB")
        if request.method == "GET":
            return {}, None
        if not 0 < len(request.headers.get("idempotency-key", "")) <= LONGEST_KEY:
            return {}, _rejection(
                400, "idempotency_key_missing", "send an Idempotency-Key of 1 to 255 characters"
            )
        try:
            body = json.loads(raw) if raw.strip() else {}
        except (ValueError, RecursionError):
            body = None
        if not isinstance(body, dict):
            return {}, _rejection(400, "malformed_json", "the body is not a JSON object")
        return body, None

    def _settle(
        self, incoming: Incoming, *, fault: Fault | None = None, arrival: int | None = None
    ) -> Outcome:
        """Do what is asked, once per key, and remember it; durable when this returns."""
        with self._database.transaction():
            number = self._arrived(incoming) if arrival is None else arrival
            outcome = self._decide(incoming, arrival=number, fault=fault)
            silent = fault is not None and fault.kind == "timeout_after_effect"
            self._ledger.concluded(
                number,
                outcome=outcome.word,
                status=None if silent else outcome.answer.status,
                fault=fault.kind if fault else None,
            )
        if outcome.word == Verdict.ACCEPTED:
            self._wake()
        return outcome

    def _decide(self, incoming: Incoming, *, arrival: int, fault: Fault | None) -> Outcome:
        code, key = incoming.party.code, incoming.key
        if incoming.method == "GET" or key is None:
            return Outcome(self._ask(incoming, arrival=arrival), ASKED)
        said = fingerprint(incoming.method, incoming.path, incoming.body)
        known = self._ledger.remembered(code, key=key)
        if known is not None:
            return _again(known, said=said)
        if fault is not None and fault.kind == "refuse":
            answer = incoming.party.refuse(Refusal(fault.code, "refused on request of a test"))
        else:
            answer = self._act(incoming, arrival=arrival, key=key)
        self._ledger.remember(code, key=key, said=said, answer=answer)
        return Outcome(answer, answer.verdict)

    def _act(self, incoming: Incoming, *, arrival: int, key: str) -> Answer:
        """Let the provider work; after a refusal nothing of it remains."""
        self._database.execute("SAVEPOINT act")
        try:
            operation, path = self._find(incoming)
            answer = operation.handler(
                self._world,
                Call(
                    provider=incoming.party.code,
                    operation=incoming.operation,
                    key=key,
                    arrival=arrival,
                    body=incoming.body,
                    path=path,
                    trace=incoming.trace,
                ),
            )
        except Refusal as refusal:
            self._database.execute("ROLLBACK TO act")
            answer = incoming.party.refuse(refusal)
        self._database.execute("RELEASE act")
        return answer

    def _ask(self, incoming: Incoming, *, arrival: int) -> Answer:
        """Questions change nothing."""
        if incoming.method == "GET" and incoming.rest.startswith("requests/"):
            return self._what_became_of(incoming.party, incoming.rest.removeprefix("requests/"))
        try:
            operation, path = self._find(incoming)
            call = Call(
                provider=incoming.party.code,
                operation=incoming.operation,
                key="",
                arrival=arrival,
                body={},
                path=path,
                trace=incoming.trace,
            )
            return operation.handler(self._world, call)
        except Refusal as refusal:
            return refused(refusal)

    def _what_became_of(self, party: Party, key: str) -> Answer:
        known = self._ledger.remembered(party.code, key=key)
        if known is None:
            body: Json = {"status": "never_arrived", "code": "never_arrived"}
            return Answer(404, {**body, "detail": f"{party.code} does not know this key"})
        thing = self._world.get(known.answer.thing_id) if known.answer.thing_id else None
        # Of what somebody else began, our answer is the only request that we can ask about.
        told_of = self._callbacks.of_request(party.code, key) or (
            self._callbacks.of_request(party.code, thing.request_key) if thing else []
        )
        told = {
            "status": known.answer.verdict,
            "http_status": known.answer.status,
            "answer": known.answer.body,
            "result": thing.shown() if thing else known.answer.body,
            "callbacks": told_of,
        }
        return Answer(200, told)

    def _find(self, incoming: Incoming) -> tuple[Operation, Mapping[str, str]]:
        """Raises Refusal (404 not_found)."""
        for method, pattern, operation in self._operations[incoming.party.code]:
            if method == incoming.method and (found := pattern.fullmatch(incoming.rest)):
                return operation, found.groupdict()
        raise Refusal("not_found", f"{incoming.operation} does not exist", status=404)

    def _arrived(self, incoming: Incoming) -> int:
        return self._ledger.arrived(
            incoming.party.code,
            operation=incoming.operation,
            key=incoming.key if incoming.method != "GET" else None,
            trace=incoming.trace,
        )

    def _note(
        self, incoming: Incoming, answer: Answer, *, outcome: str, fault: Fault | None = None
    ) -> Response:
        """Store an arrival without an effect and answer."""
        with self._database.transaction():
            self._ledger.concluded(
                self._arrived(incoming),
                outcome=outcome,
                status=answer.status or None,
                fault=fault.kind if fault else None,
            )
        return _response(Outcome(answer, outcome))


def _again(known: Remembered, *, said: str) -> Outcome:
    if hmac.compare_digest(known.fingerprint, said):
        return Outcome(known.answer, "replayed", replayed=True)
    detail = "the Idempotency-Key was used for another request"
    return Outcome(_rejection(422, "idempotency_conflict", detail), "conflict")


def _rejection(status: int, code: str, detail: str) -> Answer:
    return Answer(status, {"code": code, "detail": detail}, Verdict.REFUSED)


def _response(outcome: Outcome) -> Response:
    headers = {"Idempotent-Replayed": "true"} if outcome.replayed else None
    return JSONResponse(outcome.answer.body, outcome.answer.status or 500, headers)


def _silence(fault: Fault) -> Response:
    """No answer ever comes."""
    return Response(headers={SILENCE: str(fault.seconds)})


async def _read(request: Request) -> bytes | None:
    """The body; None when it is too large."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_BODY:
            return None
    return bytes(body)
