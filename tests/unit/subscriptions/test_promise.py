"""The comparison of a bill with its promise names the rule that is broken."""

from datetime import date
from decimal import Decimal

import pytest

from commerce.kernel.money import Money
from promotions.domain.benefits import Benefit, BenefitKind
from subscriptions.domain.charges import AgreedCharge
from subscriptions.domain.promise import (
    LineKey,
    Rule,
    Terms,
    compare,
    horizon,
    promised_at_once,
    promised_from,
)

PLAN = LineKey("F-1/g1", "plan-1", "plan", 2, "")
GIFT = LineKey("F-1/g1", "plan-1", "plan", 2, "six-free")
DAY = date(2026, 4, 10)


def terms(amount: str, *, rate: str = "20", day: date | None = DAY) -> Terms:
    return Terms(Decimal(amount), Decimal(rate), day)


PROMISED = {PLAN: terms("29.99"), GIFT: terms("-29.99")}


def test_a_bill_as_promised_has_no_difference() -> None:
    assert compare(promised=PROMISED, billed=dict(PROMISED)) == ()


def test_how_a_rate_is_written_is_no_difference() -> None:
    assert compare(promised=PROMISED, billed={**PROMISED, PLAN: terms("29.990", rate="20.0")}) == ()


@pytest.mark.parametrize(
    ("case", "billed", "rule", "line"),
    [
        ("another price", {**PROMISED, PLAN: terms("31.99")}, Rule.PRICE, PLAN),
        ("another rate", {**PROMISED, PLAN: terms("29.99", rate="10")}, Rule.TAX, PLAN),
        ("a smaller gift", {**PROMISED, GIFT: terms("-15.00")}, Rule.BENEFIT, GIFT),
        ("no gift", {PLAN: terms("29.99")}, Rule.BENEFIT, GIFT),
        (
            "another day",
            {**PROMISED, PLAN: terms("29.99", day=date(2026, 4, 11))},
            Rule.START,
            PLAN,
        ),
        ("a line is missing", {GIFT: terms("-29.99")}, Rule.MISSING, PLAN),
    ],
)
def test_each_fault_is_named(
    case: str, billed: dict[LineKey, Terms], rule: Rule, line: LineKey
) -> None:
    differences = compare(promised=PROMISED, billed=billed)
    assert [(found.rule, found.line) for found in differences] == [(rule, line)], case


def test_a_line_that_nobody_promised_is_extra() -> None:
    (found,) = compare(promised={}, billed={PLAN: terms("29.99")})
    assert (found.rule, found.promised, found.billed) == (Rule.EXTRA, "", "29.99")


def test_a_promise_is_written_out_with_the_days_of_the_activation() -> None:
    agreed = [
        AgreedCharge("h", "price", False, Money.of("199.00"), "standard"),
        AgreedCharge(
            "p",
            "plan",
            True,
            Money.of("29.99"),
            "standard",
            benefits=(Benefit("two", BenefitKind.PERCENT_OFF, Decimal(100), 1, 2),),
        ),
    ]
    rates = {"standard": Decimal(20)}
    (once,) = promised_at_once(agreed, tax_rates=rates)
    assert (once.due.period, str(once.due.amount), once.starts_on) == (0, "199.00 EUR", None)
    lines = promised_from(
        agreed, tax_rates=rates, activation=date(2026, 3, 10), cycle_day=10, periods=3
    )
    assert [
        (n.due.period, n.due.benefit, str(n.due.amount.amount), n.starts_on) for n in lines
    ] == [
        (1, None, "29.99", date(2026, 3, 10)),
        (1, "two", "-29.99", date(2026, 3, 10)),
        (2, None, "29.99", date(2026, 4, 10)),
        (2, "two", "-29.99", date(2026, 4, 10)),
        (3, None, "29.99", date(2026, 5, 10)),
    ]


def test_a_promise_reaches_to_the_end_of_the_commitment_and_three_years_at_least() -> None:
    assert [horizon(0), horizon(24), horizon(48)] == [36, 36, 48]
