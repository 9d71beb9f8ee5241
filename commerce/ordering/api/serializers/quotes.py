"""What is asked to be priced, and quotes as the API shows them."""

from collections.abc import Mapping
from typing import Any

from django.core.validators import RegexValidator
from django.utils.translation import gettext
from drf_spectacular.utils import OpenApiExample, extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from commerce.kernel.sentences import in_words
from commerce.kernel.tax import Basis
from commerce.ordering.api.serializers.offerings import PhaseSerializer
from commerce.ordering.domain.cart import MOST_PER_LINE
from commerce.ordering.domain.instalments import Choices
from commerce.ordering.domain.quote import Quote, Tariff
from commerce.ordering.domain.trace import Operation, TraceStep
from commerce.ordering.services.quoting import Answer
from commerce.web.fields import (
    Flag,
    MoneySerializer,
    OneOf,
    Shown,
    Strict,
    Whole,
    Word,
    Wording,
    words,
)
from promotions.domain.benefits import EarlyExit
from promotions.domain.model import Miss

MOST_BILLS = 60
MOST_PARTS = 36
PLACE_HELP = "Its role; after the names of places where the bundle has them, as `kit.accessory`"


class PlaceName(Word):
    """The name of a place in a bundle."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=100, help_text=PLACE_HELP, **options)
        self.validators.append(RegexValidator(r"^[a-z][a-z0-9_-]*(\.[a-z0-9][a-z0-9_-]*)*$"))


class QuoteQuery(Strict):
    months = serializers.IntegerField(
        min_value=0, max_value=MOST_BILLS, default=0, help_text="How many bills to write out"
    )
    trace = serializers.BooleanField(default=False, help_text="Also why each amount is what it is")
    instalments = serializers.IntegerField(
        min_value=0,
        max_value=MOST_PARTS,
        default=0,
        help_text="Also what is paid when, with the phones in so many parts; 0: all today",
    )


class ChoiceAsked(Strict):
    """An offering for a place of a bundle."""

    role = PlaceName()
    offering = Word(max_length=64)
    quantity = Whole(min_value=1, max_value=MOST_PER_LINE, default=1)


class BundleAsked(Strict):
    """A bundle `count` times, for instance one for each user of a fleet."""

    bundle = Word(max_length=64)
    term = Whole(min_value=0, max_value=24, default=0, help_text="Months of commitment")
    count = Whole(min_value=1, max_value=100, default=1)
    port_in = Flag(default=False, help_text="The number comes from another operator")
    choices = serializers.ListField(child=ChoiceAsked(), min_length=1, max_length=24)


class LineAsked(Strict):
    """An offering by itself."""

    offering = Word(max_length=64)
    quantity = Whole(min_value=1, max_value=MOST_PER_LINE, default=1)


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "25 lines of a fleet",
            value={
                "bundles": [
                    {
                        "bundle": "fleet-line",
                        "term": 24,
                        "count": 25,
                        "choices": [
                            {"role": "plan", "offering": "flotte-50"},
                            {"role": "handset", "offering": "halvik-bureau-128-graphite"},
                            {"role": "sim", "offering": "carte-sim"},
                        ],
                    }
                ]
            },
            request_only=True,
        )
    ]
)
class QuoteAsked(Strict):
    """What is to be priced; nothing of it is stored."""

    bundles = serializers.ListField(child=BundleAsked(), max_length=20, default=list)
    lines = serializers.ListField(child=LineAsked(), max_length=50, default=list)
    codes = serializers.ListField(child=Word(max_length=40), max_length=5, default=list)


class TaxPartSerializer(Shown):
    """The amounts at one rate, in per cent."""

    rate = serializers.SerializerMethodField()
    net = MoneySerializer()
    tax = MoneySerializer()
    gross = MoneySerializer()

    @extend_schema_field({"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?$"})
    def get_rate(self, part: Any) -> str:
        return format(part.rate, "f")


class TariffSerializer(Shown):
    """What usage costs per unit beyond what each month includes; usage itself is not promised."""

    code = serializers.CharField()
    unit = serializers.CharField()
    amount = MoneySerializer()
    included = serializers.SerializerMethodField()

    @extend_schema_field({"type": "string", "nullable": True, "pattern": r"^[0-9]+(\.[0-9]+)?$"})
    def get_included(self, tariff: Tariff) -> str | None:
        return None if tariff.included is None else format(tariff.included, "f")


class QuoteLineSerializer(Shown):
    """A line for its whole quantity, in the quote's basis."""

    id = serializers.CharField()
    offering = serializers.CharField()
    name = Wording()
    quantity = serializers.IntegerField(min_value=1)
    role = serializers.CharField()
    group = serializers.CharField(allow_blank=True)
    term = serializers.IntegerField(min_value=0)
    bundle = serializers.CharField(
        allow_blank=True, help_text="The nested bundle whose place it takes; empty: none"
    )
    list_today = MoneySerializer()
    due_today = MoneySerializer()
    monthly = PhaseSerializer(many=True, source="phases")
    tariffs = TariffSerializer(many=True)


class AppliedSerializer(Shown):
    """A promotion that is given; the saving is over the commitment (12 months if none)."""

    code = serializers.CharField()
    version = serializers.IntegerField()
    name = Wording()
    saving_over_commitment = MoneySerializer()
    lines = words()
    early_exit = OneOf(EarlyExit, source="early_exit.value")
    reason = serializers.CharField(allow_blank=True, help_text="Of a retention offer")


class NotAppliedSerializer(Shown):
    """A promotion within reach, and why it is not given."""

    code = serializers.CharField()
    name = Wording()
    reason = OneOf(Miss, source="reason.value")
    sentence = Wording()


class GivenBackSerializer(Shown):
    """Who leaves in contract months `first` to `last` pays back so much of the advantages."""

    first = serializers.IntegerField(min_value=1)
    last = serializers.IntegerField(min_value=1)
    amount = MoneySerializer()


class BillSerializer(Shown):
    """One coming bill, if the service starts on the assumed activation day."""

    period = serializers.IntegerField(min_value=1)
    start = serializers.DateField()
    end = serializers.DateField(help_text="The first day that is not billed any more")
    list_amount = MoneySerializer()
    amount = MoneySerializer()
    benefits = words()


@extend_schema_field({"type": "array", "items": {"$ref": "#/components/schemas/TraceStep"}})
class Parts(serializers.Field[Any, Any, Any, Any]):
    """The steps that a step is made of."""

    def to_representation(self, value: tuple[TraceStep, ...]) -> Any:
        return TraceStepSerializer(value, many=True).data


class TraceStepSerializer(Shown):
    """One amount, with the rule, its version, what went in and how it was rounded."""

    code = serializers.CharField()
    operation = OneOf(Operation, source="operation.value")
    rule = serializers.CharField(allow_blank=True)
    version = serializers.IntegerField()
    inputs = serializers.SerializerMethodField()
    rounding = serializers.CharField(allow_blank=True)
    amount = MoneySerializer()
    parts = Parts(read_only=True)

    @extend_schema_field({"type": "object", "additionalProperties": {"type": "string"}})
    def get_inputs(self, step: TraceStep) -> dict[str, str]:
        return dict(step.inputs)


class QuoteSerializer(Shown):
    """What it costs: today, per month, over the commitment. Amounts are in `basis`.

    The `digest` names exactly this agreement; an order may be placed for it.
    """

    currency = OneOf(["EUR"])
    basis = OneOf(Basis)
    release = serializers.IntegerField(help_text="Of the catalogue")
    assumed_activation = serializers.DateField(source="activation")
    lines = QuoteLineSerializer(many=True)
    list_today = MoneySerializer()
    due_today = MoneySerializer()
    tax_today = TaxPartSerializer(many=True)
    due_today_gross = MoneySerializer(help_text="With tax: what is paid today")
    monthly = PhaseSerializer(many=True)
    commitment_months = serializers.IntegerField(min_value=0)
    months_shown = serializers.IntegerField(help_text="That the total covers: 12 if no commitment")
    commitment_total = MoneySerializer()
    applied = AppliedSerializer(many=True)
    within_reach = NotAppliedSerializer(many=True)
    given_back = serializers.SerializerMethodField()
    digest = serializers.SerializerMethodField()
    bills = serializers.SerializerMethodField()
    trace = serializers.SerializerMethodField()

    @extend_schema_field({"type": "string", "pattern": "^[0-9a-f]{64}$"})
    def get_digest(self, quote: Quote) -> str:
        return quote.digest()

    @extend_schema_field(GivenBackSerializer(many=True))
    def get_given_back(self, quote: Quote) -> Any:
        return GivenBackSerializer(quote.given_back(), many=True).data

    @extend_schema_field(BillSerializer(many=True))
    def get_bills(self, quote: Quote) -> Any:
        return BillSerializer(quote.bills(self.context.get("months", 0)), many=True).data

    @extend_schema_field(TraceStepSerializer(many=True))
    def get_trace(self, quote: Quote) -> Any:
        steps = quote.trace if self.context.get("trace") else ()
        return TraceStepSerializer(steps, many=True).data


class IssueSerializer(Shown):
    """What stands between this and an order; an unfinished one only says what is to be chosen."""

    code = serializers.CharField()
    message = Wording()
    way_out = Wording()
    group = serializers.CharField(allow_blank=True)
    role = serializers.CharField(allow_blank=True)
    line = serializers.CharField(allow_blank=True)
    rule = serializers.CharField(allow_blank=True)
    unfinished = serializers.BooleanField()


class ComingPartSerializer(Shown):
    """A part of the phones' price, tax included, as it falls due if they are billed on the assumed
    activation day: to be paid with the bill of the contract month `bill`, of whose amount it is no
    part."""

    number = serializers.IntegerField(min_value=2, help_text="Today's part is the first")
    amount = MoneySerializer()
    due_on = serializers.DateField()
    bill = serializers.IntegerField(min_value=1, help_text="The period of the coming bill")


class InstalmentChoiceSerializer(Shown):
    """Paying the phones in `parts`: `amounts` with today's first, `later` those after it on their
    days, `due_now` with all else that is due today."""

    parts = serializers.IntegerField(min_value=2)
    amounts = serializers.ListField(child=MoneySerializer())
    later = ComingPartSerializer(many=True)
    due_now = MoneySerializer()


class InstalmentChoicesSerializer(Shown):
    """In how many parts the phones may be paid, without fee or interest; with none, `reason` and
    `sentence` say why not."""

    choices = InstalmentChoiceSerializer(many=True)
    reason = serializers.CharField(source="code", allow_blank=True)
    sentence = serializers.SerializerMethodField()

    def get_sentence(self, found: Choices) -> str:
        return str(in_words(found.sentence, gettext))


class QuoteAnswerSerializer(Shown):
    """A quote, and what is still to be chosen before it could be ordered. `instalments` is null
    unless parts were asked for."""

    quote = QuoteSerializer()
    instalments = InstalmentChoiceSerializer(allow_null=True)
    unfinished = IssueSerializer(many=True)


def answered(answer: Answer, *, asked: Mapping[str, Any]) -> Any:
    """A quote as JSON, with as many bills and as much reason as was asked for."""
    return QuoteAnswerSerializer(answer, context=dict(asked)).data
