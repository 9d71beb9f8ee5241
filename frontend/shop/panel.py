"""From a quote to the promise panel: what is due today, the bars, the total, the trace in words."""

from collections.abc import Sequence
from typing import Any

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from catalogue.domain.model import Snapshot
from commerce.kernel.money import Money, total
from commerce.ordering.domain.instalments import Choice, ComingPart
from commerce.ordering.domain.quote import Bill, Quote, QuoteLine
from commerce.ordering.domain.trace import Operation, TraceStep
from frontend.shop.words import (
    charge_name,
    euros,
    long_name,
    months,
    on_day,
    said,
    short_schedule,
)
from frontend.typography import month_text, number_text
from subscriptions.domain.charges import AgreedCharge, net_in_period

Panel = dict[str, Any]


def panel_of(
    quote: Quote, *, catalogue: Snapshot, in_parts: Choice | None = None, **extra: Any
) -> Panel:
    """The context of `components/promise.html`; `extra` adds the action. With `in_parts` what is
    put off of the devices' price stands beside the bills that it is paid with."""
    benefits = {applied.code: said(applied.name) for applied in quote.applied}
    bills = bills_of(quote, benefits=benefits)
    lines = list(today_lines(quote, catalogue=catalogue))
    if in_parts is not None:
        lines.append((_("Paid later, with your bills"), -total(in_parts.amounts[1:])))
        put_parts(bills, in_parts)
    return {
        "today": in_parts.due_now if in_parts is not None else quote.due_today_gross,
        "today_lines": lines,
        "bills": bills,
        "in_parts": in_parts,
        "phase_text": short_schedule(quote),
        "commitment_total": quote.commitment_total if quote.lines else None,
        "commitment_months": quote.commitment_months,
        "savings": [
            {"name": said(a.name), "saving": a.saving_over_commitment} for a in quote.applied
        ],
        "within_reach": [
            {"name": said(miss.name), "sentence": said(miss.sentence)}
            for miss in quote.within_reach
        ],
        "trace": trace_of(quote, catalogue=catalogue, benefits=benefits),
    } | extra


def today_lines(quote: Quote, *, catalogue: Snapshot) -> list[tuple[str, Money]]:
    """What is due today by line, and the months that are free."""
    found: list[tuple[str, Money]] = []
    for line in quote.lines:
        name = line_name(line, catalogue=catalogue)
        found += [
            (_charge_label(name, charge), net_in_period(charge, period=0))
            for charge in line.charges
            if not charge.recurring and (charge.amount or charge.code == "price")
        ]
        first = line.phases[0] if line.phases else None
        if first is not None and first.periods and not first.amount and first.list_amount:
            label = _("%(name)s, first %(months)s") % {
                "name": name,
                "months": months(first.periods),
            }
            found.append((label, first.amount))
    return found


def line_name(line: QuoteLine, *, catalogue: Snapshot) -> str:
    """What the line sells, with its quantity when there are several."""
    offering = catalogue.offerings.get(line.offering)
    name = long_name(catalogue, offering) if offering is not None else said(line.name)
    return f"{name} × {line.quantity}" if line.quantity > 1 else name


def _charge_label(name: str, charge: AgreedCharge) -> str:
    return name if charge.code == "price" else f"{name}, {charge_name(charge.code)}"


def bills_of(quote: Quote, *, benefits: dict[str, str]) -> list[dict[str, Any]]:
    """The bars: one per coming bill of the months that the total covers."""
    if not quote.monthly:
        return []
    return [_bar(bill, benefits=benefits) for bill in quote.bills(quote.months_shown)]


def put_parts(bills: Sequence[dict[str, Any]], choice: Choice) -> None:
    """Each part beside the bill that it is to be paid with; none is in a bill's amount."""
    for part in choice.later:
        for bill in bills[part.bill - 1 : part.bill]:
            bill.setdefault("parts", []).append((part_text(part, choice), part.amount))


def part_text(part: ComingPart, choice: Choice) -> str:
    return _("Part %(number)s of %(parts)s of the phone, due on %(day)s") % {
        "number": part.number,
        "parts": choice.parts,
        "day": on_day(part.due_on),
    }


def _bar(bill: Bill, *, benefits: dict[str, str]) -> dict[str, Any]:
    return {
        "label": month_text(bill.start, language=get_language(), short=False),
        "date": bill.start,
        "amount": bill.amount,
        "list_amount": bill.list_amount,
        "free": not bill.amount and bool(bill.list_amount),
        "bill_text": ", ".join(benefits.get(code, code) for code in bill.benefits),
    }


def trace_of(
    quote: Quote, *, catalogue: Snapshot, benefits: dict[str, str]
) -> list[dict[str, Any]]:
    """The trace as sentences; amounts and inputs are the trace's own."""
    names = {line.id: line_name(line, catalogue=catalogue) for line in quote.lines}
    writer = _Writer(names, benefits, quote.months_shown)
    return [writer.step(step, parent="") for step in quote.trace]


class _Writer:
    """Turns steps into the words of the active language."""

    def __init__(self, names: dict[str, str], benefits: dict[str, str], total_months: int) -> None:
        self.names, self.benefits, self.total_months = names, benefits, total_months

    def step(self, step: TraceStep, *, parent: str) -> dict[str, Any]:
        inputs = dict(step.inputs)
        label, rule = self._words(step, inputs, parent=parent)
        parts = step.parts
        if step.code == "charge" and len(parts) == 1 and not parts[0].parts:
            rule = self._words(parts[0], dict(parts[0].inputs), parent=step.code)[1]
            parts = ()
        if step.code == "periods" and len(parts) == 1:
            parts = parts[0].parts if len(parts[0].parts) > 1 else ()
        return {
            "label": label,
            "amount": step.amount,
            "rule": rule,
            "children": [self.step(part, parent=step.code) for part in parts],
        }

    def _words(self, step: TraceStep, inputs: dict[str, str], *, parent: str) -> tuple[str, str]:
        match step.code:
            case "due_today" if parent:
                return _("Due today"), ""
            case "due_today":
                return _("Due today"), _("The sum of what follows.")
            case "commitment_total":
                return _("Total over %(months)s") % {"months": months(self.total_months)}, ""
            case "tax":
                return self._tax(inputs), _("Rounded once per rate, half up to the cent.")
            case "charge":
                return self._charge(inputs.get("line", ""), step.rule), ""
            case "recurring":
                return self._charge(inputs.get("line", ""), inputs.get("charge", "")), ""
            case "list_price":
                return _("List price"), self._list(step, inputs)
            case "benefit":
                name = self.benefits.get(step.rule, step.rule)
                return name, self._benefit(step, inputs)
            case "periods":
                return self._periods(inputs), ""
        return step.code, step.rule

    def _charge(self, line: str, code: str) -> str:
        return f"{self.names.get(line, line)}, {charge_name(code)}"

    def _tax(self, inputs: dict[str, str]) -> str:
        rate = _number(inputs["rate"])
        if "gross" in inputs:
            return _("of which VAT at %(rate)s %%") % {"rate": rate}
        return _("VAT at %(rate)s %%") % {"rate": rate}

    def _list(self, step: TraceStep, inputs: dict[str, str]) -> str:
        release = {"release": step.version}
        if inputs["quantity"] == "1":
            return _("Catalogue release %(release)s") % release
        unit = euros(Money.of(inputs["unit"]), short=False)
        return _("Catalogue release %(release)s: %(unit)s × %(quantity)s") % {
            **release,
            "unit": unit,
            "quantity": inputs["quantity"],
        }

    def _benefit(self, step: TraceStep, inputs: dict[str, str]) -> str:
        left = euros(Money.of(inputs["left"]), short=False)
        value = inputs["value"]
        how = {
            Operation.PERCENT_OFF: _("%(value)s %% off %(left)s")
            % {"value": _number(value), "left": left},
            Operation.AMOUNT_OFF: _("%(value)s off %(left)s")
            % {"value": euros(Money.of(value), short=False), "left": left},
        }.get(
            step.operation,
            _("fixed price of %(value)s") % {"value": euros(Money.of(value), short=False)},
        )
        if inputs["quantity"] != "1":
            how = f"{how} × {inputs['quantity']}"
        return _("%(how)s, promotion version %(version)s, rounded half up to the cent") % {
            "how": how,
            "version": step.version,
        }

    def _periods(self, inputs: dict[str, str]) -> str:
        return _("%(months)s at %(amount)s, from month %(first)s") % {
            "months": months(int(inputs["times"])),
            "amount": euros(Money.of(inputs["amount"]), short=False),
            "first": inputs["first"],
        }


def _number(text: str) -> str:
    return number_text(Money.of(text).amount.normalize(), language=get_language())
