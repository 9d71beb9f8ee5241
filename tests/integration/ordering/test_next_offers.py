"""Next best offers on PostgreSQL: made, shown, answered, at rest; alike on every channel."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from catalogue.domain.model import Segment
from commerce.accounts.identity import AccountContext, Actor
from commerce.accounts.kinds import ActorKind, Channel, Role
from commerce.accounts.models import StaffRole, User
from commerce.events.models import OutboxEvent
from commerce.kernel.clock import business_time_fixed
from commerce.kernel.errors import Conflict, Forbidden, NotFound, RuleViolated
from commerce.kernel.money import Money
from commerce.ordering.domain.cart import CartValue
from commerce.ordering.domain.next_offers import Lead
from commerce.ordering.models import NextOffer, NextOfferImpression, Order, OrderItem
from commerce.ordering.services.next_offers import (
    NextOfferView,
    accept_next_offer,
    decline_next_offer,
    show_next_offers,
)
from commerce.ordering.services.pricing import customer_facts, pricing_now
from subscriptions.contracts.services.activate import ActivatedItem, activate
from subscriptions.domain.charges import AgreedCharge
from subscriptions.models import Subscription, SubscriptionItem
from tests.factories import PersonFactory, UserFactory
from tests.integration.subscriptions.contracts import RATES, at, promised

START = date(2026, 11, 23)
"""Horizon 130 with a phone for 24 months: bound until 23 November 2028."""
LATE = date(2028, 9, 1)
ORDER = "F-2026-000001"
CHARGES = (AgreedCharge("plan", "monthly", True, Money.of("19.99"), "telecom"),)
QUERIES = 18
"""At most, when offers are made: the release, the contracts and what they used, what was bought,
the customer, the offers before and after, impressions, savepoints."""
AT = at(START)
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("demo_catalogue")]


@pytest.fixture
def user() -> User:
    """A customer whose line began on 23 November 2026 with a phone."""
    person = PersonFactory.create()
    begin(person.pk)
    return UserFactory.create(party=person, first_name="Camille", language="en")


def begin(
    party: int, *, order: str = ORDER, phone: str = "ardoval-x2-128-nuit", on: date = START
) -> int:
    with business_time_fixed(at(on)):
        promised(order, CHARGES)
        items = {"plan": "horizon-130", "handset": phone, "sim": "esim"}
        return activate(
            order_number=order,
            group="g1",
            party_id=party,
            segment="consumer",
            items=[
                ActivatedItem(role, offering, CHARGES if role == "plan" else ())
                for role, offering in items.items()
            ],
            tax_rates=RATES,
            term_months=24,
            activated_on=on,
            release=1,
            channel="web",
            msisdn="0639980001",
        )


def customer(user: User) -> AccountContext:
    actor = Actor(ActorKind.USER, user.pk, "Camille Martin")
    return AccountContext(actor, user.party_id, Role.CUSTOMER, Channel.WEB)


def shown(user: User, on: date, *, channel: Channel = Channel.WEB) -> tuple[NextOfferView, ...]:
    with business_time_fixed(at(on)):
        return show_next_offers(replace(customer(user), channel=channel))


def codes(user: User, on: date) -> list[str]:
    return [offer.prepared.due.rule.code for offer in shown(user, on)]


def ordered(party: int, number: str, offering: str, role: str, *, on: date, state: str) -> None:
    """An order as it stands in the tables, with one line."""
    order = Order.objects.create(
        number=number, state=state, party_id=party, segment="consumer", channel="web",
        actor_kind="user", actor_name="Camille", release=1, agreed={}, digest="x", basis="TTC",
        due_today=0, gross=0, commitment_total=0, hold_until=at(on), placed_at=at(on),
    )  # fmt: skip
    OrderItem.objects.create(
        order=order, position=1, line_id="1", offering=offering, group="g1", role=role, quantity=1
    )


def test_a_phone_bought_is_offered_what_fits_it_and_the_end_of_the_commitment_a_renewal(
    user: User,
) -> None:
    assert codes(user, START) == ["case-for-your-phone", "screen-protector"]
    assert codes(user, date(2027, 12, 1)) == []
    assert codes(user, LATE) == ["renew-at-half-price"]
    assert codes(user, date(2028, 11, 24)) == []


def test_the_renewal_is_quoted_at_half_price_for_six_months(user: User) -> None:
    (offer,) = shown(user, LATE)
    phases = [(p.first, p.periods, str(p.amount.amount)) for p in offer.prepared.quote.monthly]
    assert phases == [(1, 6, "9.99"), (7, None, "19.99")]
    assert offer.prepared.saving == Money.of("60.00")
    assert offer.prepared.change.total == Money.of("-60.00")
    assert offer.until == at(LATE) + timedelta(days=90)


def test_showing_is_recorded_once_per_channel_and_day(user: User) -> None:
    first, again = shown(user, LATE), shown(user, LATE)
    shown(user, LATE, channel=Channel.CALL_CENTRE)
    shown(user, LATE + timedelta(days=1))
    assert [offer.id for offer in first] == [offer.id for offer in again]
    assert NextOffer.objects.count() == 1
    seen = NextOfferImpression.objects.order_by("pk").values_list("channel", "on")
    assert list(seen) == [
        ("web", LATE), ("call_centre", LATE), ("web", LATE + timedelta(days=1)),
    ]  # fmt: skip


def test_what_was_shown_often_enough_is_shown_no_more(user: User) -> None:
    for day in range(20):
        assert "case-for-your-phone" in codes(user, START + timedelta(days=day))
    assert "case-for-your-phone" not in codes(user, START + timedelta(days=20))


def test_a_declined_offer_rests_for_its_cool_down_and_comes_back_as_a_new_one(user: User) -> None:
    (offer,) = shown(user, LATE)
    with business_time_fixed(at(LATE)):
        decline_next_offer(customer(user), offer_id=offer.id, reason="too_dear")
        decline_next_offer(customer(user), offer_id=offer.id, reason="said twice")
        with pytest.raises(Conflict) as refused:
            accept_next_offer(customer(user), offer_id=offer.id)
    assert refused.value.code == "offer_declined"
    row = NextOffer.objects.get()
    told = (row.state, row.decided_channel, row.decided_by, row.reason, row.decided_at)
    assert told == ("declined", "web", "Camille Martin", "too_dear", at(LATE))
    assert codes(user, LATE + timedelta(days=29)) == []
    (later,) = shown(user, LATE + timedelta(days=30))
    assert later.id != offer.id


def test_an_accepted_offer_leads_to_its_journey_however_often_it_is_asked(user: User) -> None:
    (offer,) = shown(user, LATE)
    line = Subscription.objects.get().pk
    with business_time_fixed(at(LATE)):
        for _ in range(2):
            lead = accept_next_offer(customer(user), offer_id=offer.id)
            assert lead == Lead("renew", "plan", line)
        with pytest.raises(Conflict) as refused:
            decline_next_offer(customer(user), offer_id=offer.id)
    assert refused.value.code == "offer_accepted"
    assert NextOffer.objects.get().state == "accepted"
    told = OutboxEvent.objects.get(name="NextOfferAccepted").payload
    assert (told["rule"], told["entry"], told["line"]) == ("renew-at-half-price", "renew", line)


def test_an_offer_ends_with_its_time_and_rests_unanswered(user: User) -> None:
    case = shown(user, START)[0]
    over = START + timedelta(days=60)
    with business_time_fixed(at(over)), pytest.raises(RuleViolated) as refused:
        accept_next_offer(customer(user), offer_id=case.id)
    assert refused.value.code == "offer_over"
    assert codes(user, over) == []
    assert codes(user, over + timedelta(days=89)) == []
    assert codes(user, over + timedelta(days=91)) == ["case-for-your-phone", "screen-protector"]


def test_an_offer_is_its_partys_alone(user: User) -> None:
    offer = shown(user, START)[0]
    other = UserFactory.create(party=PersonFactory.create(display_name="Nora Petit"))
    assert shown(other, START) == ()
    nobody = replace(customer(user), party_id=None, role=Role.VISITOR)
    with business_time_fixed(at(START)):
        assert show_next_offers(nobody) == ()
        for stranger in (customer(other), nobody):
            with pytest.raises(NotFound):
                accept_next_offer(stranger, offer_id=offer.id)
            with pytest.raises(NotFound):
                decline_next_offer(stranger, offer_id=offer.id)
    assert NextOffer.objects.filter(state="open").count() == 2


def test_an_agent_records_an_answer_only_of_a_caller_whom_he_knows(user: User) -> None:
    offer = shown(user, START)[0]
    agent = replace(customer(user), role=Role.AGENT, channel=Channel.CALL_CENTRE)
    with business_time_fixed(at(START)), pytest.raises(Forbidden) as refused:
        decline_next_offer(agent, offer_id=offer.id)
    assert refused.value.code == "caller_not_verified"


def test_a_case_bought_in_any_order_ends_its_offer(user: User) -> None:
    assert user.party_id is not None
    ordered(user.party_id, "F-2026-000002", "coque-ardoval-x2", "accessory", on=START,
            state="in_progress")  # fmt: skip
    assert codes(user, START) == ["screen-protector"]


def test_a_phone_on_its_way_is_offered_its_case_before_the_line_is_there(user: User) -> None:
    person = PersonFactory.create(display_name="Nora Petit")
    other = UserFactory.create(party=person)
    ordered(person.pk, "F-2026-000003", "ardoval-x2-128-nuit", "handset", on=START,
            state="accepted")  # fmt: skip
    found = shown(other, START)
    leads = [offer.prepared.lead for offer in found]
    assert leads == [
        Lead("add", "extras", 0, "accessory", "coque-ardoval-x2"),
        Lead("add", "extras", 0, "accessory", "verre-6-4"),
    ]
    begin(person.pk, order="F-2026-000003")
    assert [offer.id for offer in shown(other, START)] == [offer.id for offer in found]


def test_the_queries_do_not_grow_with_lines(user: User) -> None:
    counted = []
    for number in (2, 3):
        with CaptureQueriesContext(connection) as asked:
            shown(user, START)
        counted.append(len(asked))
        assert user.party_id is not None
        begin(user.party_id, order=f"F-2026-00000{number}")
    with CaptureQueriesContext(connection) as asked:
        shown(user, START)
    assert max(*counted, len(asked)) <= QUERIES
    assert len(asked) <= counted[0]


def test_a_quote_knows_what_a_customer_has(user: User) -> None:
    with business_time_fixed(at(LATE)):
        value = CartValue("", (), Segment.CONSUMER, "web")
        facts = customer_facts(value, pricing=pricing_now(), party_id=user.party_id)
    assert facts.tenure_months == 21
    assert facts.lines == 1
    assert facts.owns == ("ardoval-x2-128-nuit", "esim", "horizon-130")
    assert facts.months_to_commitment_end == 2


def page(client: Client, path: str, on: date) -> str:
    with business_time_fixed(at(on)):
        answer = client.get(path)
    assert answer.status_code == 200
    return answer.content.decode().replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ("For you", "Renew at half price", "ends on 23 November 2028", "€60 less")),
        ("fr", ("Pour vous", "Renouvelez à moitié prix", "le 23 novembre 2028", "60 € de moins")),
    ],
)
def test_the_account_shows_it_and_leads_on(
    user: User, language: str, words: tuple[str, ...]
) -> None:
    client = Client(headers={"accept-language": language})
    client.force_login(user, "django.contrib.auth.backends.ModelBackend")
    text = page(client, "/account/", LATE)
    for word in words:
        assert word in text, word
    offer, line = NextOffer.objects.get(), Subscription.objects.get()
    with business_time_fixed(at(LATE)):
        answer = client.post(f"/account/offers/{offer.pk}/accept/")
    assert answer["Location"] == f"/build/renew/plan/?line={line.pk}"
    renewal = page(client, answer["Location"], LATE)
    assert ("half price" if language == "en" else "Moitié prix") in renewal.replace("Half", "half")


def test_the_agent_says_it_and_notes_the_answer(user: User) -> None:
    agent = UserFactory.create(first_name="Nadia", last_name="Benali")
    StaffRole.objects.create(user=agent, kind="agent")
    client = Client(headers={"accept-language": "en"})
    client.force_login(agent, "django.contrib.auth.backends.ModelBackend")
    with business_time_fixed(at(LATE)):
        about = {"reason": "order", "channel": "call_centre", "party": user.party_id}
        client.post("/agent/contacts/", about)
        text = client.get("/agent/contact/").content.decode()
        assert "Shall I show you the price?" in text
        offer = NextOffer.objects.get()
        client.post("/agent/contact/check/", {"facts": ["birth_date", "address"], "passed": "yes"})
        client.post(f"/agent/offers/{offer.pk}/", {"answer": "decline", "reason": "has_one"})
    offer.refresh_from_db()
    told = (offer.state, offer.decided_channel, offer.decided_by, offer.reason)
    assert told == ("declined", "call_centre", "Nadia Benali", "has_one")


def test_items_of_a_contract_that_ended_are_not_owned(user: User) -> None:
    SubscriptionItem.objects.filter(offering="ardoval-x2-128-nuit").update(until_on=START)
    assert codes(user, START) == []
