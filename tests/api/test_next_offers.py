"""Next best offers by API: the customer's own, with the quote, answered by POST."""

from collections.abc import Iterator

import pytest

from commerce.accounts.models import User
from commerce.kernel.clock import business_time_fixed
from commerce.ordering.models import NextOffer, NextOfferImpression
from subscriptions.models import Subscription
from tests.api.conftest import Api, money
from tests.integration.ordering.test_next_offers import LATE, begin
from tests.integration.subscriptions.contracts import at


@pytest.fixture
def line(shopper: Api, people: dict[str, dict[str, str]]) -> Iterator[Subscription]:
    """The shopper's line, ninety days before it may be left."""
    user = User.objects.get(email=people["shopper"]["email"])
    assert user.party_id is not None
    begin(user.party_id)
    with business_time_fixed(at(LATE)):
        yield Subscription.objects.get()


def test_an_offer_has_its_reason_its_words_and_its_exact_price(
    shopper: Api, line: Subscription
) -> None:
    (offer,) = shopper.get("next-offers").json()["items"]
    assert offer["rule"] == "renew-at-half-price"
    assert offer["reason"] == "commitment_ends"
    assert offer["because"]["line.days_to_commitment_end"] == "83"
    assert offer["text"] == (
        "Your commitment on Horizon 130 5G ends on 23 November 2028. "
        "Commit again for 24 months: half price for six months."
    )
    assert offer["promotion"] == "renew-half"
    assert offer["change"]["first_month"] == money("-10.00")
    assert offer["saving"] == money("60.00")
    assert offer["quote"]["commitment_total"] == money("419.76")
    assert offer["standing"] is None
    assert offer["lead"] == {
        "journey": "renew", "step": "plan", "line": line.pk, "role": "", "offering": "",
        "url": f"/build/renew/plan/?line={line.pk}",
    }  # fmt: skip
    assert NextOfferImpression.objects.get().channel == "web"


def test_accept_leads_on_and_may_be_repeated(shopper: Api, line: Subscription) -> None:
    (offer,) = shopper.get("next-offers").json()["items"]
    for _ in range(2):
        answer = shopper.post(f"next-offers/{offer['id']}/accept")
        assert (answer.status_code, answer.json()["lead"]) == (200, offer["lead"])
    refused = shopper.post(f"next-offers/{offer['id']}/decline", {"reason": "no"})
    assert (refused.status_code, refused.json()["code"]) == (409, "offer_accepted")


def test_decline_keeps_the_reason_and_ends_it(shopper: Api, line: Subscription) -> None:
    (offer,) = shopper.get("next-offers").json()["items"]
    answer = shopper.post(f"next-offers/{offer['id']}/decline", {"reason": "too_dear"})
    assert answer.status_code == 204
    assert NextOffer.objects.get().reason == "too_dear"
    assert shopper.get("next-offers").json() == {"items": []}


def test_a_visitor_and_a_firm_get_none_of_it(visitor: Api, buyer: Api, line: Subscription) -> None:
    assert visitor.get("next-offers").json() == {"items": []}
    assert buyer.get("next-offers").json() == {"items": []}
