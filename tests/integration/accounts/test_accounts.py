"""Who is who: customers, organisations with limits, agents who act for a party and never as it."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.signed_cookies import SessionStore
from django.http import HttpRequest
from django.test import RequestFactory

from commerce.accounts import selectors
from commerce.accounts.context import (
    AccountContext,
    Actor,
    ActorKind,
    Channel,
    Role,
    context_for_request,
)
from commerce.accounts.models import Consent, Contact, Party, StaffRole, TimelineEntry, Unit, User
from commerce.accounts.selectors import Address, approver_for
from commerce.accounts.services import contacts, customers, organisations
from commerce.accounts.services.consents import record_consent
from commerce.accounts.session import log_in, log_out
from commerce.events.models import OutboxEvent
from commerce.kernel.clock import business_now, business_time_fixed
from commerce.kernel.errors import Conflict, Forbidden, InvalidInput, NotFound
from commerce.kernel.money import Money

pytestmark = pytest.mark.django_db
PASSWORD = "lavender-on-the-7th-hill"
SIREN = "012345674"


def browser(cookies: dict[str, str] | None = None) -> Any:
    request = RequestFactory().post("/")
    request.session = SessionStore()
    request.user = AnonymousUser()
    request.COOKIES.update(cookies or {})
    return request


def visitor(key: str = "v1") -> AccountContext:
    actor = Actor(ActorKind.VISITOR, None, "visitor")
    return AccountContext(actor, None, Role.VISITOR, Channel.WEB, visitor_key=key)


def customer(email: str = "ada@example.test", **more: Any) -> User:
    wishes: dict[str, Any] = {
        "email": email,
        "password": PASSWORD,
        "first_name": "Ada",
        "last_name": "Martin",
        "context": visitor(),
        **more,
    }
    return customers.register_customer(**wishes)


def agent(email: str = "nadia@faisceau.example") -> AccountContext:
    user = User.objects.create_user(email, PASSWORD, first_name="Nadia", last_name="Benali")
    StaffRole.objects.create(user=user, kind="agent")
    return of_user(user)


def of_user(user: User) -> AccountContext:
    request: HttpRequest = browser()
    request.user = user
    return context_for_request(request)


def test_registering_makes_the_visitors_things_the_customers() -> None:
    user = customer(phone="06 39 98 12 34")
    assert user.party_id is not None
    facts = selectors.party(user.party_id)
    assert (facts.name, facts.email, facts.phone) == (
        "Ada Martin",
        "ada@example.test",
        "+33639981234",
    )
    told = OutboxEvent.objects.get(name="VisitorIdentified")
    assert told.payload == {"visitor_key": "v1", "party_id": user.party_id}
    assert [line.code for line in selectors.timeline(user.party_id)] == ["registered"]


def test_one_e_mail_is_one_login_whatever_its_case() -> None:
    customer()
    with pytest.raises(Conflict) as refusal:
        customer(email=" ADA@example.test ")
    assert refusal.value.code == "email_taken"
    assert (Party.objects.count(), User.objects.count()) == (1, 1)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"email": "ada"}, "email"),
        ({"password": "12345"}, "password"),
        ({"password": "ada@example.test"}, "password"),
        ({"phone": "12"}, "phone"),
        ({"first_name": " "}, "first_name"),
        ({"last_name": "x" * 81}, "last_name"),
    ],
)
def test_what_cannot_be_is_refused_by_field_and_nothing_is_written(
    wrong: dict[str, str], field: str
) -> None:
    with pytest.raises(InvalidInput) as refusal:
        customer(**wrong)
    assert refusal.value.detail["field"] == field
    assert not Party.objects.exists()


def test_knowing_an_address_does_not_give_its_owners_account() -> None:
    owner = customer()
    party_id = customers.customer_for_checkout(
        email="ada@example.test", first_name="Eve", last_name="Nil", context=visitor("v2")
    )
    assert party_id != owner.party_id
    assert of_user(owner).party_id == owner.party_id
    assert customers.customer_for_checkout(
        email="x@example.test", first_name="A", last_name="B", context=of_user(owner)
    ) == (owner.party_id)


def test_the_same_address_is_kept_once() -> None:
    user = customer()
    assert user.party_id is not None
    home = Address(name="Ada", line1="1 rue X", postcode="75001", city="Paris")
    first = customers.add_address(party_id=user.party_id, address=home)
    assert customers.add_address(party_id=user.party_id, address=home) == first
    with pytest.raises(InvalidInput) as refusal:
        customers.add_address(
            party_id=user.party_id,
            address=Address(name="Ada", line1="1 rue X", postcode="7500", city="Paris"),
        )
    assert refusal.value.code == "postcode_malformed"


def test_a_visitor_keeps_his_key_and_loses_it_at_log_out() -> None:
    request = browser()
    key = context_for_request(request).visitor_key
    assert key is not None
    assert context_for_request(request).visitor_key == key
    assert request._new_visitor == key
    log_out(request)
    assert context_for_request(request).visitor_key not in (key, None)


def test_a_forged_visitor_cookie_is_another_visitor() -> None:
    assert context_for_request(browser({"visitor": "v1:forged"})).visitor_key != "v1"


def test_logging_in_gives_the_customers_context(client: Any) -> None:
    user = customer()
    request = browser()
    assert log_in(request, email="ada@example.test", password="wrong") is None
    context = log_in(request, email=" Ada@Example.test", password=PASSWORD)
    assert context is not None
    assert (context.role, context.party_id, context.channel) == (
        Role.CUSTOMER,
        user.party_id,
        Channel.WEB,
    )
    assert OutboxEvent.objects.filter(name="VisitorIdentified").count() == 2


@pytest.fixture
def firm() -> int:
    return organisations.create_organisation(
        legal_name="Atelier Rivoire SAS",
        siren="012 345 674",
        vat_number="FR09012345674",
        email="contact@rivoire.example",
    )


def root_of(party_id: int) -> int:
    return Unit.objects.get(organisation__party_id=party_id, parent=None).pk


def member(unit_id: int, name: str, role: Role, limit: int, user_id: int | None = None) -> int:
    return organisations.add_member(
        unit_id=unit_id,
        name=name,
        email="member@rivoire.example",
        role=role,
        limit=Money.of(limit),
        user_id=user_id,
    )


@pytest.mark.parametrize(
    ("siren", "vat", "field"),
    [("012345675", "", "siren"), ("12", "", "siren"), (SIREN, "FR10012345674", "vat_number"),
     (SIREN, "FR83404833048", "vat_number")],
)  # fmt: skip
def test_numbers_of_organisations_are_checked_by_their_keys(
    siren: str, vat: str, field: str
) -> None:
    with pytest.raises(InvalidInput) as refusal:
        organisations.create_organisation(
            legal_name="X", siren=siren, vat_number=vat, email="x@example.test"
        )
    assert refusal.value.detail["field"] == field
    assert not Party.objects.exists()


def test_an_organisation_is_there_once(firm: int) -> None:
    with pytest.raises(Conflict):
        organisations.create_organisation(legal_name="Y", siren=SIREN, email="y@example.test")
    assert selectors.organisation(firm).siren == SIREN


def test_a_site_has_a_siret_of_the_organisation(firm: int) -> None:
    site = Address(name="X", line1="1 rue X", postcode="69001", city="Lyon")
    organisations.add_site(party_id=firm, address=site)
    for siret in ("01234567400018", "73282932000074"):
        with pytest.raises(InvalidInput):
            organisations.add_site(
                party_id=firm,
                address=Address(
                    name="X", line1="1 rue X", postcode="69001", city="Lyon", siret=siret
                ),
            )
    assert [entry.name for entry in selectors.organisation(firm).sites] == ["X"]


def test_the_nearest_approver_with_enough_limit_is_found_up_the_tree(firm: int) -> None:
    root = root_of(firm)
    team = organisations.add_unit(party_id=firm, name="Team")
    buyer = member(team, "Paul", Role.BUYER, 5000)
    near = member(team, "Nora", Role.APPROVER, 10_000)
    small = member(root, "Sam", Role.APPROVER, 20_000)
    great = member(root, "Greta", Role.APPROVER, 100_000)

    def who(amount: int) -> int | None:
        found = approver_for(unit_id=team, amount=Money.of(amount), buyer_id=buyer)
        return found.id if found else None

    assert [who(9000), who(10_000), who(10_001), who(100_000)] == [near, near, small, great]
    assert who(100_001) is None
    assert selectors.limit_of(buyer) == Money.of("5000.00")


def test_nobody_approves_his_own_order_in_another_role(firm: int) -> None:
    user = User.objects.create_user("paul@rivoire.example", PASSWORD)
    root = root_of(firm)
    buyer = member(root, "Paul", Role.BUYER, 5000, user.pk)
    member(root, "Paul", Role.APPROVER, 50_000, user.pk)
    assert approver_for(unit_id=root, amount=Money.of(6000), buyer_id=buyer) is None
    approver = member(root, "Claire", Role.APPROVER, 50_000)
    found = approver_for(unit_id=root, amount=Money.of(6000), buyer_id=buyer)
    assert found is not None
    assert found.id == approver


def test_a_member_acts_in_the_portal_for_the_organisation(firm: int) -> None:
    user = User.objects.create_user("paul@rivoire.example", PASSWORD)
    membership = member(root_of(firm), "Paul", Role.BUYER, 5000, user.pk)
    context = of_user(user)
    assert (context.role, context.party_id, context.channel, context.membership_id) == (
        Role.BUYER,
        firm,
        Channel.PORTAL,
        membership,
    )


def test_an_agent_has_a_party_within_a_contact_only_and_every_act_names_him() -> None:
    party_id = customer().party_id
    assert party_id is not None
    context = agent()
    assert (context.role, context.party_id) == (Role.AGENT, None)
    request = browser()
    request.user = User.objects.get(email="nadia@faisceau.example")
    contact = contacts.begin_contact(
        context=context, party_id=party_id, reason="cart", note="wants music too"
    )
    acting = contacts.enter_contact(request, contact_id=contact)
    assert (acting.party_id, acting.contact_id, acting.channel) == (
        party_id,
        contact,
        Channel.CALL_CENTRE,
    )
    with pytest.raises(Forbidden, match="Verify"):
        contacts.require_verified(acting)
    level = contacts.verify_caller(
        context=acting, contact_id=contact, facts_checked=["birth_date", "address"], passed=True
    )
    assert level == "L1"
    contacts.require_verified(acting)
    contacts.end_contact(context=acting, contact_id=contact, note="done")
    contacts.end_contact(context=acting, contact_id=contact, note="again")
    with pytest.raises(Forbidden):
        contacts.require_verified(acting)
    lines = selectors.timeline(party_id)
    assert [line.code for line in lines] == [
        "contact_ended",
        "caller_verified",
        "contact_begun",
        "registered",
    ]
    assert {line.actor for line in lines[:3]} == {"Nadia Benali"}
    assert selectors.contact(contact).note == "wants music too\ndone"


def test_a_failed_check_leaves_the_caller_unverified_and_no_answer_is_stored() -> None:
    party_id = customer().party_id
    context = agent()
    contact = contacts.begin_contact(context=context, party_id=party_id, reason="order")
    level = contacts.verify_caller(
        context=context, contact_id=contact, facts_checked=["sms_code"], passed=False
    )
    row = Contact.objects.get(pk=contact)
    assert (level, row.verified, row.facts_checked) == ("L0", False, ["sms_code"])
    with pytest.raises(InvalidInput):
        contacts.verify_caller(
            context=context, contact_id=contact, facts_checked=["1990-04-12"], passed=True
        )


def test_contacts_are_for_agents_and_each_has_his_own() -> None:
    user = customer()
    with pytest.raises(Forbidden):
        contacts.begin_contact(context=of_user(user), party_id=user.party_id, reason="x")
    mine = contacts.begin_contact(context=agent(), party_id=user.party_id, reason="x")
    with pytest.raises(NotFound):
        contacts.end_contact(context=agent("other@faisceau.example"), contact_id=mine)
    assert Contact.objects.get().ended_at is None


def test_a_consent_keeps_its_text_version_channel_actor_and_business_time() -> None:
    party_id = customer().party_id
    at = business_now() + timedelta(days=40)
    with business_time_fixed(at):
        record_consent(
            context=visitor(), party_id=party_id, purpose="early_execution", text_version="2026-1"
        )
    row = Consent.objects.get()
    assert (row.purpose, row.text_version, row.granted, row.channel, row.at) == (
        "early_execution",
        "2026-1",
        True,
        "web",
        at,
    )
    assert TimelineEntry.objects.filter(code="consent_given").count() == 1


def test_what_is_not_there_is_not_found() -> None:
    for read in (selectors.party, selectors.organisation, selectors.contact):
        with pytest.raises(NotFound):
            read(10**6)
