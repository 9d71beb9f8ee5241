"""A line goes to another holder: asked, shown, accepted, carried out, billed as was promised."""

import re
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from commerce.accounts.identity import SYSTEM, AccountContext
from commerce.accounts.kinds import Role
from commerce.accounts.models import Consent, Organisation
from commerce.accounts.selectors import reach
from commerce.kernel.clock import business_time_fixed
from commerce.kernel.errors import FaisceauError, InvalidInput, NotFound, RuleViolated
from commerce.kernel.money import Money
from commerce.notifications.models import Message
from commerce.ordering.domain.changes import ChangeRequest
from commerce.ordering.domain.consents import OrderConsents
from commerce.ordering.domain.holder import ASKED_A_DAY, FARTHEST, HolderState, TakeOver
from commerce.ordering.holder_changes import holder_change, holder_changes
from commerce.ordering.models import HolderChange, Order
from commerce.ordering.selectors import order_for_fulfilment, orders_of
from commerce.ordering.services.cancel import cancel_order
from commerce.ordering.services.changes import place_change
from commerce.ordering.services.new_terms import on_apply_due
from commerce.ordering.services.passing_on import called_off, gone, on_expired, pass_on, take_back
from commerce.ordering.services.place import Checkout
from commerce.ordering.services.taking_over import decline, take_over, take_over_of
from commerce.ordering.services.withdrawing import withdrawable
from orchestration.actions import action
from orchestration.domain.requests import TaskContext
from orchestration.models import Plan, Task
from orchestration.services.making_way import begin
from orchestration.services.plans import create_plans
from orchestration.subscribers import on_contract_changed
from promotions.domain.benefits import Benefit, BenefitKind, EarlyExit
from subscriptions.collection.services.instalments import agree
from subscriptions.contracts.leaving import commitment_of, left_of_commitment
from subscriptions.contracts.selectors import subscription_view, subscriptions_of
from subscriptions.contracts.services.activate import ActivatedItem, activate
from subscriptions.contracts.services.terms import Announcement, announce_terms, on_tell_due
from subscriptions.domain.buyers import BuyerCodes
from subscriptions.domain.charges import AgreedCharge
from subscriptions.domain.states import BlockKind, ChangeKind
from subscriptions.ledger.services.ledger import enter_payment
from subscriptions.models import (
    Invoice,
    Parking,
    Subscription,
    SubscriptionBlock,
    SubscriptionItem,
    TermsNotice,
)
from subscriptions.reconciling.audit import bills_against_promises
from subscriptions.usage.holders import holder, holdings
from tests.integration.ordering.people import agent, customer, member, organisation
from tests.integration.subscriptions.contracts import RATES, at, begun, promised, run

START = date(2026, 11, 23)
TODAY = date(2027, 1, 10)
"""In the second month of twenty-four; five euros less for twelve of them."""
GOES = date(2027, 1, 23)
NEXT = date(2027, 2, 23)
AT = at(START)
NUMBER = "0639980001"
LESS = Benefit(
    "five-less", BenefitKind.AMOUNT_OFF, Decimal(5), 1, 12, early_exit=EarlyExit.GIVE_BACK
)
PLAN = AgreedCharge("plan", "monthly", True, Money.of("19.99"), "telecom", benefits=(LESS,))
OPTION = AgreedCharge("option", "monthly", True, Money.of("14.99"), "telecom")
MUSIC = AgreedCharge("content", "monthly", True, Money.of("9.99"), "telecom")
AGREED = OrderConsents(terms=True, contract_summary_confirmed=True)
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("demo_catalogue")]


@pytest.fixture
def giver() -> AccountContext:
    """A line with a phone, an option and music, billed and paid up to 23 January 2027."""
    found = customer("Camille Martin")
    items = [
        ActivatedItem("plan", "horizon-130", (PLAN,), {"line_id": "line-1"}),
        ActivatedItem("sim", "esim", ()),
        ActivatedItem("handset", "ardoval-x2-128-nuit", ()),
        ActivatedItem("option", "escale-monde", (OPTION,)),
        ActivatedItem(
            "content",
            "ondine-musique",
            (MUSIC,),
            {"entitlement_id": "ent-1"},
            {"en": "Ondine Musique"},
        ),
    ]
    with business_time_fixed(at(START)):
        promised("F-2026-000001", [PLAN, OPTION, MUSIC])
        activate(
            order_number="F-2026-000001", group="g1", party_id=found.party_id or 0,
            segment="consumer", items=items, tax_rates=RATES, term_months=24, activated_on=START,
            release=1, channel="web", msisdn=NUMBER, iccid="8933150319990001",
            lpa="LPA:1$smdp$code", imei="356938035643809",
        )  # fmt: skip
    december = date(2026, 12, 23)
    with business_time_fixed(at(december, 4)):
        run(december)
        for bill in Invoice.objects.all():
            enter_payment(
                key=bill.number or "", party_id=found.party_id or 0, reference=bill.number or "",
                amount=Money(bill.gross),
            )  # fmt: skip
    return found


@pytest.fixture
def taker() -> AccountContext:
    return customer("Noé Lambert")


def asked(
    giver: AccountContext,
    *,
    on: date = TODAY,
    email: str = "noe@example.test",
    wished: date | None = None,
) -> str:
    """The secret of the link."""
    line = Subscription.objects.get(party=giver.party_id).pk
    with business_time_fixed(at(on)):
        pass_on(giver, subscription_id=line, email=email, on=wished)
    text = Message.objects.filter(code="holder_asked").order_by("-pk")[0].text
    found = re.search(r"/take-over/([^/]+)/", text)
    assert found is not None
    return found[1]


def offer(token: str, *, on: date = TODAY, party_id: int | None = None) -> TakeOver:
    with business_time_fixed(at(on)):
        return take_over_of(token, party_id=party_id)


def accepted(taker: AccountContext, token: str, *, on: date = TODAY, **other: Any) -> str:
    with business_time_fixed(at(on)):
        seen = take_over_of(token, party_id=taker.party_id)
        said = {"digest": seen.digest(), "consents": AGREED, **other}
        return take_over(taker, token=token, **said).number


def carried_out(number: str, *, on: date = GOES) -> None:
    with business_time_fixed(at(on, 0)):
        create_plans(order_number=number)
        order = order_for_fulfilment(number, group="change")
        # The plan is late by a day; what was said counts.
        task = TaskContext(order, "change", (order.items[0].line_id,), on + timedelta(days=1))
        billing = action("billing.change")
        for _ in range(2):
            billing.carry_out(billing.ask(task), key="1")
        gone(number)


def of(party: AccountContext) -> Subscription:
    return Subscription.objects.get(party=party.party_id)


def test_what_the_new_holder_is_shown(giver: AccountContext) -> None:
    shown = offer(asked(giver))
    assert (shown.msisdn, shown.giver, shown.on) == (NUMBER, "Camille Martin", GOES)
    assert [name.in_("en") for name in shown.ends] == ["Ondine Musique"]
    assert len(shown.names) == 3
    assert shown.bound_until == date(2028, 11, 23)
    # 14.99 and 14.99 for the ten months that are left of the five euros less, then 34.98.
    assert [(p.first, p.periods, str(p.amount.amount)) for p in shown.monthly] == [
        (1, 10, "29.98"), (11, None, "34.98"),
    ]  # fmt: skip
    assert [(str(b.on), str(b.amount.amount)) for b in shown.bills[:2]] == [
        ("2027-01-23", "29.98"), ("2027-02-23", "29.98"),
    ]  # fmt: skip


def test_the_line_goes_with_number_sim_and_what_is_left_of_its_commitment(
    giver: AccountContext, taker: AccountContext
) -> None:
    number = accepted(taker, asked(giver))
    order = Order.objects.get(number=number)
    assert (order.party_id, order.state, order.change, order.begins_on) == (
        taker.party_id, "accepted", "holder", GOES,
    )  # fmt: skip
    old = of(giver)
    assert old.status == "active"
    carried_out(number)
    old.refresh_from_db()
    assert (old.status, old.ended_on, old.party_id) == ("ended", GOES, giver.party_id)
    new = of(taker)
    assert (new.status, new.msisdn, new.iccid, new.lpa, new.imei) == (
        "active", NUMBER, "8933150319990001", "LPA:1$smdp$code", "",
    )  # fmt: skip
    assert (new.activated_on, new.commitment_months, new.commitment_ends_on) == (
        GOES, 24, date(2028, 11, 23),
    )  # fmt: skip
    assert sorted(new.items.values_list("offering", flat=True)) == [
        "escale-monde", "esim", "horizon-130",
    ]  # fmt: skip
    assert HolderChange.objects.get().state == HolderState.DONE
    tasks = Task.objects.filter(plan__order_number=number).values_list("action", flat=True)
    assert sorted(task for task in tasks if task) == [
        "billing.change", "billing.order", "content.stop", "message.line_taken_over",
    ]  # fmt: skip
    # A partner who keeps silent does not hold the line back.
    stop = Task.objects.get(plan__order_number=number, action="content.stop")
    billing = Task.objects.get(plan__order_number=number, action="billing.change")
    assert (stop.aside, stop.key in billing.needs) == (True, False)


def test_each_is_billed_for_his_own_days_as_was_promised(
    giver: AccountContext, taker: AccountContext
) -> None:
    token = asked(giver)
    shown = offer(token, party_id=taker.party_id)
    before = Invoice.objects.count()
    carried_out(accepted(taker, token))
    for day in (GOES, NEXT):
        with business_time_fixed(at(day, 4)):
            run(day)
    made = Invoice.objects.order_by("pk")[before:]
    assert [(bill.account.party_id, bill.period_start, str(bill.gross)) for bill in made] == [
        (taker.party_id, bill.on, str(bill.amount.amount)) for bill in shown.bills[:2]
    ]
    assert Parking.objects.count() == 0
    assert all(check.equal for check in bills_against_promises())


def test_a_line_that_goes_late_is_settled_by_the_next_bill(
    giver: AccountContext, taker: AccountContext
) -> None:
    """The bill run was quicker: the giver's next bill gives the month back that is not his."""
    number = accepted(taker, asked(giver))
    with business_time_fixed(at(GOES, 4)):
        run(GOES)
    before = Invoice.objects.filter(account__party=giver.party_id).count()
    carried_out(number)
    with business_time_fixed(at(NEXT, 4)):
        run(NEXT)
    (note,) = Invoice.objects.filter(account__party=giver.party_id).order_by("pk")[before:]
    assert (note.kind, str(note.gross)) == ("credit_note", "-39.97")
    assert Parking.objects.count() == 0
    assert all(check.equal for check in bills_against_promises())


def test_what_was_used_is_his_who_had_the_line_then(
    giver: AccountContext, taker: AccountContext
) -> None:
    carried_out(accepted(taker, asked(giver)))
    found = holdings([NUMBER])
    parties = [
        (holder(found, NUMBER, day=day) or of(giver)).party_id
        for day in (GOES - timedelta(days=1), GOES, GOES + timedelta(days=1))
    ]
    assert parties == [giver.party_id, taker.party_id, taker.party_id]


def test_the_new_holder_is_told_himself_of_what_we_change_and_when(
    giver: AccountContext, taker: AccountContext
) -> None:
    said = {"fr": "Horizon devient Grand large.", "en": "Horizon becomes Grand large."}
    with business_time_fixed(at(TODAY)):
        terms = announce_terms(
            Announcement("horizon-2027", "horizon-130", "consumer", NEXT, said, "grand-large-300"),
            by="Ines",
        )
        on_tell_due({"terms": terms, "after": 0})
    carried_out(accepted(taker, asked(giver)))
    mine = TermsNotice.objects.get(item__subscription=of(taker))
    # Once the five euros less are over, as for the giver.
    assert (mine.effective_on, mine.outcome) == (date(2027, 11, 23), "")
    assert Message.objects.filter(code="terms_change", party=taker.party_id).count() == 1
    with business_time_fixed(at(date(2027, 11, 21))):
        on_apply_due({"terms": terms, "day": "2027-11-23", "after": 0})
    (order,) = Order.objects.filter(change="plan")
    assert (order.party_id, order.begins_on) == (taker.party_id, date(2027, 11, 23))


def test_neither_sees_anything_of_the_other(giver: AccountContext, taker: AccountContext) -> None:
    line = of(giver).pk
    number = accepted(taker, asked(giver))
    carried_out(number)
    assert [each.id for each in subscriptions_of(giver.party_id or 0)] == [line]
    assert [order.number for order in orders_of(giver)] == []
    wish = holder_change(giver.party_id or 0, line)
    assert wish is not None
    assert (wish.email, wish.state, wish.on) == ("noe@example.test", HolderState.DONE, GOES)
    with pytest.raises(NotFound):
        subscription_view(giver.party_id or 0, of(taker).pk)
    with pytest.raises(NotFound):
        subscription_view(taker.party_id or 0, line)
    with pytest.raises(NotFound):
        holder_changes(taker, subscription_id=line)
    told = Message.objects.filter(party=giver.party_id).values_list("text", flat=True)
    assert not [text for text in told if "Lambert" in text or number in text]
    assert withdrawable(taker, number=number) == {}


def test_who_ends_it_later_owes_for_the_months_that_are_left_and_gives_back_his_own(
    giver: AccountContext, taker: AccountContext
) -> None:
    carried_out(accepted(taker, asked(giver)))
    new, on = of(taker), date(2027, 4, 1)
    bound = commitment_of(new.pk)
    assert bound is not None
    assert (bound.since, bound.months) == (START, 24)
    plan = new.items.get(offering="horizon-130")
    assert plan.facts["subsidised"] == "yes"
    left = left_of_commitment(new.pk, item_id=plan.pk, commitment=bound, on=on)
    assert (left.elapsed, len(left.instalments)) == (4, 20)
    # Three months of five euros less were his; the two before were the giver's.
    assert left.given_back == Money.of("15.00")


@pytest.mark.parametrize(
    ("why", "code"),
    [
        ("suspended", "line_suspended"),
        ("changing", "change_under_way"),
        ("unpaid", "bills_overdue"),
        ("in parts", "paid_monthly"),
        ("asked", "already_passed_on"),
        ("own", "own_line"),
    ],
)
def test_what_keeps_a_line_where_it_is(giver: AccountContext, why: str, code: str) -> None:
    line, email = of(giver).pk, "noe@example.test"
    if why == "unpaid":
        with business_time_fixed(at(GOES, 4)):
            run(GOES)
    with business_time_fixed(at(TODAY if why != "unpaid" else GOES + timedelta(days=2))):
        if why == "suspended":
            SubscriptionBlock.objects.create(
                subscription_id=line, kind=BlockKind.WISH, since=at(TODAY)
            )
        elif why == "changing":
            place_change(
                giver,
                subscription_id=line,
                request=ChangeRequest(ChangeKind.TERMINATE),
                checkout=Checkout(expected_total=Money.zero()),
            )
        elif why == "in parts":
            later = Money.of("49.75")
            agree(
                order_number="F-2026-000001",
                party_id=giver.party_id or 0,
                amounts=(later, later),
                lines={"handset-1": later},
                longest_days=None,
            )
        elif why == "asked":
            pass_on(giver, subscription_id=line, email=email)
        elif why == "own":
            email = reach(giver.party_id or 0).email.upper()
        wishes = HolderChange.objects.count()
        with pytest.raises(RuleViolated) as refused:
            pass_on(giver, subscription_id=line, email=email)
    assert refused.value.code == code
    assert HolderChange.objects.count() == wishes


def test_what_keeps_somebody_from_taking_it(giver: AccountContext, taker: AccountContext) -> None:
    token, unit = asked(giver), organisation()
    firm = member(unit, "Alix", role=Role.BUYER, limit="1000")
    for who, said, code in (
        (giver, {}, "own_line"),
        (firm, {}, "other_segment"),
        (taker, {"consents": OrderConsents(terms=True)}, "contract_summary_not_confirmed"),
        (taker, {"digest": "0" * 64}, "offer_changed"),
        (agent(taker.party_id), {}, "customers_only"),
        (replace(taker, party_id=None), {}, "customers_only"),
    ):
        with pytest.raises(FaisceauError) as refused:
            accepted(who, token, **said)
        assert refused.value.code == code
    assert (Order.objects.count(), HolderChange.objects.get().state) == (0, HolderState.ASKED)


def test_a_firms_line_goes_to_a_firm_under_the_order_number_of_that_one() -> None:
    giver = member(organisation(), "Alix", role=Role.BUYER, limit="1000")
    Organisation.objects.update(siren="552100554", vat_number="")
    taker = member(organisation(), "Bo", role=Role.BUYER, limit="1000")
    with business_time_fixed(at(START)):
        begun(
            "F-2026-000001", [PLAN], party=giver.party_id or 0, segment="business", on=START,
            codes=BuyerCodes("EM-01", "PO-1"),
        )  # fmt: skip
        Subscription.objects.update(msisdn=NUMBER)
        SubscriptionItem.objects.update(offering="flotte-20")
    token = asked(giver)
    with pytest.raises(InvalidInput) as refused:
        accepted(taker, token)
    assert refused.value.code == "purchase_order_missing"
    number = accepted(taker, token, purchase_order=" PO-9 ")
    assert Order.objects.get().purchase_order == "PO-9"
    carried_out(number)
    assert subscription_view(taker.party_id or 0, of(taker).pk).codes == BuyerCodes("", "PO-9")


def test_accepted_twice_is_one_order(giver: AccountContext, taker: AccountContext) -> None:
    token = asked(giver)
    number = accepted(taker, token)
    with business_time_fixed(at(TODAY)):
        again = take_over(taker, token=token, digest="", consents=AGREED)
    assert (again.number, Order.objects.count()) == (number, 1)
    given = Consent.objects.filter(purpose__in=["give_up_line", "take_over_line"])
    assert set(given.values_list("purpose", "party")) == {
        ("give_up_line", giver.party_id), ("take_over_line", taker.party_id),
    }  # fmt: skip


def test_a_wish_ends_by_taking_it_back_by_a_no_or_by_its_time(giver: AccountContext) -> None:
    line = of(giver).pk
    endings = []
    for how in ("taken back", "declined", "over"):
        token = asked(giver)
        row = HolderChange.objects.get(state=HolderState.ASKED)
        with business_time_fixed(at(TODAY)):
            if how == "taken back":
                take_back(giver, subscription_id=line)
            elif how == "declined":
                decline(replace(giver, party_id=None, role=Role.VISITOR), token=token)
            else:
                on_expired({"id": row.pk})
        row.refresh_from_db()
        endings.append(row.state)
        with pytest.raises(NotFound) as unknown:
            offer(token)
        assert unknown.value.code == "unknown_link"
    assert endings == ["taken_back", "declined", "expired"]
    asked(giver)
    with pytest.raises(NotFound):
        offer(
            Message.objects.filter(code="holder_asked").latest("pk").text.split("/")[-2],
            on=TODAY + timedelta(days=15),
        )


def test_nobody_is_asked_for_a_line_as_often_as_somebody_likes(giver: AccountContext) -> None:
    line = of(giver).pk
    for each in range(ASKED_A_DAY):
        asked(giver, email=f"somebody-{each}@example.test")
        with business_time_fixed(at(TODAY)):
            take_back(giver, subscription_id=line)
    with pytest.raises(RuleViolated) as refused:
        asked(giver)
    assert refused.value.code == "asked_too_often"
    assert Message.objects.filter(code="holder_asked").count() == ASKED_A_DAY
    assert asked(giver, on=TODAY + timedelta(days=1))


@pytest.mark.parametrize(
    ("wished", "goes"),
    [
        (TODAY, GOES),
        (GOES, GOES),
        (GOES + timedelta(days=1), NEXT),
        (TODAY + FARTHEST, date(2027, 4, 23)),
    ],
)
def test_the_line_goes_with_the_first_month_that_begins_on_the_wished_day_or_later(
    giver: AccountContext, taker: AccountContext, wished: date, goes: date
) -> None:
    token = asked(giver, wished=wished)
    row = HolderChange.objects.get()
    assert (row.on, offer(token).on) == (wished, goes)
    number = accepted(taker, token)
    row.refresh_from_db()
    assert (row.on, Order.objects.get(number=number).begins_on) == (goes, goes)


def test_a_wished_day_that_passes_before_he_accepts_is_the_next_month_by_then(
    giver: AccountContext,
) -> None:
    token = asked(giver, wished=TODAY + timedelta(days=3))
    assert offer(token, on=GOES).on == NEXT


@pytest.mark.parametrize(
    "wished", [TODAY - timedelta(days=1), TODAY + FARTHEST + timedelta(days=1)]
)
def test_no_day_is_wished_that_is_past_or_too_far(giver: AccountContext, wished: date) -> None:
    with pytest.raises(InvalidInput) as refused:
        asked(giver, wished=wished)
    assert refused.value.code == "holder_day"
    assert (HolderChange.objects.count(), Message.objects.count()) == (0, 0)


def test_an_end_that_came_too_late_does_not_stop_the_line_of_its_new_holder(
    giver: AccountContext, taker: AccountContext
) -> None:
    number, line = accepted(taker, asked(giver)), of(giver).pk
    with business_time_fixed(at(GOES, 0)):
        request = ChangeRequest(ChangeKind.TERMINATE)
        checkout = Checkout(expected_total=Money.zero())
        late = place_change(giver, subscription_id=line, request=request, checkout=checkout)
        begin(order_number=late.number)
    carried_out(number)
    with business_time_fixed(at(GOES)):
        on_contract_changed({"subscription_id": line, "party_id": giver.party_id, "kind": "holder"})
    states = dict(Plan.objects.values_list("order_number", "state"))
    assert states == {number: "running", late.number: "cancelled"}


def test_a_line_stays_where_the_order_is_called_off(
    giver: AccountContext, taker: AccountContext
) -> None:
    line = of(giver).pk
    number = accepted(taker, asked(giver))
    with business_time_fixed(at(TODAY)), pytest.raises(RuleViolated) as late:
        take_back(giver, subscription_id=line)
    assert late.value.code == "already_taken_over"
    Order.objects.filter(number=number).update(state="awaiting_approval")
    with business_time_fixed(at(TODAY)):
        cancel_order(SYSTEM, number=number)
        called_off(Order.objects.get(number=number))
    assert HolderChange.objects.get().state == HolderState.CALLED_OFF
    asked(giver, email="other@example.test")
