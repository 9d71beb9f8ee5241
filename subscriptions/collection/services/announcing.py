"""Direct debits are announced: the payer is told day, amount and mandate before one is made."""

from datetime import date, timedelta

from django.conf import settings

from commerce.accounts.kinds import Segment
from commerce.events.outbox import publish
from commerce.kernel.clock import business_now, business_today
from commerce.kernel.money import Money
from commerce.markets.pack import market
from commerce.notifications.models import MessageChannel
from commerce.notifications.services import send, way_to
from commerce.payments.ports import MethodKind
from commerce.payments.selectors import Saved, mandates, payment
from subscriptions.domain.states import DebitState
from subscriptions.dunning.services import dunning_clock
from subscriptions.events import DebitMoved
from subscriptions.ledger.selectors import parts_due
from subscriptions.models import DebitNotice, Invoice

BANKS_TAKE = timedelta(days=8)
"""After a debit, until its outcome should be known and what is still open is overdue."""
MESSAGE = "debit_coming"
PATHS = {Segment.CONSUMER: "/account/bills/{}/", Segment.BUSINESS: "/portal/bills/{}/"}

PAYABLES = {Segment.CONSUMER: "/account/payables/", Segment.BUSINESS: "/portal/payables/"}


def euros(amount: Money) -> dict[str, str]:
    """As messages say it, by language."""
    text = f"{amount.rounded().amount:.2f}"
    return {"fr": f"{text} €".replace(".", ","), "en": f"€{text}"}


def announce(invoice: Invoice, method: Saved, *, amount: Money) -> DebitNotice | None:
    """What the payer was told of the debit of a bill under a mandate; he is told now if he was not,
    by e-mail, else by SMS, else by post, whose days are added. None: nothing is known to reach him
    by, so that nothing may be debited.

    The debit comes no sooner than the bill is due, nor than the notice that the market's rules
    give him. In the caller's transaction, who has locked the account.
    """
    part = len(parts_due(invoice))
    known = DebitNotice.objects.filter(invoice=invoice, mandate_reference=method.mandate_reference)
    notice = known.filter(part=part).first()
    if notice is not None:
        return notice
    way = way_to(invoice.owing.party_id, code=MESSAGE)
    if way is None:
        return None
    days = market(settings.MARKET).debit_rules().notice_days
    if way is MessageChannel.POST:
        days += market(settings.MARKET).letter_days()
    soonest = business_today() + timedelta(days=days)
    notice = DebitNotice.objects.create(
        invoice=invoice,
        mandate_reference=method.mandate_reference,
        last4=method.card_last4,
        part=part,
        amount=amount.amount,
        debit_on=max(soonest, invoice.due_on or soonest),
        told_at=business_now(),
    )
    dunning_clock.arm([(notice.debit_on + BANKS_TAKE, invoice.pk)])
    send(
        party_id=invoice.owing.party_id,
        code=MESSAGE,
        channel=way if way is not MessageChannel.POST else None,
        by_post=True,
        values={
            "number": invoice.number,
            "amount": euros(amount),
            "day": notice.debit_on,
            "last4": notice.last4,
            "mandate": notice.mandate_reference,
            "creditor": settings.SEPA_CREDITOR_ID,
            "path": _page_of(invoice),
        },
        reference=f"debit/{invoice.number}/{notice.mandate_reference}"
        + (f"/{part}" if part else ""),
    )
    _tell(notice, invoice, state=DebitState.ANNOUNCED, amount=amount, on=notice.debit_on)
    return notice


def _page_of(invoice: Invoice) -> str:
    """Where its payer reads of it: of another's bill its sum alone."""
    if invoice.payer_id is not None:
        return PAYABLES[Segment(invoice.account.segment)]
    return PATHS[Segment(invoice.account.segment)].format(invoice.number)


def tell_outcome(key: str) -> None:
    """A payment was taken, or was declined: if it was the debit of a bill, say so."""
    paid = payment(key)
    if paid.method_kind is not MethodKind.SEPA_DEBIT:
        return
    told = DebitNotice.objects.filter(
        invoice__number=paid.reference,
        mandate_reference=mandates([paid.method_id]).get(paid.method_id, ""),
    )
    notice = told.select_related("invoice__account", "invoice__payer").first()
    if notice is None:
        return
    _tell(
        notice,
        notice.invoice,
        state=DebitState.MADE if paid.is_taken else DebitState.FAILED,
        amount=paid.amount,
        on=business_today(),
        reason=paid.last_error if paid.is_declined else "",
    )


def _tell(
    notice: DebitNotice,
    invoice: Invoice,
    *,
    state: DebitState,
    amount: Money,
    on: date,
    reason: str = "",
) -> None:
    publish(
        DebitMoved(
            number=invoice.number or "",
            party_id=invoice.owing.party_id,
            state=str(state),
            amount=str(amount.rounded().amount),
            mandate=notice.mandate_reference,
            on=on,
            reason=reason,
        )
    )
