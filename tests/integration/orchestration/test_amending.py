"""An order is amended while it is under way: what stands is done anew, each effect once."""

from copy import deepcopy
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from oscar.apps.partner.models import StockRecord

from catalogue.models import Number, NumberState
from catalogue.services import numbers
from commerce.accounts.identity import AccountContext
from commerce.accounts.selectors import Address
from commerce.events.models import Timer
from commerce.events.pump import drain
from commerce.kernel.clock import PARIS, business_today, machine_now
from commerce.kernel.errors import Conflict, InvalidInput, RuleViolated
from commerce.notifications.models import Message
from commerce.ordering.models import Order, OrderItem
from commerce.ordering.services import carts
from commerce.ordering.services.amending import Wish
from commerce.ordering.services.place import place_order
from commerce.ordering.services.unwinding import bundle_unwound
from commerce.payments.models import PaymentEffect
from commerce.payments.ports import Outcome, PaymentReport
from commerce.payments.services.outcome import note_report
from orchestration.domain.jeopardy import Colour
from orchestration.domain.recipes import parse_recipes
from orchestration.domain.states import EffectState, PlanState, TaskState
from orchestration.models import OrderWatch, Plan, PlanAmendment, Task
from orchestration.selectors import tracking
from orchestration.services import amend as amend_service
from orchestration.services import cancel, failing, outcome, plans
from orchestration.services.amend import amend_under_way, quote_amendment
from orchestration.services.plans import ADVANCE
from subscriptions.models import Invoice, Promise
from tests.demo import demo
from tests.integration.orchestration.test_cancelling import HANDSET, outside
from tests.integration.orchestration.test_http_billing import authorise
from tests.integration.ordering.conftest import PIECES, at, committed_shop, shop
from tests.integration.ordering.people import checkout_for, customer
from tests.integration.sandbox_providers.harness import Sandbox, wait_for

__all__ = ["at", "committed_shop", "outside", "shop"]
ELSEWHERE = Address("Camille Martin", "9 quai du Port", "13002", "Marseille")
CASE = "coque-ardoval-x2"


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outcome, "back_off", lambda attempts, draw: timedelta(0))


def ordered(**choices: str) -> tuple[AccountContext, str, str]:
    """A paid order of a phone with a case and a line; its number and bundle."""
    owner = customer()
    code = carts.open_cart(owner)
    carts.put_bundle(
        owner,
        code=code,
        bundle="handset-and-plan",
        choices={"handset": HANDSET, "plan": "horizon-130", "sim": "esim", "accessory": CASE}
        | choices,
        term=24,
    )
    order = place_order(owner, code=code, checkout=checkout_for(owner, code))
    authorise(order.payment_key)
    note_report(key=order.payment_key, report=PaymentReport(Outcome.SETTLED, intent_id="pi_1"))
    group = OrderItem.objects.get(order__number=order.number, role="plan").group
    return owner, order.number, group


def planned(**choices: str) -> tuple[AccountContext, str, str]:
    """As `ordered`, with its plan made and nothing begun."""
    owner, number, group = ordered(**choices)
    plans.create_plans(order_number=number)
    return owner, number, group


def carried_on(key: str, state: TaskState) -> bool:
    """Carry the plan on without waiting for its back-off."""
    Timer.objects.filter(handler=ADVANCE).update(due_at=machine_now())
    drain()
    return Task.objects.filter(key=key, state=state).exists()


def activation_asked_for() -> None:
    key = Task.objects.get(action="network.activate").key
    wait_for(lambda: carried_on(key, TaskState.AWAITING))


def amend(owner: AccountContext, number: str, group: str, wish: Wish) -> None:
    quote = quote_amendment(owner, number=number, group=group, wish=wish)
    assert quote.refusal == ""
    amend_under_way(owner, number=number, group=group, wish=wish, token=quote.token)


def effects(outside: Sandbox, identity: str) -> tuple[int, int]:
    """How often it was done and taken back in all, by the sandbox's ledger."""
    ledger = outside.http.get("/_control/ledger?parts=by_identity").json()["by_identity"]
    found = [entry for entry in ledger if entry["identity"][0] == identity]
    return sum(e["effects"] for e in found), sum(e["undone"] for e in found)


@pytest.mark.django_db(transaction=True)
def test_an_order_is_amended_step_by_step_and_each_effect_stands_once(
    committed_shop: object, outside: Sandbox
) -> None:
    owner, number, group = ordered()
    wait_for(lambda: carried_on("ship:own", TaskState.AWAITING))
    activation_asked_for()
    case = OrderItem.objects.get(offering=CASE)
    in_stock = StockRecord.objects.get(partner_sku=CASE)
    gross = Order.objects.get().gross

    # The case, at 20 % off, is left out: the parcel is called back and packed without it.
    quote = quote_amendment(owner, number=number, group=group, wish=Wish(without=case.line_id))
    assert [task.key for task in quote.undone] == ["ship:own"]
    assert quote.redone == ("ship:own", "shipped:own")
    assert (str(quote.credit), str(quote.refund), quote.added) == ("19.92 EUR", "19.92 EUR", ())
    with pytest.raises(Conflict, match="gone on"):
        amend_under_way(
            *(owner,), number=number, group=group, wish=Wish(without=case.line_id), token="0" * 32
        )
    amend(owner, number, group, Wish(without=case.line_id))
    wait_for(lambda: carried_on("settle~2", TaskState.DONE))
    wait_for(lambda: carried_on("ship:own~2", TaskState.AWAITING))
    assert effects(outside, "ship") == (3, 2)  # by piece
    sent = Task.objects.get(key="ship:own~2").effects.get().request
    assert [line["sku"] for line in sent["lines"]] == [HANDSET]
    bill, credit = Invoice.objects.order_by("pk")
    assert (bill.gross, credit.kind, credit.gross) == (gross, "credit_note", Decimal("-19.92"))
    assert PaymentEffect.objects.get(kind="refund").amount == Decimal("19.92")
    case.refresh_from_db()
    assert case.state == "cancelled"
    before = in_stock.num_in_stock
    in_stock.refresh_from_db()
    assert in_stock.num_in_stock == before + 1

    # To another address.
    amend(owner, number, group, Wish(deliver_to=ELSEWHERE))
    wait_for(lambda: carried_on("ship:own~3", TaskState.AWAITING))
    assert effects(outside, "ship") == (4, 3)
    sent = Task.objects.get(key="ship:own~3").effects.get().request
    assert sent["deliver_to"]["city"] == "Marseille"

    # Another number: the line is activated anew, and the old number rests.
    old = Number.objects.get(state=NumberState.ASSIGNED).msisdn
    quote = quote_amendment(owner, number=number, group=group, wish=Wish(msisdn=""))
    assert [task.action for task in quote.undone] == ["network.activate", "numbering.assign"]
    amend(owner, number, group, Wish(msisdn=""))
    assert Number.objects.get(msisdn=old).state == NumberState.QUARANTINE
    activate = Task.objects.get(action="network.activate", given_up=False).key
    wait_for(lambda: carried_on(activate, TaskState.AWAITING))
    new = Number.objects.get(state=NumberState.ASSIGNED).msisdn
    asked = Task.objects.get(key=activate).effects.get().request
    assert (asked["msisdn"], new != old) == (new, True)
    assert (effects(outside, "activate"), effects(outside, "end")) == ((2, 0), (1, 0))
    assert [a.version for a in PlanAmendment.objects.order_by("version")] == [2, 3, 4]
    codes = [step.code for step in tracking(number)]
    assert len(codes) == len(set(codes))

    # And after all of that the rest is cancelled: what is left goes back, to the cent.
    whole = cancel.quote_cancellation(owner, number=number)
    assert whole.refund.amount == gross - Decimal("19.92")
    cancel.cancel_under_way(owner, number=number, token=whole.token)

    def over() -> bool:
        carried_on("credit", TaskState.DONE)
        return Order.objects.get().state == "cancelled"

    wait_for(over)
    assert Plan.objects.get().state == PlanState.CANCELLED
    refunds = PaymentEffect.objects.filter(kind="refund").values_list("amount", flat=True)
    assert sum(refunds) == gross
    assert sum(Invoice.objects.values_list("gross", flat=True)) == 0
    assert effects(outside, "ship") == (4, 4)
    in_stock.refresh_from_db()
    assert in_stock.num_in_stock == before + 1
    assert not Number.objects.filter(state=NumberState.ASSIGNED).exists()


@pytest.mark.django_db(transaction=True)
def test_a_card_instead_of_an_esim_is_sent_with_the_line_and_costs_nothing_more(
    committed_shop: object, outside: Sandbox
) -> None:
    owner, number, group = ordered()
    wait_for(lambda: carried_on("ship:own", TaskState.AWAITING))
    activation_asked_for()
    wish = Wish(sim="carte-sim")
    quote = quote_amendment(owner, number=number, group=group, wish=wish)
    assert quote.refusal == ""
    first, *others = (task.action for task in quote.undone)
    assert first == "network.activate"
    assert sorted(others) == ["esim.download", "logistics.ship"]
    assert (str(quote.credit), str(quote.refund)) == ("0.00 EUR", "0.00 EUR")
    cards = StockRecord.objects.get(partner_sku="carte-sim").num_in_stock
    amend(owner, number, group, wish)
    wait_for(lambda: carried_on("ship:own~2", TaskState.AWAITING))
    sent = Task.objects.get(key="ship:own~2").effects.get().request
    assert sorted(line["sku"] for line in sent["lines"]) == [HANDSET, "carte-sim", CASE]
    assert StockRecord.objects.get(partner_sku="carte-sim").num_in_stock == cards - 1
    activate = Task.objects.get(action="network.activate", given_up=False)
    assert (activate.state, "ship:own~2" in activate.needs) == (TaskState.WAITING, True)
    assert effects(outside, "esim") == (1, 1)


@pytest.mark.django_db
def test_what_is_bought_alone_is_sent_elsewhere_but_not_left_out(shop: object) -> None:
    owner = customer()
    code = carts.open_cart(owner)
    line = carts.add_line(owner, code=code, offering=CASE).result
    number = place_order(owner, code=code, checkout=checkout_for(owner, code)).number
    order = Order.objects.get()
    authorise(order.payment_key)
    note_report(key=order.payment_key, report=PaymentReport(Outcome.SETTLED, intent_id="pi_1"))
    plans.create_plans(order_number=number)
    with pytest.raises(RuleViolated, match="cancel the order") as error:
        quote_amendment(owner, number=number, group="", wish=Wish(without=line))
    assert error.value.code == "not_removable"
    amend(owner, number, "", Wish(deliver_to=ELSEWHERE))
    assert OrderItem.objects.get().deliver_to["city"] == "Marseille"


@pytest.mark.django_db
def test_a_card_that_is_chosen_again_and_again_is_one_piece_and_comes_back(shop: object) -> None:
    owner, number, group = planned()
    for sim in ("carte-sim", "esim", "carte-sim"):
        amend(owner, number, group, Wish(sim=sim))
    cards = StockRecord.objects.get(partner_sku="carte-sim")
    assert cards.num_in_stock == PIECES - 1
    bundle_unwound(order_number=number, group=group)
    cards.refresh_from_db()
    assert cards.num_in_stock == PIECES


@pytest.mark.django_db
def test_a_line_is_not_left_out_once_its_contract_begins(shop: object) -> None:
    owner, number, group = planned(content="ondine-musique")
    content = OrderItem.objects.get(role="content").line_id
    starting = Task.objects.get(action="billing.start")

    def refusal() -> tuple[str, str]:
        wish = Wish(without=content)
        quote = quote_amendment(owner, number=number, group=group, wish=wish)
        return quote.refusal, quote.instead

    assert refusal() == ("", "")
    starting.effects.create(
        generation=starting.generation,
        key="F:start",
        port="billing",
        request={},
        state=EffectState.UNKNOWN,
        sent_at=machine_now(),
    )
    assert refusal() == ("passing", "wait")
    Task.objects.filter(pk=starting.pk).update(state=TaskState.DONE)
    assert refusal() == ("past_return", "return_it")


@pytest.mark.django_db
def test_the_order_is_locked_before_its_stock(shop: object) -> None:
    owner, number, group = planned()
    wish = Wish(sim="carte-sim")
    with CaptureQueriesContext(connection) as queries:
        quote_amendment(owner, number=number, group=group, wish=wish)
    locks = [each["sql"] for each in queries if "FOR UPDATE" in each["sql"]]
    first = [
        min(place for place, sql in enumerate(locks) if table in sql)
        for table in ("orchestration_plan", "ordering_order", "partner_stockrecord")
    ]
    assert first == sorted(first)


@pytest.mark.django_db
def test_a_number_that_the_network_may_still_know_rests(shop: object) -> None:
    """Its line was taken back by an earlier change, which the network may not have heard of."""
    owner, number, group = planned()
    line = OrderItem.objects.get(role="plan").line_id
    old = numbers.assign(f"{number}/{line}")
    Task.objects.filter(action="numbering.assign").update(state=TaskState.DONE)
    activate = Task.objects.get(action="network.activate")
    activate.effects.create(
        generation=activate.generation,
        key="F:activate",
        port="network",
        request={},
        state=EffectState.ACCEPTED,
        sent_at=machine_now(),
    )
    Task.objects.filter(pk=activate.pk).update(state=TaskState.CANCELLED, given_up=True)
    amend(owner, number, group, Wish(msisdn=""))
    assert Number.objects.get(msisdn=old).state == NumberState.QUARANTINE


@pytest.mark.django_db(transaction=True)
def test_what_can_not_be_otherwise_is_refused_with_what_to_do_instead(
    committed_shop: object, outside: Sandbox
) -> None:
    owner, number, group = ordered(content="ondine-musique")
    wait_for(lambda: carried_on("ship:own", TaskState.AWAITING))
    line = {item.role: item.line_id for item in OrderItem.objects.all()}

    def refused(wish: Wish) -> tuple[str, str]:
        with pytest.raises((RuleViolated, InvalidInput)) as error:
            quote_amendment(owner, number=number, group=group, wish=wish)
        return error.value.code, error.value.message

    assert refused(Wish())[0] == "nothing_chosen"
    assert refused(Wish(without=line["handset"]))[0] == "not_removable"
    assert refused(Wish(without=line["plan"]))[0] == "not_removable"
    assert refused(Wish(sim="esim"))[0] == "unknown_sim"
    assert refused(Wish(not_before=business_today()))[0] == "day_invalid"

    Task.objects.filter(key="shipped:own").update(state=TaskState.DONE)
    quote = quote_amendment(owner, number=number, group=group, wish=Wish(deliver_to=ELSEWHERE))
    assert (quote.refusal, quote.instead) == ("past_return", "return_it")
    assert [task.key for task in quote.passed] == ["shipped:own"]
    with pytest.raises(RuleViolated, match="order anew"):
        amend_under_way(
            owner,
            number=number,
            group=group,
            wish=Wish(deliver_to=ELSEWHERE),
            token=quote.token,
        )
    # The content has not begun: it can be left out, and its promise with it.
    without = Wish(without=line["content"])
    assert quote_amendment(owner, number=number, group=group, wish=without).refusal == ""
    amend(owner, number, group, without)
    assert set(Promise.objects.get().closed) == {line["content"]}
    wait_for(lambda: carried_on("settle~2", TaskState.DONE))


@pytest.mark.django_db(transaction=True)
def test_content_that_its_partner_refuses_fails_alone(
    committed_shop: object, outside: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bundle goes on without it, and is billed without it; nobody has to decide."""
    data: Any = deepcopy(dict(demo().snapshot.recipes))
    data["content"]["fails"] = "alone"
    (billing,) = [t for t in data["mobile-line"]["tasks"] if t.get("action") == "billing.start"]
    billing["needs"] = ["activate", "content.entitle"]
    for module in (plans, failing, amend_service):
        monkeypatch.setattr(module, "recipes_of", lambda release: parse_recipes(data))
    ordered(content="ondine-musique")
    outside.plant(provider="content", operation="entitlements$", kind="refuse")
    wait_for(lambda: carried_on("ship:own", TaskState.AWAITING))
    activation_asked_for()
    Task.objects.filter(action="network.activate").update(state=TaskState.DONE)
    content = OrderItem.objects.get(role="content")
    wait_for(lambda: carried_on("settle~2", TaskState.DONE))
    content.refresh_from_db()
    assert content.state == "cancelled"
    refused = Task.objects.get(action="content.entitle")
    assert (refused.state, refused.cause, refused.given_up) == (
        TaskState.CANCELLED,
        "refused",
        True,
    )
    wait_for(lambda: carried_on(f"{Task.objects.get(action='billing.start').key}", TaskState.DONE))
    (promise,) = Promise.objects.all()
    assert (promise.state, set(promise.closed)) == ("active", {content.line_id})
    billed = set(promise.lines.filter(period__gt=0).values_list("item", flat=True))
    assert content.line_id not in billed
    assert not Task.objects.filter(state=TaskState.FALLOUT).exists()


@pytest.mark.django_db(transaction=True)
def test_a_later_day_holds_what_has_not_begun(committed_shop: object, outside: Sandbox) -> None:
    owner, number, group = ordered()
    drain()
    day = business_today() + timedelta(days=9)
    quote = quote_amendment(owner, number=number, group=group, wish=Wish(not_before=day))
    assert {key.rpartition(".")[2].partition(":")[0] for key in quote.added} == {"wait", "arrival"}
    amend(owner, number, group, Wish(not_before=day))
    wait_for(lambda: carried_on("arrival:own", TaskState.AWAITING))
    due = Timer.objects.filter(handler="orchestration.timer_due").values_list("due_at", flat=True)
    assert {at.astimezone(PARIS).date() for at in due} == {day}
    plan = Plan.objects.get()
    assert plan.planned_finish is not None
    assert plan.planned_finish.astimezone(PARIS).date() >= day
    assert plan.colour == Colour.GREEN, "it is the customer's own wish"
    assert not OrderWatch.objects.exists()
    assert not Message.objects.filter(code="order_late").exists()
