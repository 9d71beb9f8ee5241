"""The pages of a contract's timeline, and where its holder says whether what is free goes on."""

from datetime import date

import pytest
from django.test import Client

from commerce.accounts.context import CONTACT
from commerce.accounts.models import Contact, StaffRole, User
from commerce.kernel.clock import business_time_fixed
from subscriptions.models import (
    PaidContinuation,
    Subscription,
    SubscriptionItem,
    TermsChange,
    TermsNotice,
)
from tests.factories import PersonFactory, UserFactory
from tests.integration.frontend.test_customer_area import browser
from tests.integration.ordering.test_changes import AT
from tests.integration.ordering.test_paid_later import begin
from tests.integration.subscriptions.contracts import at

__all__ = ["AT"]
DAY = date(2027, 2, 9)
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("demo_catalogue")]


@pytest.fixture
def camille() -> User:
    person = PersonFactory.create(display_name="Camille Martin", email="camille@example.test")
    begin(person.pk)
    user: User = UserFactory.create(party=person, language="en")
    return user


def page(client: Client, path: str) -> str:
    with business_time_fixed(at(DAY)):
        return " ".join(client.get(path).content.decode().split())


def answer(client: Client, area: str, **said: str) -> str:
    line, item = Subscription.objects.get().pk, SubscriptionItem.objects.get(line_id="music").pk
    with business_time_fixed(at(DAY)):
        path = f"/{area}/lines/{line}/paid-later/{item}/"
        return " ".join(client.post(path, said, follow=True).content.decode().split())


def test_the_holder_answers_on_the_page_of_the_line(camille: User) -> None:
    shop, line = browser(camille), Subscription.objects.get().pk
    shown = page(shop, f"/account/lines/{line}/")
    assert "Free until 23 February 2027." in shown
    assert "Without a yes it ends on 23 February 2027 and costs nothing." in shown
    assert "Kept: it goes on." in answer(shop, "account", agreed="yes")
    assert PaidContinuation.objects.get().agreed is True
    shown = page(shop, f"/account/lines/{line}/")
    assert "Agreed to on 9 February 2027" in shown
    assert "No, let it end" in shown


def test_the_timeline_says_what_is_to_come_and_why_in_both_languages(camille: User) -> None:
    shop, line = browser(camille), Subscription.objects.get().pk
    shown = page(shop, f"/account/lines/{line}/timeline/")
    assert "The contract began: Horizon 130, Ondine Music." in shown
    assert "Ondine Music ends, unless it is agreed to before." in shown
    assert "The commitment ends." in shown
    french = Client(headers={"accept-language": "fr"})
    french.force_login(camille, backend="django.contrib.auth.backends.ModelBackend")
    assert "Le contrat a commencé" in page(french, f"/account/lines/{line}/timeline/")


def test_who_is_told_of_a_change_sees_that_leaving_is_free_and_until_when(camille: User) -> None:
    terms = TermsChange.objects.create(
        code="horizon-2027", offering="horizon-130", segment="consumer", from_on=date(2027, 3, 10),
        names={"en": "New conditions.", "fr": "Nouvelles conditions."}, announced_at=at(DAY),
    )  # fmt: skip
    TermsNotice.objects.create(
        terms=terms, item=SubscriptionItem.objects.get(line_id="plan"), told_at=at(DAY),
        effective_on=date(2027, 3, 23),
    )  # fmt: skip
    shop, line = browser(camille), Subscription.objects.get().pk
    shown = page(shop, f"/account/lines/{line}/change/terminate/")
    assert "until 23 July 2027 you end it free of charge" in shown
    assert "Nothing is owed." in shown
    assert "A change was announced: New conditions." in page(
        shop, f"/account/lines/{line}/timeline/"
    )


def test_an_agent_notes_a_yes_with_its_record(camille: User) -> None:
    nadia = User.objects.create(email="nadia@example.test")
    StaffRole.objects.create(user=nadia, kind="agent")
    contact = Contact.objects.create(
        agent=nadia, party_id=camille.party_id, reason="line", verified=True
    )
    desk = browser(nadia)
    session = desk.session
    session[CONTACT] = contact.pk
    session.save()
    line = Subscription.objects.get().pk
    shown = page(desk, f"/agent/lines/{line}/timeline/")
    assert "Where the yes is recorded" in shown
    assert "Say where the customer&#x27;s yes is recorded." in answer(desk, "agent", agreed="yes")
    assert PaidContinuation.objects.get().agreed is None
    answer(desk, "agent", agreed="yes", record="REC-7")
    assert PaidContinuation.objects.get().record == "REC-7"
