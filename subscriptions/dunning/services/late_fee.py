"""What a late bill costs its account: a line of the next bill, once for each late one."""

from collections.abc import Collection, Sequence
from datetime import timedelta

from commerce.kernel.money import Money
from commerce.kernel.periods import Period
from subscriptions.domain.dunning import EntryKind
from subscriptions.dunning.interest import was_late
from subscriptions.dunning.selectors import OverdueBill
from subscriptions.dunning.services import history, on_next_bill
from subscriptions.invoicing.services.drafting import LATE_FEE
from subscriptions.models import BillingAccount, Compensation, DunningEntry, Invoice

NAMES = {
    "fr": "Indemnité de recouvrement, facture {} payée en retard (hors champ de la TVA)",
    "en": "Recovery costs, bill {} paid late (outside the scope of VAT)",
}
GIVEN_BACK_NAMES = {
    "fr": "Indemnité de recouvrement rendue, facture {} payée à temps",
    "en": "Recovery costs given back, bill {} paid in time",
}


def charge_late(
    account: BillingAccount, bills: Sequence[OverdueBill], *, fee: Money
) -> tuple[str, ...]:
    """Have the next bill ask `fee` for each of the late bills that was not asked for it yet; the
    numbers of those. Nothing where no bill is to come. The caller has locked the account."""
    return tuple(
        bill.number
        for bill in bills
        if on_next_bill.ask(
            account,
            reference=_reference(bill.number),
            charge=LATE_FEE,
            amount=fee,
            days=Period(bill.due_on, bill.due_on + timedelta(days=1)),
            names={language: name.format(bill.number) for language, name in NAMES.items()},
        )
    )


def give_back(account: BillingAccount, bills: Collection[Invoice]) -> None:
    """Have the next bill give back what those of these cost that were not late, as money for them
    turns out to have come by their day. The caller has locked the account."""
    asked = DunningEntry.objects.filter(case__account=account, kind=EntryKind.FEE)
    for bill in bills:
        number = bill.number or ""
        entry = asked.filter(facts__bill=number).select_related("case__account").first()
        cost = Compensation.objects.filter(reference=_reference(number)).first()
        if entry is None or cost is None or was_late(bill, due_on=cost.starts_on):
            continue
        fee = Money(-cost.amount, account.currency)
        if on_next_bill.ask(
            account,
            reference=f"{_reference(number)}/back",
            charge=LATE_FEE,
            amount=-fee,
            days=Period(cost.starts_on, cost.ends_on),
            names={language: name.format(number) for language, name in GIVEN_BACK_NAMES.items()},
        ):
            facts = {"bill": number, "amount": str(fee.amount)}
            history.add(entry.case, EntryKind.GIVEN_BACK, facts=facts)


def _reference(number: str) -> str:
    return f"late/{number}"
