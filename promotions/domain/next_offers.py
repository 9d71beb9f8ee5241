"""Next best offers: rules over what a customer has already. Pure.

A rule is asked for each of his lines; a phone whose line is not active yet counts as a line too.
What a rule proposes is priced, and kept or dropped, by the layer that knows the cart.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from catalogue.domain.document import moment
from catalogue.domain.expressions import Expression, Facts, Scalar, parse
from catalogue.domain.model import Kind, Snapshot, Text
from catalogue.domain.usage import Dimension
from commerce.kernel.errors import InvalidInput
from commerce.kernel.sentences import Sentence
from promotions.domain.compiler import tests_of
from promotions.domain.findings import (
    BUILT_IN,
    CUSTOMER,
    Finding,
    is_characteristic,
    of_expression,
)
from promotions.domain.model import CustomerFacts

MOST_MONTHS = 12
"""Months back that a rule may ask for the use of an allowance."""
ROLES = frozenset({Kind.HANDSET.value, Kind.PLAN.value, Kind.SIM.value})


@dataclass(frozen=True, slots=True)
class Proposal:
    """The `journey` that the offer leads into. With `kind`, the first thing that fits `offerings`
    is put into it; with `promotion`, the offer is only made where the price has it."""

    journey: str
    kind: Kind | None
    offerings: Expression
    promotion: str | None


@dataclass(frozen=True, slots=True)
class NextOfferRule:
    """When something is proposed, in which words, and how often.

    `text` is for the customer, `say` for the agent to say; both may name `{phone}`, `{plan}`,
    `{number}`, `{ends_on}` and `{offer}`. An offer stands for `days`; answered with no, or not at
    all, the rule rests for `cool_down_days` on that line. Shown on `most_impressions` days, it is
    shown no more. No `channels`: all.
    """

    code: str
    version: int
    reason: str
    name: Text
    text: Text
    say: Text
    when: Expression
    proposes: Proposal
    channels: frozenset[str] = frozenset()
    priority: int = 0
    days: int = 30
    cool_down_days: int = 60
    most_impressions: int = 20
    valid_from: datetime | None = None
    valid_until: datetime | None = None

    def runs(self, *, channel: str, at: datetime) -> bool:
        began = self.valid_from is None or self.valid_from <= at
        over = self.valid_until is not None and self.valid_until <= at
        return began and not over and (not self.channels or channel in self.channels)


@dataclass(frozen=True, slots=True)
class LineFacts:
    """What conditions may know of a line.

    `offerings` are the facts of its phone, plan and SIM under their roles; `codes` is all that it
    has, `with_phone` the forms of the accessories that the customer has and that fit its phone.
    Days are counted on local dates; None: no phone bought here, no commitment. `used_up` says of
    each allowance whether it was, in each of the last full months, the latest first.
    """

    offerings: Facts
    codes: tuple[str, ...] = ()
    with_phone: tuple[str, ...] = ()
    active: bool = True
    tenure_days: int = 0
    phone_days: int | None = None
    days_to_commitment_end: int | None = None
    open_orders: int = 0
    used_up: Mapping[Dimension, Sequence[bool]] = field(default_factory=dict)

    def facts(self) -> dict[str, Scalar | tuple[Scalar, ...]]:
        facts = {
            **self.offerings,
            "line.codes": self.codes,
            "line.with_phone": self.with_phone,
            "line.active": self.active,
            "line.tenure_days": self.tenure_days,
            "customer.open_orders": self.open_orders,
            **self._months_used_up(),
        }
        if self.phone_days is not None:
            facts["line.phone_days"] = self.phone_days
        if self.days_to_commitment_end is not None:
            facts["line.days_to_commitment_end"] = self.days_to_commitment_end
        return facts

    def _months_used_up(self) -> dict[str, Scalar]:
        """`line.data_gb_used_up_of_3`: in how many of the last three full months it was."""
        return {
            f"line.{each}_used_up_of_{last}": sum(self.used_up.get(each, ())[:last])
            for each in Dimension
            for last in range(1, MOST_MONTHS + 1)
        }


LINE = frozenset(LineFacts({}, phone_days=0, days_to_commitment_end=0).facts())


@dataclass(frozen=True, slots=True)
class Due:
    """A rule that holds for a line; `because` are the facts that it looked at, as text."""

    rule: NextOfferRule
    because: Mapping[str, str]


def due(
    rules: Sequence[NextOfferRule],
    *,
    customer: CustomerFacts,
    line: LineFacts,
    channel: str,
    at: datetime,
) -> tuple[Due, ...]:
    """The rules that hold, by falling priority, then code."""
    facts = {**customer.facts(), **line.facts()}
    found = [
        Due(rule, _because(rule.when, facts=facts))
        for rule in rules
        if rule.runs(channel=channel, at=at) and rule.when.holds(facts)
    ]
    return tuple(sorted(found, key=lambda each: (-each.rule.priority, each.rule.code)))


def compile_next_offers(data: Sequence[Mapping[str, Any]]) -> tuple[NextOfferRule, ...]:
    """The rules of a release's document, whose shape the importer has checked.

    Raises:
        InvalidInput: an expression can't be read; `detail["field"]` says which.
    """
    return tuple(_rule(item, where=f"next_offers[{n}]") for n, item in enumerate(data))


def findings(snapshot: Snapshot) -> Iterator[Finding]:
    """What would keep a rule from ever proposing anything, rule by rule."""
    seen: dict[str, str] = {}
    for number, item in enumerate(snapshot.next_offers):
        where = f"next_offers[{number}]"
        try:
            rule = _rule(item, where=where)
        except InvalidInput as error:
            yield str(error.detail["field"]), error.message
            continue
        if rule.code in seen:
            yield (
                f"{where}.code",
                Sentence(
                    "The code %(code)s is that of %(value)s too.",
                    code=rule.code,
                    value=seen[rule.code],
                ),
            )
        seen.setdefault(rule.code, where)
        yield from _of_rule(rule, where=where, snapshot=snapshot)


def _of_rule(rule: NextOfferRule, *, where: str, snapshot: Snapshot) -> Iterator[Finding]:
    if rule.valid_from and rule.valid_until and rule.valid_until <= rule.valid_from:
        yield f"{where}.valid_until", Sentence("It ends before it begins.")
    yield from of_expression(
        rule.when,
        where=f"{where}.when",
        snapshot=snapshot,
        known=partial(_is_fact, snapshot=snapshot, roles=ROLES),
    )
    proposes, place = rule.proposes, f"{where}.proposes"
    codes = {item.get("code") for item in snapshot.promotions}
    if proposes.promotion is not None and proposes.promotion not in codes:
        yield (
            f"{place}.promotion",
            Sentence("There is no promotion %(promotion)s.", promotion=proposes.promotion),
        )
    if proposes.kind is None:
        return
    role = proposes.kind.value
    known = partial(_is_fact, snapshot=snapshot, roles=frozenset({role}), line=False)
    place = f"{place}.offerings"
    yield from of_expression(proposes.offerings, where=place, snapshot=snapshot, known=known)
    sold = snapshot.of_kind(proposes.kind)
    if not any(proposes.offerings.holds(offering.facts(role=role)) for offering in sold):
        yield place, Sentence("No %(role)s fits.", role=role)


def _is_fact(name: str, *, snapshot: Snapshot, roles: frozenset[str], line: bool = True) -> bool:
    prefix, _, last = name.rpartition(".")
    if prefix in roles:
        return last in BUILT_IN or is_characteristic(last, snapshot=snapshot)
    return line and (name in LINE or name in CUSTOMER)


def _rule(item: Mapping[str, Any], *, where: str) -> NextOfferRule:
    proposes = item["proposes"]
    return NextOfferRule(
        code=item["code"],
        version=item["version"],
        reason=item["reason"],
        name=Text(item["name"]),
        text=Text(item["text"]),
        say=Text(item["say"]),
        when=parse(item["when"], where=f"{where}.when"),
        proposes=Proposal(
            journey=proposes["journey"],
            kind=Kind(proposes["kind"]) if proposes["kind"] else None,
            offerings=parse(proposes["offerings"], where=f"{where}.proposes.offerings"),
            promotion=proposes["promotion"],
        ),
        channels=frozenset(item["channels"]),
        priority=item["priority"],
        days=item["days"],
        cool_down_days=item["cool_down_days"],
        most_impressions=item["most_impressions"],
        valid_from=moment(item["valid_from"]),
        valid_until=moment(item["valid_until"]),
    )


def _because(when: Expression, *, facts: Facts) -> Mapping[str, str]:
    names = dict.fromkeys(test.name for test in tests_of(when))
    return {name: _shown(facts[name]) for name in names if name in facts}


def _shown(fact: Scalar | tuple[Scalar, ...]) -> str:
    if isinstance(fact, tuple):
        return ", ".join(str(part) for part in fact)
    return str(fact).lower() if isinstance(fact, bool) else str(fact)
