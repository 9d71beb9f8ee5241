"""Purchases of third parties: two at once never pass a cap, each stands on one bill, what is given
back goes the way that its purchase went, and merchants hear of it whatever fails."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from standardwebhooks import Webhook

from commerce.accounts.context import SYSTEM, AccountContext
from commerce.accounts.kinds import Role
from commerce.events.models import Timer
from commerce.kernel.clock import business_time_fixed, machine_now
from commerce.kernel.errors import Conflict, Forbidden, InvalidInput, RuleViolated
from commerce.kernel.money import Money
from commerce.notifications.models import Message
from orchestration.adapters.client import callback_secret
from subscriptions.carrier.leaks import merchant_differences
from subscriptions.carrier.models import (
    CarrierDenial,
    CarrierLimits,
    CarrierPayment,
    CarrierRefund,
    CarrierSubscription,
    Merchant,
    MerchantSettlement,
    MerchantTransfer,
    SinkMessage,
)
from subscriptions.carrier.selectors import purchases_of_line
from subscriptions.carrier.services import (
    confirming,
    limits,
    locking,
    purchasing,
    refunding,
    settling,
    stopping,
    telling,
)
from subscriptions.carrier.services.merchants import MerchantContract, take_on
from subscriptions.carrier.services.purchasing import Purchase
from subscriptions.carrier.services.refunding import RefundAsked
from subscriptions.carrier.statements import statement_lines, statements
from subscriptions.contracts.selectors import promise_view
from subscriptions.domain.carrier import Category, RefundKind
from subscriptions.domain.states import Release
from subscriptions.domain.views import Section
from subscriptions.invoicing.selectors import bill_view, bills_of
from subscriptions.invoicing.services.release import release_held
from subscriptions.models import BillingAccount, Invoice, InvoiceLine, Parking, Subscription
from subscriptions.reconciling.audit import bills_against_promises, ledger_differences
from tests.integration.subscriptions.contracts import (
    DAY,
    at,
    begun,
    firm,
    person,
    plan,
    run,
)

APRIL, MAY, JUNE = date(2026, 4, 10), date(2026, 5, 10), date(2026, 6, 10)
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _on_the_day() -> Iterator[None]:
    with business_time_fixed(at(DAY)):
        yield


def merchant(*, rate: str = "20", code: str = "lune") -> Merchant:
    made = take_on(
        MerchantContract(
            code=code,
            name="Éditions Lune",
            email="lune@example.test",
            support="0800 000 001",
            categories=(Category.DIGITAL,),
            tax_class="standard",
            tax_rate=Decimal(rate),
            share=Decimal(70),
            confirms_himself=True,
            monthly={"lune-month": Decimal("4.99")},
        ),
        client_id=f"{code}-id",
        client_secret="secret",
    )
    return Merchant.objects.get(pk=made)


def allowed(line: Subscription) -> None:
    """A firm lets its line buy."""
    CarrierLimits.objects.create(subscription=line, changed_at=at(DAY), changed_by="x")


def asked(amount: str, reference: str, **more: Any) -> Purchase:
    return Purchase(
        **{
            "number": "+33639980001",
            "reference": reference,
            "correlator": "",
            "amount": Decimal(amount),
            "currency": "EUR",
            "tax_included": True,
            "tax": None,
            "description": "Lune+",
            "category": "press",
            "seller": "",
            "service_code": "",
            "channel": "",
            "told": {"phoneNumber": "+33639980001", "paymentAmount": {}},
            "digest": reference,
            **more,
        }
    )


def bought(
    seller: Merchant, amount: str, *, on: date, reference: str = "", **more: Any
) -> CarrierPayment:
    with business_time_fixed(at(on)):
        return purchasing.charge(
            party_id=seller.party_id, purchase=asked(amount, reference or f"{on}/{amount}", **more)
        )


def given_back(payment: CarrierPayment, amount: str | None = None, *, on: date) -> CarrierRefund:
    with business_time_fixed(at(on)):
        return refunding.refund_by_merchant(
            party_id=payment.merchant.party_id,
            payment_id=payment.pk,
            asked=RefundAsked(
                kind=RefundKind.TOTAL if amount is None else RefundKind.PARTIAL,
                reference=f"{on}/{amount}",
                reason="not delivered",
                amount=None if amount is None else Decimal(amount),
            ),
            by="Lune",
        )


def billed(on: date) -> list[tuple[str, str]]:
    """Runs the bills of a day; the third parties' lines of the newest bill: label and amount."""
    with business_time_fixed(at(on, 4)):
        run(on)
    newest = Invoice.objects.order_by("-pk")[0]
    assert newest.number, "issued, not held: no promise speaks of purchases"
    rows = InvoiceLine.objects.filter(invoice=newest, kind="third").order_by("position")
    return [(row.label["en"], str(row.amount)) for row in rows]


LUNE = "Lune+ – Éditions Lune (help: 0800 000 001)"


def test_purchases_stand_on_the_next_bill_once() -> None:
    party = person()
    begun("F-1", [plan("29.99")], party=party)
    seller = merchant()
    bought(seller, "4.99", on=date(2026, 3, 20))
    bought(seller, "2.50", on=date(2026, 4, 9))
    bought(seller, "7.00", on=APRIL)
    assert billed(APRIL) == [(LUNE, "4.99"), (LUNE, "2.50")]
    (bill,) = [each for each in bills_of(party) if each.issued_on == APRIL]
    assert str(bill.gross) == "37.48 EUR"
    view = bill_view(party, bill.number)
    sections = {section.code: section for section in view.sections}
    assert str(sections[Section.THIRD_PARTIES].total) == "7.49 EUR"
    first = sections[Section.THIRD_PARTIES].lines[0]
    assert first.days is not None
    assert (first.days.start, first.promised) == (date(2026, 3, 20), None)
    assert view.as_promised
    april = promise_view("F-1", "g1").bills[1]
    assert (april.starts_on, str(april.billed)) == (APRIL, "29.99 EUR")
    assert all(check.equal for check in bills_against_promises())
    assert billed(MAY) == [(LUNE, "7.00")]
    assert billed(JUNE) == []
    assert ledger_differences() == ()


def test_a_business_is_billed_without_tax() -> None:
    begun("F-1", [plan("20.00")], party=firm(), segment="business")
    allowed(Subscription.objects.get())
    bought(merchant(), "6.00", on=date(2026, 3, 20))
    assert billed(APRIL) == [(LUNE, "5.00")]
    assert str(Invoice.objects.order_by("-pk")[0].gross) == "30.00"


def test_what_goes_back_before_the_bill_never_comes_to_it() -> None:
    begun("F-1", [plan("29.99")], party=person())
    seller = merchant()
    whole = bought(seller, "4.99", on=date(2026, 3, 20))
    in_parts = bought(seller, "9.00", on=date(2026, 3, 21))
    part = bought(seller, "10.00", on=date(2026, 3, 22))
    given_back(whole, on=date(2026, 3, 23))
    given_back(in_parts, "4.00", on=date(2026, 3, 23))
    given_back(in_parts, "5.00", on=date(2026, 3, 24))
    given_back(part, "4.00", on=date(2026, 3, 24))
    assert billed(APRIL) == [(LUNE, "10.00"), (f"Refund: {LUNE}", "-4.00")]


def test_what_goes_back_after_the_bill_is_on_the_next_one() -> None:
    begun("F-1", [plan("29.99")], party=person())
    payment = bought(merchant(), "4.99", on=date(2026, 3, 20))
    assert billed(APRIL) == [(LUNE, "4.99")]
    given_back(CarrierPayment.objects.get(pk=payment.pk), on=date(2026, 4, 15))
    assert billed(MAY) == [(f"Refund: {LUNE}", "-4.99")]
    assert billed(JUNE) == []


def test_without_a_bill_to_come_a_refund_is_a_credit_note_at_once() -> None:
    begun("F-1", [plan("29.99")], party=person())
    payment = bought(merchant(), "4.99", on=date(2026, 3, 20))
    billed(APRIL)
    BillingAccount.objects.update(next_bill_on=None)
    given_back(CarrierPayment.objects.get(pk=payment.pk), on=date(2026, 4, 15))
    newest = Invoice.objects.order_by("-pk")[0]
    assert (newest.kind, str(newest.gross)) == ("credit_note", "-4.99")
    assert newest.number is not None
    assert CarrierRefund.objects.get().billed_in_id == newest.pk


def test_the_last_purchases_of_a_line_are_billed_after_its_end() -> None:
    begun("F-1", [plan("29.99")], party=person())
    seller = merchant()
    bought(seller, "4.99", on=date(2026, 4, 5))
    Subscription.objects.update(status="ended")
    account = BillingAccount.objects.get()
    with business_time_fixed(at(APRIL, 4)):
        run(APRIL)
    rows = InvoiceLine.objects.filter(kind="third")
    assert [str(row.amount) for row in rows] == ["4.99"]
    with business_time_fixed(at(MAY, 4)):
        run(MAY)
    account.refresh_from_db()
    assert account.next_bill_on is None


def test_a_bill_that_is_drafted_anew_holds_them_again() -> None:
    begun("F-1", [plan("29.99")], party=person())
    bought(merchant(), "4.99", on=date(2026, 3, 20))
    with connection.cursor() as cursor:
        cursor.execute("UPDATE subscriptions_itemcharge SET amount = 31")
    with business_time_fixed(at(APRIL, 4)):
        run(APRIL)
    assert Parking.objects.get().rule == "price"
    assert CarrierPayment.objects.get().billed_in_id is not None
    with connection.cursor() as cursor:
        cursor.execute("UPDATE subscriptions_itemcharge SET amount = 29.99")
    release_held(account_id=BillingAccount.objects.get().pk, decision=Release.REDRAFT, operator="x")
    assert CarrierPayment.objects.get().billed_in_id is None
    assert billed(APRIL) == [(LUNE, "4.99")]


def test_a_monthly_service_is_confirmed_once_and_paid_each_month() -> None:
    begun("F-1", [plan("29.99")], party=person())
    seller = merchant()
    Merchant.objects.update(confirms_himself=False)
    monthly = {"service_code": "lune-month"}
    with pytest.raises(Exception, match="not possible") as refused:
        bought(seller, "4.99", on=DAY, **monthly)
    assert refused.value.code == "needs_confirmation"  # type: ignore[attr-defined]
    payment = purchasing.prepare(
        party_id=seller.party_id, purchase=asked("4.99", "first", **monthly)
    )
    CarrierPayment.objects.filter(pk=payment.pk).update(state="reserved")
    confirming.confirm(party_id=seller.party_id, payment_id=payment.pk, number="+33639980001")
    held = CarrierPayment.objects.get(pk=payment.pk).belongs_to
    assert held is not None
    assert (held.service_code, str(held.gross)) == ("lune-month", "4.99")
    next_month = bought(seller, "4.99", on=date(2026, 4, 2), **monthly)
    assert next_month.belongs_to_id == held.pk
    for more in ("4.99", "5.99"):
        with pytest.raises(Exception, match="not possible"):
            bought(seller, more, on=date(2026, 4, 3), reference=f"x{more}", **monthly)
    assert [label for label, _ in billed(APRIL)] == [f"Subscription: {LUNE}"] * 2


def test_what_a_code_was_for_is_the_most_that_a_month_costs() -> None:
    begun("F-1", [plan("29.99")], party=person())
    seller = merchant()
    monthly = {"service_code": "lune-month"}
    with pytest.raises(Forbidden) as alone:
        bought(seller, "0.99", on=DAY, **monthly)
    assert alone.value.code == "needs_confirmation", "the merchant alone begins nothing monthly"
    payment = purchasing.prepare(
        party_id=seller.party_id, purchase=asked("0.99", "first", **monthly)
    )
    assert "0,99 € par mois" in Message.objects.get(code="carrier_code").text
    CarrierPayment.objects.filter(pk=payment.pk).update(state="reserved")
    confirming.confirm(party_id=seller.party_id, payment_id=payment.pk, number="+33639980001")
    with pytest.raises(Forbidden) as more:
        bought(seller, "4.99", on=date(2026, 4, 2), **monthly)
    assert more.value.code == "needs_confirmation"
    assert bought(seller, "0.99", on=date(2026, 4, 2), reference="x", **monthly).belongs_to


def test_the_lines_of_a_consumer_share_the_months_cap_those_of_a_firm_do_not() -> None:
    private, atelier = person(), firm()
    lines = [("F-1", private, "consumer"), ("F-2", private, "consumer")]
    lines += [("F-3", atelier, "business"), ("F-4", atelier, "business")]
    for place, (order, party, segment) in enumerate(lines, start=1):
        begun(order, [plan("29.99")], party=party, segment=segment)
        Subscription.objects.filter(order_number=order).update(msisdn=f"063998000{place}")
    seller = merchant()
    with pytest.raises(RuleViolated) as blocked:
        bought(seller, "1.00", on=DAY, number="+33639980003")
    assert blocked.value.code == "not_opened_by_firm", "a firm's line, until it is allowed"
    for line in Subscription.objects.filter(party=atelier):
        allowed(line)

    def fills(place: int) -> int:
        number = f"+3363998000{place}"
        for each in range(6):
            try:
                bought(seller, "50.00", on=DAY, reference=f"{place}/{each}", number=number)
            except RuleViolated:
                return each
        return 6

    bought(seller, "50.00", on=DAY, reference="first", number="+33639980002")
    assert [fills(place) for place in (1, 2, 3, 4)] == [5, 0, 6, 6]
    rules = set(CarrierDenial.objects.values_list("rule", flat=True))
    assert rules == {"over_month_cap", "not_opened_by_firm"}
    seen = purchases_of_line(private, Subscription.objects.get(order_number="F-1").pk)
    assert (str(seen.spent), str(seen.together)) == ("250.00 EUR", "300.00 EUR")


def test_a_day_and_a_kind_have_caps_that_the_customer_chose() -> None:
    party = person()
    begun("F-1", [plan("29.99")], party=party)
    seller, line = merchant(), Subscription.objects.get()
    camille = replace(SYSTEM, party_id=party)

    def limit(**caps: Any) -> None:
        limits.set_limits(context=camille, subscription_id=line.pk, **caps)

    def refused(on: date) -> str:
        with pytest.raises(RuleViolated) as refusal:
            bought(seller, "0.01", on=on, reference=f"{on}/over")
        return str(refusal.value.code)

    limit(per_day=Decimal("5.00"))
    bought(seller, "5.00", on=DAY)
    assert refused(DAY) == "over_own_day_cap"
    bought(seller, "5.00", on=DAY + timedelta(days=1))
    limit(per_category={Category.DIGITAL: Decimal("10.00")})
    assert limits.limits_of(Subscription.objects.get()).per_day is None
    assert refused(DAY + timedelta(days=2)) == "over_own_category_cap"
    bought(seller, "10.00", on=APRIL)
    for wrong in ({"per_day": Decimal("300.01")}, {"per_category": {Category.TICKET: Decimal(-1)}}):
        with pytest.raises(InvalidInput) as refusal:
            limit(**wrong)
        assert refusal.value.code == "cap_out_of_range"
    assert limits.limits_of(Subscription.objects.get()).per_category == {
        Category.DIGITAL: Money.of("10.00")
    }


def test_a_request_that_comes_twice_at_once_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    begun("F-1", [plan("29.99")], party=person())
    seller = merchant()
    same = asked("4.99", "r-1", correlator="c-1")
    find = locking.line_of

    def after_the_other(number: str) -> Subscription:
        monkeypatch.setattr(purchasing, "line_of", find)
        purchasing.prepare(party_id=seller.party_id, purchase=same)
        return find(number)

    monkeypatch.setattr(purchasing, "line_of", after_the_other)
    answer = purchasing.prepare(party_id=seller.party_id, purchase=same)
    assert answer.pk == CarrierPayment.objects.get().pk


def held_service() -> CarrierSubscription:
    """A monthly service that began with its confirmed first payment."""
    begun("F-1", [plan("29.99")], party=person())
    seller = merchant()
    payment = purchasing.prepare(
        party_id=seller.party_id, purchase=asked("4.99", "first", service_code="lune-month")
    )
    CarrierPayment.objects.filter(pk=payment.pk).update(state="reserved")
    confirming.confirm(party_id=seller.party_id, payment_id=payment.pk, number="+33639980001")
    return CarrierSubscription.objects.get()


def test_a_monthly_service_is_reminded_of_each_month_until_it_ends() -> None:
    held = held_service()
    timer = Timer.objects.get(handler=stopping.REMINDER)
    assert timer.due_at == at(APRIL)
    with business_time_fixed(at(APRIL)):
        for _ in range(2):
            stopping.on_reminder_due(timer.payload)
    assert Timer.objects.get(handler=stopping.REMINDER).due_at == at(MAY)
    text = Message.objects.get(code="carrier_reminder").text
    for each in ("Lune+", "4,99 €", "0800 000 001", "STOP Lune+", "/purchases/"):
        assert each in text
    stopping.stop_by_message(number="+33639980001", text="STOP")
    assert not Timer.objects.filter(handler=stopping.REMINDER).exists()
    stopping.on_reminder_due({"held": held.pk})
    assert Message.objects.filter(code="carrier_reminder").count() == 1


def test_a_service_ends_with_its_line_and_its_number_hears_of_nothing() -> None:
    held = held_service()
    Subscription.objects.update(status="ended")
    assert stopping.stop_by_message(number="+33639980001", text="STOP") == 0
    with business_time_fixed(at(APRIL)):
        stopping.on_reminder_due({"held": held.pk})
    held.refresh_from_db()
    assert held.ended_at == at(APRIL)
    assert not Message.objects.filter(code__in=["carrier_reminder", "carrier_ended"]).exists()


def test_stop_by_sms_ends_a_service_once_and_nothing_more_is_charged() -> None:
    held = held_service()
    assert stopping.stop_by_message(number="+33639980009", text="STOP") == 0
    assert stopping.stop_by_message(number="+33639980001", text="hello") == 0
    done = [stopping.stop_by_message(number="+33639980001", text="Stop Lune+") for _ in range(2)]
    assert done == [1, 0]
    held.refresh_from_db()
    assert held.ended_at == at(DAY)
    assert Message.objects.filter(code="carrier_ended").count() == 1
    with pytest.raises(Exception, match="not possible") as refused:
        bought(held.merchant, "4.99", on=APRIL, service_code="lune-month")
    assert refused.value.code == "needs_confirmation"  # type: ignore[attr-defined]


def test_the_carriers_word_of_an_sms_is_signed() -> None:
    held_service()
    body = json.dumps(
        {
            "id": "in-1",
            "type": "message.received",
            "occurred_at": "2026-03-10T12:00:00+01:00",
            "request_key": "in-1",
            "data": {"from": "+33639980001", "text": "STOP"},
        }
    )
    path = "/callbacks/providers/messages"
    now = machine_now()
    signature = Webhook(callback_secret("messages")).sign("in-1", now, body)
    signed = {
        "webhook-id": "in-1",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": signature,
    }
    forged = Client().post(
        path, body, "application/json", headers={**signed, "webhook-signature": "v1,AAAA"}
    )
    assert forged.status_code == 403
    assert CarrierSubscription.objects.get().ended_at is None
    taken = Client().post(path, body, "application/json", headers=signed)
    assert taken.status_code == 204
    assert CarrierSubscription.objects.get().ended_at is not None


def test_a_merchants_month_agrees_with_the_bills() -> None:
    begun("F-1", [plan("29.99")], party=person())
    seller = merchant()
    Merchant.objects.update(fee=Decimal("0.10"))
    first = bought(seller, "12.00", on=date(2026, 3, 20))
    bought(seller, "6.00", on=date(2026, 3, 21))
    gone = bought(seller, "3.00", on=date(2026, 3, 22))
    bought(seller, "9.00", on=date(2026, 4, 1))
    given_back(gone, on=date(2026, 3, 23))
    march, april = date(2026, 3, 1), date(2026, 4, 1)

    def told(month: date) -> tuple[object, ...]:
        (row,) = statements(month)
        sums = (row.sold, row.given_back, row.net, row.due, row.billed, row.waiting)
        return (row.purchases, *(str(each.amount) for each in sums), row.agrees)

    assert told(march) == (3, "21.00", "3.00", "15.00", "10.20", "0", "18.00", True)
    billed(APRIL)
    assert told(march) == (3, "21.00", "3.00", "15.00", "10.20", "18.00", "0", True)
    given_back(CarrierPayment.objects.get(pk=first.pk), "6.00", on=date(2026, 4, 15))
    assert told(april) == (1, "9.00", "6.00", "2.50", "1.65", "9.00", "-6.00", True)
    assert told(march)[1:5] == ("21.00", "3.00", "15.00", "10.20"), "a month is not rewritten"
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE subscriptions_carrierpayment SET gross = gross + 1 WHERE id = %s", [first.pk]
        )
    assert told(march)[-1] is False, "a bill that says otherwise is found"


def test_a_purchase_has_the_share_of_its_own_month_for_ever() -> None:
    begun("F-1", [plan("29.99")], party=person())
    seller = merchant()
    first = bought(seller, "12.00", on=date(2026, 3, 20))
    march, april = date(2026, 3, 1), date(2026, 4, 1)
    for since, share, fee in ((april, "50", "0.20"), (date(2026, 6, 1), "40", "0")):
        settling.agree_terms(
            code="lune", since=since, share=Decimal(share), fee=Decimal(fee), by="x"
        )
    bought(seller, "12.00", on=date(2026, 4, 2))
    given_back(first, "6.00", on=date(2026, 4, 3))
    (told,) = statements(march)
    assert (str(told.share), str(told.due)) == ("70.00", "7.00 EUR")
    (told,) = statements(april)
    assert (told.purchases, str(told.share), str(told.fees)) == (1, "50.00", "0.20 EUR")
    assert str(told.due) == "1.30 EUR", "5.00 less 0.20 of April, less 3.50 of March's share"
    lines = [(each.kind, str(each.gross)) for each in statement_lines("lune", april)]
    assert lines == [("purchase", "12.00"), ("refund", "-6.00")]


def operator() -> AccountContext:
    return AccountContext(SYSTEM.actor, None, Role.OPERATOR, SYSTEM.channel)


def paid_out(amount: str, reference: str) -> None:
    sum_ = Money.of(amount)
    paid = settling.pay_out(context=operator(), code="lune", amount=sum_, reference=reference)
    assert paid == sum_


def test_a_month_is_closed_once_and_paid_out_with_what_is_owed_back() -> None:
    begun("F-1", [plan("29.99")], party=person())
    seller = merchant()
    payment = bought(seller, "12.00", on=date(2026, 3, 20))
    march = {"month": "2026-03-01"}
    with pytest.raises(RuleViolated) as early:
        settling.close(date(2026, 3, 1), by="x")
    assert early.value.code == "month_not_over"
    with business_time_fixed(at(date(2026, 4, 3))):
        for _ in range(2):
            settling.on_due(march)
        assert str(settling.payable_to(seller.pk)) == "7.00 EUR"
        assert list(merchant_differences(date(2026, 4, 3))) == []
        with pytest.raises(Conflict) as stale:
            paid_out("6.99", "VIR-1")
        assert stale.value.code == "payable_changed"
        for _ in range(2):
            paid_out("7.00", "VIR-1")
        with pytest.raises(Conflict):
            paid_out("14.00", "VIR-1")
        with pytest.raises(RuleViolated) as nothing:
            paid_out("7.00", "VIR-2")
        assert nothing.value.code == "nothing_payable"
    given_back(payment, on=date(2026, 4, 20))
    bought(seller, "24.00", on=date(2026, 5, 4))
    with business_time_fixed(at(date(2026, 6, 3))):
        assert settling.close(date(2026, 4, 1), by="x") == 1
        assert str(settling.payable_to(seller.pk)) == "-7.00 EUR", "he owes us"
        assert settling.close(date(2026, 5, 1), by="x") == 1
        paid_out("7.00", "VIR-3")
    rows = MerchantSettlement.objects.order_by("month").values_list("due", "reference")
    assert [(str(due), reference) for due, reference in rows] == [
        ("7.00", "VIR-1"),
        ("-7.00", "VIR-3"),
        ("14.00", "VIR-3"),
    ]
    moved = MerchantTransfer.objects.order_by("pk").values_list("debit", "credit", "amount")
    assert [(debit, credit, str(amount)) for debit, credit, amount in moved] == [
        ("cost", "payable", "7.00"),
        ("payable", "bank", "7.00"),
        ("payable", "cost", "7.00"),
        ("cost", "payable", "14.00"),
        ("payable", "bank", "7.00"),
    ]
    with pytest.raises(Conflict):
        settling.agree_terms(
            code="lune", since=date(2026, 5, 1), share=Decimal(1), fee=Decimal(0), by="x"
        )


def test_a_month_whose_bills_say_otherwise_stays_open_and_a_changed_one_is_found() -> None:
    begun("F-1", [plan("29.99")], party=person())
    payment = bought(merchant(), "12.00", on=date(2026, 3, 20))
    billed(APRIL)

    def gross(amount: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE subscriptions_carrierpayment SET gross = %s, net = %s WHERE id = %s",
                [amount, Decimal(amount) / Decimal("1.2"), payment.pk],
            )

    with business_time_fixed(at(date(2026, 4, 20))):
        gross("13.20")
        assert settling.close(date(2026, 3, 1), by="x") == 0
        gross("12.00")
        assert settling.close(date(2026, 3, 1), by="x") == 1
        gross("13.20")
        assert [(each.kind, each.identity) for each in merchant_differences(APRIL)] == [
            ("merchant_bills", "lune/2026-03"),
            ("merchant_month", "lune/2026-03"),
        ]
        gross("12.00")
        MerchantSettlement.objects.update(due=8)
        assert {each.kind for each in merchant_differences(APRIL)} == {
            "merchant_month",
            "merchant_payable",
        }


def test_a_purchase_that_its_bill_left_out_is_found() -> None:
    begun("F-1", [plan("29.99")], party=person())
    bought(merchant(), "12.00", on=date(2026, 4, 9), reference="r-1")
    bought(Merchant.objects.get(), "1.00", on=APRIL, reference="r-2")
    billed(APRIL)
    assert list(merchant_differences(APRIL)) == []
    CarrierPayment.objects.update(billed_in=None)
    left_out = [(each.kind, each.identity, each.expected) for each in merchant_differences(APRIL)]
    assert left_out == [("purchase_unbilled", "lune/r-1", "12.00")]


def test_a_month_that_is_called_paid_and_was_not_is_found() -> None:
    begun("F-1", [plan("29.99")], party=person())
    bought(merchant(), "12.00", on=date(2026, 3, 20))
    with business_time_fixed(at(date(2026, 4, 3))):
        with CaptureQueriesContext(connection) as sent:
            settling.close(date(2026, 3, 1), by="x")
        read = [each["sql"] for each in sent if "subscriptions_merchant" in each["sql"]]
        locked = next(at for at, sql in enumerate(read) if sql.endswith("FOR NO KEY UPDATE"))
        summed = next(at for at, sql in enumerate(read) if "moved.sign" in sql)
        assert locked < summed, "no transfer is noted meanwhile"
        MerchantSettlement.objects.update(paid_at=at(date(2026, 4, 3)))
        (found,) = merchant_differences(APRIL)
        assert (found.kind, found.identity, found.found) == ("merchant_payable", "lune", "7.00")


@pytest.mark.django_db(transaction=True)
def test_purchases_at_once_never_pass_the_cap_together() -> None:
    begun("F-1", [plan("29.99")], party=person())
    seller = merchant()
    for each in range(5):
        bought(seller, "50.00", on=DAY, reference=f"before-{each}")
    together = threading.Barrier(6)

    def one(number: int) -> bool:
        together.wait()
        try:
            bought(seller, "20.00", on=DAY, reference=f"at-once-{number}")
        except RuleViolated:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(one, range(6))) == 2
    assert sum(row.gross for row in CarrierPayment.objects.all()) == Decimal("290.00")


def test_an_agents_refund_has_a_reason_and_is_of_his_customers_line() -> None:
    party = person()
    begun("F-1", [plan("29.99")], party=party)
    payment = bought(merchant(), "4.99", on=date(2026, 3, 20))
    context = AccountContext(SYSTEM.actor, party, SYSTEM.role, SYSTEM.channel)

    def refund(by: AccountContext, reason: str) -> CarrierRefund:
        return refunding.refund_by_agent(
            context=by, payment_id=payment.pk, amount=Decimal("2.00"), reason=reason
        )

    for by, reason, code in (
        (context, " ", "refund_reason_missing"),
        (SYSTEM, "x", "unknown_payment"),
    ):
        with pytest.raises(Exception) as refused:  # noqa: PT011
            refund(by, reason)
        assert refused.value.code == code  # type: ignore[attr-defined]
    assert not CarrierRefund.objects.exists()
    made = refund(context, "He never bought it")
    assert (str(made.gross), made.reason, made.by) == ("2.00", "He never bought it", "system")


@pytest.fixture
def sink() -> Iterator[tuple[str, list[tuple[dict[str, str], bytes]], list[int]]]:
    heard: list[tuple[dict[str, str], bytes]] = []
    answers: list[int] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            heard.append(({name.lower(): text for name, text in self.headers.items()}, body))
            self.send_response(answers.pop(0) if answers else 204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/events", heard, answers
    server.shutdown()
    server.server_close()


def test_an_event_is_sent_until_it_arrives_with_the_same_bytes(
    sink: tuple[str, list[tuple[dict[str, str], bytes]], list[int]],
) -> None:
    url, heard, answers = sink
    answers += [503, 204]
    begun("F-1", [plan("29.99")], party=person())
    bought(merchant(), "4.99", on=DAY, sink=url, token="t-1")
    message = SinkMessage.objects.get()
    payload = Timer.objects.get(handler=telling.TIMER).payload
    for _ in range(3):
        telling.on_tell_due(payload)
    message.refresh_from_db()
    assert (message.attempts, message.next_at) == (2, None)
    assert message.delivered_at is not None
    assert len({body for _, body in heard}) == 1
    headers, body = heard[0]
    assert headers["authorization"] == "Bearer t-1"
    assert headers["content-type"] == "application/cloudevents+json"
    event = json.loads(body)
    assert event["type"] == "org.camaraproject.carrier-billing.v0.payment-completed"
    assert telling.forget_old() == 0
    SinkMessage.objects.update(created_at=machine_now() - timedelta(days=31))
    assert telling.forget_old() == 1
    assert UUID(event["data"]["paymentId"]) == CarrierPayment.objects.get().pk


def test_a_sink_that_is_gone_is_told_nothing_more_and_an_old_token_goes_nowhere(
    sink: tuple[str, list[tuple[dict[str, str], bytes]], list[int]],
) -> None:
    url, heard, answers = sink
    answers.append(410)
    begun("F-1", [plan("29.99")], party=person())
    bought(
        merchant(),
        "4.99",
        on=DAY,
        sink=url,
        token="t-1",
        token_until=machine_now(),
    )
    payload = Timer.objects.get(handler=telling.TIMER).payload
    for _ in range(2):
        telling.on_tell_due(payload)
    assert len(heard) == 1
    assert "authorization" not in heard[0][0]
    message = SinkMessage.objects.get()
    assert (message.next_at, message.delivered_at) == (None, None)
