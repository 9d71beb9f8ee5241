"""What changed in a cart between two looks at it, in two channels or on two days. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from commerce.kernel.codec import from_plain, to_plain
from commerce.kernel.money import Money
from commerce.ordering.domain.quote import Quote


class Change(StrEnum):
    """What is different; `due_today` and `commitment_total` speak of the whole cart."""

    PRICE = "price"
    NO_LONGER_SOLD = "no_longer_sold"
    OUT_OF_STOCK = "out_of_stock"
    ADVANTAGE_GONE = "advantage_gone"
    ADVANTAGE_NEW = "advantage_new"
    DUE_TODAY = "due_today"
    COMMITMENT_TOTAL = "commitment_total"


@dataclass(frozen=True, slots=True)
class Difference:
    """`subject` is an offering or promotion code; `before` and `after` are amounts where it has
    them."""

    change: Change
    subject: str = ""
    before: Money | None = None
    after: Money | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """A cart as it was seen. `prices`: by offering and charge, list price per unit."""

    due_today: Money
    commitment_total: Money
    prices: Mapping[str, Money]
    advantages: tuple[str, ...]
    gone: tuple[str, ...] = ()
    out_of_stock: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, quote: Quote, *, gone: tuple[str, ...] = (), out_of_stock: tuple[str, ...] = ()
    ) -> "Seen":
        return cls(
            due_today=quote.due_today_gross,
            commitment_total=quote.commitment_total,
            prices={
                f"{line.offering}.{charge.code}": charge.amount
                for line in quote.lines
                for charge in line.charges
            },
            advantages=tuple(applied.code for applied in quote.applied),
            gone=gone,
            out_of_stock=out_of_stock,
        )

    def to_json(self) -> dict[str, Any]:
        plain: dict[str, Any] = to_plain(self)
        return plain

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> "Seen":
        return from_plain(cls, plain)


def differences(before: Seen, after: Seen) -> tuple[Difference, ...]:
    """Everything that a customer should be told; nothing if all is as it was."""
    found = [Difference(Change.NO_LONGER_SOLD, code) for code in after.gone]
    found += [Difference(Change.OUT_OF_STOCK, code) for code in after.out_of_stock]
    found += [
        Difference(Change.PRICE, name, before.prices[name], amount)
        for name, amount in sorted(after.prices.items())
        if name in before.prices and before.prices[name] != amount
    ]
    old, new = set(before.advantages), set(after.advantages)
    found += [Difference(Change.ADVANTAGE_GONE, code) for code in sorted(old - new)]
    found += [Difference(Change.ADVANTAGE_NEW, code) for code in sorted(new - old)]
    for change, was, now in (
        (Change.DUE_TODAY, before.due_today, after.due_today),
        (Change.COMMITMENT_TOTAL, before.commitment_total, after.commitment_total),
    ):
        if was != now:
            found.append(Difference(change, "", was, now))
    return tuple(found)
