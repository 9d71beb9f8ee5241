"""Offerings as the API shows them, with what they cost here and now."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from catalogue.domain.model import ChargeKind, Kind, RuleKind
from catalogue.domain.search import SORTS
from commerce.kernel.tax import Basis
from commerce.ordering.api.offers import FILTERS, Detail, Summary
from commerce.web.fields import MoneySerializer, OneOf, Shown, Strict, Wording, words

MOST = 100
FURTHEST = 10_000
TERMS = (0, 12, 24)


class OfferingsQuery(Strict):
    """What to look for; all conditions must hold."""

    kind = OneOf(Kind, required=False)
    q = serializers.CharField(max_length=80, required=False, help_text="Words, in any language")
    category = serializers.CharField(max_length=64, required=False)
    brand = serializers.CharField(max_length=64, required=False)
    network = serializers.CharField(max_length=8, required=False, help_text="4G or 5G")
    storage_gb = serializers.CharField(max_length=20, required=False, help_text="128 or 128..512")
    colour = serializers.CharField(max_length=40, required=False)
    esim = serializers.BooleanField(allow_null=True, default=None)
    price = serializers.CharField(
        max_length=40, required=False, help_text="List price in the caller's basis: 100..400"
    )
    in_stock = serializers.BooleanField(default=False)
    term = serializers.ChoiceField(
        choices=[(term, str(term)) for term in TERMS],
        default=24,
        help_text="Months of commitment of the price shown",
    )
    sort = OneOf(SORTS, default="relevance")
    limit = serializers.IntegerField(min_value=1, max_value=MOST, default=24)
    offset = serializers.IntegerField(min_value=0, max_value=FURTHEST, default=0)


def filters_of(asked: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    """The characteristics that were asked for, as the catalogue's search takes them."""
    found: dict[str, tuple[str, ...]] = {
        name: (str(asked[name]),) for name in FILTERS if asked.get(name)
    }
    if asked["esim"] is not None:
        found["esim"] = (str(asked["esim"]).lower(),)
    return found


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
    back_order_on = serializers.DateField(allow_null=True)


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
                },
                "stock": None,
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


class OfferingsSerializer(Shown):
    """A page of offerings; `next` is the address of the following one."""

    items = OfferingSerializer(many=True)
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
    """A place in a bundle."""

    role = serializers.CharField()
    kind = OneOf(Kind, source="kind.value")
    minimum = serializers.IntegerField(min_value=0)
    maximum = serializers.IntegerField(min_value=0)
    default = serializers.CharField(allow_null=True)


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
    rules = RuleSerializer(many=True)
    variants = VariantSerializer(many=True, help_text="Of the same model")
    plans = words(help_text="Plans that go with a handset at its price, the cheapest first")


def page(
    items: list[Summary], *, total: int, limit: int, offset: int, following: str | None
) -> Any:
    """A page of offerings, as JSON."""
    return OfferingsSerializer(
        {"items": items, "total": total, "limit": limit, "offset": offset, "next": following}
    ).data


def detail(found: Detail) -> Any:
    """One offering, as JSON."""
    return OfferingDetailSerializer(found).data
