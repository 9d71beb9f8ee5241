"""The merchant put together: his shop for people, the address for events, and his books."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import Any

import httpx
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
from commerce.sandbox.merchant.books import Books, Sale
from commerce.sandbox.merchant.operator import Operator, Silent
from commerce.sandbox.merchant.pages import Pages
from commerce.sandbox.merchant.settings import MerchantSettings
from commerce.sandbox.merchant.shop import FAULTS, Shop

MOST_READ = 100_000
TIME_OUT = 20.0


class Desk:
    """What the operator's events and whoever tests the merchant call."""

    def __init__(self, *, shop: Shop, books: Books) -> None:
        self._shop = shop
        self._books = books

    def routes(self) -> list[Route]:
        return [
            Route("/events", self.event, methods=["POST"]),
            Route("/_control/ledger", self.ledger),
            Route("/_control/comparison", self.comparison),
            Route("/_control/statements/{month}", self.statement),
            Route("/_control/refunds", self.refund, methods=["POST"]),
        ]

    async def event(self, request: Request) -> Response:
        """204 for an event that is right, also the second time; 400 says what is wrong."""
        body = await request.body()
        try:
            event = json.loads(body[:MOST_READ])
        except ValueError:
            return refusal(400, "not JSON")
        if self._shop.is_deaf(event):
            return refusal(503, "come again later")
        try:
            wrong = await run_in_threadpool(self._shop.hear, event, headers=request.headers)
        except Silent as silence:
            return refusal(503, f"the operator is silent: {silence}")
        return refusal(400, wrong) if wrong else Response(status_code=204)

    def ledger(self, request: Request) -> Response:
        """GET: all that was sold, what goes on monthly, and the events that came."""
        return JSONResponse(
            {
                "sales": [each.shown() for each in self._books.sales()],
                "held": [asdict(each) for each in self._books.helds()],
                "events": self._books.events(),
            }
        )

    def comparison(self, request: Request) -> Response:
        """GET: our books beside the operator's list of payments."""
        try:
            found = self._shop.compared()
        except Silent as silence:
            return refusal(503, f"the operator is silent: {silence}")
        return JSONResponse({**asdict(found), "agree": found.agree})

    def statement(self, request: Request) -> Response:
        """GET: the operator's closed month, line by line, beside our books."""
        try:
            found = self._shop.statement_compared(request.path_params["month"])
        except Silent as silence:
            return refusal(503, f"the operator is silent: {silence}")
        if found is None:
            return refusal(404, "that month is not closed")
        return JSONResponse({**asdict(found), "agree": found.agree})

    async def refund(self, request: Request) -> Response:
        """POST {"reference", "reason"}: give a sale back."""
        asked: dict[str, Any] = await request.json()
        try:
            sale = self._books.sale(str(asked.get("reference", "")))
        except LookupError:
            return refusal(404, "no such sale")
        return await run_in_threadpool(self._refund, sale, str(asked.get("reason", "")))

    def _refund(self, sale: Sale, reason: str) -> Response:
        try:
            done = self._shop.give_back(sale, reason=reason or "not delivered")
        except Silent as silence:
            return refusal(503, f"the operator is silent: {silence}")
        return JSONResponse(done.shown())


def build(settings: MerchantSettings) -> Starlette:
    """The whole HTTP surface; its background thread lives as long as the server."""
    database = Database(settings.sandbox.database)
    clock = Clock(database)
    faults = Faults(database, kinds=FAULTS)
    books = Books(database, clock=clock)
    client = httpx.Client(base_url=settings.operator_url, timeout=TIME_OUT)
    shop = Shop(
        books=books,
        operator=Operator(client, credentials=settings.client),
        clock=clock,
        faults=faults,
        address=f"{settings.sandbox.public_url}/events",
    )
    queue = DeliveryQueue(database, clock=clock, signer=lambda message, body: {})
    runner = Runner(clock=clock, queue=queue, agendas=(shop,))

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        runner.start()
        yield
        runner.stop()
        client.close()
        database.close()

    return Starlette(
        routes=[
            *Control(clock=clock, runner=runner, faults=faults).routes(),
            *Desk(shop=shop, books=books).routes(),
            *Pages(shop=shop, books=books, wake=runner.wake).routes(),
        ],
        lifespan=lifespan,
    )
