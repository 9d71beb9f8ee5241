"""Bundles in bundles, prices by bundle, specifications, use: what a release is made of."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from catalogue.domain.model import Charge, ChargeKind, Segment, Snapshot, upgrades
from catalogue.domain.usage import cost_of_use
from catalogue.importer.loader import load
from commerce.kernel.money import Money
from tests.unit.catalogue.catalogues import DEMO, SMALL, written

DAY = date(2026, 11, 22)
AT = datetime(2026, 11, 22, 9, tzinfo=UTC)
CONSUMER, BUSINESS = Segment.CONSUMER, Segment.BUSINESS
OUTER = """\
  - code: outer
    category: phones
    name: {fr: Tout, en: All}
    summary: {fr: Tout., en: All.}
    slots:
      - {role: second, kind: plan, minimum: 0, maximum: 2}
      - {bundle: pair}
      - {role: plan, kind: plan, minimum: 0, maximum: 1}
    prices:
      - {role: handset, offerings: {fact: handset.colour, is: red}, code: price, consumer: 39.00, terms: [24]}
rules:
"""  # noqa: E501
IN_PAIR = "\n          - {code: price, kind: one_off, tax_class: goods, consumer: 49.00, business: 40.00, in_bundle: pair, terms: [24]}"  # noqa: E501


def shop(folder: Path, *changes: tuple[str, str]) -> Snapshot:
    text = SMALL
    for good, bad in changes:
        assert good in text
        text = text.replace(good, bad, 1)
    return load(written(folder, text), on=DAY).snapshot


def price(snapshot: Snapshot, *, segment: Segment, bundle: str | None, term: int) -> Money:
    offering = snapshot.offering("rook-red")
    (charge,) = offering.charges_for(segment=segment, term=term, bundle=bundle, at=AT)
    return charge.amount


def test_a_nested_bundle_brings_its_places_but_for_those_that_the_outer_one_has(
    tmp_path: Path,
) -> None:
    outer = shop(tmp_path, ("rules:\n", OUTER)).offering("outer")
    assert [(slot.role, slot.minimum, slot.bundle) for slot in outer.slots] == [
        ("second", 0, ""),
        ("handset", 1, "pair"),
        ("plan", 0, ""),
    ]
    assert outer.nests == ("pair",)


def test_a_fault_of_a_nested_place_is_told_where_the_bundle_is_nested(tmp_path: Path) -> None:
    text = SMALL.replace("rules:\n", OUTER).replace(
        "kind: handset, minimum",
        "kind: handset, candidates: {fact: handset.colour, is: blue}, minimum",
    )
    with pytest.raises(Exception, match=r"bundles\[1\].slots: Nothing can take the slot handset"):
        load(written(tmp_path, text), on=DAY)


@pytest.mark.parametrize(
    ("case", "segment", "bundle", "term", "expected"),
    [
        ("alone, the list price", CONSUMER, None, 24, "99.00"),
        ("what the offering says of the inner bundle", CONSUMER, "pair", 24, "49.00"),
        ("the outer bundle's own word", CONSUMER, "outer", 24, "39.00"),
        ("the outer bundle is silent on business, so the inner one counts", BUSINESS, "outer", 24,
         "40.00"),
        ("and on other terms, so the list price", CONSUMER, "outer", 0, "99.00"),
    ],
)  # fmt: skip
def test_the_nearest_word_on_a_price_wins(
    tmp_path: Path, case: str, segment: Segment, bundle: str | None, term: int, expected: str
) -> None:
    snapshot = shop(
        tmp_path, ("business: 82.50}", "business: 82.50}" + IN_PAIR), ("rules:\n", OUTER)
    )
    assert price(snapshot, segment=segment, bundle=bundle, term=term) == Money.of(expected), case


def test_what_the_offering_says_of_the_outer_bundle_wins_over_its_prices(tmp_path: Path) -> None:
    own = IN_PAIR.replace("in_bundle: pair", "in_bundle: outer")
    snapshot = shop(tmp_path, ("business: 82.50}", "business: 82.50}" + own), ("rules:\n", OUTER))
    assert price(snapshot, segment=CONSUMER, bundle="outer", term=24) == Money.of("49.00")


def test_a_word_for_one_term_does_not_win_over_a_nearer_one_for_all(tmp_path: Path) -> None:
    """What the offering says of the inner bundle is for 24 months, the outer bundle's price for
    any commitment."""
    assert "consumer: 39.00, terms: [24]" in OUTER
    outer = OUTER.replace("consumer: 39.00, terms: [24]", "consumer: 39.00")
    snapshot = shop(
        tmp_path, ("business: 82.50}", "business: 82.50}" + IN_PAIR), ("rules:\n", outer)
    )
    found = {
        (bundle, term): price(snapshot, segment=CONSUMER, bundle=bundle, term=term)
        for bundle in ("pair", "outer")
        for term in (0, 24)
    }
    assert found == {
        ("pair", 0): Money.of("99.00"),
        ("pair", 24): Money.of("49.00"),
        ("outer", 0): Money.of("39.00"),
        ("outer", 24): Money.of("39.00"),
    }
    assert price(snapshot, segment=BUSINESS, bundle="outer", term=24) == Money.of("40.00")


def test_an_offering_takes_from_its_specification_what_it_does_not_say(tmp_path: Path) -> None:
    snapshot = shop(
        tmp_path,
        ("families:", "specifications:\n  mobile: {kind: plan, recipe: line, characteristics: {level: 3, colour: red}}\nfamilies:"),  # noqa: E501
        ("    kind: plan\n    category", "    specification: mobile\n    category"),
        ("    recipe: line\n", ""),
        ("network: [4G]", "network: [4G, 5G]"),
    )  # fmt: skip
    tide = snapshot.offering("tide")
    assert tide.specification.code == "mobile"
    assert tide.specification.recipe == "line"
    assert tide.characteristics == {"level": 1, "colour": "red"}


def test_a_dated_price_holds_from_its_first_instant_in_paris_to_its_last(tmp_path: Path) -> None:
    sale = "\n          - {code: price, kind: one_off, tax_class: goods, consumer: 79.00, valid_from: 2026-11-27, valid_until: 2026-12-01}"  # noqa: E501
    rook = shop(tmp_path, ("business: 82.50}", "business: 82.50}" + sale)).offering("rook-red")

    def at(*moment: int) -> Money:
        (charge,) = rook.charges_for(
            segment=CONSUMER,
            term=0,
            bundle=None,
            at=datetime(*moment, tzinfo=UTC),  # type: ignore[misc,arg-type]
        )
        return charge.amount

    assert at(2026, 11, 26, 22, 59, 59) == Money.of("99.00")
    assert at(2026, 11, 26, 23) == Money.of("79.00")
    assert at(2026, 11, 30, 22, 59, 59) == Money.of("79.00")
    assert at(2026, 11, 30, 23) == Money.of("99.00")


MINUTES = Charge("minutes", ChargeKind.USAGE, Money.of("0.05"), CONSUMER, "telecom", unit="minute",
                 included=Decimal(120))  # fmt: skip


@pytest.mark.parametrize(
    ("case", "used", "expected"),
    [
        ("nothing used", "0", "0"),
        ("all that is included", "120", "0"),
        ("a started unit counts", "120.01", "0.05"),
        ("ten and a half beyond", "130.5", "0.55"),
    ],
)
def test_use_beyond_what_is_included_is_paid(case: str, used: str, expected: str) -> None:
    assert cost_of_use([MINUTES], used={"minute": Decimal(used)}) == Money.of(expected), case


def test_use_without_anything_included_and_other_charges() -> None:
    bare = replace(MINUTES, included=None)
    monthly = replace(MINUTES, kind=ChargeKind.RECURRING, amount=Money.of("9.99"))
    used = {"minute": Decimal(3), "gb": Decimal(900)}
    assert cost_of_use([bare, monthly], used=used) == Money.of("0.15")


def test_what_a_plan_of_the_demo_could_be_exchanged_for() -> None:
    snapshot = load(DEMO, on=DAY).snapshot
    found = upgrades(snapshot, snapshot.offering("essentiel-40"))
    assert [(o.code, text.in_("en")) for o, text in found] == [("horizon-130", "5G and 130 GB.")]
    beyond = upgrades(snapshot, snapshot.offering("horizon-130"))
    assert [offering.code for offering, _ in beyond] == [
        "grand-large-300",
        "plein-ciel-600",
    ]
    assert upgrades(snapshot, snapshot.offering("plein-ciel-600")) == ()
