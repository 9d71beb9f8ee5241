"""Telephone numbers as they are sold: free ones with their class, and what the class costs."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from django.conf import settings

from catalogue.domain.model import ChargeKind, Kind, Offering, Segment, Snapshot
from catalogue.domain.numbers import STANDARD
from catalogue.pool import search
from commerce.kernel.clock import business_now, business_today
from commerce.kernel.errors import InvalidInput
from commerce.kernel.money import Money
from commerce.markets.pack import SpecialTariff, Tariff, market
from commerce.ordering.domain.numbering import class_sold, sells_range


@dataclass(frozen=True, slots=True)
class SoldClass:
    """A class of numbers: what sells it (None: the plan itself), its prices in the segment's
    basis, and the tariff of its callers where it is one of special numbers."""

    code: str
    offering: Offering | None
    once: Money
    monthly: Money
    tariff: SpecialTariff | None = None


@dataclass(frozen=True, slots=True)
class OfferedNumber:
    """A free number; `display` is how people write it."""

    msisdn: str
    display: str
    sold: SoldClass


def classes_on_sale(
    catalogue: Snapshot, *, segment: Segment, channel: str
) -> Mapping[str, SoldClass]:
    """What numbers are sold to the segment on the channel, by class: standard first."""
    at = business_now()
    found = {STANDARD: SoldClass(STANDARD, None, Money.zero(), Money.zero())}
    for offering in sorted(catalogue.of_kind(Kind.NUMBER), key=lambda each: each.rank):
        if offering.sellable(segment=segment, channel=channel, at=at):
            charges = offering.charges_for(
                segment=segment, term=0, bundle=None, channel=channel, at=at
            )
            once, monthly = Money.zero(), Money.zero()
            for charge in charges:
                if charge.kind is ChargeKind.ONE_OFF:
                    once = once + charge.amount
                elif charge.kind is ChargeKind.RECURRING:
                    monthly = monthly + charge.amount
            code = class_sold(offering)
            found[code] = SoldClass(code, offering, once, monthly, tariff_of(offering))
    return found


def tariff_of(offering: Offering, *, on: date | None = None) -> SpecialTariff | None:
    """What callers pay and what must be shown with it; None if it sells no special numbers.

    What was ordered is judged by the rules of the day `on` which it was; None: today.
    """
    return callers_tariff(offering.characteristics, on=on) if sells_range(offering) else None


def callers_tariff(
    characteristics: Mapping[str, object], *, on: date | None = None
) -> SpecialTariff:
    """As `tariff_of`, from the characteristics of what sells special numbers."""
    price = Money.of(str(characteristics.get("tariff_price", 0)))
    return market(settings.MARKET).special_tariff(
        str(characteristics["number_range"]),
        tariff=Tariff(str(characteristics["tariff_mode"]), price),
        on=on or business_today(),
    )


def find_numbers(
    catalogue: Snapshot,
    *,
    segment: Segment,
    channel: str,
    pattern: str = "",
    klass: str = "",
    limit: int = 12,
) -> tuple[OfferedNumber, ...]:
    """Free numbers that fit, of one class or of all that the plan or a class of it sells.

    Special numbers are only found by their class.

    Raises:
        InvalidInput: `number_pattern_invalid`, `unknown_number_class`.
    """
    on_sale = classes_on_sale(catalogue, segment=segment, channel=channel)
    if klass and klass not in on_sale:
        raise InvalidInput(
            f"Numbers are sold as: {', '.join(on_sale)}.",
            code="unknown_number_class",
            field="class",
        )
    wanted = [klass] if klass else [each.code for each in on_sale.values() if not each.tariff]
    pack = market(settings.MARKET)
    return tuple(
        OfferedNumber(found.msisdn, pack.display_number(found.msisdn), on_sale[found.klass])
        for found in search(pattern=pattern, classes=wanted, count=limit, at=business_now())
    )
