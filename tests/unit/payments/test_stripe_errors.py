"""Which of Stripe's errors say no, and which say nothing."""

import pytest
import stripe

from commerce.kernel.errors import Refused, Unknown
from commerce.payments.stripe_gateway import _ask


@pytest.mark.parametrize(
    "error",
    [
        stripe.APIConnectionError("no route"),
        stripe.AuthenticationError("wrong key", http_status=401),
        stripe.PermissionError("not with this key", http_status=403),
        stripe.IdempotencyError("the key's first request was another", http_status=400),
        stripe.RateLimitError("slowly", http_status=429),
        stripe.InvalidRequestError("in use", None, http_status=409),
        stripe.APIError("down", http_status=500),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_that_does_not_speak_of_the_payment_is_unknown(error: stripe.StripeError) -> None:
    with pytest.raises(Unknown):
        _ask(lambda: _raise(error))


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (stripe.CardError("declined", None, "card_declined"), "card_declined"),
        (
            stripe.InvalidRequestError("late", None, code="charge_expired", http_status=400),
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
