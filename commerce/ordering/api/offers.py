"""Offerings with their prices and stock for one caller, as frozen values to be written out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from catalogue.domain.expressions import Scalar
from catalogue.domain.model import Charge, Kind, Offering, Rule, Segment, Snapshot
from catalogue.selectors import StockFacts
from commerce.accounts.identity import AccountContext
from commerce.accounts.kinds import Channel
from commerce.kernel.clock import business_now
from commerce.kernel.errors import NotFound
from commerce.kernel.money import Money
from commerce.kernel.tax import Basis
from commerce.markets.pack import SpecialTariff
from commerce.ordering.browsing import Listed, Wish, in_order
from commerce.ordering.comparing import Comparison, Value
from commerce.ordering.domain.checks import roles_of
from commerce.ordering.domain.quote import Applied
from commerce.ordering.domain.showcase import Shown
from commerce.ordering.number_shop import tariff_of
from commerce.ordering.showcase import ShopWindow, window
from commerce.web.fields import language
from subscriptions.domain.charges import Phase

_BUSINESS = frozenset({Channel.B2B_API, Channel.PORTAL})


class _Texts(Protocol):
    def in_(self, language: str) -> str: ...


@dataclass(frozen=True, slots=True)
class Price:
    """See `PriceSerializer`."""

    basis: Basis
    plan: str | None
    term_months: int
    today: Money
    list_today: Money
    due_today: Money
    first_month: Money
    lasting_month: Money
    monthly: tuple[Phase, ...]
    commitment_total: Money
    promotions: tuple[Applied, ...]
    lowest_price_30_days: Money | None


@dataclass(frozen=True, slots=True)
class Summary:
    offering: Offering
    price: Price
    stock: StockFacts | None
    callers_tariff: SpecialTariff | None


@dataclass(frozen=True, slots=True)
class Characteristic:
    code: str
    name: str
    values: tuple[str, ...]
    labels: tuple[str, ...]
    unit: str


@dataclass(frozen=True, slots=True)
class Detail:
    offering: Offering
    price: Price
    stock: StockFacts | None
    callers_tariff: SpecialTariff | None
    characteristics: tuple[Characteristic, ...]
    charges: tuple[Charge, ...]
    rules: tuple[Rule, ...]
    variants: tuple[Offering, ...]
    plans: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CountedValue:
    """See `FacetValueSerializer`."""

    value: str
    name: str
    count: int
    chosen: bool


@dataclass(frozen=True, slots=True)
class CountedFacet:
    code: str
    name: str
    values: tuple[CountedValue, ...]


@dataclass(frozen=True, slots=True)
class Suggestion:
    """See `SuggestionSerializer`."""

    code: str
    name: str
    count: int


@dataclass(frozen=True, slots=True)
class ComparedValue:
    values: tuple[str, ...]
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ComparedRow:
    """See `ComparedRowSerializer`."""

    code: str
    name: str
    unit: str
    differs: bool
    values: tuple[ComparedValue, ...]


def counted(listed: Listed, *, wish: Wish, catalogue: Snapshot) -> list[CountedFacet]:
    """The counts of a list, in words; values that were chosen stay, with a count of 0 too."""
    return [
        CountedFacet(
            name,
            _said(catalogue.label(name), name),
            tuple(
                CountedValue(value, _value_said(catalogue, name, value), count, value in chosen)
                for value, count in in_order({**dict.fromkeys(chosen, 0), **counts})
            ),
        )
        for name, counts in listed.counts.items()
        for chosen in (wish.chosen.get(name, ()),)
    ]


def _value_said(catalogue: Snapshot, name: str, value: str) -> str:
    if name == "category":
        return _said(catalogue.categories.get(value), value)
    return _said(catalogue.label(name, value), value)


def named(found: Sequence[tuple[str, int]], texts: Mapping[str, _Texts]) -> list[Suggestion]:
    """Codes with their counts, in words."""
    return [Suggestion(code, _said(texts.get(code), code), count) for code, count in found]


def compared(comparison: Comparison, *, catalogue: Snapshot) -> list[ComparedRow]:
    """The rows of a comparison in words."""
    return [
        ComparedRow(
            row.name,
            _said(catalogue.label(row.name), row.name),
            catalogue.units.get(row.name, ""),
            row.differs,
            tuple(_compared_value(row.name, value, catalogue=catalogue) for value in row.values),
        )
        for row in comparison.rows
    ]


def _compared_value(name: str, value: Value, *, catalogue: Snapshot) -> ComparedValue:
    if value is None:
        return ComparedValue((), ())
    said = _characteristic(name, value, catalogue=catalogue)
    return ComparedValue(said.values, said.labels)


def segment_of(context: AccountContext) -> Segment:
    """Which prices the caller sees: an organisation's programs and members, without tax."""
    return Segment.BUSINESS if context.channel in _BUSINESS else Segment.CONSUMER


def shop_of(context: AccountContext) -> ShopWindow:
    """What is on sale for the caller now; one cheap query."""
    return window(at=business_now(), segment=segment_of(context), channel=str(context.channel))


def on_sale(shop: ShopWindow, code: str) -> Offering:
    """Raises NotFound `unknown_offering` also for what is not sold to the caller."""
    found = shop.window.catalogue.offering(code)
    if not shop.window.sells(found):
        raise NotFound(f"No offering is called {code!r}.", code="unknown_offering", offering=code)
    return found


def summaries(
    shop: ShopWindow,
    offerings: Sequence[Offering],
    *,
    term: int,
    stock: Mapping[str, StockFacts],
) -> list[Summary]:
    """Each with its price; no query."""
    return [
        Summary(each, _price(shop.shown(each, term=term)), stock.get(each.code), tariff_of(each))
        for each in offerings
    ]


def detail_of(
    shop: ShopWindow, offering: Offering, *, term: int, stock: Mapping[str, StockFacts]
) -> Detail:
    """Everything that is known of one offering."""
    catalogue, segment = shop.window.catalogue, shop.window.segment
    handset = offering.kind is Kind.HANDSET
    plans = shop.plans_for(offering, term=term) if handset else ()
    variants = catalogue.family(offering.family) if offering.family else ()
    return Detail(
        offering=offering,
        price=_price(shop.shown(offering, term=term)),
        stock=stock.get(offering.code),
        callers_tariff=tariff_of(offering),
        characteristics=_characteristics(offering, catalogue=catalogue),
        charges=tuple(charge for charge in offering.charges if charge.segment is segment),
        rules=tuple(rule for rule in catalogue.rules if _concerns(rule, offering)),
        variants=tuple(v for v in variants if v is not offering and shop.window.sells(v)),
        plans=tuple(plan.code for plan in plans),
    )


def _price(shown: Shown) -> Price:
    best = shown.best
    return Price(
        basis=best.basis,
        plan=shown.plan.code if shown.plan is not None else None,
        term_months=shown.term,
        today=shown.price_today,
        list_today=shown.list_today,
        due_today=best.due_today,
        first_month=shown.first_month,
        lasting_month=shown.lasting_month,
        monthly=best.monthly,
        commitment_total=best.commitment_total,
        promotions=best.applied,
        lowest_price_30_days=shown.lowest_before,
    )


def _characteristics(offering: Offering, *, catalogue: Snapshot) -> tuple[Characteristic, ...]:
    return tuple(
        _characteristic(name, value, catalogue=catalogue)
        for name, value in offering.characteristics.items()
    )


def _characteristic(
    name: str, value: Scalar | tuple[Scalar, ...], *, catalogue: Snapshot
) -> Characteristic:
    values = value if isinstance(value, tuple) else (value,)
    return Characteristic(
        code=name,
        name=_said(catalogue.label(name), name),
        values=tuple(_text(each) for each in values),
        labels=tuple(_said(catalogue.label(name, each), _text(each)) for each in values),
        unit=catalogue.units.get(name, ""),
    )


def _said(words: _Texts | None, otherwise: str) -> str:
    return words.in_(language()) if words is not None else otherwise


def _text(value: Scalar) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _concerns(rule: Rule, offering: Offering) -> bool:
    return offering.kind.value in roles_of(rule)
