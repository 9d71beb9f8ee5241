"""The payment sandbox put together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from commerce.sandbox.common.clock import Clock
from commerce.sandbox.common.control import Control, refusal
from commerce.sandbox.common.delivery import DeliveryQueue
from commerce.sandbox.common.faults import Faults
from commerce.sandbox.common.runner import Runner
from commerce.sandbox.common.storage import Database
from commerce.sandbox.payments import disputes
from commerce.sandbox.payments.api import AFTER, BEFORE, Api
from commerce.sandbox.payments.checkout import Timers
from commerce.sandbox.payments.errors import ApiError
from commerce.sandbox.payments.events import WEBHOOK_FAULTS, signer
from commerce.sandbox.payments.hosted import Pages
from commerce.sandbox.payments.ledger import Ledger
from commerce.sandbox.payments.store import Store
from commerce.sandbox.payments.world import PaymentSettings, World


@dataclass(frozen=True, slots=True)
class Records:
    """The control API's view of what arrived and what it did."""

    world: World

    def ledger(self, request: Request) -> Response:
        """GET /_control/ledger?arrival=<seq>&effect=<seq>: rows after these positions."""
        position = {
            table: int(value)
            for table in ("arrival", "effect")
            if (value := request.query_params.get(table, "")).isdigit()
        }
        found = self.world.ledger.since(position)
        return JSONResponse({"arrivals": found["arrival"], "effects": found["effect"]})

    def webhooks(self, request: Request) -> Response:
        return JSONResponse({"webhooks": self.world.queue.history()})

    async def dispute(self, request: Request) -> Response:
        """POST /_control/disputes {"payment_intent", "reason"}: its holder objects to a payment, as
        he may to a debit for eight weeks."""
        asked = await request.json()
        return await run_in_threadpool(self._dispute, asked)

    def _dispute(self, asked: dict[str, str]) -> Response:
        try:
            with self.world.database.transaction():
                charge = disputes.of_intent(self.world, asked["payment_intent"])
                made = disputes.begin(self.world, charge, reason=asked.get("reason", "general"))
        except ApiError as error:
            return refusal(error.status, error.message)
        return JSONResponse({"dispute": made.id})


def build_world(settings: PaymentSettings) -> World:
    database = Database(settings.base.database)
    clock = Clock(database)
    return World(
        settings=settings,
        database=database,
        clock=clock,
        store=Store(database),
        ledger=Ledger(database, clock=clock),
        queue=DeliveryQueue(database, clock=clock, signer=signer(settings.webhook_secret)),
        faults=Faults(database, kinds=(*BEFORE, *AFTER, *WEBHOOK_FAULTS)),
    )


def build_app(world: World) -> Starlette:
    """The whole HTTP surface; its background threads live as long as the server."""
    runner = Runner(clock=world.clock, queue=world.queue, agendas=(Timers(world),))
    control = Control(clock=world.clock, runner=runner, faults=world.faults)
    records = Records(world)
    api = Api(world)

    async def answer(request: Request) -> Response:
        return await api(request)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        runner.start()
        yield
        runner.stop()
        world.database.close()

    return Starlette(
        routes=[
            *control.routes(),
            Route("/_control/ledger", records.ledger),
            Route("/_control/webhooks", records.webhooks),
            Route("/_control/disputes", records.dispute, methods=["POST"]),
            Route("/v1/{path:path}", answer, methods=["GET", "POST", "DELETE"]),
            *Pages(world).routes(),
        ],
        lifespan=lifespan,
        exception_handlers={404: _nothing_here},
    )


def _nothing_here(request: Request, _: Exception) -> Response:
    return refusal(404, "There is nothing at this address.")
