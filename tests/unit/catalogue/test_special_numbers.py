# ruff: noqa: E501  (one case a line)
"""What is said of special numbers is checked before it is sold: tariff, category, uses, class."""

import re
from pathlib import Path

import pytest
from django.utils.translation import gettext, override

from catalogue.importer.loader import load
from catalogue.importer.sources import CatalogueInvalid
from commerce.kernel.sentences import in_words
from tests.unit.catalogue.catalogues import SMALL, written
from tests.unit.catalogue.test_importer import DAY

DECLARED = """\
characteristics:
  number_class: {name: {fr: Classe, en: Class}}
  number_range: {name: {fr: Tranche, en: Range}}
  tariff_category: {name: {fr: Catégorie, en: Category}}
  tariff_mode: {name: {fr: Tarif, en: Tariff}}
  tariff_price: {name: {fr: Prix, en: Price}}
  uses: {name: {fr: Usages, en: Uses}}
"""
OFFERING = """\
offerings:
  - code: surcharged
    kind: number
    category: phones
    name: {fr: Majoré, en: Surcharged}
    summary: {fr: Un numéro., en: A number.}
    segments: [business]
    recipe: line
    characteristics: {number_class: sva, number_range: "0823", tariff_category: surcharged, tariff_mode: per_minute, tariff_price: 0.15, uses: [sales, service]}
    charges:
      - {code: setup, kind: one_off, tax_class: telecom, business: 50.00}
"""
NUMBERS = 'numbers:\n  - {klass: sva, first: "0823990100", last: "0823990149"}\n'
TEXT = (
    SMALL.replace("characteristics:\n", DECLARED, 1)
    .replace("offerings:\n", OFFERING, 1)
    .replace("numbers:\n", NUMBERS, 1)
)


def test_a_special_number_within_the_law_is_taken(tmp_path: Path) -> None:
    sold = load(written(tmp_path, TEXT), on=DAY).snapshot.offering("surcharged")
    assert sold.characteristics["uses"] == ("sales", "service")


@pytest.mark.parametrize(
    ("sentence", "good", "bad", "field", "message"),
    [
        ("above the cap", "tariff_price: 0.15", "tariff_price: 0.21", "tariff_price", "Numbers 0823… may cost 0.20 EUR per minute at most."),
        ("no number", "tariff_price: 0.15", "tariff_price: much", "tariff_price", "'much' is not a number."),
        ("several numbers", "tariff_price: 0.15", "tariff_price: [0.15]", "tariff_price", "is not a number."),
        ("for nothing", "tariff_price: 0.15", "tariff_price: 0", "tariff_price", "The price is in whole cents, and at least one for surcharged numbers."),
        ("a tariff of another range", "tariff_mode: per_minute", "tariff_mode: free", "tariff_mode", "Numbers 0823… are surcharged, not free of charge."),
        ("a category of another tariff", "tariff_category: surcharged", "tariff_category: ordinary", "tariff_category", "With the tariff surcharged per minute these numbers are surcharged, not at the price of a call."),
        ("no category", "tariff_category: surcharged, ", "", "tariff_category", "these numbers are surcharged, not without category."),
        ("a use that the law forbids", "uses: [sales, service]", "uses: [sales, complaints]", "uses", "The law forbids surcharged numbers for complaints."),
        ("a use that nobody knows", "uses: [sales, service]", "uses: [sales, fun]", "uses", "fun is no use of a number"),
        ("no use", ", uses: [sales, service]", "", "uses", "A special number says what it may be used for."),
        ("no range of special numbers", 'number_range: "0823"', 'number_range: "0639"', "number_range", "0639 is not in a range of special numbers."),
        ("short numbers by their range", 'number_range: "0823"', 'number_range: "378"', "number_range", "Short numbers 378… have each a tariff of their own: name the whole number."),
    ],
)  # fmt: skip
def test_a_fault_of_a_special_number_is_named(
    tmp_path: Path, sentence: str, good: str, bad: str, field: str, message: str
) -> None:
    assert good in TEXT, sentence
    with pytest.raises(CatalogueInvalid) as refused:
        load(written(tmp_path, TEXT.replace(good, bad, 1)), on=DAY)
    found = {problem.field: problem.message for problem in refused.value.problems}
    assert message in found[f"offerings[0].characteristics.{field}"], sentence


def test_two_offerings_do_not_share_a_class(tmp_path: Path) -> None:
    """The class of a number in the pool says by which offering, so at which tariff, it is sold."""
    second = OFFERING.removeprefix("offerings:\n").replace("code: surcharged", "code: other", 1)
    with pytest.raises(CatalogueInvalid) as refused:
        load(written(tmp_path, TEXT.replace(OFFERING, OFFERING + second, 1)), on=DAY)
    assert [(problem.field, problem.message) for problem in refused.value.problems] == [
        (
            f"offerings[{n}].characteristics.number_class",
            "Another offering sells sva numbers too; each has a class of its own.",
        )
        for n in (0, 1)
    ]


def test_numbers_of_the_pool_are_of_the_range_of_their_class(tmp_path: Path) -> None:
    bad = TEXT.replace(
        'first: "0823990100", last: "0823990149"', 'first: "0804990100", last: "0804990149"'
    )
    with pytest.raises(CatalogueInvalid) as refused:
        load(written(tmp_path, bad), on=DAY)
    assert [problem.message for problem in refused.value.problems] == [
        "sva numbers begin with 0823."
    ]


FRENCH = {
    "tariff_price: 0.21": "Les numéros 0823… coûtent au plus 0,20 € par minute.",
    "tariff_mode: free": "Les numéros 0823… sont majorés, pas gratuits.",
    "uses: [sales, complaints]": "La loi interdit les numéros majorés pour les réclamations.",
}


@pytest.mark.parametrize("bad", FRENCH)
def test_a_fault_is_said_in_french_wholly(tmp_path: Path, bad: str) -> None:
    field = bad.partition(":")[0]
    (good,) = re.findall(rf"{field}: (?:\[[^]]*\]|[^,]+)", OFFERING)
    with pytest.raises(CatalogueInvalid) as refused:
        load(written(tmp_path, TEXT.replace(good, bad, 1)), on=DAY)
    with override("fr"):
        said = [in_words(problem.message, gettext) for problem in refused.value.problems]
    assert FRENCH[bad] in said
