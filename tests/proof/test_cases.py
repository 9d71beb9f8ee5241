"""The worked examples of tests/cases: expected cents are worked by hand, each with its sum."""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import product
from pathlib import Path

import pytest
import yaml

from catalogue.domain.model import Segment, Snapshot
from catalogue.importer.loader import accepted
from catalogue.importer.sources import Sources
from commerce.kernel.money import Money
from commerce.ordering.domain.quote import Quote
from promotions.domain.compiler import Form
from tests.proof.comparing import billed_in, bills_of, by_oracle, quoted
from tests.proof.random_carts import Case, Data, catalogue

FOLDER = Path(__file__).parents[1] / "cases"
AT = datetime(2026, 12, 15, 9, 0, tzinfo=UTC)
ACTIVATION = date(2027, 1, 10)
CART = ("codes", "bundles", "single_use", "retention", "used_up")


@dataclass(frozen=True)
class Worked:
    """A cart with the figures that a person has worked out for it."""

    name: str
    case: Case
    figures: list[Data]


def worked() -> list[Worked]:
    return [
        _worked(data, file.stem)
        for file in sorted(FOLDER.glob("*.yaml"))
        for data in yaml.safe_load(file.read_text(encoding="utf-8"))
    ]


def _worked(data: Data, file: str) -> Worked:
    """A line is named by its offering where that stands once, so that figures can speak of it."""
    lines = [
        {"id": f"{line['offering']}-{n}", **line}
        if any(line["offering"] == other["offering"] for other in data["cart"][:n])
        else {"id": line["offering"], **line}
        for n, line in enumerate(data["cart"])
    ]
    promotions = [
        {"name": {"fr": p["code"], "en": p["code"]}, **p} for p in data.get("promotions", [])
    ]
    found = Case(
        seed=0,
        catalogue=_priced(data.get("prices", {})),
        price_list=0,
        promotions=tuple(promotions),
        cart={
            "segment": data.get("segment", "consumer"),
            "channel": data.get("channel", "web"),
            "lines": lines,
            **{name: data[name] for name in CART if name in data},
        },
        customer=data.get("customer", {"known": False, "tenure_months": 0, "lines": 0}),
        at=data.get("at", AT),
        activation=data.get("activation", ACTIVATION),
        cycle_day=data.get("cycle_day"),
    )
    return Worked(f"{file}: {data['case']}", found, data["figures"])


def _priced(prices: Data) -> Data:
    """The catalogue, with a price of its own for some charges."""
    if not prices:
        return catalogue(0)
    data = deepcopy(catalogue(0))
    for thing in data["offerings"]:
        for charge in thing["charges"]:
            amount = prices.get(thing["code"], {}).get(charge["code"])
            if amount and "consumer" in charge:
                charge["consumer"] = Decimal(amount)
    return data


def _snapshot(case: Case) -> Snapshot:
    return accepted(Sources(data=case.catalogue), on=date(2026, 1, 1)).snapshot


CASES = worked()


@pytest.mark.parametrize("one", CASES, ids=lambda one: one.name)
def test_worked_by_hand(one: Worked) -> None:
    found = quoted(one.case, snapshot=_snapshot(one.case))

    assert one.figures
    for figure in one.figures:
        assert figure["why"]
        _check(figure, found, one.case)


def _check(figure: Data, quote: Quote, case: Case) -> None:
    """One figure of a case; `why` says how it was worked out."""
    match figure:
        case {"line": line, "tariff": code, "amount": str(amount), "included": str(included)}:
            entry = quote.line(line)
            assert entry is not None
            (tariff,) = [tariff for tariff in entry.tariffs if tariff.code == code]
            assert (tariff.amount, tariff.included) == (Money.of(amount), Decimal(included)), figure
        case {"line": line, "due_today": str(amount)}:
            entry = quote.line(line)
            assert entry is not None
            assert entry.due_today == Money.of(amount), figure
        case {"due_today": str(amount)}:
            assert quote.due_today == Money.of(amount), figure
        case {"gross": str(amount)}:
            assert quote.due_today_gross == Money.of(amount), figure
        case {"total": str(amount)}:
            assert quote.commitment_total == Money.of(amount), figure
        case {"tax": str(rate), "net": str(net), "amount": str(amount)}:
            (part,) = [part for part in quote.tax_today if part.rate == Decimal(rate)]
            assert (part.net, part.tax) == (Money.of(net), Money.of(amount)), figure
        case {"bills": [int(first), int(last)], "amount": str(amount)}:
            _check_bills(range(first, last + 1), Money.of(amount), quote, case)
        case {"given": list(codes)}:
            assert [given.code for given in quote.applied] == codes, figure
        case {"missed": dict(reasons)}:
            told = {miss.code: miss.reason.value for miss in quote.within_reach}
            assert {code: told.get(code) for code in reasons} == reasons, figure
        case _:
            pytest.fail(f"nobody knows how to check {figure}")


def _check_bills(months: range, amount: Money, quote: Quote, case: Case) -> None:
    """What is billed, and on an account of its own what the quote shows."""
    expected = dict.fromkeys(months, amount.cents)
    due = billed_in(case, quote)
    assert {month: due.get(month, 0) for month in months} == expected
    if case.cycle_day is None:
        shown = {number: cents for number, _, cents in bills_of(quote)}
        assert {month: shown[month] for month in months} == expected


@pytest.mark.parametrize("one", CASES, ids=lambda one: one.name)
def test_the_oracle_says_the_same_of_worked_cases(one: Worked) -> None:
    """The oracle is measured by the same hand-worked sums as the engine."""
    said = by_oracle(one.case)

    for figure in one.figures:
        match figure:
            case {"line": _}:
                continue
            case {"due_today": str(amount)}:
                assert said["due today"] == Money.of(amount).cents, figure
            case {"total": str(amount)}:
                assert said["to pay over the commitment"] == Money.of(amount).cents, figure
            case {"bills": [int(first), int(last)], "amount": str(amount)}:
                sums = dict.fromkeys(range(first, last + 1), 0)
                for month, *_, cents in said["lines of bills"]:
                    if month in sums:
                        sums[month] += cents
                assert set(sums.values()) == {Money.of(amount).cents}, figure


def test_there_are_cases_enough_and_no_two_of_one_name() -> None:
    names = [one.name for one in CASES]

    assert len(names) == len(set(names)) >= 60


def test_every_benefit_meets_every_kind_of_charge_under_both_tax_policies() -> None:
    """Use is reduced by none; a price together is made of charges by the month alone."""
    together = {(Form.BUNDLE_PRICE, "every few months", segment) for segment in Segment}
    wanted = set(product(Form, ("once", "every month", "every few months"), Segment)) - together

    assert {cell for one in CASES for cell in _given(one)} == wanted


def _given(one: Worked) -> Iterator[tuple[Form, str, Segment]]:
    """The kinds of benefits that the case's charges got."""
    forms = {
        promotion["code"]: {Form(benefit["kind"]) for benefit in promotion["benefits"]}
        for promotion in one.case.promotions
    }
    for charge in quoted(one.case, snapshot=_snapshot(one.case)).agreed_charges():
        often = "every month" if charge.every_months == 1 else "every few months"
        for benefit in charge.benefits:
            for form in forms[benefit.code]:
                yield form, often if charge.recurring else "once", Segment(one.case.cart["segment"])
