"""What is said about a number is checked by the market's rules in every channel."""

from datetime import date, timedelta

from django.conf import settings

from catalogue.services.numbers import propose
from commerce.accounts.identity import AccountContext
from commerce.kernel.clock import business_now, business_today
from commerce.kernel.errors import InvalidInput
from commerce.markets.pack import market
from commerce.ordering.domain.numbering import SLOTS, Keep, NumberChoice
from commerce.ordering.services.access import find_cart

FURTHEST = timedelta(days=90)
"""How far ahead a porting may be wished."""


def proposed_numbers(context: AccountContext, *, code: str, count: int = 4) -> tuple[str, ...]:
    """Free numbers for the owner of a cart; the same when asked again. Nothing is held.

    Raises:
        NotFound: `unknown_cart`.
    """
    cart = find_cart(context, code=code)
    return propose(count=count, at=business_now(), salt=cart.code)


def checked_choice(choice: NumberChoice) -> dict[str, str]:
    """The choice as a line's config, normalised.

    Raises:
        InvalidInput: `number_invalid`, `number_not_mobile`, `rio_...`, `port_day_invalid`,
            `port_slot_invalid`; `detail["field"]` names the value.
    """
    pack = market(settings.MARKET)
    if choice.keep is Keep.NEW:
        if not choice.msisdn:
            return {"number_choice": "new"}
        return {"number_choice": "new", "msisdn": pack.normalise_number(choice.msisdn)}
    msisdn = pack.normalise_number(choice.msisdn)
    if not pack.is_mobile(msisdn):
        raise InvalidInput(
            "Only a mobile number can be kept with a mobile plan.",
            code="number_not_mobile",
            field="msisdn",
        )
    config = {
        "number_choice": "port",
        "msisdn": msisdn,
        "rio": pack.check_port_key(number=msisdn, key=choice.rio),
        "port_slot": _slot(choice.slot),
    }
    if choice.port_on is not None:
        config["port_on"] = _day(choice.port_on).isoformat()
    return config


def _slot(slot: str) -> str:
    if slot and slot not in SLOTS:
        raise InvalidInput(
            f"Choose one of {', '.join(SLOTS)}.", code="port_slot_invalid", field="port_slot"
        )
    return slot or SLOTS[0]


def _day(wished: date) -> date:
    """A working day after today and within 90 days."""
    today = business_today()
    if not today < wished <= today + FURTHEST:
        raise InvalidInput(
            "Choose a day between tomorrow and three months from now.",
            code="port_day_invalid",
            field="port_on",
        )
    if not market(settings.MARKET).is_working_day(wished):
        raise InvalidInput(
            "Numbers are ported from Monday to Saturday, except on public holidays.",
            code="port_day_invalid",
            field="port_on",
        )
    return wished
