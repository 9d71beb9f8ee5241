"""Saved cards and accounts: kept when their holder pays with them or adds them on the hosted page;
chosen, removed, of no more use."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from django.db import transaction

from commerce.events.outbox import publish
from commerce.events.timers import soon
from commerce.kernel.clock import business_now, machine_now
from commerce.kernel.errors import NotFound, Refused, RuleViolated
from commerce.payments.events import MethodChosen, MethodUnusable
from commerce.payments.gateway import gateway
from commerce.payments.models import PaymentAttempt, SavedMethod
from commerce.payments.ports import Method

TIMER = "payments.forget"
MANDATE_ENDED = "mandate_ended"
LASTING = frozenset(
    {"account_closed", "debit_not_authorized", "payment_intent_mandate_invalid", MANDATE_ENDED}
)
"""The reasons of a bank after which nothing can be debited under a mandate any more."""


def keep(*, party_id: int, method: Method, for_bills: bool = False) -> None:
    """This method is the one that is charged from now on.

    The provider makes a new one each time: the same card or account again takes the place of the
    one before, and goes on being charged for bills if that was. In the caller's transaction; twice
    is once.
    """
    kept, new = SavedMethod.objects.get_or_create(
        method_id=method.method_id,
        defaults={
            "customer_id": method.customer_id,
            "kind": method.kind,
            "card_brand": method.card_brand,
            "card_last4": method.card_last4,
            "bank_code": method.bank_code,
            "mandate_id": method.mandate_id,
            "mandate_reference": method.mandate_reference,
            "party_id": party_id,
            "saved_at": business_now(),
            "chosen_at": machine_now(),
            "for_bills": for_bills,
        },
    )
    if new and method.card_last4:
        same = _same(kept).filter(removed_at__isnull=True).exclude(pk=kept.pk)
        kept.for_bills = for_bills or same.filter(for_bills=True).exists()
        kept.save(update_fields=["for_bills"])
        same.update(removed_at=business_now())
    if new:
        publish(MethodChosen(party_id=party_id, saved_id=kept.pk))


@transaction.atomic
def choose(*, party_id: int, saved_id: int) -> None:
    """Bills are charged to this method from now on.

    Raises:
        NotFound: `unknown_method`.
        RuleViolated: `method_unusable`: its mandate has ended.
    """
    row = _own(party_id, saved_id)
    if row.unusable_because:
        raise RuleViolated("Nothing can be debited from this account.", code="method_unusable")
    row.chosen_at = machine_now()
    row.for_bills = True
    row.save(update_fields=["chosen_at", "for_bills"])
    publish(MethodChosen(party_id=party_id, saved_id=row.pk))


@transaction.atomic
def remove(*, party_id: int, saved_id: int) -> None:
    """It is charged no more, and the provider forgets it, soon: also under the methods whose place
    it has taken.

    Raises:
        NotFound: `unknown_method`.
    """
    row = _own(party_id, saved_id)
    row.removed_at = business_now()
    row.save(update_fields=["removed_at"])
    before = _same(row).filter(removed_at__isnull=False)
    for pk in before.order_by("pk").values_list("pk", flat=True):
        soon(key=f"{TIMER}:{pk}", handler=TIMER, payload={"saved_id": pk})


def forget(payload: Mapping[str, Any]) -> bool:
    """Timer: have the provider let go of a removed method. May be repeated."""
    row = SavedMethod.objects.get(pk=payload["saved_id"])
    with suppress(Refused):  # it is gone already
        gateway().forget_method(key=f"forget/{row.method_id}", method_id=row.method_id)
    return True


@transaction.atomic
def end_mandate(*, mandate_id: str, reason: str) -> None:
    """Nothing can be debited under it any more, for the bank's `reason`. Twice is once."""
    live = SavedMethod.objects.select_for_update().filter(mandate_id=mandate_id)
    row = live.filter(unusable_because="", removed_at__isnull=True).first()
    if row is None:
        return
    row.unusable_because = reason[:80]
    row.save(update_fields=["unusable_because"])
    publish(
        MethodUnusable(party_id=row.party_id, saved_id=row.pk, last4=row.card_last4, reason=reason)
    )


def note_mandate(*, mandate_id: str) -> None:
    """The provider says that something became of a mandate: ask what."""
    known = SavedMethod.objects.filter(mandate_id=mandate_id, unusable_because="")
    if known.exists() and not gateway().mandate_holds(mandate_id=mandate_id):
        end_mandate(mandate_id=mandate_id, reason=MANDATE_ENDED)


def known_customer(party_id: int | None) -> str:
    """Under which id the provider knows a party; nothing if it does not yet."""
    if party_id is None:
        return ""
    saved = SavedMethod.objects.filter(party_id=party_id).order_by("-pk")
    paid = PaymentAttempt.objects.filter(party_id=party_id).exclude(customer_id="").order_by("-pk")
    ids = (rows.values_list("customer_id", flat=True).first() for rows in (paid, saved))
    return next((each for each in ids if each), "")


def _same(row: SavedMethod) -> Any:
    """The rows of the same card or account, also those whose place this one has taken."""
    return SavedMethod.objects.filter(
        party_id=row.party_id,
        kind=row.kind,
        card_brand=row.card_brand,
        card_last4=row.card_last4,
        bank_code=row.bank_code,
    )


def _live(party_id: int) -> Any:
    return SavedMethod.objects.filter(party_id=party_id, removed_at__isnull=True)


def _own(party_id: int, saved_id: int) -> SavedMethod:
    row: SavedMethod | None = _live(party_id).select_for_update().filter(pk=saved_id).first()
    if row is None:
        raise NotFound("There is no such payment method.", code="unknown_method")
    return row
