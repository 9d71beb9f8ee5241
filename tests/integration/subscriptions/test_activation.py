"""The beginning of contracts on PostgreSQL: each once, with its promise and its bill."""

from datetime import date
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from commerce.events import timers
from commerce.events.models import OutboxEvent
from commerce.kernel.clock import business_time_fixed
from commerce.kernel.errors import NotFound, RuleViolated
from subscriptions.contracts.services import promise
from subscriptions.domain.states import LineKind
from subscriptions.invoicing.services import issuing
from subscriptions.invoicing.services.one_off import bill_order
from subscriptions.models import (
    BillingAccount,
    Coverage,
    Invoice,
    InvoiceLine,
    Promise,
    PromiseLine,
    Subscription,
)
from tests.integration.subscriptions.contracts import (
    DAY,
    RATES,
    SIX_FREE,
    activated,
    at,
    begun,
    bills,
    firm,
    handset,
    person,
    plan,
    press,
    promised,
    run,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _on_the_day() -> object:
    with business_time_fixed(at(DAY)):
        yield


def test_a_pledge_writes_what_is_due_once_and_waits_for_the_days() -> None:
    promised("F-1", [handset(), plan("29.99", SIX_FREE)])
    promised("F-1", [handset("1.00")])
    stored = Promise.objects.get()
    assert (stored.state, stored.activated_on, stored.basis) == ("pending", None, "TTC")
    (line,) = PromiseLine.objects.all()
    assert (line.charge, line.period, line.amount, line.tax_rate) == (
        "price", 0, Decimal("199.00"), Decimal("20.00"),
    )  # fmt: skip


def test_activation_bills_at_once_and_dates_the_promise() -> None:
    subscription = begun("F-1", [plan("29.99", SIX_FREE), press()], party=person())
    account = BillingAccount.objects.get()
    assert (account.cycle_day, account.next_bill_on) == (10, date(2026, 4, 10))
    assert bills() == [("FA-2026-0000001", "2026-03-10", "2.10")]
    assert list(
        InvoiceLine.objects.order_by("position").values_list(
            "kind", "charge", "benefit", "period", "amount", "starts_on", "ends_on"
        )
    ) == [
        ("recurring", "plan", "", 1, Decimal("29.99"), DAY, date(2026, 4, 10)),
        ("benefit", "plan", "six-free", 1, Decimal("-29.99"), DAY, date(2026, 4, 10)),
        ("recurring", "press", "", 1, Decimal("2.10"), DAY, date(2026, 4, 10)),
    ]
    assert InvoiceLine.objects.get(benefit="six-free").label["fr"] == "6 mois offerts"
    assert Promise.objects.get().state == "active"
    # Plan and press for 36 months, six of them with a gift.
    assert PromiseLine.objects.count() == 36 + 36 + 6
    assert Subscription.objects.get(pk=subscription).commitment_ends_on == date(2028, 3, 10)
    assert list(OutboxEvent.objects.order_by("name").values_list("name", flat=True)) == [
        "InvoiceIssued",
        "SubscriptionActivated",
    ]
    assert timers.due_at("bill-run") == at(date(2026, 4, 10), 4)


def test_a_bill_of_nothing_is_issued_too() -> None:
    begun("F-1", [plan("29.99", SIX_FREE)], party=person())
    assert bills() == [("FA-2026-0000001", "2026-03-10", "0.00")]


def test_activating_twice_is_activating_once() -> None:
    party = person()
    first = begun("F-1", [plan()], party=party)
    assert activated("F-1", [plan()], party=party) == first
    assert activated("F-1", [plan()], party=party, on=date(2026, 3, 12)) == first
    assert (Subscription.objects.count(), Invoice.objects.count()) == (1, 1)
    assert OutboxEvent.objects.filter(name="SubscriptionActivated").count() == 1


def test_nothing_begins_without_a_promise() -> None:
    with pytest.raises(NotFound) as refusal:
        activated("F-1", [plan()], party=person())
    assert refusal.value.code == "unknown_promise"
    assert (Subscription.objects.count(), BillingAccount.objects.count()) == (0, 0)


def test_a_promise_keeps_its_days() -> None:
    begun("F-1", [plan()], party=person())
    with pytest.raises(RuleViolated) as refusal:
        promise.fix(order_number="F-1", group="g1", activated_on=date(2026, 3, 11), cycle_day=11)
    assert refusal.value.code == "promise_fixed"


def test_active_on_the_31st_pays_the_first_part_by_days() -> None:
    begun("F-1", [plan("29.99")], party=person(), on=date(2026, 1, 31))
    line = InvoiceLine.objects.get()
    # 28 of the 31 days of [28 January, 28 February)
    assert (line.kind, line.amount) == (LineKind.PRORATED, Decimal("27.09"))
    assert BillingAccount.objects.get().next_bill_on == date(2026, 2, 28)


def test_a_second_contract_joins_the_account_with_a_first_part() -> None:
    party = person()
    begun("F-1", [plan("31.00")], party=party)
    begun("F-2", [plan("31.00")], party=party, on=date(2026, 3, 31))
    # [31 March, 10 April) is 10 of the 31 days of [10 March, 10 April)
    assert bills() == [
        ("FA-2026-0000001", "2026-03-10", "31.00"),
        ("FA-2026-0000002", "2026-03-31", "10.00"),
    ]
    run(date(2026, 4, 10))
    assert bills()[2:] == [("FA-2026-0000003", "2026-04-10", "62.00")]


def test_a_fleet_gets_one_bill_for_the_lines_of_a_day() -> None:
    party = firm()
    for n in range(25):
        begun("F-9", [plan("20.00", line=f"p{n}")], party=party, group=f"u{n}", segment="business")
    assert (Invoice.objects.count(), BillingAccount.objects.count()) == (0, 1)
    assert timers.due_at("bill-run") == at(date(2026, 3, 11), 4)
    run(date(2026, 3, 11))
    # 25 * 20.00 = 500.00; 20 % = 100.00
    assert bills() == [("FA-2026-0000001", "2026-03-10", "600.00")]
    invoice = Invoice.objects.get()
    assert (invoice.net, invoice.tax_total, invoice.lines.count()) == (
        Decimal(500), Decimal(100), 25,
    )  # fmt: skip
    assert (invoice.due_on - invoice.issued_on).days == 30  # type: ignore[operator]
    assert invoice.mentions == ["DEBITS", "PMD", "PMT", "AAB"]


def test_lines_of_a_fleet_that_come_later_are_billed_the_next_morning() -> None:
    party = firm()
    begun("F-9", [plan("31.00")], party=party, group="u1", segment="business")
    run(date(2026, 3, 11))
    with business_time_fixed(at(date(2026, 3, 31))):
        begun(
            "F-9", [plan("31.00")], party=party, group="u2", segment="business",
            on=date(2026, 3, 31),
        )  # fmt: skip
    assert timers.due_at("bill-run") == at(date(2026, 4, 1), 4)
    run(date(2026, 4, 1))
    assert [(start, gross) for _, start, gross in bills()] == [
        ("2026-03-10", "37.20"),
        ("2026-03-31", "12.00"),
    ]
    run(date(2026, 4, 10))
    assert bills()[2][1:] == ("2026-04-10", "74.40")


def test_the_order_is_billed_once() -> None:
    party = person()
    promised("F-1", [handset(), plan()])
    asked = {
        "order_number": "F-1",
        "party_id": party,
        "segment": "consumer",
        "charges": {"g1": [handset(), plan()]},
        "tax_rates": RATES,
    }
    assert bill_order(**asked) == "FA-2026-0000001"  # type: ignore[arg-type]
    assert bill_order(**asked) == "FA-2026-0000001"  # type: ignore[arg-type]
    invoice = Invoice.objects.get()
    assert (invoice.kind, invoice.gross, invoice.net) == (
        "order", Decimal("199.00"), Decimal("165.83"),
    )  # fmt: skip
    assert BillingAccount.objects.get().cycle_day is None


def test_an_order_without_anything_due_once_has_no_bill() -> None:
    promised("F-1", [plan()])
    number = bill_order(
        order_number="F-1", party_id=person(), segment="consumer", charges={"g1": [plan()]},
        tax_rates=RATES,
    )  # fmt: skip
    assert number is None
    assert Invoice.objects.count() == 0


def test_the_bill_of_an_order_that_breaks_the_promise_is_held() -> None:
    promised("F-1", [handset("199.00")])
    number = bill_order(
        order_number="F-1", party_id=person(), segment="consumer",
        charges={"g1": [handset("249.00")]}, tax_rates=RATES,
    )  # fmt: skip
    assert number is None
    assert Invoice.objects.get().state == "held"


@pytest.mark.parametrize(
    "statement",
    [
        lambda: Invoice.objects.update(gross=Decimal(0), net=Decimal(0), tax_total=Decimal(0)),
        lambda: Invoice.objects.update(state="draft", number=None),
        lambda: Invoice.objects.all()._raw_delete("default"),
        lambda: InvoiceLine.objects.update(amount=Decimal(0)),
        lambda: InvoiceLine.objects.all().delete(),
        lambda: InvoiceLine.objects.create(
            invoice=Invoice.objects.get(), position=9, kind="recurring", order_number="F-1",
            group="g1", item="x", charge="x", period=1, amount=Decimal(5), tax_class="standard",
            tax_rate=Decimal(20),
        ),
    ],
)  # fmt: skip
def test_an_issued_invoice_stands(statement: object) -> None:
    begun("F-1", [plan()], party=person())
    with pytest.raises(IntegrityError, match="is issued"), transaction.atomic():
        statement()  # type: ignore[operator]
    assert bills() == [("FA-2026-0000001", "2026-03-10", "29.99")]


def test_issuing_again_changes_nothing() -> None:
    begun("F-1", [plan()], party=person())
    assert issuing.issue([Invoice.objects.get().pk], on=DAY) == ()
    assert bills() == [("FA-2026-0000001", "2026-03-10", "29.99")]


def test_no_day_of_a_charge_is_covered_twice() -> None:
    begun("F-1", [plan()], party=person())
    held = Coverage.objects.get()
    with pytest.raises(IntegrityError, match="covered_once"), transaction.atomic():
        Coverage.objects.create(charge=held.charge, invoice=held.invoice, days=held.days)
