"""The agent console on PostgreSQL: who may, what is noted, and the link that goes out."""

from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from oscar.apps.partner.models import Partner, StockRecord

from catalogue.models import Offering, Supplier
from commerce.accounts.models import Contact, Party, StaffRole, TimelineEntry, User
from commerce.accounts.selectors import Address
from commerce.accounts.services.customers import add_address
from commerce.kernel.clock import business_time_fixed, business_today
from commerce.notifications.models import Message
from commerce.ordering.models import Cart, CartItem, Order, OrderItem
from commerce.ordering.services import carts, handover
from orchestration.porting.rio import rio_of_subscription
from subscriptions.models import Subscription
from tests.integration.ordering.conftest import at, shop
from tests.integration.ordering.people import visitor
from tests.integration.subscriptions.contracts import DAY, person, plan
from tests.integration.subscriptions.contracts import at as contract_at
from tests.integration.subscriptions.contracts import begun as contract_of

__all__ = ["at", "shop"]
FEW = 25


@pytest.fixture
def agent(db: None) -> Client:
    user = User.objects.create_user(
        "nadia@faisceau.example", "x", first_name="Nadia", last_name="Benali"
    )
    StaffRole.objects.create(user=user, kind="agent")
    client = Client(headers={"accept-language": "en"})
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def handed(shop: datetime) -> str:
    """The code of a visitor's half-filled cart: a phone, a plan, a SIM card; handed over."""
    context = visitor()
    code = carts.open_cart(context)
    carts.put_bundle(
        context,
        code=code,
        bundle="handset-and-plan",
        choices={"handset": "ardoval-x2-128-nuit", "plan": "horizon-130", "sim": "carte-sim"},
        term=24,
    )
    handover.hand_over(context, code=code)
    return code


def begun(client: Client, party: Party | None = None) -> None:
    client.post(
        "/agent/contacts/",
        {"reason": "order", "channel": "call_centre", "party": party.pk if party else ""},
    )


def send(client: Client, code: str, **changed: str) -> int:
    page = client.get(f"/agent/cart/{code}/")
    quote = page.context["cart"].quote
    said = {
        "expected": str(quote.due_today_gross.amount),
        "digest": quote.digest(),
        "first_name": "Sacha",
        "last_name": "Perrin",
        "email": "sacha@example.test",
        "phone": "06 39 98 00 77",
        "line1": "3 rue Haute",
        "postcode": "29200",
        "city": "Brest",
    }
    return int(client.post(f"/agent/cart/{code}/send/", said | changed).status_code)


@pytest.mark.parametrize("path", ["/agent/", "/agent/contact/", "/agent/cart/7K2-Q9F/"])
def test_customers_and_visitors_do_not_get_in(db: None, path: str) -> None:
    assert Client().get(path).status_code == 302
    customer = Client()
    party = Party.objects.create(kind="person", segment="consumer", display_name="C", email="")
    customer.force_login(
        User.objects.create_user("c@example.test", "x", party=party),
        backend="django.contrib.auth.backends.ModelBackend",
    )
    assert customer.get(path).status_code == 403


def test_a_handed_over_cart_becomes_an_order_with_both_channels_and_the_agents_name(
    agent: Client, handed: str
) -> None:
    begun(agent)
    opened = agent.post("/agent/cart/", {"code": handed.replace("-", " ").lower()})
    assert opened["Location"] == f"/agent/cart/{handed}/"
    agent.post(
        f"/agent/cart/{handed}/lines/",
        {"group": "g1", "role": "content", "offering": "ondine-musique"},
    )
    assert CartItem.objects.filter(offering="ondine-musique").count() == 1
    assert send(agent, handed) == 302
    order = Order.objects.get()
    assert order.state == "awaiting_acceptance"
    assert order.channels == ["web", "call_centre"]
    assert order.agent_name == "Nadia Benali"
    message = Message.objects.get(code="payment_link")
    assert message.to == "+33639980077"
    assert "/accept/" in message.text
    page = agent.get(f"/agent/orders/{order.number}/").content.decode()
    assert "on the web, by phone" in page
    assert "not accepted yet" in page
    why = f"/orders/{order.number}/why/"
    assert f'href="{why}"' in page
    assert agent.get(why).context["back"] == f"/agent/orders/{order.number}/"
    agent.post("/agent/contact/end/", {"note": "Link sent."})
    contact = Contact.objects.get()
    assert contact.party_id == order.party_id
    assert contact.ended_at is not None
    ended = TimelineEntry.objects.get(code="contact_ended")
    assert (ended.party_id, ended.values["note"]) == (order.party_id, "Link sent.")


def test_an_agent_notes_the_callers_own_number_or_one_that_he_likes(
    agent: Client, handed: str
) -> None:
    begun(agent)
    agent.post("/agent/cart/", {"code": handed})
    plan = CartItem.objects.get(role="plan")
    at = f"/agent/cart/{handed}/lines/{plan.line_id}/number/"
    assert f'href="{at}"' in agent.get(f"/agent/cart/{handed}/").content.decode()

    kept = {"keep": "port", "msisdn": "06 39 98 12 34", "rio": "02PA1B2C3RE0"}
    wrong = agent.post(at, kept)
    assert wrong.status_code == 200
    assert wrong.context["form"].errors.keys() == {"rio"}
    plan.refresh_from_db()
    assert plan.config.get("number_choice", "new") == "new"

    assert agent.post(at, kept | {"rio": "02PA1B2C3RE+"}).status_code == 302
    plan.refresh_from_db()
    assert (plan.config["number_choice"], plan.config["msisdn"]) == ("port", "0639981234")
    assert agent.get(at.replace(plan.line_id, "nothing")).status_code == 404


def test_a_price_that_the_caller_was_not_told_is_refused_and_nothing_is_ordered(
    agent: Client, handed: str
) -> None:
    begun(agent)
    agent.post("/agent/cart/", {"code": handed})
    assert send(agent, handed, expected="1.00") == 422
    assert not Order.objects.exists()
    assert not Message.objects.exists()


def test_nothing_is_changed_for_a_known_customer_before_the_caller_is_verified(
    agent: Client, shop: datetime
) -> None:
    party = Party.objects.create(
        kind="person", segment="consumer", display_name="Camille", email="c@example.test"
    )
    begun(agent, party)
    assert agent.post("/agent/cart/", {"new": "plan-only"}).status_code == 403
    assert not Cart.objects.exists()
    agent.post("/agent/contact/check/", {"facts": ["email", "phone"], "passed": "yes"})
    contact = Contact.objects.get()
    assert (contact.level, contact.facts_checked) == ("L1", ["email", "phone"])
    agent.post("/agent/cart/", {"new": "plan-only"})
    code = Cart.objects.get().code
    wanted = {"group": "g1", "role": "content", "offering": "ondine-musique"}
    assert agent.post(f"/agent/cart/{code}/lines/", wanted).status_code == 302
    assert CartItem.objects.filter(offering="ondine-musique").exists()


def test_a_verified_caller_gets_the_rio_of_his_line_by_message_and_the_agent_never_sees_it(
    agent: Client, db: None
) -> None:
    party, other = person(), person()
    Party.objects.filter(pk=party).update(phone="+33639980001")
    contract = contract_of("F-1", [plan()], party=party)
    foreign = contract_of("F-2", [plan()], party=other)
    begun(agent, Party.objects.get(pk=party))
    assert "Send the RIO" not in agent.get("/agent/contact/").content.decode()
    agent.post(f"/agent/lines/{contract}/rio/")
    assert not Message.objects.exists()

    agent.post("/agent/contact/check/", {"facts": ["email", "phone"], "passed": "yes"})
    assert f"/agent/lines/{contract}/rio/" in agent.get("/agent/contact/").content.decode()
    assert agent.post(f"/agent/lines/{foreign}/rio/").status_code == 302
    with business_time_fixed(contract_at(DAY)):
        agent.post(f"/agent/lines/{contract}/rio/")
    (message,) = Message.objects.all()
    rio = rio_of_subscription(contract)
    assert (message.code, message.channel, message.to) == ("line_rio", "sms", "+33639980001")
    assert (len(rio), rio in message.text) == (12, True)
    entry = TimelineEntry.objects.get(code="rio_sent")
    assert (entry.party_id, entry.actor_name, entry.values) == (
        *(party, "Nadia Benali", {"number": "0639980001"}),
    )
    page = agent.get("/agent/contact/").content.decode()
    assert "RIO of" in page
    assert rio not in page

    ended = {"status": "ended", "ended_on": business_today() - timedelta(days=41)}
    Subscription.objects.filter(pk=contract).update(**ended)
    assert "Send the RIO" not in agent.get("/agent/contact/").content.decode()
    agent.post(f"/agent/lines/{contract}/rio/")
    assert Message.objects.count() == 1


def test_all_shops_that_have_the_cart_are_offered_those_near_the_customer_first(
    agent: Client, handed: str
) -> None:
    wanted = ("ardoval-x2-128-nuit", "carte-sim")
    products = [Offering.objects.get(code=code).product for code in wanted]
    for postcode in ("29200", "44000", "59800", "69001", "69100", "75011"):
        place = Partner.objects.create(code=f"shop-{postcode}", name=f"Shop {postcode}")
        Supplier.objects.create(
            partner=place, kind="shop", line1="1 rue du Port", postcode=postcode, city="Ville"
        )
        for code, product in zip(wanted, products, strict=True):
            StockRecord.objects.create(
                partner=place, product=product, partner_sku=code, num_in_stock=1, num_allocated=0
            )
    party = Party.objects.create(
        kind="person", segment="consumer", display_name="Camille", email="c@example.test"
    )
    home = Address(name="Camille", line1="2 rue Neuve", postcode="69120", city="Vaulx-en-Velin")
    add_address(party_id=party.pk, address=home)
    begun(agent, party)
    agent.post("/agent/contact/check/", {"facts": ["email", "phone"], "passed": "yes"})
    agent.post("/agent/cart/", {"code": handed})
    form = agent.get(f"/agent/cart/{handed}/").context["send_form"]
    found = [code.removeprefix("shop-") for code, _ in form.fields["pick_up_at"].choices]
    assert found == ["", "69100", "69001", "29200", "44000", "59800", "75011"]
    assert send(agent, handed, pick_up_at="shop-69001") == 302
    ordered = OrderItem.objects.filter(role__in=["handset", "sim"]).order_by("role")
    assert [(item.supplier, item.deliver_to) for item in ordered] == [("shop-69001", {})] * 2
    told = agent.get(f"/agent/orders/{Order.objects.get().number}/").content.decode()
    assert "Shop 69001" in told


def test_a_failed_check_is_noted_without_any_answer(agent: Client, db: None) -> None:
    party = Party.objects.create(kind="person", segment="consumer", display_name="C", email="")
    begun(agent, party)
    agent.post("/agent/contact/check/", {"facts": ["email"], "passed": "no"})
    entry = TimelineEntry.objects.get(code="caller_not_verified")
    assert entry.values == {"facts": ["email"], "level": "L0"}


@pytest.mark.parametrize(
    ("text", "found"),
    [("camille", True), ("C@Example.test", True), ("06 39 98 12 34", True), ("xy", False)],
)
def test_a_customer_is_found_by_what_he_says(
    agent: Client, db: None, text: str, found: bool
) -> None:
    Party.objects.create(
        kind="person", segment="consumer", display_name="Camille Renard",
        email="c@example.test", phone="+33639981234",
    )  # fmt: skip
    page = agent.get("/agent/", {"q": text}).content.decode()
    assert ("Camille Renard" in page) is found


@pytest.mark.parametrize("screen", ["/agent/contact/", "/agent/cart/{code}/"])
def test_a_screen_of_a_call_asks_few_queries(agent: Client, handed: str, screen: str) -> None:
    begun(agent)
    agent.post("/agent/cart/", {"code": handed})
    send(agent, handed, expected="1.00")
    path = screen.format(code=handed)
    agent.get(path)
    with CaptureQueriesContext(connection) as asked:
        assert agent.get(path).status_code == 200
    assert len(asked) <= FEW


def test_an_order_that_waits_gets_a_new_link_and_can_be_cancelled(
    agent: Client, handed: str
) -> None:
    begun(agent)
    agent.post("/agent/cart/", {"code": handed})
    assert send(agent, handed) == 302
    order = Order.objects.get()
    first = order.accept_digest
    agent.post("/agent/contact/check/", {"facts": ["email", "phone"], "passed": "yes"})
    agent.post(f"/agent/orders/{order.number}/send-again/")
    order.refresh_from_db()
    assert order.accept_digest != first
    assert Message.objects.filter(code="payment_link").count() == 2
    agent.post(f"/agent/orders/{order.number}/cancel/")
    order.refresh_from_db()
    assert (order.state, order.end_reason) == ("cancelled", "agent")
    assert Cart.objects.get(code=handed).state == "open"


def test_a_smaller_phone_is_confirmed_on_the_agents_screen_too(agent: Client, handed: str) -> None:
    begun(agent)
    agent.post("/agent/cart/", {"code": handed})
    wanted = {"group": "g1", "role": "handset", "offering": "ardoval-a5-128-nuit"}
    asked = agent.post(f"/agent/cart/{handed}/lines/", wanted)
    assert "confirm=ardoval-a5-128-nuit" in asked["Location"]
    assert CartItem.objects.get(role="plan").offering == "horizon-130"
    confirm = agent.get(asked["Location"].partition("#")[0]).context["confirm"]
    assert confirm["accept"] == "plan:horizon-130>essentiel-40@24"
    agent.post(f"/agent/cart/{handed}/lines/", wanted | {"accept": confirm["accept"]})
    assert CartItem.objects.get(role="plan").offering == "essentiel-40"


def test_the_agent_reaches_each_line_of_a_pack_and_says_what_it_is(
    agent: Client, shop: datetime
) -> None:
    code = carts.open_cart(context := visitor())
    first = {"handset": "ardoval-x2-128-nuit", "plan": "horizon-130", "sim": "carte-sim"}
    carts.put_bundle(
        context,
        code=code,
        bundle="duo-pack",
        choices={f"first.{role}": offering for role, offering in first.items()},
        term=24,
    )
    handover.hand_over(context, code=code)
    begun(agent)
    agent.post("/agent/cart/", {"code": code})
    screen = agent.get(f"/agent/cart/{code}/")
    assert [(each["label"], each["current"]) for each in screen.context["groups"]] == [
        ("Duo pack: Phone and plan", True), ("Duo pack: Plan only", False),
    ]  # fmt: skip
    assert screen.context["line_choices"] == []
    (issue,) = screen.context["issues"]
    assert issue.startswith("Duo pack: Plan only: There is still something to choose.")

    second = screen.context["groups"][1]["url"]
    assert second == f"/agent/cart/{code}/?group=g1.second#add"
    screen = agent.get(second.partition("#")[0])
    assert [chip["label"] for chip in screen.context["chips"]] == [
        "Content", "Options", "Plan", "SIM",
    ]  # fmt: skip
    other = next(each["value"] for each in screen.context["line_choices"] if not each["current"])
    assert f'name="line" value="{other}"' in screen.content.decode()

    agent.post(f"/agent/cart/{code}/lines/", {"group": "g1.second", "line": other})
    assert Cart.objects.get().bundles["g1.second"] == "duo-pack/second.handset-and-plan"
    screen = agent.get(second.partition("#")[0])
    assert "Phone" in [chip["label"] for chip in screen.context["chips"]]


def test_an_agent_gives_a_retention_offer_for_a_reason_and_takes_it_back(
    agent: Client, handed: str
) -> None:
    begun(agent)
    agent.post("/agent/cart/", {"code": handed})
    at = f"/agent/cart/{handed}/"
    screen = agent.get(at)
    (offer,) = screen.context["retention"]
    assert (offer["code"], offer["given"]) == ("stay-5", "")
    assert [code for code, _label in offer["reasons"]] == ["price", "competitor", "service"]
    assert 'name="retain" value="stay-5"' in screen.content.decode()

    agent.post(f"{at}lines/", {"retain": "stay-5", "reason": "competitor"})
    given = agent.get(at)
    assert given.context["retention"][0]["given"] == "Another operator's offer"
    applied = {each.code: each.reason for each in given.context["cart"].quote.applied}
    assert applied["stay-5"] == "competitor"
    why = agent.get(f"/cart/{handed}/why/")
    assert "Given by an agent: Another operator" in why.content.decode()
    assert why.context["back"] == at
    assert (why.context["area"], why.context["who"]) == ("Console", given.context["who"])
    assert 'class="footer"' not in why.content.decode()

    agent.post(f"{at}lines/", {"let_go": "stay-5"})
    assert agent.get(at).context["retention"][0]["given"] == ""
    assert Cart.objects.get().retained == {}


def test_the_places_of_a_pack_have_words_on_the_agents_screen(
    agent: Client, shop: datetime
) -> None:
    code = carts.open_cart(context := visitor())
    carts.put_bundle(
        context,
        code=code,
        bundle="home-office",
        choices={"handset": "ardoval-x2-128-nuit", "plan": "horizon-130", "sim": "carte-sim"},
        term=24,
    )
    handover.hand_over(context, code=code)
    begun(agent)
    agent.post("/agent/cart/", {"code": code})
    labels = [chip["label"] for chip in agent.get(f"/agent/cart/{code}/").context["chips"]]
    assert "Leisure kit: To listen with" in labels
    assert "Work kit: Accessories" in labels
    assert not [label for label in labels if "kit." in label]


@pytest.mark.parametrize(
    "path",
    ["/agent/guide/", "/agent/guide/handset/handset/", "/agent/guide/keep-handset/extras/",
     "/agent/guide/usage/?data=60"],
)  # fmt: skip
def test_the_agent_goes_the_same_ways_as_the_shopper(
    agent: Client, shop: datetime, path: str
) -> None:
    begun(agent)
    assert agent.get(path).status_code == 200
