"""Daily reconciliation: nothing differs where all is well, and each planted leakage is found."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from commerce.accounts.kinds import StaffKind
from commerce.events import timers
from commerce.events.models import Timer
from commerce.events.pump import drain
from commerce.events.selectors import under_way
from commerce.kernel.clock import business_now, business_time_fixed
from commerce.kernel.errors import Unknown
from commerce.kernel.money import Money
from commerce.payments import reconciling as payments
from commerce.payments.models import Dispute, PaymentAttempt
from commerce.payments.ports import DisputeReport, DisputeState, TakenMoney
from orchestration.actions import provider
from orchestration.adapters.http import HttpBilling
from orchestration.domain.states import FoundState
from orchestration.models import (
    FoundDifference,
    Plan,
    Reconciliation,
    Settlement,
    SettlementDifference,
)
from orchestration.ports import Entitlement, LineActivation, NetworkLine
from orchestration.services import reconciling
from orchestration.subscribers import on_payment_settled
from subscriptions.bank.services.bank_file import take_in
from subscriptions.collection.services import collecting
from subscriptions.dunning.services import dunning_clock
from subscriptions.models import (
    BankEntry,
    Coverage,
    ItemCharge,
    Promise,
    SubscriptionChange,
    SubscriptionItem,
)
from subscriptions.reconciling.leaks import billing_differences
from subscriptions.subscribers import on_dispute_moved
from tests.bank_files import Moved, bank_file
from tests.integration.frontend.test_portal_and_ops import as_staff
from tests.integration.orchestration.test_cancelling import outside
from tests.integration.orchestration.test_settlement import with_a_newspaper
from tests.integration.sandbox_providers.harness import Sandbox
from tests.integration.subscriptions.contracts import at, begun, person, plan, promised, run, sql
from tests.integration.subscriptions.test_bank import GROSS, owing
from tests.integration.subscriptions.test_ledger import unlock

__all__ = ["outside"]
pytestmark = pytest.mark.django_db
STATEMENTS = 44
BEGUN, DAY = date(2026, 3, 10), date(2026, 4, 10)
LINE = NetworkLine("lin_1", "F-1/g1", "0639980001", "")
TAKEN = TakenMoney("FA-2026-0000001/charge/1", "pi_1", Money.of("32.09"), Money.zero())
DISPUTE = DisputeReport(
    dispute_id="dp_1", key=TAKEN.key, intent_id="pi_1", amount=TAKEN.taken, reason="general",
    state=DisputeState.LOST, evidence_until=None, opened_at=at(date(2026, 4, 9)),
    withdrawn=True, reinstated=False,
)  # fmt: skip


@dataclass
class Outside:
    """What network, content partner and payment provider list."""

    lines: list[NetworkLine] = field(default_factory=lambda: [LINE])
    services: list[str] = field(default_factory=lambda: ["F-1/press-1"])
    taken: list[TakenMoney] = field(default_factory=lambda: [TAKEN])
    disputes: list[DisputeReport] = field(default_factory=list)
    silent: set[str] = field(default_factory=set)

    def port(self, name: str) -> Any:
        told = self

        class Port:
            def lines(self) -> list[NetworkLine]:
                return told.answer("network", told.lines)

            def entitlements(self) -> list[str]:
                return told.answer("content", told.services)

        return Port()

    def gateway(self) -> Any:
        told = self

        class Gateway:
            def taken_since(self, since: datetime) -> list[TakenMoney]:
                assert since == datetime(2026, 4, 2, 22, tzinfo=UTC)
                return told.answer("payments", told.taken)

            def disputes_since(self, since: datetime) -> list[DisputeReport]:
                return told.answer("payments", told.disputes)

            def dispute(self, *, dispute_id: str) -> DisputeReport:
                found: DisputeReport = told.answer("payments", [DISPUTE])[0]
                return found

        return Gateway()

    def answer(self, who: str, what: list[Any]) -> list[Any]:
        if who in self.silent:
            raise Unknown(f"{who} is silent")
        return what


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[Outside]:
    """A consumer with a newspaper, billed twice, who paid; a firm that paid by transfer."""
    told = Outside()
    monkeypatch.setattr(reconciling, "provider", told.port)
    monkeypatch.setattr(payments, "gateway", told.gateway)
    with business_time_fixed(at(BEGUN)):
        with_a_newspaper(BEGUN)
        take_in(bank_file(Moved(GROSS, owing("B-1"), ref="B1")), file="a.xml", by="Odile")
    with business_time_fixed(at(DAY, hour=5)):
        run(DAY)
        paid()
        yield told


def paid() -> None:
    PaymentAttempt.objects.create(
        key=TAKEN.key, party_id=SubscriptionItem.objects.all()[0].subscription.party_id,
        reference="FA-2026-0000001", amount=Decimal("32.09"), state="settled",
        expires_at=business_now(), success_url="https://a.test/", cancel_url="https://a.test/",
    )  # fmt: skip
    on_payment_settled({"key": TAKEN.key})


def differences() -> list[tuple[str, str]]:
    return [(each.kind, each.identity) for each in reconciling.reconcile(DAY).differences]


def test_where_all_is_well_nothing_differs(
    world: Outside, capsys: pytest.CaptureFixture[str]
) -> None:
    assert differences() == []
    call_command("reconcile")
    assert "No difference on 2026-04-10." in capsys.readouterr().out
    assert [each.day for each in Reconciliation.objects.all()] == [DAY]


def unbilled(world: Outside) -> None:
    ItemCharge.objects.filter(code="plan").update(billed_until=BEGUN)


def forgotten(world: Outside) -> None:
    sql("UPDATE subscriptions_billingaccount SET next_bill_on = NULL, cycle_day = 10")


def beyond_its_end(world: Outside) -> None:
    SubscriptionItem.objects.filter(line_id="press-1").update(until_on=BEGUN)
    world.services.clear()


def another_price(world: Outside) -> None:
    sql("UPDATE subscriptions_promiseline SET amount = 1 WHERE charge = 'plan' AND period = 1")


def payment_not_entered(world: Outside) -> None:
    unlock()
    sql("DELETE FROM subscriptions_transfer WHERE key LIKE 'payment/%%'")


def paid_twice(world: Outside) -> None:
    sql(
        "INSERT INTO subscriptions_transfer (at, kind, debit, credit, amount, currency, account_id,"
        " invoice_id, reference, key) SELECT at, kind, debit, credit, amount, currency, account_id,"
        " invoice_id, reference, key || '/again' FROM subscriptions_transfer"
        " WHERE kind = 'allocation' AND reference = 'FA-2026-0000001'"
    )


def never_taken(world: Outside) -> None:
    world.taken.clear()


def taken_and_unknown(world: Outside) -> None:
    world.taken.append(TakenMoney("", "pi_9", Money.of("5.00"), Money.zero()))


def refund_doubled(world: Outside) -> None:
    PaymentAttempt.objects.update(refunded=Decimal("10.00"))
    world.taken[:] = [TakenMoney(TAKEN.key, "pi_1", TAKEN.taken, Money.of("20.00"))]


def line_unpaid_for(world: Outside) -> None:
    world.lines.append(NetworkLine("lin_2", "X", "+33639980099", ""))


def line_lost(world: Outside) -> None:
    world.lines.clear()


def line_doubled(world: Outside) -> None:
    world.lines.append(LINE)


def another_sim(world: Outside) -> None:
    sql("UPDATE subscriptions_subscription SET iccid = '8933150000000000018'")
    world.lines[:] = [NetworkLine("lin_1", "F-1/g1", "+33639980001", "8933150000000000026")]


def service_unpaid_for(world: Outside) -> None:
    world.services.append("F-9/press-1")


def service_lost(world: Outside) -> None:
    world.services.clear()


def service_doubled(world: Outside) -> None:
    world.services.append("F-1/press-1")


def settled_too_much(world: Outside) -> None:
    month = Settlement.objects.create(month=date(2026, 3, 1), looked_at=business_now())
    SettlementDifference.objects.create(
        settlement=month, kind="other_days", reference="F-1/press-1", theirs=31, ours=22
    )


def money_forgotten(world: Outside) -> None:
    file = bank_file(Moved("7.00", ref="B2"), statement="S-2", opening="1238.80")
    take_in(file, file="b.xml", by="Odile")


def movement_unbooked(world: Outside) -> None:
    BankEntry.objects.get().shares.update(undone_by="Odile", undone_at=business_now())


def movement_lost(world: Outside) -> None:
    file = bank_file(Moved("7.00", ref="B2", on="2026-04-09"), statement="S-2", opening="1238.80")
    take_in(file, file="b.xml", by="Odile")
    BankEntry.objects.filter(key="B2").delete()


def never_asked_for(world: Outside) -> None:
    Timer.objects.filter(handler__in=[collecting.TIMER, dunning_clock.BILLS]).delete()


def taken_back_unheard(world: Outside) -> None:
    world.disputes.append(DISPUTE)


@pytest.mark.parametrize(
    ("plant", "found"),
    [
        (taken_back_unheard, ("dispute", "dp_1")),
        (never_asked_for, ("uncollected", "FA-2026-0000003")),
        (unbilled, ("unbilled", "F-1/plan-1/plan")),
        (forgotten, ("unbilled", "F-1/plan-1/plan")),
        (another_price, ("promise", "FA-2026-0000001/F-1")),
        (payment_not_entered, ("ledger", f"payment/{TAKEN.key}")),
        (paid_twice, ("overpaid", "FA-2026-0000001")),
        (never_taken, ("payment", TAKEN.key)),
        (taken_and_unknown, ("payment", "pi_9")),
        (refund_doubled, ("refund", TAKEN.key)),
        (line_unpaid_for, ("line_without_contract", "0639980099")),
        (line_lost, ("contract_without_line", "0639980001")),
        (line_doubled, ("line_twice", "0639980001")),
        (another_sim, ("line_with_other_sim", "0639980001")),
        (service_unpaid_for, ("content_without_contract", "F-9/press-1")),
        (service_lost, ("contract_without_content", "F-1/press-1")),
        (service_doubled, ("content_twice", "F-1/press-1")),
        (settled_too_much, ("settlement", "2026-03 F-1/press-1 other_days")),
        (money_forgotten, ("bank_waiting", "B2")),
        (movement_unbooked, ("bank_unbooked", "B1")),
        (movement_lost, ("bank_balance", "FR7699999000010000000000115")),
    ],
    ids=lambda each: each.__name__ if callable(each) else "",
)
def test_each_planted_leakage_is_found(
    world: Outside, plant: Callable[[Outside], None], found: tuple[str, str]
) -> None:
    plant(world)
    assert found in differences()
    (row,) = FoundDifference.objects.filter(kind=found[0], identity=found[1])
    assert (row.state, row.first_on, row.last_on) == (FoundState.OPEN, DAY, DAY)


def kinds(*, whole: bool = False) -> list[tuple[str, str]]:
    done = reconciling.reconcile(DAY, whole=whole)
    return [(each.kind, each.identity) for each in done.differences]


def test_history_is_compared_once_a_month_and_when_it_is_asked_for(world: Outside) -> None:
    """The bill of March is told another price of; that of April is what changed since."""
    found = [("promise", "FA-2026-0000001/F-1")]
    assert kinds() == []
    another_price(world)
    assert kinds() == []
    assert kinds(whole=True) == found
    (row,) = FoundDifference.objects.all()
    # What differs is compared each time until it does not.
    assert kinds() == found
    sql("UPDATE subscriptions_promiseline SET amount = 29.99 WHERE charge = 'plan' AND period = 1")
    assert kinds() == []
    row.refresh_from_db()
    assert row.state == FoundState.SOLVED
    another_price(world)
    assert kinds() == []
    Reconciliation.objects.update(whole_on=DAY - reconciling.WHOLE_AFTER)
    assert kinds() == found
    assert Reconciliation.objects.get().whole_on == DAY


@pytest.mark.parametrize(
    ("plant", "found"),
    [
        (never_asked_for, ("uncollected", "FA-2026-0000003")),
        (unbilled, ("unbilled", "F-1/plan-1/plan")),
        (payment_not_entered, ("ledger", f"payment/{TAKEN.key}")),
        (paid_twice, ("overpaid", "FA-2026-0000001")),
        (movement_unbooked, ("bank_unbooked", "B1")),
        (movement_lost, ("bank_balance", "FR7699999000010000000000115")),
    ],
    ids=lambda each: each.__name__ if callable(each) else "",
)
def test_what_goes_wrong_after_a_look_is_found_by_the_next_without_history(
    world: Outside, plant: Callable[[Outside], None], found: tuple[str, str]
) -> None:
    assert kinds() == []
    plant(world)
    assert found in kinds()
    assert found in kinds(whole=True)


def test_an_old_bill_whose_contract_was_changed_since_is_compared_again(world: Outside) -> None:
    assert kinds() == []
    another_price(world)
    contract = SubscriptionItem.objects.get(line_id="plan-1").subscription
    promised("F-8", [plan()])
    SubscriptionChange.objects.create(
        subscription=contract, promise=Promise.objects.get(order_number="F-8"), kind="renew",
        order_number="F-8", group="g1", on=DAY, at=business_now(), channel="web",
    )  # fmt: skip
    assert ("promise", "FA-2026-0000001/F-1") in kinds()


def test_an_operator_and_the_command_have_history_compared(
    world: Outside, settings: LazySettings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert kinds() == []
    another_price(world)
    call_command("reconcile")
    with pytest.raises(CommandError):
        call_command("reconcile", "--whole")
    assert "promise FA-2026-0000001/F-1" in capsys.readouterr().out
    FoundDifference.objects.all().delete()
    settings.VIRTUAL_CLOCK = False
    as_staff(StaffKind.OPERATOR).post("/ops/reconciliation/now/")
    drain()
    assert FoundDifference.objects.filter(kind="promise").count() == 1


def test_a_payment_that_is_taken_while_the_provider_tells_his_list_is_no_difference(
    world: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    PaymentAttempt.objects.update(state="opened")

    def told() -> Any:
        class Gateway:
            def disputes_since(self, since: datetime) -> list[DisputeReport]:
                return []

            def taken_since(self, since: datetime) -> list[TakenMoney]:
                PaymentAttempt.objects.update(state="settled")
                return []

        return Gateway()

    monkeypatch.setattr(payments, "gateway", told)
    assert [*payments.provider_differences(since=at(BEGUN))] == []
    (left,) = payments.provider_differences(since=at(BEGUN))
    assert (left.kind, left.expected, left.found) == ("payment", "32.09 EUR", "0.00 EUR")


def test_a_line_whose_order_ended_while_the_network_told_its_list_is_no_difference(
    world: Outside,
) -> None:
    line_lost(world)
    service_lost(world)
    party = SubscriptionItem.objects.all()[0].subscription.party_id
    Plan.objects.update(party_id=party, finished_at=business_now())
    assert differences() == []
    Plan.objects.update(finished_at=business_now() - timedelta(seconds=1))
    assert differences() == [
        ("contract_without_line", "0639980001"), ("contract_without_content", "F-1/press-1"),
    ]  # fmt: skip
    sql("UPDATE subscriptions_subscription SET status = 'ended', ended_on = '2026-04-10'")
    world.lines[:] = [LINE]
    Plan.objects.update(state="running")
    assert differences() == []


def test_what_is_billed_beyond_its_end_is_found_once_it_had_to_be_settled(world: Outside) -> None:
    beyond_its_end(world)
    assert differences() == []
    later = date(2026, 4, 11)
    kinds = [each.kind for each in billing_differences(later)]
    assert kinds == ["billed_after_end"]
    assert Coverage.objects.filter(live=True).count() == 4


def test_a_difference_is_kept_until_it_is_explained_or_gone(world: Outside) -> None:
    line_lost(world)
    for _ in range(2):
        assert differences() == [("contract_without_line", "0639980001")]
    row = FoundDifference.objects.get()
    operator = as_staff(StaffKind.OPERATOR)
    assert "0639980001" in operator.get("/ops/reconciliation/").content.decode()
    operator.post(f"/ops/reconciliation/{row.pk}/", {"note": ""})
    row.refresh_from_db()
    assert row.state == FoundState.OPEN
    operator.post(f"/ops/reconciliation/{row.pk}/", {"note": "The network was asked"})
    differences()
    row.refresh_from_db()
    assert (row.state, row.note) == (FoundState.EXPLAINED, "The network was asked")
    said = operator.get("/ops/reconciliation/file.csv").content.decode().splitlines()
    assert len(said) == 2
    assert said[1].startswith("contract_without_line;0639980001;a line;no line;2026-04-10;")
    world.silent.add("network")
    assert reconciling.reconcile(DAY).silent == ("network",)
    row.refresh_from_db()
    assert row.state == FoundState.EXPLAINED
    with pytest.raises(CommandError):
        call_command("reconcile", "--day", "2026-04-10")
    world.silent.clear()
    world.lines.append(LINE)
    assert differences() == []
    row.refresh_from_db()
    assert row.state == FoundState.SOLVED
    line_lost(world)
    differences()
    row.refresh_from_db()
    assert row.state == FoundState.OPEN


@pytest.mark.parametrize("contracts", [1, 12])
def test_a_look_takes_the_same_statements_whatever_there_is_and_is_found(
    world: Outside, contracts: int
) -> None:
    for n in range(contracts):
        begun(f"M-{n}", [plan("10.00")], party=person())
    run(DAY)
    world.services = [f"X-{n}/press-1" for n in range(contracts)]
    for _ in range(2):
        with CaptureQueriesContext(connection) as took:
            found = reconciling.reconcile(DAY)
        kinds = [each.kind for each in found.differences]
        assert kinds.count("content_without_contract") == contracts
        assert set(kinds) == {"content_without_contract", "contract_without_content"}
        assert len(took) <= STATEMENTS


@pytest.mark.parametrize(
    ("virtual", "every", "on"), [(False, 1, date(2026, 4, 11)), (True, 28, date(2026, 5, 8))]
)
def test_its_timer_follows_business_time_virtual_or_real(
    world: Outside, settings: LazySettings, virtual: bool, every: int, on: date
) -> None:
    settings.VIRTUAL_CLOCK = virtual
    settings.RECONCILIATION_EVERY_DAYS = every
    reconciling.begin()
    (timer,) = Timer.objects.filter(handler=reconciling.TIMER)
    assert (timer.clock, timer.due_at) == ("business", at(DAY, hour=7))
    with business_time_fixed(at(DAY, hour=7)):
        drain()
    assert [each.day for each in Reconciliation.objects.all()] == [DAY]
    assert timers.due_at(reconciling.TIMER) == at(on, hour=7)


def test_the_virtual_clock_waits_for_a_look(
    world: Outside, monkeypatch: pytest.MonkeyPatch, settings: LazySettings
) -> None:
    settings.VIRTUAL_CLOCK = True
    reconciling.begin()
    Timer.objects.exclude(handler=reconciling.TIMER).delete()
    waited_for: list[dict[str, int]] = []
    monkeypatch.setattr(
        reconciling,
        "reconcile",
        lambda day: waited_for.append(under_way(horizon=timedelta(seconds=1))),
    )
    with business_time_fixed(at(DAY, hour=7)):
        drain()
    assert [each["timers"] for each in waited_for] == [1]


def test_it_looks_every_morning_and_whenever_an_operator_asks(
    world: Outside, settings: LazySettings, client: Client
) -> None:
    settings.VIRTUAL_CLOCK = False
    settings.RECONCILIATION_EVERY_DAYS = 1
    reconciling.begin()
    reconciling.begin()
    (timer,) = Timer.objects.filter(handler=reconciling.TIMER)
    assert timer.due_at == at(DAY, hour=7)
    as_staff(StaffKind.OPERATOR).post("/ops/reconciliation/now/")
    drain()
    assert [each.day for each in Reconciliation.objects.all()] == [DAY]
    assert timers.due_at(reconciling.TIMER) == at(DAY, hour=7)
    with business_time_fixed(at(DAY, hour=7)):
        reconciling.on_due({})
    assert timers.due_at(reconciling.TIMER) == at(date(2026, 4, 11), hour=7)


def test_a_look_that_lasts_is_not_begun_beside_itself_and_one_that_dies_is_begun_again(
    world: Outside, monkeypatch: pytest.MonkeyPatch, settings: LazySettings
) -> None:
    settings.VIRTUAL_CLOCK = False
    seen = []

    def dies(day: date) -> None:
        seen.append(timers.due_at(reconciling.TIMER))
        raise OSError

    monkeypatch.setattr(reconciling, "reconcile", dies)
    reconciling.on_due({})
    assert seen == [at(DAY, hour=8)]
    assert timers.due_at(reconciling.TIMER) == at(DAY, hour=8)


def test_where_an_external_biller_has_the_contracts_only_money_and_settlement_are_looked_at(
    world: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciling, "billing", HttpBilling)
    line_unpaid_for(world)
    payment_not_entered(world)
    settled_too_much(world)
    assert differences() == [("settlement", "2026-03 F-1/press-1 other_days")]


def test_network_and_partner_list_what_they_have_over_http(outside: Sandbox) -> None:
    network: Any = provider("network")
    content: Any = provider("content")
    network.activate(
        LineActivation("F-1/g1", "+33639981234", "8933150123456789017", "P", ()), key="a:1"
    )
    content.entitle(Entitlement("F-1/press-1", "press", "P-1"), key="e:1")
    (line,) = network.lines()
    assert (line.reference, line.msisdn[-9:], line.iccid) == (
        "F-1/g1", "639981234", "8933150123456789017",
    )  # fmt: skip
    assert [*content.entitlements()] == ["F-1/press-1"]


def test_a_dispute_whose_end_nobody_told_is_asked_for(world: Outside) -> None:
    payment = PaymentAttempt.objects.get()
    Dispute.objects.create(
        dispute_id="dp_1", payment=payment, amount="32.09", reason="general",
        state=DisputeState.OPEN, opened_at=business_now(), withdrawn_at=business_now(),
    )  # fmt: skip
    on_dispute_moved({"dispute_id": "dp_1"})
    assert differences() == []
    assert Dispute.objects.get().state == DisputeState.LOST
    taken_back_unheard(world)
    assert differences() == []
