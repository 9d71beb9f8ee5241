"""Usage records: each counted once, billed in arrears beyond the plan, and nothing billed twice."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from catalogue.domain.usage import Dimension
from catalogue.selectors import snapshot_of
from commerce.events.models import OutboxEvent
from commerce.kernel.clock import business_time_fixed
from commerce.kernel.money import Money
from commerce.notifications.models import Message
from subscriptions.contracts.selectors import promise_view
from subscriptions.contracts.services import number
from subscriptions.contracts.services.activate import ActivatedItem, activate
from subscriptions.contracts.services.change import ContractChange, apply_change
from subscriptions.domain.consumption import Report
from subscriptions.domain.rating import Stretch, Used
from subscriptions.domain.states import ChangeKind, Release
from subscriptions.domain.usage import UsageTold
from subscriptions.invoicing.selectors import bill_view, document_of
from subscriptions.invoicing.services import bill_run, check
from subscriptions.invoicing.services.release import release_held
from subscriptions.models import (
    BillingAccount,
    Consumption,
    Invoice,
    InvoiceLine,
    Parking,
    Subscription,
    SubscriptionItem,
    UsageBilled,
    UsageRecord,
)
from subscriptions.reconciling.audit import bills_against_promises
from subscriptions.subscribers import on_allowance_reached
from subscriptions.usage import rates
from subscriptions.usage.services import overuse
from subscriptions.usage.services.consumption import Taken, take_consumption
from subscriptions.usage.services.usage import UsageTaken, take_up_suspended, take_usage
from subscriptions.usage.using import used_so_far
from tests.factories import PersonFactory, UserFactory
from tests.integration.subscriptions.contracts import RATES, at, plan, promised, run

START, JUNE, JULY = date(2027, 3, 15), date(2027, 6, 15), date(2027, 7, 15)
AT = at(START)
LINE = "0639980001"
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("demo_catalogue")]


@pytest.fixture
def party() -> Iterator[int]:
    """A customer with a line of two hours a month, 0.05 a minute beyond, since 15 March; in June,
    his bills made up to then."""
    person = PersonFactory.create(display_name="Camille Martin")
    begin(person.pk)
    for day in (date(2027, 4, 15), date(2027, 5, 15), JUNE):
        with business_time_fixed(at(day, 4)):
            run(day)
    with business_time_fixed(at(JUNE)):
        yield person.pk


def begin(
    party: int,
    *,
    order: str = "F-1",
    offering: str = "mini-20",
    msisdn: str = LINE,
    segment: str = "consumer",
    on: date = START,
) -> int:
    with business_time_fixed(at(on)):
        promised(order, [plan("5.99")], segment=segment)
        return activate(
            order_number=order,
            group="g1",
            party_id=party,
            segment=segment,
            items=[ActivatedItem("plan-1", offering, (plan("5.99"),))],
            tax_rates=RATES,
            term_months=0,
            activated_on=on,
            release=1,
            channel="web",
            msisdn=msisdn,
        )


def call(
    reference: str, minutes: str, *, on: date = date(2027, 5, 20), line: str = LINE
) -> UsageTold:
    return UsageTold(reference, line, at(on), Dimension.CALLS, Decimal(minutes), "0139980000")


def take(*records: UsageTold) -> UsageTaken:
    return take_usage(records, source="network")


def bill(day: date) -> None:
    with business_time_fixed(at(day, 4)):
        run(day)


def used_lines() -> list[tuple[str, str, str, int, str, str]]:
    """Of each bill: its first day, the month of use, its charge, units, amount and label."""
    rows = InvoiceLine.objects.filter(kind="usage").select_related("invoice").order_by("pk")
    return [
        (
            *(str(row.invoice.period_start), str(row.starts_on), row.charge, row.quantity),
            *(str(row.amount), row.label["en"]),
        )
        for row in rows
    ]


def shown() -> list[tuple[str, str, str, bool]]:
    rows = Consumption.objects.order_by("month", "dimension")
    return [(str(r.month), r.dimension, str(r.used), r.from_records) for r in rows]


def test_a_record_counts_once_in_any_order_and_with_other_facts_it_is_refused(party: int) -> None:
    first, second = call("a", "60.5"), call("b", "30", on=date(2027, 5, 2))
    assert take(first, second, first) == UsageTaken(2, 1, 0, (), ())
    assert take(second, first) == UsageTaken(0, 2, 0, (), ())
    other = take(replace(first, quantity=Decimal(61)), call("c", "1"))
    assert (other.added, other.same) == (1, 0)
    assert [(fault.place, fault.field) for fault in other.refused] == [(0, "id")]
    assert shown() == [("2027-05-01", "minutes", "91.500", True)]
    assert take_usage([first], source="another") == UsageTaken(1, 0, 0, (), ())


def test_what_is_used_abroad_is_part_of_the_data(party: int) -> None:
    take(replace(call("a", "2.5"), dimension=Dimension.ABROAD))
    assert shown() == [
        ("2027-05-01", "data_gb", "2.500", True), ("2027-05-01", "europe_gb", "2.500", True),
    ]  # fmt: skip


def test_a_day_is_that_of_the_place_where_the_line_is_billed(party: int) -> None:
    take(replace(call("a", "1"), started_at=datetime(2027, 4, 30, 22, 30, tzinfo=UTC)))
    assert shown() == [("2027-05-01", "minutes", "1.000", True)]


def test_one_that_nobody_knows_waits_and_keeps_no_other_out(party: int) -> None:
    stray = call("a", "10", line="06 39 98 00 02")
    ahead = call("b", "10", on=date(2027, 6, 16))
    taken = take(stray, ahead, call("c", "10"))
    assert (taken.added, [(f.place, f.field) for f in taken.suspended]) == (
        1, [(0, "line"), (1, "started_at")],
    )  # fmt: skip
    assert take(stray, ahead) == UsageTaken(0, 2, 0, (), ())
    assert take_up_suspended() == 0
    begin(PersonFactory.create().pk, order="F-2", msisdn="0639980002")
    with business_time_fixed(at(JULY)):
        assert take_up_suspended() == 2
        assert take_up_suspended() == 0
    states = UsageRecord.objects.order_by("reference").values_list("state", "reason")
    assert list(states) == [("counted", "")] * 3
    assert [used for *_, used, _ in shown()] == ["10.000", "10.000", "10.000"]


def test_records_come_before_counts(party: int) -> None:
    count = Report(LINE, date(2027, 5, 1), Dimension.CALLS, Decimal(300), at(JUNE))
    assert take_consumption([count]) == Taken(1, 0, 0)
    take(call("a", "10"))
    assert shown() == [("2027-05-01", "minutes", "10.000", True)]
    assert take_consumption([replace(count, used=Decimal(400))]) == Taken(0, 0, 1)
    assert shown() == [("2027-05-01", "minutes", "10.000", True)]


def test_use_under_a_number_that_the_contract_has_no_more_is_its_own(party: int) -> None:
    with business_time_fixed(at(date(2027, 5, 10))):
        number.take_number(order_number="F-1", group="g1", msisdn="0639980009")
    assert take(call("a", "1", on=date(2027, 5, 9)), call("b", "2", line="0639980009")).added == 2
    count = Report(LINE, date(2027, 5, 1), Dimension.MESSAGES, Decimal(3), at(JUNE))
    assert take_consumption([count]) == Taken(1, 0, 0)
    late = take(call("c", "4", on=date(2027, 5, 11)))
    assert [fault.field for fault in late.suspended] == ["line"]
    begin(PersonFactory.create().pk, order="F-2")
    Subscription.objects.filter(order_number="F-2").update(activated_on=date(2027, 5, 11))
    assert take_up_suspended() == 1
    owners = UsageRecord.objects.order_by("reference")
    assert list(owners.values_list("subscription__order_number", flat=True)) == [
        "F-1", "F-1", "F-2",
    ]  # fmt: skip


def test_what_is_beyond_is_billed_when_the_month_is_over_and_is_no_broken_promise(
    party: int,
) -> None:
    take(call("a", "100"), call("b", "31.2"))
    with business_time_fixed(at(date(2027, 7, 3))):
        take(call("c", "500", on=date(2027, 7, 2)))
    bill(JULY)
    assert used_lines() == [
        ("2027-07-15", "2027-05-01", "minutes", 12, "0.60",
         "Calls beyond the plan, 06 39 98 00 01"),
    ]  # fmt: skip
    issued = Invoice.objects.get(period_start=JULY)
    assert (issued.state, str(issued.gross), Parking.objects.count()) == ("issued", "6.59", 0)
    view = bill_view(party, issued.number or "")
    assert [(s.code, str(s.total.amount)) for s in view.sections] == [
        ("own_services", "5.99"), ("communications", "0.60"),
    ]  # fmt: skip
    assert (view.as_promised, view.promised) == (True, Money.of("5.99"))
    assert all(checked.equal for checked in bills_against_promises())
    promise = promise_view("F-1", "g1")
    assert [bill.billed for bill in promise.bills][4] == Money.of("5.99")
    document = document_of(party, issued.number or "")
    line = document.lines[1]
    assert (line.quantity, str(line.net.amount), str(line.price)) == (12, "0.5", "0.5")
    bill(date(2027, 8, 15))
    assert used_lines()[1][:5] == ("2027-08-15", "2027-07-01", "minutes", 380, "19.00")


def test_the_bill_of_what_a_firm_adds_on_a_months_last_day_has_the_use_of_that_month() -> None:
    firm = PersonFactory.create(display_name="Atelier", segment="business").pk
    begin(firm, segment="business")
    for day in (date(2027, 3, 16), date(2027, 4, 15), date(2027, 5, 15)):
        bill(day)
    with business_time_fixed(at(date(2027, 5, 21))):
        assert take(call("a", "131.2")).added == 1
    begin(firm, order="F-2", msisdn="+33639980002", segment="business", on=date(2027, 5, 31))
    assert Consumption.objects.get().unsettled
    bill(date(2027, 6, 1))
    # Settled, at no price: nothing is sold beyond this plan to firms.
    assert not Consumption.objects.get().unsettled
    assert Parking.objects.count() == 0


def test_a_late_record_is_billed_by_what_is_missing_and_after_a_year_not_at_all(
    party: int,
) -> None:
    take(call("a", "125"))
    bill(JULY)
    bill(date(2027, 8, 15))
    with business_time_fixed(at(date(2027, 8, 20))):
        take(call("b", "0.5"))
        bill(date(2027, 9, 15))
        take(call("c", "0.5"), call("d", "1.5"))
    bill(date(2027, 10, 15))
    assert [(line[0], line[3], line[4]) for line in used_lines()] == [
        ("2027-07-15", 5, "0.25"), ("2027-09-15", 1, "0.05"), ("2027-10-15", 2, "0.10"),
    ]  # fmt: skip
    billed = UsageBilled.objects.order_by("revision")
    assert [(each.revision, each.units) for each in billed] == [(1, 5), (2, 1), (3, 2)]
    with business_time_fixed(at(date(2028, 5, 21))):
        taken = take(call("e", "50"), call("f", "50", on=date(2027, 5, 21)))
    assert (taken.added, taken.barred) == (1, 1)
    assert UsageRecord.objects.get(reference="e").state == "barred"


def test_nothing_beyond_is_no_line_and_is_not_looked_at_again(party: int) -> None:
    take(call("a", "120"))
    bill(JULY)
    assert used_lines() == []
    assert not Consumption.objects.filter(unsettled=True).exists()


def test_another_plan_in_the_month_is_rated_by_itself(party: int) -> None:
    contract = Subscription.objects.get()
    SubscriptionItem.objects.update(until_on=date(2027, 5, 11))
    SubscriptionItem.objects.create(
        subscription=contract, line_id="p2", offering="essentiel-40", from_on=date(2027, 5, 11)
    )
    take(call("a", "121", on=date(2027, 5, 10)), call("b", "900", on=date(2027, 5, 11)))
    bill(JULY)
    assert [line[3:5] for line in used_lines()] == [(1, "0.05")]


def test_a_contract_that_ends_pays_with_its_last_bill_and_what_comes_later_with_one_more(
    party: int,
) -> None:
    take(call("a", "121", on=date(2027, 6, 10)))
    SubscriptionItem.objects.update(until_on=date(2027, 6, 14))
    Subscription.objects.update(status="ended", ended_on=date(2027, 6, 14))
    bill(JULY)
    assert [line[:2] + line[3:5] for line in used_lines()] == [
        ("2027-07-15", "2027-06-01", 1, "0.05"),
    ]  # fmt: skip
    assert next_bill() == date(2027, 8, 15)
    bill(date(2027, 8, 15))
    assert next_bill() is None
    with business_time_fixed(at(date(2027, 8, 20))):
        take(call("b", "2", on=date(2027, 6, 14)), call("c", "2", on=date(2027, 6, 15)))
    assert next_bill() == date(2027, 9, 15)
    bill(date(2027, 9, 15))
    assert used_lines()[1][3:5] == (2, "0.10")


def test_what_a_contract_used_that_is_given_back_as_a_whole_comes_back_with_the_next_bill(
    party: int,
) -> None:
    take(call("a", "121"))
    bill(JULY)
    with business_time_fixed(at(JULY)):
        promised("F-2", [])
        apply_change(
            ContractChange(
                order_number="F-2",
                group="g1",
                subscription_id=Subscription.objects.get().pk,
                kind=ChangeKind.WITHDRAW,
                on=START,
                channel="web",
            )
        )
    bill(date(2027, 8, 15))
    assert [line[:2] + line[3:5] for line in used_lines()] == [
        ("2027-07-15", "2027-05-01", 1, "0.05"), ("2027-08-15", "2027-05-01", 1, "-0.05"),
    ]  # fmt: skip
    assert not Consumption.objects.filter(unsettled=True).exists()


def test_a_pool_is_rated_again_when_a_line_is_given_back_that_used_nothing_itself(
    party: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    share(monkeypatch)
    begin(party, order="F-2", msisdn="0639980002")
    take(call("a", "300", line="0639980002"))
    bill(JULY)
    with business_time_fixed(at(JULY)):
        promised("F-3", [])
        apply_change(
            ContractChange(
                order_number="F-3",
                group="g1",
                subscription_id=Subscription.objects.get(order_number="F-1").pk,
                kind=ChangeKind.WITHDRAW,
                on=START,
                channel="web",
            )
        )
    bill(date(2027, 8, 15))
    # The line of the bill was the first one's, with both allowances; the other one's has its own.
    assert [line[:2] + line[3:5] for line in used_lines()] == [
        ("2027-07-15", "2027-05-01", 60, "3.00"),
        ("2027-08-15", "2027-05-01", 60, "-3.00"), ("2027-08-15", "2027-05-01", 180, "9.00"),
    ]  # fmt: skip


def test_a_bill_that_is_thrown_away_leaves_its_use_to_the_next(
    party: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    take(call("a", "121"))
    with monkeypatch.context() as patched:
        patched.setattr(check, "hold_what_differs", _hold_all)
        bill(JULY)
    assert (len(used_lines()), UsageBilled.objects.count()) == (1, 1)
    with business_time_fixed(at(JULY)):
        release_held(account_id=_account(), decision=Release.REDRAFT, operator="Nadia")
        assert (used_lines(), UsageBilled.objects.count()) == ([], 0)
        run(JULY)
    assert [line[3:5] for line in used_lines()] == [(1, "0.05")]


def next_bill() -> date | None:
    return BillingAccount.objects.get().next_bill_on


def _account() -> int:
    return BillingAccount.objects.get().pk


def _hold_all(invoice_ids: list[int]) -> tuple[int, ...]:
    Invoice.objects.filter(pk__in=invoice_ids).update(state="held")
    check.park(account_id=_account(), invoice_id=invoice_ids[0], rule="price", reasons=[])
    return tuple(invoice_ids)


def test_suspended_use_is_taken_up_before_the_bills_are_made(party: int) -> None:
    take(call("a", "125", line="0639980002"))
    Subscription.objects.update(msisdn="0639980002")
    with business_time_fixed(at(JULY, 4)):
        bill_run.on_timer({})
    assert UsageRecord.objects.get().state == "counted"


def test_a_file_is_taken_in_record_by_record_and_what_waits_is_named(
    party: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "cdr.csv"
    heading = "id;line;started_at;allowance;quantity;destination\n"
    known = f"a;{LINE};2027-05-20T12:00:00+02:00;minutes;121;0139980000\n"
    path.write_text(f"{heading}{known}b;0639989999;2027-05-20T12:00:00+02:00;messages;1;\n")
    call_command("import_usage", str(path), source="network")
    assert capsys.readouterr().out.split("\n")[:2] == [
        "1 records are new, 0 were known, 0 came more than a year late, 1 wait for their line, "
        "0 were refused.",
        "cdr.csv:3: line: Nobody had the number 0639989999 that day.",
    ]
    path.write_text(f"{heading}{known}c d;{LINE};2027-05-20;minutes;1;\n")
    with pytest.raises(CommandError) as refused:
        call_command("import_usage", str(path), source="network")
    assert [line.split(": ")[1] for line in str(refused.value).split("\n")[:2]] == [
        "id", "started_at",
    ]  # fmt: skip
    assert UsageRecord.objects.count() == 2


def test_the_customer_sees_what_is_used_left_and_owed_by_now(party: int) -> None:
    take(
        call("a", "131.2", on=date(2027, 6, 3)),
        replace(call("b", "7.5", on=date(2027, 6, 3)), dimension=Dimension.DATA),
    )
    user = UserFactory.create(party_id=party, language="en")
    client = Client(headers={"accept-language": "en"})
    client.force_login(user, "django.contrib.auth.backends.ModelBackend")
    line = Subscription.objects.get().pk
    text = client.get(f"/account/lines/{line}/").content.decode().replace("\u00a0", " ")
    assert "131.2 minutes used: all of the 120 minutes included" in text
    assert "12 minutes beyond: €0.60 so far" in text
    assert "12.5 GB left" in text
    assert "Beyond your plan so far: €0.60, on the first bill from" in text
    answer = client.get(f"/api/v1/subscriptions/{line}/consumption").json()
    assert answer["so_far"] == [
        {"allowance": "data_gb", "used": "7.5", "included": "20", "left": "12.5", "beyond": 0,
         "cost": {"amount": "0.00", "currency": "EUR"}, "lines": 1},
        {"allowance": "minutes", "used": "131.2", "included": "120", "left": "0", "beyond": 12,
         "cost": {"amount": "0.60", "currency": "EUR"}, "lines": 1},
    ]  # fmt: skip
    assert answer["usual"] is None


def share(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the lines of an account share what their plan includes."""
    sold = snapshot_of(1)
    mini = sold.offerings["mini-20"]
    facts = {**mini.characteristics, "shared_allowance": "home"}
    shared = replace(mini, specification=replace(mini.specification, characteristics=facts))
    pooled = replace(sold, offerings={**sold.offerings, "mini-20": shared})
    monkeypatch.setattr(rates, "snapshot_of", lambda release: pooled)


def test_lines_that_share_what_they_include_pay_together_once(
    party: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    share(monkeypatch)
    second = begin(party, order="F-2", msisdn="0639980002")
    take(call("a", "200"), call("b", "50", line="0639980002"))
    (calls,) = used_so_far(party, on=date(2027, 5, 31), subscription_id=second)
    assert (str(calls.used), str(calls.included), calls.beyond, calls.lines) == (
        "250.000", "240", 10, 2,
    )  # fmt: skip
    bill(JULY)
    assert [line[3:5] for line in used_lines()] == [(10, "0.50")]
    assert not Consumption.objects.filter(unsettled=True).exists()


def test_a_bill_that_is_thrown_away_leaves_what_the_other_line_of_a_pool_used(
    party: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    share(monkeypatch)
    begin(party, order="F-2", msisdn="0639980002")
    take(call("a", "250", line="0639980002"))
    with monkeypatch.context() as patched:
        patched.setattr(check, "hold_what_differs", _hold_all)
        bill(JULY)
    with business_time_fixed(at(JULY)):
        release_held(account_id=_account(), decision=Release.REDRAFT, operator="Nadia")
        run(JULY)
    assert [line[3:5] for line in used_lines()] == [(10, "0.50")]


def test_what_comes_while_bills_are_drafted_is_left_to_the_next(
    party: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(party, order="F-2", msisdn="0639980002")
    take(call("a", "121"))
    read = rates.used_in

    def and_more_comes(stretches: Sequence[Stretch]) -> Used:
        found = read(stretches)
        take(call("b", "122", line="0639980002"))
        return found

    with monkeypatch.context() as patched:
        patched.setattr(overuse, "used_in", and_more_comes)
        bill(JULY)
    bill(date(2027, 8, 15))
    assert [line[3:5] for line in used_lines()] == [(1, "0.05"), (2, "0.10")]


def test_what_no_bill_can_hold_parks_its_account_and_stops_no_other(party: int) -> None:
    other = PersonFactory.create().pk
    begin(other, order="F-2", msisdn="0639980002")
    bill(JUNE)
    wrong = [call(f"w{n}", "10000000") for n in range(220)]
    assert take(*wrong, call("a", "121", line="0639980002")).added == 221
    assert take(call("b", "1")).added == 1
    assert ("2027-05-01", "minutes", "999999999.999", True) in shown()
    bill(JULY)
    assert [line[3:5] for line in used_lines()] == [(1, "0.05")]
    assert Parking.objects.get().account.party_id == party


def test_a_customer_is_told_at_80_and_at_100_per_cent_once(party: int) -> None:
    told: list[str] = []
    for reference, minutes in (("a", "95"), ("b", "1"), ("c", "23.5"), ("d", "0.5"), ("e", "9")):
        take(call(reference, minutes, on=date(2027, 6, 3)))
        events = OutboxEvent.objects.filter(name="AllowanceReached")
        percents = sorted(event.payload["percent"] for event in events)
        told.append(" ".join(map(str, percents)))
    assert told == ["", "80", "80", "80 100", "80 100"]
    take(call("f", "500"))
    assert OutboxEvent.objects.filter(name="AllowanceReached").count() == 2
    reached = OutboxEvent.objects.filter(name="AllowanceReached")
    for event in sorted(reached, key=lambda event: event.payload["percent"]):
        on_allowance_reached(event.payload)
        on_allowance_reached(event.payload)
    texts = Message.objects.filter(party_id=party, code="allowance_reached").order_by("pk")
    assert [text.partition(". ")[0].partition(" : ")[2] for text in texts.values_list(
        "text", flat=True)] == [
        "la ligne 06 39 98 00 01 a utilisé 80 % des appels compris ce mois-ci",
        "la ligne 06 39 98 00 01 a utilisé la totalité des appels compris ce mois-ci",
    ]  # fmt: skip
