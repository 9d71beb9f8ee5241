"""A contract's timeline as pages show it."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from django.utils.translation import gettext as _

from commerce.kernel.money import Money
from commerce.kernel.sentences import Sentence
from frontend.account import words
from frontend.shop.words import euros, named, on_day
from subscriptions.domain.timeline import Entry


def timeline_page(entries: Iterable[Entry]) -> dict[str, Any]:
    """What is to come, the next first, and what happened, the latest first."""
    found = list(entries)
    return {
        "coming": [_shown(each) for each in found if each.coming],
        "happened": [_shown(each) for each in reversed(found) if not each.coming],
    }


def _shown(entry: Entry) -> dict[str, Any]:
    who = [words.actor(entry.by)] if entry.by else []
    if entry.channel and entry.by:
        who.append(words.channel(entry.channel))
    return {
        "title": said(entry.title),
        "text": said(entry.why) if entry.why is not None else "",
        "who": ", ".join(who),
        "on": entry.on,
        "at": entry.at,
        "state": "coming" if entry.coming else "done",
    }


def said(sentence: Sentence) -> str:
    """In the reader's language, with its amounts, days and names."""
    values = {name: _word(value) for name, value in sentence.values.items()}
    return _(sentence.pattern) % values if values else _(sentence.pattern)


def _word(value: Any) -> str:
    if isinstance(value, Money):
        return euros(value, short=False)
    if isinstance(value, date):
        return on_day(value)
    if isinstance(value, Mapping):
        return named(value)
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_word, value))
    return str(value)
