"""What can be withdrawn from, and what stands in its way."""

from datetime import timedelta

import pytest

from commerce.accounts.identity import AccountContext
from commerce.kernel.clock import business_time_fixed
from commerce.kernel.codec import to_plain
from commerce.kernel.errors import RuleViolated
from commerce.kernel.money import Money
from commerce.ordering.domain.changes import ChangeRequest
from commerce.ordering.models import Order, OrderItem
from commerce.ordering.services import withdrawing
from commerce.ordering.services.withdrawing import quote_withdrawal, withdraw
from commerce.payments.models import PaymentAttempt, PaymentEffect
from orchestration.models import Plan, Task
from orchestration.services.decide import decide
from orchestration.services.plans import create_plans
from subscriptions.domain.charges import AgreedCharge
from subscriptions.domain.states import ChangeKind
from tests.integration.ordering.people import customer
from tests.integration.ordering.test_changes import ordered
from tests.integration.ordering.test_next_offers import START, begin
from tests.integration.subscriptions.contracts import at

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


def test_nothing_is_withdrawn_from_while_a_part_is_still_to_be_sent(
    owner: AccountContext, order: Order
) -> None:
    """The line runs; its phone would be sent after the money went back."""
    order.items.filter(role="handset").update(state="planned")
    with business_time_fixed(at(SOON)), pytest.raises(RuleViolated) as early:
        quote_withdrawal(owner, number=ORDER, group="g1")
    assert early.value.code == "not_arrived"


def test_another_change_that_begins_at_the_same_moment_is_told(
    owner: AccountContext, order: Order, line: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    ordered(owner, line, ChangeRequest(ChangeKind.TERMINATE), on=SOON)
    monkeypatch.setattr(withdrawing, "open_in_the_way", lambda subscription_id: "")
    with business_time_fixed(at(SOON)):
        digest = quote_withdrawal(owner, number=ORDER, group="g1").digest()
        with pytest.raises(RuleViolated) as clash:
            withdraw(owner, number=ORDER, group="g1", digest=digest)
    assert clash.value.code == "change_under_way"


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
