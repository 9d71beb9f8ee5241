"""Bank statements as banks send them: ISO 20022 camt.053.001, versions 02 to 08.

Read whole or not at all. Names and places of the elements are those of the message definition; the
versions differ in where a party's name and an entry's state stand.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from commerce.kernel.errors import InvalidInput
from commerce.kernel.money import Money, total

MOST_BYTES = 10_000_000
NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:camt.053.001."
OPENING, CLOSING = ("OPBD", "PRCD"), ("CLBD",)
BOOKED = "BOOK"
UNSAID = {"", "NOTPROVIDED"}
LARGEST = Decimal(10) ** 12
LONGEST_ID = 35


@dataclass(frozen=True, slots=True)
class Entry:
    """A booked movement; what leaves our account has an `amount` below zero.

    `key` is the bank's own reference, else what the bank says of it; `returned`: it brings money
    back that was moved before, for the reason that the bank names by a code. `valued_on`: the bank
    lets the money count from that day; None: it does not say.
    """

    key: str
    booked_on: date
    amount: Money
    other_name: str
    other_iban: str
    end_to_end_id: str
    references: tuple[str, ...]
    text: str
    returned: str
    # The digests of the statements that were taken in before do not know of it.
    valued_on: date | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Statement:
    """`opening` plus all entries is `closing`."""

    id: str
    iban: str
    on: date
    opening: Money
    closing: Money
    entries: tuple[Entry, ...]


def statements_in(data: bytes) -> tuple[Statement, ...]:
    """Every statement of the file.

    Raises:
        InvalidInput: `bank_file_unreadable`: it is too large, no XML, no camt.053, or lacks what
            a statement must say (`what` names it); `bank_file_does_not_add_up`.
    """
    root = _parsed(data)
    if not str(root.tag).startswith(f"{{{NAMESPACE}"):
        raise _unreadable("This is no bank statement (camt.053).", what="Document")
    found = tuple(_statement(node) for node in root.findall("{*}BkToCstmrStmt/{*}Stmt"))
    if not found:
        raise _unreadable("There is no statement in this file.", what="Stmt")
    return found


def _parsed(data: bytes) -> Any:
    from lxml import etree  # loaded where bank files are read alone, as in `facturx`

    if len(data) > MOST_BYTES:
        raise _unreadable("This file is too large.", what="file")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
    )
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise _unreadable("This is no XML that can be read.", what="file") from error
    if root.getroottree().docinfo.doctype:
        raise _unreadable("A bank statement has no document type.", what="file")
    return root


def _statement(node: Any) -> Statement:
    currency = _text(node, "Acct/Ccy") or "EUR"
    statement_id = _needed(node, "Id")
    if len(statement_id) > LONGEST_ID:
        raise _unreadable("The id of a statement is too long.", what="Id")
    entries = tuple(_entries(node, currency=currency))
    opening, _ = _balance(node, OPENING, currency=currency)
    closing, on = _balance(node, CLOSING, currency=currency)
    if opening + total((each.amount for each in entries), currency=currency) != closing:
        raise InvalidInput(
            f"The entries of statement {statement_id} do not lead from {opening} to {closing}.",
            code="bank_file_does_not_add_up", field="file", statement=statement_id,
        )  # fmt: skip
    iban = _needed(node, "Acct/Id/IBAN")
    return Statement(statement_id, iban, on, opening, closing, entries)


def _balance(node: Any, codes: Sequence[str], *, currency: str) -> tuple[Money, date]:
    """The balance of the first of `codes` that the statement has, and its day."""
    found = {_text(each, "Tp/CdOrPrtry/Cd"): each for each in _all(node, "Bal")}
    for code in codes:
        if code in found:
            return _amount(found[code], currency=currency), _day(found[code], "Dt")
    raise _unreadable(f"There is no balance {codes[0]}.", what=codes[0])


def _entries(node: Any, *, currency: str) -> Iterator[Entry]:
    alike: Counter[str] = Counter()
    for entry in _all(node, "Ntry"):
        if (_text(entry, "Sts/Cd") or _text(entry, "Sts")) != BOOKED:
            continue
        whole = _amount(entry, currency=currency)
        parts = _all(entry, "NtryDtls/TxDtls")
        shares = [whole]
        if len(parts) > 1:
            shares = [_part(part, entry, currency=currency, whole=whole) for part in parts]
        if total(shares, currency=currency) != whole:
            raise InvalidInput(
                f"The parts of an entry of {whole} do not add up to it.",
                code="bank_file_does_not_add_up", field="file",
            )  # fmt: skip
        for place, (part, amount) in enumerate(zip(parts or [entry], shares, strict=True)):
            found = _entry(entry, part, amount=amount, place=place if len(parts) > 1 else None)
            alike[found.key] += 1
            again = alike[found.key]
            yield found if again == 1 else _numbered(found, again)


def _part(part: Any, entry: Any, *, currency: str, whole: Money) -> Money:
    """Of one of several: what it says, by its own sign, else by the entry's. What a single one says
    may be in another currency, or before the bank's fees."""
    said = part.find("{*}Amt")
    said = part.find("{*}AmtDtls/{*}TxAmt/{*}Amt") if said is None else said
    if said is None:
        return whole
    sign = _text(part, "CdtDbtInd") or _text(entry, "CdtDbtInd")
    return _money(said, sign=sign, currency=currency)


def _entry(entry: Any, part: Any, *, amount: Money, place: int | None) -> Entry:
    side = "Dbtr" if amount.amount > 0 else "Cdtr"
    parties = f"RltdPties/{side}"
    name = _text(part, f"{parties}/Nm") or _text(part, f"{parties}/Pty/Nm")
    iban = _text(part, f"RltdPties/{side}Acct/Id/IBAN")
    end_to_end = _text(part, "Refs/EndToEndId")
    structured = [
        *(_plain(each) for each in _all(part, "RmtInf/Strd/CdtrRefInf/Ref")),
        *(_plain(each) for each in _all(part, "RmtInf/Strd/RfrdDocInf/Nb")),
    ]
    text = " ".join(_plain(each) for each in _all(part, "RmtInf/Ustrd"))
    returned = part.find("{*}RtrInf") is not None or _text(entry, "RvslInd") == "true"
    reason = _text(part, "RtrInf/Rsn/Cd") or "RETURNED"
    booked_on = _day(entry, "BookgDt")
    bank_reference = _text(part, "Refs/AcctSvcrRef") if place is not None else ""
    bank_reference = bank_reference or _text(entry, "AcctSvcrRef")
    if not bank_reference and place is None:
        bank_reference = _text(part, "Refs/AcctSvcrRef")
    said = (str(booked_on), str(amount), name, iban, end_to_end, *structured, text)
    key = bank_reference or hashlib.sha256("\0".join(said).encode()).hexdigest()[:32]
    return Entry(
        key=key[:60],
        booked_on=booked_on,
        amount=amount,
        other_name=name[:140],
        other_iban=iban[:34],
        end_to_end_id="" if end_to_end in UNSAID else end_to_end[:35],
        references=tuple(each[:35] for each in structured if each),
        text=text[:500],
        returned=reason[:8] if returned else "",
        valued_on=_day(entry, "ValDt") if entry.find("{*}ValDt") is not None else None,
    )


def _numbered(entry: Entry, again: int) -> Entry:
    """One of several under one reference: the transfers of a batch, or alike in all they say."""
    return replace(entry, key=f"{entry.key}/{again}")


def _amount(node: Any, *, currency: str) -> Money:
    said = node.find("{*}Amt")
    if said is None:
        raise _unreadable("An amount is missing.", what="Amt")
    return _money(said, sign=_text(node, "CdtDbtInd"), currency=currency)


def _money(said: Any, *, sign: str, currency: str) -> Money:
    if said.get("Ccy") != currency:
        raise _unreadable("An amount is in another currency.", what="Amt")
    try:
        amount = Decimal(_plain(said))
    except InvalidOperation as error:
        raise _unreadable(f"{_plain(said)} is no amount.", what="Amt") from error
    if (
        not amount.is_finite()
        or not 0 <= amount < LARGEST
        or amount != amount.quantize(Decimal("0.01"))
    ):
        raise _unreadable(f"{_plain(said)} is no amount.", what="Amt")
    if sign not in ("CRDT", "DBIT"):
        raise _unreadable("It is not said which way an amount goes.", what="CdtDbtInd")
    return Money(amount if sign == "CRDT" else -amount, currency)


def _day(node: Any, path: str) -> date:
    said = _text(node, f"{path}/Dt") or _text(node, f"{path}/DtTm")[:10]
    try:
        return date.fromisoformat(said)
    except ValueError as error:
        raise _unreadable(f"{said!r} is no day.", what=path) from error


def _needed(node: Any, path: str) -> str:
    said = _text(node, path)
    if not said:
        raise _unreadable(f"{path} is missing.", what=path)
    return said


def _text(node: Any, path: str) -> str:
    found = node.find(_any(path))
    return _plain(found) if found is not None else ""


def _all(node: Any, path: str) -> list[Any]:
    return list(node.findall(_any(path)))


def _any(path: str) -> str:
    """Of whatever version's namespace."""
    return "/".join(f"{{*}}{step}" for step in path.split("/"))


def _plain(node: Any) -> str:
    return " ".join((node.text or "").replace("\0", "").split())


def _unreadable(message: str, *, what: str) -> InvalidInput:
    return InvalidInput(message, code="bank_file_unreadable", field="file", what=what)
