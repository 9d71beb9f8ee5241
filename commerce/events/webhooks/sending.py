"""Sending one message: signed, tried again at growing distances, each try in the log.

A crash at any line leaves the timer, so the message is sent again under the same id: at least
once. It is never made up anew: the body is the event as it was stored.
"""

import asyncio
import json
import random
import ssl
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import httpx
from django.db import transaction
from standardwebhooks import Webhook

from commerce.events import outbox, timers
from commerce.events.models import (
    EndpointState,
    WebhookAttempt,
    WebhookEndpoint,
    WebhookMessage,
    WebhookState,
)
from commerce.events.webhooks.addresses import NotAllowed, Way, way_to
from commerce.events.webhooks.events import WebhookEndpointFailed
from commerce.events.webhooks.sealing import Unreadable, unseal
from commerce.events.webhooks.telling import due
from commerce.kernel.clock import machine_now

DISTANCES = tuple(
    timedelta(seconds=seconds)
    for seconds in (5, 60, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400)
)
"""From one try to the next: five seconds at first, a day at last; about three days in all."""
MOST_SILENT = 4
"""An endpoint that fails is asked again at these distances too, whatever waits for it: at most half
an hour. Else a silent one would hold a worker ten seconds for each message that it has coming."""
SPREAD = 0.2
GIVE_UP_AFTER = timedelta(days=3)
"""An endpoint that answered nothing well for so long hears of nothing more."""
GONE = 410
WHOLE_ANSWER_WITHIN = 10.0
"""Seconds, of which five for the connection: of looking the name up and of all that is sent and
read, so that a receiver that drips bytes holds no worker for longer."""
_CONNECT = 5.0
_MOST_READ = 300


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; no status where nothing came."""

    status: int | None
    said: str

    @property
    def is_good(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


def wait_after(attempt: int, *, draw: float) -> timedelta | None:
    """How long from try number `attempt` to the next; None after the last.

    `draw` in [0, 1) spreads it by a fifth either way.
    """
    if attempt > len(DISTANCES):
        return None
    return DISTANCES[attempt - 1] * (1 - SPREAD + 2 * SPREAD * draw)


def woken_at(silent_until: datetime, *, failures: int, draw: float) -> datetime:
    """When a message that was put off is looked at again: not all of them at once, but `draw` in
    [0, 1) spreads them over the fifth of the pause after its end."""
    pause = DISTANCES[max(min(failures, MOST_SILENT), 1) - 1]
    return silent_until + pause * SPREAD * draw


def body_of(message: WebhookMessage) -> str:
    """What is signed and sent: the same bytes at every try."""
    told = {
        "type": message.type,
        "timestamp": message.event.occurred_at.isoformat(),
        "data": message.event.payload,
    }
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))


def headers_of(message: WebhookMessage, body: str, *, at: datetime) -> dict[str, str]:
    """The Standard Webhooks headers, with a signature for each secret that is good at `at`.

    Raises:
        Unreadable: the secret was sealed under a key that is not set any more.
    """
    endpoint = message.endpoint
    secrets = [unseal(endpoint.secret)]
    if endpoint.old_until is not None and endpoint.old_until > at:
        secrets.append(unseal(endpoint.old_secret))
    name = f"msg_{message.pk.hex}"
    return {
        "content-type": "application/json",
        "webhook-id": name,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(Webhook(each).sign(name, at, body) for each in secrets),
    }


def on_send_due(payload: Mapping[str, Any]) -> None:
    """Timer, machine time; called with no transaction open. May come twice."""
    message = (
        WebhookMessage.objects.filter(pk=payload["message"], state=WebhookState.PENDING)
        .select_related("endpoint", "event")
        .first()
    )
    if message is None or message.endpoint.state != EndpointState.ACTIVE:
        return
    silent_until = message.endpoint.silent_until
    if silent_until is not None and silent_until > machine_now():
        draw = random.random()  # noqa: S311  jitter, not a secret
        _put_off(message, woken_at(silent_until, failures=message.endpoint.failures, draw=draw))
        return
    _note(message, _sent(message))


@transaction.atomic
def _put_off(message: WebhookMessage, until: datetime) -> None:
    """Another message has just found out that nobody answers; this is no try."""
    ours = WebhookMessage.objects.filter(pk=message.pk, state=WebhookState.PENDING)
    if ours.update(next_at=until):
        timers.schedule_all([due(message.pk, until)])


def _sent(message: WebhookMessage) -> Answer:
    body, now = body_of(message), machine_now()
    try:
        headers = headers_of(message, body, at=now)
    except Unreadable as error:
        return Answer(None, f"{type(error).__name__}: {error}")
    return post(message.endpoint.url, body.encode(), headers)


def post(url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
    """Post it to where a webhook may go; what came of it, also where nothing came back."""
    try:
        return asyncio.run(_posted(url, body, headers))
    except TimeoutError:
        return Answer(None, f"no whole answer within {WHOLE_ANSWER_WITHIN:g} seconds")
    except (NotAllowed, httpx.HTTPError) as error:
        return Answer(None, f"{type(error).__name__}: {error}")


async def _posted(url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
    """Look the name up, send, and read what is answered, all in time.

    Raises:
        NotAllowed: as `way_to`. TimeoutError: not all of the answer came in time.
    """
    async with asyncio.timeout(WHOLE_ANSWER_WITHIN):
        # Names are looked up by threads that nobody waits for: a resolver may take its time.
        way = await asyncio.get_running_loop().run_in_executor(_looking_up(), way_to, url)
        return await _answered(way, body, headers)


async def _answered(way: Way, body: bytes, headers: Mapping[str, str]) -> Answer:
    """No redirects and no proxy: both would lead past the judged address."""
    wait = httpx.Timeout(WHOLE_ANSWER_WITHIN, connect=_CONNECT)
    async with (
        httpx.AsyncClient(
            verify=_trusted(), timeout=wait, follow_redirects=False, trust_env=False
        ) as http,
        http.stream(
            "POST",
            way.url,
            content=body,
            headers={"host": way.host, "accept-encoding": "identity", **headers},
            extensions={"sni_hostname": way.name},
        ) as answer,
    ):
        said = bytearray()
        async for part in answer.aiter_raw():
            said += part
            if len(said) >= _MOST_READ:
                break
    text = said[:_MOST_READ].decode("utf-8", "replace").replace("\0", "")
    return Answer(answer.status_code, text)


@lru_cache(maxsize=1)
def _looking_up() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=8, thread_name_prefix="look-up")


@lru_cache(maxsize=1)
def _trusted() -> ssl.SSLContext:
    """Whose certificates are good; reading them takes longer than sending."""
    return httpx.create_ssl_context(trust_env=False)


@transaction.atomic
def _note(message: WebhookMessage, answer: Answer) -> None:
    """Write the try down, and what follows from it; nothing if another worker was first, or the
    endpoint was removed."""
    endpoints = WebhookEndpoint.objects.select_for_update(no_key=True)
    endpoint = endpoints.filter(pk=message.endpoint_id).first()
    if endpoint is None:
        return
    now, attempts = machine_now(), message.attempts + 1
    wait = None if answer.is_good else wait_after(attempts, draw=random.random())  # noqa: S311
    next_at = now + wait if wait is not None else None
    state = WebhookState.PENDING if next_at else WebhookState.FAILED
    ours = WebhookMessage.objects.filter(
        pk=message.pk, state=WebhookState.PENDING, attempts=message.attempts
    )
    if not ours.update(
        state=WebhookState.DELIVERED if answer.is_good else state,
        attempts=attempts,
        next_at=next_at,
    ):
        return
    WebhookAttempt.objects.create(
        message_id=message.pk, at=now, status=answer.status, said=answer.said[:_MOST_READ]
    )
    if next_at is not None:
        timers.schedule_all([due(message.pk, next_at)])
    _judge(endpoint, answer, now=now)


def _judge(endpoint: WebhookEndpoint, answer: Answer, *, now: datetime) -> None:
    """What one answer says about the endpoint as a whole."""
    if answer.is_good:
        if endpoint.failing_since is not None:
            endpoint.failing_since, endpoint.failures, endpoint.silent_until = None, 0, None
            endpoint.save(update_fields=["failing_since", "failures", "silent_until"])
        return
    since = endpoint.failing_since or now
    gone = answer.status == GONE or now - since >= GIVE_UP_AFTER
    gives_up = gone and endpoint.state == EndpointState.ACTIVE
    if gives_up:
        endpoint.state = EndpointState.FAILED
    endpoint.failing_since = since
    endpoint.failures = min(endpoint.failures + 1, MOST_SILENT)
    pause = wait_after(endpoint.failures, draw=random.random())  # noqa: S311
    endpoint.silent_until = now + pause if pause is not None else None
    endpoint.save(update_fields=["failing_since", "failures", "silent_until", "state"])
    if gives_up:
        outbox.publish(
            WebhookEndpointFailed(
                party_id=endpoint.party_id, endpoint=endpoint.pk, url=endpoint.url, since=since
            )
        )
