"""Content services of a line: where the customer opens them, and since when he uses them."""

from dataclasses import dataclass
from datetime import datetime

from orchestration.models import Effect, ProviderCallback
from subscriptions.domain.views import SubscriptionView

USED = "entitlement.used"


@dataclass(frozen=True, slots=True)
class ContentAccess:
    """`url` is the customer's own: who has it has the service. `used_at` is when he first opened it
    (business time), None if he has not, or the partner has not told."""

    item_id: int
    url: str
    used_at: datetime | None


def accesses_of(contract: SubscriptionView) -> tuple[ContentAccess, ...]:
    """The contract's services that a partner has opened, by what he answered and told since.

    Two queries. Those that ended are none any more.
    """
    running = {(i.order_number, i.line_id): i.id for i in contract.items if i.until_on is None}
    opened = Effect.objects.filter(
        task__plan__order_number__in={number for number, _ in running},
        task__action="content.entitle",
        answer__has_key="activation_url",
    ).values_list("key", "answer__activation_url", "task__plan__order_number", "task__lines")
    found = [
        (key, url, running[number, line])
        for key, url, number, lines in opened.order_by("pk")
        for line in lines
        if (number, line) in running
    ]
    told = ProviderCallback.objects.filter(
        request_key__in=[key for key, _, _ in found], type=USED
    ).order_by("-occurred_at")
    used = dict(told.values_list("request_key", "occurred_at"))
    return tuple(ContentAccess(item, url, used.get(key)) for key, url, item in found)
