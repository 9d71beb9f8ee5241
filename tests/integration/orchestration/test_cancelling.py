"""An order is cancelled while it is under way: everything is taken back, each effect once."""

import random
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import transaction
from oscar.apps.partner.models import StockRecord
from pytest_django.fixtures import Settings

from catalogue.domain.model import Segment
from catalogue.domain.sourcing import PartnerKind, Share
from catalogue.models import Number
from commerce.accounts.identity import AccountContext
from commerce.events.models import Delivery, Timer, WorkState
from commerce.events.pump import drain
from commerce.kernel.clock import business_time_fixed, machine_now
from commerce.kernel.errors import Conflict, NotFound, Refused, RuleViolated, Unknown
from commerce.ordering.domain.fulfilment import DeliveryAddress, FulfilmentItem, FulfilmentOrder
from commerce.ordering.models import Order, OrderItem
from commerce.ordering.services.place import place_order
from commerce.payments.models import PaymentEffect
from commerce.payments.ports import Outcome, PaymentReport
from commerce.payments.services.outcome import note_report
from orchestration import actions
from orchestration.adapters import client
from orchestration.domain.decompose import decompose
from orchestration.domain.recipes import parse_recipes
from orchestration.domain.states import PlanState, TaskState
from orchestration.domain.unwinding import impact_of
from orchestration.models import Plan, Task
from orchestration.ports import Answer, Found, Standing
from orchestration.services import advance as carrying_on
from orchestration.services import cancel, decide, desk, health, local, outcome
from orchestration.services.plans import ADVANCE, task_row
from orchestration.services.standing import steps_of
from subscriptions.models import Invoice
from tests.demo import demo
from tests.integration.orchestration.test_http_billing import authorise
from tests.integration.ordering.conftest import AT, PIECES, at, committed_shop, shop
from tests.integration.ordering.people import bundle_cart, checkout_for, customer, two_bundles_cart
from tests.integration.sandbox_providers.harness import API_KEY, Receiver, Sandbox, wait_for

__all__ = ["at", "committed_shop", "shop"]
HANDSET = "ardoval-x2-128-lilas"


@pytest.fixture
def outside(tmp_path_factory: pytest.TempPathFactory, settings: Settings) -> Iterator[Sandbox]:
    """Providers that take their true time, so that the order stays where it is."""
    receiver = Receiver()
    sandbox = Sandbox(
        tmp_path_factory.mktemp("providers"), callback_url=receiver.url, pace="business"
    )
    settings.PROVIDERS_URL, settings.PROVIDERS_API_KEY = sandbox.url, API_KEY
    settings.PROVIDER_TIMEOUT_SECONDS = 1.0
    client._http.cache_clear()
    actions.provider.cache_clear()
    yield sandbox
    client._http.cache_clear()
    actions.provider.cache_clear()
    sandbox.stop()
    receiver.stop()


def carried_on(number: str, state: str) -> bool:
    """Carry the plan on without waiting for its back-off."""
    Timer.objects.filter(handler=ADVANCE).update(due_at=machine_now())
    drain()
    busy = Delivery.objects.exclude(state=WorkState.DONE).exists()
    return not busy and Order.objects.get(number=number).state == state


def under_way(*, until: str) -> tuple[AccountContext, str]:
    """A paid order whose task of the action `until` awaits its provider."""
    owner = customer()
    code = bundle_cart(owner, handset=HANDSET)
    order = place_order(owner, code=code, checkout=checkout_for(owner, code))
    authorise(order.payment_key)
    note_report(key=order.payment_key, report=PaymentReport(Outcome.SETTLED, intent_id="pi_1"))

    def there() -> bool:
        drain()
        return Task.objects.filter(action=until, state=TaskState.AWAITING).exists()

    wait_for(there)
    return owner, order.number


@pytest.mark.django_db(transaction=True)
def test_a_cancelled_order_leaves_nothing_behind(
    committed_shop: object, outside: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outcome, "back_off", lambda attempts, draw: timedelta(0))
    owner, number = under_way(until="network.activate")
    stock = StockRecord.objects.get(partner_sku=HANDSET)
    assert stock.num_in_stock == PIECES - 1
    quote = cancel.quote_cancellation(owner, number=number)
    (bundle,) = quote.bundles
    first, *others = (task.action for task in bundle.undone)
    assert first == "network.activate"
    assert sorted(others) == ["esim.download", "logistics.ship", "numbering.assign"]
    assert [task.action for task in bundle.kept] == ["esim.confirm", "message.esim_ready"]
    assert (str(quote.credit.amount), str(quote.refund.amount)) == ("235.00", "235.00")

    with pytest.raises(Conflict, match="gone on"):
        cancel.cancel_under_way(owner, number=number, token="0" * 32)
    with pytest.raises(NotFound):
        cancel.quote_cancellation(customer("Somebody Else"), number=number)
    assert Plan.objects.get().state == PlanState.RUNNING

    outside.plant(provider="warehouse", operation="cancel$", kind="timeout_after_effect", seconds=2)
    outside.plant(provider="smdp", operation="cancelOrder$", kind="error")
    cancel.cancel_under_way(owner, number=number, token=quote.token, note="I changed my mind.")
    again = cancel.quote_cancellation(owner, number=number)
    with pytest.raises(RuleViolated, match="already"):
        cancel.cancel_under_way(owner, number=number, token=again.token)
    wait_for(lambda: carried_on(number, "cancelled"))

    assert Plan.objects.get().state == PlanState.CANCELLED
    done = Task.objects.exclude(undoes=None).values_list("undoes", "state")
    assert {state for _, state in done} == {TaskState.DONE}
    ledger = outside.http.get("/_control/ledger?parts=by_identity").json()["by_identity"]
    told = {
        entry["identity"][0]: (entry["effects"], entry["undone"])
        for entry in ledger
        if entry["provider"] != "messages"
    }
    assert told == {
        "ship": (1, 1),
        "esim": (1, 1),
        "esim_confirm": (1, 1),
        "esim_release": (1, 1),
        "activate": (1, 0),
        "end": (1, 0),
    }
    stock.refresh_from_db()
    assert stock.num_in_stock == PIECES
    assert not Number.objects.filter(state="assigned").exists()
    bill, credit = Invoice.objects.order_by("pk")
    assert (bill.kind, bill.gross) == ("order", Decimal("235.00"))
    assert (credit.kind, credit.gross) == ("credit_note", Decimal("-235.00"))
    refund = PaymentEffect.objects.get(kind="refund")
    assert refund.amount == Decimal("235.00")
    assert {item.state for item in Order.objects.get().items.all()} == {"cancelled"}
    with pytest.raises(RuleViolated, match="over"):
        cancel.quote_cancellation(owner, number=number)


@pytest.mark.django_db
def test_of_an_order_without_plans_no_bundle_is_cancelled_alone(shop: object) -> None:
    """It would have taken the others with it."""
    owner = customer()
    code = two_bundles_cart(owner, handset=HANDSET)
    number = place_order(owner, code=code, checkout=checkout_for(owner, code)).number
    authorise(Order.objects.get(number=number).payment_key)
    first, second = sorted(set(OrderItem.objects.values_list("group", flat=True)))
    with pytest.raises(Conflict) as early:
        cancel.quote_cancellation(owner, number=number, groups=[first])
    assert early.value.code == "beginning"
    with pytest.raises(Conflict):
        cancel.cancel_under_way(owner, number=number, token="x", groups=[second])
    assert Order.objects.get(number=number).state == "accepted"

    whole = cancel.quote_cancellation(owner, number=number)
    cancel.cancel_under_way(owner, number=number, token=whole.token, groups=[first, second])
    assert Order.objects.get(number=number).state == "cancelled"


HOUSE = Share("own", PartnerKind.OWN, 1, AT.date())
HOME = DeliveryAddress("Ada Martin", "1 rue de la Paix", "75002", "Paris")


def line(line_id: str, role: str, recipe: str, **config: str) -> FulfilmentItem:
    return FulfilmentItem(
        line_id=line_id,
        group="g1",
        role=role,
        offering=role,
        name=role,
        quantity=1,
        term=24,
        recipe=recipe,
        characteristics={},
        config=config,
        facts={},
        charges=(),
        shares=(HOUSE,) if role == "handset" else (),
        deliver_to=HOME,
    )


ITEMS = (
    line("1", "handset", "handset"),
    line("2", "plan", "mobile-line", number_choice="new"),
    line("3", "sim", "esim"),
    line("4", "content", "content"),
)
MADE = {
    "ship": "shipment_id",
    "download_order": "iccid",
    "confirm_order": "lpa",
    "activate": "line_id",
    "entitle": "entitlement_id",
}


class Outside:
    """All providers at once: does a thing once per key, and loses requests and answers."""

    def __init__(self, draw: random.Random) -> None:
        self.draw = draw
        self.kept: dict[str, Mapping[str, Any]] = {}
        self.made: Counter[str] = Counter()
        self.undone: Counter[str] = Counter()

    def __getattr__(self, method: str) -> Any:
        def call(request: Any, *, key: str) -> Answer:
            lost = self.draw.random()
            if lost < 0.25:
                raise Unknown("The request was lost.")
            if key not in self.kept:
                self.kept[key] = self._do(method, request, key)
            if lost < 0.5:
                raise Unknown("The answer was lost.")
            return Answer(self.kept[key])

        return call

    def find(self, key: str) -> Found:
        if self.draw.random() < 0.3:
            raise Unknown("No answer.")
        if key in self.kept:
            return Found(Standing.ACCEPTED, self.kept[key])
        return Found(Standing.NEVER_ARRIVED, {})

    def _do(self, method: str, request: Any, key: str) -> Mapping[str, Any]:
        if method in MADE:
            self.made[key] += 1
            return {MADE[method]: f"id-of-{key}"}
        if hasattr(request, "of"):
            of = request.id.removeprefix("id-of-") or request.of
            if of in self.made:
                self.undone[of] += 1
        return {}


@pytest.fixture
def random_world(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A plan of the demo recipes whose providers, workers and clock fail as they are drawn."""
    facts: dict[str, dict[str, str]] = {}
    order = FulfilmentOrder(
        "F-2026-000009", 1, Segment.CONSUMER, "web", 1, "fr", "", "", items=ITEMS
    )

    def present(number: str, group: str | None = None) -> FulfilmentOrder:
        return replace(
            order,
            items=tuple(replace(i, facts=dict(facts.get(i.line_id, {}))) for i in ITEMS),
        )

    def record(*, order_number: str, facts: Mapping[str, Mapping[str, str]]) -> None:
        for key, told in facts.items():
            learnt.setdefault(key, {}).update(told)

    learnt = facts
    numbers: Counter[str] = Counter()
    monkeypatch.setattr(desk, "order_for_fulfilment", present)
    monkeypatch.setattr(desk, "record_item_facts", record)
    monkeypatch.setattr(
        local,
        "numbers",
        SimpleNamespace(
            assign=lambda key: numbers.update([key]) or "0639980001",
            give_back=lambda key: numbers.subtract([key]),
            retire=lambda key: numbers.subtract([key]),
        ),
    )
    monkeypatch.setattr(local, "send", lambda **values: None)
    monkeypatch.setattr(outcome, "back_off", lambda attempts, draw: timedelta(0))
    monkeypatch.setattr(health, "MOST_SILENCES", 1000)
    monkeypatch.setattr(outcome, "MOST_ATTEMPTS", 1000)
    monkeypatch.setattr(decide, "MOST_ATTEMPTS", 1000)
    monkeypatch.setattr(decide, "LEASE", timedelta(seconds=-1))
    monkeypatch.setattr(decide, "PER_CALL", timedelta(0))

    def begin(draw: random.Random) -> tuple[Plan, Outside]:
        facts.clear()
        numbers.clear()
        world = Outside(draw)
        monkeypatch.setattr(actions, "provider", lambda port: world)
        monkeypatch.setattr(carrying_on, "provider", lambda port: world)
        plan = Plan.objects.create(
            order_number=order.number, group="g1", party_id=1, release=1, created_at=AT
        )
        specs = decompose(ITEMS, recipes=parse_recipes(demo().snapshot.recipes))
        Task.objects.bulk_create(task_row(plan, spec, place) for place, spec in enumerate(specs))
        return plan, world

    with business_time_fixed(AT):
        yield SimpleNamespace(begin=begin, numbers=numbers)


@pytest.mark.django_db(transaction=True)
def test_a_plan_cancelled_anywhere_under_faults_undoes_each_effect_exactly_once(
    random_world: Any,
) -> None:
    undone_in_all = 0
    for seed in range(12):
        draw = random.Random(seed)
        plan, outside = random_world.begin(draw)
        for _ in range(draw.randrange(8)):
            calls = decide.decide(plan_id=plan.pk)
            if draw.random() < 0.8:  # or else its worker dies before or after it has sent
                told = [outcome.Outcome(c, carrying_on._carry_out(c)) for c in calls]
                if draw.random() < 0.7:
                    decide.decide(plan_id=plan.pk, outcomes=told)
        late = [] if draw.random() < 0.5 else decide.decide(plan_id=plan.pk)
        told = [outcome.Outcome(c, carrying_on._carry_out(c)) for c in late]
        with transaction.atomic():
            table = desk.Desk.of(plan.pk)
            assert table is not None
            cancel._unwind(table, impact_of(steps_of(table)), by="Ada")
        decide.decide(plan_id=plan.pk, outcomes=told)
        for _ in range(60):
            carrying_on.advance(plan_id=plan.pk)
            plan.refresh_from_db()
            if plan.state == PlanState.CANCELLED:
                break
        assert plan.state == PlanState.CANCELLED, seed
        profile = "F-2026-000009:g1:3.profile:1"  # ends with the order of its download
        made = {key for key in outside.made if key != profile}
        assert set(outside.undone) == made, seed
        assert set(outside.made.values()) | set(outside.undone.values()) <= {1}, seed
        assert all(count == 0 for count in random_world.numbers.values()), seed
        undone_in_all += len(made)
        plan.delete()
    assert undone_in_all > 15


@pytest.mark.django_db(transaction=True)
def test_a_provider_that_can_no_longer_stop_it_leaves_it_to_an_operator(
    random_world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    steady = random.Random(1)
    monkeypatch.setattr(steady, "random", lambda: 0.99)
    plan, outside = random_world.begin(steady)
    carrying_on.advance(plan_id=plan.pk)

    def too_late(request: object, *, key: str) -> Answer:
        raise Refused("It has left.", code="too_late")

    monkeypatch.setattr(outside, "cancel", too_late, raising=False)
    with transaction.atomic():
        table = desk.Desk.of(plan.pk)
        assert table is not None
        cancel._unwind(table, impact_of(steps_of(table)), by="Ada")
    carrying_on.advance(plan_id=plan.pk)
    plan.refresh_from_db()
    stuck = Task.objects.get(state=TaskState.FALLOUT)
    assert (stuck.undoes, stuck.cause) == ("ship:own", "too_late")
    assert plan.state == PlanState.CANCELLING
    assert Task.objects.get(key="credit").state == TaskState.WAITING
