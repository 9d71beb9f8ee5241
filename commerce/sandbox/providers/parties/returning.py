"""Parcels that come back to the warehouse: a label, the way, and what the piece looks like."""

from commerce.sandbox.common.clock import iso
from commerce.sandbox.providers.protocol import (
    Answer,
    Call,
    Fields,
    Operation,
    Refusal,
    Thing,
    Verdict,
)
from commerce.sandbox.providers.world import World

DAY = 86400.0
GRADES = ("as_new", "worn", "damaged")


def announce(world: World, call: Call) -> Answer:
    """A label for a parcel; `declared` is what its sender says of the piece, who is believed."""
    fields = Fields(call.body)
    reference, sku = fields.text("reference"), fields.text("sku")
    declared = fields.text("declared", optional=True) or "as_new"
    if declared not in GRADES:
        fields.reject("declared", f"is none of {', '.join(GRADES)}")
    quantity = fields.number("quantity", low=1, high=1000)
    fields.check()
    parcel = world.create(
        call,
        kind="return",
        thing_id=world.new_id("ret"),
        reference=reference,
        state="announced",
        facts={"sku": sku, "quantity": quantity, "grade": declared},
    )
    world.effect(call, "return", reference, thing=parcel)
    world.later(parcel, "return_label", position=1, truly=world.now + 60)
    world.later(parcel, "return_sent", position=2, truly=world.now + 2 * DAY)
    world.later(parcel, "return_settled", position=3, truly=world.now + 5 * DAY)
    return Answer(202, {"return_id": parcel.id, "state": parcel.state}, Verdict.ACCEPTED, parcel.id)


def cancel(world: World, call: Call) -> Answer:
    """Possible until the parcel is on its way."""
    parcel = world.find(call.provider, kind="return", thing_id=call.path["id"])
    if parcel.state in ("sent", "received", "lost"):
        raise Refusal("too_late", f"{parcel.id} is already {parcel.state}", status=409)
    if parcel.state != "cancelled":
        world.drop_steps(parcel)
        world.undo(parcel, by="cancel")
        world.settle(parcel, Verdict.DONE)
        parcel = world.change(parcel, state="cancelled", cancelled_at=iso(world.now))
    return Answer(200, {"return_id": parcel.id, "state": parcel.state}, thing_id=parcel.id)


def show(world: World, call: Call) -> Answer:
    return Answer(200, world.find(call.provider, kind="return", thing_id=call.path["id"]).shown())


def label(world: World, parcel: Thing) -> None:
    number = f"CR{world.next_number('return parcel'):011d}FR"
    parcel = world.change(parcel, state="labelled", return_number=number)
    world.tell(parcel, "return.announced", {"return_id": parcel.id, "return_number": number})


def sent(world: World, parcel: Thing) -> None:
    parcel = world.change(parcel, state="sent", sent_at=iso(world.now))
    world.tell(parcel, "return.sent", {"return_id": parcel.id, "sent_at": iso(world.now)})


def settled(world: World, parcel: Thing) -> None:
    """Looked at, or never arrived."""
    gone = world.suffers(parcel, "lost_parcel")
    grade = "lost" if gone else parcel.facts["grade"]
    parcel = world.change(parcel, state="lost" if gone else "received", grade=grade)
    world.tell(
        parcel,
        "return.settled",
        {"return_id": parcel.id, "grade": grade, "graded_at": iso(world.now)},
    )
    world.settle(parcel, Verdict.DONE)


OPERATIONS = (
    Operation("POST", "returns", announce),
    Operation("POST", "returns/<id>/cancel", cancel),
    Operation("GET", "returns/<id>", show),
)
STEPS = {"return_label": label, "return_sent": sent, "return_settled": settled}
CALLBACKS = ("return.announced", "return.sent", "return.settled")
