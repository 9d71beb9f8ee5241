"""Faults that are planted for real, to show that the checks find them."""

from collections.abc import Callable, Mapping

import httpx
import psycopg

from commerce.local.demo.errors import StoryBroken
from commerce.local.demo.orders import Told
from commerce.local.stack import Stack

_MONTHLY = """
UPDATE subscriptions_itemcharge SET {change}
 WHERE code = 'monthly' AND item_id IN (
       SELECT item.id FROM subscriptions_subscriptionitem AS item
         JOIN subscriptions_subscription AS subscription
           ON subscription.id = item.subscription_id
        WHERE subscription.order_number = %s)
"""
_FREE_MONTHS = """
UPDATE subscriptions_itembenefit SET periods = periods - 1
 WHERE periods > 1 AND charge_id IN (
       SELECT charge.id FROM subscriptions_itemcharge AS charge
         JOIN subscriptions_subscriptionitem AS item ON item.id = charge.item_id
         JOIN subscriptions_subscription AS subscription
           ON subscription.id = item.subscription_id
        WHERE subscription.order_number = %s)
"""
_START = """
UPDATE subscriptions_subscriptionitem SET from_on = from_on - interval '1 month'
 WHERE id IN (
       SELECT charge.item_id FROM subscriptions_itemcharge AS charge
         JOIN subscriptions_subscriptionitem AS item ON item.id = charge.item_id
         JOIN subscriptions_subscription AS subscription
           ON subscription.id = item.subscription_id
        WHERE charge.code = 'monthly' AND subscription.order_number = %s)
"""

STATEMENTS: Mapping[str, str] = {
    "price": _MONTHLY.format(change="amount = amount + 1"),
    "tax": _MONTHLY.format(change="tax_rate = tax_rate / 2"),
    "months": _FREE_MONTHS,
    "start": _START,
}
"""What is changed in the database behind the back of one order, whose number is the parameter."""


def plant(stack: Stack, *, fault: str, told: Mapping[str, Told]) -> str:
    """Do it; a sentence of what was done. `told` are the orders by channel."""
    return FAULTS[fault](stack, told)


def _price(stack: Stack, told: Mapping[str, Told]) -> str:
    number = told["shopper"].number
    _change(stack, "price", number=number)
    return f"the plan of {number} costs 1.00 EUR more in the database than was agreed"


def _tax(stack: Stack, told: Mapping[str, Told]) -> str:
    number = told["call_centre"].number
    _change(stack, "tax", number=number)
    return f"half the rate of tax applies to {number} in the database"


def _months(stack: Stack, told: Mapping[str, Told]) -> str:
    number = told["shopper"].number
    _change(stack, "months", number=number)
    return f"the free months of {number} are one less in the database than were promised"


def _start(stack: Stack, told: Mapping[str, Told]) -> str:
    number = told["shopper"].number
    _change(stack, "start", number=number)
    return f"the plan of {number} began a month earlier in the database than was promised"


def _duplicate(stack: Stack, told: Mapping[str, Told]) -> str:
    """The content partner is asked a second time for the same thing, under another key."""
    number = told["call_centre"].number
    ledger = httpx.get(
        f"{stack.info.providers_url}/_control/ledger",
        params={"parts": "by_identity", "provider": "content"},
        timeout=10,
    ).json()
    _, reference, service = next(
        entry["identity"]
        for entry in ledger["by_identity"]
        if entry["identity"][1].startswith(number)
    )
    answer = httpx.post(
        f"{stack.info.providers_url}/content/entitlements",
        json={"reference": reference, "service": service, "customer_ref": "P-1"},
        headers={
            "Authorization": f"Bearer {stack.env['PROVIDERS_API_KEY']}",
            "Idempotency-Key": f"another:{reference}",
        },
        timeout=10,
    )
    answer.raise_for_status()
    return f"the content partner was asked a second time for {service} of {reference}"


def _change(stack: Stack, fault: str, *, number: str) -> None:
    with psycopg.connect(stack.info.database_url) as connection:
        if not connection.execute(STATEMENTS[fault].encode(), [number]).rowcount:
            raise StoryBroken(f"there is nothing to spoil in {number}")


FAULTS: Mapping[str, Callable[[Stack, Mapping[str, Told]], str]] = {
    "price": _price,
    "tax": _tax,
    "months": _months,
    "start": _start,
    "duplicate": _duplicate,
}
