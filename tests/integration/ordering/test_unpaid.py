"""Lines of who does not pay are restricted, stopped and ended by orders, and go on by others."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from commerce.accounts.identity import SYSTEM, AccountContext
from commerce.events.models import Timer
from commerce.kernel.clock import business_time_fixed
from commerce.kernel.errors import Conflict, InvalidInput, RuleViolated
from commerce.notifications.models import Message
from commerce.ordering import subscribers
from commerce.ordering.domain.changes import ChangeRequest
from commerce.ordering.domain.states import OrderState
from commerce.ordering.models import Order, OrderItem
from commerce.ordering.services import unpaid
from commerce.ordering.services.fulfilment import complete_order
from orchestration import subscribers as orchestration
from orchestration.models import Plan, Task
from orchestration.services import making_way
from orchestration.services.cancel import quote_cancellation
from orchestration.services.decide import decide
from orchestration.services.plans import create_plans
from subscriptions.contracts.selectors import subscription_view
from subscriptions.domain.states import BlockKind, ChangeKind
from subscriptions.models import BillingAccount, DunningCase, Subscription
from tests.integration.ordering.test_changes import AT, LATE, carried_out, ordered
from tests.integration.subscriptions.contracts import at

__all__ = ["AT"]
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("demo_catalogue")]


def wanted(grade: str) -> DunningCase | None:
    """The account's case reached that grade; it is closed when that is empty."""
    account = BillingAccount.objects.get()
    DunningCase.objects.all().update(closed_on=LATE)
    if not grade:
        return None
    return DunningCase.objects.create(
        account=account, opened_on=LATE, since=LATE, owed=Decimal(50), grade=grade
    )


def told(grade: str) -> dict[str, Any]:
    account = BillingAccount.objects.get()
    case = wanted(grade)
    return {
        "case_id": case.pk if case else 0, "account_id": account.pk,
        "party_id": account.party_id, "grade": grade,
    }  # fmt: skip


def moved(grade: str) -> list[tuple[str, str, str]]:
    """The orders that are placed because the case moved: (change, grade, state)."""
    before = Order.objects.count()
    with business_time_fixed(at(LATE)):
        subscribers.on_dunning_moved(told(grade))
        treated()
    rows = Order.objects.order_by("pk")[before:]
    return [(row.change or "", row.items.get().config.get("grade", ""), row.state) for row in rows]


def treated() -> int:
    timers = list(Timer.objects.filter(handler=unpaid.TIMER))
    for timer in timers:
        timer.delete()
        subscribers.on_unpaid_due(timer.payload)
    return len(timers)


def newest() -> str:
    return Order.objects.order_by("-pk")[0].number


def done(number: str) -> None:
    """The order has taken effect, and is completed."""
    carried_out(number)
    Order.objects.filter(number=number).update(state=OrderState.IN_PROGRESS)
    OrderItem.objects.filter(order__number=number).update(state="active")
    with business_time_fixed(at(LATE)):
        complete_order(order_number=number)


def standing() -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    row = Subscription.objects.get()
    view = subscription_view(row.party_id, row.pk)
    return view.status, view.blocks, view.outgoing_only


def asked(number: str, *, lines: bool = True) -> list[str]:
    """What the network is asked for by the order, round after round."""
    if lines:
        OrderItem.objects.filter(order__number=number).update(facts={"line_id": "lin_1"})
    found: list[str] = []
    with business_time_fixed(at(LATE)):
        create_plans(order_number=number)
        plan = Plan.objects.get(order_number=number).pk
        for _ in range(5):
            calls = [call.task.action for call in decide(plan_id=plan)]
            found += [action for action in calls if action.startswith("network.")]
            if "billing.change" in calls:
                carried_out(number)
            Task.objects.filter(plan=plan, state="running").update(state="done")
    return found


def test_a_line_is_restricted_then_stopped_then_ended(owner: AccountContext, line: int) -> None:
    assert moved("restrict") == [("suspend", "outgoing", "accepted")]
    assert moved("restrict") == []
    done(newest())
    assert standing() == ("active", ("unpaid",), ("unpaid",))
    assert moved("suspend") == [("suspend", "", "accepted")]
    done(newest())
    assert standing() == ("suspended", ("unpaid",), ())
    assert moved("terminate") == [("terminate", "", "accepted")]
    assert Order.objects.get(number=newest()).begins_on == date(2028, 9, 11)
    assert moved("terminate") == []
    create_plans(order_number=newest())
    tasks = Task.objects.filter(plan__order_number=newest(), kind="notify").order_by("position")
    actions = list(tasks.values_list("action", flat=True))
    with business_time_fixed(at(LATE)), pytest.raises(RuleViolated) as refused:
        quote_cancellation(owner, number=newest())
    assert refused.value.code == "done_for_unpaid"
    assert actions[0] == "message.termination_unpaid"
    assert "message.termination_confirmed" not in actions


def test_payment_lifts_what_was_done_and_takes_the_coming_end_back(
    owner: AccountContext, line: int
) -> None:
    moved("suspend")
    done(newest())
    moved("terminate")
    end = newest()
    with business_time_fixed(at(LATE)):
        create_plans(order_number=end)
        decide(plan_id=Plan.objects.get(order_number=end).pk)
    assert moved("") == [("resume", "", "accepted")]
    with business_time_fixed(at(LATE)):
        for _ in range(2):
            orchestration.on_dunning_moved(told(""))
        decide(plan_id=Plan.objects.get(order_number=end).pk)
    assert Plan.objects.get(order_number=end).state == "cancelled"
    done(newest())
    assert standing() == ("active", (), ())
    assert moved("") == []


def test_who_pays_while_the_line_is_about_to_be_stopped_gets_it_back(
    owner: AccountContext, line: int
) -> None:
    assert moved("suspend") == [("suspend", "", "accepted")]
    assert moved("") == []
    done(newest())
    assert standing()[0] == "suspended"
    with business_time_fixed(at(LATE)):
        assert treated() == 1
    order = Order.objects.get(number=newest())
    assert (order.change, order.items.get().config) == (
        "resume", {"change": "resume", "block": "unpaid", "lifts": "unpaid", "unpaid": "yes"},
    )  # fmt: skip
    done(newest())
    with business_time_fixed(at(LATE)):
        assert treated() == 1
    assert standing() == ("active", (), ())
    assert Order.objects.count() == 2


def test_a_promise_takes_the_coming_end_back_and_not_one_that_is_wanted_again(
    owner: AccountContext, line: int
) -> None:
    moved("suspend")
    done(newest())
    moved("terminate")
    end = newest()
    with business_time_fixed(at(LATE)):
        create_plans(order_number=end)
        decide(plan_id=Plan.objects.get(order_number=end).pk)
        milder = told("suspend")
        wanted("terminate")
        orchestration.on_dunning_moved(milder)
        assert Plan.objects.get(order_number=end).state == "running"
        orchestration.on_dunning_moved(told("suspend"))
    assert Plan.objects.get(order_number=end).state == "cancelled"
    assert moved("suspend") == []


def test_an_end_that_is_not_to_be_taken_back_yet_holds_up_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tried: list[str] = []

    def busy(_: AccountContext, *, number: str, note: str) -> None:
        tried.append(number)
        if number == "C-1":
            raise Conflict("It begins just now.", code="beginning")

    monkeypatch.setattr(making_way, "running_contracts", lambda _: (1, 2))
    monkeypatch.setattr(making_way, "open_ends_for_unpaid", lambda contract: (f"C-{contract}",))
    monkeypatch.setattr(making_way, "make_way", busy)
    with pytest.raises(Conflict):
        making_way.keep_contracts(account_id=1, party_id=1)
    assert tried == ["C-1", "C-2"]


@pytest.mark.parametrize(
    ("grade", "in_the_way"), [("suspend", BlockKind.LOST_SIM), ("restrict", BlockKind.UNPAID)]
)
def test_who_has_paid_gets_the_line_back_when_what_was_in_the_way_is_called_off(
    owner: AccountContext, line: int, grade: str, in_the_way: BlockKind
) -> None:
    moved(grade)
    done(newest())
    if in_the_way is BlockKind.UNPAID:
        moved("suspend")
    else:
        ordered(owner, line, ChangeRequest(ChangeKind.SUSPEND, block=in_the_way))
    assert moved("") == []
    called_off(newest())
    assert Order.objects.get(number=newest()).change == "resume"


def test_what_an_operator_calls_off_is_not_ordered_anew_as_bills_are_still_not_paid(
    owner: AccountContext, line: int
) -> None:
    moved("restrict")
    called_off(newest())
    assert Order.objects.count() == 1


def called_off(number: str) -> None:
    Order.objects.filter(number=number).update(state=OrderState.CANCELLED)
    with business_time_fixed(at(LATE)):
        subscribers.on_order_cancelled({"number": number})
        treated()


def test_what_the_network_is_asked_for(owner: AccountContext, line: int) -> None:
    moved("restrict")
    assert asked(newest()) == ["network.restrict"]
    moved("suspend")
    assert asked(newest()) == ["network.suspend"]
    moved("")
    assert asked(newest()) == ["network.resume"]


def test_who_lets_his_line_go_on_again_is_still_restricted(
    owner: AccountContext, line: int
) -> None:
    carried_out(
        ordered(owner, line, ChangeRequest(ChangeKind.SUSPEND, block=BlockKind.WISH))[0].number
    )
    moved("restrict")
    assert asked(newest()) == ["network.suspend_again"]
    assert standing() == ("suspended", ("wish", "unpaid"), ("unpaid",))
    go, shown = ordered(owner, line, ChangeRequest(ChangeKind.RESUME, block=BlockKind.WISH))
    assert shown.still_blocked
    assert asked(go.number) == ["network.restrict_again"]
    assert standing() == ("active", ("unpaid",), ("unpaid",))


def test_nobody_but_the_system_stops_a_line_for_unpaid_bills(
    owner: AccountContext, line: int
) -> None:
    for kind in (ChangeKind.SUSPEND, ChangeKind.RESUME):
        with pytest.raises(InvalidInput) as refused:
            ordered(owner, line, ChangeRequest(kind, block=BlockKind.UNPAID))
        assert refused.value.code == "block"
    moved("suspend")
    done(newest())
    with pytest.raises(InvalidInput):
        ordered(owner, line, ChangeRequest(ChangeKind.RESUME, block=BlockKind.UNPAID))
    with pytest.raises(RuleViolated) as already:
        ordered(
            AccountContext(SYSTEM.actor, owner.party_id, SYSTEM.role, SYSTEM.channel), line,
            ChangeRequest(ChangeKind.SUSPEND, block=BlockKind.UNPAID),
        )  # fmt: skip
    assert already.value.code == "already_suspended"


def test_no_order_confirmation_is_sent_for_what_we_do(owner: AccountContext, line: int) -> None:
    moved("restrict")
    with business_time_fixed(at(LATE)):
        subscribers.on_order_accepted({"number": newest()})
    assert Message.objects.filter(code="order_accepted").count() == 0
