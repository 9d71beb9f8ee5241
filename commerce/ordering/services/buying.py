"""What a change buys for a running line: by a journey, or as another SIM or number."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from catalogue.domain.model import Kind, Refusal, Snapshot
from commerce.accounts.identity import AccountContext
from commerce.kernel.errors import InvalidInput, RuleViolated
from commerce.ordering.domain.adapting import unfitting
from commerce.ordering.domain.cart import CartValue
from commerce.ordering.domain.changes import JOURNEYS, ChangeRequest
from commerce.ordering.domain.drafts import Draft as JourneyDraft
from commerce.ordering.domain.quote import Quote
from commerce.ordering.journey import open_draft
from commerce.ordering.services.changed_line import REMOVABLE, kind_of, segment_of
from commerce.ordering.services.pricing import Pricing, priced, pricing_now
from commerce.ordering.services.replacing import value_of
from commerce.ordering.services.writing import CHANGE_GROUP
from promotions.domain.model import CustomerFacts
from subscriptions.domain.states import APART, ChangeKind, SubscriptionStatus
from subscriptions.domain.views import ItemView, SubscriptionView


@dataclass(frozen=True, slots=True)
class Bought:
    """What is bought, with the new commitment in months (0: none) and the items of the line that do
    not go with it."""

    value: CartValue
    quote: Quote
    pricing: Pricing
    term: int = 0
    unfit: Mapping[int, Refusal] = field(default_factory=dict)


def bought_with(
    context: AccountContext,
    contract: SubscriptionView,
    items: tuple[ItemView, ...],
    request: ChangeRequest,
) -> Bought:
    if request.kind in JOURNEYS:
        return _bought(context, contract, items, request)
    pricing, segment, channel = pricing_now(), segment_of(contract), str(context.channel)
    value = CartValue(code="", lines=(), segment=segment, channel=channel)
    if request.kind in APART:
        catalogue = pricing.snapshot
        present = [
            catalogue.offerings[item.offering]
            for item in items
            if item.offering in catalogue.offerings
        ]
        value = value_of(
            request, present=present, pricing=pricing, segment=segment, channel=channel
        )
    return Bought(value, priced(value, pricing=pricing, customer=CustomerFacts()), pricing)


def _bought(
    context: AccountContext,
    contract: SubscriptionView,
    items: tuple[ItemView, ...],
    request: ChangeRequest,
) -> Bought:
    """What a journey's draft adds to the line; it must be whole and go together."""
    if contract.status == SubscriptionStatus.SUSPENDED:
        raise RuleViolated(
            "This line stands still; let it go on before you change it.", code="line_suspended"
        )
    opened = open_draft(
        context,
        entry=JOURNEYS[request.kind],
        draft=JourneyDraft(request.choices, request.term),
        line=contract.id,
        segment=segment_of(contract),
    )
    view = opened.view()
    if view.missing or not view.laid.cart.lines:
        raise InvalidInput(
            "Choose something first.", code="nothing_chosen", field="choices", roles=view.missing
        )
    if view.conflict is not None:
        said = view.conflict.message
        raise RuleViolated(said.in_("en"), code=view.conflict.code, sentences=said.by_language)
    if view.standing is not None:
        raise RuleViolated(view.standing.message.in_("en"), code=view.standing.code)
    _check_sold(view.laid.cart, pricing=opened.pricing)
    catalogue = opened.pricing.snapshot
    _check_new(view.laid.cart, items, kind=request.kind, catalogue=catalogue)
    value, quote = opened.in_group(CHANGE_GROUP)
    if request.kind is not ChangeKind.PLAN:
        term = view.laid.term if request.kind is ChangeKind.RENEW else 0
        return Bought(value, quote, opened.pricing, term)
    present = {item.id: item.offering for item in items if kind_of(item, catalogue) in REMOVABLE}
    unfit = unfitting(view.laid.ground, view.laid.cart.lines, present)
    return Bought(value, quote, opened.pricing, unfit=unfit)


def _check_sold(value: CartValue, *, pricing: Pricing) -> None:
    for line in value.lines:
        offering = pricing.snapshot.offering(line.offering)
        if not offering.sellable(segment=value.segment, channel=value.channel, at=pricing.at):
            raise RuleViolated(
                f"{offering.name.in_('en')} is not sold here (any more).",
                code="not_sold",
                offering=offering.code,
            )


def _check_new(
    value: CartValue, items: tuple[ItemView, ...], *, kind: ChangeKind, catalogue: Snapshot
) -> None:
    """An option or a service stands on a line once; twice it would be billed twice."""
    present = {item.offering for item in items}
    once = REMOVABLE | {Kind.PLAN} if kind is ChangeKind.PLAN else REMOVABLE
    for line in value.lines:
        offering = catalogue.offering(line.offering)
        if offering.kind in once and line.offering in present:
            raise RuleViolated(
                f"{offering.name.in_('en')} is on this line already.",
                code="already_there",
                offering=offering.code,
            )


def replaced_items(
    value: CartValue, items: tuple[ItemView, ...], *, catalogue: Snapshot
) -> Mapping[str, int]:
    """A plan or a SIM takes the place of what the line has; what else is chosen is added."""
    present = {kind_of(item, catalogue): item.id for item in reversed(items)}
    return {
        line.id: present[kind]
        for line in value.lines
        for kind in (Kind.PLAN, Kind.SIM)
        if line.role == kind and kind in present
    }
