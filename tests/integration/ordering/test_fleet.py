"""Business orders: every row answered, all or none; above the limit another member decides."""

from dataclasses import replace
from typing import Any

import pytest

from catalogue.models import Number, NumberState, StockHold
from commerce.accounts.identity import AccountContext
from commerce.accounts.kinds import Role
from commerce.accounts.models import Unit
from commerce.events.models import OutboxEvent
from commerce.kernel.errors import Conflict, Forbidden, InvalidInput, NotFound, RuleViolated
from commerce.kernel.money import Money
from commerce.markets.fr.rio import key_of
from commerce.ordering.domain.consents import OrderConsents
from commerce.ordering.domain.fleet import FleetLine, FleetRefused, parse_fleet_csv
from commerce.ordering.domain.states import OrderState
from commerce.ordering.models import Approval, Order
from commerce.ordering.selectors import approvals_waiting, order_for_fulfilment, order_view
from commerce.ordering.services.approval import approve_order, reject_order
from commerce.ordering.services.bulk import BulkCheckout, place_bulk_order, quote_bulk
from subscriptions.models import Promise
from tests.integration.ordering.people import member, organisation
from tests.integration.ordering.test_carts import handset

pytestmark = pytest.mark.django_db
CHECKOUT = BulkCheckout("PO-4711", OrderConsents(terms=True))


@pytest.fixture
def unit(shop: object) -> Unit:
    return organisation()


@pytest.fixture
def buyer(unit: Unit) -> AccountContext:
    return member(unit, "Bruno", role=Role.BUYER, limit="5000")


@pytest.fixture
def approver(unit: Unit) -> AccountContext:
    return member(unit, "Anne", role=Role.APPROVER, limit="100000")


def fleet(count: int = 25, **changes: Any) -> list[FleetLine]:
    lines = [
        FleetLine(
            row=row,
            user_name=f"User {row}",
            user_email=f"user{row}@rivoire.test",
            plan="flotte-50",
            handset=handset(),
            site="Lyon" if row % 2 else "Nantes",
        )
        for row in range(1, count + 1)
    ]
    return [replace(line, **changes) for line in lines] if changes else lines


def test_a_fleet_is_one_order_with_a_contract_per_user(
    buyer: AccountContext, approver: AccountContext
) -> None:
    seen = quote_bulk(buyer, lines=fleet()).quote
    assert seen is not None

    placed = place_bulk_order(
        buyer, lines=fleet(), checkout=replace(CHECKOUT, expected_total=seen.due_today_gross)
    )

    order = Order.objects.get(number=placed.number)
    assert (order.items.count(), order.purchase_order) == (75, "PO-4711")
    assert Promise.objects.filter(order_number=order.number).count() == 25
    assert sum(hold.quantity for hold in StockHold.objects.filter(key=order.number)) >= 25
    assert Number.objects.filter(state=NumberState.HELD).count() == 25
    assert "fleet-volume" in [applied.code for applied in seen.applied]
    one = order_for_fulfilment(order.number, group="u2")
    assert [(i.role, i.config["user_name"]) for i in one.items] == [
        ("handset", "User 2"),
        ("plan", "User 2"),
        ("sim", "User 2"),
    ]
    assert {i.deliver_to.city for i in one.items if i.deliver_to} == {"Nantes"}


def test_a_fleet_within_the_limit_is_accepted_on_invoice(unit: Unit) -> None:
    buyer = member(unit, "Bruno", role=Role.BUYER, limit="100000")

    placed = place_bulk_order(buyer, lines=fleet(2), checkout=CHECKOUT)

    assert (placed.state, placed.payment_key) == (OrderState.ACCEPTED, "")
    assert OutboxEvent.objects.filter(name="OrderAccepted").count() == 1


def test_above_the_limit_the_order_waits_and_another_member_approves(
    buyer: AccountContext, approver: AccountContext
) -> None:
    placed = place_bulk_order(buyer, lines=fleet(), checkout=CHECKOUT)
    assert placed.state is OrderState.AWAITING_APPROVAL
    assert [o.number for o in approvals_waiting(approver)] == [placed.number]

    approve_order(approver, number=placed.number)
    approve_order(approver, number=placed.number)

    view = order_view(buyer, number=placed.number)
    assert view.summary.state is OrderState.ACCEPTED
    assert view.approval is not None
    assert (view.approval.approved, view.approval.decided_by) == (True, "Anne")
    assert OutboxEvent.objects.filter(name="OrderAccepted").count() == 1
    with pytest.raises(Conflict) as refused:
        reject_order(approver, number=placed.number)
    assert refused.value.code == "already_decided"


def test_nobody_approves_his_own_order(unit: Unit, approver: AccountContext) -> None:
    low = member(unit, "Luc", role=Role.APPROVER, limit="100")
    placed = place_bulk_order(low, lines=fleet(), checkout=CHECKOUT)

    with pytest.raises(Forbidden) as refused:
        approve_order(low, number=placed.number)

    assert refused.value.code == "own_order"
    assert Order.objects.get().state == "awaiting_approval"


def test_a_buyer_or_a_lower_limit_does_not_approve(
    unit: Unit, buyer: AccountContext, approver: AccountContext
) -> None:
    placed = place_bulk_order(buyer, lines=fleet(), checkout=CHECKOUT)
    low = member(unit, "Luc", role=Role.APPROVER, limit="100")

    for who, code in ((buyer, "not_an_approver"), (low, "limit_too_low")):
        with pytest.raises(Forbidden) as refused:
            approve_order(who, number=placed.number)
        assert refused.value.code == code
    assert Approval.objects.get().approved is None


def test_a_rejected_order_gives_everything_back(
    buyer: AccountContext, approver: AccountContext
) -> None:
    placed = place_bulk_order(buyer, lines=fleet(), checkout=CHECKOUT)

    reject_order(approver, number=placed.number, note="too many")

    assert Order.objects.get().state == "rejected"
    assert not Number.objects.exclude(state=NumberState.FREE).exists()
    assert not StockHold.objects.exclude(state="released").exists()


def test_without_anybody_who_may_approve_the_order_is_refused(buyer: AccountContext) -> None:
    with pytest.raises(RuleViolated) as refused:
        place_bulk_order(buyer, lines=fleet(), checkout=CHECKOUT)
    assert refused.value.code == "no_approver"
    assert Order.objects.count() == StockHold.objects.count() == 0


def test_one_wrong_row_refuses_all_and_every_row_is_answered(buyer: AccountContext) -> None:
    lines = fleet(5)
    lines[1] = replace(lines[1], plan="unheard-of")
    lines[2] = replace(lines[2], user_email="nobody", site="Paris")
    lines[3] = replace(lines[3], number="0639981234", rio="02PA1B2C3RE9")

    with pytest.raises(FleetRefused) as refused:
        place_bulk_order(buyer, lines=lines, checkout=CHECKOUT)

    answers = [(a.row, [(e.field, e.code) for e in a.errors]) for a in refused.value.answers]
    assert answers == [
        (1, []),
        (2, [("plan", "unknown_offering")]),
        (3, [("user_email", "email_malformed")]),
        (4, [("rio", "rio_key")]),
        (5, []),
    ]
    assert Order.objects.count() == 0


def test_an_unknown_site_and_a_repeated_user_are_refused(buyer: AccountContext) -> None:
    lines = [fleet(2, site="Paris")[0], replace(fleet(2)[1], user_email="User1@rivoire.test")]

    answers = quote_bulk(buyer, lines=lines).answers

    assert [[(e.field, e.code) for e in a.errors] for a in answers] == [
        [("site", "site_unknown")],
        [("user_email", "user_twice")],
    ]


def test_a_row_that_keeps_a_number_of_ours_is_told(buyer: AccountContext) -> None:
    ours = Number.objects.order_by("msisdn").values_list("msisdn", flat=True)[0]
    rio = f"02PA1B2C3{key_of(operator='02', quality='P', reference='A1B2C3', number=ours)}"
    lines = fleet(2)
    lines[1] = replace(lines[1], number=ours, rio=rio)

    answers = quote_bulk(buyer, lines=lines).answers

    assert [[(e.field, e.code) for e in a.errors] for a in answers] == [
        [],
        [("number", "number_is_ours")],
    ]


def test_a_consumers_plan_is_no_plan_for_a_fleet(buyer: AccountContext) -> None:
    (answer,) = quote_bulk(buyer, lines=fleet(1, plan="horizon-130", handset="")).answers
    assert ("plan", "not_for_sale") in [(e.field, e.code) for e in answer.errors]


def test_a_purchase_order_number_is_needed(buyer: AccountContext) -> None:
    with pytest.raises(InvalidInput) as refused:
        place_bulk_order(buyer, lines=fleet(1), checkout=replace(CHECKOUT, purchase_order=" "))
    assert refused.value.code == "purchase_order_missing"


def test_a_fleet_at_another_price_is_refused(
    buyer: AccountContext, approver: AccountContext
) -> None:
    with pytest.raises(RuleViolated) as refused:
        place_bulk_order(
            buyer, lines=fleet(2), checkout=replace(CHECKOUT, expected_total=Money.of("1"))
        )
    assert refused.value.code == "price_changed"
    assert Order.objects.count() == 0


def test_another_organisation_sees_and_decides_nothing(
    buyer: AccountContext, approver: AccountContext
) -> None:
    placed = place_bulk_order(buyer, lines=fleet(), checkout=CHECKOUT)
    stranger = replace(approver, party_id=0)

    with pytest.raises(NotFound):
        approve_order(stranger, number=placed.number)
    assert approvals_waiting(stranger) == ()


def test_a_fleet_comes_as_a_table_too() -> None:
    text = "\ufeffplan;user_email;user_name;site\r\nflotte-50;a@b.fr;Ada;Lyon\r\n;;;\r\n"

    assert parse_fleet_csv(text) == (FleetLine(1, "Ada", "a@b.fr", "flotte-50", site="Lyon"),)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "csv_empty"),
        ("plan,user_name\nx,y\n", "csv_columns"),
        ("plan,user_name,user_email,colour\n", "csv_columns"),
        ("plan,user_name,user_email\n", "fleet_empty"),
    ],
)
def test_a_table_that_is_none_says_why(text: str, code: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_fleet_csv(text)
    assert refused.value.code == code


def test_rows_of_a_wrong_shape_are_answered() -> None:
    text = "plan,user_name,user_email,term\nx,Ada,a@b.fr,two\ny,Bob,b@b.fr,24,more\nz,C,c@b.fr,0\n"

    with pytest.raises(FleetRefused) as refused:
        parse_fleet_csv(text)

    assert [[e.code for e in a.errors] for a in refused.value.answers] == [
        ["not_a_number"],
        ["too_many_cells"],
        [],
    ]
