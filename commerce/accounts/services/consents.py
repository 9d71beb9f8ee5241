"""Consents and refusals, as they were given."""

from collections.abc import Mapping

from django.db import transaction

from commerce.accounts.events import ConsentRecorded
from commerce.accounts.identity import AccountContext
from commerce.accounts.kinds import EntryKind
from commerce.accounts.models import Consent
from commerce.accounts.services import timeline
from commerce.events.outbox import publish, publish_all
from commerce.kernel.clock import business_now
from commerce.kernel.errors import InvalidInput
from commerce.rows import insert


@transaction.atomic
def record_consent(
    *,
    context: AccountContext,
    purpose: str,
    text_version: str,
    granted: bool = True,
    reference: str = "",
    party_id: int | None = None,
) -> None:
    """Note that the customer (or visitor) of `context` agreed to, or refused, the text.

    `reference` names what it is about (an order). `party_id` overrides the context's own, for a
    party that has just been created. The newest one per purpose holds.

    Raises:
        InvalidInput: neither a party nor a visitor is known.
    """
    party_id = party_id if party_id is not None else context.party_id
    if party_id is None and not context.visitor_key:
        raise InvalidInput("Nobody is known whose consent this could be.", code="no_subject")
    Consent.objects.create(
        party_id=party_id,
        visitor_key=context.visitor_key or "",
        purpose=purpose,
        text_version=text_version,
        granted=granted,
        reference=reference,
        channel=context.channel,
        actor_kind=context.actor.kind,
        actor_id=context.actor.id,
        actor_name=context.actor.name,
        at=business_now(),
    )
    publish(
        ConsentRecorded(
            party_id=party_id,
            visitor_key=context.visitor_key or "",
            purpose=purpose,
            text_version=text_version,
            granted=granted,
        )
    )
    if party_id is not None:
        timeline.record(
            party_id=party_id,
            kind=EntryKind.CONSENT,
            code="consent_given" if granted else "consent_refused",
            context=context,
            values={"purpose": purpose, "version": text_version, "reference": reference},
        )


def record_consents(
    *,
    context: AccountContext,
    party_id: int,
    given: Mapping[str, tuple[str, bool]],
    reference: str,
) -> None:
    """Several consents of one moment: by purpose, the text's version and whether it was given.

    In the caller's transaction; a few statements whatever their number.
    """
    now = business_now()
    insert(
        Consent(
            party_id=party_id,
            visitor_key=context.visitor_key or "",
            purpose=purpose,
            text_version=version,
            granted=granted,
            reference=reference,
            channel=context.channel,
            actor_kind=context.actor.kind,
            actor_id=context.actor.id,
            actor_name=context.actor.name,
            at=now,
        )
        for purpose, (version, granted) in given.items()
    )
    publish_all(
        ConsentRecorded(
            party_id=party_id,
            visitor_key=context.visitor_key or "",
            purpose=purpose,
            text_version=version,
            granted=granted,
        )
        for purpose, (version, granted) in given.items()
    )
    timeline.record(
        party_id=party_id,
        kind=EntryKind.CONSENT,
        code="consents_recorded",
        context=context,
        values={
            "reference": reference,
            **{purpose: granted for purpose, (_, granted) in given.items()},
        },
    )
