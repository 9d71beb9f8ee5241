"""Our shops: they put aside what a customer will fetch, say when it is ready, and that he came."""

from commerce.sandbox.common.clock import iso
from commerce.sandbox.providers.parties.warehouse import (
    DAY,
    HOUR,
    TOLD,
    read_lines,
    refuse_what_is_out,
    taken_from_the_shelf,
)
from commerce.sandbox.providers.protocol import (
    Answer,
    Call,
    Fields,
    Json,
    Operation,
    Party,
    Refusal,
    Thing,
    Verdict,
)
from commerce.sandbox.providers.world import World


def create(world: World, call: Call) -> Answer:
    lines, shop, reference = _read(call.body)
    reservation = world.create(
        call,
        kind="reservation",
        thing_id=world.new_id("res"),
        reference=reference,
        state="accepted",
        facts={"lines": lines, "shop": shop},
    )
    for line in lines:
        world.effect(call, "pick_up", line["item_reference"], thing=reservation)
    for position, (step, after) in enumerate((("ready", 2 * HOUR), ("collected", DAY)), start=1):
        world.later(reservation, step, position=position, truly=world.now + after)
    body = {"reservation_id": reservation.id, "state": reservation.state}
    return Answer(202, body, Verdict.ACCEPTED, reservation.id)


def cancel(world: World, call: Call) -> Answer:
    """Possible until the customer has fetched it."""
    reservation = world.find(call.provider, kind="reservation", thing_id=call.path["id"])
    if reservation.state == "collected":
        raise Refusal("too_late", f"{reservation.id} is already collected", status=409)
    if reservation.state != "cancelled":
        world.drop_steps(reservation)
        world.undo(reservation, by="cancel")
        world.settle(reservation, Verdict.DONE)
        reservation = world.change(reservation, state="cancelled", cancelled_at=iso(world.now))
    body = {"reservation_id": reservation.id, "state": reservation.state}
    return Answer(200, body, thing_id=reservation.id)


def show(world: World, call: Call) -> Answer:
    found = world.find(call.provider, kind="reservation", thing_id=call.path["id"])
    return Answer(200, found.shown())


def ready(world: World, reservation: Thing) -> None:
    lines = [taken_from_the_shelf(world, reservation, line) for line in reservation.facts["lines"]]
    code = f"{world.next_number('pick_up') * 7919 % 1_000_000:06d}"
    reservation = world.change(
        reservation, state="ready", lines=lines, code=code, ready_at=iso(world.now)
    )
    world.tell(
        reservation,
        "pick_up.ready",
        {
            "reservation_id": reservation.id,
            "shop": reservation.facts["shop"],
            "code": code,
            "lines": [{name: line[name] for name in TOLD} for line in lines],
        },
    )


def collected(world: World, reservation: Thing) -> None:
    at = iso(world.now)
    reservation = world.change(reservation, state="collected", collected_at=at)
    world.tell(
        reservation,
        "pick_up.collected",
        {"reservation_id": reservation.id, "collected_at": at},
    )
    world.settle(reservation, Verdict.DONE)


def _read(body: Json) -> tuple[list[Json], str, str]:
    fields = Fields(body)
    reference, shop = fields.text("reference"), fields.text("shop")
    lines = read_lines(fields)
    fields.check()
    refuse_what_is_out(lines)
    return lines, shop, reference


SHOPS = Party(
    code="shops",
    title="Shops",
    operations=(
        Operation("POST", "reservations", create),
        Operation("POST", "reservations/<id>/cancel", cancel),
        Operation("GET", "reservations/<id>", show),
    ),
    steps={"ready": ready, "collected": collected},
    callbacks=("pick_up.ready", "pick_up.collected"),
)
