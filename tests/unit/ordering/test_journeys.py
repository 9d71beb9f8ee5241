"""Journeys come out of the slots; answers rank and hide nothing; differences count everything."""

from datetime import date

import pytest

from catalogue.domain.model import Kind, Segment, Slot
from commerce.kernel.money import Money
from commerce.ordering.domain import journey as step
from commerce.ordering.domain.answers import Answers
from commerce.ordering.domain.drafts import missing, standing
from commerce.ordering.domain.journeys import journeys, ways_of
from commerce.ordering.domain.simulation import Usage
from tests.unit.ordering.guide import (
    LINE,
    X2,
    all_journeys,
    bundles,
    candidate,
    demo,
    journey,
    laid,
    price,
    seen,
)


def test_the_ways_in_come_out_of_the_bundles_on_sale() -> None:
    found = {
        each.entry.code: ([b.code for b in each.bundles], [way.code for way in each.ways])
        for each in all_journeys()
    }
    assert found == {
        "handset": (["handset-and-plan"], ["handset", "plan", "extras", "sim"]),
        "plan": (["handset-and-plan"], ["plan", "handset", "extras", "sim"]),
        "pack": (["home-office"], ["handset", "plan", "extras", "sim"]),
        "lines": (["duo-pack/first"], ["handset", "plan", "extras", "sim"]),
        "keep-handset": (["plan-only"], ["plan", "extras", "sim"]),
        "kit": (["sound-kit", "work-kit", "leisure-kit"], ["extras"]),
        "add": (["handset-and-plan", "plan-only"], ["extras"]),
        "change-plan": (["handset-and-plan", "plan-only"], ["plan"]),
        "renew": (["handset-and-plan", "plan-only"], ["handset", "plan", "extras"]),
    }


def test_a_business_has_the_same_ways_in_through_its_own_bundle() -> None:
    codes = {each.entry.code for each in all_journeys(Segment.BUSINESS)}
    assert codes == {"handset", "plan", "keep-handset", "add", "change-plan", "renew"}
    # The fleet line takes a phone or none: both ways lead through it.
    assert [b.code for b in journey("keep-handset", Segment.BUSINESS).bundles] == ["fleet-line"]
    steps = [way.code for way in journey("handset", Segment.BUSINESS).ways]
    assert steps == ["handset", "plan", "extras", "sim"]


def test_a_new_slot_is_a_new_step_without_any_code() -> None:
    slots = (
        Slot("plan", Kind.PLAN, 1, 1),
        Slot("sim", Kind.SIM, 1, 1),
        Slot("second-screen", Kind.HANDSET, 0, 1),
        Slot("option", Kind.OPTION, 0, 4),
    )
    assert [way.code for way in ways_of(slots)] == ["plan", "second-screen", "extras", "sim"]


def test_the_first_phone_is_shown_with_what_goes_with_it() -> None:
    view = seen("handset", "handset", {}, among=["ardoval-x2-128-nuit", "ardoval-a5-128-nuit"])
    phone = candidate(view, "ardoval-x2-128-nuit")
    # 219.00 with a plan for 24 months, 15.00 activation, 1.00 eSIM; then 18 months at 19.99.
    assert phone.difference.today == Money.of("235.00")
    assert phone.difference.lasting_month == Money.of("19.99")
    assert phone.difference.total == Money.of("594.82")
    assert [c.key for c in phone.changes] == ["plan:>horizon-130@24", "sim:>esim@0"]
    assert phone.consequences == ()
    # The other phone takes no eSIM, and Essentiel is enough for its reduced price.
    plain = candidate(view, "ardoval-a5-128-nuit")
    assert [c.after for c in plain.changes] == ["essentiel-40", "carte-sim"]


def test_every_alternative_says_what_it_changes_with_all_promotions() -> None:
    view = seen("handset", "plan", X2)
    dearer = candidate(view, "grand-large-300")
    assert dearer.difference.lasting_month == Money.of("10.00")
    # 18 of 24 months are paid, at 10.00 more.
    assert dearer.difference.total == Money.of("180.00")
    assert dearer.difference.today == Money.zero()


def test_what_cannot_be_chosen_says_why_and_the_way_out() -> None:
    view = seen("handset", "plan", X2)
    refusal = candidate(view, "essentiel-40").refusal
    assert refusal is not None
    assert refusal.code == "reduced-price-level-3"
    assert "5G" in refusal.message.in_("en")
    assert refusal.way_out.in_("fr")
    # Without commitment there is no reduced price to protect.
    free = candidate(seen("handset", "plan", X2, term=0), "essentiel-40")
    assert free.refusal is None


def test_accessories_fit_the_chosen_phone_only() -> None:
    view = seen("handset", "accessory", X2)
    assert candidate(view, "coque-ardoval-x2").refusal is None
    refused = {c.offering.code for c in view.candidates if c.refusal is not None}
    assert {"coque-noctile", "etui-noctile-pli", "coque-ombrine-s1"} <= refused
    assert "chargeur-30w" not in refused


def test_of_many_accessories_the_first_are_compared_and_those_between_say_why_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chosen = X2 | {"accessory": ("chargeur-67w",)}
    all_of_them = seen("handset", "accessory", chosen)
    monkeypatch.setattr(step, "MOST_COMPARED", 3)
    first = seen("handset", "accessory", chosen)
    in_order = sorted(
        all_of_them.candidates,
        key=lambda each: (not each.chosen, each.offering.rank, each.offering.code),
    )
    fitting = [each for each in in_order if each.refusal is None][:3]
    before = in_order[: in_order.index(fitting[-1])]
    refused = [each for each in before if each.refusal is not None][:3]
    assert {each.offering.code for each in first.candidates} == {
        each.offering.code for each in fitting + refused
    }
    assert len(refused) > 0
    assert [each.offering.code for each in first.chosen] == ["chargeur-67w"]
    assert (all_of_them.more, first.more) == (0, len(in_order) - len(fitting + refused))


def test_answers_rank_and_leave_nothing_out() -> None:
    free = seen("handset", "plan", X2)
    asked = seen(
        "handset",
        "plan",
        X2,
        answers=Answers(budget=Money.of("25.00"), usage=Usage(data_gb=60, minutes=100)),
    )
    assert {c.offering.code for c in free.candidates} == {c.offering.code for c in asked.candidates}
    assert [c.offering.code for c in free.candidates][:3] == [
        "horizon-130", "grand-large-300", "plein-ciel-600",
    ]  # fmt: skip
    best = asked.candidates[0]
    assert best.offering.code == "horizon-130"
    assert [r.code for r in best.reasons] == ["best_for_usage", "within_budget", "cheapest"]
    over = candidate(asked, "grand-large-300")
    assert [(m.code, dict(m.values)) for m in over.misses] == [("over_budget", {"over": "4.99"})]


def test_a_wished_make_comes_first() -> None:
    among = ["ardoval-x2-128-nuit", "halvik-terra-128-argile", "noctile-un-128-craie"]
    view = seen("handset", "handset", {}, among=among, answers=Answers(brands=("Halvik",)))
    # Of the two others, the cheaper one in total leads.
    assert [c.offering.code for c in view.candidates] == [
        "halvik-terra-128-argile", "noctile-un-128-craie", "ardoval-x2-128-nuit",
    ]  # fmt: skip
    assert [m.code for m in view.candidates[1].misses] == ["other_brand"]
    assert view.questions[-1].code == "brand"
    assert view.questions[-1].options == ("Ardoval", "Halvik", "Noctile")


def test_a_make_is_asked_of_phones_alone() -> None:
    answers = Answers(brands=("Halvik",))
    assert seen("handset", "plan", X2, answers=answers) == seen("handset", "plan", X2)
    assert seen("handset", "accessory", X2, answers=answers) == seen("handset", "accessory", X2)


def test_ranking_is_the_same_whatever_the_order_of_the_catalogue() -> None:
    codes = [o.code for o in demo().of_kind(Kind.PLAN)]
    answers = Answers(budget=Money.of("20.00"), usage=Usage(data_gb=30))
    one = seen("keep-handset", "plan", {}, among=codes, answers=answers)
    other = seen("keep-handset", "plan", {}, among=codes[::-1], answers=answers)
    assert one == other


def test_a_renewal_costs_no_activation_and_no_sim_and_says_what_keeping_the_phone_saves() -> None:
    view = seen("renew", "handset", {}, line=LINE, among=["ardoval-x2-128-nuit"])
    phone = candidate(view, "ardoval-x2-128-nuit")
    # 219.00 and nothing else today; the 5G plan follows, 10.00 a month dearer for 24 months.
    assert phone.difference.today == Money.of("219.00")
    assert [c.key for c in phone.consequences] == ["plan:essentiel-40>horizon-130@24"]
    # Six months are at half price: 6 * 10.00 off the one, 6 * 5.00 off the other: 30.00 less.
    assert phone.difference.total == Money.of("429.00")
    # The new line's six free months are not a renewal's.
    assert [a.code for a in phone.quote.applied] == ["renew-half"]


def test_a_renewal_without_a_phone_knows_the_phone_that_the_line_has() -> None:
    view = seen("renew", "plan", {}, line=LINE)
    assert view.bundle.code == "plan-only"
    refusal = candidate(view, "horizon-130").refusal
    assert refusal is not None
    # The Ardoval A5 of the line stops at 4G.
    assert refusal.code == "network-5g"


def test_what_joins_a_line_fits_the_phone_that_it_has_and_costs_what_it_costs_singly() -> None:
    view = seen("add", "accessory", {}, line=LINE)
    refusal = candidate(view, "coque-ardoval-x2").refusal
    assert refusal is not None
    assert refusal.code == "accessory-fits-model"
    assert candidate(view, "chargeur-30w").difference.today == Money.of("19.90")


def test_a_line_may_be_renewed_in_the_last_90_days_of_its_commitment() -> None:
    reason = standing(journey("renew"), LINE, on=date(2026, 10, 3))
    assert reason is not None
    assert reason.code == "renewal_not_yet"
    assert standing(journey("renew"), LINE, on=date(2026, 10, 4)) is None


def test_an_old_address_loses_what_is_no_longer_sold_and_says_what_is_missing() -> None:
    found = laid("handset", {"handset": ("gone",), "plan": ("horizon-130",), "engine": ("x",)})
    assert [line.offering for line in found.cart.lines] == ["horizon-130"]
    assert missing(found, journey("handset")) == ("handset", "sim")
    assert price(found.cart).due_today == Money.of("15.00")


def test_bundles_in_bundles_have_a_way_of_their_own_and_change_no_other() -> None:
    sold = bundles(Segment.CONSUMER)
    before = {each.entry.code: each for each in journeys(sold[:2], own_line=True)}
    assert [bundle.nests for bundle in sold[:2]] == [(), ()]
    after = {each.entry.code: each for each in journeys(sold, own_line=True)}
    assert after.keys() - before.keys() == {"pack", "lines", "kit"}
    for code, known in before.items():
        assert after[code].ways == known.ways
        assert after[code].bundles == known.bundles
    assert [bundle.code for bundle in after["pack"].bundles] == ["home-office"]
    assert [way.code for way in after["pack"].ways] == [
        "handset", "plan", "extras", "sim",
    ]  # fmt: skip
