"""Bill runs on PostgreSQL: as promised, once, resumable, and held where the promise is broken."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from commerce.events import timers
from commerce.events.models import OutboxEvent, Timer
from commerce.kernel.clock import business_time_fixed
from commerce.kernel.errors import NotFound, RuleViolated
from commerce.kernel.periods import add_months
from subscriptions.accounts.services.accounts import locked_account
from subscriptions.domain.states import Release
from subscriptions.invoicing.services import bill_run, drafting, issuing
from subscriptions.invoicing.services.release import release_held
from subscriptions.models import (
    BillingAccount,
    BillRun,
    BillRunChunk,
    Coverage,
    Invoice,
    InvoiceLine,
    ItemBenefit,
    ItemCharge,
    Parking,
    PromiseLine,
    Subscription,
    SubscriptionItem,
)
from tests.integration.subscriptions.contracts import (
    DAY,
    SIX_FREE,
    activated,
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

APRIL = date(2026, 4, 10)


@pytest.fixture(autouse=True)
def _on_the_day() -> object:
    with business_time_fixed(at(DAY)):
        yield


def months_later(count: int) -> None:
    """Run the bills of `count` months, one after the other."""
    for month in range(1, count + 1):
        on = add_months(DAY, month)
        with business_time_fixed(at(on, 4)):
            run(on)


def invoices() -> list[Invoice]:
    return list(Invoice.objects.order_by("pk"))


@pytest.mark.django_db
class TestRun:
    def test_eight_months_are_billed_as_promised(self) -> None:
        begun("F-1", [plan("29.99", SIX_FREE), press()], party=person())
        months_later(8)
        # Six months of 0.00 + 2.10, then 29.99 + 2.10.
        assert [gross for _, _, gross in bills()] == ["2.10"] * 6 + ["32.09"] * 3
        assert [number for number, _, _ in bills()] == [f"FA-2026-{n:07}" for n in range(1, 10)]
        assert timers.due_at("bill-run") == at(date(2026, 12, 10), 4)
        assert Parking.objects.count() == 0

    def test_a_new_year_begins_a_new_series(self) -> None:
        begun("F-1", [plan()], party=person())
        months_later(10)
        assert [number for number, _, _ in bills()][-2:] == ["FA-2026-0000010", "FA-2027-0000001"]

    def test_running_twice_bills_once(self) -> None:
        begun("F-1", [plan()], party=person())
        run(APRIL)
        before = bills()
        assert run(APRIL) is None
        assert bills() == before
        assert BillRun.objects.count() == 1

    def test_a_day_without_bills_writes_no_run(self) -> None:
        begun("F-1", [plan()], party=person())
        assert bill_run.start(on=APRIL - timedelta(days=1)) is None
        assert BillRun.objects.count() == 0
        assert timers.due_at("bill-run") == at(APRIL, 4)

    def test_a_chunk_that_is_delivered_twice_bills_once(self) -> None:
        begun("F-1", [plan()], party=person())
        run(APRIL)
        before = bills()
        bill_run.on_chunk({"chunk": BillRunChunk.objects.get().pk})
        assert bills() == before

    def test_a_run_that_comes_late_catches_up_month_by_month(self) -> None:
        begun("F-1", [plan()], party=person())
        run(date(2026, 6, 12))
        assert [start for _, start, _ in bills()] == [
            "2026-03-10", "2026-04-10", "2026-05-10", "2026-06-10",
        ]  # fmt: skip

    def test_a_firm_that_begins_on_the_eve_of_its_cycle_day_has_one_bill(self) -> None:
        party = firm()
        begun("F-1", [plan("30.00")], party=party, segment="business")
        with business_time_fixed(at(date(2026, 3, 11), 4)):
            run(date(2026, 3, 11))
        eve = date(2026, 4, 9)
        with business_time_fixed(at(eve)):
            begun("F-2", [plan("31.00")], party=party, segment="business", on=eve)
        with business_time_fixed(at(APRIL, 4)):
            run(APRIL)
        # One day of March's 31, and April for both lines.
        assert [
            (str(one.period_start), str(one.period_end), str(one.net)) for one in invoices()
        ] == [
            ("2026-03-10", "2026-04-10", "30.00"),
            ("2026-04-09", "2026-05-10", "62.00"),
        ]
        assert (Parking.objects.count(), BillingAccount.objects.get().bills) == (0, 2)

    def test_an_ended_contract_is_not_billed_any_more(self) -> None:
        begun("F-1", [plan()], party=person())
        Subscription.objects.update(status="ended")
        run(APRIL)
        assert len(bills()) == 1
        assert BillingAccount.objects.get().next_bill_on is None

    def test_bills_go_on_after_the_written_promise_ends(self) -> None:
        begun("F-1", [plan()], party=person())
        run(date(2029, 6, 10))
        assert len(bills()) == 40
        assert Parking.objects.count() == 0
        assert PromiseLine.objects.count() == 37 + 12

    def test_accounts_are_cut_into_chunks(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(bill_run, "ACCOUNTS_PER_CHUNK", 2)
        for n in range(5):
            begun(f"F-{n}", [plan()], party=person())
        run(APRIL)
        chunks = BillRunChunk.objects.order_by("pk").values_list("issued", "held", "state")
        assert list(chunks) == [(2, 0, "finished"), (2, 0, "finished"), (1, 0, "finished")]
        assert BillRun.objects.get().state == "finished"
        numbers = sorted(str(number) for number, _, _ in bills())
        assert numbers == [f"FA-2026-{n:07}" for n in range(1, 11)]

    def test_a_chunk_takes_the_same_queries_for_one_account_or_for_twenty(self) -> None:
        begun("F-0", [plan("29.99", SIX_FREE), press()], party=person())
        bill_run.start(on=APRIL)
        with CaptureQueriesContext(connection) as one:
            bill_run.work(BillRunChunk.objects.latest("pk").pk)
        for n in range(1, 21):
            begun(f"F-{n}", [plan("29.99", SIX_FREE), press()], party=person())
        run(APRIL)
        bill_run.start(on=date(2026, 5, 10))
        with CaptureQueriesContext(connection) as twenty:
            bill_run.work(BillRunChunk.objects.latest("pk").pk)
        assert len(Invoice.objects.filter(state="issued")) == 1 + 1 + 20 + 20 + 21
        assert len(twenty) == len(one)

    def test_numbering_is_told_to_all_chunks_but_the_one_at_hand(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(bill_run, "ACCOUNTS_PER_CHUNK", 1)
        for n in range(4):
            begun(f"F-{n}", [plan()], party=person())
        bill_run.start(on=APRIL)
        waiting = Timer.objects.filter(handler="bill-chunk")
        *before, last = BillRunChunk.objects.order_by("pk").values_list("pk", flat=True)
        waiting.delete()
        for chunk in before:
            bill_run.work(chunk)
            assert waiting.count() == 0
        bill_run.work(last)
        assert [each.payload["chunk"] for each in waiting.order_by("key")] == before
        assert [number for number, start, _ in bills() if start == str(APRIL)] == [
            None, None, None, "FA-2026-0000005",
        ]  # fmt: skip

    def test_a_stuck_chunk_does_not_stop_the_next_day(self) -> None:
        begun("F-1", [plan()], party=person())
        first = bill_run.start(on=APRIL)
        assert bill_run.start(on=APRIL) == first
        stuck = BillRunChunk.objects.get()
        with business_time_fixed(at(date(2026, 5, 10), 4)):
            run(date(2026, 5, 10))
            assert [start for _, start, _ in bills()] == ["2026-03-10", "2026-04-10", "2026-05-10"]
            bill_run.work(stuck.pk)
        assert len(bills()) == 3
        assert set(BillRun.objects.values_list("state", flat=True)) == {"finished"}
        assert timers.due_at("bill-run") == at(date(2026, 6, 10), 4)


@pytest.mark.django_db
class TestCrash:
    def test_what_the_last_chunk_did_not_tell_its_run_is_seen_the_next_morning(self) -> None:
        begun("F-1", [plan()], party=person())
        run(APRIL)
        BillRun.objects.update(state="issuing", finished_at=None)
        assert bill_run.start(on=APRIL + timedelta(days=1)) is None
        assert BillRun.objects.get().state == "finished"

    def test_between_drafts_and_numbers_is_resumed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        begun("F-1", [plan()], party=person())
        with monkeypatch.context() as crash:
            crash.setattr(issuing, "issue", _die)
            with pytest.raises(KeyboardInterrupt):
                run(APRIL)
        assert bills()[1] == (None, "2026-04-10", "29.99")
        assert BillRunChunk.objects.get().state == "drafted"
        run(APRIL)
        assert bills()[1] == ("FA-2026-0000002", "2026-04-10", "29.99")
        assert len(bills()) == 2

    def test_while_numbering_takes_no_number_away(self, monkeypatch: pytest.MonkeyPatch) -> None:
        begun("F-1", [plan()], party=person())
        with monkeypatch.context() as crash:
            crash.setattr(issuing, "publish_all", _die)
            with pytest.raises(KeyboardInterrupt):
                run(APRIL)
        assert bills()[1][0] is None
        run(APRIL)
        assert [number for number, _, _ in bills()] == ["FA-2026-0000001", "FA-2026-0000002"]

    def test_before_the_end_of_the_run_is_resumed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        begun("F-1", [plan()], party=person())
        with monkeypatch.context() as crash:
            crash.setattr(bill_run, "_finish", _die)
            with pytest.raises(KeyboardInterrupt):
                run(APRIL)
        assert BillRun.objects.get().state == "issuing"
        bill_run.work(BillRunChunk.objects.get().pk)
        assert BillRun.objects.get().state == "finished"
        assert len(bills()) == 2


def _die(*_: object, **__: object) -> None:
    """As SIGKILL would: the transaction that is open is lost, nothing else."""
    raise KeyboardInterrupt


def _wrong_price() -> None:
    ItemCharge.objects.filter(code="plan").update(amount=Decimal("31.99"))


def _wrong_rate() -> None:
    ItemCharge.objects.filter(code="plan").update(tax_rate=Decimal(10))


def _fewer_months() -> None:
    ItemBenefit.objects.update(periods=1)


def _lost_charge() -> None:
    press_charge = ItemCharge.objects.get(code="press")
    SubscriptionItem.objects.filter(pk=press_charge.item_id).update(until_on=APRIL)


def _foreign_charge() -> None:
    item = SubscriptionItem.objects.get(line_id="press-1")
    ItemCharge.objects.create(
        item=item, code="surprise", amount=Decimal(5), tax_class="standard", tax_rate=Decimal(20),
        billed_until=APRIL,
    )  # fmt: skip


@pytest.mark.django_db
class TestHeld:
    @pytest.mark.parametrize(
        ("plant", "rule"),
        [
            (_wrong_price, "price"),
            (_wrong_rate, "tax"),
            (_fewer_months, "benefit"),
            (_lost_charge, "missing"),
            (_foreign_charge, "extra"),
        ],
    )
    def test_a_planted_fault_holds_the_account(self, plant: Callable[[], None], rule: str) -> None:
        begun("F-1", [plan("29.99", SIX_FREE), press()], party=person())
        begun("F-2", [plan("10.00")], party=person())
        plan_of_another = ItemCharge.objects.filter(item__subscription__order_number="F-2")
        untouched = plan_of_another.values("amount", "tax_rate").get()
        plant()
        plan_of_another.update(**untouched)
        run(APRIL)
        held = Invoice.objects.get(state="held")
        parking = Parking.objects.get()
        assert (parking.rule, parking.invoice_id, parking.account_id) == (
            rule, held.pk, held.account_id,
        )  # fmt: skip
        assert rule in {reason["rule"] for reason in parking.reasons}
        assert held.number is None
        assert OutboxEvent.objects.filter(name="AccountParked").count() == 1
        # The other account's bill went out, with the next number.
        assert Invoice.objects.get(key__startswith="cycle", state="issued").number == (
            "FA-2026-0000003"
        )

    def test_a_benefit_that_lasts_too_long_is_held_when_it_should_end(self) -> None:
        begun("F-1", [plan("29.99", SIX_FREE)], party=person())
        ItemBenefit.objects.update(periods=12)
        months_later(6)
        assert [number is None for number, _, _ in bills()] == [False] * 6 + [True]
        assert Parking.objects.get().rule == "benefit"

    def test_another_start_is_held(self) -> None:
        begun("F-1", [plan("29.99")], party=person())
        SubscriptionItem.objects.update(from_on=add_months(DAY, -1))
        run(APRIL)
        parking = Parking.objects.get()
        assert parking.rule == "start"
        assert Invoice.objects.get(state="held").number is None

    def test_a_day_that_no_span_starts_on_parks_the_account(self) -> None:
        begun("F-1", [plan()], party=person())
        begun("F-2", [plan()], party=person())
        ItemCharge.objects.filter(item__subscription__order_number="F-1").update(
            billed_until=date(2026, 4, 1)
        )
        run(APRIL)
        assert Parking.objects.get().rule == "impossible_state"
        assert len(bills()) == 3

    def test_an_account_that_breaks_the_calculation_is_parked_alone(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        begun("F-1", [plan()], party=person())
        begun("F-2", [plan()], party=person())
        real = drafting.cycle_draft

        def broken(account: BillingAccount, *given: Any, **named: Any) -> object:
            if account.pk == BillingAccount.objects.order_by("pk")[0].pk:
                raise ZeroDivisionError
            return real(account, *given, **named)

        monkeypatch.setattr(drafting, "cycle_draft", broken)
        run(APRIL)
        parking = Parking.objects.get()
        assert (parking.rule, parking.reasons[0]["reason"]) == (
            "impossible_state", "ZeroDivisionError()",
        )  # fmt: skip
        assert len(bills()) == 3

    def test_a_bill_that_the_database_refuses_parks_its_account_alone(self) -> None:
        begun("F-1", [plan()], party=person())
        begun("F-2", [plan()], party=person())
        charge = ItemCharge.objects.get(item__subscription__order_number="F-1")
        charge.billed_until = None
        charge.save()
        run(APRIL)
        assert Parking.objects.get().rule == "already_billed"
        assert [start for _, start, _ in bills()] == ["2026-03-10", "2026-03-10", "2026-04-10"]
        assert Coverage.objects.count() == 3

    def test_a_promised_bill_that_is_never_drafted_parks_the_account(self) -> None:
        begun("F-1", [plan()], party=person())
        ItemCharge.objects.update(billed_until=date(2026, 5, 10))
        run(APRIL)
        parking = Parking.objects.get()
        assert (parking.rule, parking.invoice) == ("missing", None)
        assert BillingAccount.objects.get().next_bill_on == APRIL
        assert len(bills()) == 1

    def test_a_parked_account_is_left_out_of_the_next_run(self) -> None:
        begun("F-1", [plan()], party=person())
        _wrong_price()
        months_later(3)
        assert len(bills()) == 2
        assert Parking.objects.count() == 1

    def test_an_operator_lets_it_go_out(self) -> None:
        begun("F-1", [plan()], party=person())
        _wrong_price()
        run(APRIL)
        account = BillingAccount.objects.get()
        assert release_held(account_id=account.pk, decision=Release.ISSUE, operator="Olive") == (
            "FA-2026-0000002",
        )
        account.refresh_from_db()
        assert (account.parked_at, account.next_bill_on) == (None, date(2026, 5, 10))
        assert Parking.objects.get().decided_by == "Olive"
        with pytest.raises(NotFound):
            release_held(account_id=account.pk, decision=Release.ISSUE, operator="Olive")

    def test_an_operator_has_it_drafted_anew(self) -> None:
        begun("F-1", [plan()], party=person())
        _wrong_price()
        run(APRIL)
        ItemCharge.objects.update(amount=Decimal("29.99"))
        account = BillingAccount.objects.get()
        assert release_held(account_id=account.pk, decision=Release.REDRAFT, operator="Olive") == ()
        assert len(bills()) == 1
        run(APRIL)
        assert bills()[1] == ("FA-2026-0000002", "2026-04-10", "29.99")
        assert InvoiceLine.objects.count() == 2

    def test_a_parking_without_a_bill_has_nothing_to_issue(self) -> None:
        begun("F-1", [plan()], party=person())
        ItemCharge.objects.update(billed_until=date(2026, 4, 1))
        run(APRIL)
        with pytest.raises(RuleViolated) as refusal:
            release_held(
                account_id=BillingAccount.objects.get().pk,
                decision=Release.ISSUE,
                operator="Olive",
            )
        assert refusal.value.code == "no_held_bill"
        assert Parking.objects.get().decision == ""


def _in_threads(work: Callable[[int], None], *, times: int, threads: int = 4) -> None:
    def once(n: int) -> None:
        try:
            with business_time_fixed(at(DAY)):
                work(n)
        finally:
            connection.close()

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(once, range(times)))


@pytest.mark.django_db(transaction=True)
class TestAtTheSameTime:
    def test_numbers_have_no_gap_and_nothing_is_billed_twice(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(bill_run, "ACCOUNTS_PER_CHUNK", 2)
        parties = [person() for _ in range(8)]
        _in_threads(lambda n: _begin(parties[n], n), times=8)
        numbers = sorted(str(row.number) for row in Invoice.objects.all())
        assert numbers == [f"FA-2026-{n:07}" for n in range(1, 9)]
        assert timers.due_at("bill-run") == at(APRIL, 4)

        bill_run.start(on=APRIL)
        chunks = list(BillRunChunk.objects.values_list("pk", flat=True))
        assert len(chunks) == 4
        assert Timer.objects.filter(handler="bill-chunk").count() == 4
        # Every chunk is delivered three times, to four workers.
        _in_threads(lambda n: bill_run.work(chunks[n % 4]), times=12)
        # Those that were through before the last was drafted have their second turn.
        _in_threads(lambda n: bill_run.work(chunks[n % 4]), times=8)
        numbers = sorted(str(row.number) for row in Invoice.objects.all())
        assert numbers == [f"FA-2026-{n:07}" for n in range(1, 17)]
        assert Coverage.objects.count() == 16
        assert BillRun.objects.get().state == "finished"

    def test_a_chunk_is_numbered_while_somebody_has_locked_an_account_of_it(self) -> None:
        """He may be waiting for a number, which the chunk holds until it is committed."""
        party = person()
        begun("F-1", [plan()], party=party)
        bill_run_id = bill_run.start(on=APRIL)
        assert bill_run_id is not None
        chunk = BillRunChunk.objects.get().pk
        bill_run.draft(chunk)
        bill_run.proceed(bill_run_id)

        def numbered(_: int) -> None:
            sql("SET lock_timeout = '5s'")
            bill_run.number(chunk)

        with transaction.atomic():
            locked_account(party_id=party, segment="consumer")
            _in_threads(numbered, times=1)
        assert [number for number, *_ in bills()] == ["FA-2026-0000001", "FA-2026-0000002"]

    def test_the_chunks_of_a_run_are_drafted_side_by_side(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(bill_run, "ACCOUNTS_PER_CHUNK", 1)
        begun("F-1", [plan()], party=person())
        begun("F-2", [plan()], party=person())
        bill_run.start(on=APRIL)
        one, other = BillRunChunk.objects.order_by("pk").values_list("pk", flat=True)

        def drafted(_: int) -> None:
            sql("SET lock_timeout = '5s'")
            bill_run.draft(other)

        with transaction.atomic():
            bill_run.draft(one)
            _in_threads(drafted, times=1)
            drafts = Invoice.objects.filter(state="draft")
            assert set(drafts.values_list("chunk", flat=True)) == {one, other}

    def test_one_contract_that_begins_in_four_threads_begins_once(self) -> None:
        party = person()
        promised("F-1", [plan()])
        found: list[int] = []
        _in_threads(lambda _: found.append(activated("F-1", [plan()], party=party)), times=4)
        assert len(set(found)) == 1
        assert (Subscription.objects.count(), Invoice.objects.count()) == (1, 1)


def _begin(party: int, n: int) -> None:
    begun(f"F-{n}", [plan("29.99", SIX_FREE)], party=party)
