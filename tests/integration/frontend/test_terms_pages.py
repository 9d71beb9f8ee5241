"""Operators try a change of running contracts, announce it, and see what became of it."""

import re
from collections.abc import Iterator
from datetime import date

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from commerce.accounts.kinds import StaffKind
from commerce.accounts.models import Party
from commerce.kernel.clock import business_time_fixed
from commerce.notifications.models import Message
from commerce.ordering.models import Order
from commerce.ordering.services.new_terms import on_apply_due
from subscriptions.contracts.services.activate import ActivatedItem, activate
from subscriptions.contracts.services.terms import on_tell_due
from subscriptions.contracts.terms import days_of_campaign, outlook, refused_of
from subscriptions.models import TermsChange, TermsNotice
from tests.factories import PersonFactory
from tests.integration.frontend.test_portal_and_ops import as_staff
from tests.integration.ordering.test_changes import AT
from tests.integration.ordering.test_new_terms import EFFECTIVE, LEAVE_UNTIL, SAID, TODAY
from tests.integration.ordering.test_terminating import CHARGES, contract
from tests.integration.subscriptions.contracts import RATES, at, promised

__all__ = ["AT"]
HERE = "/ops/terms/"
TOLD = {
    "code": "horizon-2028",
    "offering": "horizon-130",
    "segment": "consumer",
    "from_on": "2028-02-15",
    "successor": "grand-large-300",
    "text_fr": SAID["fr"],
    "text_en": SAID["en"],
}
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("demo_catalogue")]


@pytest.fixture(autouse=True)
def _on_the_day() -> Iterator[None]:
    with business_time_fixed(at(TODAY)):
        yield


@pytest.fixture
def operator() -> Client:
    return as_staff(StaffKind.OPERATOR)


def sent(operator: Client, do: str, **changed: str) -> str:
    """What comes of it; announced is what was tried before."""
    shown = operator.post(HERE, {**TOLD, "do": "try"}).content.decode()
    tried = re.search(r'name="tried" value="(\w+)"', shown)
    told = {**TOLD, "do": do, "tried": tried[1] if tried else "", **changed}
    return operator.post(HERE, told, follow=True).content.decode()


def carried_out(*, successor: str = "") -> None:
    terms = TermsChange.objects.get()
    on_tell_due({"terms": terms.pk, "after": 0})
    if successor:
        TermsChange.objects.update(successor=successor)
    with business_time_fixed(at(date(2028, 2, 21), 1)):
        on_apply_due({"terms": terms.pk, "day": EFFECTIVE.isoformat(), "after": 0})


def test_who_is_told_of_what_is_seen_before_anybody_is_told(operator: Client) -> None:
    contract()
    page = sent(operator, "try")
    assert "It touches 1 contract." in page
    assert "23\N{NO-BREAK SPACE}February 2028" in page
    assert "23\N{NO-BREAK SPACE}June 2028" in page
    assert (TermsChange.objects.count(), Message.objects.count()) == (0, 0)
    seen = outlook(offering="horizon-130", segment="consumer", from_on=date(2028, 2, 15))
    assert (seen.contracts, seen.looked_at, seen.unreachable) == (1, 1, 0)
    assert seen.days == ((EFFECTIVE, 1),)
    assert [(each.effective_on, each.leave_until, each.known) for each in seen.first] == [
        (EFFECTIVE, LEAVE_UNTIL, True)
    ]


def test_who_can_not_be_told_is_counted_before(operator: Client) -> None:
    contract()
    Party.objects.update(email="")
    page = sent(operator, "try")
    assert "1 holder can’t be told by e-mail" in page
    seen = outlook(offering="horizon-130", segment="consumer", from_on=date(2028, 2, 15))
    assert (seen.unreachable, seen.days) == (1, ())


def test_what_was_tried_is_announced_once_and_told(operator: Client) -> None:
    contract()
    page = sent(operator, "announce", seen="1")
    assert "Change horizon-2028" in page
    assert TermsChange.objects.get().announced_by
    again = sent(operator, "announce", seen="1")
    assert "A change of that name was announced already." in again
    assert TermsChange.objects.count() == 1
    carried_out()
    assert Message.objects.filter(code="terms_change").count() == 1
    (row,) = days_of_campaign("horizon-2028")
    assert (row[0], row[1].told, row[1].applied, row[1].waits) == (EFFECTIVE, 1, 1, 0)
    page = operator.get(f"{HERE}horizon-2028/").content.decode()
    assert SAID["fr"] in page
    assert SAID["en"] in page


def test_what_was_changed_since_it_was_tried_is_tried_first(operator: Client) -> None:
    contract()
    page = sent(operator, "announce", seen="1", text_en="Something else.")
    assert "Announce it to 1 holder" in page
    assert not TermsChange.objects.exists()
    assert not Message.objects.exists()


@pytest.mark.parametrize("seen", ["", "2", "1.0", "9" * 5000])
def test_nothing_is_announced_to_others_than_were_seen(operator: Client, seen: str) -> None:
    contract()
    page = sent(operator, "announce", seen=seen)
    assert "Meanwhile it touches 1 contracts." in page
    assert not TermsChange.objects.exists()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"from_on": "2028-02-09"}, "too soon"),
        ({"segment": "business"}, "No running contract holds that."),
        ({"text_en": ""}, "This field is required."),
        ({"offering": "unheard-of"}, "Select a valid choice"),
    ],
)
def test_what_can_not_be_announced_is_said_beside_the_form(
    operator: Client, changed: dict[str, str], said: str
) -> None:
    contract()
    answer = operator.post(HERE, {**TOLD, "do": "announce", "seen": "1", **changed})
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert not TermsChange.objects.exists()


def test_what_could_not_be_ordered_is_shown_with_its_reason(operator: Client) -> None:
    contract()
    sent(operator, "announce", seen="1")
    carried_out(successor="grand-large-100000")
    (refused,) = refused_of("horizon-2028")
    assert refused.reason == TermsNotice.objects.get().outcome
    assert Order.objects.count() == 0
    page = operator.get(f"{HERE}horizon-2028/").content.decode()
    assert refused.order_number in page
    assert operator.get(f"{HERE}unheard-of/").status_code == 404


def test_it_asks_as_often_for_two_contracts_as_for_one() -> None:
    contract()
    counts = [asked_of(1)]
    another = PersonFactory.create(display_name="Noé Lambert")
    promised("F-2026-000002", CHARGES)
    activate(
        order_number="F-2026-000002", group="g1", party_id=another.pk, segment="consumer",
        items=[ActivatedItem("plan", "horizon-130", CHARGES)], tax_rates=RATES, term_months=0,
        activated_on=TODAY, release=1, channel="web", msisdn="0639980002",
    )  # fmt: skip
    assert [*counts, asked_of(2)] == [3, 3]


def asked_of(contracts: int) -> int:
    """How many statements it takes to foresee what happens to so many."""
    with CaptureQueriesContext(connection) as asked:
        seen = outlook(offering="horizon-130", segment="consumer", from_on=date(2028, 2, 15))
    assert (seen.contracts, sum(count for _, count in seen.days)) == (contracts, contracts)
    return len(asked)
