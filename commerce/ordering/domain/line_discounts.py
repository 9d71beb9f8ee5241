"""What comes and goes on a running line with the number of its holder's other lines. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from catalogue.domain.model import Text
from commerce.kernel.money import Money
from promotions.domain.benefits import Benefit
from promotions.domain.model import Promotion
from subscriptions.domain.charges import AgreedCharge, net_in_period


@dataclass(frozen=True, slots=True)
class Move:
    """On an item an advantage ends, or `begins`; `amount` is what a month costs more then, or less
    (below zero)."""

    item_id: int
    name: Text
    code: str
    advantage: Text
    begins: bool
    amount: Money


@dataclass(frozen=True, slots=True)
class Following:
    """What the number of lines makes of one of them from the day `on`, which begins a bill:
    `charges` is what its items cost from then on, by item, of those that cost otherwise."""

    subscription_id: int
    number: str
    on: date
    charges: Mapping[int, tuple[AgreedCharge, ...]]
    moves: tuple[Move, ...]


def follow(
    charges: Sequence[AgreedCharge],
    *,
    agreed: Mapping[str, Promotion],
    holding: frozenset[str],
    coming: Mapping[str, Sequence[tuple[Promotion, Benefit]]],
) -> tuple[tuple[AgreedCharge, ...], tuple[tuple[Promotion, bool, Money], ...]]:
    """The `charges` of an item as they go on, with the promotions that ended, or began (True), and
    what each makes of a month.

    `agreed` are the promotions that the charges' advantages are of, those that follow lines; of
    them `holding` still hold. `coming` begin, by charge code, unless they would stand on the charge
    twice: beside one of their group, or with one of the two exclusive. Others stay as they are.
    """
    result: list[AgreedCharge] = []
    moved: dict[str, tuple[Promotion, bool, Money]] = {}
    for charge in charges:
        before = charge
        for code in dict.fromkeys(benefit.code for benefit in charge.benefits):
            promotion = agreed.get(code)
            if promotion is None or promotion.lines is None or code in holding:
                continue
            kept = tuple(benefit for benefit in before.benefits if benefit.code != code)
            after = replace(before, benefits=kept)
            _note(moved, promotion, begins=False, before=before, after=after)
            before = after
        for promotion, benefit in coming.get(charge.code, ()):
            others = [agreed[each.code] for each in before.benefits if each.code in agreed]
            if any(_beside_is_twice(promotion, other) for other in others):
                continue
            if promotion.exclusive and before.benefits:
                continue
            after = replace(before, benefits=(*before.benefits, benefit))
            _note(moved, promotion, begins=True, before=before, after=after)
            before = after
            agreed = {**agreed, promotion.code: promotion}
        result.append(before)
    return tuple(result), tuple(moved.values())


def _beside_is_twice(one: Promotion, other: Promotion) -> bool:
    return one.group == other.group or one.exclusive or other.exclusive


def _note(
    moved: dict[str, tuple[Promotion, bool, Money]],
    promotion: Promotion,
    *,
    begins: bool,
    before: AgreedCharge,
    after: AgreedCharge,
) -> None:
    known = moved.get(promotion.code)
    more = net_in_period(after, period=1) - net_in_period(before, period=1)
    moved[promotion.code] = (promotion, begins, known[2] + more if known else more)
