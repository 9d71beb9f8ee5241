"""What the agent reads about an order's acceptance."""

from types import SimpleNamespace
from typing import Any

import pytest

from frontend.agent.cart import state_of


@pytest.mark.parametrize(
    ("steps", "accepted"),
    [
        ([("", "awaiting_payment"), ("awaiting_payment", "accepted")], True),
        ([("", "awaiting_acceptance")], False),
        ([("", "awaiting_acceptance"), ("awaiting_acceptance", "awaiting_payment")], True),
        ([("", "awaiting_acceptance"), ("awaiting_acceptance", "cancelled")], False),
    ],
    ids=["placed by himself", "link sent", "link followed", "cancelled before"],
)
def test_an_order_is_accepted_by_who_placed_it_or_by_link(
    steps: list[tuple[str, str]], accepted: bool
) -> None:
    view: Any = SimpleNamespace(
        summary=SimpleNamespace(state=steps[-1][1]),
        accepted_at=None,
        steps=[
            SimpleNamespace(before=before, after=after, at=None, actor="system", channel="web")
            for before, after in steps
        ],
    )
    assert state_of(view)["accepted"] is accepted
