"""Transfers to our bank account laid beside open bills.

A transfer pays for the bills that it names exactly. What it doesn't name is never guessed: it waits
for an operator, with suggestions and their reasons.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from itertools import groupby

from commerce.kernel.money import Money, total
from commerce.markets.identifiers import creditor_reference, referred_to
from subscriptions.domain.payers import statement_of

PREFIX = "FA"
FIGURES = 7
"""Of a bill's number after its year, at least."""
_WRITTEN = re.compile(
    r"(?<![A-Z])F[\s._/-]*A[\s._/-]*(20\d\d)[\s._/-]*((?:\d\s?){6}\d)(?!\d)", re.IGNORECASE
)
"""A bill's number as people write it: spaces, other dashes or none, small letters."""
_LIKE = re.compile(r"(?<!\d)(20\d\d)[\s._/-]*(\d{1,7})(?!\d)")
"""What may be meant for one: a year and a number."""
_REFERENCE = re.compile(r"RF\s?\d\s?\d\s?F\s?A(?:\s?\d){11,13}", re.IGNORECASE)
_STATEMENT_REFERENCE = re.compile(r"RF\s?\d\s?\d\s?R\s?L(?:\s?\d){15,17}", re.IGNORECASE)
_COMPACT = re.compile(rf"{PREFIX}(20\d\d)(\d{{{FIGURES},}})")
MOST_SUGGESTED = 5


class Waiting(StrEnum):
    """Why money waits for an operator."""

    NO_REFERENCE = "no_reference"
    UNKNOWN_BILL = "unknown_bill"
    PAID_ALREADY = "paid_already"
    SEVERAL_CUSTOMERS = "several_customers"
    OTHER_PAYER = "other_payer"
    GOES_OUT = "goes_out"
    RETURN_OF_WHAT = "return_of_what"


class Hint(StrEnum):
    """What speaks for a suggestion, the strongest first."""

    NAMED = "named"
    MISTYPED = "mistyped"
    PAID_BEFORE = "paid_before"
    ALL_OPEN = "all_open"
    SAME_AMOUNT = "same_amount"
    SAME_NAME = "same_name"


WEIGHT = {hint: 1 << place for place, hint in enumerate(reversed(Hint))}


@dataclass(frozen=True, slots=True)
class Credit:
    """Money that came. `payer_accounts` are the billing accounts for which his bank account has
    paid before, `listed` the bills of statements of payables that it names."""

    amount: Money
    references: tuple[str, ...] = ()
    text: str = ""
    payer_name: str = ""
    payer_accounts: frozenset[int] = frozenset()
    listed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OwedBill:
    """An issued bill; nothing is `open` on one that is paid."""

    number: str
    account_id: int
    party_name: str
    open: Money
    due_on: date


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a transfer for one bill, or, without a number, for its account's next one."""

    account_id: int
    number: str
    amount: Money


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Whose the money may be, and for which of his bills."""

    account_id: int
    party_name: str
    numbers: tuple[str, ...]
    open: Money
    hints: tuple[Hint, ...]


def reference_of(number: str) -> str:
    """What a payer is asked to state for the bill: with check digits, so that no typing error
    names another one."""
    return creditor_reference(number)


def named_in(references: Iterable[str], text: str) -> tuple[str, ...]:
    """The numbers of bills that are named exactly, by reference or as they are, in this order."""
    by_reference = [number for said in references if (number := _referred(said))]
    in_text = [number for said in _REFERENCE.findall(text) if (number := _longest(said))]
    written = [
        _number(year, figures)
        for said in (*references, text)
        for year, figures in _WRITTEN.findall(_REFERENCE.sub(" ", said))
    ]
    return tuple(dict.fromkeys([*by_reference, *in_text, *written]))


def statements_in(references: Iterable[str], text: str) -> tuple[str, ...]:
    """The numbers of statements of payables that are named by their reference."""
    said = [*references, *_STATEMENT_REFERENCE.findall(text)]
    found = (referred_to(each) or "" for each in said)
    return tuple(dict.fromkeys(number for number in found if statement_of(number)))


def near(references: Iterable[str], text: str) -> tuple[str, ...]:
    """The numbers of bills that may be meant: zeros left out, one figure wrong, or two changed."""
    found: dict[str, None] = {}
    for said in (*references, text):
        for year, figures in _LIKE.findall(said):
            for each in (figures.zfill(FIGURES), *_mistyped(figures.zfill(FIGURES))):
                found[f"{PREFIX}-{year}-{each}"] = None
    for number in named_in(references, text):
        series, figures = number.rsplit("-", 1)
        found |= {f"{series}-{each}": None for each in _mistyped(figures)}
    return tuple(found)


def matched(credit: Credit, bills: Mapping[str, OwedBill]) -> tuple[Share, ...] | Waiting:
    """What the transfer pays for, or why nobody but an operator can say it.

    `bills` are those that it names, paid ones too. What is too little pays for the bill that is due
    first; what is too much is its customer's, for his next bill. All amounts add up to the credit.
    """
    named = tuple(dict.fromkeys([*named_in(credit.references, credit.text), *credit.listed]))
    found = [bills[number] for number in named if number in bills]
    owing = [bill for bill in found if bill.open.amount > 0]
    accounts = {bill.account_id for bill in found}
    exact = credit.amount == total((bill.open for bill in owing), currency=credit.amount.currency)
    if not named:
        return Waiting.NO_REFERENCE
    if len(found) < len(named):
        return Waiting.UNKNOWN_BILL
    if not owing:
        return Waiting.PAID_ALREADY
    if not exact and len(accounts) > 1:
        return Waiting.SEVERAL_CUSTOMERS
    if not exact and credit.payer_accounts and not accounts & credit.payer_accounts:
        return Waiting.OTHER_PAYER
    return shared(credit.amount, owing)


def shared(amount: Money, bills: Iterable[OwedBill]) -> tuple[Share, ...]:
    """The amount among the open bills of an account, those due first; the rest is its customer's.

    For bills of several accounts there must be no rest.
    """
    shares, left, account_id = [], amount, 0
    for bill in sorted(bills, key=lambda each: (each.due_on, each.number)):
        account_id = bill.account_id
        part = min(left, bill.open)
        if part.amount > 0:
            shares.append(Share(bill.account_id, bill.number, part))
            left -= part
    return (*shares, Share(account_id, "", left)) if left else tuple(shares)


def suggested(credit: Credit, bills: Iterable[OwedBill]) -> tuple[Suggestion, ...]:
    """Whose it may be, the likeliest first; `bills` are open ones that anything speaks for, all of
    each account."""
    named = named_in(credit.references, credit.text)
    close = near(credit.references, credit.text)
    found: list[Suggestion] = []
    ordered = sorted(bills, key=lambda each: (each.account_id, each.due_on, each.number))
    for _, rows in groupby(ordered, key=lambda each: each.account_id):
        found += _of_account(credit, tuple(rows), named=named, close=close)
    weighed = sorted(
        found, key=lambda each: (-sum(WEIGHT[hint] for hint in each.hints), each.numbers)
    )
    return tuple(weighed[:MOST_SUGGESTED])


def _of_account(
    credit: Credit, bills: Sequence[OwedBill], *, named: Collection[str], close: Collection[str]
) -> Iterator[Suggestion]:
    first = bills[0]
    payer = [Hint.PAID_BEFORE] if first.account_id in credit.payer_accounts else []
    payer += [Hint.SAME_NAME] if _plain(first.party_name) == _plain(credit.payer_name) else []
    for bill in bills:
        hints = [*payer]
        hints += [Hint.NAMED] if bill.number in named else []
        hints += [Hint.MISTYPED] if bill.number in close and bill.number not in named else []
        hints += [Hint.SAME_AMOUNT] if bill.open == credit.amount else []
        if hints != payer or (payer and len(bills) == 1):
            yield _suggestion([bill], hints)
    if payer and len(bills) > 1:
        whole = total((bill.open for bill in bills), currency=credit.amount.currency)
        yield _suggestion(bills, [*payer, *([Hint.ALL_OPEN] if whole == credit.amount else [])])


def _suggestion(bills: Sequence[OwedBill], hints: Collection[Hint]) -> Suggestion:
    return Suggestion(
        account_id=bills[0].account_id,
        party_name=bills[0].party_name,
        numbers=tuple(bill.number for bill in bills),
        open=total((bill.open for bill in bills), currency=bills[0].open.currency),
        hints=tuple(hint for hint in Hint if hint in hints),
    )


def _referred(said: str) -> str | None:
    """The bill of a creditor reference."""
    body = referred_to(said)
    match = _COMPACT.fullmatch(body) if body else None
    return _number(match[1], match[2]) if match else None


def _longest(said: str) -> str | None:
    """The bill of a reference in the middle of a text, where more may follow it."""
    return next((n for end in range(len(said), 16, -1) if (n := _referred(said[:end]))), None)


def _number(year: str, figures: str) -> str:
    return f"{PREFIX}-{year}-{''.join(figures.split())}"


def _mistyped(figures: str) -> Iterator[str]:
    for place, figure in enumerate(figures):
        yield from (
            f"{figures[:place]}{other}{figures[place + 1 :]}"
            for other in "0123456789"
            if other != figure
        )
        swapped = figures[place : place + 2][::-1]
        if len(swapped) == 2 and swapped[0] != swapped[1]:
            yield f"{figures[:place]}{swapped}{figures[place + 2 :]}"


def _plain(name: str) -> str:
    return "".join(each for each in name.casefold() if each.isalnum())
