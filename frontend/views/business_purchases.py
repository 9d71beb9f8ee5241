"""Purchases of third parties in the portal: what each line of the firm spends, and may."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache

from commerce.accounts.context import context_for_request
from commerce.accounts.identity import AccountContext
from commerce.kernel.errors import FaisceauError
from commerce.web.policy import Policy, policy
from frontend.account.purchases import CATEGORY_NAMES, LimitsForm
from frontend.account.words import number
from frontend.business import screen
from frontend.sentences import sentence_of
from subscriptions.carrier.selectors import FirmLine, lines_of_firm
from subscriptions.carrier.services.limits import caps, set_limits_of_lines

HERE = "portal:purchases"
A_PAGE = 100
LONGEST_ID = 18


@policy(Policy.BUSINESS)
@never_cache
def purchases(request: HttpRequest) -> HttpResponse:
    """The lines with what is allowed on each; POST allows the same on all that are chosen."""
    context = context_for_request(request)
    form = LimitsForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid() and _limited(request, context, form):
        return redirect(request.get_full_path())
    words = request.GET.get("q", "").strip()[:80]
    wanted = request.GET.get("page", "1")
    page = int(wanted) if wanted.isascii() and wanted.isdigit() and len(wanted) < 6 else 1
    lines, count = lines_of_firm(context.party_id or 0, words=words, page=max(page, 1))
    values = screen.around(context, here=HERE) | {
        "rows": [_row(each) for each in lines],
        "page": Paginator(range(count), A_PAGE).get_page(page),
        "words": words,
        "law": caps(),
        "form": form,
        "may_limit": context.role in screen.DECIDERS,
    }
    status = 422 if form.errors else 200
    return render(request, "frontend/portal/purchases.html", values, status=status)


def _limited(request: HttpRequest, context: AccountContext, form: LimitsForm) -> bool:
    told = [each for each in request.POST.getlist("line") if each.isascii() and each.isdigit()]
    chosen = [int(each) for each in told if len(each) <= LONGEST_ID]
    try:
        count = set_limits_of_lines(context=context, subscription_ids=chosen, **form.chosen())
    except FaisceauError as error:
        form.add_error(None, sentence_of(error))
        return False
    said = ngettext("It holds on %(count)s line.", "It holds on %(count)s lines.", count)
    messages.success(request, said % {"count": count})
    return True


def _row(line: FirmLine) -> dict[str, Any]:
    limits = line.limits
    return {
        "line": line,
        "number": number(line.number),
        "user": line.user or _("nobody named"),
        "capped_kinds": [
            *((CATEGORY_NAMES[kind], cap) for kind, cap in sorted(limits.per_category.items())),
            *sorted(limits.per_merchant.items()),
        ],
        "blocked_kinds": [CATEGORY_NAMES[each] for each in sorted(limits.categories)],
    }
