"""What is free at first: asked about in time, and ended by an order unless there is a yes."""

from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from importlib import import_module

import pytest
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from commerce.accounts.identity import AccountContext
from commerce.accounts.models import Consent
from commerce.accounts.written import consents
from commerce.events.models import Timer
from commerce.kernel.clock import PARIS, business_time_fixed
from commerce.kernel.errors import Forbidden, InvalidInput, NotFound, RuleViolated
from commerce.kernel.money import Money
from commerce.notifications.models import Message
from commerce.ordering import subscribers
from commerce.ordering.domain.changes import ChangeRequest
from commerce.ordering.models import Order
from commerce.ordering.services.changes import place_change, quote_change
from commerce.ordering.services.continuing import on_unanswered
from commerce.ordering.services.place import Checkout
from commerce.ordering.timeline import timeline_of
from promotions.domain.benefits import Benefit, BenefitKind
from subscriptions.contracts.continuing import continuations_of
from subscriptions.contracts.finding import coming_bills
from subscriptions.contracts.selectors import promise_view
from subscriptions.contracts.services.activate import ActivatedItem, activate
from subscriptions.contracts.services.answering import answer_continuation
from subscriptions.contracts.services.asking import on_ask_due
from subscriptions.contracts.services.change import ContractChange, apply_change
from subscriptions.domain.charges import AgreedCharge
from subscriptions.domain.states import ChangeKind
from subscriptions.models import (
    BillRun,
    InvoiceLine,
    PaidContinuation,
    Parking,
    PromiseLine,
    Subscription,
    SubscriptionItem,
)
from subscriptions.reconciling.audit import bills_against_promises
from subscriptions.reconciling.leaks import billing_differences
from tests.factories import PersonFactory
from tests.integration.ordering.people import agent, customer
from tests.integration.ordering.test_changes import AT, carried_out
from tests.integration.ordering.test_next_offers import START
from tests.integration.subscriptions.contracts import (
    RATES,
    activated,
    at,
    bills,
    promised,
    run,
)

__all__ = ["AT"]
FREE = Benefit("music-3-free", BenefitKind.PERCENT_OFF, Decimal(100), 1, 3)
PLAN = AgreedCharge("plan", "monthly", True, Money.of("19.99"), "telecom")
MUSIC = AgreedCharge("music", "monthly", True, Money.of("4.99"), "telecom", benefits=(FREE,))
VIDEO = replace(MUSIC, item="video")
HORIZON = {"fr": "Horizon 130", "en": "Horizon 130"}
ONDINE = {"fr": "Ondine Musique", "en": "Ondine Music"}
LANTERNE = {"fr": "Lanterne", "en": "Lanterne"}
ASKED, LAST, PAID = date(2027, 2, 9), date(2027, 2, 21), date(2027, 2, 23)
QUERIES = 19
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("demo_catalogue")]


def begin(
    party: int,
    *,
    offering: str = "ondine-musique",
    segment: str = "consumer",
    also: bool = False,
    on: date = START,
) -> int:
    """`also`: with films, free for as long."""
    video = [ActivatedItem("video", "lanterne-video", (VIDEO,), names=LANTERNE)] if also else []
    with business_time_fixed(at(on)):
        agreed = [PLAN, MUSIC, VIDEO] if also else [PLAN, MUSIC]
        promised("F-2026-000001", agreed, segment=segment)
        return activate(
            order_number="F-2026-000001", group="g1", party_id=party, segment=segment,
            items=[
                ActivatedItem("plan", "horizon-130", (PLAN,), names=HORIZON),
                ActivatedItem("music", offering, (MUSIC,), names=ONDINE),
                *video,
            ],
            tax_rates=RATES, term_months=24, activated_on=on, release=1, channel="web",
            msisdn="0639980001",
        )  # fmt: skip


@pytest.fixture
def owner() -> AccountContext:
    context = customer()
    begin(context.party_id or 0)
    return context


def music() -> SubscriptionItem:
    return SubscriptionItem.objects.get(line_id="music")


def asked(on: date = ASKED) -> None:
    with business_time_fixed(at(on, 10)):
        on_ask_due({"item": music().pk})


def answered(context: AccountContext, *, agreed: bool, on: date = ASKED, record: str = "") -> None:
    with business_time_fixed(at(on)):
        answer_continuation(
            context,
            subscription_id=music().subscription_id,
            item_id=music().pk,
            agreed=agreed,
            record=record,
        )


def due(on: date) -> None:
    with business_time_fixed(at(on, 1)):
        on_unanswered({"item": music().pk})


def billed(*days: date) -> None:
    for day in days:
        with business_time_fixed(at(day, 4)):
            run(day)


def timers(handler: str) -> list[datetime]:
    found = Timer.objects.filter(handler=handler).values_list("due_at", flat=True)
    return [each.astimezone(PARIS) for each in found]


def test_the_holder_is_asked_in_time_and_once(owner: AccountContext) -> None:
    row = PaidContinuation.objects.get()
    assert (row.item_id, row.costs_on, row.answer_by) == (music().pk, PAID, LAST)
    assert (str(row.amount), row.every_months, row.agreed) == ("4.99", 1, None)
    assert timers("continuation-ask") == [datetime(2027, 2, 9, 10, tzinfo=PARIS)]
    asked()
    asked()
    (told,) = Message.objects.filter(code="paid_later")
    assert "Ondine Musique" in told.subject
    assert "4,99 € par mois" in told.text
    assert "21/02/2027" in told.text
    assert f"/account/lines/{Subscription.objects.get().pk}/#paid-later" in told.text
    assert timers("continuation-unanswered") == [datetime(2027, 2, 22, 0, 5, tzinfo=PARIS)]


def test_without_a_yes_it_ends_with_its_free_months_and_costs_nothing(
    owner: AccountContext,
) -> None:
    asked()
    due(date(2027, 2, 22))
    due(date(2027, 2, 22))
    (order,) = Order.objects.all()
    assert (order.change, order.begins_on, order.actor_kind) == ("remove", PAID, "system")
    (told,) = Message.objects.filter(code="paid_later_ends")
    assert "23/02/2027" in told.text
    subscribers.on_order_accepted({"number": order.number})
    assert not Message.objects.filter(code="order_accepted").exists()
    billed(date(2026, 12, 23), date(2027, 1, 23))
    carried_out(order.number, on=PAID)
    assert music().until_on == PAID
    billed(PAID, date(2027, 3, 23))
    assert [bill[2] for bill in bills()] == ["19.99"] * 5
    assert Parking.objects.count() == 0
    assert all(check.equal for check in bills_against_promises())
    before = Timer.objects.filter(handler="continuation-unanswered").count()
    Timer.objects.all().delete()
    due(date(2027, 2, 24))
    assert (before, Timer.objects.count(), Order.objects.count()) == (1, 0, 1)


def test_two_that_nobody_agreed_to_end_by_one_order_before_either_costs() -> None:
    context = customer()
    begin(context.party_id or 0, also=True)
    items = SubscriptionItem.objects.filter(line_id__in=["music", "video"]).order_by("pk")
    for item in items:
        with business_time_fixed(at(ASKED, 10)):
            on_ask_due({"item": item.pk})
    for item in items:
        with business_time_fixed(at(date(2027, 2, 22), 1)):
            on_unanswered({"item": item.pk})
    (order,) = Order.objects.all()
    ended = order.items.order_by("subject").values_list("subject", flat=True)
    assert list(ended) == [item.pk for item in items]
    assert Message.objects.filter(code="paid_later_ends").count() == 2
    billed(date(2026, 12, 23), date(2027, 1, 23))
    carried_out(order.number, on=PAID)
    billed(PAID, date(2027, 3, 23))
    assert [bill[2] for bill in bills()] == ["19.99"] * 5


def test_an_end_that_comes_late_counts_from_the_day_on_which_it_would_have_cost(
    owner: AccountContext,
) -> None:
    asked()
    due(date(2027, 2, 22))
    (order,) = Order.objects.all()
    assert order.items.get().config["effective_on"] == "2027-02-23"
    billed(date(2026, 12, 23), date(2027, 1, 23), PAID)
    assert bills()[-1][2] == "24.98"
    # Three days late: the next bill gives back all that was asked for it.
    carried_out(order.number, on=PAID)
    billed(date(2027, 3, 23))
    assert bills()[-1][2] == "15.00"
    assert all(check.equal for check in bills_against_promises())


def joined() -> AccountContext:
    """Whose second line, free at first, joins an account that is billed on the 5th."""
    context = customer()
    with business_time_fixed(at(FIFTH)):
        promised("F-2026-000009", [PLAN])
        activated("F-2026-000009", [PLAN], party=context.party_id or 0, on=FIFTH)
    begin(context.party_id or 0)
    return context


FIFTH = date(2026, 11, 5)
FIFTHS = [date(2026, 12, 5), date(2027, 1, 5), date(2027, 2, 5)]
MARCH, APRIL = date(2027, 3, 5), date(2027, 4, 5)


def test_on_a_joined_account_no_bill_asks_for_it_before_the_answer_is_due() -> None:
    joined()
    row = PaidContinuation.objects.get()
    assert (row.costs_on, row.answer_by) == (PAID, LAST)
    billed(*FIFTHS)
    # The bill of 5 February would hold ten paid days, asked for on 9 February.
    assert [bill[2] for bill in bills()][-3:] == ["39.98", "39.98", "39.98"]
    assert not list(billing_differences(date(2027, 2, 5)))
    # It was left out, not lost: no control holds the bills of all others for it.
    assert set(BillRun.objects.values_list("state", flat=True)) == {"finished"}
    asked()
    due(date(2027, 2, 22))
    (order,) = Order.objects.all()
    carried_out(order.number, on=PAID)
    billed(MARCH, APRIL)
    assert [bill[2] for bill in bills()][-2:] == ["39.98", "39.98"]
    assert not InvoiceLine.objects.filter(item__endswith="music", kind="repair").exists()
    assert Parking.objects.count() == 0
    assert all(check.equal for check in bills_against_promises())


def test_on_a_joined_account_the_first_paid_days_are_asked_for_once_there_is_a_yes() -> None:
    context = joined()
    asked()
    answered(context, agreed=True)
    coming = coming_bills(context.party_id or 0, since=date(2027, 2, 5), count=3)
    shown = [(str(bill.on), str(bill.amount.amount)) for bill in coming]
    billed(*FIFTHS, MARCH, APRIL)
    made = [bill[2] for bill in bills()][-3:]
    # 4.99 for the month, and for ten days of the 28 before it.
    assert made == ["39.98", "46.75", "44.97"]
    assert shown == [("2027-02-05", "39.98"), ("2027-03-05", "46.75"), ("2027-04-05", "44.97")]
    assert Parking.objects.count() == 0
    assert all(check.equal for check in bills_against_promises())


def test_on_a_joined_account_no_coming_bill_holds_it_before_there_is_a_yes() -> None:
    context = joined()

    def coming() -> list[str]:
        found = coming_bills(context.party_id or 0, since=date(2027, 2, 5), count=3)
        return [str(bill.amount.amount) for bill in found]

    assert coming() == ["39.98", "39.98", "39.98"]
    answered(context, agreed=True)
    assert coming() == ["39.98", "46.75", "44.97"]
    answered(context, agreed=False)
    assert coming() == ["39.98", "39.98", "39.98"]


def test_what_began_before_is_promised_for_the_bill_that_will_hold_it() -> None:
    joined()
    lines = PromiseLine.objects.filter(item="music")
    promised_for = list(lines.order_by("pk").values_list("due_on", flat=True))
    lines.update(due_on=F("starts_on"))
    assert lines.filter(starts_on=date(2027, 2, 5), due_on=MARCH).count() == 0
    migration = import_module("subscriptions.migrations.0029_first_paid_days")
    with connection.cursor() as cursor:
        cursor.execute(migration.LATER)
    assert list(lines.order_by("pk").values_list("due_on", flat=True)) == promised_for
    # The charge, and what is taken off it.
    assert lines.filter(starts_on=date(2027, 2, 5), due_on=MARCH).count() == 2


def test_what_ends_before_its_first_paid_days_were_asked_for_costs_what_was_used_of_them() -> None:
    context = joined()
    answered(context, agreed=True)
    billed(*FIFTHS)
    line = Subscription.objects.get(order_number="F-2026-000001").pk
    request = ChangeRequest(ChangeKind.REMOVE, items=(music().pk,))
    with business_time_fixed(at(date(2027, 2, 27))):
        quote = quote_change(context, subscription_id=line, request=request)
        order = place_change(
            context,
            subscription_id=line,
            request=request,
            checkout=Checkout(expected_total=Money.zero()),
        )
    carried_out(order.number, on=date(2027, 2, 27))
    billed(MARCH)
    # Four days of 28 at 4.99, beside the two plans; the quote spoke of this contract alone.
    assert bills()[-1][2] == "40.69"
    assert [(str(bill.on), str(bill.after.amount)) for bill in quote.bills][:1] == [
        ("2027-03-05", "20.70")
    ]
    assert Parking.objects.count() == 0


def test_an_option_that_is_free_at_first_is_asked_about_too() -> None:
    context = customer()
    begin(context.party_id or 0, offering="rallonge-50")
    asked()
    assert PaidContinuation.objects.get().costs_on == PAID
    due(date(2027, 2, 22))
    (order,) = Order.objects.all()
    carried_out(order.number, on=PAID)
    assert music().until_on == PAID


def test_with_a_yes_it_goes_on_and_the_yes_is_kept_with_its_text(owner: AccountContext) -> None:
    asked()
    answered(owner, agreed=True)
    answered(owner, agreed=True)
    (kept,) = consents(owner.party_id or 0)
    assert (kept.purpose, kept.text_version, kept.granted) == ("paid_later", "2026-11", True)
    assert (kept.channel, kept.reference) == ("web", "F-2026-000001")
    (told,) = Message.objects.filter(code="paid_later_agreed")
    assert "4,99 € par mois à partir du 23/02/2027" in told.text
    due(date(2027, 2, 22))
    assert not Order.objects.exists()
    billed(date(2026, 12, 23), date(2027, 1, 23), PAID)
    assert [bill[2] for bill in bills()] == ["19.99", "19.99", "19.99", "24.98"]


def test_the_coming_bills_hold_it_only_once_there_is_a_yes(owner: AccountContext) -> None:
    def coming() -> list[tuple[str, str]]:
        shown = promise_view("F-2026-000001", "g1").bills
        line = {bill.starts_on: str(bill.amount.amount) for bill in shown}
        found = coming_bills(owner.party_id or 0, since=date(2027, 1, 23), count=3)
        return [(str(bill.amount.amount), line[bill.on]) for bill in found]

    assert coming() == [("19.99", "19.99")] * 3
    answered(owner, agreed=True)
    assert coming() == [("19.99", "19.99"), ("24.98", "24.98"), ("24.98", "24.98")]


def test_the_latest_answer_counts_until_the_last_day(owner: AccountContext) -> None:
    answered(owner, agreed=True, on=date(2027, 1, 2))
    answered(owner, agreed=False, on=LAST)
    assert [(each.granted) for each in Consent.objects.order_by("pk")] == [True, False]
    (shown,) = continuations_of(owner.party_id or 0, Subscription.objects.get().pk)
    assert (shown.agreed, shown.amount) == (False, Money.of("4.99"))
    with pytest.raises(RuleViolated) as late:
        answered(owner, agreed=True, on=date(2027, 2, 22))
    assert late.value.code == "answer_too_late"
    due(date(2027, 2, 22))
    assert Order.objects.count() == 1


def test_a_yes_on_the_phone_needs_its_record(owner: AccountContext) -> None:
    stranger = agent(owner.party_id, verified=False)
    with pytest.raises(Forbidden):
        answered(stranger, agreed=True, record="REC-1")
    nadia = agent(owner.party_id)
    with pytest.raises(InvalidInput) as missing:
        answered(nadia, agreed=True, record="  ")
    assert (missing.value.code, missing.value.detail["field"]) == ("record_missing", "record")
    assert not Consent.objects.exists()
    answered(nadia, agreed=True, record="REC-1")
    assert PaidContinuation.objects.get().record == "REC-1"
    assert Consent.objects.get().channel == "call_centre"
    with pytest.raises(NotFound):
        answered(customer("Somebody Else"), agreed=True)


def test_the_timeline_tells_all_of_it_in_a_fixed_number_of_queries(owner: AccountContext) -> None:
    asked()
    due(date(2027, 2, 22))
    billed(date(2026, 12, 23), date(2027, 1, 23))
    line = Subscription.objects.get().pk
    with business_time_fixed(at(date(2027, 2, 22))), CaptureQueriesContext(connection) as asked_for:
        found = timeline_of(owner.party_id or 0, line)
    assert len(asked_for) == QUERIES
    (order,) = Order.objects.all()
    assert [(str(each.on), str(each.topic), each.title.pattern, each.coming) for each in found] == [
        ("2026-11-23", "contract", "The contract began: %(names)s.", False),
        ("2026-11-23", "bill", "Bill %(number)s: %(amount)s.", False),
        ("2026-12-23", "bill", "Bill %(number)s: %(amount)s.", False),
        ("2027-01-23", "bill", "Bill %(number)s: %(amount)s.", False),
        ("2027-02-09", "consent", "Asked whether %(name)s is to go on for %(amount)s.", False),
        ("2027-02-23", "order", "To be taken off: %(names)s.", True),
        ("2027-02-23", "bill", "A bill of %(amount)s.", True),
        ("2027-02-23", "consent", "%(name)s ends, unless it is agreed to before.", True),
        ("2027-03-23", "bill", "A bill of %(amount)s.", True),
        ("2027-04-23", "bill", "A bill of %(amount)s.", True),
        ("2028-11-23", "commitment", "The commitment ends.", True),
    ]
    assert [each.reference for each in found if each.topic == "order"] == [order.number]
    coming = [each.title.values["amount"] for each in found if each.coming and each.topic == "bill"]
    assert coming == [Money.of("19.99")] * 3
    with pytest.raises(NotFound):
        timeline_of(customer("Somebody Else").party_id or 0, line)


def test_only_what_the_law_means_is_asked_about() -> None:
    firm = PersonFactory.create()
    begin(firm.pk, segment="business")
    assert not PaidContinuation.objects.exists()


def test_a_plan_whose_months_are_free_goes_on_as_agreed() -> None:
    begin(PersonFactory.create().pk, offering="mini-20")
    assert not PaidContinuation.objects.exists()
    assert not Timer.objects.filter(handler="continuation-ask").exists()


def test_nobody_pays_unasked_for_what_follows_lines_from_its_first_paid_day(
    owner: AccountContext,
) -> None:
    """Other lines make an advantage of it end on the very day: nothing asks anew, and what was
    asked is still to be answered."""
    asked()
    before = music()
    on = replace(MUSIC, item=f"modify-{before.pk}", benefits=())
    with business_time_fixed(at(PAID, 0)):
        promised("F-2026-000002", [on])
        apply_change(
            ContractChange(
                order_number="F-2026-000002", group="g1", subscription_id=before.subscription_id,
                kind=ChangeKind.ADVANTAGES, on=PAID, channel="web", ends=[before.pk],
                begins=[ActivatedItem(on.item, "ondine-musique", (on,), names=ONDINE)],
                tax_rates=RATES,
            )
        )  # fmt: skip
    after = SubscriptionItem.objects.get(line_id=on.item)
    row = PaidContinuation.objects.get()
    assert (row.item_id, row.costs_on, row.agreed) == (after.pk, PAID, None)
    timer = Timer.objects.get(key=f"continuation-unanswered:{after.pk}")
    assert timer.due_at.astimezone(PARIS) == datetime(2027, 2, 23, 0, 5, tzinfo=PARIS)
    with business_time_fixed(at(PAID, 1)):
        on_unanswered(timer.payload)
    order = Order.objects.get(change="remove")
    carried_out(order.number, on=PAID)
    after.refresh_from_db()
    assert (after.from_on, after.until_on) == (PAID, PAID)
    billed(date(2026, 12, 23), date(2027, 1, 23), PAID)
    assert not InvoiceLine.objects.filter(item=on.item).exists()
    assert Parking.objects.count() == 0
    assert all(check.equal for check in bills_against_promises())
