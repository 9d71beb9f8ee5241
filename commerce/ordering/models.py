"""Carts, orders and what happened to them."""

from typing import Any

from django.db import models
from django.db.models import F, Q

from commerce.accounts.kinds import Channel, Segment
from commerce.kernel.tax import Basis
from commerce.ordering.domain.holder import HOLDER_LIFE, OPEN, HolderState
from commerce.ordering.domain.next_offers import OfferState
from commerce.ordering.domain.states import (
    GIVEN_UP,
    ORDER_LIFE,
    UNDER_WAY,
    WAITING,
    CartState,
    ItemAction,
    ItemState,
    OrderState,
)
from subscriptions.domain.states import APART, AT_ANY_TIME, ENDING, ChangeKind


def _known(field: str, words: Any, *, name: str) -> models.CheckConstraint:
    values = sorted(str(word) for word in words)
    return models.CheckConstraint(condition=Q(**{f"{field}__in": values}), name=name)


class Cart(models.Model):
    """A cart of a party or a visitor; it belongs to no channel.

    `editor_key` holds the lease to change it until `lease_until` (machine time); `wanted_by` has
    asked for it. Prices are those of `held_release` until `price_held_until` (business time).
    """

    code = models.CharField(max_length=7, unique=True)
    party = models.ForeignKey(
        "accounts.Party", null=True, on_delete=models.PROTECT, related_name="carts"
    )
    visitor_key = models.CharField(max_length=64, default="", blank=True)
    segment = models.CharField(max_length=8)
    channel = models.CharField(max_length=12)
    channels = models.JSONField(default=list)
    state = models.CharField(max_length=8, default=CartState.OPEN)
    codes = models.JSONField(default=list)
    bundles = models.JSONField(default=dict, help_text="group -> bundle offering")
    retained = models.JSONField(default=dict, help_text="retention promotion -> reason")
    version = models.PositiveIntegerField(default=1)
    next_line = models.PositiveIntegerField(default=1)
    editor_key = models.CharField(max_length=80, default="", blank=True)
    editor_name = models.CharField(max_length=200, default="", blank=True)
    lease_until = models.DateTimeField(null=True, help_text="machine time")
    wanted_by = models.CharField(max_length=80, default="", blank=True)
    wanted_by_name = models.CharField(max_length=200, default="", blank=True)
    wanted_at = models.DateTimeField(null=True, help_text="machine time")
    held_release = models.PositiveIntegerField(null=True)
    held_at = models.DateTimeField(null=True, help_text="business time")
    price_held_until = models.DateTimeField(null=True, help_text="business time")
    created_at = models.DateTimeField(help_text="business time")
    touched_at = models.DateTimeField(help_text="business time")
    expires_at = models.DateTimeField(help_text="business time")

    class Meta:
        constraints = [
            _known("state", CartState, name="cart_state_known"),
            _known("segment", Segment, name="cart_segment_known"),
            _known("channel", Channel, name="cart_channel_known"),
            models.CheckConstraint(
                condition=Q(party__isnull=False) | ~Q(visitor_key=""), name="cart_of_somebody"
            ),
        ]
        indexes = [
            models.Index(
                fields=["party", "-touched_at"], condition=Q(state="open"), name="cart_by_party"
            ),
            models.Index(
                fields=["visitor_key", "-touched_at"],
                condition=Q(state="open"),
                name="cart_by_visitor",
            ),
        ]

    def __str__(self) -> str:
        return self.code


class CartItem(models.Model):
    """A line of a cart; see `domain.cart.CartLine`."""

    cart = models.ForeignKey(Cart, on_delete=models.CASCADE, related_name="items")
    line_id = models.CharField(max_length=20)
    offering = models.CharField(max_length=64)
    quantity = models.PositiveIntegerField()
    group = models.CharField(max_length=60, default="", blank=True)
    role = models.CharField(max_length=100, default="", blank=True)
    term = models.PositiveSmallIntegerField(default=0)
    config = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["cart", "line_id"], name="cart_line_once"),
            models.CheckConstraint(
                condition=Q(quantity__gte=1, quantity__lte=999), name="cart_line_quantity"
            ),
        ]
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.line_id}: {self.quantity} x {self.offering}"


class HandOver(models.Model):
    """A cart offered to another channel: by its spoken code, or by a link with `token_digest`.

    `seen` is the quote as the one who hands over saw it.
    """

    cart = models.ForeignKey(Cart, on_delete=models.CASCADE, related_name="handovers")
    token_digest = models.CharField(max_length=64, unique=True)
    from_channel = models.CharField(max_length=12)
    seen = models.JSONField()
    made_at = models.DateTimeField(help_text="business time")
    expires_at = models.DateTimeField(help_text="business time")
    opened_at = models.DateTimeField(null=True, help_text="business time")
    opened_by = models.CharField(max_length=80, default="", blank=True)
    opened_by_name = models.CharField(max_length=200, default="", blank=True)

    class Meta:
        constraints = [_known("from_channel", Channel, name="handover_channel_known")]
        indexes = [models.Index(fields=["cart", "-made_at"], name="handover_by_cart")]


class OrderManager(models.Manager["Order"]):
    """Orders without the quote, which is megabytes of a firm's fleet; it is read when it is asked
    for, or at once with `.defer(None)`."""

    def get_queryset(self) -> models.QuerySet["Order"]:
        return super().get_queryset().defer("agreed")


class Order(models.Model):
    """What was ordered, at the quote that was agreed on; never priced again.

    `agreed` is the quote's JSON form, `digest` its hash. Amounts are in `basis`, except `gross`,
    the sum with tax of what is due today, of which `deferred` is paid later, in parts.
    """

    number = models.CharField(max_length=20, unique=True)
    state = models.CharField(max_length=20)
    party = models.ForeignKey("accounts.Party", on_delete=models.PROTECT, related_name="orders")
    segment = models.CharField(max_length=8)
    cart = models.ForeignKey(Cart, null=True, on_delete=models.PROTECT, related_name="orders")
    cart_code = models.CharField(max_length=7, default="", blank=True)
    channel = models.CharField(max_length=12)
    channels = models.JSONField(default=list)
    actor_kind = models.CharField(max_length=8)
    actor_id = models.BigIntegerField(null=True)
    actor_name = models.CharField(max_length=200)
    agent_name = models.CharField(max_length=200, default="", blank=True)
    membership = models.ForeignKey(
        "accounts.Membership", null=True, on_delete=models.PROTECT, related_name="orders"
    )
    change = models.CharField(max_length=12, default="", blank=True)
    subject = models.BigIntegerField(null=True, help_text="the running contract that it changes")
    withdraws = models.CharField(max_length=81, default="", blank=True, help_text="order/bundle")
    begins_on = models.DateField(null=True, help_text="the later day that a change waits for")
    release = models.PositiveIntegerField()
    agreed = models.JSONField()
    digest = models.CharField(max_length=64)
    basis = models.CharField(max_length=3)
    currency = models.CharField(max_length=3, default="EUR")
    due_today = models.DecimalField(max_digits=14, decimal_places=2)
    gross = models.DecimalField(max_digits=14, decimal_places=2)
    deferred = models.DecimalField(max_digits=14, decimal_places=2, db_default=0, default=0)
    commitment_total = models.DecimalField(max_digits=14, decimal_places=2)
    commitment_months = models.PositiveSmallIntegerField(default=0)
    purchase_order = models.CharField(max_length=60, default="", blank=True)
    language = models.CharField(max_length=5, default="fr")
    email = models.EmailField(default="", blank=True)
    phone = models.CharField(max_length=20, default="", blank=True)
    deliver_to = models.JSONField(default=dict)
    consents = models.JSONField(default=dict)
    pay_return = models.JSONField(default=dict, help_text="where the hosted page leads back to")
    payment_key = models.CharField(max_length=120, default="", blank=True)
    payment_sequence = models.PositiveSmallIntegerField(default=0)
    payment_open = models.BooleanField(default=False)
    payment_problem = models.CharField(max_length=80, default="", blank=True)
    accept_digest = models.CharField(max_length=64, default="", blank=True)
    hold_until = models.DateTimeField(help_text="business time")
    placed_at = models.DateTimeField(help_text="business time")
    accepted_at = models.DateTimeField(null=True, help_text="business time")
    completed_at = models.DateTimeField(null=True, help_text="business time")
    ended_at = models.DateTimeField(null=True, help_text="business time")
    end_reason = models.CharField(max_length=80, default="", blank=True)

    objects = OrderManager()

    class Meta:
        constraints = [
            _known(
                "state",
                {*ORDER_LIFE.table, *GIVEN_UP, OrderState.COMPLETED},
                name="order_state_known",
            ),
            _known("segment", Segment, name="order_segment_known"),
            _known("basis", Basis, name="order_basis_known"),
            models.UniqueConstraint(
                fields=["cart"],
                condition=~Q(state__in=sorted(str(state) for state in GIVEN_UP)),
                name="one_order_per_cart",
            ),
            models.CheckConstraint(
                condition=Q(gross__gte=0, due_today__gte=0), name="order_not_negative"
            ),
            models.CheckConstraint(
                condition=Q(change="", subject__isnull=True, withdraws="")
                | Q(change=ChangeKind.WITHDRAW) & ~Q(withdraws="")
                | Q(
                    change__in=[str(k) for k in ChangeKind if k is not ChangeKind.WITHDRAW],
                    subject__isnull=False,
                    withdraws="",
                ),
                name="order_change_has_subject",
            ),
            models.UniqueConstraint(
                fields=["withdraws"],
                condition=~Q(withdraws="") & ~Q(state__in=sorted(str(s) for s in GIVEN_UP)),
                name="withdrawn_from_once",
            ),
            models.UniqueConstraint(
                fields=["subject"],
                condition=Q(
                    subject__isnull=False,
                    begins_on__isnull=True,
                    state__in=sorted(str(s) for s in {*WAITING, *UNDER_WAY}),
                )
                & ~Q(change__in=sorted(str(kind) for kind in AT_ANY_TIME | APART | ENDING)),
                name="one_open_change_per_contract",
            ),
            models.UniqueConstraint(
                fields=["subject", "change"],
                condition=(
                    Q(change__in=sorted(str(kind) for kind in APART | ENDING))
                    | Q(begins_on__isnull=False)
                )
                & Q(state__in=sorted(str(s) for s in {*WAITING, *UNDER_WAY})),
                name="one_open_change_apart",
            ),
            models.CheckConstraint(
                condition=Q(segment="consumer") | ~Q(purchase_order=""),
                name="order_of_business_has_purchase_order",
            ),
            models.UniqueConstraint(
                fields=["accept_digest"], condition=~Q(accept_digest=""), name="order_accept_once"
            ),
        ]
        indexes = [
            models.Index(fields=["party", "-placed_at", "-id"], name="order_by_party"),
            models.Index(fields=["payment_key"], name="order_by_payment"),
            models.Index(fields=["state", "-placed_at"], name="order_by_state"),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def waits(self) -> bool:
        return self.state in {
            OrderState.AWAITING_APPROVAL,
            OrderState.AWAITING_ACCEPTANCE,
            OrderState.AWAITING_PAYMENT,
        }


class OrderItem(models.Model):
    """A line of an order. `config` is what was asked, `facts` what was learnt since (iccid).

    In an order that changes a contract, `subject` is the item of it that the line modifies or ends;
    of a thing that comes back, the item of the order that brought it.
    """

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="items")
    position = models.PositiveIntegerField()
    line_id = models.CharField(max_length=20)
    action = models.CharField(max_length=6, default=ItemAction.ADD)
    subject = models.BigIntegerField(null=True)
    offering = models.CharField(max_length=64)
    group = models.CharField(max_length=60, default="", blank=True)
    role = models.CharField(max_length=100)
    quantity = models.PositiveIntegerField()
    term = models.PositiveSmallIntegerField(default=0)
    recipe = models.CharField(max_length=64, default="", blank=True)
    supplier = models.CharField(max_length=64, default="", blank=True)
    shares = models.JSONField(default=list, help_text="who serves it, when; of things only")
    agreed = models.JSONField(default=list, help_text="its agreed charges")
    config = models.JSONField(default=dict)
    facts = models.JSONField(default=dict)
    deliver_to = models.JSONField(default=dict)
    port_not_before = models.DateField(null=True)
    state = models.CharField(max_length=9, default=ItemState.PLANNED)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["order", "line_id"], name="order_line_once"),
            _known("state", ItemState, name="order_item_state_known"),
            models.CheckConstraint(
                condition=Q(action=ItemAction.ADD, subject__isnull=True)
                | Q(action__in=[ItemAction.MODIFY, ItemAction.DELETE], subject__isnull=False),
                name="order_item_action_known",
            ),
            models.CheckConstraint(condition=Q(quantity__gte=1), name="order_line_quantity"),
        ]
        # A plan reads its own bundle, many times: of a large order that must not be all of it.
        indexes = [models.Index(fields=["order", "group"], name="order_items_by_bundle")]
        ordering = ["position"]

    def __str__(self) -> str:
        return f"{self.line_id}: {self.quantity} x {self.offering}"


class OrderStep(models.Model):
    """What happened to an order: when, by whom, where, why. Only ever added.

    Where `before` is `after` too, somebody decided something and the state stayed.
    """

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="steps")
    before = models.CharField(max_length=20, default="", blank=True)
    after = models.CharField(max_length=20)
    at = models.DateTimeField(help_text="business time")
    actor_kind = models.CharField(max_length=8)
    actor_name = models.CharField(max_length=200)
    channel = models.CharField(max_length=12)
    reason = models.CharField(max_length=80, default="", blank=True)
    note = models.CharField(max_length=500, default="", blank=True)

    class Meta:
        constraints = [_known("after", OrderState, name="order_step_known")]
        ordering = ["pk"]


class Approval(models.Model):
    """An order above its buyer's limit, and who decided on it."""

    order = models.OneToOneField(Order, on_delete=models.CASCADE, related_name="approval")
    amount = models.DecimalField(max_digits=14, decimal_places=2, help_text="without tax")
    limit = models.DecimalField(max_digits=14, decimal_places=2, help_text="the buyer's")
    asked_of = models.ForeignKey(
        "accounts.Membership", null=True, on_delete=models.PROTECT, related_name="+"
    )
    asked_of_name = models.CharField(max_length=160, default="", blank=True)
    asked_at = models.DateTimeField(help_text="business time")
    decided_by = models.ForeignKey(
        "accounts.Membership", null=True, on_delete=models.PROTECT, related_name="+"
    )
    decided_by_name = models.CharField(max_length=200, default="", blank=True)
    decided_at = models.DateTimeField(null=True, help_text="business time")
    approved = models.BooleanField(null=True)
    note = models.CharField(max_length=300, default="", blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=F("limit")), name="approval_needed"),
            models.CheckConstraint(
                condition=Q(approved=None, decided_at=None)
                | Q(approved__isnull=False, decided_at__isnull=False),
                name="approval_decided_whole",
            ),
        ]


class NextOffer(models.Model):
    """What a version of a rule proposed to a party for one of his lines, and what he answered.

    The line is named by its order and group, so it is the same before and after its activation.
    `lead` is where a yes leads.
    """

    party = models.ForeignKey(
        "accounts.Party", on_delete=models.PROTECT, related_name="next_offers"
    )
    order_number = models.CharField(max_length=20)
    group = models.CharField(max_length=60, default="", blank=True)
    rule = models.CharField(max_length=63)
    version = models.PositiveIntegerField()
    release = models.PositiveIntegerField()
    lead = models.JSONField()
    state = models.CharField(max_length=8, default=OfferState.OPEN)
    made_at = models.DateTimeField(help_text="business time")
    until = models.DateTimeField(help_text="business time")
    decided_at = models.DateTimeField(null=True, help_text="business time")
    decided_channel = models.CharField(max_length=12, default="", blank=True)
    decided_by_kind = models.CharField(max_length=8, default="", blank=True)
    decided_by = models.CharField(max_length=200, default="", blank=True)
    reason = models.CharField(max_length=200, default="", blank=True, help_text="why not")

    class Meta:
        constraints = [
            _known("state", OfferState, name="next_offer_state_known"),
            models.UniqueConstraint(
                fields=["party", "order_number", "group", "rule", "version"],
                condition=Q(state="open"),
                name="next_offer_open_once",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["open", "lapsed"], decided_at=None)
                | Q(state__in=["accepted", "declined"], decided_at__isnull=False),
                name="next_offer_decided_whole",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.rule} {self.order_number}/{self.group}: {self.state}"


class NextOfferImpression(models.Model):
    """An offer was shown in a channel on a day; however often, it counts once."""

    offer = models.ForeignKey(NextOffer, on_delete=models.CASCADE, related_name="impressions")
    channel = models.CharField(max_length=12)
    on = models.DateField(help_text="local date of business time")
    at = models.DateTimeField(help_text="business time; the first that day")
    actor_kind = models.CharField(max_length=8)
    actor_name = models.CharField(max_length=200)

    class Meta:
        constraints = [
            _known("channel", Channel, name="impression_channel_known"),
            models.UniqueConstraint(
                fields=["offer", "channel", "on"], name="impression_once_a_day"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.offer_id} {self.channel} {self.on}"


class HolderChangeManager(models.Manager["HolderChange"]):
    def open(self) -> "models.QuerySet[HolderChange]":
        """Asked, or agreed and not done yet."""
        return self.filter(state__in=sorted(str(state) for state in OPEN))


class HolderChange(models.Model):
    """A customer's wish that somebody else has his line, from the asking to its end.

    `digest` is of the secret of the link that was sent to `email`; `order` is the new holder's, and
    `on` the day on which the line goes to him: until he accepts the earliest one that is wished.
    """

    subject = models.BigIntegerField(help_text="the running contract")
    party = models.ForeignKey("accounts.Party", on_delete=models.PROTECT, related_name="+")
    msisdn = models.CharField(max_length=20)
    email = models.EmailField()
    digest = models.CharField(max_length=64, unique=True)
    state = models.CharField(max_length=10, default=HolderState.ASKED)
    asked_by = models.CharField(max_length=200)
    channel = models.CharField(max_length=12)
    asked_at = models.DateTimeField(help_text="business time")
    until = models.DateTimeField(help_text="business time")
    decided_at = models.DateTimeField(null=True, help_text="business time")
    on = models.DateField(null=True)
    order = models.OneToOneField(
        Order, null=True, on_delete=models.PROTECT, related_name="holder_change"
    )

    objects = HolderChangeManager()

    class Meta:
        constraints = [
            _known("state", HOLDER_LIFE.states, name="holder_change_state_known"),
            models.UniqueConstraint(
                fields=["subject"],
                condition=Q(state__in=sorted(str(state) for state in OPEN)),
                name="one_holder_change_per_contract",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["accepted", "done", "called_off"], order__isnull=False)
                | Q(state__in=["asked", "declined", "taken_back", "expired"], order__isnull=True),
                name="holder_change_has_order",
            ),
        ]
        indexes = [models.Index(fields=["subject", "-id"], name="holder_change_by_contract")]

    def __str__(self) -> str:
        return f"{self.subject} {self.state}"


class CreditDecision(models.Model):
    """Why an order may be paid in parts: the answer of the `rule`, and the `facts` that it was
    given (`domain.credit.Applicant`). Only added."""

    order = models.OneToOneField(Order, on_delete=models.PROTECT, related_name="credit")
    rule = models.CharField(max_length=40)
    cautious = models.BooleanField()
    facts = models.JSONField()
    decided_at = models.DateTimeField(help_text="business time")

    def __str__(self) -> str:
        return f"{self.order_id}: {self.rule}"
