"""What is told of stock on pages: dates, shops, and the shelves in the back office."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils.translation import override

from catalogue.domain.sourcing import PartnerKind, Share
from catalogue.models import CatalogueAct
from catalogue.selectors import forget_snapshots, stock_of
from commerce.accounts.kinds import StaffKind
from commerce.kernel.clock import business_time_fixed
from commerce.ordering.models import OrderItem
from frontend.shop.deliveries import when_texts
from tests.integration.frontend.test_backoffice import staff

pytestmark = pytest.mark.django_db
AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
ON_SALE = AT - timedelta(days=1)
AHEAD = "ombrine-s1-pro-256-encre"
CASE = "coque-ardoval-x2"
HEADING = "partner;offering;pieces;lead_days;coming;expected_on"


@pytest.fixture(autouse=True)
def shop(demo_catalogue: None, db: None) -> Iterator[None]:
    with business_time_fixed(AT):
        forget_snapshots()
        yield
        forget_snapshots()


@pytest.fixture
def visitor() -> Client:
    return Client(headers={"accept-language": "en"})


def text_of(client: Client, path: str, *, status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == status, path
    return answer.content.decode().replace("\N{NO-BREAK SPACE}", " ")


def cart_with(client: Client, offering: str) -> str:
    """The address of the cart."""
    return str(client.post("/cart/add/", {"offering": offering})["Location"])


def test_what_is_to_come_says_so_on_its_page_and_in_the_cart(visitor: Client) -> None:
    page = text_of(visitor, f"/phones/ombrine-s1-pro/?variant={AHEAD}")
    assert "Expected on 8 December 2026" in page
    assert "Order it now, it leaves then." in page
    assert "This one is sold out" not in page
    cart = text_of(visitor, cart_with(visitor, AHEAD))
    assert "Expected on 8 December 2026, leaves on 9 December 2026" in cart


def test_what_is_there_says_when_it_leaves(visitor: Client) -> None:
    assert "Leaves on 24 November 2026" in text_of(visitor, cart_with(visitor, CASE))


def test_a_cart_is_ordered_to_be_fetched_in_a_shop(visitor: Client) -> None:
    cart_with(visitor, CASE)
    page = text_of(visitor, "/cart/summary/")
    assert page.count('name="pick_up_at"') == 5, "four shops have it; or by parcel"
    near = text_of(visitor, "/cart/pick-up/?postcode=75020")
    assert near.index("Paris Faïenciers") < near.index("Nantes Gréement")
    assert "Lille Houblon" not in near
    form = {
        "first_name": "Maël", "last_name": "Guérin", "email": "mael@example.test",
        "phone": "0639980001", "line1": "3 rue du Port", "postcode": "44000", "city": "Nantes",
        "pick_up_at": "boutique-nantes", "early": "now", "summary": "on", "terms": "on",
        "expected": visitor.get("/cart/summary/").context["form"].initial["expected"],
    }  # fmt: skip
    answer = visitor.post("/cart/summary/", form)
    assert answer.status_code == 302, answer.content.decode()
    item = OrderItem.objects.get()
    assert (item.supplier, item.deliver_to) == ("boutique-nantes", {})
    order = text_of(visitor, f"/orders/{item.order.number}/")
    assert "8 quai du Gréement, 44000 Nantes" in order
    assert "Ready in the shop on 23 November 2026" in order


def test_a_shop_that_is_not_there_is_refused_beside_its_field(visitor: Client) -> None:
    cart_with(visitor, CASE)
    answer = visitor.post("/cart/summary/", {"pick_up_at": "boutique-mars"})
    assert answer.status_code == 200
    assert "pick_up_at" in answer.context["form"].errors
    assert not OrderItem.objects.exists()


def test_the_back_office_lists_shelves_and_takes_files_in() -> None:
    ines = staff()
    page = text_of(ines, "/backoffice/stock/?partner=negoce-rhodanien")
    assert "Négoce rhodanien" in page
    assert "celanthe-c6-128-aurore" in page
    assert "page=2" in text_of(ines, "/backoffice/stock/")
    assert "page=2" not in text_of(ines, "/backoffice/stock/?q=rocval")
    file = ines.get("/backoffice/stock/negoce-rhodanien.csv").content.decode()
    assert file.splitlines()[:2] == [HEADING, "negoce-rhodanien;celanthe-c6-128-aurore;40;4;0;"]

    def sent(text: str) -> int:
        upload = SimpleUploadedFile("week.csv", text.encode(), content_type="text/csv")
        return ines.post("/backoffice/stock/", {"file": upload}).status_code

    assert sent(f"{HEADING}\nentrepot;{CASE};77;1;0;\n") == 302
    assert stock_of([CASE])[CASE].available == 77
    assert sent(f"{HEADING}\nentrepot;{CASE};none;1;0;\n") == 422
    assert stock_of([CASE])[CASE].available == 77
    (act,) = CatalogueAct.objects.filter(code="stock_imported")
    assert (act.actor_name, act.values["file"]) == ("Inès C", "week.csv")
    assert "took stock in" in text_of(ines, "/backoffice/acts/")


def test_what_is_looked_for_stays_in_the_links_to_other_pages() -> None:
    found = staff().get("/backoffice/stock/", {"q": "a&b#c\0"})
    assert found.context["query"] == "partner=entrepot&q=a%26b%23c&"


def test_a_parcel_of_one_piece_leaves_alone() -> None:
    day, expected = date(2026, 12, 8), date(2026, 12, 7)
    own, supplier = PartnerKind.OWN, PartnerKind.SUPPLIER
    shares = [
        Share("entrepot", own, 1, day),
        Share("negoce", supplier, 3, day),
        Share("entrepot", own, 1, day, expected),
    ]
    with override("fr"):
        told = [text.replace("\N{NO-BREAK SPACE}", " ") for text in when_texts(shares)]
    assert told == [
        "1 part le 8 décembre 2026",
        "3 partent le 8 décembre 2026",
        "1 attendu le 7 décembre 2026, part le 8 décembre 2026",
    ]


def test_shelves_are_the_catalogue_managers_alone() -> None:
    agent = staff(StaffKind.AGENT)
    for path in ("/backoffice/stock/", "/backoffice/stock/entrepot.csv"):
        assert agent.get(path).status_code == 403
