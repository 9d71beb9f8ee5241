"""Billing by our own subscriptions: the default adapter of the billing port."""

from commerce.ordering.selectors import order_for_fulfilment

from orchestration.ports import Answer, BillingStart


class LocalBilling:
    """Activates the contract of the bundle; doing it again answers the same subscription."""

    def start(self, request: BillingStart, *, key: str) -> Answer:
        order = order_for_fulfilment(request.order_number)
        bundle = order.group(request.group)
