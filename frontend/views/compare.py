"""Phones or plans side by side, at an address that can be shared: /compare/?offers=a,b."""

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from catalogue.domain.model import Kind, Offering
from commerce.kernel.clock import business_now
from commerce.kernel.errors import RuleViolated
from commerce.ordering.comparing import MOST, check_comparable, compare
from commerce.ordering.showcase import ShopWindow, window
from commerce.web.policy import Policy, policy
from frontend.sentences import sentence_of
from frontend.shop.comparison import address_of, table_of
from frontend.shop.words import long_name

_MOST_READ = 12


@policy(Policy.PUBLIC)
def compare_page(request: HttpRequest) -> HttpResponse:
    """What is ticked on a list comes as `offers` several times; its address names them once."""
    given = request.GET.getlist("offers")
    codes = list(dict.fromkeys(code for text in given for code in text[:400].split(",") if code))
    if len(given) > 1:
        return HttpResponseRedirect(address_of(codes))
    shop = window(at=business_now())
    catalogue = shop.window.catalogue.offerings
    known = [catalogue[code] for code in codes[:_MOST_READ] if code in catalogue]
    offerings = [each for each in known if shop.window.sells(each)]
    gone = len(codes) - len(offerings)
    context: dict[str, Any] = {
        "gone": gone,
        "most": MOST,
        "starts": _starts(),
        "starts_rest": _starts()[1:],
    }
    if not offerings:
        return render(request, "frontend/shop/compare.html", context)
    try:
        check_comparable(offerings)
    except RuleViolated as refused:
        context |= {"refusal": sentence_of(refused), "parts": _parts(shop, offerings)}
        return render(request, "frontend/shop/compare.html", context, status=422)
    only = request.GET.get("only") == "differences"
    found = compare(shop, offerings)
    context |= table_of(shop, found, only_differences=only)
    return render(request, "frontend/shop/compare.html", context)


def _parts(shop: ShopWindow, offerings: list[Offering]) -> list[dict[str, Any]]:
    """The way out of a table that can't be: what could be compared of it, by kind."""
    titles = {Kind.HANDSET: _("Compare the phones"), Kind.PLAN: _("Compare the plans")}
    parts = []
    for kind, title in titles.items():
        members = [each for each in offerings if each.kind is kind][:MOST]
        if members:
            names = [long_name(shop.window.catalogue, each) for each in members]
            url = address_of([each.code for each in members])
            parts.append({"label": title, "names": names, "url": url})
    return parts


def _starts() -> list[dict[str, str]]:
    return [
        {"label": _("Choose phones"), "url": reverse("shop:phones")},
        {"label": _("Choose plans"), "url": reverse("shop:plans")},
    ]
