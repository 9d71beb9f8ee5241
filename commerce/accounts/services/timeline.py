"""The customer's timeline, across channels."""

from collections.abc import Mapping
from typing import Any

from commerce.accounts.identity import AccountContext
from commerce.accounts.kinds import EntryKind
from commerce.accounts.models import TimelineEntry
from commerce.kernel.clock import business_now
from commerce.kernel.trace import current_trace
from commerce.rows import insert


def record(
    *,
    party_id: int,
    kind: EntryKind | str,
    code: str,
    context: AccountContext,
    values: Mapping[str, Any] | None = None,
) -> None:
    """Add a line in the caller's transaction. `values` are JSON scalars for the sentence.

    Never secrets and never the answers to verification questions.
    """
    entry = TimelineEntry(
        party_id=party_id,
        at=business_now(),
        kind=EntryKind(kind),
        code=code,
        values=dict(values or {}),
        actor_kind=context.actor.kind,
        actor_id=context.actor.id,
        actor_name=context.actor.name,
        channel=context.channel,
        trace_id=current_trace(),
    )
    insert([entry])
