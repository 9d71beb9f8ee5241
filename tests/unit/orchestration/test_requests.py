"""What is asked of providers, and when a number is brought over."""

from datetime import date, timedelta

import pytest

from catalogue.domain.model import Segment
from commerce.ordering.domain.fulfilment import FulfilmentItem, FulfilmentOrder
from orchestration.domain.requests import TaskContext, facts_of_event, port_day
from orchestration.domain.retry import ask_again_after, back_off
from tests.fixtures.vectors import VECTORS


@pytest.mark.parametrize(
    ("case", "wished", "not_before", "today", "expected"),
    [
        ("nothing wished: the next working day", "", None, "2026-11-20", "2026-11-21"),
        ("Saturday to Monday: Sunday is no working day", "", None, "2026-11-21", "2026-11-23"),
        ("as wished", "2026-12-02", None, "2026-11-20", "2026-12-02"),
        ("wished too early", "2026-11-20", None, "2026-11-20", "2026-11-21"),
        ("a wished holiday moves on", "2026-12-25", None, "2026-11-20", "2026-12-26"),
        ("not before the withdrawal period ended", "", "2026-12-05", "2026-11-20", "2026-12-05"),
        ("nor on the Sunday on which it ended", "", "2026-12-06", "2026-11-20", "2026-12-07"),
    ],
)
def test_the_day_on_which_a_number_is_ported(
    case: str, wished: str, not_before: str | None, today: str, expected: str
) -> None:
    day = port_day(
        wished=wished,
        not_before=date.fromisoformat(not_before) if not_before else None,
        today=date.fromisoformat(today),
    )
    assert day == date.fromisoformat(expected), case


def test_the_wait_between_attempts_doubles_up_to_five_minutes() -> None:
    waits = [back_off(attempt, draw=0.0).total_seconds() for attempt in (1, 2, 3, 4, 20)]
    assert waits == [0.5, 1.0, 2.0, 4.0, 150.0]


def test_half_of_the_wait_is_drawn() -> None:
    assert back_off(3, draw=0.5) == timedelta(seconds=3)


def test_a_lost_callback_is_asked_for_at_growing_intervals() -> None:
    assert [ask_again_after(n).total_seconds() for n in (0, 1, 2, 9)] == [10, 20, 40, 900]


@pytest.mark.parametrize("card", VECTORS["iccid"])
def test_a_card_is_bound_to_its_line_when_its_check_digit_is_right(card: str) -> None:
    item = FulfilmentItem(
        line_id="2",
        group="g1",
        role="sim",
        offering="carte-sim",
        name="SIM",
        quantity=1,
        term=0,
        recipe="physical-sim",
        characteristics={},
        config={},
        facts={},
        charges=(),
    )
    order = FulfilmentOrder(
        *("F-1", 1, Segment.CONSUMER, "web", 1, "fr", "ada@example.test", "", (item,))
    )
    context = TaskContext(order, "g1", ("2",), date(2026, 11, 23))
    wrong = f"{card[:-1]}{(int(card[-1]) + 1) % 10}"
    learnt = [
        facts_of_event(
            "shipment.picked",
            {"lines": [{"item_reference": "F-1/2", "iccids": [each]}]},
            context=context,
        )
        for each in (card, wrong)
    ]
    assert learnt == [{"2": {"iccid": card}}, {}]
