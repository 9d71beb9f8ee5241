"""Another plan on a running line: within its commitment, and without what does not go with it."""

from dataclasses import replace
from datetime import date

import pytest

from catalogue.models import Number
from commerce.accounts.identity import AccountContext
from commerce.kernel.clock import business_time_fixed
from commerce.kernel.errors import RuleViolated
from commerce.kernel.links import token_digest
from commerce.ordering.domain.changes import ChangeRequest, When
from commerce.ordering.domain.states import OrderState
from commerce.ordering.models import Order
from commerce.ordering.services.accept import accept_order
from commerce.ordering.services.changes import quote_change
from orchestration.actions import action
from orchestration.models import Task
from orchestration.services.desk import Desk
from orchestration.services.plans import create_plans
from subscriptions.contracts.selectors import subscription_view
from subscriptions.domain.states import ChangeKind
from subscriptions.models import Parking, Subscription
from subscriptions.reconciling.audit import bills_against_promises
from tests.integration.ordering.people import ALL_AGREED
from tests.integration.ordering.test_changes import (
    BILL,
    LATE,
    added,
    carried_out,
    coming,
    ordered,
    promised,
)
from tests.integration.ordering.test_next_offers import START
from tests.integration.subscriptions.contracts import at, run

AT = at(START)
FREE = date(2028, 12, 1)
"""After the end of the commitment, on 23 November 2028."""
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("demo_catalogue")]


def plan(code: str, *, when: When = When.NOW) -> ChangeRequest:
    return ChangeRequest(ChangeKind.PLAN, choices={"plan": (code,)}, when=when)


def network_asked(number: str, *, on: date = LATE) -> tuple[str, list[str]]:
    """The plan and the services that the network is asked for as things are on that day."""
    task = Task.objects.get(plan__order_number=number, action="network.change")
    with business_time_fixed(at(on)):
        desk = Desk.of(task.plan_id)
        assert desk is not None
        desk.learn({line: {"line_id": "L-1"} for line in task.lines})
        request = action("network.change").ask(desk.context(desk.task(task.pk)))
    return request["plan"], list(request["services"])


def billed_until(day: date) -> None:
    for month in (9, 10, 11):
        on = date(2028, month, 23)
        if on <= day:
            with business_time_fixed(at(on, 4)):
                run(on)


def test_a_larger_plan_at_once_keeps_the_commitment_and_is_billed_as_shown(
    owner: AccountContext,
    line: int,
) -> None:
    placed, shown = ordered(owner, line, plan("grand-large-300"))
    # At the price of 24 months, as the line is bound; nothing is due once, and no promotion of new
    # lines or renewals is given.
    assert (placed.state, str(placed.gross)) == (OrderState.ACCEPTED, "0.00 EUR")
    assert [str(charge.amount) for charge in shown.quote.agreed_charges()] == ["29.99 EUR"]
    assert shown.quote.applied == ()
    assert (shown.bound_until, shown.bound_until_after) == (date(2028, 11, 23),) * 2
    # 22 of 31 days at 29.99, the month after, and 9 of 31 days at 19.99 instead of all of them.
    assert [(str(b.before.amount), str(b.after.amount)) for b in shown.bills[:2]] == [
        ("19.99", "37.08"), ("19.99", "29.99"),
    ]  # fmt: skip
    create_plans(order_number=placed.number)
    tasks = Task.objects.filter(plan__order_number=placed.number).exclude(key="order_bill")
    assert sorted(tasks.values_list("key", "action")) == [
        ("change", "billing.change"),
        ("changed_notice", "message.line_changed"),
        ("services", "network.change"),
    ]
    assert Number.objects.exclude(key="").count() == 0
    (item,) = Order.objects.get(number=placed.number).items.all()
    assert network_asked(placed.number) == ("grand-large-300", [])
    assert (item.action, item.recipe, item.config["bound_until"]) == (
        "modify", "mobile-line.plan", "2028-11-23",
    )  # fmt: skip
    carried_out(placed.number)
    assert promised() == coming(shown)
    contract = subscription_view(owner.party_id or 0, line)
    assert (contract.commitment_months, contract.commitment_ends_on) == (24, date(2028, 11, 23))
    billed_until(BILL)
    assert Parking.objects.count() == 0
    assert all(check.equal for check in bills_against_promises())


def test_a_plan_that_changes_with_the_bill_costs_nothing_before(
    owner: AccountContext,
    line: int,
) -> None:
    placed, shown = ordered(owner, line, plan("grand-large-300", when=When.CYCLE_END))
    assert (shown.on, [str(bill.after.amount) for bill in shown.bills[:2]]) == (
        BILL, ["29.99", "29.99"],
    )  # fmt: skip
    create_plans(order_number=placed.number)
    (wait,) = Task.objects.filter(plan__order_number=placed.number, kind="timer")
    assert wait.key == "wait"
    carried_out(placed.number, on=BILL)
    assert promised() == coming(shown)
    billed_until(BILL)
    assert all(check.equal for check in bills_against_promises())


def test_an_option_that_does_not_go_with_the_new_plan_is_named_and_ends_with_it(
    owner: AccountContext,
    line: int,
) -> None:
    option, _ = ordered(owner, line, added("escale-monde", "vigie-securite"))
    carried_out(option.number)
    billed_until(FREE)
    placed, shown = ordered(owner, line, plan("mini-20"), on=FREE)
    assert [(each.name.in_("en"), each.message.in_("en")) for each in shown.unfit] == [
        ("Escale monde", "Escale monde goes with a plan with unlimited calls.")
    ]
    assert [name.in_("en") for name in shown.ends] == ["", "Escale monde"]
    items = Order.objects.get(number=placed.number).items.order_by("position")
    assert list(items.values_list("offering", "action", "recipe")) == [
        ("mini-20", "modify", "mobile-line.plan"),
        ("escale-monde", "delete", "option.plan"),
    ]
    with business_time_fixed(at(FREE)):
        create_plans(order_number=placed.number)
    assert network_asked(placed.number, on=FREE) == ("mini-20", ["vigie-securite"])
    carried_out(placed.number, on=FREE)
    contract = subscription_view(owner.party_id or 0, line)
    held = {item.offering for item in contract.items_on(FREE)}
    assert held >= {"mini-20", "vigie-securite"}
    assert not held & {"horizon-130", "escale-monde"}
    day = date(2028, 12, 23)
    with business_time_fixed(at(day, 4)):
        run(day)
    assert Parking.objects.count() == 0
    assert all(check.equal for check in bills_against_promises())


@pytest.mark.parametrize(
    ("code", "refused_as"),
    [
        ("horizon-130", "already_there"),
        # The phone's reduced price binds the line to a 5G plan, and to one sold with a commitment.
        ("essentiel-40", "reduced-price-level-3"),
        ("mini-20", "not_a_candidate"),
    ],
)
def test_a_plan_that_can_t_be_had_orders_nothing(
    owner: AccountContext,
    line: int,
    code: str,
    refused_as: str,
) -> None:
    with pytest.raises(RuleViolated) as refused:
        ordered(owner, line, plan(code))
    assert refused.value.code == refused_as
    assert Order.objects.count() == 0


def test_what_begins_at_once_is_asked_for_expressly(owner: AccountContext, line: int) -> None:
    unasked = replace(ALL_AGREED, early_execution_requested=False)
    with pytest.raises(RuleViolated) as refused:
        ordered(owner, line, plan("grand-large-300"), consents=unasked)
    assert refused.value.code == "early_execution_not_requested"
    assert Order.objects.count() == 0
    # With the bill of the 23rd it begins after the 14 days, which end on the 15th.
    later = plan("grand-large-300", when=When.CYCLE_END)
    assert ordered(owner, line, later, consents=unasked)[0].state is OrderState.ACCEPTED


def test_a_link_changes_nothing_early_unasked_and_no_contract_that_has_ended(
    owner: AccountContext, line: int
) -> None:
    placed, _ = ordered(owner, line, plan("grand-large-300"))
    token = "a-link"
    Order.objects.filter(number=placed.number).update(
        state=OrderState.AWAITING_ACCEPTANCE, accept_digest=token_digest(token)
    )
    later = replace(ALL_AGREED, early_execution_requested=False)
    with pytest.raises(RuleViolated) as refused, business_time_fixed(at(LATE)):
        accept_order(token=token, consents=later)
    assert refused.value.code == "early_execution_not_requested"
    Subscription.objects.update(status="ended", ended_on=LATE)
    with pytest.raises(RuleViolated) as refused, business_time_fixed(at(LATE)):
        accept_order(token=token, consents=ALL_AGREED)
    assert refused.value.code == "contract_ended"
    assert Order.objects.get().state == OrderState.AWAITING_ACCEPTANCE


def test_after_the_commitment_a_plan_costs_what_it_costs_without_one(
    owner: AccountContext,
    line: int,
) -> None:
    billed_until(FREE)
    with business_time_fixed(at(FREE)):
        shown = quote_change(owner, subscription_id=line, request=plan("grand-large-300"))
        longer = quote_change(
            owner, subscription_id=line, request=replace(plan("grand-large-300"), term=24)
        )
    assert [str(charge.amount) for charge in shown.quote.agreed_charges()] == ["34.99 EUR"]
    # Who wants the price of a commitment renews the line.
    assert longer.quote.agreed_charges() == shown.quote.agreed_charges()
    assert Subscription.objects.get().commitment_ends_on == date(2028, 11, 23)


def test_an_option_goes_before_a_plan_that_waits_for_the_next_bill_and_stays(
    owner: AccountContext, line: int
) -> None:
    later, _ = ordered(owner, line, plan("grand-large-300", when=When.CYCLE_END))
    with business_time_fixed(at(LATE)):
        create_plans(order_number=later.number)
    assert network_asked(later.number) == ("grand-large-300", [])
    now, shown = ordered(owner, line, added("escale-monde"))
    carried_out(now.number)
    assert network_asked(later.number) == ("grand-large-300", ["escale-monde"])
    carried_out(later.number, on=BILL)
    assert promised() == coming(shown)
    with business_time_fixed(at(BILL, 4)):
        run(BILL)
    held = {item.offering for item in subscription_view(owner.party_id or 0, line).items_on(BILL)}
    assert held >= {"grand-large-300", "escale-monde"}
    assert "horizon-130" not in held
    assert Parking.objects.count() == 0
    assert all(check.equal for check in bills_against_promises())


@pytest.mark.parametrize(
    ("waits", "now", "code"),
    [
        ("mini-20", "escale-monde", "abroad-with-unlimited-calls"),
        ("mini-20", "mini-20", "change_under_way"),
    ],
)
def test_what_would_not_go_with_what_waits_is_refused_with_its_order(
    owner: AccountContext, line: int, waits: str, now: str, code: str
) -> None:
    """An option that the coming plan forbids, and the same plan that is to come."""
    on = FREE
    billed_until(on)
    later, _ = ordered(owner, line, plan(waits, when=When.CYCLE_END), on=on)
    wish = added(now) if now == "escale-monde" else plan(now)
    with pytest.raises(RuleViolated) as refused:
        ordered(owner, line, wish, on=on)
    assert (refused.value.code, refused.value.detail["order"]) == (code, later.number)
    assert Order.objects.count() == 1


def test_what_waits_is_in_the_way_once_its_day_has_come(owner: AccountContext, line: int) -> None:
    later, _ = ordered(owner, line, plan("grand-large-300", when=When.CYCLE_END))
    with pytest.raises(RuleViolated) as refused:
        ordered(owner, line, added("escale-monde"), on=BILL)
    assert (refused.value.code, refused.value.detail["order"]) == ("change_under_way", later.number)
