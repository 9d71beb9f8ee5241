"""The dates behind the choice between beginning at once and waiting."""

from datetime import date

from django.conf import settings

from commerce.kernel.clock import business_today
from commerce.markets.pack import market
from commerce.ordering.services.acceptance import earliest_port_in


def withdrawal_words() -> dict[str, date]:
    """`last_day` to withdraw, and `port_from` for a number without early execution."""
    last = market(settings.MARKET).withdrawal_last_day(business_today())
    return {"last_day": last, "port_from": earliest_port_in()}
