"""Interest on late bills: asked for as a line of the next bill by the policy, waived by agents."""

from collections.abc import Collection
from datetime import date
from itertools import count
from typing import Any

from django.db import transaction

from commerce.events.outbox import publish
from commerce.kernel.clock import business_now
from commerce.kernel.errors import InvalidInput, RuleViolated
from commerce.kernel.money import Money
from commerce.kernel.periods import Period, add_months
from subscriptions.domain.dunning import EntryKind, InterestRules, InterestWhen
from subscriptions.domain.interest import Part
from subscriptions.dunning.interest import Accrued, accrued, asked_too_much, of_party
from subscriptions.dunning.services import history, on_next_bill
from subscriptions.events import LateInterestMoved
from subscriptions.invoicing.services.drafting import INTEREST
from subscriptions.models import BillingAccount, DunningCase, Invoice, LateInterest

NAMES = {
    "fr": "Intérêts de retard, facture {} (hors champ de la TVA)",
    "en": "Interest on late payment, bill {} (outside the scope of VAT)",
}
WAIVED_NAMES = {
    "fr": "Remise des intérêts de retard, facture {}",
    "en": "Interest on late payment waived, bill {}",
}
GIVEN_BACK_NAMES = {
    "fr": "Intérêts de retard demandés en trop, facture {}",
    "en": "Interest on late payment asked too much, bill {}",
}


def charge_interest(
    case: DunningCase, *, rules: InterestRules, today: date
) -> tuple[LateInterest, ...]:
    """Have the next bill ask for what bills of the case bear until today: of those that are paid,
    and monthly of the others if the rules say so; nothing less than their least. Nothing where no
    bill is to come. The caller has locked the account."""
    if not on_next_bill.has_next_bill(case.account):
        return ()
    due = [
        each
        for each in accrued(case, today=today)
        if each.amount >= rules.least and today >= asks_on(each, rules=rules, today=today)
    ]
    return tuple(_ask(case, each) for each in due)


def asks_on(borne: Accrued, *, rules: InterestRules, today: date) -> date:
    """The day on which it is asked for; `date.max` while only its payment says."""
    if borne.still_open.amount <= 0:
        return today
    return add_months(borne.days.start, 1) if rules.when is InterestWhen.MONTHLY else date.max


def next_asked(case: DunningCase, *, rules: InterestRules, today: date) -> date | None:
    """The next day on which an open bill of the case may be asked for interest: each month, if that
    of one month was less than the least; None: there is none."""
    still = [each for each in accrued(case, today=today) if each.still_open.amount > 0]
    if rules.when is not InterestWhen.MONTHLY or not still:
        return None
    return min(_next_month(each.days.start, after=today) for each in still)


def _next_month(start: date, *, after: date) -> date:
    months = count(1)
    return next(day for n in months if (day := add_months(start, n)) > after)


def _ask(case: DunningCase, borne: Accrued) -> LateInterest:
    number = borne.invoice.number or ""
    row = LateInterest.objects.create(
        case=case,
        invoice=borne.invoice,
        starts_on=borne.days.start,
        ends_on=borne.days.end,
        amount=borne.amount.amount,
        parts=[_told(part) for part in borne.parts],
        asked_at=business_now(),
    )
    on_next_bill.ask(
        case.account,
        reference=row.reference,
        charge=INTEREST,
        amount=borne.amount,
        days=borne.days,
        names={language: name.format(number) for language, name in NAMES.items()},
    )
    facts = {
        "bill": number,
        "amount": str(borne.amount.amount),
        "from": borne.days.start.isoformat(),
        "to": borne.days.last_day.isoformat(),
    }
    history.add(case, EntryKind.INTEREST, facts=facts)
    _tell(row, state="asked")
    return row


def _tell(row: LateInterest, *, state: str, amount: Money | None = None) -> None:
    publish(
        LateInterestMoved(
            interest_id=row.pk,
            case_id=row.case_id,
            account_id=row.case.account_id,
            party_id=row.case.account.party_id,
            bill=row.invoice.number or "",
            amount=str(row.amount if amount is None else amount.amount),
            state=state,
        )
    )


def _told(part: Part) -> dict[str, Any]:
    return {
        "start": part.days.start.isoformat(),
        "end": part.days.end.isoformat(),
        "open": str(part.open.amount),
        "percent": str(part.percent),
    }


def give_back(account: BillingAccount, bills: Collection[Invoice]) -> None:
    """Have the next bill give back what was asked too much for these, as money for them turns out
    to have come before. Nothing where no bill is to come. The caller has locked the account."""
    asked = LateInterest.objects.filter(case__account=account, invoice__in=bills)
    rows = asked.filter(waived_at__isnull=True).select_related("case__account", "invoice")
    for row in rows.order_by("pk"):
        too_much = asked_too_much(row)
        if too_much.amount > 0:
            _give_back(account, row, too_much)


def _give_back(account: BillingAccount, row: LateInterest, amount: Money) -> None:
    number, given = row.invoice.number or "", row.given_back + amount.amount
    if not on_next_bill.ask(
        account,
        reference=f"{row.reference}/back/{given}",
        charge=INTEREST,
        amount=-amount,
        days=Period(row.starts_on, row.ends_on),
        names={language: name.format(number) for language, name in GIVEN_BACK_NAMES.items()},
    ):
        return
    row.given_back = given
    row.save(update_fields=["given_back"])
    facts = {"bill": number, "amount": str(amount.amount)}
    history.add(row.case, EntryKind.GIVEN_BACK, facts=facts)
    _tell(row, state="given_back", amount=amount)


@transaction.atomic
def waive(*, party_id: int, interest_id: int, by: str, reason: str) -> LateInterest:
    """Take back what was asked for, by a line of the next bill; `by` names who decides.

    Raises:
        NotFound: `unknown_interest`.
        RuleViolated: `interest_waived`; `interest_given_back`; `no_bill_to_come`.
        InvalidInput: `waiver_reason_missing`.
    """
    found = of_party(party_id, interest_id)
    account = BillingAccount.objects.select_for_update(no_key=True).get(pk=found.case.account_id)
    found.refresh_from_db()
    if found.waived_at is not None:
        raise RuleViolated("This interest is waived already.", code="interest_waived")
    left = Money(found.amount - found.given_back, account.currency)
    if not left:
        raise RuleViolated("This interest is given back already.", code="interest_given_back")
    if not reason.strip():
        raise InvalidInput("Say why it is waived.", code="waiver_reason_missing", field="reason")
    number = found.invoice.number or ""
    given = on_next_bill.ask(
        account,
        reference=f"{found.reference}/waived",
        charge=INTEREST,
        amount=-left,
        days=Period(found.starts_on, found.ends_on),
        names={language: name.format(number) for language, name in WAIVED_NAMES.items()},
    )
    if not given:
        raise RuleViolated("No bill is to come that could give it back.", code="no_bill_to_come")
    found.waived_at, found.waived_by, found.reason = business_now(), by[:120], reason.strip()[:300]
    found.save(update_fields=["waived_at", "waived_by", "reason"])
    history.add(
        found.case,
        EntryKind.WAIVED,
        by=by,
        note=found.reason,
        facts={"bill": number, "amount": str(left.amount)},
    )
    _tell(found, state="waived", amount=left)
    return found
