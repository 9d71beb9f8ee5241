"""What goes back to a contract for a fault of ours: on its next bill, promised, once."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from commerce.kernel.clock import business_time_fixed
from commerce.kernel.money import Money
from commerce.kernel.periods import Period
from subscriptions.contracts.finding import coming_bills
from subscriptions.contracts.services.compensate import compensate
from subscriptions.domain.states import Release
from subscriptions.invoicing.services.release import release_held
from subscriptions.models import BillingAccount, Compensation, Invoice, Parking, PromiseLine
from subscriptions.reconciling.audit import bills_against_promises, expected_bills
from tests.integration.subscriptions.contracts import (
    DAY,
    SIX_FREE,
    at,
    begun,
    bills,
    firm,
    person,
    plan,
    press,
    promised,
    run,
    sql,
)

APRIL, MAY = date(2026, 4, 10), date(2026, 5, 10)
NAMES = {"fr": "Indemnité", "en": "Compensation"}
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _on_the_day() -> Iterator[None]:
    with business_time_fixed(at(DAY)):
        yield


def given(amount: str = "10.00", *, order: str = "F-1", line: str = "") -> date | None:
    return compensate(
        reference="porting:7",
        order_number=order,
        group="g1",
        amount=Money.of(amount),
        days=Period(date(2026, 3, 5), date(2026, 3, 7)),
        names=NAMES,
        line_id=line,
    )


def runs(*days: date) -> None:
    for day in days:
        with business_time_fixed(at(day, 4)):
            run(day)


def as_expected(until: date) -> bool:
    """What the bills say is what was promised, and what must have come is there."""
    billed = sorted(check.billed.amount for check in bills_against_promises())
    expected = sorted(bill.amount.amount for bill in expected_bills(until=until))
    return all(check.equal for check in bills_against_promises()) and billed == expected


def test_it_is_a_line_of_the_next_bill_alone_however_often_it_is_given() -> None:
    party = person()
    begun("F-1", [press(), plan()], party=party)
    assert [given(), given(), given("50.00")] == [APRIL] * 3
    coming = coming_bills(party, since=APRIL, count=2)
    assert [str(bill.amount.amount) for bill in coming] == ["22.09", "32.09"]
    runs(APRIL, MAY)
    assert [gross for _, _, gross in bills()] == ["32.09", "22.09", "32.09"]
    line = Invoice.objects.get(period_start=APRIL).lines.get(charge="compensation")
    # At the tax of the plan, which costs most; with the days of the fault.
    assert (str(line.amount), line.tax_class, str(line.tax_rate)) == ("-10.00", "standard", "20.00")
    assert (line.label, line.starts_on, line.ends_on) == (
        *(NAMES, date(2026, 3, 5), date(2026, 3, 7)),
    )
    assert Parking.objects.count() == 0
    assert as_expected(MAY)


@pytest.mark.parametrize(
    ("line", "every", "tax"),
    [
        ("plan-1", 1, "20.00"),
        ("press-1", 1, "2.10"),
        # Of what is not named here, or costs nothing, the dearest in a month is meant.
        ("", 1, "2.10"),
        ("", 3, "20.00"),
        ("sim-1", 3, "20.00"),
        ("free-1", 1, "2.10"),
    ],
)
def test_it_has_the_tax_of_what_it_is_given_for_however_dear_that_is(
    line: str, every: int, tax: str
) -> None:
    """A plan of 29.99 and a press of 36.00, for one month or for three."""
    free = replace(plan("0.00"), item="free-1")
    begun("F-1", [replace(press("36.00"), every_months=every), plan(), free], party=person())
    assert given(line=line) == APRIL
    runs(APRIL)
    back = Invoice.objects.get(period_start=APRIL).lines.get(charge="compensation")
    assert (str(back.amount), str(back.tax_rate)) == ("-10.00", tax)
    assert as_expected(APRIL)


def test_where_nothing_is_due_it_is_a_credit_note() -> None:
    begun("F-1", [plan("29.99", SIX_FREE)], party=person())
    given()
    runs(APRIL)
    back = Invoice.objects.get(period_start=APRIL)
    assert (back.kind, str(back.gross), str(back.net)) == ("credit_note", "-10.00", "-8.33")
    assert str(back.number).startswith("AV")
    assert as_expected(APRIL)


def test_a_bill_without_it_is_held_and_drafted_anew_with_it() -> None:
    begun("F-1", [plan()], party=person())
    given()
    kept = Compensation.objects.values().get()
    Compensation.objects.all().delete()
    runs(APRIL)
    (reason,) = Parking.objects.get().reasons
    assert (reason["rule"], reason["promised"]) == ("missing", "-10.00")
    Compensation.objects.create(**kept)
    release_held(
        account_id=BillingAccount.objects.get().pk, decision=Release.REDRAFT, operator="Ops"
    )
    runs(MAY)
    assert [gross for _, _, gross in bills()] == ["29.99", "19.99", "29.99"]


def test_without_a_running_contract_nothing_is_kept() -> None:
    promised("F-1", [plan()])
    assert given() is None
    begun("F-2", [plan()], party=person())
    BillingAccount.objects.update(next_bill_on=None)
    assert given(order="F-2") is None
    assert Compensation.objects.count() == PromiseLine.objects.filter(amount__lt=0).count() == 0


def test_a_firm_has_it_with_the_bill_of_what_it_adds_before_its_bill_day() -> None:
    party, added = firm(), date(2026, 3, 31)
    begun("F-1", [plan("20.00")], party=party, segment="business")
    runs(DAY + timedelta(days=1))
    assert given() == APRIL
    with business_time_fixed(at(added)):
        begun("F-2", [plan("31.00")], party=party, segment="business", on=added)
    runs(date(2026, 4, 1), APRIL)
    # 10 of 31 days of the new line, less what goes back; then both lines.
    assert [net for (net,) in sql("SELECT net FROM subscriptions_invoice ORDER BY id")] == [
        Decimal("20.00"),
        Decimal("0.00"),
        Decimal("51.00"),
    ]
    between = Invoice.objects.get(period_start=added)
    assert [str(line.amount) for line in between.lines.order_by("position")] == ["10.00", "-10.00"]
    assert Parking.objects.count() == 0
    assert all(check.equal for check in bills_against_promises())
    expected = [str(bill.amount.amount) for bill in expected_bills(until=APRIL)]
    assert expected == ["20.00", "0.00", "51.00"]
