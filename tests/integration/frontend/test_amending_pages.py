"""The page on which an order under way is changed, by its owner and by his agent."""

from datetime import date

import pytest
from django.test import Client

from commerce.accounts.identity import AccountContext
from commerce.accounts.models import StaffRole, User
from commerce.ordering.domain.numbering import NumberChoice
from commerce.ordering.models import Order, OrderItem
from commerce.ordering.selectors import cart_view
from commerce.ordering.services import carts
from commerce.ordering.services.place import place_order
from frontend.sentences import SENTENCES
from orchestration.domain.porting import PortState
from orchestration.models import PlanAmendment, Porting
from orchestration.services.plans import create_plans
from tests.factories import UserFactory
from tests.integration.orchestration.test_amending import CASE
from tests.integration.orchestration.test_cancelling import HANDSET
from tests.integration.ordering.conftest import AT, at, shop
from tests.integration.ordering.people import KEPT, checkout_for, customer

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("shop")]
__all__ = ["at", "shop"]
LOGIN = "django.contrib.auth.backends.ModelBackend"


def under_way(
    choice: NumberChoice | None = None, *, name: str = "Camille Martin"
) -> tuple[AccountContext, str]:
    """A phone with a case, a line and an eSIM, of which nothing has begun yet."""
    who = customer(name)
    code = carts.open_cart(who)
    chosen = {"handset": HANDSET, "plan": "horizon-130", "sim": "esim", "accessory": CASE}
    carts.put_bundle(who, code=code, bundle="handset-and-plan", choices=chosen, term=24)
    if choice is not None:
        lines = cart_view(who, code=code).quote.lines
        plan = next(line.id for line in lines if line.role == "plan")
        carts.choose_number(who, code=code, line_id=plan, choice=choice)
    number = place_order(who, code=code, checkout=checkout_for(who, code)).number
    Order.objects.update(state="accepted", accepted_at=AT)
    create_plans(order_number=number)
    return who, number


def browser_of(user: User) -> Client:
    browser = Client(headers={"Accept-Language": "en"})
    browser.force_login(user, LOGIN)
    return browser


def owner(who: AccountContext) -> Client:
    return browser_of(User.objects.get(pk=str(who.actor.id)))


def test_a_change_is_looked_at_before_it_is_made() -> None:
    who, number = under_way()
    browser, address = owner(who), f"/orders/{number}/change/"
    assert address in browser.get(f"/orders/{number}/").content.decode()
    page = browser.get(address)
    assert page.context["address_form"].initial["city"] == "Paris"
    text = page.content.decode().replace("\u00a0", " ")
    for offered in ("Another address", "A later day", "Another new number", "SIM card instead"):
        assert offered in text
    assert [line["name"] for line in page.context["lines"]] == ["Soft case for Ardoval X2"]

    asked = {"act": "day", "bundle": page.context["group"], "not_before": "2026-12-05"}
    quote = browser.post(address, asked)
    assert "Change it like this?" in quote.content.decode()
    assert not PlanAmendment.objects.exists()
    stale = browser.post(address, asked | {"token": "0" * 32})
    assert (stale.status_code, PlanAmendment.objects.count()) == (302, 0)
    done = browser.post(address, asked | {"token": quote.context["quote"].token})
    assert done.headers["Location"] == f"/orders/{number}/"
    assert PlanAmendment.objects.count() == 1
    days = set(OrderItem.objects.values_list("port_not_before", flat=True))
    assert days == {date(2026, 12, 5)}


def test_what_is_wrong_stands_beside_its_field() -> None:
    who, number = under_way()
    browser, address = owner(who), f"/orders/{number}/change/"
    street = {"name": "Camille Martin", "line1": "9 quai du Port", "city": "Marseille"}
    wrong = browser.post(address, {"act": "address", "postcode": "1300", **street})
    assert wrong.status_code == 422
    assert list(wrong.context["address_form"].errors) == ["postcode"]
    past = browser.post(address, {"act": "day", "not_before": "2026-01-01"})
    assert list(past.context["day_form"].errors) == ["not_before"]
    plan = OrderItem.objects.get(role="plan").line_id
    alone = browser.post(address, {"act": "without", "without": plan})
    assert (alone.status_code, bool(alone.context["problem"])) == (422, True)
    assert not PlanAmendment.objects.exists()


def test_of_a_number_that_comes_along_another_day_or_a_new_one_is_asked_for_there() -> None:
    who, number = under_way(KEPT)
    browser, address = owner(who), f"/orders/{number}/change/"
    page = browser.get(address)
    assert (page.context["day_form"], page.context["new_number"]) == (None, False)
    (coming,) = page.context["coming"]
    assert coming["can_cancel"]
    own = coming["url"]
    assert page.content.decode().count(f'action="{own}"') == 2

    moved = browser.post(
        own, {"act": "move", "move-port_on": "2026-12-05", "move-slot": "16:00-20:00"}
    )
    assert moved.status_code == 302
    porting = Porting.objects.get()
    assert (str(porting.day), porting.slot) == ("2026-12-05", "16:00-20:00")
    assert browser.post(own, {"act": "cancel"}).status_code == 302
    item = OrderItem.objects.get(role="plan")
    assert (item.config["number_choice"], item.facts["msisdn"]) == ("new", item.config["msisdn"])
    assert browser.get(address).context["new_number"]


def test_why_a_transfer_is_not_called_off_is_said_on_its_page() -> None:
    who, number = under_way(KEPT)
    line = OrderItem.objects.get(role="plan").line_id
    agent = UserFactory.create(first_name="Nadia", last_name="Benali")
    StaffRole.objects.create(user=agent, kind="agent")
    browser = browser_of(agent)
    said = {"reason": "order", "channel": "call_centre", "party": who.party_id}
    browser.post("/agent/contacts/", said)
    refused = browser.post(f"/agent/orders/{number}/numbers/{line}/", {"act": "cancel"})
    assert refused.status_code == 422
    assert refused.context["port_problem"] == str(SENTENCES["caller_not_verified"])
    assert refused.context["port_problem"] in refused.content.decode()
    assert Porting.objects.get().state == PortState.RIO_CHECKED


def test_an_agent_changes_it_for_who_is_calling_once_he_has_proven_who_he_is() -> None:
    who, number = under_way()
    agent = UserFactory.create(first_name="Nadia", last_name="Benali")
    StaffRole.objects.create(user=agent, kind="agent")
    browser, address = browser_of(agent), f"/agent/orders/{number}/change/"
    said = {"reason": "order", "channel": "call_centre", "party": who.party_id}
    browser.post("/agent/contacts/", said)
    asked = {"act": "day", "not_before": "2026-12-05"}
    refused = browser.post(address, asked)
    assert (refused.status_code, "quote" in refused.context) == (422, False)
    browser.post("/agent/contact/check/", {"facts": ["birth_date", "email"], "passed": "yes"})
    assert "Change it like this?" in browser.post(address, asked).content.decode()
