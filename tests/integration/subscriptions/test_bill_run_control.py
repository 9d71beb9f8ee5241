"""A bill run is reconciled before it is issued: held if its totals deviate, and tried without."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from commerce.accounts.identity import AccountContext, Actor
from commerce.accounts.kinds import ActorKind, Channel, Role
from commerce.events.models import OutboxEvent, Timer
from commerce.kernel.clock import business_time_fixed
from commerce.kernel.errors import InvalidInput, NotFound, RuleViolated
from subscriptions.contracts.services.activate import ActivatedItem
from subscriptions.contracts.services.change import ContractChange, apply_change
from subscriptions.contracts.services.cycle_day import move_cycle_day
from subscriptions.domain.charges import AgreedCharge
from subscriptions.domain.states import ChangeKind, Release
from subscriptions.invoicing.selectors import bill_run_view, bill_runs
from subscriptions.invoicing.services import bill_run, control, cycle, issuing
from subscriptions.models import (
    BillingAccount,
    BillRun,
    BillRunChunk,
    BillRunControl,
    Coverage,
    Invoice,
    InvoiceLine,
    ItemCharge,
    NumberSeries,
    Parking,
    Subscription,
)
from tests.integration.subscriptions.contracts import (
    DAY,
    RATES,
    at,
    begun,
    bills,
    carried_out,
    person,
    plan,
    press,
    promised,
    run,
)

APRIL, MAY = date(2026, 4, 10), date(2026, 5, 10)
ELEVENTH = date(2026, 3, 11)
STRICT = {"at_least": 1, "left_out": 0, "parked": 0, "count": "0.10", "average": "0.10"}


@pytest.fixture(autouse=True)
def _on_the_day() -> object:
    with business_time_fixed(at(DAY)):
        yield


def two_contracts() -> None:
    begun("F-1", [plan("29.99"), press()], party=person())
    begun("F-2", [plan("10.00")], party=person())


def owner(account: BillingAccount) -> AccountContext:
    return AccountContext(
        actor=Actor(ActorKind.USER, 7, "Camille"),
        party_id=account.party_id,
        role=Role.CUSTOMER,
        channel=Channel.WEB,
    )


def added(order: str, charges: list[AgreedCharge], *, to: str, on: date) -> None:
    """An option of a running contract, from the day `on` on."""
    promised(order, charges)
    apply_change(
        ContractChange(
            order_number=order,
            group="g1",
            subscription_id=Subscription.objects.get(order_number=to).pk,
            kind=ChangeKind.ADD,
            on=on,
            channel="web",
            begins=[ActivatedItem(charge.item, charge.item, (charge,)) for charge in charges],
            tax_rates=RATES,
        )
    )


def held_run(monkeypatch: pytest.MonkeyPatch) -> BillRun:
    """Two bills of April; a cent went missing between drafting and numbering."""
    two_contracts()
    monkeypatch.setattr(bill_run, "ACCOUNTS_PER_CHUNK", 1)
    bill_run.start(on=APRIL)
    for chunk in BillRunChunk.objects.order_by("pk"):
        bill_run.draft(chunk.pk)
    draft = Invoice.objects.filter(state="draft").latest("pk")
    Invoice.objects.filter(pk=draft.pk).update(net=draft.net - 1, gross=draft.gross - 1)
    carried_out(BillRun.objects.get().pk)
    return BillRun.objects.get()


@pytest.mark.django_db
class TestHold:
    def test_a_run_whose_totals_agree_is_issued(self) -> None:
        two_contracts()
        run(APRIL)
        (shown,) = bill_runs()
        assert (shown.state, shown.due, shown.taken, shown.billed, shown.held) == (
            "finished", 2, 2, 2, 0,
        )  # fmt: skip
        assert (shown.drafts, str(shown.gross.amount), shown.issued) == (2, "42.09", 2)
        assert BillRunControl.objects.get().deviations == []
        chunk = BillRunChunk.objects.get()
        assert (chunk.basis_sum, chunk.line_sum) == (Decimal("42.09"), Decimal("42.09"))
        assert (chunk.named_sum, chunk.promised_sum) == (Decimal("42.09"), Decimal("42.09"))

    def test_a_run_whose_totals_deviate_issues_nothing(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        held = held_run(monkeypatch)
        assert held.state == "held"
        assert [number for number, start, _ in bills() if start == str(APRIL)] == [None, None]
        assert NumberSeries.objects.get().next == 3
        assert BillRunControl.objects.get().deviations == [
            {"control": "gross", "expected": "42.09", "found": "41.09"}
        ]
        told = OutboxEvent.objects.get(name="BillRunHeld")
        assert told.payload == {"run_id": held.pk, "on": "2026-04-10", "controls": ["gross"]}
        # Neither a chunk that comes again nor the next morning changes that.
        carried_out(held.pk)
        assert bill_run.start(on=APRIL) == held.pk
        carried_out(held.pk)
        assert BillRun.objects.get().state == "held"
        assert OutboxEvent.objects.filter(name="BillRunHeld").count() == 1

    def test_the_next_day_is_billed_while_a_run_is_held(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        held = held_run(monkeypatch)
        with business_time_fixed(at(MAY, 4)):
            run(MAY)
        numbers = sorted(number or "" for number, start, _ in bills() if start == str(MAY))
        assert numbers == ["FA-2026-0000003", "FA-2026-0000004"]
        assert BillRun.objects.get(pk=held.pk).state == "held"

    def test_it_is_issued_as_drafted_when_an_operator_says_so_and_why(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        held = held_run(monkeypatch)
        with pytest.raises(InvalidInput):
            bill_run.decide(run_id=held.pk, decision=Release.ISSUE, note=" ", operator="Olive")
        bill_run.decide(
            run_id=held.pk, decision=Release.ISSUE, note="A known discount.", operator="Olive"
        )
        assert Timer.objects.filter(handler="bill-chunk").count() == 2
        carried_out(held.pk)
        assert sorted(number or "" for number, *_ in bills()) == [
            f"FA-2026-{n:07}" for n in (1, 2, 3, 4)
        ]
        found = BillRunControl.objects.get()
        assert (found.decision, found.note, found.decided_by) == (
            "issue", "A known discount.", "Olive",
        )  # fmt: skip
        with pytest.raises(RuleViolated) as refusal:
            bill_run.decide(run_id=held.pk, decision=Release.ISSUE, note="Again.", operator="O")
        assert refusal.value.code == "run_not_held"

    def test_its_drafts_are_thrown_away_and_made_anew(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        held = held_run(monkeypatch)
        bill_run.decide(
            run_id=held.pk, decision=Release.REDRAFT, note="Put right.", operator="Olive"
        )
        carried_out(held.pk)
        assert sorted((start, gross, number or "") for number, start, gross in bills()) == [
            ("2026-03-10", "10.00", "FA-2026-0000002"),
            ("2026-03-10", "32.09", "FA-2026-0000001"),
            ("2026-04-10", "10.00", "FA-2026-0000003"),
            ("2026-04-10", "32.09", "FA-2026-0000004"),
        ]
        assert (Coverage.objects.count(), InvoiceLine.objects.count()) == (6, 6)
        assert BillRun.objects.get().state == "finished"
        assert [each.deviations == [] for each in BillRunControl.objects.order_by("pk")] == [
            False, True,
        ]  # fmt: skip
        assert set(BillingAccount.objects.values_list("next_bill_on", flat=True)) == {MAY}

    def test_throwing_away_is_resumed_at_any_point(self, monkeypatch: pytest.MonkeyPatch) -> None:
        held = held_run(monkeypatch)
        bill_run.decide(run_id=held.pk, decision=Release.REDRAFT, note="So.", operator="Olive")
        for module, step in ((bill_run, "bill_accounts"), (control, "keep"),
                             (control, "reconcile"), (issuing, "issue")):  # fmt: skip
            with monkeypatch.context() as crash:
                crash.setattr(module, step, _die)
                with pytest.raises(KeyboardInterrupt):
                    carried_out(held.pk)
        carried_out(held.pk)
        assert sorted(number or "" for number, *_ in bills()) == [
            f"FA-2026-{n:07}" for n in (1, 2, 3, 4)
        ]
        assert Coverage.objects.count() == 6

    def test_a_draft_that_another_bill_corrects_already_stands(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        held = held_run(monkeypatch)
        draft = Invoice.objects.filter(state="draft").earliest("pk")
        first = Invoice.objects.filter(state="issued").earliest("pk")
        Coverage.objects.filter(invoice=draft).update(live=False, closed_by=first)
        bill_run.decide(run_id=held.pk, decision=Release.REDRAFT, note="So.", operator="Olive")
        carried_out(held.pk)
        assert Invoice.objects.get(pk=draft.pk).state == "issued"
        assert BillRunControl.objects.latest("pk").deviations == []

    def test_a_draft_whose_account_was_billed_for_later_days_stands(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        held = held_run(monkeypatch)
        with business_time_fixed(at(MAY, 4)):
            run(MAY)
        wrong = Invoice.objects.filter(state="draft").latest("pk")
        Invoice.objects.filter(pk=wrong.pk).update(net=wrong.net + 1, gross=wrong.gross + 1)
        bill_run.decide(run_id=held.pk, decision=Release.REDRAFT, note="So.", operator="Olive")
        carried_out(held.pk)
        april = {number for number, start, _ in bills() if start == str(APRIL)}
        assert april == {"FA-2026-0000005", "FA-2026-0000006"}
        assert (Coverage.objects.count(), Parking.objects.count()) == (9, 0)

    def test_a_run_is_compared_with_the_same_cycle_days_a_month_before(self, settings: Any) -> None:
        settings.BILL_RUN_LIMITS = STRICT
        two_contracts()
        run(APRIL)
        assert BillRun.objects.get().state == "finished"
        begun("F-3", [plan("99.99")], party=person())
        with business_time_fixed(at(MAY, 4)):
            run(MAY)
        may = BillRun.objects.get(on=MAY)
        assert may.state == "held"
        (found,) = BillRunControl.objects.filter(run=may)
        assert [each["control"] for each in found.deviations] == ["count", "average"]

    @pytest.mark.parametrize("next_bill_on", [None, date(2026, 5, 10)])
    def test_an_account_that_fell_out_of_the_calendar_holds_the_run(
        self, next_bill_on: date | None
    ) -> None:
        """No run takes it up, no bill says so: its charges and its cycle day do."""
        two_contracts()
        lost = BillingAccount.objects.latest("pk")
        BillingAccount.objects.filter(pk=lost.pk).update(next_bill_on=next_bill_on)
        run(APRIL)
        held = BillRun.objects.get()
        assert (held.state, held.due) == ("held", 1)
        assert BillRunControl.objects.get().deviations == [
            {"control": "accounts", "expected": "2", "found": "1"}
        ]
        assert NumberSeries.objects.get().next == 3

    def test_an_account_that_the_run_itself_loses_holds_it(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        two_contracts()
        whole = cycle.bill_accounts
        with monkeypatch.context() as fault:
            fault.setattr(
                bill_run, "bill_accounts", lambda accounts, **given: whole(accounts[1:], **given)
            )
            run(APRIL)
        assert BillRunControl.objects.get().deviations == [
            {"control": "accounts", "expected": "2", "found": "1"}
        ]

    def test_what_begins_while_the_run_is_on_its_way_is_for_the_next_one(self) -> None:
        two_contracts()
        eve = APRIL - timedelta(days=1)
        with business_time_fixed(at(APRIL, 4)):
            bill_run.start(on=APRIL)
            bill_run.draft(BillRunChunk.objects.get().pk)
        with business_time_fixed(at(APRIL, 5)):
            added("C-1", [plan("5.00", line="more")], to="F-2", on=eve)
            carried_out(BillRun.objects.get().pk)
        assert BillRunControl.objects.get().deviations == []
        with business_time_fixed(at(MAY, 4)):
            run(MAY)
        # A day of it in April, and two months.
        assert sorted(gross for _, start, gross in bills() if start == str(MAY)) == [
            "20.16", "32.09",
        ]  # fmt: skip

    @pytest.mark.parametrize("day", [6, 25])
    def test_a_cycle_day_that_is_to_move_is_looked_at_on_the_days_that_hold(
        self, day: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The option is billed for the first time on the tenth, whatever day is to come."""
        two_contracts()
        (_, moved) = BillingAccount.objects.order_by("pk")
        with business_time_fixed(at(date(2026, 3, 20))):
            move_cycle_day(owner(moved), day=day)
        with business_time_fixed(at(date(2026, 3, 21))):
            begun("F-6", [plan("1.00")], party=person(), on=date(2026, 3, 6))
            begun("F-7", [plan("1.00")], party=person(), on=date(2026, 2, 25))
            added("C-1", [plan("31.00", line="more")], to="F-2", on=date(2026, 3, 21))
        for each in (date(2026, 3, 25), date(2026, 4, 6)):
            with business_time_fixed(at(each, 4)):
                run(each)
        assert [each.deviations for each in BillRunControl.objects.all()] == [[], []]
        # And who is lost on the bill day from which the new one holds is missed there.
        BillingAccount.objects.filter(pk=moved.pk).update(next_bill_on=None)
        with business_time_fixed(at(APRIL, 4)):
            run(APRIL)
        assert BillRunControl.objects.latest("pk").deviations == [
            {"control": "accounts", "expected": "2", "found": "1"}
        ]

    def test_who_is_held_or_has_nothing_to_pay_was_not_lost(self) -> None:
        two_contracts()
        free = begun("F-3", [plan("0.00")], party=person())
        begun("F-4", [replace(plan("5.00"), every_months=12)], party=person())
        ItemCharge.objects.filter(code="press").update(amount=Decimal("2.50"))
        run(APRIL)
        assert BillRunControl.objects.get().deviations == []
        assert [each.account_id for each in Parking.objects.all()] == [
            BillingAccount.objects.earliest("pk").pk
        ]
        assert ItemCharge.objects.get(item__subscription=free).billed_until == MAY

    def test_a_missed_day_is_compared_with_the_days_that_the_run_makes_up_for(
        self, settings: Any
    ) -> None:
        settings.BILL_RUN_LIMITS = STRICT
        two_contracts()
        with business_time_fixed(at(ELEVENTH)):
            begun("F-3", [plan("29.99")], party=person(), on=ELEVENTH)
        for day in (APRIL, APRIL + timedelta(days=1)):
            with business_time_fixed(at(day, 4)):
                run(day)
        # In May the morning of the tenth is missed; June's mornings come, one after the other.
        for day in (MAY + timedelta(days=1), date(2026, 6, 10), date(2026, 6, 11)):
            with business_time_fixed(at(day, 4)):
                run(day)
        assert set(BillRun.objects.values_list("state", flat=True)) == {"finished"}
        late = BillRunChunk.objects.get(run__on=MAY + timedelta(days=1))
        assert late.cycles == [
            ["2026-05-10", 2, "42.09", 0, "0"],
            ["2026-05-11", 1, "29.99", 0, "0"],
        ]
        assert [each.deviations for each in BillRunControl.objects.all()] == [[]] * 5

    @pytest.mark.parametrize("leaves", [False, True])
    def test_accounts_whose_day_was_moved_by_the_dozen_count_on_neither_day(
        self, settings: Any, leaves: bool
    ) -> None:
        """Three of four go from the tenth to the twenty-fifth, where two are, at other prices."""
        settings.BILL_RUN_LIMITS = STRICT
        late = date(2026, 3, 25)
        for number in range(4):
            begun(f"F-{number}", [plan("10.00" if number else "40.00")], party=person())
        with business_time_fixed(at(late)):
            for number in (4, 5):
                begun(f"F-{number}", [plan("70.00")], party=person(), on=late)
        for day in (APRIL, date(2026, 4, 25)):
            with business_time_fixed(at(day, 4)):
                run(day)
        with business_time_fixed(at(date(2026, 4, 26))):
            for account in BillingAccount.objects.order_by("pk")[1:4]:
                move_cycle_day(owner(account), day=25)
        days = [MAY, date(2026, 5, 25), date(2026, 6, 10), date(2026, 6, 25)]
        if leaves:
            days = days[:2]
            left = Subscription.objects.get(order_number="F-5").pk
            promised("C-1", [])
            with business_time_fixed(at(days[-1], 1)):
                apply_change(
                    ContractChange("C-1", "g1", left, ChangeKind.TERMINATE, days[-1], "web")
                )
        for day in days:
            with business_time_fixed(at(day, 4)):
                run(day)
        told = [each.deviations for each in BillRunControl.objects.order_by("pk")]
        one_left = [{"control": "count", "expected": "2", "found": "1"}]
        assert told == ([[]] * 3 + [one_left] if leaves else [[]] * 6)
        if not leaves:
            assert [
                chunk.cycles
                for chunk in BillRunChunk.objects.filter(run__on__gte=MAY).order_by("pk")
            ] == [
                [["2026-05-10", 1, "40.00", 0, "0"]],
                [["2026-05-25", 5, "170.00", 3, "30.00"]],
                [["2026-06-10", 1, "40.00", 0, "0"]],
                [["2026-06-25", 5, "170.00", 0, "0"]],
            ]

    def test_whoever_was_lost_on_a_missed_day_is_found_by_the_run_after(self) -> None:
        two_contracts()
        with business_time_fixed(at(ELEVENTH)):
            begun("F-3", [plan("29.99")], party=person(), on=ELEVENTH)
        for day in (APRIL, APRIL + timedelta(days=1)):
            with business_time_fixed(at(day, 4)):
                run(day)
        BillingAccount.objects.filter(cycle_day=10).update(next_bill_on=None)
        with business_time_fixed(at(MAY + timedelta(days=1), 4)):
            run(MAY + timedelta(days=1))
        assert BillRunControl.objects.latest("pk").deviations == [
            {"control": "accounts", "expected": "3", "found": "1"}
        ]


@pytest.mark.django_db
class TestTrial:
    def test_it_says_what_a_run_would_bring_and_keeps_nothing(self) -> None:
        two_contracts()
        ItemCharge.objects.filter(code="press").update(amount=Decimal("2.50"))
        before = [*BillingAccount.objects.values()], Timer.objects.exclude(
            handler="bill-chunk"
        ).count()  # fmt: skip
        trial = bill_run.start_trial(on=MAY)
        carried_out(trial)
        shown = bill_run_view(trial)
        # The account of the press is parked in April; the other has two bills by the tenth of May.
        assert (shown.state, shown.trial, shown.due, shown.billed, shown.held) == (
            "finished", True, 2, 1, 1,
        )  # fmt: skip
        assert (shown.drafts, str(shown.gross.amount), shown.issued) == (2, "20.00", 0)
        assert [each["rule"] for each in shown.parked] == ["price"]
        assert before == ([*BillingAccount.objects.values()], Timer.objects.exclude(
            handler="bill-chunk"
        ).count())  # fmt: skip
        assert (Invoice.objects.count(), Coverage.objects.count()) == (2, 3)
        assert (Parking.objects.count(), NumberSeries.objects.get().next) == (0, 3)
        assert OutboxEvent.objects.filter(name__in=["AccountParked", "BillRunHeld"]).count() == 0

    def test_it_may_be_of_one_account(self) -> None:
        two_contracts()
        account = BillingAccount.objects.order_by("pk")[1]
        trial = bill_run.start_trial(on=APRIL, account_id=account.pk)
        with pytest.raises(RuleViolated):
            bill_run.start_trial(on=APRIL, account_id=account.pk)
        carried_out(trial)
        shown = bill_run_view(trial)
        assert (shown.due, shown.drafts, str(shown.gross.amount)) == (1, 1, "10.00")

    def test_a_day_without_bills_is_tried_at_once(self) -> None:
        two_contracts()
        shown = bill_run_view(bill_run.start_trial(on=DAY))
        assert (shown.state, shown.due, shown.drafts) == ("finished", 0, 0)
        with pytest.raises(NotFound):
            bill_run.start_trial(on=DAY, account_id=10**9)
        with pytest.raises(RuleViolated) as refusal:
            bill_run.start_trial(on=date(2206, 4, 10))
        assert refusal.value.code == "trial_too_far"

    def test_the_run_itself_bills_what_the_trial_said(self) -> None:
        two_contracts()
        trial = bill_run.start_trial(on=APRIL)
        bill_run.start(on=APRIL)
        carried_out(trial)
        carried_out(BillRun.objects.get(trial=False).pk)
        tried, done = bill_run_view(trial), bill_runs()[0]
        assert (tried.drafts, tried.gross) == (done.drafts, done.gross)
        assert len(bills()) == 4


@pytest.mark.django_db
def test_drafts_of_a_run_are_counted_through_their_index() -> None:
    two_contracts()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("EXPLAIN " + control._DRAFTS_OF_RUN, [1])
        assert "invoice_unissued" in " ".join(line for (line,) in cursor.fetchall())


def _die(*_: object, **__: object) -> None:
    raise KeyboardInterrupt
