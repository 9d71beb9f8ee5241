"""A number that leaves: judged by its RIO, let go on its day, its contract ended, back one day."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from standardwebhooks import Webhook

from catalogue.models import Number, NumberState
from catalogue.services import numbers
from commerce.accounts.models import Party
from commerce.events.models import Timer
from commerce.kernel.clock import business_time_fixed
from commerce.kernel.errors import Conflict, RuleViolated
from commerce.markets.pack import market
from commerce.notifications.models import Message
from commerce.ordering.domain.consents import OrderConsents
from commerce.ordering.domain.holder import HolderState
from commerce.ordering.models import HolderChange, Order, OrderItem
from commerce.ordering.services.line_discounts import TAKE_BACK
from commerce.ordering.services.passing_on import pass_on
from commerce.ordering.services.taking_over import take_over, take_over_of
from commerce.ordering.subscribers import on_order_cancelled
from orchestration.adapters.client import callback_secret
from orchestration.domain.porting import PortState
from orchestration.models import LineReference, Plan, Porting, PortingCall, ProviderCallback
from orchestration.porting import calls, leaving, rio, selectors
from orchestration.ports import Answer, Found, ProviderEvent, Standing
from orchestration.services.decide import decide
from orchestration.services.making_way import on_take_back_due
from orchestration.services.plans import create_plans
from subscriptions.contracts.lines import line_of
from subscriptions.contracts.services.change import ContractChange, apply_change
from subscriptions.domain.states import ChangeKind
from subscriptions.models import BillingAccount, Invoice, Subscription
from tests.integration.ordering.people import customer
from tests.integration.ordering.test_changes import carried_out
from tests.integration.ordering.test_next_offers import begin
from tests.integration.subscriptions.contracts import DAY, at, person, promised

AT = at(DAY)
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("demo_catalogue")]
NUMBER = "0639989777"


class House:
    def __init__(self) -> None:
        self.answers: list[tuple[bool, str, str]] = []

    def find(self, key: str) -> Found:
        return Found(Standing.NEVER_ARRIVED, {})

    def answer(self, request: Any, *, key: str) -> Answer:
        self.answers.append((request.eligible, request.motive, request.sub_motive))
        return Answer({"state": "agreed" if request.eligible else "refused"})


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    made = House()
    monkeypatch.setattr(calls, "provider", lambda port: made)
    with business_time_fixed(at(DAY)):
        yield made


@pytest.fixture
def line(house: House) -> Subscription:
    """A running line on a number of our own range."""
    contract = begin(person(), order="F-1", on=DAY)
    Subscription.objects.filter(pk=contract).update(msisdn=NUMBER)
    Party.objects.update(phone="+33639980001")
    Number.objects.create(msisdn=NUMBER, state=NumberState.ASSIGNED, key="F-1/1")
    return Subscription.objects.get(pk=contract)


def begun_by(line: Subscription, **facts: Any) -> Order:
    """The order that began the line, carried out; its things arrived on the day of the line."""
    told = {"segment": "consumer", "basis": "TTC"} | facts
    order = Order.objects.create(
        number="F-1", state="completed", party_id=line.party_id, channel="web", actor_kind="user",
        actor_name="Camille", release=1, agreed={}, digest="x", due_today=0, gross=0,
        commitment_total=0, hold_until=AT, placed_at=AT, accepted_at=AT, **told,
    )  # fmt: skip
    for place, (role, recipe, offering) in enumerate(
        [
            ("plan", "mobile-line", "horizon-130"),
            ("handset", "handset", "ardoval-x2-128-nuit"),
            ("sim", "esim", "esim"),
        ],
        start=1,
    ):
        OrderItem.objects.create(
            order=order, position=place, line_id=role, offering=offering, group="g1", role=role,
            quantity=1, recipe=recipe, state="active",
            facts={"delivered_at": AT.isoformat()} if role == "handset" else {},
        )  # fmt: skip
    return order


def ended(contract: int, *, on: date = DAY) -> None:
    """It ends otherwise than by its number's leaving."""
    promised("F-9", [], group="change")
    apply_change(
        ContractChange("F-9", "change", contract, ChangeKind.TERMINATE, on=on, channel="web")
    )


def heard(kind: str, *, porting_id: str = "out_000001", **data: Any) -> None:
    """The clearing house says it twice; it is read once."""
    event = ProviderEvent(
        f"cb:{porting_id}:{kind}",
        f"portout.{kind}",
        datetime(2026, 4, 10, tzinfo=UTC),
        {"porting_id": porting_id, "msisdn": NUMBER, **data},
    )
    for _ in range(2):
        leaving.take_in(provider_code="porting", request_key=porting_id, event=event)
        leaving.on_heard({"callback": event.id})
    for call in PortingCall.objects.filter(state="sent"):
        calls.carry_out({"call": call.pk})


def asked(**data: Any) -> Porting:
    wished = {"wished_on": "2026-04-14", "slot": "08:00-12:00", "recipient_operator": "02"}
    heard("requested", **{**wished, **data})
    return Porting.objects.order_by("-id")[0]


def test_the_reference_in_a_rio_is_drawn_and_says_nothing_of_the_contract(
    line: Subscription,
) -> None:
    key = rio.rio_of_subscription(line.pk)
    assert rio.rio_of_subscription(line.pk) == key
    LineReference.objects.update(reference="ABC123")
    assert rio.rio_of_subscription(line.pk)[:9] == "FAPABC123"


def test_a_line_leaves_with_its_number_and_its_contract_ends_that_day(
    house: House, line: Subscription
) -> None:
    key = rio.rio_of_subscription(line.pk)
    assert (len(key), key[:3]) == (12, "FAP")
    porting = asked(rio=key)
    assert (porting.state, porting.subscription_id, porting.operator) == (
        *(PortState.ELIGIBLE, line.pk, "02"),
    )
    assert porting.due_on is not None
    assert house.answers == [(True, "", "")]

    # Another one asks for it meanwhile.
    second = asked(rio=key, porting_id="out_000002")
    assert (second.state, second.motive) == (PortState.INELIGIBLE, "OPD_IN_PROGRESS")
    assert house.answers[1:] == [(False, "OPD_IN_PROGRESS", "")]

    heard("scheduled", date="2026-04-14", slot="08:00-12:00")
    with business_time_fixed(at(date(2026, 4, 14), 10)):
        heard("completed", ported_at="2026-04-14T08:00:00+00:00")
        (due,) = Timer.objects.filter(handler=leaving.END)
        leaving.on_gone(due.payload)
        leaving.on_gone(due.payload)
        order = Order.objects.get()
        assert (order.change, order.subject, order.actor_kind) == ("terminate", line.pk, "system")
        # 26 of 30 days of its second month and ten whole months; a fifth of the other twelve.
        carried_out(order.number, on=date(2026, 4, 14))
        assert [str(bill.gross) for bill in Invoice.objects.filter(kind="order")] == ["265.20"]
        line.refresh_from_db()
        assert (line.status, line.ended_on) == ("ended", date(2026, 4, 14))
        assert Number.objects.get(msisdn=NUMBER).state == NumberState.PORTED_OUT
        assert Porting.objects.get(reference="out_000001").state == PortState.PORTED
        view = selectors.porting_view(porting.pk)
        assert [entry.name for entry in view.log if entry.kind == "state"] == [
            *("received", "eligible", "scheduled", "ported"),
        ]

    with business_time_fixed(at(date(2026, 4, 14) + timedelta(days=40))):
        assert rio.rio_of_subscription(line.pk) == key
    with business_time_fixed(at(date(2026, 4, 14) + timedelta(days=41))):
        assert rio.rio_of_subscription(line.pk) == ""

    # One day its user ends his contract over there: the number is ours again, and rests.
    heard("returned")
    back = Number.objects.get(msisdn=NUMBER)
    assert (back.state, back.key) == (NumberState.QUARANTINE, "")


def test_who_takes_his_number_away_within_the_days_for_withdrawing_pays_no_fee(
    house: House, line: Subscription
) -> None:
    begun_by(line)
    asked(rio=rio.rio_of_subscription(line.pk))
    heard("completed")
    (due,) = Timer.objects.filter(handler=leaving.END)
    for _ in range(2):
        leaving.on_gone(due.payload)
    order = Order.objects.exclude(number="F-1").get()
    assert (order.change, order.withdraws, order.subject) == ("withdraw", "F-1/g1", line.pk)
    back = {item.role: item.action for item in order.items.all()}
    assert back == {"plan": "delete", "handset": "delete"}
    create_plans(order_number=order.number)
    decide(plan_id=Plan.objects.get().pk)
    told = Message.objects.get(code="withdrawal_confirmed").text
    assert "sans frais de résiliation" in told
    assert "RIO" not in told


def test_the_contract_of_a_firms_number_ends_under_its_purchase_order(
    house: House, line: Subscription
) -> None:
    BillingAccount.objects.update(basis="HT", segment="business")
    begun_by(line, segment="business", basis="HT", purchase_order="PO-7")
    asked(rio=rio.rio_of_subscription(line.pk))
    heard("completed")
    (due,) = Timer.objects.filter(handler=leaving.END)
    leaving.on_gone(due.payload)
    order = Order.objects.get(change="terminate")
    assert (order.segment, order.purchase_order, order.subject) == ("business", "PO-7", line.pk)


@pytest.mark.parametrize(
    ("key", "motive"),
    [
        ("FAP00000AAAA", ("OPD_DATA", "RIO_KEY")),
        ("other", ("OPD_DATA", "RIO_UNKNOWN")),
        ("ended", ("OPD_INACTIVE", "")),
        ("nobody", ("OPD_DATA", "NUMBER_UNKNOWN")),
    ],
)
def test_a_number_is_refused_for_a_motive_of_the_list_only(
    house: House, line: Subscription, key: str, motive: tuple[str, str]
) -> None:
    said = key
    if key in ("other", "nobody", "ended"):
        said = rio.rio_of_subscription(line.pk)
    if key == "other":
        contract = f"{int(said[3:9], 36) ^ 1:06d}"[-6:]
        said = market("fr").port_key_of(
            number=NUMBER, operator="FA", business=False, contract=contract
        )
    if key == "ended":
        ended(line.pk, on=DAY)
    if key == "nobody":
        Subscription.objects.update(msisdn="")

    with business_time_fixed(at(DAY + timedelta(days=41))):
        porting = asked(rio=said, wished_on="2026-04-22")

    assert (porting.state, porting.motive, porting.detail) == (PortState.INELIGIBLE, *motive)
    assert house.answers == [(False, *motive)]


def test_the_number_of_a_contract_that_ends_rests_and_one_of_others_goes_back(
    house: House, line: Subscription
) -> None:
    rio.on_subscription_activated(
        {"subscription_id": line.pk, "order_number": line.order_number, "group": line.group}
    )
    leaving.on_contract_changed({"kind": "plan", "subscription_id": line.pk})
    assert Number.objects.get(msisdn=NUMBER).state == NumberState.ASSIGNED
    leaving.on_contract_changed({"kind": "terminate", "subscription_id": line.pk})
    own = Number.objects.get(msisdn=NUMBER)
    assert (own.state, own.quarantine_until) == (
        *(NumberState.QUARANTINE, DAY + timedelta(days=45)),
    )

    Number.objects.filter(pk=own.pk).update(
        klass="ported", state=NumberState.PORTED_IN, key="F-1/1", quarantine_until=None
    )
    leaving.on_contract_changed({"kind": "terminate", "subscription_id": line.pk})
    assert Number.objects.get(msisdn=NUMBER).quarantine_until == DAY + timedelta(days=40)
    with business_time_fixed(at(DAY + timedelta(days=40))):
        numbers.on_due({"msisdn": NUMBER})
    assert not Number.objects.filter(msisdn=NUMBER).exists()
    found = line_of(NUMBER)
    assert found is not None
    assert list(Message.objects.values_list("code", flat=True)) == ["line_rio"]


def test_a_number_leaves_within_forty_days_of_its_contracts_end(
    house: House, line: Subscription
) -> None:
    key = rio.rio_of_subscription(line.pk)
    ended(line.pk)
    leaving.on_contract_changed({"kind": "terminate", "subscription_id": line.pk})
    with business_time_fixed(at(DAY + timedelta(days=40))):
        assert asked(rio=key, wished_on="2026-04-21").state == PortState.ELIGIBLE
        heard("completed")
    assert Number.objects.get(msisdn=NUMBER).state == NumberState.PORTED_OUT
    assert not Timer.objects.filter(handler=leaving.END).exists()


def test_a_lost_word_of_the_clearing_house_is_asked_for(
    house: House, line: Subscription, monkeypatch: pytest.MonkeyPatch
) -> None:
    porting = asked(rio=rio.rio_of_subscription(line.pk))
    said = {"porting_id": "out_000001", "msisdn": NUMBER}
    scheduled = {**said, "date": "2026-04-14", "slot": "08:00-12:00"}
    lost = tuple(
        ProviderEvent(f"cb:{kind}", f"portout.{kind}", datetime(2026, 4, 14, tzinfo=UTC), data)
        for kind, data in (("scheduled", scheduled), ("completed", said))
    )
    monkeypatch.setattr(house, "find", lambda key: Found(Standing.ACCEPTED, {}, lost))
    monkeypatch.setattr(leaving, "provider", lambda port: house)
    timer = Timer.objects.get(handler=leaving.ASK)
    assert timer.due_at == at(date(2026, 4, 14), 21)
    with business_time_fixed(at(date(2026, 4, 14), 21)):
        leaving.on_ask_due(timer.payload)
        for callback in ("cb:scheduled", "cb:completed"):
            leaving.on_heard({"callback": callback})
        porting.refresh_from_db()
        assert (porting.state, str(porting.day)) == (PortState.PORTED, "2026-04-14")
        assert Timer.objects.filter(handler=leaving.END).count() == 1


def test_a_word_that_overtakes_the_request_waits_for_it(house: House, line: Subscription) -> None:
    with pytest.raises(Conflict) as early:
        heard("cancelled")
    assert early.value.code == "porting_unknown"
    porting = asked(rio=rio.rio_of_subscription(line.pk))
    leaving.on_heard({"callback": "cb:out_000001:cancelled"})
    porting.refresh_from_db()
    assert porting.state == PortState.CANCELLED
    assert asked(rio=porting.rio, porting_id="out_000002").state == PortState.ELIGIBLE


def test_a_number_that_rests_already_still_leaves(house: House, line: Subscription) -> None:
    """Its contract ended while the porting was under way; nobody else may get it then."""
    asked(rio=rio.rio_of_subscription(line.pk))
    ended(line.pk)
    leaving.on_contract_changed({"kind": "terminate", "subscription_id": line.pk})
    heard("completed")
    assert Number.objects.get(msisdn=NUMBER).state == NumberState.PORTED_OUT
    heard("returned")
    assert Number.objects.get(msisdn=NUMBER).state == NumberState.QUARANTINE


def test_one_of_ours_that_went_and_does_not_come_back_after_all_stays_ours(db: None) -> None:
    Number.objects.create(msisdn=NUMBER, state=NumberState.PORTED_OUT, key="F-1/1")
    numbers.announce_port_ins({"F-2/1": NUMBER})
    numbers.withdraw_port_ins(["F-2/1"])
    assert Number.objects.get(msisdn=NUMBER).state == NumberState.PORTED_OUT
    numbers.announce_port_ins({"F-3/1": NUMBER})
    assert Number.objects.get(msisdn=NUMBER).key == "F-3/1"


def test_only_the_clearing_house_says_that_a_number_leaves(house: House, client: Client) -> None:
    body = json.dumps(
        {
            "id": "cb:forged",
            "type": "portout.requested",
            "occurred_at": "2026-04-10T00:00:00+00:00",
            "request_key": "out_000009",
            "data": {"porting_id": "out_000009", "msisdn": NUMBER},
        }
    )
    now = datetime.now(UTC)
    for signer, provider, status, read in (
        ("content", "content", 204, 0),
        ("content", "porting", 403, 0),
        ("porting", "porting", 204, 1),
    ):
        ProviderCallback.objects.all().delete()
        headers = {
            "webhook-id": "msg_1",
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(callback_secret(signer)).sign("msg_1", now, body),
        }
        answer = client.post(
            f"/callbacks/providers/{provider}", body, "application/json", headers=headers
        )
        assert answer.status_code == status
        assert Timer.objects.filter(handler=leaving.TIMER).count() == read


def test_whose_number_leaves_keeps_his_line_until_then(house: House, line: Subscription) -> None:
    """He asked for it: the new holder would lose a number for which he never asked."""
    giver = replace(customer("Camille"), party_id=line.party_id)
    taker = customer("Noé Lambert")
    pass_on(giver, subscription_id=line.pk, email="noe@example.test")
    text = Message.objects.get(code="holder_asked").text
    token = text.partition("/take-over/")[2].partition("/")[0]
    seen = take_over_of(token, party_id=taker.party_id)
    agreed = OrderConsents(terms=True, contract_summary_confirmed=True)
    order = take_over(taker, token=token, digest=seen.digest(), consents=agreed).number

    assert asked(rio=rio.rio_of_subscription(line.pk)).state == PortState.ELIGIBLE
    back = Timer.objects.get(handler=TAKE_BACK)
    assert back.payload == {"number": order, "party": taker.party_id}
    for _ in range(2):
        on_take_back_due(back.payload)
    assert Order.objects.get(number=order).state == "cancelled"
    on_order_cancelled({"number": order})
    assert HolderChange.objects.get().state == HolderState.CALLED_OFF
    with pytest.raises(RuleViolated) as leaving_us:
        pass_on(giver, subscription_id=line.pk, email="noe@example.test")
    assert leaving_us.value.code == "number_leaves"
    assert HolderChange.objects.count() == 1

    heard("cancelled")
    pass_on(giver, subscription_id=line.pk, email="noe@example.test")
    assert HolderChange.objects.filter(state=HolderState.ASKED).count() == 1


def test_what_somebody_was_offered_can_not_be_taken_over_once_the_number_leaves(
    house: House, line: Subscription
) -> None:
    giver = replace(customer("Camille"), party_id=line.party_id)
    pass_on(giver, subscription_id=line.pk, email="noe@example.test")
    token = Message.objects.get(code="holder_asked").text.partition("/take-over/")[2]
    asked(rio=rio.rio_of_subscription(line.pk))
    with pytest.raises(RuleViolated) as refused:
        take_over_of(token.partition("/")[0], party_id=customer("Noé Lambert").party_id)
    assert refused.value.code == "number_leaves"
    assert not Timer.objects.filter(handler=TAKE_BACK).exists()
