"""Ending a monthly service of a third party: at any time, free of charge (AFMM charter)."""

from django.db import transaction

from commerce.accounts.identity import AccountContext
from commerce.accounts.kinds import EntryKind
from commerce.accounts.services.contacts import require_verified
from commerce.accounts.services.timeline import record
from commerce.kernel.clock import business_now
from commerce.kernel.errors import NotFound
from subscriptions.carrier.models import CarrierSubscription
from subscriptions.carrier.services import messages


@transaction.atomic
def stop(*, context: AccountContext, held_id: int) -> None:
    """Nothing of it is charged from now on; what was charged stays. May be repeated.

    Raises:
        NotFound: `unknown_service`: no such service on a line of the party's.
        Forbidden: `caller_not_verified`, of an agent.
    """
    rows = CarrierSubscription.objects.select_for_update(of=("self",))
    held = rows.filter(pk=held_id, subscription__party_id=context.party_id or 0).first()
    if held is None:
        raise NotFound("There is no such service.", code="unknown_service")
    require_verified(context)
    if held.ended_at is not None:
        return
    held.ended_at, held.ended_by = business_now(), context.actor.name
    held.save(update_fields=["ended_at", "ended_by"])
    messages.tell_ended(held)
    record(
        party_id=held.subscription.party_id,
        kind=EntryKind.SUBSCRIPTION,
        code="third_party_stopped",
        context=context,
        values={"service": held.service, "contract": held.subscription.order_number},
    )
