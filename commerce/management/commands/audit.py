"""`audit`: what became of orders and whether their bills are as promised; read back, not told."""

import json
from argparse import ArgumentParser
from collections.abc import Collection, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from commerce.accounts.identity import SYSTEM
from commerce.kernel.clock import business_now, business_today
from commerce.kernel.errors import FaisceauError
from commerce.ordering.selectors import OrderView, order_view
from orchestration.selectors import fallout_clusters, tracking
from subscriptions.domain.views import BillSummary
from subscriptions.invoicing.selectors import bills_of, parked_accounts
from subscriptions.reconciling.audit import (
    BillCheck,
    ExpectedBill,
    bills_against_promises,
    expected_bills,
)


class Command(BaseCommand):
    help = "Compare the bills of orders with their promises, and tell how the orders went."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("orders", nargs="+", help="order numbers")
        parser.add_argument("--until", type=date.fromisoformat, help="last bill run that counts")
        parser.add_argument("--json", type=Path, help="write everything to this file")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            told = audit(options["orders"], until=options["until"] or business_today())
        except FaisceauError as error:
            raise CommandError(error.message) from error
        if options["json"]:
            options["json"].write_text(json.dumps(told, ensure_ascii=False, indent=1))
        wrong = [check["number"] for check in told["checks"] if not check["equal"]]
        self.stdout.write(
            f"{len(told['bills'])} bills, {len(told['expected'])} expected, "
            f"{len(wrong)} not as promised{': ' if wrong else ''}{', '.join(wrong)}"
        )


def audit(numbers: Collection[str], *, until: date) -> dict[str, Any]:
    """The orders, their bills up to the run of the day `until`, and both laid side by side."""
    orders = [order_view(SYSTEM, number=number) for number in numbers]
    parties = {order.summary.party_id: None for order in orders}
    return {
        "at": business_now().isoformat(),
        "orders": [_order(order) for order in orders],
        **bills_told(numbers, parties=parties, until=until),
        "fallout": [
            [cluster.cause, cluster.action, cluster.count] for cluster in fallout_clusters()
        ],
    }


def bills_told(
    numbers: Collection[str], *, parties: Collection[int], until: date
) -> dict[str, Any]:
    """The bills of the orders of `parties`, what was promised, and what must be there."""
    checks = bills_against_promises(numbers)
    billed = {check.number for check in checks}
    return {
        "bills": [
            _bill(bill) for party in parties for bill in bills_of(party) if bill.number in billed
        ],
        "checks": [_check(check) for check in checks],
        "expected": [_expected(bill) for bill in expected_bills(until=until, orders=numbers)],
        "parked": [
            {"rule": account.rule, "reasons": [dict(reason) for reason in account.reasons]}
            for account in parked_accounts()
            if account.party_id in parties
        ],
    }


def _order(order: OrderView) -> dict[str, Any]:
    summary = order.summary
    return {
        "number": summary.number,
        "state": str(summary.state),
        "segment": str(summary.segment),
        "placed_by": summary.placed_by,
        "channels": list(order.channels),
        "agent": order.agent,
        "purchase_order": summary.purchase_order,
        "due_today": str(summary.due_today),
        "gross": str(summary.gross),
        "steps": [
            {
                "state": str(step.after),
                "at": step.at.isoformat(),
                "by": step.actor,
                "channel": step.channel,
                "reason": step.reason,
            }
            for step in order.steps
        ],
        "items": [
            {
                "line_id": item.line_id,
                "group": item.group,
                "role": item.role,
                "offering": item.offering,
                "name": item.name.get("en", item.offering),
                "state": str(item.state),
                "facts": dict(item.facts),
            }
            for item in order.items
        ],
        "milestones": [
            {
                "code": milestone.code,
                "state": milestone.state,
                "at": milestone.at.isoformat() if milestone.at else None,
                "lines": len(milestone.line_ids),
            }
            for milestone in tracking(summary.number)
        ],
    }


def _bill(bill: BillSummary) -> Mapping[str, Any]:
    return {
        "number": bill.number,
        "kind": bill.kind,
        "issued_on": bill.issued_on.isoformat(),
        "due_on": bill.due_on.isoformat(),
        "period": [bill.period.start.isoformat(), bill.period.end.isoformat()]
        if bill.period
        else None,
        "basis": str(bill.basis),
        "net": str(bill.net.amount),
        "tax": str(bill.tax.amount),
        "gross": str(bill.gross.amount),
    }


def _check(check: BillCheck) -> Mapping[str, Any]:
    return {
        "number": check.number,
        "order": check.order_number,
        "lines": check.lines,
        "promised_lines": check.promised_lines,
        "billed": str(check.billed.amount),
        "promised": str(check.promised.amount),
        "equal": check.equal,
    }


def _expected(bill: ExpectedBill) -> Mapping[str, Any]:
    return {
        "orders": list(bill.orders),
        "kind": bill.kind,
        "on": bill.on.isoformat() if bill.on else None,
        "amount": str(bill.amount.amount),
    }
