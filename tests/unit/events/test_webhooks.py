"""Where webhooks may go, when they are tried again, and how they are signed."""

import asyncio
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any

import pytest
from standardwebhooks import Webhook

from commerce.events.models import OutboxEvent, WebhookEndpoint, WebhookMessage
from commerce.events.webhooks import sending
from commerce.events.webhooks.addresses import NotAllowed, checked_url, way_to
from commerce.events.webhooks.sealing import Unreadable, seal, sealed_anew, unseal
from commerce.events.webhooks.sending import DISTANCES, body_of, headers_of, wait_after
from commerce.kernel.errors import InvalidInput

NEW, OLD = "whsec_bmV3LW5ldy1uZXctbmV3LW5ldw==", "whsec_b2xkLW9sZC1vbGQtb2xkLW9sZA=="


@pytest.fixture
def now() -> datetime:
    """The library takes nothing that is older than five minutes: the time of the test itself."""
    return datetime.now(UTC)


def message(**endpoint: Any) -> WebhookMessage:
    event = OutboxEvent(
        name="OrderAccepted",
        payload={"number": "F-1", "é": "–"},
        occurred_at=datetime(2026, 11, 22, tzinfo=UTC),
    )
    return WebhookMessage(
        type="order.accepted", event=event, endpoint=WebhookEndpoint(secret=seal(NEW), **endpoint)
    )


@pytest.mark.parametrize(
    ("attempt", "draw", "seconds"),
    [(1, 0.5, 5), (1, 0.0, 4), (2, 0.5, 60), (3, 0.5, 300), (10, 0.5, 86400), (10, 0.0, 69120)],
)
def test_the_distance_grows_from_seconds_to_a_day(attempt: int, draw: float, seconds: int) -> None:
    assert wait_after(attempt, draw=draw) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("failures", "draw", "seconds"),
    [(0, 0.0, 0), (1, 0.5, 0.5), (2, 0.5, 6), (4, 0.99, 356.4), (9, 0.99, 356.4)],
)
def test_what_was_put_off_wakes_one_after_the_other_in_a_fifth_of_the_pause(
    failures: int, draw: float, seconds: float
) -> None:
    until = datetime(2026, 11, 23, 9, tzinfo=UTC)
    woken = sending.woken_at(until, failures=failures, draw=draw)
    assert woken - until == timedelta(seconds=seconds)


def test_a_name_that_nobody_looks_up_in_time_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as it would take all the same: nobody waits for it."""
    over = Event()
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: over.wait(60) or [])
    monkeypatch.setattr(sending, "WHOLE_ANSWER_WITHIN", 0.05)
    with pytest.raises(TimeoutError):
        asyncio.run(sending._posted("https://receiver.example/hook", b"", {}))
    assert not over.is_set()
    over.set()


def test_after_three_days_it_is_tried_no_more() -> None:
    assert wait_after(len(DISTANCES) + 1, draw=0.5) is None
    assert timedelta(days=3) < sum(DISTANCES, timedelta()) < timedelta(days=4)


@pytest.mark.parametrize(
    "url",
    [
        "http://receiver.example/hook",
        "https://user:secret@receiver.example/hook",
        "https://receiver.example/hook#part",
        "https://127.0.0.1/hook",
        "https://10.1.2.3/hook",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/hook",
        "https://[fd00::1]/hook",
        "https://localhost/hook",
        "https://printer.local/hook",
        "ftp://receiver.example",
        "receiver.example",
        "https://" + "a" * 500 + ".example",
        "https://" + "a" * 64 + ".example",
        "https://receiver..example/hook",
        "https://xn--a/hook",
    ],
)
def test_an_address_inside_or_without_tls_is_refused(url: str, settings: Any) -> None:
    settings.WEBHOOKS_STAY_HOME = False
    with pytest.raises(InvalidInput) as refusal:
        checked_url(url)
    assert (refusal.value.code, refusal.value.detail["field"]) == ("bad_address", "url")


@pytest.mark.parametrize(
    ("host", "inside"),
    [
        ("64:ff9b::a9fe:a9fe", True),
        ("64:ff9b::5db8:d822", False),
        ("::127.0.0.1", True),
        ("2002:a00:1::1", True),
        ("fec0::1", True),
        ("::ffff:10.0.0.1", True),
        ("2606:2800:220:1:248:1893:25c8:1946", False),
    ],
)
def test_an_address_that_a_gateway_translates_is_judged_by_where_it_leads(
    host: str, inside: bool, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.WEBHOOKS_STAY_HOME = False
    found = [(0, 0, 0, "", (host, 443, 0, 0))]
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: found)
    with pytest.raises(NotAllowed) if inside else nullcontext():
        assert way_to("https://receiver.example/hook").url.host == host


def test_a_public_address_is_kept(settings: Any) -> None:
    settings.WEBHOOKS_STAY_HOME = False
    assert checked_url(" https://receiver.example/hook?a=1 ") == "https://receiver.example/hook?a=1"


def test_a_name_that_leads_inside_is_not_followed(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.WEBHOOKS_STAY_HOME = False
    found = [(0, 0, 0, "", ("93.184.216.34", 443)), (0, 0, 0, "", ("192.168.0.7", 443))]
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: found)
    with pytest.raises(NotAllowed, match="private network"):
        way_to("https://receiver.example/hook")


def test_a_name_that_nobody_can_have_leads_nowhere() -> None:
    with pytest.raises(NotAllowed, match="not known"):
        way_to("https://" + "a" * 64 + ".example/hook")


def test_what_was_judged_is_what_is_connected_to(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.WEBHOOKS_STAY_HOME = False
    found = [(0, 0, 0, "", ("93.184.216.34", 8443))]
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: found)
    way = way_to("https://receiver.example:8443/hook")
    assert (str(way.url), way.host, way.name) == (
        "https://93.184.216.34:8443/hook",
        "receiver.example:8443",
        "receiver.example",
    )


def test_the_library_of_the_receiver_verifies_what_is_sent(now: datetime) -> None:
    told = message()
    body = body_of(told)
    read = Webhook(NEW).verify(body, headers_of(told, body, at=now))
    assert read == {
        "type": "order.accepted",
        "timestamp": "2026-11-22T00:00:00+00:00",
        "data": {"number": "F-1", "é": "–"},
    }


def test_while_a_secret_is_changed_both_verify_and_then_the_new_one_alone(
    now: datetime,
) -> None:
    told = message(old_secret=seal(OLD), old_until=now + timedelta(hours=1))
    body = body_of(told)
    both = headers_of(told, body, at=now)
    for secret in (NEW, OLD):
        assert Webhook(secret).verify(body, both)
    assert len(both["webhook-signature"].split()) == 2
    later = headers_of(told, body, at=now + timedelta(hours=2))
    assert len(later["webhook-signature"].split()) == 1


def test_what_is_sealed_says_nothing_and_is_read_with_any_key_that_is_set(settings: Any) -> None:
    settings.SEALING_KEYS = ["first key"]
    sealed = seal(NEW)
    assert NEW not in sealed
    assert seal(NEW) != sealed, "the same secret twice shows nothing"
    settings.SEALING_KEYS = ["second key", "first key"]
    assert unseal(sealed) == NEW
    anew = sealed_anew(sealed)
    settings.SEALING_KEYS = ["second key"]
    assert unseal(anew) == NEW
    with pytest.raises(Unreadable):
        unseal(sealed)


def test_without_keys_of_its_own_what_signs_seals_and_its_fallbacks_open(settings: Any) -> None:
    settings.SEALING_KEYS, settings.SECRET_KEY = [], "before"
    sealed = seal(NEW)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "after", ["before"]
    assert unseal(sealed) == NEW
    settings.SECRET_KEY_FALLBACKS = []
    with pytest.raises(Unreadable):
        unseal(sealed)


def test_a_sealed_secret_fits_its_column() -> None:
    longest = WebhookEndpoint._meta.get_field("secret").max_length
    assert len(seal("whsec_" + "a" * 44)) <= (longest or 0)
