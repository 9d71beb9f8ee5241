"""Reads: what became of a payment."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import Q, QuerySet

from commerce.kernel.clock import PARIS
from commerce.kernel.errors import NotFound
from commerce.kernel.money import Money
from commerce.payments.models import (
    Dispute,
    EffectKind,
    EffectState,
    PaymentAttempt,
    PaymentEffect,
    PaymentState,
    SavedMethod,
)
from commerce.payments.ports import DisputeState, MethodKind


@dataclass(frozen=True, slots=True)
class PaymentView:
    """`settled` money is with us; `refunded` is what went back of it."""

    key: str
    reference: str
    party_id: int | None
    state: PaymentState
    amount: Money
    refunded: Money
    hosted_url: str
    card_brand: str
    card_last4: str
    last_error: str
    purpose: str = "order"
    off_session: bool = False
    method_id: str = ""
    method_kind: MethodKind = MethodKind.CARD

    @property
    def is_held(self) -> bool:
        """Authorised or taken: the customer has done his part."""
        return self.state in (PaymentState.AUTHORISED, PaymentState.SETTLED)

    @property
    def is_reserved(self) -> bool:
        """Authorised, and neither taken nor let go."""
        return self.state is PaymentState.AUTHORISED

    @property
    def is_taken(self) -> bool:
        return self.state is PaymentState.SETTLED

    @property
    def is_declined(self) -> bool:
        return self.state is PaymentState.DECLINED

    @property
    def is_processing(self) -> bool:
        """The customer's bank will say within some days whether it pays."""
        return self.state is PaymentState.PROCESSING

    @property
    def is_open(self) -> bool:
        """The customer may still pay."""
        return self.state in (
            PaymentState.REQUESTED,
            PaymentState.OPENING,
            PaymentState.UNKNOWN,
            PaymentState.OPENED,
        )


def payment(key: str) -> PaymentView:
    """Raises NotFound when there is no such payment."""
    found = PaymentAttempt.objects.filter(key=key).first()
    if found is None:
        raise NotFound("There is no such payment.")
    return view_of(found)


def asked_for(references: Iterable[str]) -> frozenset[str]:
    """Those orders or invoices for which a payment was ever asked, whatever became of it."""
    found = PaymentAttempt.objects.filter(reference__in=list(references))
    return frozenset(found.values_list("reference", flat=True))


def payments_of(reference: str) -> tuple[PaymentView, ...]:
    """All payments for one order or invoice, oldest first."""
    found = PaymentAttempt.objects.filter(reference=reference).order_by("pk")
    return tuple(view_of(row) for row in found)


@dataclass(frozen=True, slots=True)
class RefusedEffect:
    """Money that could not be moved and waits for an operator; `reason` is the provider's code.

    `asked_at` is business time.
    """

    id: int
    kind: EffectKind
    payment_key: str
    reference: str
    amount: Money
    reason: str
    asked_at: datetime

    @property
    def takes(self) -> bool:
        """It should have brought money in."""
        return self.kind is EffectKind.CAPTURE


def refused_effects(*, limit: int = 100) -> tuple[RefusedEffect, ...]:
    """What the provider refused and nobody has decided about, the oldest first."""
    return tuple(_refused(row) for row in _refusals().order_by("pk")[:limit])


def refused_effect(effect_id: int) -> RefusedEffect:
    """Raises NotFound `not_refused`: there is none, or somebody has decided about it."""
    found = _refusals().filter(pk=effect_id).first()
    if found is None:
        raise NotFound("This payment no longer waits for a decision.", code="not_refused")
    return _refused(found)


def _refusals() -> QuerySet[PaymentEffect]:
    return PaymentEffect.objects.select_related("payment").filter(state=EffectState.REFUSED)


def _refused(row: PaymentEffect) -> RefusedEffect:
    return RefusedEffect(
        id=row.pk,
        kind=EffectKind(row.kind),
        payment_key=row.payment.key,
        reference=row.payment.reference,
        amount=Money(row.amount, row.payment.currency),
        reason=row.last_error,
        asked_at=row.created_at,
    )


def effects_under_way() -> int:
    """Charges, captures, cancellations and refunds not yet carried out; for the virtual clock."""
    effects = PaymentEffect.objects.filter(state__in=[EffectState.REQUESTED, EffectState.SENT])
    charges = PaymentAttempt.objects.filter(
        off_session=True, state__in=[PaymentState.REQUESTED, PaymentState.OPENING]
    )
    return effects.count() + charges.count()


def coming_in(reference: str) -> tuple[str, ...]:
    """The keys of payments for one order or bill whose money is on its way: a charge or a capture
    is asked for, and its outcome is not known."""
    taking = [PaymentState.REQUESTED, PaymentState.OPENING, PaymentState.PROCESSING]
    asked = Q(off_session=True, state__in=taking) | Q(
        state=PaymentState.AUTHORISED,
        effects__kind=EffectKind.CAPTURE,
        effects__state__in=[EffectState.REQUESTED, EffectState.SENT],
    )
    found = PaymentAttempt.objects.filter(asked, reference=reference).order_by("pk")
    return tuple(found.values_list("key", flat=True).distinct())


@dataclass(frozen=True, slots=True)
class Debited:
    """A direct debit that was asked for on the local day `on`."""

    on: date
    payment: PaymentView


def debits_tried(references: Iterable[str]) -> Mapping[tuple[str, str], tuple[Debited, ...]]:
    """The direct debits for each of these orders or bills under each mandate, by the references of
    both, the oldest first; two queries."""
    rows = PaymentAttempt.objects.filter(
        reference__in=list(references), method_kind=MethodKind.SEPA_DEBIT
    )
    tried = list(rows.order_by("pk"))
    under = mandates(row.method_id for row in tried)
    found: dict[tuple[str, str], tuple[Debited, ...]] = {}
    for row in tried:
        key = (row.reference, under.get(row.method_id, ""))
        on = row.created_at.astimezone(PARIS).date()
        found[key] = (*found.get(key, ()), Debited(on, view_of(row)))
    return found


def mandates(method_ids: Iterable[str]) -> Mapping[str, str]:
    """The references of the mandates of these accounts, removed ones too, by their ids."""
    rows = SavedMethod.objects.filter(method_id__in=set(method_ids)).exclude(mandate_reference="")
    return dict(rows.values_list("method_id", "mandate_reference"))


def debited_on(reference: str) -> Mapping[str, date]:
    """The local days on which banks were told to pay debits that were taken, by payment; a card's
    money is taken at once."""
    rows = PaymentAttempt.objects.filter(
        reference=reference, state=PaymentState.SETTLED, method_kind=MethodKind.SEPA_DEBIT
    )
    return {key: at.astimezone(PARIS).date() for key, at in rows.values_list("key", "created_at")}


def refunds_of(key: str) -> tuple[Money, ...]:
    """What was asked to go back of a payment, refusals left out; one for each sequence that is
    taken, zero for a refused one."""
    row = PaymentAttempt.objects.get(key=key)
    refunds = row.effects.filter(kind=EffectKind.REFUND).order_by("sequence")
    nothing = (EffectState.REFUSED, EffectState.GIVEN_UP)
    return tuple(
        Money.zero(row.currency) if each.state in nothing else Money(each.amount, row.currency)
        for each in refunds
    )


@dataclass(frozen=True, slots=True)
class Saved:
    """A card or account that bills may be charged to, as `SavedMethod` says; `given_at` (business
    time) is that of the mandate."""

    id: int
    customer_id: str
    method_id: str
    card_brand: str
    card_last4: str
    kind: MethodKind
    bank_code: str
    mandate_reference: str
    given_at: datetime
    unusable_because: str
    for_bills: bool

    @property
    def is_debit(self) -> bool:
        return self.kind is MethodKind.SEPA_DEBIT


def saved_methods(party_id: int) -> tuple[Saved, ...]:
    """The one chosen last comes first."""
    rows = SavedMethod.objects.filter(party_id=party_id, removed_at__isnull=True)
    return tuple(_saved(row) for row in rows.order_by("-chosen_at", "-pk"))


def usable_methods(party_ids: Iterable[int]) -> dict[int, list[Saved]]:
    """Of several parties at once what can be charged, the one chosen last first; one query."""
    rows = SavedMethod.objects.filter(
        party_id__in=list(party_ids), removed_at__isnull=True, unusable_because=""
    )
    found: dict[int, list[Saved]] = {}
    for row in rows.order_by("-chosen_at", "-pk"):
        found.setdefault(row.party_id, []).append(_saved(row))
    return found


def chosen_method(
    party_id: int, *, kind: MethodKind | None = None, for_bills: bool = False
) -> Saved | None:
    """The one that is charged; of that kind only, or only if its holder said so of his bills."""
    return next(
        (
            each
            for each in saved_methods(party_id)
            if not each.unusable_because
            and (kind is None or each.kind is kind)
            and (each.for_bills or not for_bills)
        ),
        None,
    )


def usable_method(party_id: int, method_id: str) -> Saved | None:
    """That one, unless it is removed or can't be charged any more."""
    found = (each for each in saved_methods(party_id) if each.method_id == method_id)
    return next((each for each in found if not each.unusable_because), None)


def _saved(row: SavedMethod) -> Saved:
    return Saved(
        id=row.pk,
        customer_id=row.customer_id,
        method_id=row.method_id,
        card_brand=row.card_brand,
        card_last4=row.card_last4,
        kind=MethodKind(row.kind),
        bank_code=row.bank_code,
        mandate_reference=row.mandate_reference,
        given_at=row.saved_at,
        unusable_because=row.unusable_because,
        for_bills=row.for_bills,
    )


@dataclass(frozen=True, slots=True)
class DisputeView:
    """A payment that its holder has his bank take back; the rest as `models.Dispute` says."""

    id: int
    dispute_id: str
    payment_key: str
    reference: str
    party_id: int | None
    amount: Money
    reason: str
    state: DisputeState
    evidence_until: datetime | None
    opened_at: datetime
    withdrawn: bool
    reinstated: bool

    @property
    def is_open(self) -> bool:
        return self.state in OPEN_DISPUTES

    @property
    def is_ours(self) -> bool:
        """The money is with us."""
        return self.reinstated or not self.withdrawn

    @property
    def waits_for_us(self) -> bool:
        """Evidence is asked for."""
        return self.state in (DisputeState.ASKED, DisputeState.OPEN)


OPEN_DISPUTES = (DisputeState.ASKED, DisputeState.OPEN, DisputeState.REVIEWED)


def dispute(dispute_id: str) -> DisputeView:
    """By the provider's id. Raises NotFound."""
    found = _disputes().filter(dispute_id=dispute_id).first()
    if found is None:
        raise NotFound("There is no such dispute.")
    return _dispute(found)


def open_disputes() -> tuple[DisputeView, ...]:
    """Those that are not decided, the first to be answered first."""
    found = _disputes().filter(state__in=OPEN_DISPUTES)
    return tuple(_dispute(row) for row in found.order_by("evidence_until", "pk"))


def closed_disputes(*, limit: int = 50) -> tuple[DisputeView, ...]:
    """The latest first."""
    found = _disputes().exclude(state__in=OPEN_DISPUTES)
    return tuple(_dispute(row) for row in found.order_by("-opened_at", "-pk")[:limit])


def disputed(references: Iterable[str]) -> frozenset[str]:
    """Those orders or bills of which a payment is disputed and not decided: nobody is reminded of
    them meanwhile."""
    found = Dispute.objects.filter(payment__reference__in=list(references), state__in=OPEN_DISPUTES)
    return frozenset(found.values_list("payment__reference", flat=True))


def taken_back(references: Iterable[str]) -> frozenset[str]:
    """Those orders or bills of which a bank has taken a payment back for good."""
    lost = Dispute.objects.filter(
        payment__reference__in=list(references),
        withdrawn_at__isnull=False,
        reinstated_at__isnull=True,
    ).exclude(state__in=OPEN_DISPUTES)
    return frozenset(lost.values_list("payment__reference", flat=True))


def was_taken_back(key: str) -> bool:
    """Whether a bank has taken this payment back, also where it gave it to us again: the provider
    pays nothing of it back."""
    return Dispute.objects.filter(payment__key=key, withdrawn_at__isnull=False).exists()


def processing(references: Iterable[str]) -> frozenset[str]:
    """Those orders or bills of which a debit is with the customer's bank."""
    found = PaymentAttempt.objects.filter(
        reference__in=list(references), state=PaymentState.PROCESSING
    )
    return frozenset(found.values_list("reference", flat=True))


def _disputes() -> QuerySet[Dispute]:
    return Dispute.objects.select_related("payment")


def _dispute(row: Dispute) -> DisputeView:
    return DisputeView(
        id=row.pk,
        dispute_id=row.dispute_id,
        payment_key=row.payment.key,
        reference=row.payment.reference,
        party_id=row.payment.party_id,
        amount=Money(row.amount, row.currency),
        reason=row.reason,
        state=DisputeState(row.state),
        evidence_until=row.evidence_until,
        opened_at=row.opened_at,
        withdrawn=row.withdrawn_at is not None,
        reinstated=row.reinstated_at is not None,
    )


def view_of(row: PaymentAttempt) -> PaymentView:
    """The row as a value."""
    return PaymentView(
        key=row.key,
        reference=row.reference,
        party_id=row.party_id,
        state=PaymentState(row.state),
        amount=row.money,
        refunded=Money(row.refunded, row.currency),
        hosted_url=row.hosted_url,
        card_brand=row.card_brand,
        card_last4=row.card_last4,
        last_error=row.last_error,
        purpose=row.purpose,
        off_session=row.off_session,
        method_id=row.method_id,
        method_kind=MethodKind(row.method_kind),
    )
