"""Direct debits are announced: the payer is told day, amount and mandate before one is made."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from django.conf import settings

from commerce.accounts.kinds import Segment
from commerce.events.outbox import publish
from commerce.kernel.clock import business_now, business_today
from commerce.kernel.money import Money, total
from commerce.markets.pack import market
from commerce.notifications.models import MessageChannel
from commerce.notifications.services import send, way_to
from commerce.payments.ports import MethodKind
from commerce.payments.selectors import Saved, mandates, payment
from subscriptions.domain.states import DebitState
from subscriptions.dunning.services import dunning_clock
from subscriptions.events import DebitMoved
from subscriptions.ledger.selectors import parts_due
from subscriptions.models import DebitNotice, InstalmentPart, Invoice

BANKS_TAKE = timedelta(days=8)
"""After a debit, until its outcome should be known and what is still open is overdue."""
MESSAGE = "debit_coming"
BILLS = {Segment.CONSUMER: "/account/bills/", Segment.BUSINESS: "/portal/bills/"}
PATHS = {segment: path + "{}/" for segment, path in BILLS.items()}
PAYABLES = {Segment.CONSUMER: "/account/payables/", Segment.BUSINESS: "/portal/payables/"}


def euros(amount: Money) -> dict[str, str]:
    """As messages say it, by language."""
    text = f"{amount.rounded().amount:.2f}"
    return {"fr": f"{text} €".replace(".", ","), "en": f"€{text}"}


@dataclass(frozen=True, slots=True)
class ToDebit:
    """So much is to be debited of the bill, on the day on which it is due, or `part` of it is, at
    the earliest."""

    invoice: Invoice
    amount: Money
    part: InstalmentPart | None = None

    @property
    def place(self) -> int:
        """Of the part among those that come after the first; 0: of a bill that has none due."""
        return self.part.number - 1 if self.part else len(parts_due(self.invoice))

    @property
    def due_on(self) -> date | None:
        return self.part.due_on if self.part else self.invoice.due_on


def notice_days(party_id: int) -> int | None:
    """How many days before a debit the party is told of it: as many as the market's rules give, and
    those of the post where nothing else brings it there. None: nothing is known to reach it by."""
    way = way_to(party_id, code=MESSAGE)
    if way is None:
        return None
    rules = market(settings.MARKET)
    letter = rules.letter_days() if way is MessageChannel.POST else 0
    return rules.debit_rules().notice_days + letter


def notice_of(asked: ToDebit, method: Saved) -> DebitNotice | None:
    """What its payer was told of the debit under a mandate; None: nothing."""
    known = DebitNotice.objects.filter(
        invoice=asked.invoice, mandate_reference=method.mandate_reference
    )
    return known.filter(part=asked.place).first()


def announce(asked: Sequence[ToDebit], method: Saved) -> None:
    """Tell the payer of debits under a mandate of which he was not told: by e-mail, else by SMS,
    else by post, in one message for those of one day. Nothing where nothing is known to reach him
    by, so that nothing may be debited.

    A debit comes no sooner than it is due, nor than the notice that the market's rules give him. In
    the caller's transaction, who has locked the account.
    """
    new = [each for each in asked if notice_of(each, method) is None]
    days = notice_days(new[0].invoice.owing.party_id) if new else None
    if days is None:
        return
    soonest = business_today() + timedelta(days=days)
    by_day: defaultdict[date, list[ToDebit]] = defaultdict(list)
    for each in new:
        by_day[max(soonest, each.due_on or soonest)].append(each)
    for day, together in by_day.items():
        _announce(together, method, on=day)


def _announce(together: Sequence[ToDebit], method: Saved, *, on: date) -> None:
    notices = [_note(each, method, on=on) for each in together]
    dunning_clock.arm((on + BANKS_TAKE, each.invoice.pk) for each in together)
    first = together[0]
    party_id, number = first.invoice.owing.party_id, first.invoice.number
    way = way_to(party_id, code=MESSAGE)
    send(
        party_id=party_id,
        code=MESSAGE,
        channel=way if way is not MessageChannel.POST else None,
        by_post=True,
        values={
            "number": number,
            "bills": [
                {"number": each.invoice.number, "amount": euros(each.amount)} for each in together
            ],
            "amount": euros(total(each.amount for each in together)),
            "day": on,
            "last4": method.card_last4,
            "mandate": method.mandate_reference,
            "creditor": settings.SEPA_CREDITOR_ID,
            "path": _page_of([each.invoice for each in together]),
        },
        reference=f"debit/{number}/{method.mandate_reference}"
        + (f"/{first.place}" if first.place else ""),
    )
    for each, notice in zip(together, notices, strict=True):
        _tell(notice, each.invoice, state=DebitState.ANNOUNCED, amount=each.amount, on=on)


def _note(asked: ToDebit, method: Saved, *, on: date) -> DebitNotice:
    return DebitNotice.objects.create(
        invoice=asked.invoice,
        mandate_reference=method.mandate_reference,
        last4=method.card_last4,
        part=asked.place,
        amount=asked.amount.amount,
        debit_on=on,
        told_at=business_now(),
    )


def _page_of(bills: Sequence[Invoice]) -> str:
    """Where their payer reads of them: of others' bills their sums alone."""
    segment = Segment(bills[0].account.segment)
    if len(bills) > 1 or bills[0].payer_id is not None:
        paid_for_others = any(bill.payer_id is not None for bill in bills)
        return PAYABLES[segment] if paid_for_others else BILLS[segment]
    return PATHS[segment].format(bills[0].number)


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
