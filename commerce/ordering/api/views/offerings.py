"""What is on sale for the caller, and at which price."""

from typing import Any
from urllib.parse import urlencode

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from catalogue.domain.model import Kind, Offering
from catalogue.domain.search import find
from catalogue.selectors import StockFacts, stock_of
from commerce.accounts.api.caller import caller_of
from commerce.ordering.api.offers import detail_of, on_sale, shop_of, summaries
from commerce.ordering.api.serializers.offerings import (
    TERMS,
    OfferingDetailSerializer,
    OfferingsQuery,
    OfferingsSerializer,
    detail,
    filters_of,
    page,
)
from commerce.ordering.showcase import ShopWindow
from commerce.web.fields import Strict
from commerce.web.policy import Policy
from commerce.web.views import ApiView


class TermQuery(Strict):
    term = serializers.ChoiceField(
        choices=[(term, str(term)) for term in TERMS],
        default=24,
        help_text="Months of commitment of the price shown",
    )


class OfferingsView(ApiView):
    policy = Policy.PUBLIC
    scope = "catalogue"
    tag = "Offerings"

    @extend_schema(
        operation_id="listOfferings",
        parameters=[OfferingsQuery],
        responses=OfferingsSerializer(many=False),
    )
    def get(self, request: Request) -> Response:
        """What is on sale.

        Businesses see their own offers and prices without tax, everybody else those of consumers
        with tax. A handset is shown with the cheapest plan that gives it its price.
        """
        asked = self.query(OfferingsQuery)
        shop = shop_of(caller_of(request))
        found, stock = _found(shop, asked)
        limit, offset = asked["limit"], asked["offset"]
        chosen = found[offset : offset + limit]
        if not asked["in_stock"]:
            stock = dict(stock_of([each.code for each in chosen]))
        following = None
        if offset + limit < len(found):
            query = {**request.query_params.dict(), "limit": limit, "offset": offset + limit}
            following = f"{request.path}?{urlencode(query)}"
        return Response(
            page(
                summaries(shop, chosen, term=asked["term"], stock=stock),
                total=len(found),
                limit=limit,
                offset=offset,
                following=following,
            )
        )


class OfferingView(ApiView):
    policy = Policy.PUBLIC
    scope = "catalogue"
    tag = "Offerings"

    @extend_schema(
        operation_id="getOffering",
        parameters=[TermQuery],
        responses=OfferingDetailSerializer,
    )
    def get(self, request: Request, code: str) -> Response:
        """One offering: characteristics, prices, rules, variants and stock."""
        asked = self.query(TermQuery)
        shop = shop_of(caller_of(request))
        offering = on_sale(shop, code)
        return Response(
            detail(detail_of(shop, offering, term=asked["term"], stock=stock_of([code])))
        )


def _found(
    shop: ShopWindow, asked: dict[str, Any]
) -> tuple[tuple[Offering, ...], dict[str, StockFacts]]:
    """All that fits; with its stock if only what is there was asked for."""
    kind = asked.get("kind")
    found = find(
        shop.window.catalogue,
        segment=shop.window.segment,
        channel=shop.window.channel,
        at=shop.window.at,
        kinds=(Kind(kind),) if kind else (),
        text=asked.get("q", ""),
        filters=filters_of(asked),
        sort=asked["sort"],
    ).offerings
    if not asked["in_stock"]:
        return found, {}
    stock = dict(stock_of([each.code for each in found if each.stocked]))
    there = tuple(
        each
        for each in found
        if not each.stocked or (each.code in stock and stock[each.code].available)
    )
    return there, stock
