"""A small catalogue whose sums can be checked in the head."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal

from catalogue.domain.expressions import All, AnyOf, Operator, Scalar, Test
from catalogue.domain.model import (
    Charge,
    ChargeKind,
    Kind,
    Offering,
    Rule,
    RuleKind,
    Segment,
    Slot,
    Snapshot,
    Specification,
    Text,
)
from commerce.kernel.money import Money
from commerce.ordering.domain.cart import CartLine, CartValue
from commerce.ordering.domain.quote import Quote, quote
from promotions.domain.compiler import compile_promotions
from promotions.domain.model import CustomerFacts

AT = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
ACTIVATION = date(2026, 11, 25)
RATES = {"standard": Decimal("20"), "press": Decimal("2.1"), "tv": Decimal("10")}
PAIR = "handset-and-plan"


def charge(
    code: str,
    amount: str,
    *,
    recurring: bool = False,
    segment: Segment = Segment.CONSUMER,
    tax_class: str = "standard",
    every_months: int = 1,
    terms: tuple[int, ...] = (),
    in_bundle: str | None = None,
) -> Charge:
    return Charge(
        code,
        ChargeKind.RECURRING if recurring else ChargeKind.ONE_OFF,
        Money.of(amount),
        segment,
        tax_class,
        every_months,
        terms,
        in_bundle,
    )


def offering(
    code: str,
    kind: Kind,
    *charges: Charge,
    terms: tuple[int, ...] = (),
    slots: tuple[Slot, ...] = (),
    stocked: bool = False,
    segments: frozenset[Segment] = frozenset(Segment),
    **characteristics: Scalar | tuple[Scalar, ...],
) -> Offering:
    return Offering(
        code=code,
        specification=Specification(code, kind, characteristics, f"recipe-{kind}"),
        name=Text({"fr": code, "en": code}),
        summary=Text({"fr": "", "en": ""}),
        category=f"{kind}s",
        charges=charges,
        terms=terms,
        slots=slots,
        stocked=stocked,
        segments=segments,
    )


B = Segment.BUSINESS
OFFERINGS = (
    offering(
        "lumen-x",
        Kind.HANDSET,
        charge("price", "599.00"),
        charge("price", "199.00", in_bundle=PAIR, terms=(24,)),
        charge("price", "399.00", in_bundle=PAIR, terms=(12,)),
        charge("price", "480.00", segment=B),
        stocked=True,
        network=("4G", "5G"),
        esim=True,
    ),
    offering("oldie", Kind.HANDSET, charge("price", "89.00"), stocked=True, network=("4G",)),
    offering(
        "horizon",
        Kind.PLAN,
        charge("monthly", "19.99", recurring=True),
        charge("activation", "15.00"),
        charge("monthly", "16.00", recurring=True, segment=B),
        terms=(0, 12, 24),
        network="5G",
        level=2,
    ),
    offering(
        "essentiel",
        Kind.PLAN,
        charge("monthly", "9.99", recurring=True),
        terms=(0, 24),
        network="4G",
        level=1,
    ),
    offering("sim", Kind.SIM, charge("price", "10.00"), charge("price", "8.33", segment=B)),
    offering("esim", Kind.SIM, charge("price", "1.00"), form="esim"),
    offering("case", Kind.ACCESSORY, charge("price", "24.90"), stocked=True, fits="all"),
    offering("buds", Kind.ACCESSORY, charge("price", "9.99"), stocked=True, fits="all"),
    offering("gazette", Kind.CONTENT, charge("monthly", "9.90", recurring=True, tax_class="press")),
    offering("insurance", Kind.OPTION, charge("yearly", "60.00", recurring=True, every_months=12)),
    offering(
        PAIR,
        Kind.BUNDLE,
        slots=(
            Slot("handset", Kind.HANDSET, 1, 1),
            Slot("plan", Kind.PLAN, 1, 1),
            Slot("sim", Kind.SIM, 1, 1),
            Slot("accessory", Kind.ACCESSORY, 0, 10),
            Slot("option", Kind.OPTION, 0, 10),
        ),
    ),
)
RULES = (
    Rule(
        "network-fits",
        RuleKind.REQUIRES,
        Test("plan.network", Operator.IS, "5G"),
        Test("handset.network", Operator.INCLUDES, "5G"),
        Text({"fr": "Ce forfait demande un téléphone 5G.", "en": "This plan needs a 5G handset."}),
        Text({"fr": "Choisissez un forfait 4G.", "en": "Choose a 4G plan."}),
    ),
    Rule(
        "reduced-price-needs-level",
        RuleKind.REQUIRES,
        All(
            (
                Test("term_months", Operator.AT_LEAST, 12),
                Test("bundle.code", Operator.IS, PAIR),
            )
        ),
        AnyOf((Test("plan.level", Operator.AT_LEAST, 2),)),
        Text({"fr": "Prix réduit dès Horizon.", "en": "Reduced price from Horizon on."}),
        Text({"fr": "Voir sans engagement.", "en": "See it without commitment."}),
    ),
)
SIX_FREE: Mapping[str, object] = {
    "code": "six-free",
    "version": 3,
    "name": {"fr": "6 mois offerts", "en": "6 months free"},
    "when": {"all": [{"fact": "plan.kind", "is": "plan"}, {"fact": "term_months", "is": 24}]},
    "benefits": [
        {
            "target": {"fact": "line.kind", "is": "plan"},
            "charge": "recurring",
            "kind": "percent_off",
            "value": "100",
            "first": 1,
            "periods": 6,
        }
    ],
}


def promotion(code: str, **changes: object) -> Mapping[str, object]:
    """A promotion of 10 % on accessories, changed as told."""
    return {
        "code": code,
        "name": {"fr": code, "en": code},
        "when": {"fact": "kinds", "includes": "accessory"},
        "benefits": [
            {
                "target": {"fact": "line.kind", "is": "accessory"},
                "charge": "one_off",
                "kind": "percent_off",
                "value": "10",
            }
        ],
        **changes,
    }


def benefit(kind: str, value: str, *, on: str = "accessory", **more: object) -> dict[str, object]:
    charge_kind = "recurring" if on in ("plan", "content", "option") else "one_off"
    target = {"fact": "line.kind", "is": on}
    return {"target": target, "charge": charge_kind, "kind": kind, "value": value, **more}


def snapshot(*more: Offering, release: int = 7) -> Snapshot:
    return Snapshot(
        release=release,
        digest=f"release-{release}",
        offerings={o.code: o for o in (*OFFERINGS, *more)},
        rules=RULES,
        tax_rates=RATES,
    )


def line(line_id: str, code: str, **changes: object) -> CartLine:
    return CartLine(line_id, code, **changes)  # type: ignore[arg-type]


def pair(*, group: str = "g1", term: int = 24, plan: str = "horizon") -> tuple[CartLine, ...]:
    return (
        line(f"{group}-1", "lumen-x", group=group, role="handset"),
        line(f"{group}-2", plan, group=group, role="plan", term=term),
        line(f"{group}-3", "esim", group=group, role="sim"),
    )


def cart(
    *lines: CartLine,
    segment: Segment = Segment.CONSUMER,
    codes: tuple[str, ...] = (),
    bundles: Mapping[str, str] | None = None,
) -> CartValue:
    groups = {entry.group for entry in lines if entry.group}
    named = dict.fromkeys(groups, PAIR) if bundles is None else bundles
    return CartValue("7K2-Q9F", lines, segment, "web", codes, named)


def priced(
    value: CartValue,
    *promotions: Mapping[str, object],
    customer: CustomerFacts | None = None,
    at: datetime = AT,
    activation: date = ACTIVATION,
    offerings: Sequence[Offering] = (),
) -> Quote:
    return quote(
        value,
        catalogue=snapshot(*offerings),
        promotions=compile_promotions(promotions),
        customer=customer or CustomerFacts(segment=value.segment),
        at=at,
        activation=activation,
    )


def shuffled(promotions: Sequence[Mapping[str, object]]) -> list[Mapping[str, object]]:
    return list(reversed(promotions))
