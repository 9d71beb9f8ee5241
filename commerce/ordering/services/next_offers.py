"""Next best offers of a party: shown with what they cost, accepted, declined."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Count, Q, QuerySet

from catalogue.domain.model import Kind, Segment
from commerce.accounts.identity import AccountContext
from commerce.accounts.services.contacts import require_verified
from commerce.events.outbox import publish
from commerce.kernel.clock import business_now, business_today
from commerce.kernel.errors import Conflict, NotFound, RuleViolated
from commerce.ordering.domain.cart import CartValue
from commerce.ordering.domain.drafts import Sale
from commerce.ordering.domain.next_offers import (
    Answered,
    Holding,
    Lead,
    OfferState,
    Prepared,
    prepare,
    rests,
)
from commerce.ordering.domain.quote import Quote
from commerce.ordering.events import NextOfferAccepted
from commerce.ordering.holdings import holdings_of
from commerce.ordering.lines import at_line
from commerce.ordering.models import NextOffer, NextOfferImpression
from commerce.ordering.services.pricing import Pricing, customer_facts, priced, pricing_now
from promotions.domain.model import CustomerFacts
from promotions.domain.next_offers import Due, due
from promotions.selectors import next_offers_of
from subscriptions.domain.views import SubscriptionView

MOST = 3
"""Offers that are shown at once."""

Key = tuple[str, str, str]
"""Order, group and rule."""


@dataclass(frozen=True, slots=True)
class NextOfferView:
    """An offer that stands, with its price as it is now."""

    id: int
    until: datetime
    prepared: Prepared


@transaction.atomic
def show_next_offers(
    context: AccountContext,
    *,
    segment: Segment = Segment.CONSUMER,
    contracts: Sequence[SubscriptionView] | None = None,
    order: str = "",
) -> tuple[NextOfferView, ...]:
    """What to propose to the context's party now, the best first, three at most.

    Each is recorded as shown, once per channel and day. `contracts` are the party's, where the
    caller has them already; with `order` only what belongs to that order. Whoever is nobody's
    party gets none. The same few queries whatever the number of rules and lines.
    """
    pricing = pricing_now()
    rules = next_offers_of(pricing.snapshot)
    if context.party_id is None or not rules:
        return ()
    shop = _Shop(context, segment, pricing)
    holdings = holdings_of(
        context.party_id,
        catalogue=pricing.snapshot,
        segment=segment,
        on=shop.on,
        contracts=contracts,
    )
    holdings = tuple(each for each in holdings if not order or each.order_number == order)
    if not holdings:
        return ()
    facts = shop.customer()
    found = [
        (each, holding)
        for holding in holdings
        for each in due(
            rules, customer=facts, line=holding.facts, channel=shop.channel, at=pricing.at
        )
    ]
    found.sort(key=lambda pair: -pair[0].rule.priority)
    return _shown(found, facts=facts, shop=shop) if found else ()


@transaction.atomic
def accept_next_offer(context: AccountContext, *, offer_id: int) -> Lead:
    """The customer wants to see it: where it leads. Asked again, the same answer, told once.

    Raises:
        NotFound: `unknown_next_offer`. Forbidden: `caller_not_verified`.
        Conflict: `offer_declined`. RuleViolated: `offer_over`.
    """
    row = _locked(context, offer_id=offer_id)
    if row.state == OfferState.DECLINED:
        raise Conflict("This offer was declined.", code="offer_declined")
    lead = Lead(**row.lead)
    if row.state != OfferState.ACCEPTED:
        _decide(row, OfferState.ACCEPTED, context=context)
        publish(
            NextOfferAccepted(
                row.pk, row.party_id, row.rule, lead.entry, lead.step, lead.line, lead.offering
            )
        )
    return lead


@transaction.atomic
def decline_next_offer(context: AccountContext, *, offer_id: int, reason: str = "") -> None:
    """The customer does not want it; the rule rests on that line. Declined already: nothing.

    Raises:
        NotFound: `unknown_next_offer`. Forbidden: `caller_not_verified`.
        Conflict: `offer_accepted`. RuleViolated: `offer_over`.
    """
    row = _locked(context, offer_id=offer_id)
    if row.state == OfferState.ACCEPTED:
        raise Conflict("This offer was accepted.", code="offer_accepted")
    if row.state != OfferState.DECLINED:
        row.reason = reason.strip()[:200]
        _decide(row, OfferState.DECLINED, context=context)


class _Shop:
    """For whom, where and when; and the prices."""

    def __init__(self, context: AccountContext, segment: Segment, pricing: Pricing) -> None:
        self.context, self.pricing, self.on = context, pricing, business_today()
        self.channel = str(context.channel)
        self.sale = Sale(pricing.snapshot, segment, self.channel, pricing.at)
        bundles = [
            bundle
            for bundle in pricing.snapshot.of_kind(Kind.BUNDLE)
            if bundle.sellable(segment=segment, channel=self.channel, at=pricing.at)
        ]
        self.bundles = tuple(sorted(bundles, key=lambda bundle: (bundle.rank, bundle.code)))

    def customer(self) -> CustomerFacts:
        value = CartValue(code="", lines=(), segment=self.sale.segment, channel=self.channel)
        return customer_facts(value, pricing=self.pricing, party_id=self.context.party_id)

    def prepared(
        self, each: Due, holding: Holding, *, facts: CustomerFacts, offering: str
    ) -> Prepared | None:
        own = at_line(facts, holding.line, on=self.on) if holding.line.id else facts

        def price(cart: CartValue) -> Quote:
            return priced(cart, pricing=self.pricing, customer=own)

        return prepare(
            each,
            holding,
            sale=self.sale,
            bundles=self.bundles,
            price=price,
            on=self.on,
            offering=offering,
        )


def _shown(
    found: Iterable[tuple[Due, Holding]], *, facts: CustomerFacts, shop: _Shop
) -> tuple[NextOfferView, ...]:
    before = _before(shop)
    ready: list[Prepared] = []
    for each, holding in found:
        rows = before.get((*holding.subject, each.rule.code), [])
        if len(ready) == MOST or _quiet(each, rows, at=shop.pricing.at):
            continue
        present = _open(rows, version=each.rule.version)
        offering = present.lead["offering"] if present is not None else ""
        prepared = shop.prepared(each, holding, facts=facts, offering=offering)
        if prepared is not None:
            ready.append(prepared)
    if any(_row_of(one, before) is None for one in ready):
        _make([one for one in ready if _row_of(one, before) is None], shop=shop)
        before = _before(shop)
    pairs = [(row, one) for one in ready if (row := _row_of(one, before)) is not None]
    _note_shown([row for row, _ in pairs], shop=shop)
    return tuple(NextOfferView(row.pk, row.until, one) for row, one in pairs)


def _before(shop: _Shop) -> Mapping[Key, list[NextOffer]]:
    """All that was ever proposed to the party, by line and rule; one query."""
    today = Q(impressions__on=shop.on, impressions__channel=shop.channel)
    rows: QuerySet[NextOffer] = (
        NextOffer.objects.filter(party_id=shop.context.party_id or 0)
        .annotate(
            days=Count("impressions__on", distinct=True),
            today=Count("impressions", filter=today),
        )
        .order_by("pk")
    )
    found: dict[Key, list[NextOffer]] = {}
    for row in rows:
        found.setdefault((row.order_number, row.group, row.rule), []).append(row)
    return found


def _quiet(each: Due, rows: Sequence[NextOffer], *, at: datetime) -> bool:
    earlier = [Answered(OfferState(row.state), row.until, row.decided_at) for row in rows]
    if rests(each.rule, earlier, at=at):
        return True
    present = _open(rows, version=each.rule.version)
    if present is None:
        return False
    days: int = present.days  # type: ignore[attr-defined]
    seen_today: int = present.today  # type: ignore[attr-defined]
    return days >= each.rule.most_impressions and not seen_today


def _open(rows: Iterable[NextOffer], *, version: int) -> NextOffer | None:
    """The one that stands; one whose time is over has been let rest before this is asked."""
    now = business_now()
    return next(
        (r for r in rows if r.state == OfferState.OPEN and r.version == version and now < r.until),
        None,
    )


def _row_of(one: Prepared, before: Mapping[Key, list[NextOffer]]) -> NextOffer | None:
    rule = one.due.rule
    return _open(before.get((*one.holding.subject, rule.code), []), version=rule.version)


def _make(ready: Sequence[Prepared], *, shop: _Shop) -> None:
    """A second request at the same time finds the first one's rows."""
    now, party_id = shop.pricing.at, shop.context.party_id or 0
    NextOffer.objects.filter(party_id=party_id, state=OfferState.OPEN, until__lte=now).update(
        state=OfferState.LAPSED
    )
    NextOffer.objects.bulk_create(
        [
            NextOffer(
                party_id=party_id,
                order_number=one.holding.order_number,
                group=one.holding.group,
                rule=one.due.rule.code,
                version=one.due.rule.version,
                release=max(shop.pricing.snapshot.release, 0),
                lead=asdict(one.lead),
                made_at=now,
                until=now + timedelta(days=one.due.rule.days),
            )
            for one in ready
        ],
        ignore_conflicts=True,
    )


def _note_shown(rows: Sequence[NextOffer], *, shop: _Shop) -> None:
    actor = shop.context.actor
    new = [
        NextOfferImpression(
            offer=row,
            channel=shop.channel,
            on=shop.on,
            at=shop.pricing.at,
            actor_kind=actor.kind,
            actor_name=actor.name,
        )
        for row in rows
        if not row.today  # type: ignore[attr-defined]
    ]
    if new:
        NextOfferImpression.objects.bulk_create(new, ignore_conflicts=True)


def _locked(context: AccountContext, *, offer_id: int) -> NextOffer:
    own = NextOffer.objects.filter(party_id=context.party_id or 0)
    row = own.select_for_update().filter(pk=offer_id).first()
    if row is None:
        raise NotFound("There is no such offer.", code="unknown_next_offer")
    require_verified(context)
    return row


def _decide(row: NextOffer, state: OfferState, *, context: AccountContext) -> None:
    now = business_now()
    if row.state == OfferState.LAPSED or row.until <= now:
        raise RuleViolated("This offer is over.", code="offer_over")
    row.state, row.decided_at = state, now
    row.decided_channel = str(context.channel)
    row.decided_by_kind, row.decided_by = context.actor.kind, context.actor.name
    row.save()
