"""Hot statements whose text is kept: the same rows as Django's own, and nothing written beside."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import DatabaseError, DataError, IntegrityError, connection, transaction
from django.db.models import Q
from django.test.utils import CaptureQueriesContext

from commerce import rows
from commerce.ordering.models import Cart, CartItem
from commerce.rows import Given, Prepared, insert, update

AT = datetime(2026, 11, 22, 9, tzinfo=UTC)


def made(code: str) -> Cart:
    cart = new(code)
    cart.save()
    return cart


def new(code: str) -> Cart:
    return Cart(
        code=code,
        visitor_key=f"v-{code}",
        segment="consumer",
        channel="web",
        channels=["web"],
        bundles={"g1": "handset-and-plan"},
        created_at=AT,
        touched_at=AT,
        expires_at=AT,
    )


@pytest.mark.django_db
def test_a_prepared_query_gives_the_rows_that_django_gives_for_each_value() -> None:
    carts = {code: made(code) for code in ("AAA-AAA", "BBB-BBB")}
    asked = Prepared(
        lambda: Cart.objects.filter(
            Q(code=Given("code")) | Q(party_id=Given("party")), state="open"
        ).order_by("pk")
    )

    for code, cart in carts.items():
        (found,) = asked.rows(code=code, party=None)
        assert found == cart
        names = [field.attname for field in Cart._meta.concrete_fields]
        assert [getattr(found, name) for name in names] == [getattr(cart, name) for name in names]
    assert asked.first(code="CCC-CCC", party=None) is None


@pytest.mark.django_db
def test_a_prepared_query_takes_a_list() -> None:
    first, second = made("AAA-AAA"), made("BBB-BBB")
    asked = Prepared(
        lambda: Cart.objects.filter(code__in=Given("codes", each="text")).order_by("-pk")
    )

    assert asked.rows(codes=["AAA-AAA", "BBB-BBB", "CCC-CCC"]) == [second, first]
    assert asked.rows(codes=[]) == []


@pytest.mark.django_db(transaction=True)
def test_a_prepared_query_locks_only_within_a_transaction() -> None:
    made("AAA-AAA")
    asked = Prepared(lambda: Cart.objects.select_for_update().filter(code=Given("code")))

    with transaction.atomic():
        assert asked.rows(code="AAA-AAA") != []
    with pytest.raises(transaction.TransactionManagementError):
        asked.rows(code="AAA-AAA")


def line(cart: Cart, name: str, **values: Any) -> CartItem:
    given = {"offering": "coque", "quantity": 1, **values}
    return CartItem(cart=cart, line_id=name, **given)


@pytest.mark.django_db
def test_new_rows_are_one_statement_and_hold_what_django_would_write() -> None:
    theirs, ours = new("AAA-AAA"), new("AAA-AAA")
    theirs.save()
    written = Cart.objects.values().get()
    theirs.delete()

    with CaptureQueriesContext(connection) as asked:
        assert insert([ours]) == [ours]
        assert insert([]) == []

    assert len(asked) == 1
    assert Cart.objects.values().get() == {**written, "id": ours.pk}
    ours.editor_name = "somebody"
    ours.save()
    assert Cart.objects.get().editor_name == "somebody"


@pytest.mark.django_db
def test_new_rows_get_their_keys_in_their_order_and_know_those_that_were_new_with_them() -> None:
    carts = [new(code) for code in ("CCC-CCC", "AAA-AAA", "BBB-BBB")]
    lines = [line(cart, name) for cart in carts for name in ("z", "a")]

    insert(carts)
    insert(lines)

    assert [Cart.objects.get(pk=cart.pk).code for cart in carts] == [
        "CCC-CCC",
        "AAA-AAA",
        "BBB-BBB",
    ]
    found = [(each.cart.code, each.line_id) for each in CartItem.objects.order_by("pk")]
    assert found == [(cart.code, name) for cart in carts for name in ("z", "a")]
    assert [each.pk for each in lines] == sorted(each.pk for each in lines)


@pytest.mark.django_db
def test_more_than_a_few_new_rows_are_all_written() -> None:
    cart = made("AAA-AAA")

    lines = insert(line(cart, str(number), quantity=number) for number in range(1, 102))

    stored = {each.pk: each.quantity for each in CartItem.objects.all()}
    assert [stored[each.pk] for each in lines] == list(range(1, 102))


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("wrong", "refused"),
    [({"offering": "x" * 65}, DataError), ({"quantity": 0}, IntegrityError)],
    ids=["too long", "against a constraint"],
)
def test_of_new_rows_one_that_cannot_be_takes_all_back(
    wrong: dict[str, Any], refused: type[DatabaseError]
) -> None:
    cart = made("AAA-AAA")

    with pytest.raises(refused), transaction.atomic():
        insert([line(cart, "1"), line(cart, "2", **wrong)])
    assert CartItem.objects.count() == 0


@pytest.mark.django_db
def test_an_update_is_one_statement_and_writes_only_what_is_named() -> None:
    first, second = made("AAA-AAA"), made("BBB-BBB")
    first.bundles, first.held_at, first.editor_name = {}, AT, "not named"
    second.held_release, second.version = 7, 2

    with CaptureQueriesContext(connection) as queries:
        update([first, second], ["bundles", "held_at", "held_release", "version"])
        update([], ["bundles"])

    assert len(queries) == 1
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.bundles, first.held_at, first.editor_name) == ({}, AT, "")
    assert (first.held_release, first.version) == (None, 1)
    assert (second.bundles, second.held_release, second.version) == (
        {"g1": "handset-and-plan"},
        7,
        2,
    )


@pytest.mark.django_db
def test_an_update_without_names_writes_the_whole_row() -> None:
    cart = made("AAA-AAA")
    cart.code, cart.codes, cart.lease_until = "DDD-DDD", ["WELCOME"], AT

    update([cart])

    stored = Cart.objects.get(pk=cart.pk)
    assert (stored.code, stored.codes, stored.lease_until) == ("DDD-DDD", ["WELCOME"], AT)


@pytest.mark.django_db
def test_an_update_without_names_leaves_alone_what_was_not_read() -> None:
    made("AAA-AAA")
    cart = Cart.objects.defer("bundles").get(code="AAA-AAA")
    Cart.objects.filter(pk=cart.pk).update(bundles={"b1": "of another"})
    cart.editor_name = "somebody"

    with CaptureQueriesContext(connection) as asked:
        update([cart])
    assert len(asked) == 1
    written = Cart.objects.get(pk=cart.pk)
    assert (written.editor_name, written.bundles) == ("somebody", {"b1": "of another"})


@pytest.mark.django_db
def test_many_rows_are_written_by_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "_AT_ONCE", 2)
    carts = [made(code) for code in ("AAA-AAA", "BBB-BBB", "CCC-CCC")]
    for cart in carts:
        cart.editor_name = f"of {cart.code}"

    with CaptureQueriesContext(connection) as asked:
        update(carts, ["editor_name"])
    assert len(asked) == 2
    assert set(Cart.objects.values_list("editor_name", flat=True)) == {
        f"of {cart.code}" for cart in carts
    }


@pytest.mark.django_db
def test_what_is_too_long_is_refused_and_not_cut_off() -> None:
    cart = made("AAA-AAA")
    cart.editor_name = "x" * 201

    with pytest.raises(DataError), transaction.atomic():
        update([cart], ["editor_name"])
    cart.refresh_from_db()
    assert cart.editor_name == ""


@pytest.mark.django_db
def test_a_row_that_is_gone_is_not_taken_for_written() -> None:
    first, second = made("AAA-AAA"), made("BBB-BBB")
    first.editor_name = second.editor_name = "somebody"
    Cart.objects.filter(pk=second.pk).delete()

    with pytest.raises(DatabaseError, match="2 rows to write, 1 there"), transaction.atomic():
        update([first, second], ["editor_name"])
    first.refresh_from_db()
    assert first.editor_name == ""
