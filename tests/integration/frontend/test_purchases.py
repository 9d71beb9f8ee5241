"""Purchases of third parties on pages: what was bought, what is allowed, and the three cases of
care: it failed, it was not delivered, nobody bought it."""

from collections.abc import Iterator
from decimal import Decimal

import pytest
from django.test import Client

from commerce.accounts.models import Contact, Party, StaffRole, TimelineEntry, User
from commerce.kernel.clock import business_time_fixed
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
    found = Subscription.objects.get()
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
    assert rows[1] == ("2026-03;lune;Éditions Lune;1;12.50;0;10.42;70.00;0.00;7.29;0;12.50;yes")
    for none in ("never", "9999-12"):
        assert omar.get(f"/ops/merchants/{none}.csv").status_code == 404
        assert omar.get(f"/ops/merchants/?month={none}").status_code == 200
    assert camille.get("/ops/merchants/").status_code == 403


def test_a_service_that_can_be_none_is_none(camille: Client, line: Subscription) -> None:
    path = f"/account/lines/{line.pk}/purchases/"
    for told in ("", "x", "9" * 30, "9" * 5000):
        assert camille.post(path, {"do": "stop", "service": told}).status_code == 302
    assert CarrierSubscription.objects.get().ended_at is None
