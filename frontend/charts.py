"""Bars of the promise and of the bills as SVG, computed here: no script, no inline style."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import TypedDict

from django.utils.html import escape
from django.utils.safestring import SafeString

from commerce.kernel.money import Money
from frontend import svg
from frontend.typography import money_text, month_text


class Bill(TypedDict, total=False):
    """One coming or issued bill, as the pages hand it over."""

    label: str
    date: date
    amount: Money
    list_amount: Money | None
    free: bool
    bill_text: str
    actual: Money | None


WIDTH, HEIGHT, FREE_HEIGHT, CAP = 324.0, 78.0, 17.0, 64.0
COLUMN, PLOT, LEFT, BOTTOM = 46.0, 168.0, 64.0, 30.0


def field(bill: object, name: str) -> object:
    """`name` of a mapping or of an object; None if it has none."""
    return bill.get(name) if isinstance(bill, Mapping) else getattr(bill, name, None)


def _amount(bill: object, name: str) -> Decimal | None:
    value = field(bill, name)
    if isinstance(value, Money):
        return value.amount
    return value if isinstance(value, Decimal) else None


def _say(bill: object, *, language: str | None) -> str:
    money = money_text(_amount(bill, "amount") or Decimal(0), language=language)
    text = field(bill, "bill_text")
    return f"{field(bill, 'label')}: {money}" + (f" ({text})" if text else "")


def promise_bars(bills: Sequence[object], *, language: str | None, name: str) -> SafeString:
    """One bar per coming bill: free ones hatched and low, reduced ones under their full price."""
    if not bills:
        return svg.safe([])
    highest = max(
        max(_amount(bill, "amount") or Decimal(0), _amount(bill, "list_amount") or Decimal(0))
        for bill in bills
    ) or Decimal(1)
    step = WIDTH / len(bills)
    gap = min(3.5, step * 0.24)
    key = svg.key_of(
        "bars", [(str(_amount(bill, "amount")), field(bill, "free")) for bill in bills]
    )
    hatch = (
        f'<pattern id="{key}" width="6" height="6" patternUnits="userSpaceOnUse" '
        'patternTransform="rotate(45)"><rect class="bar-free-back" width="6" height="6"/>'
        '<path class="bar-free" d="M1 0v6"/></pattern>'
    )
    bars = [
        _bar(bill, x=index * step, width=step - gap, highest=highest, hatch=key, language=language)
        for index, bill in enumerate(bills)
    ]
    floor = svg.tag("path", class_="bar-floor", d=f"M0 {HEIGHT + 0.5}h{WIDTH}")
    return svg.safe([
        f'<svg viewBox="0 0 {svg.number(WIDTH)} {svg.number(HEIGHT + 1)}" role="img">',
        svg.title(name), f"<defs>{hatch}</defs>", *bars, floor, "</svg>",
    ])  # fmt: skip


def _bar(
    bill: object, *, x: float, width: float, highest: Decimal, hatch: str, language: str | None
) -> str:
    amount = _amount(bill, "amount") or Decimal(0)
    listed = _amount(bill, "list_amount") or Decimal(0)
    label = svg.title(_say(bill, language=language))
    radius = min(2.0, width / 3)
    if field(bill, "free") or amount <= 0:
        box = svg.tag(
            "rect", x=x, y=HEIGHT - FREE_HEIGHT, width=width, height=FREE_HEIGHT, rx=radius,
            fill=f"url(#{hatch})",
        )  # fmt: skip
        return svg.tag("g", label + box)
    tall = max(3.0, float(amount / highest) * CAP)
    shape = svg.tag("rect", class_="bar", x=x, y=HEIGHT - tall, width=width, height=tall, rx=radius)
    if listed > amount:
        full = float(listed / highest) * CAP
        shape = svg.tag(
            "rect", class_="bar-ghost", x=x + 0.5, y=HEIGHT - full, width=max(width - 1, 1.0),
            height=full, rx=radius,
        ) + shape  # fmt: skip
    return svg.tag("g", label + shape)


def bill_chart(bills: Sequence[object], *, language: str | None, name: str) -> SafeString:
    """Bills that were made as bars, the promise as a stepped line over them, months below.

    A bill that differs from its promise is marked with a coral stroke.
    """
    if not bills:
        return svg.safe([])
    amounts = [_amount(bill, "amount") or Decimal(0) for bill in bills]
    made = [_amount(bill, "actual") for bill in bills]
    top = _round_up(max([*amounts, *(amount for amount in made if amount is not None)]))
    width, height = LEFT + COLUMN * len(bills) + 8, PLOT + BOTTOM + 24
    parts = [
        f'<svg class="graph" viewBox="0 0 {svg.number(width)} {svg.number(height)}" '
        f'width="{svg.number(width)}" height="{svg.number(height)}" role="img">',
        svg.title(name),
    ]
    for share in (0, 0.5, 1):
        y = 16 + PLOT * (1 - share)
        parts.append(
            svg.tag("path", class_="chart-grid", d=f"M{LEFT} {svg.number(y)}H{svg.number(width)}")
        )
        text = money_text(top * Decimal(str(share)), language=language, short=True)
        parts.append(_text(text, x=LEFT - 10, y=y + 4, anchor="end"))
    line: list[str] = []
    for index, bill in enumerate(bills):
        x = LEFT + COLUMN * index
        y = 16 + PLOT * (1 - float(amounts[index] / top))
        line.append(f"{svg.number(x + 3)} {svg.number(y)}H{svg.number(x + COLUMN - 3)}")
        parts.append(
            _made(bill, made[index], promised=amounts[index], top=top, x=x, language=language)
        )
        when = field(bill, "date")
        if isinstance(when, date):
            first = index == 0 or when.month == 1
            month = month_text(when, language=language).split("\u00a0")
            parts.append(_text(month[0], x=x + COLUMN / 2, y=PLOT + 36, anchor="middle"))
            if first:
                parts.append(
                    _text(month[-1], x=x + COLUMN / 2, y=PLOT + 51, anchor="middle", strong=True)
                )
    parts += [svg.tag("path", class_="chart-promise", d="M" + "L".join(line)), "</svg>"]
    return svg.safe(parts)


def _made(
    bill: object,
    made: Decimal | None,
    *,
    promised: Decimal,
    top: Decimal,
    x: float,
    language: str | None,
) -> str:
    if made is None:
        return ""
    tall = max(2.0, float(made / top) * PLOT)
    box = svg.tag(
        "rect", class_="chart-bar" + (" chart-off" if made != promised else ""), x=x + 8,
        y=16 + PLOT - tall, width=COLUMN - 16, height=tall, rx=3,
    )  # fmt: skip
    said = f"{field(bill, 'label')}: {money_text(made, language=language)}"
    return svg.tag("g", svg.title(said) + box)


def _text(content: str, *, x: float, y: float, anchor: str, strong: bool = False) -> str:
    name = "chart-text chart-text-strong" if strong else "chart-text"
    return svg.tag("text", escape(content), class_=name, x=x, y=y, text_anchor=anchor)


def _round_up(value: Decimal) -> Decimal:
    """The next amount that halves well: 2, 4, 10, 20, 40, 100 ..."""
    for step in (10, 20, 30, 40, 60, 80, 100, 150, 200, 300, 400, 600, 800, 1000, 2000):
        if value <= step:
            return Decimal(step)
    return value
