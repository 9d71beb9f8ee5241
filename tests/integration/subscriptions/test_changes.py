"""Changes of running contracts on PostgreSQL: the bills before and after are as promised."""

from collections.abc import Sequence
from datetime import date

import pytest

from commerce.kernel.clock import business_time_fixed
from commerce.kernel.errors import RuleViolated
from commerce.kernel.periods import add_months
from subscriptions.contracts.selectors import promise_view
from subscriptions.contracts.services.activate import ActivatedItem
from subscriptions.contracts.services.change import ContractChange, apply_change
from subscriptions.domain.charges import AgreedCharge
from subscriptions.domain.states import BlockKind, ChangeKind, Release
from subscriptions.invoicing.services.release import release_held
from subscriptions.models import (
    BillingAccount,
    Coverage,
    Invoice,
    InvoiceLine,
    ItemCharge,
    Parking,
    Promise,
    PromiseLine,
    Subscription,
    SubscriptionChange,
    SubscriptionItem,
)
from subscriptions.reconciling.audit import bills_against_promises, expected_bills
from subscriptions.reconciling.leaks import billing_differences
from tests.integration.subscriptions.contracts import (
    DAY,
    RATES,
    SIX_FREE,
    at,
    begun,
    bills,
    firm,
    person,
    plan,
    press,
    promised,
    run,
)

pytestmark = pytest.mark.django_db
CHANGED = date(2026, 4, 20)
"""Ten days into the month that is billed from the 10th of April on, which has thirty."""


@pytest.fixture(autouse=True)
def _on_the_day() -> object:
    with business_time_fixed(at(DAY)):
        yield


def months_later(*counts: int) -> None:
    for month in counts:
        on = add_months(DAY, month)
        with business_time_fixed(at(on, 4)):
            run(on)


def change(
    subscription: int,
    *,
    kind: ChangeKind,
    begins: Sequence[AgreedCharge] = (),
    ends: Sequence[str] = (),
    on: date = CHANGED,
    order: str = "C-1",
    months: int = 0,
    hour: int = 12,
    carried_out: date | None = None,
    **more: object,
) -> int:
    """Promised and applied on the day, or later."""
    with business_time_fixed(at(carried_out or on, hour)):
        promised(order, begins, months=months)
        items = SubscriptionItem.objects.filter(subscription=subscription, line_id__in=ends)
        lines = dict.fromkeys(charge.item for charge in begins)
        return apply_change(
            ContractChange(
                order_number=order,
                group="g1",
                subscription_id=subscription,
                kind=kind,
                on=on,
                channel="web",
                begins=[
                    ActivatedItem(
                        line,
                        f"offer-{line}",
                        tuple(charge for charge in begins if charge.item == line),
                        names={"fr": f"Ligne {line}", "en": f"Line {line}"},
                    )
                    for line in lines
                ],
                ends=list(items.values_list("pk", flat=True)),
                tax_rates=RATES,
                **more,  # type: ignore[arg-type]
            )
        )


def lines_of(number: str) -> list[tuple[str, str, str, str, str]]:
    found = InvoiceLine.objects.filter(invoice__number=number).order_by("position")
    return [
        (line.kind, line.item, str(line.starts_on), str(line.ends_on), str(line.amount))
        for line in found
    ]


def expected(until: date) -> list[str]:
    """The bills that must be there, worked out from agreements and changes alone."""
    found = expected_bills(until=until)
    return [str(bill.amount.amount) for bill in sorted(found, key=lambda bill: str(bill.on))]


def kept() -> list[tuple[str, str]]:
    """Each bill that was made, as promised and as billed."""
    view = promise_view("F-1", "g1")
    return [
        (str(bill.amount.amount), str(bill.billed.amount))
        for bill in view.bills
        if bill.billed is not None
    ]


def test_an_option_added_within_a_month_costs_its_days_on_the_next_bill() -> None:
    subscription = begun("F-1", [plan("29.99")], party=person())
    months_later(1)
    change(subscription, kind=ChangeKind.ADD, begins=[plan("14.99", line="option-1")])
    months_later(2, 3)
    # Twenty of thirty days at 14.99 are 9.993...
    assert [gross for _, _, gross in bills()] == ["29.99", "29.99", "54.97", "44.98"]
    assert lines_of("FA-2026-0000003") == [
        ("recurring", "plan-1", "2026-05-10", "2026-06-10", "29.99"),
        ("prorated", "option-1", "2026-04-20", "2026-05-10", "9.99"),
        ("recurring", "option-1", "2026-05-10", "2026-06-10", "14.99"),
    ]
    assert kept() == [("29.99", "29.99"), ("29.99", "29.99"), ("54.97", "54.97"), ("44.98",) * 2]
    assert expected(add_months(DAY, 3)) == [gross for _, _, gross in bills()]
    assert all(check.equal for check in bills_against_promises())
    assert Parking.objects.count() == 0


def test_the_benefits_of_what_is_added_count_from_its_own_day() -> None:
    subscription = begun("F-1", [plan("29.99")], party=person())
    months_later(1)
    change(subscription, kind=ChangeKind.ADD, begins=[plan("10.00", SIX_FREE, line="option-1")])
    months_later(*range(2, 10))
    # Free until the 20th of October: 21 of the 31 days from the 10th on cost 6.77.
    paid = [gross for _, _, gross in bills()][2:]
    assert paid == ["29.99"] * 5 + ["36.76"] + ["39.99"] * 2
    assert Parking.objects.count() == 0


def test_an_option_removed_within_a_month_gives_back_the_days_not_used() -> None:
    subscription = begun("F-1", [plan("29.99"), press("9.90")], party=person())
    months_later(1)
    change(subscription, kind=ChangeKind.REMOVE, ends=["press-1"])
    months_later(2, 3)
    # Ten of thirty days at 9.90 are 3.30; 9.90 were billed.
    assert [gross for _, _, gross in bills()] == ["39.89", "39.89", "23.39", "29.99"]
    assert expected(add_months(DAY, 3)) == [gross for _, _, gross in bills()]
    assert all(check.equal for check in bills_against_promises())
    assert lines_of("FA-2026-0000003")[1] == (
        "repair", "F-1/press-1", "2026-04-20", "2026-05-10", "-6.60",
    )  # fmt: skip
    covered = Coverage.objects.filter(charge__item__line_id="press-1").order_by("pk")
    assert [(c.days.lower, c.days.upper, c.revision, c.live) for c in covered] == [
        (date(2026, 3, 10), date(2026, 4, 10), 1, True),
        (date(2026, 4, 10), date(2026, 5, 10), 1, False),
        (date(2026, 4, 10), date(2026, 4, 20), 2, True),
    ]
    assert kept()[2:] == [("23.39", "23.39"), ("29.99", "29.99")]
    assert Parking.objects.count() == 0


def test_a_plan_changed_at_the_end_of_the_cycle_has_no_parts() -> None:
    subscription = begun("F-1", [plan("29.99")], party=person())
    months_later(1)
    on = date(2026, 5, 10)
    change(
        subscription,
        hour=0,
        kind=ChangeKind.PLAN,
        ends=["plan-1"],
        begins=[plan("19.99", line="1")],
        on=on,
    )
    months_later(2, 3)
    assert [gross for _, _, gross in bills()] == ["29.99", "29.99", "19.99", "19.99"]
    assert expected(add_months(DAY, 3)) == [gross for _, _, gross in bills()]
    assert kept()[2:] == [("19.99", "19.99")] * 2
    assert Parking.objects.count() == 0


def test_a_plan_changed_within_a_free_month_gives_nothing_back() -> None:
    subscription = begun("F-1", [plan("29.99", SIX_FREE)], party=person())
    months_later(1)
    change(subscription, kind=ChangeKind.PLAN, ends=["plan-1"], begins=[plan("39.99", line="1")])
    months_later(2)
    # 20/30 of 39.99 and a whole month; of the old plan -20.00 and as much of its benefit.
    assert [gross for _, _, gross in bills()] == ["0.00", "0.00", "66.65"]
    assert [amount for *_, amount in lines_of("FA-2026-0000003")] == [
        "-19.99", "19.99", "26.66", "39.99",
    ]  # fmt: skip
    assert kept()[2:] == [("66.65", "66.65")]


def test_a_change_before_the_first_bill_of_a_firm_prices_each_plan_for_its_days() -> None:
    subscription = begun("F-1", [plan("30.00")], party=firm(), segment="business")
    on = date(2026, 3, 20)
    change(
        subscription, kind=ChangeKind.PLAN, ends=["plan-1"], begins=[plan("60.00", line="1")], on=on
    )
    with business_time_fixed(at(on, 13)):
        run(on)
    # 10/31 of 30.00 and 21/31 of 60.00, before 20 % tax.
    assert [str(invoice.net) for invoice in Invoice.objects.all()] == ["50.33"]
    assert Parking.objects.count() == 0
    assert kept() == [("9.68", "9.68"), ("40.65", "40.65")]


def test_more_given_back_than_due_is_a_credit_note_of_its_own_series() -> None:
    subscription = begun("F-1", [plan("29.99")], party=person())
    months_later(1)
    change(subscription, kind=ChangeKind.TERMINATE)
    months_later(2, 3)
    assert bills()[2:] == [("AV-2026-0000001", "2026-05-10", "-19.99")]
    assert expected(add_months(DAY, 3)) == ["29.99", "29.99", "-19.99"]
    assert Subscription.objects.get().status == "ended"
    assert BillingAccount.objects.get().next_bill_on is None
    assert Parking.objects.count() == 0
    assert kept()[2:] == [("-19.99", "-19.99")]


def test_changes_follow_one_another_and_name_the_promise_before() -> None:
    subscription = begun("F-1", [plan("29.99")], party=person())
    months_later(1)
    change(subscription, kind=ChangeKind.ADD, begins=[plan("15.00", line="option-1")])
    change(
        subscription,
        kind=ChangeKind.REMOVE,
        ends=["option-1"],
        on=date(2026, 4, 25),
        order="C-2",
    )
    months_later(2, 3)
    # The option ran for five of thirty days.
    assert [gross for _, _, gross in bills()] == ["29.99", "29.99", "32.49", "29.99"]
    assert expected(add_months(DAY, 3)) == [gross for _, _, gross in bills()]
    first, second, third = Promise.objects.order_by("pk")
    assert (first.replaces_id, second.replaces_id, third.replaces_id) == (None, first.pk, second.pk)
    assert kept()[2] == ("32.49", "32.49")
    assert Parking.objects.count() == 0


def test_a_change_is_applied_once() -> None:
    subscription = begun("F-1", [plan("29.99"), press("9.90")], party=person())
    change_id = change(subscription, kind=ChangeKind.REMOVE, ends=["press-1"])
    again = apply_change(
        ContractChange("C-1", "g1", subscription, ChangeKind.REMOVE, CHANGED, "web", ends=[0])
    )
    assert again == change_id
    assert SubscriptionChange.objects.count() == 1


def test_what_has_ended_is_not_ended_again() -> None:
    subscription = begun("F-1", [plan("29.99"), press("9.90")], party=person())
    change(subscription, kind=ChangeKind.REMOVE, ends=["press-1"])
    with pytest.raises(RuleViolated) as refused:
        change(subscription, kind=ChangeKind.REMOVE, ends=["press-1"], order="C-2")
    assert refused.value.code == "item_ended"
    assert SubscriptionChange.objects.count() == 1


def test_a_renewal_commits_from_its_own_day() -> None:
    subscription = begun("F-1", [plan("29.99")], party=person())
    months_later(1)
    change(
        subscription,
        kind=ChangeKind.RENEW,
        ends=["plan-1"],
        begins=[plan("29.99", SIX_FREE, line="1")],
        months=24,
        term_months=24,
    )
    contract = Subscription.objects.get()
    assert (contract.commitment_months, contract.commitment_ends_on) == (24, date(2028, 4, 20))


def test_blocks_are_independent() -> None:
    subscription = begun("F-1", [plan("29.99")], party=person())
    status = Subscription.objects.values_list("status", flat=True)
    change(subscription, kind=ChangeKind.SUSPEND, blocks=BlockKind.LOST_SIM)
    change(subscription, kind=ChangeKind.SUSPEND, blocks=BlockKind.WISH, order="C-2")
    assert status.get() == "suspended"
    change(subscription, kind=ChangeKind.RESUME, lifts=BlockKind.LOST_SIM, order="C-3")
    assert status.get() == "suspended"
    change(subscription, kind=ChangeKind.RESUME, lifts=BlockKind.WISH, order="C-4")
    assert status.get() == "active"
    months_later(1, 2)
    assert [gross for _, _, gross in bills()] == ["29.99"] * 3
    assert Parking.objects.count() == 0


@pytest.mark.parametrize("wrong", ["amount", "forgotten", "not_ended"])
def test_a_planted_fault_in_a_change_holds_the_bill(wrong: str) -> None:
    subscription = begun("F-1", [plan("29.99"), press("9.90")], party=person())
    months_later(1)
    change(
        subscription,
        kind=ChangeKind.PLAN,
        ends=["press-1"],
        begins=[plan("14.99", line="option-1")],
    )
    if wrong == "amount":
        ItemCharge.objects.filter(item__line_id="option-1").update(amount="13.99")
    elif wrong == "forgotten":
        ItemCharge.objects.filter(item__line_id="option-1").delete()
    else:
        SubscriptionItem.objects.filter(line_id="press-1").update(until_on=None)
    months_later(2)
    assert Parking.objects.count() == 1
    assert Invoice.objects.latest("pk").state == "held"


def test_a_held_repair_that_is_thrown_away_is_made_again() -> None:
    subscription = begun("F-1", [plan("29.99"), press("9.90")], party=person())
    months_later(1)
    change(subscription, kind=ChangeKind.REMOVE, ends=["press-1"])
    ItemCharge.objects.filter(item__line_id="plan-1").update(amount="28.99")
    months_later(2)
    ItemCharge.objects.filter(item__line_id="plan-1").update(amount="29.99")
    account = BillingAccount.objects.get()
    release_held(account_id=account.pk, decision=Release.REDRAFT, operator="Olivia")
    months_later(2)
    assert bills()[2:] == [("FA-2026-0000003", "2026-05-10", "23.39")]


def test_an_end_that_was_written_down_after_two_bills_is_settled_for_good() -> None:
    subscription = begun("F-1", [plan("29.99"), press("9.90")], party=person())
    months_later(1, 2)
    change(subscription, kind=ChangeKind.TERMINATE, on=CHANGED)
    months_later(3)
    # Twenty of thirty days of April's bill go back, and all of May's.
    assert bills()[3:] == [("AV-2026-0000001", "2026-06-10", "-66.48")]
    billed = ItemCharge.objects.values_list("billed_until", flat=True)
    assert set(billed) == {CHANGED}
    live = Coverage.objects.filter(live=True).order_by("charge__code", "days")
    assert [(c.days.lower, c.days.upper) for c in live] == [
        (date(2026, 3, 10), date(2026, 4, 10)), (date(2026, 4, 10), CHANGED),
    ] * 2  # fmt: skip
    months_later(4, 5)
    assert len(bills()) == 4
    assert BillingAccount.objects.get().next_bill_on is None
    assert Parking.objects.count() == 0


def test_a_line_that_begins_in_the_night_of_the_bill_does_not_wait_for_the_others() -> None:
    party = person()
    begun("F-1", [plan("29.99")], party=party)
    night = add_months(DAY, 1)
    with business_time_fixed(at(night, 2)):
        begun("F-2", [plan("9.99")], party=party, on=night)
    assert Parking.objects.count() == 0
    months_later(1, 2)
    assert [gross for _, _, gross in bills()] == ["29.99", "9.99", "29.99", "39.98"]
    assert Parking.objects.count() == 0


@pytest.mark.parametrize(("ends", "back"), [(date(2026, 3, 15), "-25.15"), (DAY, "-29.99")])
def test_who_withdraws_pays_the_days_that_he_asked_for_and_no_others(ends: date, back: str) -> None:
    """5 of 31 days of 29.99, or none where the service was not asked for at once."""
    contract = begun("F-1", [plan()], party=person())
    Subscription.objects.filter(pk=contract).update(imei="990010000000019")
    promised("F-2", [], group="change")
    with business_time_fixed(at(date(2026, 3, 15))):
        apply_change(
            ContractChange("F-2", "change", contract, ChangeKind.WITHDRAW, on=ends, channel="web")
        )
    ended = Subscription.objects.get()
    assert (ended.status, ended.ended_on, ended.imei) == ("ended", ends, "")
    # At once, not with the next bill.
    assert [bill[2] for bill in bills()] == ["29.99", back]
    credit = Invoice.objects.get(kind="credit_note")
    assert (credit.state, credit.issued_on) == ("issued", date(2026, 3, 15))
    with business_time_fixed(at(date(2026, 4, 10), 4)):
        run(date(2026, 4, 10))
    assert [bill[2] for bill in bills()] == ["29.99", back]
    assert expected(date(2026, 5, 10)) == ["29.99", back]
    assert Parking.objects.count() == 0
    assert all(check.equal for check in bills_against_promises())


def test_days_that_no_bill_holds_yet_are_billed_with_the_withdrawal() -> None:
    """An option of 14.99 added five days before: 5 of 31 days are 2.417..., and 29.99 * 21/31 of
    the plan goes back."""
    contract = begun("F-1", [plan("29.99")], party=person())
    change(
        contract, kind=ChangeKind.ADD, begins=[plan("14.99", line="option-1")],
        on=date(2026, 3, 15),
    )  # fmt: skip
    promised("F-2", [], group="change")
    on = date(2026, 3, 20)
    with business_time_fixed(at(on)):
        apply_change(
            ContractChange("F-2", "change", contract, ChangeKind.WITHDRAW, on=on, channel="web")
        )
    assert [bill[2] for bill in bills()] == ["29.99", "-17.90"]
    months_later(1, 2)
    assert [bill[2] for bill in bills()] == ["29.99", "-17.90"]
    assert expected(date(2026, 5, 10)) == ["29.99", "-17.90"]
    assert Parking.objects.count() == 0
    assert all(check.equal for check in bills_against_promises())


def test_a_withdrawal_credits_nothing_of_a_bill_that_an_operator_may_throw_away() -> None:
    """April's bill is wrong and held; 5 of its 30 days of 29.99 are due."""
    contract = begun("F-1", [plan("29.99")], party=person())
    ItemCharge.objects.update(amount="28.99")
    months_later(1)
    assert Invoice.objects.get(key__startswith="cycle").state == "held"
    promised("F-2", [], group="change")
    on = date(2026, 4, 15)
    with business_time_fixed(at(on)):
        apply_change(
            ContractChange("F-2", "change", contract, ChangeKind.WITHDRAW, on=on, channel="web")
        )
    assert not Invoice.objects.filter(kind="credit_note").exists()
    ItemCharge.objects.update(amount="29.99")
    account = BillingAccount.objects.get().pk
    release_held(account_id=account, decision=Release.REDRAFT, operator="Olivia")
    with business_time_fixed(at(on, 18)):
        run(on)
    release_held(account_id=account, decision=Release.ISSUE, operator="Olivia")
    assert [bill[2] for bill in bills()] == ["29.99", "5.00"]


def test_days_beyond_an_end_that_came_late_are_no_leak_before_the_bill_that_gives_them_back() -> (
    None
):
    contract = begun("F-1", [plan(), press()], party=person())
    months_later(1)
    change(
        contract, kind=ChangeKind.REMOVE, ends=["press-1"], on=date(2026, 4, 5),
        carried_out=date(2026, 4, 12),
    )  # fmt: skip
    with business_time_fixed(at(date(2026, 5, 9))):
        assert list(billing_differences(date(2026, 5, 9))) == []
    found = list(billing_differences(date(2026, 5, 13)))
    assert ("billed_after_end", "F-1/press-1/press") in [
        (each.kind, each.identity) for each in found
    ]
    months_later(2)
    # The month, and five of the 31 days before it.
    assert lines_of("FA-2026-0000003")[1:] == [
        ("repair", "F-1/press-1", "2026-04-05", "2026-04-10", "-0.34"),
        ("repair", "F-1/press-1", "2026-04-10", "2026-05-10", "-2.10"),
    ]
    assert list(billing_differences(date(2026, 5, 13))) == []
    made = [(each.on, str(each.amount.amount)) for each in expected_bills(until=date(2026, 5, 10))]
    assert made[1:] == [(date(2026, 4, 10), "32.09"), (date(2026, 5, 10), "27.55")]


def test_an_end_that_is_carried_out_late_goes_before_what_another_change_ended_meanwhile() -> None:
    contract = begun("F-1", [plan("30.00"), press("3.10")], party=person())
    months_later(1)
    change(
        contract, kind=ChangeKind.PLAN, ends=["plan-1"], begins=[plan("60.00", line="plan-2")],
        on=date(2026, 4, 20),
    )  # fmt: skip
    change(
        contract, kind=ChangeKind.TERMINATE, order="C-2", on=date(2026, 4, 16),
        carried_out=date(2026, 4, 24),
    )  # fmt: skip
    held = SubscriptionItem.objects.order_by("pk").values_list("line_id", "until_on")
    assert list(held) == [
        ("plan-1", date(2026, 4, 16)),
        ("press-1", date(2026, 4, 16)),
        ("plan-2", date(2026, 4, 20)),
    ]
    months_later(2)
    # Six of the thirty days from 10 April on were used, and nothing of what began after the end.
    assert lines_of("AV-2026-0000001") == [
        ("repair", "F-1/plan-1", "2026-04-16", "2026-05-10", "-24.00"),
        ("repair", "F-1/press-1", "2026-04-16", "2026-05-10", "-2.48"),
    ]
    assert all(check.equal for check in bills_against_promises())
    made = [(each.on, str(each.amount.amount)) for each in expected_bills(until=date(2026, 5, 10))]
    assert made[1:] == [(date(2026, 4, 10), "33.10"), (date(2026, 5, 10), "-26.48")]
    due = PromiseLine.objects.filter(due_on__gte=date(2026, 5, 10), superseded_by__isnull=True)
    assert str(sum(line.amount for line in due)) == "-26.48"
    assert list(billing_differences(date(2026, 6, 20))) == []


def test_an_end_carried_out_late_gives_back_days_of_a_plan_that_ended_with_its_cycle() -> None:
    contract = begun("F-1", [plan("31.00")], party=person())
    change(
        contract, kind=ChangeKind.PLAN, ends=["plan-1"], begins=[plan("60.00", line="plan-2")],
        on=date(2026, 4, 10), hour=2,
    )  # fmt: skip
    months_later(1)
    change(
        contract, kind=ChangeKind.TERMINATE, order="C-2", on=date(2026, 3, 23),
        carried_out=date(2026, 4, 12),
    )  # fmt: skip
    held = SubscriptionItem.objects.order_by("pk").values_list("line_id", "until_on")
    assert list(held) == [("plan-1", date(2026, 3, 23)), ("plan-2", date(2026, 4, 10))]
    months_later(2)
    # 13 of the 31 days from 10 March on were used.
    assert lines_of("AV-2026-0000001") == [
        ("repair", "F-1/plan-1", "2026-03-23", "2026-04-10", "-18.00"),
        ("repair", "C-1/plan-2", "2026-04-10", "2026-05-10", "-60.00"),
    ]
    assert all(check.equal for check in bills_against_promises())
    made = [(each.on, str(each.amount.amount)) for each in expected_bills(until=date(2026, 5, 10))]
    assert made[1:] == [(date(2026, 4, 10), "60.00"), (date(2026, 5, 10), "-78.00")]
    assert list(billing_differences(date(2026, 6, 20))) == []


def test_what_begins_late_is_no_leak_before_the_bill_after_it() -> None:
    contract = begun("F-1", [plan("30.00")], party=person())
    months_later(1)
    change(
        contract, kind=ChangeKind.ADD, begins=[press("3.10")], on=date(2026, 4, 8),
        carried_out=date(2026, 4, 12),
    )  # fmt: skip
    assert list(billing_differences(date(2026, 4, 13))) == []
    assert list(billing_differences(date(2026, 5, 9))) == []
    months_later(2)
    # Two of the 31 days, and the month after the one that began meanwhile.
    assert [line[1:] for line in lines_of("FA-2026-0000003") if line[1] == "press-1"] == [
        ("press-1", "2026-04-08", "2026-04-10", "0.20"),
        ("press-1", "2026-04-10", "2026-05-10", "3.10"),
        ("press-1", "2026-05-10", "2026-06-10", "3.10"),
    ]
    Coverage.objects.filter(charge__item__line_id="press-1").delete()
    ItemCharge.objects.filter(item__line_id="press-1").update(billed_until=None)
    found = [(each.kind, each.identity) for each in billing_differences(date(2026, 5, 11))]
    assert ("unbilled", "F-1/press-1/press") in found


def test_a_firms_bill_for_another_line_settles_what_changed_and_the_audit_says_so() -> None:
    firms = firm()
    contract = begun("F-1", [plan("30.00"), press("3.10")], party=firms, segment="business")
    with business_time_fixed(at(date(2026, 3, 11), 4)):
        run(date(2026, 3, 11))
    months_later(1)
    change(contract, kind=ChangeKind.REMOVE, ends=["press-1"], on=date(2026, 4, 15))
    joins = date(2026, 4, 20)
    with business_time_fixed(at(joins)):
        begun("F-2", [plan("30.00")], party=firms, segment="business", on=joins)
    with business_time_fixed(at(date(2026, 4, 21), 4)):
        run(date(2026, 4, 21))
    months_later(2)
    # 25 of 30 days of 3.10 go back on the bill that holds 20 of 30 days of the new line.
    assert [str(each.net) for each in Invoice.objects.order_by("pk")] == [
        "33.10", "33.10", "17.42", "60.00",
    ]  # fmt: skip
    made = [(each.on, str(each.amount.amount)) for each in expected_bills(until=date(2026, 5, 10))]
    assert [amount for _, amount in made] == ["33.10", "33.10", "17.42", "60.00"]
    assert made[2][0] == date(2026, 4, 21)
