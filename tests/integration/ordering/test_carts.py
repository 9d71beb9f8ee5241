"""Filling carts: the rules judge every change, and a refusal leaves the cart as it was."""

from datetime import date, timedelta

import pytest

from catalogue.domain.model import Kind
from catalogue.selectors import current_snapshot
from commerce.kernel.clock import business_time_fixed
from commerce.kernel.errors import Conflict, InvalidInput, NotFound, RuleViolated
from commerce.ordering.domain.numbering import Keep, NumberChoice
from commerce.ordering.models import Cart
from commerce.ordering.selectors import cart_view
from commerce.ordering.services import carts
from tests.integration.ordering.conftest import AT
from tests.integration.ordering.people import KEPT, bundle_cart, customer, visitor

pytestmark = pytest.mark.django_db


def handset(network: str = "5G", *, level: int = 2) -> str:
    """A handset of the catalogue by what it can do."""
    found = [
        offering.code
        for offering in current_snapshot().of_kind(Kind.HANDSET)
        if (network in offering.characteristics["network"])  # type: ignore[operator]
        and ("5G" in offering.characteristics["network"]) == (network == "5G")  # type: ignore[operator]
        and offering.characteristics.get("esim") is True
        and offering.characteristics.get("subsidy_level") == level
    ]
    return min(found)


@pytest.fixture
def code(shop: object) -> str:
    return bundle_cart(visitor(), handset=handset())


def test_a_visitor_keeps_one_open_cart(shop: object) -> None:
    code = carts.open_cart(visitor())

    assert carts.open_cart(visitor()) == code
    assert carts.open_cart(visitor("v-2")) != code
    assert carts.begin_cart(visitor()).code != code


def test_a_bundle_is_priced_at_every_step(code: str) -> None:
    view = cart_view(visitor(), code=code)

    assert [(line.role, line.term) for line in view.quote.lines] == [
        ("handset", 24),
        ("plan", 24),
        ("sim", 24),
    ]
    assert [applied.code for applied in view.quote.applied] == ["six-free"]
    assert view.issues == ()
    assert view.orderable


def test_what_is_still_to_be_chosen_is_said_and_not_scolded(shop: object) -> None:
    code = carts.open_cart(visitor())
    carts.put_bundle(
        visitor(), code=code, bundle="handset-and-plan", choices={"handset": handset()}
    )

    found = cart_view(visitor(), code=code)

    assert [(issue.code, issue.role) for issue in found.issues] == [
        ("slot_missing", "plan"),
        ("slot_missing", "sim"),
    ]
    assert not found.orderable


def test_an_incompatible_pair_is_refused_with_the_rule_and_a_way_out(shop: object) -> None:
    code = carts.open_cart(visitor())
    four_g = next(
        o.code
        for o in current_snapshot().of_kind(Kind.HANDSET)
        if "5G" not in o.characteristics["network"]  # type: ignore[operator]
    )
    group = carts.put_bundle(
        visitor(), code=code, bundle="handset-and-plan", choices={"handset": four_g}
    ).result

    with pytest.raises(RuleViolated) as refused:
        carts.choose(visitor(), code=code, group=group, role="plan", offering="horizon-130", term=0)

    assert refused.value.code == "incompatible"
    assert refused.value.detail["rule"] == "network-5g"
    assert "4G" in refused.value.detail["way_out"]["en"]
    assert [line.role for line in cart_view(visitor(), code=code).quote.lines] == ["handset"]


def test_choosing_again_replaces_what_can_be_there_once(code: str) -> None:
    group = cart_view(visitor(), code=code).quote.lines[0].group
    plan = next(line for line in cart_view(visitor(), code=code).quote.lines if line.role == "plan")
    carts.choose_number(visitor(), code=code, line_id=plan.id, choice=KEPT)

    again = carts.choose(
        visitor(), code=code, group=group, role="plan", offering="grand-large-300", term=24
    ).result

    view = cart_view(visitor(), code=code)
    assert again == plan.id
    assert [ln.offering for ln in view.quote.lines if ln.role == "plan"] == ["grand-large-300"]
    assert view.configs[again]["rio"] == "02PA1B2C3RE+"


@pytest.mark.parametrize("quantity", [0, -1, 1000, 10**6])
def test_quantities_out_of_range_are_refused(code: str, quantity: int) -> None:
    line = cart_view(visitor(), code=code).quote.lines[0].id
    before = Cart.objects.get(code=code).version

    with pytest.raises(RuleViolated) as refused:
        carts.change_line(visitor(), code=code, line_id=line, quantity=quantity)

    assert refused.value.code == "quantity_out_of_range"
    assert Cart.objects.get(code=code).version == before


def test_two_handsets_do_not_fit_into_a_bundle_for_one(code: str) -> None:
    line = cart_view(visitor(), code=code).quote.lines[0].id

    with pytest.raises(RuleViolated) as refused:
        carts.change_line(visitor(), code=code, line_id=line, quantity=2)

    assert refused.value.code == "slot_full"


def test_an_unknown_offering_is_not_found(code: str) -> None:
    with pytest.raises(NotFound) as refused:
        carts.add_line(visitor(), code=code, offering="unheard-of")
    assert refused.value.code == "unknown_offering"


def test_a_kept_number_is_checked_by_its_key(code: str) -> None:
    plan = next(line for line in cart_view(visitor(), code=code).quote.lines if line.role == "plan")

    carts.choose_number(visitor(), code=code, line_id=plan.id, choice=KEPT)

    assert cart_view(visitor(), code=code).configs[plan.id] == {
        "number_choice": "port",
        "msisdn": "0639981234",
        "rio": "02PA1B2C3RE+",
        "port_on": "2026-11-30",
        "port_slot": "08:00-12:00",
    }


@pytest.mark.parametrize(
    ("choice", "error", "field"),
    [
        (NumberChoice(Keep.PORT, "0639981234", "02PA1B2C3RE9"), "rio_key", "rio"),
        (NumberChoice(Keep.PORT, "0639981234", "02PA1B2"), "rio_format", "rio"),
        (
            NumberChoice(Keep.PORT, "0639981234", "02PA1B2C3RE+", date(2026, 11, 29)),
            "port_day_invalid",
            "port_on",
        ),
        (
            NumberChoice(Keep.PORT, "0639981234", "02PA1B2C3RE+", date(2026, 11, 23)),
            "port_day_invalid",
            "port_on",
        ),
        (
            NumberChoice(Keep.PORT, "0639981234", "02PA1B2C3RE+", slot="noon"),
            "port_slot_invalid",
            "port_slot",
        ),
    ],
)
def test_a_wrong_porting_wish_is_refused_where_it_is_wrong(
    code: str, choice: NumberChoice, error: str, field: str
) -> None:
    plan = next(line for line in cart_view(visitor(), code=code).quote.lines if line.role == "plan")

    with pytest.raises(InvalidInput) as refused:
        carts.choose_number(visitor(), code=code, line_id=plan.id, choice=choice)

    assert (refused.value.code, refused.value.detail["field"]) == (error, field)
    assert cart_view(visitor(), code=code).configs[plan.id] == {}


def test_an_unknown_promotion_code_is_refused_and_a_known_one_counts(code: str) -> None:
    before = cart_view(visitor(), code=code).quote.due_today_gross
    with pytest.raises(RuleViolated) as refused:
        carts.enter_code(visitor(), code=code, promotion_code="GRATIS")
    assert refused.value.code == "unknown_promotion_code"

    carts.enter_code(visitor(), code=code, promotion_code=" bienvenue10 ")

    after = cart_view(visitor(), code=code).quote
    assert (before - after.due_today_gross).amount == 10
    assert "welcome-10" in [applied.code for applied in after.applied]


def test_a_strangers_cart_is_not_found(code: str) -> None:
    for other in (visitor("v-2"), customer()):
        with pytest.raises(NotFound) as refused:
            cart_view(other, code=code)
        assert refused.value.code == "unknown_cart"


def test_an_expired_cart_says_so(code: str) -> None:
    with business_time_fixed(AT + timedelta(days=31)):
        with pytest.raises(RuleViolated) as refused:
            carts.add_line(visitor(), code=code, offering="unheard-of")
        assert refused.value.code == "cart_expired"


def test_removing_everything_of_a_bundle_removes_the_bundle(code: str) -> None:
    for line in cart_view(visitor(), code=code).quote.lines:
        carts.remove_line(visitor(), code=code, line_id=line.id)
    carts.remove_line(visitor(), code=code, line_id="1")

    view = cart_view(visitor(), code=code)
    assert (view.quote.lines, dict(view.bundles)) == ((), {})


def test_one_editor_at_a_time_changes_a_cart(shop: object) -> None:
    owner = customer()
    code = bundle_cart(owner, handset=handset())
    colleague = customer("Paul Durand")
    other = type(owner)(
        actor=colleague.actor, party_id=owner.party_id, role=owner.role, channel=owner.channel
    )

    with pytest.raises(Conflict) as refused:
        carts.enter_code(other, code=code, promotion_code="BIENVENUE10")

    assert (refused.value.code, refused.value.detail["editor"]) == ("cart_in_use", "Camille Martin")
