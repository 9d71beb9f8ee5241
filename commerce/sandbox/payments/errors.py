"""Refusals in the shape of Stripe's error object."""

from dataclasses import dataclass
from typing import Any

Document = dict[str, Any]
"""A JSON object as the API answers it."""

PARAMETER_CODES = frozenset(
    {
        "parameter_missing",
        "parameter_unknown",
        "parameter_invalid_empty",
        "parameter_invalid_integer",
    }
)


@dataclass(slots=True)
class ApiError(Exception):
    """`keeps_effects`: what happened before the refusal (a declined charge) stays written."""

    status: int
    type: str
    message: str
    code: str | None = None
    param: str | None = None
    decline_code: str | None = None
    payment_intent: Document | None = None
    payment_method: Document | None = None
    charge: str | None = None
    keeps_effects: bool = False
    before_execution: bool = False

    def body(self, *, request_id: str) -> Document:
        facts: Document = {
            "charge": self.charge,
            "code": self.code,
            "decline_code": self.decline_code,
            "doc_url": None if self.code is None else doc_url(self.code),
            "message": self.message,
            "param": self.param,
            "payment_intent": self.payment_intent,
            "payment_method": self.payment_method,
            "request_log_url": f"https://dashboard.stripe.com/test/logs/{request_id}",
            "type": self.type,
        }
        return {"error": {name: value for name, value in facts.items() if value is not None}}


def doc_url(code: str) -> str:
    return f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}"


def invalid(
    message: str,
    *,
    param: str | None = None,
    code: str | None = None,
    payment_intent: Document | None = None,
) -> ApiError:
    """A request answered with 400. Malformed parameters are not remembered under a key."""
    return ApiError(
        400,
        "invalid_request_error",
        message,
        code=code,
        param=param,
        payment_intent=payment_intent,
        before_execution=code in PARAMETER_CODES,
    )


def missing(kind: str, wanted: str, *, param: str = "id") -> ApiError:
    return ApiError(
        404,
        "invalid_request_error",
        f"No such {kind}: '{wanted}'",
        code="resource_missing",
        param=param,
    )
