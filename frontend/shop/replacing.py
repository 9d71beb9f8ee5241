"""What is chosen for another SIM or number of a line: the reason with its price, and which one."""

from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from catalogue.domain.model import Kind, Segment, Snapshot
from commerce.kernel.clock import business_now
from commerce.kernel.money import Money
from commerce.ordering.domain.changes import REASONS, ChangeReason
from commerce.ordering.domain.fees import fee_for
from frontend.shop.numbers import number_groups
from frontend.shop.words import drawing, euros, full_name, said
from subscriptions.domain.states import ChangeKind

MOST_FIGURES = 14
WORDS = {
    ChangeReason.LOST: gettext_lazy("It is lost"),
    ChangeReason.STOLEN: gettext_lazy("It was stolen"),
    ChangeReason.DAMAGED: gettext_lazy("It is damaged"),
    ChangeReason.FAULTY: gettext_lazy("It does not work, through no fault of mine"),
    ChangeReason.NEW_PHONE: gettext_lazy("I have another phone"),
    ChangeReason.REISSUE: gettext_lazy("I want to install my eSIM once more"),
    ChangeReason.WISH: gettext_lazy("I want another number"),
    ChangeReason.NUISANCE: gettext_lazy("I am called by people who bother me"),
}


def choosing(
    kind: ChangeKind,
    query: QueryDict,
    *,
    catalogue: Snapshot,
    segment: Segment,
    channel: str,
    salt: str,
) -> dict[str, Any]:
    """The context of `account/change_choose.html`; `salt` gives each line numbers of its own."""
    picked = query.get("reason", "")
    reasons = [
        {
            "code": reason.value,
            "label": WORDS[reason],
            "price": _price(reason, kind, catalogue=catalogue, segment=segment, channel=channel),
            "current": reason.value == picked,
        }
        for reason in REASONS[kind]
    ]
    figures = query.get("figures", "")[:MOST_FIGURES]
    return {
        "reasons": reasons,
        "sims": _sims(query.get("sim", ""), catalogue=catalogue, segment=segment, channel=channel)
        if kind is ChangeKind.SIM
        else [],
        "figures": figures,
        "picked": query.get("msisdn", ""),
        "numbers": number_groups(
            catalogue,
            segment=segment,
            channel=channel,
            figures=figures,
            salt=salt,
            own=query.get("msisdn", ""),
        )
        if kind is ChangeKind.NUMBER
        else [],
    }


def _price(
    reason: ChangeReason, kind: ChangeKind, *, catalogue: Snapshot, segment: Segment, channel: str
) -> str:
    at = business_now()
    fee = fee_for(catalogue, change=kind, reason=reason, segment=segment, channel=channel, at=at)
    if fee is None:
        return _("at no charge")
    charges = fee.charges_for(segment=segment, term=0, bundle=None, channel=channel, at=at)
    return euros(sum((charge.amount for charge in charges), Money.zero()))


def _sims(
    picked: str, *, catalogue: Snapshot, segment: Segment, channel: str
) -> list[dict[str, Any]]:
    at = business_now()
    sold = [
        each
        for each in sorted(catalogue.of_kind(Kind.SIM), key=lambda sim: (sim.rank, sim.code))
        if each.sellable(segment=segment, channel=channel, at=at)
    ]
    return [
        {
            "code": each.code,
            "title": full_name(each),
            "text": said(each.summary),
            "device": drawing(each),
            "current": each.code == picked,
        }
        for each in sold
    ]
