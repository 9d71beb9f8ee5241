"""The calendar of dunning: which step on which day, and what a policy may say."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from commerce.kernel.errors import FaisceauError, InvalidInput
from commerce.kernel.money import Money
from commerce.markets.pack import market
from subscriptions.domain.dunning import (
    Action,
    CaseState,
    Policy,
    Standing,
    check_promise,
    coming,
    due_steps,
    grade_of,
    is_hard,
    read_policy,
)

DUE = date(2026, 3, 10)
POLICY = read_policy(market("fr").dunning_policy())
CASE = Standing(since=DUE, owed=Money.of("29.99"), segment="consumer")


def day(number: int) -> date:
    return DUE + timedelta(days=number)


def calendar(case: Standing, *, on: int, policy: Policy = POLICY) -> list[tuple[str, int]]:
    found = coming(case, policy, today=day(on))
    return [(each.step.code, (each.on - DUE).days) for each in found]


def lived(case: Standing, days: range, policy: Policy = POLICY) -> list[tuple[str, int]]:
    """What happens to a case that is looked at every day and never pays."""
    told: list[tuple[str, int]] = []
    for number in days:
        steps = due_steps(case, policy, today=day(number))
        told += [(step.code, number) for step in steps]
        case = replace(case, done={**case.done, **{s.code: day(number) for s in steps}})
    return told


def test_the_french_calendar_of_a_consumer_who_never_pays() -> None:
    whole = [
        ("retry-1", 2), ("reminder", 4), ("retry-2", 7), ("notice", 10), ("restrict", 15),
        ("retry-3", 20), ("suspend", 30), ("last-notice", 32), ("terminate", 40),
    ]  # fmt: skip
    owes = replace(CASE, owed=Money.of("30.00"))
    assert calendar(owes, on=1) == lived(owes, range(1, 60)) == whole
    assert lived(CASE, range(1, 60)) == whole[:-2]


def test_a_firm_is_not_charged_and_small_rests_cut_nobody_off() -> None:
    firm = replace(CASE, segment="business", owed=Money.of("300.00"))
    assert [code for code, _ in calendar(firm, on=1)] == [
        "reminder", "notice", "restrict", "suspend", "last-notice", "terminate",
    ]  # fmt: skip
    small = replace(CASE, owed=Money.of("9.99"))
    assert {code for code, _ in calendar(small, on=1)} == {
        "retry-1", "reminder", "retry-2", "retry-3",
    }  # fmt: skip


def test_who_owed_little_for_long_is_warned_before_anything_is_done_to_his_lines() -> None:
    little = replace(CASE, segment="business", owed=Money.of("8.00"))
    done = {code: day(number) for code, number in lived(little, range(1, 46))}
    more = replace(little, owed=Money.of("33.00"), done=done)
    assert lived(more, range(46, 90)) == [
        ("notice", 46), ("restrict", 51), ("suspend", 66), ("last-notice", 68), ("terminate", 76),
    ]  # fmt: skip


def test_a_step_keeps_its_distance_from_all_that_come_before_it() -> None:
    """Also where one that comes between was done long ago."""
    done = {"reminder": day(4), "notice": day(10), "last-notice": day(32)}
    more = replace(CASE, owed=Money.of("33.00"), segment="business", done=done)
    assert lived(more, range(46, 90)) == [("restrict", 46), ("suspend", 61), ("terminate", 71)]


def test_who_was_left_alone_goes_on_where_he_was_and_skips_no_warning() -> None:
    """The machine stood still for three weeks: the reminder first, the rest at its distance."""
    late = replace(CASE, owed=Money.of("99.00"))
    assert lived(late, range(24, 75)) == [
        ("retry-1", 24), ("reminder", 24), ("retry-2", 27), ("notice", 30), ("restrict", 35),
        ("retry-3", 40), ("suspend", 50), ("last-notice", 52), ("terminate", 60),
    ]  # fmt: skip


def test_a_promise_stops_the_calendar_until_the_day_after() -> None:
    done = {"retry-1": day(2), "reminder": day(4), "retry-2": day(7)}
    promised = replace(CASE, done=done, promised_for=day(20))
    assert promised.state is CaseState.PROMISED
    assert due_steps(promised, POLICY, today=day(12)) == ()
    assert calendar(promised, on=12)[:3] == [("notice", 21), ("restrict", 26), ("retry-3", 31)]
    broken = replace(promised, promised_for=None)
    assert lived(broken, range(21, 30)) == [("notice", 21), ("restrict", 26)]
    paused = replace(broken, paused=True)
    assert due_steps(paused, POLICY, today=day(25)) == ()


def test_a_late_bill_costs_a_professional_alone() -> None:
    assert POLICY.fee_in("business") == Money.of(40)
    assert POLICY.fee_in("consumer") is None


def test_the_hardest_mark_of_past_cases_says_how_much_is_held() -> None:
    rules = POLICY.deposit
    assert rules is not None
    assert [str(rules.asked_of(marks)) for marks in ((), ("", "restrict"), ("suspend", ""))] == [
        "0.00 EUR", "0.00 EUR", "60.00 EUR"
    ]  # fmt: skip
    assert rules.asked_of({"suspend", "lost", "terminate"}) == Money.of(150)


def test_a_card_that_is_refused_for_good_is_not_tried_again_until_another_is_chosen() -> None:
    assert is_hard("stolen_card", POLICY)
    assert not is_hard("insufficient_funds", POLICY)
    refused = replace(CASE, card_refused=True, done={"reminder": day(4)})
    assert "retry-1" not in dict(calendar(refused, on=5))
    other = replace(refused, card_refused=False)
    assert [step.code for step in due_steps(other, POLICY, today=day(9))] == ["retry-1", "retry-2"]


def test_the_hardest_grade_counts() -> None:
    assert grade_of({"reminder": DUE}, POLICY) is None
    assert grade_of({"restrict": DUE}, POLICY) is Action.RESTRICT
    assert grade_of({"restrict": DUE, "suspend": DUE}, POLICY) is Action.SUSPEND


@pytest.mark.parametrize(
    ("case", "on", "code"),
    [
        (CASE, day(5), "promise_day"),
        (CASE, day(21), "promise_day"),
        (replace(CASE, promised_for=day(9)), day(10), "promised_already"),
        (replace(CASE, promises=2), day(10), "promised_too_often"),
    ],
)
def test_a_promise_has_limits(case: Standing, on: date, code: str) -> None:
    check_promise(CASE, POLICY, on=day(20), today=day(5))
    with pytest.raises(FaisceauError) as refused:
        check_promise(case, POLICY, on=on, today=day(5))
    assert refused.value.code == code


MESSAGE = {"code": "m", "days": 1, "action": "message", "message": "dunning_reminder"}
CUT = {"code": "cut", "days": 9, "action": "suspend"}
END = {"code": "end", "days": 20, "action": "terminate", "least": "10.00"}


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({}, "steps must be a list that is not empty"),
        ({"steps": [MESSAGE], "stops": 1}, "the policy says stops, which nobody reads"),
        ({"steps": [MESSAGE, MESSAGE]}, "two steps are called m"),
        ({"steps": [MESSAGE | {"days": -1}]}, "step m: days must be a whole number, zero or more"),
        ({"steps": [MESSAGE | {"days": True}]}, "step m: days must be a whole number, zero or m"),
        ({"steps": [MESSAGE | {"action": "shout"}]}, "step m: action must be one of retry, mess"),
        ({"steps": [CUT | {"message": "x"}]}, "step cut: a message is what the action message n"),
        ({"steps": [{"code": "m", "days": 1, "action": "message"}]}, "step m: a message is what"),
        ({"steps": [MESSAGE | {"least": "much"}]}, "step m: least must be an amount"),
        ({"steps": [MESSAGE | {"segment": "all"}]}, "step m: segment must be consumer or business"),
        ({"steps": [MESSAGE | {"code": ""}]}, "step 1 needs a code of at most 40 characters"),
        ({"steps": ["m"]}, "step 1 must have a code, days and an action"),
        ({"steps": [CUT]}, "step cut: no message comes before it"),
        ({"steps": [MESSAGE | {"segment": "business"}, CUT | {"segment": "consumer"}]}, "step cut"),
        ({"steps": [MESSAGE | {"least": "20.00"}, CUT]}, "step cut: no message comes before it"),
        (
            {"steps": [MESSAGE | {"least": "20.00"}, CUT | {"least": "20.00"}, END]},
            "step end: no message comes before it to all who owe as much",
        ),
        ({"steps": [MESSAGE | {"segment": "business"}, CUT]}, "step cut: no message comes before"),
        (
            {"steps": [MESSAGE, CUT, {"code": "r", "days": 10, "action": "restrict"}]},
            "step r: it is no harder than cut before it",
        ),
        (
            {"steps": [MESSAGE, {"code": "r", "days": 9, "action": "restrict"}, CUT]},
            "step cut: it comes on the same day as r",
        ),
        ({"steps": [MESSAGE], "hard_declines": "lost"}, "hard_declines must be a list"),
        ({"steps": [MESSAGE], "late_fee": {}}, "late_fee must say an amount"),
        ({"steps": [MESSAGE], "late_fee": {"amount": "-1"}}, "late_fee: amount must be an amount"),
        ({"steps": [MESSAGE], "late_fee": {"amount": "40"}}, "late_fee must say its segment"),
        ({"steps": [MESSAGE], "interest": {"segment": "business"}}, "interest must say when"),
        ({"steps": [MESSAGE], "interest": {"when": "paid"}}, "interest must say its segment"),
        (
            {"steps": [MESSAGE], "interest": {"when": "monthly", "segment": "business", "rate": 9}},
            "interest says rate, which nobody reads",
        ),
        ({"steps": [MESSAGE], "deposit": {"days": 3}}, "deposit must say days and amounts"),
        (
            {"steps": [MESSAGE], "deposit": {"amounts": {"retry": "9"}, "days": 3}},
            "deposit: amounts says retry, which nobody reads",
        ),
        (
            {"steps": [MESSAGE], "deposit": {"amounts": {"lost": "x"}, "days": 3}},
            "deposit: lost must be an amount",
        ),
        ({"steps": [MESSAGE], "promise": 3}, "promise must say days and times"),
        ({"steps": [MESSAGE], "promise": {"days": "x"}}, "promise.days must be a whole number"),
    ],
)
def test_a_policy_that_makes_no_sense_says_why(said: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_policy(said)
    assert refused.value.code == "dunning_policy"
    assert str(refused.value).startswith(f"Dunning policy: {sentence}")


def test_what_follows_a_letter_comes_as_many_days_later_as_it_is_given_to_arrive() -> None:
    rules = read_policy(market("fr").dunning_policy())
    since = date(2026, 3, 10)
    told = Standing(since=since, owed=Money.of("42.00"), segment="business")
    days = [(each.on - since).days for each in coming(told, rules, today=since)]
    notices = ("dunning_reminder", "dunning_notice", "dunning_last_notice")
    posted = replace(told, post_days=dict.fromkeys(notices, 5))
    later = [(each.on - since).days for each in coming(posted, rules, today=since)]
    assert days == [4, 10, 15, 30, 32, 40]
    assert later == [4, 15, 25, 40, 42, 55]
    last = replace(told, post_days={"dunning_last_notice": 5})
    assert [(each.on - since).days for each in coming(last, rules, today=since)] == [
        4, 10, 15, 30, 32, 45,
    ]  # fmt: skip


def test_interest_is_asked_of_professionals_alone() -> None:
    rules = read_policy(market("fr").dunning_policy())
    asked = rules.interest_in("business")
    assert asked is not None
    assert (str(asked.when), asked.least) == ("paid", Money.of("1.00"))
    assert rules.interest_in("consumer") is None


def test_interest_is_in_the_money_of_its_policy() -> None:
    row = {"when": "monthly", "segment": "business", "least": "3"}
    rules = read_policy({"steps": [MESSAGE], "interest": row}, currency="ISK")
    assert rules.interest is not None
    assert rules.interest.least == Money.of(3, "ISK")
