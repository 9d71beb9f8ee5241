"""The stock of partners: looked at, written out, taken in from a file."""

import csv
import io
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache

from catalogue.domain.sourcing import PartnerKind
from catalogue.importer.sources import CatalogueInvalid
from catalogue.selectors import current_snapshot
from catalogue.services.stock_import import COLUMNS, import_stock
from catalogue.shelves import ShelfRow, partners, shelf
from commerce.accounts.context import context_for_request
from commerce.web.policy import Policy, policy
from frontend.backoffice import screen
from frontend.backoffice.uploads import uploaded_text

PAGE = 50
MOST_BYTES = 5_000_000
SAID_ENDED = 20
KINDS = {
    PartnerKind.OWN: gettext_lazy("own warehouse"),
    PartnerKind.SUPPLIER: gettext_lazy("supplier"),
    PartnerKind.SHOP: gettext_lazy("shop"),
}


@policy(Policy.CATALOGUE)
@never_cache
def stock_page(request: HttpRequest) -> HttpResponse:
    """What each partner has, a page at a time; POST takes a file in."""
    problems: tuple[object, ...] = ()
    if request.method == "POST":
        try:
            return _taken_in(request)
        except CatalogueInvalid as error:
            problems = error.problems
    values = _page(request) | {"problems": problems}
    return render(
        request, "frontend/backoffice/stock.html", values, status=422 if problems else 200
    )


@policy(Policy.CATALOGUE)
def stock_file(request: HttpRequest, partner: str) -> HttpResponse:
    """What a partner has, in the form in which it is taken in."""
    rows, _count = shelf(partner)
    answer = HttpResponse(_csv(rows), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="stock-{partner}.csv"'
    return answer


def _page(request: HttpRequest) -> dict[str, Any]:
    known = partners()
    codes = [each.code for each in known]
    chosen = request.GET.get("partner", "")
    chosen = chosen if chosen in codes else next(iter(codes), "")
    text = request.GET.get("q", "").replace("\0", "").strip()[:64]
    number = request.GET.get("page", "1")
    offset = (max(int(number), 1) - 1) * PAGE if number.isdecimal() and len(number) < 7 else 0
    rows, count = shelf(chosen, text=text, offset=offset, limit=PAGE)
    return screen.around(context_for_request(request), here="backoffice:stock") | {
        "chips": [
            {"label": each.name, "url": f"?partner={each.code}", "count": each.offerings,
             "current": each.code == chosen}
            for each in known
        ],
        "partner": next((each for each in known if each.code == chosen), None),
        "kind": next((KINDS[each.kind] for each in known if each.code == chosen), ""),
        "rows": rows,
        "page": Paginator(range(count), PAGE).get_page(number),
        "query": f"{urlencode({'partner': chosen, 'q': text})}&",
        "text": text,
        "columns": ";".join(COLUMNS),
    }  # fmt: skip


def _taken_in(request: HttpRequest) -> HttpResponse:
    """Raises CatalogueInvalid."""
    name, text = uploaded_text(request, most=MOST_BYTES, name="stock.csv")
    done = import_stock(
        text, file=name, catalogue=current_snapshot(), context=context_for_request(request)
    )
    messages.success(
        request,
        _("%(added)d records are new, %(changed)d changed, %(same)d were so already.")
        % {"added": done.added, "changed": done.changed, "same": done.same},
    )
    if done.ended:
        messages.warning(
            request,
            _("No longer on sale, counted for what was ordered before: %(codes)s.")
            % {"codes": ", ".join(done.ended[:SAID_ENDED])},
        )
    return redirect("backoffice:stock")


def _csv(rows: tuple[ShelfRow, ...]) -> str:
    file = io.StringIO()
    writer = csv.writer(file, delimiter=";", lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        day = row.expected_on.isoformat() if row.expected_on else ""
        writer.writerow((row.partner, row.offering, row.pieces, row.lead_days, row.coming, day))
    return file.getvalue()
