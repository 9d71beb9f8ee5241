"""A step of a guided journey: what may be chosen, and what each choice would change."""

from typing import Any

from rest_framework import serializers

from commerce.ordering.api.serializers.quotes import QuoteSerializer
from commerce.ordering.domain.journey import StepView
from commerce.web.fields import MoneySerializer, Shown, Strict, Wording


class StepQuery(Strict):
    term = serializers.IntegerField(
        min_value=0,
        max_value=24,
        required=False,
        help_text="Months of commitment at which plans are priced; default: the bundle's own",
    )


class DeltaSerializer(Shown):
    """What a choice changes, all promotions counted; `lasting_month` is one after they ended."""

    today = MoneySerializer(help_text="With tax")
    first_month = MoneySerializer()
    lasting_month = MoneySerializer()
    total = MoneySerializer(help_text="Over the commitment")


class RefusalSerializer(Shown):
    """Why it can't be chosen, and what can be done instead."""

    code = serializers.CharField()
    message = Wording()
    way_out = Wording()


class CandidateSerializer(Shown):
    """What could fill the role; the difference of a refused one means nothing."""

    offering = serializers.CharField(source="offering.code")
    name = Wording(source="offering.name")
    summary = Wording(source="offering.summary")
    chosen = serializers.BooleanField()
    quantity = serializers.IntegerField(min_value=0)
    term = serializers.IntegerField(min_value=0)
    difference = DeltaSerializer()
    refusal = RefusalSerializer(allow_null=True)
    recommended = Wording(allow_null=True, help_text="Why it is recommended; null: it is not")


class JourneyStepSerializer(Shown):
    """The candidates of one step, those that can be chosen first; `quote` is the cart as it is."""

    group = serializers.CharField()
    role = serializers.CharField()
    bundle = serializers.CharField(source="bundle.code")
    minimum = serializers.IntegerField(source="slot.minimum", min_value=0)
    maximum = serializers.IntegerField(source="slot.maximum", min_value=0)
    term = serializers.IntegerField(min_value=0)
    quote = QuoteSerializer()
    candidates = CandidateSerializer(many=True)


def step(view: StepView) -> Any:
    """The step as JSON."""
    return JourneyStepSerializer(view).data
