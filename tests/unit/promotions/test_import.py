# ruff: noqa: E501  (one fault a line)
"""A promotion that can't be, or never would be given, is refused when the catalogue is imported."""

from pathlib import Path

import pytest

from catalogue.importer.loader import load
from catalogue.importer.sources import CatalogueInvalid, spoken, trail_of
from tests.unit.catalogue.catalogues import DEMO, SMALL, line_of, written
from tests.unit.catalogue.test_importer import DAY

PROMOTIONS = """\
promotions:
  - code: first-free
    name: {fr: Premier mois offert, en: First month free}
    hint: {fr: Avec un engagement., en: With a commitment.}
    when:
      all:
        - {fact: plan.level, at_least: 1}
        - {fact: codes, includes: tide}
        - {fact: customer.segment, is: consumer}
    trigger: {offerings: [tide]}
    benefits:
      - {target: {fact: line.kind, is: plan}, charge: recurring, kind: percent_off, value: 100, periods: 1}
    valid_from: 2026-11-01
    valid_until: 2026-12-01
  - code: pair-ten
    name: {fr: Dix de moins, en: Ten off}
    when: {fact: bundle.code, is: pair}
    benefits:
      - {target: {fact: line.charge, is: price}, charge: one_off, kind: amount_off, value: 10}
"""
SHOP = SMALL + PROMOTIONS
FIRST, SECOND = "promotions[0]", "promotions[1]"
BENEFIT = f"{FIRST}.benefits[0]"

# (what is wrong, the good text, the bad text, the field, words of the message)
FAULTS = [
    ("an unknown field", "    trigger:", "    triggr:", f"{FIRST}.triggr", "Unknown: triggr"),
    ("no such operator", "at_least: 1", "more_than: 1", f"{FIRST}.when.all[0]", "exactly one of"),
    ("no number", "at_least: 1", "at_least: one", f"{FIRST}.when.all[0]", "not a number"),
    ("no such fact", "plan.level", "plan.levle", f"{FIRST}.when.all[0]", "the fact plan.levle"),
    ("no such offering", "includes: tide", "includes: ebb", f"{FIRST}.when.all[1]", "no ebb"),
    ("no such segment", "is: consumer", "is: consumers", f"{FIRST}.when.all[2]", "no consumers"),
    ("triggered by nothing", "[tide]}", "[ebb]}", f"{FIRST}.trigger", "no ebb"),
    ("triggered by a colour", "{offerings:", "{colour:", f"{FIRST}.trigger", "Use "),
    ("a hint in one language", ", en: With a commitment.", "", f"{FIRST}.hint", "missing in en"),
    ("a target that is no line", "line.kind", "plan.kind", f"{BENEFIT}.target", "the fact plan.kind"),
    ("no such kind of charge", "charge: recurring", "charge: daily", f"{BENEFIT}.charge", "'daily'"),
    ("more than all", "value: 100", "value: 101", f"{BENEFIT}.value", "within 0 and 100"),
    ("no month at all", "periods: 1", "periods: 0", f"{BENEFIT}.periods", "from 1 on"),
    ("no day", "2026-11-01", "soon", f"{FIRST}.valid_from", "is not a date"),
    ("over before it begins", "2026-12-01", "2026-10-01", f"{FIRST}.valid_until", "before it begins"),
    ("no such bundle", "is: pair", "is: tide", f"{SECOND}.when", "There is no tide"),
    ("a code twice", "code: pair-ten", "code: first-free", f"{SECOND}.code", "first-free"),
]  # fmt: skip


@pytest.mark.parametrize(("what", "good", "bad", "field", "message"), FAULTS)
def test_a_fault_is_named_with_file_line_and_field(
    tmp_path: Path, what: str, good: str, bad: str, field: str, message: str
) -> None:
    assert PROMOTIONS.count(good) >= 1, what
    text = SMALL + PROMOTIONS.replace(good, bad, 1)
    with pytest.raises(CatalogueInvalid) as refused:
        load(written(tmp_path, text), on=DAY)
    found = [p for p in refused.value.problems if p.field == field and message in p.message]
    assert found, refused.value.problems
    assert found[0].file == "shop.yaml"
    lines = text.splitlines()
    assert lines[found[0].line - 1].strip(), "the line is one of the file"
    assert found[0].line >= line_of(text, "  - code: first-free")


BOTH = "    summary: {fr: Les deux., en: Both.}\n"
ENDING = (
    SHOP.replace("business: 8.00}", "business: 8.00, valid_until: 2027-01-01}")
    .replace("    terms: [0, 24]", "    terms: [0, 24]\n    valid_until: 2027-01-01")
    .replace(BOTH, f"{BOTH}    valid_until: 2027-01-01\n")
)
"""What is sold, and its price, end with the year; the first benefit runs until then."""
UNFOLLOWED = (
    "No price monthly of tide follows: the last one holds until 2027-01-01 00:00,"
    " the benefit until 2027-02-01 00:00."
)


def faults(folder: Path, text: str) -> list[tuple[str, str]]:
    with pytest.raises(CatalogueInvalid) as refused:
        load(written(folder, text), on=DAY)
    return [(problem.field, problem.message) for problem in refused.value.problems]


def test_a_benefit_with_an_end_needs_the_price_that_follows(tmp_path: Path) -> None:
    """The last one orders as November ends: two months later the price is gone, one is not."""
    assert load(written(tmp_path, ENDING), on=DAY).snapshot.release == 0
    longer = ENDING.replace("periods: 1", "periods: 2")
    assert faults(tmp_path, longer) == [(f"{BENEFIT}.periods", UNFOLLOWED)]


def test_a_benefit_beyond_all_days_is_one_without_end(tmp_path: Path) -> None:
    """The last day that can be written stands for "until we say otherwise"."""
    always = SHOP.replace("valid_until: 2026-12-01", "valid_until: 9999-12-31")
    assert load(written(tmp_path, always), on=DAY).snapshot.release == 0
    longest = ENDING.replace("periods: 1", "periods: 120000")
    later = UNFOLLOWED.replace(
        ", the benefit until 2027-02-01 00:00.", ", and the benefit goes on after that."
    )
    assert faults(tmp_path, longest) == [(f"{BENEFIT}.periods", later)]


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("periods: 2", "first: 2, periods: 1"),
        ("is: consumer}\n", "in: [consumer, business]}\n"),
        ("target: {fact: line.kind, is: plan}", "target: {fact: line.charge, is: monthly}"),
    ],
)
def test_however_the_benefit_is_written(tmp_path: Path, good: str, bad: str) -> None:
    longer = ENDING.replace("periods: 1", "periods: 2")
    assert good in longer
    assert (f"{BENEFIT}.periods", UNFOLLOWED) in faults(tmp_path, longer.replace(good, bad, 1))


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("business: 8.00, valid_until: 2027-01-01}", "business: 8.00, valid_until: 2027-02-01}"),
        ("level, at_least: 1}\n", "level, at_least: 1}\n        - {fact: term_months, is: 12}\n"),
        ("target: {fact: line.kind, is: plan}", "target: {fact: line.charge, is: price}"),
        (", periods: 2", ""),
    ],
)
def test_where_a_price_follows_or_the_benefit_does_not_reach_it_nothing_is_wrong(
    tmp_path: Path, good: str, bad: str
) -> None:
    longer = ENDING.replace("periods: 1", "periods: 2")
    assert good in longer
    assert load(written(tmp_path, longer.replace(good, bad, 1)), on=DAY).snapshot.release == 0


def test_the_line_is_that_of_the_value(tmp_path: Path) -> None:
    text = SHOP.replace("value: 100", "value: much")
    with pytest.raises(CatalogueInvalid) as refused:
        load(written(tmp_path, text), on=DAY)
    (problem,) = refused.value.problems
    assert str(problem) == (
        f"shop.yaml:{line_of(text, 'value: much')}: {BENEFIT}.value: 'much' is not a number."
    )


def test_every_promotion_with_a_fault_is_told_at_once(tmp_path: Path) -> None:
    text = SHOP.replace("value: 100", "value: 101").replace("is: pair", "is: none")
    with pytest.raises(CatalogueInvalid) as refused:
        load(written(tmp_path, text), on=DAY)
    assert [problem.field for problem in refused.value.problems] == [
        f"{BENEFIT}.value",
        f"{SECOND}.when",
    ]


def test_what_is_right_is_accepted(tmp_path: Path) -> None:
    assert len(load(written(tmp_path, SHOP), on=DAY).snapshot.promotions) == 2
    assert len(load(DEMO, on=DAY).snapshot.promotions) >= 6


@pytest.mark.parametrize("text", ["file", "promotions[3].when.all[10]", "a.b[0][1].c"])
def test_a_field_is_read_as_it_is_spoken(text: str) -> None:
    assert spoken(trail_of(text)) == text
