"""The bill of an order: what is due once, billed when the order is accepted."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from django.db import transaction

from subscriptions.accounts.services.accounts import locked_account
from subscriptions.domain.buyers import BuyerCodes
from subscriptions.domain.charges import AgreedCharge
from subscriptions.domain.invoice import Names, one_off_lines
from subscriptions.invoicing.services import of_order
from subscriptions.models import Invoice


@transaction.atomic
def bill_order(
    *,
    order_number: str,
    party_id: int,
    segment: str,
    charges: Mapping[str, Sequence[AgreedCharge]],
    tax_rates: Mapping[str, Decimal],
    names: Mapping[str, Names] | None = None,
    benefit_names: Mapping[str, Names] | None = None,
    purchase_order: str = "",
    cost_centres: Mapping[str, str] | None = None,
) -> str | None:
    """Bill the one-off charges of an order; the invoice's number.

    `charges` and `cost_centres` by contract group, `names` by item, `tax_rates` per cent by tax
    class; recurring charges among them are left to the contract. None when nothing is due once, or
    when the bill breaks the promise and is held. May be repeated: the same number is answered.
    """
    account = locked_account(party_id=party_id, segment=segment)
    key = f"order:{order_number}"
    known = Invoice.objects.filter(key=key).first()
    if known is not None:
        return known.number
    if purchase_order and purchase_order != account.purchase_order:
        account.purchase_order = purchase_order
        account.save(update_fields=["purchase_order"])
    lines = tuple(
        line
        for group, agreed in charges.items()
        for line in one_off_lines(
            agreed,
            order_number=order_number,
            group=group,
            tax_rates=tax_rates,
            names=names or {},
            benefit_names=benefit_names or {},
            codes=BuyerCodes((cost_centres or {}).get(group, ""), purchase_order),
        )
    )
    return of_order.issue(
        account,
        key=key,
        lines=lines,
        order_number=order_number,
        purchase_order=purchase_order,
        promised=True,
    )
