"""What lines used, in plain words, and a usual month as the guide asks for it."""

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from catalogue.domain.usage import Dimension
from commerce.accounts.identity import AccountContext
from commerce.kernel.clock import business_today
from commerce.kernel.money import total
from commerce.kernel.periods import add_months
from frontend.account.words import number
from frontend.shop.words import euros, on_day
from frontend.typography import moment_text, month_text, number_text
from subscriptions.contracts.selectors import subscriptions_of
from subscriptions.domain.consumption import (
    Consumption,
    in_month,
    in_whole_units,
    month_of_day,
    usual,
)
from subscriptions.domain.rating import SoFar
from subscriptions.usage.using import consumption_of

PARAMETERS = {"data_gb": "data", "minutes": "calls", "messages": "sms"}
"""What the guide's address calls the parts of a usual month."""


def amount_text(amount: Decimal, dimension: Dimension) -> str:
    """`94.5 GB`, to one decimal."""
    figure = amount.quantize(Decimal("0.1"), ROUND_HALF_UP).normalize() + 0
    shown = number_text(figure, language=get_language())
    return {
        Dimension.DATA: _("%(n)s GB"),
        Dimension.ABROAD: _("%(n)s GB in Europe"),
        Dimension.CALLS: _("%(n)s minutes"),
        Dimension.MESSAGES: _("%(n)s messages"),
    }[dimension] % {"n": shown}


def this_month(
    records: Sequence[Consumption], *, on: date, so_far: Sequence[SoFar] = ()
) -> dict[str, Any] | None:
    """What was used of what this month, and what it costs by now; None if nothing is known."""
    found = in_month(records, month_of_day(on))
    if not found:
        return None
    rated = {each.dimension: each for each in so_far}
    return {
        "month": month_text(on, language=get_language(), short=False),
        "counted": moment_text(
            timezone.localtime(max(each.counted_at for each in found)), language=get_language()
        ),
        "rows": [
            _rated_row(rated[each.dimension]) if each.dimension in rated else _row(each)
            for each in found
        ],
        "cost": total(each.cost for each in so_far),
        "billed_after": on_day(add_months(month_of_day(on), 1)),
    }


def short_text(records: Sequence[Consumption], *, on: date) -> str:
    """The same in a line, for a table."""
    return "; ".join(_row(each)["text"] for each in in_month(records, month_of_day(on)))


def usual_months(context: AccountContext) -> list[dict[str, str]]:
    """For each line of the party of which a full month is known: a way into the simulation."""
    if context.party_id is None:
        return []
    today = business_today()
    used = consumption_of(context.party_id, on=today)
    if not used:
        return []
    known = (
        (line.msisdn, usual(used.get(line.id, ()), on=today))
        for line in subscriptions_of(context.party_id)
    )
    return [_usual(msisdn, in_whole_units(month)) for msisdn, month in known if month]


def _usual(msisdn: str, month: Any) -> dict[str, str]:
    query = QueryDict(mutable=True)
    query.update({PARAMETERS[name]: str(n) for name, n in month.items() if n})
    parts: Iterable[str] = (
        amount_text(Decimal(n), Dimension(name)) for name, n in month.items() if n
    )
    return {"number": number(msisdn), "text": ", ".join(parts), "query": query.urlencode()}


def _row(each: Consumption) -> dict[str, Any]:
    return _of(each.used, each.included, each.dimension)


def _of(used: Decimal, included: Decimal | None, dimension: Dimension) -> dict[str, Any]:
    text = amount_text(used, dimension)
    if included is None:
        return {"text": _("%(used)s used, without limit") % {"used": text}, "share": None}
    values = {"used": text, "included": amount_text(included, dimension)}
    said = (
        _("%(used)s used: all of the %(included)s included")
        if used >= included
        else _("%(used)s used of %(included)s")
    )
    share = 100 if used >= included else int(100 * used / included)
    return {"text": said % values, "share": share}


def _rated_row(each: SoFar) -> dict[str, Any]:
    """The same, with what is left or what was used beyond, and who shares it."""
    notes = []
    if each.beyond:
        beyond = amount_text(Decimal(each.beyond), each.dimension)
        cost = euros(each.cost, short=False)
        notes.append(_("%(beyond)s beyond: %(cost)s so far") % {"beyond": beyond, "cost": cost})
    elif each.left:
        notes.append(_("%(left)s left") % {"left": amount_text(each.left, each.dimension)})
    if each.lines > 1:
        notes.append(_("shared by %(count)s lines") % {"count": each.lines})
    return _of(each.used, each.included, each.dimension) | {"note": ", ".join(notes)}
