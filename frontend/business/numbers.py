"""Special numbers in words: what is sold, free numbers to choose from, those that the firm has."""

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from catalogue.domain.model import Segment, Snapshot
from catalogue.pool import propose
from commerce.kernel.clock import business_now
from commerce.kernel.errors import InvalidInput
from commerce.markets.pack import NumberUse, SpecialTariff, market
from commerce.ordering.domain.numbering import uses_sold
from commerce.ordering.domain.states import ItemState
from commerce.ordering.number_shop import SoldClass, classes_on_sale, find_numbers
from commerce.ordering.selectors import CartView, HeldNumber
from frontend.shop.contract import display_number
from frontend.shop.words import euros, full_name, language, named, said, value_text
from frontend.typography import set_text

CHANNEL = "portal"
SHOWN = 12
EXAMPLE_SECONDS = 180


def sold_numbers(catalogue: Snapshot) -> list[SoldClass]:
    """The classes of special numbers on sale to firms, in the catalogue's order."""
    found = classes_on_sale(catalogue, segment=Segment.BUSINESS, channel=CHANNEL)
    return [each for each in found.values() if each.tariff is not None]


def offer_cards(catalogue: Snapshot) -> list[dict[str, Any]]:
    return [offer_card(each, catalogue=catalogue) for each in sold_numbers(catalogue)]


def offer_card(sold: SoldClass, *, catalogue: Snapshot) -> dict[str, Any]:
    """What the firm pays and what its callers pay, with the sign that the law asks for."""
    offering, tariff = sold.offering, sold.tariff
    if offering is None or tariff is None:
        raise LookupError(f"{sold.code} are no special numbers")
    begins = str(offering.characteristics["number_range"])
    number = market(settings.MARKET).display_number(begins)
    return {
        "code": offering.code,
        "name": full_name(offering),
        "summary": said(offering.summary),
        "sign": price_sign(tariff, number=begins if len(begins) < len(number) else number),
        "category": value_text(catalogue, "tariff_category", tariff.category),
        "example": example_text(tariff),
        "duties": [named(duty.text) for duty in tariff.duties],
        "uses": [use_text(catalogue, use) for use in uses_sold(offering)],
        "once": sold.once,
        "monthly": sold.monthly,
    }


def price_sign(tariff: SpecialTariff, *, number: str) -> dict[str, str]:
    """The context of `components/price_sign.html`."""
    return {"number": number, "words": _set(named(tariff.sign)), "colour": tariff.colour}


def example_text(tariff: SpecialTariff) -> str:
    """What a call of three minutes costs a caller, where the service costs something."""
    if not tariff.tariff.price:
        return ""
    price = market(settings.MARKET).service_price(tariff.tariff, seconds=EXAMPLE_SECONDS)
    amount = euros(price, short=False)
    return _("A call of 3 minutes costs your callers %(amount)s for the service, and the call.") % {
        "amount": amount
    }


def use_text(catalogue: Snapshot, use: NumberUse | str) -> str:
    return _set(value_text(catalogue, "uses", str(use)))


def use_choices(catalogue: Snapshot) -> list[tuple[str, str]]:
    """All uses, so that one that the law forbids can be said and is answered with the law."""
    return [(use.value, use_text(catalogue, use)) for use in NumberUse]


def free_numbers(
    catalogue: Snapshot, sold: SoldClass, *, figures: str, salt: str
) -> list[tuple[str, str]]:
    """Free numbers of the class, each with how it is written: by the figures, else proposals."""
    if not figures.strip():
        found: Iterable[str] = propose(count=SHOWN, klass=sold.code, at=business_now(), salt=salt)
    else:
        try:
            found = [
                each.msisdn
                for each in find_numbers(
                    catalogue,
                    segment=Segment.BUSINESS,
                    channel=CHANNEL,
                    pattern=figures,
                    klass=sold.code,
                    limit=SHOWN,
                )
            ]
        except InvalidInput:
            found = []
    return [(number, display_number(number)) for number in found]


def chosen_number(view: CartView, *, catalogue: Snapshot) -> dict[str, Any] | None:
    """The special number of a cart, as the page before the order shows it; None without one."""
    for line in view.quote.lines:
        tariff = view.tariffs.get(line.id)
        if tariff is not None:
            config = view.configs[line.id]
            offering = catalogue.offering(line.offering)
            number = display_number(config.get("msisdn", ""))
            return {
                "offering": offering.code,
                "name": full_name(offering),
                "sign": price_sign(tariff, number=number or _("given at the order")),
                "route_to": display_number(config.get("route_to", "")),
                "purpose": use_text(catalogue, config.get("purpose", "")),
                "duties": [named(duty.text) for duty in tariff.duties],
                "example": example_text(tariff),
                "held_until": view.numbers_until.get(line.id),
            }
    return None


def held_rows(held: Iterable[HeldNumber], *, catalogue: Snapshot) -> list[dict[str, Any]]:
    """The firm's special numbers, each with its price sign and what it serves."""
    return [
        {
            "order": each.order,
            "name": each.name.get(language()) or next(iter(each.name.values()), ""),
            "sign": price_sign(
                each.tariff, number=display_number(each.msisdn) or _("given at the order")
            ),
            "route_to": display_number(each.route_to),
            "purpose": use_text(catalogue, each.purpose),
            "monthly": each.monthly,
            "state": _state(each.state),
        }
        for each in held
    ]


def _set(text: str) -> str:
    return set_text(text, language=language())


def _state(state: ItemState) -> tuple[str, str]:
    if state is ItemState.ACTIVE:
        return ("done", _("in service"))
    return ("running", _("being prepared"))
