"""What third parties may put on the bill of a line, one purchase after the other (reading 23)."""

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from fractions import Fraction

from tests.proof.billing.facts import (
    Bought,
    Buyer,
    Contract,
    GivenBack,
    Life,
    LimitSet,
)
from tests.proof.billing.money import cents
from tests.proof.billing.seen import Seen

MOST_EACH, MOST_A_MONTH = Decimal(50), Decimal(300)
"""With tax: L521-3-1 of the code of money and finance (F4.1)."""


@dataclass(frozen=True, slots=True)
class Purchase:
    """What was bought, or (`back` numbers it) went back; then the amounts are negative."""

    contract: str
    code: str
    day: date
    back: str
    net: Decimal
    gross: Decimal
    tax: str


def purchases(life: Life) -> list[Purchase]:
    """All that was allowed, in the order in which it was asked for."""
    found: list[Purchase] = []
    lines = {contract.code: contract for contract in life.contracts}
    limits: dict[str, Decimal] = {}
    asked: dict[str, Bought] = {}
    given: dict[str, list[GivenBack]] = {}
    for fact in sorted(life.facts, key=lambda fact: fact.entry):
        match fact:
            case LimitSet():
                limits[fact.contract] = fact.month
            case Bought():
                one = priced(life, fact)
                if is_allowed(life, lines[fact.contract], one, found, limits):
                    found.append(one)
                    asked[fact.code] = fact
            case GivenBack() if fact.purchase in asked:
                before = given.setdefault(fact.purchase, [])
                found += given_back(life, asked[fact.purchase], before, fact)
    return found


def priced(life: Life, fact: Bought) -> Purchase:
    """With and without tax, each to the cent; the tax is added first where it was not in it."""
    share = 1 + Fraction(life.account.rate(fact.tax)) / 100
    amount = Fraction(fact.amount)
    gross = cents(amount if fact.with_tax else amount * share)
    net = cents(Fraction(gross) / share)
    return Purchase(fact.contract, fact.code, fact.known, "", net, gross, fact.tax)


def is_allowed(
    life: Life, line: Contract, one: Purchase, before: list[Purchase], limits: dict[str, Decimal]
) -> bool:
    """On an open line, within the law's two limits and the customer's own; what went back later
    still counts. The law's month is a subscriber's: of a business each line is one."""
    seen = Seen(life, by=one.day, known=one.day)
    if not seen.items(line, one.day) or seen.is_stopped(line, one.day):
        return False
    month = [each for each in before if not each.back and same_month(each.day, one.day)]
    own = sum((each.gross for each in month if each.contract == line.code), one.gross)
    every = sum((each.gross for each in month), one.gross)
    together = every if life.account.buyer is Buyer.CONSUMER else own
    own_limit = limits.get(line.code, MOST_A_MONTH)
    return one.gross <= MOST_EACH and together <= MOST_A_MONTH and own <= own_limit


def same_month(one: date, other: date) -> bool:
    """Whether both days are in one calendar month."""
    return (one.year, one.month) == (other.year, other.month)


def given_back(
    life: Life, sale: Bought, before: list[GivenBack], fact: GivenBack
) -> list[Purchase]:
    """A part of the purchase, if so much of it is left: all that went back by now, rounded
    together, less what had before."""
    done = sum((each.amount or Decimal(0) for each in before), Decimal(0))
    part = sale.amount - done if fact.amount is None else fact.amount
    if not 0 < part <= sale.amount - done:
        return []
    whole, parts = priced(life, sale), []
    for total in (done, done + part):
        share = Fraction(total) / Fraction(sale.amount)
        parts.append([cents(Fraction(each) * share) for each in (whole.net, whole.gross)])
    (net, gross), (net_now, gross_now) = parts
    before.append(replace(fact, amount=part))
    number = f"back {len(before)}"
    return [
        Purchase(
            sale.contract, sale.code, fact.known, number, net - net_now, gross - gross_now, sale.tax
        )
    ]
