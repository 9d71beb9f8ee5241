"""The content partner: music, video, cloud, press."""

import secrets

from commerce.sandbox.providers.parties.service import ServiceLife
from commerce.sandbox.providers.protocol import Answer, Call, Fields, Operation, Party
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


LIFE = ServiceLife(kind="entitlement", effect_suffix="_entitlement")

CONTENT = Party(
    code="content",
    title="Content partner",
    operations=(Operation("POST", "entitlements", create), *LIFE.operations("entitlements")),
)
