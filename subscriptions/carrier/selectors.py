"""What merchants and customers read of purchases; each his own."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Generic, TypeVar
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet, Sum

from commerce.accounts.kinds import Segment
from commerce.kernel.clock import PARIS, business_now, business_today
from commerce.kernel.errors import InvalidInput, NotFound
from commerce.kernel.money import Money
from subscriptions.carrier.models import (
    CarrierDenial,
    CarrierLimits,
    CarrierPayment,
    CarrierRefund,
    CarrierSubscription,
    Merchant,
)
from subscriptions.carrier.services.limits import caps, limits_of
from subscriptions.domain.carrier import (
    COUNTED,
    OPEN,
    Category,
    Limits,
    PaymentState,
    Rule,
    Selling,
    month_of,
)
from subscriptions.domain.states import SubscriptionStatus
from subscriptions.models import Subscription

R = TypeVar("R", CarrierPayment, CarrierRefund)
MOST_FOUND = 10_000
"""What a list may come to in all: a merchant who asks for more is to say of which days."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a merchant asks a list for; both instants count in. `page` from 1."""

    page: int
    per_page: int
    since: datetime | None
    until: datetime | None
    newest_first: bool
    states: Collection[str]
    merchant: str


@dataclass(frozen=True, slots=True)
class Found(Generic[R]):
    """A page of what was found, and how much there is."""

    rows: tuple[R, ...]
    count: int


@dataclass(frozen=True, slots=True)
class PurchaseView:
    """A purchase as its customer sees it. `bill` is the number of the bill that it stands on, empty
    as long as none does; `left` what can still be given back. It was
    confirmed by a code sent to the line, on our page, or by the merchant's own page."""

    id: UUID
    at: datetime
    state: PaymentState
    service: str
    seller: str
    merchant: str
    support: str
    reference: str
    gross: Money
    left: Money
    bill: str
    monthly: bool
    by_code: bool
    on_our_page: bool
    denied_for: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HeldService:
    """A third party's service that goes on month after month; the price is of a month."""

    id: int
    service: str
    seller: str
    support: str
    gross: Money
    began_at: datetime


@dataclass(frozen=True, slots=True)
class DenialView:
    """A purchase that was refused, and the rule that refused it."""

    at: datetime
    service: str
    seller: str
    gross: Money
    rule: Rule


@dataclass(frozen=True, slots=True)
class QuestionView:
    """A purchase that the holder of the line is asked about on our page; `line` is its number.
    `price` is of each month if it is `monthly`. `left` may still be bought in this month beside it.
    From `until` on nothing can be answered. `back` is where the merchant wants the customer. The
    sale is the merchant's own if `in_his_name`; the price holds tax if it is `taxed`."""

    line: str
    line_id: int
    service: str
    seller: str
    merchant: str
    support: str
    category: Category
    price: Money
    monthly: bool
    left: Money
    until: datetime
    state: PaymentState
    over: bool
    back: str
    in_his_name: bool
    taxed: bool


@dataclass(frozen=True, slots=True)
class Allowed:
    """What is allowed on a line, and what of it is `spent` in this calendar month. `merchants`
    (code -> name) are those who sold on it, or have a cap."""

    limits: Limits
    merchants: Mapping[str, str]
    spent: Money


@dataclass(frozen=True, slots=True)
class LinePurchases:
    """All that third parties sell on a line; `spent` is what counts of this calendar month,
    `together` with the lines that the law counts with it. `merchants` (code -> name) are those who
    sold on it, or have a cap."""

    limits: Limits
    merchants: Mapping[str, str]
    spent: Money
    together: Money
    held: tuple[HeldService, ...]
    purchases: tuple[PurchaseView, ...]
    denials: tuple[DenialView, ...]


def purchases_of_line(
    party_id: int, subscription_id: int, *, words: str = "", most: int = 100
) -> LinePurchases:
    """The newest purchases first, of those whose service, seller or reference holds `words`.

    Raises:
        NotFound: `unknown_line`: no such line of the party's.
    """
    line = Subscription.objects.filter(pk=subscription_id, party_id=party_id).first()
    if line is None:
        raise NotFound("There is no such line.", code="unknown_line")
    rows = line.carrier_payments.select_related("merchant", "billed_in").prefetch_related("refunds")
    if words:
        rows = rows.filter(
            Q(service__icontains=words) | Q(seller__icontains=words) | Q(reference__icontains=words)
        )
    counted = CarrierPayment.objects.filter(
        month=month_of(business_today()), state__in=COUNTED, subscription__in=counted_with(line)
    )
    held = line.carrier_subscriptions.filter(ended_at__isnull=True).select_related("merchant")
    denials = line.carrier_denials.select_related("merchant").order_by("-at", "-pk")[:20]
    return LinePurchases(
        limits=limits_of(line),
        merchants=merchants_of_line(party_id, line.pk),
        spent=_sum(counted.filter(subscription=line)),
        together=_sum(counted),
        held=tuple(_held(each) for each in held.order_by("pk")),
        purchases=tuple(_purchase(each) for each in rows.order_by("-made_at", "-pk")[:most]),
        denials=tuple(_denial(each) for each in denials),
    )


def allowed_on(party_id: int, subscription_id: int) -> Allowed:
    """Raises NotFound `unknown_line`: no such line of the party's."""
    line = Subscription.objects.filter(pk=subscription_id, party_id=party_id).first()
    if line is None:
        raise NotFound("There is no such line.", code="unknown_line")
    counted = CarrierPayment.objects.filter(
        month=month_of(business_today()), state__in=COUNTED, subscription=line
    )
    return Allowed(limits_of(line), merchants_of_line(party_id, line.pk), _sum(counted))


def merchants_of_line(party_id: int, subscription_id: int) -> Mapping[str, str]:
    """The merchants who sold on the party's line, or have a cap there: code -> name, by name."""
    lines = Subscription.objects.filter(pk=subscription_id, party=party_id)
    capped = CarrierLimits.objects.filter(subscription__in=lines).values_list("per_merchant")
    codes = [code for (caps_of,) in capped for code in caps_of]
    found = Merchant.objects.filter(
        Exists(CarrierPayment.objects.filter(merchant=OuterRef("pk"), subscription__in=lines))
        | Q(code__in=codes)
    )
    return dict(found.order_by("name", "code").values_list("code", "name"))


def question(payment: CarrierPayment) -> QuestionView:
    """What our page asks; see `services.answering`."""
    line, limits = payment.subscription, limits_of(payment.subscription)
    counted = CarrierPayment.objects.filter(
        month=payment.month, state__in=COUNTED, subscription__in=counted_with(line)
    )
    left = caps().per_month - _sum(counted)
    if limits.per_month is not None:
        left = min(left, limits.per_month - _sum(counted.filter(subscription=line)))
    assert payment.expires_at is not None
    over = payment.state in OPEN and payment.expires_at <= business_now()
    return QuestionView(
        line=line.msisdn,
        line_id=line.pk,
        service=payment.service,
        seller=payment.seller,
        merchant=payment.merchant.name,
        support=payment.support,
        category=Category(payment.category),
        price=Money(payment.gross, payment.currency),
        monthly=payment.service_code in payment.merchant.monthly,
        left=max(left, Money.zero(left.currency)),
        until=payment.expires_at,
        state=PaymentState(payment.state),
        over=over or payment.state == PaymentState.CANCELLED,
        back=_way_back(payment),
        in_his_name=payment.merchant.selling == Selling.TOLD,
        taxed=payment.tax_rate > 0,
    )


def _way_back(payment: CarrierPayment) -> str:
    address = payment.merchant.return_to
    joined = "&" if "?" in address else "?"
    return f"{address}{joined}{urlencode({'paymentId': str(payment.pk)})}"


@dataclass(frozen=True, slots=True)
class FirmLine:
    """A line of a firm's, what is allowed on it, and what counts of this calendar month."""

    id: int
    number: str
    user: str
    limits: Limits
    spent: Money


def lines_of_firm(
    party_id: int, *, words: str = "", page: int = 1, per_page: int = 100
) -> tuple[tuple[FirmLine, ...], int]:
    """The running lines whose number or user holds `words`, a page of them (from 1), and how many
    there are; three queries."""
    rows = Subscription.objects.filter(party=party_id, status=SubscriptionStatus.ACTIVE)
    if words:
        digits = "".join(each for each in words if each.isdigit())
        named = Q(user_name__icontains=words)
        rows = rows.filter(named | Q(msisdn__contains=digits) if digits else named)
    month = month_of(business_now().astimezone(PARIS).date())
    of_month = Q(carrier_payments__month=month, carrier_payments__state__in=COUNTED)
    spent = rows.annotate(spent=Sum("carrier_payments__gross", filter=of_month))
    found = spent.select_related("party", "carrier_limits").order_by("user_name", "msisdn", "pk")
    first = (page - 1) * per_page
    lines = tuple(
        FirmLine(
            id=row.pk,
            number=row.msisdn,
            user=row.user_name,
            limits=limits_of(row),
            spent=Money(row.spent or Decimal(0)),
        )
        for row in found[first : first + per_page]
    )
    return lines, rows.count()


def counted_with(line: Subscription) -> "QuerySet[Subscription]":
    """The lines whose purchases the law counts together (CMF L521-3-1): all of a consumer's; of a
    business each counts alone, as its own user's."""
    counted = Q(pk=line.pk)
    if line.party.segment == Segment.CONSUMER:
        counted |= Q(party=line.party_id)
    return Subscription.objects.filter(counted)


def _sum(rows: "QuerySet[CarrierPayment]") -> Money:
    return Money(rows.aggregate(sum=Sum("gross"))["sum"] or Decimal(0))


def _purchase(row: CarrierPayment) -> PurchaseView:
    refunds = list(row.refunds.all())
    back = sum((each.gross for each in refunds), Decimal(0))
    paid = row.state == PaymentState.SUCCEEDED
    return PurchaseView(
        id=row.pk,
        at=row.paid_at or row.made_at,
        state=PaymentState(row.state),
        service=row.service,
        seller=row.seller,
        merchant=row.merchant.code,
        support=row.support,
        reference=row.reference,
        gross=Money(row.gross, row.currency),
        left=Money(row.gross - back if paid else Decimal(0), row.currency),
        bill=(row.billed_in.number or "") if row.billed_in else "",
        monthly=row.belongs_to_id is not None,
        by_code=bool(row.code_digest),
        on_our_page=bool(row.authorization and not row.code_digest),
        denied_for=row.denied_for,
        reasons=tuple(each.reason for each in refunds if each.reason),
    )


def _held(row: CarrierSubscription) -> HeldService:
    return HeldService(
        id=row.pk,
        service=row.service,
        seller=row.merchant.name,
        support=row.merchant.support,
        gross=Money(row.gross, row.currency),
        began_at=row.began_at,
    )


def _denial(row: CarrierDenial) -> DenialView:
    return DenialView(
        at=row.at,
        service=row.service,
        seller=row.merchant.name,
        gross=Money(row.gross, row.currency),
        rule=Rule(row.rule),
    )


def payment_of(party_id: int, payment_id: UUID) -> CarrierPayment:
    """Raises NotFound `unknown_payment`, also for another merchant's."""
    found = CarrierPayment.objects.filter(pk=payment_id, merchant__party_id=party_id).first()
    if found is None:
        raise NotFound("There is no such payment.", code="unknown_payment")
    return found


def payments_of(party_id: int, wanted: Wanted) -> Found[CarrierPayment]:
    """A merchant's payments. Raises InvalidInput `too_many_found`."""
    rows = CarrierPayment.objects.filter(merchant__party_id=party_id)
    if wanted.states:
        rows = rows.filter(state__in=wanted.states)
    if wanted.merchant:
        rows = rows.filter(
            told__paymentAmount__chargingMetaData__merchantIdentifier=wanted.merchant
        )
    return _page(rows, wanted)


def refund_of(party_id: int, payment_id: UUID, refund_id: UUID) -> CarrierRefund:
    """Raises NotFound `unknown_refund`, also for another merchant's."""
    found = CarrierRefund.objects.filter(
        pk=refund_id, payment=payment_id, payment__merchant__party_id=party_id
    )
    row = found.select_related("payment").first()
    if row is None:
        raise NotFound("There is no such refund.", code="unknown_refund")
    return row


def refunds_of(payment: CarrierPayment, wanted: Wanted) -> Found[CarrierRefund]:
    """What was given back of a payment; all of it succeeded, as we answer at once. Raises
    InvalidInput `too_many_found`."""
    rows = CarrierRefund.objects.filter(payment=payment).select_related("payment")
    if wanted.states and "succeeded" not in wanted.states:
        rows = rows.none()
    if wanted.merchant:
        rows = rows.filter(told__refundAmount__chargingMetaData__merchantIdentifier=wanted.merchant)
    return _page(rows, wanted)


def _page(rows: "QuerySet[R]", wanted: Wanted) -> Found[R]:
    if wanted.since is not None:
        rows = rows.filter(made_at__gte=wanted.since)
    if wanted.until is not None:
        rows = rows.filter(made_at__lte=wanted.until)
    first = (wanted.page - 1) * wanted.per_page
    order = ("-made_at", "-pk") if wanted.newest_first else ("made_at", "pk")
    count = rows[: MOST_FOUND + 1].count()
    if count > MOST_FOUND:
        raise InvalidInput("Too many were found: ask for less.", code="too_many_found")
    return Found(tuple(rows.order_by(*order)[first : first + wanted.per_page]), count)
