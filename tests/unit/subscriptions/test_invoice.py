"""Lines and totals of a bill: worked sums."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commerce.kernel.errors import RuleViolated
from commerce.kernel.money import Money
from commerce.kernel.periods import Period
from commerce.kernel.tax import Basis
from promotions.domain.benefits import Benefit, BenefitKind
from subscriptions.domain.charges import AgreedCharge
from subscriptions.domain.invoice import (
    Cover,
    RunningCharge,
    bill_period,
    one_off_lines,
    recurring_lines,
    totals,
    totals_after,
)
from subscriptions.domain.states import LineKind

MARCH = Period(date(2026, 3, 10), date(2026, 4, 10))


def running(
    amount: str,
    *,
    pk: int = 1,
    rate: str = "20",
    activation: date = MARCH.start,
    billed_until: date | None = None,
    until: date | None = None,
    benefits: tuple[Benefit, ...] = (),
) -> RunningCharge:
    return RunningCharge(
        id=pk,
        account_id=1,
        order_number="F-2026-000001",
        group="g1",
        agreed=AgreedCharge(
            "plan-1", "plan", True, Money.of(amount), "standard", benefits=benefits
        ),
        activation=activation,
        cycle_day=10,
        billed_until=billed_until,
        until=until,
        tax_rate=Decimal(rate),
        names={"fr": "Forfait"},
        benefit_names={"six-free": {"fr": "Offert"}},
    )


def test_the_period_of_a_bill_ends_on_the_next_cycle_day() -> None:
    assert bill_period(date(2026, 3, 10), cycle_day=10) == MARCH
    assert bill_period(date(2026, 3, 12), cycle_day=10) == Period(
        date(2026, 3, 12), date(2026, 4, 10)
    )


def test_a_charge_that_is_billed_already_gives_no_line() -> None:
    assert recurring_lines([running("29.99", billed_until=MARCH.end)], period=MARCH) == ((), ())


def test_a_charge_that_was_forgotten_is_caught_up() -> None:
    lines, covers = recurring_lines([running("10.00", activation=date(2026, 1, 10))], period=MARCH)
    assert [line.due.period for line in lines] == [1, 2, 3]
    assert [cover.days.start for cover in covers] == [
        date(2026, 1, 10),
        date(2026, 2, 10),
        date(2026, 3, 10),
    ]


def test_nothing_is_billed_after_the_end_of_an_item() -> None:
    assert recurring_lines([running("10.00", until=MARCH.start)], period=MARCH) == ((), ())


def test_a_free_month_makes_two_lines_and_covers_its_days_once() -> None:
    six_free = Benefit("six-free", BenefitKind.PERCENT_OFF, Decimal(100), 1, 6)
    lines, covers = recurring_lines([running("29.99", benefits=(six_free,))], period=MARCH)
    assert [(line.kind, line.due.amount.amount, line.label) for line in lines] == [
        (LineKind.RECURRING, Decimal("29.99"), {"fr": "Forfait"}),
        (LineKind.BENEFIT, Decimal("-29.99"), {"fr": "Offert"}),
    ]
    assert covers == (Cover(1, MARCH),)


def test_the_first_part_of_a_cycle_is_a_line_of_its_own_kind() -> None:
    # 31 March to 10 April: 10 of 31 days of 31.00
    lines, _ = recurring_lines([running("31.00", activation=date(2026, 3, 31))], period=MARCH)
    assert [(line.kind, line.due.amount) for line in lines] == [
        (LineKind.PRORATED, Money.of("10.00"))
    ]


def test_a_charge_billed_to_a_day_between_two_periods_is_an_impossible_state() -> None:
    with pytest.raises(RuleViolated) as refusal:
        recurring_lines([running("10.00", billed_until=date(2026, 3, 17))], period=MARCH)
    assert refusal.value.code == "impossible_state"


def test_tax_of_consumers_is_taken_out_once_per_rate() -> None:
    # 3 * 9.99 = 29.97; 29.97 / 1.20 = 24.975 -> 24.98; tax 4.99. Press 2.10 / 1.021 = 2.0568
    lines, _ = recurring_lines(
        [running("9.99", pk=n) for n in (1, 2, 3)] + [running("2.10", pk=4, rate="2.1")],
        period=MARCH,
    )
    bill = totals(lines, basis=Basis.TTC, currency="EUR")
    assert [(str(p.rate), str(p.net), str(p.tax), str(p.gross)) for p in bill.parts] == [
        ("20", "24.98 EUR", "4.99 EUR", "29.97 EUR"),
        ("2.1", "2.06 EUR", "0.04 EUR", "2.10 EUR"),
    ]
    assert (bill.net, bill.tax, bill.gross) == (
        Money.of("27.04"),
        Money.of("5.03"),
        Money.of("32.07"),
    )


def test_tax_of_businesses_is_added_once_per_rate() -> None:
    # 3 * 8.33 = 24.99; * 20 % = 4.998 -> 5.00
    lines, _ = recurring_lines([running("8.33", pk=n) for n in (1, 2, 3)], period=MARCH)
    bill = totals(lines, basis=Basis.HT, currency="EUR")
    assert (bill.net, bill.tax, bill.gross) == (
        Money.of("24.99"),
        Money.of("5.00"),
        Money.of("29.99"),
    )


def test_the_bill_of_an_order_holds_what_is_due_once() -> None:
    waived = Benefit("port-in", BenefitKind.PERCENT_OFF, Decimal(100))
    lines = one_off_lines(
        [
            AgreedCharge("h", "price", False, Money.of("199.00"), "standard", quantity=2),
            AgreedCharge("p", "fee", False, Money.of("10.00"), "standard", benefits=(waived,)),
            AgreedCharge("p", "plan", True, Money.of("29.99"), "standard"),
        ],
        order_number="F-2026-000001",
        group="g1",
        tax_rates={"standard": Decimal(20)},
        names={"h": {"fr": "Téléphone"}},
        benefit_names={},
    )
    assert [(line.kind, line.due.charge, str(line.due.amount)) for line in lines] == [
        (LineKind.ONE_OFF, "price", "398.00 EUR"),
        (LineKind.ONE_OFF, "fee", "10.00 EUR"),
        (LineKind.BENEFIT, "fee", "-10.00 EUR"),
    ]
    assert totals(lines, basis=Basis.TTC, currency="EUR").gross == Money.of("398.00")


@pytest.mark.parametrize(
    ("basis", "taxes", "gross"),
    [
        (Basis.HT, ["1.67", "1.66", "1.67"], ["10.00", "9.99", "10.00"]),
        (Basis.TTC, ["1.39", "1.39", "1.38"], ["8.33", "8.33", "8.33"]),
    ],
)
def test_three_credits_of_a_bill_are_rounded_together(
    basis: Basis, taxes: list[str], gross: list[str]
) -> None:
    """HT: 1.67 of tax each alone would be 5.01, a cent more than the bill. TTC: 1.39, 4.17."""
    lines, _ = recurring_lines([running("8.33", pk=n) for n in (1, 2, 3)], period=MARCH)
    before: dict[Decimal, Money] = {}
    parts = []
    for line in lines:
        parts.append(totals_after(before, [line], basis=basis, currency="EUR"))
        before[line.tax_rate] = before.get(line.tax_rate, Money.zero()) + line.due.amount
    assert [str(part.tax.amount) for part in parts] == taxes
    assert [str(part.gross.amount) for part in parts] == gross


@given(
    amounts=st.lists(st.tuples(st.integers(1, 90_000), st.sampled_from(["20", "5.5"])), max_size=9),
    basis=st.sampled_from(Basis),
)
def test_credits_never_exceed_their_bill_and_are_at_last_exactly_it(
    amounts: list[tuple[int, str]], basis: Basis
) -> None:
    charges = [
        running(f"{cents // 100}.{cents % 100:02}", pk=n, rate=rate)
        for n, (cents, rate) in enumerate(amounts)
    ]
    lines, _ = recurring_lines(charges, period=MARCH)
    bill = totals(lines, basis=basis, currency="EUR")
    before: dict[Decimal, Money] = {}
    net = tax = gross = Money.zero()
    for line in lines:
        part = totals_after(before, [line], basis=basis, currency="EUR")
        assert part.net + part.tax == part.gross
        net, tax, gross = net + part.net, tax + part.tax, gross + part.gross
        assert net.amount <= bill.net.amount
        assert tax.amount <= bill.tax.amount
        assert gross.amount <= bill.gross.amount
        before[line.tax_rate] = before.get(line.tax_rate, Money.zero()) + line.due.amount
    assert (net, tax, gross) == (bill.net, bill.tax, bill.gross)
