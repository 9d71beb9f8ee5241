"""The vectors of the domain's facts on cents, tax and shares."""

from decimal import Decimal
from fractions import Fraction

import pytest

from tests.proof.billing.facts import Buyer
from tests.proof.billing.money import Tax, add_up_to, allocate, cents, taxed

TWENTY, TEN = Decimal("20"), Decimal("10")


@pytest.mark.parametrize(
    ("exact", "shown"),
    [("2.675", "2.68"), ("0.125", "0.13"), ("-0.125", "-0.13"), ("0.1249", "0.12"), ("0", "0")],
)
def test_half_a_cent_goes_up_on_the_magnitude(exact: str, shown: str) -> None:
    assert cents(Fraction(exact)) == Decimal(shown)


@pytest.mark.parametrize(
    ("case", "buyer", "master", "rate", "expected"),
    [
        ("3 x 9.99 with tax", Buyer.CONSUMER, "29.97", TWENTY, ("24.98", "4.99", "29.97")),
        ("3 x 8.33 without", Buyer.BUSINESS, "24.99", TWENTY, ("24.99", "5.00", "29.99")),
        ("a credit", Buyer.CONSUMER, "-29.97", TWENTY, ("-24.98", "-4.99", "-29.97")),
        ("ten percent", Buyer.CONSUMER, "4.99", TEN, ("4.54", "0.45", "4.99")),
        ("nothing", Buyer.CONSUMER, "0.00", TWENTY, ("0.00", "0.00", "0.00")),
    ],
)  # fmt: skip
def test_tax_is_rounded_once_per_rate(
    case: str, buyer: Buyer, master: str, rate: Decimal, expected: tuple[str, str, str]
) -> None:
    net, tax, gross = map(Decimal, expected)
    assert taxed(Decimal(master), rate=rate, buyer=buyer) == Tax(rate, net, tax, gross)


def test_a_consumers_tax_is_within_a_cent_of_the_rate_on_the_net() -> None:
    apart = set()
    for master in range(-5000, 5000):
        one = taxed(Decimal(master) / 100, rate=TWENTY, buyer=Buyer.CONSUMER)
        apart.add(abs(one.tax - cents(Fraction(one.net) / 5)))
    assert apart == {Decimal("0"), Decimal("0.01")}


def test_a_bundle_of_two_rates_is_split_by_stand_alone_prices() -> None:
    assert allocate(Decimal("39.99"), [Decimal(30), Decimal(8), Decimal(2)]) == [
        Decimal("29.99"),
        Decimal("8.00"),
        Decimal("2.00"),
    ]


def test_net_amounts_of_lines_add_up_with_a_credit_among_them() -> None:
    shares = [Fraction(amount) / 120 for amount in (999, 999, -250, 1)]
    assert add_up_to(Decimal("14.58"), shares) == [
        Decimal("8.33"),
        Decimal("8.32"),
        Decimal("-2.08"),
        Decimal("0.01"),
    ]
