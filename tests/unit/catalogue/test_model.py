"""Charges, expressions, rules and search, on the demo catalogue."""

from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogue.domain.document import decoded, digest_of, encoded
from catalogue.domain.expressions import Facts, parse
from catalogue.domain.model import ChargeKind, Kind, Segment, Snapshot, refusals
from catalogue.importer.loader import load
from commerce.kernel.errors import InvalidInput, NotFound
from commerce.kernel.money import Money
from tests.unit.catalogue.catalogues import DEMO

AT = datetime(2026, 11, 22, 9, tzinfo=UTC)
X2, A5 = "ardoval-x2-128-lilas", "ardoval-a5-128-nuit"
C9, CARNET = "celanthe-c9-256-cuivre", "ombrine-carnet-512-encre"
CONSUMER, BUSINESS = Segment.CONSUMER, Segment.BUSINESS


@cache
def shop() -> Snapshot:
    return load(DEMO, on=date(2026, 11, 22)).snapshot


@pytest.mark.parametrize(
    ("case", "segment", "term", "bundle", "expected"),
    [
        ("alone, the list price", CONSUMER, 0, None, "549.00"),
        ("a commitment alone changes nothing", CONSUMER, 24, None, "549.00"),
        ("in the bundle with 24 months", CONSUMER, 24, "handset-and-plan", "219.00"),
        ("in the bundle with 12 months", CONSUMER, 12, "handset-and-plan", "399.00"),
        ("in the bundle without commitment", CONSUMER, 0, "handset-and-plan", "549.00"),
        ("business, without tax", BUSINESS, 0, None, "457.50"),
        ("business in a fleet with 24 months", BUSINESS, 24, "fleet-line", "182.50"),
    ],
)
def test_the_most_specific_charge_wins(
    case: str, segment: Segment, term: int, bundle: str | None, expected: str
) -> None:
    handset = shop().offering("ardoval-x2-128-lilas")
    (charge,) = handset.charges_for(segment=segment, term=term, bundle=bundle, at=AT)
    assert charge.amount == Money.of(expected), case


@pytest.mark.parametrize(("term", "monthly"), [(0, "24.99"), (12, "22.99"), (24, "19.99")])
def test_a_commitment_lowers_the_month(term: int, monthly: str) -> None:
    charges = (
        shop().offering("horizon-130").charges_for(segment=CONSUMER, term=term, bundle=None, at=AT)
    )
    assert {charge.code: charge.amount for charge in charges} == {
        "monthly": Money.of(monthly),
        "activation": Money.of("15.00"),
    }


def test_a_video_service_is_taxed_in_two_parts() -> None:
    charges = (
        shop().offering("lanterne-video").charges_for(segment=CONSUMER, term=0, bundle=None, at=AT)
    )
    rates = {charge.code: shop().tax_rates[charge.tax_class] for charge in charges}
    assert rates == {"channels": Decimal("10"), "platform": Decimal("20")}
    assert shop().tax_rates["press"] == Decimal("2.1")


def test_what_is_not_sold_is_said_by_its_code() -> None:
    with pytest.raises(NotFound) as refused:
        shop().offering("imaginary")
    assert (refused.value.code, refused.value.detail["offering"]) == (
        "unknown_offering",
        "imaginary",
    )


def bundle_facts(**codes: str) -> Facts:
    facts: dict[str, object] = {"bundle.code": "handset-and-plan", "term_months": 24}
    for role, code in codes.items():
        facts |= shop().offering(code).facts(role=role)
    return facts  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("handset", "plan", "sim", "accessory", "broken"),
    [
        (X2, "horizon-130", "esim", "coque-ardoval-x2", []),
        (A5, "horizon-130", "carte-sim", "chargeur-30w", ["network-5g"]),
        (A5, "essentiel-40", "esim", "chargeur-30w", ["esim-supported"]),
        (CARNET, "plein-ciel-600", "carte-sim", "chargeur-30w", ["sim-slot"]),
        (X2, "essentiel-40", "esim", "chargeur-30w", ["reduced-price-level-3"]),
        (C9, "horizon-130", "esim", "chargeur-30w", ["reduced-price-level-4"]),
        (X2, "horizon-130", "esim", "coque-noctile", ["accessory-fits-model"]),
        (X2, "horizon-130", "esim", "chargeur-magnetique", ["accessory-needs-magnet"]),
        (C9, "grand-large-300", "esim", "chargeur-magnetique", []),
    ],
)  # fmt: skip
def test_what_does_not_go_together_is_refused_with_a_way_out(
    handset: str, plan: str, sim: str, accessory: str, broken: list[str]
) -> None:
    facts = bundle_facts(handset=handset, plan=plan, sim=sim, accessory=accessory)
    found = refusals(shop().rules, facts=facts)
    assert [refusal.code for refusal in found] == broken
    assert all(refusal.way_out.in_("fr") and refusal.way_out.in_("en") for refusal in found)


def test_the_same_pair_goes_without_commitment() -> None:
    facts = {**bundle_facts(handset="ardoval-x2-128-lilas", plan="essentiel-40"), "term_months": 0}
    assert refusals(shop().rules, facts=facts) == ()


@pytest.mark.parametrize(
    ("expression", "holds"),
    [
        (None, True),
        ({"fact": "n", "is": 3}, True),
        ({"fact": "n", "is_not": 3}, False),
        ({"fact": "n", "in": [1, 3]}, True),
        ({"fact": "n", "at_least": 4}, False),
        ({"fact": "n", "at_most": Decimal("3.5")}, True),
        ({"fact": "list", "includes": "b"}, True),
        ({"fact": "list", "includes_fact": "word"}, True),
        ({"fact": "list", "includes_fact": "missing"}, False),
        ({"fact": "missing", "absent": True}, True),
        ({"fact": "missing", "is_not": 1}, False),
        ({"not": {"fact": "n", "is": 3}}, False),
        ({"all": []}, True),
        ({"any": []}, False),
        ({"any": [{"fact": "n", "is": 1}, {"fact": "word", "is": "b"}]}, True),
    ],
)
def test_an_expression_holds_or_not(expression: object, holds: bool) -> None:
    facts: Facts = {"n": 3, "list": ("a", "b"), "word": "b"}
    assert parse(expression).holds(facts) is holds


@pytest.mark.parametrize(
    ("expression", "field"),
    [
        ("plan", "when"),
        ({"fact": "n"}, "when"),
        ({"fact": "n", "like": 1}, "when"),
        ({"all": [{"fact": "n", "is": 1}, 7]}, "when.all[1]"),
    ],
)
def test_nonsense_is_refused_where_it_stands(expression: object, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse(expression)
    assert refused.value.detail["field"] == field


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text() | st.decimals(allow_nan=False),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(min_size=1), inner),
        max_leaves=8,
    )
)
def test_a_document_comes_back_as_it_went(value: object) -> None:
    if isinstance(value, dict) and value.keys() == {"decimal"}:
        return
    assert decoded(encoded(value)) == value
    assert digest_of({"a": encoded(value)}) == digest_of({"a": encoded(value)})


def test_plans_are_charged_monthly_and_once() -> None:
    for plan in shop().of_kind(Kind.PLAN):
        kinds = [(charge.code, charge.kind) for charge in plan.charges]
        assert ("activation", ChargeKind.ONE_OFF) in kinds
        assert ("monthly", ChargeKind.RECURRING) in kinds
