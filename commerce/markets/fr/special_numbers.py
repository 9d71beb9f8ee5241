"""Special numbers (SVA): who may ask callers for how much, and what must be shown beside them.

The tariff model of 1 October 2015: an ordinary call (C) and the service (S). S is per call or per
minute from the first second, the same from every operator at any hour (decision 2012-0856); each
range has a category and a maximum for S, tax included.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from commerce.kernel.errors import InvalidInput
from commerce.kernel.money import Money
from commerce.kernel.sentences import Sentence
from commerce.markets.pack import TARIFFS, Mention, NumberUse, SpecialTariff, Tariff

FREE, ORDINARY, SURCHARGED = "free", "ordinary", "surcharged"
COLOURS: Mapping[str, str] = {FREE: "green", ORDINARY: "grey", SURCHARGED: "magenta"}
_MODES = {FREE: FREE, ORDINARY: ORDINARY, "per_minute": SURCHARGED, "per_call": SURCHARGED}
_NOTHING, _CENT = Money.zero(), Money.from_cents(1)
_UNITS: Mapping[str, Sentence] = {
    "per_minute": Sentence("per minute"),
    "per_call": Sentence("per call"),
}


@dataclass(frozen=True, slots=True)
class Cap:
    """The most that S may cost from a day on, until the next one holds."""

    since: date
    per_minute: Money = _NOTHING
    per_call: Money = _NOTHING


@dataclass(frozen=True, slots=True)
class Range:
    """Numbers that begin so, with what they may be and the most that S may cost, by day.

    `each`: every number has a tariff of its own, so that only a whole one has a category.
    """

    begins: re.Pattern[str]
    categories: frozenset[str]
    caps: tuple[Cap, ...]
    each: bool = False

    def most(self, mode: str, *, on: date) -> Money:
        """In force on the day; before the first cap, that one."""
        cap = max((c for c in self.caps if c.since <= on), default=self.caps[0], key=_since)
        return {"per_minute": cap.per_minute, "per_call": cap.per_call}.get(mode, _NOTHING)


def _since(cap: Cap) -> date:
    return cap.since


MODEL_SINCE = date(2015, 10, 1)
"""The tariff model and its caps."""


def _range(
    begins: str, *categories: str, minute: str = "0", call: str = "0", each: bool = False
) -> Range:
    pattern = re.compile(begins, re.ASCII)
    cap = Cap(MODEL_SINCE, Money.of(minute), Money.of(call))
    return Range(pattern, frozenset(categories), (cap,), each)


# A new cap of a range is one more row of its `caps`, from its day on: what was agreed before is
# judged by the one of its day.
RANGES = (
    _range(r"080[0-5]", FREE),
    _range(r"080[6-9]", ORDINARY),
    _range(r"081", SURCHARGED, minute="0.06", call="0.15"),
    _range(r"082", SURCHARGED, minute="0.20", call="0.50"),
    _range(r"089", SURCHARGED, minute="0.80", call="3.00"),
    # The numbering plan of 2022 (2.4.9): these short numbers are free, but for some services.
    _range(r"3(?:0(?!08)|1(?!7))\d\d$|3(?:0|1)$", FREE),
    # 32xx to 39xx are what they were assigned as, with the cap of 089.
    _range(r"3[2-9]", FREE, ORDINARY, SURCHARGED, minute="0.80", call="3.00", each=True),
)
_CLOSED = re.compile(r"08[3-8]", re.ASCII)
"""Special too, though nobody can sell them any more."""
_SHORT, _LONG = 4, 10

_SIGN = Mention(
    "SIGN",
    {
        "fr": "Partout où le numéro est écrit, ce cartouche de prix figure à côté de lui.",
        "en": "Wherever the number is written, this price sign stands beside it.",
    },
)
_ANNOUNCED = Mention(
    "ANNOUNCED",
    {
        "fr": "Le tarif est annoncé gratuitement au début de chaque appel.",
        "en": "The price is announced at the beginning of each call, free of charge.",
    },
)
_SAME = Mention(
    "SAME",
    {
        "fr": "Le prix du service est le même depuis tous les opérateurs, à toute heure.",
        "en": "The price of the service is the same from every operator, at any hour.",
    },
)
_TWO_PARTS = Mention(
    "TWO_PARTS",
    {
        "fr": "Le prix du service s'ajoute à celui de l'appel, qui est compris dans les forfaits "
        "comme tout appel ordinaire.",
        "en": "The price of the service comes on top of that of the call, which plans include "
        "like any ordinary call.",
    },
)
_FREE_OF_CHARGE = Mention(
    "FREE_OF_CHARGE",
    {
        "fr": "Ni l'appel ni le service ne coûtent rien à l'appelant, depuis un poste fixe ou "
        "mobile.",
        "en": "Neither the call nor the service costs the caller anything, from a landline or a "
        "mobile.",
    },
)
_ORDINARY_CALL = Mention(
    "ORDINARY_CALL",
    {
        "fr": "L'appelant ne paie que son appel, au prix d'un appel ordinaire ; rien ne s'y "
        "ajoute pour le service.",
        "en": "The caller pays for the call alone, like any ordinary one; nothing is added for "
        "the service.",
    },
)
_NO_AFTER_SALES = Mention(
    "NO_AFTER_SALES",
    {
        "fr": "Ce numéro ne peut servir ni au suivi d'un contrat ni aux réclamations "
        "(article L121-16 du code de la consommation).",
        "en": "This number must not serve contracts that run nor complaints "
        "(article L121-16 of the consumer code).",
    },
)
_BLOCKED = Mention(
    "BLOCKED",
    {
        "fr": "Les appelants peuvent demander gratuitement à leur opérateur de bloquer ces "
        "numéros.",
        "en": "Callers can have their operator block such numbers, free of charge.",
    },
)
_DUTIES: Mapping[str, tuple[Mention, ...]] = {
    FREE: (_FREE_OF_CHARGE, _SIGN),
    ORDINARY: (_ORDINARY_CALL, _SIGN),
    SURCHARGED: (_TWO_PARTS, _SIGN, _ANNOUNCED, _SAME, _NO_AFTER_SALES, _BLOCKED),
}
_FORBIDDEN: Mapping[str, Mapping[NumberUse, Mention]] = {
    SURCHARGED: dict.fromkeys((NumberUse.AFTER_SALES, NumberUse.COMPLAINTS), _NO_AFTER_SALES),
}
_WORDS: Mapping[str, Mapping[str, str]] = {
    FREE: {"fr": "Service et appel gratuits", "en": "Service and call free of charge"},
    ORDINARY: {
        "fr": "Service gratuit + prix appel",
        "en": "Service free of charge + price of a call",
    },
    "per_minute": {
        "fr": "Service {comma} € / min + prix appel",
        "en": "Service €{point} / min + price of a call",
    },
    "per_call": {
        "fr": "Service {comma} € / appel + prix appel",
        "en": "Service €{point} / call + price of a call",
    },
}


def is_special(number: str) -> bool:
    """Of a whole number: ten figures, or four that begin with 3."""
    if len(number) != (_SHORT if number.startswith("3") else _LONG):
        return False
    return any(begins.match(number) for begins in (_CLOSED, *(each.begins for each in RANGES)))


def special_tariff(
    number: str, *, tariff: Tariff, on: date, ranges: Sequence[Range] = RANGES
) -> SpecialTariff:
    """The category of a special number (or of all that begin so) at `tariff`, and its duties; by
    the caps of the day `on`.

    Raises:
        InvalidInput: `number_not_special`, `short_number_not_whole`, `tariff_not_of_range`,
            `tariff_above_cap`, `tariff_price_invalid`.
    """
    found = next((each for each in ranges if each.begins.match(number)), None)
    if found is None:
        raise InvalidInput(
            Sentence("%(number)s is not in a range of special numbers.", number=number),
            code="number_not_special",
            field="number_range",
        )
    if found.each and len(number) < _SHORT:
        raise InvalidInput(
            Sentence(
                "Short numbers %(number)s… have each a tariff of their own: name the whole number.",
                number=number,
            ),
            code="short_number_not_whole",
            field="number_range",
        )
    category = _MODES.get(tariff.mode, "")
    if category not in found.categories:
        raise InvalidInput(
            Sentence(
                "Numbers %(number)s… are %(allowed)s, not %(mode)s.",
                number=number,
                allowed=_either(sorted(found.categories)),
                mode=TARIFFS.get(tariff.mode, tariff.mode) or Sentence("without tariff"),
            ),
            code="tariff_not_of_range",
            field="tariff_mode",
        )
    most = found.most(tariff.mode, on=on)
    if tariff.price.amount > most.amount:
        raise InvalidInput(
            Sentence(
                "Numbers %(number)s… may cost %(most)s %(unit)s at most.",
                number=number,
                most=_spoken(most),
                unit=_UNITS.get(tariff.mode, TARIFFS[category]),
            ),
            code="tariff_above_cap",
            field="tariff_price",
        )
    if _wrong_price(tariff.price, category=category):
        raise InvalidInput(
            Sentence("The price is in whole cents, and at least one for surcharged numbers."),
            code="tariff_price_invalid",
            field="tariff_price",
        )
    point = f"{tariff.price.amount:.2f}"
    return SpecialTariff(
        category=category,
        colour=COLOURS[category],
        tariff=tariff,
        sign={
            language: words.format(comma=point.replace(".", ","), point=point)
            for language, words in _WORDS[tariff.mode].items()
        },
        duties=_DUTIES[category],
        forbidden=_FORBIDDEN.get(category, {}),
    )


def _spoken(price: Money) -> Sentence:
    euros, _, cents = f"{price.amount:.2f}".partition(".")
    return Sentence("%(euros)s.%(cents)s EUR", euros=euros, cents=cents)


def _either(categories: Sequence[str]) -> Sentence:
    found = TARIFFS[categories[0]]
    for each in categories[1:]:
        found = Sentence("%(one)s or %(other)s", one=found, other=TARIFFS[each])
    return found


def _wrong_price(price: Money, *, category: str) -> bool:
    """Surcharged is what costs something (table 4 of 2012-0856); the sign has room for cents."""
    least = _CENT if category == SURCHARGED else _NOTHING
    return price < least or price != price.rounded()


def service_price(tariff: Tariff, *, seconds: int) -> Money:
    """S for a call of so many seconds, half up to the cent; the price of the call comes on top."""
    if tariff.mode == "per_minute":
        return (tariff.price * seconds / 60).rounded()
    return tariff.price.rounded()
