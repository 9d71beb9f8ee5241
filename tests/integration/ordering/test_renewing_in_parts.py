"""A phone that comes with a renewal, paid in parts: agreed, billed, and in the line's way."""

from typing import Any

import pytest

from commerce.accounts.identity import AccountContext
from commerce.kernel.clock import business_time_fixed
from commerce.kernel.errors import RuleViolated
from commerce.kernel.money import Money
from commerce.ordering.domain.credit import Answer, Applicant
from commerce.ordering.models import CreditDecision, Order
from commerce.ordering.services.changes import quote_change
from commerce.ordering.services.passing_on import pass_on
from commerce.payments.models import PaymentAttempt
from orchestration.subscribers import on_payment_settled
from subscriptions.collection.instalments import plan_of
from subscriptions.ledger.selectors import deferred_on
from subscriptions.models import InstalmentPlan, Invoice
from subscriptions.reconciling.audit import instalment_differences
from tests.integration.ordering.people import ALL_AGREED, HOME
from tests.integration.ordering.test_changes import LATE, carried_out, ordered, renewed
from tests.integration.ordering.test_instalments import AGREED, _allowed, _own_billing  # noqa: F401
from tests.integration.ordering.test_next_offers import START
from tests.integration.subscriptions.contracts import at

AT = at(START)
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("demo_catalogue")]
allowed = pytest.mark.usefixtures("_allowed", "_trusted")


class Trusting:
    """A credit rule that lets everybody pay in parts, also who has bills to pay."""

    def answer(self, applicant: Applicant) -> Answer:
        return Answer("trusting/1")


@pytest.fixture
def _trusted(settings: Any) -> None:
    settings.ADAPTERS = {**settings.ADAPTERS, "credit": f"{__name__}.Trusting"}


@allowed
def test_a_renewals_phone_is_paid_in_parts_and_its_bill_puts_them_off(
    owner: AccountContext, line: int
) -> None:
    request = renewed(phone=True)
    with business_time_fixed(at(LATE)):
        shown = quote_change(owner, subscription_id=line, request=request)
    (three, four) = shown.in_parts.choices
    assert (three.parts, four.parts) == (3, 4)
    placed, _ = ordered(owner, line, request, deliver_to=HOME, consents=AGREED, instalments=4)
    plan = plan_of(placed.number)
    assert plan is not None
    assert placed.due_now == four.due_now == Money.of("219.00") - plan.to_come
    assert PaymentAttempt.objects.get().money == placed.due_now
    assert CreditDecision.objects.get(order__number=placed.number).rule == "trusting/1"
    PaymentAttempt.objects.update(state="settled")
    with business_time_fixed(at(LATE)):
        on_payment_settled({"key": placed.payment_key})
    Order.objects.filter(number=placed.number).update(state="accepted")
    carried_out(placed.number, on=shown.on)
    bill = Invoice.objects.get(key=f"order:{placed.number}")
    assert deferred_on(bill) == plan.to_come
    found = plan_of(placed.number)
    assert found is not None
    assert [each.part.amount for each in found.later] == list(plan.amounts)
    assert instalment_differences() == ()
    with business_time_fixed(at(shown.on)), pytest.raises(RuleViolated) as refused:
        pass_on(owner, subscription_id=line, email="noe@example.test")
    assert refused.value.code == "paid_monthly"


@allowed
def test_a_renewal_in_parts_needs_a_yes_to_the_days(owner: AccountContext, line: int) -> None:
    before = Order.objects.count()
    with pytest.raises(RuleViolated) as refused:
        ordered(
            owner, line, renewed(phone=True), deliver_to=HOME, consents=ALL_AGREED, instalments=4
        )
    assert refused.value.code == "instalments_not_agreed"
    assert Order.objects.count() == before
    assert not InstalmentPlan.objects.exists()


def test_in_france_a_renewal_in_parts_is_refused_with_the_reason(
    owner: AccountContext, line: int
) -> None:
    before = Order.objects.count()
    with pytest.raises(RuleViolated) as refused:
        ordered(owner, line, renewed(phone=True), deliver_to=HOME, consents=AGREED, instalments=4)
    assert (refused.value.code, "L312-1" in refused.value.message) == ("instalments_off", True)
    assert Order.objects.count() == before


@allowed
def test_a_renewal_without_a_phone_has_nothing_to_pay_in_parts(
    owner: AccountContext, line: int
) -> None:
    with business_time_fixed(at(LATE)):
        shown = quote_change(owner, subscription_id=line, request=renewed())
    assert (shown.in_parts.choices, shown.in_parts.code) == ((), "nothing_in_parts")
