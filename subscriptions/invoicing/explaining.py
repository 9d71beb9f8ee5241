"""A bill beside the month before it: what `explain` is told. A fixed number of queries."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from django.db.models import Prefetch, Q

from commerce.kernel.money import Money
from commerce.kernel.periods import add_months
from promotions.domain.benefits import Benefit, BenefitKind
from subscriptions.domain.charges import days_of
from subscriptions.domain.cycles import moves_of
from subscriptions.domain.explaining import (
    Act,
    Contract,
    Explanation,
    Facts,
    ItemFacts,
    explain,
)
from subscriptions.domain.states import InvoiceState
from subscriptions.domain.views import BillLineView, BillSummary, BillView
from subscriptions.invoicing.selectors import bill_lines, bill_view
from subscriptions.models import (
    BillingAccount,
    Invoice,
    ItemBenefit,
    ItemCharge,
    SubscriptionChange,
    SubscriptionItem,
)


@dataclass(frozen=True, slots=True)
class Explained:
    """A bill with its explanation; `beside` are the numbers of those that it is compared with."""

    bill: BillView
    beside: tuple[str, ...]
    explanation: Explanation

    @property
    def summary(self) -> BillSummary:
        return self.bill.summary

    @property
    def difference(self) -> Money:
        return self.explanation.difference


def explanation(party_id: int, number: str) -> Explained:
    """Why the bill is as it is, compared with all that was billed for the month before.

    The bill of an order, and the first or last one of a contract alone, are compared with nothing.

    Raises:
        NotFound: it is not the party's, or not issued.
    """
    bill = bill_view(party_id, number)
    beside = _before(bill)
    currency = bill.summary.gross.currency
    lines = [line for section in bill.sections for line in section.lines]
    before = [line for pk, _ in beside for line in bill_lines(pk, currency=currency)]
    return Explained(
        bill=bill,
        beside=tuple(number for _, number in beside),
        explanation=explain(
            lines,
            before=before if beside else None,
            facts=_facts([*lines, *before], account_id=bill.summary.account_id),
            currency=currency,
        ),
    )


def _before(bill: BillView) -> list[tuple[int, str]]:
    """The issued bills whose days begin in the month before this one's: id and number."""
    period = bill.summary.period
    rows = Invoice.objects.filter(
        account=bill.summary.account_id, state=InvoiceState.ISSUED, number__isnull=False
    )
    alone = rows.filter(number=bill.summary.number, key__startswith="first:")
    if period is None or alone.exists():
        return []
    found = rows.filter(
        period_start__gte=add_months(period.start, -1), period_start__lt=period.start
    )
    return [(pk, number or "") for pk, number in found.order_by("pk").values_list("pk", "number")]


def _facts(lines: Sequence[BillLineView], *, account_id: int) -> Facts:
    """Of the contracts and changes that the lines name: what ended items, and their advantages."""
    named = {line.order_number for line in lines}
    benefits = ItemBenefit.objects.order_by("position")
    charges = ItemCharge.objects.prefetch_related(Prefetch("benefits", benefits))
    items = (
        SubscriptionItem.objects.filter(
            Q(begun_by__isnull=True, subscription__order_number__in=named)
            | Q(begun_by__order_number__in=named),
            subscription__account=account_id,
        )
        .select_related("subscription__account", "begun_by", "ended_by", "first_ended_by")
        .prefetch_related(Prefetch("charges", charges))
    )
    changes = SubscriptionChange.objects.filter(subscription__account=account_id).filter(
        Q(order_number__in=named) | Q(ended__in=items)
    )
    account = BillingAccount.objects.filter(pk=account_id, cycle_day__isnull=False).first()
    return Facts(
        moves=moves_of(account.cycle) if account else (),
        items={_place(item): _item_facts(item, named=named) for item in items},
        acts={
            (order, group): Act(kind, on)
            for order, group, kind, on in changes.values_list("order_number", "group", "kind", "on")
        },
    )


def _place(item: SubscriptionItem) -> tuple[str, str, str]:
    by = item.begun_by or item.subscription
    return by.order_number, by.group, item.line_id


def _item_facts(item: SubscriptionItem, *, named: Collection[str]) -> ItemFacts:
    """Of two ends that one counts which a bill names: the first, if it was settled by one."""
    ended: Contract | None = None
    first = item.first_ended_by
    by = first if first is not None and first.order_number in named else item.ended_by
    if by is not None:
        ended = (by.order_number, by.group)
    return ItemFacts(msisdn=item.subscription.msisdn, ended_by=ended, benefits=_benefit_ends(item))


def _benefit_ends(item: SubscriptionItem) -> Mapping[tuple[str, str], date | None]:
    return {
        (charge.code, row.code): days_of(
            Benefit(row.code, BenefitKind(row.kind), row.value, row.first, row.periods),
            activation=item.from_on,
            cycle_day=item.subscription.account.cycle,
        )[1]
        for charge in item.charges.all()
        for row in charge.benefits.all()
    }
