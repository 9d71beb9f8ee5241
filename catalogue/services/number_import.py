"""Ranges of numbers from a CSV file: all of them, or none and every fault with its line."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction

from catalogue.domain.model import Kind, Snapshot
from catalogue.domain.numbers import STANDARD, class_of, numbers_between
from catalogue.importer.checks_of_numbers import class_fault, range_fault
from catalogue.importer.sources import CatalogueInvalid, Problem
from catalogue.models import Number
from commerce.kernel.errors import InvalidInput
from commerce.kernel.sentences import Sentence
from commerce.markets.pack import Market, market

COLUMNS = ("first", "last", "class")
_BATCH = 5000


@dataclass(frozen=True, slots=True)
class NumberRange:
    """A line of the file; without `klass` each number is of the class that it looks like."""

    line: int
    first: str
    last: str
    klass: str


@transaction.atomic
def import_numbers(text: str, *, file: str, catalogue: Snapshot) -> int:
    """Add the ranges in `text` (first;last;class, with these headings) to the pool; how many
    numbers.

    Raises:
        CatalogueInvalid: with every problem that was found; nothing is added then.
    """
    problems: list[Problem] = []
    ranges = list(_read(text, file=file, problems=problems))
    if not problems:
        problems += _faults(ranges, file=file, catalogue=catalogue)
    if problems:
        raise CatalogueInvalid(problems)
    looks = catalogue.number_classes
    for each in ranges:
        rows = (
            Number(msisdn=msisdn, klass=each.klass or class_of(msisdn, looks))
            for msisdn in numbers_between(each.first, each.last)
        )
        Number.objects.bulk_create(rows, batch_size=_BATCH)
    return sum(int(each.last) - int(each.first) + 1 for each in ranges)


def _read(text: str, *, file: str, problems: list[Problem]) -> Iterator[NumberRange]:
    separator = ";" if ";" in text.partition("\n")[0] else ","
    rows = csv.DictReader(io.StringIO(text.lstrip("\ufeff")), delimiter=separator)
    if tuple(rows.fieldnames or ()) != COLUMNS:
        heading = separator.join(COLUMNS)
        problems.append(
            Problem(
                file, 1, "file", Sentence("The first line must be %(heading)s.", heading=heading)
            )
        )
        return
    pack = market(settings.MARKET)
    for row in rows:
        ends: dict[str, str] = {}
        for field in ("first", "last"):
            try:
                ends[field] = _number(row[field] or "", pack=pack)
            except InvalidInput as error:
                problems.append(Problem(file, rows.line_num, field, error.message))
        if len(ends) == len(COLUMNS) - 1:
            yield NumberRange(rows.line_num, klass=(row["class"] or "").strip(), **ends)


def _number(text: str, *, pack: Market) -> str:
    figures = "".join(filter(str.isdigit, text))
    return figures if pack.is_special(figures) else pack.normalise_number(text)


def _faults(ranges: list[NumberRange], *, file: str, catalogue: Snapshot) -> Iterator[Problem]:
    pack = market(settings.MARKET)
    sold = {
        str(each.characteristics.get("number_class", "")): str(
            each.characteristics.get("number_range", "")
        )
        for each in catalogue.of_kind(Kind.NUMBER)
    }
    known = {"", STANDARD, *sold, *(each.code for each in catalogue.number_classes)}
    for place, each in enumerate(ranges):
        fault = range_fault(each.first, each.last)
        if fault:
            yield Problem(file, each.line, "last", fault)
            continue
        if each.klass not in known:
            yield Problem(
                file,
                each.line,
                "class",
                Sentence("There is no class %(klass)s of numbers.", klass=each.klass),
            )
        for end in (each.first, each.last):
            fault = class_fault(end, each.klass, begins=sold, pack=pack)
            if fault:
                yield Problem(file, each.line, "class", fault)
                break
        for earlier in ranges[:place]:
            if len(earlier.first) == len(each.first) and (
                earlier.first <= each.last and each.first <= earlier.last
            ):
                message = Sentence(
                    "Line %(line)s has some of these numbers too.", line=earlier.line
                )
                yield Problem(file, each.line, "first", message)
        there = Number.objects.filter(
            msisdn__gte=each.first, msisdn__lte=each.last, msisdn__regex=f"^.{{{len(each.first)}}}$"
        ).count()
        if there:
            yield Problem(
                file,
                each.line,
                "first",
                Sentence("%(there)s of these are in the pool already.", there=there),
            )
