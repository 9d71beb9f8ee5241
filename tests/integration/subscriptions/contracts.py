"""Contracts to be billed: a consumer's with six free months, a fleet's lines without tax."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal

from django.db import connection

from commerce.accounts.models import Party
from commerce.kernel.clock import PARIS
from commerce.kernel.money import Money
from commerce.kernel.tax import Basis
from promotions.domain.benefits import Benefit, BenefitKind
from subscriptions.contracts.services.activate import ActivatedItem, activate
from subscriptions.contracts.services.promise import PledgedContract, pledge
from subscriptions.domain.buyers import NO_CODES, BuyerCodes
from subscriptions.domain.charges import AgreedCharge
from subscriptions.invoicing.services import bill_run
from subscriptions.models import BillRunChunk, Invoice

RATES = {
    "standard": Decimal(20),
    "telecom": Decimal(20),
    "goods": Decimal(20),
    "press": Decimal("2.1"),
}
DAY = date(2026, 3, 10)
SIX_FREE = Benefit("six-free", BenefitKind.PERCENT_OFF, Decimal(100), 1, 6)


def at(day: date, hour: int = 12) -> datetime:
    """An instant of that day in Paris."""
    return datetime.combine(day, time(hour), tzinfo=PARIS).astimezone(UTC)


def person() -> int:
    return Party.objects.create(
        kind="person", segment="consumer", display_name="Camille", email="c@example.test"
    ).pk


def firm() -> int:
    return Party.objects.create(
        kind="organisation", segment="business", display_name="Atelier", email="a@example.test"
    ).pk


def plan(amount: str = "29.99", *benefits: Benefit, line: str = "plan-1") -> AgreedCharge:
    return AgreedCharge(line, "plan", True, Money.of(amount), "standard", benefits=benefits)


def press(amount: str = "2.10", line: str = "press-1") -> AgreedCharge:
    return AgreedCharge(line, "press", True, Money.of(amount), "press")


def handset(amount: str = "199.00", line: str = "handset-1") -> AgreedCharge:
    return AgreedCharge(line, "price", False, Money.of(amount), "standard")


def promised(
    order: str,
    charges: Sequence[AgreedCharge],
    *,
    group: str = "g1",
    segment: str = "consumer",
    months: int = 24,
) -> None:
    pledge(
        order_number=order,
        contracts=[
            PledgedContract(
                group=group,
                segment=segment,
                basis=Basis.HT if segment == "business" else Basis.TTC,
                charges=tuple(charges),
                tax_rates=RATES,
                commitment_months=months,
            )
        ],
    )


def activated(
    order: str,
    charges: Sequence[AgreedCharge],
    *,
    party: int,
    group: str = "g1",
    segment: str = "consumer",
    on: date = DAY,
    months: int = 24,
    codes: BuyerCodes = NO_CODES,
) -> int:
    lines = dict.fromkeys(charge.item for charge in charges)
    return activate(
        order_number=order,
        group=group,
        party_id=party,
        segment=segment,
        items=[
            ActivatedItem(
                line_id=line,
                offering=f"offer-{line}",
                charges=tuple(charge for charge in charges if charge.item == line),
                names={"fr": f"Ligne {line}", "en": f"Line {line}"},
            )
            for line in lines
        ],
        tax_rates=RATES,
        term_months=months,
        activated_on=on,
        release=1,
        channel="web",
        msisdn="0639980001",
        codes=codes,
        benefit_names={"six-free": {"fr": "6 mois offerts", "en": "6 months free"}},
    )


def begun(
    order: str,
    charges: Sequence[AgreedCharge],
    *,
    party: int,
    group: str = "g1",
    segment: str = "consumer",
    on: date = DAY,
    codes: BuyerCodes = NO_CODES,
) -> int:
    """Promised and activated."""
    promised(order, charges, group=group, segment=segment)
    return activated(order, charges, party=party, group=group, segment=segment, on=on, codes=codes)


def run(on: date) -> int | None:
    """A bill run of that day with all its chunks carried out here."""
    run_id = bill_run.start(on=on)
    if run_id is not None:
        carried_out(run_id)
    return run_id


def carried_out(run_id: int) -> None:
    """Work on the chunks of a run as workers would: once to draft them, and once to number them."""
    chunks = list(
        BillRunChunk.objects.filter(run=run_id).order_by("pk").values_list("pk", flat=True)
    )
    for chunk in chunks * 2:
        bill_run.work(chunk)


def bills() -> list[tuple[str | None, str, str]]:
    """Number, first day and sum of every invoice, in the order in which they were made."""
    return [
        (invoice.number, str(invoice.period_start or "order"), str(invoice.gross))
        for invoice in Invoice.objects.order_by("pk")
    ]


def sql(statement: str, *values: object) -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)  # type: ignore[arg-type]
        return cursor.fetchall() if cursor.description else []
