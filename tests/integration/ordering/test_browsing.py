"""Searching and narrowing the demo shop on PostgreSQL: what is found, counted and suggested."""

from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from catalogue.domain.model import Kind, Segment
from catalogue.models import SearchEntry, SearchIndex
from catalogue.selectors import current_snapshot, forget_snapshots
from catalogue.services.publishing import roll_back
from catalogue.services.search_index import ensure_index
from commerce.kernel.errors import InvalidInput, RuleViolated
from commerce.ordering.browsing import (
    FACETS,
    SEARCHED,
    Listed,
    Wish,
    browse,
    suggest,
    unknown_words,
    without_word,
)
from commerce.ordering.comparing import compare
from commerce.ordering.showcase import ShopWindow, window

AT = datetime(2026, 11, 22, 9, tzinfo=UTC)
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("demo_catalogue")]


@pytest.fixture
def shop() -> ShopWindow:
    return window(at=AT)


def found(shop: ShopWindow, text: str, *, limit: int = 50, **wish: object) -> Listed:
    return browse(
        shop,
        Wish(text=text, **{"kinds": SEARCHED, "grouped": True, **wish}),  # type: ignore[arg-type]
        limit=limit,
    )


def codes(listed: Listed) -> list[str]:
    return [offering.code for offering in listed.offerings]


EARS = ["ecouteurs-merle", "ecouteurs-merle-silence", "casque-grand-duc"]
PLANS = ["mini-20", "essentiel-40", "horizon-130", "grand-large-300", "plein-ciel-600"]


@pytest.mark.parametrize(
    ("case", "text", "expected"),
    [
        ("an accent is missing", "ecouteurs", EARS),
        ("an accent too many, and capitals", "ÉCOUTEÙRS", EARS),
        ("the other language", "earbuds", EARS),
        ("a synonym of that language", "earphones", EARS),
        ("a synonym", "oreillette", EARS),
        ("a synonym of a category", "abonnements", PLANS),
        ("a synonym of two words", "powerbank", ["batterie-10000", "batterie-magnetique-5000"]),
        ("a letter astray", "celanhte c9", ["celanthe-c9-256-cuivre", "verre-6-7"]),
        ("the beginning of a word", "noctil mini", ["noctile-mini-128-corail"]),
        ("all words must occur", "celanthe c9 glacier 512", ["celanthe-c9-512-glacier"]),
        ("in English too", "midnight b2", ["brumaire-b2-64-nuit"]),
        ("second hand", "occasion", ["celanthe-c6-reconditionne-128-aurore"]),
        ("words that say nothing are left out", "the lantern of video", ["lanterne-video"]),
        ("a number is not mended", "flotte-51 8g", []),
        ("nothing", "nothing at all like this", []),
    ],
)
def test_what_words_find(shop: ShopWindow, case: str, text: str, expected: list[str]) -> None:
    assert sorted(codes(found(shop, text))) == sorted(expected), case


def test_what_was_mended_and_what_is_unknown_is_told(shop: ShopWindow) -> None:
    mended = found(shop, "ardovla lilas")
    assert (mended.mended, mended.total) == ("ardoval lilas", 3)
    lost = found(shop, "chargeur intergalactique")
    assert (lost.total, unknown_words(lost)) == (0, ("intergalactique",))
    wish = Wish(kinds=SEARCHED, text="chargeur intergalactique", grouped=True)
    assert without_word(shop, wish, "intergalactique") == found(shop, "chargeur").total == 7


def test_phones_come_before_what_goes_with_them(shop: ShopWindow) -> None:
    kinds = [offering.kind for offering in found(shop, "ardoval").offerings]
    assert kinds == [Kind.HANDSET] * 4 + [Kind.ACCESSORY] * (len(kinds) - 4)


def test_a_facet_counts_models_without_its_own_choice(shop: ShopWindow) -> None:
    listed = found(
        shop,
        "",
        kinds=(Kind.HANDSET,),
        chosen={"brand": ("Rocval",), "storage_gb": ("128",)},
        counted=("brand", "storage_gb", "esim"),
    )
    assert codes(listed) == ["rocval-r1-128-graphite", "rocval-r3-128-graphite"]
    assert listed.counts["brand"] == {
        "Ardoval": 3, "Brumaire": 2, "Célanthe": 2, "Halvik": 2, "Noctile": 2, "Ombrine": 2,
        "Rocval": 2,
    }  # fmt: skip
    narrowed = listed.counts["storage_gb"]
    assert {size: narrowed[size] for size in ("64", "128", "256", "512")} == {
        "64": 1, "128": 2, "256": 2, "512": 0,
    }  # fmt: skip
    assert listed.counts["esim"] == {"false": 1, "true": 1}


@pytest.mark.parametrize("name", FACETS)
def test_every_count_is_what_choosing_it_lists(shop: ShopWindow, name: str) -> None:
    base = {"network": ("5G",)} if name != "network" else {}
    listed = found(shop, "", chosen=base, counted=(name,))
    assert listed.counts[name]
    for answer, count in listed.counts[name].items():
        chosen = {**base, name: (answer,)}
        assert found(shop, "", chosen=chosen, limit=0).total == count, answer


@pytest.mark.parametrize(
    ("sort", "first"),
    [
        ("price", ["brumaire-b1-64-corail", "brumaire-b2-64-nuit"]),
        ("name", ["ardoval-a5-128-lagune", "ardoval-a7-128-lilas"]),
    ],
)
def test_models_are_sorted_by_what_their_cards_show(
    shop: ShopWindow, sort: str, first: list[str]
) -> None:
    listed = found(shop, "", kinds=(Kind.HANDSET,), sort=sort)
    prices = [shop.shown(offering).price_today.amount for offering in listed.offerings]
    assert codes(listed)[:2] == first
    if sort == "price":
        assert prices == sorted(prices)


def test_pages_follow_each_other_without_gap_or_repetition(shop: ShopWindow) -> None:
    wish = Wish(kinds=SEARCHED, sort="month", grouped=True)
    whole = codes(browse(shop, wish, limit=500))
    pages = [codes(browse(shop, wish, limit=7, offset=start)) for start in range(0, len(whole), 7)]
    assert [code for page in pages for code in page] == whole
    assert len(set(whole)) == len(whole)


def test_an_unknown_answer_or_order_is_refused(shop: ShopWindow) -> None:
    with pytest.raises(InvalidInput) as refused:
        browse(shop, Wish(chosen={"brand": ("Rocvla",)}), limit=1, strict=True)
    assert (refused.value.code, refused.value.detail["value"]) == ("unknown_facet_value", "Rocvla")
    with pytest.raises(InvalidInput, match="relevance, price"):
        browse(shop, Wish(sort="magic"), limit=1)


def test_business_offers_stay_out_of_the_shop(shop: ShopWindow) -> None:
    assert codes(found(shop, "flotte", kinds=(Kind.PLAN,))) == []
    firm = window(at=AT, segment=Segment.BUSINESS, channel="b2b_api")
    assert codes(found(firm, "flotte", kinds=(Kind.PLAN,))) == [
        "flotte-20",
        "flotte-50",
        "flotte-200",
    ]


def test_a_search_takes_three_queries_and_a_list_none(shop: ShopWindow) -> None:
    found(shop, "lilas", counted=FACETS)
    for text, queries in (("", 0), ("ardovla lilas 5g", 3)):
        with CaptureQueriesContext(connection) as asked:
            found(shop, text, counted=FACETS, sort="month")
        assert len(asked) == queries, text


def test_suggestions_name_categories_makes_and_models(shop: ShopWindow) -> None:
    typed = suggest(shop, "noct", kinds=SEARCHED, language="fr")
    assert typed.brands == (("Noctile", 6),)
    assert typed.categories == ()
    families = [offering.family for offering in typed.offerings[:4]]
    assert families == ["noctile-un", "noctile-deux", "noctile-pli", "noctile-mini"]
    assert suggest(shop, "coq", kinds=SEARCHED, language="fr").categories == (("coques", 8),)
    assert suggest(shop, "cas", kinds=SEARCHED, language="en").categories == (("coques", 8),)
    assert suggest(shop, "n", kinds=SEARCHED, language="fr").offerings == ()


def test_a_release_that_is_sold_again_finds_its_index() -> None:
    entries = SearchEntry.objects.count()
    roll_back(to=1, at=AT)
    forget_snapshots()
    assert current_snapshot(AT).release == 2
    assert codes(found(window(at=AT), "casque")) != []
    assert (SearchIndex.objects.count(), SearchEntry.objects.count()) == (1, entries)
    assert entries == len(current_snapshot(AT).offerings)


def test_an_index_that_is_missing_is_made_again(shop: ShopWindow) -> None:
    SearchIndex.objects.all().delete()
    assert sorted(codes(found(shop, "casque"))) == sorted(EARS)
    assert SearchIndex.objects.count() == 1
    assert ensure_index(shop.window.catalogue) == SearchIndex.objects.get().pk


def test_phones_side_by_side_name_the_cheapest_and_what_differs(shop: ShopWindow) -> None:
    offering = shop.window.catalogue.offering
    pair = [offering("ardoval-a5-128-nuit"), offering("ardoval-x2-128-nuit")]
    table = compare(shop, [*pair, pair[0]])
    assert [shown.offering.code for shown in table.columns] == [each.code for each in pair]
    assert [shown.plan and shown.plan.code for shown in table.columns] == [
        "essentiel-40",
        "horizon-130",
    ]
    assert (table.cheapest.today, table.cheapest.total) == (frozenset({0}), frozenset({0}))
    rows = {row.name: row for row in table.rows}
    assert (rows["storage_gb"].differs, rows["esim"].differs) == (False, True)


@pytest.mark.parametrize(
    ("named", "code"),
    [
        (["horizon-130", "ardoval-a5-128-nuit"], "compare_kinds_mixed"),
        (["chargeur-30w"], "compare_no_table"),
        (PLANS, "compare_too_many"),
    ],
)
def test_what_has_no_table_is_refused(shop: ShopWindow, named: list[str], code: str) -> None:
    with pytest.raises(RuleViolated) as refused:
        compare(shop, [shop.window.catalogue.offering(each) for each in named])
    assert refused.value.code == code
