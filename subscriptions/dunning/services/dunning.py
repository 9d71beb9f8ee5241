"""Dunning carried out: an account is looked at, and what is due by the policy is done once."""

import logging
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from django.db import transaction

from commerce.events.outbox import publish
from commerce.kernel.clock import business_today
from commerce.kernel.errors import Conflict, InvalidInput, NotFound, RuleViolated
from commerce.kernel.money import Money, total
from commerce.notifications.services import send, ways_to
from commerce.payments.selectors import processing
from commerce.payments.services.charge import request_charge
from subscriptions.collection.selectors import announced_under, method_for_bills, objected_to
from subscriptions.collection.services import deposits
from subscriptions.collection.services.announcing import euros
from subscriptions.collection.services.collecting import PURPOSE, announce_late
from subscriptions.domain.dunning import (
    GRADES,
    Action,
    EntryKind,
    Standing,
    Step,
    check_promise,
    coming,
    due_steps,
    grade_of,
)
from subscriptions.domain.states import InvoiceState
from subscriptions.dunning.policy import policy
from subscriptions.dunning.selectors import (
    OverdueBill,
    announced_late,
    asked_by,
    being_debited,
    debtors,
    open_case,
    overdue_bills,
    running_contracts,
    standing,
    still_overdue_since,
    treatment,
)
from subscriptions.dunning.services import dunning_clock, history, late_interest
from subscriptions.dunning.services.late_fee import charge_late
from subscriptions.events import DunningMoved
from subscriptions.ledger.selectors import (
    money_on_its_way,
    open_amount,
    owed_on,
    owing_accounts,
)
from subscriptions.ledger.services import ledger
from subscriptions.models import BillingAccount, DunningCase, Invoice

logger = logging.getLogger(__name__)

NOBODY_REACHED = "no_address"
"""The note of a case that the machine paused: nothing is known by which its next message would
reach its party."""
_TOMORROW = timedelta(days=1)


class DunningFailed(Exception):
    """Some accounts of a timer could not be looked at; the log names them."""


def on_bills_due(payload: Mapping[str, Any]) -> None:
    """Timer, business time; called with no transaction open: the day after bills were due. Of the
    accounts whose bills are open each is looked at; one that can't be holds up no other.

    Raises:
        DunningFailed: some of them can't.
    """
    rows = Invoice.objects.filter(pk__in=payload["ids"], state=InvoiceState.ISSUED)
    unpaid = rows.annotate(owed=open_amount()).filter(owed__gt=0)
    failed = []
    for account_id in sorted(set(owing_accounts(unpaid))):
        try:
            look(account_id)
        except Exception:
            logger.exception("the unpaid bills of account %s can't be dealt with", account_id)
            failed.append(account_id)
    if failed:
        raise DunningFailed(f"accounts {failed}")


def on_look_due(payload: Mapping[str, Any]) -> None:
    """Timer, business time, or at once after a payment."""
    look(payload["account"])


@transaction.atomic
def look(account_id: int) -> None:
    """Open, carry on or close the account's case. May be repeated: each step is done once.

    While money for one of the bills is on its way nothing is done; it is looked at again.
    """
    account, case = _locked(account_id)
    today = business_today()
    bills = overdue_bills(account, today=today)
    if not bills:
        _let_be(account, case, today=today)
        return
    case = case or _opened(account, bills)
    before = treatment(case)
    found = {row.pk: row for row in Invoice.objects.filter(pk__in=[bill.id for bill in bills])}
    if processing(bill.number for bill in bills):
        dunning_clock.look_tomorrow(account)
        return
    if any(money_on_its_way(found[bill.id]) for bill in bills):
        dunning_clock.look_soon(account, later=dunning_clock.MONEY_COMES)
        return
    if not case.paused and announce_late(found.values()):
        bills = overdue_bills(account, today=today)
        if not bills:
            _let_be(account, case, today=today)
            return
    _charge_fees(case, bills)
    _charge_interest(case, today=today)
    _settle_promise(case, today=today)
    rules = policy()
    stands = standing(case, bills=bills, by=rules)
    steps = due_steps(stands, rules, today=today)
    if _waits_for_an_address(case, steps):
        _pause(case, note=NOBODY_REACHED)
        return
    tries = [step for step in steps if step.action is Action.RETRY]
    if tries:
        _charge_again(case, tries[0], bills)
    for step in steps:
        if step.action is Action.MESSAGE:
            _tell(case, step, bills)
        history.add(
            case, EntryKind.STEP, step=step, facts={"owed": str(stands.owed.rounded().amount)}
        )
    _move(case, bills)
    _tell_lines(case, before=before)
    _look_again(case, bills)


@transaction.atomic
def promise_to_pay(
    *, party_id: int, on: date, by: str, note: str = "", case_id: int | None = None
) -> None:
    """The party promises to pay on the day `on` all that is overdue now; until then nothing more is
    done, and no contract ends. `by` names who promises, or the agent who was told.

    Raises:
        NotFound: `nothing_overdue`.
        RuleViolated: `promised_already`, `promised_too_often`, `case_paused`.
        InvalidInput: `promise_day`.
    """
    account, case = _of_party(party_id, case_id)
    if case.paused:
        raise RuleViolated("The case is paused already.", code="case_paused")
    today = business_today()
    bills = overdue_bills(account, today=today)
    if not bills:
        raise NotFound("Nothing is overdue.", code="nothing_overdue")
    rules, before = policy(), treatment(case)
    check_promise(standing(case, bills=bills, by=rules), rules, on=on, today=today)
    _charge_interest(case, today=today)
    case.promised_for = on
    case.promises += 1
    owed = total(bill.open for bill in bills)
    history.add(
        case,
        EntryKind.PROMISED,
        by=by,
        note=note,
        facts={
            "on": on.isoformat(),
            "owed": str(owed.rounded().amount),
            "bills": " ".join(bill.number for bill in bills),
        },
    )
    _move(case, bills)
    _tell_lines(case, before=before)
    _look_again(case, bills)


@transaction.atomic
def take_promise_back(*, party_id: int, by: str, case_id: int | None = None) -> None:
    """The party promises no longer: the case goes on where it was. The promise still counts among
    those that the case allows.

    Raises:
        NotFound: `nothing_overdue`. RuleViolated: `not_promised`.
    """
    _, case = _of_party(party_id, case_id)
    if case.promised_for is None:
        raise RuleViolated("No payment is promised.", code="not_promised")
    before = treatment(case)
    _end_promise(case, EntryKind.RETRACTED, by=by)
    case.save(update_fields=["promised_for"])
    _tell_lines(case, before=before)
    dunning_clock.look_soon(case.account)


@transaction.atomic
def pause(*, case_id: int, by: str, reason: str) -> None:
    """Let the case be, as long as the reason lasts: a bill in dispute, somebody in need. No
    contract ends meanwhile; what was paid just now closes it all the same.

    Raises:
        NotFound: `unknown_case`.
        RuleViolated: `case_paused`. InvalidInput: `case_reason_missing`.
    """
    case = _by_id(case_id)
    if case.paused:
        raise RuleViolated("The case is paused already.", code="case_paused")
    if not reason.strip():
        raise InvalidInput(
            "Say why the case is paused.", code="case_reason_missing", field="reason"
        )
    _pause(case, by=by, note=reason.strip())
    dunning_clock.look_soon(case.account)


def _waits_for_an_address(case: DunningCase, steps: Sequence[Step]) -> bool:
    """Somebody is to be told, and nothing is known to reach him by: an operator has to look."""
    codes = [step.message for step in steps if step.action is Action.MESSAGE]
    return None in ways_to(case.account.party_id, codes).values()


def _pause(case: DunningCase, *, note: str, by: str = "") -> None:
    before = treatment(case)
    case.paused, case.next_on = True, None
    case.save()
    history.add(case, EntryKind.PAUSED, by=by, note=note)
    _tell_lines(case, before=before)
    dunning_clock.forget(case.account_id)


@transaction.atomic
def resume(*, case_id: int, by: str, note: str = "") -> None:
    """Let the case go on where it was; what is due is done at once.

    Raises:
        NotFound: `unknown_case`. RuleViolated: `case_not_paused`.
    """
    case = _by_id(case_id)
    if not case.paused:
        raise RuleViolated("The case is not paused.", code="case_not_paused")
    before = treatment(case)
    case.paused = False
    case.save()
    history.add(case, EntryKind.RESUMED, by=by, note=note.strip())
    _tell_lines(case, before=before)
    dunning_clock.look_soon(case.account)


@transaction.atomic
def give_up(*, case_id: int, by: str, reason: str) -> None:
    """Write off what is overdue of an account whose contracts have all ended, less its deposit.

    Raises:
        NotFound: `unknown_case`.
        RuleViolated: `contracts_run`. InvalidInput: `case_reason_missing`.
        Conflict: `payment_under_way`.
    """
    case = _by_id(case_id)
    if running_contracts(case.account_id):
        raise RuleViolated("Contracts of this account still run.", code="contracts_run")
    if not reason.strip():
        raise InvalidInput("Say why.", code="case_reason_missing", field="reason")
    bills = overdue_bills(case.account, today=business_today())
    found = list(Invoice.objects.filter(pk__in=[bill.id for bill in bills]).order_by("pk"))
    coming = any(money_on_its_way(invoice) for invoice in found)
    if coming or not deposits.use_for_bills(case.account):
        raise Conflict("Money for it is on its way.", code="payment_under_way")
    lost = [owed_on(invoice) for invoice in found]
    for invoice in found:
        invoice.hold(case.account)
        ledger.write_off(invoice, cause=f"case/{case.pk}")
    if case.promised_for is not None:
        _end_promise(case, EntryKind.BROKEN)
        case.save(update_fields=["promised_for"])
    facts = {"owed": str(total(lost).rounded().amount)}
    history.add(case, EntryKind.LOST, by=by, note=reason.strip(), facts=facts)


def _let_be(account: BillingAccount, case: DunningCase | None, *, today: date) -> None:
    """Nothing is overdue. Until a bank has said whether it pays a debit the account is looked at
    every day, and a case stays as it is that asked for that debit, or whose bills are to be debited
    under a mandate that was given when they were overdue."""
    debits, late = being_debited(account, today=today), announced_late(account, today=today)
    asked = case is not None and asked_by(case.pk, debits)
    if case is not None and not asked and not late:
        _close(case)
    if debits or late:
        dunning_clock.look_tomorrow(account)


def _opened(account: BillingAccount, bills: tuple[OverdueBill, ...]) -> DunningCase:
    owed = total(bill.open for bill in bills)
    case = DunningCase.objects.create(
        account=account, opened_on=business_today(), since=bills[0].due_on, owed=owed.amount
    )
    history.add(case, EntryKind.OPENED, facts={"owed": str(owed.rounded().amount)})
    return case


def _charge_fees(case: DunningCase, bills: tuple[OverdueBill, ...]) -> None:
    fee = policy().fee_in(case.account.segment)
    if fee is None or case.paused:
        return
    for number in charge_late(case.account, bills, fee=fee):
        facts = {"bill": number, "amount": str(fee.rounded().amount)}
        history.add(case, EntryKind.FEE, facts=facts)


def _charge_interest(case: DunningCase, *, today: date) -> None:
    rules = policy().interest_in(case.account.segment)
    if rules is not None and not case.paused:
        late_interest.charge_interest(case, rules=rules, today=today)


def _close(case: DunningCase) -> None:
    """Nothing is overdue any more: whatever was done to the lines is undone."""
    _charge_interest(case, today=business_today())
    if case.promised_for is not None and _is_kept(case):
        _end_promise(case, EntryKind.KEPT)
    history.add(case, EntryKind.CLOSED)
    before = treatment(case)
    case.closed_on, case.next_on, case.promised_for = business_today(), None, None
    case.owed = Money.zero().amount
    case.save()
    dunning_clock.forget(case.account_id)
    _tell_lines(case, before=before)


def _settle_promise(case: DunningCase, *, today: date) -> None:
    """It is kept once what it was for is paid, and broken when its day is over."""
    if case.promised_for is None or case.paused:
        return
    kept = _is_kept(case)
    if not kept and today <= case.promised_for:
        return
    _end_promise(case, EntryKind.KEPT if kept else EntryKind.BROKEN)


def _end_promise(case: DunningCase, how: EntryKind, *, by: str = "") -> None:
    assert case.promised_for is not None
    history.add(case, how, by=by, facts={"on": case.promised_for.isoformat()})
    case.promised_for = None


def _is_kept(case: DunningCase) -> bool:
    """Whether what was overdue when payment was promised is paid; parts that fell due since are no
    part of the promise."""
    made = case.entries.filter(kind=EntryKind.PROMISED).latest("pk")
    return not still_overdue_since(made.facts["bills"].split(), day=made.on)


def _charge_again(case: DunningCase, step: Step, bills: tuple[OverdueBill, ...]) -> None:
    """Ask for each bill; the step makes the key, so that it is asked for once. Nothing is debited
    that was not announced, nor more than that, nor charged again to who had his bank take it
    back."""
    method = method_for_bills(case.account)
    objected = objected_to(bill.id for bill in bills)
    for bill in bills:
        if method is None:
            return
        told = announced_under(bill.number, method) if method.is_debit else None
        if bill.id in objected or (method.is_debit and told is None):
            continue
        request_charge(
            key=f"{bill.number}/dunning/{case.pk}/{step.code}",
            party_id=case.account.party_id,
            amount=min(bill.open, told) if told is not None else bill.open,
            reference=bill.number,
            purpose=PURPOSE,
            method=method,
        )


def _tell(case: DunningCase, step: Step, bills: tuple[OverdueBill, ...]) -> None:
    rules = policy()
    stands = standing(case, bills=bills, by=rules)
    calendar = coming(stands, rules, today=business_today())
    harder = next((each for each in calendar if each.step.action in GRADES), None)
    send(
        code=step.message,
        party_id=case.account.party_id,
        reference=f"dunning/{case.pk}/{step.code}",
        by_post=True,
        values={
            "owed": euros(stands.owed),
            "since": f"{stands.since:%d/%m/%Y}",
            "bills": ", ".join(bill.number for bill in bills),
            "business": case.account.segment == "business",
            "next": str(harder.step.action) if harder else "",
            "next_on": f"{harder.on:%d/%m/%Y}" if harder else "",
        },
    )


def _move(case: DunningCase, bills: tuple[OverdueBill, ...]) -> None:
    done = dict(case.entries.filter(kind=EntryKind.STEP).values_list("step", "on"))
    case.grade = str(grade_of(done, policy()) or "")
    case.since = bills[0].due_on
    case.owed = total(bill.open for bill in bills).amount
    case.save()


def _look_again(case: DunningCase, bills: tuple[OverdueBill, ...]) -> None:
    """On the day of the next step, or when the day of a promise is over; while there is no card, or
    it is refused, every day: another one may be chosen."""
    rules, today = policy(), business_today()
    stands = standing(case, bills=bills, by=rules)
    tomorrow = today + _TOMORROW
    days = [max(each.on, tomorrow) for each in coming(stands, rules, today=today)]
    case.next_on = min(days) if days and not case.paused else None
    case.save(update_fields=["next_on"])
    looks = [case.next_on] if case.next_on is not None else []
    asked = rules.interest_in(stands.segment)
    bears = late_interest.next_asked(case, rules=asked, today=today) if asked else None
    if stands.promised_for is not None and not case.paused:
        looks = [stands.promised_for + _TOMORROW]
    elif looks and stands.card_refused and _waits_for_card(stands):
        looks = [tomorrow]
    if bears is not None and not case.paused:
        looks.append(bears)
    if looks:
        dunning_clock.look_on(case.account_id, min(looks))
    else:
        dunning_clock.forget(case.account_id)


def _waits_for_card(stands: Standing) -> bool:
    return any(
        step.action is Action.RETRY
        and step.code not in stands.done
        and step.segment in ("", stands.segment)
        for step in policy().steps
    )


def _tell_lines(case: DunningCase, *, before: Action | None) -> None:
    """They are treated harder than before, or milder, or others than before are."""
    wanted = treatment(case)
    whose = sorted(debtors(case)) if wanted is not None else []
    if wanted is not before or (case.treated and whose != case.treated):
        case.treated = whose
        case.save(update_fields=["treated"])
        publish(
            DunningMoved(
                case_id=case.pk,
                account_id=case.account_id,
                party_id=case.account.party_id,
                grade=str(wanted or ""),
            )
        )


def _locked(account_id: int) -> tuple[BillingAccount, DunningCase | None]:
    """The account, which stays locked, and its open case."""
    account = BillingAccount.objects.select_for_update(no_key=True).get(pk=account_id)
    case = open_case(account_id)
    if case is not None:
        case.account = account
    return account, case


def _of_party(party_id: int, case_id: int | None) -> tuple[BillingAccount, DunningCase]:
    """The party's open case, and no other than `case_id` if that is given."""
    rows = DunningCase.objects.filter(account__party=party_id, closed_on__isnull=True)
    found = (rows if case_id is None else rows.filter(pk=case_id)).first()
    account, case = _locked(found.account_id) if found is not None else (None, None)
    if account is None or case is None:
        raise NotFound("Nothing is overdue.", code="nothing_overdue")
    return account, case


def _by_id(case_id: int) -> DunningCase:
    found = DunningCase.objects.filter(pk=case_id, closed_on__isnull=True).first()
    case = _locked(found.account_id)[1] if found is not None else None
    if case is None:
        raise NotFound("There is no such case.", code="unknown_case")
    return case
