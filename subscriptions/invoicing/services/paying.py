"""How bills are to be paid, as it stands on the day of their issue: each keeps that."""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date

from django.conf import settings

from commerce.accounts.kinds import Segment
from commerce.payments.selectors import Saved, usable_methods
from subscriptions.accounts.payers import payers_on
from subscriptions.domain.views import PayBy, PaymentMeans
from subscriptions.ledger.selectors import ORDER_KEY
from subscriptions.models import InstalmentPlan, Invoice, Transfer

WITH_THE_ORDER = json.dumps(asdict(PaymentMeans(PayBy.ORDER)))
BY_A_PAYER = json.dumps(asdict(PaymentMeans(PayBy.PAYER)))
BY_TRANSFER = json.dumps(asdict(PaymentMeans(PayBy.TRANSFER)))


def means_of(segments: Mapping[int, str]) -> dict[int, str | None]:
    """What is kept of the parties' bills (`Invoice.means`), by party; None where a consumer has
    saved no method. A firm transfers, unless it has chosen a method for its bills. One query."""
    saved = usable_methods(segments)
    return {
        party: _kept(saved.get(party, ()), segment=segment) for party, segment in segments.items()
    }


@dataclass(frozen=True, slots=True)
class ToPay:
    """A draft that is issued: of a credit note, the order whose bill it credits."""

    id: int
    key: str
    account_id: int
    credited_order: str = ""


def payers_of(
    drafts: Collection[ToPay], *, on: date, with_orders: Collection[str]
) -> dict[int, int]:
    """Which other account pays the drafts (`Invoice.payer`), by id: that of the agreement of the
    day. What is paid with its order, or was paid for it before, stays with its account; what
    credits an order goes to whoever pays its bill. One query where nobody pays for another."""
    agreed = payers_on({each.account_id for each in drafts}, on=on)
    credited = {f"{ORDER_KEY}{each.credited_order}" for each in drafts if each.credited_order}
    billed = Invoice.objects.filter(key__in=credited, payer__isnull=False) if credited else ()
    found = {bill.key: bill.payer_id for bill in billed}
    paid: dict[int, int] = {}
    for each in drafts:
        payer = agreed.get(each.account_id)
        if each.credited_order:
            payer = found.get(f"{ORDER_KEY}{each.credited_order}")
        elif payer and (each.key in with_orders or _stays(each)):
            payer = None
        if payer is not None:
            paid[each.id] = payer
    return paid


def _stays(draft: ToPay) -> bool:
    """Whether money for the order stands with the account itself, or will come from it in parts."""
    if not draft.key.startswith(ORDER_KEY):
        return False
    order = draft.key.removeprefix(ORDER_KEY)
    moved = Transfer.objects.filter(account=draft.account_id, reference=order)
    return moved.exists() or InstalmentPlan.objects.filter(order_number=order).exists()


def _kept(saved: Iterable[Saved], *, segment: str) -> str | None:
    business = segment == Segment.BUSINESS
    method = next((each for each in saved if each.for_bills or not business), None)
    if method is None:
        return BY_TRANSFER if business else None
    return json.dumps(asdict(_means(method)))


def _means(method: Saved) -> PaymentMeans:
    if not method.is_debit:
        return PaymentMeans(PayBy.CARD, method.card_last4)
    return PaymentMeans(
        PayBy.DEBIT, method.card_last4, method.mandate_reference, settings.SEPA_CREDITOR_ID
    )
