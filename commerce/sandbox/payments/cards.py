"""The documented test cards, and what each does. No other card is accepted."""

import hashlib
from dataclasses import dataclass
from enum import StrEnum


class Authentication(StrEnum):
    """When the bank asks the cardholder to authenticate (SCA)."""

    NEVER = "never"
    UNLESS_SET_UP = "unless set up for later use"
    ON_SESSION = "on session only; it was set up before"
    ALWAYS = "on all payments"


@dataclass(frozen=True, slots=True)
class TestCard:
    """`decline` is the refusal of a charge; one with `attachable` false can't be saved either.

    `dispute` is why its holder objects to each payment; with `inquiry` his bank asks only.
    """

    __test__ = False

    number: str
    brand: str = "visa"
    country: str = "US"
    funding: str = "credit"
    decline: str | None = None
    authentication: Authentication = Authentication.NEVER
    attachable: bool = True
    cvc_check: str = "pass"
    network: str | None = None
    dispute: str | None = None
    inquiry: bool = False

    @property
    def last4(self) -> str:
        return self.number[-4:]

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(f"card {self.number}".encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Decline:
    """The code of the error, the issuer's reason and Stripe's sentence for it."""

    code: str
    reason: str
    message: str


DECLINES = {
    decline.reason: decline
    for decline in (
        Decline("card_declined", "generic_decline", "Your card was declined."),
        Decline("card_declined", "insufficient_funds", "Your card has insufficient funds."),
        Decline("card_declined", "lost_card", "Your card was declined."),
        Decline("card_declined", "stolen_card", "Your card was declined."),
        Decline("card_declined", "fraudulent", "Your card was declined."),
        Decline(
            "card_declined",
            "card_velocity_exceeded",
            "Your card was declined for making repeated attempts too frequently or exceeding its"
            " amount limit.",
        ),
        Decline("expired_card", "expired_card", "Your card has expired."),
        Decline("incorrect_cvc", "incorrect_cvc", "Your card's security code is incorrect."),
        Decline(
            "processing_error",
            "processing_error",
            "An error occurred while processing your card. Try again in a little bit.",
        ),
        Decline(
            "authentication_required",
            "authentication_required",
            "Your card was declined. This transaction requires authentication.",
        ),
    )
}


def _declined(number: str, reason: str, *, cvc_check: str = "pass") -> TestCard:
    return TestCard(number, decline=reason, attachable=False, cvc_check=cvc_check)


CARDS = {
    card.number: card
    for card in (
        TestCard("4242424242424242"),
        TestCard("4000056655665556", funding="debit"),
        TestCard("5555555555554444", brand="mastercard"),
        TestCard("2223003122003222", brand="mastercard"),
        TestCard("5200828282828210", brand="mastercard", funding="debit"),
        TestCard("5105105105105100", brand="mastercard", funding="prepaid"),
        TestCard("378282246310005", brand="amex"),
        TestCard("371449635398431", brand="amex"),
        TestCard("6011111111111117", brand="discover"),
        TestCard("3056930009020004", brand="diners"),
        TestCard("3566002020360505", brand="jcb"),
        TestCard("6200000000000005", brand="unionpay"),
        TestCard("4000002500000003", country="FR"),
        TestCard("4000002500001001", country="FR", network="cartes_bancaires"),
        TestCard("5555552500001001", "mastercard", country="FR", network="cartes_bancaires"),
        TestCard("4000000560000004", country="BE"),
        TestCard("4000002760000016", country="DE"),
        TestCard("4000003800000008", country="IT"),
        TestCard("4000007240000007", country="ES"),
        TestCard("4000002500003155", authentication=Authentication.UNLESS_SET_UP),
        TestCard("4000002760003184", authentication=Authentication.ALWAYS),
        TestCard("4000000000003220", authentication=Authentication.ALWAYS),
        TestCard("4000003800000446", authentication=Authentication.ON_SESSION),
        TestCard(
            "4000008260003178",
            authentication=Authentication.ALWAYS,
            decline="insufficient_funds",
        ),
        _declined("4000000000000002", "generic_decline"),
        _declined("4000000000009995", "insufficient_funds"),
        _declined("4000000000009987", "lost_card"),
        _declined("4000000000009979", "stolen_card"),
        _declined("4000000000000069", "expired_card"),
        _declined("4000000000000127", "incorrect_cvc", cvc_check="fail"),
        _declined("4000000000000119", "processing_error"),
        _declined("4000000000006975", "card_velocity_exceeded"),
        _declined("4100000000000019", "fraudulent"),
        TestCard("4000000000000341", decline="generic_decline"),
        TestCard("4000000000000259", dispute="fraudulent"),
        TestCard("4000000000002685", dispute="product_not_received"),
        TestCard("4000000000001976", dispute="fraudulent", inquiry=True),
    )
}

TOKENS = {
    "pm_card_visa": "4242424242424242",
    "pm_card_visa_debit": "4000056655665556",
    "pm_card_mastercard": "5555555555554444",
    "pm_card_mastercard_debit": "5200828282828210",
    "pm_card_mastercard_prepaid": "5105105105105100",
    "pm_card_amex": "378282246310005",
    "pm_card_discover": "6011111111111117",
    "pm_card_diners": "3056930009020004",
    "pm_card_jcb": "3566002020360505",
    "pm_card_unionpay": "6200000000000005",
    "pm_card_fr": "4000002500000003",
    "pm_card_visa_cartesBancaires": "4000002500001001",
    "pm_card_mastercard_cartesBancaires": "5555552500001001",
    "pm_card_be": "4000000560000004",
    "pm_card_de": "4000002760000016",
    "pm_card_it": "4000003800000008",
    "pm_card_es": "4000007240000007",
    "pm_card_authenticationRequiredOnSetup": "4000002500003155",
    "pm_card_authenticationRequired": "4000002760003184",
    "pm_card_threeDSecure2Required": "4000000000003220",
    "pm_card_threeDSecureRequired": "4000000000003220",
    "pm_card_authenticationRequiredSetupForOffSession": "4000003800000446",
    "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds": "4000008260003178",
    "pm_card_chargeDeclined": "4000000000000002",
    "pm_card_visa_chargeDeclined": "4000000000000002",
    "pm_card_chargeDeclinedInsufficientFunds": "4000000000009995",
    "pm_card_visa_chargeDeclinedInsufficientFunds": "4000000000009995",
    "pm_card_visa_chargeDeclinedLostCard": "4000000000009987",
    "pm_card_visa_chargeDeclinedStolenCard": "4000000000009979",
    "pm_card_chargeDeclinedExpiredCard": "4000000000000069",
    "pm_card_visa_chargeDeclinedExpiredCard": "4000000000000069",
    "pm_card_chargeDeclinedIncorrectCvc": "4000000000000127",
    "pm_card_visa_chargeDeclinedIncorrectCvc": "4000000000000127",
    "pm_card_chargeDeclinedProcessingError": "4000000000000119",
    "pm_card_visa_chargeDeclinedProcessingError": "4000000000000119",
    "pm_card_visa_chargeDeclinedVelocityLimitExceeded": "4000000000006975",
    "pm_card_chargeDeclinedFraudulent": "4100000000000019",
    "pm_card_chargeCustomerFail": "4000000000000341",
    "pm_card_createDispute": "4000000000000259",
    "pm_card_createDisputeProductNotReceived": "4000000000002685",
    "pm_card_createDisputeInquiry": "4000000000001976",
}


def needs_authentication(card: TestCard, *, off_session: bool, set_up: bool) -> bool:
    """Whether the bank wants the cardholder to authenticate this payment.

    `set_up`: the payment method was saved for later use in an authenticated payment.
    """
    match card.authentication:
        case Authentication.NEVER:
            return False
        case Authentication.ALWAYS:
            return True
        case Authentication.UNLESS_SET_UP:
            return not set_up
        case Authentication.ON_SESSION:
            return not off_session


def passes_luhn(digits: str) -> bool:
    """The check digit of a card number is right."""
    total = 0
    for position, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if position % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0
