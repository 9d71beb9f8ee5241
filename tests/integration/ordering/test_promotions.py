"""Single-use codes and retention offers in carts, checkouts and orders."""

import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from commerce.accounts.identity import AccountContext
from commerce.kernel.clock import business_time_fixed
from commerce.kernel.errors import (
    Conflict,
    FaisceauError,
    Forbidden,
    InvalidInput,
    NotFound,
    RuleViolated,
)
from commerce.kernel.money import Money
from commerce.ordering.services import carts
from commerce.ordering.services.cancel import cancel_order
from commerce.ordering.services.checkout import CheckoutStarted, end_checkout, start_checkout
from commerce.ordering.services.place import place_order
from commerce.ordering.services.pricing import quote_cart
from commerce.ordering.services.retention import let_go, retain
from promotions.domain.model import Miss
from promotions.models import CodeState, SingleUseCode
from promotions.selectors import batch_view
from promotions.services import limits
from promotions.services.batches import csv_of, export_batch, make_batch
from tests.integration.ordering.conftest import AT
from tests.integration.ordering.people import agent, bundle_cart, checkout_for, customer, visitor
from tests.integration.ordering.test_carts import handset

PROMOTION = "friend-20"


def codes(count: int = 3, name: str = "spring") -> tuple[str, ...]:
    batch = make_batch(promotion=PROMOTION, name=name, count=count, by="Test")
    return export_batch(batch.id, by="Test")


def cart_with(context: AccountContext, promotion_code: str) -> str:
    code = bundle_cart(context, handset=handset())
    carts.enter_code(context, code=code, promotion_code=promotion_code)
    return code


def given(context: AccountContext, code: str) -> list[str]:
    return [applied.code for applied in quote_cart(context, code=code).applied]


def states() -> list[str]:
    return sorted(SingleUseCode.objects.exclude(state="free").values_list("state", flat=True))


@pytest.mark.django_db
def test_a_hundred_thousand_codes_are_made_and_written_out_once(shop: object) -> None:
    batch = make_batch(promotion=PROMOTION, name="big", count=100_000, by="Test")

    found = export_batch(batch.id, by="Test")

    assert (len(found), len(set(found))) == (100_000, 100_000)
    assert SingleUseCode.objects.count() == 100_000
    assert csv_of(found[:1]) == f"code\r\n{found[0]}\r\n"
    assert batch_view(batch.id).exported_by == "Test"
    with pytest.raises(RuleViolated) as refused:
        export_batch(batch.id, by="Test")
    assert refused.value.code == "batch_exported"


@pytest.mark.django_db
def test_batches_that_cannot_be(shop: object) -> None:
    codes(name="spring")
    faults: list[tuple[dict[str, object], type[FaisceauError], str]] = [
        ({"promotion": "nothing"}, NotFound, "unknown_promotion"),
        ({"promotion": "six-free"}, RuleViolated, "no_codes_needed"),
        ({"count": 0}, InvalidInput, "count_out_of_range"),
        ({"count": 1_000_001}, InvalidInput, "count_out_of_range"),
        ({"name": " "}, InvalidInput, "name_missing"),
        ({}, Conflict, "batch_exists"),
    ]
    for change, kind, code in faults:
        wanted = {"promotion": PROMOTION, "name": "spring", "count": 3, "by": "T", **change}
        with pytest.raises(kind) as refused:
            make_batch(**wanted)  # type: ignore[arg-type]
        assert refused.value.code == code
    assert SingleUseCode.objects.count() == 3


@pytest.mark.django_db
def test_the_command_writes_a_new_file(shop: object, tmp_path: Path) -> None:
    call_command("codes", "make", PROMOTION, name="letter", count=5)
    batch = SingleUseCode.objects.values_list("batch", flat=True).distinct().get()
    target = tmp_path / "codes.csv"

    call_command("codes", "export", str(batch), to=target)
    call_command("codes", "list")

    assert len(target.read_text().split()) == 6
    with pytest.raises(CommandError, match="there already"):
        call_command("codes", "export", str(batch), to=target)
    with pytest.raises(CommandError, match="written out already"):
        call_command("codes", "export", str(batch), to=tmp_path / "again.csv")


@pytest.mark.django_db
def test_a_code_is_reserved_by_the_checkout_and_redeemed_by_the_order(shop: object) -> None:
    (code, *_), buyer = codes(), customer()
    cart = cart_with(buyer, code.lower().replace("-", " "))
    assert given(buyer, cart).count(PROMOTION) == 1
    assert states() == []

    start_checkout(buyer, code=cart)
    assert states() == [CodeState.RESERVED]

    place_order(buyer, code=cart, checkout=checkout_for(buyer, cart))
    limits.redeem(key=cart)
    assert states() == [CodeState.REDEEMED]

    late = customer("Other")
    found = quote_cart(late, code=cart_with(late, code))
    assert [(m.code, m.reason) for m in found.within_reach if m.code == PROMOTION] == [
        (PROMOTION, Miss.USED_UP)
    ]


@pytest.mark.django_db
def test_a_code_is_free_again_after_a_checkout_without_order(shop: object) -> None:
    (code, *_), first, second = codes(), visitor("one"), visitor("two")
    mine, yours = cart_with(first, code), cart_with(second, code)
    start_checkout(first, code=mine)

    assert PROMOTION not in given(second, yours)
    with business_time_fixed(AT + timedelta(minutes=15)):
        end_checkout(code=mine)
        assert states() == []
        assert PROMOTION in given(second, yours)


@pytest.mark.django_db
def test_a_cancelled_order_gives_its_code_back(shop: object) -> None:
    (code, *_), buyer = codes(), customer()
    cart = cart_with(buyer, code)
    placed = place_order(buyer, code=cart, checkout=checkout_for(buyer, cart))
    assert states() == [CodeState.RESERVED]

    cancel_order(buyer, number=placed.number, reason="changed_mind")

    assert states() == []


@pytest.mark.django_db
def test_another_code_in_the_cart_is_not_used_up(shop: object) -> None:
    (one, two, _), buyer = codes(), customer()
    cart = cart_with(buyer, one)
    carts.enter_code(buyer, code=cart, promotion_code=two)

    start_checkout(buyer, code=cart)

    assert states() == [CodeState.RESERVED]
    carts.drop_code(buyer, code=cart, promotion_code=one.lower())
    carts.drop_code(buyer, code=cart, promotion_code=two)
    start_checkout(buyer, code=cart)
    assert states() == []


@pytest.mark.django_db
def test_a_code_that_nobody_made_is_refused(shop: object) -> None:
    codes()
    with pytest.raises(RuleViolated) as refused:
        cart_with(customer(), "2222-2222-2222")
    assert refused.value.code == "unknown_promotion_code"


@pytest.mark.django_db(transaction=True)
def test_thirty_two_checkouts_at_once_use_a_code_once(committed_shop: object) -> None:
    (code, *_) = codes(1)
    buyers = [visitor(f"v-{number}") for number in range(32)]
    waiting = [cart_with(buyer, code) for buyer in buyers]

    outcomes = at_once(
        [
            lambda buyer=buyer, cart=cart: start_checkout(buyer, code=cart)  # type: ignore[misc]
            for buyer, cart in zip(buyers, waiting, strict=True)
        ]
    )

    assert states() == [CodeState.RESERVED]
    kept = SingleUseCode.objects.get(state=CodeState.RESERVED).key
    won = [
        cart
        for cart, started in zip(waiting, outcomes, strict=True)
        if isinstance(started, CheckoutStarted)
        and PROMOTION in [applied.code for applied in started.quote.applied]
    ]
    assert won == [kept]
    refused = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert {getattr(error, "code", repr(error)) for error in refused} <= {"promotion_used_up"}


@pytest.mark.django_db
def test_a_retention_offer_is_given_by_an_agent_for_a_reason(shop: object) -> None:
    buyer = customer()
    desk = agent(buyer.party_id)
    cart = bundle_cart(desk, handset=handset())
    before = quote_cart(desk, code=cart)

    with pytest.raises(InvalidInput) as refused:
        retain(desk, code=cart, promotion="stay-5", reason="weather")
    assert refused.value.detail["reasons"] == ["price", "competitor", "service"]
    with pytest.raises(NotFound):
        retain(desk, code=cart, promotion="six-free", reason="price")
    with pytest.raises(Forbidden):
        retain(buyer, code=cart, promotion="stay-5", reason="price")
    assert quote_cart(desk, code=cart) == before

    retain(desk, code=cart, promotion="stay-5", reason="competitor")
    found = quote_cart(buyer, code=cart)
    # Six months are free already; 5.00 off in each of the other six of the twelve.
    (stay,) = [applied for applied in found.applied if applied.code == "stay-5"]
    assert (stay.reason, stay.saving_over_commitment) == ("competitor", Money.of("30.00"))

    let_go(desk, code=cart, promotion="stay-5")
    assert quote_cart(desk, code=cart) == before


def at_once(calls: list[Callable[[], object]]) -> list[object]:
    """What each call answers or raises, all begun at once on connections of their own."""
    together = threading.Barrier(len(calls))
    found: list[object] = [None] * len(calls)

    def run(place: int) -> None:
        with business_time_fixed(AT):
            together.wait()
            try:
                found[place] = calls[place]()
            except Exception as error:
                found[place] = error
        connection.close()

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found
