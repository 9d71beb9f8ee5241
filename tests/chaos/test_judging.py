"""The judge sees what he is there for: planted here, in figures."""

from collections import Counter

import pytest

from tests.chaos.faults import LOST, REFUSAL
from tests.chaos.judging import Step, Verdict, astray, spared, standing_still


def step(key: str, state: str, *before: str, cause: str = "", action: str = "") -> Step:
    return Step(1, key, state, cause, action, ("line-1",), before)


REFUSED = step("3.entitle", "fallout", cause=REFUSAL, action="content.entitle")
ASTRAY = step("delivered:own", "fallout", cause=LOST)


def test_what_waits_for_what_fell_out_does_not_stand_still() -> None:
    steps = [
        REFUSED,
        step("3.content_notice", "waiting", "3.entitle"),
        step("3.told", "waiting", "3.content_notice", "1.billing"),
        step("1.billing", "done"),
        step("1.redirect", "cancelled"),
    ]
    assert standing_still(steps) == []


@pytest.mark.parametrize("state", ["waiting", "running", "awaiting", "retrying"])
def test_what_waits_for_nothing_that_fell_out_stands_still(state: str) -> None:
    steps = [REFUSED, step("1.billing", "done"), step("1.welcome", state, "1.billing")]
    assert standing_still(steps) == ["1.welcome"]


def test_what_fell_out_of_one_bundle_excuses_no_other() -> None:
    other = Step(2, "2.notice", "waiting", "", "", ("line-2",), ("3.entitle",))
    assert standing_still([REFUSED, other]) == ["2.notice"]


def test_of_an_order_before_an_operator_only_what_was_refused_need_not_have_happened() -> None:
    assert set(spared("F-1", [REFUSED, step("1.activate", "done")])) == {
        ("content", "entitle", "F-1/line-1", "music"),
        ("content", "entitle", "F-1/line-1", "video"),
    }
    # A parcel that is lost on its way did leave, and no line waits for its arrival.
    assert list(spared("F-1", [ASTRAY])) == []
    of_its_own = step("3.entitle", "fallout", cause="silent", action="content.entitle")
    assert list(spared("F-1", [of_its_own])) == []


@pytest.mark.parametrize(
    ("back", "told", "injected", "found"),
    [
        ({}, {}, 0, []),
        ({"A": "refused"}, {"A": True}, 1, []),
        # Lost on the way: it is asked for ten days later.
        ({}, {"A": False}, 1, []),
        ({"A": "refused"}, {}, 0, ["A is refused here and was not by its buyer"]),
        ({"A": "rejected"}, {}, 0, ["A was rejected by the platform"]),
        ({}, {"A": True}, 1, ["A was refused by its buyer, which was told and is not known here"]),
        (
            {"A": "refused"},
            {"A": True},
            0,
            ["1 bills were refused by their buyers, who were made to refuse 0"],
        ),
    ],
)
def test_each_refused_bill_was_injected_and_is_known(
    back: dict[str, str], told: dict[str, bool], injected: int, found: list[str]
) -> None:
    assert list(astray(back, told=told, injected=injected)) == found


def test_a_bill_astray_or_a_step_that_stands_still_spoils_the_verdict() -> None:
    def verdict(*, stuck: tuple[str, ...] = (), astray: tuple[str, ...] = ()) -> Verdict:
        return Verdict(
            states=Counter(), fallout=Counter(), held=0, expected=1, lost=(), doubled=(),
            stuck=stuck, unbound=(), parked=0, astray=astray,
        )  # fmt: skip

    assert verdict().right
    assert not verdict(stuck=("F-1: welcome",)).right
    assert not verdict(astray=("A was rejected by the platform",)).right
