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


def test_an_option_is_seen_with_its_bills_agreed_to_and_ordered() -> None:
    person = PersonFactory.create()
    begin(person.pk)
    user: User = UserFactory.create(party=person, language="en")
    browser = Client(headers={"Accept-Language": "en"})
    browser.force_login(user, "django.contrib.auth.backends.ModelBackend")
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
