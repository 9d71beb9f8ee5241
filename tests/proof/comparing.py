"""The same case put to the engine and to the oracle, and what they do not agree on."""

from datetime import date
from functools import cache
from itertools import takewhile
from typing import Any

from catalogue.domain.model import Segment, Snapshot
from catalogue.importer.loader import accepted
from catalogue.importer.sources import Sources
from commerce.kernel.periods import cycle_day_for
from commerce.ordering.domain import quote as engine
from commerce.ordering.domain.cart import CartLine, CartValue
from promotions.domain import compiler
from promotions.domain.model import CustomerFacts
from subscriptions.domain import charges
from tests.oracle.bills import Line
from tests.oracle.oracle import Answer, answer
from tests.proof.random_carts import Case, Data, catalogue

PERIODS = 36


@cache
def snapshot_of(price_list: int) -> Snapshot:
    return accepted(Sources(data=catalogue(price_list)), on=date(2026, 1, 1)).snapshot


def disagreements(case: Case) -> list[str]:
    """What the engine says otherwise than the oracle, each as one readable line."""
    expected, found = by_oracle(case), by_engine(case)
    return [
        f"{name}: {found[name]} should be {wanted}"
        for name, wanted in expected.items()
        if found[name] != wanted
    ]


def by_oracle(case: Case) -> dict[str, Any]:
    said = answer(
        catalogue=case.catalogue,
        promotions=case.promotions,
        cart=case.cart,
        customer=case.customer,
        at=case.at,
        activation=case.activation,
        cycle_day=case.cycle_day,
        periods=PERIODS,
    )
    return {
        "due today": said.due_today,
        "tax today": [(t.rate, t.net, t.tax, t.gross) for t in said.tax_today],
        "to pay over the commitment": said.commitment,
        "promotions": list(said.applied),
        "lines of bills": sorted(map(_plain, said.bills)),
        "bills of the quote": _months(said) if case.cycle_day is None else None,
    }


def by_engine(case: Case) -> dict[str, Any]:
    quote = quoted(case)
    groups = {line.id: line.group for line in quote.lines}
    return {
        "due today": quote.due_today.cents,
        "tax today": [(t.rate, t.net.cents, t.tax.cents, t.gross.cents) for t in quote.tax_today],
        "to pay over the commitment": quote.commitment_total.cents,
        "promotions": sorted(
            {(groups[line], given.code) for given in quote.applied for line in given.lines}
        ),
        "lines of bills": sorted(_billed(case, quote)),
        "bills of the quote": bills_of(quote) if case.cycle_day is None else None,
    }


def quoted(case: Case, *, snapshot: Snapshot | None = None) -> engine.Quote:
    return engine.quote(
        cart_of(case.cart),
        catalogue=snapshot or snapshot_of(case.price_list),
        promotions=compiler.compile_promotions(case.promotions),
        customer=customer_of(case),
        at=case.at,
        activation=case.activation,
    )


def cart_of(cart: Data) -> CartValue:
    return CartValue(
        code="7K2-Q9F",
        lines=tuple(
            CartLine(
                id=line["id"],
                offering=line["offering"],
                quantity=line.get("quantity", 1),
                group=line.get("group", ""),
                role=line.get("role", ""),
                term=line.get("term", 0),
                config={"number_choice": line["number"]} if "number" in line else {},
            )
            for line in cart["lines"]
        ),
        segment=Segment(cart["segment"]),
        channel=cart["channel"],
        codes=tuple(cart.get("codes", ())),
        bundles=cart.get("bundles", {}),
    )


def customer_of(case: Case) -> CustomerFacts:
    said = case.customer
    return CustomerFacts(
        segment=Segment(case.cart["segment"]),
        known=said.get("known", False),
        tenure_months=said.get("tenure_months", 0),
        lines=said.get("lines", 0),
        owns=tuple(said.get("owns", ())),
        months_to_commitment_end=said.get("months_to_commitment_end"),
        used_up=frozenset(case.cart.get("used_up", ())),
        opened=frozenset(case.cart.get("single_use", ())),
        retained=dict.fromkeys(case.cart.get("retention", ()), "price"),
    )


def bills_of(quote: engine.Quote) -> list[tuple[int, date, int]]:
    return [(bill.period, bill.start, bill.amount.cents) for bill in quote.bills(PERIODS)]


def billed_in(case: Case, quote: engine.Quote) -> dict[int, int]:
    """Cents by contract month."""
    found: dict[int, int] = {}
    for month, *_, cents in _billed(case, quote):
        found[month] = found.get(month, 0) + cents
    return found


def _billed(case: Case, quote: engine.Quote) -> list[tuple[Any, ...]]:
    """What the charges agreed make due, line by line."""
    cycle_day = case.cycle_day or cycle_day_for(case.activation)
    found = []
    for agreed in quote.agreed_charges():
        if not agreed.recurring:
            continue
        for span in takewhile(
            lambda span: span.index <= PERIODS,
            charges.spans(agreed, activation=case.activation, cycle_day=cycle_day),
        ):
            due = charges.due_lines(agreed, activation=case.activation, span=span)
            amount = sum(line.amount.cents for line in due)
            found.append(
                (span.index, span.period.start, agreed.item, agreed.code, agreed.tax_class, amount)
            )
    return found


def _plain(line: Line) -> tuple[Any, ...]:
    return line.period, line.starts, line.line, line.charge, line.tax_class, line.amount


def _months(said: Answer) -> list[tuple[int, date, int]]:
    return [(month, start, said.bill(month)) for month, start in said.months]
