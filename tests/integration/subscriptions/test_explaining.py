"""A bill explained on PostgreSQL: the real lines of two months, and what the contract did."""

from datetime import date

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from commerce.kernel.clock import business_time_fixed
from commerce.kernel.errors import NotFound
from commerce.kernel.money import Money
from frontend.account.bills import bill_page
from frontend.account.explaining import explanation_page
from promotions.domain.benefits import Benefit, BenefitKind
from subscriptions.domain.states import ChangeKind
from subscriptions.invoicing.explaining import Explained, explanation
from subscriptions.invoicing.selectors import bill_view, bills_of
from subscriptions.invoicing.services.credit import credit_order
from subscriptions.invoicing.services.one_off import bill_order
from tests.integration.subscriptions.contracts import (
    DAY,
    RATES,
    at,
    begun,
    handset,
    person,
    plan,
    press,
    promised,
)
from tests.integration.subscriptions.test_changes import change, months_later

pytestmark = pytest.mark.django_db
TWO_HALF = Benefit("two-half", BenefitKind.PERCENT_OFF, 50, 1, 2)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def _on_the_day() -> object:
    with business_time_fixed(at(DAY)):
        yield


def told(party: int) -> list[tuple[str, list[tuple[str, str, str]]]]:
    """Of every bill, the oldest first: the difference, and its reasons."""
    found: list[Explained] = [explanation(party, bill.number) for bill in bills_of(party)[::-1]]
    return [
        (
            str(each.difference.amount),
            [
                (r.why.value, str(r.amount.amount), str(r.on or ""))
                for r in each.explanation.reasons
            ],
        )
        for each in found
    ]


def test_every_month_of_a_contract_is_explained_to_the_cent() -> None:
    party = person()
    contract = begun("F-1", [plan("30.00", TWO_HALF), press("9.90")], party=party)
    months_later(1)
    change(contract, kind=ChangeKind.REMOVE, ends=["press-1"])
    change(
        contract,
        kind=ChangeKind.ADD,
        begins=[plan("15.00", line="option-1")],
        on=date(2026, 4, 25),
        order="C-2",
    )
    months_later(2, 3)
    assert told(party) == [
        ("24.90", [("started", "30.00", ""), ("benefit_began", "-15.00", "2026-05-10"),
                   ("started", "9.90", "")]),
        ("0.00", []),
        # Ten of thirty days of the press were used; half price ended on the 9th of May.
        ("21.00", [("benefit_ended", "15.00", "2026-05-10"), ("started", "15.00", "2026-04-25"),
                   ("ended", "-9.90", "2026-04-20"), ("prorated", "7.50", "2026-04-25"),
                   ("repair", "-6.60", "2026-04-20")]),
        ("-0.90", [("prorated_over", "-7.50", "2026-04-25"),
                   ("repair_over", "6.60", "2026-04-20")]),
    ]  # fmt: skip


def test_a_bill_is_compared_with_all_that_the_month_before_cost() -> None:
    party = person()
    begun("F-1", [plan("30.00")], party=party)
    months_later(1)
    with business_time_fixed(at(date(2026, 4, 20))):
        begun("F-2", [plan("30.00", line="plan-2")], party=party, on=date(2026, 4, 20))
    months_later(2)
    second, third = bills_of(party)[1], bills_of(party)[0]
    assert explanation(party, second.number).beside == ()
    found = explanation(party, third.number)
    assert len(found.beside) == 2
    # Twenty of thirty days of the second line were billed when it began.
    assert found.explanation.before == Money.of("50.00")
    assert [(r.why.value, str(r.amount.amount)) for r in found.explanation.reasons] == [
        ("whole_month", "10.00")
    ]
    assert (found.explanation.promised, found.explanation.billed) == (Money.of("60.00"),) * 2
    with CaptureQueriesContext(connection) as asked:
        explanation(party, third.number)
    assert len(asked) <= 15


def test_no_promise_is_laid_over_the_credit_note_of_an_order() -> None:
    party = person()
    promised("F-1", [handset()])
    bill_order(
        order_number="F-1",
        party_id=party,
        segment="consumer",
        charges={"g1": [handset()]},
        tax_rates=RATES,
    )
    credit_order(order_number="F-1", group="g1", party_id=party, segment="consumer")
    note, bill = bills_of(party)
    page = explanation_page(explanation(party, note.number))
    with translation.override("en"):
        sentence = "This credit note takes back what was billed; no promise speaks of it."
        assert explanation_page(explanation(party, note.number))["promise"] == sentence
        assert bill_page(bill_view(party, note.number), payments=())["promise"] == sentence
    assert (page["takes_back"], page["kept"], page["exceptions"]) == (True, True, [])
    assert explanation_page(explanation(party, bill.number))["takes_back"] is False


def test_another_party_is_told_nothing() -> None:
    party = person()
    begun("F-1", [plan("30.00")], party=party)
    with pytest.raises(NotFound):
        explanation(person(), bills_of(party)[0].number)
