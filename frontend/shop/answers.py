"""Answers of the guide: they stand in the address, so they can be shared and survive reload."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext as _

from commerce.kernel.money import Money
from commerce.ordering.domain.answers import Answers, Question
from commerce.ordering.domain.simulation import Usage

NAMES = ("budget", "brand", "data", "calls", "sms", "abroad")
BOUNDS = {"budget": 1000, "data": 2000, "calls": 44_640, "sms": 100_000, "abroad": 365}
MOST_BRANDS = 10


def answers_in(query: QueryDict) -> Answers:
    """What the address says; what can't be an answer is none."""
    budget = _whole(query, "budget")
    brands = [brand[:60] for brand in query.getlist("brand") if brand]
    return Answers(
        budget=Money(Decimal(budget)) if budget else None,
        usage=usage_in(query),
        brands=tuple(brands[:MOST_BRANDS]),
    )


def usage_in(query: QueryDict) -> Usage:
    return Usage(
        data_gb=_whole(query, "data"),
        minutes=_whole(query, "calls"),
        messages=_whole(query, "sms"),
        days_abroad=_whole(query, "abroad"),
    )


def asked(questions: Iterable[Question], query: QueryDict) -> list[dict[str, Any]]:
    """The fields of the questions, with what was answered."""
    fields: list[dict[str, Any]] = []
    for question in questions:
        if question.code == "brand":
            chosen = query.getlist("brand")
            options = [{"value": name, "chosen": name in chosen} for name in question.options]
            fields.append({"name": "brand", "label": _("Make"), "options": options})
        elif question.code == "usage":
            fields += [_field(name, query) for name in ("data", "calls", "abroad")]
        else:
            fields.append(_field(question.code, query))
    return fields


def usage_fields(query: QueryDict) -> list[dict[str, Any]]:
    """All that can be said of a usage."""
    return [_field(name, query) for name in ("data", "calls", "sms", "abroad")]


def kept(query: QueryDict, *, without: Iterable[str]) -> list[tuple[str, str]]:
    """What a form of the page must carry along so that the address stays whole."""
    left = set(without)
    return [(name, value) for name, values in query.lists() for value in values if name not in left]


def _field(name: str, query: QueryDict) -> dict[str, Any]:
    label, unit = _words(name)
    value = _whole(query, name)
    return {"name": name, "label": label, "unit": unit, "value": value or "", "most": BOUNDS[name]}


def _words(name: str) -> tuple[str, str]:
    return {
        "budget": (_("Budget"), _("€ a month at most")),
        "data": (_("Data"), _("GB a month")),
        "calls": (_("Calls"), _("minutes a month")),
        "sms": (_("SMS and MMS"), _("a month")),
        "abroad": (_("Travel in Europe"), _("days a year")),
    }[name]


def _whole(query: QueryDict, name: str) -> int:
    text = query.get(name, "").strip()
    return min(int(text), BOUNDS[name]) if text.isdecimal() and len(text) < 7 else 0
