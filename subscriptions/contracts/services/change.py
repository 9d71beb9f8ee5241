"""A change of a running contract: what ends and what begins on a day, and a promise of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Greatest

from commerce.events.outbox import publish
from commerce.kernel.clock import business_now, business_today
from commerce.kernel.errors import NotFound, RuleViolated
from commerce.kernel.periods import add_months
from subscriptions.accounts.services import calendar
from subscriptions.collection.services import collecting, deposits
from subscriptions.contracts.services import asking
from subscriptions.contracts.services.activate import ActivatedItem, store_items
from subscriptions.contracts.services.number import give_up_number
from subscriptions.contracts.services.promise import EndedItem, agreed_charges, fix_change
from subscriptions.domain.changes import EndedCharge
from subscriptions.domain.consumption import month_of_day
from subscriptions.domain.invoice import Names
from subscriptions.domain.states import (
    CLOSING,
    SUBSCRIPTION_LIFE,
    BlockKind,
    ChangeKind,
    SubscriptionStatus,
)
from subscriptions.events import SubscriptionChanged
from subscriptions.invoicing.services import last_bill
from subscriptions.models import (
    BillingAccount,
    PaidContinuation,
    Promise,
    PromiseLine,
    Subscription,
    SubscriptionBlock,
    SubscriptionChange,
    SubscriptionItem,
    TermsNotice,
)
from subscriptions.usage.services import overuse

_LEARNT = ("msisdn", "iccid", "imei", "eid", "lpa")


@dataclass(frozen=True, slots=True)
class ContractChange:
    """What the change order `order_number` does to a contract from the day `on`.

    `ends` are items of the contract, `begins` what the order brings. `term_months` commits the
    contract anew (None: as it was). `facts` may hold a new msisdn, iccid, imei, eid or lpa, which
    take the place of the old ones. `blocks` begins to block the service, `lifts` ends that.
    """

    order_number: str
    group: str
    subscription_id: int
    kind: ChangeKind
    on: date
    channel: str
    begins: Sequence[ActivatedItem] = ()
    ends: Sequence[int] = ()
    tax_rates: Mapping[str, Decimal] = field(default_factory=dict)
    benefit_names: Mapping[str, Names] = field(default_factory=dict)
    term_months: int | None = None
    facts: Mapping[str, str] = field(default_factory=dict)
    blocks: BlockKind | None = None
    outgoing_only: bool = False
    lifts: BlockKind | None = None


@transaction.atomic
def apply_change(change: ContractChange) -> int:
    """Let `change` take effect; the id of its row. What was agreed for the days before it stays.

    The next bill settles the difference, as promised; only of a contract that is withdrawn from all
    is settled at once, as its money goes back within days, unless an operator has still to decide
    what of its bills stands. May be repeated: the same row is answered and nothing is done again.

    Raises:
        NotFound: `unknown_subscription`, `unknown_item`, or nothing was promised with the change.
        RuleViolated: `contract_ended`; `item_ended`: by another change meanwhile.
    """
    subscription = _locked(change.subscription_id)
    known = SubscriptionChange.objects.filter(
        order_number=change.order_number, group=change.group
    ).first()
    if known is not None:
        return known.pk
    if subscription.status == SubscriptionStatus.ENDED:
        raise RuleViolated("This contract has ended.", code="contract_ended")
    ending = _items(subscription, change)
    account = subscription.account
    bills_from = account.next_bill_on or change.on
    at_once = change.kind is ChangeKind.WITHDRAW and account.parked_at is None
    asked = asking.asked_about(account, change.begins, on=change.on)
    promise_id = fix_change(
        order_number=change.order_number,
        group=change.group,
        replaces=latest_promise(subscription),
        on=change.on,
        cycle_day=account.cycle,
        bills_from=business_today() if at_once else bills_from,
        ended=[ended_item(item, subscription, on=change.on) for item in ending],
        costs_on={line: later.costs_on for line, later in asked.items()},
    )
    row = SubscriptionChange.objects.create(
        subscription=subscription,
        promise_id=promise_id,
        kind=change.kind,
        order_number=change.order_number,
        group=change.group,
        on=change.on,
        at=business_now(),
        channel=change.channel,
        facts=_history(subscription, change),
    )
    _supersede_ends(ending, by=row)
    _end(ending, by=row)
    store_items(
        subscription,
        items=change.begins,
        tax_rates=change.tax_rates,
        benefit_names=change.benefit_names,
        asked=asked,
        begun_by=row,
    )
    if change.kind is ChangeKind.ADVANTAGES:
        _go_on(ending, by=row)
    _carry(subscription, change)
    if change.on < month_of_day(business_today()):
        # Use of those days may be billed already, by what the contract held until now.
        overuse.rate_again(subscription, since=change.on)
    calendar.bill_from(account, bills_from)
    if at_once:
        last_bill.make(account, subscription)
    if change.kind in CLOSING:
        collecting.arm_rests(account, on=bills_from)
        deposits.arm(account, last_bill_on=bills_from)
    publish(
        SubscriptionChanged(
            subscription_id=subscription.pk,
            party_id=subscription.party_id,
            order_number=change.order_number,
            kind=str(change.kind),
            on=change.on,
        )
    )
    return row.pk


def latest_promise(subscription: Subscription) -> int:
    """The promise that the next one replaces."""
    last = subscription.changes.order_by("-pk").values_list("promise_id", flat=True).first()
    found = last or subscription.promise_id
    assert found is not None
    return found


def _locked(subscription_id: int) -> Subscription:
    """The account is locked before the contract, as where contracts begin."""
    account = (
        Subscription.objects.filter(pk=subscription_id).values_list("account_id", flat=True).first()
    )
    if account is None:
        raise NotFound("There is no such subscription.", code="unknown_subscription")
    BillingAccount.objects.select_for_update(no_key=True).get(pk=account)
    return (
        Subscription.objects.select_for_update(of=("self",))
        .select_related("account")
        .get(pk=subscription_id)
    )


def _items(subscription: Subscription, change: ContractChange) -> list[SubscriptionItem]:
    """What the change ends: the items that it names, or all that run when the contract ends.

    An end of the contract may be carried out late: it ends too what another change ended after its
    day, whether a bill has settled that or not.
    """
    items = subscription.items.select_related("begun_by", "ended_by").order_by("pk")
    if change.kind in CLOSING:
        later = Q(until_on__gt=Greatest(change.on, F("from_on")))
        return list(items.filter(Q(until_on__isnull=True) | later))
    found = list(items.filter(pk__in=change.ends))
    if len(found) != len(set(change.ends)):
        raise NotFound("There is no such item in this contract.", code="unknown_item")
    if any(item.until_on is not None for item in found):
        raise RuleViolated("This was ended by another change already.", code="item_ended")
    return found


def ended_item(item: SubscriptionItem, subscription: Subscription, *, on: date) -> EndedItem:
    """As it was promised: the promise knows nothing of what the bills are made from."""
    begun = item.begun_by
    order = begun.order_number if begun else subscription.order_number
    promise = Promise.objects.get(
        order_number=order, group=begun.group if begun else subscription.group
    )
    billed = dict(item.charges.values_list("code", "billed_until"))
    asked = PaidContinuation.objects.filter(item=item).values_list("costs_on", flat=True).first()
    return EndedItem(
        promise.pk,
        item.line_id,
        tuple(
            EndedCharge(
                reference=f"{order}/{item.line_id}",
                agreed=charge,
                since=item.from_on,
                until=max(on, item.from_on),
                billed_until=billed.get(charge.code),
                tax_rate=Decimal(promise.tax_rates[charge.tax_class]),
                costs_on=asked,
            )
            for charge in agreed_charges(promise)
            if charge.item == item.line_id and charge.recurring
        ),
    )


def _supersede_ends(items: Sequence[SubscriptionItem], *, by: SubscriptionChange) -> None:
    """What other changes promised of the last days of `items` is not billed, as they end earlier,
    but for what a bill has settled by now."""
    for item in items:
        if item.ended_by is not None:
            begun = item.begun_by
            order = begun.order_number if begun else by.subscription.order_number
            settled = item.charges.filter(billed_until=item.until_on)
            PromiseLine.objects.filter(
                promise=item.ended_by.promise_id, item=f"{order}/{item.line_id}"
            ).exclude(charge__in=settled.values("code")).update(superseded_by=by.promise_id)


def _end(items: Sequence[SubscriptionItem], *, by: SubscriptionChange) -> None:
    for item in items:
        item.until_on = max(by.on, item.from_on)
        item.first_ended_by, item.ended_by = item.ended_by, by
        item.save(update_fields=["until_on", "ended_by", "first_ended_by"])
        if item.until_on == item.from_on:
            # It never ran, so there is nothing to settle.
            item.charges.filter(billed_until__isnull=True).update(billed_until=item.until_on)


def _go_on(items: Sequence[SubscriptionItem], *, by: SubscriptionChange) -> None:
    """What was said of items holds for those that go on in their place: what is announced for them,
    and whether they may go on for money."""
    for item in items:
        after = by.begun.filter(line_id__endswith=f"-{item.pk}").first()
        TermsNotice.objects.filter(item=item, outcome="").update(item=after)
        said = PaidContinuation.objects.filter(item=item).first()
        if said is None or after is None:
            continue
        asked_anew = PaidContinuation.objects.filter(item=after)
        if said.agreed is not None:
            asked_anew.update(agreed=said.agreed, answered_at=said.answered_at, record=said.record)
        if said.agreed is not True and not asked_anew.exists():
            # Its free months are over, so nothing is asked anew: it ends by what was.
            said.item = after
            said.save(update_fields=["item"])
            asking.look_now(after.pk)


def _carry(subscription: Subscription, change: ContractChange) -> None:
    """What the contract itself says of its number, SIM, commitment and standing."""
    if change.facts.get("msisdn"):
        give_up_number(subscription, on=change.on)
    for name in _LEARNT:
        if change.facts.get(name):
            setattr(subscription, name, change.facts[name])
    if change.kind is ChangeKind.WITHDRAW:
        subscription.imei = ""
    if change.facts.get("iccid"):
        # They are those of the SIM: an eSIM's code, and the phone that it was installed on.
        subscription.lpa = change.facts.get("lpa", "")
        subscription.eid = change.facts.get("eid", "")
    if change.term_months is not None:
        subscription.commitment_months = change.term_months
        subscription.commitment_ends_on = (
            add_months(change.on, change.term_months) if change.term_months else None
        )
    if change.blocks is not None:
        _block(subscription, change.blocks, outgoing_only=change.outgoing_only)
    if change.lifts is not None:
        subscription.blocks.filter(kind=change.lifts, lifted_at__isnull=True).update(
            lifted_at=business_now()
        )
    _move(subscription, ended=change.kind in CLOSING, on=change.on)
    subscription.save()


def _block(subscription: Subscription, kind: BlockKind, *, outgoing_only: bool) -> None:
    """What stops the line already may become harder, never milder."""
    block, begun = SubscriptionBlock.objects.get_or_create(
        subscription=subscription,
        kind=kind,
        lifted_at=None,
        defaults={"since": business_now(), "outgoing_only": outgoing_only},
    )
    if not begun and block.outgoing_only and not outgoing_only:
        block.outgoing_only = False
        block.save(update_fields=["outgoing_only"])


def _move(subscription: Subscription, *, ended: bool, on: date) -> None:
    """Service is open when nothing blocks it altogether."""
    target = SubscriptionStatus.ACTIVE
    if ended:
        target = SubscriptionStatus.ENDED
        subscription.ended_on = on
    elif subscription.blocks.filter(lifted_at__isnull=True, outgoing_only=False).exists():
        target = SubscriptionStatus.SUSPENDED
    if subscription.status != target:
        SUBSCRIPTION_LIFE.check(SubscriptionStatus(subscription.status), target)
        subscription.status = target


def _history(subscription: Subscription, change: ContractChange) -> dict[str, str]:
    """New facts with the ones before them, so that the timeline can tell both."""
    told = dict(change.facts)
    for name in _LEARNT:
        if change.facts.get(name):
            told[f"{name}_before"] = getattr(subscription, name)
    if change.kind is ChangeKind.WITHDRAW and subscription.imei:
        told["imei_before"] = subscription.imei
    if change.blocks or change.lifts:
        told["block"] = str(change.blocks or change.lifts)
    if change.outgoing_only:
        told["grade"] = "outgoing"
    return told
