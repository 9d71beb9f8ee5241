"""Taking options and services off a running line."""

from catalogue.domain.model import Snapshot
from commerce.kernel.errors import InvalidInput, NotFound, RuleViolated
from commerce.ordering.domain.changes import ChangeRequest
from commerce.ordering.domain.states import ItemAction
from commerce.ordering.services.changed_line import REMOVABLE, kind_of, touch
from commerce.ordering.services.writing import Touched
from subscriptions.domain.views import ItemView


def removed(
    request: ChangeRequest, items: tuple[ItemView, ...], *, catalogue: Snapshot
) -> tuple[Touched, ...]:
    chosen = {item.id: item for item in items if item.id in request.items}
    if not request.items:
        raise InvalidInput("Choose what is to end.", code="nothing_chosen", field="items")
    if set(request.items) - chosen.keys():
        raise NotFound("There is no such item in this contract.", code="unknown_item")
    for item in chosen.values():
        if kind_of(item, catalogue) not in REMOVABLE:
            raise RuleViolated("Only options and services can be removed.", code="not_removable")
    return tuple(touch(item, ItemAction.DELETE, catalogue=catalogue) for item in chosen.values())
