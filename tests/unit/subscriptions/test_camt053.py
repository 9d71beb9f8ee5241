"""Bank files: read whole, or refused with what is wrong."""

from datetime import date

import pytest

from commerce.kernel.errors import InvalidInput
from commerce.kernel.money import Money
from subscriptions.bank.camt053 import statements_in
from tests.bank_files import IBAN, PAYER, Moved, bank_file, batch


@pytest.mark.parametrize("version", ["02", "08"])
def test_a_statement_is_read_in_both_versions(version: str) -> None:
    (found,) = statements_in(
        bank_file(
            Moved("12.10", "FA-2026-0000001", ref="B1", structured="RF1", end_to_end="E2E-1"),
            Moved("-3.00", "frais", ref="B2", name="Banque", returned="AC04"),
            Moved("9.00", ref="B3", state="PDNG"),
            version=version,
        )
    )
    assert (found.id, found.iban, found.on) == ("2026-079", IBAN, date(2026, 3, 20))
    assert (found.opening, found.closing) == (Money.of("1000.00"), Money.of("1009.10"))
    one, two = found.entries
    assert (one.key, one.booked_on, one.amount) == ("B1", date(2026, 3, 20), Money.of("12.10"))
    assert (one.other_name, one.other_iban, one.end_to_end_id) == ("Atelier", PAYER, "E2E-1")
    assert (one.references, one.text, one.returned) == (("RF1",), "FA-2026-0000001", "")
    assert (two.amount, two.other_name, two.returned) == (Money.of("-3.00"), "Banque", "AC04")


def test_a_batch_is_its_transfers() -> None:
    (found,) = statements_in(batch("30.00", [Moved("10.00", "eins"), Moved("20.00", "zwei")]))
    assert [(each.key, str(each.amount.amount), each.text) for each in found.entries] == [
        ("LOT-1", "10.00", "eins"), ("LOT-1/2", "20.00", "zwei"),
    ]  # fmt: skip


def test_without_a_reference_of_the_bank_what_it_says_is_the_key() -> None:
    read = statements_in(bank_file(Moved("5.00", "a"), Moved("5.00", "a"), Moved("5.00", "b")))
    one, two, three = (each.key for each in read[0].entries)
    assert two == f"{one}/2"
    assert three not in (one, two)
    assert [each.key for each in statements_in(bank_file(Moved("5.00", "a")))[0].entries] == [one]


def test_what_came_in_another_currency_is_what_was_booked_in_ours() -> None:
    abroad = batch("9.20", [Moved("10.00", "zehn")])
    abroad = abroad.replace(b'<TxAmt><Amt Ccy="EUR">', b'<TxAmt><Amt Ccy="USD">')
    (found,) = statements_in(abroad)
    assert [(each.key, each.amount) for each in found.entries] == [("LOT-1", Money.of("9.20"))]


ENTITY = b'<!DOCTYPE d [<!ENTITY e SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize(
    ("case", "data", "code"),
    [
        ("no XML", b"hello", "bank_file_unreadable"),
        ("nothing", b"", "bank_file_unreadable"),
        ("another message", b'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.001.001.03"/>',
         "bank_file_unreadable"),
        ("a document type", bank_file().replace(b"?>", b"?>" + ENTITY), "bank_file_unreadable"),
        ("no balance", bank_file().replace(b"CLBD", b"INFO"), "bank_file_unreadable"),
        ("an id that is too long", bank_file(statement="S" * 36), "bank_file_unreadable"),
        ("no day", bank_file(Moved("1.00", on="2026-02-30")), "bank_file_unreadable"),
        ("a third decimal", bank_file(Moved("1.001")), "bank_file_unreadable"),
        ("another currency", bank_file(Moved("1.00")).replace(b'Ccy="EUR">1.00', b'Ccy="USD">1.00'),
         "bank_file_unreadable"),
        ("balances that the entries don't explain", bank_file(Moved("1.00"), closing="1002.00"),
         "bank_file_does_not_add_up"),
        ("a batch that is not its parts", batch("31.00", [Moved("10.00"), Moved("20.00")]),
         "bank_file_does_not_add_up"),
    ],
)  # fmt: skip
def test_a_bad_file_is_refused(case: str, data: bytes, code: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        statements_in(data)
    assert refused.value.code == code, case


def test_a_file_that_is_too_large_is_refused_unread() -> None:
    with pytest.raises(InvalidInput, match="too large"):
        statements_in(b" " * 10_000_001)
