"""What is on sale for the caller, and at which price."""

from urllib.parse import urlencode

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from catalogue.selectors import stock_of
from commerce.accounts.api.caller import caller_of
from commerce.ordering.api.offers import (
    compared,
    counted,
    detail_of,
    named,
    on_sale,
    shop_of,
    summaries,
)
from commerce.ordering.api.serializers.offerings import (
    TERMS,
    ComparisonSerializer,
    OfferingDetailSerializer,
    OfferingsQuery,
    OfferingsSerializer,
    SuggestionsSerializer,
    detail,
    page,
    wish_of,
)
from commerce.ordering.browsing import SEARCHED, browse, suggest
from commerce.ordering.comparing import compare
from commerce.web.fields import Strict, language
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
        wish, limit, offset = wish_of(asked), asked["limit"], asked["offset"]
        found = browse(shop, wish, limit=limit, offset=offset, strict=True)
        stock = stock_of([each.code for each in found.offerings])
        following = None
        if offset + limit < found.total:
            query = {**request.query_params.dict(), "limit": limit, "offset": offset + limit}
            following = f"{request.path}?{urlencode(query)}"
        return Response(
            page(
                summaries(shop, found.offerings, term=asked["term"], stock=stock),
                found,
                counted(found, wish=wish, catalogue=shop.window.catalogue),
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


class SuggestionsQuery(Strict):
    q = serializers.CharField(max_length=80, help_text="What has been typed so far")


class SuggestionsView(ApiView):
    policy = Policy.PUBLIC
    scope = "catalogue"
    tag = "Offerings"

    @extend_schema(
        operation_id="suggest", parameters=[SuggestionsQuery], responses=SuggestionsSerializer
    )
    def get(self, request: Request) -> Response:
        """What somebody who has typed so far may mean: offerings, categories, makes."""
        shop = shop_of(caller_of(request))
        text = self.query(SuggestionsQuery)["q"]
        found = suggest(shop, text, kinds=SEARCHED, language=language())
        return Response(
            SuggestionsSerializer(
                {
                    "offerings": found.offerings,
                    "categories": named(found.categories, shop.window.catalogue.categories),
                    "brands": named(found.brands, {}),
                }
            ).data
        )


class ComparisonQuery(Strict):
    offers = serializers.CharField(
        max_length=300, help_text="Codes of two to four phones or plans, separated by commas"
    )
    term = serializers.ChoiceField(
        choices=[(term, str(term)) for term in TERMS],
        default=24,
        help_text="Months of commitment of the price shown",
    )


class ComparisonsView(ApiView):
    policy = Policy.PUBLIC
    scope = "catalogue"
    tag = "Offerings"
    refusals = (404, 422)

    @extend_schema(
        operation_id="compareOfferings",
        parameters=[ComparisonQuery],
        responses=ComparisonSerializer,
    )
    def get(self, request: Request) -> Response:
        """Phones side by side, or plans: what differs, what each costs, which is the cheapest.

        Each phone is shown with the plan that is cheapest for it.
        """
        asked = self.query(ComparisonQuery)
        shop = shop_of(caller_of(request))
        codes = [code for code in asked["offers"].split(",") if code]
        offerings = [on_sale(shop, code) for code in codes]
        found = compare(shop, offerings, term=asked["term"])
        chosen = [shown.offering for shown in found.columns]
        stock = stock_of([each.code for each in chosen])
        return Response(
            ComparisonSerializer(
                {
                    "kind": chosen[0].kind.value,
                    "offerings": summaries(shop, chosen, term=asked["term"], stock=stock),
                    "rows": compared(found, catalogue=shop.window.catalogue),
                    "cheapest": {
                        "today": [chosen[n].code for n in sorted(found.cheapest.today)],
                        "month": [chosen[n].code for n in sorted(found.cheapest.month)],
                        "total": [chosen[n].code for n in sorted(found.cheapest.total)],
                    },
                }
            ).data
        )
