"""French telephone numbers: national form, families, display."""

import re
from enum import StrEnum

from commerce.kernel.errors import InvalidInput
from commerce.kernel.sentences import Sentence

FICTION_RANGE = "063998"  # reserved by the regulator for films, books, and demonstrations
QUARANTINE_DAYS = (45, 120)  # before another user may get a number (decision 2022-1583, 2.2.6)


class Family(StrEnum):
    MOBILE = "mobile"
    FIXED = "fixed"
    SPECIAL = "special"


def normalise_number(text: str) -> str:
    """`+33 6 39 98 12 34` and its like as `0639981234`.

    Raises:
        InvalidInput: `number_invalid`, when it isn't a French number of ten figures.
    """
    bare = re.sub(r"[\s.\-()\u00a0\u202f]", "", text)
    national = re.sub(r"^(?:\+33|0033)(?:\(0\))?0?", "0", bare)
    if not re.fullmatch(r"0[1-9]\d{8}", national, re.ASCII):
        raise InvalidInput(
            Sentence("A French number has 10 figures and starts with 0, such as 06 39 98 12 34."),
            code="number_invalid",
            field="number",
        )
    return national


def family_of(number: str) -> Family:
    """By the second figure of a national number."""
    match number[1]:
        case "6" | "7":
            return Family.MOBILE
        case "8":
            return Family.SPECIAL
        case _:
            return Family.FIXED


def is_mobile(number: str) -> bool:
    """Whether a national number is a mobile one; 0700 belongs to machines."""
    return family_of(number) is Family.MOBILE


def display_number(number: str) -> str:
    """In pairs, `06 39 98 12 34`; special and short ones as the law's sign has them."""
    if number.startswith("08"):
        return f"{number[:4]} {number[4:7]} {number[7:]}"
    return " ".join(re.findall(r"\d\d?", number))


def international(number: str) -> str:
    """In E.164: `+33639981234`."""
    return f"+33{number[1:]}"
