"""Reads: who pays whose bills."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import Q, QuerySet

from commerce.kernel.clock import business_now, business_today
from commerce.kernel.errors import NotFound
from subscriptions.domain.payers import is_over
from subscriptions.domain.states import AgreementState, Side
from subscriptions.models import PayerAgreement


@dataclass(frozen=True, slots=True)
class AgreementView:
    """As one of both sides sees it: `side` is its own, `other` the other's name, empty as long as
    nobody has accepted. Bills issued from `from_on` on, and before `until_on`, are paid so."""

    id: int
    side: Side
    state: AgreementState
    other: str
    from_on: date | None
    until_on: date | None
    asked_at: datetime
    expires_at: datetime | None
    reason: str


def payers_on(account_ids: Collection[int], *, on: date) -> Mapping[int, int]:
    """Which other account pays the bills that these accounts are issued on a day; one query."""
    held = holding(on).filter(account__in=list(account_ids))
    return dict(held.values_list("account_id", "payer_id"))


def holding(on: date) -> QuerySet[PayerAgreement]:
    """The agreements that hold on a day."""
    return PayerAgreement.objects.filter(
        Q(until_on__isnull=True) | Q(until_on__gt=on),
        state=AgreementState.AGREED,
        from_on__lte=on,
    )


def agreements_of(party_id: int) -> tuple[AgreementView, ...]:
    """The party's, on either side, the latest first: those that hold or will, and those that it
    asked for and that can still be accepted. One query."""
    rows = PayerAgreement.objects.filter(
        Q(account__party=party_id) | Q(payer__party=party_id)
    ).exclude(state=AgreementState.WITHDRAWN)
    found = rows.select_related("account__party", "payer__party").order_by("-pk")
    return tuple(_view(row, party_id) for row in found if _stands(row))


def agreement_of(party_id: int, agreement_id: int) -> AgreementView:
    """One of them, also when it is over. Raises NotFound `unknown_payer_agreement`."""
    rows = PayerAgreement.objects.select_related("account__party", "payer__party")
    mine = rows.filter(Q(account__party=party_id) | Q(payer__party=party_id))
    found = mine.filter(pk=agreement_id).first()
    if found is None:
        raise NotFound("There is no such agreement.", code="unknown_payer_agreement")
    return _view(found, party_id)


def _stands(row: PayerAgreement) -> bool:
    if row.state == AgreementState.ASKED:
        return row.expires_at is not None and row.expires_at > business_now()
    return not is_over(row.until_on, today=business_today())


def _view(row: PayerAgreement, party_id: int) -> AgreementView:
    pays = row.payer is not None and row.payer.party_id == party_id
    other = row.account if pays else row.payer
    return AgreementView(
        id=row.pk,
        side=Side.PAYER if pays else Side.PAID,
        state=AgreementState(row.state),
        other=other.party.display_name if other is not None else "",
        from_on=row.from_on,
        until_on=row.until_on,
        asked_at=row.asked_at,
        expires_at=row.expires_at if row.state == AgreementState.ASKED else None,
        reason=row.reason,
    )
