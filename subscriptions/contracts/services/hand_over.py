"""A contract goes to another holder: it ends for the one, and begins for the other as it stood."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db import transaction

from commerce.kernel.errors import RuleViolated
from subscriptions.accounts.services.accounts import opened_account
from subscriptions.contracts.services.activate import ActivatedItem, activate
from subscriptions.contracts.services.change import ContractChange, apply_change
from subscriptions.contracts.services.terms import tell_new_holder
from subscriptions.domain.buyers import NO_CODES, BuyerCodes
from subscriptions.domain.charges import AgreedCharge
from subscriptions.domain.invoice import Names
from subscriptions.domain.states import BlockKind, ChangeKind, SubscriptionStatus
from subscriptions.models import BillingAccount, ItemBenefit, Subscription, SubscriptionItem


@dataclass(frozen=True, slots=True)
class GoesOn:
    """An item of the contract as it goes on under the name `line_id`."""

    item_id: int
    line_id: str
    charges: tuple[AgreedCharge, ...]
    facts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class HandOver:
    """Of the order's two promises that of `group` speaks of the new contract, that of `given_up` of
    the last days of the old one. `tax_rates` are per cent by tax class; `codes` are what the books
    of the new holder, a firm, call it."""

    order_number: str
    group: str
    given_up: str
    subscription_id: int
    party_id: int
    segment: str
    on: date
    items: Sequence[GoesOn]
    tax_rates: Mapping[str, Decimal]
    channel: str
    codes: BuyerCodes = NO_CODES


@transaction.atomic
def hand_over(over: HandOver) -> int:
    """Let the line go to another party from the day `on`; the id of his contract.

    Number and SIM go on, as do the commitment and its end, and what blocks the line by wish of its
    user. Nothing is owed for the end of the old contract; the next bill settles it. The phone stays
    with whom bought it. May be repeated: the same contract is answered and nothing is done again.

    Raises:
        NotFound: `unknown_subscription`, or nothing was promised.
        RuleViolated: `contract_ended`; `line_suspended`: we stopped it, as its bills are not paid
            or to prevent fraud.
    """
    known = Subscription.objects.filter(order_number=over.order_number, group=over.group).first()
    if known is not None:
        return known.pk
    _lock_accounts(over)
    old = Subscription.objects.select_for_update().get(pk=over.subscription_id)
    blocks = list(old.blocks.filter(lifted_at__isnull=True))
    if any(block.kind not in (BlockKind.WISH, BlockKind.LOST_SIM) for block in blocks):
        raise RuleViolated("We have stopped this line; it can't go.", code="line_suspended")
    apply_change(
        ContractChange(
            order_number=over.order_number,
            group=over.given_up,
            subscription_id=old.pk,
            kind=ChangeKind.HOLDER,
            on=over.on,
            channel=over.channel,
        )
    )
    new = Subscription.objects.get(pk=_begin(over, old))
    new.commitment_months = old.commitment_months
    new.commitment_ends_on = old.commitment_ends_on
    for block in blocks:
        new.blocks.create(kind=block.kind, outgoing_only=block.outgoing_only, since=block.since)
        if not block.outgoing_only:
            new.status = SubscriptionStatus.SUSPENDED
    new.save(update_fields=["commitment_months", "commitment_ends_on", "status"])
    tell_new_holder(old, new)
    return new.pk


def _lock_accounts(over: HandOver) -> None:
    """Both, in one order, so that two lines that go opposite ways don't wait for one another."""
    theirs = opened_account(party_id=over.party_id, segment=over.segment)
    ours = Subscription.objects.values_list("account_id", flat=True).get(pk=over.subscription_id)
    rows = BillingAccount.objects.select_for_update(no_key=True)
    list(rows.filter(pk__in=[theirs, ours]).order_by("pk"))


def _begin(over: HandOver, old: Subscription) -> int:
    items = SubscriptionItem.objects.in_bulk([each.item_id for each in over.items])
    return activate(
        order_number=over.order_number,
        group=over.group,
        party_id=over.party_id,
        segment=over.segment,
        items=[
            ActivatedItem(
                each.line_id,
                items[each.item_id].offering,
                each.charges,
                {**items[each.item_id].facts, **each.facts},
                items[each.item_id].names,
            )
            for each in over.items
        ],
        tax_rates=over.tax_rates,
        term_months=0,
        activated_on=over.on,
        release=old.release,
        channel=over.channel,
        msisdn=old.msisdn,
        iccid=old.iccid,
        eid=old.eid,
        lpa=old.lpa,
        codes=over.codes,
        benefit_names=_benefit_names(items),
    )


def _benefit_names(items: Mapping[int, SubscriptionItem]) -> Mapping[str, Names]:
    rows = ItemBenefit.objects.filter(charge__item__in=items)
    return dict(rows.values_list("code", "names"))
