"""Small shapes that several resources share."""

from commerce.sandbox.payments.errors import Document
from commerce.sandbox.payments.forms import Params

ADDRESS = ("city", "country", "line1", "line2", "postal_code", "state")

CURRENCIES = frozenset({"eur", "usd", "gbp", "chf", "pln", "sek", "nok", "dkk", "czk", "cad"})

LEAST_AMOUNT = 50
LARGEST_AMOUNT = 99_999_999


def address(params: Params | None) -> Document:
    return {name: None if params is None else params.text(name) for name in ADDRESS}


def optional_address(params: Params, name: str) -> Document | None:
    section = params.section(name)
    return None if section is None else address(section)


def shipping(params: Params) -> Document | None:
    section = params.section("shipping")
    if section is None:
        return None
    return {
        "address": address(section.section("address")),
        "carrier": section.text("carrier"),
        "name": section.text("name"),
        "phone": section.text("phone"),
        "tracking_number": section.text("tracking_number"),
    }


def billing_details(params: Params | None) -> Document:
    if params is None:
        return {
            "address": address(None),
            "email": None,
            "name": None,
            "phone": None,
            "tax_id": None,
        }
    return {
        "address": address(params.section("address")),
        "email": params.text("email"),
        "name": params.text("name"),
        "phone": params.text("phone"),
        "tax_id": params.text("tax_id"),
    }
