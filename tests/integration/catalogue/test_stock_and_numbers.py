"""Holds on stock and numbers: all or nothing, and once."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from oscar.apps.partner.models import StockRecord

from catalogue.models import Number, StockHold
from catalogue.pool import propose
from catalogue.selectors import number_of, stock_of
from catalogue.services import numbers, stock
from catalogue.services.stock import StockLine
from commerce.kernel.clock import business_time_fixed
from commerce.kernel.errors import Conflict, RuleViolated

CASE, SIM = "coque-noctile", "carte-sim"
HOUR = timedelta(hours=1)


def leave(code: str, pieces: int) -> None:
    """The own warehouse has so many of it."""
    StockRecord.objects.filter(partner__code="entrepot", partner_sku=code).update(
        num_in_stock=pieces, num_allocated=0
    )


def record(code: str) -> tuple[int, int]:
    found = StockRecord.objects.get(partner__code="entrepot", partner_sku=code)
    return found.num_in_stock, found.num_allocated


def test_a_hold_takes_pieces_off_sale_and_its_end_gives_them_back(shop: datetime) -> None:
    leave(CASE, 5)
    stock.hold(lines=[StockLine(CASE, 2), StockLine(CASE, 1)], key="cart-1", until=shop + HOUR)
    assert stock_of([CASE])[CASE].available == 2
    stock.release_hold("cart-1")
    stock.release_hold("cart-1")
    assert record(CASE) == (5, 0)


def test_a_hold_is_all_or_nothing(shop: datetime) -> None:
    leave(CASE, 5)
    leave(SIM, 1)
    with pytest.raises(RuleViolated) as refused:
        stock.hold(lines=[StockLine(CASE, 1), StockLine(SIM, 2)], key="cart-1", until=shop + HOUR)
    assert refused.value.code == "out_of_stock"
    assert refused.value.detail == {"offering": SIM, "asked": 2, "available": 1}
    assert (record(CASE), record(SIM)) == ((5, 0), (1, 0))
    assert not StockHold.objects.exists()


def test_a_hold_asked_for_twice_is_one(shop: datetime) -> None:
    leave(CASE, 5)
    for hours in (1, 2):
        stock.hold(lines=[StockLine(CASE, 2)], key="cart-1", until=shop + hours * HOUR)
    assert record(CASE) == (5, 2)
    assert StockHold.objects.get().until == shop + 2 * HOUR


def test_a_sale_takes_the_pieces_out_once_and_a_cancelled_one_brings_them_back(
    shop: datetime,
) -> None:
    leave(CASE, 5)
    stock.hold(lines=[StockLine(CASE, 2)], key="cart-1", until=shop + HOUR)
    stock.commit_hold("cart-1")
    stock.commit_hold("cart-1")
    assert record(CASE) == (3, 0)
    stock.release_hold("cart-1")
    assert record(CASE) == (3, 0)
    stock.restock("cart-1")
    stock.restock("cart-1")
    assert record(CASE) == (5, 0)


def test_pieces_that_went_back_on_sale_can_not_be_sold_under_the_old_hold(shop: datetime) -> None:
    leave(CASE, 1)
    stock.hold(lines=[StockLine(CASE, 1)], key="slow", until=shop + HOUR)
    with business_time_fixed(shop + 2 * HOUR):
        stock.hold(lines=[StockLine(CASE, 1)], key="quick", until=shop + 3 * HOUR)
    with pytest.raises(Conflict) as refused:
        stock.commit_hold("slow")
    assert refused.value.code == "hold_released"
    assert record(CASE) == (1, 1)


def test_pieces_whose_hold_has_ended_are_available_at_once(shop: datetime) -> None:
    leave(CASE, 5)
    stock.hold(lines=[StockLine(CASE, 2)], key="cart-1", until=shop + HOUR)
    stock.hold(lines=[StockLine(CASE, 1)], key="cart-2", until=shop + 2 * HOUR)
    assert stock_of([CASE])[CASE].available == 2
    with business_time_fixed(shop + HOUR):
        assert stock_of([CASE])[CASE].available == 4
    with business_time_fixed(shop + 2 * HOUR):
        assert stock_of([CASE])[CASE].available == 5
        assert record(CASE) == (5, 3)


def test_expired_holds_are_swept(shop: datetime) -> None:
    leave(CASE, 5)
    stock.hold(lines=[StockLine(CASE, 2)], key="cart-1", until=shop + HOUR)
    assert stock.release_expired(at=shop) == 0
    assert stock.release_expired(at=shop + HOUR) == 1
    assert record(CASE) == (5, 0)


def test_a_thing_that_lies_in_shops_alone_is_not_sold_by_parcel(shop: datetime) -> None:
    StockRecord.objects.filter(partner__code="entrepot", partner_sku=SIM).delete()
    with pytest.raises(RuleViolated) as refused:
        stock.hold(lines=[StockLine(SIM, 1)], key="cart-1", until=shop + HOUR)
    assert refused.value.detail == {"offering": SIM, "asked": 1, "available": 0}
    assert not StockHold.objects.exists()


def test_a_number_is_proposed_held_assigned_and_retired(shop: datetime) -> None:
    proposed = propose(count=5, at=shop, salt="7K2-Q9F")
    assert proposed == propose(count=5, at=shop, salt="7K2-Q9F")
    assert len(set(proposed)) == 5
    assert numbers.hold_number(msisdn=proposed[0], key="F-1/2", until=shop + HOUR) == proposed[0]
    assert proposed[0] not in propose(count=2000, at=shop)
    assert numbers.assign("F-1/2") == proposed[0]
    assert numbers.assign("F-1/2") == proposed[0]
    numbers.release("F-1/2")
    assert number_of("F-1/2") == proposed[0]
    numbers.retire(key="F-1/2", until=date(2027, 2, 1))
    assert Number.objects.get(msisdn=proposed[0]).state == "quarantine"


def test_a_held_number_can_be_changed_and_expires(shop: datetime) -> None:
    first = numbers.hold_number(key="F-1/2", until=shop + HOUR)
    second = numbers.hold_number(msisdn="0639980900", key="F-1/2", until=shop + HOUR)
    assert (first, second) == ("0639980001", "0639980900")
    assert Number.objects.get(msisdn=first).state == "free"
    assert numbers.release_expired(at=shop + HOUR) == 1
    with pytest.raises(Conflict) as refused:
        numbers.assign("F-1/2")
    assert refused.value.code == "number_not_held"


def test_gold_numbers_are_a_class_of_their_own(shop: datetime) -> None:
    (gold,) = propose(count=1, klass="gold", at=shop)
    assert gold.startswith("06399899")
    assert not any(n.startswith("06399899") for n in propose(count=1900, at=shop))


def test_a_ported_number_joins_the_pool_once(shop: datetime) -> None:
    for _ in range(2):
        numbers.record_port_in(msisdn="0639981234", key="F-1/2")
    assert number_of("F-1/2") == "0639981234"
    with pytest.raises(Conflict, match="already in use"):
        numbers.record_port_in(msisdn="0639981234", key="F-2/2")


def test_a_number_is_brought_in_by_one_order_only(shop: datetime) -> None:
    ours, theirs = "0639980007", "0639981234"
    numbers.announce_port_ins({"F-1/2": theirs})
    numbers.announce_port_ins({"F-1/2": theirs})
    refused = numbers.refused_port_ins([ours, theirs, "0639985555"])
    assert {msisdn: error.code for msisdn, error in refused.items()} == {
        ours: "number_is_ours",
        theirs: "port_under_way",
    }
    with pytest.raises(RuleViolated) as second, transaction.atomic():
        numbers.announce_port_ins({"F-2/2": "0639985555", "F-2/4": theirs})
    assert second.value.code == "port_under_way"
    assert not Number.objects.filter(msisdn="0639985555").exists()
    numbers.withdraw_port_ins(["F-1/2"])
    numbers.announce_port_ins({"F-2/2": theirs})
    numbers.record_port_in(msisdn=theirs, key="F-2/2")
    numbers.withdraw_port_ins(["F-2/2"])
    assert Number.objects.get(msisdn=theirs).state == "ported_in"
    assert numbers.refused_port_ins([theirs])[theirs].code == "number_is_ours"


def test_a_number_that_left_may_come_back(shop: datetime) -> None:
    numbers.announce_port_ins({"F-1/2": "0639981234"})
    numbers.record_port_in(msisdn="0639981234", key="F-1/2")
    numbers.retire(key="F-1/2", until=date(2027, 2, 1))
    assert numbers.refused_port_ins(["0639981234"]) == {}
    numbers.announce_port_ins({"F-9/2": "0639981234"})
    assert number_of("F-9/2") == "0639981234"


def test_a_number_that_is_given_up_at_that_moment_is_asked_for_again(
    shop: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers.announce_port_ins({"F-1/2": "0639981234"})
    insert = Number.objects.bulk_create

    def then_given_up(*args: Any, **options: Any) -> None:
        insert(*args, **options)
        numbers.withdraw_port_ins(["F-1/2"])

    monkeypatch.setattr(Number.objects, "bulk_create", then_given_up)
    with pytest.raises(RuleViolated) as refused:
        numbers.announce_port_ins({"F-2/2": "0639981234"})
    assert refused.value.code == "port_under_way"
