"""Why a price is what it is, as a page for a cart and for an order."""

import pytest
from django.test import Client

from tests.integration.frontend.test_shop_pages import (  # noqa: F401
    AT,
    begun,
    visitor,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("demo_catalogue")]


def test_the_tree_of_a_cart_names_each_rule_and_is_computed_again(visitor: Client) -> None:  # noqa: F811
    code = begun(visitor).split("/")[2]

    page = visitor.get(f"/cart/{code}/why/")

    text = page.content.decode()
    assert page.status_code == 200
    assert "All were computed again just now and are the same to the cent." in text
    assert (page.context["replayed"], page.context["amounts"] > 5) == (True, True)
    assert text.count("<details") == text.count("</details>") > 1
    assert f'href="/cart/{code}/"' in text
    assert f'href="/cart/{code}/why/"' in visitor.get(f"/cart/{code}/").content.decode()


def test_a_stranger_sees_no_cart_of_others(visitor: Client) -> None:  # noqa: F811
    code = begun(visitor).split("/")[2]

    assert Client().get(f"/cart/{code}/why/").status_code == 404
