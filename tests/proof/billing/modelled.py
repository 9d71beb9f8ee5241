"""A life without what the engine of bills has no part for, and why that is so."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date

from tests.proof.billing.facts import (
    Charge,
    Compensated,
    Contract,
    Fact,
    GivenBack,
    HandedOver,
    Item,
    ItemAdded,
    Life,
    OneOff,
    PaidLate,
    PlanChanged,
    Renewed,
    Suspended,
    Terminated,
    TermsAnnounced,
    Used,
    Withdrawn,
)
from tests.proof.billing.seen import Seen

LEFT_OUT: Mapping[str, str] = {
    "a suspension that is not": "a suspended line is paid for: none of ours is without",
    "a suspension across a cycle": "as above",
}
"""Situations that are not compared, each with the reason."""

OTHERWISE: Mapping[str, str] = {
    "what is due once at an activation": "is due with the order, as all of it is in the engine",
    "what a later plan or option costs once": "left out: it is billed with the order of the change",
    "the fee for leaving": "by itself: it is billed with the order that ends the contract",
    "a compensation after the last contract ended": "left out: there is no next bill",
    "a third party's refund after that": "left out: it is credited at once, by its service",
    "a recovery fee after that": "left out: there is no bill that could ask for it",
    "use of a line that another has by then": "left out: its record goes to whose the number is",
    "an item that ends sooner than was known": "by the pure core; only the end of its contract may "
    "come second to its service",
}
"""What is compared in another form than the lives have it, and how."""


def modelled(life: Life) -> Life:
    """The life with only what the engine has a part for, see `LEFT_OUT` and `OTHERWISE`."""
    contracts = tuple(map(_sold, life.contracts))
    facts = tuple(known for fact in _taken_in(life) for known in _facts(fact, life))
    return replace(life, contracts=contracts, facts=facts)


def _taken_in(life: Life) -> Iterator[Fact]:
    """Without what is used on a line on days on which another holder has it."""
    seen = Seen(life, by=life.until, known=life.until)
    handed = [fact for fact in life.facts if isinstance(fact, HandedOver)]
    gone = {fact.contract: seen.takes_effect(fact) for fact in handed}
    for fact in life.facts:
        if not isinstance(fact, Used) or seen.local_day(fact) < gone.get(fact.contract, date.max):
            yield fact


def _facts(fact: Fact, life: Life) -> list[Fact]:
    match fact:
        case PlanChanged() | Renewed():
            return [replace(fact, plan=_changed(fact.plan))]
        case TermsAnnounced():
            return [replace(fact, successor=_changed(fact.successor))]
        case ItemAdded():
            return [replace(fact, item=_changed(fact.item))]
        case Suspended():
            return [fact] if fact.billed else []
        case Compensated() | GivenBack() | PaidLate():
            # There is no next bill once the last contract has ended.
            return [fact] if _runs(life, fact) else []
    return [fact]


def _runs(life: Life, given: Fact) -> bool:
    """Whether some contract runs on the day, as far as is known then, and on the days after it."""
    ended = {
        fact.contract
        for fact in life.facts
        if isinstance(fact, Terminated | Withdrawn | HandedOver) and fact.known <= given.known
    }
    return any(
        contract.activated is not None
        and contract.activated <= given.known
        and contract.code not in ended
        for contract in life.contracts
    )


def _sold(contract: Contract) -> Contract:
    return replace(
        contract,
        plan=_at_order(contract.plan),
        options=tuple(map(_at_order, contract.options)),
    )


def _at_order(item: Item) -> Item:
    charges = (
        replace(charge, at_order=True) if isinstance(charge, OneOff) else charge
        for charge in item.charges
    )
    return _with(item, charges=tuple(charges))


def _changed(item: Item) -> Item:
    return _with(
        item,
        charges=tuple(each for each in item.charges if not isinstance(each, OneOff)),
    )


def _with(item: Item, *, charges: tuple[Charge, ...]) -> Item:
    codes = {charge.code for charge in charges}
    benefits = tuple(benefit for benefit in item.benefits if benefit.charge in codes)
    return replace(item, charges=charges, benefits=benefits)
