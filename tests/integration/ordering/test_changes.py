"""Ordering changes of a running line: quoted, placed, and promised as they were shown."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from threading import Event, Thread
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction

from commerce.accounts.identity import AccountContext, Actor
from commerce.accounts.kinds import ActorKind, Channel, Role
from commerce.accounts.models import Contact, User
from commerce.kernel.clock import business_time_fixed
from commerce.kernel.errors import (
    FaisceauError,
    Forbidden,
    InvalidInput,
    NotFound,
    RuleViolated,
)
from commerce.kernel.money import Money
from commerce.notifications.models import Message
from commerce.ordering.domain.changes import ChangeQuote, ChangeReason, ChangeRequest, When
from commerce.ordering.domain.states import OrderState
from commerce.ordering.models import Order, OrderItem
from commerce.ordering.services.changes import place_change, quote_change
from commerce.ordering.services.open_changes import take_turns
from commerce.ordering.services.place import Checkout, PlacedOrder
from orchestration.adapters.local_billing import LocalBilling
from orchestration.models import Plan, Task
from orchestration.ports import BillingChange, OrderBill
from orchestration.services.decide import decide
from orchestration.services.plans import create_plans
from subscriptions.contracts.finding import bundles_on_bill
from subscriptions.contracts.selectors import promise_view, subscription_view
from subscriptions.domain.states import BlockKind, ChangeKind
from subscriptions.invoicing.selectors import bill_view
from subscriptions.models import BillingAccount, Invoice, Parking, Subscription, SubscriptionItem
from subscriptions.reconciling.audit import bills_against_promises
from tests.factories import PersonFactory
from tests.integration.ordering.people import ALL_AGREED, HOME, member, organisation
from tests.integration.ordering.test_next_offers import ORDER, START
from tests.integration.subscriptions.contracts import at, run

AT = at(START)
BILL = date(2028, 9, 23)
AGAIN = "network.suspend_again"
LATE = date(2028, 9, 1)
"""In the last 90 days of the commitment, nine days into the month billed on the 23rd of August."""
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("demo_catalogue")]


def added(*offerings: str) -> ChangeRequest:
    return ChangeRequest(ChangeKind.ADD, choices={"option": offerings})


def removed(offering: str, *, when: When = When.NOW) -> ChangeRequest:
    item = SubscriptionItem.objects.get(offering=offering, until_on__isnull=True)
    return ChangeRequest(ChangeKind.REMOVE, items=(item.pk,), when=when)


def renewed(*, term: int = 24, phone: bool = False) -> ChangeRequest:
    choices = {"plan": ("horizon-130",)}
    if phone:
        choices["handset"] = ("ardoval-x2-128-nuit",)
    return ChangeRequest(ChangeKind.RENEW, choices=choices, term=term)


def ordered(
    context: AccountContext, line: int, request: ChangeRequest, *, on: date = LATE, **seen: Any
) -> tuple[PlacedOrder, ChangeQuote]:
    with business_time_fixed(at(on)):
        shown = quote_change(context, subscription_id=line, request=request)
        checkout = Checkout(
            expected_total=shown.quote.due_today_gross, digest=shown.digest(), consents=ALL_AGREED
        )
        placed = place_change(
            context,
            subscription_id=line,
            request=request,
            checkout=replace(checkout, **seen),
        )
    return placed, shown


def carried_out(number: str, *, on: date = LATE) -> None:
    """The last task of the change, as its plan has it, and the order's end."""
    with business_time_fixed(at(on)):
        create_plans(order_number=number)
        tasks = Task.objects.filter(plan__order_number=number, action="billing.change")
        assert tasks.count() == 1
        request = BillingChange(number, "change", 0, on)
        for _ in range(2):
            LocalBilling().change(request, key="1")
            LocalBilling().bill_order(OrderBill(number, 0), key="2")
        Order.objects.filter(number=number).update(state=OrderState.COMPLETED)


def coming(shown: ChangeQuote) -> Sequence[tuple[date | None, Money]]:
    return [(bill.on, bill.after) for bill in shown.bills]


def promised() -> Sequence[tuple[date | None, Money]]:
    bills = promise_view(ORDER, "g1").bills
    return [(b.starts_on, b.amount) for b in bills if b.starts_on and b.starts_on >= BILL][:4]


def test_an_option_is_added_and_billed_as_shown(owner: AccountContext, line: int) -> None:
    placed, shown = ordered(owner, line, added("escale-monde"))
    assert placed.state is OrderState.ACCEPTED
    # 22 of 31 days at 14.99, and the month that follows.
    assert [(str(b.before.amount), str(b.after.amount)) for b in shown.bills[:2]] == [
        ("19.99", "45.62"), ("19.99", "34.98"),
    ]  # fmt: skip
    carried_out(placed.number)
    assert promised() == coming(shown)
    with business_time_fixed(at(BILL, 4)):
        run(BILL)
    assert Parking.objects.count() == 0
    assert all(check.equal for check in bills_against_promises())


def test_what_ends_with_the_bill_waits_for_its_day(owner: AccountContext, line: int) -> None:
    placed, _ = ordered(owner, line, added("escale-monde"))
    carried_out(placed.number)
    ending = removed("escale-monde", when=When.CYCLE_END)
    then, shown = ordered(owner, line, ending)
    assert [str(bill.after.amount) for bill in shown.bills[:2]] == ["30.63", "19.99"]
    create_plans(order_number=then.number)
    (wait,) = Task.objects.filter(plan__order_number=then.number, kind="timer")
    assert wait.key == "wait"
    assert set(
        Order.objects.get(number=then.number).items.values_list("port_not_before", flat=True)
    ) == {BILL}
    carried_out(then.number, on=BILL)
    assert promised()[1:] == coming(shown)[1:]


def test_a_renewal_commits_anew_at_half_price_with_a_phone(
    owner: AccountContext, line: int
) -> None:
    request = ChangeRequest(
        ChangeKind.RENEW,
        choices={"plan": ("horizon-130",), "handset": ("ardoval-x2-128-nuit",)},
        term=24,
    )
    placed, shown = ordered(owner, line, request, deliver_to=HOME)
    assert (placed.state, placed.gross) == (OrderState.AWAITING_PAYMENT, Money.of("219.00"))
    assert [applied.code for applied in shown.quote.applied] == ["renew-half"]
    assert (shown.bound_until, shown.on, shown.bound_until_after) == (
        date(2028, 11, 23), date(2028, 9, 5), date(2030, 9, 5),
    )  # fmt: skip
    items = {
        item.role: (item.action, item.recipe, bool(item.subject))
        for item in Order.objects.get(number=placed.number).items.all()
    }
    assert items == {
        "plan": ("modify", "mobile-line.renew", True),
        "handset": ("add", "handset", False),
    }
    Order.objects.filter(number=placed.number).update(state=OrderState.ACCEPTED)
    carried_out(placed.number, on=shown.on)
    assert promised() == coming(shown)
    contract = subscription_view(owner.party_id or 0, line)
    assert contract.commitment_ends_on == date(2030, 9, 5)
    plans = [i.until_on for i in contract.items if i.offering == "horizon-130"]
    assert plans == [shown.on, None]
    with business_time_fixed(at(BILL, 4)):
        run(BILL)
    assert Parking.objects.count() == 0


def test_one_change_at_a_time_but_a_lost_sim_is_blocked_at_once(
    owner: AccountContext, line: int
) -> None:
    first, _ = ordered(owner, line, added("escale-monde"))
    with pytest.raises(RuleViolated) as refused:
        ordered(owner, line, added("vigie-securite"))
    assert (refused.value.code, refused.value.detail["order"]) == (
        "change_under_way", first.number,
    )  # fmt: skip
    lost = ChangeRequest(ChangeKind.SUSPEND, block=BlockKind.LOST_SIM)
    stopped, shown = ordered(owner, line, lost)
    assert all(bill.before == bill.after for bill in shown.bills)
    carried_out(stopped.number)
    assert Subscription.objects.get().status == "suspended"
    assert list(Order.objects.order_by("pk").values_list("change", flat=True)) == ["add", "suspend"]


def test_what_an_agent_sells_waits_for_the_customer_and_a_lost_sim_does_not(
    owner: AccountContext, line: int
) -> None:
    user = User.objects.create(email="agent@example.test")
    contact = Contact.objects.create(
        agent=user, party_id=owner.party_id, reason="line", verified=True
    )
    agent = AccountContext(
        Actor(ActorKind.AGENT, user.pk, "Nadia"), owner.party_id, Role.AGENT,
        Channel.CALL_CENTRE, contact_id=contact.pk,
    )  # fmt: skip
    placed, _ = ordered(agent, line, added("escale-monde"))
    assert placed.state is OrderState.AWAITING_ACCEPTANCE
    lost = ChangeRequest(ChangeKind.SUSPEND, block=BlockKind.LOST_SIM)
    assert ordered(agent, line, lost)[0].state is OrderState.ACCEPTED
    Contact.objects.update(verified=False)
    with pytest.raises(Forbidden):
        ordered(agent, line, lost)


@pytest.mark.parametrize(
    ("request_of", "code"),
    [
        (lambda: ChangeRequest(ChangeKind.ADD), "nothing_chosen"),
        (lambda: ChangeRequest(ChangeKind.REMOVE), "nothing_chosen"),
        (lambda: ChangeRequest(ChangeKind.REMOVE, items=(0,)), "unknown_item"),
        (lambda: removed("horizon-130"), "not_removable"),
        (lambda: replace(renewed(), when=When.CYCLE_END), "when"),
        (lambda: ChangeRequest(ChangeKind.SUSPEND), "block"),
        (lambda: ChangeRequest(ChangeKind.SUSPEND, block=BlockKind.FRAUD), "block"),
        (lambda: ChangeRequest(ChangeKind.RESUME, block=BlockKind.WISH), "not_suspended"),
    ],
)
def test_a_refusal_says_why_and_orders_nothing(
    owner: AccountContext, line: int, request_of: Any, code: str
) -> None:
    with pytest.raises(FaisceauError) as refused:
        ordered(owner, line, request_of())
    assert refused.value.code == code
    assert Order.objects.count() == 0


def test_a_renewal_too_early_and_a_price_not_seen_are_refused(
    owner: AccountContext, line: int
) -> None:
    early = ChangeRequest(ChangeKind.RENEW, choices={"plan": ("horizon-130",)}, term=24)
    with pytest.raises(RuleViolated) as refused:
        ordered(owner, line, early, on=date(2028, 8, 24))
    assert refused.value.code == "renewal_not_yet"
    with pytest.raises(RuleViolated) as changed:
        ordered(owner, line, added("escale-monde"), digest="0" * 64)
    assert changed.value.code == "price_changed"
    assert Order.objects.count() == 0


def test_another_customer_s_line_is_not_there(owner: AccountContext, line: int) -> None:
    other = replace(owner, party_id=PersonFactory.create().pk)
    with pytest.raises(NotFound):
        ordered(other, line, added("escale-monde"))


@pytest.mark.parametrize("role", ["option", "content"])
def test_what_is_on_the_line_is_not_sold_to_it_again(
    owner: AccountContext, line: int, role: str
) -> None:
    offering = {"option": "escale-monde", "content": "ondine-musique"}[role]
    request = ChangeRequest(ChangeKind.ADD, choices={role: (offering,)})
    placed, _ = ordered(owner, line, request)
    carried_out(placed.number)
    with pytest.raises(RuleViolated) as refused:
        ordered(owner, line, request)
    assert (refused.value.code, refused.value.detail["offering"]) == ("already_there", offering)
    with pytest.raises(RuleViolated) as refused:
        ordered(owner, line, replace(renewed(), choices={**renewed().choices, role: (offering,)}))
    assert refused.value.code == "already_there"
    assert Order.objects.count() == 1


def test_a_line_with_two_blocks_stands_still_until_both_are_lifted(
    owner: AccountContext, line: int
) -> None:
    for block in (BlockKind.WISH, BlockKind.LOST_SIM):
        stopped, _ = ordered(owner, line, ChangeRequest(ChangeKind.SUSPEND, block=block))
        carried_out(stopped.number)
    found: list[tuple[bool, int, str]] = []
    for block in (BlockKind.WISH, BlockKind.LOST_SIM):
        placed, shown = ordered(owner, line, ChangeRequest(ChangeKind.RESUME, block=block))
        carried_out(placed.number)
        tasks = Task.objects.filter(plan__order_number=placed.number)
        tasks.exclude(action="message.line_resumed").update(state="done")
        with business_time_fixed(at(LATE)):
            decide(plan_id=tasks[0].plan_id)
        assert set(tasks.values_list("state", flat=True)) == {"done"}
        told = Message.objects.filter(code="line_resumed").count()
        found.append((shown.still_blocked, told, Subscription.objects.get().status))
    # Whether it is true is looked at when it is said, not when it was ordered.
    assert found == [(True, 0, "suspended"), (False, 1, "active")]


def test_services_stand_still_and_go_on_with_their_line(owner: AccountContext, line: int) -> None:
    opened, _ = ordered(
        owner, line, ChangeRequest(ChangeKind.ADD, choices={"content": ("ondine-musique",)})
    )
    OrderItem.objects.filter(order__number=opened.number).update(facts={"entitlement_id": "ent_7"})
    carried_out(opened.number)

    asked = []
    for kind, reason in (("suspend", None), ("sim", ChangeReason.LOST)):
        choices = {"sim": ("carte-sim",)} if kind == "sim" else {}
        block = BlockKind.LOST_SIM if kind == "suspend" else None
        request = ChangeRequest(ChangeKind(kind), choices=choices, block=block, reason=reason)
        placed, _ = ordered(owner, line, request, deliver_to=HOME)
        Order.objects.filter(number=placed.number).update(state=OrderState.ACCEPTED)
        carried_out(placed.number)
        task = Task.objects.get(plan__order_number=placed.number, action__startswith="content.")
        item = OrderItem.objects.get(order__number=placed.number, role="content")
        asked.append((task.action, item.facts["entitlement_id"], len(task.needs)))
    assert asked == [("content.suspend", "ent_7", 1), ("content.resume", "ent_7", 1)]
    assert SubscriptionItem.objects.filter(offering="ondine-musique", until_on=None).count() == 1


def test_a_line_goes_on_only_after_the_block_that_is_under_way(
    owner: AccountContext, line: int
) -> None:
    stopped, _ = ordered(owner, line, ChangeRequest(ChangeKind.SUSPEND, block=BlockKind.WISH))
    carried_out(stopped.number)
    lost, _ = ordered(owner, line, ChangeRequest(ChangeKind.SUSPEND, block=BlockKind.LOST_SIM))
    with pytest.raises(RuleViolated) as refused:
        ordered(owner, line, ChangeRequest(ChangeKind.RESUME, block=BlockKind.WISH))
    assert (refused.value.code, refused.value.detail["order"]) == (
        "change_under_way", lost.number,
    )  # fmt: skip


def test_a_renewal_without_commitment_leaves_the_present_one(
    owner: AccountContext, line: int
) -> None:
    placed, shown = ordered(owner, line, renewed(term=0))
    assert (shown.bound_until, shown.bound_until_after) == (date(2028, 11, 23),) * 2
    Order.objects.filter(number=placed.number).update(state=OrderState.ACCEPTED)
    carried_out(placed.number)
    contract = Subscription.objects.get()
    assert (contract.commitment_months, contract.commitment_ends_on) == (24, date(2028, 11, 23))


def test_content_that_begins_with_the_bill_waits_for_its_day(
    owner: AccountContext, line: int
) -> None:
    request = ChangeRequest(
        ChangeKind.ADD, choices={"content": ("ondine-musique",)}, when=When.CYCLE_END
    )
    placed, shown = ordered(owner, line, request)
    assert shown.on == BILL
    create_plans(order_number=placed.number)
    tasks = Task.objects.filter(plan__order_number=placed.number)
    waits = {task.key.rpartition(".")[2]: task.needs for task in tasks}
    assert waits["entitle"] == ["wait"]


def test_a_phone_that_comes_after_the_bill_is_settled_by_the_one_after(
    owner: AccountContext, line: int
) -> None:
    placed, shown = ordered(owner, line, renewed(phone=True), on=date(2028, 9, 21), deliver_to=HOME)
    assert shown.on > BILL
    # The bill of the 23rd of September is made before, and stays as it was promised.
    assert shown.bills[0].on == BILL
    assert shown.bills[0].before == shown.bills[0].after
    Order.objects.filter(number=placed.number).update(state=OrderState.ACCEPTED)
    with business_time_fixed(at(BILL, 4)):
        run(BILL)
    carried_out(placed.number, on=shown.on)
    assert promised() == coming(shown)


def test_the_commitment_stands_on_the_bills_of_a_renewed_line(
    owner: AccountContext, line: int
) -> None:
    placed, _ = ordered(owner, line, renewed())
    Order.objects.filter(number=placed.number).update(state=OrderState.ACCEPTED)
    carried_out(placed.number)
    with business_time_fixed(at(BILL, 4)):
        run(BILL)
    with business_time_fixed(at(date(2028, 10, 23), 4)):
        run(date(2028, 10, 23))
    last = Invoice.objects.order_by("-pk").first()
    assert last is not None
    bill = bill_view(owner.party_id or 0, last.number or "")
    assert {each.order_number for part in bill.sections for each in part.lines} == {placed.number}
    # Who names it in writing means the contract.
    assert bundles_on_bill(last.number or "") == {(ORDER, "g1")}
    assert [(c.subscription_id, c.ends_on) for c in bill.commitments] == [(line, date(2030, 9, 1))]


def test_a_firm_says_its_purchase_order(owner: AccountContext, line: int) -> None:
    BillingAccount.objects.update(basis="HT", segment="business")
    unit = organisation()
    buyer = member(unit, "Nadia", role=Role.BUYER, limit="1000")
    Subscription.objects.update(party_id=buyer.party_id)
    lost = ChangeRequest(ChangeKind.SUSPEND, block=BlockKind.LOST_SIM)
    with pytest.raises(InvalidInput) as refused:
        ordered(buyer, line, lost)
    assert refused.value.code == "purchase_order_missing"
    placed, _ = ordered(buyer, line, lost, purchase_order="PO-7")
    assert placed.state is OrderState.ACCEPTED


def test_a_sim_that_is_told_lost_twice_is_blocked_by_one_order(
    owner: AccountContext, line: int
) -> None:
    lost = ChangeRequest(ChangeKind.SUSPEND, block=BlockKind.LOST_SIM)
    first, _ = ordered(owner, line, lost)
    with pytest.raises(RuleViolated) as refused:
        ordered(owner, line, lost)
    assert (refused.value.code, refused.value.detail["order"]) == (
        "change_under_way", first.number,
    )  # fmt: skip
    ordered(owner, line, ChangeRequest(ChangeKind.SUSPEND, block=BlockKind.WISH))
    assert Order.objects.count() == 2


@contextmanager
def another_orders(line: int) -> Iterator[None]:
    """Somebody is ordering a change of the line, in a transaction of his own."""
    holds, over = Event(), Event()

    def order() -> None:
        with transaction.atomic():
            take_turns(line)
            holds.set()
            over.wait(30)
        connection.close()

    thread = Thread(target=order)
    thread.start()
    assert holds.wait(30)
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_who_orders_a_change_waits_for_who_orders_another_of_the_same_line(
    owner: AccountContext, line: int
) -> None:
    """An option at once and with the next bill: if neither saw the other, both would be billed."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = '100ms'")
    with another_orders(line), pytest.raises(OperationalError), transaction.atomic():
        ordered(owner, line, added("escale-monde"))
    assert Order.objects.count() == 0
    ordered(owner, line, added("escale-monde"))
    with pytest.raises(RuleViolated) as refused:
        ordered(owner, line, replace(added("escale-monde"), when=When.CYCLE_END))
    assert refused.value.code == "change_under_way"


def test_of_two_orders_that_lift_a_block_the_later_lets_the_line_go_on(
    owner: AccountContext, line: int
) -> None:
    """Neither would, if each looked for other blocks before its own is lifted."""
    for block in (BlockKind.WISH, BlockKind.LOST_SIM):
        carried_out(ordered(owner, line, ChangeRequest(ChangeKind.SUSPEND, block=block))[0].number)
    go, _ = ordered(owner, line, ChangeRequest(ChangeKind.RESUME, block=BlockKind.WISH))
    OrderItem.objects.filter(order__number=go.number).update(facts={"line_id": "lin_1"})
    with business_time_fixed(at(LATE)):
        create_plans(order_number=go.number)
        plan = Plan.objects.get(order_number=go.number).pk
        asked = sorted(call.task.action for call in decide(plan_id=plan))
        assert asked == ["billing.change", "billing.order"]
        carried_out(go.number)
        # Meanwhile another SIM lifts the other.
        Subscription.objects.get().blocks.update(lifted_at=at(LATE))
        Task.objects.filter(plan=plan, state="running").update(state="done")
        assert [call.task.action for call in decide(plan_id=plan)] == ["network.resume"]


@pytest.mark.parametrize(
    ("meanwhile", "asked"), [("nothing", []), ("stopped", [AGAIN]), ("asked to stop", [AGAIN])]
)
def test_a_line_that_was_stopped_while_it_was_let_go_on_is_stopped_again(
    owner: AccountContext, line: int, meanwhile: str, asked: list[str]
) -> None:
    """The network may hear of it in the wrong order: what it is asked to go on comes late."""
    wish = ChangeRequest(ChangeKind.SUSPEND, block=BlockKind.WISH)
    carried_out(ordered(owner, line, wish)[0].number)
    go, _ = ordered(owner, line, ChangeRequest(ChangeKind.RESUME, block=BlockKind.WISH))
    OrderItem.objects.filter(order__number=go.number).update(facts={"line_id": "lin_1"})
    carried_out(go.number)
    Order.objects.filter(number=go.number).update(state=OrderState.IN_PROGRESS)
    plan = Plan.objects.get(order_number=go.number).pk
    Task.objects.filter(plan=plan).exclude(key__endswith="changed_notice").update(state="done")
    Task.objects.filter(plan=plan, action=AGAIN).update(state="waiting")
    if meanwhile != "nothing":
        lost = ChangeRequest(ChangeKind.SUSPEND, block=BlockKind.LOST_SIM)
        stop, _ = ordered(owner, line, lost)
        OrderItem.objects.filter(order__number=stop.number).update(facts={"line_id": "lin_1"})
        with business_time_fixed(at(LATE)):
            create_plans(order_number=stop.number)
            calls = decide(plan_id=Plan.objects.get(order_number=stop.number).pk)
        assert "network.suspend" in [call.task.action for call in calls]
        if meanwhile == "stopped":
            LocalBilling().change(BillingChange(stop.number, "change", 0, LATE), key="1")
            Order.objects.filter(number=stop.number).update(state=OrderState.COMPLETED)
    with business_time_fixed(at(LATE)):
        assert [call.task.action for call in decide(plan_id=plan)] == asked
