"""The promise for a firm: lines that are alike as one, without tax, with tax per rate."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from django.utils.translation import gettext as _

from catalogue.domain.model import Snapshot
from commerce.kernel.money import Money
from commerce.ordering.domain.instalments import Choice
from commerce.ordering.domain.quote import Quote
from frontend.shop.panel import Panel, panel_of, today_lines
from frontend.shop.words import language
from frontend.typography import number_text

Step = dict[str, Any]
MOST_TRACED = 1_500
"""Lines of a quote beyond which nobody reads why each costs what it costs."""


def fleet_panel(
    quote: Quote, *, catalogue: Snapshot, in_parts: Choice | None = None, **extra: Any
) -> Panel:
    """The context of `components/promise.html`; `today` is what is billed once, without tax."""
    if len(quote.lines) > MOST_TRACED:
        quote = replace(quote, trace=())
    panel = panel_of(quote, catalogue=catalogue, in_parts=in_parts)
    once = once_lines(quote, catalogue=catalogue)
    if in_parts is not None:
        once.append((_("Due of it with the bill of the order"), in_parts.due_now))
    panel |= {
        "today": quote.due_today,
        "today_label": _("Once, without tax"),
        "today_lines": once,
        "note": _("Without tax, as on your bills at 30 days."),
        "trace": merged_steps(panel["trace"]),
    }
    return panel | extra


def once_lines(quote: Quote, *, catalogue: Snapshot) -> list[tuple[str, Money]]:
    """What is billed once: per kind of line and not at all when it costs nothing; then the tax."""
    sums: dict[str, tuple[int, Money]] = {}
    for label, amount in today_lines(quote, catalogue=catalogue):
        count, before = sums.get(label, (0, Money.zero(quote.currency)))
        sums[label] = (count + 1, before + amount)
    lines = [
        (_times(label, count), amount) for label, (count, amount) in sums.items() if amount.amount
    ]
    for part in quote.tax_today:
        if part.tax.amount:
            rate = number_text(part.rate.normalize(), language=language())
            lines.append((_("VAT at %(rate)s %%") % {"rate": rate}, part.tax))
    if quote.due_today_gross.amount:
        lines.append((_("Once, with tax"), quote.due_today_gross))
    return lines


def merged_steps(steps: Sequence[Step]) -> list[Step]:
    """Steps that say the same thing of line after line, as one with their number and sum."""
    found: dict[str, list[Step]] = {}
    for step in steps:
        inner = {**step, "children": merged_steps(step["children"])}
        found.setdefault(repr(inner), []).append(inner)
    return [_times_step(same[0], len(same)) for same in found.values()]


def _times_step(step: Step, count: int) -> Step:
    if count == 1:
        return step
    return step | {"label": _times(step["label"], count), "amount": step["amount"] * count}


def _times(label: str, count: int) -> str:
    return f"{label} × {count}" if count > 1 else label
