"""Reads: links to pay with, for who has one and for agents."""

from dataclasses import dataclass
from datetime import date, datetime

from commerce.kernel.clock import business_now
from commerce.kernel.errors import NotFound
from commerce.kernel.links import token_digest
from commerce.kernel.money import Money, total
from subscriptions.collection.deposits import open_deposit
from subscriptions.domain.states import LinkState
from subscriptions.ledger.selectors import open_amount
from subscriptions.models import PayLink


@dataclass(frozen=True, slots=True)
class LinkedBill:
    """What a link says of a bill; `open` is still to pay."""

    number: str
    due_on: date | None
    open: Money


@dataclass(frozen=True, slots=True)
class LinkView:
    """A link as it stands now; nothing of it says whose bills these are. Instants are business
    time, `open` is what is still to pay by it, `deposit` of a deposit; `reference` is that of its
    payments."""

    id: int
    reference: str
    state: LinkState
    sent_at: datetime
    sent_by: str
    channel: str
    expires_at: datetime
    opened_at: datetime | None
    bills: tuple[LinkedBill, ...]
    deposit: Money | None = None

    @property
    def open(self) -> Money:
        return total(bill.open for bill in self.bills) + (self.deposit or Money.zero())


def link_by_token(token: str) -> LinkView:
    """Raises NotFound `unknown_link`: there is none, or its days are over and it is not paid."""
    found = PayLink.objects.filter(digest=token_digest(token)).first()
    view = _view(found) if found is not None else None
    if view is None or view.state is LinkState.EXPIRED:
        raise NotFound("This link is not valid (any more).", code="unknown_link")
    return view


def links_of(party_id: int, *, limit: int = 5) -> tuple[LinkView, ...]:
    """Those that the party was sent, the latest first."""
    rows = PayLink.objects.filter(account__party=party_id).select_related("account", "deposit")
    return tuple(_view(row) for row in rows.order_by("-pk")[:limit])


def _view(row: PayLink) -> LinkView:
    bills = tuple(
        LinkedBill(bill.number or "", bill.due_on, Money(bill.owed, bill.currency))
        for bill in row.bills.annotate(owed=open_amount()).order_by("due_on", "pk")
    )
    deposit = open_deposit(row.account, row.deposit.reference) if row.deposit else None
    owed = total(bill.open for bill in bills) + (deposit or Money.zero())
    return LinkView(
        id=row.pk,
        reference=row.deposit.reference if row.deposit else row.reference,
        state=_state(row, owed=owed),
        sent_at=row.sent_at,
        sent_by=row.sent_by,
        channel=row.channel,
        expires_at=row.expires_at,
        opened_at=row.opened_at,
        bills=bills,
        deposit=deposit,
    )


def _state(row: PayLink, *, owed: Money) -> LinkState:
    if owed.amount <= 0:
        return LinkState.PAID
    if row.expires_at <= business_now():
        return LinkState.EXPIRED
    return LinkState.OPENED if row.opened_at else LinkState.SENT
