"""When to try again: exponential back-off with full jitter, bounded, then fallout."""

from datetime import timedelta

MOST_ATTEMPTS = 10
_FIRST_SECONDS = 1.0
_LONGEST_SECONDS = 300.0
_ENOUGH = 16
"""Doublings after which every wait has reached its longest; a float holds 1023."""


def back_off(attempt: int, *, draw: float) -> timedelta:
    """How long to wait before attempt `attempt` + 1, in machine time.

    `draw` is a random number in [0, 1): the caller's, so that this stays a pure function. Half of
    the wait is fixed, half is drawn.
    """
    longest = _doubled(_FIRST_SECONDS, max(attempt - 1, 0), most=_LONGEST_SECONDS)
    return timedelta(seconds=longest / 2 + longest / 2 * draw)


def shut_for(times: int) -> timedelta:
    """How long a silent provider is left alone after `times` tries to see, in machine time."""
    return timedelta(seconds=_doubled(5.0, times, most=120.0))


def ask_again_after(asked: int) -> timedelta:
    """How long to wait for a callback before asking the provider for the `asked` + 1st time."""
    return timedelta(seconds=_doubled(10.0, asked, most=900.0))


def overdue_after(asked: int) -> timedelta:
    """As `ask_again_after`, in business time: a virtual clock that jumps ahead stops there."""
    return timedelta(hours=_doubled(1.0, asked, most=168.0))


def _doubled(first: float, times: int, *, most: float) -> float:
    """`first`, doubled so many `times`; what lasts for weeks is counted in thousands."""
    return min(first * 2.0 ** min(times, _ENOUGH), most)
