"""The merchant's shop for people: choose, say your number, say yes at the operator's, have it."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qsl

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from commerce.sandbox.merchant.books import Books, Sale
from commerce.sandbox.merchant.goods import NAME, PRODUCTS
from commerce.sandbox.merchant.operator import Silent
from commerce.sandbox.merchant.shop import Shop, ask

TEMPLATES = Path(__file__).parent / "templates"
STYLE = (TEMPLATES / "style.css").read_text()
WORDS = {
    "asked": "We are asking your operator.",
    "code": "Your operator has sent a code to your telephone.",
    "page": "Your operator waits for your answer.",
    "delivered": "Thank you. It is on your telephone bill, and it is yours.",
    "undelivered": "It is on your telephone bill, but something went wrong here: you have nothing.",
    "refused": "Your operator did not let it stand on your bill. Nothing was taken.",
    "given_up": "It was given up. Nothing was taken.",
}


class Pages:
    """Server-rendered, without scripts; `wake` after a sale."""

    def __init__(self, *, shop: Shop, books: Books, wake: Callable[[], None]) -> None:
        self._shop = shop
        self._books = books
        self._wake = wake
        self._templates = Environment(
            loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined
        )

    def routes(self) -> list[Route]:
        return [
            Route("/", self.goods),
            Route("/style.css", self.style),
            Route("/buy", self.buy, methods=["POST"]),
            Route("/back", self.back),
            Route("/sales/{reference}", self.sale),
            Route("/sales/{reference}", self.code, methods=["POST"]),
        ]

    def style(self, request: Request) -> Response:
        return Response(STYLE, media_type="text/css")

    def goods(self, request: Request) -> Response:
        return self._page("shop.html", problem="")

    async def buy(self, request: Request) -> Response:
        """On the way to the operator's page, or to ours where he sends a code."""
        form = await _form(request)
        return await run_in_threadpool(self._buy, form)

    def _buy(self, form: dict[str, str]) -> Response:
        product = PRODUCTS.get(form.get("product", ""))
        number = "".join(form.get("number", "").split())
        number = f"+33{number[1:]}" if number.startswith("0") else number
        if product is None or not number.startswith("+"):
            problem = "Say your number, like 06 39 98 12 34."
            return self._page("shop.html", status=422, problem=problem)
        try:
            sale = self._shop.sell(product, number=number, channel=form.get("channel", "Web"))
        except Silent:
            return self._page("shop.html", status=503, problem="Your operator gives no answer.")
        self._wake()
        return RedirectResponse(sale.way or f"/sales/{sale.reference}", 303)

    def back(self, request: Request) -> Response:
        """The customer was at the operator's."""
        try:
            sale = self._books.sale_of(request.query_params.get("paymentId", ""))
        except LookupError:
            return self._page("shop.html", status=404, problem="There is no such sale.")
        ask(self._shop, sale)
        self._wake()
        return RedirectResponse(f"/sales/{sale.reference}", 303)

    def sale(self, request: Request) -> Response:
        sale = self._found(request)
        if sale is None:
            return self._page("shop.html", status=404, problem="There is no such sale.")
        return self._shown(ask(self._shop, sale))

    async def code(self, request: Request) -> Response:
        form = await _form(request)
        return await run_in_threadpool(self._code, request, form.get("code", ""))

    def _code(self, request: Request, code: str) -> Response:
        sale = self._found(request)
        if sale is None:
            return self._page("shop.html", status=404, problem="There is no such sale.")
        try:
            self._shop.type_code(sale, code=code)
        except Silent:
            return self._shown(sale)
        self._wake()
        return RedirectResponse(f"/sales/{sale.reference}", 303)

    def _found(self, request: Request) -> Sale | None:
        try:
            return self._books.sale(request.path_params["reference"])
        except LookupError:
            return None

    def _shown(self, sale: Sale) -> Response:
        product = PRODUCTS[sale.product]
        return self._page("sale.html", sale=sale, product=product, words=WORDS[sale.state])

    def _page(self, name: str, *, status: int = 200, **values: object) -> Response:
        known = {"seller": NAME, "products": PRODUCTS.values()}
        return HTMLResponse(self._templates.get_template(name).render(**known, **values), status)


async def _form(request: Request) -> dict[str, str]:
    return dict(parse_qsl((await request.body()).decode(errors="replace")))
