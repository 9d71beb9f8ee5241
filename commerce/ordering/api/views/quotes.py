"""Prices for what is not in a cart yet."""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from catalogue.domain.model import role_of
from commerce.accounts.api.caller import caller_of
from commerce.accounts.identity import AccountContext
from commerce.kernel.errors import InvalidInput
from commerce.ordering.api.offers import segment_of
from commerce.ordering.api.serializers.quotes import (
    QuoteAnswerSerializer,
    QuoteAsked,
    QuoteQuery,
    answered,
)
from commerce.ordering.domain.cart import CartLine, CartValue
from commerce.ordering.services.quoting import in_pack, quote_value
from commerce.web.policy import Policy
from commerce.web.views import ApiView

MOST_LINES = 600


class QuotesView(ApiView):
    policy = Policy.PUBLIC
    tag = "Quotes"

    @extend_schema(
        operation_id="quote",
        parameters=[QuoteQuery],
        request=QuoteAsked,
        responses=QuoteAnswerSerializer,
    )
    def post(self, request: Request) -> Response:
        """What it would cost.

        Due today with its tax, every coming month as phases (and as bills with `months`), the
        total over the commitment, the promotions given and those within reach. With `instalments`
        the parts of the phones' price too, each with the bill that it is paid with. Nothing is
        stored.
        """
        query = self.query(QuoteQuery)
        value = _value(caller_of(request), self.body(QuoteAsked))
        found = quote_value(caller_of(request), value=value, instalments=query["instalments"])
        return Response(answered(found, asked=query))


def _value(context: AccountContext, asked: Mapping[str, Any]) -> CartValue:
    """The cart that was described; each bundle instance is a group `b<place>.<number>`."""
    lines: list[CartLine] = []
    bundles: dict[str, str] = {}
    for place, bundle in enumerate(asked["bundles"], start=1):
        for number in range(1, bundle["count"] + 1):
            group = f"b{place}.{number}"
            own = _lines(bundle, group=group, after=len(lines))
            placed, groups = in_pack(bundle["bundle"], own, group=group)
            bundles.update(groups)
            lines += placed
    for line in asked["lines"]:
        lines.append(CartLine(str(len(lines) + 1), line["offering"], line["quantity"]))
    if not lines:
        raise InvalidInput("Say what is to be priced.", code="empty", field="bundles")
    if len(lines) > MOST_LINES:
        raise InvalidInput(
            f"A quote has {MOST_LINES} lines at most.", code="too_many_lines", field="bundles"
        )
    return CartValue(
        code="",
        lines=tuple(lines),
        segment=segment_of(context),
        channel=str(context.channel),
        codes=tuple(code.strip().upper() for code in asked["codes"]),
        bundles=bundles,
    )


def _lines(bundle: Mapping[str, Any], *, group: str, after: int) -> list[CartLine]:
    config = {"number_choice": "port" if bundle["port_in"] else "new"}
    return [
        CartLine(
            id=str(after + place),
            offering=choice["offering"],
            quantity=choice["quantity"],
            group=group,
            role=choice["role"],
            term=bundle["term"] if role_of(choice["role"]) == "plan" else 0,
            config=config if role_of(choice["role"]) == "plan" else {},
        )
        for place, choice in enumerate(bundle["choices"], start=1)
    ]
