"""Stock kept for buyers: guarded UPDATEs in one fixed order, so that nothing is sold twice.

Oscar's stock record counts pieces (`num_in_stock`) and those that are spoken for
(`num_allocated`); a hold speaks for some until an instant.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, connection, transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Coalesce
from oscar.apps.partner.models import StockRecord

from catalogue.models import HOLD_LIFE, HoldState, StockHold
from commerce.kernel.clock import business_now
from commerce.kernel.errors import Conflict, RuleViolated


@dataclass(frozen=True, slots=True)
class StockLine:
    offering: str
    quantity: int


@transaction.atomic
def hold(*, lines: Sequence[StockLine], key: str, until: datetime) -> None:
    """Keep the pieces of `lines` for `key` until `until`: all of them or none.

    Offerings without stock records (plans, services) need no pieces and are skipped. A second call
    with the same key keeps the hold that stands and only moves its end.

    Raises:
        RuleViolated: `out_of_stock`; `detail` names the offering, what was asked, what is free.
    """
    if _prolong(key=key, until=until):
        return
    try:
        with transaction.atomic():
            _hold_anew(lines, key=key, until=until)
    except IntegrityError:  # the same key, at the same moment: the other one's hold stands
        _prolong(key=key, until=until)


def hold_new(*, lines: Sequence[StockLine], key: str, until: datetime) -> Mapping[str, str]:
    """As `hold`, for a key that was never used, in three statements; the supplier by offering.

    In the caller's transaction, which a refusal must end: the records are locked, in their order.

    Raises:
        RuleViolated: `out_of_stock`.
    """
    wanted: Counter[str] = Counter()
    for line in lines:
        wanted[line.offering] += line.quantity
    records = _first_records(wanted)
    short = [record.id for code, record in records.items() if record.free < wanted[code]]
    if short and sum(_release_expired_on(pk) for pk in short):
        records = _first_records(wanted)
    for code, record in records.items():
        if record.free < wanted[code]:
            raise _out_of_stock(record.id, offering=code, quantity=wanted[code])
    with connection.cursor() as cursor:
        ids = [record.id for record in records.values()]
        cursor.execute(_ALLOCATE, [ids, [wanted[code] for code in records]])
    StockHold.objects.bulk_create(
        StockHold(key=key, stock_record_id=record.id, quantity=wanted[code], until=until)
        for code, record in records.items()
    )
    return {code: record.supplier for code, record in records.items()}


@dataclass(frozen=True, slots=True)
class _Record:
    """A stock record that is locked; `free` pieces are neither sold nor spoken for."""

    id: int
    supplier: str
    free: int


# Every order asks for these: written out, because building them anew costs more than running them.
_FIRST_RECORDS = """
SELECT o.code, r.id, p.code, coalesce(r.num_in_stock, 0) - coalesce(r.num_allocated, 0)
FROM offering_offering AS o
     JOIN partner_stockrecord AS r ON r.product_id = o.product_id
     JOIN partner_partner AS p ON p.id = r.partner_id
WHERE o.code = ANY(%s) ORDER BY r.id FOR UPDATE OF r
"""
_ALLOCATE = """
UPDATE partner_stockrecord AS r SET num_allocated = coalesce(r.num_allocated, 0) + given.quantity
FROM unnest(%s::bigint[], %s::int[]) AS given (id, quantity) WHERE r.id = given.id
"""


def _first_records(codes: Collection[str]) -> dict[str, _Record]:
    """The first stock record of each offering, locked in one fixed order."""
    found: dict[str, _Record] = {}
    with connection.cursor() as cursor:
        cursor.execute(_FIRST_RECORDS, [list(codes)])
        for code, *record in cursor.fetchall():
            found.setdefault(code, _Record(*record))
    return found


def _hold_anew(lines: Sequence[StockLine], *, key: str, until: datetime) -> None:
    wanted = _by_record(lines)
    for record_id, (offering, quantity) in sorted(wanted.items()):
        if _allocate(record_id, quantity) or (
            _release_expired_on(record_id) and _allocate(record_id, quantity)
        ):
            continue
        raise _out_of_stock(record_id, offering=offering, quantity=quantity)
    StockHold.objects.bulk_create(
        StockHold(key=key, stock_record_id=record_id, quantity=quantity, until=until)
        for record_id, (_, quantity) in sorted(wanted.items())
    )


@transaction.atomic
def commit_hold(key: str) -> None:
    """The pieces are sold: they leave the stock. May be repeated.

    Raises:
        Conflict: code `hold_released` if they went back on sale meanwhile.
    """
    holds = _locked(key)
    if any(hold.state in {HoldState.RELEASED, HoldState.RESTOCKED} for hold in holds):
        raise Conflict("These pieces are on sale again.", code="hold_released", key=key)
    for held in _moving(holds, HoldState.COMMITTED):
        StockRecord.objects.filter(pk=held.stock_record_id).update(
            num_in_stock=F("num_in_stock") - held.quantity,
            num_allocated=F("num_allocated") - held.quantity,
        )


@transaction.atomic
def release_hold(key: str) -> None:
    """The pieces are on sale again, if they were still held. May be repeated."""
    _give_back(_locked(key))


@transaction.atomic
def restock(key: str) -> None:
    """Pieces that were sold under `key` come back before they left the house (order cancelled)."""
    for sold in _moving(_locked(key), HoldState.RESTOCKED):
        StockRecord.objects.filter(pk=sold.stock_record_id).update(
            num_in_stock=F("num_in_stock") + sold.quantity
        )


@transaction.atomic
def release_expired(*, at: datetime) -> int:
    """Put everything whose hold ended before `at` on sale again; how many holds that were."""
    expired = StockHold.objects.filter(state=HoldState.HELD, until__lte=at)
    return _give_back(_in_order(expired, skip_locked=True))


def _prolong(*, key: str, until: datetime) -> bool:
    holds = _locked(key)
    if any(hold.state != HoldState.HELD for hold in holds):
        raise Conflict("This hold has ended.", code="hold_ended", key=key)
    return bool(holds) and bool(
        StockHold.objects.filter(key=key, state=HoldState.HELD).update(until=until)
    )


def _by_record(lines: Sequence[StockLine]) -> dict[int, tuple[str, int]]:
    """Quantities added up per stock record; the first record of a product is its supplier."""
    quantities: Counter[str] = Counter()
    for line in lines:
        quantities[line.offering] += line.quantity
    rows = StockRecord.objects.filter(product__offering__code__in=quantities).order_by("-pk")
    records = dict(rows.values_list("product__offering__code", "pk"))
    return {
        records[code]: (code, quantity) for code, quantity in quantities.items() if code in records
    }


def _allocate(record_id: int, quantity: int) -> bool:
    """Speak for `quantity` pieces if so many are free: one statement decides."""
    free = Coalesce(F("num_in_stock"), 0) - Coalesce(F("num_allocated"), 0)
    return bool(
        StockRecord.objects.annotate(free=free)
        .filter(pk=record_id, free__gte=quantity)
        .update(num_allocated=Coalesce(F("num_allocated"), 0) + quantity)
    )


def _release_expired_on(record_id: int) -> int:
    expired = StockHold.objects.filter(
        stock_record_id=record_id, state=HoldState.HELD, until__lte=business_now()
    )
    return _give_back(_in_order(expired, skip_locked=True))


def _give_back(holds: Iterable[StockHold]) -> int:
    count = 0
    for held in _moving(holds, HoldState.RELEASED):
        count += 1
        StockRecord.objects.filter(pk=held.stock_record_id).update(
            num_allocated=F("num_allocated") - held.quantity
        )
    return count


def _locked(key: str) -> list[StockHold]:
    return _in_order(StockHold.objects.filter(key=key))


def _in_order(holds: QuerySet[StockHold], *, skip_locked: bool = False) -> list[StockHold]:
    """Locked, always by record and then by age; `skip_locked` leaves what others work on."""
    return list(holds.select_for_update(skip_locked=skip_locked).order_by("stock_record_id", "pk"))


def _moving(holds: Iterable[StockHold], target: HoldState) -> Iterable[StockHold]:
    """Those of the locked `holds` that can go to `target`, moved there."""
    for held in holds:
        if target in HOLD_LIFE.table.get(HoldState(held.state), frozenset()):
            StockHold.objects.filter(pk=held.pk).update(state=target)
            yield held


def _out_of_stock(record_id: int, *, offering: str, quantity: int) -> RuleViolated:
    free = Coalesce(F("num_in_stock"), 0) - Coalesce(F("num_allocated"), 0)
    left = StockRecord.objects.filter(pk=record_id).values_list(free, flat=True).first() or 0
    return RuleViolated(
        f"Only {max(left, 0)} of {offering} can be sold now.",
        code="out_of_stock",
        offering=offering,
        asked=quantity,
        available=max(left, 0),
    )
