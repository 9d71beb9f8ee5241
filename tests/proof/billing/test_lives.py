"""What holds of every life: its bills are what is owed, however the facts are told."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from random import Random

import pytest

from tests.proof.billing.facts import (
    Benefit,
    Buyer,
    Effect,
    Fact,
    Item,
    ItemAdded,
    Life,
    PlanChanged,
    Recurring,
    Renewed,
    TermsAnnounced,
)
from tests.proof.billing.lives import life
from tests.proof.billing.money import cents
from tests.proof.billing.oracle import Bill, Document, Line, bills, net_of_lines, occasions
from tests.proof.billing.owed import NOTHING, Key, Kind, owed
from tests.proof.billing.situations import covered

SEEDS = range(12)
FEW = range(100, 103)


@pytest.fixture(scope="module")
def told() -> list[tuple[Life, list[Bill]]]:
    """Some lives and their bills."""
    return [(one, bills(one)) for one in map(life, SEEDS)]


def test_a_seed_is_a_life() -> None:
    assert life(7) == life(7)
    assert life(7) != life(8)


def test_two_hundred_lives_hold_every_situation_several_times() -> None:
    rare = {name: count for name, count in covered(map(life, range(200))).items() if count < 5}
    assert rare == {}


def test_the_bills_of_a_life_are_what_should_have_been_billed(
    told: list[tuple[Life, list[Bill]]],
) -> None:
    for one, issued in told:
        last = [occasion for occasion in occasions(one) if occasion.takes_all][-1]
        should = owed(one, by=last.day, known=last.known)
        billed = sums(issued)
        alone = {key: amount for key, amount in billed.items() if key not in should and amount}
        assert {key: billed[key] for key in should} == {
            key: amount.amount for key, amount in should.items()
        }
        assert {key.kind for key in alone} <= {Kind.ORDERED}


@pytest.mark.parametrize("seed", FEW)
def test_after_every_bill_nothing_is_left_to_bill(seed: int) -> None:
    one = life(seed)
    made = [occasion for occasion in occasions(one) if occasion.takes_all]
    for occasion in made[::9]:
        told = [before for before in occasions(one) if before.day < occasion.day]
        billed = sums(bills(one, [*told, occasion]))
        should = owed(one, by=occasion.day, known=occasion.known)
        assert {key: billed.get(key) for key in should} == {
            key: amount.amount for key, amount in should.items()
        }


@pytest.mark.parametrize("seed", FEW)
def test_the_order_in_which_facts_are_told_changes_nothing(seed: int) -> None:
    one, rng = life(seed), Random(seed)
    facts = rng.sample(one.facts, len(one.facts))
    contracts = rng.sample(one.contracts, len(one.contracts))
    assert sorted(bills(replace(one, facts=tuple(facts), contracts=tuple(contracts))), key=str) == (
        sorted(bills(one), key=str)
    )


@pytest.mark.parametrize("seed", FEW)
def test_a_hundred_percent_off_is_exactly_nothing(seed: int) -> None:
    lines = [line for bill in bills(for_nothing(life(seed))) for line in bill.lines]
    recurring = {line.amount for line in lines if line.key.kind is Kind.RECURRING}
    fees = [line for line in lines if line.key.kind is Kind.FEE and line.amount]
    assert (recurring, fees) == ({NOTHING}, [])


def test_lines_add_up_to_taxes_and_taxes_to_the_total(
    told: list[tuple[Life, list[Bill]]],
) -> None:
    for one, bill in each(told):
        consumer = one.account.buyer is Buyer.CONSUMER
        master = sum((line.amount for line in bill.lines), NOTHING)
        assert master == (bill.total if consumer else bill.net)
        assert bill.net + bill.tax == bill.total
        assert len({tax.rate for tax in bill.taxes}) == len(bill.taxes)
        assert bill.total == sum(tax.gross for tax in bill.taxes)
        assert (bill.document is Document.CREDIT_NOTE) == (bill.total < 0)


def test_tax_is_that_of_the_net_or_for_a_consumer_a_cent_from_it(
    told: list[tuple[Life, list[Bill]]],
) -> None:
    apart = {Buyer.CONSUMER: {NOTHING}, Buyer.BUSINESS: {NOTHING}}
    for one, bill in each(told):
        for tax in bill.taxes:
            exact = cents(Fraction(tax.net) * Fraction(tax.rate) / 100)
            apart[one.account.buyer].add(abs(tax.tax - exact))
    assert apart == {Buyer.CONSUMER: {NOTHING, Decimal("0.01")}, Buyer.BUSINESS: {NOTHING}}


def test_lines_without_tax_add_up_to_the_bill_without_tax(
    told: list[tuple[Life, list[Bill]]],
) -> None:
    for one, bill in each(told):
        nets = net_of_lines(one, bill)
        assert sum(nets.values()) == bill.net
        assert nets.keys() == {line.key for line in bill.lines}


def test_no_day_of_a_charge_is_in_two_periods(told: list[tuple[Life, list[Bill]]]) -> None:
    for _, issued in told:
        keys = sorted(key for key in sums(issued) if key.kind is Kind.RECURRING)
        for first, second in pairwise(keys):
            if replace(first, period=second.period) == second:
                assert first.period.end <= second.period.start


def each(told: list[tuple[Life, list[Bill]]]) -> list[tuple[Life, Bill]]:
    """Every bill with its life."""
    return [(one, bill) for one, issued in told for bill in issued]


def sums(issued: list[Bill]) -> dict[Key, Decimal]:
    """What was billed in all, by key."""
    lines: list[Line] = [line for bill in issued for line in bill.lines]
    total = dict.fromkeys((line.key for line in lines), NOTHING)
    for line in lines:
        total[line.key] += line.amount
    return total


def for_nothing(one: Life) -> Life:
    """The same life with all off every recurring charge."""
    contracts = [
        replace(
            contract,
            plan=all_off(contract.plan),
            options=tuple(map(all_off, contract.options)),
        )
        for contract in one.contracts
    ]
    return replace(one, contracts=tuple(contracts), facts=tuple(map(fact_for_nothing, one.facts)))


def fact_for_nothing(fact: Fact) -> Fact:
    """The same fact with all off what it brings."""
    match fact:
        case PlanChanged() | Renewed():
            return replace(fact, plan=all_off(fact.plan))
        case TermsAnnounced():
            return replace(fact, successor=all_off(fact.successor))
        case ItemAdded():
            return replace(fact, item=all_off(fact.item))
    return fact


def all_off(item: Item) -> Item:
    """A hundred percent off each recurring charge, without end, after all other benefits."""
    off = [
        Benefit("all off", charge.code, Effect.PERCENT_OFF, Decimal(100))
        for charge in item.charges
        if isinstance(charge, Recurring)
    ]
    return replace(item, benefits=(*item.benefits, *off))
