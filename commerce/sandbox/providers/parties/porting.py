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
FAILS = "VV"
MAGIC = {
    "ZZ": ("OPD_DATA", "RIO_UNKNOWN", "the donor does not know this RIO"),
    "YY": ("OPD_INACTIVE", None, "the number is not active at the donor"),
    "XX": ("OPD_IN_PROGRESS", None, "the number is already being ported"),
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
        start = calendar.slot_start(date.fromisoformat(facts["wished_on"]), facts["slot"])
        last = "failed" if facts["rio"][3:5] == FAILS else "completed"
        world.later(porting, "eligible", position=1, truly=answered)
        world.later(porting, "scheduled", position=2, truly=answered + 60)
        world.later(porting, last, position=3, truly=max(start, answered + HOUR))
    body = {"porting_id": porting.id, "state": porting.state}
    return Answer(202, body, Verdict.ACCEPTED, porting.id)


def cancel(world: World, call: Call) -> Answer:
    """Possible until 20:00 in Paris on the eve of the cut-over."""
    porting = world.find(call.provider, kind="porting", thing_id=call.path["id"])
    if porting.state != "cancelled":
        day = date.fromisoformat(porting.facts["wished_on"])
        over = porting.state in ("completed", "failed", "refused")
        if over or world.now > calendar.last_cancellation(day):
            raise Refusal(
                "too_late",
                f"{porting.id} is {porting.state}; the eve at 20:00 has passed",
                status=409,
            )
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
    _tell(world, porting, "port.eligible", {"donor_operator": donor})


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
    if day < calendar.local_day(world.now):
        raise Refusal("date_past", f"{day} has passed")
    if not calendar.is_working(day):
        raise Refusal("date_not_working", f"no numbers are ported on {day}")
    return {**facts, "wished_on": day.isoformat()}, reference


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
        Operation("GET", "portings/<id>", show),
    ),
    steps={
        "eligible": eligible,
        "refused": refused,
        "scheduled": scheduled,
        "completed": completed,
        "failed": failed,
    },
    callbacks=(
        "port.eligible",
        "port.refused",
        "port.scheduled",
        "port.completed",
        "port.failed",
    ),
)
