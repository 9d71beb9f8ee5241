"""Guided journeys: where one may begin, what may be chosen, and what each choice would change."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from rest_framework import serializers

from commerce.kernel.money import Money
from commerce.ordering.api.serializers.offerings import SlotSerializer
from commerce.ordering.api.serializers.quotes import ChoiceAsked, QuoteSerializer
from commerce.ordering.domain.answers import Answers
from commerce.ordering.domain.drafts import Draft
from commerce.ordering.domain.simulation import Cost, Usage
from commerce.web.fields import (
    MoneyAsked,
    MoneySerializer,
    Shown,
    Strict,
    Whole,
    Word,
    Wording,
    money_of,
    words,
)

TERM_HELP = "Months of commitment at which plans are priced; default: the longest"


class LineQuery(Strict):
    line = serializers.IntegerField(
        min_value=1, max_value=2**53, required=False, help_text="A running line of the caller"
    )


class StepQuery(Strict):
    """Answers are optional, and hide nothing: they rank, and say what does not meet them."""

    term = serializers.IntegerField(min_value=0, max_value=24, required=False, help_text=TERM_HELP)
    budget = serializers.IntegerField(
        min_value=1, max_value=1000, required=False, help_text="Whole euros a month, at most"
    )
    brand = serializers.CharField(max_length=200, required=False, help_text="Makers, by comma")
    data_gb = serializers.IntegerField(min_value=0, max_value=2000, required=False)
    minutes = serializers.IntegerField(min_value=0, max_value=44_640, required=False)
    messages = serializers.IntegerField(min_value=0, max_value=100_000, required=False)
    days_abroad = serializers.IntegerField(min_value=0, max_value=365, required=False)


class UsageAsked(Strict):
    """A usual month at home, and days in Europe a year (in a row, used as those at home)."""

    data_gb = Whole(min_value=0, max_value=2000, default=0)
    minutes = Whole(min_value=0, max_value=44_640, default=0, help_text="Of calls")
    messages = Whole(min_value=0, max_value=100_000, default=0, help_text="SMS and MMS")
    days_abroad = Whole(min_value=0, max_value=365, default=0, help_text="A year, in Europe")


class AnswersAsked(Strict):
    """None is needed. They rank and filter nothing away: what does not match comes later."""

    budget = MoneyAsked(required=False, help_text="The most a month, once promotions are over")
    usage = UsageAsked(required=False)
    brands = serializers.ListField(child=Word(max_length=60), max_length=10, default=list)


class DraftAsked(Strict):
    """What was chosen so far; nothing of it is stored. `line` is a running line of the caller."""

    choices = serializers.ListField(child=ChoiceAsked(), max_length=24, default=list)
    term = Whole(min_value=0, max_value=24, required=False, help_text=TERM_HELP)
    bundle = Word(
        max_length=64,
        default="",
        allow_blank=True,
        help_text="One of the journey's `bundles`; none: the first that has all choices",
    )
    line = Whole(min_value=1, max_value=2**53, required=False)
    answers = AnswersAsked(required=False)


class SimulationAsked(UsageAsked):
    """A usage, and the commitment to look at: without one, each plan at its cheapest."""

    term = Whole(min_value=0, max_value=24, required=False)


class SwitchAsked(Strict):
    """A choice in a step, with the `confirmation` of what must change with it."""

    offering = Word(max_length=64)
    term = Whole(min_value=0, max_value=24, required=False)
    accept = Word(max_length=2000, default="", allow_blank=True)


class WaySerializer(Shown):
    code = serializers.CharField()
    roles = words(help_text="The names of the places that are filled in it")


class JourneySerializer(Shown):
    """A way in: the bundles that serve it, and the steps through them."""

    code = serializers.CharField(source="entry.code")
    name = Wording(source="entry.name")
    summary = Wording(source="entry.summary")
    of_line = serializers.BooleanField(
        source="entry.of_line", help_text="It begins at a running line"
    )
    bundles = serializers.SerializerMethodField()
    steps = WaySerializer(many=True, source="ways")

    def get_bundles(self, journey: Any) -> list[str]:
        return [bundle.code for bundle in journey.bundles]


class JourneysSerializer(Shown):
    items = JourneySerializer(many=True)


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


class ReasonSerializer(Shown):
    """Why something stands where it stands, or does not match."""

    code = serializers.CharField()
    message = Wording()
    values = serializers.DictField(child=serializers.CharField())


class ChangeSerializer(Shown):
    """Another role that changes with a choice. Without `before` it is filled, without `after`
    nothing is left there."""

    role = serializers.CharField()
    before = serializers.CharField(allow_null=True)
    after = serializers.CharField(allow_null=True)
    term_before = serializers.IntegerField(min_value=0)
    term_after = serializers.IntegerField(min_value=0)
    reason = RefusalSerializer(allow_null=True)


class BeyondSerializer(Shown):
    """Use above what is included, in the busiest month; `year` what it costs in a year."""

    dimension = serializers.CharField(help_text="data_gb, minutes, messages or europe_gb")
    used = serializers.SerializerMethodField()
    included = serializers.SerializerMethodField()
    year = MoneySerializer()

    def get_used(self, beyond: Any) -> str:
        return _plain(beyond.used)

    def get_included(self, beyond: Any) -> str:
        return _plain(beyond.included)


class UseSerializer(Shown):
    """What a usage costs with it; where `short` names something, the plan is too small for it."""

    year = MoneySerializer()
    commitment = MoneySerializer(help_text="Over 24 months")
    beyond = BeyondSerializer(many=True)
    short = BeyondSerializer(many=True)


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
    changes = ChangeSerializer(many=True, help_text="What changes with it")
    confirmation = serializers.CharField(
        allow_blank=True, help_text="To be sent as `accept`; empty: nothing else changes"
    )
    reasons = ReasonSerializer(many=True)
    misses = ReasonSerializer(many=True, help_text="The answers that it does not meet")
    use = UseSerializer(allow_null=True)


class QuestionSerializer(Shown):
    code = serializers.CharField()
    options = words(help_text="Where the answer is one of a list")


class JourneyStepSerializer(Shown):
    """The candidates of one step, those that can be chosen first; `quote` is the cart as it is."""

    group = serializers.CharField()
    role = serializers.CharField()
    bundle = serializers.CharField(source="bundle.code")
    minimum = serializers.IntegerField(source="slot.minimum", min_value=0)
    needed = serializers.IntegerField(
        min_value=0,
        help_text="Of the minimum, what holds beside the other choices: 0 while the nested bundle"
        " that brought the place is left out",
    )
    maximum = serializers.IntegerField(source="slot.maximum", min_value=0)
    term = serializers.IntegerField(min_value=0)
    quote = QuoteSerializer()
    candidates = CandidateSerializer(many=True)
    more = serializers.IntegerField(
        min_value=0, help_text="Sold for the role too, and too many to be compared here"
    )
    questions = QuestionSerializer(many=True)
    without = DeltaSerializer(
        allow_null=True, help_text="What changes if the role is left empty; null: it can't be"
    )


class DraftStepSerializer(Shown):
    """A step of a journey that is stored nowhere, with what was chosen so far."""

    journey = JourneySerializer()
    bundle = serializers.CharField(source="bundle.code")
    places = SlotSerializer(many=True, source="bundle.slots", help_text="Of the bundle")
    missing = words(help_text="Names of the places that are still to be filled")
    standing = ReasonSerializer(allow_null=True, help_text="What keeps it from being ordered")
    conflict = RefusalSerializer(allow_null=True, help_text="What does not go together")
    step = JourneyStepSerializer()


class PlanCostSerializer(UseSerializer):
    """A plan on a usage, at the commitment at which it is cheapest over 24 months."""

    plan = serializers.CharField(source="plan.code")
    name = Wording(source="plan.name")
    term = serializers.IntegerField(min_value=0)
    fixed = MoneySerializer(help_text="Without use beyond, over 24 months, promotions included")
    suffices = serializers.SerializerMethodField()

    def get_suffices(self, cost: Any) -> bool:
        return not cost.short


class SimulationSerializer(Shown):
    """The plans, the cheapest that suffices first."""

    items = PlanCostSerializer(many=True)


def draft_of(asked: Mapping[str, Any]) -> Draft:
    """What `DraftAsked` validated, as a draft; a choice is repeated by its quantity of one."""
    choices: dict[str, tuple[str, ...]] = {}
    for choice in asked["choices"]:
        choices[choice["role"]] = (*choices.get(choice["role"], ()), choice["offering"])
    return Draft(choices, asked.get("term"), asked["bundle"])


def answers_of(asked: Mapping[str, Any] | None) -> Answers:
    """What `AnswersAsked` validated."""
    if not asked:
        return Answers()
    budget = asked.get("budget")
    return Answers(
        budget=money_of(budget) if budget else None,
        usage=usage_of(asked.get("usage") or {}),
        brands=tuple(asked["brands"]),
    )


def answers_in(query: Mapping[str, Any]) -> Answers:
    """The answers of a `StepQuery`."""
    budget = query.get("budget")
    named = query.get("brand", "").split(",")
    return Answers(
        budget=Money(Decimal(budget)) if budget else None,
        usage=usage_of(query),
        brands=tuple(brand.strip() for brand in named if brand.strip()),
    )


def usage_of(asked: Mapping[str, Any]) -> Usage:
    return Usage(
        data_gb=asked.get("data_gb") or 0,
        minutes=asked.get("minutes") or 0,
        messages=asked.get("messages") or 0,
        days_abroad=asked.get("days_abroad") or 0,
    )


def simulated(costs: tuple[Cost, ...]) -> Any:
    return SimulationSerializer({"items": costs}).data


def _plain(amount: Decimal) -> str:
    return format(amount.normalize(), "f")
