"""Requests and answers of CAMARA Carrier Billing 0.5 and Carrier Billing Refund 0.3.

Members that the specification does not name are left out, as it leaves them open.
"""
# ruff: noqa: N815  the names are CAMARA's

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from rest_framework import serializers

from commerce.kernel.clock import PARIS
from commerce.kernel.errors import InvalidInput
from commerce.web.fields import Flag, Moment, OneOf, Word
from subscriptions.carrier.models import CarrierPayment, CarrierRefund
from subscriptions.carrier.services import telling
from subscriptions.carrier.services.answering import page_of
from subscriptions.carrier.services.purchasing import Purchase, digest_of
from subscriptions.carrier.services.refunding import RefundAsked, remaining_of
from subscriptions.domain.carrier import PaymentState, RefundKind

HEADER_WORD = r"^[\x21-\x7e]+$"
"""What a header can carry."""
NUMBER = r"^\+[1-9][0-9]{4,14}$"
MOST_DETAILS = 50
STATES = ("processing", *(str(each) for each in PaymentState))
REFUND_STATES = ("processing", "denied", "succeeded")
LARGEST = Decimal("99999999.999")


class Amount(serializers.DecimalField):
    """A JSON number with three decimals at most."""

    def __init__(self, *, min_value: Decimal = Decimal("0.001"), **options: Any) -> None:
        super().__init__(
            max_digits=11, decimal_places=3, min_value=min_value, max_value=LARGEST, **options
        )

    def to_internal_value(self, data: Any) -> Decimal:
        """Of the number's own shortest decimal text, so that nothing binary is left of it."""
        if isinstance(data, bool) or not isinstance(data, int | float):
            self.fail("invalid")
        return super().to_internal_value(repr(data))


class NumberAsked(serializers.Serializer[Any]):
    phoneNumber = serializers.RegexField(NUMBER, max_length=16, required=False)


class ChargingAsked(serializers.Serializer[Any]):
    amount = Amount()
    currency = Word(max_length=3)
    description = Word(max_length=120)
    isTaxIncluded = Flag(required=False, default=False)
    taxAmount = Amount(min_value=Decimal(0), required=False)


class MetaAsked(serializers.Serializer[Any]):
    merchantName = Word(max_length=80, required=False)
    merchantIdentifier = Word(max_length=80, required=False)
    fee = Amount(min_value=Decimal(0), required=False)
    purchaseCategoryCode = Word(max_length=40, required=False)
    channel = Word(max_length=40, required=False)
    serviceId = Word(max_length=80, required=False)
    productId = Word(max_length=80, required=False)


class ItemAsked(ChargingAsked):
    id = Word(max_length=80)


class PaymentAmountAsked(serializers.Serializer[Any]):
    chargingInformation = ChargingAsked()
    chargingMetaData = MetaAsked(required=False)
    paymentDetails = serializers.ListField(
        child=ItemAsked(), min_length=1, max_length=MOST_DETAILS, required=False
    )


class TransactionAsked(NumberAsked):
    clientCorrelator = Word(max_length=80, required=False)
    paymentAmount = PaymentAmountAsked()
    referenceCode = Word(max_length=80)


class CredentialAsked(serializers.Serializer[Any]):
    credentialType = OneOf(("PLAIN", "ACCESSTOKEN", "REFRESHTOKEN"))
    accessToken = serializers.RegexField(HEADER_WORD, max_length=4000, required=False)
    accessTokenExpiresUtc = Moment(required=False)
    accessTokenType = Word(max_length=20, required=False)


class SinkAsked(serializers.Serializer[Any]):
    sink = Word(max_length=500, required=False)
    sinkCredential = CredentialAsked(required=False)


class PaymentAsked(SinkAsked):
    amountTransaction = TransactionAsked()


class ValidationAsked(serializers.Serializer[Any]):
    authorizationId = Word(max_length=80)
    code = Word(max_length=20)


class RefundItemAsked(ChargingAsked):
    paymentItemId = Word(max_length=80)


class RefundAmountAsked(serializers.Serializer[Any]):
    chargingInformation = ChargingAsked(required=False)
    chargingMetaData = MetaAsked(required=False)
    refundDetails = serializers.ListField(
        child=RefundItemAsked(), min_length=1, max_length=MOST_DETAILS, required=False
    )


class RefundTransactionAsked(serializers.Serializer[Any]):
    clientCorrelator = Word(max_length=80, required=False)
    refundAmount = RefundAmountAsked()
    referenceCode = Word(max_length=80)


class CreateRefundAsked(SinkAsked):
    type = OneOf(RefundKind)
    reason = Word(max_length=300, required=False)
    amountTransaction = RefundTransactionAsked()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """A partial refund says how much."""
        charging = attrs["amountTransaction"]["refundAmount"].get("chargingInformation")
        if attrs["type"] == RefundKind.PARTIAL and charging is None:
            raise serializers.ValidationError({"chargingInformation": "Say how much."})
        return attrs


def purchase_of(asked: Mapping[str, Any]) -> Purchase:
    """What `PaymentAsked` validated.

    Raises:
        RuleViolated: `missing_number`. InvalidInput: `bad_credential`, `bad_token`,
        `details_differ`.
    """
    told = asked["amountTransaction"]
    payment = told["paymentAmount"]
    charging, meta = payment["chargingInformation"], payment.get("chargingMetaData", {})
    _check_details(charging, payment.get("paymentDetails", ()))
    token, until = _token(asked.get("sinkCredential"))
    return Purchase(
        number=told["phoneNumber"],
        reference=told["referenceCode"],
        correlator=told.get("clientCorrelator", ""),
        amount=charging["amount"],
        currency=charging["currency"],
        tax_included=charging["isTaxIncluded"],
        tax=charging.get("taxAmount"),
        description=charging["description"],
        category=meta.get("purchaseCategoryCode", ""),
        seller=meta.get("merchantName", ""),
        service_code=meta.get("serviceId", ""),
        channel=meta.get("channel", ""),
        told=_plain(told),
        digest=digest_of(asked),
        sink=asked.get("sink", ""),
        token=token,
        token_until=until,
    )


def refund_of(asked: Mapping[str, Any]) -> RefundAsked:
    """What `CreateRefundAsked` validated. Raises InvalidInput: `bad_credential`, `bad_token`."""
    told = asked["amountTransaction"]
    charging = told["refundAmount"].get("chargingInformation")
    token, until = _token(asked.get("sinkCredential"))
    kind = RefundKind(asked["type"])
    partial = charging is not None and kind is RefundKind.PARTIAL
    return RefundAsked(
        kind=kind,
        reference=told["referenceCode"],
        reason=asked.get("reason", ""),
        amount=charging["amount"] if partial else None,
        currency=charging["currency"] if partial else None,
        tax_included=charging["isTaxIncluded"] if partial else None,
        items={
            each["paymentItemId"]: each["amount"]
            for each in told["refundAmount"].get("refundDetails", ())
        },
        correlator=told.get("clientCorrelator", ""),
        digest=digest_of(asked),
        told=_plain(told),
        sink=asked.get("sink", ""),
        credential=telling.sealed(token),
        credential_until=until,
    )


def shown_payment(row: CarrierPayment) -> dict[str, Any]:
    """Schema `Payment`; with what the customer's code is for while it is waited for."""
    shown: dict[str, Any] = {
        "paymentId": str(row.pk),
        "amountTransaction": {
            **row.told,
            "resourceURL": f"/carrier-billing/v0.5/payments/{row.pk}",
            "serverReferenceCode": row.pk.hex[:12],
        },
        "paymentStatus": row.state,
        "paymentCreationDate": _instant(row.made_at),
    }
    if row.paid_at is not None:
        shown["paymentDate"] = _instant(row.paid_at)
    if row.sink:
        shown["sink"] = row.sink
    return shown


def shown_prepared(row: CarrierPayment) -> dict[str, Any]:
    """Schema `BodyAmountReservationTransactionForReserve`."""
    shown = shown_payment(row)
    if row.state == PaymentState.PENDING_VALIDATION and row.code_digest:
        shown["validationInfo"] = {"action": "validate", "authorizationId": row.authorization}
    elif row.state == PaymentState.PENDING_VALIDATION:
        shown["validationInfo"] = {"action": "open", "validationURL": page_of(row)}
    return shown


def shown_refund(row: CarrierRefund) -> dict[str, Any]:
    """Schemas `TotalRefund` and `PartialRefund`; one that an agent made has a transaction too."""
    told = row.told or {
        "referenceCode": row.reference,
        "refundAmount": {
            "chargingInformation": {
                "amount": _number(row.amount),
                "currency": row.payment.currency,
                "description": row.payment.service,
                "isTaxIncluded": row.payment.tax_included,
            }
        },
    }
    shown: dict[str, Any] = {
        "refundId": str(row.pk),
        "refundStatus": "succeeded",
        "type": row.kind,
        "refundCreationDate": _instant(row.made_at),
        "refundDate": _instant(row.made_at),
        "amountTransaction": told,
    }
    if row.reason:
        shown["reason"] = row.reason
    if row.sink:
        shown["sink"] = row.sink
    return shown


def shown_remaining(payment: CarrierPayment) -> dict[str, Any]:
    """Schema `PaymentRemainingAmount`."""
    return {
        "amount": _number(remaining_of(payment)),
        "currency": payment.currency,
        "description": payment.service,
        "isTaxIncluded": payment.tax_included,
    }


def _check_details(charging: Mapping[str, Any], details: Any) -> None:
    """Items in the terms of the whole add up to it."""
    terms = {(each["currency"], each["isTaxIncluded"]) for each in details}
    same = terms <= {(charging["currency"], charging["isTaxIncluded"])}
    if details and (not same or sum(each["amount"] for each in details) != charging["amount"]):
        raise InvalidInput("The details do not add up to the amount.", code="details_differ")


def _token(credential: Mapping[str, Any] | None) -> tuple[str, datetime | None]:
    """The access token and until when it is good."""
    if credential is None:
        return "", None
    if credential["credentialType"] != "ACCESSTOKEN":
        raise InvalidInput("Only an access token is taken.", code="bad_credential")
    if credential.get("accessTokenType") != "bearer":
        raise InvalidInput("Only a bearer token is taken.", code="bad_token")
    token, until = credential.get("accessToken"), credential.get("accessTokenExpiresUtc")
    if not token or until is None:
        raise serializers.ValidationError({"sinkCredential": "accessToken and its end are missing"})
    return str(token), until


def _plain(value: Any) -> Any:
    """What was validated, as JSON."""
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return _number(value) if isinstance(value, Decimal) else value


def _instant(at: datetime) -> str:
    return at.astimezone(PARIS).isoformat(timespec="milliseconds")


def _number(amount: Decimal) -> float:
    """JSON has no decimals: the shortest text of this is the amount, to a thousandth."""
    return float(amount)
