"""What we owe for a late porting: an operator credits it and says how."""

from django.db import transaction

from commerce.accounts.identity import AccountContext
from commerce.accounts.kinds import Role
from commerce.kernel.clock import business_now
from commerce.kernel.errors import Conflict, Forbidden, InvalidInput
from orchestration.models import Porting
from orchestration.porting import book


@transaction.atomic
def settle(context: AccountContext, *, porting_id: int, note: str) -> None:
    """The compensation was credited; once.

    Raises:
        Forbidden: `operators_only`. InvalidInput: `note_missing`.
        Conflict: `nothing_owed`.
    """
    if context.role != Role.OPERATOR:
        raise Forbidden("Only operators settle what we owe.", code="operators_only")
    if not note.strip():
        raise InvalidInput("Say how it was credited.", code="note_missing", field="note")
    porting = Porting.objects.select_for_update().filter(pk=porting_id).first()
    if porting is None or not porting.owed or porting.settled_at is not None:
        raise Conflict("Nothing is owed for it (any more).", code="nothing_owed")
    porting.settled_at, porting.settled_by = business_now(), context.actor.name
    porting.settled_note = note.strip()[:300]
    book.keep(porting)
    owed = {"owed": str(porting.owed), "note": porting.settled_note}
    book.note(porting, "note", "credited", owed, by=context.actor.name)
