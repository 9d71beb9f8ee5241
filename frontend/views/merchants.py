"""What merchants sold on our bills, and their share: a page and a file for each month."""

from collections.abc import Iterable, Sequence
from dataclasses import astuple
from datetime import MAXYEAR, date

from django.contrib import messages
from django.http import FileResponse, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from commerce.accounts.context import context_for_request
from commerce.kernel.clock import business_today
from commerce.kernel.errors import FaisceauError, NotFound
from commerce.kernel.money import Money
from commerce.kernel.periods import add_months
from commerce.web.policy import Policy, policy
from commerce.web.tables import rows_of, spooled, table
from frontend.ops import screen
from frontend.sentences import sentence_of
from frontend.typography import money_text
from subscriptions.carrier.payables import (
    commission_file,
    merchant_party,
    payables,
    settled,
    statement_to,
)
from subscriptions.carrier.services.settling import close, pay_out
from subscriptions.carrier.statements import LINE_COLUMNS, statement_lines, statements
from subscriptions.invoicing.files import Form

COLUMNS = (
    *("month", "merchant", "name", "purchases", "sold", "given_back", "net", "share_percent"),
    *("fees", "selling", "commission", "commission_tax", "due", "billed", "waiting", "agrees"),
    *("closed_on", "paid_on", "reference", "commission_invoice"),
)
MOST_BACK = 12
LONGEST_SUM = 14
HERE = "ops:merchants"


@policy(Policy.OPERATOR)
@never_cache
def merchants(request: HttpRequest) -> HttpResponse:
    """One month; the latest twelve may be chosen."""
    this = business_today().replace(day=1)
    month = _month(request.GET.get("month", "")) or this
    done = settled(month)
    rows = [{"told": each, "closed": done.get(each.code)} for each in statements(month)]
    values = screen.around(context_for_request(request), here=HERE) | {
        "month": month,
        "months": [add_months(this, -back) for back in range(MOST_BACK)],
        "rows": rows,
        "over": month < this and any(not each["closed"] for each in rows),
        "payables": payables(),
    }
    return render(request, "frontend/ops/merchants.html", values)


@policy(Policy.OPERATOR)
@never_cache
def merchants_file(request: HttpRequest, month: str) -> HttpResponse:
    """The same for a spreadsheet: semicolons, amounts with a point."""
    chosen = _month(month)
    if chosen is None:
        raise NotFound("There is no such month.", code="unknown_month")
    done = settled(chosen)
    rows = []
    for row in statements(chosen):
        closed = done.get(row.code)
        amounts = (row.commission, row.tax, row.due, row.billed, row.waiting)
        rows.append(
            (
                *(month, row.code, row.name, row.purchases),
                *(each.amount for each in (row.sold, row.given_back, row.net)),
                *(row.share, row.fees.amount, row.selling.value),
                *(*(each.amount for each in amounts), "yes" if row.agrees else "no"),
                *(closed.days if closed else ("", "")),
                *((closed.reference, closed.invoice) if closed else ("", "")),
            )
        )
    return _table(COLUMNS, rows, name=f"merchants-{month}")


@policy(Policy.OPERATOR)
@never_cache
def statement_file(request: HttpRequest, month: str, code: str) -> HttpResponseBase:
    """What a merchant gets with his money: each purchase and refund of the month."""
    chosen = _month(month)
    if chosen is None:
        raise NotFound("There is no such month.", code="unknown_month")
    lines = map(astuple, statement_lines(code, chosen))
    file, _digest = spooled(rows_of(LINE_COLUMNS, lines))
    return FileResponse(
        file,
        as_attachment=True,
        filename=f"{code}-{month}.csv",
        content_type="text/csv; charset=utf-8",
    )


@policy(Policy.OPERATOR)
@never_cache
def commission_invoice(request: HttpRequest, month: str, code: str) -> HttpResponse:
    """Our invoice to him of a closed month, as he has it."""
    chosen = _month(month)
    if chosen is None:
        raise NotFound("There is no such month.", code="unknown_month")
    party = merchant_party(code)
    found = commission_file(
        statement_to(party, chosen), party, form=Form.PDF, language=get_language() or "fr"
    )
    answer = HttpResponse(found.content, content_type=found.kind)
    answer["Content-Disposition"] = f'attachment; filename="{found.name}"'
    return answer


@policy(Policy.OPERATOR)
@require_POST
def close_month(request: HttpRequest, month: str) -> HttpResponse:
    """Enter what is due for it, before the third of the next month comes."""
    context, chosen = context_for_request(request), _month(month)
    if chosen is None:
        raise NotFound("There is no such month.", code="unknown_month")
    try:
        count = close(chosen, by=context.actor.name)
    except FaisceauError as error:
        messages.error(request, sentence_of(error))
    else:
        said = ngettext("%(count)s statement is closed.", "%(count)s statements are closed.", count)
        messages.success(request, said % {"count": count})
    return redirect(f"{reverse(HERE)}?month={month}")


@policy(Policy.OPERATOR)
@require_POST
def paid_out(request: HttpRequest, code: str) -> HttpResponse:
    """A transfer to him was made, of the sum that was shown."""
    context, told = context_for_request(request), request.POST.get("cents", "")
    cents = int(told) if told.isascii() and told.isdigit() and len(told) <= LONGEST_SUM else 0
    try:
        paid = pay_out(
            context=context,
            code=code,
            amount=Money.from_cents(cents),
            reference=request.POST.get("reference", ""),
        )
    except FaisceauError as error:
        messages.error(request, sentence_of(error))
    else:
        amount = money_text(paid, language=get_language())
        said = _("Noted: %(amount)s were paid to him.") % {"amount": amount}
        messages.success(request, said)
    return redirect(HERE)


def _table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, name: str) -> HttpResponse:
    answer = HttpResponse(table(columns, rows), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return answer


def _month(text: str) -> date | None:
    """The first of a month that has one after it."""
    try:
        month = date.fromisoformat(f"{text}-01")
    except ValueError:
        return None
    return month if month.year < MAXYEAR else None
