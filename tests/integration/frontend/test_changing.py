"""The page of a change, as its owner sees and orders it."""

from datetime import date

import pytest
from django.test import Client

from commerce.accounts.models import User
from commerce.kernel.clock import business_time_fixed
from commerce.ordering.models import Order, OrderItem
from commerce.ordering.services import carts
from commerce.ordering.services.place import place_order
from frontend.shop.session import order_key
from orchestration.models import Effect, Plan, ProviderCallback, Task
from subscriptions.models import Subscription
from tests.factories import PersonFactory, UserFactory
from tests.integration.ordering.people import checkout_for, customer
from tests.integration.ordering.test_next_offers import START, begin
from tests.integration.subscriptions.contracts import at

AT = at(START)
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("demo_catalogue")]


def browser_of_owner() -> Client:
    person = PersonFactory.create()
    begin(person.pk)
    user: User = UserFactory.create(party=person, language="en")
    browser = Client(headers={"Accept-Language": "en"})
    browser.force_login(user, "django.contrib.auth.backends.ModelBackend")
    return browser


def test_another_plan_is_chosen_by_its_difference_and_keeps_the_commitment() -> None:
    browser = browser_of_owner()
    line = Subscription.objects.get().pk
    step = browser.get(f"/build/change-plan/plan/?line={line}").content.decode()
    assert "Grand large 300 5G" in step
    assert "term=12" not in step
    posted = {"line": line, "plan": "grand-large-300", "term": "24"}
    kept = browser.post("/build/change-plan/keep/", posted)
    address = kept.url  # type: ignore[attr-defined]
    assert address.startswith(f"/account/lines/{line}/change/plan/?plan=grand-large-300")
    page = browser.get(address).content.decode().replace("\u00a0", " ")
    assert "Change your plan" in page
    assert "Your commitment stays what it is: until 23 November 2028." in page
    assert "With the next bill" in page
    assert "your present number" in page


def test_an_option_is_seen_with_its_bills_agreed_to_and_ordered() -> None:
    browser = browser_of_owner()
    line = Subscription.objects.get().pk
    address = f"/account/lines/{line}/change/add/?option=escale-monde"
    page = browser.get(address)
    assert page.status_code == 200
    text = page.content.decode()
    assert "Escale monde" in text
    assert "The coming bills of this line" in text
    form = page.context["form"]
    seen = {name: form.initial[name] for name in ("expected", "digest")}
    refused = browser.post(address, seen)
    assert "Please accept the terms of sale to order." in refused.content.decode()
    assert Order.objects.count() == 0
    agreed = {**seen, "summary": "on", "terms": "on", "early": "on"}
    placed = browser.post(address, agreed)
    order = Order.objects.get()
    assert (placed.status_code, placed.url) == (302, f"/orders/{order.number}/")  # type: ignore[attr-defined]
    assert (order.change, order.subject, order.state) == ("add", line, "accepted")


def test_a_contract_is_ended_with_its_cost_said_before() -> None:
    person = PersonFactory.create()
    begin(person.pk)
    user: User = UserFactory.create(party=person, language="en")
    browser = Client(headers={"Accept-Language": "en"})
    browser.force_login(user, "django.contrib.auth.backends.ModelBackend")
    line = Subscription.objects.get().pk
    address = f"/account/lines/{line}/change/terminate/"
    with business_time_fixed(at(date(2028, 1, 10))):
        page = browser.get(address)
        text = page.content.decode().replace("\xa0", " ").replace("&nbsp;", " ")
        assert "The contract ends on 20 January 2028" in text
        assert "€40.37" in text
        early = browser.get(f"{address}?on=2028-01-12")
        assert "That day is too early" in early.content.decode()
        form = page.context["form"]
        seen = {name: form.initial[name] for name in ("expected", "digest")}
        placed = browser.post(address, seen)
        option = f"/account/lines/{line}/change/add/?option=escale-monde"
        before = browser.get(option).content.decode().replace("\xa0", " ")
    order = Order.objects.get()
    waits = f"Order {order.number} for this line takes effect on 20 January 2028 all the same"
    assert waits in before
    assert (placed.status_code, order.change, order.state) == (302, "terminate", "accepted")
    (item,) = order.items.all()
    assert (item.role, item.action, str(item.port_not_before)) == ("plan", "delete", "2028-01-20")


def test_a_new_card_is_asked_for_with_its_reason_price_and_address() -> None:
    browser = browser_of_owner()
    line = Subscription.objects.get().pk
    address = f"/account/lines/{line}/change/sim/"
    asked = browser.get(address).content.decode()
    assert "It was stolen" in asked
    assert "at no charge" in asked
    assert "Nothing was ordered" not in asked
    address += "?reason=damaged&sim=carte-sim"
    page = browser.get(address)
    assert "Where shall it go?" in page.content.decode()
    assert "Your bills stay as they are." in page.content.decode()
    form = page.context["form"]
    seen = {name: form.initial[name] for name in ("expected", "digest")}
    refused = browser.post(address, seen)
    assert "This field is required." in refused.content.decode()
    assert Order.objects.count() == 0
    where = {"name": "Camille Martin", "line1": "3 rue des Tilleuls"}
    placed = browser.post(address, {**seen, **where, "postcode": "75011", "city": "Paris"})
    order = Order.objects.get()
    assert (order.change, str(order.gross), order.state) == ("sim", "10.00", "awaiting_payment")
    assert order.items.get(role="sim").deliver_to["postcode"] == "75011"
    assert placed.status_code in (200, 302)


def test_another_number_is_found_by_its_figures_and_seen_with_its_fee() -> None:
    browser = browser_of_owner()
    line = Subscription.objects.get().pk
    address = f"/account/lines/{line}/change/number/"
    asked = browser.get(address)
    wished = asked.context["choose"]["numbers"][0]["numbers"][0][0]
    page = browser.get(f"{address}?reason=wish&msisdn={wished}").content.decode()
    assert "15.00" in page
    assert "the old one no longer leads to you" in page
    assert "Total of the first 12 months" not in page
    assert Order.objects.count() == 0


def test_the_line_says_where_its_esim_stands_and_shows_the_code_while_it_helps() -> None:
    browser = browser_of_owner()
    Subscription.objects.update(iccid="8933158000000000014", lpa="LPA:1$smdp.test$AB-12")
    contract = Subscription.objects.get()
    address = f"/account/lines/{contract.pk}/"
    page = browser.get(address).content.decode()
    assert "Ready to be installed" in page
    assert "AB-12" in page
    plan = Plan.objects.create(
        order_number=contract.order_number, group="g1", party_id=contract.party_id, release=1,
        created_at=AT,
    )  # fmt: skip
    task = Task.objects.create(
        plan=plan,
        key="sim.download",
        position=0,
        kind="call",
        action="esim.download",
        lines=[],
    )
    Effect.objects.create(
        task=task,
        generation=1,
        key="k1",
        port="esim",
        request={},
        answer={"iccid": contract.iccid},
        state="accepted",
    )
    told = [("profile.enabled", 2), ("profile.downloaded", 0), ("profile.installed", 1)]
    for place, (kind, _) in enumerate(told):
        ProviderCallback.objects.create(
            callback_id=f"cb{place}", provider="smdp", request_key="k1", type=kind,
            occurred_at=AT, received_at=AT, data={},
        )  # fmt: skip
    page = browser.get(address).content.decode()
    assert "In use on your phone" in page
    assert "AB-12" not in page
    assert f"/account/lines/{contract.pk}/change/sim/?reason=reissue&amp;sim=esim" in page


def test_a_withdrawal_is_shown_with_its_refund_and_confirmed() -> None:
    owner = customer()
    user = User.objects.get()
    browser = Client(headers={"Accept-Language": "en"})
    with business_time_fixed(AT):
        code = carts.open_cart(owner)
        carts.add_line(owner, code=code, offering="chargeur-30w", quantity=1)
        number = place_order(owner, code=code, checkout=checkout_for(owner, code)).number
        Order.objects.update(state="completed", accepted_at=AT)
        OrderItem.objects.update(state="active", facts={"delivered_at": AT.isoformat()})
        group = OrderItem.objects.get().group
        browser.force_login(user, "django.contrib.auth.backends.ModelBackend")
        assert (
            f"/orders/{number}/withdraw/?bundle={group}" in browser.get(f"/orders/{number}/").text
        )
        page = browser.get(f"/orders/{number}/withdraw/?bundle={group}")
        text = page.text.replace("\xa0", " ").replace("&nbsp;", " ")
        assert "Until 7 December 2026 you can change your mind" in text
        assert "damaged: €" in text
        said = {"digest": page.context["digest"], "declared": "damaged"}
        browser.logout()
        browser.get(
            f"/orders/{number}/?key={order_key(number=number, party_id=owner.party_id or 0)}"
        )
        done = browser.post(f"/orders/{number}/withdraw/?bundle={group}", said)
        # Who has but the link of his order follows what came of it too.
        assert browser.get(done.url).status_code == 200  # type: ignore[attr-defined]
        back = Order.objects.get(change="withdraw")
        assert (done.status_code, back.withdraws, back.subject) == (302, f"{number}/{group}", None)
        (item,) = back.items.all()
        assert (item.recipe, item.config["declared"]) == ("accessory.withdraw", "damaged")
        assert f"{number}/withdraw/" not in browser.get(f"/orders/{number}/").text
