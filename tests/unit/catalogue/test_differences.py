"""What differs between two releases, told by offering, price and promotion."""

from datetime import date
from pathlib import Path

import pytest

from catalogue.domain.differences import Difference, What, differences
from catalogue.importer.loader import load
from tests.unit.catalogue.catalogues import DEMO, SMALL, written

DAY = date(2026, 11, 22)
MONTHLY = "price monthly consumer"


def compared(folder: Path, *changes: tuple[str, str]) -> tuple[Difference, ...]:
    text = SMALL
    for good, other in changes:
        assert good in text
        text = text.replace(good, other, 1)
    before = load(written(folder), on=DAY).document
    return differences(before, load(written(folder, text), on=DAY).document)


@pytest.mark.parametrize(
    ("case", "good", "other", "expected"),
    [
        ("nothing", "Marée", "Marée", []),
        ("a price", "consumer: 9.99", "consumer: 11.99",
         [Difference("offerings", "tide", What.CHANGED, MONTHLY, "9.99", "11.99")]),
        ("a price more", "business: 8.00}", "business: 8.00}\n      - {code: monthly, kind: recurring, tax_class: telecom, consumer: 7.99, terms: [24]}",  # noqa: E501
         [Difference("offerings", "tide", What.ADDED, f"{MONTHLY}, terms 24", None, "7.99")]),
        ("how often", "business: 8.00}", "business: 8.00, every_months: 3}",
         [Difference("offerings", "tide", What.CHANGED, f"price monthly {segment}: every_months", 1,
                     3)
          for segment in ("business", "consumer")]),
        ("a text", "fr: Marée", "fr: Flux",
         [Difference("offerings", "tide", What.CHANGED, "name.fr", "Marée", "Flux")]),
        ("a characteristic", "{level: 1}", "{level: 1, colour: red}",
         [Difference("offerings", "tide", What.CHANGED, "characteristics.colour", None, "red")]),
        ("a rule", "at_least: 2", "at_least: 3",
         [Difference("rules", "network", What.CHANGED, "when", {"fact": "plan.level", "at_least": 2}, {"fact": "plan.level", "at_least": 3})]),  # noqa: E501
        ("a category", "en: Phones", "en: Telephones",
         [Difference("categories", "phones", What.CHANGED, "en", "Phones", "Telephones")]),
    ],
)  # fmt: skip
def test_a_difference_is_told_from_what_to_what(
    tmp_path: Path, case: str, good: str, other: str, expected: list[Difference]
) -> None:
    assert list(compared(tmp_path, (good, other))) == expected, case


def test_what_comes_and_goes(tmp_path: Path) -> None:
    found = compared(tmp_path, ("code: tide", "code: ebb"), ("code: pair", "code: couple"))
    assert [(each.code, each.what) for each in found] == [
        ("couple", What.ADDED),
        ("ebb", What.ADDED),
        ("pair", What.REMOVED),
        ("tide", What.REMOVED),
    ]


def test_a_promotion_is_known_by_its_code_and_version() -> None:
    document = load(DEMO, on=DAY).document
    first, *rest = document["promotions"]
    changed = document | {"promotions": [{**first, "group": "other"}, *rest[1:]]}
    assert differences(document, changed) == (
        Difference("promotions", rest[0]["code"], What.REMOVED),
        Difference("promotions", "six-free", What.CHANGED, "group", "plan", "other"),
    )
    assert differences(document, document) == ()
