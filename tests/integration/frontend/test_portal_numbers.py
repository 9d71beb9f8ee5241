"""A member orders a special number in the portal: signs, refusals at their field, the order."""

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.test import Client

from catalogue.models import Number
from commerce.accounts.kinds import Role
from commerce.accounts.models import Unit
from commerce.kernel.clock import business_time_fixed
from commerce.ordering.models import Cart, Order
from tests.integration.frontend.test_portal_and_ops import AT, as_member, firm

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("demo_catalogue")]
GREEN, PREMIUM = (
    "/portal/numbers/new/numero-gratuit-0804/",
    "/portal/numbers/new/numero-majore-0823/",
)
SAID = {"msisdn": "0804990123", "route_to": "01 99 00 12 34", "purpose": "after_sales"}


@pytest.fixture(autouse=True)
def _now() -> Iterator[None]:
    with business_time_fixed(AT):
        yield


@pytest.fixture
def rivoire() -> Unit:
    return firm("Atelier Rivoire", siren="732829320")


@pytest.fixture
def buyer(rivoire: Unit) -> Client:
    return as_member(rivoire, "Bruno", role=Role.BUYER, limit="5000")


def text(client: Client, address: str) -> str:
    """The words of a page, without its marks."""
    page = client.get(address).content.decode()
    return re.sub(r"[\s\xa0\u202f]+", " ", re.sub(r"<[^>]+>", " ", page))


def kept(buyer: Client, **changes: str) -> str:
    """The page of the number that was chosen."""
    answer = buyer.post(GREEN, SAID | changes)
    assert answer.status_code == 302, answer.content
    return str(answer.headers["Location"])


def ordered(buyer: Client, page: str) -> str:
    """The number of the order."""
    shown = buyer.get(page).content.decode()
    digest = re.search(r'name="digest" value="(\w+)"', shown)
    assert digest
    answer = buyer.post(page, {"digest": digest[1], "purchase_order": "PO-9", "terms": "on"})
    assert answer.status_code == 302, answer.content
    return str(answer.headers["Location"]).rstrip("/").rsplit("/", 1)[-1]


def test_each_number_on_sale_stands_beside_its_price_for_callers(buyer: Client) -> None:
    page = text(buyer, "/portal/numbers/")
    for sign in (
        "0804 Service and call free of charge",
        "0807 Service free of charge + price of a call",
        "0823 Service €0.15 / min + price of a call",
        "0896 Service €3.00 / call + price of a call",
        "3782 Service €0.50 / min + price of a call",
    ):
        assert sign in page
    assert "A call of 3 minutes costs your callers €0.45 for the service" in page
    marks = buyer.get("/portal/numbers/").content.decode()
    colours = re.findall(r"price-sign-(\w+)", marks)
    assert colours == ["green", "grey", "magenta", "magenta", "magenta"]


def test_the_public_page_for_firms_shows_the_signs_too(buyer: Client) -> None:
    page = text(Client(headers={"accept-language": "fr"}), "/business/")
    assert "0823 Service 0,15 € / min + prix appel" in page
    assert "0804 Service et appel gratuits" in page


def test_the_page_of_a_number_says_the_duties_and_finds_by_figures(buyer: Client) -> None:
    page = text(buyer, PREMIUM)
    assert "The price is announced at the beginning of each call, free of charge." in page
    assert "article L121-16 of the consumer code" in page
    found = buyer.get(f"{GREEN}?figures=*23").content.decode()
    assert re.findall(r'name="msisdn" value="(\d+)"', found) == ["0804990123"]
    nothing = text(buyer, f"{GREEN}?figures=*99")
    assert "No free number has these figures." in nothing
    assert buyer.get("/portal/numbers/new/horizon-130/").status_code == 404


@pytest.mark.parametrize(
    ("address", "changes", "sentence"),
    [
        (PREMIUM, {"msisdn": "0823990107"}, "must not serve contracts that run nor complaints"),
        (GREEN, {"purpose": "service"}, "These numbers are not sold for that."),
        (GREEN, {"route_to": "3782"}, "Calls are led to a landline or mobile number"),
        (GREEN, {"route_to": ""}, "Enter the number that calls are led to."),
        (GREEN, {"msisdn": "0804990199"}, "Somebody else has just taken this number."),
        (GREEN, {"msisdn": "0807990101"}, "This number can’t be had with this line."),
    ],
)
def test_a_refusal_stands_at_its_field_and_nothing_is_kept(
    buyer: Client, address: str, changes: dict[str, str], sentence: str
) -> None:
    answer = buyer.post(address, SAID | changes)
    assert answer.status_code == 422
    page = answer.content.decode().replace("&#x27;", "’").replace("'", "’")
    assert sentence in page
    assert 'class="errorlist' in page
    assert not Cart.objects.exists()
    assert not Number.objects.filter(state="held").exists()


def test_a_number_is_kept_summed_up_and_ordered(buyer: Client) -> None:
    page = kept(buyer)
    assert Number.objects.get(msisdn="0804990123").state == "held"
    shown = text(buyer, page)
    assert "0804 990 123 Service and call free of charge" in shown
    assert "Your number is kept for you until 10:15." in shown
    assert "Running contracts and help" in shown
    for said in (
        "Contract summary",
        "€40.00 once",
        "€19.00 per month",
        "€40.00, with VAT €48.00",
        "Prices are without VAT.",
    ):
        assert said in shown, said
    assert "Speeds of the internet service" not in shown
    assert "withdraw" not in shown
    number = ordered(buyer, page)
    assert Number.objects.get(msisdn="0804990123").key.startswith(f"{number}/")
    assert "0804 990 123 Service and call free of charge" in text(
        buyer, f"/portal/orders/{number}/"
    )
    mine = text(buyer, "/portal/numbers/")
    assert "0804 990 123 Service and call free of charge Freephone number 0804" in mine
    assert "01 99 00 12 34" in mine
    assert buyer.get(page).headers["Location"] == f"/portal/orders/{number}/"


def test_another_choice_gives_the_first_number_back(buyer: Client) -> None:
    first, second = kept(buyer), kept(buyer, msisdn="0804990124")
    assert first == second
    assert [Number.objects.get(msisdn=n).state for n in ("0804990123", "0804990124")] == [
        "free",
        "held",
    ]
    assert Cart.objects.count() == 1


def test_a_price_that_changed_orders_nothing(buyer: Client) -> None:
    page = kept(buyer)
    answer = buyer.post(page, {"digest": "0" * 64, "purchase_order": "PO-9", "terms": "on"})
    assert answer.status_code == 422
    assert "The price has changed since you saw it." in answer.content.decode()
    assert not Order.objects.exists()


def test_above_the_limit_it_waits_and_a_viewer_orders_none(rivoire: Unit) -> None:
    as_member(rivoire, "Anne", role=Role.APPROVER, limit="100000")
    small = as_member(rivoire, "Paul", role=Role.BUYER, limit="100")
    number = ordered(small, kept(small))
    assert Order.objects.get(number=number).state == "awaiting_approval"
    viewer = as_member(rivoire, "Vera", role=Role.VIEWER)
    page = viewer.get(GREEN).content.decode()
    assert "See what it costs" not in page
    assert viewer.get("/portal/numbers/").status_code == 200


def test_another_firm_neither_sees_nor_orders_it(buyer: Client) -> None:
    page = kept(buyer)
    other = as_member(firm("Autre", siren="552100554"), "Zoé", role=Role.BUYER)
    assert other.get(page).status_code == 404
    ordered(buyer, page)
    assert "0804 990 123" not in text(other, "/portal/numbers/")


def test_a_choice_that_was_left_until_its_cart_expired_begins_anew(buyer: Client) -> None:
    first = kept(buyer)
    with business_time_fixed(AT + timedelta(days=31)):
        assert kept(buyer) != first
