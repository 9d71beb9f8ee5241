"""What tests, the demo and curious people may ask of the simulated world and do to it."""

import json
from collections.abc import Callable, Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from commerce.sandbox.common.control import refusal
from commerce.sandbox.common.faults import FaultRefused
from commerce.sandbox.common.storage import Database
from commerce.sandbox.providers.callbacks import Callbacks
from commerce.sandbox.providers.faults import Faults
from commerce.sandbox.providers.ledger import Ledger
from commerce.sandbox.providers.parties import messages, porting, smdp
from commerce.sandbox.providers.protocol import Json, Party, Refusal
from commerce.sandbox.providers.world import World

PARTS = ("arrivals", "effects", "by_identity")


class ProviderControl:
    """Loopback only and without a key, as the control API of every sandbox."""

    def __init__(
        self,
        database: Database,
        *,
        world: World,
        ledger: Ledger,
        callbacks: Callbacks,
        faults: Faults,
        parties: Mapping[str, Party],
        wake: Callable[[], None],
    ) -> None:
        self._database = database
        self._world = world
        self._ledger = ledger
        self._callbacks = callbacks
        self._faults = faults
        self._parties = parties
        self._wake = wake

    def routes(self) -> list[Route]:
        return [
            Route("/_control/ledger", self.show_ledger),
            Route("/_control/callbacks", self.show_callbacks),
            Route("/_control/messages", self.show_messages),
            Route("/_control/faults", self.show_faults),
            Route("/_control/faults", self.plant_fault, methods=["POST"]),
            Route("/_control/faults", self.clear_faults, methods=["DELETE"]),
            Route("/_control/faults/{number:int}", self.clear_faults, methods=["DELETE"]),
            Route("/_control/profiles/{iccid}/download", self.download, methods=["POST"]),
            Route("/_control/port-outs", self.port_out, methods=["POST"]),
            Route("/_control/steps/run", self.hurry, methods=["POST"]),
        ]

    def show_ledger(self, request: Request) -> Response:
        asked = request.query_params
        parts = [part for part in asked.get("parts", "").split(",") if part] or PARTS
        since, provider = _number(asked.get("since")), asked.get("provider", "")
        if since is None or not set(parts) <= set(PARTS):
            return refusal(422, f"since is a number, parts are among {', '.join(PARTS)}")
        told: Json = {}
        with self._database.transaction():
            told["last"] = self._ledger.last()
            if "arrivals" in parts:
                told["arrivals"] = self._ledger.arrivals(since=since, provider=provider)
            if "effects" in parts:
                told["effects"] = self._ledger.effects(since=since, provider=provider)
            if "by_identity" in parts:
                told["by_identity"] = self._ledger.by_identity(since=since, provider=provider)
        return JSONResponse(told)

    def show_callbacks(self, request: Request) -> Response:
        asked = request.query_params
        since = _number(asked.get("since"))
        if since is None:
            return refusal(422, "since is a number")
        found = self._callbacks.listed(
            since=since, provider=asked.get("provider", ""), key=asked.get("request_key", "")
        )
        return JSONResponse({"callbacks": found})

    def show_messages(self, request: Request) -> Response:
        asked = request.query_params
        found = messages.sent(
            self._database,
            to=asked.get("to", ""),
            reference=asked.get("reference", ""),
            channel=asked.get("channel", ""),
        )
        return JSONResponse({"messages": found})

    def show_faults(self, request: Request) -> Response:
        return JSONResponse({"faults": self._faults.listed()})

    async def plant_fault(self, request: Request) -> Response:
        try:
            fault = self._faults.plant(await _body(request), providers=self._parties.keys())
        except FaultRefused as error:
            return refusal(422, str(error))
        planted = next(entry for entry in self._faults.listed() if entry["id"] == fault.id)
        return JSONResponse(planted, 201)

    def clear_faults(self, request: Request) -> Response:
        return JSONResponse({"cleared": self._faults.clear(request.path_params.get("number"))})

    async def download(self, request: Request) -> Response:
        """A device downloads an eSIM profile."""
        body = await _body(request)
        try:
            with self._database.transaction():
                profile = smdp.download(
                    self._world,
                    iccid=request.path_params["iccid"],
                    eid=str(body.get("eid") or ""),
                    fails=body.get("fails") is True,
                )
        except Refusal as error:
            return refusal(error.status, error.detail)
        return JSONResponse(profile.shown())

    async def port_out(self, request: Request) -> Response:
        """Another operator asks for one of the shop's numbers."""
        try:
            with self._database.transaction():
                thing = porting.demand(self._world, await _body(request))
        except Refusal as error:
            return refusal(error.status, error.detail)
        self._wake()
        return JSONResponse(thing.shown(), 201)

    async def hurry(self, request: Request) -> Response:
        """What is still to come happens now."""
        key = (await _body(request)).get("request_key")
        with self._database.transaction():
            count = self._world.hurry(request_key=None if key is None else str(key))
        self._wake()
        return JSONResponse({"hurried": count})


async def _body(request: Request) -> Json:
    """The JSON object sent; nothing and nonsense count as empty."""
    try:
        body = json.loads(await request.body())
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _number(text: str | None) -> int | None:
    if text is None or text == "":
        return 0
    return int(text) if text.isdecimal() else None
