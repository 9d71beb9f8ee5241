"""The methods that bills are charged to, as a section of the page of bills."""

from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _

from commerce.markets.pack import market
from commerce.payments.selectors import Saved, chosen_method, saved_methods

BANK = "···· "


def methods_section(party_id: int, *, area: str, may_change: bool) -> dict[str, Any]:
    """`area`: "account" for consumers, "portal" for firms, who pay by transfer unless they chose
    a method."""
    business = area == "portal"
    charged = chosen_method(party_id, for_bills=business)
    return {
        "rows": [
            _row(each, url=reverse(f"{area}:method", args=[each.id]), charged=each == charged)
            for each in saved_methods(party_id)
        ],
        "business": business,
        "may_change": may_change,
        "add_url": reverse(f"{area}:add_method"),
        "notice_days": market(settings.MARKET).debit_rules().notice_days,
    }


def _row(method: Saved, *, url: str, charged: bool) -> dict[str, Any]:
    return {
        "name": f"{_name(method)} {BANK}{method.card_last4}",
        "last4": method.card_last4,
        "charged": charged,
        "unusable": bool(method.unusable_because),
        "mandate": method.mandate_reference,
        "given_at": method.given_at,
        "url": url,
    }


def _name(method: Saved) -> str:
    if not method.is_debit:
        return method.card_brand.title()
    return _("Account at bank %(code)s") % {"code": method.bank_code}
