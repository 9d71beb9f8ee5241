"""The number of a contract that is no longer the one with which it began, or soon none of ours."""

from datetime import date

from django.db import transaction

from commerce.events.outbox import publish
from commerce.kernel.clock import business_today
from subscriptions.domain.states import ChangeKind
from subscriptions.events import SubscriptionChanged
from subscriptions.models import FormerNumber, Subscription


@transaction.atomic
def take_number(*, order_number: str, group: str, msisdn: str) -> int | None:
    """The line has the number that was ordered with it, in place of a temporary one. Nothing else
    of the contract is otherwise, also if it has ended. May be repeated; its id, None where it is
    billed elsewhere."""
    rows = Subscription.objects.select_for_update()
    contract = rows.filter(order_number=order_number, group=group).first()
    if contract is None:
        return None
    if contract.msisdn != msisdn:
        give_up_number(contract, on=business_today())
        contract.msisdn = msisdn
        contract.save(update_fields=["msisdn"])
        publish(
            SubscriptionChanged(
                subscription_id=contract.pk,
                party_id=contract.party_id,
                order_number=order_number,
                kind=str(ChangeKind.NUMBER),
                on=business_today(),
            )
        )
    return contract.pk


def note_leaving(subscription_id: int, *, leaves: bool) -> None:
    """Another operator will get its number, or will not after all. May be repeated."""
    Subscription.objects.filter(pk=subscription_id).update(leaves=leaves)


def give_up_number(contract: Subscription, *, on: date) -> None:
    """Keep that the contract had its number until that day: what is used under it is still told."""
    if not contract.msisdn:
        return
    last = contract.former_numbers.order_by("-until_on", "-pk").first()
    FormerNumber.objects.create(
        subscription=contract,
        msisdn=contract.msisdn,
        from_on=last.until_on if last else contract.activated_on,
        until_on=max(on, last.until_on if last else contract.activated_on),
    )
