"""Waits grow until they are long enough, however often there was one before."""

from datetime import timedelta

import pytest

from orchestration.domain.retry import ask_again_after, back_off, overdue_after, shut_for


@pytest.mark.parametrize("times", [10, 1_100, 32_767])
def test_what_lasts_for_weeks_is_looked_at_at_the_longest_interval(times: int) -> None:
    assert back_off(times, draw=1.0) == timedelta(seconds=300)
    assert shut_for(times) == timedelta(seconds=120)
    assert ask_again_after(times) == timedelta(seconds=900)
    assert overdue_after(times) == timedelta(hours=168)


def test_the_first_waits_double() -> None:
    assert [ask_again_after(n).seconds for n in range(4)] == [10, 20, 40, 80]
    assert [back_off(n, draw=1.0).seconds for n in range(1, 5)] == [1, 2, 4, 8]
    assert [shut_for(n).seconds for n in range(4)] == [5, 10, 20, 40]
    assert [overdue_after(n) for n in range(3)] == [timedelta(hours=n) for n in (1, 2, 4)]
