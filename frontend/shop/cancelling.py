"""What cancelling an order under way means, in words that a neighbour would use."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from commerce.ordering.selectors import OrderView
from frontend.shop.words import named
from orchestration.services.cancel import BundleQuote, CancellationQuote
from orchestration.services.taking_back import TouchedTask

UNDONE: Mapping[str, Any] = {
    "logistics.ship": gettext_lazy("The parcel is stopped in our warehouse"),
    "dropship.ship": gettext_lazy("The parcel is stopped at our supplier’s"),
    "shop.reserve": gettext_lazy("What was put aside in the shop goes back on the shelf"),
    "porting.port_in": gettext_lazy("Your number stays with your present operator"),
    "numbering.assign": gettext_lazy("The new number is given up"),
    "numbering.lend": gettext_lazy("The temporary number is given up"),
    "esim.download": gettext_lazy("The eSIM is withdrawn; its QR code no longer works"),
    "network.activate": gettext_lazy("The line is switched off"),
    "network.route": gettext_lazy("Calls to the number are no longer led to you"),
    "content.entitle": gettext_lazy("The service is closed"),
}
PASSED: Mapping[str, Any] = {
    "shipment.shipped": gettext_lazy("the parcel has left"),
    "pick_up.collected": gettext_lazy("it was fetched in the shop"),
    "port.completed": gettext_lazy("your number has come to us"),
    "billing.start": gettext_lazy("the contract is running"),
}
REFUSED: Mapping[str, Any] = {
    "number_moves": gettext_lazy(
        "Your number is about to move to us. That could be called off until 8 pm on the eve."
    ),
    "passing": gettext_lazy("It is being completed at this very moment. Look again in a minute."),
    "bundle_over": gettext_lazy("This part of the order is over."),
    "cancelling": gettext_lazy("This part is being cancelled already."),
}


def cancellation_screen(
    quote: CancellationQuote, *, order: OrderView, group: str
) -> dict[str, Any]:
    """Bundle by bundle what is undone and what stands in the way; and the money."""
    return {
        "quote": quote,
        "group": group,
        "bundles": [_bundle(bundle, order=order) for bundle in quote.bundles],
        "several": len({item.group for item in order.items}) > 1,
    }


def _bundle(bundle: BundleQuote, *, order: OrderView) -> dict[str, Any]:
    names = [named(item.name) for item in order.items if item.group == bundle.group]
    return {
        "group": bundle.group,
        "names": ", ".join(names[:4]),
        "undone": _said(bundle.undone),
        "refusal": _refusal(bundle),
        "kept_codes": any(task.action == "message.esim_ready" for task in bundle.kept),
    }


def _said(tasks: Iterable[TouchedTask]) -> list[str]:
    return list(dict.fromkeys(str(UNDONE[t.action]) for t in tasks if t.action in UNDONE))


def _refusal(bundle: BundleQuote) -> str:
    if bundle.refusal != "past_return":
        return str(REFUSED.get(bundle.refusal, ""))
    reasons = [
        str(PASSED.get(task.until or task.action) or PASSED.get(task.action, ""))
        for task in bundle.passed
    ]
    said = ", ".join(dict.fromkeys(reason for reason in reasons if reason))
    if not said:
        return _("It can no longer be cancelled.")
    return _("It can no longer be cancelled: %(reasons)s.") % {"reasons": said}
