"""Looking for offers by API: words, facets with counts, suggestions, comparisons, refusals."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.api.conftest import Api, money

PAIR = "ardoval-a5-128-nuit,ardoval-x2-128-nuit"


def test_a_search_is_mended_narrowed_sorted_and_counted(visitor: Api) -> None:
    found = visitor.get(
        "offerings", q="chargeru orme", price="10..39.99", sort="price", facets="brand,price"
    ).json()
    prices = [item["price"]["today"]["amount"] for item in found["items"]]
    assert found["searched_for"] == "charger orme"
    assert [item["code"] for item in found["items"]][:2] == ["cable-usb-c-1m", "cable-usb-c-2m"]
    assert prices == sorted(prices, key=float)
    brand, price = found["facets"]
    assert (brand["code"], brand["name"]) == ("brand", "Make")
    assert [(v["value"], v["count"], v["chosen"]) for v in brand["values"]] == [
        ("Orme", found["total"], False)
    ]
    assert sum(value["count"] for value in price["values"] if value["value"] != "10..39.99") == 7


@pytest.mark.parametrize(
    ("query", "code", "field"),
    [
        ({"colour": "violet-from-nowhere"}, "unknown_facet_value", "colour"),
        ({"price": "cheap..dear"}, "unknown_facet_value", "price"),
        ({"facets": "brand,shoe_size"}, "unknown_facet", "facets"),
        ({"sort": "magic"}, "invalid_input", "sort"),
    ],
)
def test_what_is_no_choice_is_refused(
    visitor: Api, query: dict[str, str], code: str, field: str
) -> None:
    answer = visitor.get("offerings", **query)
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert answer["Content-Type"] == "application/problem+json"
    named = answer.json()["errors"] or [answer.json()["values"]]
    assert named[0]["field"] == field


def test_business_sees_its_own_counts(visitor: Api, buyer: Api) -> None:
    totals = [who.get("offerings", kind="plan").json()["total"] for who in (visitor, buyer)]
    assert totals == [5, 3]


def test_suggestions_come_in_the_readers_words(visitor: Api) -> None:
    found = visitor.get("suggestions", q="noct").json()
    assert found["brands"] == [{"code": "Noctile", "name": "Noctile", "count": 6}]
    assert [each["family"] for each in found["offerings"]][:2] == ["noctile-un", "noctile-deux"]
    cases = visitor.get("suggestions", q="cas").json()["categories"]
    assert cases == [{"code": "coques", "name": "Cases and protection", "count": 8}]
    visitor.headers = {"Accept-Language": "fr"}
    assert visitor.get("suggestions", q="coq").json()["categories"][0]["name"] == (
        "Coques et protections"
    )


def test_two_phones_are_compared_with_the_plans_that_are_cheapest_for_them(visitor: Api) -> None:
    found = visitor.get("comparisons", offers=PAIR).json()
    assert [each["code"] for each in found["offerings"]] == PAIR.split(",")
    assert [each["price"]["plan"] for each in found["offerings"]] == ["essentiel-40", "horizon-130"]
    assert found["offerings"][0]["price"]["lasting_month"] == money("9.99")
    least = ["ardoval-a5-128-nuit"]
    assert found["cheapest"] == {"today": least, "month": least, "total": least}
    esim = next(row for row in found["rows"] if row["code"] == "esim")
    assert (esim["differs"], [value["values"] for value in esim["values"]]) == (
        True,
        [["false"], ["true"]],
    )


@pytest.mark.parametrize(
    ("offers", "status", "code"),
    [
        ("horizon-130,ardoval-a5-128-nuit", 422, "compare_kinds_mixed"),
        ("chargeur-30w", 422, "compare_no_table"),
        ("mini-20,essentiel-40,horizon-130,grand-large-300,plein-ciel-600", 422,
         "compare_too_many"),
        ("no-such-thing", 404, "unknown_offering"),
        (",", 400, "compare_nothing"),
    ],
)  # fmt: skip
def test_what_can_not_be_compared_is_refused(
    visitor: Api, offers: str, status: int, code: str
) -> None:
    answer = visitor.get("comparisons", offers=offers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_a_search_with_every_facet_takes_few_queries(visitor: Api) -> None:
    visitor.get("offerings", q="lilas", facets="all")
    with CaptureQueriesContext(connection) as asked:
        found = visitor.get("offerings", q="lilas orme", facets="all", sort="month")
    assert found.status_code == 200
    assert len(asked) <= 7
