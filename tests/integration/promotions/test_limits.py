"""The last one of a limited promotion is never given twice."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread

import pytest
from django.db import connection, transaction

from commerce.accounts.kinds import PartyKind
from commerce.accounts.models import Party
from commerce.kernel.clock import business_time_fixed
from commerce.kernel.errors import RuleViolated
from promotions.domain.compiler import CompiledPromotions, compile_promotions
from promotions.domain.model import Promotion
from promotions.models import PromotionTally, PromotionUse
from promotions.selectors import used_up
from promotions.services import limits
from tests.unit.ordering.shop import promotion

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
UNTIL = AT + timedelta(minutes=15)


@pytest.fixture(autouse=True)
def _now() -> Iterator[None]:
    with business_time_fixed(AT):
        yield


def limited(**limit: int) -> tuple[CompiledPromotions, Promotion]:
    compiled = compile_promotions([promotion("ten", limits=limit), promotion("free")])
    return compiled, compiled.promotions["ten"]


def reserve(
    wanted: Promotion, key: str, *, party: int | None = None, until: datetime = UNTIL
) -> None:
    with transaction.atomic():
        limits.reserve([wanted], key=key, party_id=party, until=until)


def taken() -> int:
    return PromotionTally.objects.get(code="ten").taken


@pytest.mark.django_db
def test_a_reservation_twice_is_one() -> None:
    _, ten = limited(total=2)

    reserve(ten, "A")
    reserve(ten, "A", until=UNTIL + timedelta(minutes=5))

    assert taken() == 1
    assert PromotionUse.objects.get().until == UNTIL + timedelta(minutes=5)


@pytest.mark.django_db
def test_of_what_an_order_used_one_promotion_alone_is_given_back() -> None:
    promotions = [promotion(code, limits={"total": 1}) for code in ("ten", "twenty")]
    compiled = compile_promotions(promotions).promotions
    with transaction.atomic():
        limits.reserve(compiled.values(), key="A", party_id=None, until=UNTIL)
    limits.redeem(key="A")
    for _ in range(2):
        limits.release(key="A", promotions={"ten"})
    states = dict(PromotionUse.objects.values_list("promotion", "state"))
    assert states == {"ten": "released", "twenty": "redeemed"}
    assert dict(PromotionTally.objects.values_list("code", "taken")) == {"ten": 0, "twenty": 1}


@pytest.mark.django_db
def test_beyond_the_limit_nothing_is_kept() -> None:
    compiled, ten = limited(total=1)
    reserve(ten, "A")

    with pytest.raises(RuleViolated) as refused:
        reserve(ten, "B")

    assert (refused.value.code, refused.value.detail["promotion"]) == ("promotion_used_up", "ten")
    assert (taken(), PromotionUse.objects.count()) == (1, 1)
    assert used_up(compiled, party_id=None, key="B") == {"ten"}
    assert used_up(compiled, party_id=None, key="A") == frozenset()


@pytest.mark.django_db
def test_the_total_is_that_of_the_release() -> None:
    _, ten = limited(total=1)
    reserve(ten, "A")
    raised, more = limited(total=2)
    assert used_up(raised, party_id=None, key="B") == frozenset()
    reserve(more, "B")
    assert used_up(raised, party_id=None, key="C") == {"ten"}

    lowered, _ = limited(total=1)
    without, _ = limited()

    assert used_up(lowered, party_id=None, key="C") == {"ten"}
    assert used_up(without, party_id=None, key="C") == frozenset()


@pytest.mark.django_db
def test_a_reservation_whose_time_is_over_is_free_for_the_next() -> None:
    _, ten = limited(total=1)
    reserve(ten, "A")

    with business_time_fixed(UNTIL):
        reserve(ten, "B", until=UNTIL + timedelta(minutes=15))

    assert taken() == 1
    assert {use.key: use.state for use in PromotionUse.objects.all()} == {
        "A": "released",
        "B": "reserved",
    }


@pytest.mark.django_db
def test_what_an_order_redeemed_does_not_expire() -> None:
    _, ten = limited(total=1)
    reserve(ten, "A")
    limits.redeem(key="A")
    limits.redeem(key="A")

    with business_time_fixed(UNTIL + timedelta(days=1)), pytest.raises(RuleViolated):
        reserve(ten, "B", until=UNTIL + timedelta(days=2))

    limits.release(key="A")
    limits.release(key="A")
    assert taken() == 0


@pytest.mark.django_db
def test_a_party_has_its_share_and_no_more() -> None:
    compiled, ten = limited(per_party=1)
    one = Party.objects.create(kind=PartyKind.PERSON, display_name="One").pk
    two = Party.objects.create(kind=PartyKind.PERSON, display_name="Two").pk
    reserve(ten, "A", party=one)

    with pytest.raises(RuleViolated):
        reserve(ten, "B", party=one)
    reserve(ten, "C", party=two)

    assert used_up(compiled, party_id=one, key="B") == {"ten"}
    assert taken() == 2


@pytest.mark.django_db
def test_what_is_no_longer_asked_for_is_given_back() -> None:
    _, ten = limited(total=1)
    reserve(ten, "A")

    with transaction.atomic():
        limits.reserve([], key="A", party_id=None, until=UNTIL)

    assert taken() == 0


@pytest.mark.django_db(transaction=True)
def test_parallel_checkouts_never_take_the_last_one_twice() -> None:
    _, ten = limited(total=3)
    together, outcomes = Barrier(8), []

    def take(key: str) -> None:
        with business_time_fixed(AT):
            together.wait()
            try:
                reserve(ten, key)
            except RuleViolated as refusal:
                outcomes.append(refusal.code)
            else:
                outcomes.append("kept")
        connection.close()

    threads = [Thread(target=take, args=(f"cart-{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == ["kept"] * 3 + ["promotion_used_up"] * 5
    assert taken() == 3
