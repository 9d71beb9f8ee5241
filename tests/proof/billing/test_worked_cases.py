"""Bills worked by hand from the rules."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from tests.proof.billing.compare import difference
from tests.proof.billing.cycles import add_months
from tests.proof.billing.facts import (
    Benefit,
    Bought,
    Buyer,
    Compensated,
    Contract,
    CycleDayMoved,
    Effect,
    Fact,
    GivenBack,
    HandedOver,
    Item,
    ItemAdded,
    ItemRemoved,
    LimitSet,
    LinesDiscounted,
    OneOff,
    PaidLate,
    PlanChanged,
    Recurring,
    Renewed,
    Returned,
    Span,
    Suspended,
    TakenOver,
    Terminated,
    TermsAnnounced,
    Usage,
    Used,
    Withdrawn,
)
from tests.proof.billing.oracle import Document, bills
from tests.proof.billing.owed import Kind
from tests.proof.billing.worked import billed, day, free, life, line, lines_of, lowered, plan

# Parts of a cycle


@pytest.mark.parametrize(
    ("case", "price", "start", "cycle_day", "part"),
    [
        ("13 days of 30", "19.99", "2026-11-22", 5, "8.66"),
        ("19 days of 28, not of 30", "29.99", "2026-02-10", 1, "20.35"),
        ("15 days of 31", "39.99", "2026-01-31", 15, "19.35"),
        ("the 31st to the 28th: 28 days of 31", "31.00", "2026-01-31", None, "28.00"),
        ("the 29th of a leap February: 28 days of 29", "29.00", "2028-02-29", None, "28.00"),
        ("on the cycle day: all of it", "19.99", "2026-11-05", 5, "19.99"),
    ],
)
def test_the_first_part_of_a_cycle_is_priced_by_its_days(
    case: str, price: str, start: str, cycle_day: int | None, part: str
) -> None:
    one = life(line(start, plan(price)), cycle_day=cycle_day, until=start)
    assert billed(one) == [(start, [part])]


def test_an_account_from_the_31st_is_billed_on_28ths() -> None:
    one = life(line("2026-01-31", plan("31.00")), until="2026-04-01")
    assert billed(one) == [
        ("2026-01-31", ["28.00"]),
        ("2026-02-28", ["31.00"]),
        ("2026-03-28", ["31.00"]),
    ]


def test_a_business_is_billed_the_day_after_for_all_lines_at_once() -> None:
    one = life(
        line("2026-03-10", plan("30.00"), code="A"),
        line("2026-03-10", plan("15.50"), code="B"),
        cycle_day=10,
        buyer=Buyer.BUSINESS,
        until="2026-03-31",
    )
    assert billed(one) == [("2026-03-11", ["30.00", "15.50"])]
    (bill,) = bills(one)
    assert (bill.net, bill.tax, bill.total) == (Decimal("45.50"), Decimal("9.10"), Decimal("54.60"))


def test_a_charge_of_three_months_is_billed_every_third_cycle() -> None:
    item = plan("10.00", more=(Recurring("quarter", Decimal("27.00"), every=3),))
    one = life(line("2026-01-05", item), until="2026-04-30")
    assert billed(one) == [
        ("2026-01-05", ["10.00", "27.00"]),
        ("2026-02-05", ["10.00"]),
        ("2026-03-05", ["10.00"]),
        ("2026-04-05", ["10.00", "27.00"]),
    ]


def test_a_charge_of_three_months_takes_the_benefits_of_the_day_on_which_it_is_due() -> None:
    off = Benefit("off", "quarter", Effect.AT_PERCENT, Decimal(0), 1)
    item = plan("0.00", off, more=(Recurring("quarter", Decimal("90.00"), every=3),))
    one = life(line("2026-01-05", item), until="2026-04-05")
    quarters = [lines[1:] for _, lines in billed(one)]
    assert quarters == [["0.00"], [], [], ["90.00"]]


def test_a_charge_of_three_months_begins_with_a_part_up_to_the_cycle_day() -> None:
    item = plan("0.00", more=(Recurring("quarter", Decimal("90.00"), every=3),))
    one = life(line("2026-02-19", item), cycle_day=1, until="2026-03-02")
    # 10 days of the 90 from 1 December to 1 March
    assert billed(one) == [("2026-02-19", ["0.00", "10.00"]), ("2026-03-01", ["0.00", "90.00"])]


# Benefits


def test_free_months_are_bills_of_nothing_and_then_the_price() -> None:
    one = life(line("2026-01-05", plan("19.99", free(2))), until="2026-03-31")
    assert billed(one) == [
        ("2026-01-05", ["0.00"]),
        ("2026-02-05", ["0.00"]),
        ("2026-03-05", ["19.99"]),
    ]


def test_free_months_of_the_31st_end_on_a_28th() -> None:
    one = life(line("2026-01-31", plan("31.00", free(1))), until="2026-02-28")
    assert billed(one) == [("2026-01-31", ["0.00"]), ("2026-02-28", ["31.00"])]


def test_the_cycle_in_which_a_free_month_ends_is_shared_by_days() -> None:
    one = life(line("2026-03-31", plan("31.00", free(1))), cycle_day=1, until="2026-05-01")
    # free to 29 April; 30 April is 1 day of 30
    assert billed(one) == [
        ("2026-03-31", ["0.00"]),
        ("2026-04-01", ["1.03"]),
        ("2026-05-01", ["31.00"]),
    ]


def test_what_may_still_be_refused_when_its_free_month_ends_is_on_the_bill_after() -> None:
    """A month that ends on 10 February within the bill of 5 February: 23 days of 28."""
    asked = replace(plan("28.00", free(1)), asked=True)
    one = life(line("2026-01-10", asked), cycle_day=5, until="2026-03-05")
    assert billed(one) == [
        ("2026-01-10", ["0.00"]),
        ("2026-03-05", ["23.00", "28.00"]),
    ]


@pytest.mark.parametrize(
    ("case", "benefit", "expected"),
    [
        ("half price: the half off is rounded up", lowered(Effect.AT_PERCENT, "50", 2), "9.99"),
        ("a fixed price", lowered(Effect.AT_PRICE, "9.99", 2), "9.99"),
        ("a fixed price above the price", lowered(Effect.AT_PRICE, "25.00", 2), "19.99"),
        ("30 percent off", lowered(Effect.PERCENT_OFF, "30"), "13.99"),
        ("5 off", lowered(Effect.AMOUNT_OFF, "5.00"), "14.99"),
        ("more off than it costs", lowered(Effect.AMOUNT_OFF, "25.00"), "0.00"),
        ("all off", lowered(Effect.PERCENT_OFF, "100"), "0.00"),
    ],
)
def test_what_a_benefit_leaves_to_pay(case: str, benefit: Benefit, expected: str) -> None:
    one = life(line("2026-01-05", plan("19.99", benefit)), until="2026-01-05")
    assert billed(one) == [("2026-01-05", [expected])]


def test_the_third_month_free() -> None:
    one = life(line("2026-01-05", plan("19.99", free(1, first=3))), until="2026-04-05")
    assert [lines for _, lines in billed(one)] == [["19.99"], ["19.99"], ["0.00"], ["19.99"]]


def test_an_activation_fee_waived_by_half() -> None:
    half = Benefit("half", "start", Effect.PERCENT_OFF, Decimal(50))
    item = plan("10.00", half, more=(OneOff("start", Decimal("39.99")),))
    one = life(line("2026-01-05", item), until="2026-01-05")
    assert billed(one) == [("2026-01-05", ["19.99", "10.00"])]


# Changes


def test_another_plan_in_the_middle_of_a_cycle_is_settled_on_the_next_bill() -> None:
    change = PlanChanged(
        entry=1, known=day("2026-04-11"), contract="A", plan=plan("40.00", code="big"),
        on=day("2026-04-11"),
    )  # fmt: skip
    one = life(line("2026-04-01", plan("20.00")), facts=[change], until="2026-05-01")
    # 10 of 30 days at 20 are 6.67: -13.33; 20 of 30 days at 40 are 26.67
    assert billed(one) == [
        ("2026-04-01", ["20.00"]),
        ("2026-05-01", ["26.67", "40.00", "-13.33"]),
    ]


def test_another_plan_at_the_end_of_the_cycle_leaves_no_repair() -> None:
    change = PlanChanged(
        entry=1, known=day("2026-04-11"), contract="A", plan=plan("40.00", code="big"), on=None
    )
    one = life(line("2026-04-01", plan("20.00")), facts=[change], until="2026-05-01")
    assert billed(one) == [("2026-04-01", ["20.00"]), ("2026-05-01", ["40.00"])]


def test_a_change_before_a_future_dated_one_leaves_that_one() -> None:
    later = PlanChanged(
        entry=1, known=day("2026-04-05"), contract="A", plan=plan("60.00", code="huge"),
        on=day("2026-04-21"),
    )  # fmt: skip
    sooner = PlanChanged(
        entry=2, known=day("2026-04-11"), contract="A", plan=plan("30.00", code="big"),
        on=day("2026-04-11"),
    )  # fmt: skip
    one = life(line("2026-04-01", plan("15.00")), facts=[later, sooner], until="2026-05-01")
    assert billed(one)[1] == ("2026-05-01", ["10.00", "20.00", "60.00", "-10.00"])


def test_the_later_of_two_changes_on_one_day_stays() -> None:
    changes = [
        PlanChanged(
            entry=entry, known=day("2026-04-16"), contract="A", plan=plan(price, code=price),
            on=day("2026-04-16"),
        )
        for entry, price in ((1, "90.00"), (2, "40.00"))
    ]  # fmt: skip
    one = life(line("2026-04-01", plan("20.00")), facts=changes, until="2026-05-01")
    assert billed(one)[1] == ("2026-05-01", ["20.00", "40.00", "-10.00"])


def test_a_change_on_the_cycle_day_comes_after_its_bill() -> None:
    change = PlanChanged(
        entry=1, known=day("2026-05-01"), contract="A", plan=plan("40.00", code="big"),
        on=day("2026-05-01"),
    )  # fmt: skip
    one = life(line("2026-04-01", plan("20.00")), facts=[change], until="2026-06-01")
    assert billed(one)[1:] == [
        ("2026-05-01", ["20.00"]),
        ("2026-06-01", ["40.00", "40.00", "-20.00"]),
    ]


def test_a_plan_replaced_on_the_day_of_activation_leaves_what_was_due_once() -> None:
    start = OneOff("start", Decimal("10.00"))
    change = PlanChanged(
        entry=1, known=day("2026-04-01"), contract="A",
        plan=plan("40.00", code="big", more=(OneOff("start", Decimal("5.00")),)),
        on=day("2026-04-01"),
    )  # fmt: skip
    one = life(line("2026-04-01", plan("20.00", more=(start,))), facts=[change], until="2026-04-01")
    assert billed(one) == [("2026-04-01", ["5.00", "10.00", "40.00"])]


def test_an_option_added_and_removed_costs_its_days() -> None:
    option = plan("9.00", code="option")
    facts = [
        ItemAdded(
            entry=1, known=day("2026-04-11"), contract="A", item=option, on=day("2026-04-11")
        ),
        ItemRemoved(
            entry=2, known=day("2026-05-16"), contract="A", item="option", on=day("2026-05-16")
        ),
    ]
    one = life(line("2026-04-01", plan("20.00")), facts=facts, until="2026-06-01")
    # 20 of 30 days; then 15 of 31 days of 9.00 are 4.35: -4.65
    assert billed(one) == [
        ("2026-04-01", ["20.00"]),
        ("2026-05-01", ["6.00", "9.00", "20.00"]),
        ("2026-06-01", ["-4.65", "20.00"]),
    ]


def announced(known: str, *, from_on: str, price: str = "33.00") -> TermsAnnounced:
    """The holder of line A is told of another plan."""
    successor = plan(price, code="successor")
    return TermsAnnounced(
        entry=1, known=day(known), contract="A", successor=successor, from_on=day(from_on)
    )


def test_what_we_announced_takes_effect_with_a_bill_and_never_by_days() -> None:
    change = announced("2026-04-10", from_on="2026-05-15")
    one = life(line("2026-04-01", plan("30.00")), facts=[change], until="2026-07-01")
    assert [lines for _, lines in billed(one)] == [["30.00"], ["30.00"], ["33.00"], ["33.00"]]


def test_what_we_announced_leaves_a_month_and_keeps_what_was_given_for_a_time() -> None:
    told_late = announced("2026-04-20", from_on="2026-05-01")
    one = life(line("2026-04-01", plan("30.00")), facts=[told_late], until="2026-06-01")
    assert [lines for _, lines in billed(one)] == [["30.00"], ["30.00"], ["33.00"]]
    change = announced("2026-04-01", from_on="2026-05-01")
    one = life(line("2026-04-01", plan("30.00", free(3))), facts=[change], until="2026-07-01")
    assert [lines for _, lines in billed(one)] == [["0.00"], ["0.00"], ["0.00"], ["33.00"]]


def test_who_took_another_plan_before_keeps_it() -> None:
    own = PlanChanged(
        entry=2, known=day("2026-05-01"), contract="A", plan=plan("20.00", code="own"), on=None
    )
    change = announced("2026-04-10", from_on="2026-07-01")
    one = life(line("2026-04-01", plan("30.00")), facts=[change, own], until="2026-08-01")
    assert [lines for _, lines in billed(one)][2:] == [["20.00"]] * 3


@pytest.mark.parametrize(
    ("case", "asked", "fee"),
    [
        ("before he was told", "2026-04-09", "210.00"),
        ("on the day on which he was told", "2026-04-10", None),
        ("four months after the change, to the day", "2026-10-01", None),
        ("a day later", "2026-10-02", "74.52"),
    ],
)
def test_leaving_for_what_we_change_costs_nothing_for_four_months(
    case: str, asked: str, fee: str | None
) -> None:
    change = announced("2026-04-10", from_on="2026-05-15", price="30.00")
    leaving = {"2026-04-09": "2026-06-01", "2026-10-02": "2026-10-17"}.get(asked, asked)
    end = Terminated(entry=2, known=day(asked), contract="A", on=day(leaving))
    contract = line("2026-01-01", plan("30.00"), commitment=12)
    one = life(contract, facts=[change, end], until="2026-11-01")
    assert [amount for _, amount in lines_of(one, Kind.FEE)] == ([fee] if fee else [])


def test_a_suspension_across_a_cycle_is_taken_off_the_next_bill() -> None:
    closed = Span(day("2026-04-21"), day("2026-05-11"))
    fact = Suspended(entry=1, known=closed.start, contract="A", days=closed, billed=False)
    one = life(line("2026-04-01", plan("30.00")), facts=[fact], until="2026-06-01")
    # May: 21 of 31 days
    assert [lines for _, lines in billed(one)] == [["30.00"], ["-10.00", "20.32"], ["30.00"]]


def test_the_days_around_a_suspension_are_rounded_each_for_themselves() -> None:
    closed = Span(day("2026-04-06"), day("2026-04-11"))
    fact = Suspended(entry=1, known=closed.start, contract="A", days=closed, billed=False)
    one = life(line("2026-04-01", plan("10.00")), facts=[fact], until="2026-05-01")
    # 5 and 20 days of 30: 1.67 + 6.67
    assert billed(one)[1] == ("2026-05-01", ["-1.66", "10.00"])


def test_a_suspension_that_is_billed_changes_nothing() -> None:
    closed = Span(day("2026-04-21"), day("2026-05-11"))
    fact = Suspended(entry=1, known=closed.start, contract="A", days=closed, billed=True)
    one = life(line("2026-04-01", plan("30.00")), facts=[fact], until="2026-05-01")
    assert [lines for _, lines in billed(one)] == [["30.00"], ["30.00"]]


def renewed(on: str, item: Item, *, commitment: int = 24, subsidised: bool = False) -> Renewed:
    """Line A is committed anew."""
    return Renewed(
        entry=1, known=day(on), contract="A", on=day(on), plan=item, commitment=commitment,
        subsidised=subsidised,
    )  # fmt: skip


def test_a_renewal_at_half_price_from_its_day() -> None:
    fact = renewed("2026-04-16", plan("30.00", lowered(Effect.AT_PERCENT, "50", 1), code="again"))
    one = life(line("2026-04-01", plan("30.00", free(12))), facts=[fact], until="2026-06-01")
    # half of 15 days; in May half of 15 days of 31 (7.26) and 16 whole days (15.48)
    assert [lines for _, lines in billed(one)] == [["0.00"], ["7.50", "22.74"], ["30.00"]]


def test_the_fee_after_a_renewal_counts_from_it_by_the_law_of_its_day() -> None:
    contract = line("2021-06-01", plan("25.00"), commitment=24)
    for subsidised, fee in ((True, ["50.00"]), (False, [])):
        again = renewed("2023-06-01", plan("25.00", code="again"), subsidised=subsidised)
        one = life(contract, facts=[again, ended(day("2024-08-01"))], until="2024-08-01")
        assert [amount for _, amount in lines_of(one, Kind.FEE)] == fee


def test_another_cycle_day_is_bridged_by_a_part_of_a_cycle() -> None:
    fact = CycleDayMoved(entry=1, known=day("2026-04-10"), day=16)
    one = life(line("2026-04-01", plan("30.00")), facts=[fact], until="2026-06-16")
    # 15 of the 30 days from 16 April to 16 May
    assert billed(one) == [
        ("2026-04-01", ["30.00"]),
        ("2026-05-01", ["15.00"]),
        ("2026-05-16", ["30.00"]),
        ("2026-06-16", ["30.00"]),
    ]


def test_another_cycle_day_keeps_the_three_months_that_were_begun() -> None:
    fact = CycleDayMoved(entry=1, known=day("2026-01-10"), day=16)
    item = plan("0.00", more=(Recurring("quarter", Decimal("90.00"), every=3),))
    one = life(line("2026-01-01", item), facts=[fact], until="2026-04-16")
    # 1 to 16 April are 15 of the 90 days to 16 April, billed with the cycle that they are in
    assert billed(one) == [
        ("2026-01-01", ["0.00", "90.00"]),
        ("2026-02-01", ["0.00"]),
        ("2026-02-16", ["0.00"]),
        ("2026-03-16", ["0.00", "15.00"]),
        ("2026-04-16", ["0.00", "90.00"]),
    ]


def test_another_cycle_day_does_not_move_the_end_of_the_free_months() -> None:
    fact = CycleDayMoved(entry=1, known=day("2026-04-10"), day=16)
    one = life(line("2026-04-01", plan("30.00", free(2))), facts=[fact], until="2026-06-16")
    # free to 31 May; 15 of 31 days
    assert [lines for _, lines in billed(one)] == [["0.00"], ["0.00"], ["14.52"], ["30.00"]]


def test_a_line_ordered_while_another_runs_costs_less_for_as_long_as_its_plan() -> None:
    offer = LinesDiscounted(entry=1, known=day("2026-04-01"), lines=1, percent=Decimal(10))
    end = Terminated(entry=2, known=day("2026-05-11"), contract="A", on=day("2026-05-11"))
    own = PlanChanged(
        entry=3, known=day("2026-06-01"), contract="B", plan=plan("20.00", code="own"), on=None
    )
    one = life(
        line("2026-04-01", plan("30.00"), code="A"),
        line("2026-04-16", plan("20.00"), code="B"),
        facts=[offer, end, own],
        until="2026-07-01",
    )
    assert billed(one) == [
        ("2026-04-01", ["30.00"]),
        ("2026-04-16", ["9.00"]),
        ("2026-05-01", ["30.00", "18.00"]),
        # A: 10 of 31 days are 9.68
        ("2026-06-01", ["-20.32", "18.00"]),
        ("2026-07-01", ["20.00"]),
    ]


# Usage


def test_started_units_over_the_allowance_are_billed_after_the_calendar_month() -> None:
    item = plan("10.00", more=(minutes(100),))
    facts = [
        used(1, "2026-04-10T10:00", "80"),
        used(2, "2026-04-20T10:00", "30.5"),
        used(3, "2026-04-30T22:30", "7"),  # 1 May where the account is
    ]
    one = life(line("2026-04-05", item), facts=facts, until="2026-06-05")
    # 10.5 minutes over are 11 that were started; the 7 are of May and included
    assert billed(one)[1:] == [("2026-05-05", ["10.00", "1.65"]), ("2026-06-05", ["10.00"])]


def test_each_plan_of_a_month_includes_all_that_it_names() -> None:
    larger = plan("20.00", code="larger", more=(minutes(100),))
    facts = [
        used(1, "2026-04-10T10:00", "60"),
        PlanChanged(
            entry=2, known=day("2026-04-16"), contract="A", plan=larger, on=day("2026-04-16")
        ),
        used(3, "2026-04-20T10:00", "101"),
    ]
    one = life(
        line("2026-04-01", plan("10.00", more=(minutes(50),))), facts=facts, until="2026-05-01"
    )
    # 10 over the first plan's 50, 1 over the second's 100
    assert lines_of(one, Kind.USAGE) == [("2026-05-01", "0.15"), ("2026-05-01", "1.50")]


@pytest.mark.parametrize(
    ("case", "ended", "over"),
    [("it ran on one day of the month", "2026-04-03", "1.50"), ("on none", "2026-04-02", "6.00")],
)
def test_an_option_adds_what_it_includes_to_the_plan_that_it_ran_beside(
    case: str, ended: str, over: str
) -> None:
    option = Item("option", (minutes(30),))
    facts = [
        ItemAdded(
            entry=1, known=day("2026-04-02"), contract="A", item=option, on=day("2026-04-02")
        ),
        ItemRemoved(entry=2, known=day(ended), contract="A", item="option", on=day(ended)),
        used(3, "2026-04-10T10:00", "140"),
    ]
    one = life(
        line("2026-04-01", plan("10.00", more=(minutes(100),))), facts=facts, until="2026-05-01"
    )
    assert lines_of(one, Kind.USAGE) == [("2026-05-01", over)]


def test_what_a_contract_used_that_has_ended_is_on_its_last_bill_and_the_rest_on_one_more() -> None:
    end = Terminated(entry=2, known=day("2026-04-12"), contract="A", on=day("2026-04-12"))
    facts = [
        used(1, "2026-04-10T10:00", "20"),
        end,
        used(3, "2026-04-11T10:00", "8", received="2026-06-01"),
    ]
    one = life(
        line("2026-03-20", plan("10.00", more=(minutes(10),))), facts=facts, until="2026-07-31"
    )
    # not after the month, which is not over by then
    assert lines_of(one, Kind.USAGE) == [("2026-04-20", "1.50"), ("2026-06-20", "1.20")]


def test_the_clock_change_moves_the_last_hour_of_a_day() -> None:
    item = plan("0.00", more=(Usage("minutes", Decimal("1.00"), Decimal(0)),))
    facts = [used(1, "2026-03-28T22:59", "1"), used(2, "2026-03-29T22:00", "4")]
    one = life(line("2026-03-29", item), facts=facts, cycle_day=28, until="2026-04-28")
    # 23:59 on 28 March is before the line; midnight of 30 March, in summer time, is not
    assert billed(one)[1] == ("2026-04-28", ["0.00", "4.00"])


@pytest.mark.parametrize(
    ("case", "received", "expected"),
    [
        ("late", "2026-06-20", [("2026-07-01", "5.00")]),
        ("on the day of a bill, too late for it", "2026-07-01", [("2026-08-01", "5.00")]),
        ("one year later", "2027-04-10", [("2027-05-01", "5.00")]),
        ("one year and a day later", "2027-04-11", []),
    ],
)
def test_late_usage_is_on_the_next_bill_once_and_up_to_a_year(
    case: str, received: str, expected: list[tuple[str, str]]
) -> None:
    item = plan("10.00", more=(Usage("minutes", Decimal("0.50"), Decimal(0)),))
    facts = [
        used(entry, "2026-04-10T10:00", "10", received=received, record="same") for entry in (1, 2)
    ]
    one = life(line("2026-04-01", item), facts=facts, until=str(add_months(day(received), 2)))
    assert lines_of(one, Kind.USAGE) == expected


def minutes(included: int) -> Usage:
    """At 0.15 each beyond what is included."""
    return Usage("minutes", Decimal("0.15"), Decimal(included))


def used(entry: int, at: str, quantity: str, *, received: str = "", record: str = "") -> Used:
    """A record of line A."""
    moment = datetime.fromisoformat(at).replace(tzinfo=UTC)
    return Used(
        entry=entry, known=day(received) if received else moment.date(), contract="A",
        record=record or str(entry), charge="minutes", quantity=Decimal(quantity), at=moment,
    )  # fmt: skip


# Ends


@pytest.mark.parametrize(
    ("monthly", "term", "elapsed", "subsidised", "fee"),
    [
        ("25.00", 24, 6, True, "210.00"),
        ("25.00", 24, 12, True, "60.00"),
        ("25.00", 24, 14, True, "50.00"),
        ("25.00", 24, 6, False, "150.00"),
        ("25.00", 24, 12, False, None),
        ("25.00", 24, 18, False, None),
        ("25.00", 12, 4, True, "200.00"),
        ("39.99", 24, 13, True, "87.98"),
        ("39.99", 24, 24, True, None),
    ],
)
def test_the_fee_for_leaving_early(
    monthly: str, term: int, elapsed: int, subsidised: bool, fee: str | None
) -> None:
    end = add_months(day("2026-01-05"), elapsed)
    contract = line("2026-01-05", plan(monthly), commitment=term, subsidised=subsidised)
    bound = life(contract, facts=[ended(end)], until=str(end))
    free_to_go = life(contract, facts=[ended(end, fee=False)], until=str(end))
    assert lines_of(bound, Kind.FEE) == ([(str(end), fee)] if fee else [])
    assert lines_of(free_to_go, Kind.FEE) == []


def test_an_old_contract_pays_a_quarter_after_month_12() -> None:
    contract = line("2022-12-05", plan("25.00"), commitment=24)
    one = life(contract, facts=[ended(day("2023-12-05"))], until="2023-12-05")
    assert lines_of(one, Kind.FEE) == [("2023-12-05", "75.00")]


def test_the_fee_is_what_would_have_been_due_with_the_benefits() -> None:
    contract = line("2026-01-05", plan("20.00", free(6)), commitment=12)
    one = life(contract, facts=[ended(day("2026-03-10"))], until="2026-04-05")
    # months 3 to 12: four free, six at 20; the unused days of the cycle were free too
    assert billed(one)[-1] == ("2026-04-05", ["120.00"])


def test_of_a_month_that_has_begun_the_days_left_are_owed() -> None:
    contract = line("2026-04-05", plan("30.00"), commitment=3)
    one = life(contract, facts=[ended(day("2026-05-20"))], until="2026-06-05")
    # 16 of the 31 days to 5 June are 15.48; and a whole month
    assert lines_of(one, Kind.FEE) == [("2026-06-05", "45.48")]


def test_a_business_owes_the_months_after_the_twelfth_as_well() -> None:
    contract = line("2026-01-05", plan("25.00"), commitment=24)
    one = life(contract, facts=[ended(day("2027-07-05"))], buyer=Buyer.BUSINESS, until="2027-07-05")
    assert lines_of(one, Kind.FEE) == [("2027-07-05", "150.00")]


def ended(on: date, *, fee: bool = True) -> Terminated:
    """Line A ends on a day, known ten days before."""
    return Terminated(entry=1, known=on - timedelta(days=10), contract="A", on=on, fee=fee)


def test_the_days_after_the_end_come_back_by_a_credit_note() -> None:
    fact = Terminated(entry=1, known=day("2026-04-11"), contract="A", on=day("2026-04-11"))
    one = life(line("2026-04-01", plan("30.00")), facts=[fact], until="2026-06-01")
    first, last = bills(one)
    assert (first.document, first.total) == (Document.INVOICE, Decimal("30.00"))
    assert (last.document, last.issued) == (Document.CREDIT_NOTE, day("2026-05-01"))
    assert (last.net, last.tax, last.total) == (
        Decimal("-16.67"), Decimal("-3.33"), Decimal("-20.00"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("early", "credit"), [(True, ["-50.00", "-20.00"]), (False, ["-50.00", "-30.00"])]
)
def test_a_withdrawal_leaves_the_days_used_if_an_early_start_was_asked_for(
    early: bool, credit: list[str]
) -> None:
    item = plan("30.00", more=(OneOff("start", Decimal("50.00")),))
    fact = Withdrawn(
        entry=1, known=day("2026-04-11"), contract="A", on=day("2026-04-11"), early=early
    )
    one = life(line("2026-04-01", item), facts=[fact], until="2026-05-01")
    assert billed(one) == [("2026-04-01", ["50.00", "30.00"]), ("2026-04-11", credit)]


def test_an_order_withdrawn_before_the_number_came_is_given_back() -> None:
    handset = OneOff("handset", Decimal("199.00"), at_order=True)
    contract = Contract("A", day("2026-04-01"), None, plan("30.00", more=(handset,)))
    fact = Withdrawn(
        entry=1, known=day("2026-04-03"), contract="A", on=day("2026-04-03"), early=False
    )
    one = life(contract, facts=[fact], until="2026-05-01")
    assert billed(one) == [("2026-04-01", ["199.00"]), ("2026-04-03", ["-199.00"])]


def test_a_ported_line_is_billed_from_the_day_on_which_the_number_came() -> None:
    handset = OneOff("handset", Decimal("199.00"), at_order=True)
    item = plan("30.00", more=(handset,))
    late = Compensated(entry=1, known=day("2026-04-20"), code="late", amount=Decimal("8.00"))
    one = life(line("2026-04-16", item, ordered="2026-04-03"), facts=[late], until="2026-05-16")
    assert billed(one) == [
        ("2026-04-03", ["199.00"]),
        ("2026-04-16", ["30.00"]),
        ("2026-05-16", ["-8.00", "30.00"]),
    ]


def test_what_is_sent_back_is_credited_alone_and_all_credit_notes_are_taxed_together() -> None:
    things = (
        OneOff("handset", Decimal("9.99"), at_order=True),
        OneOff("case", Decimal("9.99"), at_order=True),
        OneOff("film", Decimal("9.99"), at_order=True),
    )
    back = [
        Returned(entry=n, known=day(f"2026-04-0{n}"), contract="A", item="plan", charge=thing.code)
        for n, thing in enumerate(things, start=2)
    ]
    one = life(line("2026-04-01", plan("30.00", more=things)), facts=back, until="2026-04-04")
    assert [(str(bill.issued), bill.total, bill.tax) for bill in bills(one)] == [
        ("2026-04-01", Decimal("29.97"), Decimal("4.99")),
        ("2026-04-01", Decimal("30.00"), Decimal("5.00")),
        # 9.99: 1.66; 19.98: 3.33; 29.97: 4.99, as the bill had it and not thrice 1.66
        ("2026-04-02", Decimal("-9.99"), Decimal("-1.66")),
        ("2026-04-03", Decimal("-9.99"), Decimal("-1.67")),
        ("2026-04-04", Decimal("-9.99"), Decimal("-1.66")),
    ]


# Another holder


def test_a_line_that_goes_to_another_holder_ends_on_the_first_day_of_a_contract_month() -> None:
    gone = HandedOver(entry=1, known=day("2026-05-20"), contract="A")
    contract = line("2026-01-10", plan("30.00"), commitment=24)
    one = life(contract, facts=[gone], cycle_day=1, until="2026-08-01")
    # up to 10 June: 9 of 30 days, and no fee
    assert billed(one)[-1] == ("2026-06-01", ["9.00"])
    assert lines_of(one, Kind.FEE) == []


def test_a_line_that_was_another_holders_goes_on_with_what_was_left() -> None:
    # six free months since 10 January: the fifth and the sixth are the new holder's
    contract = replace(
        line("2026-05-10", plan("30.00", free(6)), commitment=12, ordered="2026-04-20"),
        taken_over=TakenOver(day("2026-01-10"), 10),
    )
    end = ended(day("2026-09-10"))
    one = life(contract, facts=[end], until="2026-09-10")
    assert [lines for _, lines in billed(one)] == [
        ["0.00"],
        ["0.00"],
        ["30.00"],
        ["30.00"],
        ["120.00"],
    ]


# Shared allowances


def used_by(contract: str, quantity: str, on: str, *, entry: int = 1) -> Used:
    """Minutes of a line, told the same day."""
    at = datetime.fromisoformat(f"{on}T12:00:00+00:00")
    return Used(
        entry=entry, known=day(on), contract=contract, record=f"{contract} {on}", charge="minutes",
        at=at, quantity=Decimal(quantity),
    )  # fmt: skip


def test_lines_of_a_pool_use_up_together_what_all_of_them_include() -> None:
    minutes = Usage("minutes", Decimal("0.10"), Decimal(60))
    dearer = Usage("minutes", Decimal("0.20"), Decimal(30))
    first = replace(plan("30.00", more=(minutes,)), pool="family")
    second = replace(plan("20.00", more=(dearer,), code="second"), pool="family")
    facts = [used_by("A", "10", "2026-04-10"), used_by("B", "95.5", "2026-04-20", entry=2)]
    one = life(
        line("2026-04-01", first, code="A"),
        line("2026-04-02", second, code="B"),
        facts=facts,
        cycle_day=1,
        until="2026-05-01",
    )
    # 105.5 of 90: 16 started minutes at the price of the line that came first, on its line
    assert lines_of(one, Kind.USAGE) == [("2026-05-01", "1.60")]
    assert {line.key.contract for bill in bills(one) for line in bill.lines
            if line.key.kind is Kind.USAGE} == {"A"}  # fmt: skip


@pytest.mark.parametrize("pool", ["", "family"])
def test_use_is_rated_anew_where_a_change_is_told_after_its_bill(pool: str) -> None:
    minutes = Usage("minutes", Decimal("0.10"), Decimal(0))
    first = replace(plan("30.00", more=(minutes,)), pool=pool)
    second = replace(plan("10.00", more=(minutes,), code="second"), pool=pool)
    own = plan("20.00", more=(replace(minutes, price=Decimal("0.20")),), code="own")
    late = PlanChanged(
        entry=3, known=day("2026-03-02"), contract="A", plan=own, on=day("2026-01-30")
    )
    facts = [used_by("A", "5", "2026-02-10"), used_by("B", "4", "2026-02-10", entry=2), late]
    one = life(
        line("2026-01-01", first, code="A"),
        line("2026-01-02", second, code="B"),
        facts=facts,
        cycle_day=1,
        until="2026-04-01",
    )
    both = [("2026-03-01", "0.90"), ("2026-04-01", "1.00"), ("2026-04-01", "-0.90"),
            ("2026-04-01", "0.40")]  # fmt: skip
    each = [("2026-03-01", "0.50"), ("2026-03-01", "0.40"), ("2026-04-01", "1.00"),
            ("2026-04-01", "-0.50")]  # fmt: skip
    assert sorted(lines_of(one, Kind.USAGE)) == sorted(both if pool else each)
    assert difference(one) is None


# Third parties


def bought(code: str, amount: str, on: str, *, line: str = "A", with_tax: bool = True) -> Bought:
    """Something from a third party."""
    return Bought(
        entry=int(code), known=day(on), contract=line, code=code, amount=Decimal(amount),
        with_tax=with_tax,
    )  # fmt: skip


def third(facts: Sequence[Fact], *, buyer: Buyer = Buyer.CONSUMER) -> list[tuple[str, str]]:
    """The third parties' lines of a life of two lines."""
    one = life(
        line("2026-04-01", plan("30.00"), code="A"),
        line("2026-04-01", plan("30.00"), code="B"),
        facts=facts,
        cycle_day=1,
        buyer=buyer,
        until="2026-06-01",
    )
    return lines_of(one, Kind.THIRD)


@pytest.mark.parametrize(
    ("case", "facts", "expected"),
    [
        ("50 EUR are allowed", [bought("1", "50.00", "2026-04-10")], ["50.00"]),
        ("more are not", [bought("1", "50.01", "2026-04-10")], []),
        ("the tax is added and counts", [bought("1", "41.67", "2026-04-10", with_tax=False)],
         ["50.00"]),
        ("and so is half a cent too much", [bought("1", "41.671", "2026-04-10", with_tax=False)],
         []),
        ("on a line that does not run", [bought("1", "5.00", "2026-03-31")], []),
    ],
)  # fmt: skip
def test_what_a_third_party_may_put_on_the_bill(
    case: str, facts: list[Fact], expected: list[str]
) -> None:
    assert [amount for _, amount in third(facts)] == expected


@pytest.mark.parametrize(("buyer", "many"), [(Buyer.CONSUMER, 6), (Buyer.BUSINESS, 8)])
def test_300_euros_a_month_of_a_person_with_all_lines_or_of_each_of_a_firm(
    buyer: Buyer, many: int
) -> None:
    facts: list[Fact] = [
        bought(str(n), "50.00", "2026-04-10", line="AB"[n % 2]) for n in range(1, 9)
    ]
    assert [amount for _, amount in third(facts, buyer=buyer)] == (
        ["50.00" if buyer is Buyer.CONSUMER else "41.67"] * many
    )


def test_the_customers_own_limit_is_a_lines_and_a_new_month_begins_anew() -> None:
    limit = LimitSet(entry=0, known=day("2026-04-01"), contract="A", month=Decimal(20))
    facts = [
        limit, bought("1", "20.00", "2026-04-30"), bought("2", "0.01", "2026-04-30"),
        bought("3", "20.00", "2026-04-30", line="B"), bought("4", "20.00", "2026-05-01"),
    ]  # fmt: skip
    assert third(facts) == [
        ("2026-05-01", "20.00"), ("2026-05-01", "20.00"), ("2026-06-01", "20.00"),
    ]  # fmt: skip


def test_what_goes_back_is_rounded_together_and_never_more_than_was_paid() -> None:
    third_of_it = Decimal("3.333")
    back = [
        GivenBack(entry=n, known=day("2026-05-02"), contract="A", purchase="1", amount=amount)
        for n, amount in ((2, third_of_it), (3, third_of_it), (4, Decimal(9)), (5, None), (6, None))
    ]
    assert third([bought("1", "10.00", "2026-04-10"), *back]) == [
        ("2026-05-01", "10.00"),
        ("2026-06-01", "-3.33"), ("2026-06-01", "-3.34"), ("2026-06-01", "-3.33"),
    ]  # fmt: skip


# Late bills


@pytest.mark.parametrize(("buyer", "lines"), [(Buyer.BUSINESS, ["40.00", "30.00"]),
                                              (Buyer.CONSUMER, ["30.00"])])  # fmt: skip
def test_a_firm_owes_40_euros_without_tax_for_a_late_bill(buyer: Buyer, lines: list[str]) -> None:
    late = PaidLate(entry=1, known=day("2026-04-20"), code="late")
    one = life(line("2026-04-01", plan("30.00")), facts=[late], buyer=buyer, until="2026-05-01")
    assert billed(one)[-1] == ("2026-05-01", lines)
    assert bills(one)[-1].tax == {"40.00": Decimal("6.00")}.get(lines[0], Decimal("5.00"))


def test_two_rates_are_taxed_each_on_their_sum() -> None:
    tv = Recurring("tv", Decimal("4.99"), tax="reduced")
    one = life(line("2026-04-01", plan("9.99", more=(tv,))), until="2026-04-01")
    (bill,) = bills(one)
    assert [(tax.rate, tax.net, tax.tax) for tax in bill.taxes] == [
        (Decimal(10), Decimal("4.54"), Decimal("0.45")),
        (Decimal(20), Decimal("8.33"), Decimal("1.66")),
    ]
    assert (bill.net, bill.tax, bill.total) == (Decimal("12.87"), Decimal("2.11"), Decimal("14.98"))
