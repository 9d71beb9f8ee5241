"""The pure core of portings: their lives, their dates, their reasons."""

from datetime import UTC, date, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commerce.kernel.errors import IllegalTransition
from commerce.kernel.money import Money
from commerce.kernel.states import Transitions
from commerce.markets.fr import rio
from commerce.markets.pack import Mend, market
from orchestration.domain.porting import (
    MENDABLE,
    OVER,
    PORT_IN_LIFE,
    PORT_OUT_LIFE,
    Claim,
    PortState,
    Refusal,
    Served,
    answer_due,
    compensation,
    cut_off,
    days_late,
    due_day,
    ends_by_hand,
    judge,
    may_change,
    may_send_again,
    motive_of,
    steps_after,
    window,
)
from tests.fixtures.vectors import VECTORS

FR = market("fr")
HEARD = ("port.eligible", "port.refused", "port.scheduled", "port.started", "port.completed")
INCOMING = [*sorted(PORT_IN_LIFE.states), PortState.PORTED]


@pytest.mark.parametrize("row", VECTORS["jours_ouvrables"], ids=lambda row: row["start"])
def test_delays_are_counted_in_the_working_days_of_the_vectors(row: dict[str, str]) -> None:
    start = date.fromisoformat(row["start"])
    assert due_day(requested_on=start, wished_on=None, pack=FR).isoformat() == row["plus3"]
    late = date.fromisoformat(row["plus1"])
    assert days_late(due_on=start, today=late, pack=FR) == 1
    assert days_late(due_on=start, today=late - timedelta(days=1), pack=FR) == 0
    assert days_late(due_on=start, today=date.fromisoformat(row["plus3"]), pack=FR) == 3


def test_a_later_wish_is_kept_and_an_earlier_one_does_not_shorten_the_delay() -> None:
    monday = date(2026, 11, 23)
    assert due_day(requested_on=monday, wished_on=date(2026, 12, 24), pack=FR) == date(2026, 12, 24)
    assert due_day(requested_on=monday, wished_on=date(2026, 11, 24), pack=FR) == date(2026, 11, 26)
    assert answer_due(received_on=monday, pack=FR) == date(2026, 11, 25)


@pytest.mark.parametrize(
    ("day", "instant"),
    [
        # The clocks change in the night to Sunday: the eve of Monday is in the other time.
        (date(2026, 3, 28), datetime(2026, 3, 27, 19, tzinfo=UTC)),
        (date(2026, 3, 30), datetime(2026, 3, 29, 18, tzinfo=UTC)),
        (date(2026, 10, 24), datetime(2026, 10, 23, 18, tzinfo=UTC)),
        (date(2026, 10, 26), datetime(2026, 10, 25, 19, tzinfo=UTC)),
    ],
)
def test_the_cut_off_is_eight_in_paris_on_the_eve_whatever_the_clocks_do(
    day: date, instant: datetime
) -> None:
    assert cut_off(day, pack=FR) == instant
    planned = PortState.SCHEDULED
    assert may_change(planned, day=day, now=instant, pack=FR)
    assert not may_change(planned, day=day, now=instant + timedelta(seconds=1), pack=FR)


def test_the_window_is_local_on_both_sides_of_a_clock_change() -> None:
    winter, summer = date(2026, 3, 28), date(2026, 3, 30)
    begin, end = window(winter, "08:00-12:00", pack=FR)
    assert (begin.astimezone(UTC).hour, end.astimezone(UTC).hour) == (7, 11)
    begin, end = window(summer, "16:00-20:00", pack=FR)
    assert (begin.astimezone(UTC).hour, end.astimezone(UTC).hour) == (14, 18)


@given(st.sampled_from(INCOMING), st.sampled_from([*HEARD, "port.failed", "nonsense"]))
def test_whatever_is_heard_in_whatever_state_only_steps_of_the_table_are_made(
    state: PortState, heard: str
) -> None:
    now: PortState = PortState.RIO_CHECKED if state is PortState.DRAFT else state
    for step in steps_after(state, heard):
        PORT_IN_LIFE.check(now, step)
        now = step
    if state in OVER | MENDABLE:
        assert now is state


@given(st.permutations(HEARD[:1] + HEARD[2:]))
def test_callbacks_in_any_order_end_in_the_same_place(order: list[str]) -> None:
    state = PortState.SENT
    for heard in order:
        for step in steps_after(state, heard):
            PORT_IN_LIFE.check(state, step)
            state = step
    assert state is PortState.PORTED


def test_what_was_not_heard_is_passed_through_and_what_comes_too_late_changes_nothing() -> None:
    assert steps_after(PortState.SENT, "port.completed") == (
        *(PortState.ELIGIBLE, PortState.SCHEDULED, PortState.PORTING, PortState.PORTED),
    )
    assert steps_after(PortState.SENT, "port.failed")[-2:] == (PortState.PORTING, PortState.FAILED)
    assert steps_after(PortState.SCHEDULED, "port.scheduled") == (PortState.SCHEDULED,)
    assert steps_after(PortState.SCHEDULED, "port.eligible") == ()
    assert steps_after(PortState.SCHEDULED, "port.refused") == (PortState.INELIGIBLE,)
    assert steps_after(PortState.PORTING, "port.refused") == ()
    assert steps_after(PortState.WAITING_WITHDRAWAL, "port.refused") == (
        *(PortState.SENT, PortState.INELIGIBLE),
    )


@pytest.mark.parametrize("table", [PORT_IN_LIFE, PORT_OUT_LIFE])
def test_every_state_leads_to_an_end_and_nothing_leaves_an_end(
    table: Transitions[PortState],
) -> None:
    for state in table.states:
        seen, todo = {state}, [state]
        while todo:
            for following in table.table.get(todo.pop(), ()):
                if following not in seen:
                    seen.add(following)
                    todo.append(following)
        assert any(table.is_final(each) for each in seen), state
    for state, target in product(OVER, PortState):
        with pytest.raises(IllegalTransition):
            table.check(state, target)


@given(st.sampled_from(sorted(PORT_IN_LIFE.table)), st.booleans())
def test_what_is_settled_by_hand_ends_by_steps_of_the_table(state: PortState, came: bool) -> None:
    now: PortState = PortState.RIO_CHECKED if state is PortState.DRAFT and came else state
    for step in ends_by_hand(state, came=came):
        PORT_IN_LIFE.check(now, step)
        now = step
    assert now is (PortState.PORTED if came else PortState.CANCELLED)


def test_compensation_grows_by_the_day_up_to_its_most() -> None:
    owed = [compensation(days, pack=FR) for days in (0, 1, 3, 10, 11)]
    assert owed == [Money.of(n, "EUR") for n in ("0", "5.00", "15.00", "50.00", "50.00")]


def test_the_list_of_motives_is_closed_and_each_has_a_next_step_in_both_languages() -> None:
    motives = FR.porting_motives()
    assert sorted(motives) == [
        *("OPD_DATA", "OPD_INACTIVE", "OPD_IN_PROGRESS"),
        *("OPR_INCOMPLETE", "OPR_NOT_HOLDER", "OPR_PLAN", "OPR_TECH"),
    ]
    for motive in motives.values():
        assert all(motive.text[each] and motive.next_step[each] for each in ("fr", "en"))
        resend = may_send_again(PortState.INELIGIBLE, motive)
        assert resend is (motive.mend is not Mend.NONE)
    assert motive_of("opr_incomplete", pack=FR).code == "OPR_INCOMPLETE"
    assert motive_of("something else", pack=FR).code == "OPD_DATA"


RIO = rio.issue(number="0639980001", operator="FA", business=False, contract="00A7K2")


@pytest.mark.parametrize(
    ("served", "well_formed", "said"),
    [
        (Served(RIO, active=True, leaving=False), True, None),
        (Served(RIO, active=True, leaving=False), False, Refusal("OPD_DATA", "RIO_KEY")),
        (Served(None, active=False, leaving=False), True, Refusal("OPD_DATA", "NUMBER_UNKNOWN")),
        (Served("X", active=True, leaving=False), True, Refusal("OPD_DATA", "RIO_UNKNOWN")),
        (Served(RIO, active=False, leaving=False), True, Refusal("OPD_INACTIVE")),
        (Served(RIO, active=True, leaving=True), True, Refusal("OPD_IN_PROGRESS")),
    ],
)
def test_a_number_may_leave_but_for_three_reasons(
    served: Served, well_formed: bool, said: Refusal | None
) -> None:
    claim = Claim("0639980001", RIO, date(2026, 11, 23))
    assert judge(claim, served, well_formed=well_formed) == said


@given(st.from_regex("[0-9A-Z]{6}", fullmatch=True), st.booleans(), st.integers(0, 9_999_999))
def test_the_rio_of_each_of_our_lines_passes_the_check_that_others_make(
    contract: str, business: bool, tail: int
) -> None:
    number = f"06{tail:08d}"
    text = rio.issue(number=number, operator="FA", business=business, contract=contract)
    found = rio.check(text, number=number)
    assert (found.operator, found.business_offer, len(text)) == ("FA", business, 12)
