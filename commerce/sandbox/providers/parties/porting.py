"""The clearing house through which numbers change operators."""

from datetime import date

from commerce.sandbox.common.clock import iso
from commerce.sandbox.providers import calendar, numbers
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

HOUR = 3600.0
DONOR_ANSWERS_AFTER = 4 * HOUR
CUT_OVER_TAKES = 2 * HOUR
REDIRECTING_DONORS = frozenset({"01", "02"})
"""They lead calls elsewhere while the number moves."""
FAILS = "VV"
"""So begins the reference part of a RIO whose first cut-over fails."""
MAGIC = {
    "ZZ": ("OPD_DATA", "RIO_UNKNOWN", "the donor does not know this RIO"),
    "YY": ("OPD_INACTIVE", None, "the number is not active at the donor"),
    "XX": ("OPD_IN_PROGRESS", None, "the number is already being ported"),
    "QQ": ("OPR_NOT_HOLDER", None, "the request does not come from the holder"),
    "UU": ("OPR_INCOMPLETE", None, "the request is not complete"),
    "TT": ("OPR_PLAN", None, "the number can't be used there"),
    "SS": ("OPR_TECH", None, "the porting is technically impossible"),
    "RR": ("OPD_DATA", "NUMBER_UNKNOWN", "the donor does not know this number"),
}
"""By the beginning of the reference part of the RIO: motive, its detail, sentence."""


def create(world: World, call: Call) -> Answer:
    facts, reference = _read(world, call.body)
    porting = world.create(
        call,
        kind="porting",
        thing_id=world.new_id("por"),
        reference=reference,
        state="received",
        facts=facts,
    )
    world.effect(call, "port", facts["msisdn"], thing=porting)
    answered = world.now + DONOR_ANSWERS_AFTER
    if _refusal(facts):
        world.later(porting, "refused", position=1, truly=answered)
    else:
        world.later(porting, "eligible", position=1, truly=answered)
        _plan(world, porting, position=2, scheduled=answered + 60, earliest=answered + HOUR)
    body = {"porting_id": porting.id, "state": porting.state}
    return Answer(202, body, Verdict.ACCEPTED, porting.id)


def _plan(
    world: World, porting: Thing, *, position: float, scheduled: float, earliest: float
) -> None:
    """The date is told, the cut-over begins with its slot and ends within it."""
    facts = porting.facts
    start = calendar.slot_start(date.fromisoformat(facts["wished_on"]), facts["slot"])
    begins = max(start, earliest)
    last = "failed" if _fails(world, facts) else "completed"
    world.later(porting, "scheduled", position=position, truly=scheduled)
    world.later(porting, "started", position=position + 0.5, truly=begins)
    world.later(porting, last, position=position + 1, truly=begins + CUT_OVER_TAKES)


def _fails(world: World, facts: Json) -> bool:
    if facts["rio"][3:5] != FAILS:
        return False
    failed = world.database.rows(
        "SELECT 1 FROM thing WHERE kind = 'porting' AND state = 'failed'"
        " AND json_extract(facts, '$.msisdn') = ?",
        (facts["msisdn"],),
    )
    return not failed


def _changeable(world: World, call: Call) -> Thing:
    """Possible until 20:00 in Paris on the eve of the cut-over."""
    porting = world.find(call.provider, kind="porting", thing_id=call.path["id"])
    day = date.fromisoformat(porting.facts["wished_on"])
    over = porting.state in ("started", "completed", "failed", "refused")
    if porting.state != "cancelled" and (over or world.now > calendar.last_cancellation(day)):
        raise Refusal(
            "too_late", f"{porting.id} is {porting.state}; the eve at 20:00 has passed", status=409
        )
    return porting


def move(world: World, call: Call) -> Answer:
    """Another day and slot; the date is told anew."""
    porting = _changeable(world, call)
    if porting.state == "cancelled":
        raise Refusal("wrong_state", f"{porting.id} is cancelled", status=409)
    fields = Fields(call.body)
    day, slot = fields.day("wished_on"), fields.text("slot")
    if not calendar.SLOT.fullmatch(slot):
        fields.reject("slot", "is not a slot like 08:00-12:00")
    fields.check()
    _check_day(world, day, after_today=True)
    world.drop_steps(porting)
    received = porting.state == "received"
    porting = world.change(porting, wished_on=day.isoformat(), slot=slot)
    answered = world.now + DONOR_ANSWERS_AFTER if received else world.now
    if received:
        world.later(porting, "eligible", position=1, truly=answered)
    _plan(world, porting, position=1 + received, scheduled=answered + 60, earliest=answered + HOUR)
    world.effect(call, "port_moved", porting.facts["msisdn"], day.isoformat(), slot, thing=porting)
    body = {"porting_id": porting.id, "state": porting.state}
    return Answer(200, body, thing_id=porting.id)


def redirect(world: World, call: Call) -> Answer:
    """While the number moves the donor leads its calls elsewhere, if he does such a thing."""
    porting = _changeable(world, call)
    if porting.facts["rio"][:2] not in REDIRECTING_DONORS:
        raise Refusal("redirection_not_offered", "this donor does not redirect calls", status=409)
    fields = Fields(call.body)
    target = numbers.national(fields.text("to"))
    if target is None:
        fields.reject("to", "is not a French number")
    fields.check()
    porting = world.change(porting, redirected_to=target)
    world.effect(call, "redirect", porting.facts["msisdn"], str(target), thing=porting)
    body = {"porting_id": porting.id, "redirected_to": target}
    return Answer(200, body, thing_id=porting.id)


def cancel(world: World, call: Call) -> Answer:
    porting = _changeable(world, call)
    if porting.state != "cancelled":
        world.drop_steps(porting)
        world.undo(porting, by="cancel")
        world.settle(porting, Verdict.DONE)
        porting = world.change(porting, state="cancelled", cancelled_at=iso(world.now))
    body = {"porting_id": porting.id, "state": porting.state}
    return Answer(200, body, thing_id=porting.id)


def show(world: World, call: Call) -> Answer:
    return Answer(200, world.find(call.provider, kind="porting", thing_id=call.path["id"]).shown())


def eligible(world: World, porting: Thing) -> None:
    donor = porting.facts["rio"][:2]
    porting = world.change(porting, state="eligible", donor_operator=donor)
    told = {"donor_operator": donor, "redirection": donor in REDIRECTING_DONORS}
    _tell(world, porting, "port.eligible", told)


def refused(world: World, porting: Thing) -> None:
    motive, detail, sentence = _refusal(porting.facts) or ("OPD_DATA", None, "")
    told: Json = {"motive": motive, "message": sentence}
    if detail:
        told["sub_motive"] = detail
    porting = world.change(porting, state="refused", **told)
    world.undo(porting, by="port.refused")
    world.settle(porting, Verdict.REFUSED)
    _tell(world, porting, "port.refused", told)


def scheduled(world: World, porting: Thing) -> None:
    facts = porting.facts
    start = calendar.slot_start(date.fromisoformat(facts["wished_on"]), facts["slot"])
    told = {"date": facts["wished_on"], "slot": facts["slot"], "cut_over_at": iso(start)}
    porting = world.change(porting, state="scheduled", cut_over_at=told["cut_over_at"])
    _tell(world, porting, "port.scheduled", told)


def started(world: World, porting: Thing) -> None:
    porting = world.change(porting, state="started")
    _tell(world, porting, "port.started", {"started_at": iso(world.now)})


def completed(world: World, porting: Thing) -> None:
    at = iso(world.now)
    porting = world.change(porting, state="completed", ported_at=at)
    world.settle(porting, Verdict.DONE)
    _tell(world, porting, "port.completed", {"ported_at": at})


def failed(world: World, porting: Thing) -> None:
    told = {"reactivated_at_donor": True, "message": "the routing change failed"}
    porting = world.change(porting, state="failed", **told)
    world.undo(porting, by="port.failed")
    world.settle(porting, Verdict.DONE)
    _tell(world, porting, "port.failed", told)


def demand(world: World, body: Json) -> Thing:
    """Another operator's customer asks for one of the shop's numbers. Raises Refusal."""
    facts, _ = _read(world, {"reference": "port-out", **body})
    ident = world.new_id("out")
    call = Call("porting", "demand", ident, 0, {}, {}, {})
    thing = world.create(
        call, kind="portout", thing_id=ident, reference=ident, state="requested", facts=facts
    )
    told = {name: facts[name] for name in ("rio", "wished_on", "slot", "recipient_operator")}
    _tell(world, thing, "portout.requested", told)
    return thing


def answer(world: World, call: Call) -> Answer:
    """The donor's answer; an agreed porting takes place at the slot."""
    thing = world.find(call.provider, kind="portout", thing_id=call.path["id"])
    fields = Fields(call.body)
    eligible = fields.flag("eligible")
    motive = "" if eligible else fields.text("motive")
    fields.check()
    if thing.state != "requested":
        raise Refusal("wrong_state", f"{thing.id} is {thing.state}", status=409)
    identity = "agreed" if eligible else motive
    world.effect(call, "portout_answer", thing.facts["msisdn"], identity, thing=thing)
    thing = world.change(thing, state="agreed" if eligible else "refused", motive=motive)
    if eligible:
        start = calendar.slot_start(
            date.fromisoformat(thing.facts["wished_on"]), thing.facts["slot"]
        )
        world.later(thing, "out_scheduled", position=1, truly=world.now + 60)
        gone = max(start, world.now + HOUR) + CUT_OVER_TAKES
        world.later(thing, "out_completed", position=2, truly=gone)
    return Answer(200, {"porting_id": thing.id, "state": thing.state}, thing_id=thing.id)


def out_scheduled(world: World, thing: Thing) -> None:
    thing = world.change(thing, state="scheduled")
    told = {"date": thing.facts["wished_on"], "slot": thing.facts["slot"]}
    _tell(world, thing, "portout.scheduled", told)


def out_completed(world: World, thing: Thing) -> None:
    thing = world.change(thing, state="completed", ported_at=iso(world.now))
    _tell(world, thing, "portout.completed", {"ported_at": iso(world.now)})


def _tell(world: World, porting: Thing, kind: str, data: Json) -> None:
    who = {"porting_id": porting.id, "msisdn": porting.facts["msisdn"]}
    world.tell(porting, kind, {**who, **data})


def _read(world: World, body: Json) -> tuple[Json, str]:
    fields = Fields(body)
    reference, msisdn = fields.text("reference"), fields.text("msisdn")
    facts = {
        "msisdn": numbers.national(msisdn),
        "rio": fields.text("rio", longest=40).replace(" ", "").upper(),
        "wished_on": fields.day("wished_on"),
        "slot": fields.text("slot"),
        "recipient_operator": fields.text("recipient_operator"),
    }
    if msisdn and facts["msisdn"] is None:
        fields.reject("msisdn", "is not a French number")
    if not calendar.SLOT.fullmatch(str(facts["slot"])):
        fields.reject("slot", "is not a slot like 08:00-12:00")
    fields.check(code="opr_incomplete")
    day = facts["wished_on"]
    assert isinstance(day, date)
    _check_day(world, day)
    return {**facts, "wished_on": day.isoformat()}, reference


def _check_day(world: World, day: date, *, after_today: bool = False) -> None:
    today = calendar.local_day(world.now)
    if day < today or (after_today and day == today):
        raise Refusal("date_past", f"{day} has passed")
    if not calendar.is_working(day):
        raise Refusal("date_not_working", f"no numbers are ported on {day}")


def _refusal(facts: Json) -> tuple[str, str | None, str] | None:
    rio = facts["rio"]
    if not numbers.RIO_SHAPE.fullmatch(rio):
        return "OPD_DATA", "RIO_FORMAT", "the RIO is not well formed"
    if numbers.rio_key(facts["msisdn"], rio) != rio[9:]:
        return "OPD_DATA", "RIO_KEY", "the RIO does not belong to this number"
    return MAGIC.get(rio[3:5])


PORTING = Party(
    code="porting",
    title="Porting clearing house",
    operations=(
        Operation("POST", "requests", create),
        Operation("POST", "requests/<id>/cancel", cancel),
        Operation("POST", "requests/<id>/move", move),
        Operation("POST", "requests/<id>/redirect", redirect),
        Operation("POST", "port-outs/<id>/answer", answer),
        Operation("GET", "portings/<id>", show),
    ),
    steps={
        "eligible": eligible,
        "refused": refused,
        "scheduled": scheduled,
        "started": started,
        "completed": completed,
        "failed": failed,
        "out_scheduled": out_scheduled,
        "out_completed": out_completed,
    },
    callbacks=(
        "port.eligible",
        "port.refused",
        "port.scheduled",
        "port.started",
        "port.completed",
        "port.failed",
        "portout.requested",
        "portout.scheduled",
        "portout.completed",
    ),
)
