"""Batches of single-use codes: made, written out once, and how many of them are used."""

from datetime import date

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from catalogue.selectors import current_snapshot
from commerce.accounts.context import context_for_request
from commerce.kernel.errors import FaisceauError
from commerce.web.policy import Policy, policy
from frontend.backoffice import screen
from frontend.sentences import sentence_of
from frontend.shop.words import said
from promotions.selectors import batches, promotions_of
from promotions.services.batches import csv_of, export_batch, make_batch

LARGEST_ID = 2**63 - 1


@policy(Policy.CATALOGUE)
@never_cache
def batches_page(request: HttpRequest) -> HttpResponse:
    """The batches, the latest first (200 at most), and the form for a new one."""
    wrong: dict[str, str] = {}
    if request.method == "POST":
        wrong = _made(request)
        if not wrong:
            messages.success(request, _("The codes are made; write them out once."))
            return redirect("backoffice:codes")
    on_sale = promotions_of(current_snapshot()).promotions
    values = screen.around(context_for_request(request), here="backoffice:codes") | {
        "batches": batches(),
        "promotions": [(p.code, said(p.name)) for p in on_sale.values() if p.single_use],
        "posted": request.POST,
        "wrong": wrong,
    }
    return render(request, "frontend/backoffice/codes.html", values, status=422 if wrong else 200)


@policy(Policy.CATALOGUE)
@require_POST
def export(request: HttpRequest, batch: int) -> HttpResponse:
    """The codes as a file; afterwards they exist nowhere here any more."""
    by = context_for_request(request).actor.name
    try:
        codes = export_batch(min(batch, LARGEST_ID), by=by)
    except FaisceauError as error:
        messages.error(request, sentence_of(error))
        return redirect("backoffice:codes")
    answer = HttpResponse(csv_of(codes), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="codes-{batch}.csv"'
    answer["Cache-Control"] = "no-store"
    return answer


def _made(request: HttpRequest) -> dict[str, str]:
    """Make the batch that was asked for; else what is wrong by field."""
    posted = request.POST
    count, text = posted.get("count", "").strip(), posted.get("last_day", "").strip()
    if not count.isdecimal() or len(count) > 7:
        return {"count": _("A whole number.")}
    try:
        last_day = date.fromisoformat(text) if text else None
    except ValueError:
        return {"last_day": _("A day like 2026-12-31.")}
    try:
        make_batch(
            promotion=posted.get("promotion", ""),
            name=posted.get("name", ""),
            count=int(count),
            last_day=last_day,
            by=context_for_request(request).actor.name,
        )
    except FaisceauError as error:
        field = error.detail.get("field")
        return {str(field) if field else "name": sentence_of(error)}
    return {}
