"""A bundle stays valid under every change of a slot, or says what must change with it."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from catalogue.domain.model import Kind, Offering
from commerce.kernel.money import Money
from commerce.ordering.domain.adapting import refusal_of
from commerce.ordering.domain.cart import CartValue
from commerce.ordering.domain.checks import blocking, issues
from commerce.ordering.domain.drafts import GROUP
from commerce.ordering.domain.journey import choose, step_in
from commerce.ordering.domain.journeys import ways_of
from tests.unit.ordering.guide import AT, X2, bundles, candidate, demo, laid, seen


def test_a_smaller_phone_takes_the_plan_and_the_sim_with_it_and_drops_the_case() -> None:
    choices = {**X2, "accessory": ("coque-ardoval-x2", "chargeur-30w")}
    phone = candidate(seen("handset", "handset", choices), "ardoval-a5-128-nuit")
    assert phone.refusal is None
    assert [(c.role, c.before, c.after) for c in phone.consequences] == [
        ("plan", "horizon-130", "essentiel-40"),
        ("accessory", "coque-ardoval-x2", None),
        ("sim", "esim", "carte-sim"),
    ]
    reasons = [c.reason.code for c in phone.consequences if c.reason is not None]
    assert reasons == ["network-5g", "accessory-fits-model", "esim-supported"]
    # 49.00 for 219.00, the SIM card for the eSIM (10.00 for 1.00), no case (24.90 less 20 %).
    assert phone.difference.today == Money.of("-180.92")
    assert phone.confirmation == (
        "plan:horizon-130>essentiel-40@24,accessory:coque-ardoval-x2>@0,sim:esim>carte-sim@0"
    )


def test_as_little_as_possible_changes() -> None:
    phone = candidate(seen("handset", "handset", X2), "ardoval-x2-grand-256-encre")
    # It needs 300 GB for its reduced price: the nearest plan, not the dearest, the same term.
    assert [c.key for c in phone.consequences] == ["plan:horizon-130>grand-large-300@24"]


def test_what_was_chosen_earlier_stands() -> None:
    # On the way that begins with the plan, a phone that needs another plan is refused ...
    choices = {"plan": ("essentiel-40",), "sim": ("esim",)}
    refused = candidate(seen("plan", "handset", choices), "ardoval-x2-128-nuit")
    assert refused.refusal is not None
    assert refused.refusal.code == "reduced-price-level-3"
    # ... and a plan that the phone does not go with leaves the phone to be chosen again.
    both = {**choices, "plan": ("horizon-130",), "handset": ("ardoval-x2-128-nuit",)}
    smaller = candidate(seen("plan", "plan", both), "essentiel-40")
    assert [(c.role, c.after) for c in smaller.consequences] == [("handset", None)]


def test_the_number_that_was_said_stays_with_the_plan_that_follows() -> None:
    found = laid("handset", X2)
    said = {"number_choice": "port", "msisdn": "0639981234", "rio": "02PA1B2C3RE+"}
    lines = tuple(
        replace(line, config=said) if line.role == "plan" else line for line in found.cart.lines
    )
    step = step_in(
        replace(found.cart, lines=lines), group=GROUP, role="handset", term=None,
        catalogue=demo(), at=AT,
    )  # fmt: skip
    made = choose(step, demo().offering("ardoval-a5-128-nuit"))
    plan = next(line for line in made.lines if line.role == "plan")
    assert (plan.offering, plan.config) == ("essentiel-40", said)


def candidates_of(kind: Kind) -> list[Offering]:
    return sorted(demo().of_kind(kind), key=lambda o: o.code)


@settings(max_examples=200)
@given(data=st.data())
def test_random_walks_through_the_slots_never_leave_an_invalid_bundle(data: st.DataObject) -> None:
    bundle = data.draw(st.sampled_from(bundles()), label="bundle")
    cart = CartValue("", (), next(iter(bundle.segments)), "web", bundles={GROUP: bundle.code})
    ways = ways_of(bundle.slots)
    for number in range(data.draw(st.integers(1, 12), label="length")):
        role = data.draw(st.sampled_from([r for way in ways for r in way.roles]), label="role")
        step = step_in(
            cart,
            group=GROUP,
            role=role,
            term=data.draw(st.sampled_from([None, 0, 12, 24]), label="term"),
            catalogue=demo(),
            at=AT,
        )
        wanted = data.draw(st.sampled_from(candidates_of(step.slot.kind)), label="offering")
        if not step.ground.sells(wanted) or len(step.there) >= step.slot.maximum > 1:
            continue
        made = choose(step, wanted)
        if made.refusal is not None:
            assert made.refusal.message.in_("fr")
            assert made.refusal.way_out.in_("en")
            continue
        assert refusal_of(step.ground, made.lines) is None
        rivals = {line.role for line in step.rivals}
        assert all(each.role in {*step.later, *rivals} for each in made.changes)
        assert all(each.reason is not None for each in made.consequences)
        kept = {line.id: line for line in made.lines}
        told = {each.role for each in made.consequences}
        for line in cart.lines:
            assert kept.get(line.id) == line or line.role in {role, *told}
        named = [replace(line, id=f"{number}-{place}") for place, line in enumerate(made.lines)]
        cart = replace(cart, lines=tuple(named))
        wrong = blocking(issues(cart, catalogue=demo(), at=AT))
        assert wrong is None, wrong
