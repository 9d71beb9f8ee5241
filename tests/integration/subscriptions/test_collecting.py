"""Bills are collected on the day they are due: once, what is open, from those who pay by card."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from commerce.accounts.models import Party
from commerce.events.models import Timer
from commerce.kernel.clock import business_now, business_time_fixed, business_today, machine_now
from commerce.kernel.errors import Conflict, NotFound, RuleViolated
from commerce.kernel.money import Money
from commerce.payments.models import Dispute, PaymentAttempt, PaymentEffect, SavedMethod
from commerce.payments.ports import PayLine
from commerce.payments.selectors import coming_in
from commerce.payments.services import effects
from commerce.payments.services.checkout import request_payment
from orchestration.subscribers import on_payment_refunded, on_payment_settled
from subscriptions.accounts.services.accounts import locked_account
from subscriptions.collection.selectors import only_transferred
from subscriptions.collection.services import collecting
from subscriptions.collection.services.collecting import pay_by_hand
from subscriptions.contracts.services.change import ContractChange, apply_change
from subscriptions.domain.ledger import Balance
from subscriptions.domain.states import ChangeKind
from subscriptions.invoicing.selectors import bill_view, bills_of
from subscriptions.invoicing.services import issuing
from subscriptions.invoicing.services.one_off import bill_order
from subscriptions.ledger.selectors import Wanted, balance_of, transfers
from subscriptions.models import BillingAccount, Invoice, PayerAgreement, SubscriptionItem
from subscriptions.reconciling.audit import ledger_differences
from subscriptions.subscribers import on_payment_authorised
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
BACK = "https://shop.example.test/account/bills/"


@pytest.fixture(autouse=True)
def _on_the_day() -> Iterator[None]:
    with business_time_fixed(at(DAY)):
        yield


def with_card(party: int) -> int:
    SavedMethod.objects.create(
        party_id=party, customer_id="cus_1", method_id=f"pm_{party}", card_brand="visa",
        card_last4="4242", saved_at=business_now(), chosen_at=machine_now(),
    )  # fmt: skip
    return party


def collected() -> None:
    """What the pump does when the timers are due."""
    for timer in Timer.objects.filter(handler=collecting.TIMER).order_by("due_at"):
        collecting.on_due(timer.payload)


def issued(account: BillingAccount, kind: str, *, net: str, tax: str) -> None:
    draft = Invoice.objects.create(
        account=account, key=f"cycle:{Invoice.objects.count()}", kind=kind, basis="TTC",
        currency="EUR", drafted_on=DAY, net=Decimal(net), tax_total=Decimal(tax),
        gross=Decimal(net) + Decimal(tax),
    )  # fmt: skip
    issuing.issue([draft.pk], on=business_today())


def attempts() -> list[tuple[str, str, str, bool]]:
    rows = PaymentAttempt.objects.order_by("pk")
    return [(row.key, row.reference, str(row.amount), row.off_session) for row in rows]


def by_hand(party: int, number: str) -> str:
    return pay_by_hand(party_id=party, number=number, label="Facture", back=BACK)


def effects_of() -> list[tuple[str, str, str]]:
    rows = PaymentEffect.objects.select_related("payment").order_by("pk")
    return [(row.payment.key, row.kind, str(row.amount)) for row in rows]


def moved(key: str, state: str) -> None:
    PaymentAttempt.objects.filter(key=key).update(state=state)


def test_a_consumers_bill_is_charged_once_on_its_day_and_is_paid_by_that() -> None:
    party = with_card(person())
    begun("C-1", [plan("29.99")], party=party)
    (timer,) = Timer.objects.filter(handler=collecting.TIMER)
    assert (timer.due_at, timer.clock) == (at(DAY, hour=9), "business")
    collected()
    collected()
    assert attempts() == [("FA-2026-0000001/charge/1", "FA-2026-0000001", "29.99", True)]
    moved("FA-2026-0000001/charge/1", "settled")
    on_payment_settled({"key": "FA-2026-0000001/charge/1"})
    (bill,) = bills_of(party)
    assert (bill.open, bill.paid) == (Money.of("0.00"), Money.of("29.99"))
    collected()
    assert len(attempts()) == 1
    assert ledger_differences() == ()


def test_the_bills_of_a_run_have_one_timer_for_their_chunk() -> None:
    for number in range(3):
        begun(f"C-{number}", [plan("29.99")], party=with_card(person()))
    Timer.objects.all().delete()
    with business_time_fixed(at(date(2026, 4, 10), hour=3)):
        run(date(2026, 4, 10))
    (timer,) = Timer.objects.filter(handler=collecting.TIMER)
    assert timer.due_at == at(date(2026, 4, 10), hour=9)
    collected()
    assert [row[2] for row in attempts()] == ["29.99"] * 3


def test_a_business_and_who_has_no_card_are_not_charged() -> None:
    begun("B-1", [plan("20.00")], party=with_card(firm()), segment="business")
    begun("C-1", [plan("29.99")], party=person())
    with business_time_fixed(at(date(2026, 4, 10))):
        run(date(2026, 4, 10))
    collected()
    assert attempts() == []


def test_a_rest_that_no_card_can_be_charged_is_given_up() -> None:
    party = with_card(person())
    begun("C-1", [plan("0.49")], party=party)
    collected()
    collected()
    assert attempts() == []
    (row, *_) = transfers(Wanted(), limit=1)
    assert (row.kind, row.debit, row.credit, row.amount) == (
        "write_off", "loss", "receivable", Money.of("0.49"),
    )  # fmt: skip
    assert [each.open for each in bills_of(party)] == [Money.of("0.00")]
    assert ledger_differences() == ()


def test_a_credit_note_of_an_earlier_cycle_pays_first() -> None:
    party = with_card(person())
    account = BillingAccount.objects.create(
        party_id=party, segment="consumer", basis="TTC", opened_at=business_now()
    )
    issued(account, "credit_note", net="-10.00", tax="-2.00")
    issued(account, "recurring", net="25.00", tax="5.00")
    collected()
    assert [row[2] for row in attempts()] == ["18.00"]
    bill = next(each for each in bills_of(party) if each.kind == "recurring")
    assert (bill.open, bill.paid) == (Money.of("18.00"), Money.of("12.00"))
    of_bill = transfers(Wanted(named=bill.number), limit=9)
    assert [str(each.kind) for each in of_bill] == ["allocation", "invoice", "invoice"]


def test_credit_notes_that_are_used_up_cost_a_bill_no_query() -> None:
    def bill(account: BillingAccount) -> int:
        issued(account, "recurring", net="25.00", tax="5.00")
        return Invoice.objects.latest("pk").pk

    accounts = [locked_account(party_id=person(), segment="consumer") for _ in range(2)]
    for _ in range(2):
        issued(accounts[1], "credit_note", net="-10.00", tax="-2.00")
    collecting.collect(bill(accounts[1]))
    counted = []
    for account in accounts:
        asked_for = bill(account)
        with CaptureQueriesContext(connection) as asked:
            collecting.collect(asked_for)
        counted.append(len(asked))

    assert counted[0] == counted[1]
    opened = [each.open for each in bills_of(accounts[1].party_id) if each.kind == "recurring"]
    assert opened == [Money.of("30.00"), Money.of("6.00")]


def test_a_credit_note_pays_for_a_businesss_bill_on_the_day_of_its_issue() -> None:
    account = locked_account(party_id=with_card(firm()), segment="business")
    issued(account, "credit_note", net="-10.00", tax="-2.00")
    issued(account, "recurring", net="25.00", tax="5.00")
    due = {timer.due_at for timer in Timer.objects.filter(handler=collecting.TIMER)}
    assert due == {at(DAY, hour=9)}
    collected()
    assert attempts() == []
    bill = next(each for each in bills_of(account.party_id) if each.kind == "recurring")
    assert (bill.open, bill.paid) == (Money.of("18.00"), Money.of("12.00"))


def test_bills_that_firms_only_transfer_are_looked_at_by_three_queries_whatever_their_number() -> (
    None
):
    def looked_at(*bills: Invoice) -> list[str]:
        with CaptureQueriesContext(connection) as asked:
            collecting.on_due({"ids": [bill.pk for bill in bills]})
        return [query["sql"].split(maxsplit=1)[0] for query in asked]

    accounts = [locked_account(party_id=firm(), segment="business") for _ in range(4)]
    for account in accounts:
        issued(account, "recurring", net="25.00", tax="5.00")
    first, *others = Invoice.objects.order_by("pk")

    assert looked_at(first) == looked_at(first, *others) == ["SELECT"] * 3
    assert [(bill.open, bill.kind) for bill in bills_of(accounts[0].party_id)] == [
        (Money.of("30.00"), "recurring")
    ]


def test_of_firms_bills_those_are_collected_for_which_a_credit_or_a_method_for_bills_is_there() -> (
    None
):
    accounts = [locked_account(party_id=with_card(firm()), segment="business") for _ in range(4)]
    alone, credited, chosen, paid_by_another = accounts
    PayerAgreement.objects.create(
        account=paid_by_another, payer=chosen, state="agreed", from_on=DAY, asked_by="Ada",
        asked_at=business_now(), agreed_by="Bea", agreed_at=business_now(),
    )  # fmt: skip
    issued(credited, "credit_note", net="-10.00", tax="-2.00")
    for account in accounts:
        issued(account, "recurring", net="25.00", tax="5.00")
    bills = Invoice.objects.filter(kind="recurring")
    assert bills.get(account=paid_by_another).payer == chosen
    SavedMethod.objects.filter(party_id=chosen.party_id).update(for_bills=True)

    found = only_transferred(Invoice.objects.values_list("pk", flat=True))

    assert found == {bills.get(account=alone).pk}
    SavedMethod.objects.update(unusable_because="expired")
    found = only_transferred(Invoice.objects.values_list("pk", flat=True))
    assert found == {bill.pk for bill in bills.exclude(account=credited)}


def test_what_is_declined_stays_open_and_can_be_paid_by_hand() -> None:
    party = with_card(person())
    begun("C-1", [plan("29.99")], party=party)
    collected()
    number = "FA-2026-0000001"
    with pytest.raises(Conflict) as refused:
        by_hand(party, number)
    assert refused.value.code == "payment_under_way"
    moved(f"{number}/charge/1", "declined")
    key = by_hand(party, number)
    assert by_hand(party, number) == key == f"{number}/pay/2"
    assert attempts()[1] == (key, number, "29.99", False)
    moved(key, "authorised")
    with pytest.raises(Conflict):
        by_hand(party, number)
    on_payment_authorised({"key": key})
    on_payment_authorised({"key": key})
    (effect,) = PaymentEffect.objects.all()
    assert (effect.kind, effect.amount) == ("capture", Decimal("29.99"))
    moved(key, "settled")
    on_payment_settled({"key": key})
    on_payment_authorised({"key": key})
    assert PaymentEffect.objects.count() == 1
    with pytest.raises(RuleViolated) as over:
        by_hand(party, number)
    assert over.value.code == "nothing_to_pay"


def test_a_bill_that_was_paid_meanwhile_is_not_paid_twice() -> None:
    party = with_card(person())
    begun("C-1", [plan("29.99")], party=party)
    number = "FA-2026-0000001"
    key = by_hand(party, number)
    collected()
    moved(f"{number}/charge/1", "settled")
    on_payment_settled({"key": f"{number}/charge/1"})
    moved(key, "authorised")
    on_payment_authorised({"key": key})
    (effect,) = PaymentEffect.objects.all()
    assert (effect.payment.key, effect.kind) == (key, "cancel")


def test_two_pages_paid_at_once_take_the_money_once() -> None:
    party = with_card(person())
    begun("C-1", [plan("29.99")], party=party)
    number = "FA-2026-0000001"
    first = by_hand(party, number)
    second = f"{number}/pay/9"
    PaymentAttempt.objects.create(
        key=second, party_id=party, reference=number, amount=Decimal("29.99"), purpose="bill",
        state="authorised", expires_at=business_now(),
    )  # fmt: skip
    moved(first, "authorised")
    on_payment_authorised({"key": first})
    on_payment_authorised({"key": second})
    collected()
    assert effects_of() == [(first, "capture", "29.99"), (second, "cancel", "29.99")]
    assert [row[0] for row in attempts()] == [first, second]


def test_money_that_is_taken_but_not_entered_yet_is_not_taken_again() -> None:
    party = with_card(person())
    begun("C-1", [plan("29.99")], party=party)
    key = by_hand(party, "FA-2026-0000001")
    moved(key, "settled")
    collected()
    with pytest.raises(Conflict):
        by_hand(party, "FA-2026-0000001")
    assert [row[0] for row in attempts()] == [key]


def test_money_that_is_taken_while_it_is_looked_for_is_not_taken_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    party = with_card(person())
    begun("C-1", [plan("29.99")], party=party)
    number = "FA-2026-0000001"
    key = by_hand(party, number)
    moved(key, "authorised")
    on_payment_authorised({"key": key})

    def taken_just_before(reference: str) -> tuple[str, ...]:
        moved(key, "settled")
        return coming_in(reference)

    monkeypatch.setattr("subscriptions.ledger.selectors.coming_in", taken_just_before)
    collected()
    assert [row[0] for row in attempts()] == [key]


@pytest.mark.parametrize("charge", ["opening", "settled"])
def test_a_capture_that_was_refused_is_not_tried_again_once_the_bill_is_paid(charge: str) -> None:
    party = with_card(person())
    begun("C-1", [plan("29.99")], party=party)
    number = "FA-2026-0000001"
    key = by_hand(party, number)
    moved(key, "authorised")
    on_payment_authorised({"key": key})
    PaymentEffect.objects.update(state="refused")
    moved(key, "declined")
    collected()
    moved(f"{number}/charge/1", charge)
    with pytest.raises(Conflict) as paid:
        effects.try_again(effect_id=PaymentEffect.objects.get().pk)
    assert paid.value.code == "paid_otherwise"
    assert PaymentEffect.objects.get().state == "refused"
    moved(f"{number}/charge/1", "declined")
    effects.try_again(effect_id=PaymentEffect.objects.get().pk)
    assert PaymentEffect.objects.get().state == "requested"


def ended(party: int, contract: int, *, on: date, kind: ChangeKind = ChangeKind.WITHDRAW) -> None:
    """The contract ends; days from `on` on go back."""
    promised("C-2", [], group="change")
    apply_change(
        ContractChange(
            "C-2", "change", contract, kind, on=on, channel="web",
            ends=[item.pk for item in SubscriptionItem.objects.filter(subscription=contract)],
        )
    )  # fmt: skip


def test_what_a_withdrawal_gives_back_of_a_bill_goes_to_the_card_that_paid_it() -> None:
    party = with_card(person())
    contract = begun("C-1", [plan("31.00")], party=party)
    collected()
    key = "FA-2026-0000001/charge/1"
    moved(key, "settled")
    on_payment_settled({"key": key})
    Timer.objects.all().delete()
    with business_time_fixed(at(date(2026, 3, 20))):
        ended(party, contract, on=date(2026, 3, 20))
        collected()
        collected()
    assert effects_of() == [(key, "refund", "21.00")]
    on_payment_refunded({"key": key, "sequence": 1, "amount": "21.00"})
    note, bill = bills_of(party)
    assert (note.gross, bill.open) == (Money.of("-21.00"), Money.of("0.00"))
    account = BillingAccount.objects.get(party_id=party)
    assert balance_of(account.pk) == Balance(Money.of("0.00"), Money.of("0.00"))
    PaymentEffect.objects.update(state="done")
    assert ledger_differences() == ()


@pytest.mark.parametrize(
    ("outcome", "back", "open_"), [("settled", ["21.00"], "0.00"), ("declined", [], "10.00")]
)
def test_a_credit_note_waits_for_what_becomes_of_a_charge(
    outcome: str, back: list[str], open_: str
) -> None:
    party = with_card(person())
    contract = begun("C-1", [plan("31.00")], party=party)
    collected()
    key = "FA-2026-0000001/charge/1"
    moved(key, "opening")
    Timer.objects.all().delete()
    with business_time_fixed(at(date(2026, 3, 20))):
        ended(party, contract, on=date(2026, 3, 20))
        collected()
        assert effects_of() == []
        moved(key, outcome)
        if outcome == "settled":
            on_payment_settled({"key": key})
        (again,) = Timer.objects.filter(handler=collecting.TIMER, clock="machine")
        collecting.on_due(again.payload)
        collecting.on_due(again.payload)
    assert effects_of() == [(key, "refund", amount) for amount in back]
    _, bill = bills_of(party)
    assert bill.open == Money.of(open_)


def test_the_last_credit_note_takes_along_what_an_earlier_one_has_left() -> None:
    party = with_card(person())
    contract = begun("C-1", [plan("31.00")], party=party)
    collected()
    key = "FA-2026-0000001/charge/1"
    moved(key, "settled")
    on_payment_settled({"key": key})
    issued(BillingAccount.objects.get(), "credit_note", net="-4.00", tax="-1.00")
    collected()
    assert effects_of() == []
    with business_time_fixed(at(date(2026, 3, 20))):
        ended(party, contract, on=date(2026, 3, 20))
        collected()
    assert effects_of() == [(key, "refund", "5.00"), (key, "refund", "21.00")]


def test_what_a_credit_note_has_left_goes_back_if_the_contract_ends_without_another_bill() -> None:
    party = with_card(person())
    contract = begun("C-1", [plan("31.00")], party=party)
    collected()
    key = "FA-2026-0000001/charge/1"
    moved(key, "settled")
    on_payment_settled({"key": key})
    issued(BillingAccount.objects.get(), "credit_note", net="-4.00", tax="-1.00")
    collected()
    Timer.objects.all().delete()
    next_bill = date(2026, 4, 10)
    ended(party, contract, on=next_bill, kind=ChangeKind.TERMINATE)
    (timer,) = Timer.objects.filter(handler=collecting.TIMER)
    assert timer.due_at == at(next_bill, hour=9)
    with business_time_fixed(at(next_bill)):
        run(next_bill)
        collected()
    assert len(bills_of(party)) == 2
    assert effects_of() == [(key, "refund", "5.00")]


def test_a_credit_note_pays_for_what_is_open_before_anything_goes_back() -> None:
    party = with_card(person())
    contract = begun("C-1", [plan("31.00")], party=party)
    Timer.objects.all().delete()
    with business_time_fixed(at(date(2026, 3, 20))):
        ended(party, contract, on=date(2026, 3, 20))
        collected()
    assert effects_of() == []
    _, bill = bills_of(party)
    assert (bill.open, bill.paid) == (Money.of("10.00"), Money.of("21.00"))


def test_what_is_paid_with_its_order_or_by_transfer_has_no_page_of_its_own() -> None:
    party, business = person(), firm()
    begun("B-1", [plan("20.00")], party=business, segment="business")
    with business_time_fixed(at(date(2026, 4, 10))):
        run(date(2026, 4, 10))
    request_payment(
        key="F-1/pay/1", amount=Money.of("1.00"), party_id=party, reference="F-1",
        lines=(PayLine("Phone", Money.of("1.00")),),
        email="a@example.test", language="fr", success_url=BACK, cancel_url=BACK, purpose="order",
    )  # fmt: skip
    promised("F-1", [handset()])
    ordered = bill_order(
        order_number="F-1", party_id=party, segment="consumer",
        charges={"g1": [handset()]}, tax_rates=RATES,
    )  # fmt: skip
    transferred, *_ = bills_of(business)
    for who, number in ((party, ordered), (business, transferred.number)):
        with pytest.raises(NotFound):
            by_hand(who, number or "")
        assert not bill_view(who, number or "").collected
    assert [key for key, *_ in attempts()] == ["F-1/pay/1"]


def test_what_is_owed_for_an_order_that_was_not_paid_for_is_charged_like_a_months_bill() -> None:
    """The fee for leaving, the wear of what came back."""
    party = with_card(person())
    promised("F-2", [handset()])
    owed = bill_order(
        order_number="F-2", party_id=party, segment="consumer",
        charges={"g1": [handset()]}, tax_rates=RATES,
    )  # fmt: skip
    bill = bill_view(party, owed or "")
    (timer,) = Timer.objects.filter(handler=collecting.TIMER)
    assert timer.due_at == at(bill.summary.due_on, hour=9)
    assert (bill.collected, bill.summary.open) == (True, bill.summary.gross)
    assert by_hand(party, owed or "") == f"{owed}/pay/1"
    collected()
    assert attempts()[-1] == (
        f"{owed}/charge/1", owed, str(bill.summary.gross.amount), True,
    )  # fmt: skip


def test_nobody_pays_for_another_ones_bill() -> None:
    party = with_card(person())
    begun("C-1", [plan("29.99")], party=party)
    stranger = Party.objects.create(kind="person", segment="consumer", display_name="Eve")
    with pytest.raises(NotFound):
        by_hand(stranger.pk, "FA-2026-0000001")
    assert attempts() == []


def test_a_credit_note_pays_nothing_back_of_what_the_bank_has_taken_back() -> None:
    party = with_card(person())
    contract = begun("C-1", [plan("31.00")], party=party)
    collected()
    key = "FA-2026-0000001/charge/1"
    moved(key, "settled")
    on_payment_settled({"key": key})
    Dispute.objects.create(
        dispute_id="dp_1", payment=PaymentAttempt.objects.get(key=key), amount="31.00",
        reason="general", state="won", opened_at=business_now(), withdrawn_at=business_now(),
        reinstated_at=business_now(),
    )  # fmt: skip
    Timer.objects.all().delete()
    with business_time_fixed(at(date(2026, 3, 20))):
        ended(party, contract, on=date(2026, 3, 20))
        collected()
    assert effects_of() == []
    note, _ = bills_of(party)
    assert note.gross == Money.of("-21.00")


def test_a_credit_note_looks_once_a_day_what_becomes_of_a_debit() -> None:
    party = with_card(person())
    contract = begun("C-1", [plan("31.00")], party=party)
    collected()
    moved("FA-2026-0000001/charge/1", "processing")
    Timer.objects.all().delete()
    with business_time_fixed(at(date(2026, 3, 20))):
        ended(party, contract, on=date(2026, 3, 20))
        collected()
    looks = Timer.objects.filter(handler=collecting.TIMER).order_by("due_at")
    assert {look.clock for look in looks} == {"business"}
    assert at(date(2026, 3, 21), hour=9) in [look.due_at for look in looks]
