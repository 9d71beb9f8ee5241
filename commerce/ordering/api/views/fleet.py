"""Fleets: quoted and ordered by programs and members of an organisation."""

import csv
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.parsers import JSONParser
from rest_framework.request import Request
from rest_framework.response import Response

from commerce.accounts.api.caller import caller_of
from commerce.kernel.errors import InvalidInput
from commerce.ordering.api.serializers.fleet import (
    CSV_EXAMPLE,
    FleetOrderAsked,
    FleetPlacedSerializer,
    FleetQuoteAsked,
    FleetQuoteSerializer,
    FleetTableQuery,
    accepted,
    bulk_checkout,
)
from commerce.ordering.api.serializers.quotes import QuoteQuery
from commerce.ordering.domain.fleet import FleetLine, fleet_lines, parse_fleet_csv
from commerce.ordering.services.bulk import place_bulk_order, quote_bulk
from commerce.web.idempotency import idempotent
from commerce.web.parsers import Csv
from commerce.web.policy import Policy
from commerce.web.views import ApiView, created

TABLE = OpenApiExample("A table", value=CSV_EXAMPLE, media_type="text/csv", request_only=True)


class FleetOrdersView(ApiView):
    """No cart stands behind a fleet order: its key and its order are kept together."""

    policy = Policy.BUSINESS
    one_transaction = True
    tag = "Fleets"
    parser_classes = (JSONParser, Csv)

    @idempotent
    @extend_schema(
        operation_id="placeFleetOrder",
        parameters=[FleetTableQuery],
        request={"application/json": FleetOrderAsked, "text/csv": OpenApiTypes.STR},
        responses={201: FleetPlacedSerializer},
        examples=[TABLE],
    )
    def post(self, request: Request) -> Response:
        """Order a line for each named user, as one order on invoice.

        All rows or none; every row is answered, in `values.answers` of the refusal too. Above the
        caller's limit the order waits for an approver. JSON, or a table with a heading whose other
        facts stand in the query.
        """
        query = self.query(FleetTableQuery)
        if _is_table(request):
            lines, asked = _table(request), query
        else:
            asked = self.body(FleetOrderAsked)
            lines = fleet_lines(asked["lines"])
        placed = place_bulk_order(caller_of(request), lines=lines, checkout=bulk_checkout(asked))
        answer = {"placed": placed, "lines": accepted(lines)}
        return created(FleetPlacedSerializer(answer).data, at=f"/api/v1/orders/{placed.number}")


class FleetQuotesView(ApiView):
    policy = Policy.BUSINESS
    tag = "Fleets"
    parser_classes = (JSONParser, Csv)

    @extend_schema(
        operation_id="quoteFleet",
        parameters=[QuoteQuery],
        request={"application/json": FleetQuoteAsked, "text/csv": OpenApiTypes.STR},
        responses=FleetQuoteSerializer,
        examples=[TABLE],
    )
    def post(self, request: Request) -> Response:
        """What a fleet would cost, without tax; every row is answered and nothing is kept."""
        query = self.query(QuoteQuery)
        if _is_table(request):
            lines = _table(request)
        else:
            lines = fleet_lines(self.body(FleetQuoteAsked)["lines"])
        found = quote_bulk(caller_of(request), lines=lines)
        return Response(FleetQuoteSerializer(found, context=query).data)


def _is_table(request: Request) -> bool:
    return request.content_type.partition(";")[0].strip().lower() == Csv.media_type


def _table(request: Request) -> tuple[FleetLine, ...]:
    """The rows; an empty body reaches us as no text at all."""
    try:
        text: Any = request.data
        return parse_fleet_csv(text if isinstance(text, str) else "")
    except csv.Error as error:
        raise InvalidInput(
            "The table is malformed: a quotation mark that is not closed, or a line too long.",
            code="csv_malformed",
            field="file",
        ) from error
