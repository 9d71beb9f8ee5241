"""A message is written with what it tells of and sent once."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.db import transaction
from django.template.loader import get_template

from commerce.accounts.models import Party
from commerce.events.models import Timer
from commerce.events.pump import drain
from commerce.kernel.clock import machine_now
from commerce.kernel.errors import InvalidInput, RuleViolated
from commerce.notifications import services
from commerce.notifications.adapters import http
from commerce.notifications.models import Message, MessageState
from commerce.notifications.selectors import messages_of
from commerce.notifications.services import send
from tests.integration.sandbox_providers.harness import API_KEY, Receiver, Sandbox

pytestmark = pytest.mark.django_db
FOLDER = "notifications"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    receiver = Receiver()
    sandbox = Sandbox(
        tmp_path_factory.mktemp("providers"), callback_url=receiver.url, pace="instant"
    )
    yield sandbox
    sandbox.stop()
    receiver.stop()


@pytest.fixture
def carrier(running: Sandbox, settings: LazySettings) -> Iterator[Sandbox]:
    settings.PROVIDERS_URL, settings.PROVIDERS_API_KEY = running.url, API_KEY
    settings.PROVIDER_TIMEOUT_SECONDS = 1.0
    http._http.cache_clear()
    services.carrier.cache_clear()
    yield running
    http._http.cache_clear()
    running.http.delete("/_control/faults")


@pytest.fixture
def ada() -> int:
    return Party.objects.create(
        kind="person",
        display_name="Ada Martin",
        email="ada@example.test",
        phone="+33639981234",
        language="en",
    ).pk


def due_now() -> None:
    Timer.objects.update(due_at=machine_now(), next_at=machine_now())


def received(carrier: Sandbox, reference: str) -> list[dict[str, str]]:
    answer = carrier.http.get("/_control/messages", params={"reference": reference})
    found: list[dict[str, str]] = answer.json()["messages"]
    return found


def test_an_sms_reaches_the_phone_once_in_the_customers_language(
    carrier: Sandbox, ada: int
) -> None:
    for _ in range(2):
        send(
            party_id=ada,
            code="payment_link",
            values={"order": "F-1", "url": "http://shop.invalid/p/1"},
            reference="once",
        )
    drain()
    assert [(entry["to"], entry["text"]) for entry in received(carrier, "once")] == [
        (
            "+33639981234",
            "Faisceau: your order F-1 is waiting. Check, accept and pay here: "
            "http://shop.invalid/p/1",
        )
    ]
    assert [view.state for view in messages_of(ada)] == [MessageState.SENT]


def test_an_e_mail_goes_where_no_sms_text_exists(carrier: Sandbox, ada: int) -> None:
    send(party_id=ada, code="order_accepted", values={"order": "F-2"}, reference="mail")
    drain()
    (entry,) = received(carrier, "mail")
    assert (entry["to"], entry["subject"]) == ("ada@example.test", "Your order F-2 is confirmed")


def test_what_is_rolled_back_is_never_sent(carrier: Sandbox, ada: int) -> None:
    with transaction.atomic():
        send(party_id=ada, code="order_accepted", values={"order": "F-3"}, reference="never")
        transaction.set_rollback(True)
    drain()
    assert received(carrier, "never") == []


def test_an_unanswered_message_is_asked_for_and_not_sent_again(carrier: Sandbox, ada: int) -> None:
    carrier.plant(provider="messages", operation="sms$", kind="timeout_after_effect", seconds=3)
    send(party_id=ada, code="line_active", values={}, reference="asked")
    drain()
    assert Message.objects.get().state == MessageState.UNKNOWN
    due_now()
    drain()
    assert Message.objects.get().state == MessageState.SENT
    assert len(received(carrier, "asked")) == 1
    assert carrier.counted("sms", "asked")["arrivals"] == 1


@pytest.mark.parametrize("kind", ["timeout_before_effect", "error"])
def test_a_message_that_never_arrived_is_sent_again(carrier: Sandbox, ada: int, kind: str) -> None:
    carrier.plant(provider="messages", operation="sms$", kind=kind, seconds=3)
    send(party_id=ada, code="line_active", values={}, reference=f"again-{kind}")
    drain()
    due_now()
    drain()
    assert len(received(carrier, f"again-{kind}")) == 1


def test_a_crash_before_our_note_sends_nothing_twice(carrier: Sandbox, ada: int) -> None:
    send(party_id=ada, code="line_active", values={}, reference="crash")
    drain()
    Message.objects.update(state=MessageState.CLAIMED)
    services.carry_out({"message_id": Message.objects.get().pk})
    assert Message.objects.get().state == MessageState.SENT
    assert len(received(carrier, "crash")) == 1


def test_a_refused_message_fails_and_is_not_repeated(carrier: Sandbox, ada: int) -> None:
    carrier.plant(provider="messages", operation="sms$", kind="refuse", code="barred")
    send(party_id=ada, code="line_active", values={}, reference="refused")
    drain()
    row = Message.objects.get()
    assert (row.state, row.last_error.split(":")[0]) == (MessageState.FAILED, "barred")
    assert not Timer.objects.exists()


def test_a_message_without_text_or_addressee_is_refused(ada: int) -> None:
    with pytest.raises(RuleViolated):
        send(party_id=ada, code="no_such_message", values={}, reference="x")
    with pytest.raises(InvalidInput):
        send(code="line_active", values={}, reference="x")
    assert not Message.objects.exists()


def test_somebody_without_phone_or_e_mail_is_told_nothing() -> None:
    nobody = Party.objects.create(kind="person", display_name="Nobody")
    send(party_id=nobody.pk, code="line_active", values={}, reference="x")
    assert not Message.objects.exists()


def test_each_message_exists_in_both_languages() -> None:
    base = Path(services.__file__).parent / "templates" / FOLDER
    french, english = (
        {entry.name for entry in (base / language).iterdir()} for language in ("fr", "en")
    )
    assert french == english
    for name in french:
        assert (
            get_template(f"{FOLDER}/en/{name}")
            .render({"public_url": "http://shop.invalid"})
            .strip()
        )
    assert {name for name in french if name.endswith(".txt")} == {
        name.replace(".subject", ".txt") for name in french if name.endswith(".subject")
    }
