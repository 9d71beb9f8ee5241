"""Faults that the comparison with the oracle found, each as a sum that a person can check."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from commerce.kernel.money import Money
from commerce.ordering.domain.cart import CartLine
from promotions.domain.model import CustomerFacts
from tests.unit.ordering.shop import benefit, cart, line, pair, priced, promotion

CASE = line("1", "case")
PLAN = {"fact": "kinds", "includes": "plan"}


def test_the_benefits_of_one_promotion_are_taken_in_the_order_in_which_they_are_written() -> None:
    # Half of 24.90 is 12.45, 2.00 off that 10.45; the other way round 22.90 and 11.45.
    half = benefit("free_item", "50")
    two = benefit("amount_off", "2")

    first_half = priced(cart(CASE), promotion("p", benefits=[half, two]))
    first_two = priced(cart(CASE), promotion("p", benefits=[two, half]))

    assert (first_half.due_today, first_two.due_today) == (Money.of("10.45"), Money.of("11.45"))


def test_a_code_is_the_same_in_small_letters_for_conditions_too() -> None:
    welcome = promotion("welcome", when={"fact": "cart.codes", "includes": "WELCOME"})

    found = priced(cart(CASE, codes=("welcome",)), welcome)

    assert [given.code for given in found.applied] == ["welcome"]


def test_what_has_nothing_left_in_the_months_counted_but_later_is_given() -> None:
    # Twelve months free, then 10 % off for good: 19.99 - 2.00 from the 13th month on.
    free = promotion(
        "free",
        when=PLAN,
        priority=1,
        benefits=[benefit("percent_off", "100", on="plan", periods=12)],
    )
    ten = promotion("ten", when=PLAN, benefits=[benefit("percent_off", "10", on="plan")])

    found = priced(cart(*pair(term=0)), free, ten)

    assert [given.code for given in found.applied] == ["free", "ten"]
    assert [str(bill.amount) for bill in found.bills(13)[11:]] == ["0.00 EUR", "17.99 EUR"]


def test_an_exclusive_promotion_leaves_others_the_charges_from_which_it_takes_nothing() -> None:
    # 15.00 for each accessory: the buds cost 9.99 already, so 10 % off them (1.00) goes beside it.
    fifteen = promotion("fifteen", exclusive=True, benefits=[benefit("fixed_price", "15")])
    buds = {"fact": "line.code", "is": "buds"}
    ten = promotion("ten", benefits=[benefit("percent_off", "10") | {"target": buds}])

    found = priced(cart(CASE, line("2", "buds")), fifteen, ten)

    assert [given.code for given in found.applied] == ["fifteen", "ten"]
    assert found.due_today == Money.of("23.99")


@pytest.mark.parametrize(
    ("case", "more", "opened", "retained"),
    [
        ("a code for all is not opened by another kind of code", {"requires_code": "X"}, "p", ""),
        ("nor by an agent", {"requires_code": "X"}, "", "p"),
        ("a single-use code is not replaced by an agent", {"single_use": True}, "", "p"),
        ("a retention offer is not opened by a code", {"reasons": ["price"]}, "p", ""),
        ("one that asks for both needs both", {"reasons": ["price"], "single_use": True}, "p", ""),
    ],
)
def test_what_waits_to_be_asked_for_waits_for_what_it_names(
    case: str, more: Mapping[str, object], opened: str, retained: str
) -> None:
    customer = CustomerFacts(
        opened=frozenset({opened}), retained={retained: "price"} if retained else {}
    )

    assert priced(cart(CASE), promotion("p", **more), customer=customer).applied == (), case


def test_beside_a_renewal_a_second_plan_is_a_new_line() -> None:
    kept = replace(line("1", "horizon"), config={"number_choice": "keep"})
    new = promotion("new", when={"fact": "item.new_line", "is": True}, benefits=[_off_plan("5")])

    assert [a.code for a in priced(cart(kept, line("2", "essentiel")), new).applied] == ["new"]
    assert priced(cart(kept), new).applied == ()


@pytest.mark.parametrize("order", [("lumen-x", "oldie"), ("oldie", "lumen-x")])
def test_of_two_phones_the_first_in_the_alphabet_is_meant(order: tuple[str, str]) -> None:
    lines: list[CartLine] = [line(f"l{n}", code) for n, code in enumerate(order)]
    lumen = promotion(
        "lumen",
        when={"fact": "handset.code", "is": "lumen-x"},
        benefits=[benefit("amount_off", "1", on="handset")],
    )

    assert [given.code for given in priced(cart(*lines), lumen).applied] == ["lumen"]


def _off_plan(value: str) -> Mapping[str, object]:
    return benefit("amount_off", value, on="plan")
