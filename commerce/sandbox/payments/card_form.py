"""Reading the card form of the hosted page."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from commerce.sandbox.payments.cards import CARDS, TestCard, passes_luhn
from commerce.sandbox.payments.checkout import CardEntry
from commerce.sandbox.payments.texts import Words


@dataclass(frozen=True, slots=True)
class Refusals:
    """A sentence for each field that is wrong."""

    by_field: Mapping[str, str]


def read(
    form: Mapping[str, str], *, words: Words, now: float, asks_email: bool
) -> CardEntry | Refusals:
    """The card that was typed, or what is wrong with it. `now` is business time."""
    refusals: dict[str, str] = {}
    email = read_email(form, refusals, words=words) if asks_email else None
    card = _card(form.get("number", ""), refusals, words=words)
    expiry = _expiry(form.get("expiry", ""), refusals, words=words, now=now)
    digits = 4 if card is not None and card.brand == "amex" else 3
    if not re.fullmatch(rf"\d{{{digits}}}", form.get("cvc", "").strip()):
        refusals["cvc"] = words["e_cvc"].format(digits=digits)
    name = read_name(form, refusals, missing=words["e_name"])
    if refusals or card is None or expiry is None:
        return Refusals(refusals)
    return CardEntry(card=card, exp_month=expiry[0], exp_year=expiry[1], name=name, email=email)


def read_email(form: Mapping[str, str], refusals: dict[str, str], *, words: Words) -> str:
    email = form.get("email", "").strip()
    if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", email):
        refusals["email"] = words["e_email"]
    return email


def read_name(form: Mapping[str, str], refusals: dict[str, str], *, missing: str) -> str:
    name = form.get("name", "").strip()
    if not name or len(name) > 200:
        refusals["name"] = missing
    return name


def _card(typed: str, refusals: dict[str, str], *, words: Words) -> TestCard | None:
    number = re.sub(r"[\s.-]", "", typed)
    if not number:
        refusals["number"] = words["e_number_missing"]
    elif not re.fullmatch(r"\d{12,19}", number) or not passes_luhn(number):
        refusals["number"] = words["e_number"]
    elif number not in CARDS:
        refusals["number"] = words["e_number_live"]
    return CARDS.get(number) if "number" not in refusals else None


def _expiry(
    typed: str, refusals: dict[str, str], *, words: Words, now: float
) -> tuple[int, int] | None:
    match = re.fullmatch(r"\s*(0?[1-9]|1[0-2])\s*[/.\- ]?\s*(?:20)?(\d{2})\s*", typed)
    if match is None:
        refusals["expiry"] = words["e_expiry"]
        return None
    month, year = int(match[1]), 2000 + int(match[2])
    today = datetime.fromtimestamp(now, UTC)
    if (year, month) < (today.year, today.month):
        refusals["expiry"] = words["e_expiry_past"]
        return None
    return month, year
