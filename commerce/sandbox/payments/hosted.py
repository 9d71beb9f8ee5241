"""The pages that shoppers see: payment, a method added, the bank's authentication, receipt. No
scripts."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from commerce.sandbox.payments import (
    checkout,
    debit_form,
    payment_intents,
    payments,
    setup_intents,
)
from commerce.sandbox.payments.card_form import Refusals, read
from commerce.sandbox.payments.checkout import CardEntry, DebitEntry
from commerce.sandbox.payments.errors import ApiError
from commerce.sandbox.payments.payments import CONFIRMABLE, Status
from commerce.sandbox.payments.store import Resource
from commerce.sandbox.payments.texts import Words, money, words_for
from commerce.sandbox.payments.world import Origin, World

HERE = Path(__file__).parent
TEST_CARDS = (
    ("4242 4242 4242 4242", "case_ok"),
    ("4000 0025 0000 3155", "case_sca"),
    ("4000 0082 6000 3178", "case_sca_refused"),
    ("4000 0000 0000 0002", "case_declined"),
    ("4000 0000 0000 9995", "case_funds"),
    ("4000 0000 0000 0069", "case_expired"),
    ("4000 0000 0000 0127", "case_cvc"),
    ("4000 0000 0000 0119", "case_processing"),
)
TEST_ACCOUNTS = (
    ("FR14 2004 1010 0505 0001 3M02 606", "case_paid"),
    ("FR97 2004 1010 0500 0000 2222 227", "case_debit_funds"),
    ("FR84 2004 1010 0505 0001 3M02 607", "case_closed"),
    ("FR79 2004 1010 0505 0001 3M02 600", "case_revoked"),
    ("FR57 2004 1010 0505 0001 3M02 608", "case_returned"),
)
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self' data:;"
    " base-uri 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Pages:
    """Server-rendered; every button is a plain form."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._templates = Environment(
            loader=FileSystemLoader(HERE / "templates"), autoescape=True, trim_blocks=True
        )
        self._style = (HERE / "templates" / "page.css").read_text()

    def routes(self) -> list[Route]:
        return [
            Route("/c/assets/page.css", self.style),
            Route("/c/pay/{session}", self.show_payment),
            Route("/c/pay/{session}", self.submit_payment, methods=["POST"]),
            Route("/c/authenticate/{intent}/{token}", self.show_bank),
            Route("/c/authenticate/{intent}/{token}", self.submit_bank, methods=["POST"]),
            Route("/c/receipt/{charge}", self.show_receipt),
        ]

    def style(self, request: Request) -> Response:
        return Response(self._style, media_type="text/css", headers={"Cache-Control": "max-age=60"})

    def show_payment(self, request: Request) -> Response:
        session = self._world.store.find(checkout.KIND, request.path_params["session"])
        words = self._words(request, session)
        if session is None:
            return self._notice(words, "unknown", status=404)
        if session.body["status"] != "open":
            return self._closed(words, session)
        return self._form(words, session, problem=self._last_refusal(session, words))

    async def submit_payment(self, request: Request) -> Response:
        form = await request.form()
        typed = {name: value for name, value in form.items() if isinstance(value, str)}
        return await run_in_threadpool(self._pay, request, typed)

    def _pay(self, request: Request, typed: Mapping[str, str]) -> Response:
        world = self._world
        with world.database.transaction():
            session = world.store.find(checkout.KIND, request.path_params["session"])
            words = self._words(request, session)
            if session is None:
                return self._notice(words, "unknown", status=404)
            if session.body["status"] == "complete":
                return _to_success(session)
            if session.body["status"] != "open":
                return self._closed(words, session)
            entry = self._entry(typed, words, session)
            if isinstance(entry, Refusals):
                return self._form(words, session, typed=typed, refusals=entry.by_field, status=422)
            try:
                if isinstance(entry, CardEntry) and not _sets_up(session):
                    intent = checkout.pay(world, session, entry)
                else:
                    intent = checkout.set_up(world, session, entry)
            except ApiError as error:
                sentence = words[f"d_{error.decline_code or 'generic_decline'}"]
                return self._form(words, session, typed=typed, problem=sentence, status=402)
        return _to_bank(intent) or _to_success(session)

    def _entry(
        self, typed: Mapping[str, str], words: Words, session: Resource
    ) -> CardEntry | DebitEntry | Refusals:
        asks_email = _asks_email(session)
        if _takes_card(session):
            return read(typed, words=words, now=self._world.clock.now(), asks_email=asks_email)
        return debit_form.read(typed, words=words, asks_email=asks_email)

    def show_bank(self, request: Request) -> Response:
        intent = self._waiting_intent(request)
        words = self._words(request, self._session_of(intent))
        if intent is None or intent.body["status"] != Status.REQUIRES_ACTION:
            return self._notice(words, "bank_done", status=404 if intent is None else 200)
        method = self._world.store.find("payment_method", intent.body["payment_method"])
        assert method is not None
        return self._page(
            "bank.html",
            words,
            text="bank_setup_text" if intent.kind == setup_intents.KIND else "bank_text",
            amount=_amount(intent, words),
            last4=method.body["card"]["last4"],
        )

    async def submit_bank(self, request: Request) -> Response:
        form = await request.form()
        return await run_in_threadpool(
            self._answer_bank, request, passed=form.get("answer") == "complete"
        )

    def _answer_bank(self, request: Request, *, passed: bool) -> Response:
        """Both outcomes are written before the browser moves on; a second click changes nothing."""
        world = self._world
        with world.database.transaction():
            intent = self._waiting_intent(request)
            session = self._session_of(intent)
            words = self._words(request, session)
            if intent is None:
                return self._notice(words, "bank_done", status=404)
            if intent.body["status"] == Status.REQUIRES_ACTION:
                _authenticate(world, intent, session, passed=passed)
        if session is not None:
            return _to_success(session) if _done(session) else _to_payment(world, session)
        return self._return(words, intent)

    def show_receipt(self, request: Request) -> Response:
        charge = self._world.store.find("charge", request.path_params["charge"])
        words = self._words(request, None)
        if charge is None or not charge.body["paid"]:
            return self._notice(words, "unknown", status=404)
        body = charge.body
        amount = body["amount_captured"] if body["captured"] else body["amount"]
        details = body["payment_method_details"]
        paid_text = "receipt_text" if details["type"] == "card" else "receipt_debit_text"
        return self._page(
            "receipt.html",
            words,
            text=paid_text if body["captured"] else "receipt_held_text",
            amount=money(amount, body["currency"], words=words),
            last4=details[details["type"]]["last4"],
            refunded=money(body["amount_refunded"], body["currency"], words=words)
            if body["amount_refunded"]
            else None,
        )

    def _waiting_intent(self, request: Request) -> Resource | None:
        wanted = request.path_params["intent"]
        store = self._world.store
        intent = store.find(payments.KIND, wanted) or store.find(setup_intents.KIND, wanted)
        if intent is None or intent.private.get("token") != request.path_params["token"]:
            return None
        return intent

    def _session_of(self, intent: Resource | None) -> Resource | None:
        wanted = None if intent is None else intent.private.get("session")
        return None if wanted is None else self._world.store.find(checkout.KIND, wanted)

    def _last_refusal(self, session: Resource, words: Words) -> str | None:
        """Why the last try failed, for someone who comes back from the bank."""
        if session.body["setup_intent"] is not None:
            setup = setup_intents.find(self._world, session.body["setup_intent"])
            error = setup.body["last_setup_error"]
        elif session.body["payment_intent"] is not None:
            intent = payment_intents.find(self._world, session.body["payment_intent"])
            error = intent.body["last_payment_error"]
        else:
            return None
        if error is None:
            return None
        return words[f"d_{error.get('decline_code', 'authentication')}"]

    def _return(self, words: Words, intent: Resource) -> Response:
        """Back to the merchant, with what Stripe adds to the return address."""
        passed = intent.body["status"] in (Status.SUCCEEDED, Status.REQUIRES_CAPTURE)
        address = intent.private.get("return_url")
        if address is None:
            return self._notice(words, "bank_done", text="bank_passed" if passed else "bank_failed")
        query = urlencode(
            {
                "payment_intent": intent.id,
                "payment_intent_client_secret": intent.body["client_secret"],
                "redirect_status": "succeeded" if passed else "failed",
            }
        )
        return RedirectResponse(f"{address}{'&' if '?' in address else '?'}{query}", 303)

    def _closed(self, words: Words, session: Resource) -> Response:
        body = session.body
        if body["status"] == "expired":
            return self._notice(words, "expired", status=410, link=body["cancel_url"])
        if _sets_up(session):
            return self._notice(words, "added", link=_success_url(session))
        text = "paid" if body["payment_status"] == "paid" else "held"
        return self._notice(
            words,
            "paid",
            text=text,
            link=_success_url(session),
            amount=money(body["amount_total"], body["currency"], words=words),
        )

    def _form(
        self,
        words: Words,
        session: Resource,
        *,
        typed: Mapping[str, str] | None = None,
        refusals: Mapping[str, str] | None = None,
        problem: str | None = None,
        status: int = 200,
    ) -> Response:
        """Of what was typed, the numbers and the code are never sent back."""
        show = self._setup_page if _sets_up(session) else self._payment_page
        return show(
            words,
            session,
            status=status,
            asks_email=_asks_email(session),
            typed={name: (typed or {}).get(name, "") for name in ("email", "expiry", "name")},
            refusals=refusals or {},
            problem=problem,
        )

    def _setup_page(self, words: Words, session: Resource, **form: object) -> Response:
        is_card = _takes_card(session)
        kind = "card" if is_card else "debit"
        return self._page(
            "setup.html",
            words,
            session=session.body,
            title=f"setup_{kind}_title",
            heading=f"setup_{kind}_heading",
            is_card=is_card,
            examples=TEST_CARDS if is_card else TEST_ACCOUNTS,
            **form,
        )

    def _payment_page(self, words: Words, session: Resource, **form: object) -> Response:
        body, wishes = session.body, session.private["intent"]
        lines = [
            {
                "name": line["description"],
                "quantity": line["quantity"],
                "each": money(line["price"]["unit_amount"], line["currency"], words=words),
                "total": money(line["amount_total"], line["currency"], words=words),
            }
            for line in session.private["lines"]
        ]
        return self._page(
            "pay.html",
            words,
            session=body,
            lines=lines,
            total=money(body["amount_total"], body["currency"], words=words),
            manual=wishes["capture_method"] == "manual",
            keeps=wishes.get("setup_future_usage") is not None,
            test_cards=TEST_CARDS,
            **form,
        )

    def _notice(
        self,
        words: Words,
        title: str,
        *,
        text: str | None = None,
        status: int = 200,
        link: str | None = None,
        amount: str = "",
    ) -> Response:
        return self._page(
            "notice.html",
            words,
            status=status,
            title=words[f"{title}_title"],
            text=f"{text or title}_text",
            link=link,
            label="paid_link" if title in ("paid", "added") else "back",
            amount=amount,
        )

    def _page(
        self, template: str, words: Words, *, status: Any = 200, **context: object
    ) -> Response:
        merchant = self._world.settings.merchant

        def say(name: str, **values: object) -> str:
            return words[name].format(**{"merchant": merchant, **values})

        html = self._templates.get_template(template).render(
            lang=words["lang"], say=say, merchant=merchant, **context
        )
        return HTMLResponse(html, status_code=status, headers=HEADERS)

    def _words(self, request: Request, session: Resource | None) -> Words:
        locale = None if session is None else session.body["locale"]
        return words_for(locale, accept_language=request.headers.get("Accept-Language", ""))


def _asks_email(session: Resource) -> bool:
    known = session.body["customer_details"]
    has_customer = session.body["customer"] is not None and known is not None and known["email"]
    return not has_customer and session.body["customer_email"] is None


def _sets_up(session: Resource) -> bool:
    return bool(session.body["mode"] == "setup")


def _takes_card(session: Resource) -> bool:
    return "card" in session.body["payment_method_types"]


def _amount(intent: Resource, words: Words) -> str:
    if intent.kind == setup_intents.KIND:
        return ""
    return money(intent.body["amount"], intent.body["currency"], words=words)


def _authenticate(
    world: World, intent: Resource, session: Resource | None, *, passed: bool
) -> None:
    """Take the answer over; what was declined all the same stays written."""
    origin = Origin() if session is None else checkout.origin_of(session)
    if intent.kind == setup_intents.KIND:
        setup_intents.authenticate(world, intent, passed=passed, origin=origin)
        if session is not None and intent.body["status"] == Status.SUCCEEDED:
            checkout.close(world, session, payment_status="no_payment_required", origin=origin)
        return
    try:
        payments.authenticate(world, intent, passed=passed, origin=origin)
    except ApiError as error:
        if not error.keeps_effects:
            raise
    if session is not None and intent.body["status"] not in CONFIRMABLE:
        checkout.complete(world, session, intent, origin=origin)


def _done(session: Resource) -> bool:
    return bool(session.body["status"] == "complete")


def _success_url(session: Resource) -> str:
    address: str = session.body["success_url"]
    return address.replace("{CHECKOUT_SESSION_ID}", session.id)


def _to_success(session: Resource) -> Response:
    return RedirectResponse(_success_url(session), 303)


def _to_payment(world: World, session: Resource) -> Response:
    return RedirectResponse(f"{world.settings.base.public_url}/c/pay/{session.id}", 303)


def _to_bank(intent: Resource) -> Response | None:
    action = intent.body["next_action"]
    if action is None:
        return None
    return RedirectResponse(action["redirect_to_url"]["url"], 303)
