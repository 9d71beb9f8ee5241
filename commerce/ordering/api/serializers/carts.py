"""Carts: what changes them, and carts as the API shows them."""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from catalogue.domain.model import Segment
from catalogue.domain.sourcing import PartnerKind
from commerce.accounts.kinds import Channel
from commerce.kernel.errors import InvalidInput
from commerce.ordering.api.serializers.quotes import (
    ChoiceAsked,
    IssueSerializer,
    PlaceName,
    QuoteSerializer,
)
from commerce.ordering.api.serializers.tariffs import CallersTariffSerializer
from commerce.ordering.domain.arrival import Change
from commerce.ordering.domain.cart import MOST_PER_LINE
from commerce.ordering.domain.numbering import SLOTS, Keep, NumberChoice
from commerce.ordering.selectors import CartView
from commerce.web.fields import (
    Day,
    Instant,
    MoneySerializer,
    OneOf,
    Shown,
    Strict,
    Whole,
    Word,
    words,
)


class CartAsked(Strict):
    """A new, empty cart. Without `segment` the caller's own: business for organisations."""

    segment = OneOf(Segment, required=False)


class CartBundleAsked(Strict):
    """A bundle with some of its places filled; the others can be filled later."""

    bundle = Word(max_length=64)
    term = Whole(min_value=0, max_value=24, default=0, help_text="Months of commitment")
    choices = serializers.ListField(child=ChoiceAsked(), max_length=24, default=list)


class LineBundleAsked(Strict):
    """One of the bundles that the line's place in the pack takes (`GET /offerings/{pack}`)."""

    bundle = Word(max_length=130)


class ItemAsked(Strict):
    """An offering by itself, or in a `role` of the bundle `group`; `term` belongs to a plan."""

    offering = Word(max_length=64)
    quantity = Whole(min_value=1, max_value=MOST_PER_LINE, default=1)
    group = Word(max_length=60, default="", allow_blank=True)
    role = PlaceName(required=False)
    term = Whole(min_value=0, max_value=24, required=False)


class ItemChange(Strict):
    """How many, or for how long."""

    quantity = Whole(min_value=1, max_value=MOST_PER_LINE, required=False)
    term = Whole(min_value=0, max_value=24, required=False)


class NumberAsked(Strict):
    """Which number a plan gets: a new one, or (`port`) one kept with its RIO."""

    choice = OneOf(Keep)
    msisdn = Word(max_length=20, default="", allow_blank=True)
    rio = Word(max_length=20, default="", allow_blank=True, help_text="Call 3179 to hear it")
    port_on = Day(required=False, help_text="The wished working day")
    slot = OneOf(SLOTS, required=False)
    temporary = serializers.BooleanField(
        default=False, help_text="Be reachable at once, with a number of ours until it is here"
    )


class RetentionAsked(Strict):
    reason = Word(max_length=40, help_text="One of the offer's reasons")


class PromotionCodeAsked(Strict):
    code = Word(max_length=40)


class ArrivalAsked(Strict):
    """By the spoken code (agents), or by the token of the link."""

    code = Word(max_length=12, required=False)
    token = Word(max_length=64, required=False)


class CartBundleSerializer(Shown):
    group = serializers.CharField()
    bundle = serializers.CharField()


class CartNumberSerializer(Shown):
    """What was said about the number of a line; the last three are of special numbers."""

    line = serializers.CharField()
    choice = OneOf(Keep)
    msisdn = serializers.CharField(allow_blank=True)
    port_on = serializers.DateField(allow_null=True)
    slot = serializers.CharField(allow_blank=True)
    temporary = serializers.BooleanField()
    held_until = Instant(allow_null=True, help_text="The new number is kept for this cart until")
    route_to = serializers.CharField(allow_blank=True, help_text="Where its calls are led")
    purpose = serializers.CharField(allow_blank=True)
    callers_tariff = CallersTariffSerializer(allow_null=True)


class AvailableSerializer(Shown):
    offering = serializers.CharField()
    pieces = serializers.IntegerField(min_value=0)


class ShareSerializer(Shown):
    """Pieces of a line that come together; with `expected_on`, pieces that are still to come."""

    partner = serializers.CharField()
    kind = OneOf(PartnerKind, source="kind.value")
    quantity = serializers.IntegerField(min_value=1)
    leaves_on = serializers.DateField(help_text="It leaves, or lies ready in the shop")
    expected_on = serializers.DateField(allow_null=True)


class SupplySerializer(Shown):
    line = serializers.CharField()
    shares = ShareSerializer(many=True, help_text="None: it can't be had now")


class LeaseSerializer(Shown):
    """Who may change the cart now; `asked_by` waits for it."""

    mine = serializers.BooleanField()
    editor = serializers.CharField(allow_blank=True)
    asked_by = serializers.CharField(allow_blank=True)


class CartSerializer(Shown):
    """A cart with what it costs, what stands in its way, and who may change it."""

    code = serializers.CharField()
    segment = OneOf(Segment, source="segment.value")
    channels = serializers.ListField(child=OneOf(Channel))
    version = serializers.IntegerField(min_value=1)
    ordered = serializers.BooleanField()
    orderable = serializers.BooleanField()
    codes = words()
    bundles = serializers.SerializerMethodField()
    numbers = serializers.SerializerMethodField()
    available = serializers.SerializerMethodField(
        help_text="Pieces that can be ordered of what is stocked, now or for a date"
    )
    supply = serializers.SerializerMethodField(
        help_text="Who would serve each thing, and when; nothing is kept before the order"
    )
    issues = IssueSerializer(many=True)
    quote = QuoteSerializer()
    lease = LeaseSerializer()
    prices_until = Instant(allow_null=True, help_text="null: no checkout holds them")
    expires_at = Instant()

    @extend_schema_field(CartBundleSerializer(many=True))
    def get_bundles(self, cart: CartView) -> Any:
        pairs = [{"group": group, "bundle": code} for group, code in cart.bundles.items()]
        return CartBundleSerializer(pairs, many=True).data

    @extend_schema_field(CartNumberSerializer(many=True))
    def get_numbers(self, cart: CartView) -> Any:
        found = [
            {
                "line": line,
                "choice": config.get("number_choice", Keep.NEW),
                "msisdn": config.get("msisdn", ""),
                "port_on": config.get("port_on"),
                "slot": config.get("port_slot", ""),
                "temporary": "temporary" in config,
                "held_until": cart.numbers_until.get(line),
                "route_to": config.get("route_to", ""),
                "purpose": config.get("purpose", ""),
                "callers_tariff": cart.tariffs.get(line),
            }
            for line, config in cart.configs.items()
            if "number_choice" in config or line in cart.tariffs
        ]
        return CartNumberSerializer(found, many=True).data

    @extend_schema_field(AvailableSerializer(many=True))
    def get_available(self, cart: CartView) -> Any:
        pieces = [{"offering": code, "pieces": left} for code, left in cart.available.items()]
        return AvailableSerializer(pieces, many=True).data

    @extend_schema_field(SupplySerializer(many=True))
    def get_supply(self, cart: CartView) -> Any:
        rows = [{"line": line, "shares": shares} for line, shares in cart.shares.items()]
        return SupplySerializer(rows, many=True).data


class CartsSerializer(Shown):
    items = words(help_text="Codes, the last one touched first")


class CheckoutSerializer(Shown):
    """The quote holds until `prices_until`; limited promotions until `promotions_until`."""

    quote = QuoteSerializer()
    prices_until = Instant()
    promotions_until = Instant()


class NumbersSerializer(Shown):
    items = words(help_text="Free numbers; nothing is held yet")
    yours = words(help_text="Numbers of yours that rest and can be had back; nothing is held yet")


class HandOverSerializer(Shown):
    """`code` is to be spoken, `url` to be opened or shown as a QR code."""

    code = serializers.CharField()
    url = serializers.URLField()
    until = Instant()


class DifferenceSerializer(Shown):
    """Something that is not as it was when the cart was handed over."""

    change = OneOf(Change, source="change.value")
    about = serializers.CharField(
        source="subject", allow_blank=True, help_text="An offering or promotion code"
    )
    before = MoneySerializer(allow_null=True)
    after = MoneySerializer(allow_null=True)


class ArrivalSerializer(Shown):
    """The cart in its new channel, and what is not as it was seen before."""

    code = serializers.CharField()
    differences = DifferenceSerializer(many=True)


def number_choice(asked: Mapping[str, Any]) -> NumberChoice:
    """The validated choice, as ordering takes it."""
    return NumberChoice(
        keep=Keep(asked["choice"]),
        msisdn=asked["msisdn"],
        rio=asked["rio"],
        port_on=asked.get("port_on"),
        slot=asked.get("slot", ""),
        temporary=asked["temporary"],
    )


def only(asked: Mapping[str, Any], *names: str) -> str:
    """The one of `names` that was given. Raises InvalidInput `one_needed`."""
    given = [name for name in names if asked.get(name)]
    if len(given) != 1:
        raise InvalidInput(
            f"Give exactly one of: {', '.join(names)}.", code="one_needed", field=names[0]
        )
    return given[0]
