"""Free telephone numbers, searched by their figures."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from commerce.accounts.api.caller import caller_of
from commerce.ordering.api.offers import shop_of
from commerce.ordering.api.serializers.numbers import (
    NumbersQuery,
    OfferedNumbersSerializer,
    numbers_shown,
)
from commerce.ordering.number_shop import classes_on_sale, find_numbers
from commerce.web.policy import Policy
from commerce.web.views import ApiView


class NumbersView(ApiView):
    policy = Policy.PUBLIC
    scope = "catalogue"
    tag = "Offerings"

    @extend_schema(
        operation_id="findNumbers",
        parameters=[NumbersQuery],
        responses=OfferedNumbersSerializer(many=False),
    )
    def get(self, request: Request) -> Response:
        """Free numbers by their figures, each of a class with its price.

        Nothing is held: choosing one for a line of a cart keeps it for 15 minutes.
        """
        asked = self.query(NumbersQuery)
        on_sale = shop_of(caller_of(request)).window
        found = find_numbers(
            on_sale.catalogue,
            segment=on_sale.segment,
            channel=on_sale.channel,
            pattern=asked.get("pattern", ""),
            klass=asked.get("class", ""),
            limit=asked["limit"],
        )
        classes = classes_on_sale(
            on_sale.catalogue, segment=on_sale.segment, channel=on_sale.channel
        )
        return Response(numbers_shown(found, list(classes.values())))
