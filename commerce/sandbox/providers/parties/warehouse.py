"""Those who ship: the own warehouse, and a supplier who ships for us."""

from functools import partial

from commerce.sandbox.common.clock import iso
from commerce.sandbox.providers import numbers
from commerce.sandbox.providers.parties import returning
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

HOUR, DAY = 3600.0, 86400.0
ADDRESS = ("name", "line1", "postcode", "city", "country")
OUT_OF_STOCK = "OUT-"
IMEI_BLOCK = {"warehouse": 1, "dropship": 2, "shops": 3}
TOLD = ("item_reference", "sku", "quantity", "imeis", "iccids")


def create(world: World, call: Call, *, prefix: str) -> Answer:
    lines, reference = _read(call.body)
    shipment = world.create(
        call,
        kind="shipment",
        thing_id=world.new_id(prefix),
        reference=reference,
        state="accepted",
        facts={"lines": lines, "deliver_to": call.body["deliver_to"]},
    )
    for line in lines:
        world.effect(call, "ship", line["item_reference"], thing=shipment)
    for position, (step, after) in enumerate(
        (("picked", HOUR), ("shipped", 4 * HOUR), ("delivered", DAY)), start=1
    ):
        world.later(shipment, step, position=position, truly=world.now + after)
    body = {"shipment_id": shipment.id, "state": shipment.state}
    return Answer(202, body, Verdict.ACCEPTED, shipment.id)


def cancel(world: World, call: Call) -> Answer:
    """Possible until the parcel has left."""
    shipment = world.find(call.provider, kind="shipment", thing_id=call.path["id"])
    if shipment.state in ("partly_shipped", "shipped", "delivered", "lost"):
        raise Refusal("too_late", f"{shipment.id} is already {shipment.state}", status=409)
    if shipment.state != "cancelled":
        world.drop_steps(shipment)
        world.undo(shipment, by="cancel")
        world.settle(shipment, Verdict.DONE)
        shipment = world.change(shipment, state="cancelled", cancelled_at=iso(world.now))
    body = {"shipment_id": shipment.id, "state": shipment.state}
    return Answer(200, body, thing_id=shipment.id)


def show(world: World, call: Call) -> Answer:
    return Answer(200, world.find(call.provider, kind="shipment", thing_id=call.path["id"]).shown())


def picked(world: World, shipment: Thing) -> None:
    """All of it; or, where a part is missing, its first line alone, and the rest a day later."""
    lines = shipment.facts["lines"]
    if len(lines) > 1 and world.suffers(shipment, "partial_stock"):
        first = [taken_from_the_shelf(world, shipment, lines[0]), *lines[1:]]
        shipment = world.change(shipment, lines=first, parcels=[])
        world.later(shipment, "picked_rest", position=4, truly=world.now + DAY)
        return
    _picked(world, shipment, since=0)


def picked_rest(world: World, shipment: Thing) -> None:
    _picked(world, shipment, since=1)
    world.later(shipment, "shipped_rest", position=1, truly=world.now + 3 * HOUR)
    world.later(shipment, "delivered_rest", position=2, truly=world.now + DAY)


def _picked(world: World, shipment: Thing, *, since: int) -> None:
    lines = list(shipment.facts["lines"])
    lines[since:] = [taken_from_the_shelf(world, shipment, line) for line in lines[since:]]
    state = "" if since else "picked"
    shipment = world.change(shipment, state=state, lines=lines, picked_at=iso(world.now))
    world.tell(
        shipment,
        "shipment.picked",
        {
            "shipment_id": shipment.id,
            "lines": [{name: line[name] for name in TOLD} for line in lines],
        },
    )


def shipped(world: World, shipment: Thing) -> None:
    if "parcels" in shipment.facts:
        _parcel_leaves(world, shipment, lines=shipment.facts["lines"][:1])
        return
    parcel = _tracked(world)
    shipment = world.change(shipment, state="shipped", shipped_at=iso(world.now), **parcel)
    world.tell(shipment, "shipment.shipped", {"shipment_id": shipment.id, **parcel})


def shipped_rest(world: World, shipment: Thing) -> None:
    """The last parcel leaves, and with it the shipment as a whole."""
    shipment = _parcel_leaves(world, shipment, lines=shipment.facts["lines"][1:])
    parcels = shipment.facts["parcels"]
    whole = {
        "carrier": parcels[0]["carrier"],
        "tracking_number": ", ".join(parcel["tracking_number"] for parcel in parcels),
        "parcels": parcels,
    }
    shipment = world.change(shipment, state="shipped", shipped_at=iso(world.now))
    world.tell(shipment, "shipment.shipped", {"shipment_id": shipment.id, **whole})


def _parcel_leaves(world: World, shipment: Thing, *, lines: list[Json]) -> Thing:
    references = [line["item_reference"] for line in lines]
    parcel = {**_tracked(world), "item_references": references}
    parcels = [*shipment.facts["parcels"], parcel]
    shipment = world.change(shipment, state="partly_shipped", parcels=parcels)
    number = {"shipment_id": shipment.id, "parcel": len(parcels)}
    world.tell(shipment, "parcel.shipped", {**number, **parcel})
    return shipment


def _tracked(world: World) -> Json:
    number = f"CB{world.next_number('parcel'):011d}FR"
    return {"carrier": "Colibri Express", "tracking_number": number}


def delivered(world: World, shipment: Thing) -> None:
    if "parcels" in shipment.facts:
        _parcel_arrives(world, shipment, parcel=1)
    else:
        _arrives(world, shipment)


def delivered_rest(world: World, shipment: Thing) -> None:
    _parcel_arrives(world, shipment, parcel=2)
    _arrives(world, shipment)


def _parcel_arrives(world: World, shipment: Thing, *, parcel: int) -> None:
    told = {"shipment_id": shipment.id, "parcel": parcel, "delivered_at": iso(world.now)}
    world.tell(shipment, "parcel.delivered", told)


def _arrives(world: World, shipment: Thing) -> None:
    """Or is lost on the way, which the carrier says when it should have arrived."""
    at = iso(world.now)
    if world.suffers(shipment, "lost_parcel"):
        shipment = world.change(shipment, state="lost", lost_at=at)
        world.tell(shipment, "shipment.lost", {"shipment_id": shipment.id, "lost_at": at})
    else:
        shipment = world.change(shipment, state="delivered", delivered_at=at)
        world.tell(shipment, "shipment.delivered", {"shipment_id": shipment.id, "delivered_at": at})
    world.settle(shipment, Verdict.DONE)


def _read(body: Json) -> tuple[list[Json], str]:
    fields = Fields(body)
    reference, lines = fields.text("reference"), read_lines(fields)
    address = fields.inner("deliver_to")
    for name in ADDRESS:
        address.text(name)
    fields.adopt(address, under="deliver_to")
    fields.check()
    refuse_what_is_out(lines)
    return lines, reference


def read_lines(fields: Fields) -> list[Json]:
    """The pieces that are asked for; what is wrong with them is noted in `fields`."""
    lines = []
    for index, entry in enumerate(fields.objects("lines")):
        line = Fields(entry)
        lines.append(
            {
                "item_reference": line.text("item_reference"),
                "sku": line.text("sku"),
                "quantity": line.number("quantity", low=1, high=1000),
                "needs_imei": line.flag("needs_imei", default=False),
                "needs_iccid": line.flag("needs_iccid", default=False),
            }
        )
        fields.adopt(line, under=f"lines.{index}")
    return lines


def refuse_what_is_out(lines: list[Json]) -> None:
    gone = [line["sku"] for line in lines if line["sku"].startswith(OUT_OF_STOCK)]
    if gone:
        raise Refusal("out_of_stock", f"not in stock: {', '.join(gone)}")


def taken_from_the_shelf(world: World, thing: Thing, line: Json) -> Json:
    """The line with the numbers of the pieces that were taken from the shelf."""
    block, quantity = IMEI_BLOCK[thing.provider], line["quantity"]
    imeis = world.next_numbers(f"imei.{block}", quantity) if line["needs_imei"] else ()
    iccids = world.next_numbers("iccid.1", quantity) if line["needs_iccid"] else ()
    return {
        **line,
        "imeis": [numbers.imei(serial, block=block) for serial in imeis],
        "iccids": [numbers.iccid(serial, family=1) for serial in iccids],
    }


def _party(code: str, title: str, *, prefix: str) -> Party:
    return Party(
        code=code,
        title=title,
        operations=(
            Operation("POST", "shipments", partial(create, prefix=prefix)),
            Operation("POST", "shipments/<id>/cancel", cancel),
            Operation("GET", "shipments/<id>", show),
            *returning.OPERATIONS,
        ),
        steps={
            "picked": picked,
            "shipped": shipped,
            "delivered": delivered,
            "picked_rest": picked_rest,
            "shipped_rest": shipped_rest,
            "delivered_rest": delivered_rest,
            **returning.STEPS,
        },
        callbacks=(
            *("shipment.picked", "shipment.shipped", "shipment.delivered", "shipment.lost"),
            *("parcel.shipped", "parcel.delivered"),
            *returning.CALLBACKS,
        ),
    )


WAREHOUSE = _party("warehouse", "Own warehouse", prefix="wsh")
DROPSHIP = _party("dropship", "Drop-ship supplier", prefix="dsh")
