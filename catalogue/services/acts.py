"""Every act on the catalogue is written down, in the transaction in which it happens."""

from collections.abc import Mapping
from typing import Any

from catalogue.models import CatalogueAct, Draft, Release
from commerce.accounts.identity import AccountContext
from commerce.accounts.kinds import ActorKind, StaffKind
from commerce.kernel.clock import business_now
from commerce.kernel.errors import Forbidden
from commerce.kernel.trace import current_trace


def record(
    code: str,
    *,
    context: AccountContext,
    draft: Draft | None = None,
    release: Release | None = None,
    values: Mapping[str, Any] | None = None,
) -> None:
    """`values` are JSON: what the act was about, before and after where something changed."""
    CatalogueAct.objects.create(
        at=business_now(),
        code=code,
        actor_kind=context.actor.kind,
        actor_id=context.actor.id,
        actor_name=context.actor.name,
        draft=draft,
        release=release,
        values=dict(values or {}),
        trace_id=current_trace(),
    )


def only_managers(context: AccountContext) -> None:
    """Raises Forbidden `not_a_catalogue_manager`; the system itself (commands, timers) may."""
    system = context.actor.kind == ActorKind.SYSTEM
    if not system and StaffKind.CATALOGUE_MANAGER not in context.staff:
        raise Forbidden("Only a catalogue manager may do that.", code="not_a_catalogue_manager")
