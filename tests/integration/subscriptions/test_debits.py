"""Debits are announced, made on their day, and what banks take back opens the bill again."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import date, timedelta

import pytest

from commerce.accounts.models import Party, PartyAddress
from commerce.events.models import OutboxEvent, Timer
from commerce.kernel.clock import business_now, business_time_fixed, machine_now
from commerce.kernel.errors import Unknown
from commerce.kernel.money import Money
from commerce.notifications.models import Message
from commerce.payments.models import Dispute, PaymentAttempt, PaymentEffect, SavedMethod
from commerce.payments.ports import DisputeState, MethodKind, Outcome, PaymentReport
from commerce.payments.selectors import coming_in
from commerce.payments.services.charge import carry_out, request_charge
from commerce.payments.services.outcome import note_report
from orchestration.subscribers import on_payment_refunded, on_payment_settled
from subscriptions.accounts.services.accounts import locked_account
from subscriptions.collection.selectors import announced_debit, left_in_peace
from subscriptions.collection.services import collecting
from subscriptions.domain.ledger import Balance, TransferKind
from subscriptions.dunning.selectors import overdue_bills
from subscriptions.dunning.services import dunning
from subscriptions.invoicing.selectors import bills_of
from subscriptions.invoicing.services.one_off import bill_order
from subscriptions.ledger.selectors import balance_of
from subscriptions.ledger.services import ledger
from subscriptions.models import BillingAccount, Compensation, DebitNotice, DunningEntry, Invoice
from subscriptions.reconciling.audit import ledger_differences
from subscriptions.subscribers import on_dispute_moved, on_method_chosen
from tests.integration.subscriptions.contracts import (
    DAY,
    RATES,
    at,
    begun,
    firm,
    handset,
    person,
    plan,
    promised,
    run,
)

pytestmark = pytest.mark.django_db
NUMBER = "FA-2026-0000001"
APRIL = date(2026, 4, 10)
DEBIT_DAY = DAY + timedelta(days=14)


@pytest.fixture(autouse=True)
def _on_the_day() -> Iterator[None]:
    with business_time_fixed(at(DAY, hour=9)):
        yield


def with_method(party: int, kind: MethodKind, *, for_bills: bool = True) -> int:
    debit = kind is MethodKind.SEPA_DEBIT
    SavedMethod.objects.create(
        party_id=party,
        customer_id="cus_1",
        method_id=f"pm_{kind}_{party}",
        kind=kind,
        card_brand="" if debit else "visa",
        card_last4="2606" if debit else "4242",
        bank_code="20041" if debit else "",
        mandate_id=f"mandate_{party}" if debit else "",
        mandate_reference="UMR0123456789ABC" if debit else "",
        for_bills=for_bills,
        saved_at=business_now(),
        chosen_at=machine_now(),
    )
    return party


def mandated(party: int) -> int:
    Party.objects.filter(pk=party).update(email="ada@example.test")
    return with_method(party, MethodKind.SEPA_DEBIT)


def on_day(day: date) -> None:
    """What the pump does on that day."""
    with business_time_fixed(at(day, hour=9)):
        due = Timer.objects.filter(handler=collecting.TIMER, due_at__lte=at(day, hour=9))
        for timer in due.order_by("due_at"):
            collecting.on_due(timer.payload)


def charges() -> list[tuple[str, str, str]]:
    rows = PaymentAttempt.objects.order_by("pk")
    return [(row.key, str(row.amount), row.method_kind) for row in rows]


def settled() -> None:
    key = f"{NUMBER}/charge/1"
    PaymentAttempt.objects.filter(key=key).update(state="settled")
    on_payment_settled({"key": key})


def open_on(party: int) -> Money:
    return bills_of(party)[-1].open


def test_a_debit_is_announced_fourteen_days_before_and_made_on_its_day_once() -> None:
    party = mandated(person())
    begun("C-1", [plan("29.99")], party=party)
    on_day(DAY)
    on_day(DAY)
    assert charges() == []
    (notice,) = DebitNotice.objects.all()
    assert (notice.debit_on, str(notice.amount)) == (DEBIT_DAY, "29.99")
    told = Message.objects.get(code="debit_coming")
    assert "29,99 €" in told.subject
    for said in ("29,99 €", "UMR0123456789ABC", "FR72ZZZ123456", NUMBER, "2606"):
        assert said in told.text
    found = announced_debit(NUMBER)
    assert found is not None
    assert found.debit_on == DEBIT_DAY
    assert left_in_peace([NUMBER, "F-9"]) == {NUMBER}
    on_day(DEBIT_DAY - timedelta(days=1))
    assert charges() == []
    on_day(DEBIT_DAY)
    on_day(DEBIT_DAY)
    assert charges() == [(f"{NUMBER}/charge/1", "29.99", "sepa_debit")]


def test_the_announcements_of_a_run_wait_behind_the_lines_of_orders(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(collecting, "AT_ONCE", 1)
    for order in ("C-1", "C-2"):
        begun(order, [plan("29.99")], party=mandated(person()))
    collecting.on_due({"ids": [Invoice.objects.earliest("pk").pk]})
    collecting.on_due({"ids": list(Invoice.objects.values_list("pk", flat=True))})
    told = Timer.objects.filter(handler="notifications.send").order_by("pk")
    assert list(told.values_list("queue", "turn")) == [("messages", 0), ("bulk", 32_000)]


def test_what_was_paid_meanwhile_is_not_debited() -> None:
    party = mandated(person())
    begun("C-1", [plan("29.99")], party=party)
    on_day(DAY)
    PaymentAttempt.objects.create(
        key=f"{NUMBER}/charge/1", party_id=party, reference=NUMBER, amount="29.99",
        expires_at=business_now(),
    )  # fmt: skip
    settled()
    on_day(DEBIT_DAY)
    assert len(charges()) == 1


def test_another_mandate_is_announced_anew() -> None:
    party = mandated(person())
    begun("C-1", [plan("29.99")], party=party)
    on_day(DAY)
    SavedMethod.objects.update(mandate_reference="UMR9")
    on_day(DEBIT_DAY)
    assert charges() == []
    days = DebitNotice.objects.order_by("pk").values_list("debit_on", flat=True)
    assert list(days) == [DEBIT_DAY, DEBIT_DAY + timedelta(days=14)]


def test_a_mandate_that_has_ended_is_neither_announced_nor_debited() -> None:
    party = mandated(person())
    SavedMethod.objects.update(unusable_because="account_closed")
    begun("C-1", [plan("29.99")], party=party)
    on_day(DAY)
    assert (DebitNotice.objects.count(), charges()) == (0, [])


@pytest.mark.parametrize(
    ("kind", "for_bills", "expected"),
    [
        (MethodKind.SEPA_DEBIT, True, 2),
        (MethodKind.CARD, True, 2),
        (MethodKind.CARD, False, 0),
    ],
)
def test_a_firm_that_chose_a_method_for_its_bills_pays_with_it_when_they_are_due(
    kind: MethodKind, for_bills: bool, expected: int
) -> None:
    party = with_method(firm(), kind, for_bills=for_bills)
    begun("B-1", [plan("20.00")], party=party, segment="business")
    with business_time_fixed(at(APRIL)):
        run(APRIL)
    due = sorted(bill.due_on for bill in bills_of(party))
    for day in (DAY, APRIL, due[0] - timedelta(days=1)):
        on_day(day)
    assert charges() == []
    on_day(due[-1])
    assert [row[1:] for row in charges()] == [("24.00", str(kind))] * expected


def disputed(*, state: DisputeState, reinstated: bool = False, of: str = NUMBER) -> None:
    payment = PaymentAttempt.objects.get(reference=of)
    Dispute.objects.update_or_create(
        dispute_id="dp_1",
        defaults={
            "payment": payment,
            "amount": payment.amount,
            "reason": "general",
            "state": state,
            "opened_at": business_now(),
            "withdrawn_at": business_now(),
            "reinstated_at": business_now() if reinstated else None,
        },
    )
    for _ in range(2):
        on_dispute_moved({"dispute_id": "dp_1"})


def debited() -> int:
    party = mandated(person())
    begun("C-1", [plan("29.99")], party=party)
    on_day(DAY)
    on_day(DEBIT_DAY)
    return party


def test_money_that_the_bank_takes_back_opens_the_bill_and_winning_closes_it() -> None:
    party = debited()
    settled()
    assert open_on(party) == Money.of("0.00")
    disputed(state=DisputeState.OPEN)
    assert open_on(party) == Money.of("29.99")
    assert NUMBER in left_in_peace([NUMBER])
    assert ledger_differences() == ()
    disputed(state=DisputeState.WON, reinstated=True)
    assert open_on(party) == Money.of("0.00")
    assert ledger_differences() == ()


def test_a_dispute_that_is_heard_of_before_its_payment_leaves_the_bill_open() -> None:
    party = debited()
    PaymentAttempt.objects.update(state="settled")
    disputed(state=DisputeState.LOST)
    settled()
    assert open_on(party) == Money.of("29.99")
    assert ledger_differences() == ()


def test_a_lost_dispute_that_nobody_entered_is_found() -> None:
    debited()
    settled()
    Dispute.objects.create(
        dispute_id="dp_2", payment=PaymentAttempt.objects.get(), amount="29.99", reason="general",
        state=DisputeState.LOST, opened_at=business_now(), withdrawn_at=business_now(),
    )  # fmt: skip
    assert [each.what for each in ledger_differences()] == ["dispute/dp_2/withdrawn"]


def overdue(party: int, day: date) -> list[str]:
    account = BillingAccount.objects.get(party_id=party)
    return [bill.number for bill in overdue_bills(account, today=day)]


def test_nobody_is_reminded_of_what_will_be_debited_is_being_or_is_disputed() -> None:
    party = mandated(person())
    begun("C-1", [plan("29.99")], party=party)
    after = DAY + timedelta(days=1)
    assert overdue(party, after) == [NUMBER]
    on_day(DAY)
    assert overdue(party, after) == []
    on_day(DEBIT_DAY)
    PaymentAttempt.objects.update(state="processing")
    DebitNotice.objects.update(debit_on=DAY - timedelta(days=1))
    assert overdue(party, after) == []
    settled()
    disputed(state=DisputeState.OPEN)
    assert overdue(party, after) == []
    disputed(state=DisputeState.LOST)
    assert overdue(party, after) == [NUMBER]
    account = BillingAccount.objects.get(party_id=party)
    assert Timer.objects.filter(key=f"dunning-look:{account.pk}").exists()


def test_a_bill_whose_debit_came_to_nothing_is_looked_at_by_dunning() -> None:
    party = mandated(person())
    begun("C-1", [plan("29.99")], party=party)
    on_day(DAY)
    looks = Timer.objects.filter(handler="dunning-bills").order_by("due_at")
    late = DEBIT_DAY + timedelta(days=9)
    assert [each.due_at for each in looks][-1] == at(late, hour=10)


def test_a_firm_owes_no_recovery_costs_while_its_money_is_on_its_way() -> None:
    party = with_method(firm(), MethodKind.CARD)
    begun("B-1", [plan("20.00")], party=party, segment="business")
    with business_time_fixed(at(APRIL)):
        run(APRIL)
    due = sorted(bill.due_on for bill in bills_of(party))[-1]
    on_day(APRIL)
    on_day(due)
    with business_time_fixed(at(due + timedelta(days=1), hour=10)):
        dunning.look(BillingAccount.objects.get().pk)
        assert Compensation.objects.count() == 0
        PaymentAttempt.objects.update(state="declined", last_error="insufficient_funds")
        dunning.look(BillingAccount.objects.get().pk)
    assert Compensation.objects.count() == 2


def test_an_orders_payment_that_the_bank_has_taken_back_is_dunned_and_payable() -> None:
    party = person()
    promised("F-1", [handset()])
    bill_order(
        order_number="F-1", party_id=party, segment="consumer", charges={"g1": [handset()]},
        tax_rates=RATES,
    )  # fmt: skip
    PaymentAttempt.objects.create(
        key="F-1/pay/1", party_id=party, reference="F-1", amount="199.00", state="settled",
        expires_at=business_now(),
    )  # fmt: skip
    on_payment_settled({"key": "F-1/pay/1"})
    after = DAY + timedelta(days=1)
    disputed(state=DisputeState.OPEN, of="F-1")
    assert (open_on(party), overdue(party, after)) == (Money.of("199.00"), [])
    disputed(state=DisputeState.LOST, of="F-1")
    assert overdue(party, after) == [NUMBER]
    assert (
        collecting.pay_by_hand(party_id=party, number=NUMBER, label="Bill", back="https://a.test/")
        == f"{NUMBER}/pay/1"
    )


def test_a_debit_that_comes_for_a_bill_that_was_paid_meanwhile_goes_back_once() -> None:
    party = debited()
    account = locked_account(party_id=party, segment="consumer")
    ledger.enter_transfer(account, key="bank/1", reference=NUMBER, amount=Money.of("20.00"))
    settled()
    settled()
    refunds = PaymentEffect.objects.values_list("payment__key", "kind", "amount")
    assert [(*names, str(amount)) for *names, amount in refunds] == [
        (f"{NUMBER}/charge/1", "refund", "20.00")
    ]
    PaymentEffect.objects.update(state="done")
    on_payment_refunded({"key": f"{NUMBER}/charge/1", "sequence": 1, "amount": "20.00"})
    assert balance_of(account.pk) == Balance(Money.of("0.00"), Money.of("0.00"))


def looked(day: date) -> list[tuple[str, int]]:
    """Dunning on that day: each step so far, and how many days after the first debit it came."""
    with business_time_fixed(at(day)):
        dunning.look(BillingAccount.objects.get().pk)
    rows = DunningEntry.objects.order_by("pk")
    return [(row.step or row.kind, (row.on - DEBIT_DAY).days) for row in rows]


def test_who_had_his_bank_take_a_payment_back_is_reminded_and_not_charged_again() -> None:
    party = debited()
    with_method(party, MethodKind.CARD)
    settled()
    disputed(state=DisputeState.LOST)
    assert looked(DEBIT_DAY + timedelta(days=9))[1:] == [("retry-1", 9), ("reminder", 9)]
    collecting.collect(Invoice.objects.get(number=NUMBER).pk)
    assert len(charges()) == 1


LATE = DAY + timedelta(days=20)


def overdue_with_a_late_mandate(*, card: str = "") -> int:
    """Not paid on its day: a card was refused, or there was none. The mandate comes 20 days on."""
    party = person()
    if card:
        with_method(party, MethodKind.CARD)
    begun("C-1", [plan("29.99")], party=party)
    on_day(DAY)
    PaymentAttempt.objects.update(state="declined", last_error=card)
    for number in range(1, 19):
        looked_at(DAY + timedelta(days=number))
        PaymentAttempt.objects.update(state="declined", last_error=card)
    mandated(party)
    with business_time_fixed(at(LATE, hour=9)):
        on_method_chosen({"party_id": party, "saved_id": 0})
    (soon,) = Timer.objects.filter(handler="dunning-look")
    assert soon.clock == "machine"
    return party


def looked_at(day: date) -> list[str]:
    with business_time_fixed(at(day, hour=10)):
        dunning.look(BillingAccount.objects.get().pk)
    return [row.step or row.kind for row in DunningEntry.objects.order_by("pk")]


@pytest.mark.parametrize("card", ["", "insufficient_funds"])
def test_who_gives_a_mandate_for_what_is_overdue_is_told_of_the_debit_and_debited(
    card: str,
) -> None:
    party = overdue_with_a_late_mandate(card=card)
    before = looked_at(LATE)
    (notice,) = DebitNotice.objects.all()
    assert (notice.debit_on, str(notice.amount)) == (LATE + timedelta(days=14), "29.99")
    assert "restrict" in before
    tried = len(charges())
    for number in range(1, 15):
        assert looked_at(LATE + timedelta(days=number)) == before
    on_day(notice.debit_on)
    key, amount, kind = charges()[-1]
    assert (len(charges()), amount, kind) == (tried + 1, "29.99", "sepa_debit")
    PaymentAttempt.objects.filter(key=key).update(state="processing")
    assert looked_at(notice.debit_on + timedelta(days=3)) == before
    PaymentAttempt.objects.filter(key=key).update(state="settled")
    on_payment_settled({"key": key})
    assert looked_at(notice.debit_on + timedelta(days=4)) == [*before, "closed"]
    assert (open_on(party), ledger_differences()) == (Money.of("0.00"), ())


def test_a_debit_for_what_was_overdue_that_is_refused_lets_the_case_go_on() -> None:
    overdue_with_a_late_mandate()
    before = looked_at(LATE)
    day = DebitNotice.objects.get().debit_on
    on_day(day)
    PaymentAttempt.objects.update(state="declined", last_error="insufficient_funds")
    after = looked_at(day + timedelta(days=1))
    assert after == [*before, "retry-1", "retry-2", "retry-3", "suspend"]


def test_a_retry_never_debits_more_than_was_announced() -> None:
    party = mandated(person())
    begun("C-1", [plan("29.99")], party=party)
    account = locked_account(party_id=party, segment="consumer")
    ledger.enter_transfer(account, key="bank/1", reference=NUMBER, amount=Money.of("9.99"))
    on_day(DAY)
    assert str(DebitNotice.objects.get().amount) == "20.00"
    on_day(DEBIT_DAY)
    PaymentAttempt.objects.update(state="declined", last_error="insufficient_funds")
    ledger.enter_transfer_back(
        account, key="bank/back", reference=NUMBER, amount=Money.of("9.99"),
        kind=TransferKind.REVERSAL,
    )  # fmt: skip
    assert open_on(party) == Money.of("29.99")
    looked(DEBIT_DAY + timedelta(days=9))
    assert [row[1:] for row in charges()] == [("20.00", "sepa_debit")] * 2


def test_what_was_debited_as_announced_is_followed_by_no_other_debit() -> None:
    party = mandated(person())
    begun("C-1", [plan("29.99")], party=party)
    account = locked_account(party_id=party, segment="consumer")
    ledger.enter_transfer(account, key="bank/1", reference=NUMBER, amount=Money.of("9.99"))
    on_day(DAY)
    on_day(DEBIT_DAY)
    settled()
    ledger.enter_transfer_back(
        account, key="bank/back", reference=NUMBER, amount=Money.of("9.99"),
        kind=TransferKind.REVERSAL,
    )  # fmt: skip
    assert open_on(party) == Money.of("9.99")
    looked(DEBIT_DAY + timedelta(days=9))
    assert [row[1:] for row in charges()] == [("20.00", "sepa_debit")]


@pytest.mark.parametrize(
    ("phone", "email", "channel"),
    [("+33639980001", "", "sms"), ("+33639980001", "ada@example.test", "email"), ("", "", "")],
)
def test_a_debit_is_told_by_mail_else_by_sms_and_else_not_made(
    phone: str, email: str, channel: str
) -> None:
    party = mandated(person())
    Party.objects.filter(pk=party).update(phone=phone, email=email)
    begun("C-1", [plan("29.99")], party=party)
    on_day(DAY)
    on_day(DEBIT_DAY)
    told = [each.channel for each in Message.objects.filter(code="debit_coming")]
    assert (told, len(charges())) == ([channel] if channel else [], 1 if channel else 0)


def test_a_debit_that_is_told_by_letter_is_told_as_many_days_earlier_as_that_takes() -> None:
    party = mandated(person())
    Party.objects.filter(pk=party).update(email="")
    PartyAddress.objects.create(
        party_id=party, name="Camille", line1="3 rue Haute", postcode="75011", city="Paris"
    )
    begun("C-1", [plan("29.99")], party=party)
    on_day(DAY)
    told = Message.objects.get(code="debit_coming")
    assert (told.channel, told.to) == ("post", "Camille\n3 rue Haute\n75011 Paris")
    assert DebitNotice.objects.get().debit_on == DEBIT_DAY + timedelta(days=5)
    on_day(DEBIT_DAY)
    assert charges() == []
    on_day(DEBIT_DAY + timedelta(days=5))
    assert [row[1:] for row in charges()] == [("29.99", "sepa_debit")]


def test_a_debit_that_the_provider_calls_off_is_no_longer_on_its_way() -> None:
    debited()
    PaymentAttempt.objects.update(state="processing")
    (attempt,) = PaymentAttempt.objects.all()
    for _ in range(2):
        note_report(key=attempt.key, report=PaymentReport(Outcome.CANCELLED))
    attempt.refresh_from_db()
    assert attempt.state == "cancelled"
    assert coming_in(NUMBER) == ()
    assert OutboxEvent.objects.filter(name="PaymentCancelled").count() == 1


@pytest.mark.parametrize(("for_bills", "state"), [(True, "opening"), (False, "declined")])
def test_a_firms_removed_card_gives_way_only_to_one_that_it_chose_for_its_bills(
    for_bills: bool, state: str
) -> None:
    party = with_method(firm(), MethodKind.CARD)
    request_charge(key="F/charge/1", party_id=party, amount=Money.of(24), reference="F")
    SavedMethod.objects.update(removed_at=business_now(), method_id="pm_removed")
    with_method(party, MethodKind.CARD, for_bills=for_bills)
    row = PaymentAttempt.objects.get()
    row.method_id = "pm_removed"
    row.save()
    with suppress(Unknown):  # nobody answers here
        carry_out({"key": "F/charge/1"})
    row.refresh_from_db()
    assert row.state == state
