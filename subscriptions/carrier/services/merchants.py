"""Merchants: taken on with their contract."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from django.db import transaction

from commerce.accounts.services.organisations import add_merchant
from commerce.events.webhooks.addresses import checked_url
from subscriptions.carrier.models import Merchant
from subscriptions.domain.carrier import Category


@dataclass(frozen=True, slots=True)
class MerchantContract:
    """What a merchant may sell, at which tax (percent), and his part of it; see `Merchant`."""

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


@transaction.atomic
def take_on(contract: MerchantContract, *, client_id: str, client_secret: str) -> int:
    """A new merchant and the program by which he sells; the merchant's id. The secret is kept
    hashed.

    Raises:
        InvalidInput: `bad_address`: customers can't be sent to his `return_to`.
    """
    party_id = add_merchant(
        name=contract.name,
        email=contract.email,
        client_id=client_id,
        client_secret=client_secret,
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
        return_to=checked_url(contract.return_to) if contract.return_to else "",
    )
    return made.pk
