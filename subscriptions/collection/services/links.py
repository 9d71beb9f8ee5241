"""Pay by link: an agent has a customer sent one, and whoever has it pays, without an account."""

from datetime import timedelta

from django.conf import settings
from django.db import transaction

from commerce.accounts.identity import AccountContext
from commerce.accounts.kinds import EntryKind
from commerce.accounts.selectors import reach
from commerce.accounts.services import timeline
from commerce.accounts.services.contacts import require_verified
from commerce.kernel.clock import business_now, business_today
from commerce.kernel.errors import Conflict, InvalidInput, NotFound, RuleViolated
from commerce.kernel.links import new_token, token_digest
from commerce.kernel.money import Money, total
from commerce.notifications.models import MessageChannel
from commerce.notifications.services import send
from commerce.payments.ports import LINKED
from commerce.payments.selectors import payments_of
from subscriptions.collection.deposits import open_deposit
from subscriptions.collection.links import LinkView, link_by_token
from subscriptions.collection.services import deposits
from subscriptions.collection.services.announcing import euros
from subscriptions.collection.services.collecting import LEAST, ask, ask_for_bills
from subscriptions.domain.states import InvoiceKind, InvoiceState
from subscriptions.dunning.selectors import overdue_bills
from subscriptions.ledger.selectors import (
    bills_under,
    owed_by_party,
    owed_on,
    paid_for_just_now,
    paid_with_orders,
)
from subscriptions.models import BillingAccount, Deposit, Invoice, PayLink

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
    _check_address(party_id, channel)
    link, token = _stored(bills[0].owing, channel=channel, by=context.actor.name)
    link.bills.set(bills)
    numbers = ", ".join(bill.number or "" for bill in bills)
    _tell(link, context, code="bill_link", owed=owed, bills=numbers, token=token)


@transaction.atomic
def ask_deposit(context: AccountContext, *, channel: MessageChannel) -> None:
    """Have the customer sent a link to pay the deposit that the policy asks of him; a new one as
    long as it has not come.

    Raises:
        Forbidden: `caller_not_verified`. RuleViolated: `no_deposit`. InvalidInput: `no_address`.
    """
    deposit = deposits.asked(context)
    account = deposit.account
    _check_address(account.party_id, channel)
    link, token = _stored(account, channel=channel, by=context.actor.name, deposit=deposit)
    owed = open_deposit(account, deposit.reference)
    _tell(link, context, code="deposit_link", owed=owed, bills="", token=token)


def _check_address(party_id: int, channel: MessageChannel) -> None:
    whom = reach(party_id)
    if not (whom.phone if channel == MessageChannel.SMS else whom.email):
        raise InvalidInput("We know no such address.", code="no_address", field="channel")


def _tell(
    link: PayLink, context: AccountContext, *, code: str, owed: Money, bills: str, token: str
) -> None:
    send(
        code=code,
        party_id=link.account.party_id,
        channel=link.channel,
        values={
            "owed": euros(owed),
            "bills": bills,
            "until": link.expires_at,
            "url": f"{settings.PUBLIC_URL}{PATH.format(token)}",
        },
        reference=f"pay/{link.reference}",
    )
    timeline.record(
        party_id=link.account.party_id,
        kind=EntryKind.PAYMENT,
        code="pay_link_sent",
        context=context,
        values={
            "bills": bills,
            "amount": str(owed.rounded().amount),
            "channel": str(link.channel),
        },
    )


def opened(*, token: str) -> LinkView:
    """What the link leads to; when it was opened first is noted. Raises NotFound `unknown_link`."""
    view = link_by_token(token)
    unseen = PayLink.objects.filter(pk=view.id, opened_at__isnull=True)
    unseen.update(opened_at=business_now())
    return view


@transaction.atomic
def pay(*, token: str, label: str, deposit_label: str, back: str) -> str:
    """The key of a payment of what is open by the link, to be opened on the provider's page;
    `label` has a place for the `number` of each bill, `back` is the address to come back to. Who
    pays need not be the customer: the card is not kept.

    Raises:
        NotFound: `unknown_link`.
        RuleViolated: `nothing_to_pay`. Conflict: `payment_under_way`.
    """
    view = link_by_token(token)
    account = BillingAccount.objects.select_for_update(no_key=True).get(pay_links=view.id)
    if view.deposit is None:
        bills = bills_under(account, view.reference)
        named = [(label % {"number": bill.number}, bill) for bill in bills]
        return ask_for_bills(named, reference=view.reference, back=back, purpose=LINKED)
    owed = open_deposit(account, view.reference)
    if not owed:
        raise RuleViolated("There is nothing left to pay.", code="nothing_to_pay")
    held = any(each.is_reserved for each in payments_of(view.reference))
    if held or paid_for_just_now(view.reference):
        raise Conflict("This is just being paid.", code="payment_under_way")
    return ask(
        [(deposit_label, owed)],
        party_id=account.party_id,
        reference=view.reference,
        back=back,
        purpose=LINKED,
    )


def _stored(
    account: BillingAccount, *, channel: MessageChannel, by: str, deposit: Deposit | None = None
) -> tuple[PayLink, str]:
    """The link, and its secret."""
    now, token = business_now(), new_token()
    link = PayLink.objects.create(
        account=account,
        deposit=deposit,
        digest=token_digest(token),
        channel=channel,
        sent_by=by[:120],
        sent_at=now,
        expires_at=now + LINK_LIFE,
    )
    return link, token


def _bill(party_id: int, number: str) -> list[Invoice]:
    """One that is not paid with its order; a firm's too."""
    issued = Invoice.objects.filter(
        owed_by_party(party_id), number=number, state=InvoiceState.ISSUED
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
