"""Whether a cart can be ordered, and what may be chosen next: every refusal says why and a way out.

Pure; the catalogue's rules are judged only once all the roles that they name are there, so that a
half-filled bundle is not scolded for what comes next.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from catalogue.domain.expressions import All, AnyOf, Expression, Facts, Not, Operator, Test
from catalogue.domain.model import (
    Kind,
    Offering,
    Refusal,
    Rule,
    Slot,
    Snapshot,
    Text,
    least_in,
    priced_in,
    refusals,
    rivals_of,
)
from commerce.ordering.domain.cart import MOST_PER_LINE, CartValue
from commerce.ordering.domain.facts import (
    SINGLE_ROLES,
    Entry,
    Fact,
    bundles_of,
    by_group,
    entries_of,
    offering_facts,
    term_of,
    unit_facts,
)
from commerce.ordering.domain.numbering import sells_range, uses_sold
from commerce.ordering.domain.packs import unfilled

_ROLES = frozenset((*SINGLE_ROLES, "accessory", "option", "content", "fee", "number"))


@dataclass(frozen=True, slots=True)
class Issue:
    """Something that stands between a cart and an order.

    `code` is for machines: `not_for_sale`, `term_not_offered`, `quantity_out_of_range`,
    `slot_unknown`, `slot_full`, `slot_missing`, `not_a_candidate`, `one_of` (another bundle stands
    in the place), `incompatible`, `no_price`, `use_missing` (of a special number).
    `rule` names the catalogue rule behind `incompatible`. An `unfinished` one only says what is
    still to be chosen.
    """

    code: str
    message: Text
    way_out: Text
    group: str = ""
    role: str = ""
    line: str = ""
    rule: str = ""
    unfinished: bool = False


def issues(cart: CartValue, *, catalogue: Snapshot, at: datetime) -> tuple[Issue, ...]:
    """Everything that is wrong with `cart` or missing in it; nothing if it can be ordered.

    Raises:
        NotFound: code `unknown_offering`.
    """
    groups = by_group(entries_of(cart, catalogue=catalogue))
    bundles = bundles_of(cart, catalogue=catalogue)
    found = [
        issue
        for group, entries in groups.items()
        for issue in _of_group(
            entries, bundle=bundles.get(group), cart=cart, catalogue=catalogue, at=at
        )
    ]
    return (*found, *(_missing(group, slot) for group, slot in unfilled(bundles, groups)))


def blocking(found: Sequence[Issue]) -> Issue | None:
    """The first that forbids what is there already, not merely misses something."""
    return next((issue for issue in found if not issue.unfinished), None)


def broken_rules(
    entries: Sequence[Entry], *, facts: Mapping[str, Fact], catalogue: Snapshot
) -> tuple[Refusal, ...]:
    """The catalogue rules that the lines of one bundle instance break together; `facts` are its
    `unit_facts`."""
    found: dict[str, Refusal] = {}
    many = [entry for entry in entries if entry.role not in SINGLE_ROLES]
    for each in _fact_sets(facts, many):
        rules = tuple(rule for rule in catalogue.rules if decidable(rule, facts=each))
        for refusal in refusals(rules, facts=each):
            found.setdefault(refusal.code, refusal)
    return tuple(found.values())


def decidable(rule: Rule, *, facts: Facts) -> bool:
    """Whether every role that the rule names (other than as absent) is filled."""
    return all(f"{role}.code" in facts for role in roles_of(rule))


def fits_slot(slot: Slot, offering: Offering, *, facts: Mapping[str, Fact]) -> bool:
    """Whether `offering` may take the place, beside what `facts` says of the other roles."""
    if offering.kind is not slot.kind:
        return False
    return slot.candidates.holds({**facts, **offering_facts(offering, role=slot.role)})


_KEPT = 4096
_roles_kept: dict[int, tuple[Rule, frozenset[str]]] = {}


def roles_of(rule: Rule) -> frozenset[str]:
    """The bundle roles that a rule names on either side, worked out once per rule.

    Rules never change; the entry keeps its rule, so that its identity can't be used anew.
    """
    kept = _roles_kept.get(id(rule))
    if kept is None:
        if len(_roles_kept) >= _KEPT:
            _roles_kept.clear()
        roles = roles_named(rule.when) | roles_named(rule.then)
        kept = _roles_kept[id(rule)] = (rule, roles)
    return kept[1]


def roles_named(expression: Expression) -> frozenset[str]:
    """The bundle roles whose facts the expression needs."""
    return frozenset(_walk(expression))


def _walk(expression: Expression) -> Iterator[str]:
    match expression:
        case Test(name, operator):
            role = name.partition(".")[0]
            if role in _ROLES and operator is not Operator.ABSENT:
                yield role
        case All(parts):
            for part in parts:
                yield from _walk(part)
        case AnyOf(parts):
            # Any one alternative decides: only what all of them need is needed.
            needed = [roles_named(part) for part in parts]
            yield from frozenset.intersection(*needed) if needed else ()
        case Not(part):
            yield from _walk(part)


def _fact_sets(base: Mapping[str, Fact], many: Sequence[Entry]) -> Iterator[Mapping[str, Fact]]:
    yield base
    for entry in many:
        yield {**base, **offering_facts(entry.offering, role=entry.role)}


def _of_group(
    entries: Sequence[Entry],
    *,
    bundle: Offering | None,
    cart: CartValue,
    catalogue: Snapshot,
    at: datetime,
) -> Iterator[Issue]:
    term = term_of(entries)
    code = bundle.code if bundle is not None else None
    facts = unit_facts(entries, bundle=bundle, segment=cart.segment.value)
    for entry in entries:
        yield from _of_line(entry, cart=cart, term=term, bundle=code, at=at)
    if bundle is not None:
        yield from _of_slots(entries, bundle=bundle, facts=facts)
    for refusal in broken_rules(entries, facts=facts, catalogue=catalogue):
        yield Issue(
            "incompatible",
            refusal.message,
            refusal.way_out,
            group=entries[0].line.group,
            rule=refusal.code,
        )


def _of_line(
    entry: Entry, *, cart: CartValue, term: int, bundle: str | None, at: datetime
) -> Iterator[Issue]:
    line, offering = entry.line, entry.offering
    if not 1 <= line.quantity <= MOST_PER_LINE:
        yield _about(entry, "quantity_out_of_range", _QUANTITY, _NO_WAY)
    if not offering.sellable(segment=cart.segment, channel=cart.channel, at=at):
        yield _about(entry, "not_for_sale", _NOT_FOR_SALE, _ANOTHER)
    elif offering.charges and not offering.charges_for(
        segment=cart.segment,
        term=term,
        bundle=priced_in(bundle, entry.place),
        channel=cart.channel,
        at=at,
    ):
        yield _about(entry, "no_price", _NO_PRICE, _OTHER_TERM)
    if offering.kind is Kind.PLAN and offering.terms and line.term not in offering.terms:
        yield _about(entry, "term_not_offered", _TERM, _OTHER_TERM)
    if sells_range(offering) and not _has_use(line.config, offering):
        yield _about(entry, "use_missing", _NO_USE, _SAY_USE, unfinished=True)


def _has_use(config: Mapping[str, str], offering: Offering) -> bool:
    return bool(config.get("route_to")) and config.get("purpose") in uses_sold(offering)


def _of_slots(
    entries: Sequence[Entry], *, bundle: Offering, facts: Mapping[str, Fact]
) -> Iterator[Issue]:
    group = entries[0].line.group
    slots = {slot.name: slot for slot in bundle.slots}
    counts: dict[str, int] = {}
    for entry in entries:
        counts[entry.place] = counts.get(entry.place, 0) + entry.line.quantity
    for entry in entries:
        slot = slots.get(entry.place)
        if slot is None:
            yield _about(entry, "slot_unknown", _NO_SLOT, _ALONE)
        elif not fits_slot(slot, entry.offering, facts=facts):
            yield _about(entry, "not_a_candidate", _NO_SLOT, _ALONE)
        elif not counts.keys().isdisjoint(rivals_of(slot, bundle.slots)):
            yield _about(entry, "one_of", ONE_OF.message, ONE_OF.way_out)
    for slot in bundle.slots:
        count = counts.get(slot.name, 0)
        if count > slot.maximum:
            yield Issue("slot_full", _FULL, _REMOVE, group=group, role=slot.name)
        elif count < least_in(slot, bundle.slots, filled=counts.keys()):
            yield _missing(group, slot)


def _missing(group: str, slot: Slot) -> Issue:
    return Issue("slot_missing", _MISSING, _CHOOSE, group=group, role=slot.name, unfinished=True)


def _about(
    entry: Entry, code: str, message: Text, way_out: Text, *, unfinished: bool = False
) -> Issue:
    line = entry.line
    return Issue(
        code,
        message,
        way_out,
        group=line.group,
        role=entry.place,
        line=line.id,
        unfinished=unfinished,
    )


def _text(fr: str, en: str) -> Text:
    return Text({"fr": fr, "en": en})


ONE_OF = Refusal(
    "one_of",
    _text("Un autre pack prend déjà cette place.", "Another pack takes this place already."),
    _text("Retirez d'abord celui-ci.", "Take that one out first."),
)
_NO_WAY = _text("", "")
_QUANTITY = _text(
    f"La quantité doit être comprise entre 1 et {MOST_PER_LINE}.",
    f"The quantity must be between 1 and {MOST_PER_LINE}.",
)
_NOT_FOR_SALE = _text("Cet article n'est plus proposé ici.", "This item is no longer sold here.")
_ANOTHER = _text("Choisissez-en un autre.", "Choose another one.")
_NO_PRICE = _text(
    "Cet article n'a pas de prix avec cet engagement.",
    "This item has no price with this commitment.",
)
_OTHER_TERM = _text("Choisissez une autre durée d'engagement.", "Choose another commitment.")
_TERM = _text(
    "Ce forfait n'est pas proposé avec cette durée d'engagement.",
    "This plan is not offered with this commitment.",
)
_NO_SLOT = _text(
    "Cet article n'a pas sa place dans cette offre groupée.",
    "This item has no place in this bundle.",
)
_ALONE = _text("Commandez-le seul.", "Order it on its own.")
_FULL = _text(
    "Il y a plus d'articles de ce type que l'offre n'en accepte.",
    "There are more items of this kind than the bundle takes.",
)
_REMOVE = _text("Retirez-en un.", "Remove one.")
_NO_USE = _text(
    "On ne sait pas encore où mène ce numéro spécial, ni à quoi il sert.",
    "It is not known yet where calls to this special number go, nor what it serves.",
)
_SAY_USE = _text(
    "Indiquez le numéro vers lequel router les appels, et l'usage du numéro.",
    "Say to which number calls are led, and what the number is for.",
)
_MISSING = _text("Il reste un choix à faire.", "There is still something to choose.")
_CHOOSE = _text("Faites ce choix pour continuer.", "Choose it to go on.")
