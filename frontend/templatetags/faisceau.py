"""Filters of typography and tags of drawing. The language is the active one."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from django import template
from django.utils import timezone
from django.utils.html import conditional_escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from commerce.kernel.money import Money
from frontend import charts, drawing, graph, svg, typography

register = template.Library()


@register.filter
def money(value: Money | Decimal | None) -> str:
    """`449,00 €`; nothing for None."""
    return "" if value is None else typography.money_text(value, language=get_language())


@register.filter
def money_short(value: Money | Decimal | None) -> str:
    """`449 €`, but `19,99 €`."""
    return (
        "" if value is None else typography.money_text(value, language=get_language(), short=True)
    )


@register.filter
def difference(value: Money | Decimal | None) -> str:
    """`+ 10 €`, `− 6 €`."""
    return "" if value is None else typography.difference_text(value, language=get_language())


@register.filter
def step(value: Money) -> str:
    """An amount that is added or taken off, with its sign and its cents: `+ 12,00 €`."""
    return typography.difference_text(value, language=get_language(), short=False)


@register.filter
def number(value: Decimal | int | None) -> str:
    return "" if value is None else typography.number_text(value, language=get_language())


@register.filter
def day(value: date | None) -> str:
    """`22 mai 2027`; moments are shown in the shop's time zone."""
    return "" if value is None else typography.day_text(_local(value), language=get_language())


@register.filter
def day_short(value: date | None) -> str:
    return (
        ""
        if value is None
        else typography.day_text(_local(value), language=get_language(), short=True)
    )


@register.filter
def day_of_month(value: int) -> str:
    """`5`, `1er`: the day alone, as bill days are said."""
    return typography.day_of_month_text(value, language=get_language())


@register.filter
def month(value: date | None) -> str:
    """`déc. 2026`."""
    return "" if value is None else typography.month_text(_local(value), language=get_language())


@register.filter
def month_long(value: date | None) -> str:
    return (
        ""
        if value is None
        else typography.month_text(_local(value), language=get_language(), short=False)
    )


@register.filter
def moment(value: datetime | None) -> str:
    """`22 mai 2027 à 14:05` in the shop's time zone."""
    if value is None:
        return ""
    return typography.moment_text(timezone.localtime(value), language=get_language())


@register.filter
def typo(value: object) -> SafeString:
    """The text with its non-breaking spaces and curly apostrophes; escaped unless it is safe."""
    if isinstance(value, SafeString):
        set_text = typography.set_text(value, language=get_language())
    else:
        set_text = conditional_escape(typography.set_text(str(value), language=get_language()))
    return mark_safe(set_text)  # noqa: S308


@register.simple_tag
def device(
    offering: Mapping[str, Any] | None, size: str = "card", decorative: bool = False
) -> SafeString:
    """The drawing of whatever is sold; `decorative` where its name stands beside it as text."""
    return drawing.draw(offering or {}, size=size, decorative=decorative)


@register.simple_tag
@lru_cache(maxsize=512)
def swatch(colour: str, name: str) -> SafeString:
    """A dot of colour with its name for those who can't see it."""
    fill = svg.colour_or(colour, "#bbbbbb")
    dot = svg.tag("circle", cx=10, cy=10, r=9, fill=fill)
    return svg.safe([svg.tag("svg", svg.title(name) + dot, viewBox="0 0 20 20", role="img")])


@register.simple_tag
def promise_bars(bills: Sequence[object]) -> SafeString:
    """The bars of the coming bills; their table stands beside them in the panel."""
    name = _("Coming bills, one bar each; the figures are in the table below.")
    return charts.promise_bars(bills, language=get_language(), name=name)


@register.simple_tag
def bill_chart(bills: Sequence[object]) -> SafeString:
    name = _("Bills made and promised; the figures are in the table below.")
    return charts.bill_chart(bills, language=get_language(), name=name)


@register.inclusion_tag("frontend/components/plan_graph.html")
def plan_graph(
    tasks: Sequence[graph.Task | Mapping[str, object]], name: str = ""
) -> dict[str, object]:
    """The plan of an order as a graph and, for reading, as a list; see `graph.Task`.

    `name` tells several plans of one page apart.
    """
    title = name or _("Plan of the order")
    names = {
        "done": _("done"), "running": _("running"), "waiting": _("waiting"),
        "failed": _("failed"), "pending": _("not started"),
    }  # fmt: skip
    plan = [graph.as_task(task) for task in tasks]
    drawn = graph.draw(plan, name=title, state_names=names)
    labels = {task.key: task.label for task in plan}
    rows = [
        {
            "task": task,
            "state_name": names[task.state],
            "needs": [labels[need] for need in task.needs if need in labels],
        }
        for task in graph.in_order(plan)
    ]
    return {"drawing": drawn, "rows": rows, "name": title}


def _local(value: date) -> date:
    if isinstance(value, datetime) and timezone.is_aware(value):
        return timezone.localtime(value)
    return value
