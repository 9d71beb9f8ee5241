"""Billing many accounts at once: a few statements per pass, whatever their number."""

import logging
from collections.abc import Mapping, Sequence, Set
from datetime import date, timedelta
from decimal import Decimal

from django.db import DatabaseError, DataError, IntegrityError, connection, transaction

from commerce.accounts.kinds import Segment
from commerce.kernel.errors import RuleViolated
from commerce.kernel.periods import Period
from subscriptions.domain.control import Tally
from subscriptions.domain.cycles import first_bill_on, last_bill_on
from subscriptions.domain.invoice import DraftLine, RunningCharge, period_due
from subscriptions.invoicing.services import check, drafting
from subscriptions.invoicing.services.drafting import Draft
from subscriptions.models import BillingAccount
from subscriptions.usage.services import overuse
from subscriptions.usage.services.overuse import Overuse

logger = logging.getLogger(__name__)

_ADVANCE = """
UPDATE subscriptions_billingaccount AS account
   SET next_bill_on = given.next_bill_on, bills = given.bills
  FROM unnest(%s::bigint[], %s::date[], %s::int[]) AS given (id, next_bill_on, bills)
 WHERE account.id = given.id
"""


def bill_accounts(accounts: Sequence[BillingAccount], *, on: date, chunk_id: int) -> Tally:
    """Draft every bill that the accounts owe up to `on`; what became of them.

    The accounts are locked by the caller. One pass bills one period of each; an account that is
    behind takes several. One in an impossible state is parked with its reason; the others go on.
    """
    parked: set[int] = set()
    kept: list[Draft] = []
    due = list(accounts)
    while due:
        ids = [account.pk for account in due]
        charges = drafting.running_charges(ids)
        back = drafting.open_compensations(ids)
        bought = drafting.open_purchases(ids)
        begun = {account.pk: _arrears(account, on=on) for account in due}
        used = overuse.due(begun)
        free = drafting.running_without_charges(ids, charges)
        stopped: set[int] = set()
        drafts: list[Draft] = []
        without: dict[int, Period] = {}
        for account in due:
            try:
                period, draft = _next_draft(
                    account, charges, back, bought, used, free, on=on, begun=begun[account.pk]
                )
            except RuleViolated as impossible:
                _park_impossible(account, reason=impossible.message)
                stopped.add(account.pk)
            except Exception as broken:
                # The core is pure, so nothing is half done; one account must not stop the others.
                logger.exception("account %s can't be billed", account.pk)
                _park_impossible(account, reason=repr(broken))
                stopped.add(account.pk)
            else:
                if draft is None:
                    without[account.pk] = period
                else:
                    drafts.append(draft)
        stopped |= _write_and_check(drafts, on=on, chunk_id=chunk_id)
        if without:
            overuse.settle(found for pk, found in used.items() if pk in without)
            stopped |= set(check.park_what_is_forgotten(without))
        _advance([account for account in due if account.pk not in stopped])
        kept += [draft for draft in drafts if draft.account.pk not in stopped]
        parked |= stopped
        due = [
            account
            for account in due
            if account.pk not in stopped
            and account.next_bill_on is not None
            and account.next_bill_on <= on
        ]
    return _tally(accounts, kept, parked)


def _tally(accounts: Sequence[BillingAccount], kept: Sequence[Draft], parked: set[int]) -> Tally:
    billed = {draft.account.pk for draft in kept} - parked
    nothing = {account.pk for account in accounts} - billed - parked
    return Tally(
        taken=len(accounts),
        billed=len(billed),
        parked=len(parked),
        nothing=len(nothing),
        drafts=len(kept),
        gross=sum((draft.totals.gross.amount for draft in kept), Decimal(0)),
    )


def _next_draft(
    account: BillingAccount,
    charges: Mapping[int, Sequence[RunningCharge]],
    compensations: Mapping[int, Sequence[tuple[date, DraftLine]]],
    purchases: Mapping[int, Sequence[tuple[date, DraftLine]]],
    used: Mapping[int, Overuse],
    free: Set[int],
    *,
    on: date,
    begun: date,
) -> tuple[Period, Draft | None]:
    """The account's next period and its bill (None if nothing falls due); moves the account on,
    for as long as it has a contract, though it may cost nothing from month to month.

    Purchases from third parties are billed in arrears: those of the days before `begun`.
    """
    assert account.next_bill_on is not None
    period = period_due(account.next_bill_on, on=on, cycle_day=account.cycle)
    running = charges.get(account.pk, [])
    back = [line for due_on, line in compensations.get(account.pk, ()) if due_on < period.end]
    bought = [line for day, line in purchases.get(account.pk, ()) if day < begun]
    beyond = used.get(account.pk)
    waits = account.pk in purchases or (beyond and beyond.lines)
    if not running and not back and not waits:
        account.next_bill_on = period.end if account.pk in free else None
        return period, None
    key = f"cycle:{account.pk}:{period.start}:{account.bills}"
    draft = drafting.cycle_draft(
        account, running, period=period, key=key, back=[*back, *bought], used=beyond
    )
    account.next_bill_on = period.end
    account.bills += 1
    return period, draft


def _arrears(account: BillingAccount, *, on: date) -> date:
    """Up to which day the account's next bill takes up what is billed in arrears; that of what a
    firm began within a cycle is made on the day after."""
    assert account.next_bill_on is not None
    period = period_due(account.next_bill_on, on=on, cycle_day=account.cycle)
    in_between = first_bill_on(period.start, cycle_day=account.cycle) == period.end
    if in_between and account.segment == Segment.BUSINESS:
        return min(on, period.start + timedelta(days=1))
    return max(period.start, last_bill_on(period.last_day, cycle_day=account.cycle))


def _write_and_check(drafts: Sequence[Draft], *, on: date, chunk_id: int) -> set[int]:
    """Store the drafts and hold what differs from the promise; the accounts that were parked.

    A draft that the database refuses is tried alone, and its account parked if it fails again.
    """
    if not drafts:
        return set()
    parked: set[int] = set()
    ids: list[int] = []
    owners: dict[int, int] = {}
    try:
        with transaction.atomic():
            ids = drafting.write(drafts, on=on, chunk_id=chunk_id)
        owners = {pk: draft.account.pk for pk, draft in zip(ids, drafts, strict=True)}
    except (IntegrityError, DataError):
        for draft in drafts:
            try:
                with transaction.atomic():
                    (pk,) = drafting.write([draft], on=on, chunk_id=chunk_id)
            except (IntegrityError, DataError) as refused:
                _park_refused(draft, refused)
                parked.add(draft.account.pk)
            else:
                ids.append(pk)
                owners[pk] = draft.account.pk
    held = check.hold_what_differs(ids)
    _advance([draft.account for draft in drafts if draft.account.pk in {owners[pk] for pk in held}])
    return parked | {owners[pk] for pk in held}


def _park_impossible(account: BillingAccount, *, reason: str) -> None:
    check.park(
        account_id=account.pk,
        rule="impossible_state",
        reasons=[{"rule": "impossible_state", "reason": reason}],
    )


def _park_refused(draft: Draft, refused: DatabaseError) -> None:
    cause = refused.__cause__
    constraint = getattr(getattr(cause, "diag", None), "constraint_name", None) or "refused"
    check.park(
        account_id=draft.account.pk,
        rule="already_billed" if constraint == "covered_once" else "refused_by_database",
        reasons=[{"rule": constraint, "reason": f"The database refused the bill {draft.key}."}],
    )


def _advance(accounts: Sequence[BillingAccount]) -> None:
    """Store how far the accounts are billed; leaves their other columns alone."""
    if not accounts:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            _ADVANCE,
            [
                [account.pk for account in accounts],
                [account.next_bill_on for account in accounts],
                [account.bills for account in accounts],
            ],
        )
