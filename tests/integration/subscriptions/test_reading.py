"""What pages see of contracts and bills, and bills laid against promises."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection

from commerce.events import timers
from commerce.kernel.clock import PARIS, business_time_fixed
from commerce.kernel.errors import NotFound
from commerce.kernel.money import Money
from commerce.kernel.periods import Period, add_months
from subscriptions.accounts.selectors import account_view
from subscriptions.accounts.services import calendar
from subscriptions.contracts.selectors import (
    promise_view,
    subscription_view,
    subscriptions_of,
    subscriptions_of_order,
)
from subscriptions.domain.views import Section
from subscriptions.invoicing.selectors import bill_view, bills_of, parked_accounts
from subscriptions.invoicing.services.one_off import bill_order
from subscriptions.models import Invoice, ItemCharge, PromiseLine
from subscriptions.reconciling.audit import bills_against_promises, expected_bills
from tests.integration.subscriptions.contracts import (
    DAY,
    RATES,
    SIX_FREE,
    at,
    begun,
    bills,
    firm,
    handset,
    person,
    plan,
    press,
    run,
)

pytestmark = pytest.mark.django_db
APRIL = date(2026, 4, 10)


@pytest.fixture(autouse=True)
def _on_the_day() -> object:
    with business_time_fixed(at(DAY)):
        yield


def ordered(order: str, party: int, *, segment: str = "consumer") -> int:
    """An order with a handset and a plan, billed and active."""
    charges = [handset(), plan("29.99", SIX_FREE), press()]
    subscription = begun(order, charges, party=party, segment=segment)
    bill_order(
        order_number=order, party_id=party, segment=segment, charges={"g1": charges},
        tax_rates=RATES, names={"handset-1": {"fr": "Téléphone", "en": "Phone"}},
    )  # fmt: skip
    return subscription


def run_until(end: date) -> None:
    """Let time pass: each morning that the timer names, in order."""
    while (due := timers.due_at("bill-run")) is not None and due <= at(end, 4):
        with business_time_fixed(due):
            run(due.astimezone(PARIS).date())


def test_a_party_sees_its_contract_and_nobody_elses() -> None:
    party, other = person(), person()
    mine = ordered("F-1", party)
    view = subscription_view(party, mine)
    assert (view.msisdn, view.status, view.commitment_ends_on) == (
        "0639980001", "active", date(2028, 3, 10),
    )  # fmt: skip
    assert [(item.line_id, item.names["fr"]) for item in view.items] == [
        ("handset-1", "Ligne handset-1"),
        ("plan-1", "Ligne plan-1"),
        ("press-1", "Ligne press-1"),
    ]
    (charge,) = view.items[1].charges
    assert (charge.amount, charge.benefits[0].periods) == (Money.of("29.99"), 6)
    assert [found.id for found in subscriptions_of(party)] == [mine]
    assert [found.id for found in subscriptions_of_order(party, "F-1")] == [mine]
    assert subscriptions_of(other) == ()
    with pytest.raises(NotFound):
        subscription_view(other, mine)


def test_bills_are_shown_with_the_promise_laid_over() -> None:
    party = person()
    ordered("F-1", party)
    run_until(APRIL)
    numbers = [bill.number for bill in bills_of(party)]
    assert numbers == ["FA-2026-0000003", "FA-2026-0000002", "FA-2026-0000001"]
    april = bill_view(party, "FA-2026-0000003")
    assert april.summary.period == Period(APRIL, date(2026, 5, 10))
    (section,) = april.sections
    assert (section.code, section.total) == (Section.OWN_SERVICES, Money.of("2.10"))
    assert [(str(n.amount.amount), str(n.promised)) for n in section.lines] == [
        ("29.99", "29.99 EUR"),
        ("-29.99", "-29.99 EUR"),
        ("2.10", "2.10 EUR"),
    ]
    assert section.lines[1].label["en"] == "6 months free"
    assert (april.as_promised, april.promised) == (True, Money.of("2.10"))
    assert [(c.ends_on, c.months_left) for c in april.commitments] == [(date(2028, 3, 10), 23)]
    assert [str(part.rate) for part in april.tax_parts] == ["20.00", "2.10"]
    order = bill_view(party, "FA-2026-0000002")
    assert [s.code for s in order.sections] == [Section.ONE_OFF]
    assert order.sections[0].lines[0].label["en"] == "Phone"
    assert order.as_promised


def test_a_foreign_bill_and_a_held_one_are_not_found() -> None:
    party = person()
    ordered("F-1", party)
    with pytest.raises(NotFound):
        bill_view(person(), "FA-2026-0000001")
    ItemCharge.objects.update(amount=Decimal(1))
    run(APRIL)
    assert Invoice.objects.filter(state="held").count() == 1
    assert len(bills_of(party)) == 2


def test_an_operator_sees_what_is_parked_and_why() -> None:
    party = person()
    ordered("F-1", party)
    ItemCharge.objects.filter(code="press").update(amount=Decimal("3.10"))
    run(APRIL)
    (parked,) = parked_accounts()
    assert (parked.party_id, parked.rule, parked.gross) == (party, "price", Money.of("3.10"))
    assert parked.reasons == (
        {
            "rule": "price",
            "line": "F-1/g1 press-1/press period 2",
            "promised": "2.10",
            "billed": "3.10",
        },
    )
    view = account_view(party)
    assert view is not None
    assert view.parked


def test_a_promise_is_shown_period_by_period() -> None:
    ordered("F-1", person())
    view = promise_view("F-1", "g1")
    assert [
        (b.period, str(b.list_amount), str(b.amount), str(b.billed)) for b in view.bills[:3]
    ] == [
        (0, "199.00 EUR", "199.00 EUR", "199.00 EUR"),
        (1, "32.09 EUR", "2.10 EUR", "2.10 EUR"),
        (2, "32.09 EUR", "2.10 EUR", "None"),
    ]
    assert str(view.bills[7].amount) == "32.09 EUR"
    assert len(view.bills) == 37
    with pytest.raises(NotFound):
        promise_view("F-1", "g2")


def test_nobody_has_an_account_before_anything_is_billed() -> None:
    assert account_view(person()) is None


def test_every_bill_is_as_promised_and_as_many_as_expected() -> None:
    end = add_months(DAY, 8)
    for order in ("F-1", "F-2"):
        ordered(order, person())
    fleet = firm()
    for n in range(3):
        begun("F-3", [plan("20.00")], party=fleet, group=f"u{n}", segment="business")
    run_until(date(2026, 3, 11))
    with business_time_fixed(at(date(2026, 3, 12))):
        begun(
            "F-3", [plan("20.00")], party=fleet, group="u9", segment="business",
            on=date(2026, 3, 12),
        )  # fmt: skip
    run_until(end)
    checks = bills_against_promises()
    expected = expected_bills(until=end)
    # Two consumers: one order bill and nine cycles each; the fleet: nine cycles and one first part.
    assert len(expected) == 2 * (1 + 9) + 9 + 1
    assert Invoice.objects.filter(state="issued").count() == len(expected)
    assert len(checks) == len(expected)
    assert all(check.equal for check in checks)
    assert all(check.lines == check.promised_lines > 0 for check in checks)
    billed = sorted(check.billed.amount for check in checks)
    assert billed == sorted(bill.amount.amount for bill in expected)


@pytest.mark.parametrize(
    "plant",
    [
        lambda: PromiseLine.objects.filter(period=2, benefit="").update(amount=Decimal("9.99")),
        lambda: PromiseLine.objects.filter(period=2).update(tax_rate=Decimal(10)),
        lambda: PromiseLine.objects.filter(period=2).update(starts_on=date(2026, 4, 11)),
        lambda: PromiseLine.objects.filter(period=2, benefit="six-free").delete(),
    ],
)
def test_a_difference_between_bill_and_promise_is_found_afterwards(plant: object) -> None:
    ordered("F-1", person())
    run(APRIL)
    assert [check.equal for check in bills_against_promises()] == [True, True, True]
    plant()  # type: ignore[operator]
    assert [check.equal for check in bills_against_promises()] == [True, True, False]


def test_orders_can_be_looked_at_alone() -> None:
    ordered("F-1", person())
    ordered("F-2", person())
    assert {check.order_number for check in bills_against_promises({"F-2"})} == {"F-2"}
    assert {bill.orders for bill in expected_bills(until=DAY, orders={"F-1"})} == {("F-1",)}


@pytest.mark.parametrize(
    ("case", "day", "now", "expected"),
    [
        ("a day ahead", APRIL, at(DAY), at(APRIL, 4)),
        ("today, before four", DAY, at(DAY, 3), at(DAY, 4)),
        ("today, at four: the next morning", DAY, at(DAY, 4), at(date(2026, 3, 11), 4)),
        ("a day that is past", DAY, at(APRIL, 12), at(date(2026, 4, 11), 4)),
        (
            "the night in which the clock is put forward",
            date(2026, 3, 29), at(DAY), datetime.fromisoformat("2026-03-29T02:00:00+00:00"),
        ),
    ],
)  # fmt: skip
def test_the_run_is_at_four_in_paris(
    case: str, day: date, now: datetime, expected: datetime
) -> None:
    assert calendar.run_instant(day, now=now) == expected, case


def test_the_view_bills_nothing() -> None:
    party = person()
    ordered("F-1", party)
    before = bills()
    with connection.execute_wrapper(_only_reads):
        subscriptions_of(party)
        bills_of(party)
        promise_view("F-1", "g1")
        expected_bills(until=DAY + timedelta(days=90))
    assert bills() == before


def _only_reads(execute, sql, params, many, context):  # type: ignore[no-untyped-def]
    assert sql.lstrip().upper().startswith(("SELECT", "WITH")), sql
    return execute(sql, params, many, context)
