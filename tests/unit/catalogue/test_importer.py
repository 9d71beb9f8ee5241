"""Catalogue files: what is accepted, and that every fault is named with file, line and field."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from django.template.loader import select_template

from catalogue.domain.model import Segment
from catalogue.importer.loader import load
from catalogue.importer.sources import CatalogueInvalid
from commerce.kernel.money import Money
from tests.unit.catalogue.catalogues import DEMO, SMALL, line_of, written
from tests.unit.catalogue.faults import FAULTS

DAY = date(2026, 11, 22)
AT = datetime(2026, 11, 22, 9, tzinfo=UTC)


def test_a_family_becomes_its_variants(tmp_path: Path) -> None:
    snapshot = load(written(tmp_path), on=DAY).snapshot
    red = snapshot.offering("rook-red")
    assert red.name.in_("fr") == "Rook Rouge"
    assert red.family == "rook"
    assert red.characteristics == {"network": ("4G",), "colour": "red"}
    assert [charge.amount for charge in red.charges] == [Money.of("99.00"), Money.of("82.50")]
    assert red.stocked
    assert sorted(snapshot.offerings) == ["pair", "rook-red", "tide"]


def test_the_same_files_give_the_same_digest(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    for folder in (first, second):
        folder.mkdir()
        written(folder)
    assert load(first, on=DAY).digest == load(second, on=DAY).digest
    written(second, SMALL.replace("99.00", "98.00"))
    assert load(first, on=DAY).digest != load(second, on=DAY).digest


@pytest.mark.parametrize(("sentence", "good", "bad", "field", "message"), FAULTS)
def test_a_fault_is_named(
    tmp_path: Path, sentence: str, good: str, bad: str, field: str, message: str
) -> None:
    assert good in SMALL, sentence
    with pytest.raises(CatalogueInvalid) as refused:
        load(written(tmp_path, SMALL.replace(good, bad, 1)), on=DAY)
    found = [p for p in refused.value.problems if p.field == field and message in p.message]
    assert found, refused.value.problems
    assert found[0].file == "shop.yaml"


def test_the_line_is_that_of_the_value(tmp_path: Path) -> None:
    text = SMALL.replace("consumer: 9.99", "consumer: much")
    with pytest.raises(CatalogueInvalid) as refused:
        load(written(tmp_path, text), on=DAY)
    (problem,) = refused.value.problems
    assert problem.line == line_of(text, "consumer: much")
    assert str(problem).startswith(f"shop.yaml:{problem.line}: offerings[0].charges[0].consumer: ")


def test_all_faults_are_told_at_once_in_reading_order(tmp_path: Path) -> None:
    text = SMALL.replace("recipe: parcel", "recipe: gone").replace("recipe: line", "recipe: lost")
    with pytest.raises(CatalogueInvalid) as refused:
        load(written(tmp_path, text), on=DAY)
    assert [problem.message for problem in refused.value.problems] == [
        "There is no recipe gone.",
        "There is no recipe lost.",
    ]


def test_tasks_that_wait_for_one_another_are_refused(tmp_path: Path) -> None:
    text = SMALL.replace(
        "until: shipment.picked}",
        "until: shipment.picked, needs: [pack]}\n      - {key: pack, kind: manual, needs: [ship]}",
    )
    with pytest.raises(CatalogueInvalid, match=r"wait for one another: .*ship"):
        load(written(tmp_path, text), on=DAY)


def test_the_demo_catalogue_is_what_the_shop_promises() -> None:
    snapshot = load(DEMO, on=DAY).snapshot
    kinds = [offering.kind.value for offering in snapshot.offerings.values()]
    families = {o.family for o in snapshot.offerings.values() if o.family}
    makers = {o.characteristics["brand"] for o in snapshot.offerings.values() if o.family}
    assert len(families) >= 24
    assert len(makers) >= 6
    assert kinds.count("plan") == 8
    assert kinds.count("accessory") == 20
    assert kinds.count("option") + kinds.count("content") == 7
    prices = [c.amount for o in snapshot.offerings.values() if o.kind.value == "handset"
              for c in o.charges if c.segment == "consumer" and not c.in_bundle]  # fmt: skip
    assert (min(prices), max(prices)) == (Money.of("89.00"), Money.of("1499.00"))


def test_every_reduced_handset_price_of_the_demo_is_below_its_list_price() -> None:
    snapshot = load(DEMO, on=DAY).snapshot
    for offering in snapshot.offerings.values():
        for bundle, segment in (("handset-and-plan", "consumer"), ("fleet-line", "business")):
            if offering.kind.value != "handset":
                continue
            prices = [
                offering.charges_for(segment=Segment(segment), term=term, bundle=bundle, at=AT)[
                    0
                ].amount
                for term in (24, 12, 0)
            ]
            assert prices == sorted(prices), offering.code


def test_every_message_that_a_recipe_of_the_demo_sends_has_a_text_in_both_languages() -> None:
    recipes = load(DEMO, on=DAY).catalogue.recipes.values()
    actions = {task.action for recipe in recipes for task in recipe.tasks}
    codes = {action.removeprefix("message.") for action in actions if action.startswith("message.")}
    assert codes == {
        "porting_scheduled",
        "line_active",
        "order_shipped",
        "pick_up_ready",
        "esim_ready",
        "content_ready",
        "number_active",
        "line_changed",
        "line_renewed",
        "line_suspended",
        "line_restricted",
        "line_resumed",
        "termination_confirmed",
        "termination_unpaid",
        "line_ended",
        "line_taken_over",
        "sim_swapped",
        "number_changed",
        "withdrawal_confirmed",
        "withdrawal_settled",
        "return_label",
        "return_looked_at",
    }
    for code in codes:
        for language in ("fr", "en"):
            select_template([f"notifications/{language}/{code}.{kind}" for kind in ("sms", "txt")])
