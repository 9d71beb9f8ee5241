"""The simulated merchant sells on our bills through the routes of CAMARA, and his books and ours
say the same."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.test import Client

from commerce.accounts.identity import SYSTEM, AccountContext
from commerce.accounts.models import User
from commerce.events.webhooks.sealing import unseal
from commerce.kernel.clock import business_time_fixed
from commerce.notifications.models import Message
from commerce.sandbox.common.clock import Clock
from commerce.sandbox.common.faults import Faults
from commerce.sandbox.common.storage import Database
from commerce.sandbox.merchant.books import Books, Sale
from commerce.sandbox.merchant.goods import PRODUCTS
from commerce.sandbox.merchant.operator import Operator, Silent
from commerce.sandbox.merchant.shop import FAULTS, Shop, month_after
from subscriptions.carrier.demo import load_demo_merchant
from subscriptions.carrier.models import CarrierDenial, CarrierPayment, SinkMessage
from subscriptions.carrier.models import Merchant as OurMerchant
from subscriptions.carrier.services import refunding, settling, stopping
from subscriptions.models import Subscription
from tests.integration.subscriptions.contracts import DAY, at, begun, person, plan

pytestmark = pytest.mark.django_db
LINE = "+33639980001"
HIS = "http://127.0.0.1:9"
SINGLE, MONTHLY, TICKET = (PRODUCTS[code] for code in ("lune-42", "lune-plus", "lecture"))


def answered(request: httpx.Request) -> httpx.Response:
    """Our application, without a server in between."""
    answer = Client().generic(
        request.method,
        request.url.raw_path.decode(),
        request.content,
        content_type=request.headers.get("content-type", ""),
        headers=dict(request.headers),
    )
    return httpx.Response(
        answer.status_code, content=answer.getvalue(), headers=dict(answer.headers.items())
    )


class Merchant:
    """The shop on its own books, speaking to our application."""

    def __init__(self, folder: Path) -> None:
        told = load_demo_merchant(HIS)
        database = Database(folder / "merchant.sqlite3")
        self.clock = Clock(database)
        self.books = Books(database, clock=self.clock)
        self.faults = Faults(database, kinds=FAULTS)
        transport = httpx.MockTransport(answered)
        self.shop = Shop(
            books=self.books,
            operator=Operator(
                httpx.Client(transport=transport, base_url="http://testserver"),
                credentials=lambda: (told["client_id"], told["client_secret"]),
            ),
            clock=self.clock,
            faults=self.faults,
            address=f"{HIS}/events",
        )

    def plant(self, kind: str, route: str, times: int = 1) -> None:
        self.faults.plant({"kind": kind, "route": route, "times": times})

    def month(self, number: int, *, on: date) -> None:
        """So many months after the beginning; `on` is the day here."""
        with business_time_fixed(at(on)):
            self.shop.run_due(month_after(self.clock.now(), months=number) + 1)

    def states(self) -> list[tuple[str, str]]:
        return [(each.product, each.state) for each in self.books.sales()]

    def agreed(self, compared: int) -> None:
        """His books and our list say the same of so many sales."""
        found = self.shop.compared()
        assert (found.compared, found.agree) == (compared, True), asdict(found)


@pytest.fixture(autouse=True)
def _on_the_day() -> Iterator[None]:
    with business_time_fixed(at(DAY)):
        yield


@pytest.fixture
def line() -> Subscription:
    begun("F-1", [plan("29.99")], party=person())
    return Subscription.objects.get()


@pytest.fixture
def lune(line: Subscription, tmp_path: Path) -> Merchant:
    return Merchant(tmp_path)


@pytest.fixture
def camille(line: Subscription) -> Client:
    user = User.objects.create_user("c@example.test", "x", party=line.party)
    client = Client(headers={"accept-language": "en"})
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def path_of(sale: Sale) -> str:
    return httpx.URL(sale.way).path


def says(camille: Client, sale: Sale, word: str) -> str:
    """Answer on our page; the page that comes then."""
    answer = camille.post(path_of(sale), {"do": word}, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def code_of(sale: Sale) -> str:
    text = Message.objects.get(reference=f"carrier_code/{sale.payment}").text
    found = re.search(r"\b\d{6}\b", text)
    assert found is not None
    return found[0]


def hears(lune: Merchant, message: SinkMessage, **headers: str) -> str:
    sent = {
        "content-type": "application/cloudevents+json",
        "authorization": f"Bearer {unseal(message.credential)}",
        **headers,
    }
    return lune.shop.hear(json.loads(message.body), headers=sent)


def test_the_customer_says_yes_on_our_page_and_goes_back_to_the_merchant(
    lune: Merchant, camille: Client
) -> None:
    sale = lune.shop.sell(SINGLE, number=LINE)
    assert sale.state == "page"
    page = camille.get(path_of(sale)).content.decode()
    for each in ("Lune, no 42", "Éditions Lune", "€4.99", "once", "€295.01", "0800 000 001"):
        assert each in page
    assert not Message.objects.filter(code="carrier_code").exists()
    assert lune.shop.look(sale).state == "page", "nobody has answered"
    page = says(camille, sale, "yes")
    assert f'href="{HIS}/back?paymentId={sale.payment}"' in page
    OurMerchant.objects.update(return_to=f"{HIS}/back?shop=1")
    page = camille.get(path_of(sale)).content.decode()
    assert f'href="{HIS}/back?shop=1&amp;paymentId={sale.payment}"' in page
    assert [lune.shop.look(sale).state for _ in range(2)] == ["delivered"] * 2
    assert CarrierPayment.objects.get().state == "succeeded"
    lune.agreed(1)


def test_who_says_no_buys_nothing_and_can_not_say_yes_any_more(
    lune: Merchant, camille: Client
) -> None:
    sale = lune.shop.sell(TICKET, number=LINE)
    assert "Nothing was bought" in says(camille, sale, "no")
    assert "You have answered before." in says(camille, sale, "yes")
    assert lune.shop.look(sale).state == "refused"
    row = CarrierPayment.objects.get()
    assert (row.state, row.denied_for) == ("denied", "refused_by_customer")
    lune.agreed(0)


def test_nobody_else_can_answer_and_nobody_after_a_quarter_of_an_hour(
    lune: Merchant, camille: Client
) -> None:
    sale = lune.shop.sell(SINGLE, number=LINE)
    stranger = Client()
    assert stranger.get(path_of(sale)).status_code == 302, "to log in"
    stranger.force_login(
        User.objects.create_user("s@example.test", "x", party_id=person()),
        backend="django.contrib.auth.backends.ModelBackend",
    )
    assert stranger.post(path_of(sale), {"do": "yes"}).status_code == 404
    forged = path_of(sale).rstrip("/")[:-2] + "xx/"
    assert camille.get(forged).status_code == 404
    with business_time_fixed(at(DAY, 13)):
        assert "The time for an answer is over" in says(camille, sale, "yes")
    assert CarrierPayment.objects.get().state == "pending_validation"


def test_who_buys_by_message_gives_the_merchant_a_code(lune: Merchant) -> None:
    sale = lune.shop.sell(SINGLE, number=LINE, channel="SMS")
    assert (sale.state, sale.way) == ("code", "")
    wrong = "000000" if code_of(sale) != "000000" else "000001"
    assert lune.shop.type_code(sale, code=wrong).state == "code"
    assert lune.shop.type_code(sale, code=code_of(sale)).state == "delivered"
    lune.agreed(1)


def test_who_can_not_log_in_is_sent_a_code(lune: Merchant) -> None:
    assert lune.shop.sell(SINGLE, number=LINE).state == "code"


def test_a_month_is_charged_each_month_until_the_customer_stops_it(
    lune: Merchant, camille: Client
) -> None:
    sale = lune.shop.sell(MONTHLY, number=LINE)
    assert "each month, until you stop it" in camille.get(path_of(sale)).content.decode()
    says(camille, sale, "yes")
    lune.shop.look(sale)
    lune.plant("sold_twice", MONTHLY.code)
    for number, on in ((1, date(2026, 4, 10)), (2, date(2026, 5, 10))):
        lune.month(number, on=on)
        lune.month(number, on=on)
    paid = [each for each in lune.states() if each[1] == "delivered"]
    assert paid == [(MONTHLY.code, "delivered")] * 3
    assert lune.states().count((MONTHLY.code, "refused")) == 1, "the month that was asked for twice"
    stopping.stop_by_message(number=LINE, text="STOP")
    lune.month(3, on=date(2026, 6, 10))
    assert [(each.next_at, each.why) for each in lune.books.helds()] == [
        (None, "CARRIER_BILLING.PAYMENT_DENIED")
    ]
    assert CarrierDenial.objects.filter(rule="needs_confirmation").count() == 2
    lune.agreed(3)


def test_what_was_not_delivered_is_given_back_by_the_merchant_or_by_us(
    lune: Merchant, camille: Client, line: Subscription
) -> None:
    lune.plant("no_delivery", ".*", times=2)
    sales = []
    for product in (SINGLE, TICKET):
        sale = lune.shop.sell(product, number=LINE)
        says(camille, sale, "yes")
        sales.append(lune.shop.look(sale))
    assert [each.state for each in sales] == ["undelivered"] * 2
    assert lune.shop.give_back(sales[0], reason="not delivered").returned == 499
    agent = AccountContext(SYSTEM.actor, line.party_id, SYSTEM.role, SYSTEM.channel)
    payment = CarrierPayment.objects.get(reference=sales[1].reference)
    refunding.refund_by_agent(context=agent, payment_id=payment.pk, amount=None, reason="no ticket")
    assert lune.shop.compared().differ == [sales[1].reference], "he has not heard of it"
    for message in SinkMessage.objects.filter(body__contains="refund-completed"):
        assert hears(lune, message) == ""
    lune.agreed(2)


def test_an_event_is_believed_once_and_only_with_the_token_that_was_given(
    lune: Merchant, camille: Client
) -> None:
    sale = lune.shop.sell(SINGLE, number=LINE)
    says(camille, sale, "yes")
    reserved = SinkMessage.objects.get(body__contains="payment-reserved")
    assert hears(lune, reserved, authorization="Bearer guessed") == "without the token that we gave"
    assert lune.states() == [(SINGLE.code, "page")]
    for _ in range(3):
        for message in SinkMessage.objects.order_by("created_at"):
            assert hears(lune, message) == ""
    assert lune.states() == [(SINGLE.code, "delivered")]
    kinds = {each["type"].rpartition("-")[2]: each["times"] for each in lune.books.events()}
    assert kinds["completed"] == 2
    assert CarrierPayment.objects.filter(state="succeeded").count() == 1


def test_a_sale_that_is_missing_on_one_side_is_found(lune: Merchant, camille: Client) -> None:
    sale = lune.shop.sell(SINGLE, number=LINE)
    says(camille, sale, "yes")
    lune.shop.look(sale)
    payment = CarrierPayment.objects.get()
    CarrierPayment.objects.update(told={**payment.told, "referenceCode": "another"})
    found = lune.shop.compared()
    assert (found.not_ours, found.not_his) == (["another"], [sale.reference])


def test_a_malformed_event_is_refused_by_name(lune: Merchant, camille: Client) -> None:
    sale = lune.shop.sell(SINGLE, number=LINE)
    event: Mapping[str, Any] = json.loads(SinkMessage.objects.get().body)
    headers = {"content-type": "application/cloudevents+json"}
    cases: tuple[tuple[Any, str], ...] = (
        ({**event, "specversion": "0.3"}, "specversion 0.3"),
        ({**event, "type": "org.example.sold"}, "unknown type org.example.sold"),
        ({name: event[name] for name in event if name != "time"}, "without time"),
        ({**event, "data": {"status": "x"}}, "names no payment"),
        ([], "not an object"),
    )
    for told, wrong in cases:
        assert lune.shop.hear(told, headers=headers) == wrong
    plain = {"content-type": "application/json"}
    assert lune.shop.hear(event, headers=plain) == "not sent as a CloudEvent"
    assert lune.shop.look(sale).state == "page"


def test_a_closed_month_says_what_his_own_books_say_and_a_planted_difference_is_found(
    lune: Merchant,
) -> None:
    day = date(2040, 3, 10)
    lune.clock.advance_to(at(day).timestamp() - lune.clock.real())
    with business_time_fixed(at(day)):
        for product in (SINGLE, TICKET):
            sale = lune.shop.sell(product, number=LINE, channel="SMS")
            assert lune.shop.type_code(sale, code=code_of(sale)).state == "delivered"
        lune.shop.give_back(sale, reason="not delivered")
    assert lune.shop.statement_compared("2040-03") is None, "not closed yet"
    with business_time_fixed(at(date(2040, 4, 3))):
        assert settling.close(date(2040, 3, 1), by="x") == 1
    found = lune.shop.statement_compared("2040-03")
    assert found is not None
    assert (found.compared, found.agree) == (2, True), asdict(found)
    lune.books.given_back(sale, remaining=sale.cents)
    lune.books.begin("unheard", product=SINGLE.code, number=LINE, cents=499, token="t", held=None)
    lune.books.paid(lune.books.sale("unheard"), payment="p", delivered=True)
    found = lune.shop.statement_compared("2040-03")
    assert found is not None
    assert (found.not_his, found.differ) == (["unheard"], [sale.payment])


def test_a_statement_that_is_not_that_of_its_digest_is_not_believed(lune: Merchant) -> None:
    def changed(request: httpx.Request) -> httpx.Response:
        answer = answered(request)
        body = answer.content.replace(b"4.99", b"5.99")
        return httpx.Response(answer.status_code, content=body, headers={
            "repr-digest": answer.headers.get("repr-digest", "")})  # fmt: skip

    with business_time_fixed(at(date(2026, 3, 20))):
        sale = lune.shop.sell(SINGLE, number=LINE, channel="SMS")
        lune.shop.type_code(sale, code=code_of(sale))
    with business_time_fixed(at(date(2026, 4, 3))):
        settling.close(date(2026, 3, 1), by="x")
    told = load_demo_merchant(HIS)
    client = httpx.Client(transport=httpx.MockTransport(changed), base_url="http://testserver")
    operator = Operator(client, credentials=lambda: (told["client_id"], told["client_secret"]))
    with pytest.raises(Silent, match="digest"):
        operator.statement("2026-03")
