"""What contracts and billing do when they are told something; it may be repeated. Of money that was
taken or paid back they hear through the billing port."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings

from commerce.accounts.kinds import Segment
from commerce.markets.pack import market
from commerce.notifications.services import send
from commerce.payments.selectors import dispute
from subscriptions.collection.services import announcing, collecting, deposits, instalments
from subscriptions.domain.states import ChangeKind, SubscriptionStatus
from subscriptions.dunning.services import dunning_clock
from subscriptions.ledger.services import ledger
from subscriptions.models import BillingAccount, Subscription


def on_payment_authorised(payload: Mapping[str, Any]) -> None:
    """Of a bill that is paid by hand; orders see to their own."""
    collecting.take(key=payload["key"])


def on_payment_settled(payload: Mapping[str, Any]) -> None:
    """Who has paid a deposit is told that we hold it; a debit was made."""
    deposits.note_paid(key=payload["key"])
    announcing.tell_outcome(payload["key"])


def on_payment_declined(payload: Mapping[str, Any]) -> None:
    """A debit has failed, if it was one."""
    announcing.tell_outcome(payload["key"])


def on_allowance_reached(payload: Mapping[str, Any]) -> None:
    """Tell a consumer, once for each part of it and month; firms hear of it by webhook."""
    line = Subscription.objects.select_related("account").get(pk=payload["subscription_id"])
    if line.account.segment != Segment.CONSUMER:
        return
    of = (payload["month"], payload["allowance"], payload["percent"])
    send(
        party_id=line.party_id,
        code="allowance_reached",
        values={
            "msisdn": market(settings.MARKET).display_number(line.msisdn) or line.msisdn,
            "allowance": payload["allowance"],
            "all": payload["percent"] == 100,
        },
        reference="/".join(["allowance", str(line.pk), *map(str, of)]),
    )


def on_contract_changed(payload: Mapping[str, Any]) -> None:
    """A contract that has ended may let fall due what is left of its devices; not one that was
    withdrawn from, as those come back."""
    if payload["kind"] == ChangeKind.WITHDRAW:
        return
    line = Subscription.objects.filter(pk=payload["subscription_id"])
    if line.filter(status=SubscriptionStatus.ENDED).exists():
        instalments.on_end(payload["subscription_id"])


def on_dispute_moved(payload: Mapping[str, Any]) -> None:
    """Where the money is decides whether its bill is open; as it stands now, whatever is told."""
    found = dispute(payload["dispute_id"])
    if found.withdrawn and found.party_id is not None:
        ledger.enter_dispute(
            dispute_id=found.dispute_id,
            party_id=found.party_id,
            reference=found.reference,
            amount=found.amount,
            reinstated=found.reinstated,
            decided=not found.is_open,
        )


def on_method_chosen(payload: Mapping[str, Any]) -> None:
    """What is overdue may be charged again, or is to be debited under the new mandate."""
    for account in BillingAccount.objects.filter(party=payload["party_id"]):
        dunning_clock.look_soon(account)
