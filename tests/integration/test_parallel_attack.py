"""32 buyers at the same moment, over HTTP, each with a connection, a session and a cart of his own:
the last piece, the last uses of a limited promotion and a single-use code are never given twice."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest

from commerce.local.stack import Stack

BUYERS = 32
PHONE = "noctile-pli-512-cuivre"
"""Ordered by no other test of the whole system."""
FEW = 3
LIMITED, CODE, TOTAL = "welcome-10", "BIENVENUE10", 500
SINGLE_USE = "friend-20"


@dataclass(frozen=True)
class Buyer:
    """A visitor who has seen the price of his cart and is about to order it."""

    client: httpx.AsyncClient
    email: str
    cart: str
    total: dict[str, str]
    digest: str

    async def order(self) -> httpx.Response:
        body = {
            "cart": self.cart,
            "expected_total": self.total,
            "digest": self.digest,
            "consents": {"terms": True, "contract_summary_confirmed": True},
            "customer": {"email": self.email, "first_name": "Camille", "last_name": "Martin"},
            "deliver_to": {
                "name": "Camille Martin",
                "line1": "8 rue des Lilas",
                "postcode": "75020",
                "city": "Paris",
            },
        }
        return await posted(self.client, "orders", body)


@dataclass(frozen=True)
class Attack:
    """What 32 who ordered at once were answered; the losers' codes and sentences."""

    carts: tuple[str, ...]
    emails: tuple[str, ...]
    statuses: tuple[int, ...]
    refusals: tuple[dict[str, Any], ...]

    @property
    def won(self) -> int:
        return self.statuses.count(201)


async def posted(client: httpx.AsyncClient, path: str, body: Any) -> httpx.Response:
    headers = {
        "Idempotency-Key": str(uuid4()),
        "X-CSRFToken": client.cookies["csrftoken"],
        "Referer": str(client.base_url),
    }
    return await client.post(f"/api/v1/{path}", json=body, headers=headers)


async def told(client: httpx.AsyncClient, path: str, body: Any) -> dict[str, Any]:
    answer = await posted(client, path, body)
    assert answer.is_success, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def arrived(stack: Stack, *, code: str, number: int) -> Buyer:
    """A visitor with the phone in his cart and, if there is one, the `code` entered."""
    client = httpx.AsyncClient(
        base_url=stack.info.web_url,
        timeout=60,
        headers={"Accept-Language": "en"},
        # While the others prepare themselves the server closes what is idle for two seconds.
        limits=httpx.Limits(max_keepalive_connections=0),
    )
    (await client.get(f"/phones/noctile-pli/?variant={PHONE}")).raise_for_status()
    cart = await told(client, "carts", {})
    cart = await told(client, f"carts/{cart['code']}/items", {"offering": PHONE})
    if code:
        cart = await told(client, f"carts/{cart['code']}/codes", {"code": code})
        assert cart["quote"]["applied"], "the advantage is there before the attack"
    quote = cart["quote"]
    return Buyer(
        client=client,
        email=f"attack-{uuid4().hex[:12]}-{number}@example.test",
        cart=cart["code"],
        total=quote["due_today_gross"],
        digest=quote["digest"],
    )


def attack(stack: Stack, *, code: str = "") -> Attack:
    """All 32 prepare themselves; only when all are ready, all order."""

    async def run() -> Attack:
        buyers = await together(
            [partial(arrived, stack, code=code, number=n) for n in range(BUYERS)]
        )
        try:
            answers = await together([buyer.order for buyer in buyers])
        finally:
            await together([buyer.client.aclose for buyer in buyers])
        return Attack(
            carts=tuple(buyer.cart for buyer in buyers),
            emails=tuple(buyer.email for buyer in buyers),
            statuses=tuple(answer.status_code for answer in answers),
            refusals=tuple(a.json() for a in answers if a.status_code != 201),
        )

    with ThreadPoolExecutor(1) as apart:  # a browser's loop may run in this thread
        return apart.submit(asyncio.run, run()).result()


async def together(jobs: Sequence[Callable[[], Awaitable[Any]]]) -> list[Any]:
    return list(await asyncio.gather(*(job() for job in jobs)))


GONE = frozenset({"promotion_used_up", "price_changed"})
"""Who comes a moment later is told at once that the price is another without the advantage."""


def assert_refused(found: Attack, *, codes: frozenset[str]) -> None:
    """Everybody else got a 4xx with such a code and a sentence."""
    assert len(found.refusals) == BUYERS - found.won
    assert {status // 100 for status in found.statuses} == {2, 4}, found.statuses
    assert {refusal["code"] for refusal in found.refusals} <= codes
    assert all(len(refusal["detail"]) > 20 for refusal in found.refusals)


def rows_of(database: psycopg.Connection[Any], found: Attack) -> dict[str, int]:
    """What the attack has left behind."""
    orders = "SELECT number FROM ordering_order WHERE cart_code = ANY(%(carts)s)"
    questions = {
        "orders": f"SELECT count(*) FROM ({orders}) AS o",
        "items": "SELECT count(*) FROM ordering_orderitem AS i JOIN ordering_order AS o"
        " ON o.id = i.order_id WHERE o.cart_code = ANY(%(carts)s)",
        "holds": f"SELECT count(*) FROM offering_stockhold WHERE key IN ({orders})",
        "payments": f"SELECT count(*) FROM payments_paymentattempt WHERE reference IN ({orders})",
        "customers": "SELECT count(*) FROM accounts_party WHERE email = ANY(%(emails)s)",
        "ordered carts": "SELECT count(*) FROM ordering_cart"
        " WHERE code = ANY(%(carts)s) AND state = 'ordered'",
        "uses": "SELECT count(*) FROM promotions_promotionuse"
        " WHERE key = ANY(%(carts)s) AND state <> 'released'",
        "codes": "SELECT count(*) FROM promotions_singleusecode WHERE key = ANY(%(carts)s)",
    }
    values = {"carts": list(found.carts), "emails": list(found.emails)}
    return {
        name: int(database.execute(sql, values).fetchone()[0])  # type: ignore[index]
        for name, sql in questions.items()
    }


def written(won: int, *, uses: int = 0, codes: int = 0) -> dict[str, int]:
    """Whoever won has everything, the others nothing at all."""
    names = ("orders", "items", "holds", "payments", "customers", "ordered carts")
    return dict.fromkeys(names, won) | {"uses": uses, "codes": codes}


@pytest.fixture
def database(stack: Stack) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(stack.info.database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def last_piece(database: psycopg.Connection[Any]) -> Iterator[None]:
    """One piece of the phone is left, until the test is over."""
    where = "FROM partner_partner AS p WHERE p.id = partner_id AND p.code = 'entrepot'"
    left = database.execute(
        "UPDATE partner_stockrecord SET num_in_stock = num_allocated + 1"
        f" {where} AND partner_sku = %s RETURNING num_in_stock",
        [PHONE],
    ).fetchall()
    assert len(left) == 1
    yield
    database.execute(
        f"UPDATE partner_stockrecord SET num_in_stock = num_in_stock + 50 {where}"
        " AND partner_sku = %s",
        [PHONE],
    )


@pytest.fixture
def last_uses(database: psycopg.Connection[Any]) -> Iterator[None]:
    """The limited promotion can be used three times more, until the test is over."""
    found = database.execute(
        "SELECT taken FROM promotions_promotiontally WHERE code = %s", [LIMITED]
    ).fetchone()
    before = found[0] if found else 0
    database.execute(
        "INSERT INTO promotions_promotiontally (code, taken, total) VALUES (%s, %s, %s)"
        " ON CONFLICT (code) DO UPDATE SET taken = excluded.taken, total = excluded.total",
        [LIMITED, TOTAL - FEW, TOTAL],
    )
    yield
    database.execute(
        "UPDATE promotions_promotiontally SET taken = taken - %s WHERE code = %s",
        [TOTAL - FEW - before, LIMITED],
    )


@pytest.fixture
def one_code(stack: Stack, tmp_path: Path) -> str:
    """A single-use code that nobody has seen yet."""
    name, file = f"attack {uuid4().hex[:8]}", tmp_path / "codes.csv"
    made = stack.manage("codes", "make", SINGLE_USE, "--name", name, "--count", "1")
    batch = made.partition(":")[0].split()[-1]
    stack.manage("codes", "export", batch, "--to", str(file))
    return file.read_text().split()[-1]


def test_the_last_phone_is_sold_once_to_32_who_order_it_together(
    stack: Stack, database: psycopg.Connection[Any], last_piece: None
) -> None:
    found = attack(stack)
    assert found.won == 1
    assert_refused(found, codes=frozenset({"out_of_stock"}))
    assert rows_of(database, found) == written(1)
    (left,) = database.execute(
        "SELECT num_in_stock - num_allocated FROM partner_stockrecord AS r"
        " JOIN partner_partner AS p ON p.id = r.partner_id"
        " WHERE p.code = 'entrepot' AND partner_sku = %s",
        [PHONE],
    ).fetchall()
    assert left == (0,)


def test_the_last_three_uses_of_a_promotion_are_given_to_three_of_32(
    stack: Stack, database: psycopg.Connection[Any], last_uses: None
) -> None:
    found = attack(stack, code=CODE)
    assert found.won == FEW
    assert_refused(found, codes=GONE)
    assert rows_of(database, found) == written(FEW, uses=FEW)
    taken = database.execute(
        "SELECT taken, total FROM promotions_promotiontally WHERE code = %s", [LIMITED]
    ).fetchall()
    assert taken == [(TOTAL, TOTAL)]


def test_a_single_use_code_is_used_by_one_of_32(
    stack: Stack, database: psycopg.Connection[Any], one_code: str
) -> None:
    found = attack(stack, code=one_code)
    assert found.won == 1
    assert_refused(found, codes=GONE)
    assert rows_of(database, found) == written(1, codes=1)
