"""Which of Stripe's errors say no, and which say nothing."""

from typing import Any

import pytest
import stripe

from commerce.kernel.errors import Refused, Unknown
from commerce.payments.stripe_gateway import _ask

errors: Any = stripe


@pytest.mark.parametrize(
    "error",
    [
        errors.APIConnectionError("no route"),
        errors.AuthenticationError("wrong key", http_status=401),
        errors.PermissionError("not with this key", http_status=403),
        errors.IdempotencyError("the key's first request was another", http_status=400),
        errors.RateLimitError("slowly", http_status=429),
        errors.InvalidRequestError("in use", None, http_status=409),
        errors.APIError("down", http_status=500),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_that_does_not_speak_of_the_payment_is_unknown(error: stripe.StripeError) -> None:
    with pytest.raises(Unknown):
        _ask(lambda: _raise(error))


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.CardError("declined", None, "card_declined"), "card_declined"),
        (
            errors.InvalidRequestError("late", None, code="charge_expired", http_status=400),
            "charge_expired",
        ),
    ],
    ids=["CardError", "InvalidRequestError"],
)
def test_a_no_keeps_its_reason(error: stripe.StripeError, code: str) -> None:
    with pytest.raises(Refused) as refused:
        _ask(lambda: _raise(error))
    assert refused.value.code == code


def _raise(error: Exception) -> None:
    raise error
