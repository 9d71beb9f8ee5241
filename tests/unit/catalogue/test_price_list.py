"""Price lists: out, edited, in again; errors with file, line and field; all of it or nothing."""

from datetime import date
from decimal import Decimal
from functools import cache

import pytest

from catalogue.importer.loader import load
from catalogue.importer.price_list import COLUMNS, price_list, repriced
from catalogue.importer.sources import CatalogueInvalid
from catalogue.importer.writing import CataloguePart, parts_of
from tests.unit.catalogue.catalogues import DEMO

HEAD = ";".join(COLUMNS)
MUSIC = "ondine-musique;monthly;;;;;;9.99;"


@cache
def parts() -> tuple[CataloguePart, ...]:
    return tuple(parts_of(load(DEMO, on=date(2026, 11, 22)).source))


@cache
def listed() -> str:
    return price_list(parts())


def test_a_list_that_nobody_edited_changes_nothing() -> None:
    assert listed().startswith(f"{HEAD}\r\n")
    assert MUSIC in listed()
    assert "ardoval-x2-128-lilas;price;24;handset-and-plan;;;;219.00;" in listed()
    assert repriced(parts(), listed(), file="p.csv") == ()


@pytest.mark.parametrize(
    ("case", "text"),
    [
        ("with semicolons and a decimal comma", f"{HEAD}\n{MUSIC.replace('9.99', '8,5')}\n"),
        ("with commas", f"{HEAD};x\n{MUSIC.replace('9.99', '8.50')};\n".replace(";", ",")),
        ("with a byte order mark", f"\ufeff{HEAD}\r\n{MUSIC.replace('9.99', '8.50')}\r\n\r\n"),
    ],
)
def test_only_the_named_prices_change(case: str, text: str) -> None:
    (part,) = repriced(parts(), text, file="p.csv")
    assert (part.key, part.data["charges"]) == (
        "ondine-musique",
        [{"code": "monthly", "kind": "recurring", "tax_class": "digital",
          "consumer": Decimal("8.50")}],
    )  # fmt: skip
    before = next(p for p in parts() if p.key == "ondine-musique")
    assert before.data["charges"][0]["consumer"] == Decimal("9.99"), case


def test_a_row_for_another_time_adds_a_price() -> None:
    row = "ondine-musique;monthly;;;;2026-11-27;2026-12-01;4.99;"
    (part,) = repriced(parts(), f"{HEAD}\n{row}\n", file="p.csv")
    assert part.data["charges"][1] == {
        "code": "monthly", "kind": "recurring", "tax_class": "digital",
        "valid_from": "2026-11-27", "valid_until": "2026-12-01", "consumer": Decimal("4.99"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "line", "field", "message"),
    [
        (f"{HEAD}\n{MUSIC}\n{MUSIC}\n", 3, "offering", "Line 2 is about the same price."),
        (f"{HEAD}\nnothing;price;;;;;;1;\n", 2, "offering", "no offering, family or variant"),
        (f"{HEAD}\nondine-musique;yearly;;;;;;1;\n", 2, "charge", "has no charge yearly"),
        (f"{HEAD}\nondine-musique;monthly;;;;;;9.995;\n", 2, "consumer", "at most two decimals"),
        (f"{HEAD}\nondine-musique;monthly;;;;;;;-1\n", 2, "business", "is not an amount"),
        (f"{HEAD}\nondine-musique;monthly;;;;;;NaN;\n", 2, "consumer", "is not an amount"),
        ("offering;charge\n", 1, "columns", "terms, in_bundle"),
        ("", 1, "columns", "are missing"),
        (f'{HEAD}\n"a;b\n', 2, "file", "not CSV"),
    ],
)
def test_an_error_names_file_line_and_field(text: str, line: int, field: str, message: str) -> None:
    with pytest.raises(CatalogueInvalid) as refused:
        repriced(parts(), text, file="p.csv")
    (problem,) = refused.value.problems
    assert (problem.file, problem.line, problem.field) == ("p.csv", line, field)
    assert message in problem.message


def test_one_error_keeps_everything_as_it_was() -> None:
    text = f"{HEAD}\n{MUSIC.replace('9.99', '1.00')}\nnothing;price;;;;;;1;\n"
    with pytest.raises(CatalogueInvalid):
        repriced(parts(), text, file="p.csv")
    assert repriced(parts(), listed(), file="p.csv") == ()
