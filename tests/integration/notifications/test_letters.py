"""Letters: to whom nothing else reaches, taken once by the postal provider, read in the inbox."""

from collections.abc import Iterator

import pytest
from django.conf import LazySettings

from commerce.accounts.models import Party, PartyAddress
from commerce.events.models import Timer
from commerce.events.pump import drain
from commerce.kernel.clock import machine_now
from commerce.notifications import services
from commerce.notifications.adapters import http
from commerce.notifications.models import Message, MessageChannel, MessageState
from commerce.notifications.services import POST_TIMER, send, way_to, ways_to
from tests.integration.sandbox_providers.harness import API_KEY, Receiver, Sandbox

pytestmark = pytest.mark.django_db
LINES = ("Ada Martin", "3 rue Haute", "Bâtiment B", "75011 Paris")


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
def post(running: Sandbox, settings: LazySettings) -> Iterator[Sandbox]:
    settings.PROVIDERS_URL, settings.PROVIDERS_API_KEY = running.url, API_KEY
    settings.PROVIDER_TIMEOUT_SECONDS = 1.0
    http._http.cache_clear()
    services.letters.cache_clear()
    yield running
    http._http.cache_clear()
    running.http.delete("/_control/faults")


@pytest.fixture
def ada() -> int:
    """Somebody who has an address alone."""
    party = Party.objects.create(kind="person", display_name="Ada Martin", language="fr")
    PartyAddress.objects.create(
        party=party, name="Ada Martin", line1=LINES[1], line2=LINES[2], postcode="75011",
        city="Paris",
    )  # fmt: skip
    return party.pk


def reminded(party: int, reference: str, *, by_post: bool = True) -> None:
    send(
        party_id=party,
        code="dunning_reminder",
        values={"owed": {"fr": "42,00 €", "en": "€42.00"}, "since": "10/03/2026", "bills": "FA-1"},
        reference=reference,
        by_post=by_post,
    )


def received(post: Sandbox, reference: str) -> list[dict[str, str]]:
    answer = post.http.get("/_control/messages", params={"reference": reference})
    found: list[dict[str, str]] = answer.json()["messages"]
    return found


def test_a_letter_is_taken_once_with_its_envelope_and_read_in_the_inbox(
    post: Sandbox, ada: int
) -> None:
    for _ in range(2):
        reminded(ada, "letter")
    assert list(Timer.objects.values_list("handler", flat=True)) == [POST_TIMER]
    drain()
    (found,) = received(post, "letter")
    assert (found["channel"], found["to"]) == ("letter", ", ".join(LINES))
    assert "42,00 € restent à payer" in found["text"]
    message = Message.objects.get()
    assert (message.state, message.channel) == (MessageState.SENT, MessageChannel.POST)
    assert message.provider_id == found["message_id"]
    assert post.became("letters", "letter")["status"] == "done"
    assert "Letter" in post.http.get("/inbox").text


def test_an_unanswered_letter_is_asked_for_and_not_posted_again(post: Sandbox, ada: int) -> None:
    post.plant(provider="letters", operation="items$", kind="timeout_after_effect", seconds=3)
    reminded(ada, "asked")
    drain()
    assert Message.objects.get().state == MessageState.UNKNOWN
    post.http.delete("/_control/faults")
    Timer.objects.update(due_at=machine_now(), next_at=machine_now())
    drain()
    assert Message.objects.get().state == MessageState.SENT
    assert len(received(post, "asked")) == 1


REMINDER, NOTICE = "dunning_reminder", "dunning_notice"


def test_what_no_sms_says_goes_by_post_to_who_has_a_telephone_and_no_e_mail(ada: int) -> None:
    Party.objects.filter(pk=ada).update(phone="+33639981234")
    codes = [REMINDER, NOTICE, "line_restricted"]
    assert ways_to(ada, codes) == {
        REMINDER: MessageChannel.SMS, NOTICE: MessageChannel.POST,
        "line_restricted": MessageChannel.SMS,
    }  # fmt: skip
    send(party_id=ada, code=NOTICE, values={}, reference="notice", by_post=True)
    assert (Message.objects.get().channel, Message.objects.get().to) == ("post", "\n".join(LINES))
    Party.objects.filter(pk=ada).update(phone="")
    assert way_to(ada, code="line_restricted") is None
    send(party_id=ada, code="line_restricted", values={}, reference="no text", by_post=True)
    assert Message.objects.count() == 1


def test_who_has_an_e_mail_or_a_telephone_gets_no_letter_and_only_what_may_goes_by_post(
    ada: int,
) -> None:
    assert way_to(ada, code=REMINDER) is MessageChannel.POST
    reminded(ada, "not-by-post", by_post=False)
    assert Message.objects.count() == 0
    Party.objects.filter(pk=ada).update(phone="+33639981234")
    reminded(ada, "sms")
    way = way_to(ada, code=REMINDER)
    assert (way, Message.objects.get().channel) == (MessageChannel.SMS, "sms")
    PartyAddress.objects.all().delete()
    Party.objects.filter(pk=ada).update(phone="")
    assert way_to(ada, code=REMINDER) is None


@pytest.mark.parametrize(
    "lines", [None, "Ada", ["Ada", "Paris"], ["Ada", "", "Paris"], ["Ada", "x" * 61, "Paris"]]
)
def test_an_envelope_that_makes_no_sense_is_refused(post: Sandbox, lines: object) -> None:
    answer = post.http.post(
        "/letters/items",
        json={"to": lines, "subject": "s", "text": "t", "language": "fr", "reference": "bad"},
        headers={"Authorization": f"Bearer {API_KEY}", "Idempotency-Key": f"bad/{lines}"[:60]},
    )
    assert answer.status_code == 422
    assert received(post, "bad") == []
