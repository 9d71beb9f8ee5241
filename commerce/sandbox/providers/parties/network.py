"""The network: provisioning of lines."""

from commerce.sandbox.common.clock import iso
from commerce.sandbox.providers import numbers
from commerce.sandbox.providers.parties.service import ServiceLife
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
    line = world.find(call.provider, kind="line", thing_id=call.path["id"])
    if line.state == "ended":
        raise Refusal("wrong_state", f"{line.id} is ended", status=409)
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


def _check_iccid(fields: Fields, iccid: str) -> None:
    if iccid and not (len(iccid) in (19, 20) and numbers.luhn_holds(iccid)):
        fields.reject("iccid", "is not an ICCID with a right check digit")


LIFE = ServiceLife(kind="line", effect_suffix="")

NETWORK = Party(
    code="network",
    title="Network",
    operations=(
        Operation("POST", "lines", create),
        Operation("PATCH", "lines/<id>", change),
        *LIFE.operations("lines"),
    ),
    steps={"activated": activated},
    callbacks=("line.activated",),
)
