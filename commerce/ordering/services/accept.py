"""The customer accepts what an agent prepared: on his own device, by the link that he was sent."""

from django.conf import settings
from django.db import transaction

from commerce.accounts.identity import AccountContext, Actor
from commerce.accounts.kinds import ActorKind, Channel, Role
from commerce.accounts.selectors import party
from commerce.events import outbox
from commerce.kernel.clock import business_today
from commerce.kernel.errors import NotFound, RuleViolated
from commerce.kernel.links import token_digest
from commerce.markets.pack import market
from commerce.ordering.domain.changes import JOURNEYS
from commerce.ordering.domain.consents import (
    OrderConsents,
    check_consents,
    check_early,
    check_in_parts,
)
from commerce.ordering.domain.quote import Quote
from commerce.ordering.domain.states import OrderState
from commerce.ordering.events import OrderConfirmed
from commerce.ordering.models import Order
from commerce.ordering.services import acceptance, holds, payment
from commerce.ordering.services.moving import move
from commerce.ordering.services.place import PayReturn, PlacedOrder, placed
from commerce.ordering.services.writing import log_consents
from subscriptions.collection.instalments import deferred_lines
from subscriptions.contracts.selectors import subscription_view
from subscriptions.domain.states import SubscriptionStatus


def order_of_link(token: str, *, lock: bool = False) -> Order:
    """The order that the link leads to.

    Raises:
        NotFound: `unknown_link`.
    """
    rows = Order.objects.select_for_update(of=("self",)) if lock else Order.objects.all()
    found = rows.filter(accept_digest=token_digest(token)).first() if token else None
    if found is None:
        raise NotFound("This link is not valid (any more).", code="unknown_link")
    return found


@transaction.atomic
def accept_order(
    *, token: str, consents: OrderConsents, pay_return: PayReturn | None = None
) -> PlacedOrder:
    """The customer agrees: the order waits for his payment, or binds if nothing is due today.

    May be repeated. Who has the link acts as the customer, on the web.

    Raises:
        NotFound: `unknown_link`.
        RuleViolated: `terms_not_accepted`, `contract_summary_not_confirmed`,
            `instalments_not_agreed` where it is paid in parts; `contract_ended`: the
            contract that the order changes does not run any more; `early_execution_not_requested`:
            the change begins within the 14 days.
        IllegalTransition: the order was cancelled meanwhile.
    """
    order = order_of_link(token, lock=True)
    if order.state not in (OrderState.AWAITING_ACCEPTANCE, OrderState.CANCELLED):
        return placed(order)
    check_consents(consents, consumer=True)
    if order.deferred:
        check_in_parts(consents)
    _check_runs(order)
    _check_begins(order, consents)
    context = customer_by_link(order)
    order.consents = {str(p): granted for p, granted in consents.given().items()}
    if context.channel not in order.channels:
        order.channels = [*order.channels, str(context.channel)]
    if pay_return is not None:
        order.pay_return = {
            "success_url": pay_return.success_url,
            "cancel_url": pay_return.cancel_url,
        }
    acceptance.set_port_dates(order, early_execution=consents.early_execution_requested)
    _go_on(order, context=context)
    log_consents(order, consents, context=context)
    return placed(order)


def _check_runs(order: Order) -> None:
    if order.subject is None:
        return
    contract = subscription_view(order.party_id, order.subject)
    if contract.status == SubscriptionStatus.ENDED:
        raise RuleViolated("This contract has ended.", code="contract_ended")


def _check_begins(order: Order, consents: OrderConsents) -> None:
    """What a running line gets begins at once, or on its day: nothing waits for the 14 days."""
    if order.change not in JOURNEYS:
        return
    days = order.items.values_list("port_not_before", flat=True)
    today = business_today()
    last = market(settings.MARKET).withdrawal_last_day(today)
    check_early(consents, begins=max(filter(None, days), default=today), withdrawal_ends=last)


def customer_by_link(order: Order) -> AccountContext:
    """The customer of the order, who proves himself by the link."""
    facts = party(order.party_id)
    return AccountContext(
        actor=Actor(kind=ActorKind.USER, id=None, name=facts.name),
        party_id=order.party_id,
        role=Role.CUSTOMER,
        channel=Channel.WEB,
    )


def pay_by_link(*, token: str) -> str:
    """The key of the payment to open, for the one who has the link; see `payment.pay_again`.

    Raises:
        NotFound: `unknown_link`. RuleViolated: `nothing_to_pay`.
    """
    with transaction.atomic():
        return payment.reopened(order_of_link(token, lock=True))


def _go_on(order: Order, *, context: AccountContext) -> None:
    if not order.gross:
        acceptance.bind(order, context=context, reason="accepted_by_customer")
        return
    order.hold_until = holds.hold_until(OrderState.AWAITING_PAYMENT)
    payment.ask_for_payment(
        order,
        quote=Quote.from_json(order.agreed),
        put_off=deferred_lines(order.number) if order.deferred else {},
    )
    move(order, OrderState.AWAITING_PAYMENT, context=context, reason="accepted_by_customer")
    outbox.publish(OrderConfirmed(number=order.number, party_id=order.party_id))
    holds.prolong(order)
