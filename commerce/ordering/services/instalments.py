"""A device that is paid in parts: what is offered, who may, and what is agreed with the order."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from django.conf import settings
from django.utils.module_loading import import_string

from catalogue.domain.model import Kind, Segment, Snapshot
from commerce.accounts.identity import AccountContext
from commerce.kernel.clock import business_now
from commerce.kernel.codec import to_plain
from commerce.kernel.errors import InvalidInput, RuleViolated
from commerce.kernel.money import Money, allocate, total
from commerce.kernel.sentences import Sentence
from commerce.markets.pack import AtEnd, CreditTerms, market
from commerce.ordering.domain.credit import REFUSALS, Answer, Applicant, CreditRule
from commerce.ordering.domain.instalments import BillDays, Choice, Choices, coming_parts
from commerce.ordering.domain.quote import Quote
from commerce.ordering.domain.states import GIVEN_UP
from commerce.ordering.models import CreditDecision, Order
from commerce.ordering.services.access import find_cart, items_of
from commerce.ordering.services.pricing import cart_value, pricing_of, quote_of
from subscriptions.accounts.selectors import account_view
from subscriptions.accounts.services.accounts import basis_of, payment_days_for
from subscriptions.collection.instalments import conduct_of, plans_of
from subscriptions.collection.services import instalments
from subscriptions.domain.instalments import PlanView, split
from subscriptions.domain.invoice import one_off_lines, totals

OWN_BILLING = "orchestration.adapters.local_billing.LocalBilling"
"""Parts are kept by our own billing alone; an external biller would ask for all at once."""


@dataclass(frozen=True, slots=True)
class InParts:
    """How the price of the devices of a quote is split: `amounts` with today's first, `lines` how
    much of each line's price is put off; with what the decision was made."""

    amounts: tuple[Money, ...]
    lines: Mapping[str, Money]
    longest_days: int | None
    at_end: AtEnd
    applicant: Applicant
    answer: Answer

    @property
    def deferred(self) -> Money:
        return total(self.amounts[1:])


def choices_of(context: AccountContext, *, code: str) -> Choices:
    """What may be chosen for the cart as it is now. The order decides anew.

    Raises:
        NotFound: `unknown_cart`.
    """
    cart = find_cart(context, code=code)
    value = cart_value(cart, items_of(cart))
    try:
        terms_for(value.segment)
    except RuleViolated as refusal:
        return Choices((), refusal.code, refusal.message)
    pricing = pricing_of(cart)
    return choices_for(
        quote_of(value, pricing=pricing, cart=cart),
        segment=value.segment,
        party_id=cart.party_id or context.party_id,
        snapshot=pricing.snapshot,
    )


def choices_for(
    quote: Quote, *, segment: Segment, party_id: int | None, snapshot: Snapshot
) -> Choices:
    """In how many parts the devices of the quote may be paid, with the days of the parts."""
    try:
        found = tuple(
            choice_for(parts, quote=quote, segment=segment, party_id=party_id, snapshot=snapshot)
            for parts in terms_for(segment).parts
        )
    except RuleViolated as refusal:
        return Choices((), refusal.code, refusal.message)
    return Choices(found)


def choice_for(
    parts: int, *, quote: Quote, segment: Segment, party_id: int | None, snapshot: Snapshot
) -> Choice:
    """Raises as `in_parts`."""
    agreed = in_parts(parts, quote=quote, segment=segment, party_id=party_id, snapshot=snapshot)
    return Choice(
        parts=parts,
        amounts=agreed.amounts,
        later=coming_parts(
            agreed.amounts,
            quote=quote,
            account=_bill_days(party_id, segment=segment),
            longest_days=agreed.longest_days,
        ),
        due_now=quote.due_today_gross - agreed.deferred,
    )


def agreed_choice(plan: PlanView, *, quote: Quote, party_id: int, segment: Segment) -> Choice:
    """What was agreed with an order, on the days that its bill says, or while there is none on
    those of its quote."""
    amounts = (plan.first, *plan.amounts)
    later = coming_parts(
        amounts,
        quote=quote,
        account=_bill_days(party_id, segment=segment),
        longest_days=plan.longest_days,
    )
    days = {each.part.number: each.part.due_on for each in plan.later}
    later = tuple(replace(part, due_on=days.get(part.number, part.due_on)) for part in later)
    due_now = quote.due_today_gross - total(plan.amounts)
    return Choice(parts=plan.parts, amounts=amounts, later=later, due_now=due_now)


def is_offered(segment: Segment) -> bool:
    """Whether anybody in the segment may pay devices in parts; asks no table."""
    try:
        terms_for(segment)
    except RuleViolated:
        return False
    return True


def in_parts(
    parts: int,
    *,
    quote: Quote,
    segment: Segment,
    party_id: int | None,
    snapshot: Snapshot,
) -> InParts:
    """The devices of the quote in so many parts.

    Raises:
        RuleViolated: `instalments_off`: not in this segment, with the reason; `nothing_in_parts`:
            no device that is bought with a plan; `too_little_for_parts`, with the `least`;
            `instalments_refused`, with the rule's `reason`.
        InvalidInput: `instalments_parts`: another number of parts, with those that are `offered`.
    """
    terms = terms_for(segment)
    prices = _devices(quote, segment=segment, snapshot=snapshot)
    amount = total(prices.values())
    if not amount:
        raise RuleViolated(
            Sentence("Only a phone that is bought with a plan can be paid in parts."),
            code="nothing_in_parts",
        )
    if amount < terms.least:
        raise RuleViolated(
            Sentence("Paying in parts begins at %(least)s.", least=str(terms.least)),
            code="too_little_for_parts",
            least=str(terms.least),
        )
    if parts not in terms.parts:
        raise InvalidInput(
            Sentence("Choose one of the numbers of parts that are offered."),
            code="instalments_parts",
            field="instalments",
            offered=list(terms.parts),
        )
    applicant = _applicant(party_id, amount=amount)
    answer = _rule().answer(applicant)
    if answer.refused:
        raise RuleViolated(
            REFUSALS.get(answer.refused, Sentence("Please pay the whole price today.")),
            code="instalments_refused",
            reason=answer.refused,
        )
    share = terms.cautious_share if answer.cautious else terms.first_share
    amounts = split(amount, parts=parts, first_share=share)
    weights = [price.amount for price in prices.values()]
    shares = allocate(total(amounts[1:]), weights=weights)
    lines = {line: each for line, each in zip(prices, shares, strict=True) if each}
    return InParts(amounts, lines, terms.longest_days, terms.at_end, applicant, answer)


def terms_for(segment: Segment) -> CreditTerms:
    """Raises RuleViolated `instalments_off`: the reason is its sentence."""
    rules = market(settings.MARKET).credit_rules()
    if segment in rules.closed:
        raise RuleViolated(rules.closed[segment], code="instalments_off")
    ours = settings.ADAPTERS["billing"] == OWN_BILLING
    on = segment in rules.by_default or segment in settings.INSTALMENTS_FOR
    if not (ours and on and segment in rules.terms):
        raise RuleViolated(Sentence("We do not sell devices in parts."), code="instalments_off")
    return rules.terms[segment]


def store(order: Order, agreed: InParts) -> None:
    """What is agreed, and why it was, in the transaction of the order."""
    instalments.agree(
        order_number=order.number,
        party_id=order.party_id,
        amounts=agreed.amounts,
        lines=agreed.lines,
        longest_days=agreed.longest_days,
        at_end=agreed.at_end,
    )
    CreditDecision.objects.create(
        order=order,
        rule=agreed.answer.rule,
        cautious=agreed.answer.cautious,
        facts=to_plain(agreed.applicant),
        decided_at=business_now(),
    )


def _bill_days(party_id: int | None, *, segment: Segment) -> BillDays:
    account = account_view(party_id) if party_id is not None else None
    if account is None:
        return BillDays(None, payment_days_for(segment))
    return BillDays(account.cycle_day, account.payment_days)


def _devices(quote: Quote, *, segment: Segment, snapshot: Snapshot) -> Mapping[str, Money]:
    """What is due today for each device that is bought with a plan, tax included."""
    kinds = {line.id: snapshot.offering(line.offering).kind for line in quote.lines}
    with_plan = {line.group for line in quote.lines if kinds[line.id] is Kind.PLAN and line.group}
    found = {}
    for line in quote.lines:
        if kinds[line.id] is not Kind.HANDSET or line.group not in with_plan:
            continue
        drafts = one_off_lines(
            line.charges,
            order_number="",
            group=line.group,
            tax_rates=snapshot.tax_rates,
            names={},
            benefit_names={},
        )
        gross = totals(drafts, basis=basis_of(segment), currency=quote.currency).gross
        if gross.amount > 0:
            found[line.id] = gross
    return found


def _applicant(party_id: int | None, *, amount: Money) -> Applicant:
    zero = Money(Decimal(0), amount.currency)
    if party_id is None:
        return Applicant(frozenset(), overdue=False, running=0, left=zero, amount=amount)
    conduct, plans = conduct_of(party_id), plans_of(party_id)
    waiting = [plan.order_number for plan in plans if not plan.bill]
    over = set(
        Order.objects.filter(number__in=waiting, state__in=GIVEN_UP).values_list(
            "number", flat=True
        )
    )
    running = [plan for plan in plans if plan.is_open and plan.order_number not in over]
    return Applicant(
        marks=conduct.marks,
        overdue=conduct.overdue,
        running=len(running),
        left=total((plan.left for plan in running), currency=amount.currency),
        amount=amount,
    )


def _rule() -> CreditRule:
    made: CreditRule = import_string(settings.ADAPTERS["credit"])()
    return made
