"""What a firm's books read on its bills, and how each bill was to be paid on its day."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import pytest

from commerce.accounts.context import SYSTEM, AccountContext
from commerce.accounts.kinds import Role
from commerce.kernel.clock import business_time_fixed
from commerce.kernel.errors import FaisceauError, Forbidden, InvalidInput, NotFound, RuleViolated
from commerce.kernel.money import Money
from commerce.kernel.periods import Period
from commerce.payments.models import SavedMethod
from commerce.payments.ports import MethodKind, PayLine
from commerce.payments.services.checkout import request_payment
from subscriptions.collection.services import collecting
from subscriptions.contracts.booked import booked_lines
from subscriptions.contracts.services.booking import assign_codes
from subscriptions.contracts.services.compensate import compensate
from subscriptions.domain.buyers import Borne, BuyerCodes
from subscriptions.domain.document import InvoiceDocument
from subscriptions.domain.views import PayBy, PaymentMeans, Reference, TransferTo
from subscriptions.invoicing.facturx import Flavour, terms_of_3, xml_of
from subscriptions.invoicing.selectors import bill_view, bills_of, document_of
from subscriptions.invoicing.services.credit import credit_order
from subscriptions.invoicing.services.one_off import bill_order
from subscriptions.models import DebitNotice, Invoice, Subscription
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
from tests.integration.subscriptions.test_debits import mandated, with_method

pytestmark = pytest.mark.django_db
APRIL = date(2026, 4, 10)
PARIS, LYON = BuyerCodes("Paris", "PO-1"), BuyerCodes("Lyon", "PO-2")


@pytest.fixture(autouse=True)
def _on_the_day() -> Iterator[None]:
    with business_time_fixed(at(DAY)):
        yield


def buyer_of(party: int) -> AccountContext:
    return replace(SYSTEM, party_id=party, role=Role.BUYER)


def lines(party: int, *codes: BuyerCodes, price: str = "10.00") -> list[int]:
    """A contract of its own order for each."""
    return [
        begun(
            f"F-{n}", [plan(price, line=f"p{n}")], party=party, segment="business", codes=said
        )
        for n, said in enumerate(codes, start=1)
    ]  # fmt: skip


def last_document(party: int) -> InvoiceDocument:
    return document_of(party, bills_of(party)[0].number)


def billed_on(day: date) -> None:
    with business_time_fixed(at(day, 4)):
        run(day)


def test_each_line_names_its_cost_centre_and_all_are_summed_up() -> None:
    party = firm()
    lines(party, PARIS, LYON, PARIS, BuyerCodes())
    billed_on(date(2026, 3, 11))
    bill = bill_view(party, bills_of(party)[0].number)
    assert bill.cost_centres == (
        Borne("Lyon", Money.of("10.00")),
        Borne("Paris", Money.of("20.00")),
        Borne("", Money.of("10.00")),
    )
    document = document_of(party, bill.summary.number)
    assert document.cost_centres == bill.cost_centres
    terms = terms_of_3(document)
    assert [line.get("BT-133") for line in terms["BG-25"]] == ["Paris", "Lyon", "Paris", None]
    assert "BT-19" not in terms
    # Two orders: each line says its own, the invoice none.
    assert "BT-13" not in terms
    assert [line.get("BT-127-00") for line in terms["BG-25"]] == [
        [{"BT-127": "Votre commande PO-1"}],
        [{"BT-127": "Votre commande PO-2"}],
        [{"BT-127": "Votre commande PO-1"}],
        None,
    ]


def test_what_all_lines_share_stands_on_the_invoice() -> None:
    party = firm()
    lines(party, PARIS, PARIS)
    billed_on(date(2026, 3, 11))
    terms = terms_of_3(last_document(party))
    assert (terms["BT-13"], terms["BT-19"]) == ("PO-1", "Paris")
    assert [line.get("BT-127-00") for line in terms["BG-25"]] == [None, None]


def test_an_order_is_billed_and_credited_to_its_cost_centre() -> None:
    party = firm()
    promised("F-5", [handset("100.00")], segment="business")
    number = bill_order(
        order_number="F-5", party_id=party, segment="business", charges={"g1": [handset("100.00")]},
        tax_rates=RATES, purchase_order="PO-7", cost_centres={"g1": "Paris"},
    )  # fmt: skip
    note = credit_order(order_number="F-5", group="g1", party_id=party, segment="business")
    for each, amount in ((number, "100.00"), (note, "-100.00")):
        bill = bill_view(party, each or "")
        assert bill.cost_centres == (Borne("Paris", Money.of(amount)),)
        assert bill.summary.purchase_order == "PO-7"


def test_codes_are_changed_without_an_order_and_what_is_issued_stands() -> None:
    party = firm()
    first, second = lines(party, PARIS, LYON)
    billed_on(date(2026, 3, 11))
    number = bills_of(party)[0].number
    before = xml_of(document_of(party, number))
    moved = {first: LYON, second: LYON}
    assert assign_codes(buyer_of(party), codes=moved) == 1
    assert assign_codes(buyer_of(party), codes=moved) == 0
    assert xml_of(document_of(party, number)) == before
    billed_on(APRIL)
    assert last_document(party).cost_centres == (Borne("Lyon", Money.of("20.00")),)
    assert last_document(party).purchase_order == "PO-2"


@pytest.mark.parametrize(
    ("role", "codes", "refusal", "code"),
    [
        (Role.VIEWER, LYON, Forbidden, "only_looks"),
        (Role.BUYER, BuyerCodes("x" * 121), InvalidInput, "code_too_long"),
        (Role.BUYER, BuyerCodes("", "a\nb"), InvalidInput, "control_character"),
    ],
)
def test_codes_that_cannot_be_are_refused(
    role: Role, codes: BuyerCodes, refusal: type[FaisceauError], code: str
) -> None:
    party = firm()
    first, second = lines(party, PARIS, PARIS)
    with pytest.raises(refusal) as refused:
        assign_codes(replace(buyer_of(party), role=role), codes={first: LYON, second: codes})
    assert refused.value.code == code
    assert set(Subscription.objects.values_list("cost_centre", flat=True)) == {"Paris"}


def test_nobody_writes_into_anothers_books_and_consumers_have_none() -> None:
    party, consumer = firm(), person()
    (line,) = lines(party, PARIS)
    own = begun("F-9", [plan()], party=consumer)
    with pytest.raises(NotFound):
        assign_codes(buyer_of(firm()), codes={line: LYON})
    with pytest.raises(RuleViolated) as refused:
        assign_codes(buyer_of(consumer), codes={own: LYON})
    assert refused.value.code == "firms_only"
    assert Subscription.objects.get(pk=line).cost_centre == "Paris"


def test_lines_are_found_by_what_the_firm_knows_of_them() -> None:
    party = firm()
    lines(party, PARIS, LYON)
    lines_of = {
        text: [line.codes.cost_centre for line in booked_lines(party, text=text).page(
            offset=0, limit=9)]
        for text in ("", "lyo", "po-1", "F-2", "63998", "nobody")
    }  # fmt: skip
    assert lines_of == {
        "": ["Lyon", "Paris"], "lyo": ["Lyon"], "po-1": ["Paris"], "F-2": ["Lyon"],
        "63998": ["Lyon", "Paris"], "nobody": [],
    }  # fmt: skip
    assert booked_lines(party).count() == 2
    assert booked_lines(firm()).count() == 0


def test_a_firms_bill_says_where_to_transfer_it_until_it_is_paid() -> None:
    party = firm()
    lines(party, PARIS)
    billed_on(date(2026, 3, 11))
    document = last_document(party)
    assert document.means == PaymentMeans(PayBy.TRANSFER)
    reference = "RF89FA20260000001"
    assert document.transfer == TransferTo(document.seller.iban, reference, document.seller.name)
    assert bill_view(party, document.number).transfer == document.transfer
    terms = terms_of_3(document)
    assert [terms[term] for term in ("BT-81", "BT-83", "BT-84")] == [
        "58", reference, document.seller.iban,
    ]  # fmt: skip
    credit = Invoice.objects.get(number=document.number)
    assert credit.means == {"by": "transfer", "last4": "", "mandate": "", "creditor": ""}


def test_a_firms_bill_page_says_how_it_is_paid_today() -> None:
    party = firm()
    lines(party, PARIS)
    billed_on(date(2026, 3, 11))
    number = bills_of(party)[0].number
    mandated(party)
    # What was saved after the bill was looked at pays for it no sooner than it is overdue.
    assert bill_view(party, number).transfer is not None
    collecting.announce_late([collecting.locked_bill(Invoice.objects.get(number=number).pk)])
    assert DebitNotice.objects.count() == 1
    assert bill_view(party, number).transfer is None
    assert document_of(party, number).transfer is not None


def test_what_can_be_charged_no_more_is_transferred() -> None:
    party = with_method(firm(), MethodKind.SEPA_DEBIT)
    lines(party, PARIS)
    billed_on(date(2026, 3, 11))
    number = bills_of(party)[0].number
    assert bill_view(party, number).transfer is None
    SavedMethod.objects.update(removed_at=at(DAY))
    shown = bill_view(party, number).transfer
    assert shown is not None
    assert document_of(party, number).transfer is None
    assert shown.reference == "RF89FA20260000001"


@pytest.mark.parametrize(
    ("kind", "means", "code"),
    [
        (MethodKind.CARD, PaymentMeans(PayBy.CARD, "4242"), "48"),
        (
            MethodKind.SEPA_DEBIT,
            PaymentMeans(PayBy.DEBIT, "2606", "UMR0123456789ABC", "FR72ZZZ123456"),
            "59",
        ),
    ],
)
def test_a_bill_says_which_method_was_to_be_charged_on_its_day(
    kind: MethodKind, means: PaymentMeans, code: str
) -> None:
    consumer = with_method(person(), kind, for_bills=False)
    begun("F-1", [plan()], party=consumer)
    document = last_document(consumer)
    terms = terms_of_3(document)
    assert (document.means, terms["BT-81"]) == (means, code)
    # Four figures are no account (BT-91): they are said in words.
    debited = (means.mandate or None, means.creditor or None, None)
    assert tuple(terms.get(term) for term in ("BT-89", "BT-90", "BT-91")) == debited
    assert means.last4 in terms["BT-82"]
    for flavour in Flavour:
        told = xml_of(document, flavour=flavour).decode()
        assert (means.mandate in told, "PayerFinancialAccount" in told) == (True, False)
        assert "PayerPartyDebtorFinancialAccount" not in told
    # A firm's is charged only where it said so for its bills.
    for for_bills, expected in ((False, PaymentMeans(PayBy.TRANSFER)), (True, means)):
        party = with_method(firm(), kind, for_bills=for_bills)
        begun(f"F-{party}", [plan()], party=party, segment="business")
        billed_on(date(2026, 3, 11))
        assert last_document(party).means == expected


def test_what_is_paid_with_its_order_says_so_until_the_money_is_taken() -> None:
    consumer = with_method(person(), MethodKind.SEPA_DEBIT)
    request_payment(
        key="F-1/pay/1", amount=Money.of("100.00"), party_id=consumer, reference="F-1",
        lines=(PayLine("Phone", Money.of("100.00")),), email="a@example.test", language="fr",
        success_url="https://example.test/", cancel_url="https://example.test/", purpose="order",
    )  # fmt: skip
    promised("F-1", [handset("100.00")])
    bill_order(
        order_number="F-1", party_id=consumer, segment="consumer",
        charges={"g1": [handset("100.00")]}, tax_rates=RATES,
    )  # fmt: skip
    document = last_document(consumer)
    assert (document.means, document.to_pay) == (PaymentMeans(PayBy.ORDER), Money.of("100.00"))
    terms = terms_of_3(document)
    assert (terms["BT-81"], terms["BT-20"]) == (
        "48",
        "À la date de la facture : payé 0.00 EUR, reste 100.00 EUR.",
    )


def test_who_has_saved_nothing_is_told_no_way_to_pay() -> None:
    consumer = person()
    begun("F-1", [plan()], party=consumer)
    assert last_document(consumer).means is None
    assert "BT-81" not in terms_of_3(last_document(consumer))


def test_a_credit_note_of_compensations_alone_names_the_bill_before() -> None:
    party = firm()
    lines(party, PARIS)
    billed_on(date(2026, 3, 11))
    before = bills_of(party)[0]
    compensate(
        reference="fault:1", order_number="F-1", group="g1", amount=Money.of("50.00"),
        days=Period(date(2026, 3, 12), date(2026, 3, 14)), names={"fr": "Indemnité", "en": "Fault"},
    )  # fmt: skip
    billed_on(APRIL)
    note = last_document(party)
    assert (note.credit_note, note.net) == (True, Money.of("40.00"))
    assert note.corrects == (Reference(before.number, before.issued_on),)
    assert note.cost_centres == (Borne("Paris", Money.of("40.00")),)
    assert xml_of(note).count(before.number.encode()) == 1
    assert note.means is None
