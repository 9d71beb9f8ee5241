"""The page of a change, as its owner sees and orders it."""

import pytest
from django.test import Client

from commerce.accounts.models import User
from commerce.ordering.models import Order
from subscriptions.models import Subscription
from tests.factories import PersonFactory, UserFactory
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
