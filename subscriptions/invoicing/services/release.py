"""An operator's decision about a parked account."""

from django.db import connection, transaction

from commerce.kernel.clock import business_now, business_today
from commerce.kernel.errors import NotFound, RuleViolated
from subscriptions.accounts.services import calendar
from subscriptions.domain.states import INVOICE_LIFE, InvoiceKind, InvoiceState, Release
from subscriptions.invoicing.services import issuing
from subscriptions.models import BillingAccount, Coverage, Invoice, InvoiceLine, Parking
from subscriptions.usage.services import overuse

_FORGET_COVERAGE = """
UPDATE subscriptions_itemcharge AS charge
   SET billed_until = (SELECT max(upper(kept.days)) FROM subscriptions_coverage AS kept
                        WHERE kept.charge_id = charge.id AND kept.live)
 WHERE charge.id = ANY(%s)
"""


@transaction.atomic
def release_held(*, account_id: int, decision: Release, operator: str) -> tuple[str, ...]:
    """Take the account up again; the numbers of bills issued by that.

    `ISSUE` lets the held bills go out as they are. `REDRAFT` throws them away: after what was wrong
    is put right, the next run bills those days anew and checks again.

    Raises:
        NotFound: the account is not parked.
        RuleViolated: the bill of an order can't be drafted anew; a parking without a bill can't
            be issued.
    """
    account = BillingAccount.objects.select_for_update(no_key=True).get(pk=account_id)
    parking = Parking.objects.select_for_update().filter(account=account, decision="").first()
    if parking is None:
        raise NotFound("This account is not parked.", code="not_parked", account=account_id)
    held = list(Invoice.objects.filter(account=account, state=InvoiceState.HELD).order_by("pk"))
    numbers: tuple[str, ...] = ()
    if decision is Release.ISSUE:
        numbers = _issue(held)
    else:
        _throw_away(account, held)
    parking.decision = decision.value
    parking.decided_by = operator
    parking.decided_at = business_now()
    parking.save(update_fields=["decision", "decided_by", "decided_at"])
    account.parked_at = None
    account.save(update_fields=["parked_at", "next_bill_on"])
    if account.next_bill_on is not None:
        calendar.bring_forward(account.next_bill_on)
    return numbers


def _issue(held: list[Invoice]) -> tuple[str, ...]:
    if not held:
        raise RuleViolated("There is no bill to issue.", code="no_held_bill")
    for invoice in held:
        INVOICE_LIFE.check(InvoiceState(invoice.state), InvoiceState.DRAFT)
        invoice.state = InvoiceState.DRAFT
        invoice.save(update_fields=["state"])
    return issuing.issue([invoice.pk for invoice in held], on=business_today())


def _throw_away(account: BillingAccount, held: list[Invoice]) -> None:
    if any(invoice.kind == InvoiceKind.ORDER for invoice in held):
        raise RuleViolated(
            "The bill of an order can't be drafted anew; issue it and correct it by a credit note.",
            code="order_bill_stands",
        )
    ids = [invoice.pk for invoice in held]
    coverage = Coverage.objects.filter(invoice_id__in=ids)
    closed = Coverage.objects.filter(closed_by_id__in=ids)
    charges = [*coverage.values_list("charge_id", flat=True)]
    charges += closed.values_list("charge_id", flat=True)
    overuse.take_back(ids)
    coverage.delete()
    closed.update(live=True, closed_by=None)
    InvoiceLine.objects.filter(invoice_id__in=ids).delete()
    Invoice.objects.filter(pk__in=ids).delete()
    with connection.cursor() as cursor:
        cursor.execute(_FORGET_COVERAGE, [charges])
    starts = [invoice.period_start for invoice in held if invoice.period_start]
    known = [account.next_bill_on] if account.next_bill_on else []
    account.next_bill_on = min([*starts, *known], default=None)
