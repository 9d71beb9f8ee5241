"""A phone that is paid in parts with its order: who may, what is paid today, what is agreed."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from commerce.accounts.identity import AccountContext
from commerce.accounts.kinds import Role
from commerce.accounts.models import Consent
from commerce.kernel.clock import business_today
from commerce.kernel.errors import FaisceauError
from commerce.kernel.money import Money, total
from commerce.markets.fr.market import France
from commerce.markets.pack import CreditRules, CreditTerms
from commerce.notifications.models import Message
from commerce.ordering import subscribers
from commerce.ordering.domain.consents import OrderConsents
from commerce.ordering.domain.fleet import FleetLine
from commerce.ordering.models import CreditDecision, Order
from commerce.ordering.selectors import order_view
from commerce.ordering.services import carts
from commerce.ordering.services.accept import accept_order
from commerce.ordering.services.amending import Wish, amended
from commerce.ordering.services.bulk import BulkCheckout, place_bulk_order, quote_bulk
from commerce.ordering.services.instalments import OWN_BILLING, choices_of
from commerce.ordering.services.payment import due_now, pay_again
from commerce.ordering.services.place import PlacedOrder, place_order
from commerce.ordering.services.unwinding import shares_of_money
from commerce.payments.models import PaymentAttempt, PaymentEffect, PaymentState
from subscriptions.collection.instalments import plan_of
from subscriptions.models import BillingAccount, DunningCase, InstalmentPlan
from tests.integration.ordering.people import (
    ALL_AGREED,
    agent,
    bundle_cart,
    checkout_for,
    customer,
    member,
    organisation,
    two_bundles_cart,
)
from tests.integration.ordering.test_carts import handset
from tests.integration.ordering.test_place_order import _authorise, _nothing_is_written

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("shop")]
TERMS = CreditTerms((3, 4), Money.of("100.00"), Decimal(0), Decimal("0.5"))
AGREED = OrderConsents(
    terms=True,
    contract_summary_confirmed=True,
    early_execution_requested=True,
    instalments=True,
)


@pytest.fixture(autouse=True)
def _own_billing(settings: object) -> None:
    settings.ADAPTERS = {**settings.ADAPTERS, "billing": OWN_BILLING}  # type: ignore[attr-defined]


@pytest.fixture
def _allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A market in which consumers may."""
    rules = CreditRules({"consumer": TERMS}, by_default=frozenset({"consumer"}))
    monkeypatch.setattr(France, "credit_rules", lambda _: rules)


allowed = pytest.mark.usefixtures("_allowed")


def placed(owner: AccountContext, code: str, parts: int = 4, **changes: object) -> PlacedOrder:
    given = {"consents": AGREED, "instalments": parts, **changes}
    return place_order(owner, code=code, checkout=checkout_for(owner, code, **given))


def refused(owner: AccountContext, code: str, parts: int = 4, **changes: object) -> FaisceauError:
    with pytest.raises(FaisceauError) as found:
        placed(owner, code, parts, **changes)
    _nothing_is_written()
    assert not InstalmentPlan.objects.exists()
    return found.value


def account(owner: AccountContext) -> BillingAccount:
    return BillingAccount.objects.create(
        party_id=owner.party_id or 0, segment="consumer", basis="TTC",
        opened_at="2026-01-01T00:00:00Z",
    )  # fmt: skip


def past_case(owner: AccountContext, grade: str) -> None:
    today = business_today()
    DunningCase.objects.create(
        account=account(owner),
        opened_on=today,
        closed_on=today,
        since=today,
        owed=Decimal(0),
        grade=grade,
    )


@allowed
def test_the_first_part_is_paid_with_the_order_and_the_rest_is_agreed() -> None:
    owner = customer()
    code = bundle_cart(owner, handset=handset())
    (three, four) = choices_of(owner, code=code).choices
    assert (three.parts, four.parts) == (3, 4)
    made = placed(owner, code)
    order = Order.objects.get(number=made.number)
    plan = plan_of(made.number)
    assert plan is not None
    price = order.items.get(role="handset")
    assert (plan.first, *plan.amounts) == four.amounts
    assert (plan.parts, plan.bill, plan.later) == (4, "", ())
    assert made.due_now == four.due_now == made.gross - plan.to_come
    assert Money(order.deferred, "EUR") == total(plan.amounts)
    attempt = PaymentAttempt.objects.get(key=made.payment_key)
    assert attempt.money == made.due_now
    assert sum(line["cents"] for line in attempt.lines) == made.due_now.cents
    assert InstalmentPlan.objects.get().lines == {price.line_id: str(order.deferred)}
    assert order.consents["instalments"] is True
    assert Consent.objects.filter(reference=order.number, purpose="instalments").count() == 1
    decision = CreditDecision.objects.get(order=order)
    assert (decision.rule, decision.cautious) == ("own/1", False)
    assert decision.facts["running"] == 0
    with pytest.raises(IntegrityError, match="stands"), transaction.atomic():
        CreditDecision.objects.update(cautious=True)


@allowed
def test_what_goes_back_for_each_line_is_what_the_card_paid_for_it() -> None:
    owner = customer()
    made = placed(owner, two_bundles_cart(owner, handset=handset()))
    order = Order.objects.get(number=made.number)
    shares = shares_of_money(order)
    assert total(shares.values()) == due_now(order) == made.due_now
    phones = [shares[item.line_id] for item in order.items.filter(role="handset")]
    assert len(phones) == 2
    assert abs((phones[0] - phones[1]).amount) <= Decimal("0.01")


@allowed
def test_a_payment_that_failed_is_asked_for_again_at_the_same_sum() -> None:
    owner = customer()
    made = placed(owner, bundle_cart(owner, handset=handset()))
    PaymentAttempt.objects.filter(key=made.payment_key).update(state=PaymentState.DECLINED)
    subscribers.on_payment_declined({"key": made.payment_key, "reason": "card_declined"})
    again = PaymentAttempt.objects.get(key=pay_again(owner, number=made.number))
    assert (again.key != made.payment_key, again.money) == (True, made.due_now)
    assert sum(line["cents"] for line in again.lines) == made.due_now.cents


@allowed
def test_who_never_asked_pays_the_whole_price_as_ever() -> None:
    owner = customer()
    code = bundle_cart(owner, handset=handset())
    made = place_order(owner, code=code, checkout=checkout_for(owner, code))
    order = Order.objects.get(number=made.number)
    assert (str(order.deferred), plan_of(made.number)) == ("0.00", None)
    assert made.due_now == made.gross
    assert "instalments" not in order.consents
    assert not CreditDecision.objects.exists()


def test_in_france_a_consumer_is_told_why_not() -> None:
    owner = customer()
    code = bundle_cart(owner, handset=handset())
    shown = choices_of(owner, code=code)
    assert (shown.choices, shown.code) == ((), "instalments_off")
    assert "L312-1" in shown.sentence
    assert refused(owner, code).code == "instalments_off"


def test_in_france_a_firm_may_only_where_the_operator_turned_it_on(settings: object) -> None:
    buyer = member(organisation(), "Jo", role=Role.BUYER, limit="9000.00")
    code = carts.open_cart(buyer)
    chosen = {"plan": "flotte-50", "handset": handset(), "sim": "carte-sim"}
    carts.put_bundle(buyer, code=code, bundle="fleet-line", choices=chosen, term=24)
    assert choices_of(buyer, code=code).code == "instalments_off"
    settings.INSTALMENTS_FOR = ["business", "consumer"]  # type: ignore[attr-defined]
    shown = choices_of(buyer, code=code)
    assert (shown.code, shown.sentence) == ("", "")
    (choice,) = shown.choices
    assert choice.parts == 2
    made = placed(buyer, code, 2, purchase_order="PO-1")
    plan = plan_of(made.number)
    assert plan is not None
    assert (plan.parts, plan.first) == (2, choice.amounts[0])
    assert InstalmentPlan.objects.get().longest_days == 60
    assert PaymentAttempt.objects.count() == 0
    someone = customer()
    theirs = bundle_cart(someone, handset=handset())
    assert choices_of(someone, code=theirs).code == "instalments_off"


@allowed
def test_an_external_biller_sells_nothing_in_parts(settings: object) -> None:
    settings.ADAPTERS = {**settings.ADAPTERS, "billing": "x.Y"}  # type: ignore[attr-defined]
    owner = customer()
    assert refused(owner, bundle_cart(owner, handset=handset())).code == "instalments_off"


@allowed
@pytest.mark.parametrize(
    ("case", "parts", "changes", "code"),
    [
        ("another number of parts", 7, {}, "instalments_parts"),
        ("without a yes to the days", 4, {"consents": ALL_AGREED}, "instalments_not_agreed"),
    ],
)
def test_what_is_not_offered_or_not_agreed_is_refused(
    case: str, parts: int, changes: dict[str, object], code: str
) -> None:
    owner = customer()
    found = refused(owner, bundle_cart(owner, handset=handset()), parts, **changes)
    assert found.code == code, case


@allowed
def test_too_little_is_not_split(monkeypatch: pytest.MonkeyPatch) -> None:
    dear = CreditTerms((3,), Money.of("5000.00"), Decimal(0), Decimal("0.5"))
    rules = CreditRules({"consumer": dear}, by_default=frozenset({"consumer"}))
    monkeypatch.setattr(France, "credit_rules", lambda _: rules)
    owner = customer()
    found = refused(owner, bundle_cart(owner, handset=handset()), 3)
    assert (found.code, found.detail["least"]) == ("too_little_for_parts", "5000.00 EUR")


@allowed
@pytest.mark.parametrize(
    ("grade", "answer"),
    [("restrict", "cautious"), ("suspend", "past_cases"), ("terminate", "past_cases")],
)
def test_past_cases_ask_for_more_today_or_for_all(grade: str, answer: str) -> None:
    owner = customer()
    past_case(owner, grade)
    code = bundle_cart(owner, handset=handset())
    if answer != "cautious":
        found = refused(owner, code)
        assert (found.code, found.detail["reason"]) == ("instalments_refused", answer)
        whole = place_order(owner, code=code, checkout=checkout_for(owner, code))
        assert whole.due_now == whole.gross
        return
    made = placed(owner, code)
    plan = plan_of(made.number)
    assert plan is not None
    assert plan.first == ((plan.first + plan.to_come) * Decimal("0.5")).rounded()
    assert CreditDecision.objects.get().cautious


@allowed
def test_a_third_device_is_paid_as_a_whole_and_given_up_orders_do_not_count() -> None:
    owner = customer()
    first = placed(owner, bundle_cart(owner, handset=handset()))
    second = placed(owner, bundle_cart(owner, handset=handset()))
    assert [row.cautious for row in CreditDecision.objects.order_by("pk")] == [False, True]
    code = bundle_cart(owner, handset=handset())
    assert choices_of(owner, code=code).code == "instalments_refused"
    Order.objects.filter(number=second.number).update(state="cancelled")
    assert [each.parts for each in choices_of(owner, code=code).choices] == [3, 4]
    assert plan_of(first.number) is not None


def link_of(number: str) -> str:
    text = Message.objects.get(reference__startswith=f"{number}/accept").text
    return text.split("/accept/")[1].split("/")[0]


@allowed
def test_an_agent_prepares_parts_and_the_customer_agrees_to_their_days_himself() -> None:
    owner = customer()
    nadia = agent(owner.party_id)
    made = placed(nadia, bundle_cart(nadia, handset=handset()), consents=OrderConsents())
    plan = plan_of(made.number)
    assert plan is not None
    assert (made.state, plan.parts) == ("awaiting_acceptance", 4)
    assert CreditDecision.objects.get().facts["running"] == 0
    assert not PaymentAttempt.objects.exists()
    with pytest.raises(FaisceauError) as found:
        accept_order(token=link_of(made.number), consents=ALL_AGREED)
    assert found.value.code == "instalments_not_agreed"
    assert Order.objects.get().state == "awaiting_acceptance"
    assert not PaymentAttempt.objects.exists()
    accepted = accept_order(token=link_of(made.number), consents=AGREED)
    attempt = PaymentAttempt.objects.get()
    assert attempt.money == accepted.due_now == accepted.gross - plan.to_come
    assert sum(line["cents"] for line in attempt.lines) == accepted.due_now.cents
    assert Order.objects.get().consents["instalments"] is True
    seen = order_view(owner, number=made.number).in_parts
    assert seen is not None
    assert (seen.due_now, seen.amounts) == (accepted.due_now, (plan.first, *plan.amounts))


def test_in_france_an_agent_hears_why_a_consumer_may_not() -> None:
    owner = customer()
    nadia = agent(owner.party_id)
    found = refused(nadia, bundle_cart(nadia, handset=handset()))
    assert found.code == "instalments_off"
    assert "L312-1" in found.message


def fleet(count: int) -> list[FleetLine]:
    return [
        FleetLine(row, f"User {row}", f"u{row}@rivoire.test", "flotte-50", handset(), site="Lyon")
        for row in range(1, count + 1)
    ]


def bulk(**more: object) -> BulkCheckout:
    return BulkCheckout("PO-1", OrderConsents(terms=True, instalments=True), **more)  # type: ignore[arg-type]


def test_a_fleets_phones_are_paid_in_two_parts_where_the_operator_turned_it_on(
    settings: object,
) -> None:
    buyer = member(organisation(), "Jo", role=Role.BUYER, limit="90000.00")
    lines = fleet(3)
    assert quote_bulk(buyer, lines=lines).in_parts.code == "instalments_off"
    with pytest.raises(FaisceauError) as off:
        place_bulk_order(buyer, lines=lines, checkout=bulk(instalments=2))
    assert off.value.code == "instalments_off"
    _nothing_is_written()
    settings.INSTALMENTS_FOR = ["business"]  # type: ignore[attr-defined]
    (two,) = quote_bulk(buyer, lines=lines).in_parts.choices
    assert [(part.number, part.bill) for part in two.later] == [(2, 2)]
    made = place_bulk_order(buyer, lines=lines, checkout=bulk(instalments=2))
    plan = plan_of(made.number)
    assert plan is not None
    assert (plan.first, *plan.amounts) == two.amounts
    assert made.due_now == two.due_now == made.gross - plan.to_come
    phones = Order.objects.get().items.filter(role="handset").values_list("line_id", flat=True)
    assert sorted(InstalmentPlan.objects.get().lines) == sorted(phones)
    assert len(phones) == 3


def test_a_fleet_in_parts_needs_a_yes_to_the_days(settings: object) -> None:
    settings.INSTALMENTS_FOR = ["business"]  # type: ignore[attr-defined]
    buyer = member(organisation(), "Jo", role=Role.BUYER, limit="90000.00")
    silent = replace(bulk(instalments=2), consents=OrderConsents(terms=True))
    with pytest.raises(FaisceauError) as found:
        place_bulk_order(buyer, lines=fleet(1), checkout=silent)
    assert found.value.code == "instalments_not_agreed"
    _nothing_is_written()
    assert not InstalmentPlan.objects.exists()


@allowed
def test_money_that_comes_too_late_goes_back_as_it_came() -> None:
    owner = customer()
    made = placed(owner, bundle_cart(owner, handset=handset()))
    Order.objects.filter(number=made.number).update(state="cancelled")
    PaymentAttempt.objects.filter(key=made.payment_key).update(state=PaymentState.SETTLED)
    subscribers.on_payment_settled({"key": made.payment_key})
    (back,) = PaymentEffect.objects.filter(kind="refund")
    assert Money(back.amount, "EUR") == made.due_now


@allowed
def test_an_order_in_parts_is_not_amended() -> None:
    owner = customer()
    made = placed(owner, bundle_cart(owner, handset=handset()))
    _authorise(made.payment_key)
    order = Order.objects.get(number=made.number)
    wish = Wish(not_before=business_today() + timedelta(days=9))
    with pytest.raises(FaisceauError) as found:
        amended(order, group=order.items.get(role="handset").group, wish=wish)
    assert found.value.code == "paid_in_parts"
