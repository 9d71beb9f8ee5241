"""Events reach the endpoints of those whom they concern, signed, whatever fails in between."""

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import UUID

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection, transaction
from standardwebhooks import Webhook

from commerce.events.models import (
    EndpointState,
    OutboxEvent,
    Timer,
    WebhookAttempt,
    WebhookEndpoint,
    WebhookMessage,
    WebhookState,
)
from commerce.events.outbox import Event, publish, publish_all
from commerce.events.pump import drain
from commerce.events.queues import WorkQueue
from commerce.events.registry import register_timer, subscribe, subscribers_of, tell_outside
from commerce.events.runner import run_timers
from commerce.events.selectors import due_timers
from commerce.events.webhooks import endpoints, selectors, sending, telling
from commerce.events.webhooks.events import WebhookEndpointFailed
from commerce.events.webhooks.sealing import unseal
from commerce.events.work import claim, lease, sweep
from commerce.kernel.clock import business_time_fixed, machine_now
from commerce.kernel.errors import InvalidInput, NotFound, RuleViolated

pytestmark = pytest.mark.django_db
FIRM, OTHER = 7, 8
AT = datetime(2026, 11, 22, 9, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class ParcelSent(Event):
    number: str
    party_id: int


@dataclass(frozen=True, slots=True)
class DrillHeld(Event):
    """Nobody's but the operator's, though it names a party."""

    party_id: int


@dataclass(frozen=True, slots=True)
class Rehearsed(Event):
    """So often that it is told on request alone."""

    party_id: int


@dataclass
class Receiver:
    """A program of a firm: keeps what it was sent, answers as it is told."""

    url: str
    answers: list[int] = field(default_factory=list)
    heard: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    def read(self, secret: str) -> list[Any]:
        """The bodies, each verified with the library."""
        return [Webhook(secret).verify(body, headers) for headers, body in self.heard]

    def ids(self) -> list[str]:
        return [headers["webhook-id"] for headers, _ in self.heard]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            found.heard.append((headers, body))
            status = found.answers.pop(0) if found.answers else 204
            self.send_response(status)
            self.send_header("location", "/elsewhere")
            self.send_header("content-length", "0" if status == 204 else "4")
            self.end_headers()
            if status != 204:
                self.wfile.write(b"told")

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found = Receiver(f"http://127.0.0.1:{server.server_port}/hook")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield found
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def told() -> None:
    register_timer(
        telling.TIMER,
        sending.on_send_due,
        durable=False,
        housekeeping=True,
        queue=WorkQueue.WEBHOOKS,
    )
    tell_outside(ParcelSent, name="parcel.sent", to_party=True)
    tell_outside(DrillHeld, name="drill.held", to_party=False)
    tell_outside(WebhookEndpointFailed, name="webhook.endpoint_failed", to_party=True)


def listen(url: str, *, party: int | None = FIRM, types: tuple[str, ...] = ()) -> tuple[UUID, str]:
    return endpoints.register(party_id=party, url=url, types=types, name="ERP", by="Ada")


def happen(*events: Event, at: datetime = AT) -> None:
    with business_time_fixed(at), transaction.atomic():
        publish_all(events)


def timers_at_once() -> None:
    Timer.objects.filter(handler=telling.TIMER).update(due_at=machine_now(), next_at=machine_now())


def try_again_now() -> None:
    """As if the wait were over."""
    WebhookEndpoint.objects.update(silent_until=None)
    timers_at_once()
    drain()


def test_a_firm_hears_of_its_own_and_the_operator_of_all(receiver: Receiver) -> None:
    _, secret = listen(f"{receiver.url}/firm")
    listen(f"{receiver.url}/other", party=OTHER)
    listen(f"{receiver.url}/all", party=None)
    happen(ParcelSent("F-1", FIRM), DrillHeld(FIRM))
    assert drain() == 3
    firm = list(WebhookMessage.objects.filter(endpoint__party_id=FIRM))
    assert [m.type for m in firm] == ["parcel.sent"]
    assert not WebhookMessage.objects.filter(endpoint__party_id=OTHER).exists()
    assert sorted(
        WebhookMessage.objects.filter(endpoint__party_id=None).values_list("type", flat=True)
    ) == ["drill.held", "parcel.sent"]
    ours = next(each for each in receiver.heard if each[0]["webhook-id"] == f"msg_{firm[0].pk.hex}")
    assert Webhook(secret).verify(ours[1], ours[0]) == {
        "type": "parcel.sent",
        "timestamp": "2026-11-22T09:00:00+00:00",
        "data": {"number": "F-1", "party_id": FIRM},
    }


def test_what_is_rolled_back_is_never_sent(receiver: Receiver) -> None:
    listen(receiver.url)
    with transaction.atomic():
        publish(ParcelSent("F-1", FIRM))
        transaction.set_rollback(True)
    drain()
    assert (receiver.heard, WebhookMessage.objects.count()) == ([], 0)


def test_an_endpoint_hears_of_the_events_it_named_alone(receiver: Receiver) -> None:
    listen(receiver.url, types=("webhook.endpoint_failed",))
    happen(ParcelSent("F-1", FIRM))
    assert (drain(), receiver.heard) == (0, [])


def test_what_is_only_written_on_request_has_no_listener_inside() -> None:
    """He would hear of it while some endpoint asks, and of nothing else."""
    subscribe(DrillHeld, lambda _: None, name="inside")
    with pytest.raises(ValueError, match="subscribers"):
        tell_outside(DrillHeld, name="drill.held", to_party=True, on_request=True)
    tell_outside(Rehearsed, name="rehearsed", to_party=True, on_request=True)
    with pytest.raises(ValueError, match="no endpoint asks"):
        subscribe(Rehearsed, lambda _: None, name="rehearsed.inside")
    assert subscribers_of("Rehearsed") == []


def test_telling_costs_one_statement_whatever_the_number(
    receiver: Receiver, django_assert_num_queries: Any
) -> None:
    tell_outside(DrillHeld, name="drill.held", to_party=False)
    with business_time_fixed(AT), transaction.atomic(), django_assert_num_queries(1):
        publish_all(ParcelSent(f"F-{n}", FIRM) for n in range(20))
    listen(receiver.url)
    with business_time_fixed(AT), transaction.atomic(), django_assert_num_queries(2):
        publish_all(ParcelSent(f"F-{n}", FIRM) for n in range(20))
    assert (drain(), len(receiver.heard)) == (20, 20)


def test_a_failure_is_tried_again_under_the_same_id_and_every_try_is_in_the_log(
    receiver: Receiver,
) -> None:
    made, secret = listen(receiver.url)
    receiver.answers = [500, 302]
    happen(ParcelSent("F-1", FIRM))
    drain()
    assert WebhookEndpoint.objects.get().failing_since is not None
    try_again_now()
    try_again_now()
    assert len(receiver.heard) == 3
    assert len(set(receiver.ids())) == 1
    assert len({body for _, body in receiver.heard}) == 1
    assert len(receiver.read(secret)) == 3
    (message,) = selectors.messages_of(FIRM, endpoint_id=made)
    assert message.state is WebhookState.DELIVERED
    assert [(each.status, each.said) for each in message.attempts] == [
        (204, ""),
        (302, "told"),
        (500, "told"),
    ]
    assert WebhookEndpoint.objects.get().failing_since is None
    assert not Timer.objects.exists()


def test_a_worker_that_dies_after_sending_neither_loses_nor_forges(receiver: Receiver) -> None:
    _, secret = listen(receiver.url)
    happen(ParcelSent("F-1", FIRM))
    batch = lease(due_timers(), room={WorkQueue.WEBHOOKS: 10})[WorkQueue.WEBHOOKS]
    held = claim(Timer, batch)
    assert held is not None
    sending._sent(WebhookMessage.objects.select_related("endpoint", "event").get())
    # Here the worker is killed: nothing of what it did is written.
    Timer.objects.update(lease_until=machine_now() - timedelta(seconds=1))
    assert sweep(Timer) == 1
    assert run_timers(batch) == 0
    drain()
    assert len(receiver.heard) == 2
    assert len(set(receiver.ids())) == 1
    assert [read["data"]["number"] for read in receiver.read(secret)] == ["F-1", "F-1"]
    assert WebhookMessage.objects.get().state == WebhookState.DELIVERED
    assert WebhookAttempt.objects.count() == 1


def test_a_message_that_comes_twice_is_sent_once_more_only_if_it_did_not_arrive(
    receiver: Receiver,
) -> None:
    listen(receiver.url)
    happen(ParcelSent("F-1", FIRM))
    drain()
    sending.on_send_due({"message": str(WebhookMessage.objects.get().pk)})
    assert len(receiver.heard) == 1


def test_nobody_there_is_a_try_too(receiver: Receiver) -> None:
    listen("http://127.0.0.1:9/hook")
    happen(ParcelSent("F-1", FIRM))
    drain()
    attempt = WebhookAttempt.objects.get()
    assert (attempt.status, attempt.said.startswith("ConnectError")) == (None, True)
    assert WebhookMessage.objects.get().state == WebhookState.PENDING


def test_one_message_finds_out_for_all_whether_an_endpoint_answers_again(
    receiver: Receiver,
) -> None:
    """A silent one would hold a worker for ten seconds with each message that it has coming."""
    made, _ = listen(receiver.url)
    receiver.answers = [500, 500]
    happen(*(ParcelSent(f"F-{number}", FIRM) for number in range(5)))
    drain()
    assert len(receiver.heard) == 1
    timers_at_once()
    drain()
    assert len(receiver.heard) == 1
    assert WebhookAttempt.objects.count() == 1
    WebhookEndpoint.objects.update(silent_until=machine_now())
    timers_at_once()
    drain()
    assert len(receiver.heard) == 2
    assert WebhookEndpoint.objects.get().failures == 2
    assert sum(WebhookMessage.objects.values_list("attempts", flat=True)) == 2
    first = WebhookMessage.objects.order_by("pk")[0]
    endpoints.send_again(party_id=FIRM, endpoint_id=made, message_id=first.pk)
    drain()
    assert len(receiver.heard) == 3, "who asks for it gets it now"
    timers_at_once()
    drain()
    assert len(receiver.heard) == 7
    assert set(WebhookMessage.objects.values_list("state", flat=True)) == {"delivered"}
    assert WebhookEndpoint.objects.get().failures == 0


def test_after_three_days_of_failure_the_endpoint_hears_of_nothing_and_its_owner_is_told(
    receiver: Receiver,
) -> None:
    made, _ = listen(receiver.url)
    since = machine_now() - timedelta(days=3)
    WebhookEndpoint.objects.update(failing_since=since)
    receiver.answers = [500]
    happen(ParcelSent("F-1", FIRM))
    drain()
    assert WebhookEndpoint.objects.get().state == EndpointState.FAILED
    told = OutboxEvent.objects.get(name="WebhookEndpointFailed").payload
    assert (told["party_id"], told["endpoint"]) == (FIRM, str(made))
    happen(ParcelSent("F-2", FIRM))
    try_again_now()
    assert len(receiver.heard) == 1
    endpoints.resume(party_id=FIRM, endpoint_id=made)
    drain()
    assert len(receiver.heard) == 2, "what was begun goes on"
    assert (
        endpoints.replay(
            party_id=FIRM,
            endpoint_id=made,
            since=AT,
            until=AT + timedelta(days=1),
            type_="parcel.sent",
        )
        == 2
    )
    drain()
    assert len(receiver.heard) == 4
    assert len(set(receiver.ids())) == 2, "one id for each event, however often it is told"


def test_an_endpoint_that_is_gone_says_so_once(receiver: Receiver) -> None:
    listen(receiver.url)
    receiver.answers = [410]
    happen(ParcelSent("F-1", FIRM))
    drain()
    assert WebhookEndpoint.objects.get().state == EndpointState.FAILED


def test_a_replay_is_of_one_time_one_type_and_ones_own(receiver: Receiver) -> None:
    for day in range(3):
        happen(
            ParcelSent(f"F-{day}", FIRM),
            ParcelSent(f"X-{day}", OTHER),
            DrillHeld(FIRM),
            at=AT + timedelta(days=day),
        )
    made, secret = listen(receiver.url)
    count = endpoints.replay(
        party_id=FIRM, endpoint_id=made, since=AT, until=AT + timedelta(days=2)
    )
    drain()
    assert count == 2
    assert sorted(each["data"]["number"] for each in receiver.read(secret)) == ["F-0", "F-1"]


def test_who_has_much_told_again_stands_behind_himself_alone(receiver: Receiver) -> None:
    happen(*(ParcelSent(f"F-{n}", FIRM) for n in range(45)))
    made, _ = listen(receiver.url)
    endpoints.replay(party_id=FIRM, endpoint_id=made, since=AT, until=AT + timedelta(days=1))
    turns = Timer.objects.filter(handler=telling.TIMER, queue=WorkQueue.WEBHOOKS)
    assert Counter(turns.values_list("turn", flat=True)) == {0: 20, 1: 20, 2: 5}
    endpoints.pause(party_id=FIRM, endpoint_id=made)
    Timer.objects.all().delete()
    endpoints.resume(party_id=FIRM, endpoint_id=made)
    assert Counter(turns.values_list("turn", flat=True)) == {0: 20, 1: 20, 2: 5}


def test_one_message_is_sent_again_by_its_owner_alone(receiver: Receiver) -> None:
    made, _ = listen(receiver.url)
    happen(ParcelSent("F-1", FIRM))
    drain()
    message = WebhookMessage.objects.get()
    with pytest.raises(NotFound):
        endpoints.send_again(party_id=OTHER, endpoint_id=made, message_id=message.pk)
    endpoints.send_again(party_id=FIRM, endpoint_id=made, message_id=message.pk)
    drain()
    assert receiver.ids() == [f"msg_{message.pk.hex}"] * 2


def test_a_new_secret_and_the_one_before_both_verify(receiver: Receiver) -> None:
    made, old = listen(receiver.url)
    new = endpoints.rotate(party_id=FIRM, endpoint_id=made)
    happen(ParcelSent("F-1", FIRM))
    drain()
    assert new != old
    assert receiver.read(old) == receiver.read(new)


def test_nobody_touches_the_endpoint_of_another(receiver: Receiver) -> None:
    made, _ = listen(receiver.url)
    for act in (endpoints.remove, endpoints.pause, endpoints.resume, endpoints.rotate):
        for stranger in (OTHER, None):
            with pytest.raises(NotFound):
                act(party_id=stranger, endpoint_id=made)
    with pytest.raises(NotFound):
        selectors.messages_of(OTHER, endpoint_id=made)
    assert WebhookEndpoint.objects.get().state == EndpointState.ACTIVE


@pytest.mark.django_db(transaction=True)
def test_who_removes_an_endpoint_undoes_nothing_that_is_about_to_tell_it_something(
    receiver: Receiver,
) -> None:
    made, _ = listen(receiver.url, party=None)
    told, removed = threading.Event(), threading.Event()

    def place_an_order() -> None:
        try:
            with transaction.atomic():
                publish(ParcelSent("F-1", FIRM))
                told.set()
                removed.wait(timeout=0.5)
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=1) as others:
        order = others.submit(place_an_order)
        assert told.wait(timeout=10)
        endpoints.remove(party_id=None, endpoint_id=made)
        removed.set()
        order.result()
    assert OutboxEvent.objects.filter(name="ParcelSent").count() == 1
    assert (WebhookEndpoint.objects.count(), WebhookMessage.objects.count()) == (0, 0)
    assert (drain(), receiver.heard) == (1, [])


def test_what_is_refused_leaves_nothing(receiver: Receiver) -> None:
    with pytest.raises(InvalidInput) as unknown:
        listen(receiver.url, types=("drill.held",))
    assert unknown.value.code == "unknown_event_type"
    for _ in range(endpoints.MOST_ENDPOINTS):
        listen(receiver.url)
    with pytest.raises(RuleViolated) as full:
        listen(receiver.url)
    assert full.value.code == "too_many_endpoints"
    assert WebhookEndpoint.objects.count() == endpoints.MOST_ENDPOINTS


def test_the_log_is_kept_for_thirty_days_but_for_what_is_still_to_arrive(
    receiver: Receiver,
) -> None:
    listen(receiver.url)
    receiver.answers = [204, 500]
    for number in ("F-1", "F-2"):
        happen(ParcelSent(number, FIRM))
        drain()
    WebhookMessage.objects.update(created_at=machine_now() - timedelta(days=31))
    endpoints.forget_old()
    assert WebhookMessage.objects.get().state == WebhookState.PENDING
    WebhookEndpoint.objects.update(state=EndpointState.FAILED)
    endpoints.forget_old()
    assert not WebhookMessage.objects.exists(), "it would never arrive"


@pytest.mark.parametrize("dripping", ["head", "body"])
def test_a_receiver_that_drips_bytes_is_given_up_on_as_a_whole(
    dripping: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each byte comes in time; all of them would take a minute."""
    monkeypatch.setattr(sending, "WHOLE_ANSWER_WITHIN", 0.3)
    over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            said = b"HTTP/1.1 200 OK\r\ncontent-length: 600\r\n\r\n" + b"." * 600
            if dripping == "body":
                self.wfile.write(said[:39])
                said = said[39:]
            for byte in said:
                if over.wait(0.1):
                    break
                self.wfile.write(bytes([byte]))

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        listen(f"http://127.0.0.1:{server.server_port}/hook")
        happen(ParcelSent("F-1", FIRM))
        drain()
        over.set()
        server.shutdown()
    attempt = WebhookAttempt.objects.get()
    assert (attempt.status, attempt.said) == (None, "no whole answer within 0.3 seconds")
    assert WebhookMessage.objects.get().state == WebhookState.PENDING


def test_a_secret_that_no_key_opens_is_a_try_that_says_so(receiver: Receiver) -> None:
    listen(receiver.url)
    WebhookEndpoint.objects.update(secret="of another key")
    happen(ParcelSent("F-1", FIRM))
    drain()
    assert WebhookAttempt.objects.get().said == "Unreadable: no key that is set opens it"
    assert receiver.heard == []


def test_a_new_secret_instead_of_one_that_no_key_opens_signs_alone(receiver: Receiver) -> None:
    made, _ = listen(receiver.url)
    WebhookEndpoint.objects.update(secret="of another key")
    new = endpoints.rotate(party_id=FIRM, endpoint_id=made)
    happen(ParcelSent("F-1", FIRM))
    drain()
    assert [each["data"]["number"] for each in receiver.read(new)] == ["F-1"]
    assert endpoints.seal_anew() == 1


def test_what_no_key_opens_is_named_and_keeps_no_other_from_being_sealed_anew(
    receiver: Receiver, settings: Any
) -> None:
    settings.SEALING_KEYS = ["first key"]
    lost, _ = listen(receiver.url)
    _, good = listen(receiver.url)
    WebhookEndpoint.objects.filter(pk=lost).update(secret="of another key")
    # One that is good no more is not asked for.
    WebhookEndpoint.objects.exclude(pk=lost).update(old_secret="lost", old_until=machine_now())
    settings.SEALING_KEYS = ["second key", "first key"]
    with pytest.raises(CommandError, match=str(lost)):
        call_command("seal_secrets")
    settings.SEALING_KEYS = ["second key"]
    assert unseal(WebhookEndpoint.objects.exclude(pk=lost).get().secret) == good


def test_secrets_are_sealed_anew_under_the_first_key(receiver: Receiver, settings: Any) -> None:
    settings.SEALING_KEYS = ["first key"]
    made, old = listen(receiver.url)
    new = endpoints.rotate(party_id=FIRM, endpoint_id=made)
    settings.SEALING_KEYS = ["second key", "first key"]
    assert endpoints.seal_anew() == 1
    settings.SEALING_KEYS = ["second key"]
    happen(ParcelSent("F-1", FIRM))
    drain()
    assert len(receiver.read(old)) == len(receiver.read(new)) == 1


@pytest.mark.django_db(transaction=True)
def test_two_that_add_the_tenth_endpoint_at_once_add_one(receiver: Receiver) -> None:
    for _ in range(endpoints.MOST_ENDPOINTS - 1):
        listen(receiver.url)
    together = threading.Barrier(4)

    def add() -> str:
        try:
            together.wait(timeout=10)
            listen(receiver.url)
        except RuleViolated as refusal:
            return refusal.code
        finally:
            connection.close()
        return "added"

    with ThreadPoolExecutor(max_workers=4) as others:
        answers = sorted(each.result() for each in [others.submit(add) for _ in range(4)])
    assert answers == ["added", *["too_many_endpoints"] * 3]
    assert WebhookEndpoint.objects.count() == endpoints.MOST_ENDPOINTS
