"""Stock of partners from a CSV file: all of it, or nothing and every fault with its line."""

import csv
import io
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice

from django.db import transaction
from oscar.apps.partner.models import Partner, StockRecord

from catalogue.domain.model import Snapshot
from catalogue.domain.sourcing import PartnerKind, expected_day
from catalogue.events import ComingDayMoved
from catalogue.importer.sources import CatalogueInvalid, Problem
from catalogue.models import HoldState, Offering, StockHold, Supply
from catalogue.services import acts
from commerce.accounts.identity import SYSTEM, AccountContext
from commerce.events.outbox import publish
from commerce.kernel.clock import business_today
from commerce.kernel.sentences import Sentence

COLUMNS = ("partner", "offering", "pieces", "lead_days", "coming", "expected_on")
MOST_PIECES, MOST_DAYS = 1_000_000, 60
KEYS_PER_EVENT = 200
MOST_LINES, MOST_FAULTS = 50_000, 100


@dataclass(frozen=True, slots=True)
class StockImported:
    """Records that are new, that changed, that were so already; `ended` are offerings among them
    that are sold no more (their pieces count for what was ordered before)."""

    added: int
    changed: int
    same: int
    ended: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Row:
    """A line of the file: pieces not sold yet, those there (kept ones among them) and to come."""

    line: int
    partner: str
    offering: str
    pieces: int
    lead_days: int
    coming: int
    expected_on: date | None


@transaction.atomic
def import_stock(
    text: str, *, file: str, catalogue: Snapshot, context: AccountContext = SYSTEM
) -> StockImported:
    """Set what partners have, as `text` says (with the headings `COLUMNS`). Others stay as they
    are; the same file again changes nothing.

    Pieces that arrived go from `coming` to `pieces`, and what buyers hold of them moves along.

    Raises:
        Forbidden: `not_a_catalogue_manager`.
        CatalogueInvalid: with the first 100 problems or so; nothing is changed then.
    """
    acts.only_managers(context)
    problems: list[Problem] = []
    rows = list(_read(text, file=file, problems=problems))
    partners = _partners(rows)
    if not problems:
        faults = _faults(rows, file=file, partners=partners, catalogue=catalogue)
        problems += islice(faults, MOST_FAULTS)
    if problems:
        raise CatalogueInvalid(problems)
    added = _add_records(rows)
    shelves = _locked(rows)
    unkept = (
        Problem(file, row.line, "pieces", fault)
        for row in rows
        if (fault := _unkept(shelves[_key(row)], row))
    )
    problems += islice(unkept, MOST_FAULTS)
    if problems:
        raise CatalogueInvalid(problems)
    told = {key: shelf.supply.back_order_on for key, shelf in shelves.items()}
    changed = {_key(row) for row in rows if _set(shelves[_key(row)], row)}
    _write([shelves[key] for key in changed])
    _tell_of_moved_days([shelves[key] for key in sorted(changed)], told=told)
    done = StockImported(
        len(added),
        len(changed - added),
        len(rows) - len(changed | added),
        tuple(sorted({row.offering for row in rows if not _sold(row.offering, catalogue)})),
    )
    acts.record(
        "stock_imported",
        context=context,
        values={"file": file, "added": done.added, "changed": done.changed, "same": done.same},
    )
    return done


@dataclass(slots=True)
class _Shelf:
    """A stock record that is locked, and what is said beside it."""

    record: StockRecord
    supply: Supply


_Key = tuple[str, str]


def _key(row: _Row) -> _Key:
    return row.partner, row.offering


def _read(text: str, *, file: str, problems: list[Problem]) -> Iterator[_Row]:
    separator = ";" if ";" in text.partition("\n")[0] else ","
    lines = csv.DictReader(io.StringIO(text.lstrip("\ufeff")), delimiter=separator)
    try:
        yield from _rows(lines, file=file, separator=separator, problems=problems)
    except csv.Error as error:
        said = Sentence("This is not CSV: %(error)s.", error=error)
        problems.append(Problem(file, lines.line_num, "file", said))


def _rows(
    lines: "csv.DictReader[str]", *, file: str, separator: str, problems: list[Problem]
) -> Iterator[_Row]:
    if tuple(lines.fieldnames or ()) != COLUMNS:
        heading = separator.join(COLUMNS)
        problems.append(
            Problem(
                file, 1, "file", Sentence("The first line must be %(heading)s.", heading=heading)
            )
        )
        return
    for number, values in enumerate(lines, start=1):
        if len(problems) >= MOST_FAULTS:
            return
        if number > MOST_LINES:
            problems.append(
                Problem(
                    file,
                    lines.line_num,
                    "file",
                    Sentence("%(most)s lines at most.", most=MOST_LINES),
                )
            )
            return
        told = {name: (values.get(name) or "").strip() for name in COLUMNS}
        reader = _Reader(file, lines.line_num, told, problems)
        row = _Row(
            line=lines.line_num,
            partner=told["partner"],
            offering=told["offering"],
            pieces=reader.whole("pieces", most=MOST_PIECES),
            lead_days=reader.whole("lead_days", most=MOST_DAYS, default="1"),
            coming=reader.whole("coming", most=MOST_PIECES, default="0"),
            expected_on=reader.day("expected_on"),
        )
        if row.coming and row.expected_on is None and not told["expected_on"]:
            reader.refuse("expected_on", Sentence("Say when they come, as 2026-12-31."))
        yield row


@dataclass(frozen=True, slots=True)
class _Reader:
    file: str
    line: int
    told: Mapping[str, str]
    problems: list[Problem]

    def whole(self, field: str, *, most: int, default: str = "") -> int:
        text = self.told[field] or default
        if text.isascii() and text.isdecimal() and len(text) <= 9 and int(text) <= most:
            return int(text)
        self.refuse(field, Sentence("A whole number from 0 to %(most)s.", most=most))
        return 0

    def day(self, field: str) -> date | None:
        text = self.told[field]
        try:
            return expected_day(text) if text else None
        except ValueError:
            self.refuse(field, Sentence("A day like 2026-12-31."))
            return None

    def refuse(self, field: str, message: str) -> None:
        self.problems.append(Problem(self.file, self.line, field, message))


def _partners(rows: Iterable[_Row]) -> Mapping[str, Partner]:
    """By code, locked in one order: two files of a partner are taken in one after the other."""
    codes = {row.partner for row in rows}
    known = Partner.objects.filter(code__in=codes).select_related("supplier").order_by("pk")
    return {each.code: each for each in known.select_for_update(of=("self",), no_key=True)}


def _sold(offering: str, catalogue: Snapshot) -> bool:
    found = catalogue.offerings.get(offering)
    return found is not None and found.stocked


def _faults(
    rows: Sequence[_Row], *, file: str, partners: Mapping[str, Partner], catalogue: Snapshot
) -> Iterator[Problem]:
    ended = {row.offering for row in rows if row.offering not in catalogue.offerings}
    kept = _there(ended) if ended else set()
    shops = {
        code
        for code, partner in partners.items()
        if getattr(getattr(partner, "supplier", None), "kind", "") == PartnerKind.SHOP
    }
    seen: dict[tuple[str, str], int] = {}
    for row in rows:
        if row.partner not in partners:
            yield Problem(
                file,
                row.line,
                "partner",
                Sentence("There is no partner %(partner)s.", partner=row.partner[:64]),
            )
        if not _sold(row.offering, catalogue) and _key(row) not in kept:
            message = Sentence("%(offering)s is not sold from stock.", offering=row.offering[:64])
            yield Problem(file, row.line, "offering", message)
        if row.coming and row.partner in shops:
            yield Problem(file, row.line, "coming", Sentence("A shop promises only what is there."))
        first = seen.setdefault((row.partner, row.offering), row.line)
        if first != row.line:
            yield Problem(
                file, row.line, "offering", Sentence("Line %(first)s says it already.", first=first)
            )


def _add_records(rows: Iterable[_Row]) -> set[_Key]:
    """The records that are not there yet, empty."""
    partners = dict(Partner.objects.values_list("code", "pk"))
    products = dict(Offering.objects.values_list("code", "product_id"))
    added = {_key(row) for row in rows} - _there({row.offering for row in rows})
    StockRecord.objects.bulk_create(
        StockRecord(
            partner_id=partners[partner],
            product_id=products[offering],
            partner_sku=offering,
            num_in_stock=0,
            num_allocated=0,
        )
        for partner, offering in sorted(added)
    )
    bare = StockRecord.objects.filter(supply=None)
    Supply.objects.bulk_create(
        [Supply(stock_record=record) for record in bare], ignore_conflicts=True
    )
    return added


def _there(offerings: Collection[str]) -> set[_Key]:
    """The records of these that are there."""
    rows = StockRecord.objects.filter(partner_sku__in=offerings)
    return set(rows.values_list("partner__code", "partner_sku"))


def _locked(rows: Iterable[_Row]) -> dict[_Key, _Shelf]:
    records = list(
        StockRecord.objects.filter(partner__code__in={row.partner for row in rows})
        .filter(partner_sku__in={row.offering for row in rows})
        .select_related("partner")
        .select_for_update(of=("self",))
        .order_by("pk")
    )
    supplies = {
        each.stock_record_id: each for each in Supply.objects.filter(stock_record__in=records)
    }
    return {(r.partner.code, r.partner_sku): _Shelf(r, supplies[r.pk]) for r in records}


def _unkept(shelf: _Shelf, row: _Row) -> str:
    """Why the row can't be: buyers have been promised more than that."""
    kept = (shelf.record.num_allocated or 0) + _arrived(shelf, row)
    return Sentence("Buyers hold %(kept)s of them.", kept=kept) if row.pieces < kept else ""


def _arrived(shelf: _Shelf, row: _Row) -> int:
    """How many of the pieces to come that buyers hold are there now: those that the file expects no
    more; and where it expects the others later than the buyers were told, as many as lie there."""
    supply = shelf.supply
    no_more = max(supply.coming_held - row.coming, 0)
    told, expected = supply.back_order_on, row.expected_on
    if told is None or expected is None or expected <= told:
        return no_more
    free = max(row.pieces - (shelf.record.num_allocated or 0), 0)
    return max(no_more, min(supply.coming_held, free))


def _set(shelf: _Shelf, row: _Row) -> bool:
    """Whether anything changes."""
    record, supply = shelf.record, shelf.supply
    wanted = (row.pieces, row.lead_days, row.coming, row.expected_on)
    if wanted == (record.num_in_stock, supply.lead_days, supply.coming, supply.back_order_on):
        return False
    arrived = _arrive(record, _arrived(shelf, row))
    record.num_in_stock = row.pieces
    record.num_allocated = (record.num_allocated or 0) + arrived
    supply.lead_days, supply.back_order_on = row.lead_days, row.expected_on
    supply.coming, supply.coming_held = row.coming, supply.coming_held - arrived
    return True


def _tell_of_moved_days(shelves: Sequence[_Shelf], *, told: Mapping[_Key, date | None]) -> None:
    """Those who wait for pieces are known by their holds; a day that has come is not moved."""
    today = business_today()
    for shelf in shelves:
        partner, offering = shelf.record.partner.code, shelf.record.partner_sku
        before, after = told[partner, offering], shelf.supply.back_order_on
        if before is None or after is None or before == after or before <= today:
            continue
        waiting = StockHold.objects.filter(
            stock_record=shelf.record,
            state__in=[HoldState.HELD, HoldState.COMMITTED],
            coming__gt=0,
        )
        keys = sorted(set(waiting.values_list("key", flat=True)))
        for first in range(0, len(keys), KEYS_PER_EVENT):
            publish(
                ComingDayMoved(
                    partner,
                    offering,
                    before,
                    after,
                    shelf.supply.lead_days,
                    keys[first : first + KEYS_PER_EVENT],
                )
            )


def _write(shelves: Sequence[_Shelf]) -> None:
    StockRecord.objects.bulk_update(
        [shelf.record for shelf in shelves], ["num_in_stock", "num_allocated"], batch_size=2000
    )
    Supply.objects.bulk_update(
        [shelf.supply for shelf in shelves],
        ["lead_days", "back_order_on", "coming", "coming_held"],
        batch_size=2000,
    )


def _arrive(record: StockRecord, count: int) -> int:
    """Let holds have `count` pieces from the shelf that were to come, the oldest first."""
    left = count
    if not left:
        return 0
    holds = StockHold.objects.filter(stock_record=record, state=HoldState.HELD, coming__gt=0)
    for held in holds.order_by("pk"):
        moved = min(left, held.coming)
        if moved:
            StockHold.objects.filter(pk=held.pk).update(coming=held.coming - moved)
            left -= moved
    return count - left
