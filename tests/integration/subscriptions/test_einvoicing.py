"""Electronic invoices on PostgreSQL, with a platform in memory that can fall silent and say no."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from commerce.accounts.context import SYSTEM
from commerce.accounts.kinds import Role
from commerce.accounts.models import Organisation, PartyAddress
from commerce.events.models import OutboxEvent, Timer
from commerce.kernel.clock import business_time_fixed
from commerce.kernel.errors import Forbidden, Refused, Unknown
from commerce.kernel.money import Money
from commerce.kernel.periods import Period
from subscriptions.collection.services import instalments
from subscriptions.einvoicing.selectors import came_back, einvoice_of, reports, stuck
from subscriptions.einvoicing.services import einvoice_decisions, einvoicing, sales_reports
from subscriptions.invoicing.selectors import bills_of
from subscriptions.invoicing.services.credit import credit_order
from subscriptions.invoicing.services.one_off import bill_order
from subscriptions.ledger.services.ledger import enter_payment
from subscriptions.models import (
    Einvoice,
    EinvoiceStep,
    InstalmentPart,
    Invoice,
    PlatformRequest,
    SalesReport,
)
from subscriptions.ports import ElectronicInvoice, Known, PlatformEvent
from subscriptions.ports import SalesReport as Report
from tests.integration.subscriptions.contracts import (
    DAY,
    RATES,
    at,
    begun,
    firm,
    handset,
    person,
    plan,
    press,
    promised,
    run,
)

pytestmark = pytest.mark.django_db
AFTER = date(2026, 4, 10)


@dataclass
class Memory:
    """Takes each key once; `silent` keys are taken without an answer, `refusing` ones refused,
    `broken` ones never answered."""

    taken: dict[str, object] = field(default_factory=dict)
    events: dict[str, tuple[PlatformEvent, ...]] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)
    refusing: set[str] = field(default_factory=set)
    broken: set[str] = field(default_factory=set)
    arrivals: list[str] = field(default_factory=list)

    def send(self, invoice: ElectronicInvoice, *, key: str) -> str:
        return self._take(key, invoice)

    def paid(self, invoice_id: str, *, amount: Money, on: date, key: str) -> str:
        return self._take(key, (invoice_id, str(amount), on))

    def report(self, report: Report, *, key: str) -> str:
        return self._take(key, report)

    def known(self, key: str) -> Known | None:
        if key not in self.taken:
            return None
        return Known(f"id of {key}", "", self.events.get(key, ()))

    def _take(self, key: str, what: object) -> str:
        self.arrivals.append(key)
        if key in self.refusing:
            raise Refused("No.", code="totals")
        if key in self.broken:
            raise Unknown("500")
        self.taken[key] = what
        if key in self.silent:
            self.silent.remove(key)
            raise Unknown("No answer.")
        return f"id of {key}"


@pytest.fixture
def platform(monkeypatch: pytest.MonkeyPatch) -> Iterator[Memory]:
    memory = Memory()
    monkeypatch.setattr(einvoicing, "platform", lambda: memory)
    with business_time_fixed(at(DAY)):
        yield memory


@pytest.fixture
def atelier() -> int:
    party = firm()
    Organisation.objects.create(
        party_id=party, legal_name="Atelier Rivoire SAS", siren="732829320",
        vat_number="FR44732829320",
    )  # fmt: skip
    PartyAddress.objects.create(
        party_id=party, name="Atelier", line1="8 quai Sud", postcode="13002", city="Marseille",
        siret="73282932000074",
    )  # fmt: skip
    return party


def billed(party: int) -> str:
    """A firm's contract and its bill of the next month; the number."""
    begun("F-1", [plan("30.00")], party=party, segment="business")
    with business_time_fixed(at(AFTER, 4)):
        run(AFTER)
    return bills_of(party)[0].number


def told(number: str, kind: str, *, event: str = "", motive: str = "", days: int = 0) -> None:
    einvoicing.take_event(
        request_key=f"{number}/1",
        event=PlatformEvent(
            event or f"cb_{kind}", f"invoice.{kind}", at(AFTER) + timedelta(days=days), motive
        ),
    )


def life(number: str) -> list[str]:
    """Where it stands, then its steps."""
    found = Einvoice.objects.get(invoice__number=number)
    return [found.status, *found.steps.order_by("at", "pk").values_list("status", flat=True)]


OPERATOR = replace(SYSTEM, role=Role.OPERATOR)


def test_only_businesses_invoices_are_marked_with_their_issue(
    platform: Memory, atelier: int
) -> None:
    begun("F-9", [plan("19.99")], party=person())
    number = billed(atelier)
    numbers = list(Einvoice.objects.values_list("invoice__number", flat=True))
    of_the_firm = Invoice.objects.filter(account__party_id=atelier, number__isnull=False)
    issued = [number or "" for number in of_the_firm.values_list("number", flat=True)]
    assert sorted(map(str, numbers)) == sorted(issued)
    assert platform.arrivals == []
    keys = [f"{each}/1" for each in sorted(issued)]
    timer = Timer.objects.get(handler="einvoicing")
    assert (timer.payload, timer.queue, keys[-1]) == ({"keys": keys}, "bulk", f"{number}/1")


def test_an_invoice_is_sent_once_however_often_its_work_is_done(
    platform: Memory, atelier: int
) -> None:
    number = billed(atelier)
    assert einvoicing.on_send({"keys": [f"{number}/1"]}) is True
    assert einvoicing.on_send({"keys": [f"{number}/1"]}) is False
    sent = platform.taken[f"{number}/1"]
    assert isinstance(sent, ElectronicInvoice)
    assert (sent.number, sent.syntax, number.encode() in sent.document) == (
        number, "factur-x", True,
    )  # fmt: skip
    assert platform.arrivals == [f"{number}/1"]
    assert life(number) == ["sent", "sent"]


def test_an_invoice_is_sent_by_so_many_statements_and_entered_as_deposited_by_so_many(
    platform: Memory, atelier: int
) -> None:
    number = billed(atelier)

    def words(asked: CaptureQueriesContext) -> list[str]:
        return [query["sql"].split(maxsplit=1)[0] for query in asked]

    with CaptureQueriesContext(connection) as sending:
        assert einvoicing.carry_out(f"{number}/1") is True
    with CaptureQueriesContext(connection) as hearing:
        told(number, "deposited")
    with CaptureQueriesContext(connection) as again:
        told(number, "deposited")

    assert words(sending) == [
        *["SELECT", "UPDATE"],  # claimed
        *["SELECT"] * 4,  # the bill, both parties, its lines, what it corrects
        *["SAVEPOINT", "UPDATE", "SELECT", "INSERT", "UPDATE", "RELEASE"],  # taken
    ]
    assert words(hearing) == [
        *["SAVEPOINT", "SELECT", "SELECT", "INSERT", "SELECT", "UPDATE"],
        *["SELECT", "WITH", "SELECT", "RELEASE"],  # whose it is, the event, what is open
    ]
    assert words(again) == ["SAVEPOINT", "SELECT", "SELECT", "INSERT", "RELEASE"]
    assert life(number) == ["deposited", "sent", "deposited"]


def test_an_answer_that_was_lost_is_asked_for_and_nothing_sent_twice(
    platform: Memory, atelier: int
) -> None:
    number = billed(atelier)
    platform.silent.add(f"{number}/1")
    with pytest.raises(Unknown):
        einvoicing.on_send({"keys": [f"{number}/1"]})
    assert PlatformRequest.objects.get(key=f"{number}/1").state == "claimed"
    assert einvoicing.on_send({"keys": [f"{number}/1"]}) is True
    assert platform.arrivals == [f"{number}/1"]
    assert PlatformRequest.objects.get(key=f"{number}/1").answer == f"id of {number}/1"


def test_one_that_gets_no_answer_holds_up_no_other(platform: Memory, atelier: int) -> None:
    billed(atelier)
    keys = Timer.objects.get(handler="einvoicing").payload["keys"]
    first, *others = keys
    platform.broken.add(first)
    for _ in range(2):
        with pytest.raises(Unknown):
            einvoicing.on_send({"keys": keys})
    assert len(others) == 1
    assert platform.arrivals == [first, *others, first]


def test_what_the_platform_tells_counts_once_in_any_order(platform: Memory, atelier: int) -> None:
    number = billed(atelier)
    told(number, "refused", motive="order_unknown", days=2)
    told(number, "deposited")
    told(number, "deposited")
    einvoicing.carry_out(f"{number}/1")
    assert life(number)[0] == "refused"
    assert EinvoiceStep.objects.exclude(event="").count() == 2
    (back,) = came_back()
    assert (back.number, back.motive) == (number, "order_unknown")


def test_a_lost_callback_is_asked_for(platform: Memory, atelier: int) -> None:
    number = billed(atelier)
    einvoicing.on_send({"keys": [f"{number}/1"]})
    asking = Timer.objects.get(key=f"einvoicing-ask:{number}/1")
    platform.events[f"{number}/1"] = (PlatformEvent("cb_1", "invoice.deposited", at(AFTER), ""),)
    einvoicing.on_ask(asking.payload)
    assert life(number) == ["deposited", "sent", "deposited"]


def test_the_platform_hears_of_the_money_once_all_of_it_has_come(
    platform: Memory, atelier: int
) -> None:
    number = billed(atelier)
    einvoicing.on_send({"keys": [f"{number}/1"]})
    told(number, "deposited")
    for key, amount in (("t1", "20.00"), ("t2", "16.00")):
        assert not PlatformRequest.objects.filter(kind="paid").exists()
        enter_payment(key=key, party_id=atelier, reference=number, amount=Money.of(amount))
    einvoicing.on_send({"keys": [f"{number}/paid"]})
    assert platform.taken[f"{number}/paid"] == (f"id of {number}/1", "36.00 EUR", DAY)
    assert life(number)[0] == "paid"
    found = einvoice_of(atelier, number)
    assert found is not None
    assert [step.status for step in found.steps].count("paid") == 1


def test_a_payment_that_the_platform_would_not_be_told_of_waits_for_an_operator(
    platform: Memory, atelier: int
) -> None:
    number = billed(atelier)
    einvoicing.on_send({"keys": [f"{number}/1"]})
    told(number, "deposited")
    enter_payment(key="t", party_id=atelier, reference=number, amount=Money.of("36.00"))
    platform.refusing |= {f"{number}/paid", f"{number}/paid/2"}
    for key in (f"{number}/paid", f"{number}/paid/2"):
        einvoicing.on_send({"keys": [key]})
        (waits,) = stuck()
        assert (waits.number, waits.status, waits.payment_refused) == (number, "deposited", True)
        if key.endswith("paid"):
            einvoice_decisions.send_again(OPERATOR, einvoice_id=waits.id)
            assert PlatformRequest.objects.get(key=f"{number}/paid/2").amount == 36
    einvoice_decisions.note_handled(OPERATOR, einvoice_id=waits.id, note="told by hand")
    assert stuck() == ()
    # What was noted is about what was so then.
    einvoice_decisions.send_again(OPERATOR, einvoice_id=waits.id)
    platform.refusing.add(f"{number}/paid/3")
    einvoicing.on_send({"keys": [f"{number}/paid/3"]})
    assert [each.number for each in stuck()] == [number]


def test_a_payment_that_was_refused_is_told_again(platform: Memory, atelier: int) -> None:
    number = billed(atelier)
    einvoicing.on_send({"keys": [f"{number}/1"]})
    told(number, "deposited")
    enter_payment(key="t", party_id=atelier, reference=number, amount=Money.of("36.00"))
    platform.refusing.add(f"{number}/paid")
    einvoicing.on_send({"keys": [f"{number}/paid"]})
    with business_time_fixed(at(DAY + timedelta(days=3))):
        einvoice_decisions.send_again(OPERATOR, einvoice_id=stuck()[0].id)
        einvoicing.on_send({"keys": [f"{number}/paid/2"]})
    # The day on which the money came.
    assert platform.taken[f"{number}/paid/2"] == (f"id of {number}/1", "36.00 EUR", DAY)
    assert (life(number)[0], stuck()) == ("paid", ())


def test_the_buyers_programs_hear_what_became_of_an_invoice(platform: Memory, atelier: int) -> None:
    number = billed(atelier)
    einvoicing.on_send({"keys": [f"{number}/1"]})
    told(number, "deposited")
    told(number, "refused", motive="order_unknown", days=1)
    heard = OutboxEvent.objects.filter(name="ElectronicInvoiceMoved")
    said = sorted((each.payload["status"], each.payload["motive"]) for each in heard)
    assert said == [("deposited", ""), ("refused", "order_unknown")]
    assert {each.payload["party_id"] for each in heard} == {atelier}


def test_money_that_came_before_the_deposit_is_told_with_it(platform: Memory, atelier: int) -> None:
    number = billed(atelier)
    einvoicing.on_send({"keys": [f"{number}/1"]})
    enter_payment(key="t", party_id=atelier, reference=number, amount=Money.of("36.00"))
    assert not PlatformRequest.objects.filter(kind="paid").exists()
    told(number, "deposited")
    assert PlatformRequest.objects.get(kind="paid").key == f"{number}/paid"


def test_what_a_credit_note_pays_is_no_money(platform: Memory, atelier: int) -> None:
    consumer = person()
    numbers = {}
    for order, party, segment in (("F-7", atelier, "business"), ("F-8", consumer, "consumer")):
        promised(order, [handset("100.00")], segment=segment)
        numbers[order] = bill_order(
            order_number=order,
            party_id=party,
            segment=segment,
            charges={"g1": [handset("100.00")]},
            tax_rates=RATES,
        )
    number = numbers["F-7"] or ""
    einvoicing.on_send({"keys": [f"{number}/1"]})
    told(number, "deposited")
    credit_order(order_number="F-7", group="g1", party_id=atelier, segment="business")
    credit_order(order_number="F-8", group="g1", party_id=consumer, segment="consumer")
    assert [str(bill.open) for bill in bills_of(atelier) if bill.number == number] == ["0.00 EUR"]
    assert not PlatformRequest.objects.filter(kind="paid").exists()
    sales, payments = sales_reports.books(Period(DAY, AFTER))
    assert ([(row["net"], row["documents"]) for row in sales], payments) == ([("0.00", 2)], [])


def test_an_invoice_paid_in_parts_is_told_as_paid_with_its_last_part_alone(
    platform: Memory, atelier: int
) -> None:
    promised("F-7", [handset("200.00")], segment="business")
    half = Money.of("120.00")
    instalments.agree(
        order_number="F-7",
        party_id=atelier,
        amounts=[half, half],
        lines={"handset-1": half},
        longest_days=60,
    )
    number = bill_order(
        order_number="F-7",
        party_id=atelier,
        segment="business",
        charges={"g1": [handset("200.00")]},
        tax_rates=RATES,
    )
    assert number is not None
    einvoicing.on_send({"keys": [f"{number}/1"]})
    told(number, "deposited")
    enter_payment(key="first", party_id=atelier, reference=number, amount=half)
    assert not PlatformRequest.objects.filter(kind="paid").exists()
    later = InstalmentPart.objects.get()
    with business_time_fixed(at(later.due_on)):
        instalments.on_due({"part": later.pk})
        assert not PlatformRequest.objects.filter(kind="paid").exists()
        enter_payment(key="second", party_id=atelier, reference=number, amount=half)
    asked = PlatformRequest.objects.get(kind="paid")
    assert (str(asked.amount), asked.made_at) == ("240.00", at(later.due_on))


def test_a_rejected_invoice_is_sent_anew_by_an_operator_alone(
    platform: Memory, atelier: int
) -> None:
    number = billed(atelier)
    platform.refusing.add(f"{number}/1")
    einvoicing.on_send({"keys": [f"{number}/1"]})
    (back,) = came_back()
    assert (back.status, back.motive) == ("rejected", "totals")
    buyer = replace(SYSTEM, party_id=atelier, role=Role.BUYER)
    with pytest.raises(Forbidden):
        einvoice_decisions.send_again(buyer, einvoice_id=back.id)
    einvoice_decisions.send_again(OPERATOR, einvoice_id=back.id)
    assert came_back() == ()
    einvoicing.on_send({"keys": [f"{number}/2"]})
    # What the platform says of the first one by now moves nothing any more.
    told(number, "rejected", motive="late")
    assert life(number)[0] == "sent"
    assert list(platform.taken) == [f"{number}/2"]


def test_sales_to_consumers_are_reported_without_a_gap_and_corrected_later(
    platform: Memory,
) -> None:
    party = person()
    begun("F-1", [plan("30.00"), press("2.10")], party=party)
    number = bills_of(party)[0].number
    with business_time_fixed(at(date(2026, 3, 15))):
        enter_payment(key="t", party_id=party, reference=number, amount=Money.of("32.10"))
    later = date(2026, 4, 1)
    with business_time_fixed(at(later)):
        made = sales_reports.report_until(later)
        assert sales_reports.report_until(later) == ()
    assert made == ("ER-2026-03-01", "ER-2026-03-11", "ER-2026-03-21")
    first, second, third = SalesReport.objects.order_by("start")
    assert first.sales == [
        {"on": "2026-03-10", "rate": "2.10", "net": "2.06", "tax": "0.04", "documents": 1},
        {"on": "2026-03-10", "rate": "20.00", "net": "25.00", "tax": "5.00", "documents": 1},
    ]
    assert second.payments == [
        {"on": "2026-03-15", "rate": "2.10", "amount": "2.10"},
        {"on": "2026-03-15", "rate": "20.00", "amount": "30.00"},
    ]
    assert (first.payments, second.sales, third.sales) == ([], [], [])
    einvoicing.on_send({"keys": [f"report/{name}" for name in made]})
    assert platform.arrivals == [f"report/{name}" for name in made]
    # Entered late, for a day that was reported already.
    with business_time_fixed(at(date(2026, 3, 25))):
        begun("F-2", [plan("10.00", line="plan-2")], party=person(), on=date(2026, 3, 25))
    with business_time_fixed(at(later)):
        assert sales_reports.report_until(later) == ("ER-2026-03-21/1",)
        assert sales_reports.report_until(later) == ()
    correction = SalesReport.objects.get(reference="ER-2026-03-21/1")
    assert correction.corrects == third
    assert [row["net"] for row in correction.sales] == ["8.33"]


def test_a_report_that_was_refused_is_sent_again_before_those_after_it(platform: Memory) -> None:
    begun("F-1", [plan("30.00")], party=person())
    platform.refusing.add("report/ER-2026-03-01")
    for day in (date(2026, 3, 11), date(2026, 3, 21)):
        with business_time_fixed(at(day)):
            sales_reports.report_until(day)
            for timer in Timer.objects.filter(key__startswith="einvoicing:report/"):
                einvoicing.on_send(timer.payload)
    assert platform.arrivals == [
        "report/ER-2026-03-01", "report/ER-2026-03-01#2", "report/ER-2026-03-11",
    ]  # fmt: skip
    assert [(each.reference, each.state) for each in reports()] == [
        ("ER-2026-03-11", "accepted"), ("ER-2026-03-01", "accepted"),
    ]  # fmt: skip


def test_one_that_comes_back_again_is_seen_again(platform: Memory, atelier: int) -> None:
    number = billed(atelier)
    for generation in (1, 2):
        platform.refusing.add(f"{number}/{generation}")
        einvoicing.on_send({"keys": [f"{number}/{generation}"]})
        (back,) = came_back()
        einvoice_decisions.note_handled(OPERATOR, einvoice_id=back.id, note="called them")
        assert came_back() == ()
        einvoice_decisions.send_again(OPERATOR, einvoice_id=back.id)
