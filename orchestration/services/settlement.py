"""The monthly settlement of a content partner, laid beside our contracts and bills."""

from calendar import monthrange
from datetime import date
from typing import cast

from orchestration.actions import provider
from orchestration.domain.settlement import Difference, Held, differences
from orchestration.domain.states import EffectState
from orchestration.models import Effect
from orchestration.ports import Content
from subscriptions.held import days_held


def reconcile(month: date) -> tuple[Difference, ...]:
    """Where the partner's file of the month of `month` and our books differ.

    Called with no transaction open. Raises Unknown when the partner does not answer.
    """
    first = month.replace(day=1)
    last = first.replace(day=monthrange(first.year, first.month)[1])
    settled = cast(Content, provider("content")).settlement(first)
    asked = Effect.objects.filter(
        port="content", state=EffectState.ACCEPTED, request__has_key="service"
    ).values_list("request__reference", flat=True)
    references = {*asked, *(line.reference for line in settled)}
    held = days_held(references, first=first, last=last)
    return differences(settled, {name: Held(each.days, each.billed) for name, each in held.items()})
