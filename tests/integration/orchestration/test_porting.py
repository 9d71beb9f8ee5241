"""A number that comes: refused, corrected, moved, given up, late; on the order's own plan."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.utils.translation import override

from catalogue.models import Number, NumberState
from catalogue.selectors import forget_snapshots
from commerce.accounts.identity import AccountContext, Actor
from commerce.accounts.kinds import ActorKind, Channel, Role
from commerce.events import timers
from commerce.events.models import OutboxEvent
from commerce.events.work import Postponed
from commerce.kernel.clock import business_time_fixed, machine_now
from commerce.kernel.errors import Conflict, Forbidden, InvalidInput, NotFound, Refused, Unknown
from commerce.markets.fr.rio import key_of
from commerce.notifications.models import Message
from commerce.ordering.models import Order, OrderItem
from commerce.ordering.selectors import cart_view
from commerce.ordering.services import carts
from commerce.ordering.services.place import place_order
from commerce.ordering.services.unwinding import bundle_unwound
from frontend.shop.porting import porting_values
from orchestration import actions
from orchestration.domain.porting import PortState
from orchestration.domain.states import TaskState
from orchestration.models import Effect, Plan, PortHealth, Porting, ProviderCallback, Task
from orchestration.porting import calls, changing, clocks, selectors, settling
from orchestration.porting.opening import close_port_ins
from orchestration.ports import Answer, Found, Standing
from orchestration.services import health
from orchestration.services.advance import advance
from orchestration.services.cancel import quote_cancellation
from orchestration.services.guarding import Guarded
from orchestration.services.health import MOST_SILENCES
from orchestration.services.plans import create_plans
from subscriptions.models import Compensation
from tests.integration.ordering.conftest import open_shop
from tests.integration.ordering.people import KEPT, agent, bundle_cart, checkout_for, customer
from tests.integration.ordering.test_carts import handset
from tests.integration.subscriptions.contracts import begun, person, plan, press

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
NUMBER = "0639981234"
GOOD = f"02P7Z8Y9X{key_of(operator='02', quality='P', reference='7Z8Y9X', number=NUMBER)}"


class House:
    """The clearing house: takes everything, or says `no`; remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Any, str]] = []
        self.no: Exception | None = None

    def find(self, key: str) -> Found:
        return Found(Standing.NEVER_ARRIVED, {})

    def __getattr__(self, action: str) -> Callable[..., Answer]:
        def answer(request: Any, *, key: str) -> Answer:
            self.asked.append((action, request, key))
            if self.no is not None:
                raise self.no
            return Answer({"porting_id": "por_000001"})

        return answer

    @property
    def names(self) -> list[str]:
        return [action for action, _, _ in self.asked]


class Case:
    """Camille's order for a line that keeps her number; all but the porting is done."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.who = customer()
        code = bundle_cart(self.who, handset=handset())
        view = cart_view(self.who, code=code)
        self.line = next(line.id for line in view.quote.lines if line.role == "plan")
        carts.choose_number(self.who, code=code, line_id=self.line, choice=KEPT)
        self.number = place_order(self.who, code=code, checkout=checkout_for(self.who, code)).number
        Order.objects.filter(number=self.number).update(state="accepted", accepted_at=AT)
        create_plans(order_number=self.number)
        self.plan = Plan.objects.get(order_number=self.number)
        self.task = Task.objects.get(plan=self.plan, action="porting.port_in")
        Task.objects.filter(plan=self.plan, key__in=self.task.needs).update(state=TaskState.DONE)
        others = Task.objects.filter(plan=self.plan).exclude(key__contains=".port")
        others.exclude(key__in=self.task.needs).update(state=TaskState.DONE)
        self.at = AT

    def go_on(self) -> Porting:
        with business_time_fixed(self.at):
            advance(plan_id=self.plan.pk)
        self.task.refresh_from_db()
        return Porting.objects.get()

    def hear(self, kind: str, **data: Any) -> Porting:
        key = Effect.objects.get(task=self.task, generation=self.task.generation).key
        ProviderCallback.objects.create(
            callback_id=f"{kind}:{self.task.generation}:{data.get('date', '')}",
            provider="porting",
            request_key=key,
            type=kind,
            occurred_at=self.at,
            data=data,
            received_at=self.at,
        )
        self.at += timedelta(minutes=1)
        return self.go_on()

    def call(self) -> None:
        """The clearing house is asked what was stored for it."""
        stored = Porting.objects.get().calls.order_by("id").last()
        assert stored is not None
        with business_time_fixed(self.at):
            calls.carry_out({"call": stored.pk})

    @property
    def states(self) -> list[str]:
        return [
            entry.name
            for entry in Porting.objects.get().entries.filter(kind="state").order_by("id")
        ]

    @property
    def messages(self) -> list[str]:
        return list(Message.objects.order_by("id").values_list("code", flat=True))


@pytest.fixture
def case(db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Case]:
    house = House()
    monkeypatch.setattr(actions, "provider", lambda port: house)
    monkeypatch.setattr(calls, "provider", lambda port: house)
    with business_time_fixed(AT):
        forget_snapshots()
        open_shop()
        yield Case(house)
        forget_snapshots()


def test_a_line_that_is_cut_before_its_day_is_refused_as_late_as_then(case: Case) -> None:
    assert case.go_on().state == PortState.SENT
    case.hear("port.scheduled", date="2026-11-30", slot="08:00-12:00")
    refused = case.hear("port.refused", motive="OPD_INACTIVE")
    assert (refused.state, case.task.state) == (PortState.INELIGIBLE, TaskState.FALLOUT)
    assert selectors.port_in_of(case.number, case.line).can_correct


def test_what_was_refused_is_corrected_by_the_customer_and_arrives(case: Case) -> None:
    case.go_on()
    refused = case.hear("port.refused", motive="OPD_DATA", sub_motive="RIO_UNKNOWN")
    assert (refused.state, refused.motive, case.task.state) == (
        *(PortState.INELIGIBLE, "OPD_DATA", TaskState.FALLOUT),
    )
    view = selectors.port_in_of(case.number, case.line)
    assert view.motive is not None
    assert "3179" in view.motive.next_step["fr"]
    assert (view.can_correct, view.can_cancel, view.can_move) == (True, True, False)
    checks = porting_values(view, sim_ready=True)["port_checks"]
    assert [done for done, _ in checks] == [False, True, False, False, False, False]

    wrong: dict[str, Any] = {"number": case.number, "line_id": case.line, "msisdn": NUMBER}
    with pytest.raises(InvalidInput) as fault:
        changing.correct(case.who, rio="02P7Z8Y9XAAA", **wrong)
    assert fault.value.code == "rio_key"
    with pytest.raises(NotFound):
        changing.correct(customer("Somebody Else"), rio=GOOD, **wrong)
    with pytest.raises(Forbidden) as closed:
        changing.correct(agent(case.who.party_id, verified=False), rio=GOOD, **wrong)
    assert closed.value.code == "caller_not_verified"

    changing.correct(agent(case.who.party_id), rio=GOOD, slot="12:00-16:00", **wrong)
    again = case.go_on()
    assert (again.state, again.attempt, again.rio) == (PortState.SENT, 2, GOOD)
    keys = [key for _, _, key in case.house.asked]
    assert len(keys) == len(set(keys)) == 2
    assert case.house.asked[1][1].slot == "12:00-16:00"

    case.hear("port.completed", msisdn=NUMBER)
    assert case.states == [
        *("draft", "rio_checked", "sent", "ineligible", "rio_checked"),
        *("sent", "eligible", "scheduled", "porting", "ported"),
    ]
    told = list(OutboxEvent.objects.filter(name="PortingMoved").values_list("payload", flat=True))
    assert sorted(each["state"] for each in told) == sorted(case.states[1:])
    (no,) = (each for each in told if each["state"] == "ineligible")
    assert (no["order_number"], no["line_id"], no["party_id"], no["direction"], no["motive"]) == (
        *(case.number, case.line, case.who.party_id, "in", "OPD_DATA"),
    )
    assert case.task.state == TaskState.DONE
    assert Number.objects.get(msisdn=NUMBER).state == NumberState.PORTED_IN
    assert {"porting_refused", "porting_completed"} <= set(case.messages)
    agents = [entry.by for entry in selectors.port_in_of(case.number, case.line).log]
    assert "Nadia Benali" in agents


def test_a_wrong_number_is_exchanged_for_the_right_one(case: Case) -> None:
    case.go_on()
    case.hear("port.refused", motive="OPD_DATA", sub_motive="NUMBER_UNKNOWN")
    other = "0639985077"
    rio = f"02PA1B2C3{key_of(operator='02', quality='P', reference='A1B2C3', number=other)}"

    changing.correct(case.who, number=case.number, line_id=case.line, msisdn=other, rio=rio)

    assert list(Number.objects.filter(state=NumberState.PORTING).values_list("msisdn", "key")) == [
        (other, f"{case.number}/{case.line}")
    ]
    assert case.go_on().msisdn == other
    assert case.house.asked[-1][1].msisdn == other


def test_a_porting_that_failed_gets_a_new_date(case: Case) -> None:
    case.go_on()
    case.hear("port.scheduled", date="2026-11-30", slot="08:00-12:00")
    failed = case.hear("port.failed", reactivated_at_donor=True)
    assert (failed.state, case.task.state) == (PortState.FAILED, TaskState.FALLOUT)
    assert "porting_failed" in case.messages

    changing.correct(
        case.who,
        number=case.number,
        line_id=case.line,
        msisdn=NUMBER,
        rio=failed.rio,
        port_on=date(2026, 12, 2),
    )
    assert case.go_on().state == PortState.SENT
    assert case.house.asked[-1][1].wished_on == date(2026, 12, 2)
    moved = case.hear("port.scheduled", date="2026-12-02", slot="08:00-12:00")
    assert (moved.state, moved.day) == (PortState.SCHEDULED, date(2026, 12, 2))
    # The plan told the first date; this one is told by the porting.
    assert case.messages.count("porting_scheduled") == 2


def test_the_customer_is_told_on_the_eve_and_not_of_a_day_that_was_moved(case: Case) -> None:
    case.go_on()
    first = case.hear("port.scheduled", date="2026-11-30", slot="08:00-12:00")
    assert timers.due_at(clocks.timer_keys(first)[0]) == datetime(2026, 11, 29, 17, tzinfo=UTC)
    moved = case.hear("port.scheduled", date="2026-12-02", slot="12:00-16:00")
    assert timers.due_at(clocks.timer_keys(moved)[0]) == datetime(2026, 12, 1, 17, tzinfo=UTC)
    for day in ("2026-11-30", "2026-12-02", "2026-12-02"):
        clocks.on_notice_due({"porting": moved.pk, "day": day})
    told = Message.objects.get(code="porting_tomorrow").text
    assert ("02/12/2026" in told, "12:00-16:00" in told) == (True, True)
    case.hear("port.completed", msisdn=NUMBER)
    assert [timers.due_at(key) for key in clocks.timer_keys(moved)] == [None, None]
    assert case.messages.count("porting_completed") == 1
    clocks.on_notice_due({"porting": moved.pk, "day": "2026-12-02"})
    assert case.messages.count("porting_tomorrow") == 1


def test_another_day_is_asked_for_until_the_eve(case: Case) -> None:
    case.go_on()
    case.hear("port.scheduled", date="2026-11-30", slot="08:00-12:00")
    said = {"number": case.number, "line_id": case.line}
    with pytest.raises(InvalidInput) as sunday:
        changing.change_day(case.who, port_on=date(2026, 12, 6), slot="08:00-12:00", **said)
    assert sunday.value.code == "port_day_invalid"

    changing.change_day(case.who, port_on=date(2026, 12, 5), slot="16:00-20:00", **said)
    with pytest.raises(Conflict) as busy:
        changing.cancel(case.who, **said)
    assert busy.value.code == "porting_busy"
    case.house.no = Unknown("silence")
    before = machine_now()
    case.call()  # it is asked again by itself, however long it is silent
    again = timers.due_at(f"{calls.TIMER}:{Porting.objects.get().calls.get().pk}")
    assert again is not None
    assert before < again < before + timedelta(seconds=30)
    case.house.no = None
    case.call()
    case.call()  # a second worker, or the timer that comes back: nothing more is asked
    assert case.house.names == ["port_in", "move", "move"]
    assert len({key for _, _, key in case.house.asked[1:]}) == 1
    assert Porting.objects.get().day == date(2026, 12, 5)
    assert OrderItem.objects.get(line_id=case.line).config["port_on"] == "2026-12-05"
    case.hear("port.scheduled", date="2026-12-05", slot="16:00-20:00")

    with business_time_fixed(datetime(2026, 12, 4, 19, 0, 1, tzinfo=UTC)):  # 20:00:01 in Paris
        with pytest.raises(Conflict) as late:
            changing.cancel(case.who, **said)
        assert not selectors.port_in_of(case.number, case.line).can_cancel
    assert late.value.code == "porting_too_late"


def test_a_cancelled_porting_leaves_the_line_with_a_new_number(case: Case) -> None:
    case.go_on()
    case.hear("port.scheduled", date="2026-11-30", slot="08:00-12:00")
    changing.cancel(case.who, number=case.number, line_id=case.line)
    assert selectors.port_in_of(case.number, case.line).asked == "cancel"
    case.call()

    item = OrderItem.objects.get(line_id=case.line)
    new = Number.objects.get(key=f"{case.number}/{case.line}")
    assert (new.state, new.msisdn) == (NumberState.ASSIGNED, item.facts["msisdn"])
    assert item.config["number_choice"] == "new"
    assert "rio" not in item.config
    assert not Number.objects.filter(msisdn=NUMBER).exists()
    assert Porting.objects.get().state == PortState.CANCELLED
    case.go_on()
    assert case.task.state == TaskState.CANCELLED
    assert Plan.objects.get().state == "completed"
    assert "porting_cancelled" in case.messages


def test_a_request_of_which_nobody_knows_what_became_is_not_given_up(case: Case) -> None:
    """Or the number would move although its owner was given a new one."""
    case.house.no = Unknown("silence")
    case.go_on()
    Task.objects.filter(pk=case.task.pk).update(state=TaskState.FALLOUT, cause="provider_silent")
    said = {"number": case.number, "line_id": case.line}
    with pytest.raises(Conflict) as cancelled:
        changing.cancel(case.who, **said)
    with pytest.raises(Conflict) as moved:
        changing.change_day(case.who, port_on=date(2026, 12, 5), slot="16:00-20:00", **said)
    assert (cancelled.value.code, moved.value.code) == ("porting_busy", "porting_busy")
    assert Porting.objects.get().state == PortState.RIO_CHECKED


def test_a_bundle_that_is_being_cancelled_gets_no_new_number(case: Case) -> None:
    case.go_on()
    case.hear("port.scheduled", date="2026-11-30", slot="08:00-12:00")
    changing.cancel(case.who, number=case.number, line_id=case.line)
    Plan.objects.update(state="cancelling")
    case.call()

    assert Porting.objects.get().state == PortState.SCHEDULED
    assert not Number.objects.filter(state=NumberState.ASSIGNED).exists()
    with pytest.raises(Conflict) as busy:
        changing.cancel(case.who, number=case.number, line_id=case.line)
    assert busy.value.code == "porting_busy"


def test_an_order_is_not_cancelled_between_the_eve_and_the_arrival_of_its_number(
    case: Case,
) -> None:
    Task.objects.exclude(pk=case.task.pk).update(ponr=False, undo="")  # they were done by hand
    case.go_on()
    case.hear("port.scheduled", date="2026-11-30", slot="08:00-12:00")

    def refusal(at: datetime) -> str:
        with business_time_fixed(at):
            (bundle,) = quote_cancellation(case.who, number=case.number).bundles
        return bundle.refusal

    assert refusal(datetime(2026, 11, 29, 19, tzinfo=UTC)) == ""
    assert refusal(datetime(2026, 11, 29, 19, 0, 1, tzinfo=UTC)) == "number_moves"
    case.hear("port.started")
    assert refusal(case.at) == "number_moves"
    case.hear("port.failed", reactivated_at_donor=True)
    assert refusal(case.at) == ""


def test_a_number_given_in_place_of_one_that_stayed_rests_when_the_order_is_taken_back(
    case: Case,
) -> None:
    case.go_on()
    case.hear("port.scheduled", date="2026-11-30", slot="08:00-12:00")
    changing.cancel(case.who, number=case.number, line_id=case.line)
    case.call()
    new = Number.objects.get(key=f"{case.number}/{case.line}")
    Order.objects.filter(number=case.number).update(state="in_progress")
    bundle_unwound(order_number=case.number, group=case.plan.group)
    new.refresh_from_db()
    assert (new.state, new.key) == (NumberState.QUARANTINE, "")


def test_what_the_house_refuses_changes_nothing_and_is_said(case: Case) -> None:
    case.go_on()
    case.hear("port.scheduled", date="2026-11-30", slot="08:00-12:00")
    changing.cancel(case.who, number=case.number, line_id=case.line)
    case.house.no = Refused("Too late.", code="too_late")
    case.call()

    view = selectors.port_in_of(case.number, case.line)
    assert (view.state, view.asked, view.refused_call) == (PortState.SCHEDULED, "", "cancel")
    assert view.log[-1].data == {"code": "too_late"}


def test_calls_are_redirected_where_the_donor_offers_it(case: Case) -> None:
    said = {"number": case.number, "line_id": case.line, "to": "01 99 00 12 34"}
    case.go_on()
    case.hear("port.eligible", donor_operator="02")
    with pytest.raises(Conflict) as none:
        changing.redirect_calls(case.who, **said)
    assert none.value.code == "redirection_not_offered"
    Porting.objects.update(redirection=True)
    changing.redirect_calls(case.who, **said)
    case.call()
    assert Porting.objects.get().redirect_to == "0199001234"


def test_a_late_porting_is_paid_for_by_the_day_until_an_operator_has_credited_it(
    case: Case,
) -> None:
    sent = case.go_on()
    assert sent.due_on == date(2026, 11, 30)  # as it was wished
    due = timers.due_at(clocks.timer_keys(sent)[1])
    assert due == datetime(2026, 11, 30, 23, tzinfo=UTC)
    for day in (1, 2, 2):
        with business_time_fixed(datetime(2026, 12, day, 6, tzinfo=UTC)):
            clocks.on_late({"porting": sent.pk})
    view = selectors.port_in_of(case.number, case.line)
    assert (view.days_late, str(view.owed.amount)) == (2, "10.00")
    assert case.messages.count("porting_late") == 1
    assert [row.id for row in selectors.portings(owed=True)] == [sent.pk]

    operator = AccountContext(
        Actor(ActorKind.AGENT, 1, "Olivia"), None, Role.OPERATOR, Channel.CALL_CENTRE
    )
    with pytest.raises(Forbidden):
        settling.settle(case.who, porting_id=sent.pk, note="x")
    settling.settle(operator, porting_id=sent.pk, note="Credit note FA-1")
    with pytest.raises(Conflict):
        settling.settle(operator, porting_id=sent.pk, note="again")
    assert selectors.portings(owed=True) == ()


def test_what_a_late_porting_costs_us_goes_back_with_the_next_bill_of_its_line(
    case: Case,
) -> None:
    sent = case.go_on()
    case.hear("port.scheduled", date="2026-12-02", slot="08:00-12:00")
    case.at = datetime(2026, 12, 2, 9, tzinfo=UTC)
    case.hear("port.completed")
    with business_time_fixed(case.at):
        # It is the contract of another order that has begun meanwhile, so that its plan is short.
        charges = [plan(line=sent.line_id), press("40.00")]
        begun("F-1", charges, party=person(), on=date(2026, 12, 2))
        close_port_ins(order_number=case.number, group=case.plan.group)
        assert Porting.objects.get().settled_at is None  # no contract of that order yet
        Porting.objects.update(order_number="F-1", group="g1")
        for _ in range(2):
            close_port_ins(order_number="F-1", group="g1")
    given = Compensation.objects.get()
    assert (given.reference, str(given.amount)) == (f"porting:{sent.pk}", "10.00")
    # At the tax of the plan that the number belongs to, not of what costs more.
    assert str(given.tax_rate) == "20.00"
    assert (given.starts_on, given.ends_on) == (date(2026, 12, 1), date(2026, 12, 3))
    view = selectors.porting_view(sent.pk)
    assert (view.settled_by, view.credited_on) == ("system", date(2027, 1, 2))
    with override("en"):
        told = porting_values(view, sim_ready=True)["port_owed"].replace("\xa0", " ")
    assert told == "The transfer was late: €10.00 go back to you with the bill of 2 January 2027."
    assert [entry.name for entry in view.log].count("credited") == 1
    assert selectors.portings(owed=True) == ()


def test_a_silent_clearing_house_is_left_alone_beside_the_plans_too(case: Case) -> None:
    case.go_on()
    case.hear("port.scheduled", date="2026-11-30", slot="08:00-12:00")
    changing.change_day(
        case.who,
        number=case.number,
        line_id=case.line,
        port_on=date(2026, 12, 5),
        slot="16:00-20:00",
    )
    timer, asking = Porting.objects.get().calls.get().pk, Guarded(calls.HOUSE, calls.carry_out)
    case.house.no = Unknown("silence")
    for _ in range(MOST_SILENCES):
        asking({"call": timer})
    assert PortHealth.objects.values_list("port", "silences").get() == ("porting", MOST_SILENCES)
    with pytest.raises(Postponed):
        asking({"call": timer})
    assert case.house.names == ["port_in"] + ["move"] * MOST_SILENCES

    case.house.no = None
    PortHealth.objects.update(shut_until=machine_now())
    health.forget()
    asking({"call": timer})
    assert PortHealth.objects.values_list("silences", "shut_until").get() == (0, None)
    assert Porting.objects.get().day == date(2026, 12, 5)
    health.forget()
