"""What the holder says to paying for what was free: yes, or no."""

from django.db import transaction

from commerce.accounts.identity import AccountContext
from commerce.accounts.kinds import Role
from commerce.accounts.services.consents import record_consent
from commerce.accounts.services.contacts import require_verified
from commerce.kernel.clock import business_now, business_today
from commerce.kernel.errors import InvalidInput, NotFound, RuleViolated
from subscriptions.contracts.services.asking import tell_agreed
from subscriptions.models import PaidContinuation

PURPOSE, TEXT_VERSION = "paid_later", "2026-11"


@transaction.atomic
def answer_continuation(
    context: AccountContext, *, subscription_id: int, item_id: int, agreed: bool, record: str = ""
) -> None:
    """Keep whether the context's party wants the item to go on for money; the latest answer counts.

    A yes that an agent hears on the phone must be kept on a durable medium: `record` names it. The
    consent is stored with its text, channel and who gave it; a yes is confirmed by e-mail. The same
    answer again changes nothing.

    Raises:
        NotFound: `unknown_item`: there is nothing to answer for it in the party's contract.
        RuleViolated: `answer_too_late`, also of what has ended.
        InvalidInput: `record_missing`. Forbidden: `caller_not_verified`, of an agent.
    """
    rows = PaidContinuation.objects.select_for_update(of=("self",)).select_related(
        "item__subscription"
    )
    row = rows.filter(
        item=item_id,
        item__subscription=subscription_id,
        item__subscription__party=context.party_id or 0,
    ).first()
    if row is None:
        raise NotFound("There is nothing to answer for that.", code="unknown_item")
    require_verified(context)
    if row.item.until_on is not None or business_today() > row.answer_by:
        raise RuleViolated(
            "It is too late to answer: it ends with its free months. You can order it anew.",
            code="answer_too_late",
        )
    record = record.strip()[:200]
    if agreed and context.role is Role.AGENT and not record:
        raise InvalidInput(
            "Say where the customer's yes is recorded.", code="record_missing", field="record"
        )
    if row.agreed == agreed:
        return
    row.agreed, row.answered_at, row.record = agreed, business_now(), record
    row.save(update_fields=["agreed", "answered_at", "record"])
    record_consent(
        context=context,
        purpose=PURPOSE,
        text_version=TEXT_VERSION,
        granted=agreed,
        reference=row.item.subscription.order_number,
    )
    if agreed:
        tell_agreed(row)
