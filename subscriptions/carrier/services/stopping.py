"""Ending a monthly service of a third party: at any time, free of charge (AFMM charter); and the
reminder that each month says so."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction

from commerce.accounts.identity import SYSTEM, AccountContext
from commerce.accounts.kinds import EntryKind
from commerce.accounts.services.contacts import require_verified
from commerce.accounts.services.timeline import record
from commerce.events import timers
from commerce.kernel.clock import PARIS, business_now
from commerce.kernel.errors import InvalidInput, NotFound
from commerce.kernel.periods import add_months
from commerce.markets.pack import market
from subscriptions.carrier.models import CarrierSubscription
from subscriptions.carrier.services import messages
from subscriptions.domain.carrier import stopped_by
from subscriptions.domain.states import SubscriptionStatus

REMINDER = "carrier.reminder"


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
    _end(held, context)


@transaction.atomic
def stop_by_message(*, number: str, text: str) -> int:
    """What a customer wrote by SMS from his line: `STOP`, alone or with the name of a service; how
    many services it ended. May be repeated: what has ended does not end again."""
    try:
        national = market(settings.MARKET).normalise_number(number)
    except InvalidInput:
        return 0
    rows = CarrierSubscription.objects.select_for_update(of=("self",)).order_by("pk")
    rows = rows.filter(subscription__msisdn=national, ended_at__isnull=True)
    held = list(rows.exclude(subscription__status=SubscriptionStatus.ENDED))
    meant = stopped_by(text, [(each.service_code, each.service) for each in held])
    for place in meant or ():
        _end(held[place], SYSTEM)
    return len(meant or ())


def remind_from(held: CarrierSubscription) -> None:
    """The first reminder is due a month after the service began."""
    _remind_at(held, held.began_at)


@transaction.atomic
def on_reminder_due(payload: Mapping[str, Any]) -> None:
    """Timer, business time: tell the customer what goes on, and look again in a month; on a line
    that has ended nothing goes on."""
    held = CarrierSubscription.objects.filter(pk=payload["held"], ended_at__isnull=True).first()
    if held is None:
        return
    now = business_now()
    if held.subscription.status == SubscriptionStatus.ENDED:
        # Nothing can be charged any more, and the number may be another's.
        held.ended_at, held.ended_by = now, SYSTEM.actor.name
        held.save(update_fields=["ended_at", "ended_by"])
        return
    messages.remind(held, month=f"{now.astimezone(PARIS):%Y-%m}")
    _remind_at(held, now)


def _remind_at(held: CarrierSubscription, since: datetime) -> None:
    local = since.astimezone(PARIS)
    due = local.combine(add_months(local.date(), 1), local.timetz())
    timers.schedule(
        key=f"{REMINDER}:{held.pk}", handler=REMINDER, due_at=due, payload={"held": held.pk}
    )


def _end(held: CarrierSubscription, context: AccountContext) -> None:
    if held.ended_at is not None:
        return
    held.ended_at, held.ended_by = business_now(), context.actor.name
    held.save(update_fields=["ended_at", "ended_by"])
    timers.cancel(f"{REMINDER}:{held.pk}")
    messages.tell_ended(held)
    record(
        party_id=held.subscription.party_id,
        kind=EntryKind.SUBSCRIPTION,
        code="third_party_stopped",
        context=context,
        values={"service": held.service, "contract": held.subscription.order_number},
    )
