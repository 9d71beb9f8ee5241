"""Pay by link: an agent has a customer sent one, and whoever has it pays, without an account."""

from collections.abc import Sequence
from datetime import timedelta

from django.conf import settings
from django.db import transaction

from commerce.accounts.identity import AccountContext
from commerce.accounts.kinds import EntryKind
from commerce.accounts.selectors import reach
from commerce.accounts.services import timeline
from commerce.accounts.services.contacts import require_verified
from commerce.kernel.clock import business_now, business_today
from commerce.kernel.errors import InvalidInput, NotFound, RuleViolated
from commerce.kernel.links import new_token, token_digest
from commerce.kernel.money import total
from commerce.notifications.models import MessageChannel
from commerce.notifications.services import send
from subscriptions.collection.links import LinkView, link_by_token
from subscriptions.collection.services.announcing import euros
from subscriptions.collection.services.collecting import LEAST, ask_by_hand
from subscriptions.domain.states import InvoiceKind, InvoiceState
from subscriptions.dunning.selectors import overdue_bills
from subscriptions.ledger.selectors import bills_under, owed_on, paid_with_orders
from subscriptions.models import BillingAccount, Invoice, PayLink

LINK_LIFE = timedelta(days=7)
PATH = "/pay/{}/"
"""The page that a link opens."""


@transaction.atomic
def send_link(context: AccountContext, *, channel: MessageChannel, number: str = "") -> None:
    """Have the customer sent a link to pay the bill `number`, or without one all that is overdue,
    in his language. Each link leads to the same bills as often as it is opened, and they are paid
    once, whichever of several is used.

    Raises:
        Forbidden: `caller_not_verified`.
        NotFound: `unknown_bill`, `nothing_overdue`.
        RuleViolated: `nothing_to_pay`.
        InvalidInput: `no_address`: no phone, or no e-mail, of his is known.
    """
    require_verified(context)
    party_id = context.party_id or 0
    bills = _bill(party_id, number) if number else _overdue(party_id)
    owed = total(owed_on(bill) for bill in bills)
    if owed < LEAST:
        raise RuleViolated("There is nothing left to pay on this bill.", code="nothing_to_pay")
    whom = reach(party_id)
    if not (whom.phone if channel == MessageChannel.SMS else whom.email):
        raise InvalidInput("We know no such address.", code="no_address", field="channel")
    token = new_token()
    link = _stored(bills, token=token, channel=channel, by=context.actor.name)
    numbers = ", ".join(bill.number or "" for bill in bills)
    send(
        code="bill_link",
        party_id=party_id,
        channel=channel,
        values={
            "owed": euros(owed),
            "bills": numbers,
            "until": link.expires_at,
            "url": f"{settings.PUBLIC_URL}{PATH.format(token)}",
        },
        reference=f"pay/{link.reference}",
    )
    timeline.record(
        party_id=party_id,
        kind=EntryKind.PAYMENT,
        code="pay_link_sent",
        context=context,
        values={"bills": numbers, "amount": str(owed.rounded().amount), "channel": str(channel)},
    )


def opened(*, token: str) -> LinkView:
    """What the link leads to; when it was opened first is noted. Raises NotFound `unknown_link`."""
    view = link_by_token(token)
    unseen = PayLink.objects.filter(pk=view.id, opened_at__isnull=True)
    unseen.update(opened_at=business_now())
    return view


@transaction.atomic
def pay(*, token: str, label: str, back: str) -> str:
    """The key of a payment of what is open on the link's bills, to be opened on the provider's
    page; `label` has a place for the `number` of each bill, `back` is the address to come back to.

    Raises:
        NotFound: `unknown_link`.
        RuleViolated: `nothing_to_pay`. Conflict: `payment_under_way`.
    """
    view = link_by_token(token)
    account = BillingAccount.objects.select_for_update(no_key=True).get(pay_links=view.id)
    bills = bills_under(account, view.reference)
    labels = [label % {"number": bill.number} for bill in bills]
    return ask_by_hand(bills, reference=view.reference, labels=labels, back=back)


def _stored(bills: Sequence[Invoice], *, token: str, channel: MessageChannel, by: str) -> PayLink:
    now = business_now()
    link = PayLink.objects.create(
        account=bills[0].account,
        digest=token_digest(token),
        channel=channel,
        sent_by=by[:120],
        sent_at=now,
        expires_at=now + LINK_LIFE,
    )
    link.bills.set(bills)
    return link


def _bill(party_id: int, number: str) -> list[Invoice]:
    """One that is not paid with its order; a firm's too."""
    issued = Invoice.objects.filter(
        number=number, account__party=party_id, state=InvoiceState.ISSUED
    ).exclude(kind=InvoiceKind.CREDIT_NOTE)
    found = issued.select_related("account").first()
    if found is None or paid_with_orders([found.key]):
        raise NotFound("There is no such bill.", code="unknown_bill")
    return [found]


def _overdue(party_id: int) -> list[Invoice]:
    account = BillingAccount.objects.filter(party=party_id).order_by("pk").first()
    bills = overdue_bills(account, today=business_today()) if account is not None else ()
    if not bills:
        raise NotFound("Nothing is overdue.", code="nothing_overdue")
    rows = Invoice.objects.filter(pk__in=[bill.id for bill in bills]).select_related("account")
    return list(rows.order_by("due_on", "pk"))
