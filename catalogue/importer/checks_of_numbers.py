"""What is said of numbers: ranges, classes that are known, tariffs within the law."""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from catalogue.domain.model import Kind
from catalogue.domain.numbers import STANDARD
from catalogue.importer.compile import items
from catalogue.importer.schema import Catalogue
from catalogue.importer.sources import Trail
from commerce.kernel.errors import InvalidInput
from commerce.kernel.money import Money
from commerce.kernel.sentences import Sentence
from commerce.markets.pack import TARIFFS, USES, Market, NumberUse, Tariff

Finding = tuple[Trail, str]
LONGEST_RANGE = 1_000_000


def number_findings(catalogue: Catalogue, *, pack: Market, on: date) -> Iterator[Finding]:
    """Everything wrong with numbers, their classes and the offerings that sell them."""
    sold = _sold(catalogue)
    known = {STANDARD, *(each.code for each in catalogue.number_classes), *sold}
    special = [
        (trail, item["characteristics"])
        for trail, item in _number_offerings(catalogue)
        if "number_range" in item["characteristics"]
    ]
    classes = Counter(str(given.get("number_class")) for _, given in special)
    for trail, given in special:
        yield from _tariff((*trail, "characteristics"), given, pack=pack, on=on)
        klass = str(given.get("number_class"))
        if classes[klass] > 1:
            yield (
                (*trail, "characteristics", "number_class"),
                Sentence(
                    "Another offering sells %(klass)s numbers too; each has a class of its own.",
                    klass=klass,
                ),
            )
    for i, pool in enumerate(catalogue.numbers):
        message = range_fault(pool.first, pool.last)
        if message:
            yield ("numbers", i, "last"), message
        if pool.klass is not None and pool.klass not in known:
            yield (
                ("numbers", i, "klass"),
                Sentence("There is no class %(klass)s of numbers.", klass=pool.klass),
            )
        message = class_fault(pool.first, pool.klass, begins=sold, pack=pack)
        if message:
            yield ("numbers", i, "klass"), message


def range_fault(first: str, last: str) -> str:
    """What is wrong with a range of numbers; empty if nothing is."""
    if len(first) != len(last):
        return Sentence("The first and the last number are not of one length.")
    if last < first:
        return Sentence("The last number comes before the first.")
    if int(last) - int(first) >= LONGEST_RANGE:
        return Sentence("A range has %(most)s numbers at most.", most=LONGEST_RANGE)
    return ""


def class_fault(number: str, klass: str | None, *, begins: Mapping[str, str], pack: Market) -> str:
    """Whether a number can be of that class: special ones are sold by the offering of their range.

    `begins` says by class how the special numbers begin that an offering sells.
    """
    wanted = begins.get(klass or "", "")
    if wanted and not number.startswith(wanted):
        return Sentence("%(klass)s numbers begin with %(wanted)s.", klass=klass, wanted=wanted)
    if pack.is_special(number) != bool(wanted):
        return Sentence(
            "%(number)s is a special number: name the class of the offering that sells it.",
            number=number,
        )
    if not wanted and not pack.is_mobile(number):
        return Sentence("%(number)s is no mobile number.", number=number)
    return ""


def _sold(catalogue: Catalogue) -> dict[str, str]:
    return {
        str(given["number_class"]): str(given.get("number_range", ""))
        for _, item in _number_offerings(catalogue)
        for given in [item["characteristics"]]
        if "number_class" in given
    }


def _number_offerings(catalogue: Catalogue) -> Iterator[tuple[Trail, dict[str, Any]]]:
    for trail, item in items(catalogue, stocked=set()):
        if item["kind"] == Kind.NUMBER:
            yield trail, item


def _number(written: object) -> Decimal | None:
    try:
        number = Decimal(str(written))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _tariff(where: Trail, given: Mapping[str, Any], *, pack: Market, on: date) -> Iterator[Finding]:
    """The tariff is one of the range, the category is the tariff's, and nothing is promised that
    the law forbids with it."""
    price = _number(given.get("tariff_price", 0))
    if price is None:
        message = Sentence("%(raw)s is not a number.", raw=repr(given["tariff_price"]))
        yield (*where, "tariff_price"), message
        return
    tariff = Tariff(str(given.get("tariff_mode", "")), Money(price, "EUR"))
    try:
        found = pack.special_tariff(str(given["number_range"]), tariff=tariff, on=on)
    except InvalidInput as error:
        yield (*where, str(error.detail.get("field", "number_range"))), error.message
        return
    said = given.get("tariff_category")
    if said != found.category:
        yield (
            (*where, "tariff_category"),
            Sentence(
                "With the tariff %(mode)s these numbers are %(category)s, not %(said)s.",
                mode=TARIFFS[tariff.mode],
                category=TARIFFS[found.category],
                said=TARIFFS.get(str(said)) or said or Sentence("without category"),
            ),
        )
    uses = given.get("uses", [])
    uses = uses if isinstance(uses, list) else [uses]
    if not uses:
        yield (*where, "uses"), Sentence("A special number says what it may be used for.")
    for use in uses:
        if use not in set(NumberUse):
            known = ", ".join(NumberUse)
            message = Sentence("%(use)s is no use of a number (%(known)s).", use=use, known=known)
            yield (*where, "uses"), message
        elif use in found.forbidden:
            yield (
                (*where, "uses"),
                Sentence(
                    "The law forbids %(category)s numbers for %(use)s.",
                    category=TARIFFS[found.category],
                    use=USES[use],
                ),
            )
