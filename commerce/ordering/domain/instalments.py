"""The parts of a price beside the coming bills of a quote, before anything is agreed. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from commerce.kernel.money import Money
from commerce.ordering.domain.quote import Quote
from subscriptions.domain.charges import period_starts
from subscriptions.domain.instalments import due_days


@dataclass(frozen=True, slots=True)
class BillDays:
    """When the bills of an account come: on its `cycle_day` (None: with the first contract), to be
    paid within `payment_days`."""

    cycle_day: int | None
    payment_days: int


@dataclass(frozen=True, slots=True)
class ComingPart:
    """The part `number` (the first, of today, counted), tax included, as it is due if the devices
    are billed on the day that the quote assumes: on `due_on`, with the bill of the contract month
    `bill`, of whose amount it is no part."""

    number: int
    amount: Money
    due_on: date
    bill: int


@dataclass(frozen=True, slots=True)
class Choice:
    """Paying in `parts`: `amounts` with today's first, `later` those after it on their days;
    `due_now` with all else that is due."""

    parts: int
    amounts: tuple[Money, ...]
    later: tuple[ComingPart, ...]
    due_now: Money


@dataclass(frozen=True, slots=True)
class Choices:
    """In how many parts the devices of a quote may be paid; none for the reason `code`, which
    `sentence` says."""

    choices: tuple[Choice, ...] = ()
    code: str = ""
    sentence: str = ""

    def of(self, parts: int) -> Choice | None:
        return next((each for each in self.choices if each.parts == parts), None)


NO_CHOICES = Choices()


def coming_parts(
    amounts: Sequence[Money], *, quote: Quote, account: BillDays, longest_days: int | None
) -> tuple[ComingPart, ...]:
    """The parts after the first of `amounts`, the last of them within `longest_days`."""
    later = amounts[1:]
    dated = (
        due_days(
            quote.activation,
            count=len(later),
            cycle_day=account.cycle_day,
            payment_days=account.payment_days,
            longest_days=longest,
        )
        for longest in (longest_days, None)
    )
    due, with_bills = dated
    return tuple(
        ComingPart(
            number=number,
            amount=amount,
            due_on=day,
            bill=_month_of(with_bill - timedelta(days=account.payment_days), quote=quote),
        )
        for number, (amount, day, with_bill) in enumerate(
            zip(later, due, with_bills, strict=True), start=2
        )
    )


def _month_of(day: date, *, quote: Quote) -> int:
    """The contract month in which a bill of the day stands."""
    for index, period in period_starts(quote.activation):
        if day < period.end:
            return index
    raise AssertionError("contract months have no end")
