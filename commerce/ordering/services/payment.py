"""The money due today: asked for with the order, again if need be, captured on acceptance."""

from collections.abc import Mapping

from django.db import transaction

from commerce.accounts.identity import SYSTEM, AccountContext
from commerce.accounts.services.contacts import require_verified
from commerce.kernel.clock import business_now
from commerce.kernel.errors import RuleViolated
from commerce.kernel.money import Money
from commerce.ordering.domain.quote import Quote
from commerce.ordering.domain.states import OrderState
from commerce.ordering.models import Order
from commerce.ordering.services import acceptance, links
from commerce.ordering.services.access import find_order
from commerce.payments.ports import PayLine
from commerce.payments.services import checkout, effects
from subscriptions.collection.instalments import deferred_lines


def due_now(order: Order) -> Money:
    """What is paid with the order: its sum but for what is paid in parts later."""
    return Money(order.gross - order.deferred, order.currency)


def ask_for_payment(
    order: Order, *, quote: Quote, put_off: Mapping[str, Money] | None = None
) -> None:
    """Store the wish that what is due today be paid: a new attempt with its own key; `put_off` is
    how much of each line's price is paid later.

    In the caller's transaction; the caller saves the order.
    """
    order.payment_sequence += 1
    order.payment_key = f"{order.number}/pay/{order.payment_sequence}"
    order.payment_open, order.payment_problem = True, ""
    back = order.pay_return or {}
    checkout.request_payment(
        key=order.payment_key,
        amount=due_now(order),
        party_id=order.party_id,
        reference=order.number,
        lines=_lines(quote, language=order.language, put_off=put_off or {}),
        email=order.email,
        language=order.language,
        success_url=_address(back.get("success_url"), links.PAID, order),
        cancel_url=_address(back.get("cancel_url"), links.PAY_LATER, order),
    )


@transaction.atomic
def pay_again(context: AccountContext, *, number: str) -> str:
    """The key of a payment that can be opened (`payments.services.checkout.open_session`).

    The present one while it is open; a new attempt once that was declined or cancelled.

    Raises:
        NotFound: `unknown_order`. RuleViolated: `nothing_to_pay`.
        Forbidden: `caller_not_verified`, for an agent.
    """
    require_verified(context)
    order = find_order(context, number=number, lock=True)
    return reopened(order)


def reopened(order: Order) -> str:
    """As `pay_again`, for an order that is found and locked."""
    if order.state != OrderState.AWAITING_PAYMENT:
        raise RuleViolated(
            f"The order {order.number} has nothing left to pay.",
            code="nothing_to_pay",
            state=order.state,
        )
    if not order.payment_open:
        ask_for_payment(
            order,
            quote=Quote.from_json(order.agreed),
            put_off=deferred_lines(order.number) if order.deferred else {},
        )
        order.save()
    return order.payment_key


@transaction.atomic
def note_authorised(*, key: str) -> None:
    """The money is reserved: the order binds and the money is to be taken. May be repeated.

    An authorisation that comes after the order was cancelled is given back.
    """
    order = _paid_by(key)
    if order is None:
        return
    if order.state == OrderState.AWAITING_PAYMENT and order.payment_key == key:
        order.payment_open = False
        if _bound(order, reason="payment_authorised"):
            effects.capture(key=key)
        else:
            effects.cancel(key=key)
    elif order.payment_key != key or order.state in (OrderState.CANCELLED, OrderState.REJECTED):
        effects.cancel(key=key)


def _bound(order: Order, *, reason: str) -> bool:
    """Accept the paid order. False: its time was over while it was being paid, so that what was
    kept for it may be somebody else's; then it ends, and the caller gives the money back."""
    if business_now() >= order.hold_until:
        reason = "paid_after_the_hold"
        acceptance.give_up(order, OrderState.CANCELLED, context=SYSTEM, reason=reason)
        return False
    acceptance.bind(order, context=SYSTEM, reason=reason)
    return True


@transaction.atomic
def note_settled(*, key: str) -> None:
    """The money is taken. If the order has ended meanwhile, it goes back. May be repeated."""
    order = _paid_by(key)
    if order is None:
        return
    if order.state == OrderState.AWAITING_PAYMENT and order.payment_key == key:
        order.payment_open = False
        if not _bound(order, reason="payment_settled"):
            effects.refund(key=key, amount=due_now(order))
    elif order.state in (OrderState.CANCELLED, OrderState.REJECTED):
        effects.refund(key=key, amount=due_now(order))


@transaction.atomic
def note_failed(*, key: str, reason: str) -> None:
    """The payment won't come: the order waits on, and may be paid again. May be repeated."""
    order = _paid_by(key)
    if order is None or order.payment_key != key or order.state != OrderState.AWAITING_PAYMENT:
        return
    order.payment_open, order.payment_problem = False, reason[:80]
    order.save(update_fields=["payment_open", "payment_problem"])


def _paid_by(key: str) -> Order | None:
    number = key.partition("/")[0]
    return Order.objects.select_for_update().filter(number=number).first()


def _lines(quote: Quote, *, language: str, put_off: Mapping[str, Money]) -> tuple[PayLine, ...]:
    """One line per offering with something due; in consumers' prices they add up to what is due
    now."""
    due = {line.id: line.due_today for line in quote.lines}
    due |= {line: due[line] - later for line, later in put_off.items()}
    return tuple(
        PayLine(line.name.in_(language), due[line.id], 1) for line in quote.lines if due[line.id]
    )


def _address(wanted: str | None, path: str, order: Order) -> str:
    return (wanted or links.absolute(path, number=order.number)).replace("{number}", order.number)
