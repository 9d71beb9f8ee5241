"""Stock kept for buyers, under the locks of its records in one fixed order: nothing is sold twice.

Oscar's stock record counts pieces (`num_in_stock`) and those that are spoken for
(`num_allocated`); `Supply` counts the same for pieces that are still to come. A hold speaks for
some of either until an instant.
"""

import secrets
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, connection, transaction
from django.db.models import F, Q, QuerySet
from oscar.apps.partner.models import StockRecord

from catalogue.domain.sourcing import PartnerKind, Share, Source, Wish, dealt
from catalogue.models import HOLD_LIFE, HoldState, StockHold, Supply
from commerce.kernel.clock import business_now, business_today
from commerce.kernel.errors import Conflict, RuleViolated
from commerce.rows import insert

_FURTHER = "~"


@dataclass(frozen=True, slots=True)
class StockLine:
    """`line` names whose pieces they are, where the caller wants to know who serves them."""

    offering: str
    quantity: int
    line: str = ""


@transaction.atomic
def hold(*, lines: Sequence[StockLine], key: str, until: datetime) -> None:
    """Keep the pieces of `lines` for `key` until `until`: all of them or none.

    A second call with the same key keeps the hold that stands and only moves its end.

    Raises:
        RuleViolated: `out_of_stock`; `detail` names the offering, what was asked, what is free.
    """
    if prolong_hold(key=key, until=until):
        return
    try:
        with transaction.atomic():
            hold_new(lines=lines, key=key, until=until)
    except IntegrityError:  # the same key, at the same moment: the other one's hold stands
        prolong_hold(key=key, until=until)


def hold_new(
    *, lines: Sequence[StockLine], key: str, until: datetime, shop: str = ""
) -> Mapping[str, tuple[Share, ...]]:
    """As `hold`, for a key that was never used, in three statements; who serves each line.

    From those who deliver, or all of it from `shop`. What is not there is kept of what is still to
    come. In the caller's transaction, which a refusal must end: the records are locked. `lines` are
    things: one that no partner has is out of stock.

    Raises:
        RuleViolated: `out_of_stock`.
    """
    wishes = [
        Wish(each.line or str(n), each.offering, each.quantity) for n, each in enumerate(lines)
    ]
    records = _records({wish.offering for wish in wishes}, shop=shop)
    today = business_today()
    found = dealt(wishes, sources=_sources(records), today=today)
    if found.short or any(s.expected_on for shares in found.shares.values() for s in shares):
        _release_expired_on([record.id for there in records.values() for record in there])
        # Once more, as what is to come stands in rows that were read before the locks were ours.
        records = _records(set(records), shop=shop)
        found = dealt(wishes, sources=_sources(records), today=today)
    for offering in sorted(found.short):
        raise _out_of_stock(offering, wishes=wishes, sources=_sources(records)[offering])
    _keep(_shares_of_records(wishes, found.shares, records=records), key=key, until=until)
    return found.shares


@transaction.atomic
def take_in(offering: str, *, quantity: int) -> bool:
    """Pieces that a customer gave back lie in our own warehouse; False if it keeps no such piece.

    The caller sees to it that no piece comes back twice.
    """
    own = [r for r in _records({offering}, shop="")[offering] if r.source.kind is PartnerKind.OWN]
    for record in own[:1]:
        present = F("num_in_stock") + quantity
        StockRecord.objects.filter(pk=record.id).update(num_in_stock=present)
    return bool(own)


@dataclass(frozen=True, slots=True)
class _Record:
    """A stock record that is locked."""

    id: int
    source: Source


# Every order asks for these: written out, because building them anew costs more than running them.
_RECORDS = """
SELECT o.code, r.id, p.code, coalesce(u.kind, 'own'), coalesce(u.preference, 0),
       coalesce(s.lead_days, 1),
       greatest(coalesce(r.num_in_stock, 0) - coalesce(r.num_allocated, 0), 0)::int,
       greatest(coalesce(s.coming, 0) - coalesce(s.coming_held, 0), 0)::int, s.back_order_on
FROM offering_offering AS o
     JOIN partner_stockrecord AS r ON r.product_id = o.product_id
     JOIN partner_partner AS p ON p.id = r.partner_id
     LEFT JOIN offering_supplier AS u ON u.partner_id = p.id
     LEFT JOIN offering_supply AS s ON s.stock_record_id = r.id
WHERE o.code = ANY(%(codes)s)
      AND (%(shop)s = '' AND u.kind IS DISTINCT FROM 'shop'
           OR p.code = %(shop)s AND u.kind = 'shop')
ORDER BY r.id FOR UPDATE OF r
"""
_ALLOCATE = """
UPDATE partner_stockrecord AS r SET num_allocated = coalesce(r.num_allocated, 0) + given.quantity
FROM unnest(%s::bigint[], %s::int[]) AS given (id, quantity) WHERE r.id = given.id
"""
_ALLOCATE_COMING = """
UPDATE offering_supply AS s SET coming_held = s.coming_held + given.quantity
FROM unnest(%s::bigint[], %s::int[]) AS given (id, quantity) WHERE s.stock_record_id = given.id
"""


def _records(codes: Collection[str], *, shop: str) -> dict[str, list[_Record]]:
    """The stock records of each offering, of those who deliver or of `shop`; locked in order."""
    found: dict[str, list[_Record]] = {code: [] for code in codes}
    with connection.cursor() as cursor:
        cursor.execute(_RECORDS, {"codes": list(codes), "shop": shop})
        for code, record_id, partner, kind, *facts in cursor.fetchall():
            source = Source(partner, PartnerKind(kind), *facts)
            found[code].append(_Record(record_id, source))
    return found


def _sources(records: Mapping[str, Sequence[_Record]]) -> Mapping[str, list[Source]]:
    return {code: [record.source for record in there] for code, there in records.items()}


def _shares_of_records(
    wishes: Iterable[Wish],
    shares: Mapping[str, tuple[Share, ...]],
    *,
    records: Mapping[str, Sequence[_Record]],
) -> tuple[Counter[int], Counter[int]]:
    """Pieces by record: those that are there, and those that are still to come."""
    there: Counter[int] = Counter()
    ahead: Counter[int] = Counter()
    for wish in wishes:
        ids = {each.source.partner: each.id for each in records.get(wish.offering, ())}
        for share in shares.get(wish.line, ()):
            pool = there if share.expected_on is None else ahead
            pool[ids[share.partner]] += share.quantity
    return there, ahead


def _keep(pieces: tuple[Counter[int], Counter[int]], *, key: str, until: datetime) -> None:
    there, ahead = pieces
    with connection.cursor() as cursor:
        for statement, wanted in ((_ALLOCATE, there), (_ALLOCATE_COMING, ahead)):
            if wanted:
                cursor.execute(statement, [list(wanted), list(wanted.values())])
    insert(
        StockHold(
            key=key,
            stock_record_id=record_id,
            quantity=there[record_id] + ahead[record_id],
            coming=ahead[record_id],
            until=until,
        )
        for record_id in sorted(there | ahead)
    )


def prolong_hold(*, key: str, until: datetime) -> bool:
    """Move the end of the hold of `key`; False if there is none. In the caller's transaction.

    Raises:
        Conflict: `hold_ended`: its pieces are on sale again, or sold.
    """
    holds = _locked(key)
    if any(hold.state != HoldState.HELD for hold in holds):
        raise Conflict("This hold has ended.", code="hold_ended", key=key)
    return bool(holds) and bool(
        StockHold.objects.filter(key=key, state=HoldState.HELD).update(until=until)
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
        there = held.quantity - held.coming
        _count(held, num_in_stock=-there, num_allocated=-there)
        _count_coming(held, coming=-held.coming, coming_held=-held.coming)


@transaction.atomic
def release_hold(key: str) -> None:
    """The pieces are on sale again, if they were still held. May be repeated."""
    _give_back(_locked(key))


@transaction.atomic
def restock(key: str) -> None:
    """Pieces that were sold under `key` come back before they left the house (order cancelled).

    Those that were to come and have come since lie on the shelf.
    """
    for sold in _moving(_locked(key), HoldState.RESTOCKED):
        arrived = sold.coming - _count_coming(sold, coming=sold.coming)
        _count(sold, num_in_stock=sold.quantity - sold.coming + arrived)


def further_key(key: str) -> str:
    """Another key for what is sold under `key` later; its pieces come back with those of `key`."""
    return f"{key}{_FURTHER}{secrets.token_hex(6)}"


@transaction.atomic
def return_pieces(key: str, *, pieces: Iterable[tuple[str, Share]]) -> None:
    """As `restock`, for some of what was sold under `key`, or under a further one of it: shares by
    their offering.

    The caller sees to it that no piece comes back twice.
    """
    back: Counter[tuple[str, str, bool]] = Counter()
    for offering, share in pieces:
        back[offering, share.partner, share.expected_on is not None] += share.quantity
    of_key = Q(key=key) | Q(key__startswith=f"{key}{_FURTHER}")
    sold = _in_order(StockHold.objects.filter(of_key))
    holds = [held for held in sold if held.state == HoldState.COMMITTED]
    named = StockRecord.objects.filter(pk__in=[held.stock_record_id for held in holds])
    names = {
        pk: (code, partner)
        for pk, code, partner in named.values_list("pk", "product__offering__code", "partner__code")
    }
    for held in holds:
        name = names[held.stock_record_id]
        there = min(back[*name, False], held.quantity - held.coming)
        ahead = min(back[*name, True], held.quantity - there)
        if there or ahead:
            back[*name, False] -= there
            back[*name, True] -= ahead
            _return(held, there=there, ahead=ahead)


def _return(held: StockHold, *, there: int, ahead: int) -> None:
    if there + ahead >= held.quantity:
        StockHold.objects.filter(pk=held.pk).update(state=HoldState.RESTOCKED)
    else:
        StockHold.objects.filter(pk=held.pk).update(
            quantity=F("quantity") - there - ahead, coming=F("coming") - ahead
        )
    arrived = ahead and ahead - _returned_coming(held, ahead)
    _count(held, num_in_stock=there + arrived)


def _returned_coming(held: StockHold, ahead: int) -> int:
    """How many of `ahead` are still to come, and are on sale again as such."""
    rows = Supply.objects.filter(
        stock_record_id=held.stock_record_id, back_order_on__gt=business_today()
    )
    return ahead if rows.update(coming=F("coming") + ahead) else 0


@transaction.atomic
def release_expired(*, at: datetime) -> int:
    """Put everything whose hold ended before `at` on sale again; how many holds that were."""
    expired = StockHold.objects.filter(state=HoldState.HELD, until__lte=at)
    return _give_back(_in_order(expired, skip_locked=True))


def _release_expired_on(record_ids: Collection[int]) -> None:
    expired = StockHold.objects.filter(
        stock_record_id__in=record_ids, state=HoldState.HELD, until__lte=business_now()
    )
    _give_back(_in_order(expired, skip_locked=True))


def _give_back(holds: Iterable[StockHold]) -> int:
    count = 0
    for held in _moving(holds, HoldState.RELEASED):
        count += 1
        _count(held, num_allocated=held.coming - held.quantity)
        _count_coming(held, coming_held=-held.coming)
    return count


def _count(held: StockHold, **changes: int) -> None:
    """Add to the counts of the record's pieces."""
    if any(changes.values()):
        added = {name: F(name) + change for name, change in changes.items()}
        StockRecord.objects.filter(pk=held.stock_record_id).update(**added)


def _count_coming(held: StockHold, **changes: int) -> int:
    """Add to the counts of what is still to come; how many pieces that concerns (none once the
    date has passed)."""
    if not held.coming:
        return 0
    rows = Supply.objects.filter(stock_record_id=held.stock_record_id)
    if "coming_held" not in changes:
        rows = rows.filter(back_order_on__gt=business_today())
    added = {name: F(name) + change for name, change in changes.items()}
    return held.coming if rows.update(**added) else 0


def _locked(key: str) -> list[StockHold]:
    return _in_order(StockHold.objects.filter(key=key))


def _in_order(holds: QuerySet[StockHold], *, skip_locked: bool = False) -> list[StockHold]:
    """Locked, each after its record, by record and then by age; `skip_locked` leaves what others
    work on. Who has a record locked may change its holds: nobody waits for it with one in hand."""
    rows = holds.select_related("stock_record").order_by("stock_record_id", "pk")
    return list(rows.select_for_update(skip_locked=skip_locked, of=("stock_record", "self")))


def _moving(holds: Iterable[StockHold], target: HoldState) -> Iterable[StockHold]:
    """Those of the locked `holds` that can go to `target`, moved there."""
    for held in holds:
        if target in HOLD_LIFE.table.get(HoldState(held.state), frozenset()):
            StockHold.objects.filter(pk=held.pk).update(state=target)
            yield held


def _out_of_stock(
    offering: str, *, wishes: Iterable[Wish], sources: Iterable[Source]
) -> RuleViolated:
    today = business_today()
    left = sum(source.free + source.incoming(today=today) for source in sources)
    return RuleViolated(
        f"Only {left} of {offering} can be sold now.",
        code="out_of_stock",
        offering=offering,
        asked=sum(wish.quantity for wish in wishes if wish.offering == offering),
        available=left,
    )
