"""The guide's pages: addresses that hold everything, consequences before they happen."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from catalogue.selectors import forget_snapshots
from catalogue.services.imports import import_catalogue
from commerce.kernel.clock import business_time_fixed
from commerce.ordering.models import Cart, CartItem
from tests.unit.catalogue.catalogues import DEMO
from tests.unit.catalogue.packs import PACKS
from tests.unit.catalogue.test_packs import with_packs

AT = datetime(2026, 11, 22, 9, tzinfo=UTC)
X2 = "handset=ardoval-x2-128-nuit&plan=horizon-130&sim=esim&term=24"
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("demo_catalogue")]


@pytest.fixture
def visitor() -> Client:
    return Client(headers={"accept-language": "en"})


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/build/", "The best plan for my usage"),
        ("/build/handset/handset/", "Which phone?"),
        (f"/build/handset/plan/?{X2}", "Which plan with this Ardoval X2?"),
        (f"/build/handset/extras/?{X2}", "Accessories that fit"),
        ("/build/plan/plan/", "Which plan?"),
        ("/build/keep-handset/plan/?term=0", "Which plan?"),
        ("/build/usage/?data=60&abroad=20", "Includes 30\u00a0GB in Europe, you use 40\u00a0GB"),
    ],
)
def test_a_draft_asks_three_queries_at_most_and_stores_nothing(
    visitor: Client, path: str, said: str
) -> None:
    visitor.get(path)
    with CaptureQueriesContext(connection) as asked:
        answer = visitor.get(path)
    assert answer.status_code == 200
    assert said in answer.content.decode()
    assert len(asked) <= 3
    assert not Cart.objects.exists()


def test_a_strangers_address_shows_the_same_choices_and_prices(visitor: Client) -> None:
    path = f"/build/handset/plan/?{X2}&data=60"
    mine = visitor.get(path).content.decode()
    other = Client(headers={"accept-language": "en"}).get(path).content.decode()
    for said in ("€235.00", "+€10", "The cheapest for your usage"):
        assert said in mine
        assert said in other


def test_a_step_in_a_cart_has_an_address_that_can_be_shared(visitor: Client) -> None:
    step = str(
        visitor.post("/build/start/", {"handset": "ardoval-x2-128-nuit", "term": "24"})["Location"]
    )
    shared = visitor.get(step).context["share_url"]
    assert "/build/handset/plan/?" in shared
    assert Cart.objects.get().code not in shared
    stranger = Client(headers={"accept-language": "en"})
    assert stranger.get(step).status_code == 404
    assert "Which plan with this Ardoval X2?" in stranger.get(shared).content.decode()


def test_a_draft_goes_into_the_cart_with_everything_and_on_to_the_number(visitor: Client) -> None:
    answer = visitor.post(
        "/build/handset/keep/",
        {
            "handset": "ardoval-x2-128-nuit",
            "plan": "horizon-130",
            "sim": "esim",
            "term": "24",
            "accessory": ["coque-ardoval-x2", "chargeur-30w"],
            "content": "ondine-musique",
        },
    )
    cart = Cart.objects.get()
    assert answer["Location"] == f"/build/{cart.code}/g1/sim/"
    found = set(CartItem.objects.values_list("role", "offering", "term"))
    assert found == {
        ("handset", "ardoval-x2-128-nuit", 0),
        ("plan", "horizon-130", 24),
        ("sim", "esim", 0),
        ("accessory", "coque-ardoval-x2", 0),
        ("accessory", "chargeur-30w", 0),
        ("content", "ondine-musique", 0),
    }


def test_another_phone_tells_what_changes_with_it_before_anything_changes(visitor: Client) -> None:
    step = str(
        visitor.post("/build/start/", {"handset": "ardoval-x2-128-nuit", "term": "24"})["Location"]
    ).replace("/plan/", "/handset/")
    before = set(CartItem.objects.values_list("role", "offering"))
    answer = visitor.post(step, {"choose": "ardoval-a5-128-nuit"})
    assert answer["Location"].endswith("?confirm=ardoval-a5-128-nuit&place=handset")
    assert set(CartItem.objects.values_list("role", "offering")) == before
    page = visitor.get(answer["Location"])
    text = page.content.decode()
    assert "Essentiel 40 instead of Horizon 130 5G" in text
    assert "This phone does not take an eSIM." in text
    confirm = page.context["confirm"]
    visitor.post(step, {"choose": "ardoval-a5-128-nuit", "accept": confirm["accept"]})
    assert set(CartItem.objects.values_list("role", "offering")) == {
        ("handset", "ardoval-a5-128-nuit"),
        ("plan", "essentiel-40"),
        ("sim", "carte-sim"),
    }


def test_what_does_not_go_together_in_an_address_is_said_and_does_not_go_on(
    visitor: Client,
) -> None:
    path = "/build/handset/plan/?handset=ardoval-a5-128-nuit&plan=horizon-130&sim=esim&term=24"
    page = visitor.get(path)
    assert "This 5G plan needs a 5G phone" in page.content.decode()
    assert "action_url" not in page.context["panel"]


@pytest.mark.parametrize(
    "path",
    ["/build/renew/handset/", "/build/add/extras/?line=1", "/build/nothing/plan/",
     "/build/handset/nothing/", "/build/keep-handset/handset/"],
)  # fmt: skip
def test_what_is_no_journey_of_the_caller_is_not_found(visitor: Client, path: str) -> None:
    assert visitor.get(path).status_code == 404


@pytest.mark.parametrize(
    "query", ["budget=-1&data=x", "term=7", "handset=%00", "confirm=none", "budget=999999999"]
)
def test_nonsense_in_an_address_is_no_answer(visitor: Client, query: str) -> None:
    assert visitor.get(f"/build/handset/handset/?{query}").status_code == 200


PACK = f"{X2}&accessory=chargeur-30w&content=ondine-musique"


@contextmanager
def packs_on_sale(folder: Path, packs: str = PACKS) -> Iterator[None]:
    with business_time_fixed(AT):
        forget_snapshots()
        import_catalogue(with_packs(folder / "shop", packs), at=AT)
        try:
            yield
        finally:
            forget_snapshots()


@pytest.fixture
def packs(tmp_path: Path) -> Iterator[None]:
    """A bundle that nests two levels of others is on sale beside the demo's."""
    with packs_on_sale(tmp_path):
        yield


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/build/", "Home office"),
        ("/build/pack/handset/", "Which phone?"),
        (f"/build/pack/plan/?{PACK}", "Which plan with this Ardoval X2?"),
        (f"/build/pack/extras/?{PACK}", "Accessories that fit"),
        (f"/build/pack/sim/?{PACK}", "eSIM"),
    ],
)
def test_a_pack_is_chosen_step_by_step_through_its_nested_bundles(
    visitor: Client, packs: None, path: str, said: str
) -> None:
    answer = visitor.get(path)
    assert answer.status_code == 200
    assert said in answer.content.decode()


def test_a_pack_goes_into_the_cart_whose_lines_name_their_nested_bundle(
    visitor: Client, packs: None
) -> None:
    chosen = {"handset": "ardoval-x2-128-nuit", "plan": "horizon-130", "sim": "esim", "term": "24"}
    visitor.post("/build/pack/keep/", chosen | {"content": "ondine-musique"})
    cart = Cart.objects.get()
    assert cart.bundles == {"g1": "home-office"}
    page = visitor.get(f"/cart/{cart.code}/").content.decode()
    assert "In: Sound kit" in page
    assert "Accessories" in page, "the work kit around it needs one"
    visitor.post(f"/build/{cart.code}/g1/extras/", {"choose": "chargeur-30w"})
    page = visitor.get(f"/cart/{cart.code}/").content.decode()
    assert (
        page.index("In: Phone and plan") < page.index("In: Sound kit") < page.index("In: Work kit")
    )
    assert "€19.90" in page


def test_a_step_for_one_of_a_nested_bundle_that_is_left_out_leads_on(
    visitor: Client, tmp_path: Path
) -> None:
    text = PACKS.replace("minimum: 1, maximum: 3", "minimum: 1, maximum: 1")
    assert text != PACKS
    chosen = {"handset": "ardoval-x2-128-nuit", "plan": "horizon-130", "sim": "esim", "term": "24"}
    with packs_on_sale(tmp_path, text):
        visitor.post("/build/pack/keep/", chosen)
        code = Cart.objects.get().code
        music = visitor.get(f"/build/{code}/g1/content/").content.decode()
        CartItem.objects.filter(role="handset").delete()
        phone = visitor.get(f"/build/{code}/g1/handset/").content.decode()
    assert "Continue: " in music
    assert "Continue: " not in phone, "no pack is whole without a phone"


def test_extras_of_a_role_of_the_catalogues_own_have_its_name(
    visitor: Client, tmp_path: Path
) -> None:
    text = PACKS.replace("role: content", "role: music").replace("fact: content.", "fact: music.")
    chosen = {"handset": "ardoval-x2-128-nuit", "plan": "horizon-130", "sim": "esim", "term": "24"}
    with packs_on_sale(tmp_path, text):
        visitor.post("/build/pack/keep/", chosen)
        code = Cart.objects.get().code
        page = visitor.get(f"/build/{code}/g1/extras/").content.decode()
    assert ">music</h2>" in page
    assert "Accessories that fit" in page


def test_a_line_that_may_be_left_out_can_be_reached_from_the_cart(
    visitor: Client, tmp_path: Path
) -> None:
    second = "      - {place: second, kind: bundle, line: true, default: plan-only"
    known = (DEMO / "packs.yaml").read_text(encoding="utf-8")
    text = known.replace(second, f"{second}, minimum: 0")
    assert text != known
    chosen = {"handset": "ardoval-x2-128-nuit", "plan": "horizon-130", "sim": "esim", "term": "24"}
    with packs_on_sale(tmp_path, text):
        visitor.post("/build/lines/keep/", chosen | {"bundle": "duo-pack/first"})
        code = Cart.objects.get().code
        page = visitor.get(f"/cart/{code}/")
        (line,) = page.context["empty"]
        step = visitor.get(line["url"])
    assert line == {"title": "Duo pack: Plan only", "url": f"/build/{code}/g1.second/plan/"}
    assert f'href="{line["url"]}"' in page.content.decode()
    assert "Which plan?" in step.content.decode()


def test_a_line_of_a_pack_is_named_and_does_not_go_on_without_a_sim(visitor: Client) -> None:
    chosen = {"handset": "ardoval-x2-128-nuit", "plan": "horizon-130", "sim": "esim", "term": "24"}
    visitor.post("/build/lines/keep/", chosen | {"bundle": "duo-pack/first"})
    second = f"/build/{Cart.objects.get().code}/g1.second"
    plan = visitor.get(f"{second}/plan/").content.decode()
    assert "Duo pack: line 2 of 2" in plan
    visitor.post(f"{second}/plan/", {"choose": "essentiel-40", "term": "24"})
    number = visitor.get(f"{second}/sim/").context["picked"]
    without = visitor.post(f"{second}/sim/", {"keep": "new", "proposed": number})
    assert without.status_code == 200
    assert "Choose a SIM card or an eSIM" in without.content.decode()
    answer = visitor.post(f"{second}/sim/", {"keep": "new", "proposed": number, "sim": "esim"})
    assert answer.status_code == 302
    assert answer["Location"].startswith("/cart/summary/")
