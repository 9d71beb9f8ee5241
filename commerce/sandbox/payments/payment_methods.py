"""Payment methods: cards, made from the documented test tokens or on the hosted page; accounts to
be debited, made on the page only."""

from commerce.sandbox.payments import banks, customers, events, lists
from commerce.sandbox.payments.cards import CARDS, DECLINES, TOKENS, TestCard
from commerce.sandbox.payments.errors import ApiError, Document, doc_url, invalid, missing
from commerce.sandbox.payments.forms import Params
from commerce.sandbox.payments.ids import new_id
from commerce.sandbox.payments.shared import billing_details
from commerce.sandbox.payments.store import Resource
from commerce.sandbox.payments.world import Call, Origin, World

KIND = "payment_method"
KINDS = ("card", "sepa_debit")
BY_FINGERPRINT = {card.fingerprint: card for card in CARDS.values()}
TOKEN_EXPIRY_YEARS = 4


def make(
    world: World,
    card: TestCard,
    *,
    exp_month: int,
    exp_year: int,
    details: Document | None = None,
    metadata: dict[str, str] | None = None,
) -> Resource:
    """A new payment method; of the number only its last four digits and fingerprint stay."""
    networks = [card.brand] if card.network is None else [card.network, card.brand]
    facts: Document = {
        "brand": card.brand,
        "checks": {
            "address_line1_check": None,
            "address_postal_code_check": None,
            "cvc_check": card.cvc_check,
        },
        "country": card.country,
        "display_brand": card.brand,
        "exp_month": exp_month,
        "exp_year": exp_year,
        "fingerprint": card.fingerprint,
        "funding": card.funding,
        "generated_from": None,
        "last4": card.last4,
        "networks": {"available": networks, "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }
    return _made(world, "card", facts, details=details, metadata=metadata)


def make_debit(world: World, account: banks.TestAccount, *, details: Document) -> Resource:
    """A bank account that may be debited; of its number only the last four characters stay."""
    facts: Document = {
        "bank_code": account.bank_code,
        "branch_code": "",
        "country": account.country,
        "fingerprint": account.fingerprint,
        "generated_from": {"charge": None, "setup_attempt": None},
        "last4": account.last4,
    }
    return _made(world, "sepa_debit", facts, details=details, metadata=None)


def _made(
    world: World,
    kind: str,
    facts: Document,
    *,
    details: Document | None,
    metadata: dict[str, str] | None,
) -> Resource:
    body: Document = {
        "id": new_id("pm"),
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": details or billing_details(None),
        kind: facts,
        "created": world.now(),
        "customer": None,
        "customer_account": None,
        "livemode": False,
        "metadata": metadata or {},
        "type": kind,
    }
    resource = Resource(KIND, body, {"set_up": False})
    world.store.add(resource)
    return resource


def is_card(method: Resource) -> bool:
    return bool(method.body["type"] == "card")


def account_of(method: Resource) -> banks.TestAccount:
    return banks.BY_FINGERPRINT[method.body["sepa_debit"]["fingerprint"]]


def card_of(method: Resource) -> TestCard:
    return BY_FINGERPRINT[method.body["card"]["fingerprint"]]


def find(world: World, wanted: str, *, param: str = "payment_method") -> Resource:
    """The payment method; a test token (`pm_card_visa`) makes a new one, as with Stripe."""
    resource = world.store.find(KIND, wanted)
    if resource is not None:
        return resource
    if wanted in TOKENS:
        year = int(world.now() / (365.2425 * 24 * 3600)) + 1970
        return make(world, CARDS[TOKENS[wanted]], exp_month=12, exp_year=year + TOKEN_EXPIRY_YEARS)
    raise missing("PaymentMethod", wanted, param=param)


def create(world: World, call: Call) -> Document:
    """From `card[token]=tok_visa` and the like; a bare card number is refused."""
    params = call.params
    if params.required("type") != "card":
        raise invalid("Here only cards are made over the API.", param="type")
    section = params.section("card")
    if section is None:
        raise params.absent("card")
    card = card_from(section)
    month = section.integer("exp_month", least=1) or 12
    year = section.integer("exp_year", least=1) or 2034
    section.text("cvc")
    details = billing_details(params.section("billing_details"))
    metadata = params.metadata()
    params.finish()
    resource = make(world, card, exp_month=month, exp_year=year, details=details, metadata=metadata)
    return resource.body


def card_from(section: Params) -> TestCard:
    token = section.text("token")
    if token is not None:
        number = TOKENS.get(token.replace("tok_", "pm_card_", 1))
        if number is None:
            raise missing("token", token, param="card[token]")
        return CARDS[number]
    raise invalid(
        "Sending credit card numbers directly to the Stripe API is generally unsafe. To continue"
        " processing use Stripe.js, the Stripe mobile bindings, or Stripe Elements.",
        param="card[number]",
    )


def retrieve(world: World, call: Call) -> Document:
    call.params.finish()
    return find(world, call.id, param="payment_method").body


def retrieve_of_customer(world: World, call: Call) -> Document:
    call.params.finish()
    customers.find(world, call.id)
    resource = world.store.find(KIND, call.ids[1])
    if resource is None or resource.body["customer"] != call.id:
        raise missing("PaymentMethod", call.ids[1], param="payment_method")
    return resource.body


def update(world: World, call: Call) -> Document:
    resource = find(world, call.id)
    resource.body["metadata"] = call.params.metadata(present=resource.body["metadata"])
    details = call.params.section("billing_details")
    if details is not None:
        resource.body["billing_details"] = billing_details(details)
    call.params.finish()
    world.store.save(resource)
    return resource.body


def attach(world: World, call: Call) -> Document:
    customer = customers.find(world, call.params.required("customer"))
    call.params.finish()
    resource = find(world, call.id)
    if resource.body["customer"] not in (None, customer.id):
        raise invalid(
            "The payment method you provided has already been attached to a customer.",
            param="payment_method",
        )
    if is_card(resource) and not card_of(resource).attachable:
        raise declined(card_of(resource).decline or "generic_decline", param=None)
    attach_to(world, resource, customer=customer.id, origin=call.origin)
    return resource.body


def attach_to(world: World, method: Resource, *, customer: str, origin: Origin) -> None:
    """Keep the card with the customer; nothing happens if it is there."""
    if method.body["customer"] == customer:
        return
    refuse_if_spent(method)
    method.body["customer"] = customer
    world.store.save(method)
    events.emit(world, "payment_method.attached", method.body, origin=origin)


def refuse_if_spent(method: Resource) -> None:
    """A payment method that was detached, or used once without a customer, is of no more use."""
    if method.private.get("spent") and method.body["customer"] is None:
        raise invalid(
            "The provided PaymentMethod was previously used with a PaymentIntent without Customer"
            " attachment, shared with a connected account without Customer attachment, or was"
            " detached from a Customer. It may not be used again. To use a PaymentMethod multiple"
            " times, you must attach it to a Customer first.",
            param="payment_method",
        )


def detach(world: World, call: Call) -> Document:
    call.params.finish()
    resource = find(world, call.id)
    if resource.body["customer"] is None:
        raise invalid(
            "The payment method you provided is not attached to a customer so detachment is"
            " impossible.",
            param="payment_method",
        )
    former = resource.body["customer"]
    resource.body["customer"] = None
    resource.private["spent"] = True
    world.store.save(resource)
    events.emit(
        world,
        "payment_method.detached",
        resource.body,
        origin=call.origin,
        before={"customer": former},
    )
    return resource.body


def listed(world: World, call: Call) -> Document:
    customer = call.params.text("customer")
    conditions: lists.Conditions = (("customer IS NOT ?", None),)
    if customer is not None:
        customers.find(world, customer)
        conditions = (("customer = ?", customer),)
    return _listed(world, call, conditions=conditions, url="/v1/payment_methods")


def listed_of_customer(world: World, call: Call) -> Document:
    customers.find(world, call.id)
    url = f"/v1/customers/{call.id}/payment_methods"
    return _listed(world, call, conditions=(("customer = ?", call.id),), url=url)


def _listed(world: World, call: Call, *, conditions: lists.Conditions, url: str) -> Document:
    kind = call.params.text("type")
    if kind is not None:
        conditions = (*conditions, ("type = ?", kind))
    answer = lists.page(world, call, KIND, url=url, conditions=conditions)
    call.params.finish()
    return answer


def declined(
    reason: str,
    *,
    param: str | None = None,
    charge: str | None = None,
    payment_method: Document | None = None,
) -> ApiError:
    """The card error for an issuer's reason; its effects stay written."""
    decline = DECLINES[reason]
    params = {"expired_card": "exp_month", "incorrect_cvc": "cvc"}
    return ApiError(
        402,
        "card_error",
        decline.message,
        code=decline.code,
        decline_code=decline.reason,
        param=param or params.get(reason),
        charge=charge,
        payment_method=payment_method,
        keeps_effects=True,
    )


def payment_error(error: ApiError, *, method: Document) -> Document:
    """The error as `last_payment_error` of a payment intent holds it."""
    facts: Document = {
        "charge": error.charge,
        "code": error.code,
        "decline_code": error.decline_code,
        "doc_url": None if error.code is None else doc_url(error.code),
        "message": error.message,
        "param": error.param,
        "payment_method": method,
        "type": error.type,
    }
    return {name: value for name, value in facts.items() if value is not None}
