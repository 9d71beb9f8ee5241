"""Small faults of the kind that people make, each planted in the engine by itself.

`planted(...)` is a context: inside, the engine has the fault. The sample of the oracle must find
every one of them.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Decimal
from typing import Any
from unittest.mock import patch

from catalogue.domain.model import Charge, Offering
from commerce.kernel.money import Money
from commerce.kernel.periods import Period
from commerce.kernel.tax import Basis, TaxPart, tax_parts
from commerce.ordering.domain import facts, judging, quote, schedule
from promotions.domain import benefits, choosing, compiler, evaluate, granting
from promotions.domain.benefits import Benefit
from promotions.domain.model import FreeItem, Pick, Promotion
from subscriptions.domain import charges

Patches = list[Any]


def _benefits_round(rounding: str) -> Patches:
    return [patch.object(benefits, "ROUND_HALF_UP", rounding)]


def _benefit_method(name: str, fault: Callable[..., Any]) -> Patches:
    return [patch.object(Benefit, name, fault)]


def _a_period_more(self: Benefit, period: int) -> bool:
    return self.first <= period and (self.periods is None or period <= self.first + self.periods)


def _a_period_late(self: Benefit, period: int) -> bool:
    since = self.first + 1
    return period >= since and (self.periods is None or period < since + self.periods)


def _tax_per_line() -> Patches:
    def per_line(agreed: Any, *, rates: Mapping[str, Decimal], basis: Basis) -> tuple[TaxPart, ...]:
        found: dict[Decimal, TaxPart] = {}
        for charge in agreed:
            if charge.recurring:
                continue
            rate = rates[charge.tax_class]
            (part,) = tax_parts({rate: charges.net_in_period(charge, period=0)}, basis=basis)
            old = found.get(rate, TaxPart(rate, Money.zero(), Money.zero(), Money.zero()))
            found[rate] = TaxPart(
                rate, old.net + part.net, old.tax + part.tax, old.gross + part.gross
            )
        return tuple(found[rate] for rate in sorted(found, reverse=True))

    return [patch.object(quote, "_tax_today", per_line)]


def _tax_on_top_for_everybody() -> Patches:
    def on_top(by_rate: Mapping[Decimal, Money], *, basis: Basis) -> tuple[TaxPart, ...]:
        return tax_parts(by_rate, basis=Basis.HT)

    return [patch.object(quote, "tax_parts", on_top)]


def _priority_upside_down() -> Patches:
    return [patch.object(Promotion, "slug", property(lambda p: (p.priority, p.code)))]


def _first_of_a_group_wins() -> Patches:
    def found(offers: Any, *, months: int) -> Any:
        by_group = {o.promotion.group: o for o in sorted(offers, key=lambda o: o.promotion.slug)}
        return choosing.best(list(by_group.values()), months=months)

    return [patch.object(evaluate, "best", found)]


def _saving_over_one_year_only() -> Patches:
    real = choosing.best
    return [patch.object(evaluate, "best", lambda offers, *, months: real(offers, months=12))]


def _exclusive_is_not_looked_at() -> Patches:
    return [
        patch.object(choosing, "_clash", lambda *_: False),
    ]


def _amount_conditions_without_quantity() -> Patches:
    def once(self: judging.ListPriced) -> Decimal:
        kinds = [c.amount.amount for c in self.charges if c.kind == "one_off"]
        return sum(kinds, Decimal(0))

    return [patch.object(judging.ListPriced, "list_today", property(once))]


def _amount_conditions_after_promotions() -> Patches:
    """Thresholds see what is left when the promotions without thresholds were taken off."""
    real = quote.quote

    def after(cart: Any, *, promotions: Any, **more: Any) -> Any:
        plain = [p for p in promotions.promotions.values() if not _asks_amount(p)]
        cheaper = real(cart, promotions=compiler.index_promotions(plain), **more)

        def seen(*args: Any, **kwargs: Any) -> Any:
            return {
                **judging.cart_facts(*args, **kwargs),
                "cart.list_today": cheaper.due_today.amount,
            }

        with patch.object(quote, "cart_facts", seen):
            return real(cart, promotions=promotions, **more)

    return [patch.object(quote, "quote", after)]


def _asks_amount(promotion: Promotion) -> bool:
    return any(test.name == "cart.list_today" for test in compiler.tests_of(promotion.when))


def _free_item_takes_the_dearest() -> Patches:
    real = granting._given

    def given(item: FreeItem, *, unit: Any) -> Iterator[granting.Hit]:
        return real(replace(item, pick=Pick.DEAREST), unit=unit)

    return [patch.object(granting, "_given", given)]


def _free_item_counts_one_set_only() -> Patches:
    real = granting._given

    def given(item: FreeItem, *, unit: Any) -> Iterator[granting.Hit]:
        return real(replace(item, most=min(item.most or item.free, item.free)), unit=unit)

    return [patch.object(granting, "_given", given)]


def _the_first_share_gets_the_rest() -> Patches:
    def shared(amount: Money, *, weights: Any) -> tuple[Money, ...]:
        whole = sum(weights)
        cents = [int(amount.cents * weight / whole) for weight in weights]
        cents[0] += amount.cents - sum(cents)
        return tuple(map(Money.from_cents, cents))

    return [patch.object(granting, "allocate", shared)]


def _month_of_thirty_days() -> Patches:
    def thirty(self: Period) -> int:
        days = (self.end - self.start).days
        return 30 if 28 <= days <= 31 else days

    return [patch.object(Period, "days", property(thirty))]


def _bill_day_drifts() -> Patches:
    return [
        patch.object(quote, "cycle_day_for", lambda day: max(1, min(day.day, 28) - 1)),
        patch.object(charges, "cycle_day_for", lambda day: max(1, min(day.day, 28) - 1)),
    ]


def _benefit_ends_with_the_bill() -> Patches:
    """On a joined account a month that ends inside a bill is given to the bill's end."""
    real = charges._cuts

    def uncut(agreed: Any, *, activation: date, span: Any) -> Any:
        days = sum(n for n, _ in real(agreed, activation=activation, span=span))
        first = next(iter(real(agreed, activation=activation, span=span)))
        yield days, first[1]

    return [patch.object(charges, "_cuts", uncut)]


def _every_n_months_is_every_month() -> Patches:
    def each(amount: Decimal, *, every: int = 1, **more: Any) -> Decimal:
        return benefits.cost_over(amount, every=1, **more)

    return [patch.object(schedule, "cost_over", each)]


def _the_term_is_ignored() -> Patches:
    real = Offering.charges_for

    def without(self: Offering, *, term: int, **more: Any) -> Any:
        return real(self, term=0, **more)

    return [patch.object(Offering, "charges_for", without)]


def _prices_have_no_dates() -> Patches:
    real = Charge.applies

    def ever(self: Charge, **more: Any) -> bool:
        return real(replace(self, valid_from=None, valid_until=None), **more)

    return [patch.object(Charge, "applies", ever)]


def _rounded_per_line_not_per_piece() -> Patches:
    real = benefits.after

    def at_once(amount: Decimal, *, benefits: Any, quantity: int = 1) -> Decimal:
        return real(amount * quantity, benefits=benefits, quantity=1)

    return [
        patch.object(charges, "_taken", _taken_at_once),
        patch.object(benefits, "after", at_once),
    ]


def _taken_at_once(given: Any, *, charge: Any) -> dict[str, Money]:
    left = charge.amount * charge.quantity
    found: dict[str, Money] = {}
    for benefit in given:
        saving = benefit.saving_on(left)
        left = left - saving
        found[benefit.code] = found.get(benefit.code, Money.zero()) + saving
    return found


def _codes_are_not_needed() -> Patches:
    real = compiler.CompiledPromotions.candidates

    def every(self: Any, facts: Any, *, codes: Any, named: Any = ()) -> Any:
        return real(self, facts, codes=[*codes, *self.by_code], named=named)

    return [
        patch.object(compiler.CompiledPromotions, "candidates", every),
        patch.object(evaluate, "_asked_for", lambda *_, **__: True),
    ]


def _valid_until_counts_its_last_instant() -> Patches:
    return [patch.object(evaluate, "_judge", _never_over)]


_real_judge = evaluate._judge


def _never_over(promotion: Promotion, **more: Any) -> Any:
    return _real_judge(replace(promotion, valid_until=None), **more)


def _loose_lines_are_units_of_their_own() -> Patches:
    def apart(entries: Any) -> Any:
        found: dict[str, list[Any]] = {}
        for group, members in facts.by_group(entries).items():
            for member in members:
                key = group or f" {member.line.id}"
                found.setdefault(key, []).append(member)
        return found

    return [patch.object(quote, "by_group", apart)]


def _due_today_forgets_quantities() -> Patches:
    def single(charge: Any, *, period: int) -> Money:
        return charges.net_in_period(replace(charge, quantity=1), period=period)

    return [patch.object(quote, "net_in_period", single)]


def _benefits_in_order_of_size() -> Patches:
    real = charges.due_lines

    def sized(agreed: Any, **more: Any) -> Any:
        order = sorted(agreed.benefits, key=lambda b: (b.kind, b.value))
        return real(replace(agreed, benefits=tuple(order)), **more)

    return [patch.object(charges, "due_lines", sized)]


def _half_a_cent_is_lost_in_parts_of_months() -> Patches:
    def down(self: Money) -> Money:
        return Money(self.amount.quantize(Decimal("0.01"), ROUND_DOWN), self.currency)

    return [patch.object(Money, "rounded", down)]


MUTANTS: Mapping[str, Callable[[], Patches]] = {
    "advantages are rounded half even": lambda: _benefits_round(ROUND_HALF_EVEN),
    "advantages are rounded down": lambda: _benefits_round(ROUND_DOWN),
    "amounts are rounded down": _half_a_cent_is_lost_in_parts_of_months,
    "an advantage is rounded per line, not per piece": _rounded_per_line_not_per_piece,
    "an advantage lasts a month longer": lambda: _benefit_method("covers", _a_period_more),
    "an advantage begins a month later": lambda: _benefit_method("covers", _a_period_late),
    "tax is rounded per line": _tax_per_line,
    "tax comes on top for consumers too": _tax_on_top_for_everybody,
    "low priority comes first": _priority_upside_down,
    "bills take advantages in another order": _benefits_in_order_of_size,
    "the last of a group wins, not the largest": _first_of_a_group_wins,
    "savings are compared over a year, not the commitment": _saving_over_one_year_only,
    "exclusive means nothing": _exclusive_is_not_looked_at,
    "amount conditions forget the quantity": _amount_conditions_without_quantity,
    "amount conditions look at prices after promotions": _amount_conditions_after_promotions,
    "the dearest is free, not the cheapest": _free_item_takes_the_dearest,
    "one set is free, however many there are": _free_item_counts_one_set_only,
    "the first share of a price together gets all odd cents": _the_first_share_gets_the_rest,
    "every month has thirty days": _month_of_thirty_days,
    "the bill day is a day early": _bill_day_drifts,
    "a month given ends with the bill": _benefit_ends_with_the_bill,
    "the total counts charges of several months each month": _every_n_months_is_every_month,
    "the commitment doesn't change the price": _the_term_is_ignored,
    "prices hold before and after their dates": _prices_have_no_dates,
    "promotions never end": _valid_until_counts_its_last_instant,
    "codes need not be entered": _codes_are_not_needed,
    "each line outside bundles is judged alone": _loose_lines_are_units_of_their_own,
    "due today forgets quantities": _due_today_forgets_quantities,
}


@contextmanager
def planted(name: str) -> Iterator[None]:
    """The engine with the fault `name`."""
    patches = MUTANTS[name]()
    for each in patches:
        each.start()
    try:
        yield
    finally:
        for each in reversed(patches):
            each.stop()
