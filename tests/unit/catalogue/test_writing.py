"""Out into files and back in: nothing is lost, nothing is added, the bytes stay."""

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalogue.importer.drafts import checked, findings_of
from catalogue.importer.loader import load
from catalogue.importer.sources import CatalogueInvalid, read, read_part
from catalogue.importer.writing import (
    KEYED,
    assembled,
    files_of,
    parts_of,
    restored,
    stored,
    text_of,
)
from tests.unit.catalogue.catalogues import DEMO, SMALL, written

DAY = date(2026, 11, 22)
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
names = st.from_regex(r"[a-z][a-z0-9-]{0,12}", fullmatch=True)
decimals = st.decimals(-100_000, 100_000, allow_nan=False, places=2) | st.sampled_from(
    [Decimal("0.00"), Decimal("9.90"), Decimal("14.0"), Decimal("0.1")]
)
awkward = st.sampled_from(
    ["yes", "null", "~", "1e3", "1_000", "0x10", "012", "2026-11-01", "3:25", "= x", "- a", "#",
     "", " ", "a: b", "é\u2028", "\u0085", "\ufeff", "*x", "&x", "<<", "5G", "1.5", ".5", "\t",
     "a\nb\n"]
)  # fmt: skip
scalars = texts | awkward | st.booleans() | st.none() | st.integers(-(10**12), 10**12) | decimals
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts | awkward, inner, max_size=4),
    max_leaves=12,
)
parts = st.dictionaries(names, values, max_size=4)
catalogues = st.fixed_dictionaries(
    {
        "release": st.fixed_dictionaries({"currency": st.just("EUR"), "note": texts | awkward}),
        "categories": st.dictionaries(names, parts, min_size=1, max_size=3),
        "offerings": st.lists(
            st.builds(lambda code, rest: {**rest, "code": code}, names, parts),
            min_size=1, max_size=4, unique_by=lambda part: part["code"],
        ),
    }
)  # fmt: skip


def put(folder: Path, files: dict[str, str]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_bytes(text.encode())
    return folder


@settings(max_examples=150)
@given(value=values)
def test_a_value_is_read_as_it_was_written(value: Any) -> None:
    text = text_of({"value": value})
    again, problems = read_part(text, name="part")
    assert problems == []
    assert again == {"value": value}
    assert text_of(again) == text
    assert restored(stored(value)) == value


@settings(max_examples=40)
@given(data=catalogues)
def test_any_catalogue_comes_back_from_its_files(
    tmp_path_factory: pytest.TempPathFactory, data: dict[str, Any]
) -> None:
    files = files_of(data)
    again = read(put(tmp_path_factory.mktemp("out"), files)).data
    assert again == data
    assert files_of(again) == files


@given(data=catalogues)
def test_parts_are_a_catalogue_taken_apart(data: dict[str, Any]) -> None:
    assert assembled(list(parts_of(data))) == data


def test_the_demo_catalogue_is_the_same_after_its_export(tmp_path: Path) -> None:
    first = load(DEMO, on=DAY)
    files = files_of(first.source)
    again = load(put(tmp_path, files), on=DAY)
    assert again.source == first.source
    assert again.digest == first.digest
    assert files_of(again.source) == files
    assert list(files) == sorted(files)


def test_parts_of_the_demo_are_accepted_as_its_files_are() -> None:
    first = load(DEMO, on=DAY)
    found = list(parts_of(first.source))
    assert len({(part.section, part.key) for part in found}) == len(found)
    assert checked(found, on=DAY).digest == first.digest
    assert {part.section for part in found} >= KEYED - {"specifications"}


def test_an_alias_is_refused_in_a_single_part() -> None:
    text = "a: &a [1, 2]\nb: *a\n"
    data, (problem,) = read_part(text, name="rules/x")
    assert (data, problem.line, problem.file) == (None, 2, "rules/x")


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "nothing here"), ("a: [", "not YAML"), ("a: 1\na: 2", "stands here twice"),
     ("a: \x07", "not YAML"), ("a: !foo b", "can't be read"), ("a: !!int b", "can't be read"),
     ("a: !!binary YWJj", "can't be read"), ("a: " + "9" * 5000, "can't be read"),
     ('a: "\\0"', "can't be read"), ("? [a]\n: b", "A key is a word"),
     ('"\\0": b', "A key is a word"), ("[ " * 990 + "] " * 990, "too deeply"),
     ("- " * 3000, "too deeply")],
)  # fmt: skip
def test_what_can_not_be_read_is_said(text: str, message: str) -> None:
    _, problems = read_part(text, name="rules/x")
    assert message in problems[0].message


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1.", "1.0"), ("1.50e+2", "150.0"), ("9.90", "9.90"), ("1_0.5", "10.5"), (".5", "0.5")],
)
def test_a_decimal_is_kept_as_it_will_be_written(text: str, expected: str) -> None:
    data, _ = read_part(f"v: {text}", name="x")
    assert str(data["v"]) == expected


def test_a_finding_names_the_part_and_the_line_in_it(tmp_path: Path) -> None:
    data = read(written(tmp_path, SMALL.replace("consumer: 9.99", "consumer: 9.995"))).data
    with pytest.raises(CatalogueInvalid) as refused:
        checked(list(parts_of(data)), on=DAY)
    (finding,) = findings_of(refused.value)
    assert (finding.section, finding.key, finding.field) == (
        "offerings",
        "tide",
        "charges[0].consumer",
    )
    assert "two decimals" in finding.message
    text = text_of(next(p.data for p in parts_of(data) if p.key == "tide"))
    assert "9.995" in text.splitlines()[finding.line - 1]


def test_findings_of_places_recipes_and_whole_sections_name_theirs(tmp_path: Path) -> None:
    spoilt = (
        SMALL.replace("network.activate", "network.actuate")
        .replace("  phones: {fr: Téléphones, en: Phones}", "  phones: {fr: Téléphones}")
        .replace("kind: plan, minimum: 1,", "kind: plan, minimum: 9,")
    )
    with pytest.raises(CatalogueInvalid) as refused:
        checked(list(parts_of(read(written(tmp_path, spoilt)).data)), on=DAY)
    assert [(f.section, f.key, f.field) for f in findings_of(refused.value)] == [
        ("categories", "phones", "en")
    ]
    spoilt = spoilt.replace("{fr: Téléphones}", "{fr: Téléphones, en: Phones}")
    with pytest.raises(CatalogueInvalid) as refused:
        checked(list(parts_of(read(written(tmp_path, spoilt)).data)), on=DAY)
    assert [(f.section, f.key, f.field) for f in findings_of(refused.value)] == [
        ("bundles", "pair", "slots[1].maximum"),
        ("recipes", "line", "tasks[0].action"),
    ]
