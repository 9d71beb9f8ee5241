"""Writing a porting: each change of state is checked, stamped, kept in its log and told."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings

from commerce.events.outbox import publish
from commerce.kernel.clock import business_now
from commerce.markets.pack import Market, market
from orchestration.domain.porting import (
    PORT_IN_LIFE,
    PORT_OUT_LIFE,
    Direction,
    PortState,
)
from orchestration.events import PortingMoved
from orchestration.models import Porting, PortingEntry


def pack() -> Market:
    """The rules of the country we serve."""
    return market(settings.MARKET)


def move(
    porting: Porting,
    target: PortState,
    *,
    by: str = "system",
    data: Mapping[str, Any] | None = None,
) -> None:
    """Store the porting, with whatever else of it was changed, in its new state.

    Raises:
        IllegalTransition: it has no such step.
    """
    life = PORT_IN_LIFE if porting.direction == Direction.IN else PORT_OUT_LIFE
    life.check(PortState(porting.state), target)
    porting.state = target
    keep(porting)
    note(porting, "state", target, data, by=by)
    publish(
        PortingMoved(
            order_number=porting.order_number,
            line_id=porting.line_id,
            subscription_id=porting.subscription_id,
            party_id=porting.party_id,
            direction=porting.direction,
            state=target,
            motive=porting.motive,
            day=porting.day,
        )
    )


def keep(porting: Porting) -> None:
    porting.changed_at = business_now()
    porting.save()


def note(
    porting: Porting,
    kind: str,
    name: str,
    data: Mapping[str, Any] | None = None,
    *,
    by: str = "system",
) -> None:
    """An entry of the log: `kind` state, sent, received or note."""
    PortingEntry.objects.create(
        porting=porting, at=business_now(), kind=kind, name=name, data=dict(data or {}), by=by
    )
