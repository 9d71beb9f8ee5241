"""Special numbers for firms: found by class, declared, held, ordered with their duties."""

from datetime import timedelta
from decimal import Decimal

import pytest

from catalogue.domain.model import Segment
from catalogue.models import Number
from catalogue.selectors import current_snapshot
from commerce.accounts.identity import AccountContext
from commerce.accounts.kinds import PartyKind, Role
from commerce.accounts.models import Organisation, Party, Unit
from commerce.kernel.clock import business_time_fixed
from commerce.kernel.errors import FaisceauError, NotFound, RuleViolated
from commerce.kernel.money import Money
from commerce.kernel.periods import add_months
from commerce.markets.pack import NumberUse
from commerce.ordering.domain.consents import OrderConsents
from commerce.ordering.domain.numbering import DeclaredUse, Keep, NumberChoice
from commerce.ordering.domain.states import ItemState, OrderState
from commerce.ordering.models import Order, OrderItem
from commerce.ordering.number_shop import classes_on_sale, find_numbers
from commerce.ordering.selectors import (
    CartView,
    cart_view,
    order_for_fulfilment,
    order_view,
    special_numbers,
)
from commerce.ordering.services import carts, unpaid
from commerce.ordering.services.fulfilment import record_item_facts
from commerce.ordering.services.place import Checkout, place_order
from frontend.business.screen import fleet_rows
from orchestration.adapters.local_billing import LocalBilling
from orchestration.ports import BillingStart, OrderBill
from subscriptions.models import DunningCase, Parking, Subscription
from tests.integration.ordering.conftest import AT
from tests.integration.ordering.people import member, organisation
from tests.integration.subscriptions.contracts import at, bills, run

pytestmark = pytest.mark.django_db
FREE, SURCHARGED = "numero-gratuit-0804", "numero-majore-0823"
GREEN, PREMIUM, SHORT = "0804990123", "0823990107", "3782"
ROUTE = "01 99 00 12 34"


@pytest.fixture
def unit(shop: object) -> Unit:
    for msisdn, klass in ((GREEN, "green"), (PREMIUM, "sva_082"), (SHORT, "short_3782")):
        Number.objects.create(msisdn=msisdn, klass=klass)
    return organisation()


@pytest.fixture
def buyer(unit: Unit) -> AccountContext:
    return member(unit, "Bruno", role=Role.BUYER, limit="5000")


def other_firm() -> Unit:
    party = Party.objects.create(
        kind=PartyKind.ORGANISATION,
        segment=Segment.BUSINESS,
        display_name="Autre",
        email="a@b.test",
    )
    firm = Organisation.objects.create(party=party, legal_name="Autre SAS", siren="552100554")
    return Unit.objects.create(organisation=firm, name="Siège")


def cart_with(buyer: AccountContext, offering: str) -> tuple[str, str]:
    """A cart with the offering; its code and the line's id."""
    code = carts.begin_cart(buyer).code
    carts.put_bundle(buyer, code=code, bundle="special-number", choices={"number": offering})
    return code, cart_view(buyer, code=code).quote.lines[0].id


def declare(
    buyer: AccountContext, code: str, line: str, *, purpose: str, to: str = ROUTE
) -> CartView:
    use = DeclaredUse(to, NumberUse(purpose))
    carts.declare_use(buyer, code=code, line_id=line, use=use)
    return cart_view(buyer, code=code)


def placed(buyer: AccountContext, code: str) -> Order:
    seen = cart_view(buyer, code=code).quote
    checkout = Checkout(
        expected_total=seen.due_today_gross,
        digest=seen.digest(),
        consents=OrderConsents(terms=True),
        purchase_order="PO-12",
    )
    return Order.objects.get(number=place_order(buyer, code=code, checkout=checkout).number)


def test_firms_find_each_class_with_its_prices_and_the_sign_of_its_callers(unit: Unit) -> None:
    sold = classes_on_sale(current_snapshot(), segment=Segment.BUSINESS, channel="portal")
    assert [
        (each.code, str(each.once), str(each.monthly), each.tariff and each.tariff.sign["fr"])
        for each in sold.values()
    ] == [
        ("standard", "0.00 EUR", "0.00 EUR", None),
        ("silver", "8.33 EUR", "0.00 EUR", None),
        ("gold", "40.83 EUR", "0.00 EUR", None),
        ("green", "40.00 EUR", "19.00 EUR", "Service et appel gratuits"),
        ("grey", "40.00 EUR", "15.00 EUR", "Service gratuit + prix appel"),
        ("sva_082", "50.00 EUR", "25.00 EUR", "Service 0,15 € / min + prix appel"),
        ("sva_089", "50.00 EUR", "35.00 EUR", "Service 3,00 € / appel + prix appel"),
        ("short_3782", "900.00 EUR", "150.00 EUR", "Service 0,50 € / min + prix appel"),
    ]
    consumers = classes_on_sale(current_snapshot(), segment=Segment.CONSUMER, channel="web")
    assert list(consumers) == ["standard", "silver", "gold"]
    found = find_numbers(
        current_snapshot(),
        segment=Segment.BUSINESS,
        channel="portal",
        pattern="*23",
        klass="green",
    )
    assert [(each.msisdn, each.display) for each in found] == [(GREEN, "0804 990 123")]


def test_a_cart_waits_until_it_is_said_what_the_number_is_for(buyer: AccountContext) -> None:
    code, line = cart_with(buyer, FREE)
    view = cart_view(buyer, code=code)
    assert [(i.code, i.line, i.unfinished) for i in view.issues] == [("use_missing", line, True)]
    assert not view.orderable
    view = declare(buyer, code, line, purpose="after_sales")
    assert view.orderable
    assert view.configs[line] == {"route_to": "0199001234", "purpose": "after_sales"}
    assert view.tariffs[line].colour == "green"
    # 40.00 today; 12 months of 19.00 on top where there is no commitment.
    assert (view.quote.due_today, view.quote.due_today_gross) == (
        Money.of("40.00"),
        Money.of("48.00"),
    )
    assert [str(phase.amount) for phase in view.quote.monthly] == ["19.00 EUR"]
    assert view.quote.commitment_total == Money.of("268.00")


@pytest.mark.parametrize(
    ("offering", "purpose", "to", "code", "field"),
    [
        (SURCHARGED, "after_sales", ROUTE, "purpose_forbidden", "purpose"),
        (SURCHARGED, "complaints", ROUTE, "purpose_forbidden", "purpose"),
        (FREE, "service", ROUTE, "purpose_not_offered", "purpose"),
        (FREE, "sales", "0804990101", "route_invalid", "route_to"),
        (FREE, "sales", "3782", "route_invalid", "route_to"),
        (FREE, "sales", "12", "route_invalid", "route_to"),
    ],
)
def test_what_may_not_be_declared_is_refused_with_its_field(
    buyer: AccountContext, offering: str, purpose: str, to: str, code: str, field: str
) -> None:
    cart, line = cart_with(buyer, offering)
    with pytest.raises(FaisceauError) as refused:
        declare(buyer, cart, line, purpose=purpose, to=to)
    assert (refused.value.code, refused.value.detail["field"]) == (code, field)
    assert cart_view(buyer, code=cart).configs[line] == {}


def test_the_law_is_named_where_it_forbids(buyer: AccountContext) -> None:
    code, line = cart_with(buyer, SURCHARGED)
    with pytest.raises(RuleViolated) as refused:
        declare(buyer, code, line, purpose="complaints")
    assert "L121-16" in refused.value.message
    assert "L121-16" in refused.value.detail["sentences"]["fr"]


def test_only_special_numbers_have_a_use(buyer: AccountContext) -> None:
    code = carts.begin_cart(buyer).code
    carts.put_bundle(buyer, code=code, bundle="fleet-line", choices={"plan": "flotte-50"})
    line = next(x.id for x in cart_view(buyer, code=code).quote.lines if x.role == "plan")
    with pytest.raises(RuleViolated) as refused:
        declare(buyer, code, line, purpose="sales")
    assert refused.value.code == "no_special_number"


def test_a_chosen_number_is_held_for_15_minutes_and_only_one_of_its_class(
    buyer: AccountContext,
) -> None:
    code, line = cart_with(buyer, FREE)
    choice = NumberChoice(Keep.NEW, "0804 990 123")
    carts.choose_number(buyer, code=code, line_id=line, choice=choice)
    assert cart_view(buyer, code=code).numbers_until == {line: AT + timedelta(minutes=15)}
    for other, refusal in (("0823990107", "number_not_sold"), ("0639980001", "number_not_sold")):
        with pytest.raises(RuleViolated) as refused:
            carts.choose_number(
                buyer, code=code, line_id=line, choice=NumberChoice(Keep.NEW, other)
            )
        assert refused.value.code == refusal
    assert Number.objects.get(msisdn=GREEN).state == "held"
    assert Number.objects.get(msisdn=PREMIUM).state == "free"
    with business_time_fixed(AT + timedelta(minutes=15)):
        second, other_line = cart_with(buyer, FREE)
        carts.choose_number(buyer, code=second, line_id=other_line, choice=choice)
    assert Number.objects.get(msisdn=GREEN).key == f"cart:{second}/{other_line}"


def test_another_tariff_keeps_only_what_still_fits(buyer: AccountContext) -> None:
    code, line = cart_with(buyer, FREE)
    carts.choose_number(buyer, code=code, line_id=line, choice=NumberChoice(Keep.NEW, GREEN))
    declare(buyer, code, line, purpose="complaints")
    group = next(iter(cart_view(buyer, code=code).bundles))
    carts.choose(buyer, code=code, group=group, role="number", offering=SURCHARGED)
    view = cart_view(buyer, code=code)
    assert view.configs[line] == {"route_to": "0199001234"}
    assert not view.orderable
    assert Number.objects.get(msisdn=GREEN).state == "free"


def test_an_order_holds_the_number_and_tells_fulfilment_where_calls_go(
    buyer: AccountContext,
) -> None:
    code, line = cart_with(buyer, FREE)
    carts.choose_number(buyer, code=code, line_id=line, choice=NumberChoice(Keep.NEW, GREEN))
    declare(buyer, code, line, purpose="complaints")
    order = placed(buyer, code)
    assert order.state == OrderState.ACCEPTED
    number = Number.objects.get(msisdn=GREEN)
    assert (number.state, number.key) == ("held", f"{order.number}/{line}")
    (item,) = order_for_fulfilment(order.number).items
    assert (item.role, item.recipe) == ("number", "special-number")
    assert item.config == {
        "number_choice": "new",
        "number_class": "green",
        "msisdn": GREEN,
        "route_to": "0199001234",
        "purpose": "complaints",
    }
    record_item_facts(order_number=order.number, facts={line: {"route_to": "0199005678"}})
    (shown,) = order_view(buyer, number=order.number).items
    assert (shown.said("route_to"), shown.said("purpose")) == ("0199005678", "complaints")
    (row,) = fleet_rows(order_view(buyer, number=order.number))
    assert row["route_to"].split() == ["01", "99", "00", "56", "78"]
    assert shown.tariff is not None
    assert shown.tariff.sign["en"] == "Service and call free of charge"
    (held,) = special_numbers(buyer)
    assert (held.order, held.msisdn, held.state, held.purpose, str(held.monthly)) == (
        order.number,
        GREEN,
        ItemState.PLANNED,
        "complaints",
        "19.00 EUR",
    )


def test_without_a_choice_any_number_of_the_class_is_given(buyer: AccountContext) -> None:
    code, line = cart_with(buyer, "numero-court-3782")
    declare(buyer, code, line, purpose="information")
    order = placed(buyer, code)
    assert Number.objects.get(key=f"{order.number}/{line}").msisdn == SHORT
    second, other = cart_with(buyer, "numero-court-3782")
    declare(buyer, second, other, purpose="information")
    with pytest.raises(RuleViolated) as refused:
        placed(buyer, second)
    assert refused.value.code == "no_number_left"
    assert Order.objects.count() == 1


def test_it_is_billed_each_month_as_it_was_promised(buyer: AccountContext) -> None:
    code, line = cart_with(buyer, FREE)
    declare(buyer, code, line, purpose="sales")
    order = placed(buyer, code)
    record_item_facts(order_number=order.number, facts={line: {"msisdn": GREEN}})
    day, group = AT.date(), order.items.get().group
    start = BillingStart("ref", order.number, group, order.party_id, day)
    LocalBilling().bill_order(OrderBill(order.number, order.party_id), key="once")
    LocalBilling().start(start, key="start")
    assert Subscription.objects.get().msisdn == GREEN
    for months in range(3):
        on = add_months(day, months) + timedelta(days=1 if not months else 0)
        with business_time_fixed(at(on, 4)):
            run(on)
    # 40.00 once with the order, then 19.00 a month, in advance; 20 % of it is tax.
    assert [gross for _, _, gross in bills()] == ["48.00", "22.80", "22.80", "22.80"]
    assert Parking.objects.count() == 0
    OrderItem.objects.update(state=ItemState.ACTIVE)
    assert [held.msisdn for held in special_numbers(buyer)] == [GREEN]
    Subscription.objects.update(status="ended")
    assert special_numbers(buyer) == ()


def test_a_number_that_is_not_paid_for_is_ended_as_it_cannot_be_stopped(
    buyer: AccountContext,
) -> None:
    code, line = cart_with(buyer, FREE)
    declare(buyer, code, line, purpose="sales")
    order = placed(buyer, code)
    record_item_facts(order_number=order.number, facts={line: {"msisdn": GREEN}})
    start = BillingStart("ref", order.number, order.items.get().group, order.party_id, AT.date())
    LocalBilling().bill_order(OrderBill(order.number, order.party_id), key="once")
    LocalBilling().start(start, key="start")
    contract = Subscription.objects.get()
    case = DunningCase.objects.create(
        account=contract.account,
        opened_on=AT.date(),
        since=AT.date(),
        owed=Decimal("99.00"),
        grade="suspend",
    )
    for grade, expected in (("suspend", []), ("terminate", ["terminate"]), ("terminate", [])):
        DunningCase.objects.filter(pk=case.pk).update(grade=grade)
        before = Order.objects.count()
        with business_time_fixed(AT):
            unpaid.treat(party_id=order.party_id, subscription_id=contract.pk)
        assert [each.change for each in Order.objects.order_by("pk")[before:]] == expected
    assert Order.objects.latest("pk").items.get().config["unpaid"] == "yes"


def test_another_firm_sees_none_of_it(buyer: AccountContext) -> None:
    code, line = cart_with(buyer, FREE)
    declare(buyer, code, line, purpose="sales")
    placed(buyer, code)
    stranger = member(other_firm(), "Zoé", role=Role.BUYER, limit="5000")
    assert [len(special_numbers(each)) for each in (buyer, stranger)] == [1, 0]
    second, other = cart_with(buyer, FREE)
    with pytest.raises(NotFound):
        declare(stranger, second, other, purpose="sales")
