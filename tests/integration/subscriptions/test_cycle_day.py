"""Another bill day: shown to the cent, promised anew, billed as promised, no day twice or never."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from types import SimpleNamespace

import pytest
from django.core.management import call_command

from catalogue.domain.model import Kind
from commerce.accounts import selectors as accounts
from commerce.accounts.identity import AccountContext, Actor
from commerce.accounts.kinds import ActorKind, Channel, Role
from commerce.events.models import OutboxEvent
from commerce.kernel.clock import business_time_fixed
from commerce.kernel.errors import Forbidden, InvalidInput, NotFound, RuleViolated
from commerce.kernel.money import Money
from commerce.kernel.periods import Period
from promotions.domain.benefits import Benefit, BenefitKind
from subscriptions.contracts.finding import coming_bills
from subscriptions.contracts.life import life_of
from subscriptions.contracts.services import asking
from subscriptions.contracts.services.activate import ActivatedItem
from subscriptions.contracts.services.change import ContractChange, apply_change
from subscriptions.contracts.services.cycle_day import cycle_day_of, move_cycle_day, show_move
from subscriptions.domain.charges import AgreedCharge
from subscriptions.domain.explaining import BILL_DAY, Why
from subscriptions.domain.states import ChangeKind
from subscriptions.domain.timeline import timeline
from subscriptions.invoicing.explaining import explanation
from subscriptions.models import (
    BillingAccount,
    BillRun,
    Coverage,
    CycleMove,
    Invoice,
    InvoiceLine,
    PaidContinuation,
    Parking,
    PromiseLine,
    Subscription,
    SubscriptionItem,
)
from subscriptions.reconciling.audit import bills_against_promises, expected_bills
from subscriptions.reconciling.leaks import billing_differences
from tests.integration.subscriptions.contracts import (
    DAY,
    RATES,
    at,
    begun,
    bills,
    firm,
    person,
    plan,
    promised,
    run,
)

pytestmark = pytest.mark.django_db

ASKED = date(2026, 3, 20)
APRIL_10, APRIL_25 = date(2026, 4, 10), date(2026, 4, 25)
TWO_FREE = Benefit("two-free", BenefitKind.PERCENT_OFF, Decimal(100), 1, 2)


@contextmanager
def on(day: date, hour: int = 12) -> Iterator[None]:
    with business_time_fixed(at(day, hour)):
        yield


def customer(party: int, *, role: Role = Role.CUSTOMER) -> AccountContext:
    actor = Actor(ActorKind.USER, 7, "Camille")
    return AccountContext(actor=actor, party_id=party, role=role, channel=Channel.WEB)


def begin(*charges: AgreedCharge, order: str = "F-1", party: int | None = None) -> int:
    party = party or person()
    with on(DAY):
        begun(order, charges or [plan("30.00")], party=party)
    return party


def billed_on(*days: date) -> None:
    for day in days:
        with on(day, 4):
            run(day)


def nothing_happened(party: int) -> bool:
    account = BillingAccount.objects.get(party=party)
    moves = CycleMove.objects.count() + PromiseLine.objects.filter(move__isnull=False).count()
    told = OutboxEvent.objects.filter(name="CycleDayMoved").count()
    return (account.cycle_day, account.cycle_before, moves, told) == (10, [], 0, 0)


def test_a_customer_sees_the_next_bills_to_the_cent_and_nothing_has_happened_yet() -> None:
    party = begin()
    with on(ASKED):
        shown = show_move(customer(party), day=25)
    # 15 of the 31 days from 25 March to 25 April.
    assert (shown.former, shown.day, shown.first) == (10, 25, Period(APRIL_10, APRIL_25))
    assert [(bill.on.isoformat(), str(bill.amount.amount)) for bill in shown.before] == [
        ("2026-04-10", "30.00"),
        ("2026-05-10", "30.00"),
        ("2026-06-10", "30.00"),
        ("2026-07-10", "30.00"),
    ]
    assert [(bill.on.isoformat(), str(bill.amount.amount)) for bill in shown.after] == [
        ("2026-04-10", "14.52"),
        ("2026-04-25", "30.00"),
        ("2026-05-25", "30.00"),
        ("2026-06-25", "30.00"),
    ]
    assert [(line.days, line.amount) for line in shown.lines] == [
        (Period(APRIL_10, APRIL_25), Money.of("14.52"))
    ]
    assert nothing_happened(party)


def test_the_bills_come_as_was_shown_and_every_day_is_covered_once() -> None:
    party = begin()
    with on(ASKED):
        assert move_cycle_day(customer(party), day=25, reason="pay day") == APRIL_10
    billed_on(APRIL_10, APRIL_25, date(2026, 5, 25))
    assert [(start, gross) for _, start, gross in bills()] == [
        ("2026-03-10", "30.00"),
        ("2026-04-10", "14.52"),
        ("2026-04-25", "30.00"),
        ("2026-05-25", "30.00"),
    ]
    covered = [(row.days.lower, row.days.upper) for row in Coverage.objects.order_by("pk")]
    assert covered == [
        (DAY, APRIL_10),
        (APRIL_10, APRIL_25),
        (APRIL_25, date(2026, 5, 25)),
        (date(2026, 5, 25), date(2026, 6, 25)),
    ]
    assert Parking.objects.count() == 0
    assert BillingAccount.objects.get().next_bill_on == date(2026, 6, 25)
    # What is dunned and debited counts from these days.
    due = Invoice.objects.order_by("pk").values_list("due_on", flat=True)
    assert list(due) == [DAY, APRIL_10, APRIL_25, date(2026, 5, 25)]
    move = CycleMove.objects.get()
    assert (move.former, move.day, move.by, move.reason) == (10, 25, "Camille", "pay day")
    event = OutboxEvent.objects.get(name="CycleDayMoved")
    assert (event.payload["from_on"], event.payload["day"]) == ("2026-04-10", 25)


def test_what_was_promised_before_stays_readable_and_is_superseded() -> None:
    party = begin()
    with on(ASKED):
        move_cycle_day(customer(party), day=25)
    old = PromiseLine.objects.filter(superseded_by__isnull=False)
    new = PromiseLine.objects.filter(move=CycleMove.objects.get())
    # Of 36 months one was billed; anew there is a part first.
    assert (old.count(), new.count()) == (35, 35)
    assert new.order_by("period").values_list("period", "amount", "starts_on")[0] == (
        2, Decimal("14.52"), APRIL_10,
    )  # fmt: skip


def test_free_months_end_on_the_day_on_which_they_did() -> None:
    party = begin(plan("31.00", TWO_FREE))
    with on(ASKED):
        move_cycle_day(customer(party), day=25)
        amounts = [bill.amount.amount for bill in coming_bills(party, since=APRIL_10, count=3)]
    # Free to 10 May: 15 of the 30 days from 25 April are paid for.
    assert amounts == [Decimal("0.00"), Decimal("15.50"), Decimal("31.00")]
    billed_on(APRIL_10, APRIL_25, date(2026, 5, 25))
    assert [gross for _, _, gross in bills()] == ["0.00", "0.00", "15.50", "31.00"]


def test_a_commitment_ends_on_the_day_on_which_it_did() -> None:
    party = begin()
    Subscription.objects.update(commitment_ends_on=date(2028, 3, 10))
    with on(ASKED):
        move_cycle_day(customer(party), day=25)
    assert Subscription.objects.get().commitment_ends_on == date(2028, 3, 10)


def test_a_charge_of_three_months_goes_on_to_its_end_and_stands_on_the_bill_of_that_cycle() -> None:
    quarter = AgreedCharge("plan-1", "plan", True, Money.of("90.00"), "standard", every_months=3)
    party = begin(quarter, plan("0.00", line="zero-1"))
    with on(ASKED):
        move_cycle_day(customer(party), day=25)
    with on(date(2026, 5, 26)):
        found = [
            (bill.on, bill.amount.amount)
            for bill in coming_bills(party, since=date(2026, 5, 25), count=2)
        ]
    # 10 to 25 June: 15 of the 92 days from 25 March.
    assert found == [(date(2026, 5, 25), Decimal("14.67")), (date(2026, 6, 25), Decimal("90.00"))]
    billed_on(APRIL_10, APRIL_25, date(2026, 5, 25), date(2026, 6, 25))
    assert [gross for _, _, gross in bills()] == ["90.00", "0.00", "0.00", "14.67", "90.00"]
    assert Parking.objects.count() == 0
    made = expected_bills(until=date(2026, 5, 25))
    assert (made[-1].on, made[-1].amount) == (date(2026, 5, 25), Money.of("14.67"))


def test_an_option_that_is_added_before_the_move_holds_runs_to_it_first() -> None:
    party = begin()
    with on(ASKED):
        move_cycle_day(customer(party), day=25)
    with on(date(2026, 4, 1)):
        begun("F-2", [plan("31.00")], party=party, on=date(2026, 4, 1))
    billed_on(APRIL_10, APRIL_25)
    # 9 of 31 days; 15 of 31 with the other line's 14.52; both whole.
    assert [gross for _, _, gross in bills()] == ["30.00", "9.00", "29.52", "61.00"]
    assert Parking.objects.count() == 0


def test_a_second_move_waits_for_some_months_and_an_operator_does_not() -> None:
    party = begin()
    with on(ASKED):
        move_cycle_day(customer(party), day=25)
        with pytest.raises(RuleViolated, match="already") as ahead:
            move_cycle_day(customer(party, role=Role.OPERATOR), day=3)
    assert ahead.value.code == "cycle_day_moves_already"
    billed_on(APRIL_10, APRIL_25)
    with on(date(2026, 5, 2)):
        with pytest.raises(RuleViolated) as lately:
            move_cycle_day(customer(party), day=3)
        assert lately.value.code == "cycle_day_moved_lately"
        assert lately.value.detail == {"movable_on": "2026-10-10"}
        seen = cycle_day_of(party)
        assert seen is not None
        assert (seen.day, seen.movable_on) == (25, date(2026, 10, 10))
        move_cycle_day(customer(party, role=Role.OPERATOR), day=3)
    billed_on(date(2026, 5, 25), date(2026, 6, 3), date(2026, 7, 3))
    # 25 May to 3 June: 9 of the 31 days from 3 May.
    assert [gross for _, _, gross in bills()][3:] == ["8.71", "30.00", "30.00"]
    assert Parking.objects.count() == 0


@pytest.mark.parametrize(
    ("case", "day", "role", "error", "code"),
    [
        (
            "a day that not every month has",
            29,
            Role.CUSTOMER,
            InvalidInput,
            "cycle_day_not_offered",
        ),
        ("the same day", 10, Role.CUSTOMER, RuleViolated, "same_cycle_day"),
        ("a firm's viewer", 25, Role.VIEWER, Forbidden, "administrators_only"),
        ("an agent without a caller", 25, Role.AGENT, Forbidden, "caller_not_verified"),
    ],
)
def test_what_may_not_be_is_refused_and_nothing_happens(
    case: str, day: int, role: Role, error: type[Exception], code: str
) -> None:
    party = begin()
    with on(ASKED), pytest.raises(error) as refused:
        move_cycle_day(customer(party, role=role), day=day)
    assert getattr(refused.value, "code", "") == code, case
    assert nothing_happened(party)


def test_no_move_while_a_bill_is_made_or_looked_at() -> None:
    party = begin()
    codes = []
    with on(APRIL_10, 3):
        for fault in ("due", "held", "parked"):
            if fault == "held":
                BillingAccount.objects.update(next_bill_on=date(2026, 5, 10))
                Invoice.objects.create(
                    account=BillingAccount.objects.get(), key="cycle:x", kind="recurring",
                    state="held", basis="TTC", currency="EUR", drafted_on=APRIL_10, net=Decimal(0),
                    tax_total=Decimal(0), gross=Decimal(0), tax=[], mentions=[],
                )  # fmt: skip
            if fault == "parked":
                BillingAccount.objects.update(parked_at=at(APRIL_10))
            with pytest.raises(RuleViolated) as refused:
                move_cycle_day(customer(party), day=25)
            codes.append(refused.value.code)
    assert codes == ["bill_under_way", "bill_under_way", "account_parked"]
    assert nothing_happened(party)


def test_no_move_of_an_account_without_a_running_contract_or_of_somebody_else() -> None:
    party = begin()
    with on(ASKED):
        with pytest.raises(NotFound, match="no bill day"):
            move_cycle_day(customer(person()), day=25)
        Subscription.objects.update(status="ended")
        with pytest.raises(NotFound, match="no bill day"):
            move_cycle_day(customer(party), day=25)
    assert nothing_happened(party)


def test_no_move_before_what_ends_later_is_settled() -> None:
    party = begin()
    SubscriptionItem.objects.update(until_on=date(2026, 4, 20))
    with on(ASKED), pytest.raises(RuleViolated) as refused:
        move_cycle_day(customer(party), day=25)
    assert refused.value.code == "change_ahead"
    assert nothing_happened(party)


def free_to_may(party: int) -> SubscriptionItem:
    """Free to 10 May, and to be agreed to by the eighth."""
    item = SubscriptionItem.objects.get(subscription__party=party)
    PaidContinuation.objects.create(
        item=item, costs_on=date(2026, 5, 10), answer_by=date(2026, 5, 8), amount=Decimal(31)
    )
    return item


def test_no_bill_of_a_new_day_asks_for_what_nobody_agreed_to_pay_yet() -> None:
    party = begin(plan("31.00", TWO_FREE))
    item = free_to_may(party)
    with on(ASKED):
        move_cycle_day(customer(party), day=25)
    billed_on(APRIL_10, APRIL_25)
    # The cycle from 25 April on would hold paid days: it waits for the answer.
    assert bills()[-1][1:] == ("2026-04-10", "0.00")
    assert BillingAccount.objects.get().next_bill_on == date(2026, 5, 25)
    assert not list(billing_differences(APRIL_25))
    with on(date(2026, 5, 10), 1):
        removed(item)
    billed_on(date(2026, 5, 25))
    assert bills()[-1][1:] == ("2026-05-25", "0.00")
    assert (Parking.objects.count(), BillRun.objects.exclude(state="finished").count()) == (0, 0)
    assert all(check.equal for check in bills_against_promises())


def test_with_a_yes_its_first_paid_days_stand_on_the_bill_after_them() -> None:
    party = begin(plan("31.00", TWO_FREE))
    free_to_may(party)
    with on(ASKED):
        move_cycle_day(customer(party), day=25)
        before = coming_bills(party, since=APRIL_10, count=2)
        PaidContinuation.objects.update(agreed=True, answered_at=at(ASKED))
        after = coming_bills(party, since=APRIL_10, count=3)
    assert [bill.amount.amount for bill in before] == [Decimal("0.00")]
    # 15 of the 30 days from 25 April, and a month.
    assert [(bill.on, bill.amount.amount) for bill in after] == [
        (APRIL_10, Decimal("0.00")),
        (date(2026, 5, 25), Decimal("46.50")),
        (date(2026, 6, 25), Decimal("31.00")),
    ]
    billed_on(APRIL_10, APRIL_25, date(2026, 5, 25), date(2026, 6, 25))
    assert [gross for _, _, gross in bills()] == ["0.00", "0.00", "46.50", "31.00"]
    assert (Parking.objects.count(), BillRun.objects.exclude(state="finished").count()) == (0, 0)
    made = [(each.on, each.amount) for each in expected_bills(until=date(2026, 6, 25))]
    assert made[2:] == [
        (date(2026, 5, 25), Money.of("46.50")), (date(2026, 6, 25), Money.of("31.00")),
    ]  # fmt: skip


def test_what_is_charged_for_months_at_once_is_free_no_longer_than_was_said() -> None:
    """Two times three months; from 25 June on a third time would begin within the six."""
    party = begin(replace(plan("31.00", replace(TWO_FREE, periods=6)), every_months=3))
    free_to_may(party)
    PaidContinuation.objects.update(costs_on=date(2026, 9, 10), every_months=3)
    with on(ASKED), pytest.raises(RuleViolated) as refused:
        move_cycle_day(customer(party), day=25)
    assert refused.value.code == "free_item_waits"
    assert nothing_happened(party)


def removed(item: SubscriptionItem) -> None:
    promised("C-1", [])
    apply_change(
        ContractChange(
            order_number="C-1",
            group="g1",
            subscription_id=item.subscription_id,
            kind=ChangeKind.REMOVE,
            on=date(2026, 5, 10),
            channel="web",
            ends=[item.pk],
        )
    )


def test_a_firm_moves_the_day_of_all_its_lines() -> None:
    party = firm()
    with on(DAY):
        for number in (1, 2):
            begun(
                f"F-{number}", [plan("31.00", line=f"p{number}")], party=party, segment="business"
            )
    billed_on(date(2026, 3, 11))
    with on(ASKED):
        shown = show_move(customer(party, role=Role.ADMINISTRATOR), day=1)
        move_cycle_day(customer(party, role=Role.ADMINISTRATOR), day=1)
    assert [line.amount for line in shown.lines] == [Money.of("21.70"), Money.of("21.70")]
    billed_on(APRIL_10, date(2026, 5, 1))
    # 21 of the 30 days of April, twice.
    assert [str(one.net) for one in Invoice.objects.order_by("pk")] == ["62.00", "43.40", "62.00"]
    assert Parking.objects.count() == 0


def test_nothing_moves_if_other_bills_come_by_now_than_were_shown() -> None:
    party = begin()
    with on(ASKED):
        digest = show_move(customer(party), day=25).digest
        begun("F-2", [plan("31.00")], party=party, on=ASKED)
        with pytest.raises(RuleViolated) as refused:
            move_cycle_day(customer(party), day=25, digest=digest)
        assert refused.value.code == "move_changed"
        assert nothing_happened(party)
        move_cycle_day(customer(party), day=25, digest=show_move(customer(party), day=25).digest)
    assert BillingAccount.objects.get().cycle_day == 25


def test_both_bills_are_explained_by_the_move_to_the_cent() -> None:
    party = begin()
    with on(ASKED):
        move_cycle_day(customer(party), day=25)
    billed_on(APRIL_10, APRIL_25, date(2026, 5, 25))
    told = [explanation(party, str(number)).explanation for number, _, _ in bills()[1:]]
    assert [
        [(reason.why, reason.act, reason.on, str(reason.amount.amount)) for reason in each.reasons]
        for each in told
    ] == [
        [(Why.PART_MONTH, BILL_DAY, APRIL_10, "-15.48")],
        [(Why.WHOLE_MONTH, BILL_DAY, APRIL_10, "15.48")],
        [],
    ]
    assert all(each.promised == each.billed for each in told)


def test_the_timeline_says_since_when_why_and_by_whom() -> None:
    party = begin()
    with on(ASKED):
        move_cycle_day(customer(party), day=25, reason="pay day")
    contract = Subscription.objects.get()
    entries = timeline(life_of(party, contract.pk, acts=()), today=ASKED)
    (entry,) = [each for each in entries if each.by == "Camille"]
    assert (entry.on, entry.channel, entry.coming) == (APRIL_10, "web", True)
    assert dict(entry.title.values) == {"day": 25, "former": 10}
    assert entry.why is not None
    assert dict(entry.why.values) == {"day": ASKED, "reason": "pay day"}
    (line,) = [each for each in accounts.timeline(party) if each.code == "bill_day_moved"]
    assert line.values["note"] == "pay day"


def test_a_plan_that_changes_after_the_move_is_credited_by_the_new_cycle() -> None:
    party = begin()
    with on(ASKED):
        move_cycle_day(customer(party), day=25)
    billed_on(APRIL_10, APRIL_25)
    item = SubscriptionItem.objects.get()
    with on(date(2026, 5, 10)):
        promised("C-1", [plan("60.00")])
        apply_change(
            ContractChange(
                order_number="C-1",
                group="g1",
                subscription_id=item.subscription_id,
                kind=ChangeKind.PLAN,
                on=date(2026, 5, 10),
                channel="web",
                begins=[ActivatedItem("plan-1", "plan", (plan("60.00"),))],
                ends=[item.pk],
                tax_rates=RATES,
            )
        )
    billed_on(date(2026, 5, 25))
    # 15 of the 30 days from 25 April back, 15 of them at 60.00, and a month of 60.00.
    amounts = InvoiceLine.objects.filter(invoice=Invoice.objects.latest("pk"))
    assert sorted(amounts.values_list("amount", flat=True)) == [
        Decimal("-15.00"), Decimal("30.00"), Decimal("60.00"),
    ]  # fmt: skip
    assert Parking.objects.count() == 0


def test_an_operator_moves_many_and_is_told_of_each_that_can_not(
    capsys: pytest.CaptureFixture[str],
) -> None:
    first, second = begin(), begin(order="F-2")
    BillingAccount.objects.filter(party=second).update(parked_at=at(ASKED))
    told = ["--from", "10", "--to", "25", "--reason", "fewer bills on one day"]
    with on(ASKED):
        call_command("move_cycle_days", *told, "--dry-run")
        assert nothing_happened(first)
        call_command("move_cycle_days", *told)
    assert capsys.readouterr().out.split("\n")[:4] == ["account_parked 1", "moved 1"] * 2
    assert nothing_happened_to(second)
    assert CycleMove.objects.get().account.party_id == first


def nothing_happened_to(party: int) -> bool:
    account = BillingAccount.objects.get(party=party)
    return (account.cycle_day, account.cycle_before) == (10, [])


def free_at_first(monkeypatch: pytest.MonkeyPatch) -> tuple[AgreedCharge, AgreedCharge]:
    """An item that is asked about: two months free of what is charged by the month, the first
    quarter of what is charged by the quarter. It begins to cost on 10 May."""
    monkeypatch.setattr(asking, "current_snapshot", lambda at: None)
    monkeypatch.setattr(
        asking, "last_sold", lambda code, catalogue: SimpleNamespace(kind=Kind.CONTENT)
    )
    three_free = replace(TWO_FREE, code="three-free", periods=3)
    quarter = replace(plan("92.00", three_free), code="quarter", every_months=3)
    return plan("31.00", TWO_FREE), quarter


@pytest.mark.parametrize("move", [False, True])
def test_a_free_quarter_that_waits_for_the_answer_is_on_one_bill_whether_the_day_moves_or_not(
    monkeypatch: pytest.MonkeyPatch, move: bool
) -> None:
    party = begin(*free_at_first(monkeypatch))
    assert PaidContinuation.objects.get().costs_on == date(2026, 5, 10)
    with on(ASKED):
        PaidContinuation.objects.update(agreed=True, answered_at=at(ASKED))
        if move:
            move_cycle_day(customer(party), day=25)
    days = [APRIL_10, APRIL_25, date(2026, 5, 25), date(2026, 6, 25), date(2026, 7, 25)]
    days = days if move else [date(2026, month, 10) for month in (4, 5, 6, 7)]
    for day in days:
        billed_on(day)
        assert not list(billing_differences(day + timedelta(days=1)))
    assert (Parking.objects.count(), BillRun.objects.exclude(state="finished").count()) == (0, 0)
    covered = Coverage.objects.filter(charge__code="quarter").order_by("days")
    assert [(c.days.lower, c.days.upper, str(c.invoice.period_start)) for c in covered] == (
        [
            (DAY, date(2026, 6, 10), "2026-05-25"),
            (date(2026, 6, 10), date(2026, 6, 25), "2026-05-25"),
            (date(2026, 6, 25), date(2026, 9, 25), "2026-06-25"),
        ]
        if move
        else [
            (DAY, date(2026, 6, 10), "2026-06-10"),
            (date(2026, 6, 10), date(2026, 9, 10), "2026-06-10"),
        ]
    )
    assert all(check.equal for check in bills_against_promises())
    assert (
        PromiseLine.objects.filter(
            charge="quarter", superseded_by__isnull=True, due_on__lte=days[-1]
        ).count()
        == InvoiceLine.objects.filter(charge="quarter").count()
    )


def test_a_free_quarter_that_begins_with_a_cycle_waits_too_and_holds_no_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A line of 20 March on an account of the 10th, free by the month until 20 June; its quarter
    from 10 April on is free as a whole."""
    month, quarter = free_at_first(monkeypatch)
    month = replace(month, benefits=(replace(TWO_FREE, periods=3),))
    party = begin(plan("30.00"))
    with on(ASKED):
        begun("F-2", [month, quarter], party=party, on=ASKED)
    assert PaidContinuation.objects.get().costs_on == date(2026, 6, 20)
    PaidContinuation.objects.update(agreed=True, answered_at=at(ASKED))
    for number in (4, 5, 6, 7):
        billed_on(date(2026, number, 10))
        assert not list(billing_differences(date(2026, number, 11)))
    assert (Parking.objects.count(), BillRun.objects.exclude(state="finished").count()) == (0, 0)
    covered = Coverage.objects.filter(charge__code="quarter").order_by("days")
    assert [(c.days.lower, c.days.upper, str(c.invoice.period_start)) for c in covered] == [
        (ASKED, APRIL_10, "2026-03-20"),
        (APRIL_10, date(2026, 7, 10), "2026-07-10"),
        (date(2026, 7, 10), date(2026, 10, 10), "2026-07-10"),
    ]
    assert all(check.equal for check in bills_against_promises())


def test_what_is_charged_by_the_quarter_beside_a_month_is_free_no_longer_than_was_said_either(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A line of 20 March on an account of the 10th: free by the month until 20 August, and in the
    quarters that begin before 20 July. From 25 July on one would be paid, before there is a yes."""
    month, quarter = free_at_first(monkeypatch)
    month = replace(month, benefits=(replace(TWO_FREE, periods=5),))
    quarter = replace(quarter, benefits=(replace(TWO_FREE, periods=4),))
    party = begin(plan("30.00"))
    with on(ASKED):
        begun("F-2", [month, quarter], party=party, on=ASKED)
    asked = PaidContinuation.objects.get()
    assert (asked.costs_on, asked.every_months) == (date(2026, 8, 20), 1)
    with on(ASKED), pytest.raises(RuleViolated) as refused:
        move_cycle_day(customer(party), day=25)
    assert refused.value.code == "free_item_waits"
    assert nothing_happened(party)
