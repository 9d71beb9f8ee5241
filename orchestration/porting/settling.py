"""What we owe for a late porting: it stands on the next bill of the line; where there is none, an
operator credits it and says how."""

from datetime import timedelta

from django.db import transaction

from commerce.accounts.identity import AccountContext
from commerce.accounts.kinds import Role
from commerce.kernel.clock import business_now
from commerce.kernel.errors import Conflict, Forbidden, InvalidInput
from commerce.kernel.money import Money
from commerce.kernel.periods import Period
from orchestration.models import Porting
from orchestration.porting import book
from subscriptions.contracts.services.compensate import compensate

NAMES = {
    "fr": "Indemnité pour le transfert tardif du numéro",
    "en": "Compensation for the late transfer of the number",
}
AUTOMATICALLY = "system"


def credit_on_next_bill(porting: Porting) -> None:
    """The porting is over: what its delay costs us goes back with the next bill of its contract.

    Once per porting, which the caller has locked. Stays with the operators if the contract is not
    billed here, or never began.
    """
    if not porting.owed or porting.settled_at is not None or porting.due_on is None:
        return
    last = book.pack().add_working_days(porting.due_on, days=porting.days_late)
    on = compensate(
        reference=f"porting:{porting.pk}",
        order_number=porting.order_number,
        group=porting.group,
        amount=Money(porting.owed, book.pack().currency),
        days=Period(porting.due_on + timedelta(days=1), last + timedelta(days=1)),
        names=NAMES,
        line_id=porting.line_id,
    )
    if on is not None:
        _settled(porting, by=AUTOMATICALLY, how=on.isoformat())


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
    _settled(porting, by=context.actor.name, how=note.strip()[:300])


def _settled(porting: Porting, *, by: str, how: str) -> None:
    porting.settled_at, porting.settled_by, porting.settled_note = business_now(), by, how
    book.keep(porting)
    book.note(porting, "note", "credited", {"owed": str(porting.owed), "note": how}, by=by)
