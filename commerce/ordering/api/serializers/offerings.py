"""Offerings as the API shows them, with what they cost here and now."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from catalogue.domain.model import ChargeKind, Kind, RuleKind
from commerce.kernel.errors import InvalidInput
from commerce.kernel.tax import Basis
from commerce.ordering.api.offers import CountedFacet, Detail, Summary
from commerce.ordering.api.serializers.tariffs import CallersTariffSerializer
from commerce.ordering.browsing import FACETS as COUNTED
from commerce.ordering.browsing import SORTS, Listed, Wish
from commerce.web.fields import MoneySerializer, OneOf, Shown, Strict, Wording, language, words

MOST = 100
FURTHEST = 10_000
TERMS = (0, 12, 24)


class Answers(serializers.CharField):
    """Accepted values of a facet, separated by commas."""

    def __init__(self, help_text: str = "One value or several, separated by commas") -> None:
        super().__init__(max_length=200, required=False, help_text=help_text)


class OfferingsQuery(Strict):
    """What to look for; all conditions must hold, any of the values of each."""

    kind = OneOf(Kind, required=False)
    q = serializers.CharField(
        max_length=80,
        required=False,
        help_text="Words in any language; accents, typos and synonyms are forgiven",
    )
    category = Answers()
    brand = Answers()
    network = Answers("4G or 5G")
    storage_gb = Answers("128 or 128,256 or 128..512")
    colour = Answers()
    esim = Answers("true or false")
    refurbished = Answers("true or false")
    energy_class = Answers("A or A,B")
    form = Answers()
    connector = Answers()
    fits = Answers()
    service = Answers()
    with_handset = Answers("true or false")
    terms = Answers("Commitments in months that it can be had with: 0, 12, 24")
    month = Answers("A month's price once promotions have ended, in the caller's basis: 10..19.99")
    price = Answers("Today's price of the offering itself, in the caller's basis: 100..400")
    in_stock = serializers.BooleanField(default=False)
    term = serializers.ChoiceField(
        choices=[(term, str(term)) for term in TERMS],
        default=24,
        help_text="Months of commitment of the price shown",
    )
    sort = OneOf(SORTS, default="relevance")
    facets = serializers.CharField(
        max_length=200,
        required=False,
        help_text=f"Facets to count, separated by commas, or `all`: {', '.join(COUNTED)}",
    )
    limit = serializers.IntegerField(min_value=1, max_value=MOST, default=24)
    offset = serializers.IntegerField(min_value=0, max_value=FURTHEST, default=0)


COUNTABLE = frozenset(COUNTED)


def wish_of(asked: dict[str, Any]) -> Wish:
    """The query as a wish. Raises InvalidInput `unknown_facet`."""
    kind, counted = asked.get("kind"), _parts(asked.get("facets", ""))
    if counted == ("all",):
        counted = COUNTED
    for name in counted:
        if name not in COUNTABLE:
            raise InvalidInput(
                f"Facets are: {', '.join(COUNTED)}.",
                code="unknown_facet",
                field="facets",
                value=name[:40],
            )
    chosen = {name: _parts(asked[name]) for name in COUNTED if asked.get(name) and name != "kind"}
    return Wish(
        kinds=(Kind(kind),) if kind else (),
        text=asked.get("q", ""),
        chosen=chosen,
        sort=asked["sort"],
        counted=counted,
        in_stock=asked["in_stock"],
        term=asked["term"],
        language=language(),
    )


def _parts(text: str) -> tuple[str, ...]:
    return tuple(part for part in (each.strip() for each in text.split(",")) if part)


class PhaseSerializer(Shown):
    """So many periods at so much. `first` counts contract months from activation, from 1."""

    first = serializers.IntegerField(min_value=1)
    periods = serializers.IntegerField(allow_null=True, help_text="null: for ever")
    list_amount = MoneySerializer()
    amount = MoneySerializer()
    benefits = words(help_text="Codes of the promotions behind it")


class PromotionNameSerializer(Shown):
    code = serializers.CharField()
    name = Wording()


class StockSerializer(Shown):
    available = serializers.IntegerField(min_value=0, help_text="Pieces free to sell")
    lead_days = serializers.IntegerField(min_value=0, help_text="Working days until it leaves")
    back_order_on = serializers.DateField(
        allow_null=True, help_text="The first of the `coming` pieces is expected"
    )
    coming = serializers.IntegerField(min_value=0, help_text="Pieces that can be ordered ahead")


class PriceSerializer(Shown):
    """`today` is of the offering itself; the rest of the bundle that it is shown in."""

    basis = OneOf(Basis, help_text="TTC: with tax (consumers). HT: without (business).")
    plan = serializers.CharField(allow_null=True, help_text="The plan that it is shown with")
    term_months = serializers.IntegerField(min_value=0)
    today = MoneySerializer()
    list_today = MoneySerializer(help_text="Without commitment or promotion")
    due_today = MoneySerializer(help_text="Of the whole bundle")
    first_month = MoneySerializer()
    lasting_month = MoneySerializer(help_text="Once promotions have ended")
    monthly = PhaseSerializer(many=True)
    commitment_total = MoneySerializer()
    promotions = PromotionNameSerializer(many=True)
    lowest_price_30_days = MoneySerializer(
        allow_null=True,
        help_text="Of the 30 days before the reduction that is announced of the offering without "
        "commitment (a month's, of a service); null: none is. Consumers only.",
    )


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "A business plan",
            value={
                "code": "flotte-50",
                "kind": "plan",
                "name": "Flotte 50 5G",
                "summary": "50 GB on 5G per line, help within four working hours.",
                "category": "forfaits-pro",
                "family": None,
                "price": {
                    "basis": "HT",
                    "plan": "flotte-50",
                    "term_months": 24,
                    "today": {"amount": "0.00", "currency": "EUR"},
                    "list_today": {"amount": "0.00", "currency": "EUR"},
                    "due_today": {"amount": "8.33", "currency": "EUR"},
                    "first_month": {"amount": "16.00", "currency": "EUR"},
                    "lasting_month": {"amount": "16.00", "currency": "EUR"},
                    "monthly": [
                        {
                            "first": 1,
                            "periods": None,
                            "list_amount": {"amount": "16.00", "currency": "EUR"},
                            "amount": {"amount": "16.00", "currency": "EUR"},
                            "benefits": [],
                        }
                    ],
                    "commitment_total": {"amount": "392.33", "currency": "EUR"},
                    "promotions": [],
                    "lowest_price_30_days": None,
                },
                "stock": None,
                "callers_tariff": None,
            },
        )
    ]
)
class OfferingSerializer(Shown):
    """An offering in a list."""

    code = serializers.CharField(source="offering.code")
    kind = OneOf(Kind, source="offering.kind.value")
    name = Wording(source="offering.name")
    summary = Wording(source="offering.summary")
    category = serializers.CharField(source="offering.category")
    family = serializers.CharField(source="offering.family", allow_null=True)
    price = PriceSerializer()
    stock = StockSerializer(allow_null=True, help_text="null: nothing of it is stocked")
    callers_tariff = CallersTariffSerializer(
        allow_null=True, help_text="Of special numbers, to be shown wherever they are; else null"
    )


class FacetValueSerializer(Shown):
    value = serializers.CharField(help_text="As the parameter of that code takes it")
    name = serializers.CharField()
    count = serializers.IntegerField(min_value=0, help_text="Results with this value")
    chosen = serializers.BooleanField()


class FacetSerializer(Shown):
    """Its counts are those without its own choice, so that it can be changed."""

    code = serializers.CharField()
    name = serializers.CharField()
    values = FacetValueSerializer(many=True)


class OfferingsSerializer(Shown):
    """A page of offerings; `next` is the address of the following one."""

    items = OfferingSerializer(many=True)
    facets = FacetSerializer(many=True, help_text="Those that were asked for")
    searched_for = serializers.CharField(
        allow_null=True, help_text="The words that were searched for instead of mistyped ones"
    )
    total = serializers.IntegerField(min_value=0)
    limit = serializers.IntegerField()
    offset = serializers.IntegerField()
    next = serializers.CharField(allow_null=True)


class CharacteristicSerializer(Shown):
    code = serializers.CharField()
    name = serializers.CharField()
    values = words()
    labels = words(help_text="The values in words")
    unit = serializers.CharField(allow_blank=True)


class ChargeSerializer(Shown):
    """A price for the caller's segment; the most specific one of a code is charged."""

    code = serializers.CharField()
    kind = OneOf(ChargeKind, source="kind.value")
    amount = MoneySerializer()
    tax_class = serializers.CharField()
    every_months = serializers.IntegerField(min_value=1)
    terms = serializers.ListField(
        child=serializers.IntegerField(), help_text="Commitments it is for; empty: any"
    )
    in_bundle = serializers.CharField(allow_null=True)


class SlotSerializer(Shown):
    """A place in a bundle: `role` is its name, `bundle` the nested bundle that brought it (empty:
    none); the `minimum` of such a one counts once something stands in it."""

    role = serializers.CharField(source="name")
    kind = OneOf(Kind, source="kind.value")
    bundle = serializers.CharField(allow_blank=True)
    minimum = serializers.IntegerField(min_value=0)
    maximum = serializers.IntegerField(min_value=0)
    default = serializers.CharField(allow_null=True)


class PackLineSerializer(Shown):
    """A place of a pack that is a line of its own: `bundles` may take it, one of them."""

    place = serializers.CharField()
    minimum = serializers.IntegerField(min_value=0)
    bundles = words()
    default = serializers.CharField()


class RuleSerializer(Shown):
    """A rule that this kind of offering can break or follow inside a bundle."""

    code = serializers.CharField()
    kind = OneOf(RuleKind, source="kind.value")
    message = Wording()
    way_out = Wording()


class VariantSerializer(Shown):
    code = serializers.CharField()
    name = Wording()


class OfferingDetailSerializer(OfferingSerializer):
    """An offering with everything that is known of it."""

    description = Wording(source="offering.description")
    terms = serializers.ListField(
        child=serializers.IntegerField(),
        source="offering.terms",
        help_text="Commitments in months that it is sold with",
    )
    characteristics = CharacteristicSerializer(many=True)
    charges = ChargeSerializer(many=True)
    slots = SlotSerializer(many=True, source="offering.slots")
    lines = PackLineSerializer(many=True, source="offering.lines")
    rules = RuleSerializer(many=True)
    variants = VariantSerializer(many=True, help_text="Of the same model")
    plans = words(help_text="Plans that go with a handset at its price, the cheapest first")


class SuggestionSerializer(Shown):
    """`code` of an offering, category or make; `count` of offerings it leads to."""

    code = serializers.CharField()
    name = serializers.CharField()
    count = serializers.IntegerField(min_value=1)


class SuggestedOfferingSerializer(Shown):
    code = serializers.CharField()
    kind = OneOf(Kind, source="kind.value")
    name = Wording()
    family = serializers.CharField(allow_null=True)


class SuggestionsSerializer(Shown):
    """What somebody who has typed so far may mean."""

    offerings = SuggestedOfferingSerializer(many=True)
    categories = SuggestionSerializer(many=True)
    brands = SuggestionSerializer(many=True)


class ComparedValueSerializer(Shown):
    """A value of one offering, as codes and in words; empty where it has none."""

    values = words()
    labels = words()


class ComparedRowSerializer(Shown):
    code = serializers.CharField()
    name = serializers.CharField()
    unit = serializers.CharField(allow_blank=True)
    differs = serializers.BooleanField()
    values = ComparedValueSerializer(many=True, help_text="In the order of the offerings")


class CheapestSerializer(Shown):
    """Codes of the offerings with the lowest amount; none if all cost the same."""

    today = words(help_text="Due today, the whole bundle")
    month = words(help_text="A month once promotions have ended")
    total = words(help_text="Over the commitment")


class ComparisonSerializer(Shown):
    """Offerings of one kind side by side, each with the plan that is cheapest for it."""

    kind = OneOf(Kind)
    offerings = OfferingSerializer(many=True)
    rows = ComparedRowSerializer(many=True)
    cheapest = CheapestSerializer()


def page(
    items: list[Summary],
    found: Listed,
    facets: list[CountedFacet],
    *,
    limit: int,
    offset: int,
    following: str | None,
) -> Any:
    """A page of offerings, as JSON."""
    return OfferingsSerializer(
        {
            "items": items,
            "facets": facets,
            "searched_for": found.mended or None,
            "total": found.total,
            "limit": limit,
            "offset": offset,
            "next": following,
        }
    ).data


def detail(found: Detail) -> Any:
    """One offering, as JSON."""
    return OfferingDetailSerializer(found).data
