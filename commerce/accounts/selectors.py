"""Reads: parties, organisations, members and their limits, timelines."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db.models import Q

from commerce.accounts.kinds import (
    Channel,
    EntryKind,
    PartyKind,
    Role,
    Segment,
    Verification,
)
from commerce.accounts.models import (
    ApiClient,
    Contact,
    Membership,
    Organisation,
    Party,
    PartyAddress,
    Person,
    TimelineEntry,
    Unit,
    User,
)
from commerce.kernel.errors import NotFound
from commerce.kernel.money import Money
from commerce.rows import Given, Prepared

MOST_FOUND = 20
_PARTY = Prepared(lambda: Party.objects.filter(pk=Given("id")))


@dataclass(frozen=True, slots=True)
class Address:
    """A postal address; `id` is None for one that isn't stored with a party."""

    name: str
    line1: str
    postcode: str
    city: str
    line2: str = ""
    country: str = "FR"
    phone: str = ""
    label: str = ""
    id: int | None = None
    siret: str = ""

    def as_json(self) -> dict[str, str]:
        """What providers and stored orders need of it."""
        return {
            "name": self.name,
            "line1": self.line1,
            "line2": self.line2,
            "postcode": self.postcode,
            "city": self.city,
            "country": self.country,
            "phone": self.phone,
        }


@dataclass(frozen=True, slots=True)
class PartyFacts:
    id: int
    kind: PartyKind
    segment: Segment
    name: str
    email: str
    phone: str
    language: str
    addresses: tuple[Address, ...]
    first_name: str = ""
    last_name: str = ""
    birth_date: date | None = None


@dataclass(frozen=True, slots=True)
class PartyReach:
    """How messages reach a party, and in which language."""

    email: str
    phone: str
    language: str


@dataclass(frozen=True, slots=True)
class LegalIdentity:
    """A party as a contract or a bill names it; the numbers are empty for a person."""

    name: str
    line1: str
    line2: str
    postcode: str
    city: str
    country: str
    company_number: str
    site_number: str
    vat_number: str
    language: str


@dataclass(frozen=True, slots=True)
class UnitFacts:
    id: int
    parent_id: int | None
    name: str
    code: str


@dataclass(frozen=True, slots=True)
class MemberFacts:
    """`limit` is without tax and per order; zero may not order by himself."""

    id: int
    name: str
    email: str
    role: Role
    limit: Money
    unit_id: int
    party_id: int
    user_id: int | None


@dataclass(frozen=True, slots=True)
class OrganisationFacts:
    party_id: int
    legal_name: str
    siren: str
    vat_number: str
    units: tuple[UnitFacts, ...]
    sites: tuple[Address, ...]
    members: tuple[MemberFacts, ...]


@dataclass(frozen=True, slots=True)
class TimelineLine:
    """One thing that happened; the page makes the sentence of `code` and `values`."""

    id: int
    at: datetime
    kind: EntryKind
    code: str
    values: Mapping[str, Any]
    actor: str
    channel: Channel


@dataclass(frozen=True, slots=True)
class ContactFacts:
    id: int
    party_id: int | None
    reason: str
    note: str
    facts_checked: tuple[str, ...]
    verified: bool
    level: Verification
    agent: str
    started_at: datetime
    ended_at: datetime | None


def party(party_id: int) -> PartyFacts:
    """Raises NotFound when there is no such party."""
    found = Party.objects.filter(pk=party_id).prefetch_related("addresses").first()
    if found is None:
        raise NotFound("There is no such customer.")
    person = (
        Person.objects.filter(party_id=party_id).first() if found.kind == PartyKind.PERSON else None
    )
    return _party(found, person)


def has_login(party_id: int) -> bool:
    """Whether somebody can log in as this customer."""
    return User.objects.filter(party_id=party_id, is_active=True).exists()


def reach(party_id: int) -> PartyReach:
    """How to reach a party; one query. Raises NotFound when there is no such party."""
    found = _PARTY.first(id=party_id)
    if found is None:
        raise NotFound("There is no such customer.")
    return PartyReach(found.email, found.phone, found.language)


def with_email(party_ids: Collection[int]) -> frozenset[int]:
    """Those of the parties that an e-mail reaches; one query."""
    rows = Party.objects.filter(pk__in=party_ids).exclude(email="")
    return frozenset(rows.values_list("pk", flat=True))


def legal_identities(party_ids: Collection[int]) -> Mapping[int, LegalIdentity]:
    """Each of the parties by id, with its first address; two queries whatever their number."""
    first = (
        PartyAddress.objects.filter(party__in=party_ids)
        .order_by("party_id", "position", "pk")
        .distinct("party_id")
    )
    homes = {row.party_id: row for row in first}
    parties = Party.objects.filter(pk__in=party_ids).values_list(
        *("pk", "display_name", "language"),
        *("organisation__legal_name", "organisation__siren", "organisation__vat_number"),
    )
    found = {}
    for pk, name, language, legal_name, siren, vat_number in parties:
        home = homes.get(pk)
        found[pk] = LegalIdentity(
            name=legal_name or name,
            line1=home.line1 if home else "",
            line2=home.line2 if home else "",
            postcode=home.postcode if home else "",
            city=home.city if home else "",
            country=home.country if home else "FR",
            company_number=siren or "",
            site_number=home.siret if home and siren else "",
            vat_number=vat_number or "",
            language=language,
        )
    return found


def organisation(party_id: int) -> OrganisationFacts:
    """Raises NotFound when the party is no organisation."""
    found = Organisation.objects.filter(party_id=party_id).select_related("party").first()
    if found is None:
        raise NotFound("There is no such organisation.")
    units = Unit.objects.filter(organisation=found).order_by("pk")
    members = Membership.objects.filter(unit__organisation=found, active=True)
    return OrganisationFacts(
        party_id=party_id,
        legal_name=found.legal_name,
        siren=found.siren,
        vat_number=found.vat_number,
        units=tuple(UnitFacts(u.pk, u.parent_id, u.name, u.code) for u in units),
        sites=tuple(address_of(site) for site in found.party.addresses.all()),
        members=tuple(
            _member(member)
            for member in members.select_related("unit__organisation").order_by("pk")
        ),
    )


def membership(membership_id: int) -> MemberFacts:
    """Raises NotFound when there is no such active member."""
    found = (
        Membership.objects.filter(pk=membership_id, active=True)
        .select_related("unit__organisation")
        .first()
    )
    if found is None:
        raise NotFound("There is no such member.")
    return _member(found)


def limit_of(membership_id: int) -> Money:
    """What the member may order by himself, without tax, per order."""
    return membership(membership_id).limit


def approver_for(*, unit_id: int, amount: Money, buyer_id: int) -> MemberFacts | None:
    """The nearest approver, walking up the tree, whose limit reaches `amount`; never the buyer.

    Also nobody who logs in as the same user as the buyer. In one unit the smallest limit that is
    enough wins, ties by age of the membership. None if nobody may approve so much.
    """
    buyer = Membership.objects.filter(pk=buyer_id).first()
    unit: Unit | None = Unit.objects.filter(pk=unit_id).first()
    while unit is not None:
        candidates = Membership.objects.filter(
            unit=unit, active=True, role=Role.APPROVER, order_limit__gte=amount.amount
        ).exclude(pk=buyer_id)
        if buyer is not None and buyer.user_id is not None:
            candidates = candidates.exclude(user_id=buyer.user_id)
        found = (
            candidates.select_related("unit__organisation").order_by("order_limit", "pk").first()
        )
        if found is not None:
            return _member(found)
        unit = unit.parent
    return None


def timeline(party_id: int, *, limit: int = 100) -> tuple[TimelineLine, ...]:
    """What happened with the customer in all channels, newest first."""
    return tuple(
        TimelineLine(
            id=entry.pk,
            at=entry.at,
            kind=EntryKind(entry.kind),
            code=entry.code,
            values=entry.values,
            actor=entry.actor_name,
            channel=Channel(entry.channel),
        )
        for entry in TimelineEntry.objects.filter(party_id=party_id).order_by("-at", "-pk")[:limit]
    )


def contact(contact_id: int) -> ContactFacts:
    """Raises NotFound when there is no such contact."""
    found = Contact.objects.filter(pk=contact_id).select_related("agent").first()
    if found is None:
        raise NotFound("There is no such contact.")
    return _contact(found)


def contacts(party_id: int, *, limit: int = 20) -> tuple[ContactFacts, ...]:
    """The conversations with a party, newest first."""
    found = Contact.objects.filter(party_id=party_id).select_related("agent")
    return tuple(_contact(entry) for entry in found.order_by("-started_at", "-pk")[:limit])


def find_parties(text: str) -> tuple[PartyFacts, ...]:
    """Customers by the beginning of a name or by the whole e-mail or phone; 20 at most."""
    text = text.strip()
    if len(text) < 2:
        return ()
    found = (
        Party.objects.exclude(kind=PartyKind.MERCHANT)
        .filter(
            Q(display_name__istartswith=text)
            | Q(person__last_name__istartswith=text)
            | Q(email__iexact=text)
            | Q(phone=text)
        )
        .select_related("person")
    )
    return tuple(
        _party(entry, getattr(entry, "person", None))
        for entry in found.prefetch_related("addresses").order_by("display_name", "pk")[:MOST_FOUND]
    )


def address_of(row: PartyAddress) -> Address:
    """The stored address as a value."""
    return Address(
        id=row.pk,
        label=row.label,
        siret=row.siret,
        name=row.name,
        line1=row.line1,
        line2=row.line2,
        postcode=row.postcode,
        city=row.city,
        country=row.country,
        phone=row.phone,
    )


def _party(found: Party, person: Person | None) -> PartyFacts:
    return PartyFacts(
        id=found.pk,
        kind=PartyKind(found.kind),
        segment=Segment(found.segment),
        name=found.display_name,
        email=found.email,
        phone=found.phone,
        language=found.language,
        addresses=tuple(address_of(address) for address in found.addresses.all()),
        first_name=person.first_name if person else "",
        last_name=person.last_name if person else "",
        birth_date=person.birth_date if person else None,
    )


def _member(found: Membership) -> MemberFacts:
    return MemberFacts(
        id=found.pk,
        name=found.name,
        email=found.email,
        role=Role(found.role),
        limit=Money(Decimal(found.order_limit)),
        unit_id=found.unit_id,
        party_id=found.unit.organisation.party_id,
        user_id=found.user_id,
    )


def _contact(found: Contact) -> ContactFacts:
    return ContactFacts(
        id=found.pk,
        party_id=found.party_id,
        reason=found.reason,
        note=found.note,
        facts_checked=tuple(found.facts_checked),
        verified=found.verified,
        level=Verification(found.level),
        agent=found.agent.get_full_name() or found.agent.email,
        started_at=found.started_at,
        ended_at=found.ended_at,
    )


def open_contacts(agent_id: int, *, limit: int = 10) -> tuple[tuple[ContactFacts, str], ...]:
    """The agent's conversations that are not ended, newest first, with the customer's name."""
    found = Contact.objects.filter(agent_id=agent_id, ended_at=None)
    found = found.select_related("agent", "party").order_by("-started_at", "-pk")
    return tuple(
        (_contact(entry), entry.party.display_name if entry.party is not None else "")
        for entry in found[:limit]
    )


@dataclass(frozen=True, slots=True)
class ApiClientFacts:
    """A program of an organisation; its secret is told once, when it is made."""

    name: str
    client_id: str
    member: str


def api_clients(party_id: int) -> tuple[ApiClientFacts, ...]:
    """The active programs of the organisation, by name."""
    rows = (
        ApiClient.objects.filter(membership__unit__organisation__party_id=party_id, active=True)
        .select_related("application", "membership__user")
        .order_by("name")
    )
    return tuple(_api_client(row) for row in rows)


def _api_client(row: ApiClient) -> ApiClientFacts:
    user = row.membership.user if row.membership else None
    return ApiClientFacts(
        row.name, row.application.client_id, user.get_full_name() if user else row.name
    )
