"""What a firm's own books call its contracts: said with the order, changed without one."""

from collections.abc import Mapping

from django.db import transaction

from commerce.accounts.identity import AccountContext
from commerce.accounts.kinds import Role, Segment
from commerce.kernel.errors import Forbidden, NotFound, RuleViolated
from subscriptions.domain.buyers import BuyerCodes, checked_code
from subscriptions.models import Subscription

WRITTEN = ("cost_centre", "purchase_order")


@transaction.atomic
def assign_codes(context: AccountContext, *, codes: Mapping[int, BuyerCodes]) -> int:
    """Have the coming bills of the firm's contracts say these; how many contracts were changed.

    What is issued stands. All or none.

    Raises:
        Forbidden: `only_looks`: viewers change nothing.
        NotFound: `unknown_subscription`: one of them is not the party's.
        RuleViolated: `firms_only`: a consumer has no such books.
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
    changed = [row for row in rows if _written(row, codes[row.pk])]
    Subscription.objects.bulk_update(changed, WRITTEN)
    return len(changed)


def _written(row: Subscription, codes: BuyerCodes) -> bool:
    """Whether that is something else than before."""
    before = BuyerCodes(row.cost_centre, row.purchase_order)
    row.cost_centre = checked_code(codes.cost_centre, field="cost_centre")
    row.purchase_order = checked_code(codes.purchase_order, field="purchase_order")
    return before != BuyerCodes(row.cost_centre, row.purchase_order)
