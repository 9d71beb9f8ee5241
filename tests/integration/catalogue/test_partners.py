"""Stock of several partners: split, back-ordered, fetched in a shop; never beyond what comes."""

from datetime import date, datetime, timedelta

import pytest
from django.db import transaction
from oscar.apps.partner.models import Partner, StockRecord

from catalogue.models import StockHold, Supply
from catalogue.selectors import stock_of
from catalogue.services import stock
from catalogue.services.imports import import_catalogue
from catalogue.services.stock import StockLine
from catalogue.shops import shop as find_shop
from catalogue.shops import shops, shops_with
from commerce.kernel.clock import business_time_fixed
from commerce.kernel.errors import RuleViolated
from tests.demo import DEMO
from tests.integration.catalogue.test_stock_and_numbers import HOUR

AHEAD = "ombrine-s1-pro-256-encre"
"""None is there, 20 are expected on 8 December."""
SHARED = "rocval-r5-thermo-256-graphite"
"""4 in the own warehouse, 400 and 60 at two suppliers."""
EXPECTED = date(2026, 12, 8)


def counts(code: str, partner: str = "entrepot") -> tuple[int, int, int, int]:
    """Pieces there, kept of these, to come, kept of these."""
    record = StockRecord.objects.get(partner__code=partner, partner_sku=code)
    supply = Supply.objects.get(stock_record=record)
    return record.num_in_stock, record.num_allocated, supply.coming, supply.coming_held


def keep(code: str, quantity: int, *, key: str, until: datetime, shop: str = "") -> list[str]:
    with transaction.atomic():
        line = StockLine(code, quantity, "1")
        found = stock.hold_new(lines=[line], key=key, until=until, shop=shop)
    return [
        f"{share.partner} {share.quantity} {share.expected_on or 'now'}" for share in found["1"]
    ]


def test_what_one_partner_alone_has_too_few_of_comes_from_several(shop: datetime) -> None:
    assert keep(SHARED, 3, key="F-1", until=shop + HOUR) == ["entrepot 3 now"]
    assert keep(SHARED, 3, key="F-2", until=shop + HOUR) == ["comptoir-atlantique 3 now"]
    split = ["entrepot 1 now", "comptoir-atlantique 397 now", "negoce-rhodanien 2 now"]
    assert keep(SHARED, 400, key="F-3", until=shop + HOUR) == split
    assert stock_of([SHARED])[SHARED].available == 58
    stock.release_hold("F-3")
    assert counts(SHARED)[:2] == (4, 3)
    assert counts(SHARED, "negoce-rhodanien")[:2] == (60, 0)


def test_pieces_to_come_are_kept_sold_and_given_back_apart_from_those_that_are_there(
    shop: datetime,
) -> None:
    facts = stock_of([AHEAD])[AHEAD]
    assert (facts.available, facts.coming, facts.back_order_on) == (0, 20, EXPECTED)
    assert keep(AHEAD, 3, key="F-1", until=shop + HOUR) == ["entrepot 3 2026-12-08"]
    assert counts(AHEAD) == (0, 0, 20, 3)
    assert stock_of([AHEAD])[AHEAD].coming == 17
    stock.commit_hold("F-1")
    stock.commit_hold("F-1")
    assert counts(AHEAD) == (0, 0, 17, 0)
    stock.restock("F-1")
    stock.restock("F-1")
    assert counts(AHEAD) == (0, 0, 20, 0)


def test_a_cancelled_back_order_that_has_arrived_lies_on_the_shelf(shop: datetime) -> None:
    keep(AHEAD, 3, key="F-1", until=shop + HOUR)
    stock.commit_hold("F-1")
    with business_time_fixed(datetime(2026, 12, 9, 9, tzinfo=shop.tzinfo)):
        stock.restock("F-1")
    assert counts(AHEAD) == (3, 0, 17, 0)


def test_nothing_is_promised_beyond_what_comes_nor_for_a_date_that_has_passed(
    shop: datetime,
) -> None:
    keep(AHEAD, 20, key="F-1", until=shop + HOUR)
    with pytest.raises(RuleViolated) as refused:
        keep(AHEAD, 1, key="F-2", until=shop + HOUR)
    assert refused.value.detail == {"offering": AHEAD, "asked": 1, "available": 0}
    with business_time_fixed(shop + 2 * HOUR):
        assert stock_of([AHEAD])[AHEAD].coming == 20
        assert keep(AHEAD, 2, key="F-3", until=shop + 3 * HOUR) == ["entrepot 2 2026-12-08"]
    assert StockHold.objects.get(key="F-1").state == "released"
    assert counts(AHEAD) == (0, 0, 20, 2)
    with business_time_fixed(shop + timedelta(days=30)):
        assert stock_of([AHEAD])[AHEAD].orderable == 0


def test_what_lies_in_a_shop_is_only_for_those_who_fetch_it_there(shop: datetime) -> None:
    case, place = "coque-ardoval-x2", "boutique-lyon"
    before = stock_of([case])[case].available
    there = counts(case, place)[0]
    assert keep(case, there, key="F-1", until=shop + HOUR, shop=place) == [f"{place} {there} now"]
    with pytest.raises(RuleViolated) as refused:
        keep(case, 1, key="F-2", until=shop + HOUR, shop=place)
    assert refused.value.code == "out_of_stock"
    assert stock_of([case])[case].available == before == 40
    with pytest.raises(RuleViolated):
        keep("halvik-bureau-128-craie", 1, key="F-3", until=shop + HOUR, shop=place)


def test_shops_are_sorted_by_postcode_and_town(shop: datetime) -> None:
    def codes(near: str) -> list[str]:
        return [each.code.removeprefix("boutique-") for each in shops(near=near)][:2]

    assert codes("69120") == ["villeurbanne", "lyon"]
    assert codes("69001") == ["lyon", "villeurbanne"]
    assert codes("nantes")[0] == "nantes"
    assert codes("LILLE")[0] == "lille"


def test_a_shop_that_moves_is_called_as_the_catalogue_calls_it(shop: datetime) -> None:
    Partner.objects.filter(code="boutique-lyon").update(name="Boutique Lyon Canuts")
    import_catalogue(DEMO, at=shop)
    assert find_shop("boutique-lyon").name == "Boutique Lyon Tisserands"
    assert Partner.objects.count() == 8


def test_each_shop_says_what_it_lacks(shop: datetime) -> None:
    found = shops_with({"carte-sim": 1, "halvik-bureau-128-craie": 1}, among=shops())
    assert [dict(lacks) for _, lacks in found] == [{"halvik-bureau-128-craie": 0}] * 5
    assert all(not lacks for _, lacks in shops_with({"carte-sim": 60}, among=shops()))
