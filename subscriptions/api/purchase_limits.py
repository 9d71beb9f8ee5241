"""What may be bought of third parties on a line: the customer's own caps and blocks."""

from decimal import Decimal
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from commerce.accounts.api.caller import caller_of
from commerce.kernel.errors import InvalidInput
from commerce.web.fields import (
    Flag,
    MoneyAsked,
    MoneySerializer,
    OneOf,
    Shown,
    Strict,
    Word,
    money_of,
    words,
)
from commerce.web.views import ApiView
from subscriptions.api.views import LARGEST_ID, OWNERS, party_of
from subscriptions.carrier.selectors import Allowed, allowed_on
from subscriptions.carrier.services.limits import caps, set_limits
from subscriptions.domain.carrier import Category

MOST_MERCHANTS = 100


class CategoryCapSerializer(Shown):
    category = OneOf(Category)
    most = MoneySerializer()


class MerchantCapSerializer(Shown):
    merchant = serializers.CharField()
    name = serializers.CharField()
    most = MoneySerializer()


class PurchaseLimitsSerializer(Shown):
    """The line's own caps, tax included; null is the law's, of which `law_...` tell. Those of a
    kind and of a merchant are of a calendar month, of which `spent` is used up. A firm's line is
    `blocked` until who decides for the firm allows it. Of `merchants` nothing can be bought."""

    per_purchase = MoneySerializer(allow_null=True)
    per_day = MoneySerializer(allow_null=True)
    per_month = MoneySerializer(allow_null=True)
    per_category = CategoryCapSerializer(many=True)
    per_merchant = MerchantCapSerializer(many=True)
    blocked = serializers.BooleanField()
    categories = words()
    merchants = words()
    spent = MoneySerializer()
    law_per_purchase = MoneySerializer()
    law_per_month = MoneySerializer()


class CategoryCapAsked(Strict):
    category = OneOf(Category)
    most = MoneyAsked()


class MerchantCapAsked(Strict):
    merchant = Word(max_length=40)
    most = MoneyAsked()


class PurchaseLimitsAsked(Strict):
    """All that holds from now on: what is left out has no cap of its own, and is not blocked."""

    per_purchase = MoneyAsked(required=False, allow_null=True)
    per_day = MoneyAsked(required=False, allow_null=True)
    per_month = MoneyAsked(required=False, allow_null=True)
    per_category = serializers.ListField(
        child=CategoryCapAsked(), required=False, max_length=len(Category)
    )
    per_merchant = serializers.ListField(
        child=MerchantCapAsked(), required=False, max_length=MOST_MERCHANTS
    )
    blocked = Flag(required=False)
    categories = serializers.ListField(
        child=OneOf(Category), required=False, max_length=len(Category)
    )


class PurchaseLimitsView(ApiView):
    policy = OWNERS
    tag = "Subscriptions"

    @extend_schema(operation_id="getPurchaseLimits", responses=PurchaseLimitsSerializer)
    def get(self, request: Request, subscription_id: int) -> Response:
        """What may be bought of third parties on a line, and what of it is spent this month."""
        party_id = party_of(caller_of(request))
        return Response(_shown(allowed_on(party_id, min(subscription_id, LARGEST_ID))))

    @extend_schema(
        operation_id="setPurchaseLimits",
        request=PurchaseLimitsAsked,
        responses={200: PurchaseLimitsSerializer},
    )
    def put(self, request: Request, subscription_id: int) -> Response:
        """Choose caps below the law's, and what is blocked; for purchases from now on. Of a firm
        who approves and administrators do."""
        context, line = caller_of(request), min(subscription_id, LARGEST_ID)
        asked = self.body(PurchaseLimitsAsked)
        set_limits(
            context=context,
            subscription_id=line,
            per_purchase=_cap(asked.get("per_purchase")),
            per_day=_cap(asked.get("per_day")),
            per_month=_cap(asked.get("per_month")),
            per_category=_named(asked.get("per_category", ()), by="category"),
            per_merchant=_named(asked.get("per_merchant", ()), by="merchant"),
            blocked=asked.get("blocked", False),
            categories=[Category(each) for each in asked.get("categories", ())],
        )
        return Response(_shown(allowed_on(party_of(context), line)))


def _cap(asked: Any) -> Decimal | None:
    return None if asked is None else money_of(asked).amount


def _named(asked: Any, *, by: str) -> dict[Any, Any]:
    named = {each[by]: money_of(each["most"]).amount for each in asked}
    if len(named) != len(asked):
        raise InvalidInput("A cap is named once.", code="cap_named_twice", field=f"per_{by}")
    return named


def _shown(found: Allowed) -> dict[str, Any]:
    own, law = found.limits, caps()
    told = {
        "per_purchase": own.per_purchase,
        "per_day": own.per_day,
        "per_month": own.per_month,
        "per_category": [
            {"category": kind.value, "most": most}
            for kind, most in sorted(own.per_category.items())
        ],
        "per_merchant": [
            {"merchant": code, "name": found.merchants[code], "most": most}
            for code, most in sorted(own.per_merchant.items())
        ],
        "blocked": own.blocked,
        "categories": sorted(own.categories),
        "merchants": sorted(own.merchants),
        "spent": found.spent,
        "law_per_purchase": law.per_purchase,
        "law_per_month": law.per_month,
    }
    shown: dict[str, Any] = PurchaseLimitsSerializer(told).data
    return shown
