"""What withdrawing means, in words that a neighbour would use."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from commerce.ordering.domain.withdrawing import Condition, WithdrawalQuote, owed_for
from frontend.shop.beside import beside
from frontend.shop.contract import display_number
from frontend.shop.words import euros, said

GRADES: Mapping[Condition, Any] = {
    Condition.AS_NEW: gettext_lazy("tried, as new"),
    Condition.WORN: gettext_lazy("used, with traces"),
    Condition.DAMAGED: gettext_lazy("damaged"),
}


def withdrawal_screen(shown: WithdrawalQuote) -> dict[str, Any]:
    """The context of `checkout/withdrawing.html`."""
    return {
        "shown": shown,
        "line": display_number(shown.msisdn) if shown.msisdn else "",
        "ends": [said(name) for name in shown.ends],
        "coming": [said(name) for name in shown.coming],
        "things": [
            {"name": said(thing.name), "quantity": thing.quantity, "price": thing.price}
            for thing in shown.things
        ],
        "bills": [bill for bill in shown.bills if bill.before != bill.after][:2],
        "beside": beside(shown.beside),
        "grades": [{"code": code.value, "label": label} for code, label in GRADES.items()],
        "wear": _wear(shown),
        "digest": shown.digest(),
    }


def _wear(shown: WithdrawalQuote) -> list[str]:
    """How much of the price of what came back is billed, for each grade that costs something."""
    return [
        _("%(thing)s, %(grade)s: %(amount)s is billed.")
        % {
            "thing": said(thing.name),
            "grade": label,
            "amount": euros(owed_for(thing.price, code, wear=shown.wear), short=False),
        }
        for thing in shown.things
        for code, label in GRADES.items()
        if shown.wear.get(code)
    ]
