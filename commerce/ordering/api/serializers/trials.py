"""What a draft's promotions would have cost."""

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

from commerce.kernel.tax import Basis
from commerce.ordering.domain.trial import Effect, Side, Totals
from commerce.ordering.trials import OnSample, TrialPage
from commerce.web.fields import Day, MoneySerializer, OneOf, Shown, Strict, Whole, Wording

MOST_ORDERS = 500
MOST_DAYS = 92


class TrialQuery(Strict):
    since = Day(required=False, help_text="Orders placed from that day on; default: 30 days ago")
    until = Day(required=False, help_text="Placed before that day; default: until now")
    after = serializers.CharField(
        max_length=40, default="", help_text="Go on after that order: `next` of the page before"
    )
    limit = Whole(
        min_value=1, max_value=MOST_ORDERS, default=200, help_text="Orders tried in this page"
    )


class TriedOrderSerializer(Shown):
    """An order that the change touches; amounts are what it would have cost the shop."""

    order = serializers.CharField(source="name")
    basis = OneOf(Basis)
    total_before = MoneySerializer(source="before", help_text="Over the commitment, as things are")
    cost_today = MoneySerializer(source="today")
    cost_over_commitment = MoneySerializer(source="commitment")
    had = serializers.ListField(
        child=serializers.CharField(), help_text="Promotions that differ, as in force"
    )
    gets = serializers.ListField(
        child=serializers.CharField(), help_text="Promotions that differ, as in the draft"
    )


class TriedTotalSerializer(Shown):
    basis = OneOf(Basis)
    orders = serializers.IntegerField()
    cost_today = MoneySerializer()
    cost_over_commitment = MoneySerializer()


class TriedPromotionSerializer(Shown):
    code = serializers.CharField()
    what = OneOf(("added", "changed", "removed"))
    had = serializers.IntegerField(help_text="Orders of this page that had it")
    get = serializers.IntegerField(help_text="Orders of this page that would have it")


class TriedSampleSerializer(Shown):
    """A sample cart; null: the change does not touch it."""

    name = Wording()
    cost_today = MoneySerializer(allow_null=True)
    cost_over_commitment = MoneySerializer(allow_null=True)


class TrialSerializer(Shown):
    """All sums are of this page; limits of promotions are counted within it."""

    seen = serializers.IntegerField(help_text="Orders tried in this page")
    promotions = TriedPromotionSerializer(many=True)
    totals = TriedTotalSerializer(many=True)
    orders = TriedOrderSerializer(many=True)
    samples = TriedSampleSerializer(many=True, help_text="With the first page only")
    next = serializers.CharField(allow_null=True, help_text="Ask with it as `after`; null: all")


def answered(page: TrialPage, samples: tuple[OnSample, ...]) -> Mapping[str, Any]:
    """The answer's data."""
    tried = page.tried
    return TrialSerializer(
        {
            "seen": tried.seen,
            "promotions": [
                {
                    "code": code,
                    "what": page.change.what(code),
                    "had": tried.given[Side.BEFORE, code],
                    "get": tried.given[Side.AFTER, code],
                }
                for code in page.change.codes
            ],
            "totals": [_total(basis, total) for basis, total in tried.totals.items()],
            "orders": [_order(effect) for effect in page.effects],
            "samples": [_sample(each) for each in samples],
            "next": page.last,
        }
    ).data


def _total(basis: Basis, total: Totals) -> Mapping[str, Any]:
    return {
        "basis": basis,
        "orders": total.sales,
        "cost_today": total.today,
        "cost_over_commitment": total.commitment,
    }


def _order(effect: Effect) -> Mapping[str, Any]:
    return {name: getattr(effect, name) for name in Effect.__slots__}


def _sample(each: OnSample) -> Mapping[str, Any]:
    return {
        "name": each.name,
        "cost_today": each.effect.today if each.effect else None,
        "cost_over_commitment": each.effect.commitment if each.effect else None,
    }
