"""What many want at the same moment, on connections of their own: the last piece, one number, the
last that will come; a file of stock and a sale. Committed, so apart from what is rolled back."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from threading import Barrier
from time import monotonic, sleep

import pytest
from django.db import connection, connections, transaction
from oscar.apps.partner.models import StockRecord

from catalogue.models import Number, Supply
from catalogue.services import numbers, stock
from catalogue.services.stock import StockLine
from catalogue.services.stock_import import StockImported
from commerce.kernel.clock import business_time_fixed
from commerce.kernel.errors import FaisceauError
from tests.integration.catalogue.test_partners import AHEAD, counts, keep
from tests.integration.catalogue.test_stock_and_numbers import CASE, HOUR, SIM, leave, record
from tests.integration.catalogue.test_stock_import import taken_in


def together(jobs: list[Callable[[], object]], *, at: datetime) -> list[object]:
    """Run the jobs at the same moment on connections of their own; answers or errors' codes."""
    gate = Barrier(len(jobs))

    def run(job: Callable[[], object]) -> object:
        try:
            with business_time_fixed(at):
                gate.wait(timeout=20)
                return job()
        except FaisceauError as error:
            return error.code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(jobs)) as pool:
        return list(pool.map(run, jobs))


def test_the_last_piece_is_sold_once(committed_shop: datetime) -> None:
    leave(CASE, 1)

    def buy(key: str) -> Callable[[], object]:
        return lambda: stock.hold(lines=[StockLine(CASE, 1)], key=key, until=committed_shop + HOUR)

    answers = together([buy(f"cart-{n}") for n in range(6)], at=committed_shop)
    assert sorted(map(str, answers)) == ["None"] + ["out_of_stock"] * 5
    assert record(CASE) == (1, 1)


def test_the_last_piece_is_sold_once_to_orders_that_are_placed_together(
    committed_shop: datetime,
) -> None:
    leave(CASE, 1)
    leave(SIM, 100)
    lines = [StockLine(SIM, 1, "1"), StockLine(CASE, 1, "2")]

    def place(key: str) -> Callable[[], object]:
        def order() -> object:
            with transaction.atomic():
                shares = stock.hold_new(lines=lines, key=key, until=committed_shop + HOUR)
                return shares["2"][0].partner

        return order

    answers = together([place(f"F-{n}") for n in range(32)], at=committed_shop)
    assert sorted(map(str, answers)) == ["entrepot"] + ["out_of_stock"] * 31
    assert (record(CASE), record(SIM)) == ((1, 1), (100, 1))


def test_carts_that_want_the_same_things_in_other_orders_never_block_each_other(
    committed_shop: datetime,
) -> None:
    leave(CASE, 100)
    leave(SIM, 100)
    orders = [[StockLine(CASE, 1), StockLine(SIM, 1)], [StockLine(SIM, 1), StockLine(CASE, 1)]]

    def buy(n: int) -> Callable[[], object]:
        return lambda: stock.hold(lines=orders[n % 2], key=f"cart-{n}", until=committed_shop + HOUR)

    assert together([buy(n) for n in range(6)], at=committed_shop) == [None] * 6
    assert (record(CASE), record(SIM)) == ((100, 6), (100, 6))


def test_one_cart_checked_out_twice_at_once_holds_once(committed_shop: datetime) -> None:
    leave(CASE, 10)
    lines = [StockLine(CASE, 2)]
    until = committed_shop + HOUR
    jobs = [lambda: stock.hold(lines=lines, key="cart-1", until=until)] * 3
    assert together(list(jobs), at=committed_shop) == [None] * 3
    assert record(CASE) == (10, 2)


def test_the_last_number_is_given_once(committed_shop: datetime) -> None:
    Number.objects.exclude(msisdn="0639980007").delete()
    until = committed_shop + HOUR

    def take(key: str) -> Callable[[], object]:
        return lambda: numbers.hold_number(key=key, until=until)

    answers = together([take(f"line-{n}") for n in range(4)], at=committed_shop)
    assert sorted(map(str, answers)) == ["0639980007"] + ["no_number_left"] * 3


def test_of_32_who_want_one_number_one_gets_it(committed_shop: datetime) -> None:
    until = committed_shop + HOUR

    def take(key: str) -> Callable[[], object]:
        return lambda: numbers.hold_number(msisdn="0639980042", key=key, until=until)

    answers = together([take(f"cart:{n}/1") for n in range(32)], at=committed_shop)
    assert sorted(map(str, answers)) == ["0639980042"] + ["number_taken"] * 31


def test_of_32_who_back_order_at_once_as_many_get_one_as_come(committed_shop: datetime) -> None:
    Supply.objects.filter(stock_record__partner_sku=AHEAD).update(coming=5)
    until = committed_shop + HOUR

    def order(number: int) -> Callable[[], object]:
        return lambda: keep(AHEAD, 1, key=f"F-{number}", until=until)[0]

    answers = together([order(n) for n in range(32)], at=committed_shop)
    expected = ["entrepot 1 2026-12-08"] * 5 + ["out_of_stock"] * 27
    assert sorted(map(str, answers)) == expected
    assert counts(AHEAD) == (0, 0, 5, 5)


def test_a_file_and_a_sale_of_what_it_moves_do_not_block_each_other(
    committed_shop: datetime,
) -> None:
    keep(AHEAD, 2, key="F-1", until=committed_shop + HOUR)

    def sell() -> None:
        try:
            with business_time_fixed(committed_shop):
                stock.commit_hold("F-1")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            there = StockRecord.objects.filter(partner__code="entrepot", partner_sku=AHEAD)
            there.select_for_update(of=("self",)).get()
            sale = pool.submit(sell)
            _until_somebody_waits()
            taken_in(f"entrepot;{AHEAD};20;1;0;")
        sale.result(timeout=20)
    assert counts(AHEAD) == (18, 0, 0, 0)


def test_two_files_that_add_the_same_record_follow_each_other(committed_shop: datetime) -> None:
    line = f"negoce-rhodanien;{CASE};12;4;;"

    def second() -> StockImported:
        try:
            with business_time_fixed(committed_shop):
                return taken_in(line)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            assert taken_in(line).added == 1
            other = pool.submit(second)
            _until_somebody_waits()
        assert other.result(timeout=20) == StockImported(added=0, changed=0, same=1)


def _until_somebody_waits() -> None:
    end = monotonic() + 20
    with connection.cursor() as cursor:
        while monotonic() < end:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
            sleep(0.02)
    pytest.fail("nobody waited")
