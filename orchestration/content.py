"""Content services of a line: where the customer opens them, and since when he uses them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from commerce.ordering.selectors import OrderLine, learnt_of
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
    """The contract's services that a partner has opened, by what he answered and told since; the
    link is kept with the order, as long as the contract may run.

    Three queries. Those that ended are none any more.
    """
    running = {(i.order_number, i.line_id): i.id for i in contract.items if i.until_on is None}
    learnt = learnt_of(running)
    opened = {line: learnt[line]["activation_url"] for line in learnt if _is_open(learnt[line])}
    keys = _keys_of(opened)
    told = ProviderCallback.objects.filter(request_key__in=keys, type=USED)
    used = {
        keys[key]: at
        for key, at in told.order_by("-occurred_at").values_list("request_key", "occurred_at")
    }
    return tuple(ContentAccess(running[line], url, used.get(line)) for line, url in opened.items())


def _is_open(facts: Mapping[str, str]) -> bool:
    return bool(facts.get("activation_url"))


def _keys_of(opened: Collection[OrderLine]) -> dict[str, OrderLine]:
    """Under which the services were asked for."""
    asked = Effect.objects.filter(
        task__plan__order_number__in={number for number, _ in opened},
        task__action="content.entitle",
    ).values_list("key", "task__plan__order_number", "task__lines")
    return {
        key: (number, line)
        for key, number, lines in asked
        for line in lines
        if (number, line) in opened
    }
