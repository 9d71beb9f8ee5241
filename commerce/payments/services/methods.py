"""Saved cards: kept when their holder pays on the hosted page, chosen, removed."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from django.db import transaction

from commerce.events.timers import soon
from commerce.kernel.clock import business_now, machine_now
from commerce.kernel.errors import NotFound, Refused
from commerce.payments.gateway import gateway
from commerce.payments.models import PaymentAttempt, SavedMethod

TIMER = "payments.forget"


def keep(row: PaymentAttempt) -> None:
    """The card of a payment that its holder made himself is the one that is charged from now on.

    The provider makes a new method each time: the same card again takes the place of the one
    before. In the caller's transaction; twice is once.
    """
    if row.party_id is None or not (row.method_id and row.customer_id) or row.off_session:
        return
    kept, new = SavedMethod.objects.get_or_create(
        method_id=row.method_id,
        defaults={
            "party_id": row.party_id,
            "customer_id": row.customer_id,
            "card_brand": row.card_brand,
            "card_last4": row.card_last4,
            "saved_at": business_now(),
            "chosen_at": machine_now(),
        },
    )
    if new and row.card_last4:
        same = _live(row.party_id).filter(card_brand=row.card_brand, card_last4=row.card_last4)
        same.exclude(pk=kept.pk).update(removed_at=business_now())


@transaction.atomic
def choose(*, party_id: int, saved_id: int) -> None:
    """Bills are charged to this card from now on. Raises NotFound `unknown_method`."""
    row = _own(party_id, saved_id)
    row.chosen_at = machine_now()
    row.save(update_fields=["chosen_at"])


@transaction.atomic
def remove(*, party_id: int, saved_id: int) -> None:
    """The card is charged no more, and the provider forgets it, soon: also under the methods whose
    place it has taken.

    Raises:
        NotFound: `unknown_method`.
    """
    row = _own(party_id, saved_id)
    row.removed_at = business_now()
    row.save(update_fields=["removed_at"])
    before = SavedMethod.objects.filter(party_id=party_id, removed_at__isnull=False)
    same = before.filter(card_brand=row.card_brand, card_last4=row.card_last4)
    for pk in same.order_by("pk").values_list("pk", flat=True):
        soon(key=f"{TIMER}:{pk}", handler=TIMER, payload={"saved_id": pk})


def forget(payload: Mapping[str, Any]) -> bool:
    """Timer: have the provider let go of a removed card. May be repeated."""
    row = SavedMethod.objects.get(pk=payload["saved_id"])
    with suppress(Refused):  # it is gone already
        gateway().forget_method(key=f"forget/{row.method_id}", method_id=row.method_id)
    return True


def _live(party_id: int) -> Any:
    return SavedMethod.objects.filter(party_id=party_id, removed_at__isnull=True)


def _own(party_id: int, saved_id: int) -> SavedMethod:
    row: SavedMethod | None = _live(party_id).select_for_update().filter(pk=saved_id).first()
    if row is None:
        raise NotFound("There is no such card.", code="unknown_method")
    return row
