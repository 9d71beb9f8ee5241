"""RIO, the "relevé d'identité opérateur" that lets a number change its operator.

Twelve characters: operator (2), quality (1), contract reference (6), key (3) over the number and
the rest. Annex 1 of ARCEP's decision of 6 December 2022; the recipient operator must check format
and key when the request is made, in every channel.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from commerce.kernel.errors import InvalidInput
from commerce.markets.fr.numbers import Family, family_of, normalise_number

ORDER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+"
QUALITIES: Mapping[Family, frozenset[str]] = {
    Family.MOBILE: frozenset("EP"),
    Family.FIXED: frozenset("FGMNRSTUVWXYZ"),
    Family.SPECIAL: frozenset("A"),
}
KNOWN_QUALITIES = frozenset().union(*QUALITIES.values())
MOBILE_OPERATORS = {"01": "Orange", "02": "SFR", "03": "Bouygues Telecom", "04": "Free"}
_FORMAT = re.compile(r"[0-9A-Z]{2}[0-9A-Z][0-9A-Z]{6}[0-9A-Z+]{3}")


class RioFault(StrEnum):
    """What is wrong with a RIO, in the order in which it is looked at."""

    FORMAT = "rio_format"
    NUMBER = "rio_number"
    QUALITY = "rio_quality"
    FAMILY = "rio_family"
    KEY = "rio_key"


SENTENCES: Mapping[RioFault, Mapping[str, str]] = {
    RioFault.FORMAT: {
        "en": "A RIO has 12 characters: letters, figures, and sometimes a + at the end. "
        "Call 3179 from the line that you want to keep: the RIO comes by SMS.",
        "fr": "Un RIO compte 12 caractères : des lettres, des chiffres et parfois un + à la fin. "
        "Appelez le 3179 depuis la ligne à conserver : vous le recevez par SMS.",
    },
    RioFault.NUMBER: {
        "en": "The number to keep has 10 figures and starts with 0, such as 06 39 98 12 34.",
        "fr": "Le numéro à conserver compte 10 chiffres et commence par 0, "
        "par exemple 06 39 98 12 34.",
    },
    RioFault.QUALITY: {
        "en": "The third character of this RIO can't be right. For a mobile line it is P or E; "
        "please compare it with the SMS from 3179.",
        "fr": "Le troisième caractère de ce RIO ne peut pas être juste. Pour une ligne mobile, "
        "c'est P ou E ; comparez-le avec le SMS du 3179.",
    },
    RioFault.FAMILY: {
        "en": "This RIO belongs to another kind of line than the number: one is mobile, "
        "the other is not. Call 3179 from the very line that you want to keep.",
        "fr": "Ce RIO ne correspond pas au type de ligne du numéro : l'un est mobile, "
        "l'autre non. Appelez le 3179 depuis la ligne même que vous souhaitez conserver.",
    },
    RioFault.KEY: {
        "en": "This RIO does not go with this number. Compare both with the SMS from 3179; "
        "a letter O and a figure 0 are easily mixed up.",
        "fr": "Ce RIO ne correspond pas à ce numéro. Comparez les deux avec le SMS du 3179 ; "
        "la lettre O et le chiffre 0 se confondent facilement.",
    },
}


class RioInvalid(InvalidInput):
    """A RIO that can't be used; `code` is a `RioFault`, `sentences` say it in each language."""

    def __init__(self, fault: RioFault) -> None:
        field = "number" if fault is RioFault.NUMBER else "rio"
        super().__init__(SENTENCES[fault]["en"], code=fault.value, field=field)
        self.sentences = SENTENCES[fault]


@dataclass(frozen=True, slots=True)
class Rio:
    """A RIO that goes with its number; both normalised."""

    text: str
    number: str

    @property
    def operator(self) -> str:
        """The two characters of the donor; unknown ones are not an error."""
        return self.text[:2]

    @property
    def operator_name(self) -> str | None:
        return MOBILE_OPERATORS.get(self.operator)

    @property
    def business_offer(self) -> bool:
        """Whether the line is on an enterprise offer."""
        return self.text[2] == "E"


def normalise(text: str) -> str:
    """Upper case, without the spaces that people put between groups."""
    return re.sub(r"[\s.\-\u00a0\u202f]+(?=.)", "", text.strip()).upper()


def key_of(*, operator: str, quality: str, reference: str, number: str) -> str:
    """The three characters over the other 19."""
    first = second = third = 0
    for character in f"{operator}{quality}{reference}{number}":
        position = ORDER.index(character)
        first = (first + position) % 37
        second = (2 * second + position) % 37
        third = (4 * third + position) % 37
    return ORDER[first] + ORDER[second] + ORDER[third]


def issue(*, number: str, operator: str, business: bool, contract: str) -> str:
    """The RIO of a mobile line: E for an enterprise offer, else P (decision 2012-0576, article 13).

    `contract` is the contract's reference, six letters or figures. The key depends on the number,
    so the RIO changes with it.
    """
    quality = "E" if business else "P"
    key = key_of(operator=operator, quality=quality, reference=contract, number=number)
    return f"{operator}{quality}{contract}{key}"


def check(rio: str, *, number: str) -> Rio:
    """The RIO if it is well-formed and goes with the number.

    Raises:
        RioInvalid: the first fault, in the order of `RioFault`.
    """
    text = normalise(rio)
    if not _FORMAT.fullmatch(text):
        raise RioInvalid(RioFault.FORMAT)
    try:
        national = normalise_number(number)
    except InvalidInput:
        raise RioInvalid(RioFault.NUMBER) from None
    quality = text[2]
    if quality not in KNOWN_QUALITIES:
        raise RioInvalid(RioFault.QUALITY)
    if quality not in QUALITIES[family_of(national)]:
        raise RioInvalid(RioFault.FAMILY)
    key = key_of(operator=text[:2], quality=quality, reference=text[3:9], number=national)
    if key != text[9:]:
        raise RioInvalid(RioFault.KEY)
    return Rio(text, national)
