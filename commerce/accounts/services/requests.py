"""What customers ask for in writing, kept until an agent has seen to it."""

import secrets
from dataclasses import dataclass
from datetime import date, timedelta

from django.db import transaction

from commerce.accounts.identity import AccountContext
from commerce.accounts.kinds import EntryKind, RequestKind, StaffKind
from commerce.accounts.models import ContractRequest
from commerce.accounts.services import timeline
from commerce.accounts.services.customers import clean_email
from commerce.accounts.written import ContractRequestFacts, contract_request_facts
from commerce.kernel.clock import business_now
from commerce.kernel.errors import Conflict, Forbidden, InvalidInput, NotFound

AGAIN_WITHIN = timedelta(hours=24)
_LETTERS = "234679ACDEFGHJKMNPQRTWXYZ"


@dataclass(frozen=True, slots=True)
class Statement:
    """What the customer wrote. `wished_on` is the day on which a contract should end, `motive` why
    nothing would be owed for it."""

    kind: RequestKind
    name: str
    email: str
    contract: str
    line_number: str = ""
    address: str = ""
    wished_on: date | None = None
    motive: str = ""
    message: str = ""
    language: str = "fr"


@transaction.atomic
def receive_request(
    statement: Statement, *, context: AccountContext, party_id: int | None
) -> ContractRequestFacts:
    """Keep what was asked, with a line on the customer's timeline when he is known.

    The same words again within a day are the same request: it is answered as it was received.

    Raises:
        InvalidInput: `email_malformed`, or `name_missing`, `contract_missing`.
    """
    email = clean_email(statement.email)
    name, contract = statement.name.strip(), statement.contract.strip().upper()
    if not name:
        raise InvalidInput("Say who you are.", code="name_missing", field="name")
    if not contract:
        raise InvalidInput(
            "Say which contract it is about.", code="contract_missing", field="contract"
        )
    now = business_now()
    earlier = ContractRequest.objects.filter(
        kind=statement.kind,
        name=name[:160],
        email=email,
        contract=contract[:40],
        line_number=statement.line_number[:20],
        wished_on=statement.wished_on,
        motive=statement.motive,
        handled_at=None,
        received_at__gt=now - AGAIN_WITHIN,
    ).first()
    if earlier is not None:
        return contract_request_facts(earlier)
    row = ContractRequest.objects.create(
        reference=f"R-{''.join(secrets.choice(_LETTERS) for _ in range(8))}",
        kind=statement.kind,
        party_id=party_id,
        name=name[:160],
        email=email,
        address=statement.address.strip()[:300],
        contract=contract[:40],
        line_number=statement.line_number[:20],
        wished_on=statement.wished_on,
        motive=statement.motive,
        message=statement.message.strip()[:1000],
        language=statement.language,
        received_at=now,
    )
    if party_id is not None:
        timeline.record(
            party_id=party_id,
            kind=EntryKind.SUBSCRIPTION,
            code=f"request_{statement.kind}",
            context=context,
            values={
                "reference": row.reference,
                "contract": row.contract,
                "wished_on": statement.wished_on.isoformat() if statement.wished_on else "",
            },
        )
    return contract_request_facts(row)


@transaction.atomic
def note_handled(*, context: AccountContext, reference: str, outcome: str) -> None:
    """An agent has seen to the request; `outcome` says what came of it. Once only.

    Raises:
        Forbidden: `not_an_agent`. NotFound: no such request. Conflict: `already_handled`.
        InvalidInput: no outcome is given.
    """
    if StaffKind.AGENT not in context.staff:
        raise Forbidden("Only agents see to requests.", code="not_an_agent")
    row = ContractRequest.objects.select_for_update().filter(reference=reference).first()
    if row is None:
        raise NotFound("There is no such request.", code="unknown_request")
    if row.handled_at is not None:
        raise Conflict("This request is settled already.", code="already_handled")
    if not outcome.strip():
        raise InvalidInput("Say what came of it.", code="outcome_missing", field="outcome")
    _settle(row, context=context, outcome=outcome.strip())


@transaction.atomic
def settle_request(*, context: AccountContext, reference: str, outcome: str) -> None:
    """The customer has confirmed it himself, so that nobody has to see to it any more.

    Raises:
        NotFound: no such request. Conflict: `already_handled`.
    """
    row = ContractRequest.objects.select_for_update().filter(reference=reference).first()
    if row is None:
        raise NotFound("There is no such request.", code="unknown_request")
    if row.handled_at is not None:
        raise Conflict("This request is settled already.", code="already_handled")
    _settle(row, context=context, outcome=outcome)


def _settle(row: ContractRequest, *, context: AccountContext, outcome: str) -> None:
    row.handled_at, row.handled_by = business_now(), context.actor.name[:200]
    row.outcome = outcome[:300]
    row.save(update_fields=["handled_at", "handled_by", "outcome"])
    if row.party_id is not None:
        timeline.record(
            party_id=row.party_id,
            kind=EntryKind.SUBSCRIPTION,
            code="request_handled",
            context=context,
            values={"reference": row.reference, "outcome": row.outcome},
        )
