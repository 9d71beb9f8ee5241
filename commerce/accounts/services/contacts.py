"""An agent speaks with a customer: for him, never as him."""

from collections.abc import Sequence

from django.db import transaction
from django.http import HttpRequest

from commerce.accounts.context import CONTACT, context_for_request, forget_context
from commerce.accounts.identity import AccountContext
from commerce.accounts.kinds import Channel, EntryKind, Role, StaffKind, Verification
from commerce.accounts.models import Contact, Party
from commerce.accounts.services import timeline
from commerce.kernel.clock import business_now
from commerce.kernel.errors import Forbidden, InvalidInput, NotFound

FACTS = frozenset(
    {"birth_date", "address", "email", "phone", "contract_number", "last_bill", "sms_code", "siren"}
)
"""What an agent may ask about; what was answered is never stored."""
FACTS_FOR_L1 = 2


@transaction.atomic
def begin_contact(
    *,
    context: AccountContext,
    party_id: int | None,
    reason: str,
    note: str = "",
    channel: Channel = Channel.CALL_CENTRE,
) -> int:
    """Start a conversation; nothing of the party may be changed before `verify_caller`.

    Without a party: a caller who is not a customer yet. Returns the contact's id.

    Raises:
        Forbidden: the actor is no agent.
        NotFound: no such party.
    """
    agent_id = _agent(context)
    if party_id is not None and not Party.objects.filter(pk=party_id).exists():
        raise NotFound("There is no such customer.")
    if not reason or len(reason) > 40:
        raise InvalidInput("Choose the reason of the contact.", code="reason", field="reason")
    contact = Contact.objects.create(
        agent_id=agent_id,
        party_id=party_id,
        channel=channel,
        reason=reason,
        note=note.strip(),
        started_at=business_now(),
    )
    if party_id is not None:
        timeline.record(
            party_id=party_id,
            kind=EntryKind.CONTACT,
            code="contact_begun",
            context=context,
            values={"contact_id": contact.pk, "reason": reason, "note": contact.note},
        )
    return contact.pk


@transaction.atomic
def verify_caller(
    *, context: AccountContext, contact_id: int, facts_checked: Sequence[str], passed: bool
) -> Verification:
    """Note which facts the caller was asked for and whether all were right; returns the level.

    A code sent to the customer's phone gives L2, two other facts L1, less L0. A failed check gives
    L0 whatever was passed before.

    Raises:
        InvalidInput: a fact that no agent may ask about.
        NotFound: no such open contact of this agent.
    """
    unknown = set(facts_checked) - FACTS
    if unknown:
        raise InvalidInput(
            "Choose the facts from the list.", code="unknown_fact", field="facts_checked"
        )
    contact = _open_contact(context, contact_id)
    contact.facts_checked = sorted(set(facts_checked))
    contact.verified = passed and level_of(facts_checked) != Verification.L0
    contact.level = level_of(facts_checked) if passed else Verification.L0
    contact.save(update_fields=["facts_checked", "verified", "level"])
    if contact.party_id is not None:
        timeline.record(
            party_id=contact.party_id,
            kind=EntryKind.CONTACT,
            code="caller_verified" if contact.verified else "caller_not_verified",
            context=context,
            values={"facts": contact.facts_checked, "level": str(contact.level)},
        )
    return Verification(contact.level)


@transaction.atomic
def attach_party(*, context: AccountContext, contact_id: int, party_id: int) -> None:
    """The caller turns out to be (or becomes) this customer; he is to be verified anew.

    Raises:
        NotFound: no such open contact of this agent, or no such party.
    """
    contact = _open_contact(context, contact_id)
    if not Party.objects.filter(pk=party_id).exists():
        raise NotFound("There is no such customer.")
    if contact.party_id == party_id:
        return
    contact.party_id = party_id
    contact.verified, contact.level, contact.facts_checked = False, Verification.L0, []
    contact.save(update_fields=["party_id", "verified", "level", "facts_checked"])
    timeline.record(
        party_id=party_id,
        kind=EntryKind.CONTACT,
        code="contact_begun",
        context=context,
        values={"contact_id": contact.pk, "reason": contact.reason, "note": contact.note},
    )


@transaction.atomic
def end_contact(*, context: AccountContext, contact_id: int, note: str = "") -> None:
    """Close the conversation with a last note. Closing it again changes nothing."""
    contact = (
        Contact.objects.select_for_update().filter(pk=contact_id, agent_id=_agent(context)).first()
    )
    if contact is None:
        raise NotFound("There is no such contact.")
    if contact.ended_at is not None:
        return
    contact.ended_at = business_now()
    contact.note = "\n".join(part for part in (contact.note, note.strip()) if part)
    contact.save(update_fields=["ended_at", "note"])
    if contact.party_id is not None:
        timeline.record(
            party_id=contact.party_id,
            kind=EntryKind.CONTACT,
            code="contact_ended",
            context=context,
            values={"contact_id": contact.pk, "reason": contact.reason, "note": contact.note},
        )


def enter_contact(request: HttpRequest, *, contact_id: int) -> AccountContext:
    """Let this browser act within the contact; returns the new context."""
    request.session[CONTACT] = contact_id
    forget_context(request)
    return context_for_request(request)


def leave_contact(request: HttpRequest) -> None:
    """This browser acts for nobody any more."""
    request.session.pop(CONTACT, None)
    forget_context(request)


def level_of(facts: Sequence[str]) -> Verification:
    """The level that the checked facts give, if all answers were right."""
    if "sms_code" in facts:
        return Verification.L2
    return Verification.L1 if len(set(facts)) >= FACTS_FOR_L1 else Verification.L0


def require_verified(context: AccountContext) -> None:
    """For services that change something of a party: an agent needs a verified caller.

    Raises:
        Forbidden: `caller_not_verified`.
    """
    if context.role != Role.AGENT:
        return
    open_contacts = Contact.objects.filter(verified=True, ended_at=None)
    if (
        context.contact_id is None
        or context.party_id is None
        or not open_contacts.filter(pk=context.contact_id, party_id=context.party_id).exists()
    ):
        raise Forbidden(
            "Verify who is calling before you change anything for this customer.",
            code="caller_not_verified",
        )


def _agent(context: AccountContext) -> int:
    if context.actor.id is None or StaffKind.AGENT not in context.staff:
        raise Forbidden("Only agents have contacts.", code="not_an_agent")
    return context.actor.id


def _open_contact(context: AccountContext, contact_id: int) -> Contact:
    contact = (
        Contact.objects.select_for_update()
        .filter(pk=contact_id, agent_id=_agent(context), ended_at=None)
        .first()
    )
    if contact is None:
        raise NotFound("There is no such open contact.")
    return contact
