"""The endpoints of one owner: a firm, or the operator for his own systems and partners.

`party_id` None is the operator. An endpoint of another owner does not exist here.
"""

from base64 import b64encode
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from secrets import token_bytes
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Q

from commerce.events import timers
from commerce.events.models import (
    EndpointState,
    WebhookAttempt,
    WebhookEndpoint,
    WebhookMessage,
    WebhookState,
)
from commerce.events.registry import told_outside
from commerce.events.webhooks.addresses import checked_url
from commerce.events.webhooks.sealing import Unreadable, opens, seal, sealed_anew
from commerce.events.webhooks.telling import due, send_many, tell_again, tell_test
from commerce.kernel.clock import machine_now
from commerce.kernel.errors import InvalidInput, NotFound, RuleViolated

MOST_ENDPOINTS = 10
MOST_AGAIN = 5000
"""Messages that one replay tells again."""
OLD_SECRET_FOR = timedelta(hours=24)
KEPT = timedelta(days=30)
"""The log; of an endpoint that hears of nothing also what never arrived."""
_PREFIX = "whsec_"


@transaction.atomic
def register(
    *, party_id: int | None, url: str, types: Sequence[str], name: str, by: str
) -> tuple[UUID, str]:
    """A new endpoint, which hears of what happens from now on; its id and its secret, which is told
    here only.

    Raises:
        InvalidInput: `bad_address`, `unknown_event_type`. RuleViolated: `too_many_endpoints`.
    """
    address, chosen = checked_url(url), _known(types, party_id=party_id)
    _one_at_a_time(party_id)
    if WebhookEndpoint.objects.filter(party_id=party_id).count() >= MOST_ENDPOINTS:
        raise RuleViolated(
            f"There are {MOST_ENDPOINTS} endpoints already; remove one first.",
            code="too_many_endpoints",
        )
    secret = _new_secret()
    made = WebhookEndpoint.objects.create(
        party_id=party_id,
        url=address,
        types=chosen,
        name=name,
        secret=seal(secret),
        created_by=by,
    )
    return made.pk, secret


@transaction.atomic
def change(
    *, party_id: int | None, endpoint_id: UUID, url: str, types: Sequence[str], name: str
) -> None:
    """Another address, other events or another name.

    Raises:
        NotFound: `unknown_endpoint`. InvalidInput: `bad_address`, `unknown_event_type`.
    """
    endpoint = _locked(party_id=party_id, endpoint_id=endpoint_id)
    endpoint.url, endpoint.types = checked_url(url), _known(types, party_id=party_id)
    endpoint.name = name
    endpoint.save(update_fields=["url", "types", "name"])


def remove(*, party_id: int | None, endpoint_id: UUID) -> None:
    """The endpoint and its log are gone. Raises NotFound `unknown_endpoint`.

    It is paused first: then nobody tells it anything more, and nobody has to wait while its log,
    which may be long, is removed.
    """
    pause(party_id=party_id, endpoint_id=endpoint_id)
    WebhookAttempt.objects.filter(message__endpoint=endpoint_id).delete()
    WebhookMessage.objects.filter(endpoint=endpoint_id).delete()
    with transaction.atomic():
        _locked(party_id=party_id, endpoint_id=endpoint_id, whole=True).delete()


@transaction.atomic
def pause(*, party_id: int | None, endpoint_id: UUID) -> None:
    """It hears of nothing until it is resumed. Raises NotFound `unknown_endpoint`."""
    endpoint = _locked(party_id=party_id, endpoint_id=endpoint_id)
    endpoint.state = EndpointState.PAUSED
    endpoint.save(update_fields=["state"])


@transaction.atomic
def resume(*, party_id: int | None, endpoint_id: UUID) -> None:
    """What was begun goes on, what happens from now on is told; what happened meanwhile is told
    by `replay`. Raises NotFound `unknown_endpoint`."""
    endpoint = _locked(party_id=party_id, endpoint_id=endpoint_id)
    endpoint.state, endpoint.failing_since = EndpointState.ACTIVE, None
    endpoint.failures, endpoint.silent_until = 0, None
    endpoint.save(update_fields=["state", "failing_since", "failures", "silent_until"])
    waiting = WebhookMessage.objects.filter(endpoint=endpoint, state=WebhookState.PENDING)
    send_many(waiting.order_by("created_at", "pk").values_list("pk", flat=True))


@transaction.atomic
def rotate(*, party_id: int | None, endpoint_id: UUID) -> str:
    """A new secret, told here only; for 24 hours messages carry a signature of the old one too, if
    a key that is set opens it.

    Raises:
        NotFound: `unknown_endpoint`.
    """
    endpoint = _locked(party_id=party_id, endpoint_id=endpoint_id)
    secret = _new_secret()
    endpoint.old_secret, endpoint.old_until = "", None
    if opens(endpoint.secret):
        endpoint.old_secret, endpoint.old_until = endpoint.secret, machine_now() + OLD_SECRET_FOR
    endpoint.secret = seal(secret)
    endpoint.save(update_fields=["secret", "old_secret", "old_until"])
    return secret


def seal_anew() -> int:
    """Every secret that is still good under the first key, so that the others need not be set any
    more; how many endpoints. May be repeated.

    Raises:
        Unreadable: those that it names; all others are sealed anew.
    """
    count, unread = 0, []
    for pk in WebhookEndpoint.objects.values_list("pk", flat=True):
        with transaction.atomic():
            row = WebhookEndpoint.objects.select_for_update(no_key=True).filter(pk=pk).first()
            if row is None:
                continue
            if row.old_until is None or row.old_until <= machine_now():
                row.old_secret, row.old_until = "", None
            try:
                row.secret = sealed_anew(row.secret)
                row.old_secret = row.old_secret and sealed_anew(row.old_secret)
            except Unreadable:
                unread.append(str(pk))
                continue
            row.save(update_fields=["secret", "old_secret", "old_until"])
            count += 1
    if unread:
        raise Unreadable(", ".join(unread))
    return count


@transaction.atomic
def send_test(*, party_id: int | None, endpoint_id: UUID, by: str) -> UUID:
    """Send it a message that says nothing but that it is a test; the message's id.

    Raises:
        NotFound: `unknown_endpoint`. RuleViolated: `endpoint_not_active`.
    """
    endpoint = _active(party_id=party_id, endpoint_id=endpoint_id)
    return tell_test(endpoint_id=endpoint.pk, party_id=party_id, by=by)


@transaction.atomic
def replay(
    *, party_id: int | None, endpoint_id: UUID, since: datetime, until: datetime, type_: str = ""
) -> int:
    """Tell it again what happened from `since` to before `until` (business time), also what it
    never heard of; the oldest 5,000. Answers how many messages go out.

    Raises:
        NotFound: `unknown_endpoint`. InvalidInput: `bad_range`, `unknown_event_type`.
        RuleViolated: `endpoint_not_active`.
    """
    endpoint = _active(party_id=party_id, endpoint_id=endpoint_id)
    if until <= since:
        raise InvalidInput("The end comes after the beginning.", code="bad_range", field="until")
    _known([type_] if type_ else [], party_id=party_id)
    return tell_again(
        endpoint_id=endpoint.pk, since=since, until=until, most=MOST_AGAIN, type_=type_
    )


@transaction.atomic
def send_again(*, party_id: int | None, endpoint_id: UUID, message_id: UUID) -> None:
    """Send one message anew, under its own id.

    Raises:
        NotFound: `unknown_endpoint`, `unknown_message`. RuleViolated: `endpoint_not_active`.
    """
    endpoint = _active(party_id=party_id, endpoint_id=endpoint_id)
    now = machine_now()
    ours = WebhookMessage.objects.filter(pk=message_id, endpoint=endpoint)
    if not ours.update(state=WebhookState.PENDING, attempts=0, next_at=now):
        raise NotFound("There is no such message.", code="unknown_message")
    timers.schedule_all([due(message_id, now)])


def forget_old() -> int:
    """Purge: the log is kept for 30 days, and what is still to arrive at an endpoint that hears
    of things; what happened can be told again all the same."""
    old = WebhookMessage.objects.filter(created_at__lt=machine_now() - KEPT)
    coming = Q(state=WebhookState.PENDING, endpoint__state=EndpointState.ACTIVE)
    return old.exclude(coming).delete()[0]


def types_for(*, party_id: int | None) -> tuple[str, ...]:
    """The events that an owner may hear of, by their names outside."""
    every = told_outside().values()
    return tuple(sorted(each.name for each in every if party_id is None or each.to_party))


def _one_at_a_time(party_id: int | None) -> None:
    """Who adds an endpoint waits for the others of the same owner, as they count them."""
    with connection.cursor() as cursor:
        name = f"webhook-endpoints:{party_id}"
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])


def _active(*, party_id: int | None, endpoint_id: UUID) -> WebhookEndpoint:
    endpoint = _locked(party_id=party_id, endpoint_id=endpoint_id)
    if endpoint.state != EndpointState.ACTIVE:
        raise RuleViolated(
            "The endpoint hears of nothing now; resume it first.", code="endpoint_not_active"
        )
    if endpoint.silent_until is not None:  # who asks for it wants it now
        endpoint.silent_until = None
        endpoint.save(update_fields=["silent_until"])
    return endpoint


def _locked(*, party_id: int | None, endpoint_id: UUID, whole: bool = False) -> WebhookEndpoint:
    """Locked against other changes; if `whole`, once nobody is about to tell it something."""
    found = (
        WebhookEndpoint.objects.select_for_update(no_key=not whole)
        .filter(pk=endpoint_id, party_id=party_id)
        .first()
    )
    if found is None:
        raise NotFound("There is no such endpoint.", code="unknown_endpoint")
    return found


def _known(types: Collection[str], *, party_id: int | None) -> list[str]:
    known = types_for(party_id=party_id)
    for type_ in types:
        if type_ not in known:
            raise InvalidInput(
                f"No event is called {type_!r}.", code="unknown_event_type", field="types"
            )
    return sorted(set(types))


def _new_secret() -> str:
    return _PREFIX + b64encode(token_bytes(32)).decode()
