"""Placing orders, and orders as the API shows them."""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from catalogue.domain.model import Segment
from commerce.accounts.kinds import Channel
from commerce.accounts.selectors import Address
from commerce.kernel.tax import Basis
from commerce.ordering.api.serializers.carts import ShareSerializer
from commerce.ordering.api.serializers.offerings import PhaseSerializer
from commerce.ordering.api.serializers.quotes import (
    MOST_PARTS,
    AppliedSerializer,
    TaxPartSerializer,
)
from commerce.ordering.api.serializers.tariffs import CallersTariffSerializer
from commerce.ordering.domain.consents import OrderConsents
from commerce.ordering.domain.states import ItemAction, ItemState, OrderState
from commerce.ordering.selectors import OrderItemView
from commerce.ordering.services.place import Checkout, NewCustomer
from commerce.web.fields import (
    Day,
    Flag,
    Instant,
    MoneyAsked,
    MoneySerializer,
    OneOf,
    Shown,
    Strict,
    Whole,
    Word,
    Wording,
    money_of,
)

MOST = 100
LANGUAGES = ("fr", "en")


class ConsentsAsked(Strict):
    """What the customer ticked. Consumers confirm the contract summary before they are bound."""

    terms = Flag(default=False)
    contract_summary_confirmed = Flag(default=False)
    early_execution_requested = Flag(
        default=False, help_text="Start before the 14 days of withdrawal are over"
    )
    instalments = Flag(default=False, help_text="Pay the parts on their days")


class InstalmentsAsked(Whole):
    """In how many parts the phones are to be paid."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            min_value=0,
            max_value=MOST_PARTS,
            default=0,
            help_text="In how many parts the phones are paid, of those offered; 0: at once",
            **options,
        )


class CustomerAsked(Strict):
    """Who orders, from somebody who is not known yet."""

    email = serializers.EmailField(max_length=254)
    first_name = Word(max_length=80)
    last_name = Word(max_length=80)
    phone = Word(max_length=20, default="", allow_blank=True)
    birth_date = Day(required=False)


class AddressAsked(Strict):
    """Where parcels go."""

    name = Word(max_length=80)
    line1 = Word(max_length=80)
    line2 = Word(max_length=80, default="", allow_blank=True)
    postcode = Word(max_length=10)
    city = Word(max_length=80)
    country = OneOf(["FR"], default="FR")
    phone = Word(max_length=20, default="", allow_blank=True)


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "A shopper",
            value={
                "cart": "7K2-Q9F",
                "expected_total": {"amount": "129.00", "currency": "EUR"},
                "consents": {
                    "terms": True,
                    "contract_summary_confirmed": True,
                    "early_execution_requested": True,
                },
                "customer": {
                    "email": "camille@example.test",
                    "first_name": "Camille",
                    "last_name": "Martin",
                },
                "deliver_to": {
                    "name": "Camille Martin",
                    "line1": "8 rue des Lilas",
                    "postcode": "75020",
                    "city": "Paris",
                },
            },
            request_only=True,
        )
    ]
)
class OrderAsked(Strict):
    """An order of all that is in a cart, at the total that the buyer saw.

    `customer` is needed from strangers only, `deliver_to` when something is carried (else the
    customer's first address) and not fetched in the shop `pick_up_at`, `purchase_order_number`
    from businesses.
    """

    cart = Word(max_length=12, help_text="Its code")
    expected_total = MoneyAsked(help_text="`due_today_gross` of the quote that was seen")
    digest = Word(max_length=64, default="", allow_blank=True, help_text="Of that quote")
    consents = ConsentsAsked(required=False)
    customer = CustomerAsked(required=False)
    deliver_to = AddressAsked(required=False)
    pick_up_at = Word(max_length=64, default="", allow_blank=True, help_text="Code of a shop")
    purchase_order_number = Word(max_length=60, default="", allow_blank=True)
    language = OneOf(LANGUAGES, default="fr")
    instalments = InstalmentsAsked()


class NoteAsked(Strict):
    note = Word(max_length=300, default="", allow_blank=True)


class OrdersQuery(Strict):
    """Newest first; `before` is the number of the last order of the page before."""

    state = OneOf(OrderState, required=False)
    before = serializers.CharField(max_length=20, required=False)
    limit = serializers.IntegerField(min_value=1, max_value=MOST, default=20)


class ItemsQuery(Strict):
    limit = serializers.IntegerField(min_value=1, max_value=MOST, default=MOST)
    offset = serializers.IntegerField(min_value=0, max_value=100_000, default=0)


class PlacedSerializer(Shown):
    """What became of the request to order."""

    number = serializers.CharField()
    state = OneOf(OrderState, source="state.value")
    due_today_gross = MoneySerializer(source="gross", help_text="With tax")
    due_now = MoneySerializer(help_text="Of it; the rest is paid in parts")
    payable = serializers.SerializerMethodField(
        help_text="Open a payment session to pay what is due today"
    )

    def get_payable(self, placed: Any) -> bool:
        return bool(placed.payment_key)


class OrderSummarySerializer(Shown):
    """An order in a list; amounts in its basis, gross with tax."""

    number = serializers.CharField()
    state = OneOf(OrderState, source="state.value")
    segment = OneOf(Segment, source="segment.value")
    channel = OneOf(Channel)
    placed_at = Instant()
    placed_by = serializers.CharField()
    due_today = MoneySerializer()
    due_today_gross = MoneySerializer(source="gross")
    due_now = MoneySerializer(help_text="Of `due_today_gross`; the rest is paid in parts")
    commitment_total = MoneySerializer()
    purchase_order_number = serializers.CharField(source="purchase_order", allow_blank=True)


class OrdersSerializer(Shown):
    """A page of orders; `next` is the address of the following one."""

    items = OrderSummarySerializer(many=True)
    next = serializers.CharField(allow_null=True)


class DeliverySerializer(Shown):
    name = serializers.CharField()
    line1 = serializers.CharField()
    line2 = serializers.CharField(allow_blank=True)
    postcode = serializers.CharField()
    city = serializers.CharField()
    country = serializers.CharField()
    phone = serializers.CharField(allow_blank=True)


class PickUpShopSerializer(Shown):
    """Where an order is fetched."""

    code = serializers.CharField()
    name = serializers.CharField()
    line1 = serializers.CharField()
    postcode = serializers.CharField()
    city = serializers.CharField()
    hours = serializers.ListField(child=Wording())


class OrderItemSerializer(Shown):
    """A line of an order: what was asked for, and what it has become."""

    line = serializers.CharField(source="line_id")
    action = OneOf(ItemAction, source="action.value", help_text="On a running contract, or new")
    offering = serializers.CharField()
    name = Wording()
    group = serializers.CharField(allow_blank=True)
    role = serializers.CharField()
    bundle = serializers.CharField(
        allow_blank=True, help_text="The nested bundle whose place it takes; empty: none"
    )
    quantity = serializers.IntegerField(min_value=1)
    term = serializers.IntegerField(min_value=0)
    state = OneOf(ItemState, source="state.value")
    user_name = serializers.SerializerMethodField()
    user_email = serializers.SerializerMethodField()
    site = serializers.SerializerMethodField()
    cost_centre = serializers.SerializerMethodField()
    number_choice = serializers.SerializerMethodField(help_text="new or port; empty: no number")
    msisdn = serializers.SerializerMethodField(help_text="The number, once it is known")
    temporary_msisdn = serializers.CharField(
        source="temporary",
        help_text="The number with which the line works until the one that comes along is here",
    )
    iccid = serializers.SerializerMethodField()
    imei = serializers.SerializerMethodField()
    route_to = serializers.SerializerMethodField(help_text="Where calls to a special number go")
    purpose = serializers.SerializerMethodField(help_text="What a special number serves")
    callers_tariff = CallersTariffSerializer(source="tariff", allow_null=True)
    supplier = serializers.CharField(allow_blank=True)
    shares = ShareSerializer(many=True, help_text="Who serves it, and when, as told at the order")
    deliver_to = DeliverySerializer(allow_null=True)

    def get_user_name(self, item: OrderItemView) -> str:
        return item.config.get("user_name", "")

    def get_user_email(self, item: OrderItemView) -> str:
        return item.config.get("user_email", "")

    def get_site(self, item: OrderItemView) -> str:
        return item.config.get("site", "")

    def get_cost_centre(self, item: OrderItemView) -> str:
        return item.config.get("cost_centre", "")

    def get_number_choice(self, item: OrderItemView) -> str:
        return item.config.get("number_choice", "")

    def get_msisdn(self, item: OrderItemView) -> str:
        return item.facts.get("msisdn") or item.config.get("msisdn", "")

    def get_iccid(self, item: OrderItemView) -> str:
        return item.facts.get("iccid", "")

    def get_route_to(self, item: OrderItemView) -> str:
        return item.said("route_to")

    def get_purpose(self, item: OrderItemView) -> str:
        return item.config.get("purpose", "")

    def get_imei(self, item: OrderItemView) -> str:
        return item.facts.get("imei", "")


class OrderItemsSerializer(Shown):
    items = OrderItemSerializer(many=True)
    total = serializers.IntegerField(min_value=0)
    limit = serializers.IntegerField()
    offset = serializers.IntegerField()


class OrderStepSerializer(Shown):
    """One change of the order's state."""

    state = OneOf(OrderState, source="after.value")
    at = Instant()
    by = serializers.CharField(source="actor")
    channel = OneOf(Channel)
    reason = serializers.CharField(allow_blank=True)


class ApprovalSerializer(Shown):
    """`approved` is null while nobody has decided. Amounts without tax."""

    amount = MoneySerializer(help_text="Due today and over the commitment")
    limit = MoneySerializer(help_text="The buyer's")
    asked_of = serializers.CharField()
    asked_at = Instant()
    approved = serializers.BooleanField(allow_null=True)
    decided_by = serializers.CharField(allow_blank=True)
    decided_at = Instant(allow_null=True)
    note = serializers.CharField(allow_blank=True)


class AgreedSerializer(Shown):
    """What was agreed on; never priced again."""

    basis = OneOf(Basis)
    tax_today = TaxPartSerializer(many=True)
    monthly = PhaseSerializer(many=True)
    commitment_months = serializers.IntegerField(min_value=0)
    commitment_total = MoneySerializer()
    applied = AppliedSerializer(many=True)


class OrderInstalmentsSerializer(Shown):
    """How the phones are paid in parts: the `first` with the order, the `later` ones once it is
    billed, on the days that its invoice says."""

    parts = serializers.IntegerField(min_value=2)
    first = MoneySerializer()
    later = serializers.ListField(child=MoneySerializer(), source="amounts")
    left = MoneySerializer(help_text="Still to pay of the later parts")
    invoice = serializers.CharField(source="bill", allow_blank=True)


class OrderDetailSerializer(Shown):
    """An order as it was agreed, and what became of it; its lines stand under `/items`."""

    number = serializers.CharField(source="summary.number")
    state = OneOf(OrderState, source="summary.state.value")
    segment = OneOf(Segment, source="summary.segment.value")
    channel = OneOf(Channel, source="summary.channel")
    placed_at = Instant(source="summary.placed_at")
    placed_by = serializers.CharField(source="summary.placed_by")
    due_today = MoneySerializer(source="summary.due_today")
    due_today_gross = MoneySerializer(source="summary.gross")
    due_now = MoneySerializer(source="summary.due_now", help_text="Of it; the rest is in parts")
    purchase_order_number = serializers.CharField(source="summary.purchase_order", allow_blank=True)
    channels = serializers.ListField(child=OneOf(Channel))
    agent = serializers.CharField(allow_blank=True)
    cart = serializers.CharField(source="cart_code", allow_blank=True)
    agreed = AgreedSerializer(source="quote")
    digest = serializers.SerializerMethodField()
    item_count = serializers.SerializerMethodField()
    steps = OrderStepSerializer(many=True)
    approval = ApprovalSerializer(allow_null=True)
    consents = serializers.SerializerMethodField()
    payable = serializers.BooleanField(source="payment_open")
    payment_problem = serializers.CharField(allow_blank=True)
    accepted_at = Instant(allow_null=True)
    completed_at = Instant(allow_null=True)
    end_reason = serializers.CharField(allow_blank=True)
    deliver_to = DeliverySerializer(allow_null=True)
    pick_up_at = PickUpShopSerializer(allow_null=True)
    instalments = OrderInstalmentsSerializer(allow_null=True)

    @extend_schema_field({"type": "string", "pattern": "^[0-9a-f]{64}$"})
    def get_digest(self, order: Any) -> str:
        digest: str = order.quote.digest()
        return digest

    def get_item_count(self, order: Any) -> int:
        return len(order.items)

    @extend_schema_field({"type": "object", "additionalProperties": {"type": "boolean"}})
    def get_consents(self, order: Any) -> Mapping[str, bool]:
        return dict(order.consents)


class PaymentSessionSerializer(Shown):
    """The hosted page on which the customer pays; card data never comes here."""

    url = serializers.URLField()


class ApprovalsSerializer(Shown):
    items = OrderSummarySerializer(many=True)


def checkout_of(asked: Mapping[str, Any]) -> Checkout:
    """The validated request, as ordering takes it."""
    customer, address = asked.get("customer"), asked.get("deliver_to")
    return Checkout(
        expected_total=money_of(asked["expected_total"]),
        consents=OrderConsents(**asked.get("consents", {})),
        digest=asked["digest"],
        customer=NewCustomer(**customer) if customer else None,
        deliver_to=Address(**address) if address else None,
        pick_up_at=asked["pick_up_at"],
        language=asked["language"],
        purchase_order=asked["purchase_order_number"],
        instalments=asked.get("instalments", 0),
    )
