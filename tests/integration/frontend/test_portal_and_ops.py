"""Who sees what of the portal and the operators' pages, on PostgreSQL."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from commerce.accounts.kinds import PartyKind, Role, Segment, StaffKind
from commerce.accounts.models import (
    Membership,
    Organisation,
    Party,
    PartyAddress,
    StaffRole,
    TimelineEntry,
    Unit,
    User,
)
from commerce.kernel.clock import business_time_fixed, business_today
from commerce.ordering.models import HolderChange, Order
from orchestration.models import Effect, Plan, Task, TaskHistory
from subscriptions.contracts.selectors import codes_of
from subscriptions.domain.buyers import BuyerCodes
from subscriptions.models import SubscriptionItem
from tests.integration.subscriptions.contracts import begun, plan

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
FEW = 25
PORTAL = (
    "",
    "new/",
    "lines/",
    "numbers/",
    "numbers/new/numero-gratuit-0804/",
    "orders/",
    "bills/",
    "people/",
    "webhooks/",
)
OPS = (
    "",
    "orders/",
    "jeopardy/",
    "fallout/",
    "manual/",
    "billing/",
    "work/",
    "settlements/",
    "bank/",
    "dunning/",
    "einvoicing/",
    "reconciliation/",
)
TABLE = "user_name;user_email;plan;term;site\n"
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("demo_catalogue")]


@pytest.fixture(autouse=True)
def _now() -> Iterator[None]:
    with business_time_fixed(AT):
        yield


def firm(name: str, *, siren: str) -> Unit:
    party = Party.objects.create(
        kind=PartyKind.ORGANISATION,
        segment=Segment.BUSINESS,
        display_name=name,
        email=f"achats@{siren}.example",
    )
    PartyAddress.objects.create(
        party=party, label="Lyon", name=name, line1="1 quai du Port", postcode="69001", city="Lyon"
    )
    organisation = Organisation.objects.create(
        party=party, legal_name=name, siren=siren, vat_number=f"FR44{siren}"
    )
    return Unit.objects.create(organisation=organisation, name="Siège")


def person(email: str) -> User:
    party = Party.objects.create(
        kind=PartyKind.PERSON, segment=Segment.CONSUMER, display_name=email, email=email
    )
    return User.objects.create_user(email, None, party=party)


def as_member(unit: Unit, name: str, *, role: Role, limit: str = "5000") -> Client:
    user = person(f"{name.lower()}@firm.example")
    Membership.objects.create(
        unit=unit, name=name, email=user.email, role=role, order_limit=Decimal(limit), user=user
    )
    return browser(user)


def as_staff(kind: StaffKind) -> Client:
    user = person(f"{kind.value}@faisceau.example")
    StaffRole.objects.create(user=user, kind=kind)
    return browser(user)


def browser(user: User | None = None) -> Client:
    client = Client(headers={"accept-language": "en"})
    if user is not None:
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def rivoire() -> Unit:
    return firm("Atelier Rivoire", siren="732829320")


@pytest.fixture
def buyer(rivoire: Unit) -> Client:
    return as_member(rivoire, "Bruno", role=Role.BUYER, limit="500")


@pytest.fixture
def approver(rivoire: Unit) -> Client:
    return as_member(rivoire, "Anne", role=Role.APPROVER, limit="100000")


def fleet(client: Client, *, count: int = 2, **extra: str) -> Any:
    rows = [f"User {n};user{n}@firm.example;flotte-20;24;Lyon" for n in range(1, count + 1)]
    return client.post("/portal/new/", {"table": TABLE + "\n".join(rows), **extra})


def ordered(client: Client, *, count: int = 2) -> Order:
    answer = fleet(client, count=count, purchase_order="PO-7", terms="on")
    number = answer.headers["Location"].rstrip("/").rsplit("/", 1)[-1]
    return Order.objects.get(number=number)


@pytest.mark.parametrize("path", PORTAL)
def test_the_portal_is_for_members_and_asks_few_queries(buyer: Client, path: str) -> None:
    address = f"/portal/{path}"
    assert buyer.get(address).status_code == 200
    with CaptureQueriesContext(connection) as asked:
        buyer.get(address)
    assert len(asked) <= FEW
    visitor = browser().get(address)
    assert (visitor.status_code, visitor.headers["Location"].split("?")[0]) == (
        302,
        "/account/login/",
    )
    for stranger in (browser(person("ada@example.test")), as_staff(StaffKind.OPERATOR)):
        assert stranger.get(address).status_code == 403


@pytest.mark.parametrize("path", OPS)
def test_the_operators_pages_are_for_operators_and_ask_few_queries(
    buyer: Client, path: str
) -> None:
    address = f"/ops/{path}"
    operator = as_staff(StaffKind.OPERATOR)
    assert operator.get(address).status_code == 200
    with CaptureQueriesContext(connection) as asked:
        operator.get(address)
    assert len(asked) <= FEW
    assert browser().get(address).status_code == 302
    strangers = (buyer, as_staff(StaffKind.AGENT), browser(person("ada@example.test")))
    assert [each.get(address).status_code for each in strangers] == [403, 403, 403]


def test_the_page_for_firms_is_open_and_its_example_is_what_25_lines_cost() -> None:
    page = browser().get("/business/").content.decode()
    assert "25 lines: Flotte 50 5G" in page
    assert "10% off from 20 lines" in page.replace("\u00a0", "") or "10 % off" in page
    assert "€14.40" in page


def test_only_deciders_have_approvals(buyer: Client, approver: Client) -> None:
    assert approver.get("/portal/approvals/").status_code == 200
    refused = buyer.get("/portal/approvals/", follow=True)
    assert refused.redirect_chain == [("/portal/", 302)]
    assert "Only an approver decides on orders." in refused.content.decode()


def test_a_viewer_looks_and_does_not_order(rivoire: Unit) -> None:
    viewer = as_member(rivoire, "Vera", role=Role.VIEWER)
    page = viewer.get("/portal/").content.decode()
    assert "/portal/new/" not in page
    answer = fleet(viewer, purchase_order="PO-7", terms="on")
    assert answer.status_code == 422
    assert Order.objects.count() == 0


def test_a_buyer_writes_cost_centres_beside_his_lines_and_a_viewer_reads_them(
    rivoire: Unit, buyer: Client
) -> None:
    party = rivoire.organisation.party_id
    line = begun(
        "F-1", [plan()], party=party, segment="business", codes=BuyerCodes("EM-01", "PO-1")
    )
    said = {"line": line, f"cost_centre-{line}": " EM-02 ", f"purchase_order-{line}": "PO-2"}
    page = buyer.post("/portal/lines/?q=EM-01", said, follow=True)
    assert page.redirect_chain == [("/portal/lines/?q=EM-01", 302)]
    assert codes_of(line) == BuyerCodes("EM-02", "PO-2")
    shown = buyer.get("/portal/lines/?q=em-02").content.decode()
    assert f'name="cost_centre-{line}" value="EM-02"' in shown
    viewer = as_member(rivoire, "vera", role=Role.VIEWER)
    read = viewer.get("/portal/lines/").content.decode()
    assert ("EM-02" in read, f'name="cost_centre-{line}"' in read) == (True, False)
    viewer.post("/portal/lines/", said | {f"cost_centre-{line}": "mine"})
    assert codes_of(line) == BuyerCodes("EM-02", "PO-2")


def test_what_a_colleague_wrote_meanwhile_is_neither_lost_nor_hidden(
    rivoire: Unit, buyer: Client
) -> None:
    party = rivoire.organisation.party_id
    mine, others = (
        begun(f"F-{each}", [plan()], party=party, segment="business", codes=BuyerCodes("EM-01"))
        for each in (1, 2)
    )
    drawn = {
        f"{before}{name}-{line}": value
        for before in ("", "was-")
        for line in (mine, others)
        for name, value in (("cost_centre", "EM-01"), ("purchase_order", ""))
    } | {"line": [mine, others]}
    colleague = as_member(rivoire, "carla", role=Role.ADMINISTRATOR)
    colleague.post("/portal/lines/", drawn | {f"cost_centre-{others}": "EM-07"})
    # What he did not touch stays as the colleague wrote it.
    buyer.post("/portal/lines/", drawn | {f"cost_centre-{mine}": "EM-02"})
    assert (codes_of(mine), codes_of(others)) == (BuyerCodes("EM-02"), BuyerCodes("EM-07"))
    # What both wrote is shown beside what is kept; nothing of the form is saved.
    both = drawn | {f"cost_centre-{others}": "EM-08", f"purchase_order-{mine}": "PO-9"}
    page = buyer.post("/portal/lines/", both)
    text = page.content.decode()
    assert page.status_code == 409
    assert "Somebody else has changed this meanwhile" in text
    assert f'name="cost_centre-{others}" value="EM-08"' in text
    assert "Kept now: EM-07" in text
    assert (codes_of(mine), codes_of(others)) == (BuyerCodes("EM-02"), BuyerCodes("EM-07"))
    noted = TimelineEntry.objects.filter(party_id=party, code="line_booked").order_by("pk")
    assert [(entry.values["cost_centre"], entry.actor_name) for entry in noted] == [
        ("EM-07", "carla@firm.example"),
        ("EM-02", "bruno@firm.example"),
    ]


def test_a_line_of_a_firm_has_a_timeline_that_no_other_firm_sees(
    rivoire: Unit, buyer: Client
) -> None:
    party = rivoire.organisation.party_id
    line = begun("F-1", [plan()], party=party, segment="business")
    path = f"/portal/lines/{line}/timeline/"
    assert path in buyer.get("/portal/lines/").content.decode()
    viewer = as_member(rivoire, "vera", role=Role.VIEWER)
    for member in (buyer, viewer):
        assert "The contract began" in member.get(path).content.decode()
    other = as_member(firm("Ailleurs", siren="552100554"), "Otto", role=Role.ADMINISTRATOR)
    assert other.get(path).status_code == 404


def test_a_firm_passes_a_line_on_in_its_portal(rivoire: Unit, buyer: Client) -> None:
    party = rivoire.organisation.party_id
    line = begun("F-1", [plan()], party=party, segment="business")
    SubscriptionItem.objects.update(offering="flotte-20")
    path, said = f"/portal/lines/{line}/holder/", {"do": "ask", "email": "otto@ailleurs.example"}
    assert path in buyer.get(f"/portal/lines/{line}/timeline/").content.decode()
    viewer = as_member(rivoire, "vera", role=Role.VIEWER)
    other = as_member(firm("Ailleurs", siren="552100554"), "Otto", role=Role.ADMINISTRATOR)
    assert "Send the link" not in viewer.get(path).content.decode()
    viewer.post(path, {**said, "agreed": "on"})
    assert other.post(path, {**said, "agreed": "on"}).status_code == 404
    assert not HolderChange.objects.exists()

    wished = business_today() + timedelta(days=40)
    asked = buyer.post(path, {**said, "agreed": "on", "on": wished.isoformat()}, follow=True)
    wish = HolderChange.objects.get()
    assert (wish.state, wish.email, wish.on) == ("asked", "otto@ailleurs.example", wished)
    assert "at the earliest" in asked.content.decode()
    buyer.post(path, {"do": "take_back"})
    wish.refresh_from_db()
    assert wish.state == "taken_back"


def test_every_row_is_answered_beside_its_user_and_nothing_is_ordered(buyer: Client) -> None:
    rows = (
        "Ada;ada@firm.example;flotte-20;24;Lyon\n"
        "Bob;bob@firm.example;flotte-20;two;Lyon\n"
        "Cleo;nobody;flotte-20;24;Lyon\n"
        "Dan;dan@firm.example;horizon-130;24;Lyon\n"
    )
    answer = buyer.post("/portal/new/", {"table": TABLE + rows, "step": "check"})
    assert answer.status_code == 422
    answers = answer.context["answers"]
    assert (answers.fitting, answers.wrong) == (1, 3)
    said = {row["user"]: [error["field"] for error in row["errors"]] for row in answers.rows}
    assert said["Ada"] == []
    assert said["Bob"] == ["Commitment"]
    assert said["Cleo"] == ["E-mail"]
    assert "Plan" in said["Dan"]
    assert Order.objects.count() == 0


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ("", "There are no lines yet."),
        ("colour;size\nred;9\n", "The headings are not those of the template."),
        (TABLE, "There are headings, but no lines below them."),
    ],
)
def test_a_table_that_is_none_is_said_beside_the_field(
    buyer: Client, table: str, sentence: str
) -> None:
    answer = buyer.post("/portal/new/", {"table": table, "step": "check"})
    assert answer.status_code == 422
    assert sentence in answer.content.decode()


def test_ordering_needs_the_purchase_order_and_the_terms(buyer: Client) -> None:
    answer = fleet(buyer)
    assert answer.status_code == 422
    assert set(answer.context["order_form"].errors) == {"purchase_order", "terms"}
    assert Order.objects.count() == 0


def test_an_order_above_the_limit_waits_and_another_member_approves_it(
    buyer: Client, approver: Client
) -> None:
    order = ordered(buyer, count=4)
    assert order.state == "awaiting_approval"
    address = f"/portal/orders/{order.number}/"
    mine = buyer.get(address).content.decode()
    assert "waits for Anne" in mine
    assert "decide/" not in mine

    buyer.post(f"{address}decide/", {"decision": "approve"})
    order.refresh_from_db()
    assert order.state == "awaiting_approval"

    assert f"{address}decide/" in approver.get(address).content.decode()
    approver.post(f"{address}decide/", {"decision": "reject"})
    order.refresh_from_db()
    assert order.state == "awaiting_approval"
    approver.post(f"{address}decide/", {"decision": "approve"})
    order.refresh_from_db()
    assert order.state == "accepted"


def test_an_approver_is_told_that_a_colleague_decides_on_his_own_order(rivoire: Unit) -> None:
    small = as_member(rivoire, "Paula", role=Role.APPROVER, limit="100")
    as_member(rivoire, "Anne", role=Role.APPROVER, limit="100000")
    order = ordered(small)
    page = small.get(f"/portal/orders/{order.number}/").content.decode()
    assert "a colleague decides on it" in page
    assert "decide/" not in page
    answer = small.post(
        f"/portal/orders/{order.number}/decide/", {"decision": "approve"}, follow=True
    )
    assert "Nobody approves an order of their own." in answer.content.decode()


def test_another_firm_finds_neither_order_nor_bill(buyer: Client) -> None:
    number = ordered(buyer, count=1).number
    other = as_member(firm("Autre SARL", siren="552100554"), "Olga", role=Role.ADMINISTRATOR)
    for path in (f"orders/{number}/", f"orders/{number}/lines/", "bills/FA-2026-0000001/"):
        assert other.get(f"/portal/{path}").status_code == 404, path
    assert other.post(f"/portal/orders/{number}/decide/", {"decision": "approve"}).status_code in (
        302,
        404,
    )
    assert number not in other.get("/portal/orders/").content.decode()


@pytest.fixture
def stuck(buyer: Client) -> Task:
    """A porting that the provider refused; its request holds a RIO."""
    order = ordered(buyer, count=1)
    plan = Plan.objects.create(
        order_number=order.number, group="u1", party_id=order.party_id, release=1, created_at=AT
    )
    task = Task.objects.create(
        plan=plan,
        key="plan.port",
        kind="callback",
        action="porting.port_in",
        lines=["1-1"],
        needs=[],
        position=1,
        state="fallout",
        cause="OPD_DATA",
        last_error="The RIO is not known.",
    )
    Effect.objects.create(
        task=task,
        generation=1,
        key=f"port:{order.number}:1",
        port="porting",
        request={"msisdn": "0639981234", "rio": "02PA1B2C3RE+"},
        state="refused",
        answer={"code": "OPD_DATA"},
    )
    TaskHistory.objects.create(task=task, state="fallout", at=AT, by="system", note="refused")
    return task


def test_an_operator_sees_the_task_without_its_secrets_and_decides(stuck: Task) -> None:
    operator = as_staff(StaffKind.OPERATOR)
    address = f"/ops/orders/{stuck.plan.order_number}/"
    page = operator.get(address).content.decode()
    assert "The old operator knows the line by other data" in page
    assert "0639981234" in page
    assert "02PA1B2C3RE+" not in page
    assert "•••" in page
    with CaptureQueriesContext(connection) as asked:
        operator.get(address)
    assert len(asked) <= FEW

    decide = f"/ops/tasks/{stuck.pk}/"
    operator.post(decide, {"decision": "skip", "order": stuck.plan.order_number})
    stuck.refresh_from_db()
    assert stuck.state == "fallout"
    operator.post(decide, {"decision": "skip", "note": "kept", "order": stuck.plan.order_number})
    stuck.refresh_from_db()
    assert stuck.state == "skipped"


@pytest.mark.parametrize("order", ["../../admin", "F 8", "é", "a" * 300 + "/"])
def test_a_form_that_names_no_order_leads_to_the_list_of_what_fell_out(
    stuck: Task, order: str
) -> None:
    operator = as_staff(StaffKind.OPERATOR)
    for place in (f"/ops/tasks/{stuck.pk}/", f"/ops/tasks/{stuck.pk}/correct/"):
        answer = operator.post(place, {"decision": "skip", "order": order})
        assert (answer.status_code, answer.headers["Location"]) == (302, "/ops/fallout/")


def test_a_buyer_decides_nothing_about_plans(stuck: Task, buyer: Client) -> None:
    answer = buyer.post(f"/ops/tasks/{stuck.pk}/", {"decision": "retry"})
    assert answer.status_code == 403
    stuck.refresh_from_db()
    assert stuck.state == "fallout"


@pytest.mark.parametrize(
    "address", ["/ops/orders/?q=%00", "/ops/fallout/?cause=a%00b", "/portal/orders/?before=%00"]
)
def test_a_character_that_no_text_has_is_no_fault_of_ours(address: str, buyer: Client) -> None:
    client = buyer if "portal" in address else as_staff(StaffKind.OPERATOR)
    answer = client.get(address)
    assert answer.status_code == 400
    assert "The request is malformed." in answer.content.decode()


def test_a_note_with_such_a_character_is_not_kept(stuck: Task) -> None:
    operator = as_staff(StaffKind.OPERATOR)
    note = {"decision": "skip", "note": "a\0b", "order": stuck.plan.order_number}
    assert operator.post(f"/ops/tasks/{stuck.pk}/", note).status_code == 400
    stuck.refresh_from_db()
    assert stuck.state == "fallout"
