"""What a cart costs, as sums that a person can check."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from catalogue.domain.model import Segment
from commerce.kernel.errors import NotFound
from commerce.kernel.money import Money
from commerce.kernel.tax import Basis
from commerce.ordering.domain.cart import CartLine
from commerce.ordering.domain.quote import Quote
from commerce.ordering.domain.trace import Operation, TraceStep, replay
from promotions.domain.model import CustomerFacts, Miss
from tests.unit.ordering.shop import (
    AT,
    SIX_FREE,
    benefit,
    cart,
    line,
    pair,
    priced,
    promotion,
)

CASE = line("4", "case", group="g1", role="accessory")
GAZETTE = line("5", "gazette", group="g1", role="option")
THREE_BUDS = line("6", "buds", quantity=3)


@pytest.mark.parametrize(
    ("case", "lines", "promotions", "due_today", "total"),
    [
        # 24.90
        ("one accessory", [line("1", "case")], [], "24.90", "24.90"),
        # 3 x 9.99
        ("three of a kind", [THREE_BUDS], [], "29.97", "29.97"),
        # 3 x (9.99 - round(0.999) = 1.00): the benefit is rounded per unit, then multiplied
        ("10 % off three of a kind", [THREE_BUDS], [promotion("ten")], "26.97", "26.97"),
        # 15.00 today; 12 months x 19.99 = 239.88
        ("a plan without commitment", [line("1", "horizon")], [], "15.00", "254.88"),
        # 199.00 + 15.00 + 1.00 = 215.00; 24 x 19.99 = 479.76
        ("a bundle at its 24-month price", [*pair()], [], "215.00", "694.76"),
        # 399.00 + 15.00 + 1.00 = 415.00; 12 x 19.99 = 239.88
        ("a bundle at its 12-month price", [*pair(term=12)], [], "415.00", "654.88"),
        # 599.00 + 15.00 + 1.00 = 615.00; 12 x 19.99
        ("a bundle without commitment", [*pair(term=0)], [], "615.00", "854.88"),
        # 215.00; (24 - 6) x 19.99 = 359.82
        ("six months free", [*pair()], [SIX_FREE], "215.00", "574.82"),
        # 215.00 + 24.90 - 4.98 = 234.92; 18 x 19.99 + 24 x 9.90 = 359.82 + 237.60
        (
            "six months free, 20 % off the case, a newspaper",
            [*pair(), CASE, GAZETTE],
            [SIX_FREE, promotion("twenty", benefits=[benefit("percent_off", "20")])],
            "234.92",
            "832.34",
        ),
        # 15.00 - 15.00; 12 x 19.99
        (
            "the activation fee waived",
            [line("1", "horizon")],
            [
                promotion(
                    "no-fee",
                    when={"fact": "kinds", "includes": "plan"},
                    benefits=[
                        {
                            "target": {"fact": "line.charge", "is": "activation"},
                            "charge": "one_off",
                            "kind": "percent_off",
                            "value": "100",
                        }
                    ],
                )
            ],
            "0.00",
            "239.88",
        ),
        # 3 months at 5.00, then 21 x 19.99 = 419.79; 15.00 + 419.79; today 215.00
        (
            "three months at a fixed price",
            [*pair()],
            [
                promotion(
                    "five",
                    when={"fact": "kinds", "includes": "plan"},
                    benefits=[benefit("fixed_price", "5", on="plan", periods=3)],
                )
            ],
            "215.00",
            "649.79",
        ),
        # from the 13th month on 10.00 off: 12 x 19.99 + 12 x 9.99 = 239.88 + 119.88
        (
            "an advantage that begins in the second year",
            [*pair()],
            [
                promotion(
                    "later",
                    when={"fact": "kinds", "includes": "plan"},
                    benefits=[benefit("amount_off", "10", on="plan", first=13)],
                )
            ],
            "215.00",
            "574.76",
        ),
        # 60.00 in months 1 and 13
        (
            "a yearly charge falls due twice in 24 months",
            [*pair(), line("7", "insurance", group="g1", role="option")],
            [],
            "215.00",
            "814.76",
        ),
    ],
)
def test_worked_quote(
    case: str,
    lines: list[CartLine],
    promotions: list[dict[str, object]],
    due_today: str,
    total: str,
) -> None:
    found = priced(cart(*lines), *promotions)

    assert found.due_today_gross == Money.of(due_today), case
    assert found.due_today == Money.of(due_today), case
    assert found.commitment_total == Money.of(total), case


def test_the_schedule_names_free_months_and_what_follows() -> None:
    found = priced(cart(*pair(), GAZETTE), SIX_FREE)

    assert [(p.first, p.periods, p.list_amount, p.amount, p.benefits) for p in found.monthly] == [
        (1, 6, Money.of("29.89"), Money.of("9.90"), ("six-free",)),
        (7, None, Money.of("29.89"), Money.of("29.89"), ()),
    ]
    bills = found.bills(7)
    assert [bill.amount.amount for bill in bills] == [Decimal("9.90")] * 6 + [Decimal("29.89")]
    assert (bills[0].start, bills[0].end) == (date(2026, 11, 25), date(2026, 12, 25))


def test_who_starts_on_the_31st_sees_the_first_bill_by_days_as_it_will_be_made() -> None:
    # [31 Jan, 28 Feb) is 28 of the 31 days of [28 Jan, 28 Feb): 19.99 x 28 / 31 = 18.0555
    first, second = priced(cart(line("1", "horizon")), activation=date(2026, 1, 31)).bills(2)

    assert (first.start, first.end) == (date(2026, 1, 31), date(2026, 2, 28))
    assert (first.amount, first.list_amount) == (Money.of("18.06"), Money.of("18.06"))
    assert (second.start, second.amount) == (date(2026, 2, 28), Money.of("19.99"))


def test_a_yearly_charge_stands_in_the_month_in_which_it_falls_due() -> None:
    insured = line("7", "insurance", group="g1", role="option")

    found = priced(cart(*pair(), insured))

    assert [(p.first, p.periods, p.amount) for p in found.monthly] == [
        (1, 1, Money.of("79.99")),
        (2, 11, Money.of("19.99")),
        (13, 1, Money.of("79.99")),
        (14, None, Money.of("19.99")),
    ]


def test_consumers_pay_prices_with_tax_and_the_tax_is_taken_out_once_per_rate() -> None:
    # 29.97 / 1.20 = 24.975 -> 24.98; tax 4.99
    found = priced(cart(line("1", "buds"), line("2", "buds"), line("3", "buds")))

    assert found.basis is Basis.TTC
    assert [(p.rate, p.net, p.tax, p.gross) for p in found.tax_today] == [
        (Decimal("20"), Money.of("24.98"), Money.of("4.99"), Money.of("29.97"))
    ]


def test_businesses_see_prices_without_tax_and_the_tax_is_put_on_once_per_rate() -> None:
    # 3 x 8.33 = 24.99; tax 4.998 -> 5.00
    found = priced(cart(line("1", "sim", quantity=3), segment=Segment.BUSINESS))

    assert found.basis is Basis.HT
    assert found.due_today == Money.of("24.99")
    assert [(p.net, p.tax, p.gross) for p in found.tax_today] == [
        (Money.of("24.99"), Money.of("5.00"), Money.of("29.99"))
    ]
    assert found.due_today_gross == Money.of("29.99")


def test_an_unknown_offering_is_not_found() -> None:
    with pytest.raises(NotFound) as refused:
        priced(cart(line("1", "unheard-of")))
    assert refused.value.code == "unknown_offering"


def test_every_amount_of_the_trace_can_be_computed_again() -> None:
    twenty = promotion("twenty", benefits=[benefit("percent_off", "20")])
    fixed = promotion(
        "fixed",
        when={"fact": "kinds", "includes": "content"},
        benefits=[benefit("fixed_price", "4.95", on="content", periods=3)],
    )
    found = priced(cart(*pair(), CASE, GAZETTE, THREE_BUDS), SIX_FREE, twenty, fixed)

    for step in _walk(found.trace):
        assert replay(step) == step.amount, step.code
        if step.operation is Operation.TIMES and step.parts:
            assert step.input("amount") == replay(step.parts[0]).amount
    # A wrong amount is noticed from above, however deep it lies.
    assert replay(_with_wrong_prices(found.trace[-1])) != found.commitment_total
    by_code = {step.code: step.amount for step in found.trace}
    assert by_code["due_today"] == found.due_today
    assert by_code["commitment_total"] == found.commitment_total
    assert by_code["tax"] == found.tax_today[0].tax


def test_the_trace_names_the_rule_its_version_and_its_rounding() -> None:
    found = priced(cart(*pair()), SIX_FREE)

    (free,) = [step for step in _walk(found.trace) if step.rule == "six-free"]
    assert (free.version, free.operation, free.amount) == (
        3,
        Operation.PERCENT_OFF,
        Money.of("-19.99"),
    )
    assert free.inputs == (("left", "19.99"), ("value", "100"), ("quantity", "1"))
    assert free.rounding == "half up to 0.01"
    (price,) = {step.rule for step in _walk(found.trace) if step.rule.endswith("x.price")}
    assert price == "lumen-x.price"


def test_a_quote_survives_its_json_form() -> None:
    found = priced(cart(*pair(), CASE, GAZETTE), SIX_FREE, promotion("ten"), promotion("twice"))

    again = Quote.from_json(found.to_json())

    assert again == found
    assert again.digest() == found.digest()


def test_the_digest_follows_what_is_agreed_and_nothing_else() -> None:
    basket = cart(*pair())
    found = priced(basket, SIX_FREE)

    assert priced(basket, SIX_FREE, activation=date(2027, 1, 31)).digest() == found.digest()
    assert priced(basket, SIX_FREE, promotion("ten")).digest() == found.digest()
    assert priced(basket).digest() != found.digest()
    assert priced(cart(*pair(term=12)), SIX_FREE).digest() != found.digest()


def test_charges_agreed_are_those_of_the_lines_with_their_benefits() -> None:
    found = priced(cart(*pair()), SIX_FREE)

    agreed = {(c.item, c.code): c for c in found.agreed_charges(group="g1")}

    assert set(agreed) == {
        ("g1-1", "price"),
        ("g1-2", "monthly"),
        ("g1-2", "activation"),
        ("g1-3", "price"),
    }
    assert [b.code for b in agreed["g1-2", "monthly"].benefits] == ["six-free"]
    assert found.agreed_charges(group="g2") == ()


def test_all_lines_of_a_bundle_share_the_term_chosen_with_the_plan() -> None:
    found = priced(cart(*pair()))

    assert {entry.term for entry in found.lines} == {24}
    assert found.commitment_months == 24


def test_what_was_within_reach_says_why_it_was_not_given() -> None:
    found = priced(cart(*pair(term=12)), SIX_FREE)

    (missed,) = found.within_reach
    assert (missed.code, missed.reason) == ("six-free", Miss.CONDITION)
    assert missed.sentence.in_("en") == "Choose a commitment of 24 months to get it."


def test_a_code_that_was_entered_is_answered_even_when_it_gives_nothing() -> None:
    welcome = promotion("welcome", requires_code="bienvenue10")
    over = promotion("spring", requires_code="SPRING", valid_until="2026-06-01")

    without = priced(cart(line("1", "case")), welcome, over)
    entered = priced(cart(line("1", "case"), codes=("BIENVENUE10", "SPRING")), welcome, over)

    assert (without.applied, without.within_reach) == ((), ())
    assert [a.code for a in entered.applied] == ["welcome"]
    assert [(m.code, m.reason) for m in entered.within_reach] == [("spring", Miss.OVER)]


def test_at_most_twenty_promotions_within_reach_are_told() -> None:
    many = [
        promotion(f"p{n:02}", when={"all": [_accessory(), {"fact": "term_months", "is": 99}]})
        for n in range(30)
    ]

    found = priced(cart(line("1", "case")), *many)

    assert [m.code for m in found.within_reach] == [f"p{n:02}" for n in range(20)]


def test_a_promotion_used_up_is_not_given() -> None:
    customer = CustomerFacts(used_up=frozenset(["ten"]))

    found = priced(cart(line("1", "case")), promotion("ten"), customer=customer)

    assert found.due_today == Money.of("24.90")
    assert [(m.code, m.reason) for m in found.within_reach] == [("ten", Miss.USED_UP)]


def test_a_promotion_runs_from_its_first_instant_to_before_its_last() -> None:
    sale = promotion("sale", valid_from="2026-11-22T10:00:00+01:00", valid_until="2026-11-23")
    basket = cart(line("1", "case"))

    def due(at: datetime) -> Money:
        return priced(basket, sale, at=at).due_today

    assert due(AT.replace(hour=8, minute=59)) == Money.of("24.90")
    assert due(AT) == Money.of("22.41")
    assert due(datetime(2026, 11, 22, 22, 59, tzinfo=UTC)) == Money.of("22.41")
    assert due(datetime(2026, 11, 22, 23, 0, tzinfo=UTC)) == Money.of("24.90")


def _accessory() -> dict[str, object]:
    return {"fact": "kinds", "includes": "accessory"}


def _walk(steps: tuple[TraceStep, ...]) -> list[TraceStep]:
    return [found for step in steps for found in (step, *_walk(step.parts))]


def _with_wrong_prices(step: TraceStep) -> TraceStep:
    """The step with a unit price of 0.01 everywhere below it."""
    parts = tuple(_with_wrong_prices(part) for part in step.parts)
    inputs = tuple((name, "0.01" if name == "unit" else value) for name, value in step.inputs)
    return replace(step, parts=parts, inputs=inputs)
