"""A merchant's closed month as a file: all that it is the sum of, as JSON or for a spreadsheet."""

import json
from collections.abc import Iterator
from dataclasses import astuple
from typing import Any

from commerce.kernel.clock import PARIS
from commerce.web.tables import rows_of
from subscriptions.carrier.payables import Statement
from subscriptions.carrier.statements import LINE_COLUMNS, StatementLine, statement_lines

JSON, CSV = "application/json", "text/csv; charset=utf-8"


def texts_of(statement: Statement, *, kind: str) -> Iterator[str]:
    """What the file says, piece by piece: the same for the same statement. CSV holds its lines
    alone, and never changes."""
    if kind != CSV:
        return _json(statement)
    lines = statement_lines(statement.code, statement.month)
    return rows_of(LINE_COLUMNS, map(astuple, lines))


def _json(statement: Statement) -> Iterator[str]:
    yield _said(shown_statement(statement)).removesuffix("}") + ',"lines":['
    lines = statement_lines(statement.code, statement.month)
    for place, line in enumerate(lines):
        yield ("," if place else "") + _said(_shown_line(line))
    yield "]}"


def _said(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def shown_statement(statement: Statement) -> dict[str, Any]:
    """Schema `Statement`; amounts are texts, in euros and cents."""
    amounts = {
        "sold": statement.sold,
        "givenBack": statement.given_back,
        "net": statement.net,
        "fees": statement.fees,
        "commission": statement.commission,
        "commissionTax": statement.commission_tax,
        "due": statement.due,
    }
    shown: dict[str, Any] = {
        "month": f"{statement.month:%Y-%m}",
        "merchant": statement.code,
        "selling": statement.selling.value,
        "currency": statement.due.currency,
        "purchases": statement.purchases,
        **{name: f"{amount.amount:.2f}" for name, amount in amounts.items()},
        "closedAt": statement.closed_at.astimezone(PARIS).isoformat(timespec="seconds"),
    }
    if statement.invoice:
        shown["commissionInvoice"] = statement.invoice
    if statement.paid_at is not None:
        shown["paidAt"] = statement.paid_at.astimezone(PARIS).isoformat(timespec="seconds")
        shown["transferReference"] = statement.reference
    return shown


def _shown_line(line: StatementLine) -> dict[str, str]:
    return {
        "day": line.day.isoformat(),
        "kind": line.kind,
        "reference": line.reference,
        "paymentId": str(line.payment),
        "service": line.service,
        "gross": f"{line.gross:.2f}",
        "net": f"{line.net:.2f}",
    }
