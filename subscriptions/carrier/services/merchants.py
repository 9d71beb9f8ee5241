"""Merchants: taken on with their contract."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from django.db import transaction

from commerce.accounts.services.organisations import Company, add_merchant
from commerce.events.webhooks.addresses import checked_url
from commerce.kernel.errors import Conflict, InvalidInput
from subscriptions.carrier.models import Merchant
from subscriptions.domain.carrier import CENT, COLLECTED, Category, Selling, may_be_sold

MOST = Decimal(1_000_000)
MOST_DAYS = 3650
_LENGTHS = {"code": 40, "name": 80, "support": 120, "tax_class": 30}
"""As the columns have them."""
_CODE = re.compile(r"[a-zA-Z0-9_-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class MerchantContract:
    """What a merchant may sell, at which tax (percent), and his part of it; see `Merchant`. Our
    commission is invoiced to his `company`."""

    code: str
    name: str
    email: str
    support: str
    categories: Collection[Category]
    tax_class: str
    tax_rate: Decimal
    share: Decimal
    fee: Decimal = Decimal(0)
    confirms_himself: bool = False
    return_to: str = ""
    monthly: Mapping[str, Decimal] = field(default_factory=dict)
    selling: Selling = Selling.UNTOLD
    refund_days: int | None = None
    most_per_month: Decimal | None = None
    company: Company | None = None


@transaction.atomic
def take_on(contract: MerchantContract, *, client_id: str, client_secret: str) -> int:
    """A new merchant and the program by which he sells; the merchant's id. The secret is kept
    hashed.

    Raises:
        InvalidInput: `terms_out_of_range`, `bad_price`, `bad_code`, `name_missing`;
        `not_sold_so`: such things can't be sold in that way; `donation_taxed`; `bad_tax_class`;
        `company_missing`: who sells in his own name is sent invoices; as `add_merchant`;
        `bad_address`: customers can't be sent to his `return_to`. Conflict: `merchant_known`:
        another has this code.
    """
    return_to = _checked(contract)
    if Merchant.objects.filter(code=contract.code).exists():
        raise Conflict("Another merchant has this code.", code="merchant_known", field="code")
    party_id = add_merchant(
        name=contract.name,
        email=contract.email,
        client_id=client_id,
        client_secret=client_secret,
        company=contract.company,
    )
    made = Merchant.objects.create(
        party_id=party_id,
        code=contract.code,
        name=contract.name,
        support=contract.support,
        categories=sorted(str(each) for each in contract.categories),
        monthly={code: str(price) for code, price in contract.monthly.items()},
        tax_class=contract.tax_class,
        tax_rate=contract.tax_rate,
        share=contract.share,
        fee=contract.fee,
        confirms_himself=contract.confirms_himself,
        return_to=return_to,
        selling=contract.selling,
        refund_days=contract.refund_days,
        most_per_month=contract.most_per_month,
    )
    return made.pk


def _checked(contract: MerchantContract) -> str:
    """The address that customers go back to, once nothing in the contract is wrong."""
    for field_name, most in _LENGTHS.items():
        if not 1 <= len(getattr(contract, field_name).strip()) <= most:
            raise InvalidInput(
                f"The {field_name} has from 1 to {most} signs.",
                code="name_missing",
                field=field_name,
            )
    if not _CODE.fullmatch(contract.code):
        raise InvalidInput(
            "A code is of letters, digits and hyphens.", code="bad_code", field="code"
        )
    days = contract.refund_days
    sane = 0 <= contract.share <= 100 and 0 <= contract.fee <= MOST and 0 <= contract.tax_rate < 100
    cap = contract.most_per_month
    sane = sane and (cap is None or 0 <= cap <= MOST)
    if not sane or (days is not None and not 0 <= days <= MOST_DAYS):
        raise InvalidInput(
            "A share is from 0 to 100 %, a fee, a cap and a number of days not below zero.",
            code="terms_out_of_range",
        )
    for code, price in contract.monthly.items():
        if not code or not CENT <= price <= MOST or price != round(price, 2):
            raise InvalidInput(
                f"{code or 'A service'}: a month costs an amount in cents.", code="bad_price"
            )
    if not contract.categories or not may_be_sold(contract.categories, selling=contract.selling):
        raise InvalidInput(
            "Digital content is never sold in the merchant's name, donations always are.",
            code="not_sold_so",
        )
    if Category.DONATION in contract.categories and contract.tax_rate:
        raise InvalidInput(
            "A donation holds no tax: what does is sold by another contract.",
            code="donation_taxed",
            field="tax_rate",
        )
    if contract.selling is Selling.TOLD and contract.company is None:
        raise InvalidInput(
            "Who sells in his own name is sent invoices of our commission: name his company.",
            code="company_missing",
            field="siren",
        )
    if contract.tax_class == COLLECTED:
        raise InvalidInput(
            "That is the class of what is collected, never of what is sold.",
            code="bad_tax_class",
            field="tax_class",
        )
    return checked_url(contract.return_to) if contract.return_to else ""
