"""Random plans, options and benefits, at prices that round badly."""

from dataclasses import replace
from decimal import Decimal
from random import Random

from tests.proof.billing.facts import (
    Benefit,
    Charge,
    Effect,
    Item,
    OneOff,
    Recurring,
    Usage,
)

PLANS = tuple(map(Decimal, ("2.00", "9.99", "15.99", "19.99", "29.99", "39.99", "34.95", "64.90")))
OPTIONS = tuple(map(Decimal, ("0.99", "2.99", "4.99", "5.00", "7.77", "12.00")))
MONTHS = (1, 2, 3, 6, 12)


def plan(rng: Random, code: str, *, sold: bool) -> Item:
    """A plan with its monthly "fee"; one `sold`, not changed to, may come with a handset."""
    charges: list[Charge] = [Recurring("fee", rng.choice(PLANS))]
    if rng.random() < 0.5:
        price = rng.choice((Decimal("0.15"), Decimal("0.0625"), Decimal("1.005")))
        charges.append(Usage("minutes", price, Decimal(rng.choice((0, 60, 120)))))
    if rng.random() < 0.2:
        charges.append(Recurring("television", rng.choice(OPTIONS), tax="reduced"))
    if rng.random() < 0.15:
        every = rng.choice((3, 3, 12))
        charges.append(Recurring("licence", rng.choice(PLANS) * 2, every=every))
    if rng.random() < (0.5 if sold else 0.1):
        charges.append(OneOff("start", rng.choice((Decimal("10.00"), Decimal("39.99")))))
    if sold and rng.random() < 0.3:
        charges.append(OneOff("handset", Decimal("199.90"), at_order=True))
    return Item(code, tuple(charges), _benefits(rng, charges))


def option(rng: Random, code: str) -> Item:
    """An option with a monthly or a quarterly fee."""
    every = 3 if rng.random() < 0.12 else 1
    tax = rng.choices(("standard", "reduced", "press"), (75, 15, 10))[0]
    charges: list[Charge] = [Recurring("fee", rng.choice(OPTIONS), tax=tax, every=every)]
    if rng.random() < 0.15:
        charges.append(OneOff("start", Decimal("5.00")))
    if rng.random() < 0.3:
        charges.append(Usage("minutes", Decimal("0.15"), Decimal(rng.choice((30, 60)))))
    return Item(code, tuple(charges), _benefits(rng, charges))


def renewal(rng: Random, code: str) -> Item:
    """A plan that one commits to again, mostly with its fee at half price for some months."""
    chosen = plan(rng, code, sold=False)
    if rng.random() < 0.2:
        return chosen
    half = Effect.AT_PERCENT if rng.random() < 0.5 else Effect.PERCENT_OFF
    off = Benefit("renewed", "fee", half, Decimal(50), rng.choice(MONTHS))
    return replace(chosen, benefits=(off, *chosen.benefits))


def goes_on(item: Item) -> Item:
    """The item as a contract has it that has run for a while: nothing is due once any more."""
    kept = tuple(charge for charge in item.charges if not isinstance(charge, OneOff))
    codes = {charge.code for charge in kept}
    benefits = tuple(benefit for benefit in item.benefits if benefit.charge in codes)
    return replace(item, charges=kept, benefits=benefits)


def pooled(item: Item) -> Item:
    """The plan with an allowance that the lines of the account share."""
    if not any(isinstance(charge, Usage) for charge in item.charges):
        more = Usage("minutes", Decimal("0.15"), Decimal(60))
        item = replace(item, charges=(*item.charges, more))
    return replace(item, pool="minutes of all")


def _benefits(rng: Random, charges: list[Charge]) -> tuple[Benefit, ...]:
    one_off = [charge.code for charge in charges if isinstance(charge, OneOff)]
    many = rng.choices((0, 1, 2), (35, 55, 10))[0]
    benefits = [_of_months(rng, f"benefit {number}") for number in range(many)]
    if one_off and rng.random() < 0.4:
        benefits.append(_of_once(rng, rng.choice(one_off)))
    return tuple(benefits)


def _of_months(rng: Random, code: str) -> Benefit:
    effect, value = rng.choice(
        (
            (Effect.AT_PERCENT, "0"),
            (Effect.AT_PERCENT, "0"),
            (Effect.AT_PERCENT, "50"),
            (Effect.AT_PERCENT, "33.3"),
            (Effect.AT_PRICE, "1.00"),
            (Effect.AT_PRICE, "7.99"),
            (Effect.PERCENT_OFF, "15"),
            (Effect.PERCENT_OFF, "100"),
            (Effect.AMOUNT_OFF, "3.33"),
            (Effect.AMOUNT_OFF, "10.00"),
        )
    )
    months = None if rng.random() < 0.1 else rng.choice(MONTHS)
    first = rng.choice((2, 3, 4, 13)) if rng.random() < 0.2 else 1
    return Benefit(code, "fee", effect, Decimal(value), months, first)


def _of_once(rng: Random, charge: str) -> Benefit:
    effect, value = rng.choice(
        ((Effect.AT_PERCENT, "0"), (Effect.PERCENT_OFF, "50"), (Effect.AMOUNT_OFF, "9.99"))
    )
    return Benefit("of the start", charge, effect, Decimal(value))
