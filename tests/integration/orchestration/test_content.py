"""Where a customer opens his content services, and since when he uses them."""

from datetime import timedelta

import pytest

from commerce.kernel.clock import business_now
from commerce.ordering.models import Order, OrderItem
from orchestration.content import ContentAccess, accesses_of
from orchestration.models import Effect, Plan, Task
from orchestration.ports import ProviderEvent
from orchestration.services.callbacks import receive
from subscriptions.contracts.selectors import subscription_view
from subscriptions.models import Subscription, SubscriptionItem
from tests.factories import PersonFactory
from tests.integration.ordering.test_next_offers import begin

pytestmark = pytest.mark.django_db
ORDER = "F-2026-000777"


def test_a_service_is_opened_by_its_link_and_in_use_since_the_partner_said_so() -> None:
    party = PersonFactory.create().pk
    line = begin(party, order=ORDER)
    item = subscription_view(party, line).items[0]
    plan = Plan.objects.create(
        order_number=item.order_number, group="g1", party_id=party, release=1, state="completed",
        created_at=business_now(),
    )  # fmt: skip
    task = Task.objects.create(
        plan=plan, key="entitle", position=1, lines=[item.line_id], kind="call",
        action="content.entitle", state="done",
    )  # fmt: skip
    Effect.objects.create(
        task=task, generation=1, key="e:1", port="content", request={}, state="accepted",
        answer={"entitlement_id": "ent_1", "activation_url": "https://music.test/open"},
    )  # fmt: skip
    order = Order.objects.create(
        number=item.order_number, state="completed", party_id=party, segment="consumer",
        channel="web", actor_kind="user", actor_name="Camille", release=1, agreed={}, digest="x",
        basis="TTC", due_today=0, gross=0, commitment_total=0, hold_until=business_now(),
        placed_at=business_now(),
    )  # fmt: skip
    OrderItem.objects.create(
        order=order, position=1, line_id=item.line_id, offering="ondine-musique", group="g1",
        role="content", quantity=1, state="active",
        facts={"entitlement_id": "ent_1", "activation_url": "https://music.test/open"},
    )  # fmt: skip

    def found() -> tuple[ContentAccess, ...]:
        return accesses_of(subscription_view(party, line))

    assert found() == (ContentAccess(item.id, "https://music.test/open", None),)
    used_at = business_now() - timedelta(hours=1)
    event = ProviderEvent("cb_1", "entitlement.used", used_at, {"entitlement_id": "ent_1"})
    assert [
        receive(provider_code="content", request_key="e:1", events=[event]) for _ in range(2)
    ] == [1, 0]
    assert found() == (ContentAccess(item.id, "https://music.test/open", used_at),)

    # A year after, what was said to the partner is blanked; the service is still opened there.
    Effect.objects.update(request={}, answer=None)
    assert found() == (ContentAccess(item.id, "https://music.test/open", used_at),)

    SubscriptionItem.objects.filter(pk=item.id).update(
        until_on=business_now().date() + timedelta(days=9)
    )
    assert Subscription.objects.get(pk=line).status == "active"
    assert found() == ()
