"""The shop's pages on PostgreSQL: what they say, whom they serve, and how few queries they ask."""

from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from commerce.ordering.models import Cart, CartItem, Order

AT = datetime(2026, 11, 22, 9, tzinfo=UTC)
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("demo_catalogue")]


@pytest.fixture
def visitor() -> Client:
    return Client(headers={"accept-language": "en"})


def begun(visitor: Client, phone: str = "ardoval-x2-128-nuit", term: str = "24") -> str:
    """The address of the plan's step of a bundle that has just been begun."""
    answer = visitor.post("/build/start/", {"handset": phone, "term": term})
    assert answer.status_code == 302
    return str(answer["Location"])


@pytest.mark.parametrize(
    "path",
    ["/", "/phones/", "/phones/?brand=Halvik&sort=price", "/plans/", "/accessories/", "/content/",
     "/search/?q=lilas", "/search/?q=ardovla", "/compare/?offers=horizon-130,essentiel-40",
     "/search/suggestions/?q=noct", "/phones/ardoval-x2/", "/plans/horizon-130/",
     "/accessories/chargeur-30w/", "/content/ondine-musique/", "/cart/"],
)  # fmt: skip
def test_a_page_of_the_shop_asks_few_queries_whatever_it_lists(visitor: Client, path: str) -> None:
    with CaptureQueriesContext(
        connection,
    ) as asked:
        answer = visitor.get(path)
    assert answer.status_code == 200
    assert len(asked) <= 12


def test_chosen_filters_are_links_that_take_them_away(visitor: Client) -> None:
    text = visitor.get("/phones/?brand=Halvik&brand=Rocval&sort=price").content.decode()
    assert 'href="?brand=Rocval&amp;sort=price"' in text
    assert 'href="?brand=Halvik&amp;sort=price"' in text
    assert "6 results" in text


def test_a_page_beyond_the_last_is_the_last(visitor: Client) -> None:
    answer = visitor.get("/phones/?page=99")
    assert (answer.context["page"].number, len(answer.context["cards"])) == (3, 1)


@pytest.mark.parametrize("answer", ["²", "①..", "1e9..", "٣"])
def test_what_no_filter_knows_matches_nothing(visitor: Client, answer: str) -> None:
    page = visitor.get("/phones/", {"storage_gb": answer, "price": answer})

    assert (page.status_code, page.context["page"].paginator.count) == (200, 0)


def test_an_empty_search_shows_the_way_out(visitor: Client) -> None:
    text = visitor.get("/search/?q=chargeur+intergalactique").content.decode()
    assert "We found nothing of that name." in text
    assert 'href="?q=chargeur"' in text
    assert "Search without “intergalactique”" in text


def test_a_mistyped_search_says_what_it_looked_for(visitor: Client) -> None:
    text = visitor.get("/search/?q=ardovla").content.decode()
    assert "<strong>ardoval</strong>" in text


def test_suggestions_are_rows_of_a_listbox_that_lead_somewhere(visitor: Client) -> None:
    text = visitor.get("/search/suggestions/?q=noct").content.decode()
    assert text.count('role="option"') == 7
    assert 'data-url="/phones/noctile-un/"' in text
    assert "brand=Noctile" in text
    assert visitor.get("/search/suggestions/?q=z").content.strip() == b""


def test_ticked_offers_get_an_address_that_can_be_shared(visitor: Client) -> None:
    answer = visitor.get("/compare/?offers=horizon-130&offers=essentiel-40&offers=horizon-130")
    assert answer["Location"] == "/compare/?offers=horizon-130,essentiel-40"
    text = visitor.get(answer["Location"]).content.decode()
    assert "Cheapest over the commitment" in text
    assert 'href="/compare/?offers=horizon-130"' in text


def test_phones_and_plans_are_not_mixed_but_offered_apart(visitor: Client) -> None:
    answer = visitor.get("/compare/?offers=horizon-130,ardoval-a5-128-nuit")
    text = answer.content.decode()
    assert answer.status_code == 422
    assert "Phones are compared with phones, and plans with plans." in text
    assert 'href="/compare/?offers=ardoval-a5-128-nuit"' in text


def test_every_step_asks_at_most_25_queries(visitor: Client) -> None:
    plan = begun(visitor)
    for path in (
        plan,
        *(plan.replace("/plan/", f"/{r}/") for r in ("handset", "accessory", "sim")),
    ):
        with CaptureQueriesContext(connection) as asked:
            answer = visitor.get(path)
        assert answer.status_code == 200
        assert len(asked) <= 25, path


def test_a_card_says_what_follows_the_free_months_and_from_when(visitor: Client) -> None:
    text = visitor.get("/phones/?brand=Ardoval").content.decode()
    assert "With Horizon 130 5G: €0 per month for 6\u00a0months, then €19.99 per month" in text
    assert "from 25\u00a0May 2027" in text
    assert "Commitment of 24\u00a0months. Without a plan: €549." in text


def test_an_offer_shows_what_the_law_wants_beside_its_price(visitor: Client) -> None:
    text = visitor.get("/phones/ardoval-x2/?variant=ardoval-x2-128-nuit").content.decode()
    assert "The price includes €14 of private-copy levy and €0.04 of eco-contribution." in text
    assert "SAR: head 0.72\u00a0W/kg" in text
    assert "Energy class" in text
    assert "Repairability index" in text


def test_a_plan_that_loses_the_reduced_price_is_closed_with_its_reason(visitor: Client) -> None:
    text = visitor.get(begun(visitor)).content.decode()
    closed = text.split("choice-closed", 2)[-1]
    assert "The reduced price of this phone needs a 5G plan." in closed
    assert "?term=0" in closed


def test_an_esim_is_closed_on_a_phone_that_takes_none(visitor: Client) -> None:
    step = begun(visitor, "ardoval-a5-128-nuit").replace("/plan/", "/sim/")
    text = visitor.get(step).content.decode()
    assert "This phone does not take an eSIM." in text
    assert 'value="carte-sim" checked' in text
    assert 'value="esim"' not in text


def test_a_wrong_rio_is_refused_beside_its_field_and_nothing_is_kept(visitor: Client) -> None:
    step = begun(visitor).replace("/plan/", "/sim/")
    answer = visitor.post(
        step, {"sim": "esim", "keep": "port", "msisdn": "06 39 98 12 34", "rio": "02PA1B2C3RX+"}
    )
    assert answer.status_code == 200
    assert "This RIO does not go with this number." in answer.content.decode()
    assert CartItem.objects.get(role="plan").config == {}


def test_a_right_rio_leads_to_the_summary(visitor: Client) -> None:
    step = begun(visitor).replace("/plan/", "/sim/")
    answer = visitor.post(
        step, {"sim": "esim", "keep": "port", "msisdn": "06 39 98 12 34", "rio": "02pa1b2c3re+"}
    )
    cart = Cart.objects.get()
    assert answer["Location"] == f"/cart/summary/?cart={cart.code}"
    assert CartItem.objects.get(role="plan").config["rio"] == "02PA1B2C3RE+"


def test_a_service_alone_has_a_contract_summary_without_internet(visitor: Client) -> None:
    visitor.post("/cart/add/", {"offering": "ondine-musique"})
    visitor.post("/cart/add/", {"offering": "chargeur-30w"})
    text = visitor.get(f"/cart/summary/?cart={Cart.objects.get().code}").content.decode()
    assert text.count('<h2 id="contract-') == 1
    assert "Price" in text
    assert "Prices include VAT." in text
    assert "Speeds of the internet service" not in text


def test_goods_alone_have_none(visitor: Client) -> None:
    visitor.post("/cart/add/", {"offering": "chargeur-30w"})
    text = visitor.get(f"/cart/summary/?cart={Cart.objects.get().code}").content.decode()
    assert '<h2 id="contract-' not in text


def test_the_summary_orders_only_with_all_consents(visitor: Client) -> None:
    step = begun(visitor).replace("/plan/", "/sim/")
    visitor.post(step, {"sim": "esim", "keep": "new"})
    path = f"/cart/summary/?cart={Cart.objects.get().code}"
    answer = visitor.post(path, {"first_name": "Camille", "expected": "235.00"})
    text = answer.content.decode()
    assert answer.status_code == 200
    assert "Please confirm the contract summary to order." in text
    assert "Please accept the terms of sale to order." in text
    assert not Order.objects.exists()


def test_another_visitors_cart_does_not_exist(visitor: Client) -> None:
    step = begun(visitor)
    stranger = Client(headers={"accept-language": "en"})
    assert stranger.get(step).status_code == 404
    assert stranger.get(f"/cart/{Cart.objects.get().code}/").status_code == 404


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"offering": "horizon-130"}, "This comes with a plan. Choose the plan first."),
        ({"offering": "no-such-thing"}, "There is nothing here."),
    ],
)
def test_what_cannot_be_added_says_why(
    visitor: Client, values: dict[str, str], sentence: str
) -> None:
    answer = visitor.post(
        "/cart/add/", values, follow=True, headers={"referer": "http://testserver/"}
    )
    assert sentence in answer.content.decode()
    assert not CartItem.objects.exists()


@pytest.mark.parametrize("quantity", ["0", "1000000", "-1", "two", ""])
def test_a_quantity_out_of_range_changes_nothing(visitor: Client, quantity: str) -> None:
    visitor.post("/cart/add/", {"offering": "chargeur-30w"})
    cart = Cart.objects.get()
    answer = visitor.post(
        f"/cart/{cart.code}/change/",
        {"line": "1", "quantity": quantity},
        follow=True,
        headers={"referer": f"http://testserver/cart/{cart.code}/"},
    )
    assert "Choose a quantity from 1 to 999." in answer.content.decode()
    assert CartItem.objects.get().quantity == 1


def test_an_address_that_takes_only_forms_says_so_to_a_visit(visitor: Client) -> None:
    answer = visitor.get("/cart/add/")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
    assert "only takes a form" in answer.content.decode()
