# ruff: noqa: E501  (one fault a line)
"""Rules of next best offers: when they hold, what they say of it, and what the import refuses."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from catalogue.domain.expressions import parse
from catalogue.domain.model import Kind, Text
from catalogue.importer.loader import load
from catalogue.importer.sources import CatalogueInvalid
from commerce.kernel.money import Money
from commerce.ordering.domain.next_offers import (
    Answered,
    Holding,
    Lead,
    OfferState,
    Prepared,
    prepare,
    rests,
    sentence,
    with_phone,
)
from promotions.domain.model import CustomerFacts
from promotions.domain.next_offers import (
    Due,
    LineFacts,
    NextOfferRule,
    Proposal,
    compile_next_offers,
    due,
)
from tests.unit.catalogue.catalogues import SMALL, line_of, written
from tests.unit.catalogue.test_importer import DAY
from tests.unit.ordering.guide import AT, LINE, bundles, demo, price, sale

PHONE = {"handset.code": "ardoval-x2-128-nuit", "handset.family": "ardoval-x2"}
RULES = compile_next_offers(demo().next_offers)
NOBODY = CustomerFacts(known=True)
RULE = NextOfferRule(
    code="r", version=1, reason="any", name=Text({}), text=Text({}), say=Text({}), when=parse(None, where=""),
    proposes=Proposal("add", None, parse(None, where=""), None), cool_down_days=60,
)  # fmt: skip

YAML = """\
next_offers:
  - code: again
    version: 2
    reason: ends
    name: {fr: Encore, en: Again}
    text: {fr: Texte, en: Text}
    say: {fr: Dire, en: Say}
    when: {all: [{fact: line.days_to_commitment_end, at_most: 90}, {fact: plan.level, at_least: 1}]}
    proposes: {journey: renew, kind: plan, offerings: {fact: plan.level, at_least: 1}}
"""
FAULTS = [
    ("no such fact", "line.days_to_commitment_end", "line.days_left", "next_offers[0].when.all[0]", "the fact line.days_left"),
    ("no such journey", "journey: renew", "journey: renw", "next_offers[0].proposes.journey", "called renw"),
    ("a journey of a new line", "journey: renew", "journey: plan", "next_offers[0].proposes.journey", "called plan"),
    ("nothing fits", "offerings: {fact: plan.level, at_least: 1}", "offerings: {fact: plan.level, at_least: 9}", "next_offers[0].proposes.offerings", "No plan fits"),
    ("no such promotion", "journey: renew,", "journey: renew, promotion: half,", "next_offers[0].proposes.promotion", "no promotion half"),
    ("a text in one language", "say: {fr: Dire, en: Say}", "say: {fr: Dire}", "next_offers[0].say.en", "required"),
    ("no such channel", "    version: 2", "    version: 2\n    channels: [shop]", "next_offers[0].channels[0]", "'web', 'call_centre'"),
    ("no operator", "at_most: 90", "before: 90", "next_offers[0].when.all[0]", "exactly one of"),
]  # fmt: skip


def codes(line: LineFacts, channel: str = "web") -> list[str]:
    return [d.rule.code for d in due(RULES, customer=NOBODY, line=line, channel=channel, at=AT)]


@pytest.mark.parametrize(
    ("left", "expected"),
    [(90, ["renew-at-half-price"]), (91, []), (0, ["renew-at-half-price"]), (-1, []), (None, [])],
)
def test_a_renewal_is_proposed_in_the_last_ninety_days(
    left: int | None, expected: list[str]
) -> None:
    assert codes(LineFacts({}, days_to_commitment_end=left)) == expected


def test_a_phone_without_a_case_asks_for_one_the_first_half_year() -> None:
    bare = LineFacts(PHONE, phone_days=0, active=False)
    assert codes(bare) == ["case-for-your-phone", "screen-protector"]
    assert codes(replace(bare, with_phone=("case",))) == ["screen-protector"]
    assert codes(replace(bare, phone_days=181)) == []


def test_a_rule_says_what_it_looked_at() -> None:
    line = LineFacts({}, days_to_commitment_end=41)
    (found,) = due(RULES, customer=NOBODY, line=line, channel="web", at=AT)
    assert found.because == {
        "customer.segment": "consumer",
        "line.active": "true",
        "line.days_to_commitment_end": "41",
    }
    assert found.rule.reason == "commitment_ends"


def test_channel_and_validity_decide_whether_a_rule_runs() -> None:
    rule = replace(RULE, channels=frozenset({"web"}), valid_from=AT, valid_until=AT + timedelta(1))
    assert rule.runs(channel="web", at=AT)
    assert not rule.runs(channel="call_centre", at=AT)
    assert not rule.runs(channel="web", at=AT - timedelta(seconds=1))
    assert not rule.runs(channel="web", at=AT + timedelta(1))


@pytest.mark.parametrize(
    ("earlier", "days", "expected"),
    [
        (Answered(OfferState.DECLINED, AT, AT), 59, True),
        (Answered(OfferState.DECLINED, AT, AT), 60, False),
        (Answered(OfferState.ACCEPTED, AT + timedelta(10), AT), 9, True),
        (Answered(OfferState.ACCEPTED, AT + timedelta(10), AT), 10, False),
        (Answered(OfferState.OPEN, AT + timedelta(10)), 9, False),
        (Answered(OfferState.OPEN, AT + timedelta(10)), 10, True),
        (Answered(OfferState.LAPSED, AT), 60, False),
    ],
)
def test_after_an_answer_or_none_a_rule_rests(earlier: Answered, days: int, expected: bool) -> None:
    assert rests(RULE, [earlier], at=AT + timedelta(days=days)) is expected


def offered(
    code: str, *, on: date = date(2026, 11, 23), holding: Holding | None = None
) -> Prepared | None:
    rule = next(rule for rule in RULES if rule.code == code)
    line = holding or Holding(LINE, "F-1", "g1", LineFacts({}), {"plan": Money.of("9.99")})
    return prepare(Due(rule, {}), line, sale=sale(), bundles=bundles(), price=price, on=on)


def test_the_renewal_costs_half_for_six_months_to_the_cent() -> None:
    """9.99 at 24 months: 5.00 taken off six times (half of 9.99 is 4.995, half-up), 30.00 in all."""
    found = offered("renew-at-half-price")
    assert found is not None
    amounts = [
        (phase.first, phase.periods, str(phase.amount.amount)) for phase in found.quote.monthly
    ]
    assert amounts == [(1, 6, "4.99"), (7, None, "9.99")]
    assert found.saving == Money.of("30.00")
    assert found.change.first_month == Money.of("-5.00")
    assert found.change.lasting_month == Money.of("0.00")
    assert found.change.total == Money.of("-30.00")
    assert found.lead == Lead("renew", "plan", 7)
    assert found.standing is None


def test_before_the_last_ninety_days_no_renewal_is_made() -> None:
    assert offered("renew-at-half-price", on=date(2026, 10, 3)) is None


def test_a_case_that_fits_the_phone_is_chosen_and_priced() -> None:
    line = replace(LINE, has={**LINE.has, "handset": ("ardoval-x2-128-nuit",)})
    holding = Holding(line, "F-1", "g1", LineFacts({}), {})
    found = offered("case-for-your-phone", holding=holding)
    assert found is not None
    assert found.lead == Lead("add", "extras", 7, "accessory", "coque-ardoval-x2")
    assert found.change.today == Money.of("24.90")
    assert found.change.total == Money.of("24.90")
    text = sentence(found.due.rule.text, found.values, day=lambda day, _: day.isoformat())
    assert (
        text.in_("en") == "Soft case for Ardoval X2: made for your Ardoval X2, which has none yet."
    )


def test_where_no_case_fits_nothing_is_proposed() -> None:
    assert offered("case-for-your-phone") is None


def test_only_accessories_that_fit_the_phone_count_as_being_with_it() -> None:
    phone = demo().offering("ardoval-x2-128-nuit")
    owned = ["coque-noctile", "coque-ardoval-x2", "chargeur-30w", "horizon-130"]
    found = with_phone(owned, phone, catalogue=demo(), segment="consumer")
    assert found == ("case", "charger")
    assert with_phone(owned, None, catalogue=demo(), segment="consumer") == ()


def test_the_demo_rules_stand_in_the_release_as_written() -> None:
    assert [(rule.code, rule.version, rule.proposes.journey) for rule in RULES] == [
        ("renew-at-half-price", 1, "renew"),
        ("case-for-your-phone", 1, "add"),
        ("screen-protector", 1, "add"),
        ("more-data", 1, "add"),
    ]
    assert RULES[1].proposes.kind is Kind.ACCESSORY


@pytest.mark.parametrize(("what", "good", "bad", "field", "message"), FAULTS)
def test_a_wrong_rule_is_refused_where_it_stands(
    tmp_path: Path, what: str, good: str, bad: str, field: str, message: str
) -> None:
    text = SMALL + YAML.replace(good, bad, 1)
    assert text != SMALL + YAML, what
    with pytest.raises(CatalogueInvalid) as raised:
        load(written(tmp_path, text), on=DAY)
    found = [p for p in raised.value.problems if p.field == field and message in p.message]
    assert found, raised.value.problems
    assert found[0].line > line_of(text, "next_offers:")
