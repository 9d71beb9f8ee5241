"""A firm's webhooks in the portal: who manages them, the secret told once, and what was sent."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.test import Client

from commerce.accounts.kinds import Role
from commerce.accounts.models import Unit
from commerce.events.models import WebhookAttempt, WebhookEndpoint, WebhookMessage
from commerce.events.webhooks import endpoints
from commerce.events.webhooks.sealing import unseal
from commerce.kernel.clock import business_time_fixed
from tests.integration.frontend.test_portal_and_ops import AT, as_member, firm

pytestmark = pytest.mark.django_db
LIST = "/portal/webhooks/"
SAID = {"url": "https://erp.example/hook", "name": "ERP", "types": ["order.placed"]}
SECRET = re.compile(r"whsec_[A-Za-z0-9+/=]+")


@pytest.fixture(autouse=True)
def _now() -> Iterator[None]:
    with business_time_fixed(AT):
        yield


@pytest.fixture
def rivoire() -> Unit:
    return firm("Atelier Rivoire", siren="732829320")


@pytest.fixture
def administrator(rivoire: Unit) -> Client:
    return as_member(rivoire, "Ada", role=Role.ADMINISTRATOR)


def words(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, answer.content
    return re.sub(r"[\s\xa0\u202f]+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def added(client: Client) -> str:
    """The page of a new endpoint."""
    assert client.post(LIST, SAID).status_code == 302
    return f"{LIST}{WebhookEndpoint.objects.latest('created_at').pk}/"


def test_an_address_is_added_and_its_secret_is_shown_that_once(administrator: Client) -> None:
    answer = administrator.post(LIST, SAID)
    row = WebhookEndpoint.objects.get()
    # Somewhere else, so that a reload adds none again.
    assert (answer.status_code, answer.headers["location"]) == (302, f"{LIST}{row.pk}/")
    shown = administrator.get(answer.headers["location"])
    assert SECRET.findall(shown.content.decode()) == [unseal(row.secret)]
    assert (row.url, row.name, row.types) == (SAID["url"], "ERP", ["order.placed"])
    assert row.created_by == "ada@firm.example"
    for place in (LIST, f"{LIST}{row.pk}/", f"{LIST}{row.pk}/log/"):
        assert not SECRET.search(administrator.get(place).content.decode())
    assert "An order is written" in words(administrator, LIST)


def test_all_that_may_be_heard_of_is_said_in_words(administrator: Client) -> None:
    choices = administrator.get(LIST).context["form"].fields["types"].choices
    assert len(choices) > 20
    assert [type_ for type_, name in choices if name == type_] == []


def test_a_new_secret_is_shown_once_too_and_signs_with_the_one_before(
    administrator: Client,
) -> None:
    page = added(administrator)
    before = unseal(WebhookEndpoint.objects.get().secret)
    answer = administrator.post(page, {"do": "rotate"}, follow=True)
    row = WebhookEndpoint.objects.get()
    assert SECRET.findall(answer.content.decode()) == [unseal(row.secret)]
    assert unseal(row.old_secret) == before
    assert "good until" in words(administrator, page)


def test_what_is_wrong_stands_beside_its_field_and_nothing_is_written(
    administrator: Client, settings: Any
) -> None:
    settings.WEBHOOKS_STAY_HOME = False
    for said, sentence in (
        ({"url": "https://10.0.0.1/hook", "name": "ERP"}, "Enter a public address"),
        ({"url": "", "name": "ERP"}, "Enter the address"),
        ({"url": SAID["url"], "name": ""}, "Give it a name"),
        (SAID | {"types": ["task.fell_out"]}, "task.fell_out"),
    ):
        answer = administrator.post(LIST, said)
        assert (answer.status_code, sentence in answer.content.decode()) == (422, True), said
    assert not WebhookEndpoint.objects.exists()
    page = added(administrator)
    days = {"replay-first": "2026-11-20", "replay-last": "2026-11-19"}
    answer = administrator.post(page, {"do": "replay"} | days)
    assert (answer.status_code, "comes after the first" in answer.content.decode()) == (422, True)
    answer = administrator.post(page, {"do": "form"} | SAID | {"name": ""})
    assert (answer.status_code, WebhookEndpoint.objects.get().name) == (422, "ERP")
    assert administrator.post(page, {"do": "nothing"}).status_code == 400


def test_a_test_message_its_answers_and_sending_it_again(administrator: Client) -> None:
    page = added(administrator)
    assert administrator.post(page, {"do": "test"}).status_code == 302
    message = WebhookMessage.objects.get()
    assert 'hx-trigger="every 3s"' in administrator.get(f"{page}log/").content.decode()
    for status, said in ((500, "not today"), (None, "ConnectTimeout")):
        WebhookAttempt.objects.create(message=message, status=status, said=said)
    WebhookMessage.objects.update(state="failed", attempts=2, next_at=None)
    log = words(administrator, f"{page}log/")
    assert "Test webhook.test" in log
    assert "given up" in log
    assert log.index("ConnectTimeout") < log.index("not today"), "the newest first"
    administrator.post(page, {"do": "again", "message": str(message.pk)})
    assert WebhookMessage.objects.get().state == "pending"
    assert administrator.post(page, {"do": "again", "message": "x"}).status_code == 404


def test_pause_resume_change_tell_again_and_remove(administrator: Client) -> None:
    page = added(administrator)
    days = {"replay-first": "2026-11-20", "replay-last": "2026-11-23"}
    told = administrator.post(page, {"do": "replay"} | days, follow=True).content.decode()
    assert "0 messages go out" in told
    administrator.post(page, {"do": "pause"})
    assert "paused" in words(administrator, page)
    refused = administrator.post(page, {"do": "test"}, follow=True).content.decode()
    assert "Resume it first" in refused
    assert not WebhookMessage.objects.exists()
    administrator.post(page, {"do": "resume"})
    administrator.post(page, {"do": "form"} | SAID | {"name": "Books", "types": []})
    assert "Books" in words(administrator, page)
    assert WebhookEndpoint.objects.get().types == []
    assert administrator.post(page, {"do": "remove"}).headers["Location"] == LIST
    assert not WebhookEndpoint.objects.exists()


def test_the_days_of_a_replay_are_days_of_the_shop_from_midnight_to_midnight(
    administrator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, Any]] = []

    def replay(**given: Any) -> int:
        asked.append(given)
        return 0

    monkeypatch.setattr(endpoints, "replay", replay)
    page = added(administrator)
    days = {"replay-first": "2026-11-20", "replay-last": "2026-11-20"}
    administrator.post(page, {"do": "replay"} | days)
    (given,) = asked
    assert str(given["since"]) == "2026-11-20 00:00:00+01:00"
    assert given["until"] - given["since"] == timedelta(days=1)


def test_a_replay_of_all_days_that_there_are_is_none_too_many(administrator: Client) -> None:
    page = added(administrator)
    every = {"replay-first": "0001-01-01", "replay-last": "9999-12-31"}
    told = administrator.post(page, {"do": "replay"} | every, follow=True).content.decode()
    assert "0 messages go out" in told


def test_an_approver_looks_and_manages_nothing(rivoire: Unit, administrator: Client) -> None:
    page = added(administrator)
    approver = as_member(rivoire, "Claire", role=Role.APPROVER)
    assert "Ask an administrator" in words(approver, LIST)
    assert 'name="do"' not in approver.get(page).content.decode()
    for place, said in ((LIST, SAID), (page, {"do": "rotate"}), (page, {"do": "remove"})):
        assert approver.post(place, said).status_code == 403
    assert WebhookEndpoint.objects.get().old_secret == ""


def test_another_firms_administrator_finds_nothing(administrator: Client) -> None:
    page = added(administrator)
    before = WebhookEndpoint.objects.values().get()
    other = as_member(firm("Autre SARL", siren="552100554"), "Otto", role=Role.ADMINISTRATOR)
    assert other.get(page).status_code == 404
    assert other.get(f"{page}log/").status_code == 404
    for act in ("rotate", "test", "pause", "resume", "remove", "again", "form", "replay"):
        said = {"do": act, "message": str(UUID(int=1)), **SAID}
        days = {"replay-first": "2026-11-20", "replay-last": "2026-11-23"}
        assert other.post(page, said | days).status_code == 404, act
    assert WebhookEndpoint.objects.values().get() == before
