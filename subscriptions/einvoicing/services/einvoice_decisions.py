"""What an operator does about an electronic invoice that came back or is stuck."""

from django.db import transaction

from commerce.accounts.identity import AccountContext
from commerce.accounts.kinds import Role
from commerce.kernel.clock import business_now
from commerce.kernel.errors import Forbidden, InvalidInput, NotFound, RuleViolated
from subscriptions.domain.einvoicing import (
    CAME_BACK,
    EINVOICE_LIFE,
    EinvoiceStatus,
    RequestKind,
    RequestState,
)
from subscriptions.einvoicing.selectors import refused_payment
from subscriptions.einvoicing.services.einvoicing import send_soon
from subscriptions.models import Einvoice, EinvoiceStep, PlatformRequest


@transaction.atomic
def send_again(context: AccountContext, *, einvoice_id: int) -> None:
    """Send a rejected invoice anew, under a new key, and so a payment that the platform would not
    be told of; carry on with one that is stuck.

    Raises:
        Forbidden: `operators_only`. NotFound: `unknown_einvoice`.
        RuleViolated: `nothing_to_send`: the platform has it.
    """
    einvoice = _locked(context, einvoice_id)
    number = einvoice.invoice.number
    if einvoice.status == EinvoiceStatus.REJECTED:
        EINVOICE_LIFE.check(EinvoiceStatus.REJECTED, EinvoiceStatus.MARKED)
        einvoice.status, einvoice.motive = EinvoiceStatus.MARKED, ""
        einvoice.generation += 1
        einvoice.changed_at = business_now()
        einvoice.save()
        _step(einvoice, by=context.actor.name)
        PlatformRequest.objects.create(
            key=f"{number}/{einvoice.generation}",
            kind=RequestKind.INVOICE,
            einvoice=einvoice,
            made_at=business_now(),
        )
    refused = refused_payment(einvoice)
    if refused is not None:
        told = einvoice.requests.filter(kind=RequestKind.PAID).count()
        PlatformRequest.objects.create(
            key=f"{number}/paid/{told + 1}",
            kind=RequestKind.PAID,
            einvoice=einvoice,
            amount=refused.amount,
            made_at=refused.made_at,  # the day that is told: the money came then
        )
    waiting = einvoice.requests.filter(state__in=[RequestState.WAITING, RequestState.CLAIMED])
    keys = list(waiting.values_list("key", flat=True))
    if not keys:
        raise RuleViolated("The platform has this invoice.", code="nothing_to_send")
    for key in keys:
        send_soon(key)


@transaction.atomic
def note_handled(context: AccountContext, *, einvoice_id: int, note: str) -> None:
    """Say what was done about one that came back, or whose payment the platform would not be told
    of: a credit note and a new bill, a call.

    Raises:
        Forbidden: `operators_only`. InvalidInput: `decision_note_missing`.
        NotFound: `unknown_einvoice`. RuleViolated: `came_not_back`.
    """
    einvoice = _locked(context, einvoice_id)
    if not note.strip():
        raise InvalidInput("Say what became of it.", code="decision_note_missing", field="note")
    if einvoice.status not in CAME_BACK and refused_payment(einvoice) is None:
        raise RuleViolated("This invoice did not come back.", code="came_not_back")
    einvoice.handled = f"{context.actor.name}: {note.strip()}"[:500]
    einvoice.save(update_fields=["handled"])


def _locked(context: AccountContext, einvoice_id: int) -> Einvoice:
    if context.role is not Role.OPERATOR:
        raise Forbidden("Only operators decide this.", code="operators_only")
    found = (
        Einvoice.objects.select_for_update(of=("self",))
        .select_related("invoice")
        .filter(pk=einvoice_id)
        .first()
    )
    if found is None:
        raise NotFound("There is no such electronic invoice.", code="unknown_einvoice")
    return found


def _step(einvoice: Einvoice, *, by: str) -> None:
    EinvoiceStep.objects.create(
        einvoice=einvoice, status=EinvoiceStatus.MARKED, at=business_now(), by=by
    )
