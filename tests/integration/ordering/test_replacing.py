"""Another SIM or number on a running line: its fee, what is held, told and kept in the contract."""

from datetime import date
from typing import Any

import pytest

from catalogue.models import Number
from commerce.accounts.identity import AccountContext
from commerce.kernel.clock import business_time_fixed
from commerce.kernel.errors import FaisceauError, RuleViolated
from commerce.ordering.domain.changes import ChangeReason, ChangeRequest, When
from commerce.ordering.domain.states import OrderState
from commerce.ordering.models import Order, OrderItem
from commerce.ordering.services.changes import quote_change
from commerce.ordering.services.fulfilment import record_item_facts
from commerce.ordering.services.open_changes import open_apart
from orchestration.actions import action
from orchestration.domain.requests import TaskContext
from orchestration.domain.states import PlanState
from orchestration.models import Effect, Plan, Task
from orchestration.services.decide import decide
from orchestration.services.desk import Desk
from orchestration.services.plans import create_plans
from orchestration.subscribers import on_contract_changed
from subscriptions.contracts.selectors import subscription_view
from subscriptions.domain.states import BlockKind, ChangeKind
from subscriptions.models import Parking, Subscription, SubscriptionItem
from subscriptions.reconciling.audit import bills_against_promises
from tests.integration.ordering.people import HOME
from tests.integration.ordering.test_changes import BILL, LATE, added, carried_out, ordered
from tests.integration.ordering.test_next_offers import START
from tests.integration.subscriptions.contracts import at, run

AT = at(START)
OLD, NEW = "8933158000000000014", "8933158000000000022"
FORMER = "0639980059"
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("demo_catalogue")]


def sim(
    reason: ChangeReason | None = ChangeReason.DAMAGED, *, code: str = "carte-sim"
) -> ChangeRequest:
    return ChangeRequest(ChangeKind.SIM, choices={"sim": (code,)}, reason=reason)


def number(msisdn: str = "", *, reason: ChangeReason | None = ChangeReason.WISH) -> ChangeRequest:
    return ChangeRequest(ChangeKind.NUMBER, msisdn=msisdn, reason=reason)


@pytest.fixture
def with_sim(line: int) -> int:
    Subscription.objects.update(iccid=OLD, lpa="LPA:1$old$code", eid="8904" * 8)
    # What the order of another plan knew of the line, which has changed its number since.
    known = {"line_id": "lin_1", "iccid": OLD, "msisdn": FORMER}
    SubscriptionItem.objects.filter(offering="horizon-130").update(facts=known)
    return line


def accepted(order: str) -> dict[str, Task]:
    """The order as it is once it is paid, with its plan."""
    Order.objects.filter(number=order).update(state=OrderState.ACCEPTED)
    with business_time_fixed(at(LATE)):
        create_plans(order_number=order)
    tasks = Task.objects.filter(plan__order_number=order).exclude(key="order_bill")
    return {task.key.rpartition(".")[2].partition(":")[0]: task for task in tasks}


def context_of(task: Task) -> TaskContext:
    desk = Desk.of(Plan.objects.get(pk=task.plan_id).pk)
    assert desk is not None
    return desk.context(desk.task(task.pk))


def asked(task: Task) -> dict[str, Any]:
    """What a provider would be asked by the task now."""
    return dict(action(task.action).ask(context_of(task)))


def test_a_damaged_card_is_replaced_for_the_fee_and_the_old_one_ends_after_it(
    owner: AccountContext, with_sim: int
) -> None:
    placed, shown = ordered(owner, with_sim, sim(), deliver_to=HOME)
    assert (placed.state, str(placed.gross)) == (OrderState.AWAITING_PAYMENT, "10.00 EUR")
    assert [line.offering for line in shown.quote.lines if line.charges] == [
        "frais-remplacement-sim"
    ]
    assert all(bill.before == bill.after for bill in shown.bills)
    items = Order.objects.get(number=placed.number).items.order_by("position")
    assert list(items.values_list("role", "action", "recipe")) == [
        ("sim", "modify", "physical-sim"),
        ("fee", "add", ""),
        ("plan", "modify", "mobile-line.sim"),
    ]
    tasks = accepted(placed.number)
    assert {key: task.action for key, task in tasks.items()} == {
        "ship": "logistics.ship",
        "shipped": "",
        "parcel_notice": "message.order_shipped",
        "delivered": "",
        "swap": "network.swap_sim",
        "old_sim": "network.end_sim",
        "change": "billing.change",
        "changed_notice": "message.sim_swapped",
    }
    assert tasks["swap"].needs == [tasks["delivered"].key]
    assert tasks["old_sim"].needs == [tasks["swap"].key]
    assert set(tasks["change"].needs) == {tasks["swap"].key, tasks["old_sim"].key}
    with pytest.raises(RuleViolated):
        asked(tasks["swap"])  # no card was read yet, and the old one is not taken for it
    record_item_facts(order_number=placed.number, facts={"sim": {"iccid": NEW}})
    assert asked(tasks["swap"])["iccid"] == NEW
    assert asked(tasks["old_sim"])["iccid"] == OLD
    carried_out(placed.number)
    contract = subscription_view(owner.party_id or 0, with_sim)
    assert (contract.iccid, contract.lpa, contract.eid) == (NEW, "", "")
    assert contract.status == "active"
    held = [item.offering for item in contract.items_on(LATE)]
    assert sorted(held) == ["ardoval-x2-128-nuit", "carte-sim", "horizon-130"]
    with business_time_fixed(at(BILL, 4)):
        run(BILL)
    assert Parking.objects.count() == 0
    assert all(check.equal for check in bills_against_promises())


def test_a_lost_sim_stops_the_line_at_once_and_the_new_one_lets_it_go_on(
    owner: AccountContext, with_sim: int
) -> None:
    placed, _ = ordered(owner, with_sim, sim(ChangeReason.STOLEN), deliver_to=HOME)
    changes = list(Order.objects.order_by("pk").values_list("change", "state"))
    assert changes == [("sim", "awaiting_payment"), ("suspend", "accepted")]
    stopping = Order.objects.get(change="suspend")
    assert stopping.items.get().config["block"] == "lost_sim"
    # The message names the number that the line has.
    assert stopping.items.get().facts["msisdn"] == Subscription.objects.get().msisdn != FORMER
    carried_out(stopping.number)
    assert Subscription.objects.get().status == "suspended"
    tasks = accepted(placed.number)
    assert tasks["resume"].action == "network.resume"
    assert set(tasks["change"].needs) >= {tasks["old_sim"].key, tasks["swap"].key}
    assert tasks["resume"].needs == [tasks["change"].key]
    record_item_facts(order_number=placed.number, facts={"sim": {"iccid": NEW}})
    carried_out(placed.number)
    contract = subscription_view(owner.party_id or 0, with_sim)
    assert (contract.status, contract.blocks, contract.iccid) == ("active", (), NEW)


def test_a_line_that_stands_still_for_more_than_its_sim_is_not_let_go_on(
    owner: AccountContext, with_sim: int
) -> None:
    for block in (BlockKind.WISH, BlockKind.LOST_SIM):
        stopped, _ = ordered(owner, with_sim, ChangeRequest(ChangeKind.SUSPEND, block=block))
        carried_out(stopped.number)
    placed, shown = ordered(owner, with_sim, sim(ChangeReason.LOST), deliver_to=HOME)
    assert shown.still_blocked
    resume = accepted(placed.number)["resume"]
    assert action(resume.action).needless(context_of(resume))
    # Once he lets it go on as far as he is concerned, the new SIM is all that it waits for.
    Subscription.objects.get().blocks.filter(kind="wish").update(lifted_at=at(LATE))
    assert not action(resume.action).needless(context_of(resume))
    Subscription.objects.get().blocks.filter(kind="wish").update(lifted_at=None)
    record_item_facts(order_number=placed.number, facts={"sim": {"iccid": NEW}})
    carried_out(placed.number)
    contract = subscription_view(owner.party_id or 0, with_sim)
    assert (contract.status, contract.blocks) == ("suspended", ("wish",))


def test_an_esim_is_issued_anew_free_of_charge_and_switched_once_it_is_installed(
    owner: AccountContext, with_sim: int
) -> None:
    placed, shown = ordered(owner, with_sim, sim(ChangeReason.REISSUE, code="esim"))
    assert (placed.state, shown.delivers) == (OrderState.ACCEPTED, False)
    assert str(placed.gross) == "0.00 EUR"
    tasks = accepted(placed.number)
    assert tasks["installed"].ponr
    assert tasks["installed"].until == "profile.installed"
    assert tasks["swap"].needs == [tasks["installed"].key]
    assert (tasks["download"].undo, tasks["profile"].undo) == ("esim.cancel", "")
    record_item_facts(
        order_number=placed.number, facts={"sim": {"iccid": NEW, "lpa": "LPA:1$new$code"}}
    )
    carried_out(placed.number)
    contract = subscription_view(owner.party_id or 0, with_sim)
    assert (contract.iccid, contract.lpa) == (NEW, "LPA:1$new$code")


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        (sim(None), "reason_missing"),
        (sim(ChangeReason.WISH), "reason_missing"),
        (sim(code="horizon-130"), "nothing_chosen"),
        (sim(ChangeReason.REISSUE), "esim_only"),
        (ChangeRequest(ChangeKind.SIM, reason=ChangeReason.LOST), "nothing_chosen"),
        (number(reason=ChangeReason.LOST), "reason_missing"),
        (number("0612345678"), "number_taken"),
        (
            ChangeRequest(ChangeKind.NUMBER, reason=ChangeReason.WISH, when=When.CYCLE_END),
            "when",
        ),
    ],
)
def test_what_can_t_be_replaced_so_orders_nothing(
    owner: AccountContext, with_sim: int, wanted: ChangeRequest, code: str
) -> None:
    with pytest.raises(FaisceauError) as refused:
        ordered(owner, with_sim, wanted, deliver_to=HOME)
    assert refused.value.code == code
    assert Order.objects.count() == 0


def test_a_number_is_held_paid_and_told_and_the_old_one_rests(
    owner: AccountContext, with_sim: int
) -> None:
    free = (
        Number.objects.filter(state="free", klass="standard").exclude(msisdn="0639980001").first()
    )
    assert free is not None
    Number.objects.filter(msisdn="0639980001").update(state="assigned", key="F-1/plan")
    placed, shown = ordered(owner, with_sim, number(free.msisdn))
    assert str(placed.gross) == "15.00 EUR"
    free.refresh_from_db()
    item = SubscriptionItem.objects.get(offering="horizon-130")
    assert (free.state, free.key) == ("held", f"{placed.number}/modify-{item.pk}")
    assert all(bill.before == bill.after for bill in shown.bills)
    tasks = accepted(placed.number)
    assert {key: task.action for key, task in tasks.items()} == {
        "number": "numbering.assign",
        "renumber": "network.renumber",
        "change": "billing.change",
        "old_number": "numbering.retire",
        "changed_notice": "message.number_changed",
    }
    assert tasks["number"].undo == "numbering.release"
    record_item_facts(
        order_number=placed.number, facts={f"modify-{item.pk}": {"msisdn": free.msisdn}}
    )
    assert asked(tasks["renumber"])["msisdn"] == free.msisdn
    carried_out(placed.number)
    contract = subscription_view(owner.party_id or 0, with_sim)
    assert (contract.msisdn, contract.iccid) == (free.msisdn, OLD)
    with business_time_fixed(at(BILL, 4)):
        run(BILL)
    assert all(check.equal for check in bills_against_promises())


def test_after_malicious_calls_another_number_is_free_of_charge(
    owner: AccountContext, with_sim: int
) -> None:
    placed, _ = ordered(owner, with_sim, number(reason=ChangeReason.NUISANCE))
    assert (placed.state, str(placed.gross)) == (OrderState.ACCEPTED, "0.00 EUR")
    item = Order.objects.get().items.get()
    assert (item.role, item.config["number_choice"]) == ("plan", "new")
    assert Number.objects.get(key__startswith=placed.number).state == "held"


def test_a_sim_and_a_number_are_in_the_way_of_their_own_kind_alone(
    owner: AccountContext, with_sim: int
) -> None:
    plan = ChangeRequest(
        ChangeKind.PLAN, choices={"plan": ("grand-large-300",)}, when=When.CYCLE_END
    )
    ordered(owner, with_sim, plan)
    first, _ = ordered(owner, with_sim, sim(), deliver_to=HOME)
    ordered(owner, with_sim, number())
    with pytest.raises(RuleViolated) as refused:
        ordered(owner, with_sim, sim(), deliver_to=HOME)
    assert (refused.value.code, refused.value.detail["order"]) == (
        "change_under_way", first.number,
    )  # fmt: skip
    ordered(owner, with_sim, added("vigie-securite"))
    with pytest.raises(RuleViolated):
        ordered(owner, with_sim, added("escale-monde"))
    assert Order.objects.count() == 4


def test_what_is_on_its_way_to_a_contract_that_has_ended_is_taken_back(
    owner: AccountContext, with_sim: int
) -> None:
    esim, _ = ordered(owner, with_sim, sim(ChangeReason.REISSUE, code="esim"))
    accepted(esim.number)
    other, _ = ordered(owner, with_sim, number())
    ended = {"subscription_id": with_sim, "party_id": owner.party_id, "kind": "terminate"}
    with business_time_fixed(at(LATE)):
        on_contract_changed({**ended, "kind": "plan"})
        assert open_apart(with_sim) == (esim.number, other.number)
        for _ in range(2):
            on_contract_changed(ended)
    assert Order.objects.get(number=other.number).state == OrderState.CANCELLED
    assert not Number.objects.filter(key__startswith=other.number).exists()
    assert Plan.objects.get(order_number=esim.number).state == PlanState.CANCELLING


def test_a_phone_without_an_esim_gets_none_unless_it_is_another_phone(
    owner: AccountContext, with_sim: int
) -> None:
    SubscriptionItem.objects.filter(offering="ardoval-x2-128-nuit").update(
        offering="ardoval-a5-128-nuit"
    )
    with business_time_fixed(at(date(2028, 9, 1))):
        with pytest.raises(RuleViolated) as refused:
            quote_change(owner, subscription_id=with_sim, request=sim(code="esim"))
        assert refused.value.code == "esim-supported"
        other = sim(ChangeReason.NEW_PHONE, code="esim")
        assert quote_change(owner, subscription_id=with_sim, request=other).quote.lines


def test_a_service_whose_partner_was_silent_is_not_stopped_on_a_line_that_goes_on_again(
    owner: AccountContext, line: int
) -> None:
    opened, _ = ordered(
        owner, line, ChangeRequest(ChangeKind.ADD, choices={"content": ("ondine-musique",)})
    )
    OrderItem.objects.filter(order__number=opened.number).update(facts={"entitlement_id": "ent_7"})
    carried_out(opened.number)
    stopped, _ = ordered(owner, line, ChangeRequest(ChangeKind.SUSPEND, block=BlockKind.LOST_SIM))
    carried_out(stopped.number)
    tasks = Task.objects.filter(plan__order_number=stopped.number)
    tasks.exclude(action="content.suspend").update(state="done")
    stop = tasks.get(action="content.suspend")
    assert not action(stop.action).needless(context_of(stop))
    Subscription.objects.get().blocks.update(lifted_at=at(LATE))
    with business_time_fixed(at(LATE)):
        assert decide(plan_id=stop.plan_id) == []
    stop.refresh_from_db()
    assert (stop.state, Effect.objects.count()) == ("done", 0)
