"""What must be right in the settings before a bill is made."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error

from commerce.kernel.errors import InvalidInput
from commerce.markets.identifiers import is_iban
from commerce.markets.pack import market
from subscriptions.domain.control import read_limits


def seller_is_a_company(**_: Any) -> list[CheckMessage]:
    """The seller's numbers are proven by their keys: they stand on every bill for ten years."""
    try:
        market(settings.MARKET).check_company(
            site=settings.SELLER["site_number"], vat_number=settings.SELLER["vat_number"]
        )
    except InvalidInput as refusal:
        return [Error(f"SELLER_SITE_NUMBER, SELLER_VAT_NUMBER: {refusal}", id="subscriptions.E001")]
    return []


def our_bank_account_is_one(**_: Any) -> list[CheckMessage]:
    """Businesses are told to pay there; empty where nobody pays by transfer."""
    iban = settings.SELLER.get("iban", "")
    if iban and not is_iban(iban):
        return [Error(f"SELLER_IBAN: {iban} is no IBAN.", id="subscriptions.E002")]
    return []


def bill_runs_have_limits(**_: Any) -> list[CheckMessage]:
    """Without them no run could be judged at night."""
    try:
        read_limits(settings.BILL_RUN_LIMITS)
    except InvalidInput as refusal:
        return [Error(f"BILL_RUN_LIMITS: {refusal}", id="subscriptions.E003")]
    return []
