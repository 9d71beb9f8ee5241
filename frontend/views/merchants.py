"""What merchants sold on our bills, and their share: a page and a file for each month."""

import csv
import io
from datetime import MAXYEAR, date

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache

from commerce.accounts.context import context_for_request
from commerce.kernel.clock import business_today
from commerce.kernel.errors import NotFound
from commerce.kernel.periods import add_months
from commerce.web.policy import Policy, policy
from frontend.ops import screen
from subscriptions.carrier.statements import statements

COLUMNS = (
    *("month", "merchant", "name", "purchases", "sold", "given_back", "net", "share_percent"),
    *("fees", "due", "billed", "waiting", "agrees"),
)
MOST_BACK = 12


@policy(Policy.OPERATOR)
@never_cache
def merchants(request: HttpRequest) -> HttpResponse:
    """One month; the latest twelve may be chosen."""
    this = business_today().replace(day=1)
    month = _month(request.GET.get("month", "")) or this
    values = screen.around(context_for_request(request), here="ops:merchants") | {
        "month": month,
        "months": [add_months(this, -back) for back in range(MOST_BACK)],
        "rows": statements(month),
    }
    return render(request, "frontend/ops/merchants.html", values)


@policy(Policy.OPERATOR)
@never_cache
def merchants_file(request: HttpRequest, month: str) -> HttpResponse:
    """The same for a spreadsheet: semicolons, amounts with a point."""
    chosen = _month(month)
    if chosen is None:
        raise NotFound("There is no such month.", code="unknown_month")
    text = io.StringIO()
    table = csv.writer(text, delimiter=";", lineterminator="\r\n")
    table.writerow(COLUMNS)
    for row in statements(chosen):
        amounts = (row.fees, row.due, row.billed, row.waiting)
        table.writerow(
            (
                *(month, row.code, row.name, row.purchases),
                *(each.amount for each in (row.sold, row.given_back, row.net)),
                *(row.share, *(each.amount for each in amounts), "yes" if row.agrees else "no"),
            )
        )
    answer = HttpResponse(text.getvalue(), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="merchants-{month}.csv"'
    return answer


def _month(text: str) -> date | None:
    """The first of a month that has one after it."""
    try:
        month = date.fromisoformat(f"{text}-01")
    except ValueError:
        return None
    return month if month.year < MAXYEAR else None
