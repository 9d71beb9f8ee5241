"""How promotions stack: group, priority, exclusiveness; never by the order of rows."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import permutations

import pytest

from commerce.kernel.errors import InvalidInput
from commerce.kernel.money import Money
from promotions.domain.compiler import compile_promotions
from promotions.domain.model import Miss
from tests.unit.ordering.shop import (
    SIX_FREE,
    benefit,
    cart,
    line,
    pair,
    priced,
    promotion,
)

BASKET = cart(line("1", "case"))
PLAN = {"fact": "kinds", "includes": "plan"}


def _off(code: str, percent: str, **more: object) -> Mapping[str, object]:
    return promotion(code, benefits=[benefit("percent_off", percent)], **more)


def test_within_a_group_the_largest_saving_wins() -> None:
    found = priced(BASKET, _off("a", "10", group="g"), _off("b", "20", group="g"))

    assert [a.code for a in found.applied] == ["b"]
    assert found.due_today == Money.of("19.92")
    assert [(m.code, m.reason) for m in found.within_reach] == [("a", Miss.BETTER_ONE)]


def test_equal_savings_go_to_the_first_code() -> None:
    found = priced(BASKET, _off("b", "10", group="g"), _off("a", "10", group="g"))

    assert [a.code for a in found.applied] == ["a"]


def test_the_saving_counts_over_the_commitment() -> None:
    # 24 months: 3 off each month = 72.00 beats three free months = 59.97; over 12 it does not.
    monthly = promotion(
        "monthly", when=PLAN, group="g", benefits=[benefit("amount_off", "3", on="plan")]
    )
    free = promotion(
        "free", when=PLAN, group="g", benefits=[benefit("percent_off", "100", on="plan", periods=3)]
    )

    long, short = priced(cart(*pair()), monthly, free), priced(cart(*pair(term=12)), monthly, free)

    assert [(a.code, a.saving_over_commitment) for a in long.applied] == [
        ("monthly", Money.of("72.00"))
    ]
    assert [(a.code, a.saving_over_commitment) for a in short.applied] == [
        ("free", Money.of("59.97"))
    ]


def test_groups_apply_by_falling_priority_each_on_what_is_left() -> None:
    # 24.90 - 5.00 = 19.90; 10 % of it 1.99 -> 17.91. The other way round it would be 17.41.
    five = promotion("five", priority=10, benefits=[benefit("amount_off", "5")])

    found = priced(BASKET, _off("ten", "10"), five)

    assert found.due_today == Money.of("17.91")
    assert {a.code: a.saving_over_commitment for a in found.applied} == {
        "five": Money.of("5.00"),
        "ten": Money.of("1.99"),
    }


def test_an_exclusive_promotion_that_saves_more_keeps_others_off_its_charges() -> None:
    found = priced(BASKET, _off("alone", "20", exclusive=True), _off("ten", "10", priority=5))

    assert [a.code for a in found.applied] == ["alone"]
    assert [(m.code, m.reason) for m in found.within_reach] == [("ten", Miss.EXCLUSIVE)]


def test_an_exclusive_promotion_gives_way_to_others_that_save_more_together() -> None:
    # 24.90: 10 % is 2.49, 15 % of the 22.41 left is 3.36: 5.85 together; 20 % is 4.98.
    alone = _off("alone", "20", priority=5, exclusive=True)

    found = priced(BASKET, alone, _off("ten", "10"), _off("fifteen", "15", priority=-1))

    assert [a.code for a in found.applied] == ["fifteen", "ten"]
    assert found.due_today == Money.of("19.05")
    assert [(m.code, m.reason) for m in found.within_reach] == [("alone", Miss.EXCLUSIVE)]


def test_an_exclusive_promotion_does_not_forbid_others_elsewhere() -> None:
    alone = _off("alone", "20", exclusive=True)

    found = priced(cart(*pair(), line("4", "case", group="g1", role="accessory")), alone, SIX_FREE)

    assert [a.code for a in found.applied] == ["alone", "six-free"]


def test_what_has_nothing_left_to_reduce_is_not_applied() -> None:
    found = priced(BASKET, _off("all", "100", priority=5), _off("ten", "10"))

    assert found.due_today == Money.zero()
    assert [a.code for a in found.applied] == ["all"]
    assert [(m.code, m.reason) for m in found.within_reach] == [("ten", Miss.NOTHING_TO_REDUCE)]


def test_a_better_promotion_of_a_group_never_takes_from_another_group() -> None:
    # By itself 6.00 off the case beats 5.00 off the buds; but the case is free by another group.
    on_buds = _named("buds", "5", group="g")
    on_case = _named("case", "6", group="g")
    free = promotion(
        "free",
        benefits=[benefit("percent_off", "100") | {"target": {"fact": "line.code", "is": "case"}}],
    )
    basket = cart(line("1", "case"), line("2", "buds"))

    found = priced(basket, on_buds, on_case, free)

    assert [a.code for a in found.applied] == ["free", "off-buds"]
    assert found.due_today == Money.of("4.99")
    assert [(m.code, m.reason) for m in found.within_reach] == [("off-case", Miss.BETTER_ONE)]


def test_amount_conditions_look_at_list_prices() -> None:
    # The case costs 24.90 at list; 20 % off must not take the second one below its threshold.
    above = promotion(
        "above",
        when={"all": [{"fact": "kinds", "includes": "accessory"}, _at_least("cart.list_today")]},
        benefits=[benefit("amount_off", "2")],
    )

    found = priced(BASKET, _off("twenty", "20", priority=9), above)

    assert [a.code for a in found.applied] == ["above", "twenty"]
    assert found.due_today == Money.of("17.92")


def test_the_order_of_promotions_changes_nothing() -> None:
    rows = [
        _off("a", "10", group="g"),
        _off("b", "20", group="g", exclusive=True),
        promotion("c", priority=1, benefits=[benefit("amount_off", "1")]),
        _off("d", "30", requires_code="X"),
    ]
    basket = cart(line("1", "case"), codes=("X",))

    assert len({priced(basket, *order).digest() for order in permutations(rows)}) == 1
    assert len({repr(priced(basket, *order).within_reach) for order in permutations(rows)}) == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"benefits": []}, "promotions[0].benefits"),
        ({"benefits": [benefit("percent_off", "101")]}, "promotions[0].benefits[0].value"),
        ({"benefits": [benefit("half_off", "10")]}, "promotions[0].benefits[0].kind"),
        ({"name": None}, "promotions[0].name"),
        ({"when": {"fact": "x"}}, "promotions[0].when"),
        ({"valid_from": "soon"}, "promotions[0].valid_from"),
        ({"limits": {"total": 0}}, "promotions[0].limits.total"),
        ({"trigger": {"colour": []}}, "promotions[0].trigger"),
        ({"benefit": []}, "promotions[0].benefit"),
    ],
)
def test_a_malformed_promotion_is_refused_by_its_place(
    change: dict[str, object], field: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        compile_promotions([promotion("ten", **change)])
    assert refused.value.detail["field"] == field


def test_a_code_may_be_used_once_only() -> None:
    with pytest.raises(InvalidInput) as refused:
        compile_promotions([promotion("ten"), promotion("ten")])
    assert refused.value.detail["field"] == "promotions[1].code"


def test_promotions_are_found_by_their_most_selective_condition() -> None:
    compiled = compile_promotions(
        [
            promotion(
                "by-plan",
                when={
                    "all": [
                        {"fact": "customer.segment", "is": "consumer"},
                        {"fact": "bundle.code", "is": "handset-and-plan"},
                        {"fact": "plan.code", "is": "horizon"},
                    ]
                },
            ),
            promotion("by-code", requires_code="secret"),
            promotion("told", trigger={"categories": ["cases"]}),
        ]
    )

    assert list(compiled.by_fact) == ["plan.code", "categories"]
    assert [p.code for p in compiled.by_fact["plan.code"]["horizon"]] == ["by-plan"]
    assert list(compiled.by_code) == ["SECRET"]
    assert list(compiled.candidates({"plan.code": "horizon"}, codes=["secret"])) == [
        "by-plan",
        "by-code",
    ]


def _named(offering: str, amount: str, **more: object) -> Mapping[str, object]:
    target = {"fact": "line.code", "is": offering}
    return promotion(
        f"off-{offering}", benefits=[benefit("amount_off", amount) | {"target": target}], **more
    )


def _at_least(fact: str) -> dict[str, object]:
    return {"fact": fact, "at_least": 20}


def test_the_days_of_a_promotion_are_those_of_the_market() -> None:
    # It holds from the first of December to the last: in Paris, whatever day it is elsewhere.
    soon = _off("soon", "10", valid_from="2026-12-01")
    gone = _off("gone", "10", requires_code="GONE", valid_until="2026-11-01")

    found = priced(replace(BASKET, codes=("GONE",)), soon, gone)

    assert [(m.code, m.reason, m.sentence.by_language) for m in found.within_reach] == [
        (
            "gone",
            Miss.OVER,
            {
                "fr": "Cette offre a pris fin le 31 octobre 2026.",
                "en": "This offer ended on 31 October 2026.",
            },
        ),
        (
            "soon",
            Miss.NOT_YET,
            {
                "fr": "Cette offre commence le 1er décembre 2026.",
                "en": "This offer starts on 1 December 2026.",
            },
        ),
    ]
