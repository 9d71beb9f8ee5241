"""Price lists as CSV: every price of a catalogue a row, edited in a spreadsheet, taken in again."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from decimal import Decimal, InvalidOperation
from io import StringIO
from typing import Any

from catalogue.importer.sources import CatalogueInvalid, Problem
from catalogue.importer.writing import CataloguePart
from commerce.kernel.sentences import Sentence

PRICED = frozenset({"families", "offerings"})
NAMED_BY = ("offering", "charge", "terms", "in_bundle", "channels", "valid_from", "valid_until")
AMOUNTS = ("consumer", "business")
COLUMNS = (*NAMED_BY, *AMOUNTS)
MOST_ROWS = 200_000

Name = tuple[str, ...]


def price_list(parts: Sequence[CataloguePart]) -> str:
    """The prices as CSV with semicolons; `offering` is the code of an offering, family or variant.

    What tells prices apart stands before the amounts: terms, bundle, channels and dates. An empty
    amount means that there is no such price.
    """
    text = StringIO()
    writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for part in parts:
        for owner, charge in _charges(part):
            amounts = ("" if charge.get(n) is None else str(charge[n]) for n in AMOUNTS)
            writer.writerow((*_name(owner, charge), *amounts))
    return text.getvalue()


def repriced(parts: Sequence[CataloguePart], text: str, *, file: str) -> tuple[CataloguePart, ...]:
    """The parts that the list changes, with its amounts. Prices that it does not name stay.

    A row that names another time, term, bundle or channel than any price of its charge adds one.

    Raises:
        CatalogueInvalid: with file, line and field of everything wrong; then nothing counts.
    """
    changed = {(part.section, part.key): deepcopy(part) for part in parts}
    owners = {
        code: (key, owner)
        for key, part in changed.items()
        if part.section in PRICED
        for code, owner in _owners(part.data)
    }
    problems: list[Problem] = []
    seen: dict[Name, int] = {}
    for line, row in _rows(text, file=file):
        name = tuple(row[column] for column in NAMED_BY)
        if name in seen:
            sentence = Sentence("Line %(line)s is about the same price.", line=seen[name])
            problems.append(Problem(file, line, "offering", sentence))
            continue
        seen[name] = line
        problems += [Problem(file, line, *each) for each in _set(owners, name, row)]
    if problems:
        raise CatalogueInvalid(problems)
    before = {(part.section, part.key): part for part in parts}
    return tuple(part for key, part in changed.items() if part != before[key])


def _set(
    owners: Mapping[str, tuple[Any, dict[str, Any]]], name: Name, row: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    code, charge_code = name[0], name[1]
    if code not in owners:
        yield "offering", Sentence("There is no offering, family or variant %(code)s.", code=code)
        return
    amounts: dict[str, Decimal | None] = {}
    for column in AMOUNTS:
        try:
            amounts[column] = _amount(row[column])
        except InvalidOperation:
            yield (
                column,
                Sentence(
                    "%(value)s is not an amount with at most two decimals.", value=row[column]
                ),
            )
    if len(amounts) < len(AMOUNTS):
        return
    owner = owners[code][1]
    alike = [charge for charge in _charged(owner) if charge.get("code") == charge_code]
    if not alike:
        yield (
            "charge",
            Sentence("%(code)s has no charge %(charge_code)s.", code=code, charge_code=charge_code),
        )
        return
    charge = next((c for c in alike if _name(code, c) == name), None)
    if charge is None:
        charge = _another(alike[0], name)
        owner["charges"].append(charge)
    for column, amount in amounts.items():
        if amount is None:
            charge.pop(column, None)
        elif charge.get(column) != amount:
            charge[column] = amount


def _another(like: Mapping[str, Any], name: Name) -> dict[str, Any]:
    _, _, terms, bundle, channels, *dates = name
    charge = {k: v for k, v in like.items() if k not in (*NAMED_BY, *AMOUNTS)}
    said = {
        "terms": [int(term) if term.isdecimal() else term for term in terms.split()],
        "in_bundle": bundle,
        "channels": channels.split(),
        **dict(zip(("valid_from", "valid_until"), dates, strict=True)),
    }
    return charge | {key: value for key, value in said.items() if value}


def _amount(text: str) -> Decimal | None:
    if not text:
        return None
    amount = Decimal(text.replace(",", "."))
    if not amount.is_finite() or amount < 0 or amount != round(amount, 2):
        raise InvalidOperation
    return amount.quantize(Decimal("0.01"))


def _rows(text: str, *, file: str) -> Iterator[tuple[int, dict[str, str]]]:
    body = text.removeprefix("\ufeff")
    heading = body.partition("\n")[0]
    reader = csv.reader(StringIO(body), delimiter=";" if ";" in heading else ",", strict=True)
    try:
        columns = [column.strip() for column in next(reader, [])]
        lacking = [column for column in COLUMNS if column not in columns]
        if lacking:
            said = Sentence(
                "The first line names the columns; %(columns)s are missing.",
                columns=", ".join(lacking),
            )
            raise CatalogueInvalid([Problem(file, 1, "columns", said)])
        for row in reader:
            if reader.line_num > MOST_ROWS:
                raise CatalogueInvalid(
                    [Problem(file, reader.line_num, "file", Sentence("Too many lines."))]
                )
            if any(cell.strip() for cell in row):
                cells = dict(zip(columns, (cell.strip() for cell in row), strict=False))
                yield reader.line_num, {column: cells.get(column, "") for column in COLUMNS}
    except csv.Error as error:
        said = Sentence("This is not CSV: %(error)s.", error=error)
        raise CatalogueInvalid([Problem(file, reader.line_num, "file", said)]) from None


def _charges(part: CataloguePart) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if part.section not in PRICED:
        return
    for code, owner in _owners(part.data):
        for charge in _charged(owner):
            yield code, charge


def _charged(owner: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What has the shape of a charge; a draft may hold anything, and its findings say so."""
    return [charge for charge in _listed(owner.get("charges")) if isinstance(charge, dict)]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _owners(data: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(data, dict):
        yield str(data.get("code", "")), data
        for variant in _listed(data.get("variants")):
            if isinstance(variant, dict):
                yield str(variant.get("code", "")), variant


def _name(owner: str, charge: Mapping[str, Any]) -> Name:
    return (
        owner,
        str(charge.get("code", "")),
        " ".join(str(term) for term in _listed(charge.get("terms"))),
        str(charge.get("in_bundle") or ""),
        " ".join(str(channel) for channel in _listed(charge.get("channels"))),
        str(charge.get("valid_from") or ""),
        str(charge.get("valid_until") or ""),
    )
