"""Why a bill differs from last month's, in sentences, with the promise laid over it."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from django.utils.translation import gettext as _

from commerce.kernel.periods import Period
from commerce.kernel.tax import Basis
from frontend.account.bills import parts_rows, period_text, taken_back_text, takes_back
from frontend.account.words import number
from frontend.shop.words import euros, named, on_day
from subscriptions.domain.explaining import BILL_DAY, Kept, Reason, Why
from subscriptions.domain.states import ChangeKind
from subscriptions.invoicing.explaining import Explained

MANY = 4
"""So many lines are named by their numbers; of more, only how many."""


def explanation_page(found: Explained) -> dict[str, Any]:
    """The context of the page that explains a bill."""
    told, summary = found.explanation, found.summary
    back = takes_back(summary)
    beside = () if back else told.beside
    return {
        "number": summary.number,
        "period_text": period_text(summary),
        "without_tax": summary.basis is Basis.HT,
        "before": told.before,
        "now": told.now,
        "beside": found.beside,
        "headline": headline(found),
        "reasons": [
            {
                "text": sentence(reason),
                "lines": lines_text(reason),
                "amount": reason.amount,
                "more": reason.amount.amount > 0,
            }
            for reason in told.reasons
        ],
        "promise": promise_text(found),
        "takes_back": back,
        "kept": not beside or told.promised == told.billed,
        "with_it": parts_rows(found.bill.with_it),
        "to_come": parts_rows(found.bill.to_come),
        "exceptions": [{"text": kept_text(kept), "amount": kept.billed} for kept in beside],
    }


def headline(found: Explained) -> str:
    """`12.00 more than last month`."""
    told = found.explanation
    if told.before is None:
        return _("There is no earlier bill to compare this one with. It is made of:")
    if not told.difference:
        return (
            _("The same amount as last month, though not everything stayed as it was.")
            if told.reasons
            else _("The same as last month, line by line.")
        )
    amount = euros(abs_of(told.difference), short=False)
    if told.difference.amount > 0:
        return _("%(amount)s more than last month.") % {"amount": amount}
    return _("%(amount)s less than last month.") % {"amount": amount}


def abs_of(amount: Any) -> Any:
    return amount if amount.amount >= 0 else -amount


def sentence(reason: Reason) -> str:
    """Why the amount is another, in one sentence."""
    words = {
        "label": named(reason.label) or _("Other amounts"),
        "other": named(reason.other),
        "now": _amount(reason.now),
        "before": _amount(reason.before),
        "days": days_text(reason.days),
        "day": on_day(reason.on) if reason.on else "",
        "last": on_day(reason.on - timedelta(days=1)) if reason.on else "",
        "count": reason.quantity,
    }
    return _SENTENCES[reason.why](reason) % words


def _amount(amount: Any) -> str:
    return euros(abs_of(amount), short=False) if amount is not None else ""


def days_text(days: Period | None) -> str:
    """`1 April to 30 April`, the last day included."""
    if days is None:
        return ""
    if days.days == 1:
        return on_day(days.start)
    return _("%(start)s to %(end)s") % {"start": on_day(days.start), "end": on_day(days.last_day)}


def _started(reason: Reason) -> str:
    if reason.act and reason.on:
        return _("%(label)s is yours since %(day)s.")
    return _("%(label)s is billed for the first time.")


def _ended(reason: Reason) -> str:
    if reason.act in (ChangeKind.TERMINATE, ChangeKind.WITHDRAW):
        return _("The contract ended on %(last)s: %(label)s is not billed any more.")
    if reason.act is ChangeKind.HOLDER:
        return _("The line has gone to another holder: the last day of %(label)s was %(last)s.")
    return _("%(label)s was taken off; its last day was %(last)s.")


def _replaced(reason: Reason) -> str:
    if reason.label == reason.other:
        return _("%(label)s was renewed on %(day)s: %(now)s instead of %(before)s.")
    return _("Since %(day)s you have %(other)s (%(now)s) instead of %(label)s (%(before)s).")


def _prorated(reason: Reason) -> str:
    if reason.act and reason.on and reason.days and reason.on == reason.days.start:
        return _("%(label)s began within the last month: its days up to this bill, %(days)s, once.")
    return _("%(label)s by the day: %(days)s, once.")


def _whole(reason: Reason) -> str:
    if reason.act == BILL_DAY:
        return _(
            "%(label)s is billed for a whole month again: the bill day was moved on %(day)s, and "
            "the bill before held only %(days)s."
        )
    return _("%(label)s is billed for a whole month; last month it was only %(days)s.")


def _part(reason: Reason) -> str:
    if reason.act == BILL_DAY:
        return _("The bill day was moved: up to the new one %(label)s is billed for %(days)s only.")
    return _("%(label)s is billed for a part of the month only: %(days)s.")


def _benefit_ended(reason: Reason) -> str:
    if reason.act == ChangeKind.ADVANTAGES and reason.on:
        return _("%(label)s on %(other)s ended on %(last)s, as you have fewer lines.")
    if reason.on:
        return _("%(label)s on %(other)s ended on %(last)s.")
    return _("%(label)s on %(other)s is over.")


def _benefit_began(reason: Reason) -> str:
    if reason.act == ChangeKind.ADVANTAGES:
        return _("%(label)s on %(other)s, as you have more lines.")
    if reason.on:
        return _("%(label)s on %(other)s, until %(last)s.")
    return _("%(label)s on %(other)s.")


def _one_off(reason: Reason) -> str:
    return _("%(label)s, once.") if not reason.days else _("%(label)s (%(days)s), once.")


def _credit(reason: Reason) -> str:
    return (
        _("%(label)s: given back to you, once.")
        if not reason.days
        else _("%(label)s (%(days)s): given back to you, once.")
    )


def _varies(reason: Reason) -> str:
    if reason.before is None or not reason.before:
        return _("%(label)s: %(now)s, nothing last month.")
    if reason.now is None or not reason.now:
        return _("%(label)s: nothing this month, %(before)s last month.")
    return _("%(label)s: %(now)s, last month %(before)s.")


_SENTENCES: Mapping[Why, Callable[[Reason], str]] = {
    Why.STARTED: _started,
    Why.ENDED: _ended,
    Why.REPLACED: _replaced,
    Why.PRICE: lambda _reason: _("%(label)s costs %(now)s instead of %(before)s."),
    Why.QUANTITY: lambda _reason: _("%(label)s is billed %(count)s times now."),
    Why.MONTHS: lambda _reason: _(
        "This bill holds another number of months of %(label)s (%(count)s)."
    ),
    Why.WHOLE_MONTH: _whole,
    Why.PART_MONTH: _part,
    Why.NOT_DUE: lambda _reason: _("%(label)s is not due this month: paid for %(days)s."),
    Why.PRORATED: _prorated,
    Why.PRORATED_OVER: lambda _reason: _(
        "Last month's bill held days of %(label)s once: %(days)s."
    ),
    Why.BENEFIT_BEGAN: _benefit_began,
    Why.BENEFIT_ENDED: _benefit_ended,
    Why.BENEFIT_CHANGED: lambda _reason: _(
        "%(label)s takes %(now)s off %(other)s, last month %(before)s."
    ),
    Why.ONE_OFF: _one_off,
    Why.ONE_OFF_OVER: lambda _reason: _("Last month's bill held %(label)s, once."),
    Why.CREDIT: _credit,
    Why.CREDIT_OVER: lambda _reason: _("Last month %(label)s was given back to you, once."),
    Why.REPAIR: lambda _reason: _(
        "%(label)s was billed in advance and not used: %(days)s are given back, once."
    ),
    Why.REPAIR_OVER: lambda _reason: _("Last month days of %(label)s were given back, once."),
    Why.VARIES: _varies,
}


def lines_text(reason: Reason) -> str:
    """The lines that a reason is about; many only by their count."""
    if 0 < len(reason.lines) <= MANY:
        return ", ".join(number(each) for each in reason.lines)
    if reason.count > 1:
        return _("%(count)s lines") % {"count": reason.count}
    return ""


def promise_text(found: Explained) -> str:
    """What was promised of this bill's lines against what is billed for them."""
    if takes_back(found.summary):
        return taken_back_text()
    told = found.explanation
    promised = euros(told.promised, short=False)
    if not told.beside:
        return _("Promised before you signed: %(promised)s. Billed: the same, line by line.") % {
            "promised": promised
        }
    if told.promised == told.billed:
        return _(
            "What was promised before you signed, %(promised)s, is billed to the cent. Beside it "
            "stands what no promise can know:"
        ) % {"promised": promised}
    return _("Promised before you signed: %(promised)s. Billed for it: %(billed)s.") % {
        "promised": promised,
        "billed": euros(told.billed, short=False),
    }


def kept_text(kept: Kept) -> str:
    """A line that the promise does not name, or names otherwise."""
    label = named(kept.label) or _("Other amounts")
    if kept.promised is None:
        return label
    return _("%(label)s: promised %(promised)s") % {
        "label": label,
        "promised": euros(kept.promised, short=False),
    }
