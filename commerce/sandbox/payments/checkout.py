"""What happens to a Checkout Session on its page and with time: paid, set up, refused, expired."""

from dataclasses import dataclass

from commerce.sandbox.payments import (
    customers,
    disputes,
    events,
    payment_intents,
    payment_methods,
    payments,
    setup_intents,
)
from commerce.sandbox.payments.banks import TestAccount
from commerce.sandbox.payments.cards import TestCard
from commerce.sandbox.payments.errors import Document
from commerce.sandbox.payments.payments import Status
from commerce.sandbox.payments.shared import address
from commerce.sandbox.payments.store import Resource
from commerce.sandbox.payments.world import Origin, World

KIND = "checkout.session"


@dataclass(frozen=True, slots=True)
class CardEntry:
    """A card typed on the page; lives as long as the request. `exp_year` has four digits."""

    card: TestCard
    exp_month: int
    exp_year: int
    name: str
    email: str | None


@dataclass(frozen=True, slots=True)
class DebitEntry:
    """An account typed on the page, with its holder's consent; lives as long as the request."""

    account: TestAccount
    name: str
    email: str | None


def details(*, email: str | None, name: str | None) -> Document:
    """`customer_details` as the API answers them."""
    return {
        "address": address(None),
        "business_name": None,
        "email": email,
        "individual_name": None,
        "name": name,
        "phone": None,
        "tax_exempt": "none",
        "tax_ids": [],
    }


def origin_of(session: Resource) -> Origin:
    """The page acts for itself, in the trace of the request that made the session."""
    return Origin(
        operation=session.private.get("operation", ""), trace=session.private.get("trace", {})
    )


def pay(world: World, session: Resource, entry: CardEntry) -> Resource:
    """Try the card; the payment intent is then held, paid or waits for authentication.

    The intent is made at the first try and used again by the next ones.

    Raises:
        ApiError: the card was declined; the session stays open.
    """
    origin = origin_of(session)
    billing = _person(session, name=entry.name, email=entry.email)
    intent = _intent(world, session, origin=origin)
    method = _card(world, entry, billing=billing)
    intent.private["return_url"] = session.body["url"]
    payments.attempt(world, intent, method=method, origin=origin)
    if intent.body["status"] != Status.REQUIRES_ACTION:
        complete(world, session, intent, origin=origin)
    return intent


def set_up(world: World, session: Resource, entry: CardEntry | DebitEntry) -> Resource:
    """Keep the card or account for later; the setup intent may wait for authentication.

    Raises:
        ApiError: the card was declined; the session stays open.
    """
    origin = origin_of(session)
    billing = _person(session, name=entry.name, email=entry.email)
    setup = setup_intents.find(world, session.body["setup_intent"])
    if setup.body["customer"] is None:
        setup.body["customer"] = _customer(world, session, origin=origin)
        world.store.save(session)
    if isinstance(entry, CardEntry):
        method = _card(world, entry, billing=billing)
    else:
        method = payment_methods.make_debit(world, entry.account, details=billing)
    setup.private["return_url"] = session.body["url"]
    setup_intents.attempt(world, setup, method=method, origin=origin)
    if setup.body["status"] == "succeeded":
        close(world, session, payment_status="no_payment_required", origin=origin)
    return setup


def _card(world: World, entry: CardEntry, *, billing: Document) -> Resource:
    return payment_methods.make(
        world,
        entry.card,
        exp_month=entry.exp_month,
        exp_year=entry.exp_year,
        details=billing,
    )


def _person(session: Resource, *, name: str, email: str | None) -> Document:
    """Who fills in the page becomes the session's customer; his billing details."""
    person = details(email=email or session.body["customer_email"], name=name)
    known = session.body["customer_details"]
    if known is not None and known["email"] is not None:
        person["email"] = known["email"]
    session.body["customer_details"] = person
    return {
        "address": person["address"],
        "email": person["email"],
        "name": name,
        "phone": None,
        "tax_id": None,
    }


def complete(world: World, session: Resource, intent: Resource, *, origin: Origin) -> None:
    """The payment is held or made: the session closes. With manual capture it is still unpaid."""
    paid = intent.body["status"] == Status.SUCCEEDED
    intent.private["session_open"] = False
    world.store.save(intent)
    close(world, session, payment_status="paid" if paid else "unpaid", origin=origin)


def close(world: World, session: Resource, *, payment_status: str, origin: Origin) -> None:
    """Nothing more can be done on its page."""
    session.body |= {"status": "complete", "payment_status": payment_status, "url": None}
    session.private.pop("due_at", None)
    world.store.save(session)
    events.emit(world, "checkout.session.completed", session.body, origin=origin)


def expire(world: World, session: Resource, *, origin: Origin) -> None:
    """Close an open session; a payment intent that it made is cancelled."""
    session.body |= {"status": "expired", "url": None}
    session.private.pop("due_at", None)
    world.store.save(session)
    intent_id = session.body["payment_intent"]
    if intent_id is not None:
        intent = payment_intents.find(world, intent_id)
        intent.private["session_open"] = False
        payments.cancel(world, intent, reason="expired", origin=origin)
    if session.body["setup_intent"] is not None:
        setup = setup_intents.find(world, session.body["setup_intent"])
        setup_intents.cancel(world, setup, origin=origin)
    events.emit(world, "checkout.session.expired", session.body, origin=origin)


def _intent(world: World, session: Resource, *, origin: Origin) -> Resource:
    existing = session.body["payment_intent"]
    if existing is not None:
        return payment_intents.find(world, existing)
    wishes = session.private["intent"]
    body = payment_intents.blank(
        world,
        amount=session.body["amount_total"],
        currency=session.body["currency"],
        capture_method=wishes["capture_method"],
        automatic=False,
    )
    body |= wishes
    body["customer"] = _customer(world, session, origin=origin)
    intent = Resource(payments.KIND, body, {"session": session.id, "session_open": True})
    payment_intents.add(world, intent, origin=origin)
    session.body["payment_intent"] = intent.id
    world.store.save(session)
    return intent


def _customer(world: World, session: Resource, *, origin: Origin) -> str | None:
    """The session's customer; made now if the card is to be kept or the session says so."""
    body = session.body
    wishes = session.private["intent"]
    keeps = wishes.get("setup_future_usage") is not None or body["mode"] == "setup"
    if body["customer"] is None and (keeps or body["customer_creation"] == "always"):
        person = body["customer_details"]
        made = customers.create_guest(
            world, email=person["email"], name=person["name"], origin=origin
        )
        body["customer"] = made["id"]
    customer: str | None = body["customer"]
    return customer


class Timers:
    """What time does: sessions expire, authorisations lapse, debits are paid or refused, and the
    time for evidence runs out."""

    def __init__(self, world: World) -> None:
        self._world = world

    def next_due(self) -> float | None:
        return self._world.store.next_due()

    def run_due(self, now: float) -> None:
        world = self._world
        for resource in world.store.due(now):
            with world.database.transaction():
                current = world.store.find(resource.kind, resource.id)
                if current is None or current.private.get("due_at") is None:
                    continue
                _run(world, current)


def _run(world: World, due: Resource) -> None:
    if due.kind == KIND:
        expire(world, due, origin=origin_of(due))
    elif due.kind == disputes.KIND:
        disputes.lapse(world, due)
    elif due.body["status"] == Status.PROCESSING:
        payments.end_debit(world, due)
    else:
        payments.cancel(world, due, reason="automatic", origin=Origin())
