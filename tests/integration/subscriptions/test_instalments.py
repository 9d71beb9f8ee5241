"""A bill that is paid in parts: put off, due with the bills, collected, overdue, credited."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from commerce.accounts.models import Party, PartyAddress
from commerce.events.models import Timer
from commerce.kernel.clock import PARIS, business_now, business_time_fixed
from commerce.kernel.errors import Conflict, NotFound, RuleViolated
from commerce.kernel.money import Money
from commerce.markets.pack import AtEnd
from commerce.notifications.models import Message
from commerce.payments.models import PaymentAttempt, PaymentEffect
from commerce.payments.ports import MethodKind
from frontend.account.invoice_pdf import page_of
from orchestration.subscribers import on_payment_refunded, on_payment_settled
from subscriptions.collection.instalments import (
    conduct_of,
    is_paying_in_parts,
    left_at_end,
    parts_beside,
    plan_of,
    plan_of_bill,
    plans_of,
)
from subscriptions.collection.selectors import debits_of
from subscriptions.collection.services import collecting, instalments
from subscriptions.dunning.interest import late_bill
from subscriptions.dunning.selectors import overdue_bills
from subscriptions.dunning.services import dunning
from subscriptions.invoicing.facturx import xml_of
from subscriptions.invoicing.selectors import bill_view, bills_of, document_of
from subscriptions.invoicing.services.credit import credit_order
from subscriptions.invoicing.services.one_off import bill_order
from subscriptions.ledger.selectors import balance_of, is_collected, paid_in_money
from subscriptions.models import (
    BillingAccount,
    DebitNotice,
    DunningCase,
    DunningEntry,
    InstalmentPart,
    Invoice,
    Subscription,
    SubscriptionChange,
    Transfer,
)
from subscriptions.reconciling.audit import instalment_differences, ledger_differences
from subscriptions.subscribers import on_contract_changed, on_payment_authorised
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
    sql,
)
from tests.integration.subscriptions.test_debits import with_method
from tests.integration.subscriptions.test_interest import asked, lived, timers_due

pytestmark = pytest.mark.django_db
ORDER = "F-1"
BACK = "https://shop.example.test/account/bills/"
APRIL, MAY, JUNE = date(2026, 4, 10), date(2026, 5, 10), date(2026, 6, 10)


@pytest.fixture(autouse=True)
def _on_the_day() -> Iterator[None]:
    with business_time_fixed(at(DAY)):
        yield


def euros(*amounts: str) -> list[Money]:
    return [Money.of(amount) for amount in amounts]


def attempt(party: int, key: str, amount: str, *, reference: str = ORDER) -> None:
    PaymentAttempt.objects.create(
        key=key, party_id=party, reference=reference, amount=Decimal(amount), state="settled",
        expires_at=business_now(), success_url=BACK, cancel_url=BACK,
    )  # fmt: skip
    on_payment_settled({"key": key})


def bought(party: int, *parts: str, segment: str = "consumer", longest: int | None = None) -> str:
    """A handset of 199.00 whose first part is paid with the order; the number of its bill."""
    promised(ORDER, [handset()], segment=segment)
    amounts = euros(*(parts or ("49.75", "49.75", "49.75", "49.75")))
    later = sum(amounts[1:], Money.zero())
    instalments.agree(
        order_number=ORDER,
        party_id=party,
        amounts=amounts,
        lines={"handset-1": later},
        longest_days=longest,
    )
    if segment == "consumer":
        attempt(party, f"{ORDER}/pay/1", str(amounts[0].amount))
    number = bill_order(
        order_number=ORDER,
        party_id=party,
        segment=segment,
        charges={"g1": [handset()]},
        tax_rates=RATES,
        names={"handset-1": {"fr": "Téléphone", "en": "Phone"}},
    )
    assert number is not None
    return number


def on_day(day: date) -> None:
    """What the pump does on that day at nine."""
    handlers = {
        instalments.TIMER: instalments.on_due,
        instalments.NOTICE_TIMER: instalments.on_notice_due,
        collecting.TIMER: collecting.on_due,
    }
    with business_time_fixed(at(day, hour=9)):
        due = Timer.objects.filter(handler__in=handlers, due_at__lte=at(day, hour=9))
        for timer in due.order_by("due_at", "pk"):
            handlers[timer.handler](timer.payload)


def charged() -> list[tuple[str, str]]:
    rows = PaymentAttempt.objects.filter(off_session=True).order_by("pk")
    return [(row.key, str(row.amount)) for row in rows]


def settled(key: str) -> None:
    PaymentAttempt.objects.filter(key=key).update(state="settled")
    on_payment_settled({"key": key})


def parts(day: date = DAY) -> list[tuple[int, str, str, str]]:
    with business_time_fixed(at(day)):
        found = plan_of(ORDER)
    assert found is not None
    return [
        (each.part.number, str(each.part.due_on), str(each.state), f"{each.left.amount:.2f}")
        for each in found.later
    ]


def rows(number: str) -> list[tuple[str, str, str, str]]:
    found = Transfer.objects.filter(invoice__number=number).order_by("pk")
    return [(row.kind, row.debit, row.credit, str(row.amount)) for row in found]


def all_is_well() -> bool:
    return ledger_differences() == () and instalment_differences() == ()


def effects_of() -> list[tuple[str, str, str]]:
    rows = PaymentEffect.objects.select_related("payment").order_by("pk")
    return [(row.payment.key, row.kind, str(row.amount)) for row in rows]


def test_the_bill_is_one_and_its_later_parts_are_put_off() -> None:
    party = person()
    number = bought(party)
    assert rows(number) == [
        ("invoice", "receivable", "revenue", "165.83"),
        ("invoice", "receivable", "vat", "33.17"),
        ("allocation", "unapplied", "receivable", "49.75"),
        ("instalment", "deferred", "receivable", "149.25"),
    ]
    (bill,) = bills_of(party)
    assert (bill.gross, bill.open, bill.prepaid) == tuple(euros("199.00", "0.00", "49.75"))
    assert parts() == [
        (2, "2026-04-10", "coming", "49.75"),
        (3, "2026-05-10", "coming", "49.75"),
        (4, "2026-06-10", "coming", "49.75"),
    ]
    assert [(t.due_at, t.clock) for t in Timer.objects.filter(handler=instalments.TIMER)] == [
        (at(day, hour=9), "business") for day in (APRIL, MAY, JUNE)
    ]
    assert document_of(party, number) is not None
    assert all_is_well()


def test_each_part_is_charged_once_on_its_day_beside_the_bill_of_the_month() -> None:
    party = with_method(person(), MethodKind.CARD)
    begun("C-1", [plan("29.99")], party=party)
    settled_bills = [f"{bills_of(party)[0].number}/charge/1"]
    number = bought(party)
    on_day(DAY)
    settled(settled_bills[0])
    for day, part in ((APRIL, 2), (MAY, 3), (JUNE, 4)):
        with business_time_fixed(at(day, hour=3)):
            run(day)
        on_day(day)
        on_day(day)
        with business_time_fixed(at(day)):
            settled(f"{number}/part-{part}/charge/1")
            monthly = bills_of(party)[0].number
            settled(f"{monthly}/charge/1")
            assert [
                (each.number, each.parts, each.amount, each.left)
                for each in parts_beside(party, monthly).with_it
            ] == [(part, 4, Money.of("49.75"), Money.of("0.00"))]
    assert [row for row in charged() if row[0].startswith(number)] == [
        (f"{number}/part-{part}/charge/1", "49.75") for part in (2, 3, 4)
    ]
    assert len(charged()) == 7
    assert [row[2:] for row in parts(JUNE)] == [("paid", "0.00")] * 3
    assert [bill.open for bill in bills_of(party)] == [Money.of("0.00")] * 5
    assert all(not view.is_open for view in plans_of(party))
    assert all_is_well()


def test_a_part_that_is_not_paid_is_overdue_since_its_own_day() -> None:
    party = person()
    number = bought(party)
    account = BillingAccount.objects.get(party_id=party)
    assert overdue_bills(account, today=date(2026, 4, 30)) == ()
    on_day(APRIL)
    assert overdue_bills(account, today=APRIL) == ()
    on_day(MAY)
    found = [
        [(bill.due_on, bill.open) for bill in overdue_bills(account, today=day)]
        for day in (MAY, date(2026, 5, 11))
    ]
    assert found == [[(APRIL, Money.of("49.75"))], [(APRIL, Money.of("99.50"))]]
    with business_time_fixed(at(date(2026, 5, 11))):
        assert conduct_of(party).overdue
        attempt(party, f"{number}/pay/9", "49.75", reference=number)
        assert [
            (bill.due_on, bill.open) for bill in overdue_bills(account, today=date(2026, 5, 11))
        ] == [(MAY, Money.of("49.75"))]
    assert [row[2:] for row in parts(date(2026, 5, 11))] == [
        ("paid", "0.00"), ("overdue", "49.75"), ("coming", "49.75"),
    ]  # fmt: skip
    assert all_is_well()


def test_a_part_is_paid_by_hand_once_it_is_due_and_not_before() -> None:
    party = person()
    number = bought(party)
    with pytest.raises(NotFound):
        collecting.pay_by_hand(party_id=party, number=number, label="Facture", back=BACK)
    on_day(APRIL)
    assert is_collected(Invoice.objects.get(number=number))
    with business_time_fixed(at(APRIL)):
        key = collecting.pay_by_hand(party_id=party, number=number, label="Facture", back=BACK)
    assert PaymentAttempt.objects.get(key=key).amount == Decimal("49.75")


def test_all_that_is_left_is_paid_off_at_once_and_no_part_falls_due_later() -> None:
    party = with_method(person(), MethodKind.CARD)
    number = bought(party)
    key = instalments.pay_off(party_id=party, number=number, label="Solde", back=BACK)
    assert instalments.pay_off(party_id=party, number=number, label="Solde", back=BACK) == key
    assert str(PaymentAttempt.objects.get(key=key).amount) == "149.25"
    assert [row[2] for row in parts()] == ["coming"] * 3
    PaymentAttempt.objects.filter(key=key).update(state="authorised")
    with pytest.raises(Conflict):
        instalments.pay_off(party_id=party, number=number, label="Solde", back=BACK)
    on_payment_authorised({"key": key})
    assert effects_of() == [(key, "capture", "149.25")]
    settled(key)
    settled(key)
    assert parts() == [
        (2, "2026-04-10", "ended", "0.00"),
        (3, "2026-05-10", "ended", "0.00"),
        (4, "2026-06-10", "ended", "0.00"),
    ]
    on_day(JUNE)
    assert charged() == []
    assert bill_view(party, number).summary.open == Money.of("0.00")
    with pytest.raises(RuleViolated):
        instalments.pay_off(party_id=party, number=number, label="Solde", back=BACK)
    with pytest.raises(NotFound):
        instalments.pay_off(party_id=person(), number=number, label="Solde", back=BACK)
    assert all_is_well()


def test_what_comes_back_before_a_later_part_ends_all_of_them() -> None:
    party = person()
    bought(party)
    number = credit_order(order_number=ORDER, group="g1", party_id=party, segment="consumer")
    again = credit_order(order_number=ORDER, group="g1", party_id=party, segment="consumer")
    assert number == again
    assert [row[2:] for row in parts()] == [("ended", "0.00")] * 3
    assert effects_of() == []  # The first part goes back with the order.
    PaymentEffect.objects.create(
        payment=PaymentAttempt.objects.get(), kind="refund", sequence=1, state="done",
        amount=Decimal("49.75"),
    )  # fmt: skip
    on_payment_refunded({"key": f"{ORDER}/pay/1", "sequence": 1, "amount": "49.75"})
    on_day(JUNE)
    assert [bill.open for bill in bills_of(party)] == [Money.of("0.00")] * 2
    assert Transfer.objects.filter(debit="unapplied").count() == 3
    assert all(not view.is_open for view in plans_of(party))
    assert all_is_well()


def test_what_a_firm_gives_back_before_it_paid_anything_leaves_nothing_to_pay() -> None:
    """Its first part is on the bill, and open as well."""
    party = firm()
    number = bought(party, "119.40", "119.40", segment="business", longest=60)
    credit_order(order_number=ORDER, group="g1", party_id=party, segment="business")
    assert parts() == [(2, "2026-05-09", "ended", "0.00")]
    balance = balance_of(BillingAccount.objects.get().pk)
    assert (balance.owed, balance.unapplied) == (Money.zero(), Money.zero())
    on_day(date(2026, 5, 9))
    assert {bill.number: bill.open for bill in bills_of(party)}[number] == Money.zero()
    assert all_is_well()


def test_a_firm_that_gives_one_of_two_back_owes_the_parts_of_the_other() -> None:
    party = firm()
    handsets = [handset("100.00"), handset("100.00", line="handset-2")]
    promised(ORDER, handsets, segment="business")
    half = Money.of("60.00")
    instalments.agree(
        order_number=ORDER,
        party_id=party,
        amounts=[half * 2, half * 2],
        lines={"handset-1": half, "handset-2": half},
        longest_days=60,
    )
    order = {"order_number": ORDER, "party_id": party, "segment": "business"}
    bill_order(**order, charges={"g1": handsets}, tax_rates=RATES)  # type: ignore[arg-type]
    credit_order(**order, group="g1", items=frozenset({"handset-2"}))  # type: ignore[arg-type]
    (bill,) = [each for each in bills_of(party) if each.kind == "order"]
    # 120.00 of 240.00 are credited, now and later.
    assert bill.open + bill.deferred == Money.of("120.00")
    assert balance_of(BillingAccount.objects.get().pk).unapplied == Money.zero()
    assert all_is_well()


def test_what_comes_back_later_gives_the_paid_parts_back_to_their_cards() -> None:
    party = with_method(person(), MethodKind.CARD)
    number = bought(party)
    on_day(APRIL)
    settled(f"{number}/part-2/charge/1")
    on_day(MAY)  # Charged and declined: it is open.
    PaymentAttempt.objects.filter(key=f"{number}/part-3/charge/1").update(state="declined")
    with business_time_fixed(at(MAY)):
        credit_order(order_number=ORDER, group="g1", party_id=party, segment="consumer")
    assert effects_of() == [(f"{number}/part-2/charge/1", "refund", "49.75")]
    assert [row[2:] for row in parts(MAY)] == [
        ("paid", "0.00"),
        ("paid", "0.00"),
        ("ended", "0.00"),
    ]
    # Of the bill stands what the first part paid; what the note paid instead is no money.
    assert paid_in_money(Invoice.objects.get(number=number)) == Money.of("49.75")
    on_day(JUNE)
    assert len(charged()) == 2
    assert instalment_differences() == ()


def test_a_firm_transfers_the_first_part_on_its_bill_and_the_last_within_sixty_days() -> None:
    party = firm()
    number = bought(party, "119.40", "119.40", segment="business", longest=60)
    (bill,) = bills_of(party)
    assert (bill.gross, bill.open, bill.due_on) == (
        Money.of("238.80"), Money.of("119.40"), date(2026, 4, 9),
    )  # fmt: skip
    assert parts() == [(2, "2026-05-09", "coming", "119.40")]
    on_day(date(2026, 5, 9))
    account = BillingAccount.objects.get(party_id=party)
    found = overdue_bills(account, today=date(2026, 5, 10))
    assert [(each.number, each.due_on, each.open) for each in found] == [
        (number, date(2026, 4, 9), Money.of("238.80"))
    ]
    assert charged() == []
    assert all_is_well()


def debited_in_parts() -> tuple[int, str]:
    """A customer whose parts of 10 April, 10 May and 10 June are debited from his account."""
    party = person()
    Party.objects.filter(pk=party).update(email="ada@example.test")
    with_method(party, MethodKind.SEPA_DEBIT)
    return party, bought(party)


def told() -> list[tuple[int, str, date, date]]:
    return [
        (each.part, str(each.amount), each.debit_on, each.told_at.astimezone(PARIS).date())
        for each in DebitNotice.objects.order_by("pk")
    ]


def test_the_debit_of_a_part_is_announced_as_long_before_as_that_of_a_bill() -> None:
    _, number = debited_in_parts()
    on_day(date(2026, 3, 26))
    assert told() == []
    first = (1, "49.75", APRIL, date(2026, 3, 27))
    for day in (date(2026, 3, 27), date(2026, 3, 28)):
        on_day(day)
        assert told() == [first]
    assert charged() == []
    on_day(APRIL)
    assert charged() == [(f"{number}/part-2/charge/1", "49.75")]
    settled(f"{number}/part-2/charge/1")
    on_day(date(2026, 4, 26))
    assert told() == [first, (2, "49.75", MAY, date(2026, 4, 26))]
    on_day(MAY)
    assert charged()[1:] == [(f"{number}/part-3/charge/1", "49.75")]


def test_whom_the_post_reaches_alone_is_told_of_a_part_so_much_earlier() -> None:
    party, _ = debited_in_parts()
    Party.objects.filter(pk=party).update(email="", display_name="Camille Roux")
    PartyAddress.objects.create(
        party_id=party, name="Camille Roux", line1="3 rue Haute", postcode="75011", city="Paris"
    )
    on_day(date(2026, 3, 22))
    assert told() == [(1, "49.75", APRIL, date(2026, 3, 22))]
    assert Message.objects.get(code="debit_coming").channel == "post"


def test_a_part_that_was_paid_early_is_not_announced() -> None:
    party, number = debited_in_parts()
    key = instalments.pay_off(party_id=party, number=number, label="Solde", back=BACK)
    PaymentAttempt.objects.filter(key=key).update(state="authorised")
    settled(key)
    on_day(JUNE)
    assert (told(), charged()) == ([], [])


def test_who_gives_a_mandate_after_that_is_told_on_the_parts_day_and_debited_later() -> None:
    party = person()
    Party.objects.filter(pk=party).update(email="ada@example.test")
    number = bought(party)
    on_day(date(2026, 3, 27))
    with_method(party, MethodKind.SEPA_DEBIT)
    on_day(APRIL)
    assert (told(), charged()) == ([(1, "49.75", date(2026, 4, 24), APRIL)], [])
    on_day(date(2026, 4, 24))
    assert charged() == [(f"{number}/part-2/charge/1", "49.75")]


def declined_in_april() -> tuple[int, str]:
    """The debit of the part of April was refused."""
    party, number = debited_in_parts()
    on_day(date(2026, 3, 27))
    on_day(APRIL)
    with business_time_fixed(at(date(2026, 4, 14))):
        PaymentAttempt.objects.filter(reference=number, off_session=True).update(
            state="declined", last_error="no_mandate"
        )
    return party, number


def test_an_overdue_part_is_no_less_so_while_the_next_one_is_announced_and_debited() -> None:
    party, number = declined_in_april()
    lived(date(2026, 4, 20), since=APRIL)
    opened = DunningCase.objects.get()
    on_day(date(2026, 4, 26))
    assert [row[0] for row in told()] == [1, 2]
    account = BillingAccount.objects.get(party_id=party)
    overdue = [(number, APRIL, "49.75")]
    for day in (date(2026, 4, 27), MAY, date(2026, 5, 11)):
        if day == MAY:
            on_day(MAY)
            PaymentAttempt.objects.filter(key=f"{number}/part-3/charge/1").update(
                state="processing"
            )
        lived(day, since=day)
        with business_time_fixed(at(day)):
            found = overdue_bills(account, today=day)
        assert [(each.number, each.due_on, str(each.open.amount)) for each in found] == overdue
    assert [case.pk for case in DunningCase.objects.filter(closed_on=None)] == [opened.pk]
    with business_time_fixed(at(date(2026, 5, 14))):
        settled(f"{number}/part-3/charge/1")
        (left,) = overdue_bills(account, today=date(2026, 5, 14))
        assert left.open == Money.of("49.75")
        assert [each.state for each in debits_of(party)] == ["made", "failed"]


def test_each_debit_of_a_bill_in_parts_is_told_as_it_stands() -> None:
    party, number = debited_in_parts()
    on_day(date(2026, 3, 27))
    on_day(APRIL)
    settled(f"{number}/part-2/charge/1")
    on_day(date(2026, 4, 26))
    with business_time_fixed(at(date(2026, 4, 26))):
        assert [(str(each.debit.debit_on), each.state) for each in debits_of(party)] == [
            ("2026-05-10", "announced"), ("2026-04-10", "made"),
        ]  # fmt: skip


def test_a_case_stands_while_the_debit_comes_of_a_part_that_was_late_by_then() -> None:
    party = person()
    Party.objects.filter(pk=party).update(email="ada@example.test")
    bought(party)
    on_day(APRIL)
    lived(date(2026, 4, 20), since=APRIL)
    with_method(party, MethodKind.SEPA_DEBIT)
    steps = DunningEntry.objects.count()
    lived(date(2026, 4, 28), since=date(2026, 4, 21))
    assert told() == [(1, "49.75", date(2026, 5, 5), date(2026, 4, 21))]
    assert DunningCase.objects.get().closed_on is None
    assert DunningEntry.objects.count() == steps


def test_interest_rests_for_a_part_that_is_debited_later_and_not_for_the_one_before() -> None:
    """The first part is late from 10 April on; the second, due on 9 May, is debited on 23 May."""
    _, number = firm_in_parts()
    on_day(date(2026, 5, 9))
    bill = Invoice.objects.get(number=number)
    with business_time_fixed(at(date(2026, 5, 9))):
        DebitNotice.objects.create(
            invoice=bill, mandate_reference="UMR1", last4="4242", amount=Decimal("119.40"),
            part=1, debit_on=date(2026, 5, 23), told_at=at(date(2026, 4, 25)),
        )  # fmt: skip
    found = late_bill(bill)
    days = (date(2026, 5, 9), date(2026, 5, 10), date(2026, 5, 23), date(2026, 5, 24))
    assert [str(found.bears_on(day).amount) for day in days] == [
        "119.40", "119.40", "119.40", "238.80",
    ]  # fmt: skip


def test_what_was_agreed_stands_and_a_planted_fault_is_found() -> None:
    party = person()
    number = bought(party)
    with pytest.raises(IntegrityError, match="stands"), transaction.atomic():
        InstalmentPart.objects.update(amount=1)
    assert instalment_differences() == ()
    sql("SET CONSTRAINTS ALL IMMEDIATE")
    sql("ALTER TABLE subscriptions_instalmentpart DISABLE TRIGGER instalmentpart_stands")
    InstalmentPart.objects.filter(number=3).update(amount=Decimal("49.74"))
    (found,) = instalment_differences()
    assert (found.what, found.amount, found.entered) == (
        number, Money.of("149.24"), Money.of("149.25"),
    )  # fmt: skip


def test_a_part_that_never_fell_due_is_found_on_the_day_after() -> None:
    number = bought(person())
    Timer.objects.filter(handler=instalments.TIMER).delete()
    assert instalment_differences(APRIL) == ()
    (found,) = instalment_differences(date(2026, 4, 11))
    # Two parts are still to come.
    assert (found.what, found.amount, found.entered) == (
        number, Money.of("99.50"), Money.of("149.25"),
    )  # fmt: skip
    with business_time_fixed(at(APRIL)):
        instalments.on_due({"part": InstalmentPart.objects.get(number=2).pk})
    assert instalment_differences(date(2026, 4, 11)) == ()


def test_a_plan_is_the_partys_own() -> None:
    party = person()
    number = bought(party)
    assert [each.bill for each in plans_of(party)] == [number]
    assert plan_of_bill(person(), number) is None
    assert plans_of(person()) == ()


def with_phone(at_end: AtEnd) -> tuple[int, int, str]:
    """A contract whose order brought a phone in four parts: party, contract, number of the bill."""
    party = person()
    line = begun(ORDER, [plan("29.99"), handset()], party=party)
    later = euros("49.75", "49.75", "49.75")
    instalments.agree(
        order_number=ORDER,
        party_id=party,
        amounts=(later[0], *later),
        lines={"handset-1": sum(later, Money.zero())},
        longest_days=None,
        at_end=at_end,
    )
    attempt(party, f"{ORDER}/pay/1", "49.75")
    number = bill_order(
        order_number=ORDER, party_id=party, segment="consumer",
        charges={"g1": [handset()]}, tax_rates=RATES,
    )  # fmt: skip
    assert number is not None
    return party, line, number


def ended(line: int, day: date) -> None:
    Subscription.objects.filter(pk=line).update(status="ended")
    with business_time_fixed(at(day, hour=9)):
        for _ in range(2):
            on_contract_changed({"subscription_id": line, "kind": "terminate"})


def test_what_is_left_goes_on_when_the_contract_ends_where_that_was_agreed() -> None:
    _, line, number = with_phone(AtEnd.GOES_ON)
    (told,) = left_at_end(line, on=date(2026, 4, 20))
    assert (told.bill, told.left, told.falls_due, told.last_on) == (
        number, Money.of("99.50"), False, JUNE,
    )  # fmt: skip
    assert left_at_end(line, on=JUNE) == ()
    ended(line, date(2026, 3, 20))
    assert [row[2:] for row in parts()] == [("coming", "49.75")] * 3
    assert is_paying_in_parts(line)


def test_what_is_left_falls_due_with_the_end_where_that_was_agreed() -> None:
    end = date(2026, 3, 20)
    party, line, number = with_phone(AtEnd.FALLS_DUE)
    with_method(party, MethodKind.CARD)
    (told,) = left_at_end(line, on=end)
    assert (told.left, told.falls_due) == (Money.of("149.25"), True)
    on_contract_changed({"subscription_id": line, "kind": "terminate"})
    assert [row[2] for row in parts()] == ["coming"] * 3
    ended(line, end)
    assert [row[2:] for row in parts(end)] == [("open", "49.75")] * 3
    assert [row[2] for row in parts(date(2026, 3, 21))] == ["overdue"] * 3
    assert [row[1] for row in charged() if row[0].startswith(number)] == ["149.25"]
    on_day(APRIL)
    assert [row[1] for row in charged() if row[0].startswith(number)] == ["149.25"]
    assert left_at_end(line, on=APRIL) == ()
    assert instalment_differences() == ()


def test_who_withdraws_gives_the_phone_back_and_nothing_falls_due() -> None:
    _, line, _ = with_phone(AtEnd.FALLS_DUE)
    Subscription.objects.filter(pk=line).update(status="ended")
    on_contract_changed({"subscription_id": line, "kind": "withdraw"})
    assert [row[2] for row in parts()] == ["coming"] * 3


def test_while_another_contract_of_the_order_runs_nothing_falls_due() -> None:
    party, line, _ = with_phone(AtEnd.FALLS_DUE)
    begun(ORDER, [plan("29.99")], party=party, group="g2")
    (told,) = left_at_end(line, on=date(2026, 3, 20))
    assert not told.falls_due
    ended(line, date(2026, 3, 20))
    assert [row[2] for row in parts()] == ["coming"] * 3


def test_while_another_contract_that_the_order_changed_runs_nothing_falls_due() -> None:
    party, line, _ = with_phone(AtEnd.FALLS_DUE)
    other = Subscription.objects.get(pk=begun("F-9", [plan("29.99")], party=party))
    SubscriptionChange.objects.create(
        subscription=other, promise_id=other.promise_id or 0, kind="renew", order_number=ORDER,
        group="g2", on=DAY, at=at(DAY), channel="web",
    )  # fmt: skip
    (told,) = left_at_end(line, on=date(2026, 3, 20))
    assert not told.falls_due
    ended(line, date(2026, 3, 20))
    assert [row[2] for row in parts()] == ["coming"] * 3


def first_month(party: int, day: date = APRIL) -> str:
    """The number of the bill of the account that is made on the day."""
    with business_time_fixed(at(day, hour=3)):
        run(day)
        return next(bill.number for bill in bills_of(party) if not bill.order_number)


def test_a_bill_names_the_part_that_is_due_with_it_and_those_that_come_after() -> None:
    party = person()
    begun("C-1", [plan("29.99")], party=party)
    number = bought(party)
    monthly = first_month(party)
    with business_time_fixed(at(APRIL)):
        found = bill_view(party, monthly)
    assert [(each.of, each.number, each.due_on) for each in found.with_it] == [(number, 2, APRIL)]
    assert [(each.number, each.due_on, each.left) for each in found.to_come] == [
        (3, MAY, Money.of("49.75")), (4, JUNE, Money.of("49.75")),
    ]  # fmt: skip
    assert found.summary.gross == Money.of("29.99")
    assert bill_view(party, number).to_come == ()


def test_a_document_says_for_ever_what_was_left_in_parts_when_it_was_issued() -> None:
    party = person()
    begun("C-1", [plan("29.99")], party=party)
    number = bought(party)
    own = document_of(party, number)
    assert [(each.of, each.number, each.due_on) for each in own.parts] == [
        ("", 2, APRIL), ("", 3, MAY), ("", 4, JUNE),
    ]  # fmt: skip
    assert (own.to_pay, own.put_off) == (Money.of("149.25"), Money.of("149.25"))
    paper = page_of(own, language="en")
    assert "Nothing to pay now" in paper
    assert "Part 2 of 4" in paper
    assert "Left to pay with this bill in all" not in paper
    monthly = first_month(party)
    with business_time_fixed(at(APRIL)):
        before = document_of(party, monthly)
        key = instalments.pay_off(party_id=party, number=number, label="x", back=BACK)
        settled(key)
        assert bill_view(party, monthly).to_come == ()
        assert document_of(party, monthly) == before
    assert [(each.of, each.number, each.left) for each in before.parts] == [
        (number, part, Money.of("49.75")) for part in (2, 3, 4)
    ]
    assert [each.number for each in before.due_with_it] == [2]
    paper = page_of(before, language="fr").replace("\u00a0", " ").replace("\u202f", " ")
    assert f"Échéance 2 sur 4 du téléphone de la facture {number}" in paper
    assert paper.count("79,74 €") == 1
    assert xml_of(before) == xml_of(replace(before, parts=()))
    with business_time_fixed(at(MAY)):
        assert document_of(party, first_month(party, MAY)).parts == ()


def test_a_firms_part_stands_on_the_bill_that_is_due_the_day_after_it() -> None:
    party, number = firm_in_parts()
    monthly = first_month(party)
    with business_time_fixed(at(APRIL)):
        document = document_of(party, monthly)
    assert (document.due_on, [(each.of, each.due_on) for each in document.due_with_it]) == (
        date(2026, 5, 10), [(number, date(2026, 5, 9))],
    )  # fmt: skip


def firm_in_parts() -> tuple[int, str]:
    """A firm with a running line whose phone is paid in two parts: 9 April and 9 May."""
    party = firm()
    begun("B-1", [plan("20.00")], party=party, segment="business")
    return party, bought(party, "119.40", "119.40", segment="business", longest=60)


def test_a_late_part_does_not_make_an_older_bill_younger() -> None:
    party, number = firm_in_parts()
    run(date(2026, 3, 11))
    monthly = next(bill.number for bill in bills_of(party) if bill.number != number)
    attempt(party, f"{number}/pay/1", "119.40", reference=number)
    on_day(date(2026, 5, 9))
    account = BillingAccount.objects.get(party_id=party)
    found = overdue_bills(account, today=date(2026, 5, 10))
    assert [(each.number, each.due_on, str(each.open.amount)) for each in found] == [
        (monthly, date(2026, 4, 9), "24.00"), (number, date(2026, 5, 9), "119.40"),
    ]  # fmt: skip


def promised_in_may(party: int) -> None:
    """The part of April is overdue; on 8 May it is promised for 20 May, and 10 May brings the next
    part."""
    on_day(APRIL)
    lived(date(2026, 5, 8), since=APRIL)
    with business_time_fixed(at(date(2026, 5, 8), hour=15)):
        dunning.promise_to_pay(party_id=party, on=date(2026, 5, 20), by="Camille")
    lived(MAY, since=date(2026, 5, 9))
    on_day(MAY)


def promises() -> list[tuple[str, date]]:
    found = DunningEntry.objects.filter(kind__in=["promised", "kept", "broken"]).order_by("pk")
    return [(row.kind, row.on) for row in found]


def test_a_promise_is_kept_by_paying_what_was_overdue_though_the_next_part_is_due_by_then() -> None:
    party = person()
    number = bought(party)
    promised_in_may(party)
    with business_time_fixed(at(date(2026, 5, 15), hour=15)):
        attempt(party, f"{number}/pay/1", "49.75", reference=number)
    lived(date(2026, 5, 25), since=date(2026, 5, 15))
    assert promises() == [("promised", date(2026, 5, 8)), ("kept", date(2026, 5, 15))]
    case = DunningCase.objects.get()
    assert (case.closed_on, case.promised_for, case.since) == (None, None, MAY)


def test_a_promise_is_broken_though_less_than_the_part_was_paid() -> None:
    party = person()
    number = bought(party)
    promised_in_may(party)
    with business_time_fixed(at(date(2026, 5, 15), hour=15)):
        attempt(party, f"{number}/pay/1", "40.00", reference=number)
    lived(date(2026, 5, 25), since=date(2026, 5, 15))
    assert promises() == [("promised", date(2026, 5, 8)), ("broken", date(2026, 5, 21))]


def test_a_late_part_bears_interest_from_its_own_day() -> None:
    """119.40 for 40 days at 7.86 % a year; nothing for what was put off until the ninth of May."""
    party, number = firm_in_parts()
    attempt(party, f"{number}/pay/1", "119.40", reference=number)
    on_day(date(2026, 5, 9))
    lived(date(2026, 6, 17), since=date(2026, 4, 9))
    with business_time_fixed(at(date(2026, 6, 18), hour=15)):
        attempt(party, f"{number}/pay/2", "119.40", reference=number)
        timers_due(business_now())
    assert asked() == [(date(2026, 5, 10), date(2026, 6, 18), "1.03")]
    assert all_is_well()


def test_the_first_part_paid_late_bears_its_days_though_the_next_is_late_by_then() -> None:
    """119.40 for 30 days, twice as much for 10, and again 119.40 for 30."""
    party, number = firm_in_parts()
    lived(date(2026, 5, 9))
    on_day(date(2026, 5, 9))
    lived(date(2026, 5, 18), since=date(2026, 5, 10))
    with business_time_fixed(at(date(2026, 5, 19), hour=15)):
        attempt(party, f"{number}/pay/1", "119.40", reference=number)
        timers_due(business_now())
    lived(date(2026, 6, 17), since=date(2026, 5, 20))
    assert asked() == []
    with business_time_fixed(at(date(2026, 6, 18), hour=15)):
        attempt(party, f"{number}/pay/2", "119.40", reference=number)
        timers_due(business_now())
    assert asked() == [(date(2026, 4, 10), date(2026, 6, 18), "2.06")]
