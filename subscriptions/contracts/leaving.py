"""What somebody who leaves still owes of his commitment, read from what was agreed."""

from datetime import date

from commerce.kernel.errors import NotFound
from commerce.kernel.money import Money, total
from commerce.kernel.periods import add_months, full_months
from subscriptions.contracts.services.change import ended_item
from subscriptions.contracts.services.promise import agreed_charges
from subscriptions.domain.charges import given_back
from subscriptions.domain.leaving import Commitment, Left, instalments_left
from subscriptions.domain.states import ChangeKind
from subscriptions.models import Promise, Subscription, SubscriptionItem


def commitment_of(subscription_id: int) -> Commitment | None:
    """The commitment that binds, with the day on which it began; None if there never was one.

    Raises:
        NotFound: `unknown_subscription`.
    """
    row = _contract(subscription_id)
    if not row.commitment_months or row.commitment_ends_on is None:
        return None
    renewed = row.changes.filter(kind=ChangeKind.RENEW).order_by("-pk").values_list("on", flat=True)
    for day in (*renewed, row.activated_on):
        if add_months(day, row.commitment_months) == row.commitment_ends_on:
            return Commitment(day, row.commitment_months)
    return Commitment(
        add_months(row.commitment_ends_on, -row.commitment_months), row.commitment_months
    )


def left_of_commitment(
    subscription_id: int, *, item_id: int, commitment: Commitment, on: date
) -> Left:
    """What is left on the day `on`, of the recurring charges of the item that carries it.

    Raises:
        NotFound: `unknown_subscription`.
    """
    row = _contract(subscription_id)
    item = row.items.select_related("begun_by").get(pk=item_id)
    charges = ended_item(item, row, on=on).charges
    binding = (
        row.changes.filter(kind=ChangeKind.RENEW, on=commitment.since)
        .order_by("-pk")
        .values_list("promise_id", flat=True)
        .first()
    )
    promise_id = binding or row.promise_id
    assert promise_id is not None
    promise = Promise.objects.get(pk=promise_id)
    assert promise.activated_on is not None
    # Of a line that was taken over: the months of the commitment that were another's.
    another = full_months(commitment.since, max(promise.activated_on, commitment.since))
    return Left(
        elapsed=commitment.elapsed(on),
        instalments=instalments_left(
            [(charge.agreed, charge.since) for charge in charges],
            commitment=commitment,
            on=on,
            cycle_day=row.account.cycle,
        ),
        given_back=given_back(
            agreed_charges(promise),
            commitment_months=commitment.months - another,
            left_in_month=commitment.month_left(on) - another,
        ),
        tax_class=charges[0].agreed.tax_class if charges else "",
    )


def agreed_price(item_id: int) -> Money:
    """What an item was agreed to cost once, for one piece and before advantages."""
    item = SubscriptionItem.objects.select_related("subscription", "begun_by").get(pk=item_id)
    promise_id = ended_item(item, item.subscription, on=item.from_on).promise_id
    agreed = agreed_charges(Promise.objects.get(pk=promise_id))
    return total(
        charge.amount for charge in agreed if charge.item == item.line_id and not charge.recurring
    )


def _contract(subscription_id: int) -> Subscription:
    row = Subscription.objects.select_related("account").filter(pk=subscription_id).first()
    if row is None:
        raise NotFound("There is no such subscription.", code="unknown_subscription")
    return row
