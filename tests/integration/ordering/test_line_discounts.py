"""Advantages of several lines follow their number: from the next bill day on, promised and told."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.translation import override

from catalogue.models import Release
from catalogue.selectors import forget_snapshots
from commerce.accounts.identity import AccountContext
from commerce.accounts.models import User
from commerce.events.models import Timer
from commerce.kernel.clock import PARIS, business_time_fixed
from commerce.kernel.errors import RuleViolated
from commerce.kernel.money import Money
from commerce.notifications.models import Message
from commerce.ordering import subscribers
from commerce.ordering.domain.changes import ChangeQuote, ChangeRequest
from commerce.ordering.domain.states import OrderState
from commerce.ordering.models import Order
from commerce.ordering.services import line_discounts
from commerce.ordering.services.changes import place_change, quote_change
from commerce.ordering.services.line_discounts import on_look_due
from commerce.ordering.services.passing_on import pass_on
from commerce.ordering.services.place import Checkout
from commerce.ordering.services.taking_over import take_over_of
from commerce.ordering.services.unwinding import begun_order
from commerce.ordering.timeline import timeline_of
from frontend.sentences import sentence_of
from orchestration.services.making_way import on_take_back_due
from promotions.domain.benefits import Benefit, BenefitKind
from subscriptions.contracts.services.activate import ActivatedItem, activate
from subscriptions.domain.charges import AgreedCharge
from subscriptions.domain.states import ChangeKind
from subscriptions.invoicing.explaining import explanation
from subscriptions.models import (
    BillingAccount,
    Invoice,
    Parking,
    Subscription,
    SubscriptionItem,
    TermsChange,
    TermsNotice,
)
from subscriptions.reconciling.audit import bills_against_promises
from subscriptions.reconciling.leaks import billing_differences
from tests.integration.ordering.people import customer
from tests.integration.ordering.test_changes import AT, carried_out
from tests.integration.ordering.test_next_offers import START
from tests.integration.subscriptions.contracts import RATES, at, promised, run

__all__ = ["AT"]
FAMILY = "famille-5"
NAMES = {"fr": "Famille : 5 € par ligne", "en": "Family: €5 a line"}
OFF = Benefit(FAMILY, BenefitKind.AMOUNT_OFF, Decimal(5))
HORIZON = {"fr": "Horizon 130", "en": "Horizon 130"}
DECEMBER, JANUARY, FEBRUARY = date(2026, 12, 23), date(2027, 1, 23), date(2027, 2, 23)
LEFT = date(2027, 1, 10)
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("demo_catalogue")]


def family(**lines: object) -> dict[str, Any]:
    return {
        "code": FAMILY,
        "name": NAMES,
        "when": {"fact": "kinds", "includes": "plan"},
        "trigger": {"kinds": ["plan"]},
        "benefits": [
            {
                "kind": "amount_off",
                "target": {"fact": "line.role", "is": "plan"},
                "charge": "recurring",
                "value": "5.00",
            }
        ],
        "lines": lines,
    }


def sell(promotion: dict[str, Any], *, at: datetime = AT + timedelta(seconds=1)) -> None:
    """A second release, with the promotion."""
    sold = Release.objects.get()
    document = {**sold.document, "promotions": [*sold.document["promotions"], promotion]}
    text = json.dumps(document, sort_keys=True)
    Release.objects.create(
        number=sold.number + 1,
        document=document,
        digest=hashlib.sha256(text.encode()).hexdigest(),
        published_at=at,
    )
    forget_snapshots()


@pytest.fixture
def forgotten() -> Iterator[None]:
    yield
    forget_snapshots()


@pytest.fixture
def each_after_the_first(forgotten: None) -> None:
    sell(family(earlier=1))


def begun(
    context: AccountContext,
    number: int,
    *,
    off: bool,
    on: date = START,
    also: tuple[Benefit, ...] = (),
) -> int:
    order = f"F-2026-00000{number}"
    plan = AgreedCharge(
        "plan",
        "monthly",
        True,
        Money.of("19.99"),
        "telecom",
        benefits=((OFF,) if off else ()) + also,
    )
    with business_time_fixed(at(on)):
        promised(order, [plan])
        return activate(
            order_number=order, group="g1", party_id=context.party_id or 0, segment="consumer",
            items=[ActivatedItem("plan", "horizon-130", (plan,), names=HORIZON)],
            tax_rates=RATES, term_months=0, activated_on=on, release=2, channel="web",
            msisdn=f"063998000{number}", benefit_names={FAMILY: NAMES},
        )  # fmt: skip


def three_lines(context: AccountContext) -> tuple[int, int, int]:
    """Of which the second and the third have 5 euros off."""
    first, second, third = (begun(context, number, off=number > 1) for number in (1, 2, 3))
    return first, second, third


def leaving(context: AccountContext, line: int, *, on: date = LEFT) -> ChangeQuote:
    request = ChangeRequest(ChangeKind.TERMINATE, on=on)
    with business_time_fixed(at(date(2026, 12, 28))):
        shown = quote_change(context, subscription_id=line, request=request)
        order = place_change(
            context,
            subscription_id=line,
            request=request,
            checkout=Checkout(expected_total=shown.quote.due_today_gross, digest=shown.digest()),
        )
    carried_out(order.number, on=on)
    with business_time_fixed(at(on)):
        subscribers.on_contract_changed(
            {"kind": "terminate", "party_id": context.party_id, "order_number": order.number}
        )
        looked(context, on=on)
    return shown


def looked(context: AccountContext, *, on: date) -> None:
    with business_time_fixed(at(on)):
        on_look_due({"party": context.party_id})


def ours() -> list[Order]:
    return list(Order.objects.filter(change="advantages").order_by("pk"))


def billed(*days: date) -> None:
    for day in days:
        with business_time_fixed(at(day, 4)):
            run(day)


def gross() -> list[str]:
    rows = Invoice.objects.filter(key__startswith="cycle:").order_by("pk")
    return [str(amount) for amount in rows.values_list("gross", flat=True)]


@pytest.mark.usefixtures("each_after_the_first")
def test_the_first_line_leaves_and_one_advantage_lapses_from_the_next_bill_day() -> None:
    context = customer()
    first, second, third = three_lines(context)
    billed(DECEMBER)
    shown = leaving(context, first)
    # The second is the first now, the third still comes after another one.
    assert [
        (each.subscription_id, each.on, move.code, move.begins, str(move.amount.amount))
        for each in shown.beside
        for move in each.moves
    ] == [(second, JANUARY, FAMILY, False, "5.00")]
    (order,) = ours()
    assert (order.subject, order.begins_on, order.actor_kind) == (second, JANUARY, "system")
    (told,) = Message.objects.filter(code="advantage_ends")
    assert "Famille : 5 € par ligne" in told.subject
    assert "23/01/2027" in told.text
    assert "5,00 € de plus" in told.text
    looked(context, on=LEFT)
    assert len(ours()) == 1
    carried_out(order.number, on=JANUARY)
    billed(JANUARY, FEBRUARY)
    # 19.99 and 2 x 14.99; the repair of the one that left; then 19.99 and 14.99.
    assert gross()[0] == "49.97"
    assert gross()[2] == "34.98"
    assert Parking.objects.count() == 0
    assert all(check.equal for check in bills_against_promises())
    assert not list(billing_differences(FEBRUARY))
    held = SubscriptionItem.objects.get(subscription=third, until_on__isnull=True)
    assert held.charges.get().benefits.count() == 1
    looked(context, on=FEBRUARY)
    assert len(ours()) == 1


@pytest.mark.usefixtures("each_after_the_first")
def test_a_firm_is_led_to_its_portal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_discounts, "purchase_order_of", lambda number: f"PO of {number}")
    context = customer()
    second = begun(context, 2, off=True)
    BillingAccount.objects.update(basis="HT", segment="business")
    looked(context, on=LEFT)
    (told,) = Message.objects.filter(code="advantage_ends")
    assert f"/portal/lines/{second}/timeline/" in told.text
    assert [order.purchase_order for order in ours()] == ["PO of F-2026-000002"]


@pytest.mark.usefixtures("each_after_the_first")
def test_the_last_line_leaves_and_the_others_keep_what_they_have() -> None:
    context = customer()
    first, second, third = three_lines(context)
    shown = leaving(context, third)
    assert shown.beside == ()
    assert not ours()
    assert not Message.objects.filter(code="advantage_ends").exists()
    assert Subscription.objects.filter(pk__in=[first, second], status="active").count() == 2


@pytest.mark.usefixtures("each_after_the_first")
def test_the_bill_and_the_timeline_say_why_it_costs_more() -> None:
    context = customer()
    first, second, _ = three_lines(context)
    billed(DECEMBER)
    leaving(context, first)
    (order,) = ours()
    with business_time_fixed(at(LEFT)):
        coming = timeline_of(context.party_id or 0, second)
    assert [
        (str(each.on), each.title.pattern, each.why.pattern if each.why else "")
        for each in coming
        if each.topic == "order"
    ] == [
        (
            "2027-01-23",
            "Advantages are to change with the number of lines.",
            "They follow the number of lines.",
        )
    ]
    carried_out(order.number, on=JANUARY)
    billed(JANUARY)
    with business_time_fixed(at(JANUARY)):
        told = timeline_of(context.party_id or 0, second)
        (change,) = [each for each in told if each.title.pattern == "No longer: %(names)s."]
        bill = Invoice.objects.filter(key__startswith="cycle:").latest("pk")
        reasons = explanation(context.party_id or 0, bill.number or "").explanation.reasons
    assert change.title.values["names"] == [NAMES]
    assert [
        (str(each.why), str(each.amount.amount), str(each.on))
        for each in reasons
        if each.act == "advantages"
    ] == [("benefit_ended", "5.00", "2027-01-23")]


@pytest.mark.usefixtures("each_after_the_first")
def test_what_follows_lines_is_not_cancelled_and_another_plan_takes_its_place() -> None:
    context = customer()
    first, second, _ = three_lines(context)
    leaving(context, first)
    (order,) = ours()
    with pytest.raises(RuleViolated) as kept:
        begun_order(context, number=order.number)
    assert kept.value.code == "follows_lines"
    with override("fr"):
        assert sentence_of(kept.value).startswith("Le prix suit le nombre de vos lignes")
    request = ChangeRequest(ChangeKind.PLAN, choices={"plan": ("mini-20",)}, term=0)
    with business_time_fixed(at(LEFT)):
        shown = quote_change(context, subscription_id=second, request=request)
    assert shown.takes_back == (order.number,)
    assert not shown.quote.applied
    order.refresh_from_db()
    assert order.state == OrderState.ACCEPTED


@pytest.mark.usefixtures("forgotten")
def test_another_line_lets_an_advantage_begin_on_the_one_that_runs() -> None:
    sell(family(others=1, begins=True))
    context = customer()
    first = begun(context, 1, off=False)
    billed(DECEMBER)
    looked(context, on=LEFT)
    assert not ours()
    begun(context, 2, off=True, on=LEFT)
    with business_time_fixed(at(LEFT)):
        line_discounts.look_as_one_more(context.party_id or 0)
    assert Timer.objects.filter(handler="line-discounts").count() == 1
    looked(context, on=LEFT)
    looked(context, on=LEFT)
    (order,) = ours()
    assert (order.subject, order.begins_on) == (first, JANUARY)
    (told,) = Message.objects.filter(code="advantage_begins")
    assert "5,00 € de moins" in told.text
    carried_out(order.number, on=JANUARY)
    billed(JANUARY, FEBRUARY)
    assert gross()[-1] == "29.98"
    assert Parking.objects.count() == 0
    assert all(check.equal for check in bills_against_promises())
    looked(context, on=FEBRUARY)
    assert len(ours()) == 1


@pytest.mark.usefixtures("forgotten")
def test_nothing_is_asked_of_the_lines_of_who_has_no_such_advantage() -> None:
    sell(family(earlier=1))
    context = customer()
    begun(context, 1, off=False)
    begun(context, 2, off=False)
    looked(context, on=LEFT)
    assert not ours()
    assert not Message.objects.filter(code__startswith="advantage").exists()


def test_nobody_is_looked_at_where_no_promotion_follows_lines() -> None:
    with business_time_fixed(at(LEFT)):
        line_discounts.look_as_one_more(customer().party_id or 0)
    assert not Timer.objects.filter(handler="line-discounts").exists()


@pytest.mark.usefixtures("each_after_the_first")
def test_a_line_that_begins_after_the_other_one_left_has_nothing_for_it() -> None:
    context = customer()
    second = begun(context, 2, off=True)
    with business_time_fixed(at(LEFT)):
        line_discounts.look_as_one_more(context.party_id or 0)
    assert Timer.objects.filter(handler="line-discounts").count() == 1
    looked(context, on=LEFT)
    (order,) = ours()
    assert (order.subject, order.begins_on) == (second, JANUARY)


@pytest.mark.usefixtures("each_after_the_first")
def test_the_api_and_the_pages_name_the_other_lines_before_one_leaves() -> None:
    context = customer()
    first, second, _ = three_lines(context)
    browser = Client(headers={"Accept-Language": "en"})
    user = User.objects.get(party=context.party_id)
    browser.force_login(user, "django.contrib.auth.backends.ModelBackend")
    with business_time_fixed(at(LEFT)):
        asked = {"kind": "terminate", "on": "2027-01-25"}
        address = f"/api/v1/subscriptions/{first}"
        ended = browser.post(f"{address}/change-quotes", asked, content_type="application/json")
        passed = browser.get(f"{address}/holder-changes")
        page = browser.get(f"/account/lines/{first}/holder/").content.decode()
    moves = [
        {
            "name": HORIZON["en"],
            "advantage": NAMES["en"],
            "begins": False,
            "amount": {"amount": "5.00", "currency": "EUR"},
        }
    ]
    line = {"subscription_id": second, "number": "0639980002", "moves": moves}
    assert ended.json()["beside"] == [line | {"on": "2027-02-23"}]
    # It would go on the 23rd of January, the first day of its next month.
    assert passed.json()["beside"] == [line | {"on": "2027-02-23"}]
    assert "more per month" in page


@pytest.mark.usefixtures("each_after_the_first")
def test_who_takes_a_line_over_is_quoted_it_with_his_own_lines() -> None:
    giver, alone, with_one = customer(), customer("Alix Roy"), customer("Noor Diallo")
    three_lines(giver)
    begun(with_one, 4, off=False)
    line = Subscription.objects.filter(party=giver.party_id).latest("pk")
    with business_time_fixed(at(START, 13)):
        pass_on(giver, subscription_id=line.pk, email="a@example.test")
        message = Message.objects.get(code="holder_asked")
        token = message.text.split("/take-over/")[1].split("/")[0].split()[0]
        bills = [
            str(take_over_of(token, party_id=context.party_id).bills[1].amount.amount)
            for context in (alone, with_one)
        ]
    assert bills == ["19.99", "14.99"]


@pytest.mark.usefixtures("each_after_the_first")
def test_a_line_that_stands_still_waits_with_its_advantage_until_it_goes_on() -> None:
    context = customer()
    first, second, _ = three_lines(context)
    Subscription.objects.filter(pk=second).update(status="suspended")
    leaving(context, first)
    assert not ours()
    (again,) = Timer.objects.filter(handler="line-discounts")
    assert again.due_at.astimezone(PARIS) == datetime(2027, 1, 11, 0, 10, tzinfo=PARIS)
    Subscription.objects.filter(pk=second).update(status="active")
    looked(context, on=JANUARY)
    (order,) = ours()
    # The bill of that day may be made already.
    assert order.begins_on == FEBRUARY


@pytest.mark.usefixtures("each_after_the_first")
def test_what_was_announced_and_other_advantages_go_on_with_the_line() -> None:
    context = customer()
    free = Benefit("spring", BenefitKind.PERCENT_OFF, Decimal(50), 1, 4)
    first = begun(context, 1, off=False)
    second = begun(context, 2, off=True, also=(free,))
    item = SubscriptionItem.objects.get(subscription=second)
    terms = TermsChange.objects.create(
        code="x", offering="horizon-130", segment="consumer", names={}, from_on=date(2027, 6, 1),
        announced_at=at(START), announced_by="x",
    )  # fmt: skip
    TermsNotice.objects.create(terms=terms, item=item, effective_on=date(2027, 6, 23))
    leaving(context, first)
    (order,) = ours()
    carried_out(order.number, on=JANUARY)
    after = SubscriptionItem.objects.get(subscription=second, until_on__isnull=True)
    assert TermsNotice.objects.get().item_id == after.pk
    # Two of the four months were over.
    left = after.charges.get().benefits.values_list("code", "first", "periods")
    assert list(left) == [("spring", 1, 2)]
    billed(DECEMBER, JANUARY)
    assert Parking.objects.count() == 0


@pytest.mark.usefixtures("forgotten")
def test_what_was_ordered_by_another_number_of_lines_is_taken_back_and_the_holder_told() -> None:
    """Of two one leaves and another comes before the bill day: nobody has fewer lines then."""
    sell(family(others=1))
    context = customer()
    first, second = (begun(context, number, off=True) for number in (1, 2))
    leaving(context, first)
    (order,) = ours()
    looked(context, on=LEFT)
    assert not Timer.objects.filter(handler=line_discounts.TAKE_BACK).exists()
    again = LEFT + timedelta(days=3)
    begun(context, 3, off=True, on=again)
    looked(context, on=again)
    looked(context, on=again)
    (told,) = Message.objects.filter(code="advantages_stay")
    assert "0639980002" in told.subject
    assert "23/01/2027" in told.text
    (timer,) = Timer.objects.filter(handler=line_discounts.TAKE_BACK)
    with business_time_fixed(at(again)):
        on_take_back_due(timer.payload)
        on_take_back_due(timer.payload)
        subscribers.on_order_cancelled({"number": order.number})
    order.refresh_from_db()
    assert order.state == OrderState.CANCELLED
    assert Timer.objects.filter(handler=line_discounts.TIMER).count() == 1
    looked(context, on=again)
    assert len(ours()) == 1
    billed(DECEMBER, JANUARY, FEBRUARY)
    assert gross()[-1] == "29.98"
    held = SubscriptionItem.objects.get(subscription=second, until_on__isnull=True)
    assert held.charges.get().benefits.count() == 1
    assert all(check.equal for check in bills_against_promises())


@pytest.mark.usefixtures("each_after_the_first")
def test_the_coming_bills_hold_a_line_at_the_price_at_which_it_will_go_on() -> None:
    context = customer()
    first, second, _ = three_lines(context)
    billed(DECEMBER)
    leaving(context, first)
    (order,) = ours()
    request = ChangeRequest(ChangeKind.ADD, choices={"option": ("escale-monde",)})
    with business_time_fixed(at(LEFT)):
        shown = quote_change(context, subscription_id=second, request=request)
    assert [each.number for each in shown.waits] == [order.number]
    assert [(str(bill.on), str(bill.before.amount)) for bill in shown.bills[:2]] == [
        ("2027-01-23", "19.99"),
        ("2027-02-23", "19.99"),
    ]


@pytest.mark.usefixtures("each_after_the_first")
@pytest.mark.parametrize("kind", ["add", "plan", "renew"])
def test_what_a_line_holds_anew_was_judged_by_the_lines_of_its_order(kind: str) -> None:
    context = customer()
    with business_time_fixed(at(LEFT)):
        subscribers.on_contract_changed(
            {"kind": kind, "party_id": context.party_id, "order_number": "F-2026-000009"}
        )
    (timer,) = Timer.objects.filter(handler=line_discounts.TIMER)
    assert timer.payload == {"party": context.party_id}


@pytest.mark.usefixtures("forgotten")
def test_an_advantage_whose_months_are_over_does_not_begin_again() -> None:
    sell(family(others=1, begins=True))
    context = customer()
    begun(context, 1, off=False, also=(replace(OFF, first=1, periods=1),))
    begun(context, 2, off=True, on=LEFT)
    looked(context, on=LEFT)
    assert not ours()


@pytest.mark.usefixtures("each_after_the_first")
def test_lines_that_keep_what_they_have_cost_no_query_each() -> None:
    context = customer()
    three_lines(context)
    with business_time_fixed(at(LEFT)):
        line_discounts.following(context.party_id or 0)
    with business_time_fixed(at(LEFT)), CaptureQueriesContext(connection) as three:
        assert not line_discounts.following(context.party_id or 0)
    begun(context, 4, off=True)
    begun(context, 5, off=True)
    with business_time_fixed(at(LEFT)), CaptureQueriesContext(connection) as five:
        assert not line_discounts.following(context.party_id or 0)
    assert len(five) == len(three)


@pytest.mark.usefixtures("each_after_the_first")
def test_a_line_that_was_changed_since_it_was_looked_at_is_looked_at_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    context = customer()
    second = begun(context, 2, off=True)
    with business_time_fixed(at(LEFT)):
        before = line_discounts.following(context.party_id or 0)
    assert [each.subscription_id for each in before] == [second]
    SubscriptionItem.objects.filter(subscription=second).update(until_on=LEFT)
    monkeypatch.setattr(line_discounts, "following", lambda party_id: before)
    looked(context, on=LEFT)
    assert not ours()
    assert Timer.objects.filter(handler=line_discounts.TIMER).count() == 1
    Subscription.objects.filter(pk=second).update(status="ended", ended_on=LEFT)
    Timer.objects.all().delete()
    looked(context, on=LEFT)
    assert not ours()
    assert not Timer.objects.filter(handler=line_discounts.TIMER).exists()
