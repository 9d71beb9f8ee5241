"""A merchant's closed month as a file: all that it is the sum of, as JSON or for a spreadsheet."""

import json
from dataclasses import astuple
from typing import Any

from commerce.kernel.clock import PARIS
from commerce.web.tables import table
from subscriptions.carrier.payables import Statement
from subscriptions.carrier.statements import LINE_COLUMNS, StatementLine, statement_lines

JSON, CSV = "application/json", "text/csv; charset=utf-8"


def file_of(statement: Statement, *, kind: str) -> bytes:
    """The same bytes for the same statement; CSV holds its lines alone, and never changes."""
    lines = statement_lines(statement.code, statement.month)
    if kind == CSV:
        return table(LINE_COLUMNS, map(astuple, lines)).encode()
    told = shown_statement(statement) | {"lines": [_shown_line(each) for each in lines]}
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()


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
