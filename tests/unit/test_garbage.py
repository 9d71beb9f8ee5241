"""A process that ends leaves what it holds as it is."""

import subprocess
import sys

_HELD = """
class Held:
    def __del__(self):
        print("taken apart")

one = Held()
one.itself = one
"""
_AT_ONCE = "from commerce.garbage import end_at_once; end_at_once()"


def said(code: str) -> str:
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    return ended.stdout


def test_what_a_process_holds_is_not_taken_apart_when_it_ends() -> None:
    assert said(_HELD) == "taken apart\n"
    assert said(_AT_ONCE + _HELD) == ""
