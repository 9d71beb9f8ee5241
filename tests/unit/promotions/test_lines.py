"""Advantages that follow the number of lines: what the data may say, and what it asks for."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from catalogue.domain.model import Segment
from commerce.kernel.errors import InvalidInput
from commerce.kernel.money import Money
from commerce.ordering.domain.line_discounts import follow
from promotions.domain.benefits import Benefit, BenefitKind
from promotions.domain.compiler import compile_promotions
from promotions.domain.model import Beside, CustomerFacts, Promotion, WhileLines
from subscriptions.domain.charges import AgreedCharge

NOW = datetime(2027, 1, 10, tzinfo=UTC)


def data(**said: Any) -> dict[str, Any]:
    benefit = {
        "kind": "amount_off",
        "charge": "recurring",
        "target": {"fact": "line.role", "is": "plan"},
        "value": "5.00",
    }
    return {"code": "family", "name": {"en": "Family"}, "benefits": [benefit]} | said


def promotion(**said: Any) -> Promotion:
    (found,) = compile_promotions([data(**said)]).promotions.values()
    return found


def customer(line: int | None) -> CustomerFacts:
    return CustomerFacts(
        segment=Segment.CONSUMER, known=True, lines=3, running=(7, 8, 9), line=line
    )


@pytest.mark.parametrize(
    ("case", "lines", "line", "holds"),
    [
        ("a new line comes after all that run", {"earlier": 3}, None, True),
        ("and is one of its own", {"earlier": 4}, None, False),
        ("the first has none before it", {"earlier": 1}, 7, False),
        ("the second has one", {"earlier": 1}, 8, True),
        ("the third has two", {"earlier": 2}, 9, True),
        ("the first has two others", {"others": 2}, 7, True),
        ("and not three", {"others": 3}, 7, False),
        ("a new line has three others", {"others": 3}, None, True),
    ],
)
def test_which_lines_count(case: str, lines: dict[str, int], line: int | None, holds: bool) -> None:
    found = promotion(lines=lines)
    assert found.lines is not None
    assert found.lines.test.holds(customer(line).facts()) is holds, case
    assert found.when.holds(customer(line).facts()) is holds, case


def test_the_data_is_read() -> None:
    assert promotion(lines={"others": 2, "begins": True}).lines == WhileLines(
        Beside.OTHERS, 2, begins=True
    )
    assert promotion().lines is None
    assert compile_promotions([data(lines={"earlier": 1})]).asks_history


_ONCE = {"kind": "amount_off", "charge": "one_off", "target": {}, "value": "5.00"}
_FIXED = {"kind": "fixed_price", "charge": "recurring", "target": {}, "value": "5.00"}


@pytest.mark.parametrize(
    ("case", "said", "field"),
    [
        ("no number of lines", {"lines": {"begins": True}}, "promotions[0].lines"),
        ("both at once", {"lines": {"others": 1, "earlier": 1}}, "promotions[0].lines"),
        ("no line at all", {"lines": {"others": 0}}, "promotions[0].lines.others"),
        ("a word nobody knows", {"lines": {"others": 1, "ends": 1}}, "promotions[0].lines.ends"),
        ("it is not given back", {"lines": {"others": 1}, "early_exit": "give_back"},
         "promotions[0].early_exit"),
        ("what begins by itself has no code",
         {"lines": {"others": 1, "begins": True}, "requires_code": "X"},
         "promotions[0].lines.begins"),
        ("what is paid once", {"lines": {"others": 1}, "benefits": [_ONCE]},
         "promotions[0].benefits[0]"),
        ("a fixed price", {"lines": {"others": 1}, "benefits": [_FIXED]},
         "promotions[0].benefits[0]"),
    ],
)  # fmt: skip
def test_what_the_data_may_not_say(case: str, said: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        promotion(**said)
    assert refused.value.detail["field"] == field, case


OFF = Benefit("family", BenefitKind.AMOUNT_OFF, Decimal(5))
HALF = Benefit("half", BenefitKind.PERCENT_OFF, Decimal(50), 1, 3)


def charge(*benefits: Benefit) -> AgreedCharge:
    return AgreedCharge("plan", "monthly", True, Money.of("20.00"), "telecom", benefits=benefits)


def test_what_does_not_hold_ends_and_costs_what_it_took_off_after_the_others() -> None:
    family, half = promotion(lines={"earlier": 1}), promotion(code="half", group="h")
    agreed = {"family": family, "half": half}
    now, moved = follow([charge(HALF, OFF)], agreed=agreed, holding=frozenset(), coming={})
    assert now == (charge(HALF),)
    assert moved == ((family, False, Money.of("5.00")),)


def test_what_holds_and_what_follows_no_lines_stays() -> None:
    agreed = {"family": promotion(lines={"earlier": 1}), "half": promotion(code="half")}
    kept = [charge(HALF, OFF)]
    assert follow(kept, agreed=agreed, holding=frozenset({"family"}), coming={}) == (
        tuple(kept), (),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("case", "there", "begins"),
    [
        ("beside one of another group", {"group": "other"}, True),
        ("not beside one of its own", {"group": "family"}, False),
        ("not beside an exclusive one", {"group": "other", "exclusive": True}, False),
    ],
)
def test_nothing_begins_twice(case: str, there: dict[str, Any], begins: bool) -> None:
    family = promotion(lines={"others": 1, "begins": True})
    now, moved = follow(
        [charge(HALF)],
        agreed={"half": promotion(code="half", **there)},
        holding=frozenset(),
        coming={"monthly": [(family, OFF)]},
    )
    assert (now == (charge(HALF, OFF),)) is begins, case
    assert [(each.code, began, amount) for each, began, amount in moved] == (
        [("family", True, Money.of("-5.00"))] if begins else []
    ), case
