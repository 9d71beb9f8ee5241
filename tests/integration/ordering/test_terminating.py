"""A contract is ended: on its day, at the price that was said, and taken back until then."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from commerce.accounts.identity import AccountContext, Actor
from commerce.accounts.kinds import ActorKind, Channel, RequestKind, Role
from commerce.accounts.models import ContractRequest, Party, User
from commerce.accounts.services.requests import Statement
from commerce.accounts.written import contract_request
from commerce.kernel.clock import business_time_fixed
from commerce.kernel.errors import InvalidInput, RuleViolated
from commerce.kernel.money import Money
from commerce.notifications.models import Message
from commerce.ordering.domain.changes import ChangeQuote, ChangeRequest
from commerce.ordering.services.amending import Wish
from commerce.ordering.services.changes import quote_change
from commerce.ordering.services.confirming import confirmation_link, disagreeing
from commerce.ordering.services.requests import ask_in_writing
from orchestration.actions import action
from orchestration.models import Plan, Task
from orchestration.services.amend import quote_amendment
from orchestration.services.cancel import cancel_under_way, quote_cancellation
from orchestration.services.decide import decide
from orchestration.services.desk import Desk
from orchestration.services.plans import create_plans
from subscriptions.contracts.finding import bundles_on_bill
from subscriptions.contracts.services.activate import ActivatedItem, activate
from subscriptions.domain.charges import AgreedCharge
from subscriptions.domain.states import ChangeKind
from subscriptions.models import Invoice, Parking, Subscription, SubscriptionItem
from subscriptions.reconciling.audit import bills_against_promises
from tests.factories import PersonFactory, UserFactory
from tests.integration.ordering.people import visitor
from tests.integration.ordering.test_changes import carried_out, coming, ordered
from tests.integration.ordering.test_next_offers import START
from tests.integration.subscriptions.contracts import RATES, at, begun, bills, promised, run
from tests.integration.subscriptions.test_changes import change as applied

AT = at(START)
ASKED = date(2028, 1, 10)
"""In the 14th month of 24, begun on 23 November 2026."""
END = date(2028, 1, 20)
CHARGES = (AgreedCharge("plan", "monthly", True, Money.of("19.99"), "telecom"),)
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("demo_catalogue")]


def contract(*, phone: str | None = "219.00", months: int = 24) -> AccountContext:
    """A customer's line at 19.99, billed up to 23 January 2028, perhaps with a phone."""
    person = PersonFactory.create(display_name="Camille Martin")
    user: User = UserFactory.create(party=person)
    items = [ActivatedItem("plan", "horizon-130", CHARGES), ActivatedItem("sim", "esim", ())]
    if phone:
        once = AgreedCharge("handset", "price", False, Money.of(phone), "goods")
        items.append(ActivatedItem("handset", "ardoval-x2-128-nuit", (once,)))
    with business_time_fixed(at(START)):
        charges = [charge for item in items for charge in item.charges]
        promised("F-2026-000001", charges, months=months)
        activate(
            order_number="F-2026-000001", group="g1", party_id=person.pk, segment="consumer",
            items=items, tax_rates=RATES, term_months=months, activated_on=START, release=1,
            channel="web", msisdn="0639980001",
        )  # fmt: skip
    with business_time_fixed(at(date(2027, 12, 23), 4)):
        run(date(2027, 12, 23))
    actor = Actor(ActorKind.USER, user.pk, "Camille")
    return AccountContext(actor, person.pk, Role.CUSTOMER, Channel.WEB)


def quoted(context: AccountContext, *, today: date = ASKED, **asked: Any) -> ChangeQuote:
    line = Subscription.objects.get().pk
    request = ChangeRequest(ChangeKind.TERMINATE, **asked)
    with business_time_fixed(at(today)):
        return quote_change(context, subscription_id=line, request=request)


@pytest.mark.parametrize(
    ("phone", "months", "today", "left", "fee"),
    [
        # 3 of 31 days and ten months are left: a fifth of 201.83.
        ("219.00", 24, ASKED, 11, "40.37"),
        ("549.00", 24, ASKED, 11, "0.00"),
        (None, 24, ASKED, 11, "0.00"),
        # 3 of 30 days and six months until the twelfth, a fifth of the other twelve.
        ("219.00", 24, date(2027, 5, 10), 19, "169.92"),
        (None, 24, date(2027, 5, 10), 19, "121.94"),
        (None, 12, date(2027, 5, 10), 7, "121.94"),
        ("219.00", 24, date(2028, 11, 20), 0, "0.00"),
        ("219.00", 0, ASKED, 0, "0.00"),
    ],
)
def test_what_leaving_costs(
    phone: str | None, months: int, today: date, left: int, fee: str
) -> None:
    told = quoted(contract(phone=phone, months=months), today=today).leaving
    assert told is not None
    assert (told.months_left, str(told.owed.rounded().amount)) == (left, fee)


def test_a_contract_ends_after_ten_days_and_is_billed_as_was_said() -> None:
    owner = contract()
    shown = quoted(owner)
    assert (shown.on, shown.binds) == (END, False)
    line = Subscription.objects.get().pk
    placed, again = ordered(owner, line, ChangeRequest(ChangeKind.TERMINATE), on=ASKED)
    assert again.digest() == shown.digest()
    # Of the month that is paid 28 of 31 days were used.
    assert [(str(b.on), str(b.before.amount), str(b.after.amount)) for b in shown.bills][:2] == [
        ("2028-01-23", "19.99", "-1.93"), ("2028-02-23", "19.99", "0.00"),
    ]  # fmt: skip
    before = len(bills())
    carried_out(placed.number, on=END)
    ended = Subscription.objects.get()
    assert (ended.status, ended.ended_on) == ("ended", END)
    (fee,) = Invoice.objects.order_by("pk")[before:]
    assert (fee.kind, str(fee.gross), fee.lines.get().label["en"]) == (
        "order", "40.37", "Early termination fee",
    )  # fmt: skip
    with business_time_fixed(at(date(2028, 1, 23), 4)):
        run(date(2028, 1, 23))
    assert [bill[2] for bill in bills()[before:]] == ["40.37", "-1.93"]
    assert Parking.objects.count() == 0
    assert all(check.equal for check in bills_against_promises())
    assert coming(shown)[0] == (date(2028, 1, 23), Money.of("-1.93"))
    with pytest.raises(RuleViolated) as over:
        quoted(owner, today=date(2028, 2, 1))
    assert over.value.code == "contract_ended"


def test_a_later_day_may_be_wished_and_an_earlier_one_not() -> None:
    owner = contract()
    assert quoted(owner, on=date(2028, 3, 1)).on == date(2028, 3, 1)
    with pytest.raises(InvalidInput) as early:
        quoted(owner, on=date(2028, 1, 19))
    assert (early.value.code, early.value.detail["earliest"]) == ("notice", "2028-01-20")
    with pytest.raises(InvalidInput) as far:
        quoted(owner, on=date.max)
    assert far.value.code == "too_far"
    with pytest.raises(InvalidInput, match="motives"):
        quoted(owner, motive="because")


def stated(
    owner: AccountContext,
    *,
    on: date,
    contract: str = "F-2026-000001",
    line: str = "0639980001",
) -> None:
    """In writing, on that day; nobody has carried it out."""
    person = Party.objects.get(pk=owner.party_id or 0)
    statement = Statement(RequestKind.END, person.display_name, person.email, contract, line)
    with business_time_fixed(at(on)):
        ask_in_writing(visitor("v-9"), statement=statement)


def test_an_end_stated_in_writing_counts_from_its_receipt_however_late_it_is_carried_out() -> None:
    """Received on the 5th, it ends on the 15th, though it is carried out on the 25th, after another
    month was billed: that month, and the days of the one before from the 15th on, go back."""
    owner = contract(phone=None)
    stated(owner, on=date(2028, 1, 5))
    with business_time_fixed(at(date(2028, 1, 23), 4)):
        run(date(2028, 1, 23))
    late, ends = date(2028, 1, 25), date(2028, 1, 15)
    shown = quoted(owner, today=late)
    assert shown.leaving is not None
    assert (shown.on, shown.leaving.earliest) == (ends, ends)
    # 8 of 31 days of the month paid until the 23rd, and all of the one that began then.
    assert next((str(b.on), str(b.after.amount)) for b in shown.bills) == ("2028-02-23", "-25.15")
    assert quoted(owner, today=late, on=date(2028, 2, 1)).on == date(2028, 2, 1)
    with pytest.raises(InvalidInput) as early:
        quoted(owner, today=late, on=date(2028, 1, 14))
    assert early.value.detail["earliest"] == "2028-01-15"
    line = Subscription.objects.get().pk
    placed, _ = ordered(owner, line, ChangeRequest(ChangeKind.TERMINATE), on=late)
    create_plans(order_number=placed.number)
    with business_time_fixed(at(late)):
        desk = Desk.of(Plan.objects.get().pk)
        assert desk is not None
        change = next(task for task in desk.tasks if task.action == "billing.change")
        asked = action("billing.change").ask(desk.context(change))
    assert asked["on"] == ends.isoformat()
    with business_time_fixed(at(late)):
        decide(plan_id=desk.plan.pk)
    text = Message.objects.get(code="termination_confirmed").text
    assert "15/01/2028, le préavis comptant dès la réception de votre demande" in text
    assert ("Jusque-là" in text, "Annulez" in text) == (False, False)
    carried_out(placed.number, on=ends)
    assert Subscription.objects.get().ended_on == ends
    before = len(bills())
    with business_time_fixed(at(date(2028, 2, 23), 4)):
        run(date(2028, 2, 23))
    assert [bill[2] for bill in bills()[before:]] == ["-25.15"]
    assert Parking.objects.count() == 0
    assert all(check.equal for check in bills_against_promises())


@pytest.mark.parametrize("kind", [ChangeKind.PLAN, ChangeKind.RENEW])
def test_what_leaving_late_costs_is_of_the_plan_that_ran_then_unless_he_bound_himself_anew(
    kind: ChangeKind,
) -> None:
    """Stated on 5 May, it ends on the 15th; a plan of twice the price begins on the 18th."""
    owner = contract(phone=None)
    stated(owner, on=date(2027, 5, 5))
    line = Subscription.objects.get().pk
    twice = replace(CHARGES[0], item="plan-2", amount=Money.of("39.98"))
    term = 24 if kind is ChangeKind.RENEW else None
    applied(
        line, kind=kind, ends=["plan"], begins=[twice], on=date(2027, 5, 18), term_months=term
    )  # fmt: skip
    SubscriptionItem.objects.filter(line_id="plan-2").update(offering="horizon-130")
    shown = quoted(owner, today=date(2027, 5, 25))
    assert shown.leaving is not None
    # 8 of 30 days and six months; or from 4 June on 14 of 31 days and eleven months.
    assert (shown.on, str(shown.leaving.fee.rounded().amount)) == (
        (date(2027, 6, 4), "457.84") if kind is ChangeKind.RENEW else (date(2027, 5, 15), "125.27")
    )


@pytest.mark.parametrize("runs", [False, True])
def test_a_bill_speaks_of_the_contract_that_still_runs_though_it_holds_another(runs: bool) -> None:
    """The link and the notice read it alike: of two that run nobody knows which one is meant."""
    owner = contract(phone=None)
    first = Subscription.objects.get()
    with business_time_fixed(at(date(2027, 12, 23), 12)):
        charges = [AgreedCharge("plan", "monthly", True, Money.of("9.99"), "telecom")]
        begun("F-2", charges, party=owner.party_id or 0, on=date(2027, 12, 23))
    other = Subscription.objects.filter(order_number="F-2")
    other.update(msisdn="0639980002")
    with business_time_fixed(at(date(2028, 1, 23), 4)):
        run(date(2028, 1, 23))
    bill = Invoice.objects.get(period_start=date(2028, 1, 23)).number
    assert bundles_on_bill(bill or "") == {("F-2026-000001", "g1"), ("F-2", "g1")}
    if not runs:
        other.update(status="ended", ended_on=date(2028, 1, 24))
    stated(owner, on=date(2028, 1, 25), contract=bill or "", line="")
    asked = contract_request(ContractRequest.objects.get().reference)
    assert bool(confirmation_link(asked)) is not runs
    with business_time_fixed(at(date(2028, 2, 1))):
        request = ChangeRequest(ChangeKind.TERMINATE)
        shown = quote_change(owner, subscription_id=first.pk, request=request)
    assert shown.on == (date(2028, 2, 11) if runs else date(2028, 2, 4))


def test_a_line_of_another_contract_than_the_named_one_is_an_agents_to_look_at() -> None:
    owner = contract(phone=None)
    with business_time_fixed(at(date(2027, 12, 23), 12)):
        charges = [AgreedCharge("plan", "monthly", True, Money.of("9.99"), "telecom")]
        begun("F-2", charges, party=owner.party_id or 0, on=date(2027, 12, 23))
    Subscription.objects.filter(order_number="F-2").update(msisdn="0639980002")
    stated(owner, on=ASKED, line="0639980002")
    asked = contract_request(ContractRequest.objects.get().reference)
    assert (disagreeing(asked), confirmation_link(asked)) == (("line",), "")


def test_a_statement_of_long_ago_or_of_another_line_moves_no_end() -> None:
    owner = contract(phone=None)
    stated(owner, on=date(2027, 12, 1))
    assert quoted(owner).on == END


def test_a_legitimate_motive_costs_nothing_once_it_is_proved() -> None:
    owner = contract()
    told = quoted(owner, motive="over_indebtedness").leaving
    assert told is not None
    assert (told.owed, told.without_motive) == (Money.of(0), Money.of("40.37"))
    request = ChangeRequest(ChangeKind.TERMINATE, motive="over_indebtedness")
    line = Subscription.objects.get().pk
    placed, _ = ordered(owner, line, request, on=ASKED)
    before = len(bills())
    carried_out(placed.number, on=END)
    tasks = list(Task.objects.order_by("position").values_list("kind", "action"))
    assert ("manual", "proof_to_check") in tasks
    with business_time_fixed(at(ASKED)):
        decide(plan_id=Plan.objects.get().pk)
    text = Message.objects.get(code="termination_confirmed").text
    assert "envoyez-nous la pièce" in text
    assert "il resterait dû 40,37 €" in text
    assert "ne coûte rien" not in text
    assert len(bills()) == before


@pytest.mark.parametrize(
    "wish",
    [Wish(not_before=date(2028, 1, 11)), Wish(without="delete-1"), Wish(sim="carte-sim")],
)
def test_the_day_of_the_end_is_not_moved_without_a_new_quote(wish: Wish) -> None:
    owner = contract()
    line = Subscription.objects.get().pk
    placed, _ = ordered(owner, line, ChangeRequest(ChangeKind.TERMINATE), on=ASKED)
    with business_time_fixed(at(ASKED)):
        create_plans(order_number=placed.number)
        with pytest.raises(RuleViolated) as refused:
            quote_amendment(owner, number=placed.number, group="change", wish=wish)
    assert refused.value.code == "order_anew"


def test_who_changes_his_mind_keeps_his_line() -> None:
    owner = contract()
    line = Subscription.objects.get().pk
    placed, _ = ordered(owner, line, ChangeRequest(ChangeKind.TERMINATE), on=ASKED)
    before = len(bills())
    with business_time_fixed(at(ASKED)):
        create_plans(order_number=placed.number)
        (plan,) = Plan.objects.all()
        decide(plan_id=plan.pk)
        shown = quote_cancellation(owner, number=placed.number)
        assert (shown.possible, shown.credit, shown.refund) == (True, Money.of(0), Money.of(0))
        cancel_under_way(owner, number=placed.number, token=shown.token)
        # Nothing was billed, so that no biller is told to credit it.
        assert decide(plan_id=plan.pk) == ()
    plan.refresh_from_db()
    assert (plan.state, Task.objects.filter(action="billing.credit").count()) == ("cancelled", 0)
    (told,) = Message.objects.filter(code="termination_confirmed")
    assert "20/01/2028" in told.text
    assert "40,37 €" in told.text or "€40.37" in told.text
    assert Subscription.objects.get().status == "active"
    assert len(bills()) == before
    assert not Task.objects.exclude(state__in=["cancelled", "done"]).exists()
