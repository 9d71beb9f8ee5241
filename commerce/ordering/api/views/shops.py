"""Shops in which things are fetched."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from commerce.ordering.api.serializers.shops import ShopsQuery, ShopsSerializer
from commerce.ordering.picking_up import pick_up_shops
from commerce.web.policy import Policy
from commerce.web.views import ApiView


class ShopsView(ApiView):
    policy = Policy.PUBLIC
    scope = "catalogue"
    tag = "Offerings"

    @extend_schema(
        operation_id="listShops", parameters=[ShopsQuery], responses=ShopsSerializer(many=False)
    )
    def get(self, request: Request) -> Response:
        """Shops near a postcode or town, and whether they have the offerings that were named.

        Name the shop as `pick_up_at` when ordering. Nothing is kept before.
        """
        asked = self.query(ShopsQuery)
        wanted = dict.fromkeys(filter(None, asked["offerings"].split(",")), 1)
        found = pick_up_shops(wanted, near=asked["near"])
        items = [
            {
                "code": each.shop.code,
                "name": each.shop.name,
                "line1": each.shop.line1,
                "postcode": each.shop.postcode,
                "city": each.shop.city,
                "hours": each.shop.hours,
                "has_all": each.has_all,
            }
            for each in found
        ]
        return Response(ShopsSerializer({"items": items}).data)
