"""Next best offers: from a rule that holds for a line to a journey with its exact price. Pure."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from catalogue.domain.model import Kind, Offering, Snapshot, Text
from commerce.kernel.money import Money
from commerce.kernel.sentences import Sentence
from commerce.ordering.domain.adapting import refusal_of
from commerce.ordering.domain.answers import Reason
from commerce.ordering.domain.cart import CartLine
from commerce.ordering.domain.checks import broken_rules
from commerce.ordering.domain.drafts import Draft, Laid, OwnLine, Sale, lay_out, missing, standing
from commerce.ordering.domain.facts import Entry, unit_facts
from commerce.ordering.domain.journey import Difference, Price
from commerce.ordering.domain.journeys import Journey, entry_point, journey_of
from commerce.ordering.domain.quote import Quote
from promotions.domain.next_offers import Due, LineFacts, NextOfferRule

Values = Mapping[str, Text | date]
"""What the sentences of an offer may name; dates are written at the edge."""


class OfferState(StrEnum):
    """`LAPSED`: its time ran out without an answer."""

    OPEN = "open"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    LAPSED = "lapsed"


@dataclass(frozen=True, slots=True)
class Holding:
    """What a customer has: a line, or a phone that was ordered and whose line is not active yet
    (`line.id` is 0). `monthly` are list prices by role."""

    line: OwnLine
    order_number: str
    group: str
    facts: LineFacts
    monthly: Mapping[str, Money]

    @property
    def subject(self) -> tuple[str, str]:
        """What names it before and after its activation."""
        return self.order_number, self.group


@dataclass(frozen=True, slots=True)
class Lead:
    """Where a yes leads: a step of a journey at the line; without a line yet, to the thing."""

    entry: str
    step: str
    line: int
    role: str = ""
    offering: str = ""


@dataclass(frozen=True, slots=True)
class Prepared:
    """An offer with its price. `change` is against what the line costs at list prices now,
    `saving` what promotions take off over the commitment; `standing` keeps it from being ordered.
    """

    due: Due
    holding: Holding
    lead: Lead
    quote: Quote
    change: Difference
    saving: Money
    values: Values
    standing: Reason | None


@dataclass(frozen=True, slots=True)
class Answered:
    """What became of an offer that was made before."""

    state: OfferState
    until: datetime
    decided_at: datetime | None = None


def rests(rule: NextOfferRule, earlier: Sequence[Answered], *, at: datetime) -> bool:
    """Whether nothing is to be said now, after what was answered (or not) before."""
    pause = timedelta(days=rule.cool_down_days)
    for one in earlier:
        if one.state is OfferState.DECLINED and one.decided_at and at < one.decided_at + pause:
            return True
        if one.state is OfferState.ACCEPTED and at < one.until:
            return True
        unanswered = one.state in (OfferState.OPEN, OfferState.LAPSED) and one.until <= at
        if unanswered and at < one.until + pause:
            return True
    return False


def prepare(
    due: Due,
    holding: Holding,
    *,
    sale: Sale,
    bundles: Sequence[Offering],
    price: Price,
    on: date,
    offering: str = "",
) -> Prepared | None:
    """The offer with its price; None if nothing fits, or the promotion is not given.

    `offering` is what an earlier showing named; only that is looked at then.
    """
    proposes = due.rule.proposes
    entry = entry_point(proposes.journey)
    journey = journey_of(entry, bundles=bundles) if entry is not None else None
    if journey is None or (not holding.line.id and proposes.kind is not Kind.ACCESSORY):
        return None
    for draft, chosen in _drafts(due.rule, holding, sale=sale, only=offering):
        laid = lay_out(draft, journey, sale=sale, line=holding.line)
        if missing(laid, journey) or refusal_of(laid.ground, laid.cart.lines) is not None:
            continue
        why = standing(journey, holding.line if holding.line.id else None, on=on)
        if why is not None and why.code == "renewal_not_yet":
            return None
        quote = price(laid.cart)
        given = {applied.code for applied in quote.applied}
        if proposes.promotion is not None and proposes.promotion not in given:
            return None
        return _prepared(due, holding, journey, laid, quote, chosen=chosen, why=why, sale=sale)
    return None


def with_phone(
    codes: Sequence[str], handset: Offering | None, *, catalogue: Snapshot, segment: str
) -> tuple[str, ...]:
    """The forms of those accessories that fit the phone."""
    forms: set[str] = set()
    for code in codes:
        offering = catalogue.offerings.get(code)
        if handset is None or offering is None or offering.kind is not Kind.ACCESSORY:
            continue
        pair = (_entry(handset, "handset"), _entry(offering, "accessory"))
        facts = unit_facts(pair, bundle=None, segment=segment)
        if not broken_rules(pair, facts=facts, catalogue=catalogue):
            forms.add(str(offering.characteristics.get("form", "")))
    return tuple(sorted(forms))


def findings(snapshot: Snapshot) -> Iterator[tuple[str, str]]:
    """Rules that lead into a journey that there is not; for the import of a catalogue."""
    for number, item in enumerate(snapshot.next_offers):
        proposes = item["proposes"]
        journey = str(proposes["journey"]) if isinstance(proposes, Mapping) else ""
        entry = entry_point(journey)
        if entry is None or not entry.of_line:
            yield (
                f"next_offers[{number}].proposes.journey",
                Sentence("No journey of a running line is called %(journey)s.", journey=journey),
            )


def sentence(template: Text, values: Values, *, day: Callable[[date, str], str]) -> Text:
    """The template filled in every language; `day` writes a date in a language."""
    found = {}
    for language, text in template.by_language.items():
        for name, value in values.items():
            said = day(value, language) if isinstance(value, date) else value.in_(language)
            text = text.replace(f"{{{name}}}", said)
        found[language] = text
    return Text(found)


def _drafts(
    rule: NextOfferRule, holding: Holding, *, sale: Sale, only: str
) -> Iterator[tuple[Draft, Offering | None]]:
    kind = rule.proposes.kind
    if kind is None:
        yield Draft(), None
        return
    role = kind.value
    for offering in sorted(sale.catalogue.of_kind(kind), key=lambda o: (o.rank, o.code)):
        if only and offering.code != only:
            continue
        if offering.code in holding.facts.codes or not offering.sellable(
            segment=sale.segment, channel=sale.channel, at=sale.at
        ):
            continue
        if rule.proposes.offerings.holds(offering.facts(role=role)):
            yield Draft({role: (offering.code,)}), offering


def _prepared(
    due: Due,
    holding: Holding,
    journey: Journey,
    laid: Laid,
    quote: Quote,
    *,
    chosen: Offering | None,
    why: Reason | None,
    sale: Sale,
) -> Prepared:
    now = Money.zero()
    if journey.entry.renews:
        now = sum((holding.monthly.get(role, now) for role in sorted(laid.filled)), now)
    first, lasting = (quote.monthly[n].amount if quote.monthly else Money.zero() for n in (0, -1))
    role = chosen.kind.value if chosen is not None else ""
    return Prepared(
        due=due,
        holding=holding,
        lead=Lead(
            entry=journey.entry.code,
            step=_step(journey, role),
            line=holding.line.id,
            role=role,
            offering=chosen.code if chosen is not None else "",
        ),
        quote=quote,
        change=Difference(
            today=quote.due_today_gross,
            first_month=first - now,
            lasting_month=lasting - now,
            total=quote.commitment_total - now * quote.months_shown,
        ),
        saving=sum((each.saving_over_commitment for each in quote.applied), Money.zero()),
        values=_values(holding, chosen, catalogue=sale.catalogue),
        standing=why,
    )


def _step(journey: Journey, role: str) -> str:
    """The step of the role, else the first in which something must be chosen."""
    ways = journey.ways
    for way in ways:
        if role in way.roles or (not role and not journey.entry.keeps & frozenset(way.roles)):
            return way.code
    return ways[0].code


def _values(holding: Holding, chosen: Offering | None, *, catalogue: Snapshot) -> Values:
    line = holding.line
    number = Text(dict.fromkeys(("fr", "en"), line.number))
    values: dict[str, Text | date] = {"number": number}
    for role, name in (("handset", "phone"), ("plan", "plan")):
        offering = catalogue.offerings.get(next(iter(line.has.get(role, ())), ""))
        if offering is not None:
            values[name] = catalogue.families.get(offering.family or "", offering.name)
    if line.bound_until is not None:
        values["ends_on"] = line.bound_until
    if chosen is not None:
        values["offer"] = chosen.name
    return values


def _entry(offering: Offering, role: str) -> Entry:
    return Entry(CartLine(id=role, offering=offering.code, role=role), offering)
