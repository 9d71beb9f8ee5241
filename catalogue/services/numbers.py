"""The number pool: holds that expire, assignment, porting, quarantine.

`key` names who holds a number (an order line); one key has at most one number.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, Q, QuerySet, Value
from django.db.models.functions import Concat

from catalogue.domain.numbers import STANDARD
from catalogue.models import NUMBER_LIFE, Number, NumberState
from catalogue.pool import PORTED, free_at
from commerce.events import timers
from commerce.kernel.clock import PARIS, business_now, business_today
from commerce.kernel.errors import Conflict, InvalidInput, RuleViolated
from commerce.markets.pack import market
from commerce.rows import Given, Prepared, update

QUARANTINE_TIMER = "number-quarantine"
HOLD_TIMER = "number-hold"
HELD_FOR = timedelta(minutes=15)
"""How long a number that was chosen is kept for a cart (business time)."""
_NUMBERS = Prepared(lambda: _called(Number.objects.all()))
_LOCKED = Prepared(lambda: _called(Number.objects.select_for_update()))


_WITH_A_USER = (NumberState.ASSIGNED, NumberState.PORTED_IN, NumberState.QUARANTINE)
"""Or with one who may still have it back."""
_GONE = "gone:"
"""Who is with another operator has no line of ours for its key."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The number that a key shall get: `msisdn` of `klass`, or any of it; it may be `held_by`
    another key of the same asker (his cart), or be `own`: rest, and be the asker's to have back."""

    msisdn: str | None = None
    klass: str = STANDARD
    held_by: str = ""
    own: bool = False


@transaction.atomic
def hold_number(
    *,
    msisdn: str | None = None,
    key: str,
    until: datetime,
    klass: str | None = None,
    own: Collection[str] = (),
) -> str:
    """Keep `msisdn` (or any of `klass`, standard if none is named) for `key`; the number.

    A second call with the same key answers the number that stands, with the later end. `own` are
    numbers that rest and may go back to this asker, their last user: if the hold ends, they rest
    on.

    Raises:
        RuleViolated: `number_taken` (another has it) or `no_number_left`.
    """
    held = _renewed(key=key, until=until, wanted=msisdn)
    if held:
        return held
    pool = Number.objects.select_for_update(skip_locked=msisdn is None)
    if msisdn in own:
        free = pool.filter(msisdn=msisdn, state=NumberState.QUARANTINE)
    else:
        free = pool.filter(free_at(business_now()))
        if msisdn:
            free = free.filter(msisdn=msisdn)
        if klass or not msisdn:
            free = free.filter(klass=klass or STANDARD)
    found = free.order_by("msisdn").first()
    if found is None:
        raise taken(msisdn) if msisdn else _none_left(klass or STANDARD)
    found.state, found.key, found.held_until = NumberState.HELD, key, until
    found.quarantine_until = _rests_until(found)
    try:
        with transaction.atomic():
            found.save(update_fields=["state", "key", "held_until", "quarantine_until"])
    except IntegrityError:  # the same key, at the same moment: the other one's number stands
        return Number.objects.get(key=key).msisdn
    return found.msisdn


def hold_numbers(
    *, wanted: Mapping[str, Wanted], until: datetime, fresh: bool = False
) -> Mapping[str, str]:
    """As `hold_number` for many keys in a few statements: all of them or none; number by key.

    In the caller's transaction, which a refusal must end. `fresh`: no key was ever used before.
    Keys that hold a number already keep it, until the new end.

    Raises:
        RuleViolated: `number_taken` or `no_number_left`.
    """
    held = {} if fresh else dict(Number.objects.filter(key__in=wanted).values_list("key", "msisdn"))
    if held:
        _held().filter(key__in=held).update(held_until=until)
    open_ = {key: wish for key, wish in wanted.items() if key not in held}
    rows = _chosen({key: wish for key, wish in open_.items() if wish.msisdn})
    left: dict[str, list[str]] = {}
    for key, wish in open_.items():
        if not wish.msisdn:
            left.setdefault(wish.klass, []).append(key)
    taken = [row.msisdn for row in rows]
    for klass, keys in sorted(left.items()):
        rows += _any_of(klass, keys, but=taken)
    for row in rows:
        row.state, row.held_until = NumberState.HELD, until
        row.quarantine_until = _rests_until(row)
    update(rows)
    return {**held, **{row.key: row.msisdn for row in rows}}


def _chosen(wanted: Mapping[str, Wanted]) -> list[Number]:
    """The numbers that were chosen, locked; each now with the key that wants it."""
    if not wanted:
        return []
    by_msisdn: dict[str, str] = {}
    for key, wish in wanted.items():
        if by_msisdn.setdefault(str(wish.msisdn), key) != key:
            raise taken(wish.msisdn)
    his_cart = [wish.held_by for wish in wanted.values() if wish.held_by]
    own = [wish.msisdn for wish in wanted.values() if wish.own]
    rows = list(
        Number.objects.select_for_update()
        .filter(
            free_at(business_now())
            | Q(state=NumberState.HELD, key__in=his_cart)
            | Q(state=NumberState.QUARANTINE, msisdn__in=own)
        )
        .filter(msisdn__in=by_msisdn)
        .order_by("msisdn")
    )
    fitting = {
        row.msisdn
        for row in rows
        for wish in [wanted[by_msisdn[row.msisdn]]]
        if row.klass in (wish.klass, PORTED)  # only its last user finds one of these
    }
    for missing in sorted(set(by_msisdn) - fitting):
        raise taken(missing)
    for row in rows:
        row.key = by_msisdn[row.msisdn]
    return rows


def _any_of(klass: str, keys: Sequence[str], *, but: Collection[str]) -> list[Number]:
    """One free number of the class for each key, locked; others' choices are passed over."""
    free = Number.objects.filter(free_at(business_now()), klass=klass).exclude(msisdn__in=but)
    found = list(free.select_for_update(skip_locked=True).order_by("msisdn")[: len(keys)])
    if len(found) < len(keys):
        raise _none_left(klass)
    for row, key in zip(found, keys, strict=True):
        row.key = key
    return found


def release_all(keys: Collection[str]) -> None:
    """As `release`, for many keys."""
    _let_go(_held().filter(key__in=keys))


@transaction.atomic
def assign(key: str) -> str:
    """The number held for `key` belongs to it from now on; the number. May be repeated.

    Raises:
        Conflict: code `number_not_held`: nothing is held for `key` (any more).
    """
    number = Number.objects.select_for_update().filter(key=key).first() if key else None
    if number is None or number.state not in {NumberState.HELD, NumberState.ASSIGNED}:
        raise Conflict("No number is held for this line.", code="number_not_held", key=key)
    if number.state == NumberState.HELD:
        NUMBER_LIFE.check(NumberState.HELD, NumberState.ASSIGNED)
        number.state, number.held_until = NumberState.ASSIGNED, None
        number.save(update_fields=["state", "held_until"])
    return number.msisdn


def temporary_key(key: str) -> str:
    """Under which the line of `key` has a number until the one that comes along is here."""
    return f"{key}/temporary"


@transaction.atomic
def lend(key: str) -> str:
    """A number for the line of `key` until the one that comes along is here. May be repeated.

    Raises:
        RuleViolated: `no_number_left`.
    """
    lent = temporary_key(key)
    hold_number(key=lent, until=business_now() + HELD_FOR)
    return assign(lent)


def keep_lent(key: str) -> None:
    """The number that was lent is the line's own: none comes along any more. May be repeated."""
    Number.objects.filter(key=temporary_key(key)).update(key=key)


def release(key: str) -> None:
    """A number that was only held is free again; an assigned one stays. May be repeated."""
    _let_go(_held().filter(key=key))


def refused_port_ins(msisdns: Collection[str]) -> dict[str, RuleViolated]:
    """Those of the numbers that can't come to us from another operator (any more), and why:
    `number_is_ours` or `port_under_way`."""
    return {
        number.msisdn: _not_portable(number)
        for number in _NUMBERS.rows(msisdns=list(msisdns))
        if not _may_return(number)
    }


@transaction.atomic
def announce_port_ins(wanted: Mapping[str, str]) -> None:
    """The numbers (by key) are to come to us: nobody else can order the same. May be repeated.

    Raises:
        RuleViolated: `number_is_ours` or `port_under_way`; nothing is kept then.
    """
    Number.objects.bulk_create(
        [
            Number(msisdn=msisdn, klass=PORTED, state=NumberState.PORTING, key=key)
            for key, msisdn in sorted(wanted.items(), key=lambda pair: pair[1])
        ],
        ignore_conflicts=True,
    )
    rows = _LOCKED.rows(msisdns=list(wanted.values()))
    by_msisdn = {row.msisdn: row for row in rows}
    for key, msisdn in wanted.items():
        # Not there: another order gave it up between the two statements, and this one may be
        # sent again.
        number = by_msisdn.get(msisdn, Number(msisdn=msisdn, state=NumberState.PORTING))
        if number.key == key:
            continue
        if not _may_return(number):
            raise _not_portable(number)
        NUMBER_LIFE.check(NumberState(number.state), NumberState.PORTING)
        number.state, number.key, number.quarantine_until = NumberState.PORTING, key, None
        number.save(update_fields=["state", "key", "quarantine_until"])


@transaction.atomic
def close_port_ins(came: Mapping[str, bool]) -> None:
    """The lines (by key) are in service: their numbers came to us, or will not. May be repeated."""
    withdraw_port_ins([key for key, here in came.items() if not here])
    Number.objects.filter(
        key__in=[key for key, here in came.items() if here], state=NumberState.PORTING
    ).update(state=NumberState.PORTED_IN)


def withdraw_port_ins(keys: Collection[str]) -> None:
    """The numbers will not come to us after all; one of ours that went stays where it is. May be
    repeated."""
    rows = Number.objects.filter(key__in=keys, state=NumberState.PORTING)
    rows.filter(klass=PORTED).delete()
    rows.update(state=NumberState.PORTED_OUT, key=Concat(Value(_GONE), F("msisdn")))


@transaction.atomic
def record_port_in(*, msisdn: str, key: str) -> None:
    """A number of another operator's range is ours to serve. May be repeated.

    Raises:
        Conflict: code `number_in_use`: we serve it already, for someone else.
    """
    number, _ = Number.objects.select_for_update().get_or_create(
        msisdn=msisdn,
        defaults={"klass": PORTED, "state": NumberState.PORTED_IN, "key": key},
    )
    if number.key != key:
        raise Conflict(f"{msisdn} is already in use here.", code="number_in_use", msisdn=msisdn)
    if number.state == NumberState.PORTING:
        number.state = NumberState.PORTED_IN
        number.save(update_fields=["state"])


@transaction.atomic
def exchange(key: str, *, msisdn: str | None, klass: str, until: datetime, reachable: bool) -> str:
    """Hold another number for `key` (`msisdn`, or any of `klass`) instead of the one that it has;
    the new one. That one is free again; if it was `reachable` it rests first.

    Raises:
        RuleViolated: `number_taken` or `no_number_left`; `key` keeps its number then.
    """
    aside = f"{key}~"
    found = hold_number(msisdn=msisdn, key=aside, until=until, klass=klass)
    if reachable:
        retire(key=key)
    else:
        give_back(key)
    release(key)
    Number.objects.filter(key=aside).update(key=key)
    return found


@transaction.atomic
def give_back(key: str) -> None:
    """The number assigned to `key` was not in service again: it is free, or rests on as before.
    May be repeated."""
    if key:
        _let_go(Number.objects.filter(key=key, state=NumberState.ASSIGNED))


@transaction.atomic
def retire(*, key: str, until: date | None = None) -> None:
    """The line has ended: nobody gets its number before `until`. May be repeated.

    By default it rests as short as the market allows (in France 45 to 120 days, numbering plan,
    decision 2022-1583, 2.2.6); then a timer frees it. A number of another operator's range goes
    back to him as soon as its user can no longer have it back (in France 40 days).

    Raises:
        InvalidInput: `quarantine_out_of_range`.
    """
    least, most = market(settings.MARKET).quarantine_days()
    today = business_today()
    until = until or today + timedelta(days=least)
    if not least <= (until - today).days <= most:
        raise InvalidInput(
            f"A number rests {least} to {most} days.", code="quarantine_out_of_range", field="until"
        )
    rows = Number.objects.select_for_update().filter(
        key=key, state__in=[NumberState.ASSIGNED, NumberState.PORTED_IN]
    )
    number = rows.first() if key else None
    if number is None:
        return
    if number.klass == PORTED:
        until = today + timedelta(days=market(settings.MARKET).porting_rules().recoverable_days)
    _rest(number, until=until)


@transaction.atomic
def retire_number(msisdn: str) -> None:
    """As `retire`, by the number itself."""
    key = Number.objects.filter(msisdn=msisdn).values_list("key", flat=True).first()
    retire(key=key or "")


@transaction.atomic
def leave(msisdn: str) -> None:
    """The number was ported to another operator. May be repeated.

    One of ours stays ours: it comes back when its user's contract there ends (`come_back`). One
    that had come to us is no longer any matter of ours; it may come again by porting. It may rest
    already, as its contract ended while the porting was under way, or be held for its last user;
    an order that waits for it then falls out.
    """
    number = Number.objects.select_for_update().filter(msisdn=msisdn).first()
    if number is None:
        return
    asked_back = number.state == NumberState.HELD and number.quarantine_until
    if number.state not in _WITH_A_USER and not asked_back:
        return
    if number.klass == PORTED:
        number.delete()
        return
    NUMBER_LIFE.check(NumberState(number.state), NumberState.PORTED_OUT)
    number.state, number.quarantine_until = NumberState.PORTED_OUT, None
    number.key = number.key or f"{_GONE}{number.msisdn}"
    number.save(update_fields=["state", "key", "quarantine_until"])


@transaction.atomic
def come_back(msisdn: str) -> None:
    """The contract of a number that left us has ended elsewhere: it rests, then is free again."""
    number = Number.objects.select_for_update().filter(msisdn=msisdn).first()
    if number is None or number.state != NumberState.PORTED_OUT:
        return
    least, _ = market(settings.MARKET).quarantine_days()
    _rest(number, until=business_today() + timedelta(days=least))


def _rest(number: Number, *, until: date) -> None:
    NUMBER_LIFE.check(NumberState(number.state), NumberState.QUARANTINE)
    number.state, number.key, number.quarantine_until = NumberState.QUARANTINE, "", until
    number.save(update_fields=["state", "key", "quarantine_until"])
    timers.schedule(
        key=f"{QUARANTINE_TIMER}:{number.msisdn}",
        handler=QUARANTINE_TIMER,
        due_at=datetime.combine(until, time(), tzinfo=PARIS),
        payload={"msisdn": number.msisdn},
    )


def release_expired(*, at: datetime, msisdn: str = "") -> int:
    """Free what was held until before `at` and what has rested until then; how many.

    Numbers of others' ranges are not ours to give out again.
    """
    lapsed = Q(state=NumberState.HELD, held_until__lte=at)
    over = Number.objects.filter(free_at(at) | lapsed).exclude(state=NumberState.FREE)
    return _let_go(over.filter(msisdn=msisdn) if msisdn else over)


def on_due(payload: Mapping[str, Any]) -> None:
    """Timer, business time: the hold or the quarantine of a number is over, if it still is.

    One of another operator's range has gone back to him then.
    """
    today = business_today()
    Number.objects.filter(
        msisdn=payload["msisdn"],
        klass=PORTED,
        state=NumberState.QUARANTINE,
        quarantine_until__lte=today,
    ).delete()
    release_expired(at=business_now(), msisdn=payload["msisdn"])


def _may_return(number: Number) -> bool:
    """Ported in once, or one of ours that went: it is with another operator now."""
    ended = number.klass == PORTED and number.state == NumberState.QUARANTINE
    return ended or number.state == NumberState.PORTED_OUT


def _not_portable(number: Number) -> RuleViolated:
    if number.state == NumberState.PORTING:
        return RuleViolated(
            f"Bringing {number.msisdn} to us is already ordered.",
            code="port_under_way",
            msisdn=number.msisdn,
            field="msisdn",
        )
    return RuleViolated(
        f"{number.msisdn} is already with us; only a number of another operator can be kept.",
        code="number_is_ours",
        msisdn=number.msisdn,
        field="msisdn",
    )


def taken(msisdn: str | None) -> RuleViolated:
    """Another has it, another line of the same order wants it, or it is none of ours."""
    return RuleViolated(
        f"{msisdn} is no longer free; please choose another number.",
        code="number_taken",
        msisdn=msisdn,
        field="msisdn",
    )


def _none_left(klass: str) -> RuleViolated:
    return RuleViolated(f"No {klass} number is left.", code="no_number_left", klass=klass)


def _called(rows: QuerySet[Number]) -> QuerySet[Number]:
    return rows.filter(msisdn__in=Given("msisdns", each="text")).order_by("msisdn")


def _rests_until(number: Number) -> date | None:
    """Until when a number would have to rest if it were given up now."""
    until = number.quarantine_until
    return until if until and (until > business_today() or number.klass == PORTED) else None


def _let_go(rows: QuerySet[Number]) -> int:
    """The numbers, found by their state, are nobody's any more; how many are free. One that its
    last user had asked back rests on, or goes back to the operator of its range."""
    today = business_today()
    rows.filter(quarantine_until__gt=today).update(
        state=NumberState.QUARANTINE, key="", held_until=None
    )
    rows.filter(klass=PORTED).delete()
    return rows.update(state=NumberState.FREE, key="", held_until=None, quarantine_until=None)


def _held() -> QuerySet[Number]:
    return Number.objects.filter(state=NumberState.HELD)


def _renewed(*, key: str, until: datetime, wanted: str | None) -> str | None:
    number = Number.objects.select_for_update().filter(key=key).first()
    if number is None:
        return None
    if number.state != NumberState.HELD or (wanted is None or wanted == number.msisdn):
        if number.state == NumberState.HELD:
            number.held_until = until
            number.save(update_fields=["held_until"])
        return number.msisdn
    release(key)
    return None
