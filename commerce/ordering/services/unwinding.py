"""Cancelling what fulfilment has begun: what ordering does before and after it is unwound."""

from collections.abc import Collection, Iterable, Mapping

from django.db import transaction

from catalogue.selectors import snapshot_of
from commerce.accounts.identity import SYSTEM, AccountContext
from commerce.accounts.kinds import Role
from commerce.events import outbox
from commerce.kernel.codec import from_plain
from commerce.kernel.errors import Conflict, RuleViolated
from commerce.kernel.money import Money, allocate, total
from commerce.ordering.domain.fleet import MOST_ROWS
from commerce.ordering.domain.states import GIVEN_UP, ItemAction, ItemState, OrderState
from commerce.ordering.events import OrderBundleCancelled, OrderCancelled
from commerce.ordering.models import Order, OrderItem
from commerce.ordering.services import acceptance, holds
from commerce.ordering.services.cancel import order_to_cancel
from commerce.ordering.services.moving import move, note_decision
from commerce.ordering.services.payment import due_now
from commerce.payments.selectors import payment
from commerce.payments.services import effects
from subscriptions.accounts.services.accounts import basis_of
from subscriptions.collection.instalments import deferred_lines
from subscriptions.domain.charges import AgreedCharge
from subscriptions.domain.invoice import DraftLine, one_off_lines, totals
from subscriptions.domain.states import ChangeKind

REASON = "cancelled_under_way"
RECEIVED = ("delivered_at", "collected_at")
AFTER_BUNDLES = MOST_ROWS
"""Sequences of refunds: of bundles by their place in the order, of single lines from here on."""


def begun_order(context: AccountContext, *, number: str) -> Order:
    """The accepted order, for one who may cancel it.

    Raises:
        NotFound: `unknown_order`. Forbidden: as `order_to_cancel`.
        RuleViolated: `not_accepted`: nothing has begun, it can simply be cancelled; `order_over`;
            `done_for_unpaid`: only a payment, or an operator, takes that back;
            `done_as_announced`; `follows_lines`: its advantages come and go with other lines.
    """
    order = order_to_cancel(context, number=number)
    state = OrderState(order.state)
    if order.change is not None and context.role not in (Role.SYSTEM, Role.OPERATOR):
        _check_wished(order)
    if state in GIVEN_UP or state is OrderState.COMPLETED:
        raise RuleViolated(f"The order {order.number} is over.", code="order_over", state=state)
    if state not in (OrderState.ACCEPTED, OrderState.IN_PROGRESS):
        raise RuleViolated(
            f"Nothing has begun of the order {order.number}; it can simply be cancelled.",
            code="not_accepted",
            state=state,
        )
    return order


def _check_wished(order: Order) -> None:
    if order.items.filter(config__unpaid="yes").exists():
        raise RuleViolated(
            "We do this because bills are not paid; paying takes it back.", code="done_for_unpaid"
        )
    if order.change == ChangeKind.ADVANTAGES:
        raise RuleViolated(
            "The price follows the number of your lines; this can't be cancelled.",
            code="follows_lines",
        )
    if order.items.filter(config__announced="yes").exists():
        raise RuleViolated(
            "We change the contract as you were told; you may leave it free of charge.",
            code="done_as_announced",
        )


def due_once(order: Order, *, groups: Collection[str], but: Collection[str] = frozenset()) -> Money:
    """What was due with the order for these bundles, with tax; `but` for some of their lines.

    Not what is due for the end of a contract, which is billed once it has ended.
    """
    items = order.items.filter(group__in=groups).exclude(line_id__in=but)
    return _gross(order, _billed_once(order, items))


def due_once_for(order: Order, *, lines: Collection[str]) -> Money:
    """As `due_once`, for single lines: what a credit note of them says."""
    return _gross(order, _billed_once(order, order.items.filter(line_id__in=lines)))


def shares_of_money(order: Order) -> Mapping[str, Money]:
    """What goes back to the card for each line; together what it paid, to the cent. Tax is rounded
    once for the whole order, so a line on its own may differ from its share by a cent. What was to
    be paid in parts later is not among it: its credit note sees to that."""
    items = list(order.items.order_by("position"))
    weights = [_gross(order, _billed_once(order, [item])).amount for item in items]
    shares = allocate(Money(order.gross, order.currency), weights=weights)
    later = deferred_lines(order.number) if order.deferred else {}
    nothing = Money.zero(order.currency)
    return {
        item.line_id: share.rounded() - later.get(item.line_id, nothing)
        for item, share in zip(items, shares, strict=True)
    }


def _billed_once(order: Order, items: Iterable[OrderItem]) -> list[DraftLine]:
    rates = snapshot_of(order.release).tax_rates
    return [
        line
        for item in items
        if item.action != ItemAction.DELETE
        for line in one_off_lines(
            from_plain(tuple[AgreedCharge, ...], item.agreed),
            order_number=order.number,
            group=item.group,
            tax_rates=rates,
            names={},
            benefit_names={},
        )
    ]


def _gross(order: Order, lines: list[DraftLine]) -> Money:
    return totals(lines, basis=basis_of(order.segment), currency=order.currency).gross


def cancel_before_plans(context: AccountContext, *, number: str) -> bool:
    """End an accepted order for which no plan is made yet; False if that began meanwhile.

    In the caller's transaction. Money that is taken later goes back by itself.
    """
    order = order_to_cancel(context, number=number, lock=True)
    if order.state != OrderState.ACCEPTED:
        return False
    acceptance.give_up(order, OrderState.CANCELLED, context=context, reason=REASON)
    if _settled(order):
        _refund(order, sequence=1, amount=due_now(order))
    return True


def note_cancelling(context: AccountContext, *, number: str, note: str) -> None:
    """Write down who wants it, and why."""
    order = order_to_cancel(context, number=number, lock=True)
    note_decision(order, context=context, reason="cancelling", note=note)


@transaction.atomic
def bundle_unwound(*, order_number: str, group: str) -> None:
    """Everything outside is taken back: the bundle ends, what was kept is free, money goes back.

    With its last bundle the order is cancelled. May be repeated.

    Raises:
        Conflict: `payment_under_way`: its outcome has to be known first.
    """
    order = Order.objects.select_for_update(of=("self",)).get(number=order_number)
    lines = list(order.items.filter(group=group, state=ItemState.PLANNED))
    if not lines:
        return
    rest = order.items.exclude(state=ItemState.CANCELLED).exclude(group=group)
    last, others = not rest.exists(), order.items.exclude(group=group).exists()
    if others or _settled(order):
        _pay_back(order, lines=lines, sequence=_place(order, group))
    OrderItem.objects.filter(pk__in=[line.pk for line in lines]).update(state=ItemState.CANCELLED)
    holds.let_bundle_go(order, lines=lines)
    outbox.publish(OrderBundleCancelled(number=order.number, party_id=order.party_id, group=group))
    if last:
        holds.let_go(order)
        move(order, OrderState.CANCELLED, context=SYSTEM, reason=REASON)
        outbox.publish(OrderCancelled(number=order.number, party_id=order.party_id, reason=REASON))


def money_is_known(order_number: str) -> bool:
    """Whether it is known if the order's payment was taken."""
    key = Order.objects.values_list("payment_key", flat=True).get(number=order_number)
    return not key or payment(key).is_taken or not payment(key).is_held


@transaction.atomic
def lines_unwound(*, order_number: str, line_ids: Collection[str]) -> None:
    """As `bundle_unwound`, for lines that were taken out of their bundle; their pieces too are
    free, but for what has left already. Not to be repeated.

    Raises:
        Conflict: `payment_under_way`.
    """
    order = Order.objects.select_for_update(of=("self",)).get(number=order_number)
    lines = list(order.items.filter(line_id__in=line_ids))
    for line in lines:
        _pay_back(order, lines=[line], sequence=AFTER_BUNDLES + line.position)
    OrderItem.objects.filter(pk__in=[line.pk for line in lines]).update(state=ItemState.CANCELLED)
    holds.let_bundle_go(order, lines=[line for line in lines if not has_left(line.facts)])


def has_left(facts: Mapping[str, str]) -> bool:
    """Whether a piece is in the customer's hands, or on its way there."""
    return any(facts.get(name) for name in ("tracking_number", *RECEIVED))


def _place(order: Order, group: str) -> int:
    return sorted(set(order.items.values_list("group", flat=True))).index(group) + 1


def _pay_back(order: Order, *, lines: Iterable[OrderItem], sequence: int) -> None:
    """The lines' shares of what was paid."""
    if not order.payment_key:
        return
    if not _settled(order):
        if payment(order.payment_key).is_held:
            raise Conflict("The payment is still under way.", code="payment_under_way")
        return
    shares = shares_of_money(order)
    amount = total((shares[line.line_id] for line in lines), currency=order.currency)
    _refund(order, sequence=sequence, amount=amount)


def settled_share(order: Order, *, group: str) -> Money:
    """What the card paid for what is left of the bundle; nothing while nothing is taken."""
    if not _settled(order):
        return Money.zero(order.currency)
    shares = shares_of_money(order)
    left = order.items.filter(group=group).exclude(state=ItemState.CANCELLED)
    return total((shares[line.line_id] for line in left), currency=order.currency)


@transaction.atomic
def pay_back(*, number: str, group: str) -> Money:
    """Give back what the card paid for a bundle that is withdrawn from; how much that is. May be
    repeated."""
    order = Order.objects.select_for_update(of=("self",)).get(number=number)
    amount = settled_share(order, group=group)
    _refund(order, sequence=_place(order, group), amount=amount)
    return amount


def _refund(order: Order, *, sequence: int, amount: Money) -> None:
    if amount:
        effects.refund(key=order.payment_key, amount=amount, sequence=sequence)


def _settled(order: Order) -> bool:
    return bool(order.payment_key) and payment(order.payment_key).is_taken
