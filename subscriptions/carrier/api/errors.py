"""Refusals as CAMARA words them: status, code, sentence."""

from collections.abc import Mapping
from typing import Any

from rest_framework import exceptions as drf
from rest_framework.response import Response
from rest_framework.views import set_rollback

from commerce.kernel.errors import FaisceauError, InvalidInput
from commerce.web.problems import problem_of
from subscriptions.domain.carrier import Rule

Refusal = tuple[int, str, str]
_INVALID = "Client specified an invalid argument, request body or query param."
_DENIED = (403, "CARRIER_BILLING.PAYMENT_DENIED", "Payment denied by business.")
_TOO_MUCH = (422, "CARRIER_BILLING.UNAUTHORIZED_AMOUNT", "Unauthorized amount requested.")
_OVERPASSED = (
    422,
    "CARRIER_BILLING.USER_AMOUNT_THRESHOLD_OVERPASSED",
    "Unauthorized payment request. Accumulated user mobile payments overpass account amount "
    "threshold.",
)
_TOO_MANY = (
    "Too many matching records found. Specify additional/suitable criteria to limit the number of "
    "records."
)
_NOT_FOUND = (404, "NOT_FOUND", "The specified resource is not found.")

OURS: Mapping[str, Refusal] = {
    **{str(rule): _DENIED for rule in Rule},
    Rule.NOT_OPENED: (
        422,
        "SERVICE_NOT_APPLICABLE",
        "The service is not available for the provided identifier.",
    ),
    Rule.OVER_PURCHASE_CAP: _TOO_MUCH,
    Rule.OVER_MONTH_CAP: _OVERPASSED,
    **{rule: _OVERPASSED for rule in Rule if rule.value.startswith("over_own_")},
    Rule.OVER_MERCHANT_CAP: _OVERPASSED,
    "not_a_merchant": (
        403,
        "PERMISSION_DENIED",
        "Client does not have sufficient permissions to perform this action.",
    ),
    "not_validated": _DENIED,
    "unknown_line": (
        404,
        "IDENTIFIER_NOT_FOUND",
        "The phone number provided is not associated with a customer account.",
    ),
    "unknown_payment": _NOT_FOUND,
    "unknown_refund": _NOT_FOUND,
    "unknown_statement": _NOT_FOUND,
    "unknown_bill": _NOT_FOUND,
    "reference_taken": (
        409,
        "ALREADY_EXISTS",
        "The resource that a client tried to create already exists.",
    ),
    "session_open": (409, "ALREADY_EXISTS", "Another session is created for the same UE"),
    "too_many_codes": (
        429,
        "TOO_MANY_REQUESTS",
        "Access to the API has been temporarily blocked due to rate or spike arrest limits being "
        "reached.",
    ),
    "already_validated": (409, "ALREADY_EXISTS", "Payment already validated"),
    "payment_confirmed": (
        409,
        "CARRIER_BILLING.PAYMENT_CONFIRMED",
        "Payment has been confirmed.",
    ),
    "payment_cancelled": (
        409,
        "CARRIER_BILLING.PAYMENT_CANCELLED",
        "Payment has been cancelled.",
    ),
    "correlator_taken": (400, "INVALID_ARGUMENT", "clientCorrelator already exist on server."),
    "unknown_currency": (400, "INVALID_ARGUMENT", "Currency is unknown or not authorized."),
    "bad_address": (400, "INVALID_SINK", "sink not valid for the specified protocol"),
    "bad_credential": (400, "INVALID_CREDENTIAL", "Only Access token is supported"),
    "bad_token": (400, "INVALID_TOKEN", "Only bearer token is supported"),
    "out_of_range": (400, "OUT_OF_RANGE", "Client specified an invalid range."),
    "bad_range": (
        400,
        "CARRIER_BILLING.INVALID_DATE_RANGE",
        "Client specified an invalid date range.",
    ),
    "too_many_found": (400, "CARRIER_BILLING.TOO_MANY_MATCHING_RECORDS", _TOO_MANY),
    "wrong_authorization": (
        400,
        "CARRIER_BILLING.INVALID_AUTHORIZATION_ID",
        "Invalid authorizationId.",
    ),
    "wrong_code": (400, "CARRIER_BILLING.INVALID_CODE", "Invalid code."),
    "validation_failed": (
        400,
        "CARRIER_BILLING.VALIDATION_FAILED",
        "the maximum number of attempts have been consumed for this validation.",
    ),
    "missing_number": (422, "MISSING_IDENTIFIER", "The phone number cannot be identified."),
}
OF_CONFIRMING: Mapping[str, Refusal] = {
    str(rule): _DENIED for rule in Rule if rule.value.startswith("over_")
}
"""What was reserved is denied by then, whatever cap it is that has become lower."""
OF_REFUNDS: Mapping[str, Refusal] = {
    "bad_range": (
        400,
        "CARRIER_BILLING_REFUND.INVALID_DATE_RANGE",
        "Client specified an invalid date range.",
    ),
    "too_many_found": (400, "CARRIER_BILLING_REFUND.TOO_MANY_MATCHING_RECORDS", _TOO_MANY),
    "contract_ended": (
        403,
        "CARRIER_BILLING_REFUND.REFUND_DENIED",
        "Refund denied by business.",
    ),
    "not_refundable": (
        403,
        "CARRIER_BILLING_REFUND.PAYMENT_NOT_ELIGIBLE_FOR_REFUND",
        "Payment not eligible for refund.",
    ),
    "not_paid": (
        422,
        "CARRIER_BILLING_REFUND.INVALID_PAYMENT_STATUS",
        "Payment is not yet completed.",
    ),
    "more_than_remains": (
        422,
        "CARRIER_BILLING_REFUND.UNAUTHORIZED_AMOUNT",
        "Unauthorized amount requested.",
    ),
    "tax_management_differs": (
        422,
        "CARRIER_BILLING_REFUND.TAXES_MANAGEMENT_MISMATCH",
        "Inconsistent isTaxIncluded value with regards to related payment.",
    ),
    "details_differ": (
        422,
        "CARRIER_BILLING_REFUND.REFUND_DETAILS_MISMATCH",
        "Inconsistent refundDetails information with regards to related payment.",
    ),
}
BY_STATUS: Mapping[int, Refusal] = {
    401: (
        401,
        "UNAUTHENTICATED",
        "Request not authenticated due to missing, invalid, or expired credentials. "
        "A new authentication is required.",
    ),
    403: (
        403,
        "PERMISSION_DENIED",
        "Client does not have sufficient permissions to perform this action.",
    ),
    404: _NOT_FOUND,
    405: (405, "METHOD_NOT_ALLOWED", "The requested method is not allowed on this resource."),
    415: (400, "INVALID_ARGUMENT", _INVALID),
}


def answer(exc: Exception, context: Mapping[str, Any]) -> Response | None:
    """The exception handler of these routes; what nobody foresaw stays an exception."""
    found = _of(exc, first=getattr(context.get("view"), "refusals", {}))
    if found is None:
        return None
    set_rollback()
    status, code, sentence = found
    return Response({"status": status, "code": code, "message": sentence}, status=status)


def _of(exc: Exception, *, first: Mapping[str, Refusal]) -> Refusal | None:
    if isinstance(exc, FaisceauError):
        known = first.get(exc.code) or OURS.get(exc.code)
        if known or isinstance(exc, InvalidInput):
            return known or (400, "INVALID_ARGUMENT", exc.message or _INVALID)
    if isinstance(exc, drf.ValidationError):
        return 400, "INVALID_ARGUMENT", _INVALID
    problem = problem_of(exc)
    if problem is None:
        return None
    return BY_STATUS.get(problem.status, (problem.status, "INVALID_ARGUMENT", problem.sentence))
