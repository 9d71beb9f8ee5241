"""The shop's pages before a cart: home, lists, offers, search."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _

from catalogue.domain.model import Kind, Offering
from catalogue.domain.search import folded
from catalogue.finding import Reading
from catalogue.selectors import stock_of
from commerce.kernel.clock import business_now
from commerce.ordering.browsing import (
    SEARCHED,
    SORTS,
    Listed,
    Wish,
    browse,
    suggest,
    unknown_words,
    without_word,
)
from commerce.ordering.comparing import KINDS as COMPARED
from commerce.ordering.domain.showcase import SHOWN_TERM, models_of
from commerce.ordering.showcase import ShopWindow, window
from commerce.web.policy import Policy, policy
from frontend.shop import listing
from frontend.shop.cards import card_of
from frontend.shop.offer import extra_page, home_page, phone_page, plan_page
from frontend.shop.suggesting import suggested
from frontend.shop.words import language

PER_PAGE = 12
LAST_PAGE = 9_999
EXTRAS = (Kind.CONTENT, Kind.OPTION)


@policy(Policy.PUBLIC)
def home(request: HttpRequest) -> HttpResponse:
    """What we sell, led by an offer with its bills."""
    return render(request, "frontend/shop/home.html", home_page(_shop()))


@policy(Policy.PUBLIC)
def phones(request: HttpRequest) -> HttpResponse:
    """All models; filters look at variants, the card shows the first that was found."""
    return _list(
        request,
        kinds=(Kind.HANDSET,),
        facets=listing.PHONES,
        title=_("Phones"),
        lead=_("Each price is today's, with the plan named and every month that follows."),
    )


@policy(Policy.PUBLIC)
def plans(request: HttpRequest) -> HttpResponse:
    return _list(
        request,
        kinds=(Kind.PLAN,),
        facets=listing.PLANS,
        title=_("Plans"),
        lead=_("With the price of every month: those that are free, and those after them."),
    )


@policy(Policy.PUBLIC)
def accessories(request: HttpRequest) -> HttpResponse:
    return _list(
        request,
        kinds=(Kind.ACCESSORY,),
        facets=listing.ACCESSORIES,
        title=_("Accessories"),
        lead=_("Ordered with a phone and a plan, each of them costs less."),
    )


@policy(Policy.PUBLIC)
def content(request: HttpRequest) -> HttpResponse:
    return _list(
        request,
        kinds=EXTRAS,
        facets=listing.CONTENT,
        title=_("Music, video, press and options"),
        lead=_("Added to a line, on the same bill, to be stopped whenever you like."),
    )


@policy(Policy.PUBLIC)
def search(request: HttpRequest) -> HttpResponse:
    """Everything that has the words, the nearest first."""
    text = request.GET.get("q", "").strip()[:80]
    if not text:
        return render(request, "frontend/shop/search.html", {"starts": _starts()})
    return _list(
        request,
        kinds=SEARCHED,
        facets=listing.SEARCH,
        title=_("Results for “%(text)s”") % {"text": text},
        lead="",
        text=text,
    )


@policy(Policy.PUBLIC)
def suggestions(request: HttpRequest) -> HttpResponse:
    """The list below the search field while somebody types; empty if nothing fits."""
    shop = _shop()
    text = request.GET.get("q", "").strip()[:80]
    found = suggest(shop, text, kinds=SEARCHED, language=language())
    return render(
        request,
        "frontend/shop/suggestions.html",
        {"options": suggested(found, catalogue=shop.window.catalogue)},
    )


@policy(Policy.PUBLIC)
def phone(request: HttpRequest, family: str) -> HttpResponse:
    """A model: `?variant=` its storage and colour, `?term=` the commitment of the price shown."""
    shop = _shop()
    variants = next((m for m in models_of(shop.window) if m[0].family == family), ())
    if not variants:
        raise Http404
    wanted = request.GET.get("variant", "")
    offering = next((v for v in variants if v.code == wanted), variants[0])
    values = phone_page(
        shop,
        offering,
        variants=variants,
        term=_term(request, default=SHOWN_TERM),
        stock=stock_of([variant.code for variant in variants]),
    )
    return render(request, "frontend/shop/phone.html", values)


@policy(Policy.PUBLIC)
def plan(request: HttpRequest, code: str) -> HttpResponse:
    shop = _shop()
    offering = _sold(shop, code, kinds=(Kind.PLAN,))
    term = _term(request, default=max(offering.terms, default=0))
    return render(request, "frontend/shop/plan.html", plan_page(shop, offering, term=term))


@policy(Policy.PUBLIC)
def extra(request: HttpRequest, code: str) -> HttpResponse:
    """An accessory, an option or a content service."""
    shop = _shop()
    offering = _sold(shop, code, kinds=(Kind.ACCESSORY, *EXTRAS))
    values = extra_page(shop, offering, stock=stock_of([code]).get(code))
    return render(request, "frontend/shop/extra.html", values)


def _shop() -> ShopWindow:
    return window(at=business_now())


def _sold(shop: ShopWindow, code: str, *, kinds: Sequence[Kind]) -> Offering:
    found = shop.window.catalogue.offerings.get(code)
    if found is None or found.kind not in kinds or not shop.window.sells(found):
        raise Http404
    return found


def _term(request: HttpRequest, *, default: int) -> int:
    asked = request.GET.get("term", "")
    return int(asked) if asked in ("0", "12", "24") else default


def _list(
    request: HttpRequest,
    *,
    kinds: tuple[Kind, ...],
    facets: Sequence[str],
    title: str,
    lead: str,
    text: str = "",
) -> HttpResponse:
    """A page of cards; an HTMX request gets the results and the counts alone."""
    shop, query = _shop(), request.GET
    catalogue = shop.window.catalogue
    chosen = listing.chosen_in(query, facets)
    asked = query.get("sort", "")
    wish = Wish(
        kinds=kinds,
        text=text,
        chosen=chosen,
        sort=asked if asked in SORTS else SORTS[0],
        counted=tuple(facets),
        grouped=True,
        language=language(),
    )
    number = _page_number(query.get("page", ""))
    listed = browse(shop, wish, limit=PER_PAGE, offset=(number - 1) * PER_PAGE)
    page = Paginator(range(listed.total), PER_PAGE).get_page(number)
    if page.number != number:
        listed = browse(shop, wish, limit=PER_PAGE, offset=(page.number - 1) * PER_PAGE)
    stock = stock_of([offering.code for offering in listed.offerings])
    kept = query.copy()
    kept.pop("page", None)
    rest = kept.urlencode()
    response = render(
        request,
        "frontend/shop/results.html" if _partial(request) else "frontend/shop/list.html",
        {
            "title": title,
            "lead": lead,
            "search_text": text,
            "mended": listed.mended,
            "ways_out": [] if listed.total else _ways_out(shop, wish, listed),
            "page": page,
            "query": f"{rest}&" if rest else "",
            "cards": [
                card_of(shop, offering, stock=stock.get(offering.code), narrowed=bool(rest))
                for offering in listed.offerings
            ],
            "facets": listing.facets_shown(
                listed, names=facets, chosen=chosen, catalogue=catalogue
            ),
            "chosen": listing.chosen_chips(query, chosen=chosen, catalogue=catalogue),
            "kept": [
                {"name": name, "value": value}
                for name in ("q", "sort")
                for value in kept.getlist(name)[:1]
            ],
            "sorts": listing.sorts(query, current=wish.sort),
            "action": request.path,
            "partial": _partial(request),
            "reset_url": f"?{urlencode({'q': text})}" if text else request.path,
            "comparable": set(kinds) & set(COMPARED),
        },
    )
    patch_vary_headers(response, ["HX-Request"])
    return response


def _page_number(text: str) -> int:
    return min(max(int(text), 1), LAST_PAGE) if text.isdecimal() and len(text) < 6 else 1


def _partial(request: HttpRequest) -> bool:
    htmx: Any = getattr(request, "htmx", None)
    return bool(htmx and not htmx.boosted)


def _ways_out(shop: ShopWindow, wish: Wish, listed: Listed) -> list[dict[str, Any]]:
    """Out of an empty list: the search without a word that stands in its way."""
    asked = [word.typed for word in listed.words if word.reading is not Reading.FILLER]
    blamed = unknown_words(listed) or tuple(asked)
    links = []
    for word in blamed[:3] if len(asked) > 1 else ():
        count = without_word(shop, wish, word)
        if count:
            left = " ".join(each for each in wish.text.split() if folded(each) != word)
            links.append(
                {
                    "label": _("Search without “%(word)s”") % {"word": word},
                    "url": f"?{urlencode({'q': left})}",
                    "count": count,
                }
            )
    return links


def _starts() -> list[dict[str, str]]:
    return [
        {"label": _("Phones"), "url": reverse("shop:phones")},
        {"label": _("Plans"), "url": reverse("shop:plans")},
        {"label": _("Accessories"), "url": reverse("shop:accessories")},
        {"label": _("Music, video, press and options"), "url": reverse("shop:content")},
    ]
