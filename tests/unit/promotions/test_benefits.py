"""Every kind of benefit and of condition, as sums that can be checked in the head."""

from collections.abc import Mapping

import pytest

from commerce.kernel.errors import InvalidInput
from commerce.kernel.money import Money
from commerce.ordering.domain.quote import Quote
from commerce.ordering.domain.trace import replay
from promotions.domain.compiler import compile_promotions
from promotions.domain.model import CustomerFacts, Miss
from tests.unit.ordering.shop import benefit, cart, line, pair, priced, promotion

ACCESSORY = {"fact": "line.kind", "is": "accessory"}
CASE, BUDS = ({"fact": "line.code", "is": code} for code in ("case", "buds"))
THIRD_FREE = promotion("third", benefits=[{"kind": "free_item", "target": ACCESSORY, "buy": 2}])


def together(value: str, *targets: object, **more: object) -> Mapping[str, object]:
    items = [target if "target" in target else {"target": target} for target in targets]  # type: ignore[operator]
    return promotion(
        "together",
        benefits=[
            {"kind": "bundle_price", "charge": "one_off", "value": value, "items": items, **more}
        ],
    )


def pieces(found: Quote) -> dict[str, str]:
    """What each line costs today."""
    return {entry.id: str(entry.due_today.amount) for entry in found.lines}


@pytest.mark.parametrize(
    ("case", "buds", "expected"),
    [
        (1, 1, "34.89"),  # two pieces: none free
        (2, 1, "49.80"),  # three: the cheapest, one pair of buds
        (1, 2, "34.89"),  # 24.90 + 9.99
        (0, 7, "49.95"),  # 7 div 3 = 2 free: 5 * 9.99
        (5, 1, "99.60"),  # 6 div 3 = 2 free: the buds and a case: 4 * 24.90
        (999, 0, "16583.40"),  # 333 free: 666 * 24.90
    ],
)
def test_of_three_accessories_the_cheapest_is_free(case: int, buds: int, expected: str) -> None:
    lines = [
        line(code, code, quantity=count)
        for code, count in (("case", case), ("buds", buds))
        if count
    ]
    found = priced(cart(*lines), THIRD_FREE)

    assert found.due_today == Money.of(expected)
    assert all(replay(step) == step.amount for step in found.trace)


def test_the_dearest_the_second_at_half_price_and_one_at_most() -> None:
    def given(**more: object) -> str:
        offer = promotion("p", benefits=[{"kind": "free_item", "target": ACCESSORY, **more}])
        basket = cart(line("1", "case", quantity=2), line("2", "buds", quantity=2))
        return str(priced(basket, offer).due_today.amount)

    assert given(buy=3, pick="dearest") == "44.88"  # 69.78 - 24.90
    assert given(buy=1, value=50) == "59.78"  # two of four at half price: 2 * 5.00 (4.995) off
    assert given(most=1) == "59.79"  # a pair of buds, named by nothing but its price
    assert given() == "0.00"  # every piece


def test_what_is_free_is_taken_first_and_others_reduce_the_rest() -> None:
    # 3 cases: one free, 10 % (2.49) off the two others: 2 * 22.41.
    found = priced(cart(line("1", "case", quantity=3)), THIRD_FREE, promotion("ten"))

    assert found.due_today == Money.of("44.82")
    assert {a.code: str(a.saving_over_commitment.amount) for a in found.applied} == {
        "ten": "7.47",
        "third": "22.41",
    }


def test_a_price_together_is_shared_out_by_list_prices() -> None:
    # 29.90 * 2490 / 3489 = 21.3387 and 29.90 * 999 / 3489 = 8.5612.
    found = priced(cart(line("1", "case"), line("2", "buds")), together("29.90", CASE, BUDS))

    assert pieces(found) == {"1": "21.34", "2": "8.56"}
    assert found.applied[0].saving_over_commitment == Money.of("4.99")
    assert all(replay(step) == step.amount for step in found.trace)


def test_a_price_together_is_made_as_often_as_the_pieces_allow() -> None:
    basket = cart(line("1", "case", quantity=3), line("2", "buds", quantity=2))

    assert priced(basket, together("29.90", CASE, BUDS)).due_today == Money.of("84.70")
    assert priced(basket, together("29.90", CASE, BUDS, most=1)).due_today == Money.of("64.79") + (
        Money.of("24.90")
    )


def test_three_for_twenty_spreads_the_odd_cents_over_the_pieces() -> None:
    # 20.00 / 3: 6.67 + 6.67 + 6.66
    found = priced(
        cart(line("1", "buds", quantity=2), line("2", "buds")),
        together("20.00", {"target": BUDS, "pieces": 3}),
    )

    assert pieces(found) == {"1": "13.34", "2": "6.66"}


def test_the_dearest_pieces_are_taken_and_no_bundle_that_costs_more_than_its_pieces() -> None:
    # Two for 30: two cases save 19.80; two pairs of buds (19.98) would cost more.
    basket = cart(line("1", "buds", quantity=2), line("2", "case", quantity=2))

    found = priced(basket, together("30.00", {"target": ACCESSORY, "pieces": 2}))

    assert pieces(found) == {"1": "19.98", "2": "30.00"}


def test_a_price_together_that_saves_nothing_is_told() -> None:
    found = priced(cart(line("1", "case"), line("2", "buds")), together("34.89", CASE, BUDS))

    assert [m.reason for m in found.within_reach] == [Miss.NOTHING_TO_REDUCE]


def test_a_price_together_per_month_for_some_months() -> None:
    # 19.99 + 9.90 = 29.89 for 20.00 in the first two months; the yearly insurance stays out.
    offer = promotion(
        "duo",
        when={"fact": "codes", "includes": "gazette"},
        benefits=[
            {
                "kind": "bundle_price",
                "charge": "recurring",
                "value": "20",
                "periods": 2,
                "items": [
                    {"target": {"fact": "line.kind", "is": "plan"}},
                    {"target": {"fact": "line.role", "is": "option"}},
                ],
            }
        ],
    )
    found = priced(
        cart(
            *pair(term=0),
            line("4", "gazette", group="g1", role="option"),
            line("5", "insurance", group="g1", role="option"),
        ),
        offer,
    )

    assert [str(bill.amount.amount) for bill in found.bills(3)] == ["80.00", "20.00", "29.89"]


def test_splitting_a_line_moves_no_cent() -> None:
    offers = (THIRD_FREE, together("20.00", {"target": BUDS, "pieces": 3}, most=1))
    whole = priced(cart(line("1", "buds", quantity=7)), *offers)
    parts = priced(cart(line("1", "buds", quantity=2), line("2", "buds", quantity=5)), *offers)

    assert whole.due_today == parts.due_today
    assert whole.applied[0].saving_over_commitment == parts.applied[0].saving_over_commitment


def test_an_advantage_that_begins_after_the_months_counted_is_given_too() -> None:
    loyal = promotion(
        "loyal",
        when={"fact": "kinds", "includes": "plan"},
        benefits=[benefit("amount_off", "2", on="plan", first=13)],
    )

    found = priced(cart(*pair(term=0)), loyal)

    assert [a.code for a in found.applied] == ["loyal"]
    assert [str(bill.amount.amount) for bill in found.bills(14)[11:]] == ["19.99", "17.99", "17.99"]


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ({"fact": "at.date", "at_least": "2026-11-23"}, False),
        ({"fact": "at.date", "at_most": "2026-11-22"}, True),
        ({"fact": "at.weekday", "in": ["saturday", "sunday"]}, True),
        ({"fact": "at.time", "at_least": "10:00"}, True),  # 09:00 UTC is 10:00 in Paris
        ({"fact": "at.time", "at_least": "10:01"}, False),
        ({"fact": "cart.list_monthly", "at_least": 5}, True),  # the insurance: 60.00 a year
        ({"fact": "cart.channel", "is": "web"}, True),
        ({"fact": "cart.count.accessory", "at_least": 2}, False),
        ({"fact": "customer.tenure_months", "at_least": 24}, True),
        ({"fact": "customer.months_to_commitment_end", "at_most": 3}, True),
        ({"not": {"fact": "customer.owns", "includes": "gazette"}}, False),
        ({"any": [{"fact": "customer.owns", "includes": "tv"}, {"all": []}]}, True),
        ({"fact": "item.renewal", "is": True}, False),
    ],
)
def test_conditions(condition: Mapping[str, object], holds: bool) -> None:
    found = priced(
        cart(line("1", "case"), line("2", "insurance")),
        promotion("p", when=condition),
        customer=CustomerFacts(
            tenure_months=24, owns=("gazette",), months_to_commitment_end=3, known=True
        ),
    )

    assert [a.code for a in found.applied] == (["p"] if holds else [])


def test_a_renewal_is_no_new_line_and_can_be_at_half_price() -> None:
    half = promotion(
        "half",
        when={"all": [{"fact": "item.renewal", "is": True}, {"fact": "term_months", "is": 24}]},
        benefits=[benefit("percent_off", "50", on="plan", periods=6)],
    )
    newcomer = promotion("new", when={"fact": "item.new_line", "is": True})
    plan = line("1", "horizon", term=24, config={"number_choice": "keep"})

    found = priced(cart(plan), half, newcomer)

    assert [a.code for a in found.applied] == ["half"]
    assert found.applied[0].saving_over_commitment == Money.of("60.00")  # 6 * 10.00 (9.995)


def test_a_retention_offer_is_given_only_to_whom_an_agent_gave_it() -> None:
    offer = promotion("stay", reasons=["price"])
    basket = cart(line("1", "case"))

    assert not priced(basket, offer).within_reach
    found = priced(basket, offer, customer=CustomerFacts(retained={"stay": "price"}))
    assert [a.code for a in found.applied] == ["stay"]


def test_a_promotion_of_single_use_codes_needs_one() -> None:
    offer = promotion("once", single_use=True)
    basket = cart(line("1", "case"))

    assert not priced(basket, offer).applied
    found = priced(basket, offer, customer=CustomerFacts(opened=frozenset({"once"})))
    assert [a.code for a in found.applied] == ["once"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"kind": "free_item", "buy": -1}, "buy"),
        ({"kind": "free_item", "free": 0}, "free"),
        ({"kind": "free_item", "pick": "any"}, "pick"),
        ({"kind": "free_item", "items": []}, "items"),
        ({"kind": "bundle_price", "charge": "one_off", "value": "9", "items": []}, "items"),
        (
            {"kind": "bundle_price", "charge": "one_off", "value": "9", "items": [{"pieces": 0}]},
            "items[0].pieces",
        ),
        ({"kind": "percent_off", "charge": "usage", "value": "9"}, "charge"),
        ({"kind": "amount_off", "charge": "one_off", "value": "9.999"}, "value"),
        ({"kind": "percent_off", "charge": "one_off", "value": "9", "buy": 1}, "buy"),
    ],
)
def test_a_malformed_benefit_is_refused_by_its_place(change: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        compile_promotions([promotion("p", benefits=[change])])
    assert refused.value.detail["field"] == f"promotions[0].benefits[0].{field}"


def test_who_leaves_early_gives_back_what_was_taken_off_so_far() -> None:
    # 50.00 off the phone at once; 19.99 in each of the first two months: 69.99, then 89.98.
    offer = promotion(
        "bound",
        when={"fact": "kinds", "includes": "handset"},
        benefits=[
            benefit("amount_off", "50", on="handset"),
            benefit("percent_off", "100", on="plan", periods=2),
        ],
        early_exit="give_back",
    )

    def told(found: Quote) -> list[tuple[int, int, str]]:
        return [(each.first, each.last, str(each.amount.amount)) for each in found.given_back()]

    assert told(priced(cart(*pair()), offer)) == [(1, 1, "69.99"), (2, 23, "89.98")]
    assert told(priced(cart(*pair(), *pair(group="g2", term=12)), offer)) == [
        (1, 1, "139.98"),
        (2, 11, "179.96"),
        (12, 23, "89.98"),
    ]
    assert told(priced(cart(*pair(term=0)), offer)) == []
    assert told(priced(cart(*pair()), {**offer, "early_exit": "nothing"})) == []
