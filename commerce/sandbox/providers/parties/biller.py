"""An external billing system that is told subscriptions and charges."""

from decimal import Decimal

from commerce.sandbox.providers.protocol import (
    Answer,
    Call,
    Fields,
    Json,
    Operation,
    Party,
    Refusal,
)
from commerce.sandbox.providers.world import World


def subscribe(world: World, call: Call) -> Answer:
    fields = Fields(call.body)
    reference, account = fields.text("reference"), fields.text("account_reference")
    starts_on, items = fields.day("starts_on"), fields.objects("items", optional=True)
    fields.check()
    subscription = world.create(
        call,
        kind="subscription",
        thing_id=world.new_id("bsu"),
        reference=reference,
        state="active",
        facts={
            "account_reference": account,
            "starts_on": starts_on.isoformat(),
            "segment": str(call.body.get("segment", ""))[:20],
            "term_months": call.body.get("term_months", 0),
            "items": items,
        },
    )
    world.effect(call, "subscribe", reference, thing=subscription)
    body = {"subscription_id": subscription.id, "state": subscription.state}
    return Answer(201, body, thing_id=subscription.id)


def end(world: World, call: Call) -> Answer:
    subscription = world.find(call.provider, kind="subscription", thing_id=call.path["id"])
    if subscription.state == "ended":
        raise Refusal("wrong_state", f"{subscription.id} is ended", status=409)
    fields = Fields(call.body)
    ends_on = fields.day("ends_on")
    fields.check()
    world.effect(call, "end_subscription", subscription.id)
    subscription = world.change(subscription, state="ended", ends_on=ends_on.isoformat())
    body = {"subscription_id": subscription.id, "state": subscription.state}
    return Answer(200, body, thing_id=subscription.id)


def charge(world: World, call: Call) -> Answer:
    fields = Fields(call.body)
    reference, account = fields.text("reference"), fields.text("account_reference")
    lines = fields.objects("lines", optional=True)
    amount = fields.amount("amount")
    facts = {
        "account_reference": account,
        "amount": amount,
        "currency": fields.text("currency", longest=3),
        "description": fields.text("description"),
        "purchase_order": fields.text("purchase_order", optional=True),
        "lines": lines,
    }
    _check_sum(fields, lines, amount=amount)
    fields.check()
    posted = world.create(
        call,
        kind="charge",
        thing_id=world.new_id("bch"),
        reference=reference,
        state="posted",
        facts=facts,
    )
    world.effect(call, "charge", reference, thing=posted)
    return Answer(201, {"charge_id": posted.id}, thing_id=posted.id)


def credit(world: World, call: Call) -> Answer:
    """What a charge held, or a part of it, is not to be paid after all."""
    fields = Fields(call.body)
    reference, account = fields.text("reference"), fields.text("account_reference")
    lines = fields.objects("lines", optional=True)
    amount = fields.amount("amount")
    facts = {
        "account_reference": account,
        "charge_reference": fields.text("charge_reference"),
        "amount": amount,
        "currency": fields.text("currency", longest=3),
        "lines": lines,
    }
    _check_sum(fields, lines, amount=amount)
    fields.check()
    posted = world.create(
        call,
        kind="credit",
        thing_id=world.new_id("bcr"),
        reference=reference,
        state="posted",
        facts=facts,
    )
    world.effect(call, "credit", reference, thing=posted)
    return Answer(201, {"credit_id": posted.id}, thing_id=posted.id)


def _check_sum(fields: Fields, lines: list[Json], *, amount: str) -> None:
    """Lines, where there are any, must add up to the amount."""
    amounts = []
    for index, entry in enumerate(lines):
        line = Fields(entry)
        amounts.append(Decimal(line.amount("amount")))
        fields.adopt(line, under=f"lines.{index}")
    if lines and sum(amounts) != Decimal(amount):
        fields.reject("amount", "is not the sum of the lines")


def pay(world: World, call: Call) -> Answer:
    """Money that the shop took or paid back itself."""
    fields = Fields(call.body)
    reference, account = fields.text("reference"), fields.text("account_reference")
    kind, on = fields.text("kind"), fields.day("on")
    facts = {
        "account_reference": account,
        "charge_reference": fields.text("charge_reference"),
        "amount": fields.amount("amount"),
        "currency": fields.text("currency", longest=3),
        "kind": kind,
        "on": on.isoformat(),
    }
    if kind and kind not in ("taken", "paid_back"):
        fields.reject("kind", "is neither taken nor paid_back")
    fields.check()
    noted = world.create(
        call,
        kind="payment",
        thing_id=world.new_id("bpy"),
        reference=reference,
        state="noted",
        facts=facts,
    )
    world.effect(call, "payment", reference, thing=noted)
    return Answer(201, {"payment_id": noted.id}, thing_id=noted.id)


BILLER = Party(
    code="biller",
    title="External biller",
    operations=(
        Operation("POST", "subscriptions", subscribe),
        Operation("POST", "subscriptions/<id>/end", end),
        Operation("POST", "charges", charge),
        Operation("POST", "credits", credit),
        Operation("POST", "payments", pay),
    ),
)
