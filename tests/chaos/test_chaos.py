"""A short chaos run; `make chaos` is the long one."""

from commerce.local.demo.browser import Browser
from commerce.local.demo.shopper import log_in, login_of
from commerce.local.stack import Stack
from tests.chaos.buyers import SHARES
from tests.chaos.changing import CHANGES
from tests.chaos.play import Run, play

ORDERS = len(SHARES) + 1
"""One of each kind, and one more."""


def test_nothing_is_lost_doubled_or_stuck_while_everything_is_killed(stack: Stack) -> None:
    browser = Browser(stack.info.web_url)
    log_in(browser, login=login_of(stack, "shopper"))
    run = Run(seed=7, wanted=ORDERS, in_flight_wanted=0, bulk=8)
    play(stack, run, pause=0.8, patience=120)
    verdict, killer = run.verdict, run.killer
    assert verdict is not None
    assert killer is not None
    assert run.broken == {}
    assert (verdict.lost, verdict.doubled, verdict.stuck, verdict.unbound) == ((), (), (), ())
    assert verdict.astray == ()
    assert verdict.parked == 0
    assert run.changes == len(CHANGES) == 3
    assert verdict.completed + verdict.held == ORDERS + run.changes
    assert verdict.of_transient_faults == 0, verdict.fallout
    assert verdict.expected >= 4 * verdict.completed
    assert killer.failure == ""
    assert killer.kills.total() >= 5
    assert run.bills == run.bills_as_promised > 0
    assert "Camille" in browser.open("/account/").text
