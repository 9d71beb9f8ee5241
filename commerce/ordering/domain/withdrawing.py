"""Withdrawing from a distance contract: what ends, what comes back, and what is paid back. Pure."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from catalogue.domain.model import Text
from commerce.kernel.money import Money
from commerce.ordering.domain.changes import ComingBill
from commerce.ordering.domain.line_discounts import Following


class Condition(StrEnum):
    """What a customer says of what he sends back."""

    AS_NEW = "as_new"
    WORN = "worn"
    DAMAGED = "damaged"


@dataclass(frozen=True, slots=True)
class Thing:
    """A piece that comes back: the line that brought it and what was paid for it, with tax."""

    line_id: str
    name: Text
    quantity: int
    price: Money


@dataclass(frozen=True, slots=True)
class WithdrawalQuote:
    """What withdrawing from a bundle of an order does; possible up to and with `last_day`.

    The contract (None where only things were bought) ends on the day `ends_on`: today if its
    service was asked for at once, so that the days used are paid, else on its first day; one of
    `bills` settles it today. `refund` goes back to the card once the things are on their way back
    (L221-24), on the day `refund_by` at the latest if they are by then; `wear` is the share of the
    price, by grade, that is billed afterwards. `coming` has not arrived: it is not sent any more,
    or comes back if it has left. `takes_back` are the orders for the line that are taken back with
    it, `beside` is what other lines of the holder cost otherwise then.
    """

    number: str
    group: str
    last_day: date
    subscription_id: int | None
    msisdn: str
    ends_on: date
    days_are_paid: bool
    ends: tuple[Text, ...]
    things: tuple[Thing, ...]
    bills: tuple[ComingBill, ...]
    refund: Money
    refund_by: date
    wear: Mapping[str, Decimal]
    takes_back: tuple[str, ...] = ()
    coming: tuple[Text, ...] = ()
    beside: tuple[Following, ...] = ()

    def digest(self) -> str:
        """SHA-256 of what is agreed, with what else is ordered for the line."""
        things = ",".join(f"{thing.line_id}:{thing.price}" for thing in self.things)
        coming = ",".join(name.in_("fr") for name in self.coming)
        agreed = (self.number, self.group, str(self.ends_on), things, coming, str(self.refund))
        parts = (*agreed, *self.takes_back)
        return hashlib.sha256("|".join(parts).encode()).hexdigest()


def owed_for(price: Money, grade: str, *, wear: Mapping[str, Decimal]) -> Money:
    """What is owed of the price of a piece that came back like that; nothing for grades that the
    market says nothing of."""
    return (price * wear.get(grade, Decimal(0))).rounded()
