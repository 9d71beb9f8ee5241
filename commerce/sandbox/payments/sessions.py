"""Checkout Sessions over the API: create, retrieve, list, expire, line items."""

from commerce.sandbox.payments import (
    checkout,
    customers,
    lists,
    payment_intents,
    payment_methods,
    setup_intents,
)
from commerce.sandbox.payments.checkout import KIND
from commerce.sandbox.payments.errors import ApiError, Document, invalid, missing
from commerce.sandbox.payments.forms import Params
from commerce.sandbox.payments.ids import new_id
from commerce.sandbox.payments.shared import LARGEST_AMOUNT, LEAST_AMOUNT, shipping
from commerce.sandbox.payments.store import Resource
from commerce.sandbox.payments.world import Call, World

LOCALES = frozenset(
    {
        "auto", "bg", "cs", "da", "de", "el", "en", "en-GB", "es", "es-419", "et", "fi", "fil",
        "fr", "fr-CA", "hi-IN", "hr", "hu", "id", "it", "ja", "ko", "lt", "lv", "ms", "mt", "nb",
        "nl", "pl", "pt", "pt-BR", "ro", "ru", "sk", "sl", "sv", "th", "tr", "vi", "zh", "zh-HK",
        "zh-TW"
    }
)  # fmt: skip
SHORTEST_LIFE = 30 * 60
LONGEST_LIFE = 24 * 3600
MOST_LINES = 100
INTENT_TEXTS = (
    "description",
    "receipt_email",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "transfer_group",
)


def create(world: World, call: Call) -> Document:
    params = call.params
    mode = params.required("mode")
    if mode not in ("payment", "setup"):
        raise invalid("This sandbox has the modes `payment` and `setup`.", param="mode")
    params.choice("ui_mode", ("hosted_page",))
    kind = _kind(params, mode=mode)
    lines = [_line(world, line) for line in params.sections("line_items")]
    body = _blank(world)
    if mode == "payment":
        _amounts(body, lines)
    else:
        _sets_up(body, lines, kind=kind)
    body["success_url"] = params.required("success_url")
    for name in ("cancel_url", "client_reference_id", "customer_email", "submit_type"):
        body[name] = params.text(name, longest=200 if name == "client_reference_id" else 5000)
    body["locale"] = params.choice("locale", LOCALES)
    body["expires_at"] = _expiry(world, params)
    body["metadata"] = params.metadata()
    _customer(world, params, body)
    _refinements(params, body)
    intent_data = _intent_data(params.section("payment_intent_data"))
    setup_data = _setup_data(params.section("setup_intent_data"))
    params.finish()
    _check_urls(body)
    private = {
        "lines": lines,
        "intent": intent_data,
        "trace": dict(call.origin.trace),
        "operation": call.origin.operation,
        "due_at": body["expires_at"],
    }
    if mode == "setup":
        made = setup_intents.make(
            world, kind=kind, session=body["id"], wishes=setup_data, origin=call.origin
        )
        body["setup_intent"] = made.id
    world.store.add(Resource(KIND, body, private))
    return body


def find(world: World, wanted: str) -> Resource:
    resource = world.store.find(KIND, wanted)
    if resource is None:
        raise missing("checkout.session", wanted, param="session")
    return resource


def retrieve(world: World, call: Call) -> Document:
    call.params.finish()
    return find(world, call.id).body


def update(world: World, call: Call) -> Document:
    resource = find(world, call.id)
    resource.body["metadata"] = call.params.metadata(present=resource.body["metadata"])
    call.params.finish()
    world.store.save(resource)
    return resource.body


def expire(world: World, call: Call) -> Document:
    call.params.finish()
    session = find(world, call.id)
    status = session.body["status"]
    if status != "open":
        raise invalid(
            'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session'
            f" has a status of `{status}`.",
            param="session",
        )
    checkout.expire(world, session, origin=call.origin)
    return session.body


def listed(world: World, call: Call) -> Document:
    conditions: lists.Conditions = ()
    for name in ("payment_intent", "customer", "status"):
        wanted = call.params.text(name)
        if wanted is not None:
            conditions = (*conditions, (f"{name} = ?", wanted))
    answer = lists.page(world, call, KIND, url="/v1/checkout/sessions", conditions=conditions)
    call.params.finish()
    return answer


def line_items(world: World, call: Call) -> Document:
    limit = call.params.integer("limit", least=1) or lists.DEFAULT_LIMIT
    after = call.params.text("starting_after")
    call.params.finish()
    lines: list[Document] = find(world, call.id).private["lines"]
    position = 0
    if after is not None:
        known = [line["id"] for line in lines]
        if after not in known:
            raise missing("line item", after, param="starting_after")
        position = known.index(after) + 1
    return _page_of_lines(call.id, lines[position:], limit=limit)


def lines_of(world: World, session: str) -> Document:
    """The list that `expand[]=line_items` puts into a session."""
    lines = find(world, session).private["lines"]
    return _page_of_lines(session, lines, limit=lists.DEFAULT_LIMIT)


def _page_of_lines(session: str, lines: list[Document], *, limit: int) -> Document:
    return {
        "object": "list",
        "data": lines[:limit],
        "has_more": len(lines) > limit,
        "url": f"/v1/checkout/sessions/{session}/line_items",
    }


def _kind(params: Params, *, mode: str) -> str:
    """The one kind of payment method that the page takes."""
    kinds = params.texts("payment_method_types") or ["card"]
    known = payment_methods.KINDS if mode == "setup" else ("card",)
    if len(kinds) > 1 or kinds[0] not in known:
        raise invalid(
            "This sandbox takes one kind of payment method per session, and pays by card only.",
            param="payment_method_types",
        )
    return kinds[0]


def _sets_up(body: Document, lines: list[Document], *, kind: str) -> None:
    if lines:
        raise invalid("You can not pass `line_items` in `setup` mode.", param="line_items")
    body |= {
        "mode": "setup",
        "payment_status": "no_payment_required",
        "payment_method_collection": "always",
        "payment_method_types": [kind],
        "total_details": None,
    }
    if kind != "card":
        body["payment_method_options"] = {kind: {}}


def _setup_data(params: Params | None) -> Document:
    if params is None:
        return {"description": None, "metadata": {}}
    return {"description": params.text("description"), "metadata": params.metadata()}


def _line(world: World, params: Params) -> Document:
    price_id = params.text("price")
    if price_id is not None:
        raise missing("price", price_id, param=params.name_of("price"))
    quantity = params.integer("quantity", least=1)
    if quantity is None:
        raise params.absent("quantity")
    data = params.section("price_data")
    if data is None:
        raise params.absent("price_data")
    price, name = _price(world, data)
    total = price["unit_amount"] * quantity
    return {
        "id": new_id("li"),
        "object": "item",
        "adjustable_quantity": None,
        "amount_discount": 0,
        "amount_subtotal": total,
        "amount_tax": 0,
        "amount_total": total,
        "currency": price["currency"],
        "description": name,
        "metadata": params.metadata(),
        "price": price,
        "quantity": quantity,
    }


def _price(world: World, data: Params) -> tuple[Document, str]:
    """A one-time price made for this session, and the product's name."""
    currency = payment_intents.checked_currency(data)
    amount = data.integer("unit_amount")
    if amount is None:
        raise data.absent("unit_amount")
    behaviour = data.choice("tax_behavior", ("exclusive", "inclusive", "unspecified"))
    product = data.section("product_data")
    if product is None:
        raise data.absent("product_data")
    name = product.required("name")
    product.text("description")
    product.texts("images")
    product.text("tax_code")
    product.metadata()
    price: Document = {
        "id": new_id("price"),
        "object": "price",
        "active": False,
        "billing_scheme": "per_unit",
        "created": world.now(),
        "currency": currency,
        "custom_unit_amount": None,
        "livemode": False,
        "lookup_key": None,
        "metadata": {},
        "nickname": None,
        "product": new_id("prod"),
        "recurring": None,
        "tax_behavior": behaviour or "unspecified",
        "tiers_mode": None,
        "transform_quantity": None,
        "type": "one_time",
        "unit_amount": amount,
        "unit_amount_decimal": str(amount),
    }
    return price, name


def _amounts(body: Document, lines: list[Document]) -> None:
    if not lines:
        raise invalid(
            "You must pass `line_items` in `payment` mode.",
            param="line_items",
            code="parameter_missing",
        )
    if len(lines) > MOST_LINES:
        raise invalid(f"At most {MOST_LINES} line items are allowed.", param="line_items")
    currencies = {line["currency"] for line in lines}
    if len(currencies) > 1:
        raise invalid(
            "All line items in a Checkout Session must have the same currency.", param="line_items"
        )
    total = sum(line["amount_total"] for line in lines)
    if total < LEAST_AMOUNT:
        raise invalid(
            "The Checkout Session's total amount due must add up to at least €0.50 eur",
            code="amount_too_small",
        )
    if total > LARGEST_AMOUNT:
        raise invalid(
            "The Checkout Session's total amount must be no more than €999,999.99",
            code="amount_too_large",
        )
    body |= {"amount_subtotal": total, "amount_total": total, "currency": currencies.pop()}


def _expiry(world: World, params: Params) -> int:
    now = world.now()
    expires_at = params.integer("expires_at")
    if expires_at is None:
        return now + LONGEST_LIFE
    if expires_at < now + SHORTEST_LIFE:
        raise invalid(
            "The `expires_at` timestamp must be at least 30 minutes after now.",
            param="expires_at",
        )
    if expires_at > now + LONGEST_LIFE:
        raise invalid(
            "The `expires_at` timestamp must be less than 24 hours from Checkout Session creation.",
            param="expires_at",
        )
    return expires_at


def _customer(world: World, params: Params, body: Document) -> None:
    wanted = params.text("customer")
    creation = params.choice("customer_creation", ("always", "if_required"))
    if wanted is not None and (body["customer_email"] is not None or creation is not None):
        other = "customer_email" if creation is None else "customer_creation"
        raise invalid(f"You may only specify one of these parameters: customer, {other}.")
    if wanted is None:
        body["customer_creation"] = creation or "if_required"
        return
    customer = customers.find(world, wanted)
    body |= {
        "customer": customer.id,
        "customer_details": checkout.details(
            email=customer.body["email"], name=customer.body["name"]
        ),
    }


def _refinements(params: Params, body: Document) -> None:
    """What Stripe has and the page does not need; only its neutral values are taken."""
    body["billing_address_collection"] = params.choice("billing_address_collection", ("auto",))
    for name, value in (
        ("automatic_tax", "enabled"),
        ("phone_number_collection", "enabled"),
        ("invoice_creation", "enabled"),
        ("adaptive_pricing", "enabled"),
    ):
        section = params.section(name)
        if section is not None and section.boolean(value):
            raise invalid(f"This sandbox does not simulate {name}.", param=name)
    if params.boolean("allow_promotion_codes"):
        raise invalid("This sandbox has no promotion codes.", param="allow_promotion_codes")
    custom_text = params.section("custom_text")
    submit = None if custom_text is None else custom_text.section("submit")
    if submit is not None:
        body["custom_text"]["submit"] = {"message": submit.required("message")}


def _intent_data(params: Params | None) -> Document:
    if params is None:
        return {"capture_method": "automatic_async", "metadata": {}}
    capture = params.choice("capture_method", payment_intents.CAPTURE_METHODS)
    return {
        "capture_method": capture or "automatic_async",
        "metadata": params.metadata(),
        "setup_future_usage": params.choice("setup_future_usage", ("off_session", "on_session")),
        "shipping": shipping(params),
        **{name: params.text(name) for name in INTENT_TEXTS},
    }


def _check_urls(body: Document) -> None:
    for name in ("success_url", "cancel_url"):
        value = body[name]
        if value is not None and not value.startswith(("http://", "https://")):
            raise _not_a_url(name)


def _not_a_url(name: str) -> ApiError:
    return invalid(
        "Not a valid URL. URLs must begin with http:// or https://.", param=name, code="url_invalid"
    )


def _blank(world: World) -> Document:
    identifier = new_id("cs_test")
    return {
        "id": identifier,
        "object": "checkout.session",
        "adaptive_pricing": {"enabled": False},
        "after_expiration": None,
        "allow_promotion_codes": None,
        "amount_subtotal": None,
        "amount_total": None,
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "billing_address_collection": None,
        "cancel_url": None,
        "client_reference_id": None,
        "client_secret": None,
        "collected_information": None,
        "consent": None,
        "consent_collection": None,
        "created": world.now(),
        "currency": None,
        "currency_conversion": None,
        "custom_fields": [],
        "custom_text": {
            "after_submit": None,
            "shipping_address": None,
            "submit": None,
            "terms_of_service_acceptance": None,
        },
        "customer": None,
        "customer_account": None,
        "customer_creation": None,
        "customer_details": None,
        "customer_email": None,
        "discounts": [],
        "expires_at": None,
        "integration_identifier": None,
        "invoice": None,
        "invoice_creation": {
            "enabled": False,
            "invoice_data": {
                "account_tax_ids": None,
                "custom_fields": None,
                "description": None,
                "footer": None,
                "issuer": None,
                "metadata": {},
                "rendering_options": None,
            },
        },
        "livemode": False,
        "locale": None,
        "metadata": {},
        "mode": "payment",
        "origin_context": None,
        "payment_intent": None,
        "payment_link": None,
        "payment_method_collection": "if_required",
        "payment_method_configuration_details": None,
        "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
        "payment_method_types": ["card"],
        "payment_status": "unpaid",
        "permissions": None,
        "phone_number_collection": {"enabled": False},
        "recovered_from": None,
        "saved_payment_method_options": None,
        "setup_intent": None,
        "shipping_address_collection": None,
        "shipping_cost": None,
        "shipping_options": [],
        "status": "open",
        "submit_type": None,
        "subscription": None,
        "success_url": None,
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
        "ui_mode": "hosted_page",
        "url": f"{world.settings.base.public_url}/c/pay/{identifier}",
        "wallet_options": None,
    }
