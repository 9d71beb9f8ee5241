"""The form of a promotion says exactly what its data says: data -> form -> fields -> data."""

import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.utils.translation import override
from hypothesis import given
from hypothesis import strategies as st

from catalogue.drafting import Vocabulary
from catalogue.importer.sources import read, read_part
from catalogue.importer.writing import text_of
from frontend.backoffice import facts
from frontend.backoffice.conditions import (
    Row,
    changed,
    expression_of,
    posted_rows,
    rows_of,
)
from frontend.backoffice.promotion import PromotionForm, applied, done, editor, form_of, posted_form
from promotions.domain.compiler import compile_promotions
from promotions.domain.findings import CUSTOMER, LINE, UNIT
from tests.unit.catalogue.catalogues import DEMO

WORDS = Vocabulary(characteristics={"storage_gb": "number", "esim": "yes_no", "family": "text"})
DEMOS = read(DEMO / "promotions.yaml").data["promotions"]
DOCS = Path(__file__).resolve().parents[3] / "docs" / "promotions.md"


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    with override("en"):
        yield


def fields_of(shown: dict[str, Any]) -> dict[str, str]:
    """What a browser would send: every field, box and hidden value."""
    sent = {"has-when": "1", "has-benefits": "1"}
    sent |= {f.name: f.value for f in (*shown["texts"], *shown["terms"], *shown["more"])}
    for flag in shown["flags"]:
        sent[f"has-{flag.name}"] = "1"
        sent |= {flag.name: "1"} if flag.value else {}
    sent |= of_rows(shown["when"])
    for benefit in shown["benefits"]:
        sent[f"{benefit['prefix']}-was"] = benefit["was"]
        if benefit["written"]:
            sent[f"{benefit['prefix']}-written"] = "1"
            continue
        sent |= {each.name: each.value for each in benefit["fields"]}
        sent |= of_rows(benefit["target"])
        for item in benefit["parts"]:
            sent[f"{item['prefix']}-was"] = item["was"]
            sent |= {item["pieces"].name: item["pieces"].value} | of_rows(item["target"])
    return sent


def of_rows(tree: Any) -> dict[str, str]:
    if tree is None:
        return {}
    return {
        name: value
        for row in tree["rows"]
        for name, value in (*row.hidden, *((each.name, each.value) for each in row.fields))
    }


def sent_back(data: Any, act: str = "", **typed: str) -> tuple[Any, dict[str, str]]:
    """The data after its form was sent, with what was typed, or after an act on its rows."""
    shown = editor(data, form_of(data), findings=(), wrong={}, vocabulary=WORDS)
    assert shown is not None
    form = posted_form(data, fields_of(shown) | typed)
    if act:
        shown = editor(data, done(form, act), findings=(), wrong={}, vocabulary=WORDS)
        assert shown is not None
        form = posted_form(data, fields_of(shown))
    return applied(data, form, vocabulary=WORDS)


@pytest.mark.parametrize("data", DEMOS, ids=lambda data: str(data["code"]))
def test_every_promotion_of_the_demo_comes_back_as_it_was(data: Any) -> None:
    now, wrong = sent_back(data)
    assert (now, wrong) == (data, {})
    assert text_of(now) == text_of(data)
    (again, problems) = read_part(text_of(now), name="x")
    assert (again, problems) == (data, [])


def documented() -> Iterator[tuple[str, Any]]:
    """Every condition and benefit that docs/promotions.md writes out."""
    for found in re.findall(r"`(\{(?:fact|kind|all|any|not): .*?\})`", DOCS.read_text("utf-8")):
        full = found.replace("items: [...]", "items: [{target: ...}]").replace("{...}", "...")
        if "NAME" in found:
            continue
        yield found, yaml.safe_load(full.replace("...", "{fact: line.kind, is: plan}"))


@pytest.mark.parametrize(("text", "data"), list(documented()), ids=str)
def test_everything_that_is_documented_comes_back_as_it_was(text: str, data: Any) -> None:
    part: dict[str, Any] = {"code": "x", "name": {"fr": "x", "en": "x"}, "benefits": []}
    if "kind" in data:
        part["benefits"] = [data]
        assert not any(each.written for each in form_of(part).benefits), text
    else:
        part["when"] = data
        assert {row.form for row in form_of(part).when} <= {"test", "all", "any", "not"}, text
    assert sent_back(part) == (part, {})


def test_there_are_documented_ones_of_every_kind() -> None:
    kinds = {data.get("kind") for _text, data in documented()} - {None}
    assert kinds == {"percent_off", "fixed_price", "amount_off", "free_item", "bundle_price"}
    assert sum("kind" not in data for _text, data in documented()) >= 15


def test_every_fact_that_is_set_can_be_chosen() -> None:
    for name in (*UNIT, *CUSTOMER, "cart.count.plan", "cart.quantity.tide", "plan.network"):
        each, detail = facts.asked(name)
        assert each in facts.CONDITIONS, name
        assert each.name + detail == name
    for name in (*LINE, "line.code", "line.network"):
        assert facts.asked(name)[0] in facts.TARGETS, name


scalars = st.one_of(
    st.booleans(), st.integers(-999, 999), st.text("abc é5.", min_size=1, max_size=5),
    st.decimals(0, 99, places=2),
)  # fmt: skip
names = st.sampled_from(["codes", "term_months", "plan.esim", "plan.storage_gb", "at.time", "x.y"])
tests = st.one_of(
    st.builds(lambda n, o, v: {"fact": n, o: v}, names,
              st.sampled_from(["is", "is_not", "includes", "at_least", "at_most"]), scalars),
    st.builds(lambda n, v: {"fact": n, "in": v}, names, st.lists(scalars, max_size=3)),
    st.builds(lambda n: {"fact": n, "absent": True}, names),
    st.builds(lambda n, m: {"fact": n, "includes_fact": m}, names, names),
)  # fmt: skip
odd = st.sampled_from([{}, "words", {"all": "no list"}, {"fact": "x"}, {"not": None}, 5])
expressions = st.recursive(
    st.one_of(tests, tests, tests, odd),
    lambda inner: st.one_of(
        st.builds(lambda parts: {"all": parts}, st.lists(inner, max_size=3)),
        st.builds(lambda parts: {"any": parts}, st.lists(inner, max_size=3)),
        st.builds(lambda part: {"not": part}, inner.filter(lambda part: isinstance(part, dict))),
    ),
    max_leaves=8,
)


@given(expressions)
def test_any_condition_comes_back_as_it_was(when: Any) -> None:
    part = {"code": "x", "when": when}
    now, wrong = sent_back(part)
    assert now == part
    assert wrong == {}
    assert text_of(now) == text_of(part)


@given(expressions, st.lists(st.tuples(st.integers(0, 9), st.sampled_from(
    ["up", "down", "into", "out", "remove", "add-test", "add-any"])), max_size=6))  # fmt: skip
def test_whatever_is_moved_stays_a_tree(when: Any, acts: list[tuple[int, str]]) -> None:
    rows = rows_of(when, where="when")
    for place, verb in acts:
        count = len(rows)
        rows, _now = changed(rows, place, verb)
        assert len(rows) == count or verb not in ("up", "down", "into", "out")
        for above, row in zip((None, *rows), rows, strict=False):
            assert row.depth <= (above.depth + above.is_group if above else 0)
        posted = {
            f"when-{n}-{name}": str(getattr(row, name))
            for n, row in enumerate(rows)
            for name in Row.__slots__
        }
        assert posted_rows(posted, "when") == rows


SIX: Any = {
    "code": "six", "name": {"fr": "Six", "en": "Six"},
    "when": {"all": [{"fact": "customer.segment", "is": "consumer"},
                     {"fact": "term_months", "is": 24}]},
    "benefits": [{"kind": "percent_off", "charge": "recurring", "value": 100, "periods": 6,
                  "target": {"fact": "line.kind", "is": "plan"}}],
}  # fmt: skip


def when_after(*acts: str, **typed: str) -> Any:
    """The conditions after acts on their rows, each sent with the fields as they then are."""
    form = form_of(SIX)
    for act in acts:
        form = done(form, act)
    shown = editor(SIX, form, findings=(), wrong={}, vocabulary=WORDS)
    assert shown is not None
    now, wrong = applied(SIX, posted_form(SIX, fields_of(shown) | typed), vocabulary=WORDS)
    assert wrong == {}
    return now.get("when")


def test_rows_are_added_with_the_type_of_their_fact() -> None:
    new = {"when-3-fact": "item.new_line", "when-3-value": "true"}
    first, second = SIX["when"]["all"]
    added = when_after("when - add-test", **new)
    assert added == {"all": [first, second, {"fact": "item.new_line", "is": True}]}
    terms = {"when-3-fact": "term_months", "when-3-operator": "in", "when-3-value": "12, 24"}
    added = when_after("when 0 add-test", **terms)
    assert added["all"][2] == {"fact": "term_months", "in": [12, 24]}
    amount = {"when-3-fact": "cart.list_today", "when-3-operator": "at_least",
              "when-3-value": "99,50"}  # fmt: skip
    assert when_after("when - add-test", **amount)["all"][2] == {
        "fact": "cart.list_today", "at_least": Decimal("99.50"),
    }  # fmt: skip
    size = {"when-3-fact": "handset.", "when-3-detail": "storage_gb", "when-3-value": "128"}
    assert when_after("when - add-test", **size)["all"][2] == {
        "fact": "handset.storage_gb", "is": 128,
    }  # fmt: skip
    other = {"when-3-fact": "", "when-3-detail": "anything.else", "when-3-value": "5G"}
    assert when_after("when - add-test", **other)["all"][2] == {"fact": "anything.else", "is": "5G"}
    gone = {"when-3-fact": "customer.months_to_commitment_end", "when-3-operator": "absent"}
    assert when_after("when - add-test", **gone)["all"][2] == {
        "fact": "customer.months_to_commitment_end", "absent": True,
    }  # fmt: skip


def test_rows_are_moved_removed_and_grouped() -> None:
    first, second = SIX["when"]["all"]
    assert when_after("when 2 up") == {"all": [second, first]}
    assert when_after("when 1 down") == {"all": [second, first]}
    assert when_after("when 1 remove") == {"all": [second]}
    assert when_after("when 0 remove") is None
    assert when_after("when 1 remove", "when 1 out", "when 0 remove") == second
    grouped = when_after("when - add-any", "when 3 up", "when 2 up", "when 2 into", "when 3 into")
    assert grouped == {"all": [{"any": [first, second]}]}
    negated = when_after("when - add-not", "when 3 up", "when 3 into")
    assert negated == {"all": [first, {"not": second}]}


def test_benefits_are_added_changed_moved_and_removed() -> None:
    now, wrong = sent_back(SIX, "benefits - add")
    assert now["benefits"][1] == {"kind": "percent_off", "charge": "recurring"}
    assert wrong == {}
    two = {**SIX, "benefits": [*SIX["benefits"], {"kind": "free_item", "buy": 2,
           "target": {"fact": "line.kind", "is": "accessory"}}]}  # fmt: skip
    assert sent_back(two, "benefits 1 up")[0]["benefits"] == two["benefits"][::-1]
    assert sent_back(two, "benefits 0 remove")[0]["benefits"] == two["benefits"][1:]
    free, wrong = sent_back(two, **{
        "benefits-1-free": "1", "benefits-1-most": "3", "benefits-1-pick": "dearest",
        "benefits-1-value": "50", "benefits-1-target-0-value": "option",
    })  # fmt: skip
    assert wrong == {}
    assert free["benefits"] == [two["benefits"][0], {
        "kind": "free_item", "buy": 2, "free": 1, "most": 3, "pick": "dearest", "value": 50,
        "target": {"fact": "line.kind", "is": "option"}}]  # fmt: skip
    assert compile_promotions([free]).promotions["six"].benefits


def test_more_benefits_than_may_be_added_come_back_too() -> None:
    many = {**SIX, "benefits": SIX["benefits"] * 25}
    assert sent_back(many) == (many, {})
    assert sent_back(many, "benefits - add") == (many, {})


def test_a_price_for_several_is_put_together_from_nothing() -> None:
    """Change the kind: what the new one does not know goes, its parts are added."""
    form = posted_form(SIX, fields_of(shown_of(form_of(SIX))) | {"benefits-0-kind": "bundle_price"})
    for act in (
        "benefits-0-items - add",
        "benefits-0-items - add",
        "benefits-0-items-0-target - add-test",
        "benefits-0-items-1-target - add-test",
    ):
        form = posted_form(SIX, fields_of(shown_of(done(form, act))))
    typed = {
        "benefits-0-value": "29.90", "benefits-0-charge": "one_off", "benefits-0-periods": "",
        "benefits-0-items-0-target-0-fact": "line.code",
        "benefits-0-items-0-target-0-value": "case",
        "benefits-0-items-1-target-0-fact": "line.code",
        "benefits-0-items-1-target-0-value": "buds", "benefits-0-items-1-pieces": "2",
    }  # fmt: skip
    form = posted_form(SIX, fields_of(shown_of(form)) | typed)
    now, wrong = applied(SIX, form, vocabulary=WORDS)
    assert wrong == {}
    assert now["benefits"] == [{
        "kind": "bundle_price", "charge": "one_off", "value": Decimal("29.90"),
        "items": [{"target": {"fact": "line.code", "is": "case"}, "pieces": 1},
                  {"target": {"fact": "line.code", "is": "buds"}, "pieces": 2}]}]  # fmt: skip
    assert compile_promotions([now]).promotions["six"].benefits


def shown_of(form: PromotionForm) -> dict[str, Any]:
    shown = editor(SIX, form, findings=(), wrong={}, vocabulary=WORDS)
    assert shown is not None
    return shown


@pytest.mark.parametrize(
    ("act", "typed", "field", "said"),
    [
        ("", {"when-2-value": "many"}, "when-2-value", "A number."),
        ("", {"when-2-value": ""}, "when-2-value", "Say with what it is compared."),
        ("", {"when-1-fact": "plan."}, "when-1-detail", "Say which."),
        ("", {"when-1-operator": "near"}, "when-1-operator", "Choose one."),
        ("when - add-not", {}, "when-3-form", "Add what must not hold."),
        ("", {"benefits-0-periods": "1.5"}, "benefits-0-periods", "A whole number."),
        ("", {"benefits-0-value": "much"}, "benefits-0-value", "An amount like 19.99."),
        ("", {"priority": "high"}, "priority", "A whole number."),
        ("", {"benefits-0-target-0-value": ""}, "benefits-0-target-0-value",
         "Say with what it is compared."),
    ],
)  # fmt: skip
def test_what_cannot_be_is_told_at_its_field(
    act: str, typed: dict[str, str], field: str, said: str
) -> None:
    assert sent_back(SIX, act, **typed)[1] == {field: said}


def test_the_head_is_kept_dropped_and_made() -> None:
    typed = {"hint-fr": "Avec 24 mois.", "hint-en": "With 24 months.", "reasons": "price, service",
             "trigger-bundles": "pair", "limits-total": "10", "exclusive": "1", "group": "plan",
             "early_exit": "give_back", "valid_from": "2026-12-01"}  # fmt: skip
    now, wrong = sent_back(SIX, **typed)
    assert wrong == {}
    assert now == SIX | {
        "hint": {"fr": "Avec 24 mois.", "en": "With 24 months."}, "reasons": ["price", "service"],
        "trigger": {"bundles": ["pair"]}, "limits": {"total": 10}, "exclusive": True,
        "group": "plan", "early_exit": "give_back", "valid_from": "2026-12-01",
    }  # fmt: skip
    emptied = dict.fromkeys(typed, "") | {"early_exit": "nothing"}
    del emptied["exclusive"]
    shown = editor(now, form_of(now), findings=(), wrong={}, vocabulary=WORDS)
    assert shown is not None
    fields = {k: v for k, v in fields_of(shown).items() if k != "exclusive"} | emptied
    assert applied(now, posted_form(now, fields), vocabulary=WORDS) == (SIX, {})


def test_a_row_whose_origin_is_gone_says_so() -> None:
    rows = (Row("written", was="when.all[7]", value="?"),)
    assert expression_of(rows, part=SIX, vocabulary=WORDS)[1] == {
        (0, "form"): "This is no longer there. Remove it."
    }
