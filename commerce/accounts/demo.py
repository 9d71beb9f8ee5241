"""Invented people to try the shop with. The SIREN starts with 0, which no real one does."""

import hashlib
import hmac
from datetime import date
from typing import Any

from django.conf import settings
from django.db import transaction

from commerce.accounts.identity import SYSTEM
from commerce.accounts.kinds import Role, StaffKind
from commerce.accounts.models import ApiClient, Membership, Organisation, StaffRole, Unit, User
from commerce.accounts.selectors import Address
from commerce.accounts.services.customers import add_address, register_customer
from commerce.accounts.services.organisations import (
    add_api_client,
    add_member,
    add_site,
    add_system_client,
    add_unit,
    create_organisation,
)
from commerce.kernel.errors import Forbidden
from commerce.kernel.money import Money

STAFF = (
    ("agent", StaffKind.AGENT, "Nadia", "Benali", "nadia.benali@faisceau.example"),
    ("operator", StaffKind.OPERATOR, "Hugo", "Lefort", "hugo.lefort@faisceau.example"),
    (
        "catalogue_manager",
        StaffKind.CATALOGUE_MANAGER,
        "Inès",
        "Carpentier",
        "ines.carpentier@faisceau.example",
    ),
)
MEMBERS = (
    ("buyer", Role.BUYER, "Paul Rivoire", "paul@rivoire.example", Money.of(5000)),
    ("approver", Role.APPROVER, "Claire Rivoire", "claire@rivoire.example", Money.of(100000)),
)
SIREN = "012345674"
SITES = (
    Address(
        label="Atelier",
        siret="01234567400019",
        name="Atelier Rivoire SAS",
        line1="12 rue des Tisserands",
        postcode="69001",
        city="Lyon",
    ),
    Address(
        label="Entrepôt",
        siret="01234567400027",
        name="Atelier Rivoire SAS, entrepôt",
        line1="4 quai du Canal",
        postcode="31000",
        city="Toulouse",
    ),
)


@transaction.atomic
def load_demo_people() -> dict[str, list[dict[str, str]]]:
    """Make whoever is missing; may be repeated. Returns logins and API clients with secrets.

    Secrets are derived from SECRET_KEY, so that they can be told again.

    Raises:
        Forbidden: this system's clock is real; it is no place for invented people.
    """
    if not settings.VIRTUAL_CLOCK:
        raise Forbidden("Demo people are only made where the clock is virtual.", code="no_demo")
    shopper = _shopper()
    logins = [_login("shopper", shopper)]
    logins += [_login(role, _staff(kind, *names)) for role, kind, *names in STAFF]
    members = _members(_organisation())
    clients = []
    for role, _, _, email, _ in MEMBERS:
        user = User.objects.get(email=email)
        logins.append(_login(role, user))
        clients.append(_client(role, members[role]))
    clients.append(_network())
    return {"logins": logins, "api_clients": clients}


def _shopper() -> User:
    email = "camille@example.test"
    found = User.objects.filter(email=email).first()
    if found is not None:
        return found
    user = register_customer(
        email=email,
        password=demo_secret("login", email),
        first_name="Camille",
        last_name="Martin",
        phone="06 39 98 12 34",
        birth_date=date(1990, 4, 12),
        context=SYSTEM,
    )
    assert user.party_id is not None
    add_address(
        party_id=user.party_id,
        address=Address(
            name="Camille Martin",
            line1="8 rue des Lilas",
            line2="Bâtiment B",
            postcode="75020",
            city="Paris",
            phone="+33639981234",
        ),
    )
    return user


def _staff(kind: StaffKind, first_name: str, last_name: str, email: str) -> User:
    """Oscar's dashboard opens to `is_staff`; only who minds the catalogue needs it."""
    dashboard = kind == StaffKind.CATALOGUE_MANAGER
    user = _user(email, first_name=first_name, last_name=last_name, is_staff=dashboard)
    StaffRole.objects.get_or_create(user=user, kind=kind)
    return user


def _organisation() -> Organisation:
    found = Organisation.objects.filter(siren=SIREN, customer=True).first()
    if found is not None:
        return found
    party_id = create_organisation(
        legal_name="Atelier Rivoire SAS",
        siren=SIREN,
        vat_number=f"FR09{SIREN}",
        email="contact@rivoire.example",
        phone="01 99 00 12 34",
    )
    add_unit(party_id=party_id, name="Équipes mobiles", code="EM-01")
    for site in SITES:
        add_site(party_id=party_id, address=site)
    return Organisation.objects.get(party_id=party_id)


def _members(organisation: Organisation) -> dict[str, Membership]:
    """The buyer sits in the lower unit, the approver at the root."""
    units = Unit.objects.filter(organisation=organisation)
    places = {"buyer": units.exclude(parent=None), "approver": units.filter(parent=None)}
    found: dict[str, Membership] = {}
    for key, role, name, email, limit in MEMBERS:
        first_name, last_name = name.split()
        user = _user(email, first_name=first_name, last_name=last_name)
        unit = places[key].order_by("pk")[0]
        member = Membership.objects.filter(unit=unit, user=user, role=role).first()
        member_id = (
            member.pk
            if member
            else add_member(
                unit_id=unit.pk, name=name, email=email, role=role, limit=limit, user_id=user.pk
            )
        )
        found[key] = Membership.objects.get(pk=member_id)
    return found


def _client(role: str, member: Membership) -> dict[str, str]:
    client_id = f"rivoire-{role}"
    secret = demo_secret("client", client_id, length=40)
    if not ApiClient.objects.filter(membership=member).exists():
        add_api_client(
            membership_id=member.pk,
            name=f"Atelier Rivoire {role}",
            client_id=client_id,
            client_secret=secret,
        )
    return {"role": role, "client_id": client_id, "client_secret": secret}


def _network() -> dict[str, str]:
    """The system that counts what lines use."""
    client_id = "network-usage"
    secret = demo_secret("client", client_id, length=40)
    if not ApiClient.objects.filter(application__client_id=client_id).exists():
        add_system_client(name="Network usage", client_id=client_id, client_secret=secret)
    return {"role": "network", "client_id": client_id, "client_secret": secret}


def _user(email: str, **fields: Any) -> User:
    found = User.objects.filter(email=email).first()
    return found or User.objects.create_user(email, demo_secret("login", email), **fields)


def _login(role: str, user: User) -> dict[str, str]:
    return {"role": role, "email": user.email, "password": demo_secret("login", user.email)}


def demo_secret(*parts: str, length: int = 12) -> str:
    """The same whenever it is asked for, as long as SECRET_KEY is."""
    digest = hmac.new(settings.SECRET_KEY.encode(), "/".join(parts).encode(), hashlib.sha256)
    return digest.hexdigest()[:length]
