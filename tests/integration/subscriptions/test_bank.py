"""The bank's file: each movement once, to whom it names; what names nobody waits for operators."""

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from commerce.accounts.identity import SYSTEM, AccountContext, Actor
from commerce.accounts.kinds import ActorKind, Channel, Role
from commerce.kernel.clock import business_time_fixed
from commerce.kernel.errors import Conflict, Forbidden, InvalidInput, NotFound, RuleViolated
from commerce.kernel.money import Money
from subscriptions.bank.selectors import entries, entry, how_many, shares, statements, suggestions
from subscriptions.bank.services import bank
from subscriptions.bank.services.bank_file import TakenIn, take_in
from subscriptions.collection.services import collecting
from subscriptions.domain.bank import Hint, reference_of
from subscriptions.domain.states import EntryState
from subscriptions.invoicing.selectors import bills_of
from subscriptions.invoicing.services.one_off import bill_order
from subscriptions.ledger.selectors import rests
from subscriptions.ledger.services import ledger
from subscriptions.models import BankEntry, BankStatement, Invoice, Transfer
from subscriptions.reconciling.audit import ledger_differences
from tests.bank_files import Moved, bank_file
from tests.integration.subscriptions.contracts import (
    DAY,
    RATES,
    at,
    begun,
    firm,
    handset,
    plan,
    promised,
    run,
)

pytestmark = pytest.mark.django_db
OPERATOR = AccountContext(
    Actor(ActorKind.USER, 1, "Odile"), party_id=None, role=Role.OPERATOR, channel=Channel.WEB
)
GROSS = "238.80"
"""Of a handset of 199.00 without tax."""


@pytest.fixture(autouse=True)
def _on_the_day() -> Iterator[None]:
    with business_time_fixed(at(DAY)):
        yield


def owing(order: str = "F-1", *, party: int | None = None) -> str:
    """A firm's bill of a handset."""
    promised(order, [handset()], segment="business")
    number = bill_order(
        order_number=order,
        party_id=party or firm(),
        segment="business",
        charges={"g1": [handset()]},
        tax_rates=RATES,
    )
    assert number is not None
    return number


def came(*moved: Moved, statement: str = "S-1", opening: str = "0.00") -> TakenIn:
    return take_in(
        bank_file(*moved, statement=statement, opening=opening), file="a.xml", by="Odile"
    )


def open_on(number: str) -> str:
    invoice = Invoice.objects.select_related("account").get(number=number)
    found = {each.number: each for each in bills_of(invoice.account.party_id)}
    return str(found[number].open.amount)


def moves() -> list[tuple[str, str, str, str]]:
    """What was entered since the bills."""
    found = Transfer.objects.exclude(kind="invoice").order_by("pk")
    return [(row.kind, row.debit, row.credit, str(row.amount)) for row in found]


def waiting() -> list[str]:
    return [each.reason for each in entries(state=EntryState.WAITING, limit=10)]


def account_of(number: str) -> int:
    return Invoice.objects.get(number=number).account_id


def test_a_transfer_pays_the_bill_whose_reference_it_states() -> None:
    number = owing()
    done = came(Moved(GROSS, structured=reference_of(number), ref="B1"))
    assert (done.statements, done.new, done.booked, done.waiting) == (1, 1, 1, 0)
    assert (done.came, done.left) == (Money.of(GROSS), Money.zero())
    assert moves() == [
        ("payment", "bank", "unapplied", GROSS), ("allocation", "unapplied", "receivable", GROSS),
    ]  # fmt: skip
    assert open_on(number) == "0.00"
    assert ledger_differences() == ()


def test_the_same_file_twice_and_one_that_overlaps_bring_what_is_new_alone() -> None:
    one, two = owing("F-1"), owing("F-2")
    first = Moved(GROSS, one, ref="B1")
    came(first)
    again = came(first)
    assert (again.statements, again.known_statements, again.new, again.known) == (0, 1, 0, 1)
    more = came(first, Moved(GROSS, two, ref="B2"), statement="S-2")
    assert (more.statements, more.new, more.known, more.booked) == (1, 1, 1, 1)
    assert [open_on(one), open_on(two)] == ["0.00", "0.00"]
    assert BankEntry.objects.count() == 2
    assert [each.statement_id for each in statements(limit=5)] == ["S-2", "S-1"]


def test_all_accounts_of_a_file_are_locked_by_their_ids_before_the_first_is_paid() -> None:
    first, second = owing("F-1"), owing("F-2")
    with CaptureQueriesContext(connection) as seen:
        came(Moved(GROSS, second, ref="B1"), Moved(GROSS, first, ref="B2"))
    asked = [each["sql"] for each in seen if "FOR NO KEY UPDATE" in each["sql"]]
    (ids,) = re.findall(r"IN \(([\d, ]+)\)", asked[0])
    assert {int(each) for each in ids.split(",")} == {account_of(first), account_of(second)}
    assert 'ORDER BY "subscriptions_billingaccount"."id" ASC' in asked[0]


def test_a_file_that_contradicts_an_earlier_one_is_refused_whole() -> None:
    number = owing()
    came(Moved("1.00", "x", ref="B1"))
    for moved, statement in (
        ([Moved("1.00", "y", ref="B1")], "S-1"),
        ([Moved(GROSS, number, ref="B2"), Moved("2.00", ref="B1")], "S-2"),
    ):
        with pytest.raises(Conflict) as refused:
            came(*moved, statement=statement)
        assert refused.value.code == "bank_file_contradicts"
    assert (BankEntry.objects.count(), BankStatement.objects.count()) == (1, 1)
    assert open_on(number) == GROSS


def test_a_file_of_another_account_is_refused() -> None:
    with pytest.raises(InvalidInput) as refused:
        take_in(bank_file(iban="FR1420041010050500013M02606"), file="a.xml", by="Odile")
    assert refused.value.code == "bank_file_of_another"
    assert not BankStatement.objects.exists()


def test_a_dry_run_says_the_same_and_keeps_nothing(tmp_path: Path) -> None:
    number = owing()
    file = tmp_path / "a.xml"
    file.write_bytes(bank_file(Moved(GROSS, number, ref="B1"), Moved("-4.00", ref="B2")))
    call_command("import_bank_file", str(file), "--dry-run")
    assert (open_on(number), BankEntry.objects.count(), moves()) == (GROSS, 0, [])
    call_command("import_bank_file", str(file))
    assert (open_on(number), BankEntry.objects.count()) == ("0.00", 2)
    file.write_bytes(b"nothing")
    with pytest.raises(CommandError, match="Nothing was taken in"):
        call_command("import_bank_file", str(file))


def test_too_little_leaves_the_rest_open_but_for_some_cents() -> None:
    one, two = owing("F-1"), owing("F-2")
    came(Moved("200.00", one, ref="B1"), Moved("238.40", two, ref="B2", iban=""))
    assert (open_on(one), open_on(two)) == ("38.80", "0.00")
    assert moves()[-1] == ("write_off", "loss", "receivable", "0.40")
    assert ledger_differences() == ()


def test_what_is_too_much_pays_for_the_next_bill() -> None:
    party = firm()
    number = owing(party=party)
    came(Moved("250.00", number, ref="B1"))
    account = account_of(number)
    ((reference, left),) = rests(account)
    assert (reference.startswith("bank/"), left) == (True, Money.of("11.20"))
    begun("C-1", [plan("10.00")], party=party, segment="business")
    morning = date(2026, 3, 11)
    with business_time_fixed(at(morning)):
        run(morning)
        bill = Invoice.objects.get(kind="recurring")
        collecting.collect(bill.pk)
    assert (str(bill.gross), open_on(bill.number or "")) == ("12.00", "0.80")
    assert rests(account) == ()
    assert ledger_differences() == ()


def test_what_names_no_bill_waits_and_is_suggested_with_its_reasons() -> None:
    number = owing()
    came(
        Moved(GROSS, "merci", ref="B1", name="ATELIER"),
        Moved(GROSS, "FA-2026-0000009", ref="B2"),
        Moved("-12.00", "frais", ref="B3"),
    )
    assert waiting() == ["no_reference", "unknown_bill", "goes_out"]
    assert how_many() == {EntryState.WAITING: 3, EntryState.BOOKED: 0, EntryState.ASIDE: 0}
    assert (open_on(number), moves()) == (GROSS, [])
    first, second, third = (each.id for each in entries(state=EntryState.WAITING, limit=9))
    (found,) = suggestions(first)
    assert (found.numbers, found.hints) == ((number,), (Hint.SAME_AMOUNT, Hint.SAME_NAME))
    (found,) = suggestions(second)
    assert found.hints == (Hint.MISTYPED, Hint.SAME_AMOUNT, Hint.SAME_NAME)
    assert suggestions(third) == ()


def test_an_operator_says_whose_it_is_and_the_payer_is_remembered() -> None:
    number = owing()
    came(Moved("100.00", "merci", ref="B1", name="Holding X"))
    (found,) = entries(state=EntryState.WAITING, limit=9)
    assert suggestions(found.id) == ()
    bank.assign(OPERATOR, entry_id=found.id, numbers=[number])
    assert (open_on(number), entry(found.id).state) == ("138.80", EntryState.BOOKED)
    (share,) = shares(found.id)
    assert (share.number, share.by, str(share.amount.amount)) == (number, "Odile", "100.00")
    came(Moved("138.80", "encore", ref="B2", name="Holding X"), statement="S-2")
    (other,) = entries(state=EntryState.WAITING, limit=9)
    (one,) = suggestions(other.id)
    assert (one.numbers, one.hints) == ((number,), (Hint.PAID_BEFORE, Hint.SAME_AMOUNT))
    with pytest.raises(Conflict) as refused:
        bank.assign(OPERATOR, entry_id=found.id, numbers=[number])
    assert refused.value.code == "bank_entry_given"


def test_what_was_given_is_taken_back_with_what_was_given_up() -> None:
    number, other = owing("F-1"), owing("F-2")
    came(Moved("238.50", number, ref="B1"))
    (share,) = shares(BankEntry.objects.get().pk)
    bank.undo(OPERATOR, share_id=share.id, note="Of another firm")
    assert open_on(number) == GROSS
    assert moves()[-3:] == [
        ("reversal", "unapplied", "bank", "238.50"),
        ("allocation", "receivable", "unapplied", "238.50"),
        ("write_off", "receivable", "loss", "0.30"),
    ]
    (undone,) = shares(BankEntry.objects.get().pk)
    assert (undone.undone_by, undone.note) == ("Odile", "Of another firm")
    with pytest.raises(Conflict):
        bank.undo(OPERATOR, share_id=share.id, note="Again")
    assert ledger_differences() == ()
    bank.assign(OPERATOR, entry_id=BankEntry.objects.get().pk, numbers=[other])
    assert (open_on(number), open_on(other)) == (GROSS, "0.00")
    assert ledger_differences() == ()


def test_a_rest_that_paid_another_bill_opens_that_again() -> None:
    number = owing()
    account = account_of(number)
    came(Moved("300.00", "merci", ref="B1"))
    pk = BankEntry.objects.get().pk
    bank.assign(OPERATOR, entry_id=pk, account_id=account)
    invoice = Invoice.objects.get(number=number)
    ledger.use_credit(invoice)
    assert (open_on(number), rests(account)[0][1]) == ("0.00", Money.of("61.20"))
    bank.undo(OPERATOR, share_id=shares(pk)[0].id, note="Not his")
    assert (open_on(number), rests(account)) == (GROSS, ())


def test_a_returned_transfer_opens_what_it_had_paid() -> None:
    number = owing()
    came(Moved(GROSS, number, ref="B1", end_to_end="E-1"))
    done = came(
        Moved(f"-{GROSS}", ref="B2", end_to_end="E-1", returned="AC04"),
        Moved(f"-{GROSS}", ref="B3", end_to_end="E-1", returned="AC04"),
        Moved("-5.00", ref="B4", end_to_end="E-9", returned="AC04"),
        statement="S-2",
    )
    assert (done.booked, waiting()) == (1, ["return_of_what", "return_of_what"])
    assert open_on(number) == GROSS
    assert moves()[2:] == [
        ("reversal", "unapplied", "bank", GROSS), ("allocation", "receivable", "unapplied", GROSS),
    ]  # fmt: skip
    assert ledger_differences() == ()


def test_what_was_returned_is_not_taken_from_its_customer_twice() -> None:
    number = owing()
    came(Moved(GROSS, number, ref="B1", end_to_end="E-1"))
    came(Moved(f"-{GROSS}", ref="B2", end_to_end="E-1", returned="AC04"), statement="S-2")
    came_in, back = (BankEntry.objects.get(key=key).pk for key in ("B1", "B2"))
    share = shares(came_in)[0].id
    with pytest.raises(RuleViolated) as refused:
        bank.undo(OPERATOR, share_id=share, note="Not his")
    assert (refused.value.code, entry(came_in).state) == ("went_back", EntryState.BOOKED)
    bank.undo(OPERATOR, share_id=shares(back)[0].id, note="Of another")
    bank.undo(OPERATOR, share_id=share, note="Not his")
    came(Moved(GROSS, number, ref="B3"), statement="S-3")
    assert open_on(number) == "0.00"
    assert ledger_differences() == ()


def test_what_is_paid_back_by_transfer_is_taken_from_what_is_the_customers() -> None:
    number = owing()
    account = account_of(number)
    came(Moved("300.00", number, ref="B1"), Moved("-61.20", "retour", ref="B2"))
    back = BankEntry.objects.get(key="B2").pk
    bank.assign(OPERATOR, entry_id=back, account_id=account)
    assert moves()[-1] == ("refund", "unapplied", "bank", "61.20")
    assert rests(account) == ()
    came(Moved("-1.00", ref="B3"), statement="S-2")
    with pytest.raises(RuleViolated) as refused:
        bank.assign(OPERATOR, entry_id=BankEntry.objects.get(key="B3").pk, account_id=account)
    assert refused.value.code == "nothing_to_return"
    bank.undo(OPERATOR, share_id=shares(back)[0].id, note="Not to him")
    assert rests(account)[0][1] == Money.of("61.20")


def test_what_is_no_customers_is_set_aside_with_a_note_and_taken_up_again() -> None:
    came(Moved("-12.00", "frais", ref="B1"))
    pk = BankEntry.objects.get().pk
    with pytest.raises(InvalidInput):
        bank.set_aside(OPERATOR, entry_id=pk, note=" ")
    bank.set_aside(OPERATOR, entry_id=pk, note="Fees of March")
    with pytest.raises(Conflict):
        bank.assign(OPERATOR, entry_id=pk, account_id=0)
    found = entry(pk)
    assert (found.state, found.note, found.decided_by) == (
        EntryState.ASIDE, "Fees of March", "Odile",
    )  # fmt: skip
    bank.take_up(OPERATOR, entry_id=pk)
    assert entry(pk).state is EntryState.WAITING
    assert moves() == []


def test_only_operators_and_only_what_makes_sense() -> None:
    one, two = owing("F-1"), owing("F-2")
    came(Moved("500.00", "x", ref="B1"))
    pk = BankEntry.objects.get().pk
    cases: list[tuple[AccountContext, dict[str, object], type[Exception]]] = [
        (SYSTEM, {"entry_id": pk, "numbers": [one]}, Forbidden),
        (OPERATOR, {"entry_id": 0, "numbers": [one]}, NotFound),
        (OPERATOR, {"entry_id": pk, "numbers": ["FA-2026-0000099"]}, NotFound),
        (OPERATOR, {"entry_id": pk}, InvalidInput),
        (OPERATOR, {"entry_id": pk, "account_id": 0}, NotFound),
        (OPERATOR, {"entry_id": pk, "numbers": [one, two]}, RuleViolated),
    ]
    for context, asked, error in cases:
        with pytest.raises(error):
            bank.assign(context, **asked)  # type: ignore[arg-type]
    assert moves() == []
    bank.assign(OPERATOR, entry_id=pk, numbers=[one, two], with_rest=False)
    assert (open_on(one), open_on(two), str(entry(pk).left.amount)) == ("0.00", "0.00", "22.40")
    assert entry(pk).state is EntryState.WAITING


def test_a_movement_that_is_not_in_the_ledger_is_found() -> None:
    number = owing()
    came(Moved(GROSS, number, ref="B1"))
    share = shares(BankEntry.objects.get().pk)[0]
    BankEntry.objects.get().shares.update(amount=Decimal("200.00"))
    (found,) = ledger_differences()
    assert (found.what, found.amount, found.entered) == (
        f"bank/{share.id}", Money.of("200.00"), Money.of(GROSS),
    )  # fmt: skip
