"""Small faults of the kind that people make, each planted in the engine of bills by itself.

`planted(...)` is a context: inside, the engine has the fault. A sample of lives must find each.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import date, timedelta
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Decimal
from typing import Any
from unittest.mock import patch

from catalogue.domain.model import Offering
from catalogue.domain.usage import Dimension, Rate, rates_of
from commerce.kernel import money, tax
from commerce.kernel.money import Money
from commerce.kernel.periods import Period, add_months
from commerce.kernel.tax import Basis, TaxPart
from commerce.markets.fr import termination
from commerce.markets.pack import CarrierCaps
from promotions.domain import benefits
from promotions.domain.benefits import Benefit
from promotions.domain.model import CustomerFacts
from subscriptions.domain import (
    carrier,
    changes,
    charges,
    cycles,
    dunning,
    invoice,
    leaving,
    rating,
    taking_over,
    terms,
)
from subscriptions.domain.carrier import Asked, Price, Rule
from subscriptions.domain.charges import AgreedCharge, DueLine, Span
from subscriptions.domain.invoice import BilledDays, DraftLine, RunningCharge, Totals
from subscriptions.domain.rating import Billed, Owing, Rated
from tests.proof.billing import engine

Patches = list[Any]


def _in(module: object, name: str, fault: object) -> Callable[[], Patches]:
    return lambda: [patch.object(module, name, fault)]


def _in_both(
    name: str, fault: Callable[..., Any], *, other: object = invoice
) -> Callable[[], Patches]:
    return lambda: [patch.object(module, name, fault) for module in (charges, other)]


_due_lines = charges.due_lines


def _thirty_days(charge: AgreedCharge, *, activation: date, span: Span) -> tuple[DueLine, ...]:
    whole = Period(span.whole.end - timedelta(days=30), span.whole.end)
    return _due_lines(charge, activation=activation, span=replace(span, whole=whole))


def _parts_are_whole(charge: AgreedCharge, *, activation: date, span: Span) -> tuple[DueLine, ...]:
    return _due_lines(charge, activation=activation, span=replace(span, period=span.whole))


def _without_benefits(charge: AgreedCharge, *, activation: date, span: Span) -> tuple[DueLine, ...]:
    return _due_lines(charge, activation=activation, span=span)[:1]


days_of = charges.days_of


def _a_month_more(
    benefit: Benefit, *, activation: date, cycle_day: int
) -> tuple[date, date | None]:
    longer = replace(benefit, periods=benefit.periods and benefit.periods + 1)
    return days_of(longer, activation=activation, cycle_day=cycle_day)


def _a_month_late(
    benefit: Benefit, *, activation: date, cycle_day: int
) -> tuple[date, date | None]:
    late = replace(benefit, first=benefit.first + 1)
    return days_of(late, activation=activation, cycle_day=cycle_day)


def _calendar_months(month: int, *, activation: date, cycle_day: int) -> date:
    return add_months(activation, month - 1)


_first_cycle_start = cycles.first_cycle_start


def _a_cycle_later(activation: date, *, cycle_day: int) -> date:
    return _first_cycle_start(activation + timedelta(days=1), cycle_day=cycle_day)


_taken = charges._taken


def _the_last_first(given: Sequence[Benefit], *, charge: AgreedCharge) -> dict[str, Money]:
    return _taken(given[::-1], charge=charge)


def _more_than_it_costs(self: Benefit, amount: Decimal) -> Decimal:
    match self.kind:
        case benefits.BenefitKind.PERCENT_OFF:
            return (amount * self.value / 100).quantize(money.CENT, "ROUND_HALF_UP")
        case benefits.BenefitKind.AMOUNT_OFF:
            return self.value
    return min(max(amount - self.value, Decimal(0)), amount)


def _a_price_is_raised(self: Benefit, amount: Decimal) -> Decimal:
    match self.kind:
        case benefits.BenefitKind.PERCENT_OFF:
            return (amount * self.value / 100).quantize(money.CENT, "ROUND_HALF_UP")
        case benefits.BenefitKind.AMOUNT_OFF:
            return min(self.value, amount)
    return amount - self.value


_due_in_period = charges.due_in_period


def _once_in_full(charge: AgreedCharge, *, period: int) -> tuple[DueLine, ...]:
    return _due_in_period(charge, period=period)[:1]


_totals = invoice.totals


def _tax_per_line(lines: Sequence[DraftLine], *, basis: Basis, currency: str) -> Totals:
    sums = [_totals([line], basis=basis, currency=currency) for line in lines]
    by_rate: dict[Decimal, TaxPart] = {}
    for part in (part for each in sums for part in each.parts):
        old = by_rate.get(part.rate, TaxPart(part.rate, *[Money.zero(currency)] * 3))
        by_rate[part.rate] = TaxPart(
            part.rate, old.net + part.net, old.tax + part.tax, old.gross + part.gross
        )
    return invoice._sums(tuple(by_rate.values()), currency=currency)


def _off_the_gross(rate: Decimal, amount: Money, *, basis: Basis) -> TaxPart:
    taken = (amount * rate / 100).rounded()
    if basis is Basis.TTC:
        return TaxPart(rate, amount - taken, taken, amount)
    return TaxPart(rate, amount, taken, amount + taken)


def _one_rate(lines: Iterable[DraftLine]) -> dict[Decimal, Money]:
    found: dict[Decimal, Money] = {}
    for line in lines:
        rate = Decimal(20)
        found[rate] = found.get(rate, Money.zero()) + line.due.amount
    return found


_used_of = changes.used_of


def _its_last_day_as_well(span: Span, *, until: date) -> Span | None:
    return _used_of(span, until=until + timedelta(days=1))


def _nothing_used(span: Span, *, until: date) -> Span | None:
    return span if span.period.end <= until else None


_credit = changes.credit


def _benefits_stay(used: Iterable[DueLine], *, billed: Iterable[DueLine]) -> tuple[DueLine, ...]:
    found = _credit(used, billed=billed)
    return tuple(replace(line, amount=line.amount * 0) if line.benefit else line for line in found)


def _nothing_back(charge: RunningCharge, billed: BilledDays) -> tuple[Period, Iterable[DraftLine]]:
    kept, lines = _repair(charge, billed)
    return kept, [
        replace(each, due=replace(each.due, amount=each.due.amount * 0)) for each in lines
    ]


_repair = invoice._repair
_bill_period = invoice.bill_period


def _a_cycle_more(start: date, *, cycle_day: int) -> Period:
    period = _bill_period(start, cycle_day=cycle_day)
    return Period(start, add_months(period.end, 1))


_unbilled = invoice._unbilled


def _on_and_on(charge: RunningCharge, *, period: Period) -> Iterable[Span]:
    return _unbilled(replace(charge, until=None), period=period)


_span_from = charges.span_from


def _due_every_month(
    start: date, *, activation: date, cycle_day: int, every_months: int = 1
) -> Span:
    return _span_from(start, activation=activation, cycle_day=cycle_day)


_net_in_period = charges.net_in_period


def _fee_of_the_list_price(charge: AgreedCharge, *, period: int) -> Money:
    return _net_in_period(replace(charge, benefits=()), period=period)


_owing = rating.owing


def _billed_again(
    rates: Iterable[Rated], *, billed: Mapping[tuple[int, str, date], Billed]
) -> tuple[Owing, ...]:
    return _owing(rates, billed={})


_month_days = rating.month_days


def _to_the_middle(month: date) -> Period:
    days = _month_days(month)
    return Period(days.start, days.start + timedelta(days=15))


def _a_year_is_365_days(day: date, *, taken_on: date) -> bool:
    return taken_on - day >= timedelta(days=365)


def _of_the_plan_alone(offerings: Sequence[Offering], **sold: Any) -> Mapping[Dimension, Rate]:
    return rates_of(offerings[:1], **sold)


_takes_effect = terms.takes_effect


def _cut_short(of: Iterable[AgreedCharge], *, since: date, cycle_day: int, from_on: date) -> date:
    without = [replace(charge, benefits=()) for charge in of]
    return _takes_effect(without, since=since, cycle_day=cycle_day, from_on=from_on)


def _on_the_day_itself(
    of: Iterable[AgreedCharge], *, since: date, cycle_day: int, from_on: date
) -> date:
    return from_on


_last_free_day = terms.last_free_day


def _until_it_begins(changed: Any, *, months: int, **asked: Any) -> date | None:
    return _last_free_day(changed, months=0, **asked)


def _who_knew_leaves_too(changed: Any, *, bound_since: date | None, **asked: Any) -> date | None:
    return _last_free_day(changed, **asked)


_remaining = taking_over.remaining


def _all_of_it_anew(charge: AgreedCharge, *, item: str, **began: Any) -> AgreedCharge:
    return replace(charge, item=item)


def _none_of_it(charge: AgreedCharge, *, item: str, **began: Any) -> AgreedCharge:
    return replace(_remaining(charge, item=item, **began), benefits=())


_contract_month = charges.contract_month


def _a_month_too_few(day: date, *, activation: date, cycle_day: int) -> int:
    return max(_contract_month(day, activation=activation, cycle_day=cycle_day) - 1, 1)


_refusal = carrier.refusal


def _each_line_its_own(asked: Asked, **known: Any) -> Rule | None:
    spent = known["spent"]
    return _refusal(asked, **{**known, "spent": replace(spent, together=spent.month)})


def _all_lines_together(asked: Asked, **known: Any) -> Rule | None:
    spent = known["spent"]
    return _refusal(asked, **{**known, "spent": replace(spent, month=spent.together)})


def _on_a_closed_line(asked: Asked, **known: Any) -> Rule | None:
    return _refusal(asked, **{**known, "line_open": True})


def _each_part_rounded(payment: Price, *, amount: Decimal, part: Decimal, **before: Any) -> Price:
    return Price((payment.net * part / amount).rounded(), (payment.gross * part / amount).rounded())


_price_of = carrier.price_of


def _the_tax_is_in_it(amount: Money, *, tax_included: bool, **said: Any) -> Price:
    return _price_of(amount, tax_included=True, **said)


def _one_by_one(
    before: Mapping[Decimal, Money], lines: Sequence[DraftLine], *, basis: Basis, currency: str
) -> Totals:
    return _totals(lines, basis=basis, currency=currency)


def _from_everybody(self: dunning.Policy, segment: str) -> Money | None:
    return self.late_fee.amount if self.late_fee else None


_facts = CustomerFacts.facts


def _counts_itself(self: CustomerFacts) -> dict[str, Any]:
    return {**_facts(self), "customer.lines": self.lines + 1}


_fee = termination.early_termination_fee


def _protected_like_a_person(instalments: Sequence[Money], **said: Any) -> Money:
    return _fee(instalments, **{**said, "business": False})


def _rate_one(found: Iterable[rating.Stretch], **said: Any) -> tuple[Rated, ...]:
    return tuple(each for part in found for each in _rated_together([part], **said))


_rated_together = rating.rated


def _the_last_carries_it(found: Iterable[rating.Stretch], **said: Any) -> tuple[Rated, ...]:
    parts = list(found)
    most = max((part.item for part in parts), default=0)
    turned = [replace(part, item=most - part.item) for part in parts]
    used = {(most - item, what): much for (item, what), much in said["used"].items()}
    rates = _rated_together(turned, **{**said, "used": used})
    return tuple(replace(each, item=most - each.item) for each in rates)


MUTANTS: Mapping[str, Callable[[], Patches]] = {
    "cents are rounded to even": _in(money, "ROUND_HALF_UP", ROUND_HALF_EVEN),
    "cents are cut off": _in(money, "ROUND_HALF_UP", ROUND_DOWN),
    "what a benefit takes off is cut to cents": _in(benefits, "ROUND_HALF_UP", ROUND_DOWN),
    "a cycle has thirty days": _in(invoice, "due_lines", _thirty_days),
    "a part of a cycle is paid for in full": _in(invoice, "due_lines", _parts_are_whole),
    "benefits are not billed": _in(invoice, "due_lines", _without_benefits),
    "a benefit lasts a month more": _in(charges, "days_of", _a_month_more),
    "a benefit begins a month late": _in(charges, "days_of", _a_month_late),
    "months of the 31st are calendar months": _in(charges, "month_start", _calendar_months),
    "who starts on the cycle day waits for the next": _in_both(
        "first_cycle_start", _a_cycle_later, other=cycles
    ),
    "the last benefit comes first": _in(charges, "_taken", _the_last_first),
    "an amount off goes below nothing": _in(Benefit, "taken_off", _more_than_it_costs),
    "a fixed price may be a higher one": _in(Benefit, "taken_off", _a_price_is_raised),
    "what is due once has no benefits": _in(invoice, "due_in_period", _once_in_full),
    "tax is rounded per line": _in(engine, "totals", _tax_per_line),
    "tax is taken off the price with tax": _in(tax, "_part", _off_the_gross),
    "everything is taxed at one rate": _in(invoice, "_by_rate", _one_rate),
    "the day of the change is paid for": _in(invoice, "used_of", _its_last_day_as_well),
    "days used before an end are free": _in(invoice, "used_of", _nothing_used),
    "a repair takes no benefit back": _in(invoice, "credit", _benefits_stay),
    "nothing comes back of days billed": _in(invoice, "_repair", _nothing_back),
    "a bill takes in a cycle more": _in(engine, "bill_period", _a_cycle_more),
    "what has ended is billed on": _in(invoice, "_unbilled", _on_and_on),
    "what is due every three months is due each month": _in_both("span_from", _due_every_month),
    "the fee for leaving knows no benefits": _in(leaving, "net_in_period", _fee_of_the_list_price),
    "a unit of use that was only started is free": _in(rating, "ROUND_CEILING", ROUND_DOWN),
    "late use has all of its month billed again": _in(rating, "owing", _billed_again),
    "use is billed in the middle of its month": _in(rating, "month_days", _to_the_middle),
    "use a year ago to the day is barred": _in(rating, "is_barred", _a_year_is_365_days),
    "an option adds nothing to what is included": _in(rating, "rates_of", _of_the_plan_alone),
    "each plan of a pool is rated alone": _in(rating, "rated", _rate_one),
    "the newest line of a pool is billed": _in(rating, "rated", _the_last_carries_it),
    "what we change cuts short what was given": _in(terms, "takes_effect", _cut_short),
    "what we change is billed by days": _in(terms, "takes_effect", _on_the_day_itself),
    "a change is refused until it begins": _in(terms, "last_free_day", _until_it_begins),
    "who knew of a change leaves freely": _in(terms, "last_free_day", _who_knew_leaves_too),
    "another holder begins advantages anew": _in(taking_over, "remaining", _all_of_it_anew),
    "another holder loses advantages": _in(taking_over, "remaining", _none_of_it),
    "a line leaves a month too early": _in(charges, "contract_month", _a_month_too_few),
    "old contracts have the law of 2023": _in(
        termination, "SHARES", (replace(termination.SHARES[0], since=date.min),)
    ),
    "a firm leaves like a person": _in(engine, "early_termination_fee", _protected_like_a_person),
    "a line ordered counts itself": _in(CustomerFacts, "facts", _counts_itself),
    "exactly 50 EUR is too much": _in(
        engine, "CARRIER_CAPS", CarrierCaps(Money.of("49.99"), Money.of(300))
    ),
    "each line of a person has its 300 EUR": _in(carrier, "refusal", _each_line_its_own),
    "one line's limit counts the others": _in(carrier, "refusal", _all_lines_together),
    "a line that stands still may buy": _in(carrier, "refusal", _on_a_closed_line),
    "parts that go back are rounded alone": _in(carrier, "refunded", _each_part_rounded),
    "a merchant's price has its tax already": _in(carrier, "price_of", _the_tax_is_in_it),
    "credit notes are taxed one by one": _in(engine, "totals_after", _one_by_one),
    "persons pay for late bills": _in(dunning.Policy, "fee_in", _from_everybody),
}


@contextmanager
def planted(name: str) -> Iterator[None]:
    """The engine with the fault `name`."""
    with ExitStack() as stack:
        for each in MUTANTS[name]():
            stack.enter_context(each)
        yield
