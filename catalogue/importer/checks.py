"""What a catalogue must mean beyond its shape; every finding names the place that is wrong."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from catalogue.domain.expressions import All, AnyOf, Expression, Not, Operator, Test, parse
from catalogue.domain.model import Kind
from catalogue.domain.search import folded
from catalogue.domain.sourcing import PartnerKind
from catalogue.importer.checks_of_bundles import bundle_findings
from catalogue.importer.checks_of_prices import (
    NAMED,
    all_charges,
    ended_prices,
    price_findings,
    uncovered,
)
from catalogue.importer.compile import items
from catalogue.importer.recipes import recipe_findings
from catalogue.importer.schema import Catalogue, CharacteristicPart
from catalogue.importer.sources import Trail, trail_of
from commerce.kernel.errors import InvalidInput
from commerce.kernel.sentences import Sentence

Finding = tuple[Trail, str]
BUILT_IN_FACTS = frozenset({"code", "kind", "category", "family"})
ROLES = frozenset({kind.value for kind in Kind} - {Kind.BUNDLE.value})
PRICED_ONCE = frozenset({Kind.HANDSET, Kind.ACCESSORY, Kind.SIM, Kind.FEE, Kind.NUMBER})
PRICED_MONTHLY = frozenset({Kind.OPTION, Kind.CONTENT})
KINDS: Mapping[str, Sentence] = {
    Kind.HANDSET: Sentence("handset"),
    Kind.PLAN: Sentence("plan"),
    Kind.SIM: Sentence("SIM"),
    Kind.ACCESSORY: Sentence("accessory"),
    Kind.OPTION: Sentence("option"),
    Kind.CONTENT: Sentence("content"),
    Kind.FEE: Sentence("fee"),
    Kind.NUMBER: Sentence("number"),
    Kind.BUNDLE: Sentence("bundle"),
}
"""What the kinds are called in sentences."""


def findings(catalogue: Catalogue, *, tax_classes: frozenset[str]) -> Iterator[Finding]:
    """Everything wrong, section by section."""
    checks: tuple[Callable[[Catalogue], Iterator[Finding]], ...] = (
        _codes_once,
        _references,
        _characteristics,
        _prices,
        price_findings,
        bundle_findings,
        _expressions,
        _suppliers,
        _synonyms,
        recipe_findings,
    )
    for check in checks:
        yield from check(catalogue)
    yield from _tax(catalogue, tax_classes)


def _sold(catalogue: Catalogue) -> list[tuple[Trail, dict[str, Any]]]:
    return list(items(catalogue, stocked=set()))


def _codes_once(catalogue: Catalogue) -> Iterator[Finding]:
    named: list[tuple[Trail, str]] = [((*t, "code"), i["code"]) for t, i in _sold(catalogue)]
    named += [(("families", i, "code"), f.code) for i, f in enumerate(catalogue.families)]
    yield from _twice(named, Sentence("offering or family"))
    rules: list[tuple[Trail, str]] = [
        (("rules", i, "code"), rule.code) for i, rule in enumerate(catalogue.rules)
    ]
    yield from _twice(rules, Sentence("rule"))
    promotions: list[tuple[Trail, str]] = [
        (("promotions", i, "code"), f"{p.code} version {p.version}")
        for i, p in enumerate(catalogue.promotions)
    ]
    yield from _twice(promotions, Sentence("promotion"))


def _twice(named: list[tuple[Trail, str]], what: str) -> Iterator[Finding]:
    counts = Counter(code for _, code in named)
    for trail, code in named:
        if counts[code] > 1:
            yield (
                trail,
                Sentence(
                    "The code %(code)s is given to more than one %(what)s.", code=code, what=what
                ),
            )


def _references(catalogue: Catalogue) -> Iterator[Finding]:
    sold = _sold(catalogue)
    codes = {item["code"]: item for _, item in sold}
    for trail, item in sold:
        part = trail[:2]
        if item["category"] not in catalogue.categories:
            yield (
                (*part, "category"),
                Sentence("There is no category %(category)s.", category=item["category"]),
            )
        if item["recipe"] and item["recipe"] not in catalogue.recipes:
            yield (
                (*part, "recipe"),
                Sentence("There is no recipe %(recipe)s.", recipe=item["recipe"]),
            )
        if not item["recipe"] and item["kind"] not in {Kind.BUNDLE, Kind.FEE}:
            yield (
                (*part, "recipe"),
                Sentence("A %(kind)s needs a recipe that fulfils it.", kind=KINDS[item["kind"]]),
            )
        for charge in item["charges"]:
            bundle = charge["in_bundle"]
            if bundle and codes.get(bundle, {}).get("kind") != Kind.BUNDLE:
                yield (*trail, "charges"), Sentence("There is no bundle %(bundle)s.", bundle=bundle)
        specification = item["specification"]
        if trail[0] == "offerings" and specification != item["code"]:
            known = catalogue.specifications.get(specification)
            if known is None:
                yield (
                    (*part, "specification"),
                    Sentence(
                        "There is no specification %(specification)s.", specification=specification
                    ),
                )
            elif known.kind != item["kind"]:
                yield (
                    (*part, "kind"),
                    Sentence(
                        "The specification %(specification)s is of a %(kind)s.",
                        specification=specification,
                        kind=KINDS[known.kind],
                    ),
                )
    for i, bundle_part in enumerate(catalogue.bundles):
        for j, slot in enumerate(bundle_part.slots):
            default = codes.get(slot.default or "")
            if slot.default and slot.kind and (default is None or default["kind"] != slot.kind):
                where = ("bundles", i, "slots", j, "default")
                yield (
                    where,
                    Sentence(
                        "There is no %(kind)s %(default)s.",
                        kind=KINDS[slot.kind],
                        default=slot.default,
                    ),
                )


def _characteristics(catalogue: Catalogue) -> Iterator[Finding]:
    families = {family.code for family in catalogue.families}
    for trail, item in _sold(catalogue):
        where = (*trail, "characteristics")
        given = item["characteristics"]
        for name, value in given.items():
            known = catalogue.characteristics.get(name)
            if known is None:
                yield (
                    (*where, name),
                    Sentence("The characteristic %(name)s is not declared.", name=name),
                )
                continue
            for single in value if isinstance(value, list) else [value]:
                if known.values and str(single) not in known.values:
                    yield (
                        (*where, name),
                        Sentence(
                            "%(single)s is not a declared value of %(name)s.",
                            single=single,
                            name=name,
                        ),
                    )
                elif not _is_of_type(single, known):
                    yield (
                        (*where, name),
                        Sentence(
                            "%(single)s is not of the type %(type)s of %(name)s.",
                            single=single,
                            type=known.type,
                            name=name,
                        ),
                    )
        for name, declared in catalogue.characteristics.items():
            if item["kind"] in declared.required_for and name not in given:
                yield (
                    where,
                    Sentence(
                        "A %(kind)s must say its %(name)s.", kind=KINDS[item["kind"]], name=name
                    ),
                )
        for family in given.get("fits_families", ()):
            if family not in families:
                yield (
                    (*where, "fits_families"),
                    Sentence("There is no family %(family)s.", family=family),
                )


def _is_of_type(value: object, known: CharacteristicPart) -> bool:
    match known.type:
        case "yes_no":
            return isinstance(value, bool)
        case "number":
            return isinstance(value, int | Decimal) and not isinstance(value, bool)
        case "text":
            return isinstance(value, str)
    return True


def _prices(catalogue: Catalogue) -> Iterator[Finding]:
    for trail, item in _sold(catalogue):
        for segment in item["segments"]:
            found = list(_main_price(trail, item, segment))
            yield from found or ended_prices(trail, item, segment)


def _main_price(trail: Trail, item: dict[str, Any], segment: str) -> Iterator[Finding]:
    """Whether there is what it is sold for."""
    kind = Kind(item["kind"])
    own = [c for c in item["charges"] if c["segment"] == segment]
    if kind is Kind.PLAN:
        yield from _plan_prices(trail, item, segment, own)
    elif kind in PRICED_ONCE:
        once = Sentence("There is no list price for %(segment)s", segment=NAMED[segment])
        yield from _general_price(trail, item, own, "one_off", once)
    elif kind in PRICED_MONTHLY:
        monthly = Sentence("There is no monthly price for %(segment)s", segment=NAMED[segment])
        yield from _general_price(trail, item, own, "recurring", monthly)


def _general_price(
    trail: Trail,
    item: dict[str, Any],
    charges: list[dict[str, Any]],
    kind: str,
    lacking: Sentence,
) -> Iterator[Finding]:
    fitting = [c for c in charges if c["kind"] == kind and not c["terms"] and not c["in_bundle"]]
    yield from _covered(trail, item, fitting, lacking)


def _plan_prices(
    trail: Trail, item: dict[str, Any], segment: str, charges: list[dict[str, Any]]
) -> Iterator[Finding]:
    if not item["terms"]:
        yield (*trail, "terms"), Sentence("A plan says which terms it has (0 for none).")
    monthly = [c for c in charges if c["kind"] == "recurring" and not c["in_bundle"]]
    for term in item["terms"]:
        fitting = [c for c in monthly if not c["terms"] or term in c["terms"]]
        lacking = Sentence(
            "There is no monthly price for %(segment)s at %(term)s months",
            segment=NAMED[segment],
            term=term,
        )
        yield from _covered(trail, item, fitting, lacking)


def _covered(
    trail: Trail, item: dict[str, Any], charges: list[dict[str, Any]], lacking: Sentence
) -> Iterator[Finding]:
    """A price must last as long as what it is the price of."""
    if not charges:
        yield (*trail, "charges"), Sentence("%(lacking)s.", lacking=lacking)
        return
    gap = uncovered(item, charges)
    if gap:
        yield (*trail, "charges"), Sentence("%(lacking)s %(gap)s.", lacking=lacking, gap=gap)


def _tax(catalogue: Catalogue, tax_classes: frozenset[str]) -> Iterator[Finding]:
    for trail, charge in all_charges(catalogue):
        if charge.tax_class not in tax_classes:
            known = ", ".join(sorted(tax_classes))
            yield (
                (*trail, "tax_class"),
                Sentence(
                    "%(tax_class)s is not a tax class (%(known)s).",
                    tax_class=charge.tax_class,
                    known=known,
                ),
            )
        if charge.consumer is None and charge.business is None:
            yield trail, Sentence("A charge needs an amount for consumer, business, or both.")


def expressions_of(catalogue: Catalogue) -> Iterator[tuple[Trail, Any]]:
    """Every expression of the catalogue as written, but for those of recipes and promotions."""
    for i, rule in enumerate(catalogue.rules):
        yield ("rules", i, "when"), rule.when
        yield ("rules", i, "then"), rule.then
    for i, bundle in enumerate(catalogue.bundles):
        for j, slot in enumerate(bundle.slots):
            yield ("bundles", i, "slots", j, "candidates"), slot.candidates
        for j, price in enumerate(bundle.prices):
            yield ("bundles", i, "prices", j, "offerings"), price.offerings


def _expressions(catalogue: Catalogue) -> Iterator[Finding]:
    roles = ROLES | {slot.role for bundle in catalogue.bundles for slot in bundle.slots}
    for trail, raw in expressions_of(catalogue):
        try:
            expression = parse(raw, where="")
        except InvalidInput as error:
            yield (*trail, *trail_of(str(error.detail["field"]))), error.message
            continue
        for name in facts_in(expression):
            prefix, _, fact = name.rpartition(".")
            if (
                prefix in roles
                and fact not in BUILT_IN_FACTS
                and fact not in catalogue.characteristics
            ):
                yield (
                    trail,
                    Sentence(
                        "Nothing has a characteristic %(fact)s (fact %(name)s).",
                        fact=fact,
                        name=name,
                    ),
                )


def facts_in(expression: Expression) -> Iterator[str]:
    """The names of the facts that an expression looks at."""
    match expression:
        case Test():
            yield expression.name
            if expression.operator is Operator.INCLUDES_FACT:
                yield str(expression.value)
        case Not():
            yield from facts_in(expression.part)
        case All() | AnyOf():
            for part in expression.parts:
                yield from facts_in(part)


def _suppliers(catalogue: Catalogue) -> Iterator[Finding]:
    physical = {
        item["code"]
        for _, item in _sold(catalogue)
        if item["kind"] in {Kind.HANDSET, Kind.ACCESSORY, Kind.SIM}
    }
    delivered: set[str] = set()
    for code, supplier in catalogue.suppliers.items():
        for field, named in (("pieces", supplier.pieces), ("coming", supplier.coming)):
            for offering in named:
                if offering not in physical:
                    where = ("suppliers", code, field, offering)
                    yield (
                        where,
                        Sentence(
                            "There is no handset, accessory or SIM %(offering)s.", offering=offering
                        ),
                    )
        for offering in supplier.coming.keys() - supplier.pieces.keys():
            where = ("suppliers", code, "coming", offering)
            yield (
                where,
                Sentence("%(offering)s is not among the pieces; say 0 there.", offering=offering),
            )
        if (supplier.kind is PartnerKind.SHOP) != (supplier.door is not None):
            yield ("suppliers", code, "door"), Sentence("A shop has a door, and nobody else.")
        if supplier.kind is PartnerKind.SHOP and supplier.coming:
            yield ("suppliers", code, "coming"), Sentence("A shop promises only what is there.")
        if supplier.kind is not PartnerKind.SHOP:
            delivered |= supplier.pieces.keys()
    for trail, item in _sold(catalogue):
        if item["kind"] in {Kind.HANDSET, Kind.ACCESSORY} and item["code"] not in delivered:
            yield (
                (*trail, "code"),
                Sentence("%(code)s has no supplier and no stock.", code=item["code"]),
            )


def _synonyms(catalogue: Catalogue) -> Iterator[Finding]:
    """A word in two groups would join them without anybody having said so."""
    said: list[tuple[Trail, str]] = [
        (("synonyms", i, "words", j), f"{group.language} {folded(word)}")
        for i, group in enumerate(catalogue.synonyms)
        for j, word in enumerate(group.words)
    ]
    counts = Counter(word for _, word in said)
    for trail, word in said:
        if counts[word] > 1:
            language, _, text = word.partition(" ")
            yield (
                trail,
                Sentence(
                    "%(text)s (%(language)s) has its synonyms in another place too.",
                    text=repr(text),
                    language=language,
                ),
            )
