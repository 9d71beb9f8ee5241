"""Purchases of third parties on pages: what was bought, what is allowed, and the three cases of
care: it failed, it was not delivered, nobody bought it."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import pytest
from django.test import Client

from commerce.accounts.kinds import Role
from commerce.accounts.models import (
    Contact,
    Membership,
    Party,
    StaffRole,
    TimelineEntry,
    Unit,
    User,
)
from commerce.accounts.services.organisations import add_member, create_organisation
from commerce.kernel.clock import business_time_fixed
from commerce.kernel.money import Money
from commerce.notifications.models import Message
from subscriptions.carrier.models import (
    CarrierLimits,
    CarrierPayment,
    CarrierRefund,
    CarrierSubscription,
    Merchant,
)
from subscriptions.models import Subscription
from tests.integration.subscriptions.contracts import DAY, at, begun, plan
from tests.integration.subscriptions.test_carrier_billing import bought, merchant

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _on_the_day() -> Iterator[None]:
    with business_time_fixed(at(DAY)):
        yield


@pytest.fixture
def seller() -> Merchant:
    return merchant()


@pytest.fixture
def line(seller: Merchant) -> Subscription:
    """A line that has bought something, holds a monthly service, and was refused something."""
    party = Party.objects.create(
        kind="person", segment="consumer", display_name="Camille", email="camille@example.test"
    )
    begun("F-1", [plan("29.99")], party=party.pk)
    found = Subscription.objects.get(order_number="F-1")
    bought(seller, "12.50", on=DAY, reference="r-1")
    with pytest.raises(Exception, match="not possible"):
        bought(seller, "50.01", on=DAY, reference="r-2")
    CarrierSubscription.objects.create(
        merchant=seller,
        subscription=found,
        service_code="lune-month",
        service="Lune, le mensuel",
        gross=Decimal("4.99"),
        currency="EUR",
        began_at=at(DAY),
    )
    return found


def browser(user: User) -> Client:
    client = Client(headers={"accept-language": "en"})
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def camille(line: Subscription) -> Client:
    return browser(User.objects.create_user("camille@example.test", "x", party=line.party))


@pytest.fixture
def nadia(line: Subscription) -> Client:
    """An agent who speaks with Camille and knows that it is she."""
    user = User.objects.create_user("nadia@faisceau.example", "x", first_name="Nadia")
    StaffRole.objects.create(user=user, kind="agent")
    client = browser(user)
    said = {"reason": "bill", "channel": "call_centre", "party": line.party_id}
    client.post("/agent/contacts/", said)
    Contact.objects.update(verified=True)
    return client


def read(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return answer.content.decode().replace("\u00a0", " ").replace("\u202f", " ")


def test_the_customer_sees_what_he_bought_and_what_did_not_go_through(
    camille: Client, line: Subscription
) -> None:
    page = read(camille, f"/account/lines/{line.pk}/purchases/")
    for each in ("€12.50", "Éditions Lune", "Help: 0800 000 001", "€12.50 of €300.00", "€50.01"):
        assert each in page
    assert "It was more than the law allows for one purchase." in page


def test_the_customer_chooses_less_than_the_law_allows(camille: Client, line: Subscription) -> None:
    path = f"/account/lines/{line.pk}/purchases/"
    wrong = camille.post(path, {"do": "limits", "per_purchase": "50.01"})
    assert wrong.status_code == 200
    assert not CarrierLimits.objects.exists()
    right = {"do": "limits", "per_purchase": "10", "per_month": "", "categories": ["voice"]}
    assert camille.post(path, right).status_code == 302
    row = CarrierLimits.objects.get()
    assert (str(row.per_purchase), row.per_month, row.categories) == ("10.00", None, ["voice"])
    assert TimelineEntry.objects.filter(code="purchases_limited").count() == 1


def test_a_limit_of_nothing_stays_one_when_the_form_is_sent_again(
    camille: Client, line: Subscription
) -> None:
    path = f"/account/lines/{line.pk}/purchases/"
    camille.post(path, {"do": "limits", "per_month": "0"})
    assert "€12.50 of €0.00" in read(camille, path)
    shown = camille.get(path).context["form"]
    assert (shown["per_month"].value(), shown["per_purchase"].value()) == (Decimal(0), None)


def test_the_customer_stops_a_monthly_service_once(camille: Client, line: Subscription) -> None:
    path = f"/account/lines/{line.pk}/purchases/"
    assert "Lune, le mensuel" in read(camille, path)
    held = CarrierSubscription.objects.get()
    for _ in range(2):
        camille.post(path, {"do": "stop", "service": held.pk})
    held.refresh_from_db()
    assert held.ended_at == at(DAY)
    assert Message.objects.filter(code="carrier_ended").count() == 1
    assert "Lune, le mensuel" not in read(camille, path)


def test_anothers_line_is_nobodys(line: Subscription) -> None:
    other = Party.objects.create(kind="person", segment="consumer", display_name="O", email="")
    stranger = browser(User.objects.create_user("o@example.test", "x", party=other))
    path = f"/account/lines/{line.pk}/purchases/"
    assert stranger.get(path).status_code == 404
    held = CarrierSubscription.objects.get()
    assert stranger.post(path, {"do": "stop", "service": held.pk}).status_code == 404
    held.refresh_from_db()
    assert held.ended_at is None


def test_an_agent_finds_a_purchase_and_gives_a_part_back(nadia: Client, line: Subscription) -> None:
    path = f"/agent/lines/{line.pk}/purchases/"
    assert "Reference at the merchant's: r-1" in read(nadia, f"{path}?q=r-1")
    assert "r-1" not in read(nadia, f"{path}?q=soleil").replace("?q=r-1", "")
    payment = CarrierPayment.objects.get()
    told = {"do": "refund", "payment": str(payment.pk), "amount": "2.50"}
    nadia.post(path, told)
    assert not CarrierRefund.objects.exists(), "without a reason"
    nadia.post(path, told | {"reason": "not delivered"})
    refund = CarrierRefund.objects.get()
    assert (str(refund.gross), refund.reason, refund.by) == ("2.50", "not delivered", "Nadia")
    for _ in range(2):
        nadia.post(path, told | {"reason": "twice", "amount": "1.00", "once": "0123456789ab"})
    assert CarrierRefund.objects.filter(reason="twice").count() == 1
    entry = TimelineEntry.objects.get(code="purchase_refunded", values__note="not delivered")
    assert TimelineEntry.objects.filter(code="purchase_refunded").count() == 2
    assert entry.values == {"service": "Lune+", "amount": "2.50", "note": "not delivered"}


def test_who_never_bought_it_gets_all_back_and_the_merchant_is_blocked(
    nadia: Client, line: Subscription, seller: Merchant
) -> None:
    path = f"/agent/lines/{line.pk}/purchases/"
    payment = CarrierPayment.objects.get()
    nadia.post(path, {"do": "never", "payment": str(payment.pk), "reason": "her child did"})
    assert CarrierRefund.objects.get().reason == "never bought: her child did"
    assert "(never bought: her child did)" in read(nadia, path)
    nadia.defaults["HTTP_ACCEPT_LANGUAGE"] = "fr"
    for said_on in (path, "/agent/contact/"):
        page = read(nadia, said_on)
        assert "jamais acheté : her child did" in page
        assert "never bought" not in page
    assert CarrierSubscription.objects.get().ended_at == at(DAY), "nobody is reminded of it"
    with pytest.raises(Exception, match="not possible") as refused:
        bought(seller, "1.00", on=DAY)
    assert refused.value.code == "merchant_blocked_by_customer"  # type: ignore[attr-defined]
    nadia.post(path, {"do": "unblock", "merchant": "lune"})
    bought(seller, "1.00", on=DAY)


def test_an_agent_changes_nothing_before_he_knows_who_calls(
    nadia: Client, line: Subscription
) -> None:
    Contact.objects.update(verified=False)
    path = f"/agent/lines/{line.pk}/purchases/"
    payment = CarrierPayment.objects.get()
    for told in (
        {"do": "refund", "payment": str(payment.pk), "reason": "x"},
        {"do": "never", "payment": str(payment.pk)},
        {"do": "limits", "blocked": "on"},
        {"do": "stop", "service": CarrierSubscription.objects.get().pk},
    ):
        nadia.post(path, told)
    assert not CarrierRefund.objects.exists()
    assert not CarrierLimits.objects.exists()
    assert CarrierSubscription.objects.get().ended_at is None


def table(client: Client, path: str) -> list[str]:
    """The rows of a file that is sent piece by piece."""
    told: bytes = client.get(path).getvalue()
    return told.decode().split("\r\n")


def test_operators_see_what_merchants_sold_and_take_it_along(
    line: Subscription, camille: Client
) -> None:
    user = User.objects.create_user("omar@faisceau.example", "x")
    StaffRole.objects.create(user=user, kind="operator")
    omar = browser(user)
    page = read(omar, "/ops/merchants/?month=2026-03")
    for each in ("Éditions Lune", "€12.50", "€7.29", "agrees", "€12.50 on no bill yet"):
        assert each in page
    rows = omar.get("/ops/merchants/2026-03.csv").content.decode().split("\r\n")
    sums = "1;12.50;0;10.42;70.00;0.00;untold;0;0;7.29;0;12.50"
    assert rows[1] == f"2026-03;lune;Éditions Lune;{sums};yes;;;;"
    bills = table(omar, "/ops/merchants/2026-03/lune.csv")
    assert [row.split(";")[1:3] for row in bills[1:-1]] == [["purchase", "r-1"]]
    CarrierPayment.objects.update(reference="=r-1")
    bills = table(omar, "/ops/merchants/2026-03/lune.csv")
    assert ";'=r-1;" in bills[1], "no formula of a merchant's"
    early = omar.post("/ops/merchants/2026-03/close/", follow=True).content.decode()
    assert "The month is not over yet." in early
    with business_time_fixed(at(date(2026, 4, 3))):
        closed = omar.post("/ops/merchants/2026-03/close/", follow=True).content.decode()
        for each in ("1 statement is closed.", "What we owe merchants", "closed on"):
            assert each in closed
        nameless = omar.post("/ops/merchants/lune/paid/", {"reference": " "}, follow=True)
        assert "Say by which transfer he was paid." in nameless.content.decode()
        for cents in ("", "9" * 5000, "728"):
            other = omar.post(
                "/ops/merchants/lune/paid/", {"reference": "VIR-1", "cents": cents}, follow=True
            )
            assert "another sum is payable by now" in other.content.decode()
        assert 'name="cents" value="729"' in closed
        omar.post("/ops/merchants/lune/paid/", {"reference": "VIR-1", "cents": "729"})
        page = read(omar, "/ops/merchants/?month=2026-03")
        assert "paid on 3 April 2026, VIR-1" in page
        assert "What we owe merchants" not in page
        rows = omar.get("/ops/merchants/2026-03.csv").content.decode().split("\r\n")
        assert rows[1].endswith(";yes;2026-04-03;2026-04-03;VIR-1;")
    assert camille.post("/ops/merchants/lune/paid/", {"reference": "x"}).status_code == 403
    for none in ("never", "9999-12"):
        assert omar.get(f"/ops/merchants/{none}.csv").status_code == 404
        assert omar.get(f"/ops/merchants/?month={none}").status_code == 200
    assert camille.get("/ops/merchants/").status_code == 403


def test_a_service_that_can_be_none_is_none(camille: Client, line: Subscription) -> None:
    path = f"/account/lines/{line.pk}/purchases/"
    for told in ("", "x", "9" * 30, "9" * 5000):
        assert camille.post(path, {"do": "stop", "service": told}).status_code == 302
    assert CarrierSubscription.objects.get().ended_at is None


@pytest.fixture
def claire() -> Client:
    """Who approves orders of a firm with two lines."""
    party = create_organisation(
        legal_name="Atelier Rivoire SAS",
        siren="012345674",
        vat_number="FR09012345674",
        email="contact@rivoire.example",
        phone="01 99 00 12 34",
    )
    for order, name, msisdn in (("F-8", "Ada", "0639980008"), ("F-9", "Bruno", "0639980009")):
        begun(order, [plan("20.00")], party=party, segment="business")
        Subscription.objects.filter(order_number=order).update(user_name=name, msisdn=msisdn)
    user = User.objects.create_user("claire@rivoire.example", "x")
    unit = Unit.objects.get(organisation__party=party, parent=None)
    add_member(
        unit_id=unit.pk,
        name="Claire Rivoire",
        email=user.email,
        role=Role.APPROVER,
        limit=Money.of(1000),
        user_id=user.pk,
    )
    return browser(user)


def test_a_firms_lines_are_blocked_until_who_approves_allows_some(claire: Client) -> None:
    page = read(claire, "/portal/purchases/")
    assert page.count(">blocked<") == 2
    ada = Subscription.objects.get(user_name="Ada")
    none = claire.post("/portal/purchases/", {"per_month": "20"})
    assert (none.status_code, CarrierLimits.objects.count()) == (422, 0)
    claire.post("/portal/purchases/", {"line": [str(ada.pk)], "per_month": "20"})
    page = read(claire, "/portal/purchases/")
    assert (page.count(">blocked<"), page.count(">allowed<")) == (1, 1)
    assert "€50.00 each, €20.00 a month" in page
    claire.post("/portal/purchases/", {"line": [str(ada.pk)], "per_purchase": "0"})
    assert "€0.00 each, €300.00 a month" in read(claire, "/portal/purchases/")
    claire.post("/portal/purchases/", {"line": [str(ada.pk)], "per_month": "20"})
    assert "Bruno" not in read(claire, "/portal/purchases/?q=ada")
    bought(merchant(code="soleil"), "12.00", on=DAY, number=f"+33{ada.msisdn[1:]}")
    assert "€12.00" in read(claire, "/portal/purchases/")


def test_a_firm_limits_no_line_of_another_and_a_buyer_none(
    claire: Client, line: Subscription
) -> None:
    ours = [str(each.pk) for each in Subscription.objects.filter(user_name__in=("Ada", "Bruno"))]
    with_another = claire.post("/portal/purchases/", {"line": [*ours, str(line.pk)]})
    assert with_another.status_code == 422
    Membership.objects.update(role=Role.BUYER)
    page = claire.post("/portal/purchases/", {"line": ours})
    assert page.status_code == 422
    assert "Ask an administrator or who approves orders of your firm." in page.content.decode()
    assert not CarrierLimits.objects.exists()
