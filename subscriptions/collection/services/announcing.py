"""Direct debits are announced: the payer is told day, amount and mandate before one is made."""

from datetime import timedelta

from django.conf import settings

from commerce.accounts.kinds import Segment
from commerce.accounts.selectors import reach
from commerce.kernel.clock import business_now, business_today
from commerce.kernel.money import Money
from commerce.markets.pack import market
from commerce.notifications.models import MessageChannel
from commerce.notifications.services import send
from commerce.payments.selectors import Saved
from subscriptions.dunning.services import dunning_clock
from subscriptions.models import DebitNotice, Invoice

BANKS_TAKE = timedelta(days=8)
"""After a debit, until its outcome should be known and what is still open is overdue."""
PATHS = {Segment.CONSUMER: "/account/bills/{}/", Segment.BUSINESS: "/portal/bills/{}/"}


def euros(amount: Money) -> dict[str, str]:
    """As messages say it, by language."""
    text = f"{amount.rounded().amount:.2f}"
    return {"fr": f"{text} €".replace(".", ","), "en": f"€{text}"}


def announce(invoice: Invoice, method: Saved, *, amount: Money) -> DebitNotice | None:
    """What the payer was told of the debit of a bill under a mandate; he is told now if he was not,
    by e-mail, else by SMS. None: neither is known, so that nothing may be debited.

    The debit comes no sooner than the bill is due, nor than the notice that the market's rules
    give him. In the caller's transaction, who has locked the account.
    """
    known = DebitNotice.objects.filter(invoice=invoice, mandate_reference=method.mandate_reference)
    notice = known.first()
    if notice is not None:
        return notice
    whom = reach(invoice.account.party_id)
    if not (whom.email or whom.phone):
        return None
    soonest = business_today() + timedelta(days=market(settings.MARKET).debit_rules().notice_days)
    notice = DebitNotice.objects.create(
        invoice=invoice,
        mandate_reference=method.mandate_reference,
        last4=method.card_last4,
        amount=amount.amount,
        debit_on=max(soonest, invoice.due_on or soonest),
        told_at=business_now(),
    )
    dunning_clock.arm([(notice.debit_on + BANKS_TAKE, invoice.pk)])
    send(
        party_id=invoice.account.party_id,
        code="debit_coming",
        channel=MessageChannel.EMAIL if whom.email else MessageChannel.SMS,
        values={
            "number": invoice.number,
            "amount": euros(amount),
            "day": notice.debit_on,
            "last4": notice.last4,
            "mandate": notice.mandate_reference,
            "creditor": settings.SEPA_CREDITOR_ID,
            "path": PATHS[Segment(invoice.account.segment)].format(invoice.number),
        },
        reference=f"debit/{invoice.number}/{notice.mandate_reference}",
    )
    return notice
