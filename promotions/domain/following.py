"""The price that follows a promotion with an end: it must be there, for it must be told.

Whoever is promised six months at another price is told what is paid from the seventh on (article
L112-1 of the consumer code and the order of 3 December 1987: a reduction says from what price).
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from catalogue.domain.expressions import Expression, Facts
from catalogue.domain.model import LONG_AGO, Charge, ChargeKind, Offering, Segment, Snapshot
from commerce.kernel.clock import PARIS
from commerce.kernel.periods import add_months
from commerce.kernel.sentences import Sentence
from promotions.domain.compiler import conjuncts, placed_tests
from promotions.domain.model import Promotion, PromotionBenefit

FOR_EVER = datetime.max.replace(tzinfo=UTC)


def unfollowed(
    promotion: Promotion, benefit: PromotionBenefit, *, snapshot: Snapshot
) -> Iterator[Sentence]:
    """One sentence for each price that ends before the benefit of its last buyer does.

    The last buyer orders when the promotion or the offering ends; the months of the benefit come
    after that. Of a benefit for good, or on what is paid once, nothing follows.
    """
    if benefit.charge is not ChargeKind.RECURRING or benefit.benefit.periods is None:
        return
    months = benefit.benefit.first - 1 + benefit.benefit.periods
    told: dict[Sentence, None] = {}
    for offering in snapshot.offerings.values():
        until = _ended(promotion, offering, months=months)
        for charges in _prices(promotion, benefit, offering):
            end = _reached(charges)
            if end < until:
                told[_unfollowed(charges[0], offering, end=end, until=until)] = None
    yield from told


def _unfollowed(charge: Charge, offering: Offering, *, end: datetime, until: datetime) -> Sentence:
    what = {"charge": charge.code, "offering": offering.code, "end": _day(end)}
    if until == FOR_EVER:
        return Sentence(
            "No price %(charge)s of %(offering)s follows: the last one holds until %(end)s, and the"
            " benefit goes on after that.",
            **what,
        )
    return Sentence(
        "No price %(charge)s of %(offering)s follows: the last one holds until %(end)s, the"
        " benefit until %(until)s.",
        until=_day(until),
        **what,
    )


def _ended(promotion: Promotion, offering: Offering, *, months: int) -> datetime:
    """When the benefit of the last buyer is over."""
    ends = [end for end in (promotion.valid_until, offering.valid_until) if end is not None]
    if not ends:
        return FOR_EVER
    try:
        last = min(ends).astimezone(PARIS)
        return datetime.combine(add_months(last.date(), months), last.time(), tzinfo=PARIS)
    except (OverflowError, ValueError):  # beyond the year 9999
        return FOR_EVER


def _prices(
    promotion: Promotion, benefit: PromotionBenefit, offering: Offering
) -> Iterator[Sequence[Charge]]:
    """The prices of a charge that the benefit reaches, by segment, commitment and bundle."""
    recurring = [charge for charge in offering.charges if charge.kind is ChargeKind.RECURRING]
    for code in dict.fromkeys(charge.code for charge in recurring):
        facts = {**offering.facts(role="line"), "line.charge": code}
        if not any(_may_hold(target, facts) for target in benefit.targets):
            continue
        alike = [charge for charge in recurring if charge.code == code]
        for bundle in dict.fromkeys(charge.in_bundle for charge in alike):
            for segment in sorted(offering.segments):
                for term in offering.terms or (0,):
                    fitting = _fitting(alike, segment=segment, term=term, bundle=bundle)
                    case: dict[str, str | int] = {"customer.segment": segment.value}
                    if offering.terms:
                        case["term_months"] = term
                    if bundle:
                        case["bundle.code"] = bundle
                    if fitting and _may_hold(promotion.when, case):
                        yield fitting


def _fitting(
    alike: Sequence[Charge], *, segment: Segment, term: int, bundle: str | None
) -> list[Charge]:
    return [
        charge
        for charge in alike
        if charge.applies(segment=segment, term=term, bundle=bundle, channel="", at=None)
    ]


def _may_hold(expression: Expression, facts: Facts) -> bool:
    """Whether it can hold where `facts` are so, whatever else is asked."""
    if all(test.name in facts for _place, test in placed_tests(expression)):
        return expression.holds(facts)
    return all(test.holds(facts) for test in conjuncts(expression) if test.name in facts)


def _reached(charges: Sequence[Charge]) -> datetime:
    """Until when one of them holds without a gap, from the first on."""
    spans = sorted((c.valid_from or LONG_AGO, c.valid_until or FOR_EVER) for c in charges)
    reached = spans[0][1]
    for start, end in spans:
        if start > reached:
            break
        reached = max(reached, end)
    return reached


def _day(instant: datetime) -> str:
    return f"{instant.astimezone(PARIS):%Y-%m-%d %H:%M}"
