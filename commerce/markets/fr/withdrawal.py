"""Withdrawal from a distance contract (L221-18 to L221-25 of the consumer code)."""

from datetime import date, timedelta
from decimal import Decimal

from commerce.markets.fr.working_days import is_working_day
from commerce.markets.pack import WithdrawalRules

DAYS = 14
SATURDAY = 5
RULES = WithdrawalRules(
    refund_days=14,
    wear={
        "as_new": Decimal(0),
        "worn": Decimal("0.20"),
        "damaged": Decimal("0.50"),
        "lost": Decimal(0),
    },
)
"""The customer answers for what is handled beyond need alone (L221-23), how much is ours to say;
for a parcel that is lost on the label that we gave him he does not."""


def withdrawal_last_day(concluded_on: date) -> date:
    """The last day: 14 after the conclusion (services) or the receipt (goods), which doesn't count.

    A period that would end on a Saturday, Sunday or holiday goes on to the next working day.
    """
    last = concluded_on + timedelta(days=DAYS)
    while last.weekday() == SATURDAY or not is_working_day(last):
        last += timedelta(days=1)
    return last


def earliest_port_in(concluded_on: date) -> date:
    """The first day on which a number may be ported if early execution was not asked for."""
    return withdrawal_last_day(concluded_on) + timedelta(days=1)
