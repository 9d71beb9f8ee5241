"""The only door to Stripe: its official client, our words."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, TypeVar

import stripe
from django.conf import settings

from commerce.kernel.errors import InvalidInput, Refused, Unknown
from commerce.kernel.money import Money
from commerce.kernel.trace import traceparent
from commerce.payments.ports import (
    ChargeRequest,
    CheckoutRequest,
    DisputeReport,
    DisputeState,
    Method,
    MethodKind,
    Notice,
    OpenedCheckout,
    Outcome,
    PayLine,
    PaymentReport,
    SentCharge,
    SetupReport,
    SetupRequest,
    TakenMoney,
)

Answer = TypeVar("Answer")

OUTCOMES = {
    "requires_capture": Outcome.AUTHORISED,
    "processing": Outcome.PROCESSING,
    "succeeded": Outcome.SETTLED,
    "canceled": Outcome.CANCELLED,
}


DISPUTES = {
    "warning_needs_response": DisputeState.ASKED,
    "warning_under_review": DisputeState.REVIEWED,
    "needs_response": DisputeState.OPEN,
    "under_review": DisputeState.REVIEWED,
    "won": DisputeState.WON,
    "lost": DisputeState.LOST,
    "warning_closed": DisputeState.DROPPED,
    "prevented": DisputeState.DROPPED,
}


class StripeGateway:
    """Talks to Stripe, or to whatever speaks its API at STRIPE_API_BASE."""

    def __init__(self) -> None:
        base: Any = {"api": settings.STRIPE_API_BASE} if settings.STRIPE_API_BASE else {}
        self._stripe = stripe.StripeClient(
            settings.STRIPE_API_KEY,
            base_addresses=base,
            max_network_retries=0,
            http_client=stripe.RequestsClient(timeout=settings.PROVIDER_TIMEOUT_SECONDS),
        )

    def open_checkout(self, request: CheckoutRequest) -> OpenedCheckout:
        """A Checkout Session in mode `payment`; the card is kept for later bills, if the request
        says so."""
        keeping = {"setup_future_usage": "off_session"} if request.keeps else {}
        params: Any = {
            "mode": "payment",
            "line_items": [_line(line) for line in request.lines],
            "payment_intent_data": {
                "capture_method": "manual",
                **keeping,
                "metadata": {"key": request.key, "reference": request.reference},
            },
            "metadata": {"key": request.key, "reference": request.reference},
            "client_reference_id": request.reference,
            "locale": request.language,
            "success_url": request.success_url,
            "cancel_url": request.cancel_url,
            "expires_at": int(request.expires_at.timestamp()),
            **_who(request),
        }
        return self._opened(params, key=f"checkout/{request.key}")

    def open_setup(self, request: SetupRequest) -> OpenedCheckout:
        """A Checkout Session in mode `setup`; for a debit it asks for the mandate."""
        params: Any = {
            "mode": "setup",
            "payment_method_types": [str(request.kind)],
            "setup_intent_data": {"metadata": {"key": request.key}},
            "metadata": {"key": request.key},
            "locale": request.language,
            "success_url": request.success_url,
            "cancel_url": request.cancel_url,
            "expires_at": int(request.expires_at.timestamp()),
            **_who(request),
        }
        return self._opened(params, key=f"setup/{request.key}")

    def report_setup(self, *, session_id: str) -> SetupReport:
        """The session's state, and the method of its SetupIntent when one was added."""
        wanted = ("payment_method", "mandate")
        session = _ask(
            lambda: self._stripe.v1.checkout.sessions.retrieve(
                session_id,
                params={"expand": [f"setup_intent.{name}" for name in wanted]},
                options=_options(),
            )
        )
        if session.status == "expired":
            return SetupReport(Outcome.CANCELLED)
        found: Any = session.setup_intent
        if found is None or isinstance(found, str) or found.status != "succeeded":
            return SetupReport(Outcome.OPEN)
        return SetupReport(Outcome.SETTLED, _method_of(found, customer=_id(session.customer)))

    def mandate_holds(self, *, mandate_id: str) -> bool:
        """Its status is `active`."""
        found = _ask(lambda: self._stripe.v1.mandates.retrieve(mandate_id, options=_options()))
        return found.status == "active"

    def _opened(self, params: Any, *, key: str) -> OpenedCheckout:
        session = _ask(
            lambda: self._stripe.v1.checkout.sessions.create(params, options=_options(key))
        )
        return OpenedCheckout(session_id=session.id, url=session.url or "")

    def report(self, *, session_id: str) -> PaymentReport:
        """The session's state, and its PaymentIntent's when somebody has paid."""
        session = _ask(
            lambda: self._stripe.v1.checkout.sessions.retrieve(
                session_id,
                params={"expand": ["payment_intent.latest_charge"]},
                options=_options(),
            )
        )
        found: Any = session.payment_intent
        if session.status == "expired":
            return PaymentReport(Outcome.CANCELLED, reason="expired")
        if found is None or isinstance(found, str):
            return PaymentReport(Outcome.OPEN, intent_id=found or "")
        return _report_of(found, customer=_id(session.customer))

    def capture(self, *, key: str, intent_id: str, amount: Money) -> str:
        """Capture `amount`; Stripe releases the rest of the authorisation."""
        intent = _ask(
            lambda: self._stripe.v1.payment_intents.capture(
                intent_id, params={"amount_to_capture": amount.cents}, options=_options(key)
            )
        )
        return _id(intent.latest_charge) or intent.id

    def close(self, *, key: str, session_id: str) -> str:
        """Expire the session."""
        return _ask(
            lambda: self._stripe.v1.checkout.sessions.expire(session_id, options=_options(key))
        ).id

    def release(self, *, key: str, intent_id: str) -> str:
        """Cancel the PaymentIntent."""
        return _ask(
            lambda: self._stripe.v1.payment_intents.cancel(intent_id, options=_options(key))
        ).id

    def refund(self, *, key: str, intent_id: str, amount: Money) -> str:
        """Refund `amount` of the captured charge."""
        return _ask(
            lambda: self._stripe.v1.refunds.create(
                params={
                    "payment_intent": intent_id,
                    "amount": amount.cents,
                    "metadata": {"key": key},
                },
                options=_options(key),
            )
        ).id

    def charge(self, request: ChargeRequest) -> PaymentReport:
        """A PaymentIntent that is confirmed at once, off session."""
        params: Any = {
            "amount": request.amount.cents,
            "currency": request.amount.currency.lower(),
            "customer": request.customer_id,
            "payment_method": request.method_id,
            "payment_method_types": [str(request.kind)],
            "off_session": True,
            "confirm": True,
            "metadata": {"key": request.key, "reference": request.reference},
            "expand": ["latest_charge"],
        }
        try:
            intent = _ask(
                lambda: self._stripe.v1.payment_intents.create(
                    params, options=_options(f"charge/{request.key}")
                )
            )
        except Refused as refusal:
            raise Refused(
                refusal.message, code=_reason_of(refusal.__cause__) or refusal.code
            ) from refusal
        return _report_of(intent, customer=request.customer_id)

    def find_charge(self, sent: SentCharge) -> PaymentReport | None:
        """By its id, else by the metadata of all that the customer was charged since: a search
        would not find what is younger than a minute."""
        if sent.intent_id:
            found = _ask(
                lambda: self._stripe.v1.payment_intents.retrieve(
                    sent.intent_id, {"expand": ["latest_charge"]}, options=_options()
                )
            )
            return _report_of(found, customer=sent.customer_id)
        return _ask(lambda: self._looked_for(sent))

    def _looked_for(self, sent: SentCharge) -> PaymentReport | None:
        pages = self._stripe.v1.payment_intents.list(
            {
                "customer": sent.customer_id,
                "created": {"gte": int(sent.since.timestamp())},
                "limit": 100,
                "expand": ["data.latest_charge"],
            },
            options=_options(),
        )
        for intent in pages.auto_paging_iter():
            if _key_of(intent) == sent.key:
                return _report_of(intent, customer=sent.customer_id)
        return None

    def dispute(self, *, dispute_id: str) -> DisputeReport:
        """The Dispute."""
        return _dispute_of(
            _ask(
                lambda: self._stripe.v1.disputes.retrieve(
                    dispute_id, {"expand": ["payment_intent"]}, options=_options()
                )
            )
        )

    def disputes_since(self, since: datetime) -> Iterator[DisputeReport]:
        """The list of Disputes, a hundred at a time."""
        params: Any = {
            "created": {"gte": int(since.timestamp())},
            "limit": 100,
            "expand": ["data.payment_intent"],
        }
        while True:
            page = _ask(lambda: self._stripe.v1.disputes.list(params, options=_options()))
            yield from map(_dispute_of, page.data)
            if not page.has_more:
                return
            params["starting_after"] = page.data[-1].id

    def taken_since(self, since: datetime) -> Iterator[TakenMoney]:
        """The list of Charges, a hundred at a time; a debit counts once the bank has paid it."""
        params: Any = {"created": {"gte": int(since.timestamp())}, "limit": 100}
        while True:
            page = _ask(lambda: self._stripe.v1.charges.list(params, options=_options()))
            for each in page.data:
                if each.captured and each.status == "succeeded":
                    currency = each.currency.upper()
                    yield TakenMoney(
                        key=str((each.to_dict().get("metadata") or {}).get("key", "")),
                        intent_id=_id(each.payment_intent) or each.id,
                        taken=Money.from_cents(each.amount_captured, currency),
                        refunded=Money.from_cents(each.amount_refunded, currency),
                    )
            if not page.has_more:
                return
            params["starting_after"] = page.data[-1].id

    def forget_method(self, *, key: str, method_id: str) -> None:
        """Detach the PaymentMethod from its customer."""
        _ask(lambda: self._stripe.v1.payment_methods.detach(method_id, options=_options(key)))

    def read_notice(self, *, body: bytes, signature: str) -> Notice:
        """Stripe-Signature as documented; real time, five minutes at most."""
        try:
            stripe.WebhookSignature.verify_header(
                body.decode(), signature, settings.STRIPE_WEBHOOK_SECRET, tolerance=300
            )
            payload = json.loads(body)
            thing = payload["data"]["object"]
            is_session = thing["object"] == "checkout.session"
            return Notice(
                event_id=str(payload["id"]),
                type=str(payload["type"]),
                payload=payload,
                key=str((thing.get("metadata") or {}).get("key", "")),
                session_id=thing["id"] if is_session else "",
                intent_id=_intent_of(thing),
                dispute_id=thing["id"] if thing["object"] == "dispute" else "",
                mandate_id=thing["id"] if thing["object"] == "mandate" else "",
            )
        except (stripe.SignatureVerificationError, UnicodeDecodeError):
            raise InvalidInput("The signature doesn't hold.", code="bad_signature") from None
        except (ValueError, KeyError, TypeError):
            raise InvalidInput("The body is no event.", code="malformed_event") from None


def _ask(call: Callable[[], Answer]) -> Answer:
    """Stripe's errors as our two.

    What never reached the payment (our own key is wrong) or can't be compared with it (the key's
    first request was another) tells nothing of it; nor do 409, a key still in use, and 5xx.
    """
    try:
        return call()
    except stripe.CardError as error:
        raise Refused(
            "The card was declined.", code=error.code or "card_declined", provider="stripe"
        ) from error
    except (
        stripe.APIConnectionError,
        stripe.AuthenticationError,
        stripe.IdempotencyError,
        stripe.PermissionError,
        stripe.RateLimitError,
    ) as error:
        raise Unknown(f"Stripe gave no answer: {error}", provider="stripe") from error
    except stripe.StripeError as error:
        status = error.http_status or 500
        if status >= 500 or status == 409:
            raise Unknown(f"Stripe gave no answer: {error}", provider="stripe") from error
        raise Refused(
            f"Stripe refused: {error}", code=error.code or "refused", provider="stripe"
        ) from error


def _options(key: str | None = None) -> Any:
    options: dict[str, Any] = {"headers": {"traceparent": traceparent()}}
    if key is not None:
        options["idempotency_key"] = key
    return options


def _who(request: CheckoutRequest | SetupRequest) -> dict[str, Any]:
    if request.customer_id:
        return {"customer": request.customer_id}
    return {"customer_creation": "always", "customer_email": request.email}


def _line(line: PayLine) -> dict[str, Any]:
    return {
        "quantity": line.quantity,
        "price_data": {
            "currency": line.amount.currency.lower(),
            "unit_amount": line.amount.cents,
            "product_data": {"name": line.label},
        },
    }


def _report_of(intent: Any, *, customer: str) -> PaymentReport:
    charge = intent.latest_charge
    details = getattr(charge, "payment_method_details", None)
    card = getattr(details, "card", None) or getattr(details, "sepa_debit", None)
    error = intent.last_payment_error
    return PaymentReport(
        outcome=OUTCOMES.get(intent.status, Outcome.OPEN),
        intent_id=intent.id,
        customer_id=customer or _id(intent.customer),
        method_id=_id(intent.payment_method),
        card_brand=str(getattr(card, "brand", "") or ""),
        card_last4=str(getattr(card, "last4", "") or ""),
        reason=str((getattr(error, "decline_code", "") or getattr(error, "code", "")) or ""),
    )


def _dispute_of(found: Any) -> DisputeReport:
    """Where the money is says the sum of its balance transactions."""
    until = found.evidence_details.due_by
    moved = [each.amount for each in found.balance_transactions]
    return DisputeReport(
        dispute_id=found.id,
        key=_key_of(found.payment_intent),
        intent_id=_id(found.payment_intent),
        amount=Money.from_cents(found.amount, found.currency.upper()),
        reason=found.reason,
        state=DISPUTES.get(found.status, DisputeState.OPEN),
        evidence_until=datetime.fromtimestamp(until, UTC) if until else None,
        opened_at=datetime.fromtimestamp(found.created, UTC),
        withdrawn=any(amount < 0 for amount in moved),
        reinstated=any(amount > 0 for amount in moved),
    )


def _method_of(setup: Any, *, customer: str) -> Method:
    """Of a SetupIntent with its method and mandate expanded."""
    found = setup.payment_method
    facts = found[found.type]
    mandate = setup.mandate
    given = getattr(getattr(mandate, "payment_method_details", None), "sepa_debit", None)
    return Method(
        kind=MethodKind(found.type),
        customer_id=customer or _id(setup.customer),
        method_id=found.id,
        card_brand=str(getattr(facts, "brand", "") or ""),
        card_last4=str(facts.last4 or ""),
        bank_code=str(getattr(facts, "bank_code", "") or ""),
        mandate_id=_id(mandate),
        mandate_reference=str(getattr(given, "reference", "") or ""),
    )


def _reason_of(error: BaseException | None) -> str:
    """The issuer's reason for a decline, where Stripe tells it."""
    told = getattr(error, "json_body", None) or {}
    return str((told.get("error") or {}).get("decline_code") or "")


def _key_of(intent: Any) -> str:
    """Our key of a PaymentIntent, if it is one of ours."""
    if intent is None or isinstance(intent, str):
        return ""
    return str((intent.to_dict().get("metadata") or {}).get("key", ""))


def _id(thing: Any) -> str:
    """The id of something that Stripe may have expanded or not."""
    if thing is None:
        return ""
    return thing if isinstance(thing, str) else str(thing.id)


def _intent_of(thing: dict[str, Any]) -> str:
    if thing["object"] == "payment_intent":
        return str(thing["id"])
    found = thing.get("payment_intent")
    return found if isinstance(found, str) else ""
