"""An operator's decision about a parked account."""

from django.db import transaction

from commerce.kernel.clock import business_now, business_today
from commerce.kernel.errors import NotFound, RuleViolated
from subscriptions.accounts.services import calendar
from subscriptions.domain.states import INVOICE_LIFE, InvoiceKind, InvoiceState, Release
from subscriptions.invoicing.services import issuing
from subscriptions.invoicing.services.discarding import throw_away
from subscriptions.models import BillingAccount, Invoice, Parking


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
    account.save(update_fields=["parked_at"])
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
    throw_away([invoice.pk for invoice in held])
    account.refresh_from_db(fields=["next_bill_on"])
