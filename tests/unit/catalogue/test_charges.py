"""Which price holds: by segment, commitment, bundle, channel and time; and tariffs of usage."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from catalogue.domain.model import Charge, ChargeKind, Kind, Offering, Segment
from catalogue.importer.loader import load
from commerce.kernel.clock import PARIS
from commerce.kernel.money import Money
from commerce.ordering.domain.quote import Tariff
from tests.unit.catalogue.catalogues import SMALL, written
from tests.unit.catalogue.test_importer import DAY
from tests.unit.ordering.shop import cart, charge, line, offering, priced

DECEMBER = datetime(2026, 12, 1, tzinfo=PARIS)


def price(amount: str, **more: object) -> Charge:
    plain = Charge("price", ChargeKind.ONE_OFF, Money.of(amount), Segment.CONSUMER, "standard")
    return replace(plain, **more)  # type: ignore[arg-type]


def sold(*charges: Charge) -> Offering:
    return offering("thing", Kind.ACCESSORY, *charges)


def asked(thing: Offering, **place: object) -> str:
    where = {"segment": Segment.CONSUMER, "term": 0, "bundle": None, "at": DECEMBER, **place}
    return ", ".join(str(found.amount.amount) for found in thing.charges_for(**where))  # type: ignore[arg-type]


def test_the_most_specific_price_holds() -> None:
    thing = sold(
        price("50"),
        price("45", channels=frozenset({"store"})),
        price("40", terms=(24,)),
        price("35", in_bundle="pair"),
    )

    assert asked(thing, channel="web") == "50"
    assert asked(thing, channel="store") == "45"
    assert asked(thing, channel="store", term=24) == "40"
    assert asked(thing, channel="store", term=24, bundle="pair") == "35"


def test_a_price_holds_from_its_first_instant_up_to_its_last() -> None:
    thing = sold(
        price("50", valid_until=DECEMBER),
        price("30", valid_from=DECEMBER),
    )
    just_before = datetime(2026, 11, 30, 22, 59, 59, tzinfo=UTC)

    assert asked(thing, at=just_before) == "50"
    assert asked(thing, at=DECEMBER) == "30"


def test_of_two_prices_alike_the_newer_holds() -> None:
    thing = sold(price("30", valid_from=DECEMBER), price("50"))

    assert asked(thing, at=datetime(2026, 11, 30, tzinfo=PARIS)) == "50"
    assert asked(thing, at=datetime(2026, 12, 2, tzinfo=PARIS)) == "30"


USAGE = """\
      - code: data
        kind: usage
        tax_class: telecom
        consumer: 5.00
        unit: GB
        included: 0.5
        channels: [web]
        valid_from: 2026-12-01
bundles:
"""


def test_files_say_tariffs_channels_and_days(tmp_path: Path) -> None:
    snapshot = load(written(tmp_path, SMALL.replace("bundles:\n", USAGE, 1)), on=DAY).snapshot
    data = snapshot.offering("tide").charges[-1]

    assert (data.kind, data.unit, data.included) == (ChargeKind.USAGE, "GB", Decimal("0.5"))
    assert (data.channels, data.valid_from) == (frozenset({"web"}), DECEMBER)


def test_a_tariff_is_shown_and_not_promised() -> None:
    usage = charge("data", "5.00")
    metered = offering(
        "metered",
        Kind.OPTION,
        charge("monthly", "2.00", recurring=True),
        Charge(
            usage.code,
            ChargeKind.USAGE,
            usage.amount,
            usage.segment,
            usage.tax_class,
            unit="GB",
            included=Decimal("0.5"),
        ),
    )

    found = priced(cart(line("1", "metered")), offerings=(metered,))

    assert found.lines[0].tariffs == (
        Tariff("data", "GB", Money.of("5.00"), Decimal("0.5"), "standard"),
    )
    assert [agreed.code for agreed in found.agreed_charges()] == ["monthly"]
    assert found.commitment_total == Money.of("24.00")
