"""What is ordered for a contract and takes effect on a later day."""

from catalogue.selectors import snapshot_of
from commerce.kernel.clock import business_today
from commerce.kernel.codec import from_plain
from commerce.ordering.domain.quote import Quote
from commerce.ordering.domain.states import UNDER_WAY, ItemAction
from commerce.ordering.models import Order, OrderItem
from commerce.ordering.services.asked_lines import asked_lines
from subscriptions.contracts.preview import Coming
from subscriptions.domain.charges import AgreedCharge
from subscriptions.domain.states import CLOSING, ChangeKind


def coming_changes(subscription_id: int) -> tuple[Coming, ...]:
    """The orders that bind and wait for a day after today, in the order of their days."""
    rows = Order.objects.filter(
        subject=subscription_id,
        state__in=[str(state) for state in UNDER_WAY],
        begins_on__gt=business_today(),
    )
    return tuple(
        _coming(order) for order in rows.prefetch_related("items").order_by("begins_on", "pk")
    )


def _coming(order: Order) -> Coming:
    assert order.begins_on is not None
    items = [item for item in order.items.all() if item.subject is not None]
    catalogue, quote = snapshot_of(order.release), Quote.from_json(order.agreed)
    # What goes on at another price, without being sold anew.
    instead = [charge for item in items for charge in touched_charges(item)]
    return Coming(
        number=order.number,
        on=order.begins_on,
        tax_rates=catalogue.tax_rates,
        begins=(*quote.agreed_charges(), *instead),
        ends=[item.subject or 0 for item in items],
        instead={
            item.line_id: item.subject or 0 for item in items if item.action == ItemAction.MODIFY
        },
        ends_all=ChangeKind(order.change) in CLOSING,
        asked=asked_lines(quote, segment=order.segment, catalogue=catalogue),
    )


def touched_charges(item: OrderItem) -> tuple[AgreedCharge, ...]:
    """What is due again and again for an item of a contract as its order lets it go on: of our
    orders for advantages of several lines alone, as the quote of others says it."""
    if item.order.change != ChangeKind.ADVANTAGES:
        return ()
    return from_plain(tuple[AgreedCharge, ...], item.agreed)
