"""Changes that go before what waits for a later day; bills are shown with all that waits."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, timedelta

import pytest

from commerce.accounts.identity import SYSTEM, AccountContext
from commerce.accounts.kinds import Role
from commerce.events.models import Timer
from commerce.kernel.clock import business_time_fixed
from commerce.kernel.errors import Conflict, RuleViolated
from commerce.kernel.money import Money
from commerce.ordering.domain.changes import ChangeQuote, ChangeRequest, WaitingOrder, When
from commerce.ordering.models import Order
from commerce.ordering.services.changes import place_change, quote_change
from commerce.ordering.services.place import Checkout
from commerce.ordering.services.unwinding import cancel_before_plans
from orchestration.models import Plan, Task
from orchestration.services import fallout, way
from orchestration.services.cancel import cancel_under_way, quote_cancellation
from orchestration.services.decide import decide
from orchestration.services.making_way import CLEAR, begin, on_clear_due
from orchestration.services.plans import create_plans
from orchestration.subscribers import on_contract_changed, on_plan_cancelled
from subscriptions.contracts.selectors import promise_view, subscription_view
from subscriptions.domain.states import ChangeKind
from subscriptions.models import Parking, Subscription
from subscriptions.reconciling.audit import bills_against_promises
from tests.integration.ordering.people import HOME
from tests.integration.ordering.test_changes import (
    BILL,
    LATE,
    added,
    carried_out,
    coming,
    ordered,
    promised,
    removed,
    renewed,
)
from tests.integration.ordering.test_next_offers import ORDER, START
from tests.integration.ordering.test_plan_change import FREE, billed_until, network_asked, plan
from tests.integration.subscriptions.contracts import at, run

AT = at(START)
DECEMBER = date(2028, 12, 23)
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("demo_catalogue")]


def amounts(shown: ChangeQuote) -> list[tuple[str, str]]:
    return [(str(bill.before.amount), str(bill.after.amount)) for bill in shown.bills[:3]]


def held(owner: AccountContext, line: int, *, on: date) -> set[str]:
    return {item.offering for item in subscription_view(owner.party_id or 0, line).items_on(on)}


def billed(day: date) -> None:
    with business_time_fixed(at(day, 4)):
        run(day)
    assert Parking.objects.count() == 0
    assert all(check.equal for check in bills_against_promises())


def test_another_plan_at_once_goes_before_the_one_that_waits_for_the_bill(
    owner: AccountContext, line: int
) -> None:
    billed_until(FREE)
    later, _ = ordered(owner, line, plan("grand-large-300", when=When.CYCLE_END), on=FREE)
    with business_time_fixed(at(FREE)):
        create_plans(order_number=later.number)
    now, shown = ordered(owner, line, plan("mini-20"), on=FREE)
    assert shown.waits == (WaitingOrder(later.number, DECEMBER),)
    # Of the month that is paid at 19.99, 22 of 30 days go back, and cost 5.99 a month instead; from
    # the 23rd on both columns are those of the plan that waits.
    assert amounts(shown) == [("34.99", "24.72"), ("34.99", "34.99"), ("34.99", "34.99")]
    carried_out(now.number, on=FREE)
    assert held(owner, line, on=FREE) >= {"mini-20"}
    # It takes the place of the plan that is there by then, not of the one that it was quoted for.
    assert network_asked(later.number, on=FREE) == ("grand-large-300", [])
    carried_out(later.number, on=DECEMBER)
    assert held(owner, line, on=DECEMBER) & {"mini-20", "grand-large-300", "horizon-130"} == {
        "grand-large-300"
    }
    assert promised_from(DECEMBER) == coming(shown)
    billed(DECEMBER)


def promised_from(day: date) -> Sequence[tuple[date | None, Money]]:
    bills = promise_view(ORDER, "g1").bills
    return [(b.starts_on, b.amount) for b in bills if b.starts_on and b.starts_on >= day][:4]


def test_a_renewal_takes_back_the_plan_that_waits_and_keeps_the_option_that_does(
    owner: AccountContext, line: int
) -> None:
    later, _ = ordered(owner, line, plan("grand-large-300", when=When.CYCLE_END))
    option = ChangeRequest(
        ChangeKind.ADD, choices={"option": ("escale-monde",)}, when=When.CYCLE_END
    )
    with_it, added_to = ordered(owner, line, option)
    assert amounts(added_to)[0] == ("29.99", "44.98")
    placed, shown = ordered(owner, line, renewed())
    assert (shown.takes_back, [each.number for each in shown.waits]) == (
        (later.number,), [with_it.number],
    )  # fmt: skip
    # 22 of 31 days at half of 19.99 instead of all of it, the month after, and the option.
    assert amounts(shown)[0] == ("44.98", "17.88")
    with business_time_fixed(at(LATE)):
        begin(order_number=placed.number)
        tasks = Task.objects.filter(plan__order_number=placed.number)
        assert [task.key for task in tasks] == ["way"]
        for _ in range(2):
            on_clear_due(Timer.objects.get(handler=CLEAR).payload)
    assert Order.objects.get(number=later.number).state == "cancelled"
    assert tasks.get(key="way").state == "done"
    carried_out(placed.number)
    carried_out(with_it.number, on=BILL)
    assert promised() == coming(shown)
    billed(BILL)


def test_an_option_comes_and_goes_before_the_end_of_the_contract(
    owner: AccountContext, line: int
) -> None:
    asked = date(2028, 9, 20)
    ending, _ = ordered(owner, line, ChangeRequest(ChangeKind.TERMINATE), on=asked)
    end = date(2028, 9, 30)
    option, shown = ordered(owner, line, added("escale-monde"), on=asked)
    assert shown.waits == (WaitingOrder(ending.number, end),)
    carried_out(option.number, on=asked)
    with pytest.raises(RuleViolated) as larger:
        ordered(owner, line, plan("grand-large-300"), on=asked)
    assert (larger.value.code, larger.value.detail["order"]) == (
        *("plan_binds_the_end", ending.number),
    )
    with business_time_fixed(at(asked)):
        again = quote_change(owner, subscription_id=line, request=removed("escale-monde"))
    assert [bill.after for bill in again.bills[2:]] == [bill.before for bill in again.bills[2:]]
    billed(BILL)
    carried_out(ending.number, on=end)
    ended = Subscription.objects.get()
    assert (ended.status, held(owner, line, on=end)) == ("ended", set())
    october = date(2028, 10, 23)
    assert promised_from(october)[:1] == [
        (bill.on, bill.after) for bill in shown.bills if bill.on == october
    ]
    billed(october)


@pytest.mark.parametrize("planned", [True, False])
def test_the_partner_of_a_service_that_comes_before_the_end_hears_of_it(
    owner: AccountContext, line: int, planned: bool
) -> None:
    asked, end = date(2028, 9, 20), date(2028, 9, 30)
    ending, _ = ordered(owner, line, ChangeRequest(ChangeKind.TERMINATE), on=asked)
    music = ChangeRequest(ChangeKind.ADD, choices={"content": ("ondine-musique",)})
    with business_time_fixed(at(asked)):
        if planned:
            create_plans(order_number=ending.number)
    placed, shown = ordered(owner, line, music, on=asked)
    assert shown.waits == (WaitingOrder(ending.number, end),)
    carried_out(placed.number, on=asked)
    came = {"subscription_id": line, "party_id": owner.party_id, "kind": "add"}
    with business_time_fixed(at(asked)):
        for _ in range(2):
            on_contract_changed(came)
        create_plans(order_number=ending.number)
    tasks = Task.objects.filter(plan__order_number=ending.number)
    (told,) = tasks.filter(action="content.stop")
    item = subscription_view(owner.party_id or 0, line).items_on(asked)[-1]
    assert (item.offering, told.needs, told.aside, told.state) == (
        *("ondine-musique", ["wait"], True, "waiting"),
    )
    for shared in ("wait", "change", "owed"):
        assert set(told.lines) < set(tasks.get(key=shared).lines)
    billed(BILL)
    carried_out(ending.number, on=end)
    assert held(owner, line, on=end) == set()
    october = date(2028, 10, 23)
    assert promised_from(october)[:1] == [
        (bill.on, bill.after) for bill in shown.bills if bill.on == october
    ]
    billed(october)


def test_another_plan_goes_before_the_end_of_a_contract_that_is_bound_no_longer(
    owner: AccountContext, line: int
) -> None:
    """What the end costs does not hang on it. Bound still, it would: then it is refused."""
    billed_until(FREE)
    ending, _ = ordered(owner, line, ChangeRequest(ChangeKind.TERMINATE), on=FREE)
    end = date(2028, 12, 11)
    now, shown = ordered(owner, line, plan("mini-20"), on=FREE)
    assert shown.waits == (WaitingOrder(ending.number, end),)
    # Of the month that is paid at 19.99: 18 days of 30 were used; or 8, and 10 at 5.99 a month.
    assert amounts(shown) == [("-8.00", "-12.66")]
    carried_out(now.number, on=FREE)
    with business_time_fixed(at(FREE)):
        create_plans(order_number=ending.number)
    carried_out(ending.number, on=end)
    assert (Subscription.objects.get().status, held(owner, line, on=end)) == ("ended", set())
    billed(DECEMBER)
    assert promised_from(DECEMBER)[:1] == [(DECEMBER, Money.of("-12.66"))]


def test_what_we_announced_is_not_ordered_anew_before_the_end_that_took_it_back(
    owner: AccountContext, line: int
) -> None:
    """Who leaves was shown his last bills without it."""
    billed_until(FREE)
    ending, _ = ordered(owner, line, ChangeRequest(ChangeKind.TERMINATE), on=FREE)
    announced = replace(plan("mini-20"), on=date(2028, 12, 5), announced=True)
    with business_time_fixed(at(FREE)), pytest.raises(RuleViolated) as refused:
        place_change(
            replace(SYSTEM, party_id=owner.party_id),
            subscription_id=line,
            request=announced,
            checkout=Checkout(expected_total=Money.zero()),
        )
    assert (refused.value.code, refused.value.detail["order"]) == (
        "change_under_way",
        ending.number,
    )
    assert Order.objects.filter(change="plan").count() == 0


def test_another_plan_with_the_next_bill_is_refused_where_the_contract_ends_before(
    owner: AccountContext, line: int
) -> None:
    billed_until(FREE)
    ending, _ = ordered(owner, line, ChangeRequest(ChangeKind.TERMINATE), on=FREE)
    with pytest.raises(RuleViolated) as refused:
        ordered(owner, line, plan("mini-20", when=When.CYCLE_END), on=FREE)
    assert refused.value.detail["order"] == ending.number
    assert Order.objects.filter(change="plan").count() == 0


def test_who_renews_stays_and_takes_his_coming_end_back(owner: AccountContext, line: int) -> None:
    ending, _ = ordered(owner, line, ChangeRequest(ChangeKind.TERMINATE))
    with business_time_fixed(at(LATE)):
        create_plans(order_number=ending.number)
    placed, shown = ordered(owner, line, renewed())
    assert (shown.takes_back, shown.waits) == ((ending.number,), ())
    with business_time_fixed(at(LATE)):
        begin(order_number=placed.number)
        on_clear_due(Timer.objects.get(handler=CLEAR).payload)
        decide(plan_id=Plan.objects.get(order_number=ending.number).pk)
        on_plan_cancelled({"order_number": ending.number, "group": "change"})
        on_clear_due(Timer.objects.get(handler=CLEAR).payload)
    assert Order.objects.get(number=ending.number).state == "cancelled"
    carried_out(placed.number)
    assert Subscription.objects.get().status == "active"
    assert promised() == coming(shown)
    billed(BILL)


def test_a_renewal_that_is_not_paid_by_the_end_that_it_would_take_back_is_called_off(
    owner: AccountContext, line: int
) -> None:
    ending, shown = ordered(owner, line, ChangeRequest(ChangeKind.TERMINATE))
    eve = shown.on - timedelta(days=1)
    placed, renewal = ordered(owner, line, renewed(phone=True), on=eve, deliver_to=HOME)
    assert (placed.state, renewal.takes_back) == ("awaiting_payment", (ending.number,))
    carried_out(ending.number, on=shown.on)
    ended = {"subscription_id": line, "party_id": owner.party_id, "kind": "terminate"}
    with business_time_fixed(at(shown.on)):
        for _ in range(2):
            on_contract_changed(ended)
    states = dict(Order.objects.values_list("number", "state"))
    assert (states[placed.number], states[ending.number]) == ("cancelled", "completed")
    assert not Plan.objects.filter(order_number=placed.number).exists()


@pytest.fixture
def waiting(owner: AccountContext, line: int) -> str:
    """The number of a renewal that waits until the coming end is taken back."""
    ending, _ = ordered(owner, line, ChangeRequest(ChangeKind.TERMINATE))
    with business_time_fixed(at(LATE)):
        create_plans(order_number=ending.number)
    placed, _ = ordered(owner, line, renewed())
    with business_time_fixed(at(LATE)):
        begin(order_number=placed.number)
    return placed.number


@pytest.mark.parametrize("decide_", [fallout.skip, fallout.complete_by_hand])
def test_nobody_lets_an_order_be_complete_that_waits_for_others(
    waiting: str, decide_: Callable[..., None]
) -> None:
    way = Task.objects.get(plan__order_number=waiting)
    with pytest.raises(Conflict) as refused:
        decide_(replace(SYSTEM, role=Role.OPERATOR), task_id=way.pk, note="It took too long.")
    way.refresh_from_db()
    assert (refused.value.code, way.state) == ("waits_for_orders", "awaiting")


def test_nothing_is_credited_of_what_is_called_off_while_it_waits_for_others(
    owner: AccountContext, waiting: str
) -> None:
    """It was not billed: an external biller would be told of a bill that he does not know."""
    with business_time_fixed(at(LATE)):
        shown = quote_cancellation(owner, number=waiting)
        cancel_under_way(owner, number=waiting, token=shown.token)
        on_plan_cancelled({"order_number": waiting, "group": "change"})
        on_clear_due(Timer.objects.get(handler=CLEAR).payload)
    tasks = Task.objects.filter(plan__order_number=waiting)
    assert list(tasks.values_list("key", "state")) == [("way", "cancelled")]
    states = dict(Order.objects.values_list("number", "state"))
    assert (states.pop(waiting), list(states.values())) == ("cancelled", ["in_progress"])


def test_what_was_called_off_just_before_it_would_wait_gets_no_plan(
    owner: AccountContext, line: int
) -> None:
    ending, _ = ordered(owner, line, ChangeRequest(ChangeKind.TERMINATE))
    with business_time_fixed(at(LATE)):
        cancel_before_plans(owner, number=ending.number)
        way.wait(order_number=ending.number)
    assert Plan.objects.count() == 0


def test_an_end_that_we_want_as_nothing_is_paid_is_not_taken_back_by_a_renewal(
    owner: AccountContext, line: int
) -> None:
    ending, _ = ordered(owner, line, ChangeRequest(ChangeKind.TERMINATE, unpaid=True))
    with pytest.raises(RuleViolated) as refused:
        ordered(owner, line, renewed())
    assert (refused.value.code, refused.value.detail["order"]) == (
        "change_under_way", ending.number,
    )  # fmt: skip


def test_what_would_begin_on_the_day_of_the_end_or_later_is_refused(
    owner: AccountContext, line: int
) -> None:
    ending, _ = ordered(owner, line, ChangeRequest(ChangeKind.TERMINATE))
    option = ChangeRequest(
        ChangeKind.ADD, choices={"option": ("escale-monde",)}, when=When.CYCLE_END
    )
    with pytest.raises(RuleViolated) as refused:
        ordered(owner, line, option)
    assert (refused.value.code, refused.value.detail["order"]) == (
        "change_under_way", ending.number,
    )  # fmt: skip


def test_what_was_ordered_for_the_line_since_it_was_looked_at_is_shown_first(
    owner: AccountContext, line: int
) -> None:
    """A renewal takes a plan back that waits, and the bills of all else count it: not unseen."""
    for request in (renewed(), added("escale-monde")):
        with business_time_fixed(at(LATE)):
            seen = quote_change(owner, subscription_id=line, request=request)
        later, _ = ordered(owner, line, plan("grand-large-300", when=When.CYCLE_END))
        with pytest.raises(RuleViolated) as refused:
            ordered(owner, line, request, digest=seen.digest())
        assert refused.value.code == "price_changed"
        Order.objects.filter(number=later.number).update(state="cancelled")
