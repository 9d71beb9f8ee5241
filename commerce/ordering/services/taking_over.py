"""Somebody takes a line over: he sees what he takes on, and accepts it by an order of his own."""

from dataclasses import dataclass, replace
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from catalogue.domain.model import Kind, Segment, Snapshot, Text
from commerce.accounts import selectors as accounts
from commerce.accounts.identity import AccountContext
from commerce.accounts.kinds import Role
from commerce.accounts.services.consents import record_consent
from commerce.kernel.clock import business_now, business_today
from commerce.kernel.errors import Forbidden, NotFound, RuleViolated
from commerce.kernel.links import token_digest
from commerce.ordering.domain.cart import CartValue
from commerce.ordering.domain.changes import ChangeRequest
from commerce.ordering.domain.consents import OrderConsents, check_consents
from commerce.ordering.domain.holder import (
    TAKEN_OVER,
    TEXT_VERSION,
    Bill,
    HolderState,
    TakeOver,
)
from commerce.ordering.domain.states import ItemAction, OrderState
from commerce.ordering.models import HolderChange, Order
from commerce.ordering.services.changed_line import (
    check_may,
    has_recipe,
    kind_of,
    known_of,
    segment_of,
    touch,
)
from commerce.ordering.services.line_discounts import as_taken_over
from commerce.ordering.services.open_changes import change_under_way, take_turns
from commerce.ordering.services.passing_on import check_can_go, move
from commerce.ordering.services.place import PlacedOrder, placed, purchase_order_of, written
from commerce.ordering.services.pricing import Pricing, priced, pricing_now
from commerce.ordering.services.terminating import was_subsidised
from commerce.ordering.services.writing import Amendment, Buyer, Draft, Touched
from promotions.domain.model import CustomerFacts
from subscriptions.contracts.selectors import subscription_view
from subscriptions.contracts.services.asking import is_asked_about
from subscriptions.contracts.taking_over import charges_left, first_bills, next_month_start
from subscriptions.domain.charges import AgreedCharge
from subscriptions.domain.states import ChangeKind
from subscriptions.domain.views import ItemView, SubscriptionView
from subscriptions.dunning.selectors import owes_overdue

_PERSONAL = frozenset({Kind.CONTENT})
"""Its partner knows the one who had it by name."""
_THINGS = frozenset({Kind.HANDSET, Kind.ACCESSORY})
_REQUEST = ChangeRequest(ChangeKind.HOLDER)


@dataclass(frozen=True, slots=True)
class _Prepared:
    contract: SubscriptionView
    goes: tuple[ItemView, ...]
    ends: tuple[ItemView, ...]
    pricing: Pricing
    shown: TakeOver


def take_over_of(token: str, *, party_id: int | None = None) -> TakeOver:
    """What the link offers; `party_id` is who looks at it, if that is known.

    Raises:
        NotFound: `unknown_link`: there is no such offer, or it is over.
        RuleViolated: as `passing_on.check_can_go`: the line can't go at present.
    """
    return _prepare(_asked(token), party_id=party_id).shown


@transaction.atomic
def take_over(
    context: AccountContext,
    *,
    token: str,
    digest: str,
    consents: OrderConsents,
    purchase_order: str = "",
) -> PlacedOrder:
    """The line will be the actor's from the day that he was shown; `digest` is of what he saw.

    It is an order of his; a firm's has its `purchase_order`. May be repeated. What he takes on is a
    contract that runs, so that he has no days to withdraw from it (articles 1216 to 1216-3 of the
    civil code).

    Raises:
        NotFound: `unknown_link`. Forbidden: `viewer`, `members_only`.
        InvalidInput: `purchase_order_missing`.
        RuleViolated: as `take_over_of`, and `own_line`; `other_segment`: a consumer's line goes to
            a consumer, a firm's to a firm; `bills_overdue`: of the actor; `terms_not_accepted`,
            `contract_summary_not_confirmed`; `offer_changed`: it is not what he saw.
    """
    if context.party_id is None or context.role is Role.AGENT:
        raise Forbidden("Sign in to take the line over.", code="customers_only")
    done = _accepted_by(context.party_id, token)
    if done is not None:
        return placed(done)
    row = _asked(token)
    take_turns(row.subject)
    row = _asked(token, lock=True)
    found = _prepare(row, party_id=context.party_id)
    _check_taker(context, row, found)
    check_consents(consents, consumer=not found.shown.business)
    if digest != found.shown.digest():
        raise RuleViolated(
            "The offer has changed since you saw it. Please look at it again.",
            code="offer_changed",
        )
    draft = replace(
        _draft(context, found, consents),
        purchase_order=purchase_order_of(purchase_order, consumer=not found.shown.business),
    )
    try:
        with transaction.atomic():
            order = written(draft, context=context)
    except IntegrityError as clash:
        if "one_open_change" in str(clash):
            raise change_under_way("") from clash
        raise
    record_consent(
        context=context,
        purpose=TAKEN_OVER,
        text_version=TEXT_VERSION,
        reference=order.number,
        party_id=context.party_id,
    )
    row.order, row.on = order, found.shown.on
    move(row, HolderState.ACCEPTED, context=context)
    return placed(order)


@transaction.atomic
def decline(context: AccountContext, *, token: str) -> None:
    """He does not want it; the line stays where it is. Raises NotFound: `unknown_link`."""
    move(_asked(token, lock=True), HolderState.DECLINED, context=context)


def _asked(token: str, *, lock: bool = False) -> HolderChange:
    rows: QuerySet[HolderChange] = HolderChange.objects.filter(
        state=HolderState.ASKED, until__gt=business_now()
    )
    if lock:
        rows = rows.select_for_update()
    found = rows.filter(digest=token_digest(token)).first() if token else None
    if found is None:
        raise NotFound("This link is not valid (any more).", code="unknown_link")
    return found


def _accepted_by(party_id: int, token: str) -> Order | None:
    rows = Order.objects.filter(holder_change__digest=token_digest(token), party=party_id)
    return rows.first()


def _check_taker(context: AccountContext, row: HolderChange, found: _Prepared) -> None:
    assert context.party_id is not None
    if row.party_id == context.party_id:
        raise RuleViolated("This line is yours already.", code="own_line")
    if str(accounts.party(context.party_id).segment) != segment_of(found.contract):
        raise RuleViolated(
            "A person's line goes to a person, a firm's to a firm.", code="other_segment"
        )
    check_may(context, consumer=not found.shown.business)
    if owes_overdue(context.party_id, today=business_today()):
        raise RuleViolated("There are unpaid bills; please pay them first.", code="bills_overdue")


def _prepare(row: HolderChange, *, party_id: int | None) -> _Prepared:
    pricing, today = pricing_now(), business_today()
    contract = subscription_view(row.party_id, row.subject)
    plan = check_can_go(contract, catalogue=pricing.snapshot)
    kinds = {item.id: kind_of(item, pricing.snapshot) for item in contract.items}
    items = [item for item in contract.items_on(today) if kinds[item.id] not in _THINGS]
    goes = tuple(item for item in items if kinds[item.id] not in _PERSONAL)
    ends = tuple(item for item in items if kinds[item.id] in _PERSONAL)
    eve = row.on - timedelta(days=1) if row.on is not None else today
    on = next_month_start(contract.id, item_id=plan.id, after=max(eve, today))
    charges = as_taken_over(
        goes,
        charges_left(contract.id, lines={item.id: _line(item) for item in goes}, on=on),
        party_id=party_id,
        pricing=pricing,
    )
    bills = first_bills(
        [charge for each in charges.values() for charge in each],
        tax_rates=pricing.snapshot.tax_rates,
        party_id=party_id,
        on=on,
        asked={
            _line(item)
            for item in goes
            if is_asked_about(kinds[item.id], segment=segment_of(contract))
        },
    )
    bound = contract.commitment_ends_on
    shown = TakeOver(
        msisdn=contract.msisdn,
        giver=accounts.party(row.party_id).name,
        business=segment_of(contract) is Segment.BUSINESS,
        on=on,
        names={item.id: Text(item.names) for item in goes},
        charges=charges,
        ends=tuple(Text(item.names) for item in ends),
        bound_until=bound if bound is not None and bound > on else None,
        bills=tuple(Bill(day, amount) for day, amount in bills),
        until=row.until,
    )
    return _Prepared(contract, goes, ends, pricing, shown)


def _line(item: ItemView) -> str:
    return f"{ItemAction.MODIFY}-{item.id}"


def _draft(context: AccountContext, found: _Prepared, consents: OrderConsents) -> Draft:
    assert context.party_id is not None
    pricing, contract = found.pricing, found.contract
    reach = accounts.reach(context.party_id)
    value = CartValue(code="", lines=(), segment=segment_of(contract), channel=str(context.channel))
    return Draft(
        buyer=Buyer(context.party_id, reach.email, reach.phone, reach.language),
        value=value,
        quote=priced(value, pricing=pricing, customer=CustomerFacts()),
        pricing=pricing,
        state=OrderState.ACCEPTED,
        consents=consents,
        membership_id=context.membership_id,
        amendment=Amendment(
            kind=ChangeKind.HOLDER,
            subscription_id=contract.id,
            facts=known_of(_REQUEST, contract, found.goes, catalogue=pricing.snapshot),
            config={
                "change": str(ChangeKind.HOLDER),
                "effective_on": found.shown.on.isoformat(),
            },
            touched=_touched(found),
            not_before=found.shown.on,
            months=contract.commitment_months,
        ),
    )


def _touched(found: _Prepared) -> tuple[Touched, ...]:
    """What goes on, the line first; and the services whose partner hears of their end."""
    catalogue = found.pricing.snapshot
    on = sorted(found.goes, key=lambda item: kind_of(item, catalogue) is not Kind.PLAN)
    subsidised = was_subsidised(found.contract, found.contract.items, pricing=found.pricing)
    return (
        *(
            _goes_on(item, found.shown.charges[item.id], subsidised=subsidised, catalogue=catalogue)
            for item in on
        ),
        *(
            touch(item, ItemAction.DELETE, catalogue=catalogue)
            for item in found.ends
            if has_recipe(item, kind=ChangeKind.HOLDER, catalogue=catalogue)
        ),
    )


def _goes_on(
    item: ItemView, charges: tuple[AgreedCharge, ...], *, subsidised: bool, catalogue: Snapshot
) -> Touched:
    touched = touch(item, ItemAction.MODIFY, catalogue=catalogue)
    facts = dict(touched.facts)
    if subsidised and kind_of(item, catalogue) is Kind.PLAN:
        facts["subsidised"] = "yes"
    return replace(touched, charges=charges, facts=facts)
