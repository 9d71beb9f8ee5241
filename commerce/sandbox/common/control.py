"""Health, the virtual clock and planted faults over HTTP. No authentication: loopback only."""

import json
import math
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from commerce.sandbox.common.clock import Clock, ClockMovedBack, iso
from commerce.sandbox.common.faults import FaultRefused, Faults
from commerce.sandbox.common.runner import Runner


class ClockControl:
    """Health and the clock: what every sandbox has."""

    def __init__(self, *, clock: Clock, runner: Runner) -> None:
        self._clock = clock
        self._runner = runner

    def routes(self) -> list[Route]:
        return [
            Route("/healthz", self.health),
            Route("/_control/state", self.state),
            Route("/_control/clock", self.set_clock, methods=["PUT"]),
        ]

    def health(self, request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    def state(self, request: Request) -> Response:
        return JSONResponse(self._state())

    async def set_clock(self, request: Request) -> Response:
        """PUT {"offset_seconds": float}; 409 when that would turn business time back."""
        try:
            offset = float((await request.json())["offset_seconds"])
            if not math.isfinite(offset):
                raise ValueError("neither infinite nor undefined")
        except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError, ValueError):
            return refusal(422, "send a JSON object with the number offset_seconds")
        try:
            await run_in_threadpool(self._clock.advance_to, offset)
        except ClockMovedBack as error:
            return refusal(409, f"{error}; business time never runs backwards")
        self._runner.wake()
        return JSONResponse(await run_in_threadpool(self._state))

    def _state(self) -> dict[str, Any]:
        next_due = self._runner.next_due()
        return {
            "now": iso(self._clock.now()),
            "offset_seconds": self._clock.offset,
            "busy": self._runner.busy(),
            "next_due": None if next_due is None else iso(next_due),
        }


class Control(ClockControl):
    """The same with the common kind of planted faults."""

    def __init__(self, *, clock: Clock, runner: Runner, faults: Faults) -> None:
        super().__init__(clock=clock, runner=runner)
        self._faults = faults

    def routes(self) -> list[Route]:
        return [
            *super().routes(),
            Route("/_control/faults", self.list_faults),
            Route("/_control/faults", self.plant_fault, methods=["POST"]),
            Route("/_control/faults", self.clear_faults, methods=["DELETE"]),
        ]

    def list_faults(self, request: Request) -> Response:
        return JSONResponse({"faults": self._faults.listed()})

    async def plant_fault(self, request: Request) -> Response:
        try:
            wish: Any = await request.json()
            if not isinstance(wish, dict):
                raise FaultRefused("send a JSON object")
            fault = await run_in_threadpool(self._faults.plant, wish)
        except (json.JSONDecodeError, UnicodeDecodeError):
            return refusal(422, "send a JSON object")
        except FaultRefused as error:
            return refusal(422, str(error))
        return JSONResponse({"id": fault.id}, status_code=201)

    def clear_faults(self, request: Request) -> Response:
        return JSONResponse({"cleared": self._faults.clear()})


def refusal(status: int, sentence: str) -> Response:
    return JSONResponse({"error": sentence}, status_code=status)
