"""Oscar's dashboard: catalogue managers work in it, nobody else gets in."""

from datetime import datetime

import pytest
from django.test import Client
from django.urls import reverse
from oscar.apps.catalogue.models import Product

from commerce.accounts.demo import load_demo_people
from commerce.accounts.models import User
from tests.integration.catalogue.conftest import AT

__all__ = ["AT"]

ROUTES = ("catalogue-product-list", "catalogue-category-list", "partner-list", "stock-alert-list")


def browser(role: str) -> Client:
    people = load_demo_people()
    login = next(login for login in people["logins"] if login["role"] == role)
    client = Client()
    user = User.objects.get(email=login["email"])
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.mark.parametrize("route", ROUTES)
def test_a_catalogue_manager_sees_the_lists(shop: datetime, route: str) -> None:
    answer = browser("catalogue_manager").get(reverse(f"dashboard:{route}"))
    assert answer.status_code == 200


def test_a_catalogue_manager_opens_a_product_and_follows_it_to_the_shop(shop: datetime) -> None:
    manager = browser("catalogue_manager")
    product = Product.objects.get(upc="carte-sim")
    page = manager.get(reverse("dashboard:catalogue-product", kwargs={"pk": product.pk}))
    assert page.status_code == 200
    assert "carte-sim" in page.content.decode()
    onwards = manager.get(product.get_absolute_url())
    assert (onwards.status_code, onwards["Location"]) == (302, "/search/?q=carte+sim")


@pytest.mark.parametrize("role", ["shopper", "agent", "operator", "buyer"])
def test_others_are_refused(shop: datetime, role: str) -> None:
    answer = browser(role).get(reverse("dashboard:catalogue-product-list"))
    assert answer.status_code == 403


def test_strangers_are_sent_to_log_in(shop: datetime) -> None:
    answer = Client().get(reverse("dashboard:partner-list"))
    assert answer.status_code == 302
    assert answer["Location"].startswith("/account/login/?next=")
