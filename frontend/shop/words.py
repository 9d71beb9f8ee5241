"""What catalogue values are called in the reader's language, and how they are drawn."""

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from itertools import islice
from typing import Any

from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from catalogue.domain.expressions import Scalar
from catalogue.domain.model import Kind, Offering, Snapshot, Text
from commerce.kernel.money import Money
from commerce.ordering.domain.quote import Quote
from frontend.typography import NBSP, day_text, money_text, number_text
from subscriptions.domain.charges import Phase, period_starts

UNITS_FR = {"GB": "Go", "years": "ans", "months": "mois", "EUR": "€"}
PLAIN_UNITS = {"EUR": "€"}


def language() -> str:
    return (get_language() or "fr")[:2]


def said(text: Text | None) -> str:
    """The text in the active language; nothing for None."""
    return text.in_(language()) if text is not None else ""


def named(sentences: Mapping[str, str] | None) -> str:
    """One of the sentences that an error carries per language."""
    if not sentences:
        return ""
    return sentences.get(language()) or next(iter(sentences.values()), "")


def euros(amount: Money | Decimal, *, short: bool = True) -> str:
    return money_text(amount, language=get_language(), short=short)


def on_day(day: date) -> str:
    return day_text(day, language=get_language())


def months(count: int) -> str:
    """`24 months`, with a space that does not break."""
    return (ngettext("%(count)d month", "%(count)d months", count) % {"count": count}).replace(
        " ", NBSP
    )


def term_text(term: int) -> str:
    """A commitment in words."""
    if not term:
        return _("No commitment")
    return _("Commitment of %(months)s") % {"months": months(term)}


def drawing(offering: Offering) -> dict[str, Any]:
    """What `frontend.drawing` needs to draw it."""
    facts = offering.characteristics
    form = str(facts.get("form", ""))
    return {
        "form": "sim" if form == "physical" else form,
        "camera": str(facts.get("camera_layout", "")),
        "colour": str(facts.get("colour_hex", "")),
        "screen": str(facts.get("screen_cutout", "punch")),
        "maker": str(facts.get("brand", "")),
        "name": full_name(offering),
    }


def full_name(offering: Offering) -> str:
    return said(offering.name)


def model_name(catalogue: Snapshot, offering: Offering) -> str:
    """The name of the model, without storage and colour."""
    family = catalogue.families.get(offering.family or "")
    return said(family) if family is not None else full_name(offering)


def variant_name(catalogue: Snapshot, offering: Offering) -> str:
    """Storage and colour of a phone: `128 Go · Nuit`."""
    parts = [
        value_text(catalogue, name, offering.characteristics[name])
        for name in ("storage_gb", "colour")
        if name in offering.characteristics
    ]
    return " · ".join(parts)


def long_name(catalogue: Snapshot, offering: Offering) -> str:
    """`Ardoval X2 · 128 Go · Nuit`; other things by their name."""
    if offering.kind is not Kind.HANDSET or not offering.family:
        return full_name(offering)
    return f"{model_name(catalogue, offering)} · {variant_name(catalogue, offering)}"


def label_of(catalogue: Snapshot, characteristic: str) -> str:
    return said(catalogue.label(characteristic)) or characteristic


def value_text(catalogue: Snapshot, name: str, value: Scalar | tuple[Scalar, ...]) -> str:
    """One characteristic's value in words, with its unit."""
    if name == "storage_gb" and isinstance(value, int) and value >= 1024:
        return f"{value // 1024}{NBSP}{'To' if language() == 'fr' else 'TB'}"
    if isinstance(value, tuple):
        joint = " + " if name == "camera_mp" else ", "
        text = joint.join(_single(catalogue, name, part) for part in value)
    else:
        text = _single(catalogue, name, value)
    unit = catalogue.units.get(name, "")
    if not unit:
        return text
    if unit == "EUR" and isinstance(value, Decimal):
        return euros(value, short=False)
    if unit.startswith("/"):
        return f"{text}{NBSP}{unit[0]}{NBSP}{unit[1:]}"
    shown = UNITS_FR.get(unit, unit) if language() == "fr" else PLAIN_UNITS.get(unit, unit)
    return f"{text}{NBSP}{shown}"


def _single(catalogue: Snapshot, name: str, value: Scalar) -> str:
    words = catalogue.label(name, value)
    if words is not None:
        return said(words)
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    if isinstance(value, int | Decimal):
        return number_text(value, language=get_language())
    return value


def phase_start(quote: Quote, phase: Phase) -> date:
    """The day on which a phase's first bill is made, on the assumed activation day."""
    for _index, period in islice(period_starts(quote.activation), phase.first - 1, phase.first):
        return period.start
    return quote.activation


def schedule_text(quote: Quote) -> str:
    """All phases in one line: `0 € for 6 months, then 19,99 € per month from 22 May 2027`."""
    phases = quote.monthly
    if not phases:
        return ""
    if len(phases) == 1:
        return _("%(amount)s per month") % {"amount": euros(phases[0].amount)}
    parts = [
        _("%(amount)s per month for %(months)s")
        % {"amount": euros(phase.amount), "months": months(phase.periods or 0)}
        for phase in phases[:-1]
    ]
    last = _("then %(amount)s per month from %(day)s") % {
        "amount": euros(phases[-1].amount),
        "day": on_day(phase_start(quote, phases[-1])),
    }
    return ", ".join([*parts, last])


def retention_reason(code: str) -> str:
    """Why a retention offer is given; reasons of the catalogue's own are said as it has them."""
    return {
        "price": _("Too dear"),
        "competitor": _("Another operator's offer"),
        "service": _("Not content with the service"),
    }.get(code, code)


def short_schedule(quote: Quote) -> str:
    """The same under the bars: `0 € · then 19,99 € per month`."""
    phases = quote.monthly
    if not phases:
        return ""
    if len(phases) == 1:
        return _("%(amount)s per month") % {"amount": euros(phases[0].amount)}
    if len(phases) > 3:
        return _("%(first)s, up to %(last)s per month") % {
            "first": euros(phases[0].amount),
            "last": euros(max(phase.amount.amount for phase in phases)),
        }
    return _("%(first)s · then %(last)s per month") % {
        "first": " · ".join(euros(phase.amount) for phase in phases[:-1]),
        "last": euros(phases[-1].amount),
    }


def charge_name(code: str) -> str:
    """What a charge of an offering is called."""
    return {
        "price": _("price"),
        "monthly": _("monthly price"),
        "activation": _("activation"),
        "setup": _("set-up"),
        "channels": _("TV channels"),
        "platform": _("video service"),
    }.get(code, code)


def in_words(parts: Iterable[str]) -> str:
    return ", ".join(part for part in parts if part)
