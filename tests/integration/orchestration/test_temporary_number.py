"""A line whose number comes along works at once with a number of ours, and then with its own."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils.translation import override

from catalogue.models import Number, NumberState
from catalogue.selectors import current_snapshot, forget_snapshots
from commerce.accounts.identity import AccountContext
from commerce.accounts.models import User
from commerce.kernel.clock import business_time_fixed
from commerce.kernel.errors import RuleViolated
from commerce.kernel.money import Money
from commerce.notifications.models import Message
from commerce.ordering.domain.changes import ChangeReason, ChangeRequest
from commerce.ordering.domain.numbering import lends_number
from commerce.ordering.domain.states import ItemState
from commerce.ordering.models import Order, OrderItem
from commerce.ordering.selectors import cart_view, order_view
from commerce.ordering.services import carts
from commerce.ordering.services.changes import place_change, quote_change
from commerce.ordering.services.numbering import former_numbers
from commerce.ordering.services.place import Checkout, place_order
from commerce.ordering.services.withdrawing import withdrawable
from commerce.ordering.subscribers import on_subscription_activated
from frontend.shop.contract import number_text
from frontend.shop.forms import NumberForm
from frontend.shop.number_choice import days_to_choose, keep_number, slots_to_choose
from frontend.shop.porting import headline, porting_values
from orchestration import actions
from orchestration.adapters.local_billing import LocalBilling
from orchestration.domain.porting import PortState
from orchestration.domain.states import PlanState, TaskState
from orchestration.models import Effect, Plan, Porting, ProviderCallback, Task
from orchestration.porting import calls, changing, selectors
from orchestration.porting.leaving import on_contract_changed
from orchestration.porting.rio import on_subscription_activated as tell_of_activated
from orchestration.porting.rio import rio_of_subscription
from orchestration.ports import Answer, Found, Standing
from orchestration.selectors import tracking
from orchestration.services import fallout
from orchestration.services.advance import advance
from orchestration.services.cancel import cancel_under_way, quote_cancellation
from orchestration.services.making_way import end_with_contract
from orchestration.services.plans import create_plans
from orchestration.subscribers import on_plan_completed
from subscriptions.domain.states import ChangeKind
from subscriptions.models import Subscription
from tests.integration.orchestration.test_porting import AT, NUMBER
from tests.integration.ordering.conftest import open_shop
from tests.integration.ordering.people import ALSO_KEPT, KEPT, bundle_cart, checkout_for, customer
from tests.integration.ordering.test_carts import handset

TOLD = {
    "download_order": {"iccid": "8933010000000000002"},
    "confirm_order": {"lpa": "LPA:1$smdp.example.test$A1"},
    "port_in": {"porting_id": "por_000001"},
    "activate": {"line_id": "lin_000001"},
}


class Outside:
    """Every provider but our own billing: takes everything, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Any]] = []

    def find(self, key: str) -> Found:
        return Found(Standing.NEVER_ARRIVED, {})

    def __getattr__(self, action: str) -> Callable[..., Answer]:
        def answer(request: Any, *, key: str) -> Answer:
            self.asked.append((action, request))
            return Answer(TOLD.get(action, {}))

        return answer

    def numbers(self, action: str) -> list[str]:
        return [request.msisdn for name, request in self.asked if name == action]


class Case:
    """Camille's order: her number comes along, and she is to be reachable at once."""

    def __init__(self, outside: Outside) -> None:
        self.outside, self.at = outside, AT
        self.who = customer()
        code = bundle_cart(self.who, handset=handset())
        lines = cart_view(self.who, code=code).quote.lines
        self.line = next(line.id for line in lines if line.role == "plan")
        choice = replace(KEPT, temporary=True)
        carts.choose_number(self.who, code=code, line_id=self.line, choice=choice)
        self.number = place_order(self.who, code=code, checkout=checkout_for(self.who, code)).number
        Order.objects.update(state="accepted", accepted_at=AT)
        create_plans(order_number=self.number)
        self.plan = Plan.objects.get()

    def go_on(self) -> None:
        with business_time_fixed(self.at):
            advance(plan_id=self.plan.pk)
        self.plan.refresh_from_db()

    def hear(self, action: str, kind: str, **data: Any) -> None:
        self.at += timedelta(minutes=1)
        ProviderCallback.objects.create(
            callback_id=kind,
            provider=action.partition(".")[0],
            request_key=Effect.objects.get(task__action=action).key,
            type=kind,
            occurred_at=self.at,
            data=data,
            received_at=self.at,
        )
        self.go_on()

    def activated(self) -> str:
        """The line works; with this number."""
        self.go_on()
        self.hear("network.activate", "line.activated", line_id="lin_000001")
        return str(self.item.facts["temporary"])

    def settle(self) -> None:
        """The clearing house is asked what was stored for it, and the plan goes on."""
        asked = Porting.objects.get().calls.get().pk
        with business_time_fixed(self.at):
            calls.carry_out({"call": asked})
        self.go_on()

    def ship(self) -> None:
        """What is in the parcel has nothing to do with the line."""
        parcel = Task.objects.filter(plan=self.plan, key__contains=":")
        parcel.update(state=TaskState.DONE)

    @property
    def item(self) -> OrderItem:
        return OrderItem.objects.get(line_id=self.line)

    @property
    def shown(self) -> str:
        order = order_view(self.who, number=self.number)
        return next(item.temporary for item in order.items if item.line_id == self.line)


@pytest.fixture
def case(db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Case]:
    outside, billing = Outside(), LocalBilling()
    monkeypatch.setattr(actions, "provider", lambda p: billing if p == "billing" else outside)
    monkeypatch.setattr(calls, "provider", lambda port: outside)
    with business_time_fixed(AT):
        forget_snapshots()
        open_shop()
        yield Case(outside)
        forget_snapshots()


def state(msisdn: str) -> tuple[str, str]:
    found = Number.objects.get(msisdn=msisdn)
    return found.state, found.key


def told_rio(contract: Subscription) -> None:
    """As when the contract begins."""
    begun = {"order_number": contract.order_number, "group": contract.group}
    tell_of_activated({**begun, "subscription_id": contract.pk})


def test_the_line_works_at_once_and_gets_its_number_at_the_cut_over(case: Case) -> None:
    lent = case.activated()
    assert lent != NUMBER
    assert case.outside.numbers("activate") == [lent]
    assert state(lent) == ("assigned", f"{case.number}/{case.line}/temporary")
    contract = Subscription.objects.get()
    assert (contract.msisdn, case.item.state, case.shown) == (lent, ItemState.ACTIVE, lent)
    told = {"order_number": case.number, "group": case.item.group}
    on_subscription_activated(told | {"party_id": contract.party_id})
    assert state(NUMBER) == (NumberState.PORTING, f"{case.number}/{case.line}")
    with business_time_fixed(case.at):
        assert list(withdrawable(case.who, number=case.number)) == [case.item.group]
    order = order_view(case.who, number=case.number)
    (coming,) = selectors.port_ins_of(case.number)
    with override("en"):
        told = headline(coming, order=order)
    assert told["text"].endswith(f"reachable at {told['temporary']}.")
    with override("en"):
        last = porting_values(coming, sim_ready=True, order=order)["port_checks"][-1]
    assert last[1].endswith("then it has your number, with the SIM that is in your phone.")
    told_rio(contract)
    assert Message.objects.filter(code="line_rio").count() == 0

    case.ship()
    case.hear("porting.port_in", "port.scheduled", date="2026-11-30", slot="08:00-12:00")
    assert case.outside.numbers("renumber") == []
    planned = Message.objects.get(code="porting_scheduled").text.replace("\xa0", " ")
    assert ("06 39 98 12 34" in planned, lent in planned) == (True, False)
    case.hear("porting.port_in", "port.completed", msisdn=NUMBER)
    assert case.outside.numbers("renumber") == [NUMBER]
    billed = Effect.objects.get(task__action="billing.number")
    assert (billed.port, billed.request["msisdn"], billed.state) == ("billing", NUMBER, "accepted")
    contract.refresh_from_db()
    assert (contract.msisdn, case.item.facts["msisdn"], case.shown) == (NUMBER, NUMBER, "")
    assert state(lent) == ("quarantine", "")
    assert state(NUMBER) == (NumberState.PORTED_IN, f"{case.number}/{case.line}")
    assert case.plan.state == PlanState.COMPLETED
    (rio,) = Message.objects.filter(code="line_rio")
    assert "06 39 98 12 34" in rio.text.replace("\xa0", " ")
    active = Message.objects.get(code="line_active").text
    assert (lent in active, "provisoire" in active) == (True, True)
    ways = {step.code: step.state for step in tracking(case.number)}
    assert (ways["number_lent"], ways["number_ported"]) == ("done", "done")


def test_who_is_refused_his_number_keeps_the_temporary_one(case: Case) -> None:
    lent = case.activated()
    case.ship()
    case.hear("porting.port_in", "port.refused", motive="OPD_DATA", sub_motive="RIO_UNKNOWN")
    assert Task.objects.get(action="porting.port_in").state == TaskState.FALLOUT
    assert (case.shown, case.plan.state) == (lent, PlanState.RUNNING)

    changing.cancel(case.who, number=case.number, line_id=case.line)
    case.go_on()
    assert Porting.objects.get().state == PortState.CANCELLED
    assert (case.item.config["number_choice"], case.item.config["msisdn"]) == ("new", lent)
    assert state(lent) == ("assigned", f"{case.number}/{case.line}")
    contract = Subscription.objects.get()
    assert contract.msisdn == lent
    assert case.outside.numbers("renumber") == []
    assert (case.plan.state, case.shown) == (PlanState.COMPLETED, "")
    told_rio(contract)
    (rio,) = Message.objects.filter(code="line_rio")
    assert rio_of_subscription(contract.pk) in rio.text
    assert not Number.objects.filter(msisdn=NUMBER).exists()


def test_who_keeps_the_temporary_number_is_not_told_that_it_is_temporary(case: Case) -> None:
    case.go_on()
    case.hear("porting.port_in", "port.refused", motive="OPD_INACTIVE")
    changing.cancel(case.who, number=case.number, line_id=case.line)
    lent = case.activated()
    active = Message.objects.get(code="line_active").text
    assert (lent in active, "provisoire" in active) == (True, False)


def test_whose_number_an_operator_gives_up_keeps_the_temporary_one(
    case: Case, operator: AccountContext
) -> None:
    lent = case.activated()
    case.ship()
    case.hear("porting.port_in", "port.refused", motive="OPD_INACTIVE")
    task = Task.objects.get(action="porting.port_in")
    fallout.skip(operator, task_id=task.pk, note="He will not have it.")
    case.go_on()
    on_plan_completed({"order_number": case.number, "group": case.item.group})
    assert (case.shown, case.item.config["msisdn"]) == ("", lent)
    assert state(lent) == ("assigned", f"{case.number}/{case.line}")
    assert not Number.objects.filter(msisdn=NUMBER).exists()


def test_a_number_that_an_operator_brought_over_by_hand_takes_its_place(
    case: Case, operator: AccountContext
) -> None:
    lent = case.activated()
    case.ship()
    case.hear("porting.port_in", "port.refused", motive="OPD_INACTIVE")
    task = Task.objects.get(action="porting.port_in")
    fallout.complete_by_hand(operator, task_id=task.pk, note="Settled by telephone.")
    case.go_on()
    on_plan_completed({"order_number": case.number, "group": case.item.group})
    assert (case.outside.numbers("renumber"), Subscription.objects.get().msisdn) == (
        *([NUMBER], NUMBER),
    )
    assert state(NUMBER) == (NumberState.PORTED_IN, f"{case.number}/{case.line}")
    assert (state(lent), Porting.objects.get().state) == (("quarantine", ""), PortState.PORTED)


def test_a_temporary_number_is_not_exchanged_for_a_third_one(case: Case) -> None:
    case.activated()
    contract = Subscription.objects.get()
    wish = ChangeRequest(ChangeKind.NUMBER, reason=ChangeReason.WISH)
    with pytest.raises(RuleViolated) as refused, business_time_fixed(case.at):
        quote_change(case.who, subscription_id=contract.pk, request=wish)
    assert refused.value.code == "number_comes_along"

    case.hear("porting.port_in", "port.completed", msisdn=NUMBER)
    with business_time_fixed(case.at):
        assert quote_change(case.who, subscription_id=contract.pk, request=wish).number == NUMBER


def test_an_end_that_was_ordered_before_names_the_number_that_came_since(case: Case) -> None:
    lent = case.activated()
    contract = Subscription.objects.get()
    wish, nothing = ChangeRequest(ChangeKind.TERMINATE), Checkout(expected_total=Money.zero())
    with business_time_fixed(case.at):
        end = place_change(case.who, subscription_id=contract.pk, request=wish, checkout=nothing)
    case.hear("porting.port_in", "port.completed", msisdn=NUMBER)
    with business_time_fixed(case.at):
        create_plans(order_number=end.number)
        advance(plan_id=Plan.objects.get(order_number=end.number).pk)
    told = Message.objects.get(code="termination_confirmed").text
    assert (NUMBER in told, lent in told) == (True, False)


def test_a_corrected_request_still_takes_the_place_of_the_temporary_number(case: Case) -> None:
    case.activated()
    case.hear("porting.port_in", "port.refused", motive="OPD_INACTIVE")
    rio = Porting.objects.get().rio
    changing.correct(case.who, number=case.number, line_id=case.line, msisdn=NUMBER, rio=rio)
    assert case.item.config["temporary"] == "yes"
    case.go_on()
    assert case.outside.numbers("port_in") == [NUMBER, NUMBER]


def test_who_gives_his_number_up_before_the_line_works_gets_a_new_one_only(case: Case) -> None:
    changing.cancel(case.who, number=case.number, line_id=case.line)
    new = case.item.facts["msisdn"]
    case.go_on()
    assert case.outside.numbers("activate") == [new]
    assert list(Number.objects.filter(state="assigned").values_list("msisdn", flat=True)) == [new]


def test_a_bundle_that_is_taken_back_gives_the_temporary_number_back(case: Case) -> None:
    case.go_on()
    lent = case.item.facts["temporary"]
    with business_time_fixed(case.at):
        token = quote_cancellation(case.who, number=case.number).token
        cancel_under_way(case.who, number=case.number, token=token)
    case.go_on()
    assert {"cancel", "end"} <= {name for name, _ in case.outside.asked}
    assert state(lent) == ("quarantine", "")  # it was reachable


def test_a_number_does_not_come_to_a_contract_that_has_ended(case: Case) -> None:
    lent = case.activated()
    case.ship()
    contract = Subscription.objects.get()
    Subscription.objects.update(status="ended", ended_on=AT.date())
    with business_time_fixed(case.at):
        end_with_contract(
            subscription_id=contract.pk,
            party_id=contract.party_id,
            kind=ChangeKind.TERMINATE,
        )
    case.settle()
    assert Porting.objects.get().state == PortState.CANCELLED
    assert (case.outside.numbers("renumber"), case.item.config["msisdn"]) == ([], lent)
    assert case.plan.state == PlanState.COMPLETED
    told = Message.objects.get(code="porting_cancelled").text
    assert told.endswith("il reste chez votre ancien opérateur.")


def test_a_number_that_comes_after_the_end_of_its_contract_rests_and_can_leave_again(
    case: Case,
) -> None:
    lent = case.activated()
    case.ship()
    contract = Subscription.objects.get()
    Subscription.objects.update(status="ended", ended_on=AT.date())
    with business_time_fixed(case.at):
        on_contract_changed({"kind": "withdraw", "subscription_id": contract.pk})
    case.hear("porting.port_in", "port.completed", msisdn=NUMBER)
    contract.refresh_from_db()
    assert (case.outside.numbers("renumber"), contract.msisdn) == ([], NUMBER)
    assert (state(lent), state(NUMBER)) == (("quarantine", ""), ("quarantine", ""))
    with business_time_fixed(case.at):
        assert former_numbers(case.who.party_id) == (NUMBER,)
        rio = rio_of_subscription(contract.pk)
    told = Message.objects.filter(code="line_rio").order_by("id").last()
    assert told is not None
    assert rio in told.text


def test_where_no_task_of_a_release_lends_a_number_none_is_offered(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalogue = current_snapshot(AT)
    plan = catalogue.offering("horizon-130")
    assert lends_number(plan, catalogue=catalogue)
    before = {"mobile-line": {"tasks": [{"key": "activate", "action": "network.activate"}]}}
    assert not lends_number(plan, catalogue=replace(catalogue, recipes=before))

    code = bundle_cart(case.who, handset=handset())
    line = next(x.id for x in cart_view(case.who, code=code).quote.lines if x.role == "plan")
    monkeypatch.setattr(carts, "lends_number", lambda plan, catalogue: False)
    choice = replace(ALSO_KEPT, temporary=True)
    with pytest.raises(RuleViolated) as refused:
        carts.choose_number(case.who, code=code, line_id=line, choice=choice)
    assert refused.value.code == "no_temporary_number"
    carts.choose_number(case.who, code=code, line_id=line, choice=replace(choice, temporary=False))


def test_it_is_asked_for_on_the_page_and_in_the_api_and_off_by_default(db: None) -> None:
    with business_time_fixed(AT):
        forget_snapshots()
        open_shop()
        who = customer()
        code = bundle_cart(who, handset=handset())
        line = next(x.id for x in cart_view(who, code=code).quote.lines if x.role == "plan")
        rio = KEPT.rio.replace(" ", "")
        sent = {"keep": "port", "msisdn": KEPT.msisdn, "rio": rio, "port_on": "", "slot": ""}
        for ticked in ({}, {"temporary": "on"}):
            form = NumberForm(sent | ticked, days=days_to_choose(), slots=slots_to_choose())
            assert form.is_valid()
            assert keep_number(who, form, code=code, line_id=line)
            config = cart_view(who, code=code).configs[line]
            assert config.get("temporary") == ("yes" if ticked else None)
            with override("en"):
                assert number_text(config).endswith("until then") is bool(ticked)
        browser = Client()
        user = User.objects.get(pk=str(who.actor.id))
        browser.force_login(user, "django.contrib.auth.backends.ModelBackend")
        asked = {"choice": "port", "msisdn": KEPT.msisdn, "rio": rio}
        for body, expected in ((asked, False), (asked | {"temporary": True}, True)):
            answer = browser.put(
                f"/api/v1/carts/{code}/items/{line}/number", body, content_type="application/json"
            )
            (number,) = answer.json()["numbers"]
            assert number["temporary"] is expected
        forget_snapshots()
