"""How a price is split into parts, when they fall due, and what is left of them."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commerce.kernel.money import Money, total
from subscriptions.domain.instalments import Part, PartState, due_days, split, standing


@pytest.mark.parametrize(
    ("case", "amount", "parts", "share", "expected"),
    [
        ("equal parts", "300.00", 3, "0", ["100.00"] * 3),
        ("the last part takes the rest", "199.99", 3, "0", ["66.66", "66.66", "66.67"]),
        ("the last part may be the smaller", "200.00", 3, "0", ["66.67", "66.67", "66.66"]),
        ("more today", "200.00", 3, "0.5", ["100.00", "50.00", "50.00"]),
        ("a share below an equal part asks for no more", "200.00", 2, "0.3", ["100.00"] * 2),
        ("ten parts of an odd sum", "79.95", 10, "0", [*["8.00"] * 9, "7.95"]),
    ],
)
def test_a_price_is_split_to_the_cent(
    case: str, amount: str, parts: int, share: str, expected: list[str]
) -> None:
    found = split(Money.of(amount), parts=parts, first_share=Decimal(share))
    assert [str(each.amount) for each in found] == expected, case


@given(
    cents=st.integers(10_000, 300_000),
    parts=st.integers(2, 36),
    share=st.sampled_from(["0", "0.2", "0.5", "0.7"]),
)
def test_parts_add_up_to_the_price(cents: int, parts: int, share: str) -> None:
    amount = Money(Decimal(cents) / 100, "EUR")
    found = split(amount, parts=parts, first_share=Decimal(share))
    assert total(found) == amount
    assert len(found) == parts
    assert len(set(found[1:-1])) <= 1


@pytest.mark.parametrize("parts", [0, 1])
def test_one_part_is_no_plan(parts: int) -> None:
    with pytest.raises(ValueError, match="two parts at least"):
        split(Money.of("100.00"), parts=parts)


def test_a_few_cents_are_not_split() -> None:
    with pytest.raises(ValueError, match="can't be split"):
        split(Money.of("0.02"), parts=4)


@pytest.mark.parametrize(
    ("case", "billed", "cycle", "payment", "longest", "expected"),
    [
        ("a month after its bill, where no bill day is known yet",
         date(2026, 3, 10), None, 0, None, [date(2026, 4, 10), date(2026, 5, 10)]),
        ("with the bills of the account",
         date(2026, 3, 10), 28, 0, None, [date(2026, 3, 28), date(2026, 4, 28)]),
        ("not within a fortnight",
         date(2026, 3, 10), 20, 0, None, [date(2026, 4, 20), date(2026, 5, 20)]),
        ("a bill day that has passed this month",
         date(2026, 3, 10), 5, 0, None, [date(2026, 4, 5), date(2026, 5, 5)]),
        ("the 31st is billed on the 28th",
         date(2026, 1, 31), None, 0, None, [date(2026, 2, 28), date(2026, 3, 28)]),
        ("when those bills are due, but no later than the law lets a firm pay",
         date(2026, 3, 10), 10, 30, 60, [date(2026, 5, 9), date(2026, 5, 9)]),
    ],
)  # fmt: skip
def test_parts_fall_due_with_the_bills(
    case: str,
    billed: date,
    cycle: int | None,
    payment: int,
    longest: int | None,
    expected: list[date],
) -> None:
    found = due_days(billed, count=2, cycle_day=cycle, payment_days=payment, longest_days=longest)
    assert list(found) == expected, case


PARTS = tuple(Part(n, Money.of("100.00"), date(2026, 3 + n, 10)) for n in (2, 3, 4))


@pytest.mark.parametrize(
    ("case", "fallen", "deferred", "owed", "expected"),
    [
        ("nothing is due yet", [], "300", "0", ["coming 100", "coming 100", "coming 100"]),
        ("the first is due", [2], "200", "100", ["overdue 100", "coming 100", "coming 100"]),
        ("it is paid", [2], "200", "0", ["paid 0", "coming 100", "coming 100"]),
        ("two are due, a part of one is paid", [2, 3], "100", "150",
         ["overdue 50", "open 100", "coming 100"]),
        ("all is paid off early", [2], "0", "0", ["paid 0", "ended 0", "ended 0"]),
        ("a part of it was credited", [2], "120", "0", ["paid 0", "coming 100", "coming 20"]),
    ],
)  # fmt: skip
def test_what_is_left_of_the_parts(
    case: str, fallen: list[int], deferred: str, owed: str, expected: list[str]
) -> None:
    found = standing(
        PARTS,
        fallen={each.number: each.due_on for each in PARTS if each.number in fallen},
        deferred=Money.of(deferred),
        owed=Money.of(owed),
        today=date(2026, 6, 10),
    )
    assert [f"{each.state} {each.left.amount:.0f}" for each in found] == expected, case
    assert {each.state for each in found} <= set(PartState)
