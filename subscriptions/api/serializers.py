"""Contracts and bills as the API shows them; amounts in the account's basis."""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from commerce.kernel.tax import Basis
from commerce.web.fields import Instant, MoneySerializer, OneOf, Shown, Strict, Word, Wording
from promotions.domain.benefits import BenefitKind
from subscriptions.domain.buyers import LETTERS
from subscriptions.domain.einvoicing import EinvoiceStatus
from subscriptions.domain.explaining import Why
from subscriptions.domain.instalments import PartState
from subscriptions.domain.states import BlockKind, InvoiceKind, LineKind, SubscriptionStatus
from subscriptions.domain.views import PayBy, Section

MOST = 100


class PageQuery(Strict):
    limit = serializers.IntegerField(min_value=1, max_value=MOST, default=20)
    offset = serializers.IntegerField(min_value=0, max_value=100_000, default=0)


class BenefitSerializer(Shown):
    """`first` counts contract months from activation; `periods` null: for ever.

    It holds for `pieces` pieces of the charge from the `from_piece`th on; null: for all.
    """

    code = serializers.CharField()
    name = Wording(source="names")
    kind = OneOf(BenefitKind)
    value = serializers.SerializerMethodField()
    first = serializers.IntegerField()
    periods = serializers.IntegerField(allow_null=True)
    from_piece = serializers.IntegerField(min_value=1)
    pieces = serializers.IntegerField(allow_null=True)

    @extend_schema_field({"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?$"})
    def get_value(self, benefit: Any) -> str:
        return format(benefit.value, "f")


class RunningChargeSerializer(Shown):
    """For one unit, every `every_months`."""

    code = serializers.CharField()
    amount = MoneySerializer()
    every_months = serializers.IntegerField(min_value=1)
    quantity = serializers.IntegerField(min_value=1)
    benefits = BenefitSerializer(many=True)


class SubscriptionItemSerializer(Shown):
    """What the contract holds from a day on; `until_on` is the first day without it."""

    id = serializers.IntegerField()
    line = serializers.CharField(source="line_id")
    offering = serializers.CharField()
    name = Wording(source="names")
    from_on = serializers.DateField()
    until_on = serializers.DateField(allow_null=True)
    charges = RunningChargeSerializer(many=True)


class BuyerCodesAsked(Strict):
    """What is left out stays as it is; an empty text takes it away."""

    cost_centre = Word(max_length=LETTERS["cost_centre"], allow_blank=True, required=False)
    purchase_order_number = Word(
        max_length=LETTERS["purchase_order"], allow_blank=True, required=False
    )


class SubscriptionSerializer(Shown):
    """A running contract; `activation_code` is what the eSIM's QR code says. What a firm's own
    books call it, `cost_centre` and `purchase_order_number`, stands on its bills."""

    id = serializers.IntegerField()
    order = serializers.CharField(source="order_number")
    group = serializers.CharField(allow_blank=True)
    status = OneOf(SubscriptionStatus)
    msisdn = serializers.CharField(allow_blank=True)
    iccid = serializers.CharField(allow_blank=True)
    imei = serializers.CharField(allow_blank=True)
    activation_code = serializers.CharField(source="lpa", allow_blank=True)
    user_name = serializers.CharField(allow_blank=True)
    activated_on = serializers.DateField()
    commitment_months = serializers.IntegerField(min_value=0)
    commitment_ends_on = serializers.DateField(allow_null=True)
    next_bill_on = serializers.DateField(allow_null=True)
    basis = OneOf(Basis)
    ended_on = serializers.DateField(allow_null=True)
    cost_centre = serializers.CharField(source="codes.cost_centre", allow_blank=True)
    purchase_order_number = serializers.CharField(source="codes.purchase_order", allow_blank=True)
    blocks = serializers.ListField(
        child=OneOf(BlockKind), help_text="Why its service stands still; open when there is none"
    )
    items = SubscriptionItemSerializer(many=True)


class SubscriptionsSerializer(Shown):
    items = SubscriptionSerializer(many=True)
    total = serializers.IntegerField(min_value=0)
    limit = serializers.IntegerField()
    offset = serializers.IntegerField()


class PeriodSerializer(Shown):
    """Half-open: `end` is the first day that is not billed."""

    start = serializers.DateField()
    end = serializers.DateField()


class InvoicePartSerializer(Shown):
    """A part of a price that is paid in parts, after the first one: `left` of it is to pay."""

    number = serializers.IntegerField(source="part.number", min_value=2)
    due_on = serializers.DateField(source="part.due_on")
    amount = MoneySerializer(source="part.amount")
    left = MoneySerializer()
    state = OneOf(PartState, source="state.value")


class InvoicePlanSerializer(Shown):
    """How the devices of an order's invoice are paid: `first` with the order, `later` on their
    days."""

    parts = serializers.IntegerField(min_value=2)
    first = MoneySerializer()
    later = InvoicePartSerializer(many=True)
    left = MoneySerializer(help_text="Of the later parts, due or not")


class DuePartSerializer(Shown):
    """A part of another invoice that is to be paid with this one, or after it. It is no charge of
    this one, and was taxed on its own."""

    invoice = serializers.CharField(source="of")
    order = serializers.CharField(source="order_number")
    number = serializers.IntegerField(min_value=2)
    parts = serializers.IntegerField(min_value=2)
    due_on = serializers.DateField()
    amount = MoneySerializer()
    left = MoneySerializer()
    state = OneOf(PartState, source="state.value")


class InvoiceSerializer(Shown):
    """An issued invoice; `period` is null for that of an order. Of its `gross`, `paid` was paid or
    credited so far, `open` is still to pay and `deferred` is paid in parts that are not due yet;
    all three are nothing on a credit note."""

    number = serializers.CharField()
    kind = OneOf(InvoiceKind)
    order = serializers.CharField(source="order_number", allow_blank=True)
    purchase_order_number = serializers.CharField(source="purchase_order", allow_blank=True)
    issued_on = serializers.DateField()
    due_on = serializers.DateField()
    period = PeriodSerializer(allow_null=True)
    basis = OneOf(Basis)
    net = MoneySerializer()
    tax = MoneySerializer()
    gross = MoneySerializer()
    paid = MoneySerializer()
    open = MoneySerializer()
    deferred = MoneySerializer()


class InvoicesSerializer(Shown):
    items = InvoiceSerializer(many=True)
    total = serializers.IntegerField(min_value=0)
    limit = serializers.IntegerField()
    offset = serializers.IntegerField()


class InvoiceLineSerializer(Shown):
    """`promised` is the amount that the promise names for it; null if it names none."""

    kind = OneOf(LineKind)
    label = Wording()  # type: ignore[assignment]
    order = serializers.CharField(source="order_number", allow_blank=True)
    group = serializers.CharField(allow_blank=True)
    line = serializers.CharField(source="item")
    charge = serializers.CharField()
    benefit = serializers.CharField(allow_blank=True)
    period = serializers.IntegerField(min_value=0)
    days = PeriodSerializer(allow_null=True)
    quantity = serializers.IntegerField()
    amount = MoneySerializer()
    tax_rate = serializers.SerializerMethodField()
    promised = MoneySerializer(allow_null=True)
    cost_centre = serializers.CharField(source="codes.cost_centre", allow_blank=True)
    purchase_order_number = serializers.CharField(source="codes.purchase_order", allow_blank=True)

    @extend_schema_field({"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?$"})
    def get_tax_rate(self, line: Any) -> str:
        return format(line.tax_rate, "f")


class InvoiceSectionSerializer(Shown):
    code = OneOf(Section, source="code.value")
    lines = InvoiceLineSerializer(many=True)
    total = MoneySerializer()


class InvoiceTaxSerializer(Shown):
    rate = serializers.SerializerMethodField()
    net = MoneySerializer()
    tax = MoneySerializer()
    gross = MoneySerializer()

    @extend_schema_field({"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?$"})
    def get_rate(self, part: Any) -> str:
        return format(part.rate, "f")


class CommitmentSerializer(Shown):
    """Until when a contract on the bill binds; null: not at all."""

    subscription = serializers.IntegerField(source="subscription_id")
    msisdn = serializers.CharField(allow_blank=True)
    ends_on = serializers.DateField(allow_null=True)
    months_left = serializers.IntegerField(min_value=0)


class CostCentreSerializer(Shown):
    """What one of the buyer's bears, in the basis of the invoice; empty: what names none."""

    cost_centre = serializers.CharField(allow_blank=True)
    amount = MoneySerializer()


class PaymentMeansSerializer(Shown):
    """How it was to be paid on the day of its issue. `last4` are the last figures of the card or
    account; `mandate` and our identifier `creditor` are a debit's."""

    by = OneOf(PayBy)
    last4 = serializers.CharField(allow_blank=True)
    mandate = serializers.CharField(allow_blank=True)
    creditor = serializers.CharField(allow_blank=True)


class TransferSerializer(Shown):
    """Where what is open today is to be transferred to; the creditor reference is ISO 11649's."""

    iban = serializers.CharField()
    reference = serializers.CharField()


class ElectronicStepSerializer(Shown):
    status = OneOf(EinvoiceStatus)
    at = Instant()
    motive = serializers.CharField(allow_blank=True)


class ElectronicInvoiceSerializer(Shown):
    """A business's invoice at the accredited platform, with what happened to it, the first thing
    first; `motive` is the platform's code for why it was rejected or refused."""

    status = OneOf(EinvoiceStatus)
    motive = serializers.CharField(allow_blank=True)
    changed_at = Instant()
    steps = ElectronicStepSerializer(many=True)


class InvoiceDetailSerializer(Shown):
    """An issued invoice with the promise laid over it. `electronic` is null of what is not sent to
    a platform, `means` is null where it was not known how
    it would be paid, `transfer` where nothing is open or it is paid otherwise, `instalments` where
    it is not paid in parts; `payer` names the other party that pays it, if there is one."""

    invoice = InvoiceSerializer(source="summary")
    sections = InvoiceSectionSerializer(many=True)
    tax_parts = InvoiceTaxSerializer(many=True)
    commitments = CommitmentSerializer(many=True)
    cost_centres = CostCentreSerializer(many=True)
    means = PaymentMeansSerializer(allow_null=True)
    transfer = TransferSerializer(allow_null=True)
    electronic = ElectronicInvoiceSerializer(allow_null=True)
    instalments = InvoicePlanSerializer(allow_null=True)
    to_pay_with_it = DuePartSerializer(source="with_it", many=True)
    parts_to_come = DuePartSerializer(source="to_come", many=True)
    promised = MoneySerializer()
    as_promised = serializers.BooleanField()
    payer = serializers.CharField(allow_blank=True)


class BillReasonSerializer(Shown):
    """One part of the difference, in the basis of the bill; `why` says which.

    `label` names what it is about and `other` what took its place, or what the advantage is on.
    `on` is the day of the customer's `act`, or the first day without the advantage. What is alike
    is one reason: `lines` are the numbers concerned, `count` how many there are.
    """

    why = OneOf(Why)
    amount = MoneySerializer()
    label = Wording()  # type: ignore[assignment]
    other = Wording()
    now = MoneySerializer(allow_null=True)
    before = MoneySerializer(allow_null=True)
    act = serializers.CharField(allow_blank=True)
    on = serializers.DateField(allow_null=True)
    days = PeriodSerializer(allow_null=True)
    lines = serializers.ListField(child=serializers.CharField())
    count = serializers.IntegerField(min_value=1)


class BesidePromiseSerializer(Shown):
    """A line that the promise does not name (`promised` null), or names otherwise."""

    label = Wording()  # type: ignore[assignment]
    kind = OneOf(LineKind)
    days = PeriodSerializer(allow_null=True)
    billed = MoneySerializer()
    promised = MoneySerializer(allow_null=True)


class ExplanationSerializer(Shown):
    """The reasons add up to `difference`, which is `now` less `before`.

    `before` is null where there is nothing to compare with. `promised` and `billed` are the sums of
    the lines that were promised.
    """

    number = serializers.CharField(source="summary.number")
    beside = serializers.ListField(
        child=serializers.CharField(), help_text="The bills of the month before"
    )
    basis = OneOf(Basis, source="summary.basis")
    now = MoneySerializer(source="explanation.now")
    before = MoneySerializer(source="explanation.before", allow_null=True)
    difference = MoneySerializer()
    reasons = BillReasonSerializer(source="explanation.reasons", many=True)
    promised = MoneySerializer(source="explanation.promised")
    billed = MoneySerializer(source="explanation.billed")
    beside_promise = BesidePromiseSerializer(source="explanation.beside", many=True)


def page(found: tuple[Any, ...], *, asked: Mapping[str, Any]) -> dict[str, Any]:
    """The part of `found` that was asked for."""
    limit, offset = asked["limit"], asked["offset"]
    return {"items": found[offset : offset + limit], "total": len(found), **asked}
