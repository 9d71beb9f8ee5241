"""Tries are spread out, more and more, up to a minute."""

from datetime import timedelta

import pytest

from commerce.events.work import back_off


@pytest.mark.parametrize(
    ("attempts", "middle"), [(1, 0.5), (2, 1.0), (3, 2.0), (7, 32.0), (8, 60.0), (50, 60.0)]
)
def test_the_wait_doubles_with_each_try_and_is_spread_by_half(attempts: int, middle: float) -> None:
    waits = {back_off(attempts) for _ in range(50)}
    assert timedelta(seconds=middle * 0.5) <= min(waits)
    assert max(waits) <= timedelta(seconds=middle * 1.5)
    assert len(waits) > 1
