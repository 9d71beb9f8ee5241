"""The file of a merchant's month takes as little memory with many lines as with few, and its bytes
are those of its digest."""

import tracemalloc
from collections.abc import Iterator
from datetime import date
from hashlib import sha256

import pytest
from django.db import connection

from commerce.kernel.clock import business_time_fixed
from commerce.web import tables
from commerce.web.tables import spooled
from subscriptions.carrier import statements
from subscriptions.carrier.api.statement import CSV, JSON, texts_of
from subscriptions.carrier.models import CarrierPayment
from subscriptions.carrier.payables import statement_to
from subscriptions.carrier.services import settling
from tests.integration.subscriptions.contracts import DAY, at, begun, person, plan
from tests.integration.subscriptions.test_carrier_billing import bought, merchant

pytestmark = pytest.mark.django_db
MARCH = date(2026, 3, 1)
MANY = 20_000
_COPIES = """
INSERT INTO subscriptions_carrierpayment ({columns})
SELECT {values} FROM subscriptions_carrierpayment AS paid, generate_series(2, %s) AS n
"""


@pytest.fixture(autouse=True)
def _on_the_day() -> Iterator[None]:
    with business_time_fixed(at(DAY)):
        yield


def sold(lines: int) -> int:
    """A merchant, by his party, who sold so many things in March."""
    begun("F-1", [plan("29.99")], party=person())
    seller = merchant()
    bought(seller, "0.01", on=DAY, reference="r")
    own = {"id": "gen_random_uuid()", "reference": "'r-' || n", "digest": "'r-' || n"}
    columns = [str(field.column) for field in CarrierPayment._meta.concrete_fields]
    values = [own.get(each, f'paid."{each}"') for each in columns]
    named = ", ".join(f'"{each}"' for each in columns)
    with connection.cursor() as cursor:
        cursor.execute(_COPIES.format(columns=named, values=", ".join(values)), [lines])
    with business_time_fixed(at(date(2026, 4, 3))):
        assert settling.close(MARCH, by="x") == 1
    return seller.party_id


@pytest.mark.parametrize("kind", [CSV, JSON])
def test_a_long_statement_takes_no_more_memory_than_a_short_one(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statements, "AT_A_TIME", 50)
    monkeypatch.setattr(tables, "IN_MEMORY", 10_000)
    statement = statement_to(sold(MANY), MARCH)
    tracemalloc.start()
    try:
        file, digest = spooled(texts_of(statement, kind=kind))
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    with file:
        told = file.read()
    assert sha256(told).digest() == digest
    assert told.count(b"Lune+") == MANY
    assert len(told) > 100 * MANY // 2
    assert most < len(told) / 2, "not even half of it was in memory at once"


def test_the_pieces_are_the_file_that_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read in parts of two lines and in one."""
    statement = statement_to(sold(5), MARCH)
    whole = [b"".join(_bytes(texts_of(statement, kind=kind))) for kind in (CSV, JSON)]
    monkeypatch.setattr(statements, "AT_A_TIME", 2)
    assert whole == [b"".join(_bytes(texts_of(statement, kind=kind))) for kind in (CSV, JSON)]


def _bytes(texts: Iterator[str]) -> Iterator[bytes]:
    return (text.encode() for text in texts)
