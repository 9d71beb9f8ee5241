"""What a holder is told of his wishes that somebody else has his line."""

from commerce.accounts.identity import AccountContext
from commerce.ordering.domain.holder import HolderChangeView, HolderState
from commerce.ordering.models import HolderChange
from subscriptions.contracts.selectors import subscription_view

_MOST = 50


def holder_changes(
    context: AccountContext, *, subscription_id: int
) -> tuple[HolderChangeView, ...]:
    """All for the contract, the last one first. Raises NotFound: `unknown_subscription`."""
    contract = subscription_view(context.party_id or 0, subscription_id)
    rows = HolderChange.objects.filter(party=contract.party_id, subject=contract.id)
    return tuple(_view(row) for row in rows.order_by("-pk")[:_MOST])


def holder_change(party_id: int, subscription_id: int) -> HolderChangeView | None:
    """The party's last one for the contract; None if there never was one. One query."""
    rows = HolderChange.objects.filter(party=party_id, subject=subscription_id)
    row = rows.order_by("-pk").first()
    return _view(row) if row is not None else None


def _view(row: HolderChange) -> HolderChangeView:
    return HolderChangeView(
        subscription_id=row.subject,
        msisdn=row.msisdn,
        state=HolderState(row.state),
        email=row.email,
        asked_at=row.asked_at,
        until=row.until,
        on=row.on,
    )
