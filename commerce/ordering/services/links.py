"""Addresses that ordering hands out; the pages answer there."""

from urllib.parse import urlencode

from django.conf import settings

from commerce.ordering.domain.next_offers import Lead

TRACK = "/orders/{number}/"
PAID = "/orders/{number}/paid/"
PAY_LATER = "/orders/{number}/pay/"
ACCEPT = "/accept/{token}/"
TAKE_OVER = "/take-over/{token}/"
HAND_OVER = "/cart/{token}/"
GUIDE = "/build/{entry}/{step}/"
ACCESSORY = "/accessories/{code}/"
CONFIRM = "/confirm-request/{token}/"
APPROVE = "/portal/orders/{number}/"


def absolute(path: str, **values: str) -> str:
    """The path with its values filled in, under the public address."""
    return f"{settings.PUBLIC_URL}{path.format(**values)}"


def lead_path(lead: Lead) -> str:
    """The page that a next best offer leads to."""
    if not lead.line:
        return ACCESSORY.format(code=lead.offering)
    query = {"line": str(lead.line)} | ({lead.role: lead.offering} if lead.role else {})
    return f"{GUIDE.format(entry=lead.entry, step=lead.step)}?{urlencode(query)}"
