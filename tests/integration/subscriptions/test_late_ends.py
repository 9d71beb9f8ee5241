"""Ends that are carried out late, after bills that settled other changes in between: bills,
preview, promise and the audit say the same."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from commerce.kernel.clock import business_time_fixed
from subscriptions.contracts.life import life_of
from subscriptions.contracts.preview import Coming, bills_with_change
from subscriptions.domain.states import ChangeKind
from subscriptions.domain.timeline import timeline
from subscriptions.models import (
    Coverage,
    Parking,
    PromiseLine,
    Subscription,
    SubscriptionItem,
)
from subscriptions.reconciling.audit import bills_against_promises, expected_bills
from subscriptions.reconciling.leaks import billing_differences
from tests.integration.subscriptions.contracts import DAY, at, begun, person, plan, press
from tests.integration.subscriptions.test_changes import change, lines_of, months_later

pytestmark = pytest.mark.django_db
ENDS, LATE = date(2026, 4, 16), date(2026, 5, 12)
"""The contract ends six days into April's bill, and that is carried out after May's."""
JUNE = date(2026, 6, 10)


@pytest.fixture(autouse=True)
def _on_the_day() -> object:
    with business_time_fixed(at(DAY)):
        yield


def previewed(
    contract: int, *, today: date = LATE, settled_on: date | None = None
) -> dict[date, str]:
    """The contract's coming bills with its end, shown on the day `today`."""
    with business_time_fixed(at(today)):
        end = Coming(number="C-2", on=ENDS, ends_all=True)
        shown = bills_with_change(contract, end, settled_on=settled_on)
    return {each.on: str(each.after.amount) for each in shown}


def ended(contract: int, *, kind: ChangeKind = ChangeKind.TERMINATE, hour: int = 12) -> None:
    change(contract, kind=kind, order="C-2", on=ENDS, carried_out=LATE, hour=hour)


def made(until: date = JUNE) -> list[tuple[date | None, str]]:
    """The bills after the first that there must be, from agreements and changes alone."""
    found = sorted(expected_bills(until=until), key=lambda bill: str(bill.on))
    return [(each.on, str(each.amount.amount)) for each in found][1:]


def all_agrees(*, on: date = JUNE) -> bool:
    return (
        all(check.equal for check in bills_against_promises())
        and list(billing_differences(on + timedelta(days=3))) == []
        and Parking.objects.count() == 0
    )


def promised_for(day: date) -> str:
    due = PromiseLine.objects.filter(due_on=day, superseded_by__isnull=True)
    return str(sum(line.amount for line in due))


def test_days_that_a_bill_left_to_an_option_go_back_with_the_end_that_came_before_its_own() -> None:
    contract = begun("F-1", [plan("30.00"), press("3.10")], party=person())
    months_later(1)
    change(contract, kind=ChangeKind.REMOVE, ends=["press-1"])
    months_later(2)
    shown = previewed(contract)
    ended(contract)
    months_later(3)
    # Of the option ten of thirty days (1.03) were left to May's bill; six (0.62) were used.
    assert lines_of("AV-2026-0000001") == [
        ("repair", "F-1/plan-1", "2026-04-16", "2026-05-10", "-24.00"),
        ("repair", "F-1/plan-1", "2026-05-10", "2026-06-10", "-30.00"),
        ("repair", "F-1/press-1", "2026-04-16", "2026-04-20", "-0.41"),
    ]
    covered = Coverage.objects.filter(charge__item__line_id="press-1", live=True).order_by("days")
    assert [(c.days.lower, c.days.upper, c.revision) for c in covered] == [
        (date(2026, 3, 10), date(2026, 4, 10), 1),
        (date(2026, 4, 10), date(2026, 4, 16), 3),
    ]
    assert shown[JUNE] == promised_for(JUNE) == "-54.41"
    assert made() == [
        (date(2026, 4, 10), "33.10"),
        (date(2026, 5, 10), "27.93"),
        (JUNE, "-54.41"),
    ]
    assert all_agrees()


def test_days_that_a_bill_asked_for_with_another_end_go_back_too() -> None:
    """An option of eight days, two of them before the end, whose only bill was that of its end."""
    contract = begun("F-1", [plan("30.00")], party=person())
    months_later(1)
    change(
        contract, kind=ChangeKind.ADD, order="C-0", begins=[press("3.10", line="press-2")],
        on=date(2026, 4, 14),
    )  # fmt: skip
    change(contract, kind=ChangeKind.REMOVE, ends=["press-2"], on=date(2026, 4, 22))
    months_later(2)
    assert lines_of("FA-2026-0000003")[1:] == [
        ("prorated", "C-0/press-2", "2026-04-14", "2026-04-22", "0.83")
    ]
    shown = previewed(contract)
    ended(contract)
    months_later(3)
    # 3.10 * 2/30 are 0.21.
    assert lines_of("AV-2026-0000001")[2:] == [
        ("repair", "C-0/press-2", "2026-04-16", "2026-04-22", "-0.62")
    ]
    assert shown[JUNE] == promised_for(JUNE) == "-54.62"
    assert made()[1:] == [(date(2026, 5, 10), "30.83"), (JUNE, "-54.62")]
    assert all_agrees()


def test_another_plan_in_between_goes_back_whole() -> None:
    contract = begun("F-1", [plan("30.00")], party=person())
    months_later(1)
    change(
        contract, kind=ChangeKind.PLAN, ends=["plan-1"], begins=[plan("60.00", line="plan-2")]
    )  # fmt: skip
    months_later(2)
    shown = previewed(contract)
    ended(contract)
    months_later(3)
    # Ten days of the old plan (10.00) less six; the new one was not to be had at all.
    assert sorted(lines_of("AV-2026-0000001")) == [
        ("repair", "C-1/plan-2", "2026-04-20", "2026-05-10", "-40.00"),
        ("repair", "C-1/plan-2", "2026-05-10", "2026-06-10", "-60.00"),
        ("repair", "F-1/plan-1", "2026-04-16", "2026-04-20", "-4.00"),
    ]
    assert shown[JUNE] == promised_for(JUNE) == "-104.00"
    assert made() == [
        (date(2026, 4, 10), "30.00"),
        (date(2026, 5, 10), "80.00"),
        (JUNE, "-104.00"),
    ]
    assert all_agrees()


def test_before_the_bill_that_settles_another_change_the_preview_ends_that_one_earlier_too() -> (
    None
):
    contract = begun("F-1", [plan("30.00"), press("3.10")], party=person())
    months_later(1)
    change(contract, kind=ChangeKind.REMOVE, ends=["press-1"])
    today, may = date(2026, 4, 24), date(2026, 5, 10)
    shown = previewed(contract, today=today)
    change(contract, kind=ChangeKind.TERMINATE, order="C-2", on=ENDS, carried_out=today)
    months_later(2)
    # Six days of each were used: 24.00 of the plan go back, and 2.48 of the option.
    assert shown[may] == promised_for(may) == "-26.48"
    assert made(may)[1:] == [(may, "-26.48")]
    assert all_agrees(on=may)


def test_a_charge_that_had_nothing_to_settle_hinders_none_of_its_item() -> None:
    """Taken off at the end of a month: what is paid by the month is even, by the quarter not."""
    quarterly = replace(press("9.00"), code="quarter", every_months=3)
    contract = begun("F-1", [plan("30.00"), press("3.10"), quarterly], party=person())
    months_later(1)
    may = date(2026, 5, 10)
    change(contract, kind=ChangeKind.REMOVE, ends=["press-1"], on=may, hour=1)
    shown = previewed(contract, today=may - timedelta(days=1))
    change(contract, kind=ChangeKind.TERMINATE, order="C-2", on=ENDS, carried_out=may, hour=2)
    months_later(2)
    # Of the quarter of 92 days 37 were used, which are 3.62.
    assert lines_of("AV-2026-0000001") == [
        ("repair", "F-1/plan-1", "2026-04-16", "2026-05-10", "-24.00"),
        ("repair", "F-1/press-1", "2026-04-16", "2026-05-10", "-2.48"),
        ("repair", "F-1/press-1", "2026-04-16", "2026-06-10", "-5.38"),
    ]
    assert shown[may] == promised_for(may) == "-31.86"
    assert all_agrees(on=may)


def test_a_withdrawal_told_of_late_gives_back_at_once_what_bills_left_to_another_end() -> None:
    contract = begun("F-1", [plan("30.00"), press("3.10")], party=person())
    months_later(1)
    change(contract, kind=ChangeKind.REMOVE, ends=["press-1"])
    months_later(2)
    assert previewed(contract, settled_on=LATE)[LATE] == "-54.41"
    ended(contract, kind=ChangeKind.WITHDRAW)
    assert [line[1:] for line in lines_of("AV-2026-0000001")][-1] == (
        "F-1/press-1", "2026-04-16", "2026-04-20", "-0.41",
    )  # fmt: skip
    assert made() == [
        (date(2026, 4, 10), "33.10"),
        (date(2026, 5, 10), "27.93"),
        (LATE, "-54.41"),
    ]
    months_later(3)
    assert all_agrees()


def test_the_timeline_still_names_what_the_other_change_took_off() -> None:
    party = person()
    contract = begun("F-1", [plan("30.00"), press("3.10")], party=party)
    months_later(1)
    change(contract, kind=ChangeKind.REMOVE, ends=["press-1"])
    months_later(2)
    ended(contract)
    item = SubscriptionItem.objects.select_related("ended_by", "first_ended_by").get(
        line_id="press-1"
    )
    assert item.ended_by is not None
    assert item.first_ended_by is not None
    assert (item.ended_by.order_number, item.first_ended_by.order_number) == ("C-2", "C-1")
    assert Subscription.objects.get().ended_on == item.until_on == ENDS
    told = timeline(life_of(party, contract, acts=()), today=LATE)
    removed = [each.title for each in told if each.title.pattern.startswith("Taken off")]
    assert [said.values["names"] for said in removed] == [
        [{"fr": "Ligne press-1", "en": "Line press-1"}]
    ]
