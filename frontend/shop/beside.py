"""What other lines of a customer cost otherwise as one of them leaves, as pages show it."""

from collections.abc import Iterable
from typing import Any

from django.utils.translation import gettext as _

from commerce.ordering.domain.line_discounts import Following, Move
from frontend.shop.contract import display_number
from frontend.shop.words import euros, said


def beside(lines: Iterable[Following]) -> list[dict[str, Any]]:
    """Advantage by advantage."""
    return [
        {
            "number": display_number(each.number),
            "on": each.on,
            "what": _what(move) % {"advantage": said(move.advantage)},
            "amount": _more_or_less(move),
        }
        for each in lines
        for move in each.moves
    ]


def _what(move: Move) -> str:
    return _("%(advantage)s begins") if move.begins else _("%(advantage)s ends")


def _more_or_less(move: Move) -> str:
    if move.begins:
        return _("%(amount)s less per month") % {"amount": euros(-move.amount, short=False)}
    return _("%(amount)s more per month") % {"amount": euros(move.amount, short=False)}
