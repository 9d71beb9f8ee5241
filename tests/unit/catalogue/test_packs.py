"""Bundles in bundles in bundles: places, cardinality and prices through all levels."""

import shutil
from collections.abc import Collection
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from catalogue.domain.model import Nesting, Segment, Snapshot, least_in
from catalogue.importer.loader import load
from catalogue.importer.sources import CatalogueInvalid
from catalogue.importer.writing import files_of
from commerce.kernel.money import Money
from tests.unit.catalogue.catalogues import DEMO
from tests.unit.catalogue.packs import PACKS

DAY = date(2026, 11, 22)
AT = datetime(2026, 11, 22, 9, tzinfo=UTC)


def with_packs(folder: Path, packs: str = PACKS) -> Path:
    """The demo's files with these bundles beside them."""
    shutil.copytree(DEMO, folder, dirs_exist_ok=True)
    (folder / "packs.yaml").write_text(packs, encoding="utf-8")
    return folder


@cache
def packs() -> Snapshot:
    with TemporaryDirectory() as folder:
        return load(with_packs(Path(folder)), on=DAY).snapshot


def test_the_places_of_all_levels_say_what_is_around_them() -> None:
    office = packs().offering("home-office")
    work, sound = (
        Nesting("work-kit", "work-kit", optional=True),
        Nesting("sound-kit", "sound-kit", optional=True),
    )
    line = Nesting("handset-and-plan", "handset-and-plan")
    assert [(s.name, s.minimum, s.within) for s in office.slots] == [
        ("accessory", 1, (work,)),
        ("content", 1, (work, sound)),
        ("handset", 1, (line,)),
        ("plan", 1, (line,)),
        ("sim", 1, (line,)),
        ("option", 0, (line,)),
        ("number", 0, (line,)),
    ]
    assert office.nests == ("work-kit", "handset-and-plan", "sound-kit")


@pytest.mark.parametrize(
    ("filled", "accessory", "content"),
    [
        ((), 0, 0),
        (("handset", "plan", "sim"), 0, 0),
        (("accessory",), 1, 0),
        (("content",), 1, 1),
        (("accessory", "content"), 1, 1),
    ],
)
def test_a_bundle_that_is_left_out_needs_nothing_and_one_that_is_begun_all(
    filled: Collection[str], accessory: int, content: int
) -> None:
    """Who takes the music takes the sound kit, so the work kit around it, so its accessory."""
    slots = packs().offering("home-office").slots
    needed = {slot.role: least_in(slot, slots, filled=filled) for slot in slots}
    assert (needed["accessory"], needed["content"]) == (accessory, content)
    assert (needed["handset"], needed["plan"], needed["sim"]) == (1, 1, 1)


@pytest.mark.parametrize(
    ("bundle", "term", "expected"),
    [
        ("home-office", 24, "4.99"),
        ("home-office", 12, "5.99"),
        ("work-kit", 24, "5.99"),
        ("sound-kit", 24, "6.99"),
        ("handset-and-plan", 24, "9.99"),
        (None, 24, "9.99"),
    ],
)
def test_the_outermost_bundle_that_names_a_price_wins(
    bundle: str | None, term: int, expected: str
) -> None:
    music = packs().offering("ondine-musique")
    (charge,) = music.charges_for(segment=Segment.CONSUMER, term=term, bundle=bundle, at=AT)
    assert charge.amount == Money.of(expected)


def test_the_price_of_the_nested_bundle_counts_where_the_outer_one_names_none() -> None:
    charger = packs().offering("chargeur-30w")
    (charge,) = charger.charges_for(segment=Segment.CONSUMER, term=24, bundle="home-office", at=AT)
    assert charge.amount == Money.of("19.90")


@pytest.mark.parametrize(
    ("good", "bad", "field", "message"),
    [
        ("sound-kit, minimum: 0}", "sound-kit, minimum: 2}", "minimum", "0 or 1"),
        ("sound-kit, minimum: 0}", "sound-kit, role: sound}", "", "may be left out"),
        ("content.service, is: music", "content.service, is: silence", "",
         "Nothing can take the slot content for consumer customers."),
    ],
)  # fmt: skip
def test_what_cannot_be_nested_is_told(
    tmp_path: Path, good: str, bad: str, field: str, message: str
) -> None:
    assert good in PACKS
    with pytest.raises(CatalogueInvalid) as refused:
        load(with_packs(tmp_path / "x", PACKS.replace(good, bad, 1)), on=DAY)
    assert any(message in p.message and field in p.field for p in refused.value.problems)


def test_what_is_exported_is_the_same_release(tmp_path: Path) -> None:
    first = load(with_packs(tmp_path / "a"), on=DAY)
    (tmp_path / "b").mkdir()
    for name, text in files_of(first.source).items():
        (tmp_path / "b" / name).write_text(text, encoding="utf-8")
    assert load(tmp_path / "b", on=DAY).digest == first.digest
