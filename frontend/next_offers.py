"""Next best offers as pages show them."""

from collections.abc import Iterable
from datetime import date
from typing import Any

from django.utils.translation import gettext as _

from catalogue.domain.model import Snapshot, Text
from commerce.ordering.domain.next_offers import sentence
from commerce.ordering.services.next_offers import NextOfferView
from frontend.account.words import number
from frontend.shop.words import drawing, euros, said, schedule_text
from frontend.typography import day_text

DECLINED = ("no_need", "has_one", "too_dear", "later")


def offer_cards(offers: Iterable[NextOfferView], catalogue: Snapshot) -> list[dict[str, Any]]:
    """What is proposed, why, and the price of it."""
    return [_card(offer, catalogue) for offer in offers]


def decline_reasons() -> list[tuple[str, str]]:
    """What an agent may note; the order is that of `DECLINED`."""
    said_so = (_("No need"), _("Has one already"), _("Too dear"), _("Perhaps later"))
    return list(zip(DECLINED, said_so, strict=True))


def _card(offer: NextOfferView, catalogue: Snapshot) -> dict[str, Any]:
    prepared = offer.prepared
    line = prepared.holding.line
    rule, quote = prepared.due.rule, prepared.quote
    shown = catalogue.offerings.get(
        prepared.lead.offering or next(iter(line.has.get("handset", line.has.get("sim", ()))), "")
    )
    saving = prepared.saving.amount > 0
    return {
        "id": offer.id,
        "title": said(rule.name),
        "text": _filled(rule.text, offer),
        "say": _filled(rule.say, offer),
        "number": number(line.number),
        "device": drawing(shown) if shown is not None else None,
        "today": euros(quote.due_today_gross) if quote.due_today_gross else "",
        "monthly": schedule_text(quote),
        "saving": euros(prepared.saving) if saving else "",
        "until": offer.until,
        "standing": said(prepared.standing.message) if saving and prepared.standing else "",
    }


def _filled(template: Text, offer: NextOfferView) -> str:
    return said(sentence(template, offer.prepared.values, day=_day))


def _day(day: date, language: str) -> str:
    return day_text(day, language=language)
