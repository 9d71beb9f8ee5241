"""Who may pay another's bills: the rules of an agreement, and the reference of what is to pay."""

from dataclasses import dataclass
from datetime import date, timedelta

from commerce.kernel.errors import RuleViolated
from commerce.markets.identifiers import creditor_reference
from subscriptions.domain.cycles import CycleDay, first_bill_on

MOST_PAID = 100
"""Accounts whose bills one account may pay."""
STATEMENT = "RL"
"""How a statement's number begins, before its day and the account's."""


@dataclass(frozen=True, slots=True)
class Account:
    """An account, and what stands from the day on which the agreement would begin: for how many it
    pays, and whether another pays its own bills."""

    account_id: int
    segment: str
    currency: str
    pays_for: int
    is_paid: bool


def check_agreement(*, paid: Account, payer: Account) -> None:
    """Raises RuleViolated: `payer_is_itself`, `payer_of_other_kind`: a firm for a person or the
    other way round, or in another currency; `has_payer`; `payer_is_paid`, `paid_is_payer`: a payer
    has none himself; `pays_for_most`."""
    if paid.account_id == payer.account_id:
        raise RuleViolated("Nobody is the payer of his own bills.", code="payer_is_itself")
    if (paid.segment, paid.currency) != (payer.segment, payer.currency):
        raise RuleViolated(
            "A firm pays for firms, a person for persons, in one currency.",
            code="payer_of_other_kind",
        )
    if paid.is_paid:
        raise RuleViolated("Another party pays these bills already.", code="has_payer")
    if payer.is_paid:
        raise RuleViolated("Another party pays the payer's own bills.", code="payer_is_paid")
    if paid.pays_for:
        raise RuleViolated("Who pays for others pays his own bills.", code="paid_is_payer")
    if payer.pays_for >= MOST_PAID:
        raise RuleViolated(
            "This account pays for as many as it may.", code="pays_for_most", most=str(MOST_PAID)
        )


def next_bill_day(today: date, *, cycle_day: CycleDay | None) -> date:
    """The bill day after today, from which an agreement begins or ends; tomorrow without one."""
    tomorrow = today + timedelta(days=1)
    return tomorrow if cycle_day is None else first_bill_on(tomorrow, cycle_day=cycle_day)


def statement_number(account_id: int, on: date) -> str:
    """Of what an account has to pay of the bills of a day: RL202604100000042."""
    return f"{STATEMENT}{on:%Y%m%d}{account_id:07d}"


def statement_reference(account_id: int, on: date) -> str:
    """What the payer states in one transfer for all of them (ISO 11649)."""
    return creditor_reference(statement_number(account_id, on))


def statement_of(number: str) -> tuple[int, date] | None:
    """The account and day of a statement's number; None if it is none."""
    figures = number.removeprefix(STATEMENT)
    if figures == number or not figures.isdecimal() or len(figures) < 15:
        return None
    try:
        on = date(int(figures[:4]), int(figures[4:6]), int(figures[6:8]))
    except ValueError:
        return None
    return int(figures[8:]), on


def is_over(until_on: date | None, *, today: date) -> bool:
    """Whether an agreement holds no more."""
    return until_on is not None and until_on <= today
