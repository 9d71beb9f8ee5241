"""The content partner: music, video, cloud, press."""

import secrets
from datetime import date, datetime, timedelta

from commerce.sandbox.common.clock import iso
from commerce.sandbox.providers.calendar import local_day
from commerce.sandbox.providers.parties.service import ServiceLife
from commerce.sandbox.providers.protocol import (
    Answer,
    Call,
    Fields,
    Operation,
    Party,
    Refusal,
    Thing,
)
from commerce.sandbox.providers.world import World


def create(world: World, call: Call) -> Answer:
    fields = Fields(call.body)
    reference, service = fields.text("reference"), fields.text("service")
    customer = fields.text("customer_ref")
    fields.check()
    entitlement_id = world.new_id("ent")
    token = f"{entitlement_id}.{secrets.token_urlsafe(12)}"
    entitlement = world.create(
        call,
        kind="entitlement",
        thing_id=entitlement_id,
        reference=reference,
        state="active",
        facts={
            "service": service,
            "customer_ref": customer,
            "active_from": iso(world.now),
            "activation_url": f"{world.public_url}/content/activate/{token}",
        },
    )
    world.effect(call, "entitle", reference, service, thing=entitlement)
    body = {
        "entitlement_id": entitlement.id,
        "state": entitlement.state,
        "activation_url": entitlement.facts["activation_url"],
    }
    return Answer(201, body, thing_id=entitlement.id)


def use(world: World, entitlement: Thing) -> Thing:
    """The customer opens his access; the first time is told."""
    if entitlement.state != "active" or "used_at" in entitlement.facts:
        return entitlement
    at = iso(world.now)
    entitlement = world.change(entitlement, used_at=at)
    world.tell(entitlement, "entitlement.used", {"entitlement_id": entitlement.id, "used_at": at})
    return entitlement


def settlement(world: World, call: Call) -> Answer:
    """Of a month that is over: the local days on which each entitlement was there."""
    month = call.path["month"]
    try:
        first = date.fromisoformat(f"{month}-01")
    except ValueError as error:
        raise Refusal("invalid_request", f"{month} is not a month like 2026-12") from error
    after = (first + timedelta(days=31)).replace(day=1)
    if local_day(world.now) < after:
        raise Refusal("not_over", f"{month} is not over", status=409)
    rows = world.database.rows("SELECT id FROM thing WHERE kind = 'entitlement' ORDER BY rowid")
    found = [thing for row in rows if (thing := world.get(row["id"])) is not None]
    lines = [
        {
            "entitlement_id": thing.id,
            "reference": thing.reference,
            "service": thing.facts["service"],
            "days": days,
        }
        for thing in found
        if (days := _days(thing, first=first, after=after))
    ]
    return Answer(200, {"month": month, "lines": lines})


def _days(thing: Thing, *, first: date, after: date) -> int:
    """From the day on which it began; without the one on which it ended."""
    begun = _local(thing.facts["active_from"])
    ended = _local(thing.facts["ended_at"]) if thing.state == "ended" else after
    return max(0, (min(ended, after) - max(begun, first)).days)


def _local(instant: str) -> date:
    return local_day(datetime.fromisoformat(instant).timestamp())


LIFE = ServiceLife(kind="entitlement", effect_suffix="_entitlement")

CONTENT = Party(
    code="content",
    title="Content partner",
    operations=(
        Operation("POST", "entitlements", create),
        *LIFE.operations("entitlements"),
        Operation("GET", "settlements/<month>", settlement),
    ),
    callbacks=("entitlement.used",),
)
