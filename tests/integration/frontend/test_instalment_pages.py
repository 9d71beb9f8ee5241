"""Paying a phone in parts on pages: chosen at the checkout, read on bills, paid off."""

import re
from datetime import date

import pytest
from django.test import Client

from commerce.accounts.kinds import StaffKind
from commerce.accounts.models import Party, User
from commerce.kernel.clock import business_time_fixed
from commerce.ordering.domain.credit import Answer, Applicant
from commerce.ordering.models import Cart, Order
from commerce.payments.models import PaymentAttempt
from frontend.typography import day_text
from subscriptions.collection.instalments import plan_of
from subscriptions.invoicing.selectors import bills_of
from subscriptions.models import InstalmentPlan
from tests.integration.frontend.test_portal_and_ops import as_staff, browser
from tests.integration.frontend.test_shop_pages import begun as bundle
from tests.integration.ordering.people import bundle_cart, customer
from tests.integration.ordering.test_carts import handset
from tests.integration.ordering.test_instalments import (  # noqa: F401
    _allowed,
    _own_billing,
    past_case,
    placed,
)
from tests.integration.subscriptions.contracts import DAY, at, begun, person, plan, run
from tests.integration.subscriptions.test_instalments import bought, on_day
from tests.integration.subscriptions.test_payers import pays

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("demo_catalogue")]
AT = at(DAY)
APRIL = date(2026, 4, 10)


def text_of(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return answer.content.decode().replace("\u00a0", " ").replace("\u202f", " ")


def summary(visitor: Client) -> str:
    visitor.post(bundle(visitor).replace("/plan/", "/sim/"), {"sim": "esim", "keep": "new"})
    return f"/cart/summary/?cart={Cart.objects.get().code}"


def agreed(visitor: Client, path: str, **more: str) -> dict[str, str]:
    seen = visitor.get(path).context["form"].initial
    return {
        "first_name": "Maël", "last_name": "Guérin", "email": "mael@example.test",
        "phone": "0639980001", "line1": "3 rue du Port", "postcode": "44000", "city": "Nantes",
        "early": "now", "summary": "on", "terms": "on", "expected": seen["expected"], **more,
    }  # fmt: skip


def test_in_france_nobody_is_asked(at_the_shop: Client) -> None:
    page = text_of(at_the_shop, summary(at_the_shop))
    assert "How you pay the phone" not in page
    assert 'name="instalments"' not in page


@pytest.fixture
def at_the_shop() -> Client:
    return Client(headers={"accept-language": "en"})


@pytest.mark.usefixtures("_allowed")
def test_a_shopper_chooses_three_parts_and_agrees_to_them(at_the_shop: Client) -> None:
    path = summary(at_the_shop)
    page = text_of(at_the_shop, path)
    assert page.count('name="instalments"') == 3
    assert "In 3 parts" in page
    refused = at_the_shop.post(path, agreed(at_the_shop, path, instalments="3"))
    assert "Please agree to pay the parts on their days." in refused.content.decode()
    assert not Order.objects.exists()
    at_the_shop.post(path, agreed(at_the_shop, path, instalments="3", instalments_agreed="on"))
    order = Order.objects.get()
    split = plan_of(order.number)
    assert split is not None
    assert split.parts == 3
    assert PaymentAttempt.objects.get().amount == order.gross - order.deferred
    staff = text_of(as_staff(StaffKind.OPERATOR), f"/ops/orders/{order.number}/")
    assert "accepted (own/1," in staff
    assert "0 other plans, €0.00 left of them" in staff


def plain(day: date) -> str:
    return day_text(day, language="en").replace("\u00a0", " ")


def of_the_panel(page: str) -> str:
    (_, panel) = page.split('id="promise"')
    return panel.partition("</aside>")[0]


@pytest.mark.usefixtures("_allowed")
def test_the_step_before_the_summary_asks_how_the_phone_is_paid(at_the_shop: Client) -> None:
    path = bundle(at_the_shop).replace("/plan/", "/sim/")
    answer = at_the_shop.post(path, {"sim": "esim", "keep": "new"})
    code = Cart.objects.get().code
    assert answer["Location"] == f"/build/{code}/in-parts/"
    whole = text_of(at_the_shop, answer["Location"])
    assert "How do you pay for the phone?" in whole
    assert "Paid later, with your bills" not in whole
    page = text_of(at_the_shop, f"{answer['Location']}?instalments=3")
    assert f'href="/cart/summary/?cart={code}&amp;instalments=3"' in page
    three = at_the_shop.get(f"{answer['Location']}?instalments=3").context["panel"]["in_parts"]
    panel = of_the_panel(page)
    first, second = three.later
    assert f"€{three.due_now.amount}" in panel
    assert f"Part 2 of 3 of the phone, due on {plain(first.due_on)}" in panel
    assert panel.count(f"+ €{second.amount.amount}") == 2
    assert "they are not in their amounts" in panel
    summary_page = text_of(at_the_shop, f"/cart/summary/?cart={code}&instalments=3")
    at_once, due = three.due_now + three.later[0].amount + three.later[1].amount, three.due_now
    for page in (
        summary_page,
        text_of(at_the_shop, f"/cart/contract-summary/?cart={code}&instalments=3"),
    ):
        assert f"Due today for the whole order: €{due.amount}." in page
        assert f"Due today for the whole order: €{at_once.amount}." not in page
        assert f"€{second.amount.amount} on {plain(second.due_on)}" in page
    assert f"?cart={code}&amp;instalments=3" in summary_page
    assert re.search('name="instalments" value="3"[^>]* checked', summary_page)
    assert of_the_panel(summary_page).count(f"+ €{second.amount.amount}") == 2


def test_where_no_parts_are_offered_there_is_no_such_step(at_the_shop: Client) -> None:
    path = bundle(at_the_shop).replace("/plan/", "/sim/")
    answer = at_the_shop.post(path, {"sim": "esim", "keep": "new"})
    code = Cart.objects.get().code
    assert answer["Location"] == f"/cart/summary/?cart={code}"
    assert ">Payment<" not in text_of(at_the_shop, path)
    step = at_the_shop.get(f"/build/{code}/in-parts/")
    assert (step.status_code, step["Location"]) == (302, f"/cart/summary/?cart={code}")


def test_parts_that_are_offered_no_longer_order_nothing(at_the_shop: Client) -> None:
    path = summary(at_the_shop)
    answer = at_the_shop.post(path, agreed(at_the_shop, path, instalments="3"))
    assert "It can no longer be paid in parts. Nothing was ordered." in answer.content.decode()
    assert not Order.objects.exists()


class Strict:
    """A rule that lets nobody pay later."""

    def answer(self, applicant: Applicant) -> Answer:
        return Answer("strict/1", refused="overdue")


@pytest.mark.usefixtures("_allowed")
def test_who_may_not_is_told_why_and_pays_the_whole_price(
    at_the_shop: Client, settings: object
) -> None:
    settings.ADAPTERS = {**settings.ADAPTERS, "credit": f"{__name__}.Strict"}  # type: ignore[attr-defined]
    page = text_of(at_the_shop, summary(at_the_shop))
    assert "A bill is overdue; once it is paid you may pay in parts." in page
    assert 'name="instalments"' not in page


@pytest.mark.usefixtures("_allowed")
def test_every_page_of_the_order_says_what_is_paid_with_it(at_the_shop: Client) -> None:
    path = summary(at_the_shop)
    at_the_shop.post(path, agreed(at_the_shop, path, instalments="4", instalments_agreed="on"))
    order = Order.objects.get()
    now, whole = (f"€{each:,.2f}" for each in (order.gross - order.deferred, order.gross))
    pay = text_of(at_the_shop, f"/orders/{order.number}/pay/")
    assert f"The payment of {now} is still open." in pay
    assert f"Pay {now}<" in pay
    owner = browser(User.objects.create_user("m@example.test", None, party_id=order.party_id))
    mine = text_of(owner, "/account/orders/")
    assert now in mine
    assert whole not in mine
    staff = text_of(as_staff(StaffKind.OPERATOR), "/ops/orders/")
    assert (now in staff, whole in staff) == (True, False)


@pytest.mark.usefixtures("_allowed")
def test_an_operator_reads_in_words_by_which_marks_it_was_decided() -> None:
    owner = customer()
    past_case(owner, "restrict")
    made = placed(owner, bundle_cart(owner, handset=handset()))
    page = text_of(as_staff(StaffKind.OPERATOR), f"/ops/orders/{made.number}/")
    assert "accepted with a higher first part (own/1," in page
    assert "· The lines were restricted: they can only be called ·" in page
    assert "· restrict ·" not in page


@pytest.mark.usefixtures("_allowed")
def test_who_takes_all_today_pays_all_today(at_the_shop: Client) -> None:
    path = summary(at_the_shop)
    at_the_shop.post(path, agreed(at_the_shop, path, instalments="0"))
    assert PaymentAttempt.objects.get().amount == Order.objects.get().gross
    assert not InstalmentPlan.objects.exists()


def test_bills_show_the_parts_apart_from_their_charges_and_are_paid_off() -> None:
    party = person()
    owner = Party.objects.get(pk=party)
    customer = browser(User.objects.create_user("camille@example.test", None, party=owner))
    with business_time_fixed(at(DAY)):
        begun("C-1", [plan("29.99")], party=party)
        number = bought(party)
        page = text_of(customer, f"/account/bills/{number}/")
    assert "€49.75 came with the order; €149.25 of the later parts is left to pay." in page
    assert "Part 2 of 4, on 10 April 2026" in page
    assert "Pay off all €149.25 now" in page
    assert "What is due of it is paid." in page
    with business_time_fixed(at(APRIL, hour=3)):
        run(APRIL)
    on_day(APRIL)
    with business_time_fixed(at(APRIL)):
        monthly = bills_of(party)[0]
        page = text_of(customer, f"/account/bills/{monthly.number}/")
        assert str(monthly.gross.amount) == "29.99"
        assert f"Part 2 of 4 of the phone on bill {number}" in page
        assert "€79.74" in page
        assert "Parts still to come" in page
        assert page.count("not due yet") == 2
        explained = text_of(customer, f"/account/bills/{monthly.number}/explained/")
        assert f"Part 2 of 4 of the phone on bill {number}" in explained
        assert f"Part 4 of 4 of the phone on bill {number}" in explained
        answer = customer.post(f"/account/bills/{number}/pay-off/")
        assert answer.status_code == 302
        assert [str(row.amount) for row in PaymentAttempt.objects.order_by("pk")][-1] == "149.25"
        stranger = browser(User.objects.create_user("ada@example.test", None, party_id=person()))
        before = PaymentAttempt.objects.count()
        stranger.post(f"/account/bills/{number}/pay-off/")
        assert PaymentAttempt.objects.count() == before


def test_a_bill_that_another_pays_leaves_its_holder_the_part_alone() -> None:
    party = person()
    customer = browser(User.objects.create_user("camille@example.test", None, party_id=party))
    with business_time_fixed(at(DAY)):
        begun("C-1", [plan("29.99")], party=party)
        bought(party)
    pays(person(), party, day=DAY)
    with business_time_fixed(at(APRIL, hour=3)):
        run(APRIL)
    on_day(APRIL)
    with business_time_fixed(at(APRIL)):
        page = text_of(customer, f"/account/bills/{bills_of(party)[0].number}/")
    assert "Another party pays this bill" in page
    (_, in_all) = page.split("Left to pay with this bill in all")
    assert in_all.partition("</tr>")[0].count("€49.75") == 1
