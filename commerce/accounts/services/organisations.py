"""Organisations: their identity, units, members and programs."""

from dataclasses import dataclass
from typing import Any

from django.db import transaction
from oauth2_provider.models import get_application_model
from stdnum import exceptions as stdnum_errors
from stdnum.eu import vat
from stdnum.fr import siren as siren_number
from stdnum.fr import siret as siret_number

from commerce.accounts.kinds import MEMBER_ROLES, PartyKind, Role, Segment
from commerce.accounts.models import (
    ApiClient,
    Membership,
    Organisation,
    Party,
    PartyAddress,
    Unit,
    User,
)
from commerce.accounts.selectors import Address
from commerce.accounts.services.customers import clean_email, clean_phone
from commerce.kernel.clock import business_now
from commerce.kernel.errors import Conflict, InvalidInput, NotFound
from commerce.kernel.money import Money


@transaction.atomic
def create_organisation(
    *,
    legal_name: str,
    siren: str,
    email: str,
    vat_number: str = "",
    phone: str = "",
    language: str = "fr",
) -> int:
    """A new organisation with its root unit; returns its party's id.

    Raises:
        InvalidInput: SIREN or VAT number fail their check digits; the field is named.
        Conflict: `siren_taken`.
    """
    siren = _clean_siren(siren)
    if Organisation.objects.filter(siren=siren, customer=True).exists():
        raise Conflict("This organisation is a customer already.", code="siren_taken")
    party = Party.objects.create(
        kind=PartyKind.ORGANISATION,
        segment=Segment.BUSINESS,
        display_name=legal_name.strip(),
        email=clean_email(email),
        phone=clean_phone(phone),
        language=language,
        created_at=business_now(),
    )
    organisation = Organisation.objects.create(
        party=party,
        legal_name=legal_name.strip(),
        siren=siren,
        vat_number=_clean_vat(vat_number, siren=siren),
    )
    Unit.objects.create(organisation=organisation, name=organisation.legal_name)
    return party.pk


@transaction.atomic
def add_unit(*, party_id: int, name: str, code: str = "", parent_id: int | None = None) -> int:
    """A unit below `parent_id` (the root, if none); returns its id.

    Raises:
        NotFound: no such organisation, or the parent isn't one of its units.
    """
    units = Unit.objects.filter(organisation__party_id=party_id)
    parent = units.filter(pk=parent_id) if parent_id is not None else units.filter(parent=None)
    found = parent.first()
    if found is None:
        raise NotFound("There is no such unit.")
    unit = Unit.objects.create(
        organisation_id=found.organisation_id, parent=found, name=name.strip(), code=code.strip()
    )
    return unit.pk


@transaction.atomic
def add_site(*, party_id: int, address: Address) -> int:
    """A place of delivery; returns its id.

    Raises:
        InvalidInput: the SIRET fails its check digit or isn't of this organisation.
        NotFound: no such organisation.
    """
    organisation = Organisation.objects.filter(party_id=party_id).first()
    if organisation is None:
        raise NotFound("There is no such organisation.")
    siret = address.siret.replace(" ", "")
    if siret and not (siret_number.is_valid(siret) and siret.startswith(organisation.siren)):
        raise InvalidInput(
            "This SIRET is not one of the organisation.", code="siret_invalid", field="siret"
        )
    site = PartyAddress.objects.create(
        party_id=party_id,
        label=address.label,
        siret=siret,
        name=address.name,
        line1=address.line1,
        line2=address.line2,
        postcode=address.postcode,
        city=address.city,
        country=address.country,
        phone=address.phone,
        position=PartyAddress.objects.filter(party_id=party_id).count(),
    )
    return site.pk


@transaction.atomic
def add_member(
    *,
    unit_id: int,
    name: str,
    email: str,
    role: Role,
    limit: Money | None = None,
    user_id: int | None = None,
) -> int:
    """Someone's role in a unit; `limit` per order, without tax. Returns the membership's id.

    Raises:
        InvalidInput: a role that members don't have.
        NotFound: no such unit or user.
    """
    if role not in MEMBER_ROLES:
        raise InvalidInput("Members don't have this role.", code="role_unknown", field="role")
    if not Unit.objects.filter(pk=unit_id).exists():
        raise NotFound("There is no such unit.")
    if user_id is not None and not User.objects.filter(pk=user_id).exists():
        raise NotFound("There is no such user.")
    member = Membership.objects.create(
        unit_id=unit_id,
        user_id=user_id,
        name=name.strip(),
        email=clean_email(email),
        role=role,
        order_limit=(limit or Money.zero()).rounded().amount,
    )
    return member.pk


@transaction.atomic
def add_api_client(
    *, membership_id: int, name: str, client_id: str, client_secret: str
) -> ApiClient:
    """A program that acts as the member, by OAuth2 client credentials. The secret is kept hashed.

    Raises:
        NotFound: no such member.
        Conflict: the member has a program already.
    """
    member = Membership.objects.filter(pk=membership_id, active=True).first()
    if member is None:
        raise NotFound("There is no such member.")
    if ApiClient.objects.filter(membership=member).exists():
        raise Conflict("This member has an API client already.", code="client_exists")
    application = _application(name, client_id=client_id, client_secret=client_secret)
    return ApiClient.objects.create(application=application, membership=member, name=name)


def add_system_client(*, name: str, client_id: str, client_secret: str) -> ApiClient:
    """A system of the operator's own, by OAuth2 client credentials; it acts for nobody and may only
    use routes of the policy `reporter`. The secret is kept hashed."""
    application = _application(name, client_id=client_id, client_secret=client_secret)
    return ApiClient.objects.create(application=application, membership=None, name=name)


@dataclass(frozen=True, slots=True)
class Company:
    """Who a merchant is by law, and his seat in France: as our invoices to him name him."""

    legal_name: str
    siren: str
    line1: str
    postcode: str
    city: str
    line2: str = ""
    vat_number: str = ""


@transaction.atomic
def add_merchant(
    *, name: str, email: str, client_id: str, client_secret: str, company: Company | None = None
) -> int:
    """A merchant as a party of his own kind, and his program, by OAuth2 client credentials: it may
    only use routes of the policy `merchant`. The secret is kept hashed. Answers the party's id.

    Raises:
        InvalidInput: SIREN or VAT number of the company fail their check digits, or its name or
        address is missing; the field is named.
    """
    party = Party.objects.create(
        kind=PartyKind.MERCHANT,
        segment=Segment.BUSINESS,
        display_name=name.strip(),
        email=clean_email(email),
    )
    if company is not None:
        _add_company(party, company)
    application = _application(name, client_id=client_id, client_secret=client_secret)
    ApiClient.objects.create(application=application, merchant=party, name=name)
    return party.pk


def _add_company(party: Party, company: Company) -> None:
    for field, most in (("legal_name", 120), ("line1", 120), ("postcode", 10), ("city", 80)):
        if not 1 <= len(getattr(company, field).strip()) <= most:
            raise InvalidInput(
                f"The {field} of the company has from 1 to {most} signs.",
                code="name_missing",
                field=field,
            )
    siren = _clean_siren(company.siren)
    Organisation.objects.create(
        party=party,
        legal_name=company.legal_name.strip(),
        siren=siren,
        vat_number=_clean_vat(company.vat_number, siren=siren),
        customer=False,
    )
    PartyAddress.objects.create(
        party=party,
        name=company.legal_name.strip(),
        line1=company.line1.strip(),
        line2=company.line2.strip()[:120],
        postcode=company.postcode.strip(),
        city=company.city.strip(),
    )


def _application(name: str, *, client_id: str, client_secret: str) -> Any:
    applications = get_application_model()
    return applications.objects.create(
        name=name,
        client_id=client_id,
        client_secret=client_secret,
        client_type=applications.CLIENT_CONFIDENTIAL,
        authorization_grant_type=applications.GRANT_CLIENT_CREDENTIALS,
    )


def _clean_siren(siren: str) -> str:
    try:
        return str(siren_number.validate(siren))
    except stdnum_errors.ValidationError:
        raise InvalidInput(
            "Check the SIREN: nine digits, of which the last one proves the others.",
            code="siren_invalid",
            field="siren",
        ) from None


def _clean_vat(number: str, *, siren: str) -> str:
    """Empty stays empty (a business may have none)."""
    if not number.strip():
        return ""
    try:
        clean = str(vat.validate(number))
    except stdnum_errors.ValidationError:
        clean = ""
    if not clean or (clean.startswith("FR") and not clean.endswith(siren)):
        raise InvalidInput(
            "Check the VAT number: it starts with FR and ends with the SIREN.",
            code="vat_invalid",
            field="vat_number",
        )
    return clean
