"""An external billing system that is told subscriptions, their changes and charges."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from commerce.sandbox.providers.protocol import (
    Answer,
    Call,
    Fields,
    Json,
    Operation,
    Party,
    Refusal,
    Thing,
)
from commerce.sandbox.providers.world import World

Read = Callable[[Fields, Json], Json]


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that is told once and stands in the books. `read` takes what is its own from the
    body; `apply` does to the subscription of `subscription_reference` what it tells."""

    kind: str
    prefix: str
    state: str
    effect: str
    read: Read
    apply: Callable[[World, Thing, Json], None] | None = None

    def __call__(self, world: World, call: Call) -> Answer:
        fields = Fields(call.body)
        reference, account = fields.text("reference"), fields.text("account_reference")
        facts = {"account_reference": account, **self.read(fields, call.body)}
        if self.apply is not None:
            facts["subscription_reference"] = fields.text("subscription_reference")
        fields.check()
        if self.apply is not None:
            self.apply(world, _subscription(world, facts["subscription_reference"]), facts)
        thing = world.create(
            call,
            kind=self.kind,
            thing_id=world.new_id(self.prefix),
            reference=reference,
            state=self.state,
            facts=facts,
        )
        world.effect(call, self.effect, reference, thing=thing)
        body = {f"{self.kind}_id": thing.id, "state": thing.state}
        return Answer(201, body, thing_id=thing.id)


def _subscription(world: World, reference: str) -> Thing:
    """Raises Refusal (404 not_found)."""
    row = world.database.row(
        "SELECT id FROM thing WHERE provider = 'biller' AND kind = 'subscription'"
        " AND reference = ? ORDER BY rowid LIMIT 1",
        (reference,),
    )
    found = world.get(row["id"]) if row else None
    if found is None:
        raise Refusal("not_found", f"there is no subscription {reference}", status=404)
    return found


def _begun(fields: Fields, body: Json) -> Json:
    starts_on = fields.day("starts_on").isoformat()
    items = fields.objects("items", optional=True)
    return {
        "starts_on": starts_on,
        "segment": str(body.get("segment", ""))[:20],
        "term_months": body.get("term_months", 0),
        "cost_centre": fields.text("cost_centre", optional=True),
        "purchase_order": fields.text("purchase_order", optional=True),
        "facts": _line_facts(body),
        "items": [{**item, "from_on": starts_on, "until_on": None} for item in items],
    }


def _line_facts(body: Json) -> Json:
    """What is said of the line itself: its number, its SIM, its phone."""
    told = body.get("facts")
    return {name: str(value)[:200] for name, value in told.items()} if told else {}


def _changed(fields: Fields, body: Json) -> Json:
    return {
        "kind": fields.text("kind"),
        "on": fields.day("on").isoformat(),
        "term_months": body.get("term_months", 0),
        "begins": fields.objects("begins", optional=True),
        "ends": fields.texts("ends"),
        "blocks": fields.text("blocks", optional=True),
        "lifts": fields.text("lifts", optional=True),
        "facts": _line_facts(body),
    }


def _change(world: World, subscription: Thing, facts: Json) -> None:
    """Raises Refusal: it has ended, or has no such running item."""
    _check_runs(subscription)
    items, on = subscription.facts["items"], facts["on"]
    running = {item["reference"] for item in items if item["until_on"] is None}
    if unknown := sorted(set(facts["ends"]) - running):
        raise Refusal("unknown_item", f"{subscription.reference} has no {', '.join(unknown)}")
    left = [
        {**item, "until_on": on}
        if item["reference"] in facts["ends"] and item["until_on"] is None
        else item
        for item in items
    ]
    new = [{**item, "from_on": on, "until_on": None} for item in facts["begins"]]
    known = subscription.facts.get("facts", {}) | facts["facts"]
    world.change(subscription, items=[*left, *new], facts=known)


def _ended(fields: Fields, _: Json) -> Json:
    return {"ends_on": fields.day("ends_on").isoformat()}


def _end(world: World, subscription: Thing, facts: Json) -> None:
    """Raises Refusal: it has ended."""
    _check_runs(subscription)
    world.change(subscription, state="ended", ends_on=facts["ends_on"])


def _show(world: World, call: Call) -> Answer:
    """What stands in the books of a subscription, with all that it was told of it."""
    found = world.get(call.path["id"])
    if found is None or found.kind != "subscription":
        raise Refusal("not_found", "there is no such subscription", status=404)
    return Answer(200, found.shown(), thing_id=found.id)


def _check_runs(subscription: Thing) -> None:
    if subscription.state == "ended":
        raise Refusal("wrong_state", f"{subscription.reference} is ended", status=409)


def _charge(fields: Fields, body: Json) -> Json:
    return {
        **_sum(fields),
        "description": fields.text("description"),
        "purchase_order": fields.text("purchase_order", optional=True),
    }


def _credit(fields: Fields, body: Json) -> Json:
    return {**_sum(fields), "charge_reference": fields.text("charge_reference")}


def _sum(fields: Fields) -> Json:
    """An amount with its lines, which must add up to it where there are any."""
    lines, amount = fields.objects("lines", optional=True), fields.amount("amount")
    amounts = []
    for index, entry in enumerate(lines):
        line = Fields(entry)
        amounts.append(Decimal(line.amount("amount")))
        fields.adopt(line, under=f"lines.{index}")
    if lines and sum(amounts) != Decimal(amount):
        fields.reject("amount", "is not the sum of the lines")
    return {"amount": amount, "currency": fields.text("currency", longest=3), "lines": lines}


def _payment(fields: Fields, _: Json) -> Json:
    kind = fields.text("kind")
    if kind and kind not in ("taken", "paid_back"):
        fields.reject("kind", "is neither taken nor paid_back")
    return {
        "charge_reference": fields.text("charge_reference"),
        "amount": fields.amount("amount"),
        "currency": fields.text("currency", longest=3),
        "kind": kind,
        "on": fields.day("on").isoformat(),
    }


BILLER = Party(
    code="biller",
    title="External biller",
    operations=(
        Operation(
            "POST", "subscriptions", Entry("subscription", "bsu", "active", "subscribe", _begun)
        ),
        Operation("GET", "subscriptions/<id>", _show, needs_key=False),
        Operation("POST", "changes", Entry("change", "bcg", "noted", "change", _changed, _change)),
        Operation("POST", "ends", Entry("end", "bed", "noted", "end_subscription", _ended, _end)),
        Operation("POST", "charges", Entry("charge", "bch", "posted", "charge", _charge)),
        Operation("POST", "credits", Entry("credit", "bcr", "posted", "credit", _credit)),
        Operation("POST", "payments", Entry("payment", "bpy", "noted", "payment", _payment)),
    ),
)
