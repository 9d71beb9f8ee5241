"""Reads: what customers agreed to and what they asked for in writing."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import Q

from commerce.accounts.kinds import Channel, RequestKind
from commerce.accounts.models import Consent, ContractRequest, Proof
from commerce.kernel.errors import NotFound


@dataclass(frozen=True, slots=True)
class ContractRequestFacts:
    """What somebody asked for in writing; a contract perhaps ends for a `motive` for which nothing
    is owed. `handled_at` is None while nobody has seen to it."""

    reference: str
    kind: RequestKind
    party_id: int | None
    name: str
    email: str
    address: str
    contract: str
    line_number: str
    wished_on: date | None
    motive: str
    message: str
    language: str
    received_at: datetime
    handled_at: datetime | None
    handled_by: str
    outcome: str


@dataclass(frozen=True, slots=True)
class ConsentFacts:
    """A consent or a refusal as it was given."""

    purpose: str
    text_version: str
    granted: bool
    reference: str
    channel: Channel
    actor: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ProofFacts:
    """A document of a request, without its content."""

    id: int
    name: str
    received_at: datetime


@dataclass(frozen=True, slots=True)
class ProofFile:
    name: str
    kind: str
    content: bytes


def proofs_of(references: Collection[str]) -> Mapping[str, tuple[ProofFacts, ...]]:
    """The documents of requests, by reference; of an order, by its number, those of the request
    that it carries out. One query."""
    rows = Proof.objects.filter(
        Q(request__reference__in=references) | Q(request__outcome__in=references)
    ).order_by("pk")
    found: dict[str, tuple[ProofFacts, ...]] = {}
    for pk, name, at, reference, outcome in rows.values_list(
        "pk", "name", "received_at", "request__reference", "request__outcome"
    ):
        for key in {reference, outcome} & set(references):
            found[key] = (*found.get(key, ()), ProofFacts(pk, name, at))
    return found


def proof_file(proof_id: int) -> ProofFile:
    """Raises NotFound `unknown_proof`: there is none, or it was erased."""
    row = Proof.objects.filter(pk=proof_id).first()
    if row is None:
        raise NotFound("There is no such document any more.", code="unknown_proof")
    return ProofFile(row.name, row.kind, bytes(row.content))


def consents(party_id: int, *, limit: int = 100) -> tuple[ConsentFacts, ...]:
    """What the party agreed to or refused, newest first."""
    rows = Consent.objects.filter(party_id=party_id).order_by("-at", "-pk")[:limit]
    return tuple(
        ConsentFacts(
            row.purpose,
            row.text_version,
            row.granted,
            row.reference,
            Channel(row.channel),
            row.actor_name,
            row.at,
        )
        for row in rows
    )


def contract_request(reference: str) -> ContractRequestFacts:
    """Raises NotFound when there is no such request."""
    found = ContractRequest.objects.filter(reference=reference).first()
    if found is None:
        raise NotFound("There is no such request.", code="unknown_request")
    return contract_request_facts(found)


def open_contract_requests(
    *, party_id: int | None = None, limit: int = 50
) -> tuple[ContractRequestFacts, ...]:
    """Requests that nobody has seen to, the oldest first; of one party or of all."""
    rows = ContractRequest.objects.filter(handled_at=None)
    if party_id is not None:
        rows = rows.filter(party_id=party_id)
    return tuple(contract_request_facts(row) for row in rows.order_by("received_at", "pk")[:limit])


def contract_request_facts(row: ContractRequest) -> ContractRequestFacts:
    """The stored request as a value."""
    return ContractRequestFacts(
        reference=row.reference,
        kind=RequestKind(row.kind),
        party_id=row.party_id,
        name=row.name,
        email=row.email,
        address=row.address,
        contract=row.contract,
        line_number=row.line_number,
        wished_on=row.wished_on,
        motive=row.motive,
        message=row.message,
        language=row.language,
        received_at=row.received_at,
        handled_at=row.handled_at,
        handled_by=row.handled_by,
        outcome=row.outcome,
    )
