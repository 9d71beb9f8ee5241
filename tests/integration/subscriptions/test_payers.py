"""One party pays another's bills: each is made out to its buyer, and its money is the payer's."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction

from commerce.accounts import selectors as accounts
from commerce.accounts.identity import AccountContext, Actor
from commerce.accounts.kinds import ActorKind, Channel, Role
from commerce.accounts.models import Party
from commerce.events.models import OutboxEvent, Timer
from commerce.kernel.clock import business_now, business_time_fixed, machine_now
from commerce.kernel.errors import Forbidden, InvalidInput, NotFound, RuleViolated
from commerce.kernel.money import Money
from commerce.kernel.periods import Period
from commerce.notifications.models import Message
from commerce.payments.models import Dispute, PaymentAttempt, SavedMethod
from commerce.payments.ports import MethodKind
from subscriptions.accounts.payers import agreements_of
from subscriptions.accounts.services import payers
from subscriptions.bank.services.bank_file import take_in
from subscriptions.collection.deposits import deposit_wanted
from subscriptions.collection.payables import payables_of, payables_on
from subscriptions.collection.selectors import debits_of
from subscriptions.collection.services import collecting
from subscriptions.domain.payers import MOST_PAID
from subscriptions.domain.states import AgreementState, Side
from subscriptions.dunning.selectors import case_of, debtors, wanted_grade
from subscriptions.dunning.services import dunning, dunning_clock
from subscriptions.einvoicing.services import sales_reports
from subscriptions.invoicing.selectors import bill_view, bills_of
from subscriptions.invoicing.services.credit import credit_order
from subscriptions.invoicing.services.one_off import bill_order
from subscriptions.ledger.selectors import balance_of
from subscriptions.ledger.services import ledger
from subscriptions.models import (
    BillingAccount,
    BillRun,
    DunningCase,
    InstalmentPart,
    Invoice,
    PayerAgreement,
    Transfer,
)
from subscriptions.reconciling.audit import ledger_differences
from subscriptions.reconciling.leaks import billing_differences
from subscriptions.subscribers import on_dispute_moved
from tests.bank_files import Moved, bank_file
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
from tests.integration.subscriptions.test_instalments import bought, on_day

pytestmark = pytest.mark.django_db
AGREED = date(2026, 3, 20)
APRIL, MAY, JUNE = date(2026, 4, 10), date(2026, 5, 10), date(2026, 6, 10)
OPERATOR = AccountContext(Actor(ActorKind.USER, 1, "Odile"), None, Role.OPERATOR, Channel.WEB)


@contextmanager
def on(day: date, hour: int = 12) -> Iterator[None]:
    with business_time_fixed(at(day, hour)):
        yield


def acting(party: int, *, role: Role = Role.ADMINISTRATOR) -> AccountContext:
    return AccountContext(Actor(ActorKind.USER, 7, "Camille"), party, role, Channel.WEB)


def named(party: int, name: str) -> int:
    Party.objects.filter(pk=party).update(display_name=name)
    return party


def pays(payer: int, child: int, *, day: date = AGREED) -> int:
    """The payer asks, the child accepts."""
    with on(day):
        code = payers.ask(acting(payer), side=Side.PAYER)
        return payers.accept(acting(child), code=code)


def group() -> tuple[int, list[int], list[int]]:
    """A parent with three subsidiaries of 10, 20 and 30 EUR a month without tax, and their
    contracts; from 10 April on it pays for them."""
    children, lines = [], []
    with on(DAY):
        for place in (1, 2, 3):
            child = named(firm(), f"Subsidiary {place}")
            charge = [plan(f"{place}0.00")]
            lines.append(begun(f"C-{place}", charge, party=child, segment="business"))
            children.append(child)
        parent = named(firm(), "Parent")
    billed(DAY + timedelta(days=1))
    for child in children:
        pays(parent, child)
    return parent, children, lines


def billed(*days: date) -> None:
    for day in days:
        with on(day, 4):
            run(day)


def account(party: int) -> BillingAccount:
    return BillingAccount.objects.get(party=party)


def numbers(party: int) -> list[str]:
    return [bill.number for bill in bills_of(party)]


def owed(party: int) -> str:
    return f"{balance_of(account(party).pk).owed.amount:.2f}"


def differences(day: date) -> list[tuple[str, str]]:
    with on(day):
        found = [(each.kind, each.identity) for each in billing_differences(day)]
        return found + [("ledger", each.what) for each in ledger_differences()]


def test_each_child_has_its_own_bill_and_the_parent_owes_all_of_them() -> None:
    parent, children, _ = group()
    assert [owed(party) for party in (parent, *children)] == ["0.00", "12.00", "24.00", "36.00"]
    billed(APRIL)
    # What was issued before stays with whom it is made out to.
    assert [owed(party) for party in (parent, *children)] == ["72.00", "12.00", "24.00", "36.00"]
    assert [len(numbers(party)) for party in (parent, *children)] == [0, 2, 2, 2]
    for child, name in zip(children, ("Subsidiary 1", "Subsidiary 2", "Subsidiary 3"), strict=True):
        bill = bill_view(child, numbers(child)[0])
        assert bill.buyer is not None
        assert (bill.buyer.name, bill.payer) == (name, "Parent")
        assert (bill.means and bill.means.by, bill.transfer) == ("payer", None)
    controls = BillRun.objects.get(on=APRIL)
    assert (controls.state, controls.controls.get().deviations) == ("finished", [])
    # Revenue and tax are those of each bill, beside the claim on who pays.
    books = Transfer.objects.filter(invoice__issued_on=APRIL).values_list(
        "account__party", "debit", "credit", "amount"
    )
    assert sorted((party, debit, credit, str(sum_)) for party, debit, credit, sum_ in books) == [
        (parent, "receivable", "revenue", "10.00"),
        (parent, "receivable", "revenue", "20.00"),
        (parent, "receivable", "revenue", "30.00"),
        (parent, "receivable", "vat", "2.00"),
        (parent, "receivable", "vat", "4.00"),
        (parent, "receivable", "vat", "6.00"),
    ]
    assert differences(APRIL) == []


def test_the_statement_names_each_bill_of_the_day_and_one_transfer_pays_them_all() -> None:
    parent, children, _ = group()
    billed(APRIL)
    (statement,) = payables_of(parent)
    assert (statement.on, statement.gross, statement.open) == (
        APRIL, Money.of("72.00"), Money.of("72.00"),
    )  # fmt: skip
    assert [
        (each.name, each.own, [(bill.number, str(bill.gross.amount)) for bill in each.bills])
        for each in statement.accounts
    ] == [
        ("Subsidiary 1", False, [(numbers(children[0])[0], "12.00")]),
        ("Subsidiary 2", False, [(numbers(children[1])[0], "24.00")]),
        ("Subsidiary 3", False, [(numbers(children[2])[0], "36.00")]),
    ]
    assert payables_of(children[0]) == ()
    with pytest.raises(NotFound):
        payables_on(children[0], APRIL)
    with on(APRIL):
        file = bank_file(Moved("72.00", structured=statement.reference, ref="B1"))
        done = take_in(file, file="a.xml", by="Odile")
    assert (done.booked, done.waiting) == (1, 0)
    assert [owed(party) for party in (parent, *children)] == ["0.00", "12.00", "24.00", "36.00"]
    assert payables_on(parent, APRIL).open == Money.zero()
    assert differences(APRIL) == []


@pytest.mark.parametrize("written", ["{} merci", "Reglement {}"])
def test_the_statements_reference_is_found_in_the_text_of_a_transfer_too(written: str) -> None:
    parent, _, _ = group()
    billed(APRIL)
    reference = payables_on(parent, APRIL).reference
    with on(APRIL):
        moved = Moved("50.00", text=written.format(reference), ref="B1")
        assert take_in(bank_file(moved), file="a.xml", by="Odile").booked == 1
    # Too little pays for the bills that are due first, in the order of their numbers.
    (statement,) = payables_of(parent)
    assert [str(each.open.amount) for each in statement.accounts] == ["0.00", "0.00", "22.00"]


def test_a_mistyped_reference_pays_nothing_and_waits() -> None:
    parent, _, _ = group()
    billed(APRIL)
    reference = payables_on(parent, APRIL).reference
    wrong = f"{reference[:-1]}{(int(reference[-1]) + 1) % 10}"
    with on(APRIL):
        done = take_in(bank_file(Moved("72.00", structured=wrong)), file="a.xml", by="Odile")
    assert (done.booked, done.waiting, owed(parent)) == (0, 1, "72.00")


def test_one_leaves_on_its_bill_day_and_pays_itself_from_there() -> None:
    parent, children, _ = group()
    billed(APRIL)
    (agreed,) = agreements_of(children[0])
    with on(date(2026, 4, 21)):
        payers.end(acting(children[0]), agreement_id=agreed.id, reason="sold")
        (ending,) = agreements_of(children[0])
    assert (ending.from_on, ending.until_on) == (APRIL, MAY)
    billed(MAY)
    assert [owed(party) for party in (parent, *children)] == ["132.00", "24.00", "24.00", "36.00"]
    with on(MAY):
        assert agreements_of(children[0]) == ()
        assert [each.other for each in agreements_of(parent)] == ["Subsidiary 3", "Subsidiary 2"]
    told = OutboxEvent.objects.filter(name="PayerMoved", payload__state="ended")
    assert sorted((row.payload["party_id"], row.payload["until_on"]) for row in told) == sorted(
        [(parent, "2026-05-10"), (children[0], "2026-05-10")]
    )
    assert differences(MAY) == []


def test_what_a_child_ordered_and_transfers_is_the_parents_and_its_credit_note_too() -> None:
    parent, children, _ = group()
    with on(date(2026, 4, 15)):
        promised("F-9", [handset()], segment="business")
        given: dict[str, Any] = {
            "order_number": "F-9",
            "party_id": children[0],
            "segment": "business",
        }
        number = bill_order(**given, charges={"g1": [handset()]}, tax_rates=RATES)
        assert (owed(parent), owed(children[0])) == ("238.80", "12.00")
        # It has left by then: what was the parent's to pay goes back to it.
        PayerAgreement.objects.filter(account=account(children[0])).update(
            until_on=date(2026, 4, 16)
        )
    with on(date(2026, 4, 20)):
        note = credit_order(**given, group="g1")
    assert note is not None
    assert Invoice.objects.get(number=note).payer == account(parent)
    assert (owed(parent), owed(children[0])) == ("0.00", "12.00")
    assert number in numbers(children[0])
    assert ledger_differences() == ()


def test_what_a_credit_note_pays_for_a_member_of_the_household_is_no_money_that_came() -> None:
    parent, child = person(), person()
    pays(parent, child)
    ordered = date(2026, 4, 15)
    with on(ordered):
        promised("F-9", [handset()])
        order: dict[str, Any] = {"order_number": "F-9", "party_id": child, "segment": "consumer"}
        number = bill_order(**order, charges={"g1": [handset()]}, tax_rates=RATES)
        assert Invoice.objects.get(number=number).payer == account(parent)
        assert credit_order(**order, group="g1") is not None
    assert (owed(parent), owed(child)) == ("0.00", "0.00")
    sales, payments = sales_reports.books(Period(ordered, MAY))
    assert [row["net"] for row in sales] == ["0.00"]
    assert payments == []


def test_what_is_paid_with_its_order_stays_the_childs_own() -> None:
    parent, children, _ = group()
    with on(date(2026, 4, 15)):
        ledger.enter_payment(
            key="k", party_id=children[0], reference="F-9", amount=Money.of("238.80")
        )
        promised("F-9", [handset()], segment="business")
        number = bill_order(
            order_number="F-9",
            party_id=children[0],
            segment="business",
            charges={"g1": [handset()]},
            tax_rates=RATES,
        )
    bill = Invoice.objects.get(number=number)
    assert (bill.payer, str(bill.prepaid)) == (None, "238.80")
    assert (owed(parent), owed(children[0])) == ("0.00", "12.00")


def mandated(party: int) -> None:
    SavedMethod.objects.create(
        party_id=party, customer_id="cus_1", method_id=f"pm_{party}", kind=MethodKind.SEPA_DEBIT,
        card_last4="2606", bank_code="20041", mandate_id=f"mandate_{party}",
        mandate_reference="UMR1", for_bills=True, saved_at=business_now(), chosen_at=machine_now(),
    )  # fmt: skip


def collected(day: date) -> None:
    with on(day, 9):
        due = Timer.objects.filter(handler=collecting.TIMER, due_at__lte=at(day, 9))
        for timer in due.order_by("due_at"):
            collecting.on_due(timer.payload)


def test_the_parents_mandate_is_debited_and_the_parent_is_told_beforehand() -> None:
    parent, children, _ = group()
    with on(DAY):
        mandated(parent)
        mandated(children[0])
    billed(APRIL)
    collected(APRIL)
    assert [str(each.debit.amount.amount) for each in debits_of(parent)] == [
        "36.00", "24.00", "12.00",
    ]  # fmt: skip
    # He reads of them in one message, for the sum.
    told = Message.objects.get(code="debit_coming", party_id=parent)
    assert told.subject == "Prélèvement de 72,00 € le 10/05/2026"
    assert "seront prélevées le 10/05/2026, 72,00 € en tout" in told.text
    for child, amount in zip(children, ("12,00", "24,00", "36,00"), strict=True):
        assert f"- {numbers(child)[0]} : {amount} €" in told.text
    assert "/portal/payables/" in told.text
    # The bill of before is its own.
    (own,) = debits_of(children[0])
    assert own.number == numbers(children[0])[1]
    collected(date(2026, 5, 9))
    collected(date(2026, 5, 10))
    april = Invoice.objects.filter(issued_on=APRIL).values("number")
    tried = PaymentAttempt.objects.filter(reference__in=april)
    paid = tried.values_list("party_id", "method_id", "amount").order_by("amount")
    assert [(party, method, str(sum_)) for party, method, sum_ in paid] == [
        (parent, f"pm_{parent}", "12.00"),
        (parent, f"pm_{parent}", "24.00"),
        (parent, f"pm_{parent}", "36.00"),
    ]


def looked(until: date, *, since: date) -> None:
    handlers = {dunning_clock.BILLS: dunning.on_bills_due, dunning_clock.LOOK: dunning.on_look_due}
    day = since
    while day <= until:
        with on(day, 11):
            now = business_now()
            for _ in range(10):
                rows = Timer.objects.filter(handler__in=handlers)
                due = [row for row in rows if row.clock == "machine" or row.due_at <= now]
                if not due:
                    break
                for row in due:
                    row.delete()
                    handlers[row.handler](row.payload)
        day += timedelta(days=1)


def test_the_parent_is_dunned_and_the_lines_of_unpaid_bills_are_restricted_and_lifted() -> None:
    parent, children, lines = group()
    for child in children:
        first = numbers(child)[0]
        with on(DAY):
            ledger.enter_payment(
                key=f"k{child}", party_id=child, reference=first,
                amount=balance_of(account(child).pk).owed,
            )  # fmt: skip
    billed(APRIL)
    due = APRIL + timedelta(days=30)
    with on(due):
        ledger.enter_payment(
            key="p1", party_id=parent, reference=numbers(children[0])[0], amount=Money.of("12.00")
        )
    looked(due + timedelta(days=31), since=due + timedelta(days=1))
    case = case_of(parent)
    assert case is not None
    assert (case.owed, case.grade) == (Money.of("60.00"), "suspend")
    assert [case_of(child) for child in children] == [None, None, None]
    assert [wanted_grade(line) for line in lines] == [None, "suspend", "suspend"]
    lifted = due + timedelta(days=32)
    with on(lifted):
        ledger.enter_payment(
            key="p2", party_id=parent, reference=numbers(children[1])[0], amount=Money.of("24.00")
        )
    looked(lifted, since=lifted)
    assert [wanted_grade(line) for line in lines] == [None, None, "suspend"]
    with on(lifted + timedelta(days=1)):
        ledger.enter_payment(
            key="p3", party_id=parent, reference=numbers(children[2])[0], amount=Money.of("36.00")
        )
    looked(lifted + timedelta(days=1), since=lifted + timedelta(days=1))
    assert case_of(parent) is None
    assert [wanted_grade(line) for line in lines] == [None, None, None]
    told = OutboxEvent.objects.filter(name="DunningMoved").order_by("occurred_at", "pk")
    assert [(row.payload["party_id"], row.payload["grade"]) for row in told] == [
        (parent, "restrict"), (parent, "suspend"), (parent, "suspend"), (parent, ""),
    ]  # fmt: skip


def looked_and_unpaid(until: date) -> tuple[int, list[int], list[int]]:
    """The group, all of whose April bills the parent does not pay; its case as of that day."""
    parent, children, lines = group()
    for child in children:
        with on(DAY):
            ledger.enter_payment(
                key=f"k{child}", party_id=child, reference=numbers(child)[0],
                amount=balance_of(account(child).pk).owed,
            )  # fmt: skip
    billed(APRIL)
    looked(until, since=APRIL + timedelta(days=31))
    return parent, children, lines


def test_the_line_whose_bill_is_in_dispute_goes_on_until_that_is_decided() -> None:
    day = date(2026, 6, 12)
    parent, children, lines = looked_and_unpaid(day)
    number = numbers(children[0])[0]
    assert [wanted_grade(line) for line in lines] == ["suspend"] * 3
    with on(day):
        payment = PaymentAttempt.objects.create(
            key="p1", party_id=parent, reference=number, amount="12.00", state="settled",
            expires_at=business_now(),
        )  # fmt: skip
        ledger.enter_payment(key="p1", party_id=parent, reference=number, amount=Money.of("12.00"))
        Dispute.objects.create(
            dispute_id="dp_1", payment=payment, amount="12.00", reason="general", state="open",
            opened_at=business_now(), withdrawn_at=business_now(),
        )  # fmt: skip
        on_dispute_moved({"dispute_id": "dp_1"})
    looked(day + timedelta(days=1), since=day)
    with on(day + timedelta(days=1)):
        assert owed(parent) == "72.00"
        assert [wanted_grade(line) for line in lines] == [None, "suspend", "suspend"]
        Dispute.objects.update(state="lost")
        on_dispute_moved({"dispute_id": "dp_1"})
        assert [wanted_grade(line) for line in lines] == ["suspend"] * 3


def test_lines_stay_as_they_are_while_the_debit_of_their_late_bills_comes() -> None:
    """The parent gives a mandate when its children's lines are stopped already."""
    day = date(2026, 6, 12)
    parent, _, lines = looked_and_unpaid(day)
    with on(day):
        mandated(parent)
        dunning_clock.look_soon(account(parent))
    looked(day, since=day)
    with on(day):
        assert len(debits_of(parent)) == 3
        assert DunningCase.objects.get().closed_on is None
        assert [wanted_grade(line) for line in lines] == ["suspend"] * 3


def test_a_part_of_the_parents_own_phone_that_is_not_late_yet_restricts_no_line_of_its() -> None:
    parent, children, _ = group()
    with on(DAY):
        number = bought(parent, "79.60", "79.60", "79.60", segment="business")
    billed(APRIL)
    part_days = [row.due_on for row in InstalmentPart.objects.order_by("number")]
    assert part_days == [date(2026, 5, 10), date(2026, 6, 9)]
    for place, day in enumerate([DAY, part_days[0]]):
        on_day(day)
        with on(day):
            ledger.enter_payment(
                key=f"part-{place}", party_id=parent, reference=number, amount=Money.of("79.60")
            )
    looked(date(2026, 6, 8), since=date(2026, 5, 11))
    on_day(part_days[1])
    owing = sorted(account(child).pk for child in children)
    with on(part_days[1]):
        case = DunningCase.objects.get(account=account(parent))
        assert case.grade == "restrict"
        assert sorted(debtors(case)) == owing
    with on(part_days[1] + timedelta(days=1)):
        assert sorted(debtors(case)) == sorted([*owing, account(parent).pk])


def test_no_deposit_is_asked_of_a_parent_without_a_line_whose_end_would_settle_it() -> None:
    parent, children, _ = group()
    billed(APRIL)
    for party in (parent, children[0]):
        DunningCase.objects.create(
            account=account(party), opened_on=APRIL, closed_on=MAY, since=APRIL, owed=Decimal(0),
            grade="terminate",
        )  # fmt: skip
    assert deposit_wanted(children[0]) == Money.of("120.00")
    assert deposit_wanted(parent) == Money.zero()


def test_a_bill_with_its_right_payer_that_nothing_asks_for_is_found_in_the_morning() -> None:
    parent, children, _ = group()
    billed(APRIL)
    assert differences(APRIL) == []
    number = numbers(children[1])[0]
    pk = Invoice.objects.get(number=number).pk
    for timer in Timer.objects.filter(handler__in=[collecting.TIMER, dunning_clock.BILLS]):
        timer.payload["ids"] = [each for each in timer.payload["ids"] if each != pk]
        timer.save()
    assert differences(APRIL) == [("uncollected", number)]
    with on(APRIL):
        PaymentAttempt.objects.create(
            key="p", party_id=parent, reference=number, amount="24.00", state="processing",
            expires_at=business_now(),
        )  # fmt: skip
        assert differences(APRIL) == []
        PaymentAttempt.objects.update(state="declined")
        assert differences(APRIL) == [("uncollected", number)]
        take_in(bank_file(Moved("24.00", text=number, ref="B1")), file="a.xml", by="Odile")
    assert differences(APRIL) == []


def test_what_is_late_is_asked_for_by_a_case_or_a_look_that_is_to_come() -> None:
    day = date(2026, 6, 12)
    looked_and_unpaid(day)
    for timers in (collecting.TIMER, dunning_clock.BILLS, dunning_clock.LOOK):
        Timer.objects.filter(handler=timers).delete()
        assert "uncollected" not in dict(differences(day))
    DunningCase.objects.update(closed_on=day)
    lost = [kind for kind, _ in differences(day) if kind == "uncollected"]
    assert lost == ["uncollected"] * 3


def test_a_bill_of_a_child_that_nobody_collects_is_found_in_the_morning() -> None:
    _, children, _ = group()
    PayerAgreement.objects.filter(account=account(children[0])).update(state="withdrawn")
    billed(APRIL)
    assert differences(APRIL) == []
    PayerAgreement.objects.filter(account=account(children[0])).update(state="agreed")
    assert differences(APRIL) == [("payer", numbers(children[0])[0])]


# --- who may, and what is refused ---


def refused(code: str, payer: int, child: int) -> None:
    before = PayerAgreement.objects.filter(state=AgreementState.AGREED).count()
    told = OutboxEvent.objects.filter(name="PayerMoved").count()
    with pytest.raises(RuleViolated) as refusal, transaction.atomic():
        pays(payer, child)
    assert refusal.value.code == code
    assert PayerAgreement.objects.filter(state=AgreementState.AGREED).count() == before
    assert OutboxEvent.objects.filter(name="PayerMoved").count() == told


def test_a_parent_has_no_parent_and_a_child_has_one() -> None:
    parent, children, _ = group()
    other, fourth = firm(), firm()
    refused("has_payer", other, children[0])
    refused("paid_is_payer", other, parent)
    refused("payer_is_paid", children[0], fourth)
    refused("payer_is_itself", fourth, fourth)
    refused("payer_of_other_kind", parent, person())


def test_who_is_paid_for_until_a_later_bill_day_pays_for_nobody_before_it() -> None:
    """The payer's own bill day is the 20th, that of who is to be paid for the 10th."""
    third, payer, child = firm(), firm(), firm()
    with on(DAY):
        begun("C-1", [plan("10.00")], party=child, segment="business")
    begins = date(2026, 3, 20)
    with on(begins):
        begun("P-1", [plan("10.00")], party=payer, segment="business", on=begins)
    pays(third, payer, day=date(2026, 3, 25))
    (agreed,) = agreements_of(payer)
    with on(date(2026, 4, 21)):
        payers.end(acting(third), agreement_id=agreed.id)
    asked = date(2026, 4, 22)
    assert PayerAgreement.objects.get().until_on == date(2026, 5, 20)
    with pytest.raises(RuleViolated) as refusal, transaction.atomic():
        pays(payer, child, day=asked)
    assert refusal.value.code == "payer_is_paid"
    assert PayerAgreement.objects.filter(payer=account(payer)).count() == 0
    # From a bill day after the other's last one on.
    pays(payer, child, day=date(2026, 5, 12))
    assert PayerAgreement.objects.get(payer=account(payer)).from_on == JUNE


def test_one_account_pays_for_so_many_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    assert MOST_PAID == 100
    parent, _, _ = group()
    monkeypatch.setattr("subscriptions.domain.payers.MOST_PAID", 3)
    refused("pays_for_most", parent, firm())


def test_a_code_is_good_for_one_acceptance_and_for_two_weeks() -> None:
    parent, child, other = firm(), firm(), firm()
    with on(DAY):
        code = payers.ask(acting(child), side=Side.PAID)
        late = payers.ask(acting(child), side=Side.PAID)
        agreement = payers.accept(acting(parent), code=code)
        (view,) = agreements_of(parent)
        assert (view.id, view.side, view.state) == (agreement, Side.PAYER, AgreementState.AGREED)
        with pytest.raises(NotFound):
            payers.accept(acting(other), code=code)
    with on(DAY + timedelta(days=14)), pytest.raises(NotFound) as unknown:
        payers.accept(acting(other), code=late)
    assert unknown.value.code == "unknown_payer_code"
    assert PayerAgreement.objects.filter(state=AgreementState.AGREED).count() == 1


@pytest.mark.parametrize("role", [Role.BUYER, Role.APPROVER, Role.VIEWER])
def test_only_administrators_of_a_firm_say_who_pays(role: Role) -> None:
    parent, children, _ = group()
    (agreed,) = agreements_of(children[0])
    with on(AGREED):
        for act in (
            lambda: payers.ask(acting(parent, role=role), side=Side.PAYER),
            lambda: payers.accept(acting(parent, role=role), code="x"),
            lambda: payers.end(acting(children[0], role=role), agreement_id=agreed.id),
        ):
            with pytest.raises(Forbidden):
                act()
    assert PayerAgreement.objects.filter(state="agreed", until_on=None).count() == 3


def test_nobody_ends_what_is_others_and_a_sibling_sees_nothing_of_it() -> None:
    _, children, _ = group()
    (agreed,) = agreements_of(children[0])
    with on(AGREED), pytest.raises(NotFound):
        payers.end(acting(children[1]), agreement_id=agreed.id)
    assert [each.other for each in agreements_of(children[1])] == ["Parent"]
    assert PayerAgreement.objects.get(pk=agreed.id).until_on is None


def written() -> list[tuple[int | None, str, str]]:
    rows = Message.objects.filter(code__startswith="payer_").order_by("pk")
    return [(row.party_id, row.code, row.subject) for row in rows]


def test_both_sides_are_written_to_when_it_is_agreed_and_when_it_ends() -> None:
    parent, child = named(firm(), "Parent"), named(firm(), "Subsidiary")
    agreement = pays(parent, child)
    assert written() == [
        (child, "payer_agreed", "Parent paie vos factures"),
        (parent, "payer_agreed", "Vous payez les factures de Subsidiary"),
    ]
    text = Message.objects.get(party_id=child).text
    assert "établies à partir du 21/03/2026" in text
    assert "/portal/payables/" in text
    with on(AGREED + timedelta(days=5)):
        for _ in range(2):
            payers.end(acting(child), agreement_id=agreement)
    assert written()[2:] == [
        (child, "payer_ended", "Parent ne paie plus vos factures"),
        (parent, "payer_ended", "Vous ne payez plus les factures de Subsidiary"),
    ]


@pytest.mark.parametrize(
    ("side", "said"),
    [(Side.PAYER, "que vous payiez ses factures"), (Side.PAID, "de payer vos factures")],
)
def test_who_asked_is_told_that_it_was_refused_and_not_by_whom(side: Side, said: str) -> None:
    asker, other = named(firm(), "Asker"), named(firm(), "Other")
    with on(AGREED):
        code = payers.ask(acting(asker), side=side)
        payers.refuse(acting(other), code=code)
        for again in (payers.refuse, payers.accept):
            with pytest.raises(NotFound):
                again(acting(other), code=code)
        assert agreements_of(asker) == ()
    (told,) = Message.objects.all()
    assert (told.party_id, told.code) == (asker, "payer_refused")
    assert said in told.text
    assert "Other" not in told.text + told.subject
    assert PayerAgreement.objects.get().state == AgreementState.WITHDRAWN
    assert OutboxEvent.objects.filter(name="PayerMoved").count() == 0


def test_a_viewer_refuses_nothing() -> None:
    asker, other = firm(), firm()
    with on(AGREED):
        code = payers.ask(acting(asker), side=Side.PAYER)
        with pytest.raises(Forbidden):
            payers.refuse(acting(other, role=Role.VIEWER), code=code)
    assert PayerAgreement.objects.get().state == AgreementState.ASKED
    assert Message.objects.count() == 0


def test_an_operator_sets_a_payer_with_a_reason_and_both_sides_read_it() -> None:
    parent, child = named(firm(), "Parent"), named(firm(), "Subsidiary")
    with on(AGREED):
        with pytest.raises(InvalidInput):
            payers.set_payer(OPERATOR, party_id=child, payer_party_id=parent, reason=" ")
        with pytest.raises(Forbidden):
            payers.set_payer(
                acting(parent), party_id=child, payer_party_id=parent, reason="by letter"
            )
        assert PayerAgreement.objects.count() == 0
        payers.set_payer(OPERATOR, party_id=child, payer_party_id=parent, reason="by letter")
        for party, other in ((parent, "Subsidiary"), (child, "Parent")):
            (line,) = accounts.timeline(party)
            assert (line.code, line.values["other"], line.values["note"]) == (
                "payer_agreed", other, "by letter",
            )  # fmt: skip


def test_the_command_sets_a_payer_and_ends_it_and_says_what_is_refused() -> None:
    parent, child = named(firm(), "Parent"), named(firm(), "Subsidiary")
    told: dict[str, Any] = {"party": child, "reason": "by letter", "by": "Odile"}
    said = StringIO()
    with on(AGREED):
        with pytest.raises(CommandError, match="payer_is_itself"):
            call_command("set_payer", payer=child, **told)
        with pytest.raises(CommandError, match="Nobody pays"):
            call_command("set_payer", **told)
        assert PayerAgreement.objects.count() == 0
        call_command("set_payer", payer=parent, stdout=said, **told)
        call_command("set_payer", stdout=said, **told)
    assert said.getvalue().splitlines() == [
        f"{PayerAgreement.objects.get().pk} paid Parent from 2026-03-21 until {until}"
        for until in ("it is ended", "2026-03-21")
    ]


def test_the_database_refuses_two_payers_of_one_day() -> None:
    parent, children, _ = group()
    with pytest.raises(IntegrityError), transaction.atomic():
        PayerAgreement.objects.create(
            account=account(children[0]), payer=account(parent), state="agreed",
            from_on=JUNE, asked_by="x", asked_at=business_now(),
        )  # fmt: skip
    assert PayerAgreement.objects.count() == 3


def test_an_issued_bill_never_gets_another_payer() -> None:
    parent, children, _ = group()
    billed(APRIL)
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE subscriptions_invoice SET payer_id = NULL WHERE number = %s",
            [numbers(children[0])[0]],
        )
    assert owed(parent) == "72.00"
