"""What can be withdrawn from, and what stands in its way."""

import re
from copy import copy
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar

import pytest
from django.db.models import Model
from django.test import Client

from catalogue.domain.sourcing import PartnerKind, Share
from catalogue.models import Release
from catalogue.selectors import current_snapshot
from commerce.accounts.identity import SYSTEM, AccountContext
from commerce.accounts.kinds import RequestKind, Role
from commerce.accounts.models import Party
from commerce.accounts.services.requests import Statement
from commerce.accounts.written import contract_request
from commerce.events.models import Timer
from commerce.kernel.clock import business_time_fixed
from commerce.kernel.codec import to_plain
from commerce.kernel.errors import Conflict, NotFound, RuleViolated
from commerce.kernel.money import Money
from commerce.markets.fr.withdrawal import withdrawal_last_day
from commerce.notifications.models import Message
from commerce.ordering.domain.changes import ChangeRequest, When
from commerce.ordering.models import Cart, Order, OrderItem
from commerce.ordering.selectors import order_view
from commerce.ordering.services import carts, confirming, withdrawing
from commerce.ordering.services.access import find_order
from commerce.ordering.services.confirming import wish_of, withdraw_as_asked
from commerce.ordering.services.requests import ask_in_writing
from commerce.ordering.services.withdrawing import quote_withdrawal, withdraw, withdrawable
from commerce.payments.models import PaymentAttempt, PaymentEffect
from orchestration.models import Plan, Task
from orchestration.services import fallout
from orchestration.services.decide import decide
from orchestration.services.making_way import CLEAR, on_clear_due
from orchestration.services.making_way import begin as begin_order
from orchestration.services.plans import REFUND, create_plans
from orchestration.services.refunds import on_refund_due
from orchestration.subscribers import on_plan_cancelled
from subscriptions.domain.charges import AgreedCharge
from subscriptions.domain.states import ChangeKind
from subscriptions.models import Invoice
from tests.integration.ordering.people import customer, visitor
from tests.integration.ordering.test_changes import carried_out, ordered
from tests.integration.ordering.test_next_offers import START, begin
from tests.integration.subscriptions.contracts import at

M = TypeVar("M", bound=Model)
AT = at(START)
ORDER = "F-7"
SOON = START + timedelta(days=3)
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("demo_catalogue")]


@pytest.fixture
def owner() -> AccountContext:
    return customer()


@pytest.fixture
def line(owner: AccountContext) -> int:
    assert owner.party_id is not None
    return begin(owner.party_id, order=ORDER)


@pytest.fixture
def order(owner: AccountContext, line: int) -> Order:
    """The order that began the owner's line."""
    made = Order.objects.create(
        number=ORDER, state="in_progress", party_id=owner.party_id or 0, segment="consumer",
        channel="web", actor_kind="user", actor_name="Camille", release=1, agreed={}, digest="x",
        basis="TTC", due_today=0, gross=0, commitment_total=0, hold_until=AT, placed_at=AT,
        accepted_at=AT,
    )  # fmt: skip
    for place, (role, offering, recipe) in enumerate(
        [("plan", "horizon-130", "mobile-line"), ("handset", "ardoval-x2-128-nuit", "handset")], 1
    ):
        OrderItem.objects.create(
            order=made, position=place, line_id=role, offering=offering, group="g1", role=role,
            quantity=1, recipe=recipe, state="active",
        )  # fmt: skip
    return made


def test_what_is_still_to_come_can_be_withdrawn_from_without_an_end(
    owner: AccountContext, order: Order
) -> None:
    """Its days begin with its receipt (L221-18): they are not over before that."""
    order.items.filter(role="handset").update(
        state="planned", shares=to_plain((Share("own", PartnerKind.OWN, 1, START),))
    )
    late = START + timedelta(days=40)
    with business_time_fixed(at(late)):
        shown = quote_withdrawal(owner, number=ORDER, group="g1")
    assert ([name.in_("fr") for name in shown.coming], shown.things) == (
        ["Ardoval X2 128 Go Nuit"], (),
    )  # fmt: skip
    assert shown.last_day == withdrawal_last_day(late)


def test_what_is_sold_no_longer_comes_back_and_ends_as_well(
    owner: AccountContext, order: Order
) -> None:
    """A release without the phone and the plan; each is told of by its name of before."""
    release = Release.objects.get(number=1)
    document = release.document
    sold = ("horizon-130", "ardoval-x2-128-nuit")
    document["offerings"] = [o for o in document["offerings"] if o["code"] not in sold]
    Release.objects.create(
        number=2, document=document, digest="2" * 64, published_at=release.published_at
    )
    with business_time_fixed(at(SOON)):
        assert current_snapshot().release == 2
        digest = quote_withdrawal(owner, number=ORDER, group="g1").digest()
        placed = withdraw(owner, number=ORDER, group="g1", digest=digest)
        create_plans(order_number=placed.number)
    items = OrderItem.objects.filter(order__number=placed.number).order_by("position")
    assert list(items.values_list("offering", "recipe")) == [
        ("horizon-130", "mobile-line.withdraw"), ("ardoval-x2-128-nuit", "handset.withdraw"),
    ]  # fmt: skip
    names = [item.name["fr"] for item in order_view(owner, number=placed.number).items]
    assert names == ["Horizon 130 5G", "Ardoval X2 128 Go Nuit"]


def test_who_withdraws_takes_the_coming_end_and_what_waits_for_a_later_day_back(
    owner: AccountContext, order: Order, line: int
) -> None:
    later = ChangeRequest(
        ChangeKind.PLAN, choices={"plan": ("grand-large-300",)}, when=When.CYCLE_END
    )
    waiting, _ = ordered(owner, line, later, on=SOON)
    ending, shown = ordered(owner, line, ChangeRequest(ChangeKind.TERMINATE), on=SOON)
    assert shown.takes_back == (waiting.number,)
    with business_time_fixed(at(SOON)):
        create_plans(order_number=ending.number)
        with pytest.raises(RuleViolated) as clash:
            ordered(owner, line, ChangeRequest(ChangeKind.TERMINATE), on=SOON)
        assert clash.value.detail["order"] == ending.number
        quote = quote_withdrawal(owner, number=ORDER, group="g1")
        assert quote.takes_back == (waiting.number, ending.number)
        placed = withdraw(owner, number=ORDER, group="g1", digest=quote.digest())
        with pytest.raises(RuleViolated):
            ordered(owner, line, ChangeRequest(ChangeKind.TERMINATE), on=SOON)
        begin_order(order_number=placed.number)
        clear = Timer.objects.get(handler=CLEAR)
        on_clear_due(clear.payload)
        # One has no plan yet and ends at once; the other's is taken back by its worker.
        states = dict(Order.objects.values_list("number", "state"))
        assert (states[waiting.number], states[ending.number]) == ("cancelled", "in_progress")
        waiting_plan = Plan.objects.get(order_number=placed.number)
        assert list(waiting_plan.tasks.values_list("key", "state")) == [("way", "awaiting")]
        decide(plan_id=Plan.objects.get(order_number=ending.number).pk)
        on_plan_cancelled({"order_number": ending.number, "group": "change"})
        on_clear_due(clear.payload)
    assert Order.objects.get(number=ending.number).state == "cancelled"
    assert waiting_plan.tasks.get(key="way").state == "done"
    assert waiting_plan.tasks.filter(action="network.stop").count() == 1


def test_a_service_that_comes_while_the_end_waits_ends_with_the_contract(
    owner: AccountContext, line: int
) -> None:
    """It could not be taken back any more: its partner is told all the same."""
    music = ChangeRequest(ChangeKind.ADD, choices={"content": ("ondine-musique",)})
    coming, _ = ordered(owner, line, music, on=SOON)
    ending, _ = ordered(owner, line, ChangeRequest(ChangeKind.TERMINATE), on=SOON)
    with business_time_fixed(at(SOON)):
        begin_order(order_number=ending.number)
    OrderItem.objects.filter(order__number=coming.number).update(facts={"entitlement_id": "ent_7"})
    carried_out(coming.number, on=SOON)
    with business_time_fixed(at(SOON)):
        for _ in range(2):
            on_clear_due(Timer.objects.get(handler=CLEAR).payload)
    items = OrderItem.objects.filter(order__number=ending.number).order_by("position")
    assert list(items.values_list("offering", "recipe", "state")) == [
        ("horizon-130", "mobile-line.terminate", "planned"),
        ("ondine-musique", "content.terminate", "planned"),
    ]
    plan, service = items
    assert (service.facts["entitlement_id"], service.facts["ends_on"], service.port_not_before) == (
        "ent_7", plan.facts["ends_on"], plan.port_not_before,
    )  # fmt: skip
    task = Task.objects.get(plan__order_number=ending.number, action="content.stop")
    assert task.lines == [service.line_id]


def test_money_goes_back_only_once_it_is_known_to_have_come(
    owner: AccountContext, order: Order
) -> None:
    price = AgreedCharge("handset", "price", False, Money.of("219.00"), "goods")
    order.items.filter(role="handset").update(agreed=to_plain((price,)))
    Order.objects.update(gross="219.00", payment_key="pay-1")
    PaymentAttempt.objects.create(
        key="pay-1", reference=ORDER, amount="219.00", state="authorised", expires_at=AT,
        success_url="https://shop.test/", cancel_url="https://shop.test/",
    )  # fmt: skip
    with business_time_fixed(at(SOON)):
        digest = quote_withdrawal(owner, number=ORDER, group="g1").digest()
        placed = withdraw(owner, number=ORDER, group="g1", digest=digest)
        create_plans(order_number=placed.number)
        Task.objects.exclude(action="money.pay_back").update(state="done")
        plan, back = Plan.objects.get().pk, Task.objects.get(action="money.pay_back")
        decide(plan_id=plan)
        back.refresh_from_db()
        assert back.state == "waiting"
        PaymentAttempt.objects.update(state="settled")
        decide(plan_id=plan)
    back.refresh_from_db()
    assert back.state == "done"
    assert str(PaymentEffect.objects.get(kind="refund").amount) == "219.00"


def withdrawn(owner: AccountContext, order: Order) -> tuple[int, Task]:
    """A plan whose refund waits for the parcel, and that task."""
    price = AgreedCharge("handset", "price", False, Money.of("219.00"), "goods")
    order.items.filter(role="handset").update(agreed=to_plain((price,)))
    Order.objects.update(gross="219.00", payment_key="pay-1")
    PaymentAttempt.objects.create(
        key="pay-1", reference=ORDER, amount="219.00", state="settled", expires_at=AT,
        success_url="https://shop.test/", cancel_url="https://shop.test/",
    )  # fmt: skip
    with business_time_fixed(at(SOON)):
        digest = quote_withdrawal(owner, number=ORDER, group="g1").digest()
        placed = withdraw(owner, number=ORDER, group="g1", digest=digest)
        create_plans(order_number=placed.number)
    return Plan.objects.get().pk, Task.objects.get(action="money.pay_back")


def test_a_refund_that_still_waits_is_seen_two_days_before_it_is_due(
    owner: AccountContext, order: Order
) -> None:
    plan, back = withdrawn(owner, order)
    timer = Timer.objects.get(handler=REFUND)
    assert (timer.due_at.isoformat(), timer.payload) == (
        f"{SOON + timedelta(days=12)}T07:00:00+00:00", {"plan": plan},
    )  # fmt: skip
    with business_time_fixed(at(SOON + timedelta(days=12))):
        for _ in range(2):
            on_refund_due(timer.payload)
    back.refresh_from_db()
    assert (back.state, back.cause) == ("fallout", "refund_due")
    assert back.history.filter(state="fallout").count() == 1
    # The carrier has the parcel at last: it goes on by itself.
    Task.objects.filter(key__in=back.needs).update(state="done")
    with business_time_fixed(at(SOON + timedelta(days=13))):
        decide(plan_id=plan)
    back.refresh_from_db()
    assert back.state == "done"
    assert str(PaymentEffect.objects.get(kind="refund").amount) == "219.00"


def test_an_operator_pays_back_before_anything_has_come(
    owner: AccountContext, order: Order
) -> None:
    plan, back = withdrawn(owner, order)
    with business_time_fixed(at(SOON + timedelta(days=12))):
        on_refund_due({"plan": plan})
        fallout.retry(replace(SYSTEM, role=Role.OPERATOR), task_id=back.pk)
        decide(plan_id=plan)
    back.refresh_from_db()
    assert back.state == "done"
    assert str(PaymentEffect.objects.get(kind="refund").amount) == "219.00"


def test_a_guest_reads_his_own_withdrawal_and_no_other(order: Order) -> None:
    guest, stranger = visitor("v-7"), visitor("v-8")
    for each in (guest, stranger):
        carts.open_cart(each)
    Order.objects.update(cart=Cart.objects.get(visitor_key="v-7"))
    with business_time_fixed(at(SOON)):
        digest = quote_withdrawal(guest, number=ORDER, group="g1").digest()
        placed = withdraw(guest, number=ORDER, group="g1", digest=digest)
    assert find_order(guest, number=placed.number).withdraws == f"{ORDER}/g1"
    for number in (ORDER, placed.number):
        with pytest.raises(NotFound):
            find_order(stranger, number=number)


def test_a_guest_withdraws_in_writing_and_confirms_it_by_the_link_that_he_gets(
    owner: AccountContext, order: Order
) -> None:
    """He says no line: his order has one bundle that can be withdrawn from."""
    party = Party.objects.get(pk=owner.party_id or 0)
    first, last = party.display_name.split()
    statement = Statement(RequestKind.WITHDRAW, f"{last.upper()} {first}", party.email, ORDER)
    with business_time_fixed(at(SOON)):
        asked = ask_in_writing(visitor("v-9"), statement=statement)
        (key,) = re.findall(r"/confirm-request/(\S+)/", Message.objects.get().text)
        page = Client(headers={"accept-language": "en"}).get(f"/confirm-request/{key}/")
        assert "Confirm the withdrawal" in page.content.decode()
        wish = wish_of(key)
        assert (wish.number, wish.group) == (ORDER, "g1")
        digest = quote_withdrawal(wish.context, number=ORDER, group="g1").digest()
        placed = withdraw_as_asked(wish, digest=digest, declared="worn")
        with pytest.raises(Conflict) as settled:
            wish_of(key)
    assert settled.value.code == "already_handled"
    assert Order.objects.get(number=placed.number).withdraws == f"{ORDER}/g1"
    assert contract_request(asked.reference).outcome == placed.number


@pytest.mark.parametrize("by_its_bill", [False, True])
def test_a_statement_in_writing_counts_from_its_day_on(
    owner: AccountContext, order: Order, by_its_bill: bool
) -> None:
    """Carried out after the last day it is still in time, and the days since are not paid."""
    Order.objects.update(consents={"early_execution": True})
    party = Party.objects.get(pk=owner.party_id or 0)
    named = Invoice.objects.latest("pk").number if by_its_bill else ORDER
    statement = Statement(RequestKind.WITHDRAW, party.display_name, party.email, named or "")
    late = START + timedelta(days=20)
    with business_time_fixed(at(late)):
        assert dict(withdrawable(owner, number=ORDER)) == {}
        with pytest.raises(RuleViolated, match="were over"):
            quote_withdrawal(owner, number=ORDER, group="g1")
    with business_time_fixed(at(SOON)):
        ask_in_writing(visitor("v-9"), statement=statement)
    (token,) = re.findall(r"/confirm-request/(\S+)/", Message.objects.get().text)
    with business_time_fixed(at(late)):
        assert list(withdrawable(owner, number=ORDER)) == ["g1"]
        shown = quote_withdrawal(owner, number=ORDER, group="g1")
        assert (shown.ends_on, shown.refund_by) == (SOON, SOON + timedelta(days=14))
        placed = withdraw_as_asked(wish_of(token), digest=shown.digest(), declared="as_new")
    ends = OrderItem.objects.get(order__number=placed.number, role="plan").facts["ends_on"]
    assert ends == SOON.isoformat()


@pytest.mark.parametrize("old", [False, True])
def test_a_bill_speaks_of_what_could_be_withdrawn_from_that_day_though_it_holds_older_contracts(
    owner: AccountContext, order: Order, monkeypatch: pytest.MonkeyPatch, old: bool
) -> None:
    """The link and the days read it alike: of two that could, nobody knows which one is meant."""
    items = list(order.items.all())
    accepted = AT - timedelta(days=60) if old else AT
    other = copied(order, number="F-1", accepted_at=accepted)
    for item in items:
        copied(item, order=other)
    both = frozenset({(ORDER, "g1"), ("F-1", "g1")})
    for reader in (confirming, withdrawing):
        monkeypatch.setattr(reader, "bundles_on_bill", lambda _number: both)
    named = Invoice.objects.latest("pk").number
    party = Party.objects.get(pk=owner.party_id or 0)
    statement = Statement(
        RequestKind.WITHDRAW, party.display_name, party.email, named or "", line_number=""
    )
    with business_time_fixed(at(SOON)):
        ask_in_writing(visitor("v-9"), statement=statement)
    with business_time_fixed(at(START + timedelta(days=20))):
        assert list(withdrawable(owner, number=ORDER)) == (["g1"] if old else [])
    links = re.findall(r"/confirm-request/(\S+)/", Message.objects.get().text)
    assert len(links) == (1 if old else 0)


def copied(row: M, **changed: Any) -> M:
    made = copy(row)
    made.pk, made._state.adding = None, True
    for name, value in changed.items():
        setattr(made, name, value)
    made.save(force_insert=True)
    return made


def test_a_statement_of_another_line_or_of_long_ago_changes_no_day(
    owner: AccountContext, order: Order
) -> None:
    party = Party.objects.get(pk=owner.party_id or 0)
    statement = Statement(RequestKind.WITHDRAW, party.display_name, party.email, ORDER)
    with business_time_fixed(at(SOON)):
        ask_in_writing(visitor("v-9"), statement=replace(statement, line_number="0639980009"))
    with business_time_fixed(at(START + timedelta(days=20))):
        assert dict(withdrawable(owner, number=ORDER)) == {}
    with business_time_fixed(at(SOON)):
        ask_in_writing(visitor("v-9"), statement=statement)
    with business_time_fixed(at(SOON + timedelta(days=31))):
        assert dict(withdrawable(owner, number=ORDER)) == {}
