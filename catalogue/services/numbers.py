"""The number pool: proposals, holds that expire, assignment, quarantine.

`key` names who holds a number (an order line); one key has at most one number.
"""

from collections.abc import Collection, Mapping
from datetime import date, datetime

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet, Value
from django.db.models.functions import MD5, Concat

from catalogue.models import NUMBER_LIFE, Number, NumberState
from commerce.kernel.clock import business_now
from commerce.kernel.errors import Conflict, RuleViolated

PORTED = "ported"
"""The class of numbers that are of another operator's range."""


def propose(
    *, count: int, klass: str = "standard", at: datetime, salt: str = ""
) -> tuple[str, ...]:
    """Up to `count` numbers of `klass` that are free at `at`; nothing is held.

    `salt` (a cart's code) gives each asker numbers of their own, the same when asked again.
    """
    rows = Number.objects.filter(_free(at), klass=klass)
    place = MD5(Concat("msisdn", Value(salt)))
    return tuple(rows.order_by(place).values_list("msisdn", flat=True)[:count])


@transaction.atomic
def hold_number(
    *, msisdn: str | None = None, key: str, until: datetime, klass: str = "standard"
) -> str:
    """Keep `msisdn` (or any of `klass`) for `key` until `until`; the number.

    A second call with the same key answers the number that stands, with the later end.

    Raises:
        RuleViolated: `number_taken` (another has it) or `no_number_left`.
    """
    held = _renewed(key=key, until=until, wanted=msisdn)
    if held:
        return held
    free = Number.objects.select_for_update(skip_locked=msisdn is None).filter(
        _free(business_now())
    )
    found = (
        free.filter(msisdn=msisdn) if msisdn else free.filter(klass=klass).order_by("msisdn")
    ).first()
    if found is None and msisdn:
        raise RuleViolated(
            f"{msisdn} is no longer free; please choose another number.",
            code="number_taken",
            msisdn=msisdn,
        )
    if found is None:
        raise RuleViolated(f"No {klass} number is left.", code="no_number_left", klass=klass)
    found.state, found.key, found.held_until = NumberState.HELD, key, until
    try:
        with transaction.atomic():
            found.save(update_fields=["state", "key", "held_until"])
    except IntegrityError:  # the same key, at the same moment: the other one's number stands
        return Number.objects.get(key=key).msisdn
    return found.msisdn


def hold_numbers(
    *,
    wanted: Mapping[str, str | None],
    until: datetime,
    klass: str = "standard",
    fresh: bool = False,
) -> Mapping[str, str]:
    """As `hold_number` for many keys in a few statements: all of them or none; number by key.

    In the caller's transaction, which a refusal must end. `fresh`: no key was ever used before.
    `wanted` says by key which number it shall be (None: any of `klass`). Keys that hold a number
    already keep it, until the new end.

    Raises:
        RuleViolated: `number_taken` or `no_number_left`.
    """
    held = {} if fresh else dict(Number.objects.filter(key__in=wanted).values_list("key", "msisdn"))
    if held:
        _held().filter(key__in=held).update(held_until=until)
    chosen = {msisdn: key for key, msisdn in wanted.items() if msisdn and key not in held}
    anything = [key for key, msisdn in wanted.items() if not msisdn and key not in held]
    free = Number.objects.filter(_free(business_now()))
    rows: list[Number] = []
    if chosen:
        rows = list(free.select_for_update().filter(msisdn__in=chosen).order_by("msisdn"))
        for missing in sorted(set(chosen) - {row.msisdn for row in rows}):
            raise RuleViolated(
                f"{missing} is no longer free; please choose another number.",
                code="number_taken",
                msisdn=missing,
            )
        for row in rows:
            row.key = chosen[row.msisdn]
    if anything:
        others = free.filter(klass=klass).exclude(msisdn__in=chosen).order_by("msisdn")
        found = list(others.select_for_update(skip_locked=True)[: len(anything)])
        if len(found) < len(anything):
            raise RuleViolated(f"No {klass} number is left.", code="no_number_left", klass=klass)
        for row, key in zip(found, anything, strict=True):
            row.key = key
        rows += found
    for row in rows:
        row.state, row.held_until = NumberState.HELD, until
    Number.objects.bulk_update(rows, ["key", "state", "held_until"])
    return {**held, **{row.key: row.msisdn for row in rows}}


def release_all(keys: Collection[str]) -> None:
    """As `release`, for many keys."""
    _held().filter(key__in=keys).update(state=NumberState.FREE, key="", held_until=None)


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


def release(key: str) -> None:
    """A number that was only held is free again; an assigned one stays. May be repeated."""
    _held().filter(key=key).update(state=NumberState.FREE, key="", held_until=None)


def refused_port_ins(msisdns: Collection[str]) -> dict[str, RuleViolated]:
    """Those of the numbers that can't come to us from another operator (any more), and why:
    `number_is_ours` or `port_under_way`."""
    return {
        number.msisdn: _not_portable(number)
        for number in Number.objects.filter(msisdn__in=msisdns).order_by("msisdn")
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
    rows = Number.objects.select_for_update().filter(msisdn__in=wanted.values())
    by_msisdn = {row.msisdn: row for row in rows.order_by("msisdn")}
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
    """The numbers will not come to us after all. May be repeated."""
    Number.objects.filter(key__in=keys, state=NumberState.PORTING).delete()


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
def retire(*, key: str, until: date) -> None:
    """The line has ended: nobody gets the number before `until`. May be repeated.

    A new holder must wait 45 to 120 days (French numbering plan, decision 2022-1583, 2.2.6).
    """
    Number.objects.filter(key=key, state__in=[NumberState.ASSIGNED, NumberState.PORTED_IN]).update(
        state=NumberState.QUARANTINE, key="", quarantine_until=until
    )


def release_expired(*, at: datetime) -> int:
    """Free what was held until before `at`; how many."""
    return (
        _held().filter(held_until__lte=at).update(state=NumberState.FREE, key="", held_until=None)
    )


def _may_return(number: Number) -> bool:
    """Ported in once, left again: it is back with its operator."""
    return number.klass == PORTED and number.state == NumberState.QUARANTINE


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


def _held() -> QuerySet[Number]:
    return Number.objects.filter(state=NumberState.HELD)


def _free(at: datetime) -> Q:
    """Free, or held by someone whose time is over."""
    return Q(state=NumberState.FREE) | Q(state=NumberState.HELD, held_until__lte=at)


def _renewed(*, key: str, until: datetime, wanted: str | None) -> str | None:
    number = Number.objects.select_for_update().filter(key=key).first()
    if number is None:
        return None
    if number.state != NumberState.HELD or (wanted is None or wanted == number.msisdn):
        if number.state == NumberState.HELD:
            number.held_until = until
            number.save(update_fields=["held_until"])
        return number.msisdn
    number.state, number.key, number.held_until = NumberState.FREE, "", None
    number.save(update_fields=["state", "key", "held_until"])
    return None
