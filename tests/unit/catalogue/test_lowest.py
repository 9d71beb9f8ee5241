"""The lowest price of the 30 days before a reduction, at its borders."""

from datetime import UTC, datetime, timedelta

import pytest

from catalogue.domain.lowest import Asked, lowest_before
from commerce.kernel.money import Money

SALE = datetime(2026, 11, 27, tzinfo=UTC)
INSTANT = timedelta(microseconds=1)


def asked(days_before: float, price: str | None, *, reduced: bool = False) -> Asked:
    amount = None if price is None else Money.of(price)
    return Asked(SALE - timedelta(days=days_before), amount, reduced)


REDUCED = asked(0, "449", reduced=True)
CASES: list[tuple[str, list[Asked], str | None]] = [
    ("the price before, where it never changed", [asked(400, "549")], "549"),
    ("the lowest of several in the 30 days", [asked(400, "549"), asked(20, "499"),
                                              asked(10, "529")], "499"),
    ("raised just before: the lower one before counts",
     [asked(400, "499"), asked(1, "599")], "499"),
    ("ended exactly 30 days before: no longer counts",
     [asked(400, "399"), asked(30, "549")], "549"),
    ("ended an instant later: counts",
     [asked(400, "399"), Asked(SALE - timedelta(days=30) + INSTANT, Money.of("549"))], "399"),
    ("on sale for ten days only", [asked(10, "549")], "549"),
    ("never asked before: nothing can be told", [], None),
    ("not on sale meanwhile: that is no price", [asked(400, "399"), asked(60, None),
                                                 asked(5, "549")], "549"),
    ("a second reduction at once: before the first", [asked(400, "549"),
                                                      asked(9, "499", reduced=True)], "549"),
    ("an earlier reduction that ended counts with its price",
     [asked(400, "549"), asked(20, "429", reduced=True), asked(15, "549")], "429"),
]  # fmt: skip


@pytest.mark.parametrize(("case", "before", "expected"), CASES)
def test_the_lowest_price_before_a_reduction(
    case: str, before: list[Asked], expected: str | None
) -> None:
    wanted = None if expected is None else Money.of(expected)
    assert lowest_before([*before, REDUCED], at=SALE) == wanted, case
    assert lowest_before([*before, REDUCED], at=SALE + timedelta(days=90)) == wanted, case


def test_without_a_reduction_nothing_is_told() -> None:
    history = [asked(400, "549"), REDUCED, asked(-5, "549")]
    assert lowest_before(history, at=SALE - INSTANT) is None
    assert lowest_before(history, at=SALE + timedelta(days=5)) is None
    assert lowest_before(history, at=SALE + timedelta(days=5) - INSTANT) == Money.of("549")
    assert lowest_before([], at=SALE) is None
