"""The garbage collector of a process that serves: what start-up made is never looked through again,
not even to end.

A request makes thousands of objects that count down to nothing by themselves. Python's thresholds
are made for small programs: they searched for cycles dozens of times in each request, a seventh of
its processor time.
"""

import atexit
import gc

YOUNG = 20_000
"""So many new objects at once before cycles are searched among them; by default 700."""


def settle() -> None:
    """To be called once, when a process has imported what it needs."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 20, 20)


def end_at_once() -> None:
    """Let the process end without taking apart all that it holds: half a second of its processor's
    time, which on a busy machine is longer than a process is given to stop when asked."""
    atexit.register(gc.freeze)
