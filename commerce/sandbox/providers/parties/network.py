"""The network: provisioning of lines and of special numbers."""

from commerce.sandbox.common.clock import iso
from commerce.sandbox.providers import numbers
from commerce.sandbox.providers.parties.service import USUAL, ServiceLife
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

ACTIVATED_AFTER = 120.0
ROUTED_AFTER = 3600.0
CATEGORIES = ("free", "ordinary", "surcharged")


def create(world: World, call: Call) -> Answer:
    fields = Fields(call.body)
    reference, msisdn, iccid = (fields.text(name) for name in ("reference", "msisdn", "iccid"))
    plan, services = fields.text("plan"), fields.texts("services")
    number = numbers.national(msisdn)
    if msisdn and number is None:
        fields.reject("msisdn", "is not a French number")
    _check_iccid(fields, iccid)
    fields.check()
    assert number is not None
    line = world.create(
        call,
        kind="line",
        thing_id=world.new_id("lin"),
        reference=reference,
        state="activating",
        facts={"msisdn": number, "iccid": iccid, "plan": plan, "services": services},
    )
    world.effect(call, "activate", number, thing=line)
    world.later(line, "activated", position=1, truly=world.now + ACTIVATED_AFTER)
    body = {"line_id": line.id, "state": line.state}
    return Answer(202, body, Verdict.ACCEPTED, line.id)


def change(world: World, call: Call) -> Answer:
    line = _running(world, call)
    fields = Fields(call.body)
    wished: Json = {
        name: fields.text(name) for name in ("msisdn", "iccid", "plan") if name in call.body
    }
    if "services" in call.body:
        wished["services"] = fields.texts("services")
    if "msisdn" in wished:
        wished["msisdn"] = numbers.national(str(wished["msisdn"]))
        if wished["msisdn"] is None:
            fields.reject("msisdn", "is not a French number")
    if "iccid" in wished:
        _check_iccid(fields, str(wished["iccid"]))
    reference = fields.text("reference", optional=True)
    if not wished:
        fields.reject("plan", "is missing, and so is anything else to change")
    fields.check()
    world.effect(call, "change", line.facts["msisdn"], reference or call.key, thing=line)
    return Answer(200, world.change(line, **wished).shown(), thing_id=line.id)


def swap(world: World, call: Call) -> Answer:
    """Another SIM for a line; the present one works until the new one is active."""
    line = _running(world, call)
    fields = Fields(call.body)
    reference, iccid = fields.text("reference"), fields.text("iccid")
    _check_iccid(fields, iccid)
    if iccid == line.facts["iccid"]:
        fields.reject("iccid", "is that of the line already")
    fields.check()
    made = world.create(
        call,
        kind="swap",
        thing_id=world.new_id("swp"),
        reference=reference,
        state="activating",
        facts={"line_id": line.id, "iccid": iccid},
    )
    world.effect(call, "swap", line.facts["msisdn"], reference, thing=made)
    world.later(made, "sim_activated", position=1, truly=world.now + ACTIVATED_AFTER)
    return Answer(202, {"swap_id": made.id, "state": made.state}, Verdict.ACCEPTED, made.id)


def sim_activated(world: World, made: Thing) -> None:
    line = world.find(made.provider, kind="line", thing_id=made.facts["line_id"])
    imsi = numbers.imsi(world.next_number("imsi"))
    former = [*line.facts.get("former_iccids", ()), line.facts["iccid"]]
    world.change(line, iccid=made.facts["iccid"], imsi=imsi, former_iccids=former)
    made = world.change(made, state="active", imsi=imsi, activated_at=iso(world.now))
    told = {"line_id": line.id, "iccid": made.facts["iccid"], "imsi": imsi}
    world.tell(made, "sim.activated", {**told, "activated_at": made.facts["activated_at"]})
    world.settle(made, Verdict.DONE)


def end_sim(world: World, call: Call) -> Answer:
    """A SIM that the line no longer has works nowhere any more; the present one can't be ended."""
    line = _running(world, call)
    fields = Fields(call.body)
    iccid = fields.text("iccid")
    fields.text("reference")
    fields.check()
    if iccid == line.facts["iccid"]:
        raise Refusal("still_in_use", f"{line.id} has the SIM {iccid}", status=409)
    if iccid not in line.facts.get("former_iccids", ()):
        raise Refusal("not_found", f"{line.id} never had the SIM {iccid}", status=404)
    world.effect(call, "end_sim", iccid, thing=line)
    return Answer(200, {"iccid": iccid, "state": "ended"}, thing_id=line.id)


def _running(world: World, call: Call) -> Thing:
    line = world.find(call.provider, kind="line", thing_id=call.path["id"])
    if line.state == "ended":
        raise Refusal("wrong_state", f"{line.id} is ended", status=409)
    return line


def activated(world: World, line: Thing) -> None:
    told = {
        "msisdn": line.facts["msisdn"],
        "iccid": line.facts["iccid"],
        "imsi": numbers.imsi(world.next_number("imsi")),
        "activated_at": iso(world.now),
    }
    line = world.change(line, state="active", imsi=told["imsi"], activated_at=told["activated_at"])
    world.tell(line, "line.activated", {"line_id": line.id, **told})
    world.settle(line, Verdict.DONE)


def lead(world: World, call: Call) -> Answer:
    """Calls to a special number go to a line; a price must be announced to whoever pays it."""
    fields = Fields(call.body)
    reference, mode, price = fields.text("reference"), fields.text("mode"), fields.amount("price")
    number = numbers.special(fields.text("number"))
    target = numbers.national(fields.text("route_to"))
    category, announced = fields.text("category"), fields.flag("announced", default=False)
    if number is None:
        fields.reject("number", "is not a special number")
    if target is None or numbers.special(target):
        fields.reject("route_to", "is not a landline or mobile number")
    if category not in CATEGORIES:
        fields.reject("category", f"is none of {', '.join(CATEGORIES)}")
    if category == "surcharged" and not announced:
        fields.reject("announced", "must be true: callers hear the price first")
    fields.check()
    assert number is not None
    route = world.create(
        call,
        kind="route",
        thing_id=world.new_id("rte"),
        reference=reference,
        state="activating",
        facts={
            "number": number,
            "route_to": target,
            "category": category,
            "mode": mode,
            "price": price,
            "announced": announced,
        },
    )
    world.effect(call, "route", number, thing=route)
    world.later(route, "routed", position=1, truly=world.now + ROUTED_AFTER)
    return Answer(202, {"route_id": route.id, "state": route.state}, Verdict.ACCEPTED, route.id)


def routed(world: World, route: Thing) -> None:
    route = world.change(route, state="active", routed_at=iso(world.now))
    told = {name: route.facts[name] for name in ("number", "route_to", "routed_at")}
    world.tell(route, "route.active", {"route_id": route.id, **told})
    world.settle(route, Verdict.DONE)


def _check_iccid(fields: Fields, iccid: str) -> None:
    if iccid and not (len(iccid) in (19, 20) and numbers.luhn_holds(iccid)):
        fields.reject("iccid", "is not an ICCID with a right check digit")


LIFE = ServiceLife(kind="line", effect_suffix="", verbs=("restrict", *USUAL))
ROUTE_LIFE = ServiceLife(kind="route", effect_suffix="_route")

NETWORK = Party(
    code="network",
    title="Network",
    operations=(
        Operation("POST", "lines", create),
        Operation("PATCH", "lines/<id>", change),
        Operation("POST", "lines/<id>/sim", swap),
        Operation("POST", "lines/<id>/sim/end", end_sim),
        *LIFE.operations("lines"),
        Operation("POST", "routes", lead),
        *ROUTE_LIFE.operations("routes"),
    ),
    steps={"activated": activated, "routed": routed, "sim_activated": sim_activated},
    callbacks=("line.activated", "sim.activated", "route.active"),
)
