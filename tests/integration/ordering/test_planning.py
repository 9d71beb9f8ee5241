"""A large order is planned bit by bit: neither memory nor a transaction grows with it."""

from collections import Counter
from copy import deepcopy
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from catalogue.models import Release
from catalogue.selectors import forget_snapshots
from commerce.accounts.identity import AccountContext
from commerce.accounts.kinds import Role
from commerce.events.models import OutboxEvent, Timer
from commerce.events.pump import drain
from commerce.events.queues import AT_ONCE, WorkQueue
from commerce.kernel.errors import Conflict
from commerce.ordering.domain.states import OrderState
from commerce.ordering.models import Order
from commerce.ordering.services.bulk import place_bulk_order
from orchestration.models import Plan, Task
from orchestration.services import plans
from orchestration.services.cancel import quote_cancellation
from orchestration.services.plans import ADVANCE, PLAN_MORE, create_plans
from tests.demo import demo
from tests.integration.ordering.conftest import AT
from tests.integration.ordering.people import member, organisation
from tests.integration.ordering.test_fleet import CHECKOUT, fleet

pytestmark = pytest.mark.django_db
LINES, PART = 45, 10


@pytest.fixture
def buyer(shop: object) -> AccountContext:
    return member(organisation(), "Bruno", role=Role.BUYER, limit="1000000")


@pytest.fixture
def order(buyer: AccountContext, monkeypatch: pytest.MonkeyPatch) -> str:
    """Accepted, of 45 lines, of which ten are planned at a time."""
    monkeypatch.setattr(plans, "BUNDLES_AT_ONCE", PART)
    placed = place_bulk_order(buyer, lines=fleet(LINES, handset="", sim="esim"), checkout=CHECKOUT)
    assert Order.objects.get(number=placed.number).state == OrderState.ACCEPTED
    return placed.number


def plan_parts(number: str) -> list[int]:
    """Plan the whole order; how many statements each part took."""
    Timer.objects.all().delete()
    counts, after, position = [], None, 0
    while True:
        with CaptureQueriesContext(connection) as asked:
            create_plans(order_number=number, after=after, position=position)
        counts.append(len(asked))
        more = Timer.objects.filter(handler=PLAN_MORE).first()
        if more is None:
            return counts
        after, position = more.payload["after"], more.payload["position"]
        assert (more.queue, more.turn) == (WorkQueue.SETTLING, 0)
        more.delete()


def test_each_part_takes_the_same_statements_whatever_the_order_has(order: str) -> None:
    counts = plan_parts(order)
    assert len(counts) == LINES // PART + 1
    assert set(counts[1:-1]) == {counts[1]}
    assert Plan.objects.filter(order_number=order).count() == LINES
    bills = Task.objects.filter(plan__order_number=order, key="order_bill")
    assert list(bills.values_list("plan__turn", flat=True)) == [0]


def test_bundles_beyond_the_first_twenty_have_to_wait_their_turn(order: str) -> None:
    plan_parts(order)
    turns = Counter(Plan.objects.values_list("turn", flat=True))
    assert turns == {0: AT_ONCE, 1: AT_ONCE, 2: LINES - 2 * AT_ONCE}
    timers = Counter(Timer.objects.filter(handler=ADVANCE).values_list("queue", "turn"))
    assert timers == {
        (WorkQueue.CALLS, 0): AT_ONCE,
        (WorkQueue.BULK, 1): AT_ONCE,
        (WorkQueue.BULK, 2): LINES - 2 * AT_ONCE,
    }


def test_planning_a_part_again_changes_nothing(order: str) -> None:
    first = create_plans(order_number=order)
    again = create_plans(order_number=order)
    assert (first, again) == (PART, 0)
    assert Plan.objects.count() == PART
    assert OutboxEvent.objects.filter(name="OrderBegun", payload__number=order).count() == 1


def test_planning_that_dies_is_done_again_as_if_nothing_had_been(
    order: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(**_: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr("orchestration.services.plans.timers.soon", killed)
        with pytest.raises(SystemExit):
            create_plans(order_number=order)
    assert (Plan.objects.count(), Task.objects.count()) == (0, 0)
    assert Order.objects.get(number=order).state == OrderState.ACCEPTED
    assert create_plans(order_number=order) == PART


def test_bundles_that_have_no_plan_yet_are_not_cancelled(order: str, buyer: AccountContext) -> None:
    create_plans(order_number=order)
    groups = sorted(Order.objects.get(number=order).items.values_list("group", flat=True))
    planned = set(Plan.objects.values_list("group", flat=True))
    later = next(group for group in groups if group not in planned)
    with pytest.raises(Conflict) as refusal:
        quote_cancellation(buyer, number=order, groups=[*planned, later])
    assert refusal.value.code == "beginning"


def test_the_pump_plans_all_of_it(order: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestration.subscribers.advance", lambda plan_id: None)
    drain()
    assert Plan.objects.filter(order_number=order).count() == LINES
    assert not Timer.objects.filter(handler=PLAN_MORE).exists()


def test_an_order_keeps_the_recipes_with_which_it_was_sold(
    order: str, buyer: AccountContext
) -> None:
    create_plans(order_number=order)
    document: Any = deepcopy(dict(demo().document))
    line = document["recipes"]["mobile-line"]
    line["tasks"] = [task for task in line["tasks"] if task["key"] != "welcome"]
    Release.objects.create(number=2, document=document, digest="2" * 64, published_at=AT)
    forget_snapshots()
    plan_parts(order)
    later = place_bulk_order(
        buyer, lines=fleet(1, handset="", sim="esim"), checkout=CHECKOUT
    ).number
    create_plans(order_number=later)
    welcomed = Task.objects.filter(key__endswith=".welcome").values_list("plan__order_number")
    assert Counter(number for (number,) in welcomed) == {order: LINES}
    sold = Plan.objects.values_list("order_number", "release")
    assert Counter(sold) == {(order, 1): LINES, (later, 2): 1}
