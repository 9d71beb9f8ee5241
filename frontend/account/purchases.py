"""Purchases of third parties on a line, in words, and the forms by which they are managed."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from uuid import uuid4

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from frontend.account.words import why_back
from subscriptions.carrier.selectors import LinePurchases, PurchaseView
from subscriptions.carrier.services.answering import REFUSED
from subscriptions.carrier.services.limits import caps
from subscriptions.domain.carrier import Category, Limits, PaymentState, Rule

CATEGORY_NAMES: Mapping[Category, Any] = {
    Category.DIGITAL: gettext_lazy("Digital content (press, games, music, video)"),
    Category.VOICE: gettext_lazy("Voice services"),
    Category.DONATION: gettext_lazy("Donations"),
    Category.TICKET: gettext_lazy("Tickets (transport, parking, shows)"),
}
STATES: Mapping[PaymentState, tuple[str, Any]] = {
    PaymentState.PENDING_VALIDATION: ("waiting", gettext_lazy("waits for your answer")),
    PaymentState.RESERVED: ("waiting", gettext_lazy("reserved")),
    PaymentState.SUCCEEDED: ("done", gettext_lazy("bought")),
    PaymentState.DENIED: ("failed", gettext_lazy("refused")),
    PaymentState.CANCELLED: ("pending", gettext_lazy("given up")),
}
WHY: Mapping[str, tuple[Any, Any]] = {
    Rule.NOT_OPENED: (
        gettext_lazy("The firm has not said what the users of its lines may buy."),
        gettext_lazy("An administrator or who approves orders can allow purchases."),
    ),
    Rule.LINE_BLOCKED: (
        gettext_lazy("The line stands still."),
        gettext_lazy("Purchases work again when the line goes on."),
    ),
    Rule.NOT_LEGAL: (
        gettext_lazy("The law does not let such a thing stand on a telephone bill."),
        gettext_lazy("It has to be paid for in another way."),
    ),
    Rule.NOT_IN_CONTRACT: (
        gettext_lazy("The merchant may not sell such things on our bills."),
        gettext_lazy("It has to be paid for in another way."),
    ),
    Rule.NOT_CONFIRMED: (
        gettext_lazy("Nobody had confirmed the purchase."),
        gettext_lazy("The merchant has to ask for a code by SMS, or the month is paid already."),
    ),
    Rule.ALL_BLOCKED: (
        gettext_lazy("Purchases are blocked on this line."),
        gettext_lazy("Allow them below, if you wish."),
    ),
    Rule.CATEGORY_BLOCKED: (
        gettext_lazy("Purchases of this kind are blocked on this line."),
        gettext_lazy("Allow them below, if you wish."),
    ),
    Rule.MERCHANT_BLOCKED: (
        gettext_lazy("This merchant is blocked on this line."),
        gettext_lazy("He stays blocked until the block is lifted by our customer service."),
    ),
    Rule.OVER_PURCHASE_CAP: (
        gettext_lazy("It was more than the law allows for one purchase."),
        gettext_lazy("It has to be paid for in another way."),
    ),
    Rule.OVER_MONTH_CAP: (
        gettext_lazy("The month's purchases would have been more than the law allows."),
        gettext_lazy("It is possible again on the first of next month."),
    ),
    Rule.OVER_MERCHANT_CAP: (
        gettext_lazy("It was more than this merchant may sell on a line in a month."),
        gettext_lazy("It is possible again on the first of next month."),
    ),
    Rule.OVER_OWN_PURCHASE_CAP: (
        gettext_lazy("It was more than the line's own limit for one purchase."),
        gettext_lazy("Raise the limit below, if you wish."),
    ),
    Rule.OVER_OWN_MONTH_CAP: (
        gettext_lazy("The month's purchases would have been more than the line's own limit."),
        gettext_lazy("Raise the limit below, if you wish."),
    ),
    Rule.OVER_OWN_DAY_CAP: (
        gettext_lazy("The day's purchases would have been more than the line's own limit."),
        gettext_lazy("It is possible again tomorrow; or raise the limit below."),
    ),
    Rule.OVER_OWN_CATEGORY_CAP: (
        gettext_lazy("The month's purchases of this kind would have been more than its own limit."),
        gettext_lazy("Raise the limit below, if you wish."),
    ),
    Rule.OVER_OWN_MERCHANT_CAP: (
        gettext_lazy("The month's purchases of this merchant would have been more than the limit."),
        gettext_lazy("Raise the limit below, if you wish."),
    ),
    "wrong_code": (
        gettext_lazy("The code was wrong three times."),
        gettext_lazy("Buy it again: another code is sent."),
    ),
    REFUSED: (
        gettext_lazy("The holder of the line said no."),
        gettext_lazy("Nothing was bought."),
    ),
}
"""What refused a purchase, and what to do."""


def _amount(most: Decimal, **options: Any) -> forms.DecimalField:
    return forms.DecimalField(
        required=False,
        min_value=Decimal(0),
        max_value=most,
        decimal_places=2,
        localize=True,
        widget=forms.TextInput(attrs={"inputmode": "decimal"}),
        **options,
    )


class LimitsForm(forms.Form):
    """The line's own caps and blocks; an empty cap is the law's. Of `merchants` (code -> name) each
    has one of its own; where none are named, theirs are left as they are."""

    per_purchase = _amount(Decimal(50), label=gettext_lazy("Most for one purchase (€)"))
    per_day = _amount(Decimal(300), label=gettext_lazy("Most in a day (€)"))
    per_month = _amount(Decimal(300), label=gettext_lazy("Most in a month (€)"))
    of_digital = _amount(
        Decimal(300), label=gettext_lazy("Most in a month for digital content (€)")
    )
    of_voice = _amount(Decimal(300), label=gettext_lazy("Most in a month for voice services (€)"))
    of_donation = _amount(Decimal(300), label=gettext_lazy("Most in a month for donations (€)"))
    of_ticket = _amount(Decimal(300), label=gettext_lazy("Most in a month for tickets (€)"))
    categories = forms.MultipleChoiceField(
        required=False,
        label=gettext_lazy("Block these kinds"),
        choices=[(str(code), name) for code, name in CATEGORY_NAMES.items()],
        widget=forms.CheckboxSelectMultiple,
    )
    blocked = forms.BooleanField(required=False, label=gettext_lazy("Block all purchases"))

    def __init__(
        self, data: Any = None, *, merchants: Mapping[str, str] | None = None, **options: Any
    ) -> None:
        super().__init__(data, **options)
        self.merchants = merchants
        for code, name in (merchants or {}).items():
            label = _("Most in a month with %(name)s (€)") % {"name": name}
            self.fields[f"at_{code}"] = _amount(Decimal(300), label=label)
        last = ("categories", "blocked")
        self.order_fields([*(each for each in self.fields if each not in last), *last])

    def chosen(self) -> dict[str, Any]:
        """What `set_limits` takes."""
        told = dict(self.cleaned_data)
        caps = {kind: told.pop(f"of_{kind}") for kind in Category}
        told["per_category"] = {kind: cap for kind, cap in caps.items() if cap is not None}
        if self.merchants is not None:
            of = {code: told.pop(f"at_{code}") for code in self.merchants}
            told["per_merchant"] = {code: cap for code, cap in of.items() if cap is not None}
        return {**told, "categories": [Category(each) for each in told["categories"]]}


class RefundForm(forms.Form):
    """What an agent gives back, and why; an empty amount is all that is left."""

    amount = _amount(Decimal(50), label=gettext_lazy("Amount (€), empty: all that is left"))
    reason = forms.CharField(label=gettext_lazy("Reason"), max_length=300)
    once = forms.RegexField(r"^[0-9a-f]{12}$", required=False, widget=forms.HiddenInput)


def limits_form(limits: Limits, data: Any = None, *, merchants: Mapping[str, str]) -> LimitsForm:
    """Filled with what holds now."""
    return LimitsForm(
        data,
        merchants=merchants,
        initial={
            "per_purchase": None if limits.per_purchase is None else limits.per_purchase.amount,
            "per_day": None if limits.per_day is None else limits.per_day.amount,
            "per_month": None if limits.per_month is None else limits.per_month.amount,
            **{f"of_{kind}": cap.amount for kind, cap in limits.per_category.items()},
            **{f"at_{code}": cap.amount for code, cap in limits.per_merchant.items()},
            "categories": [str(each) for each in limits.categories],
            "blocked": limits.blocked,
        },
    )


def purchases_page(found: LinePurchases) -> dict[str, Any]:
    """What both pages show."""
    law, own = caps(), found.limits.per_month
    return {
        "spent": found.together if found.limits.per_month is None else found.spent,
        "month_cap": law.per_month if own is None else min(own, law.per_month),
        "law": law,
        "held": found.held,
        "purchases": [purchase_row(each) for each in found.purchases],
        "denials": [
            {"denial": each, "why": WHY[each.rule][0], "todo": WHY[each.rule][1]}
            for each in found.denials
        ],
    }


def purchase_row(each: PurchaseView) -> dict[str, Any]:
    state, label = STATES[each.state]
    if each.state == PaymentState.SUCCEEDED and not each.left:
        state, label = "pending", _("given back")
    return {
        "purchase": each,
        "once": uuid4().hex[:12],
        "state": state,
        "label": label,
        "back": each.gross - each.left if each.state == PaymentState.SUCCEEDED else None,
        "why": WHY.get(each.denied_for),
        "reasons": [why_back(reason) for reason in each.reasons],
    }
