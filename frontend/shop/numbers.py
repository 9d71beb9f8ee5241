"""Telephone numbers to choose from, class by class."""

from collections.abc import Iterable
from typing import Any

from django.utils.translation import gettext as _

from catalogue.domain.model import Segment, Snapshot
from catalogue.pool import propose
from commerce.kernel.clock import business_now
from commerce.kernel.errors import InvalidInput
from commerce.ordering.number_shop import SoldClass, classes_on_sale, find_numbers
from frontend.shop.contract import display_number
from frontend.shop.words import language

PROPOSED, OF_A_BETTER_CLASS, FOUND = 6, 3, 18


def number_groups(
    catalogue: Snapshot,
    *,
    segment: Segment,
    channel: str,
    figures: str,
    salt: str,
    own: str = "",
    former: tuple[str, ...] = (),
) -> list[dict[str, Any]]:
    """The classes with numbers in them: those that have the figures, else proposals.

    `own` was chosen before and stays in sight; `former` can be had back. One query for a search,
    else one or two a class.
    """
    on_sale = classes_on_sale(catalogue, segment=segment, channel=channel)
    plain = [each for each in on_sale.values() if each.tariff is None]
    if figures.strip():
        found = _found(catalogue, segment=segment, channel=channel, figures=figures)
    else:
        at = business_now()
        found = {
            each.code: list(
                propose(
                    count=OF_A_BETTER_CLASS if each.offering else PROPOSED,
                    klass=each.code,
                    at=at,
                    salt=salt,
                )
            )
            for each in plain
        }
    if own and not any(own in each for each in found.values()):
        found["own"] = [own]
    groups = [_group(each, found.get(each.code, [])) for each in plain]
    if "own" in found:
        groups.insert(0, {"title": _("Your choice"), "price": None, "numbers": _shown([own])})
    groups.append({"title": _("Your former numbers"), "price": None, "numbers": _shown(former)})
    return [group for group in groups if group["numbers"]]


def _found(
    catalogue: Snapshot, *, segment: Segment, channel: str, figures: str
) -> dict[str, list[str]]:
    try:
        numbers = find_numbers(
            catalogue, segment=segment, channel=channel, pattern=figures, limit=FOUND
        )
    except InvalidInput:
        return {}
    found: dict[str, list[str]] = {}
    for each in numbers:
        found.setdefault(each.sold.code, []).append(each.msisdn)
    return found


def _group(sold: SoldClass, numbers: list[str]) -> dict[str, Any]:
    title = sold.offering.name.in_(language()) if sold.offering else _("Standard number")
    return {
        "title": title,
        "price": sold.once if sold.offering else None,
        "included": sold.offering is None,
        "numbers": _shown(numbers),
    }


def _shown(numbers: Iterable[str]) -> list[tuple[str, str]]:
    return [(number, display_number(number)) for number in numbers]
