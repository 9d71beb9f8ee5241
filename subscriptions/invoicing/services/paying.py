"""How bills are to be paid, as it stands on the day of their issue: each keeps that."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict

from django.conf import settings

from commerce.accounts.kinds import Segment
from commerce.payments.selectors import Saved, usable_methods
from subscriptions.domain.views import PayBy, PaymentMeans

WITH_THE_ORDER = json.dumps(asdict(PaymentMeans(PayBy.ORDER)))
BY_TRANSFER = json.dumps(asdict(PaymentMeans(PayBy.TRANSFER)))


def means_of(segments: Mapping[int, str]) -> dict[int, str | None]:
    """What is kept of the parties' bills (`Invoice.means`), by party; None where a consumer has
    saved no method. A firm transfers, unless it has chosen a method for its bills. One query."""
    saved = usable_methods(segments)
    return {
        party: _kept(saved.get(party, ()), segment=segment) for party, segment in segments.items()
    }


def _kept(saved: Iterable[Saved], *, segment: str) -> str | None:
    business = segment == Segment.BUSINESS
    method = next((each for each in saved if each.for_bills or not business), None)
    if method is None:
        return BY_TRANSFER if business else None
    return json.dumps(asdict(_means(method)))


def _means(method: Saved) -> PaymentMeans:
    if not method.is_debit:
        return PaymentMeans(PayBy.CARD, method.card_last4)
    return PaymentMeans(
        PayBy.DEBIT, method.card_last4, method.mandate_reference, settings.SEPA_CREDITOR_ID
    )
