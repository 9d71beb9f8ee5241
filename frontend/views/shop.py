"""The shop's pages before a cart: home, lists, offers, search."""

from collections.abc import Sequence
from math import ceil
from typing import Any

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _

from catalogue.domain.model import Kind, Offering
from catalogue.domain.search import find
from catalogue.selectors import StockFacts, stock_of
from commerce.kernel.clock import business_now
from commerce.ordering.domain.showcase import SHOWN_TERM, Shown, models_of
from commerce.ordering.showcase import ShopWindow, window
from commerce.web.policy import Policy, policy
from frontend.shop import listing
from frontend.shop.cards import extra_card, phone_card, plan_card
from frontend.shop.listing import Entry, Facet
from frontend.shop.offer import extra_page, home_page, phone_page, plan_page

PER_PAGE = 12
EXTRAS = (Kind.CONTENT, Kind.OPTION)


@policy(Policy.PUBLIC)
def home(request: HttpRequest) -> HttpResponse:
    """What we sell, led by an offer with its bills."""
    return render(request, "frontend/shop/home.html", home_page(_shop()))


@policy(Policy.PUBLIC)
def phones(request: HttpRequest) -> HttpResponse:
    """All models; filters look at variants, the card shows the one that was found."""
    shop = _shop()
    catalogue = shop.window.catalogue
    entries = _models(shop)
    facets = listing.phone_facets(catalogue)
    found = _found(request, entries, facets)
    shown = [shop.shown(variant) for _entry, variant in found]
    variants = {entry.variants[0].family: entry.variants for entry in entries}
    return _list(
        request,
        shown=listing.sorted_by(shown, sort=request.GET.get("sort", ""), catalogue=catalogue),
        card=lambda each, stock: phone_card(
            each,
            catalogue=catalogue,
            variants=variants[each.offering.family],
            stock=stock,
            query=request.GET.urlencode(),
        ),
        facets=listing.facets_shown(
            entries, facets=facets, chosen=listing.chosen_in(request.GET, facets)
        ),
        title=_("Phones"),
        lead=_("Each price is today's, with the plan named and every month that follows."),
    )


@policy(Policy.PUBLIC)
def plans(request: HttpRequest) -> HttpResponse:
    shop = _shop()
    facets = listing.plan_facets(shop.window.catalogue)
    entries = _singles(shop, Kind.PLAN)
    shown = [shop.shown(offering) for _entry, offering in _found(request, entries, facets)]
    catalogue = shop.window.catalogue
    return _list(
        request,
        shown=listing.sorted_by(shown, sort=request.GET.get("sort", ""), catalogue=catalogue),
        card=lambda each, _stock: plan_card(each, catalogue=catalogue),
        facets=listing.facets_shown(
            entries, facets=facets, chosen=listing.chosen_in(request.GET, facets)
        ),
        title=_("Plans"),
        lead=_("With the price of every month: those that are free, and those after them."),
        template="plans",
    )


@policy(Policy.PUBLIC)
def accessories(request: HttpRequest) -> HttpResponse:
    shop = _shop()
    return _extras(
        request,
        shop,
        kinds=(Kind.ACCESSORY,),
        facets=listing.accessory_facets(shop.window.catalogue),
        title=_("Accessories"),
        lead=_("Ordered with a phone and a plan, each of them costs less."),
    )


@policy(Policy.PUBLIC)
def content(request: HttpRequest) -> HttpResponse:
    shop = _shop()
    return _extras(
        request,
        shop,
        kinds=EXTRAS,
        facets=listing.content_facets(shop.window.catalogue),
        title=_("Music, video, press and options"),
        lead=_("Added to a line, on the same bill, to be stopped whenever you like."),
    )


@policy(Policy.PUBLIC)
def search(request: HttpRequest) -> HttpResponse:
    """Everything whose words match, by kind."""
    shop = _shop()
    text = request.GET.get("q", "").strip()[:80]
    catalogue = shop.window.catalogue
    hits = find(
        catalogue,
        segment=shop.window.segment,
        channel=shop.window.channel,
        at=shop.window.at,
        kinds=(Kind.HANDSET, Kind.PLAN, Kind.ACCESSORY, *EXTRAS),
        text=text,
    ).offerings
    stock = stock_of([offering.code for offering in hits]) if text else {}
    return render(
        request,
        "frontend/shop/search.html",
        {
            "search_text": text,
            "results": _results(shop, hits, stock=stock) if text else [],
            "suggestions": [
                {"label": _("Phones"), "url": reverse("shop:phones")},
                {"label": _("Plans"), "url": reverse("shop:plans")},
                {"label": _("Accessories"), "url": reverse("shop:accessories")},
                {"label": _("Music, video, press and options"), "url": reverse("shop:content")},
            ],
        },
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


def _models(shop: ShopWindow) -> list[Entry]:
    return [
        Entry(variants, ceil(shop.shown(variants[0]).lasting_month.amount))
        for variants in models_of(shop.window)
    ]


def _singles(shop: ShopWindow, *kinds: Kind) -> list[Entry]:
    return [
        Entry((offering,), ceil(shop.shown(offering).lasting_month.amount))
        for kind in kinds
        for offering in shop.window.sold(kind)
    ]


def _found(
    request: HttpRequest, entries: Sequence[Entry], facets: Sequence[Facet]
) -> list[tuple[Entry, Offering]]:
    chosen = listing.chosen_in(request.GET, facets)
    return listing.matching(entries, facets=facets, chosen=chosen)


def _extras(
    request: HttpRequest,
    shop: ShopWindow,
    *,
    kinds: Sequence[Kind],
    facets: Sequence[Facet],
    title: str,
    lead: str,
) -> HttpResponse:
    catalogue = shop.window.catalogue
    entries = _singles(shop, *kinds)
    shown = [shop.shown(offering) for _entry, offering in _found(request, entries, facets)]
    return _list(
        request,
        shown=listing.sorted_by(shown, sort=request.GET.get("sort", ""), catalogue=catalogue),
        card=lambda each, stock: extra_card(each, catalogue=catalogue, stock=stock),
        facets=listing.facets_shown(
            entries, facets=facets, chosen=listing.chosen_in(request.GET, facets)
        ),
        title=title,
        lead=lead,
    )


def _list(
    request: HttpRequest,
    *,
    shown: Sequence[Shown],
    card: Any,
    facets: list[dict[str, Any]],
    title: str,
    lead: str,
    template: str = "cards",
) -> HttpResponse:
    """A page of cards; an HTMX request gets the results and the counts alone."""
    page = Paginator(shown, PER_PAGE).get_page(request.GET.get("page"))
    stock = stock_of([each.offering.code for each in page.object_list])
    kept = request.GET.copy()
    kept.pop("page", None)
    query = kept.urlencode()
    narrowed = any(option["chosen"] for facet in facets for option in facet["options"])
    partial = bool(getattr(request, "htmx", False)) and not request.htmx.boosted  # type: ignore[attr-defined]
    response = render(
        request,
        "frontend/shop/results.html" if partial else "frontend/shop/list.html",
        {
            "title": title,
            "lead": lead,
            "page": page,
            "query": f"{query}&" if query else "",
            "cards": [card(each, _stock(stock, each)) for each in page.object_list],
            "cards_template": f"frontend/shop/{template}.html",
            "facets": facets,
            "kept": [{"name": "sort", "value": value} for value in kept.getlist("sort")[:1]],
            "sorts": _sorts(request),
            "action": request.path,
            "partial": partial,
            "reset_url": request.path if narrowed else "",
        },
    )
    patch_vary_headers(response, ["HX-Request"])
    return response


def _stock(stock: Any, shown: Shown) -> StockFacts | None:
    found: StockFacts | None = stock.get(shown.offering.code)
    return found


def _sorts(request: HttpRequest) -> list[dict[str, Any]]:
    current = request.GET.get("sort", "")
    links = []
    for word, label in listing.sorts():
        query = request.GET.copy()
        query.pop("page", None)
        query.pop("sort", None)
        if word:
            query["sort"] = word
        links.append({"label": label, "url": f"?{query.urlencode()}", "current": word == current})
    return links


def _results(shop: ShopWindow, hits: Sequence[Offering], *, stock: Any) -> list[dict[str, Any]]:
    """The hits as cards under their kind; the variants of a phone are one card."""
    catalogue = shop.window.catalogue
    cards: dict[Kind, list[dict[str, Any]]] = {}
    seen: set[str] = set()
    for offering in hits:
        if offering.kind is Kind.HANDSET:
            family = offering.family or offering.code
            if family in seen:
                continue
            seen.add(family)
            card = phone_card(
                shop.shown(offering),
                catalogue=catalogue,
                variants=catalogue.family(family),
                stock=stock.get(offering.code),
                query="q",
            )
        elif offering.kind is Kind.PLAN:
            card = plan_card(shop.shown(offering), catalogue=catalogue)
        else:
            card = extra_card(
                shop.shown(offering), catalogue=catalogue, stock=stock.get(offering.code)
            )
        cards.setdefault(offering.kind, []).append(card)
    titles = {
        Kind.HANDSET: _("Phones"),
        Kind.PLAN: _("Plans"),
        Kind.ACCESSORY: _("Accessories"),
        Kind.CONTENT: _("Music, video, press"),
        Kind.OPTION: _("Options"),
    }
    return [
        {"title": titles[kind], "cards": cards[kind], "plans": kind is Kind.PLAN}
        for kind in titles
        if kind in cards
    ]
