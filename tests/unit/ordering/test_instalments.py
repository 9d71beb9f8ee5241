"""The parts of a price beside the coming bills of a quote: by hand."""

from datetime import date

import pytest

from commerce.kernel.money import Money
from commerce.ordering.domain.instalments import BillDays, Choice, Choices, coming_parts
from tests.unit.ordering.shop import cart, line, priced

AMOUNTS = tuple(map(Money.of, ("60.00", "60.00", "59.99")))


@pytest.mark.parametrize(
    ("case", "amounts", "account", "longest", "expected"),
    [
        ("who is new pays them with his second and third bill",
         AMOUNTS, BillDays(None, 0), None,
         [(2, "60.00", date(2026, 12, 25), 2), (3, "59.99", date(2027, 1, 25), 3)]),
        ("who has a bill day pays them with the bills of that day",
         AMOUNTS, BillDays(12, 0), None,
         [(2, "60.00", date(2026, 12, 12), 1), (3, "59.99", date(2027, 1, 12), 2)]),
        ("a bill day within a fortnight is left out",
         AMOUNTS, BillDays(1, 0), None,
         [(2, "60.00", date(2027, 1, 1), 2), (3, "59.99", date(2027, 2, 1), 3)]),
        ("a firm pays a month after the bill of that month, within 60 days of the first",
         AMOUNTS[:2], BillDays(None, 30), 60, [(2, "60.00", date(2027, 1, 24), 2)]),
    ],
)  # fmt: skip
def test_each_part_is_paid_with_a_coming_bill(
    case: str,
    amounts: tuple[Money, ...],
    account: BillDays,
    longest: int | None,
    expected: list[tuple[int, str, date, int]],
) -> None:
    quote = priced(cart(line("1", "horizon")), activation=date(2026, 11, 25))
    found = coming_parts(amounts, quote=quote, account=account, longest_days=longest)
    assert [
        (part.number, str(part.amount.amount), part.due_on, part.bill) for part in found
    ] == expected, case


def test_a_number_of_parts_that_is_not_offered_is_no_choice() -> None:
    three = Choice(3, AMOUNTS, (), Money.of("80.00"))
    assert Choices((three,)).of(3) == three
    assert Choices((three,)).of(4) is None
    assert Choices().of(3) is None
