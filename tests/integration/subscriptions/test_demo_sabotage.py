"""The comparison of `make demo` finds each fault that its sabotage plants in the database."""

from datetime import date

import pytest
from django.db import connection

from commerce.kernel.clock import business_time_fixed
from commerce.kernel.money import Money
from commerce.kernel.periods import add_months
from commerce.local.demo.bills import Audit, audited
from commerce.local.demo.sabotage import STATEMENTS
from commerce.management.commands.audit import bills_told
from subscriptions.domain.charges import AgreedCharge
from subscriptions.models import Invoice
from tests.integration.subscriptions.contracts import DAY, SIX_FREE, at, begun, person, run

pytestmark = pytest.mark.django_db
MONTHS = 8
PLAN = AgreedCharge("plan-1", "monthly", True, Money.of("29.99"), "standard", benefits=(SIX_FREE,))


def eight_months(*, fault: str) -> Audit:
    """A contract with six free months; `fault` is planted after its first bill."""
    party = person()
    with business_time_fixed(at(DAY)):
        begun("F-1", [PLAN], party=party)
    if fault:
        with connection.cursor() as cursor:
            cursor.execute(STATEMENTS[fault], ["F-1"])
            assert cursor.rowcount == 1
    until = DAY
    for month in range(1, MONTHS + 1):
        until = add_months(DAY, month)
        with business_time_fixed(at(until, 4)):
            run(until)
    return told(party, until=until)


def told(party: int, *, until: date) -> Audit:
    bills = bills_told(["F-1"], parties=[party], until=until)
    return audited({"at": "", "orders": [], "fallout": [], **bills})


def test_eight_months_without_a_fault_are_right() -> None:
    audit = eight_months(fault="")
    assert (len(audit.bills), audit.as_promised, audit.right) == (9, 9, True)


@pytest.mark.parametrize(
    ("fault", "held_at"), [("price", 1), ("tax", 1), ("months", 5), ("start", 1)]
)
def test_each_planted_fault_is_found(fault: str, held_at: int) -> None:
    """The bill with the fault is held, so it and all after it are missing."""
    audit = eight_months(fault=fault)
    missing, unexpected = audit.differences()
    assert not audit.right
    assert (len(audit.bills), len(missing), unexpected) == (held_at, 9 - held_at, ())
    assert [account["rule"] for account in audit.parked] == [
        {"price": "price", "tax": "tax", "months": "benefit", "start": "start"}[fault]
    ]


@pytest.mark.parametrize("fault", ["price", "tax", "months", "start"])
def test_a_fault_that_went_out_all_the_same_is_found_too(
    fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if nobody had looked before the bills got their numbers."""
    monkeypatch.setattr("subscriptions.invoicing.services.check.hold_what_differs", lambda ids: [])
    audit = eight_months(fault=fault)
    assert Invoice.objects.filter(state="held").count() == 0
    assert not audit.right
    assert audit.as_promised < len(audit.bills)
