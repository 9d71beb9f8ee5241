"""The motives for which nothing is owed for the end of a contract, in the customer's words."""

from django.conf import settings
from django.utils.translation import gettext as _

from commerce.markets.pack import market
from frontend.shop.words import named


def motive_choices() -> list[tuple[str, str]]:
    """For a list to choose from, where none is the first."""
    motives = market(settings.MARKET).termination_rules().motives
    return [("", _("None of them")), *((code, named(text)) for code, text in motives.items())]


def motive_label(code: str) -> str:
    """Empty for none."""
    motives = market(settings.MARKET).termination_rules().motives
    return named(motives[code]) if code in motives else ""
