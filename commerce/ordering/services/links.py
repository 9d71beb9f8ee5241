"""Addresses that ordering hands out; the pages answer there."""

from django.conf import settings

TRACK = "/orders/{number}/"
PAID = "/orders/{number}/paid/"
PAY_LATER = "/orders/{number}/pay/"
ACCEPT = "/accept/{token}/"
HAND_OVER = "/cart/{token}/"
APPROVE = "/portal/orders/{number}/"


def absolute(path: str, **values: str) -> str:
    """The path with its values filled in, under the public address."""
    return f"{settings.PUBLIC_URL}{path.format(**values)}"
