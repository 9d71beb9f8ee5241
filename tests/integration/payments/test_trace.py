"""What follows a payment stays under the trace of whoever asked for it."""

import pytest
from django.db import transaction

from commerce.events.models import OutboxEvent
from commerce.kernel.money import Money
from commerce.kernel.trace import traced
from commerce.payments.models import PaymentAttempt, PaymentState
from commerce.payments.ports import Outcome, PayLine, PaymentReport
from commerce.payments.services.checkout import request_payment
from commerce.payments.services.outcome import note_report

CLICK, WEBHOOK = "c1" * 16, "ab" * 16


@pytest.mark.django_db
def test_news_of_the_provider_carry_on_the_trace_of_the_click() -> None:
    with traced(CLICK), transaction.atomic():
        request_payment(
            key="F-1:order:1",
            email="camille@example.test",
            language="fr",
            party_id=None,
            reference="F-1",
            amount=Money.of("19.99"),
            lines=(PayLine("Horizon", Money.of("19.99")),),
            success_url="https://shop.example/paid",
            cancel_url="https://shop.example/cart",
        )
    PaymentAttempt.objects.update(state=PaymentState.OPENED)
    with traced(WEBHOOK):
        note_report(key="F-1:order:1", report=PaymentReport(Outcome.AUTHORISED))
    event = OutboxEvent.objects.get(name="PaymentAuthorised")
    assert event.trace_id == CLICK
