"""Amounts on command lines."""

from argparse import ArgumentTypeError
from decimal import Decimal, InvalidOperation

LARGEST = Decimal(1_000_000)


def amount(told: str) -> Decimal:
    """An amount, a share or a rate, of two decimals at most.

    Raises:
        ArgumentTypeError: it is none. `Decimal` itself takes NaN, and its error is no ValueError.
    """
    try:
        found = Decimal(told)
    except InvalidOperation:
        found = Decimal("NaN")
    if not found.is_finite() or abs(found) > LARGEST or found != round(found, 2):
        raise ArgumentTypeError(f"{told!r} is no amount of two decimals at most")
    return found
