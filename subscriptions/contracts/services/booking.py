"""What a firm's own books call its contracts: said with the order, changed without one."""

from collections.abc import Mapping

from django.db import transaction

from commerce.accounts.identity import AccountContext
from commerce.accounts.kinds import EntryKind, Role, Segment
from commerce.accounts.services import timeline
from commerce.kernel.errors import Conflict, Forbidden, NotFound, RuleViolated
from subscriptions.domain.buyers import BuyerCodes, checked_code
from subscriptions.models import Subscription

WRITTEN = ("cost_centre", "purchase_order")


@transaction.atomic
def assign_codes(
    context: AccountContext,
    *,
    codes: Mapping[int, BuyerCodes],
    seen: Mapping[int, BuyerCodes] | None = None,
) -> int:
    """Have the coming bills of the firm's contracts say these; how many contracts were changed.

    What is issued stands. All or none. `seen` is what whoever writes had before him: what he left
    as it was stays, whatever was written meanwhile.

    Raises:
        Forbidden: `only_looks`: viewers change nothing.
        NotFound: `unknown_subscription`: one of them is not the party's.
        RuleViolated: `firms_only`: a consumer has no such books.
        Conflict: `changed_meanwhile`: one that he writes is no longer as he saw it; `lines`.
        InvalidInput: `code_too_long`, `control_character`.
    """
    if context.role is Role.VIEWER:
        raise Forbidden("You may look, and change nothing.", code="only_looks")
    own = Subscription.objects.filter(party_id=context.party_id or 0, pk__in=list(codes))
    rows = list(own.select_for_update(of=("self",)).select_related("account").order_by("pk"))
    if len(rows) != len(codes):
        raise NotFound("There is no such subscription.", code="unknown_subscription")
    if any(row.account.segment != Segment.BUSINESS for row in rows):
        raise RuleViolated("Only firms have cost centres and purchase orders.", code="firms_only")
    before = {row.pk: BuyerCodes(row.cost_centre, row.purchase_order) for row in rows}
    touched = [row for row in rows if seen is None or codes[row.pk] != seen.get(row.pk)]
    changed = [row for row in touched if _written(row, codes[row.pk])]
    if seen is not None:
        _check_as_seen([row for row in changed if before[row.pk] != seen.get(row.pk)])
    Subscription.objects.bulk_update(changed, WRITTEN)
    for row in changed:
        timeline.record(
            party_id=row.party_id,
            kind=EntryKind.SUBSCRIPTION,
            code="line_booked",
            context=context,
            values={"msisdn": row.msisdn} | {name: getattr(row, name) for name in WRITTEN},
        )
    return len(changed)


def _check_as_seen(others: list[Subscription]) -> None:
    if others:
        raise Conflict(
            "Somebody else has changed this meanwhile; look at it and save again.",
            code="changed_meanwhile",
            lines=[row.msisdn for row in others],
        )


def _written(row: Subscription, codes: BuyerCodes) -> bool:
    """Whether that is something else than before."""
    before = BuyerCodes(row.cost_centre, row.purchase_order)
    row.cost_centre = checked_code(codes.cost_centre, field="cost_centre")
    row.purchase_order = checked_code(codes.purchase_order, field="purchase_order")
    return before != BuyerCodes(row.cost_centre, row.purchase_order)
