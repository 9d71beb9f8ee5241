"""Ends in writing: their motive and its proof, from which day their notice counts, and what they
may name."""

import re
from datetime import date, timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from commerce.accounts.kinds import StaffKind
from commerce.accounts.models import ContractRequest, Proof, StaffRole, User
from commerce.accounts.services.proofs import KEPT, forget_old
from commerce.accounts.written import proofs_of
from commerce.kernel.clock import business_time_fixed
from commerce.notifications.models import Message
from commerce.ordering.models import Order, OrderItem
from subscriptions.models import Invoice
from tests.integration.frontend.test_customer_area import (
    DAY,
    SAID,
    browser,
    camille,
    customer,
    link_in,
)
from tests.integration.ordering.test_next_offers import begin
from tests.integration.subscriptions import contracts

__all__ = ["camille"]
AT = contracts.at(DAY)
ASKED_ON = date(2026, 12, 24)
PDF = b"%PDF-1.4 a letter"
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("demo_catalogue")]


def plain(answer: Any) -> str:
    return str(answer.content.decode().replace("\u00a0", " "))


def sent(client: Client, name: str, content: bytes) -> int:
    answer = client.post("/request-received/", {"proof": SimpleUploadedFile(name, content)})
    return int(answer.status_code)


def agent() -> Client:
    user = User.objects.create_user("agent@example.test", "un-mot-de-passe-long", is_staff=True)
    StaffRole.objects.create(user=user, kind=StaffKind.AGENT)
    return browser(user)


def test_a_motive_is_said_and_proved_in_writing_and_staff_alone_sees_the_proof(
    camille: User,
) -> None:
    client = browser()
    with business_time_fixed(contracts.at(ASKED_ON, 9)):
        check = client.post("/end-contract/", {**SAID, "motive": "move_abroad"})
        assert "A move abroad or out of coverage" in plain(check)
        client.post("/end-contract/", {**SAID, "motive": "move_abroad", "send": "1"})
        assert sent(client, "lettre.pdf", b"<html>not what it says</html>") == 422
        told = client.post(
            "/request-received/",
            {"proof": SimpleUploadedFile("lettre.pdf", b"<html>")},
            headers={"accept-language": "fr"},
        )
        assert "Envoyez un PDF, un JPEG ou un PNG." in plain(told)
        assert sent(client, "../../lettre.pdf", PDF) == 302
        assert sent(client, "lettre.pdf", PDF) == 302
        assert "lettre.pdf, received 24 December 2026 at 09:00" in plain(
            client.get("/request-received/")
        )
        seen = plain(agent().get("/agent/"))
    assert "Motif" in Message.objects.get().text or "Reason" in Message.objects.get().text
    proof = Proof.objects.get()
    assert (proof.name, proof.kind) == ("lettre.pdf", "application/pdf")
    assert "A move abroad or out of coverage" in seen
    (path,) = re.findall(r"/agent/proofs/\d+/", seen)
    for stranger in (browser(), client, browser(camille)):
        assert stranger.get(path).status_code in (302, 403, 404)
    user = User.objects.get(email="agent@example.test")
    answer = browser(user).get(path)
    assert (answer.content, answer["Content-Disposition"]) == (
        PDF, 'attachment; filename="lettre.pdf"',
    )  # fmt: skip


def test_what_proves_nothing_is_not_kept_and_what_does_not_for_ever(camille: User) -> None:
    client = browser()
    with business_time_fixed(contracts.at(ASKED_ON, 9)):
        client.post("/end-contract/", {**SAID, "send": "1"})
        assert sent(client, "lettre.pdf", PDF) == 422
        assert client.post("/end-contract/", {**SAID, "motive": "boredom"}).status_code == 422
        client.post("/end-contract/", {**SAID, "motive": "death", "send": "1"})
        sent(client, "acte.pdf", PDF)
    for days, left in ((KEPT.days, 1), (KEPT.days + 1, 0)):
        with business_time_fixed(contracts.at(ASKED_ON + timedelta(days=days), 9)):
            forget_old()
        assert Proof.objects.count() == left


def test_the_notice_counts_from_the_receipt_and_the_motive_comes_along() -> None:
    user = customer()
    assert user.party_id is not None
    begin(user.party_id)
    client = browser()
    with business_time_fixed(contracts.at(ASKED_ON, 9)):
        client.post("/end-contract/", {**SAID, "motive": "death", "send": "1"})
        sent(client, "acte.pdf", PDF)
    with business_time_fixed(contracts.at(ASKED_ON + timedelta(days=6), 9)):
        path = link_in(Message.objects.get())
        followed = browser().get(path)["Location"]
        page = plain(browser().get(followed))
        assert (followed, "The contract ends on 3 January 2027" in page) == (
            f"{path}?motive=death", True,
        )  # fmt: skip
        seen = {
            name: re.findall(rf'name="{name}" value="([^"]+)"', page)[0]
            for name in ("expected", "digest")
        }
        browser().post(followed, seen)
    order = Order.objects.get()
    item = OrderItem.objects.get(order=order, role="plan")
    assert (item.config["motive"], item.facts["ends_on"]) == ("death", "2027-01-03")
    ((proof,),) = proofs_of([order.number]).values()
    assert proof.name == "acte.pdf"


def test_a_notice_that_is_over_ends_the_contract_on_its_last_day() -> None:
    user = customer()
    assert user.party_id is not None
    begin(user.party_id)
    with business_time_fixed(contracts.at(ASKED_ON, 9)):
        browser().post("/end-contract/", {**SAID, "send": "1"})
    with business_time_fixed(contracts.at(ASKED_ON + timedelta(days=20), 9)):
        page = plain(browser().get(link_in(Message.objects.get())))
        assert "The contract ends on 3 January 2027" in page


@pytest.mark.parametrize("path", ["/end-contract/", "/withdraw/"])
def test_who_names_his_bill_and_no_line_gets_the_link(camille: User, path: str) -> None:
    bill = Invoice.objects.order_by("pk")[0].number
    said = {name: value for name, value in SAID.items() if name != "line_number"}
    with business_time_fixed(contracts.at(date(2026, 11, 30), 9)):
        browser().post(path, {**said, "contract": bill, "send": "1"})
    assert ContractRequest.objects.get().party_id == camille.party_id
    # The contract was not ordered here, so that there is nothing to withdraw from.
    assert ("/confirm-request/" in Message.objects.get().text) is (path == "/end-contract/")
