"""What a catalogue must mean beyond its shape; every finding names the place that is wrong."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from catalogue.domain.expressions import All, AnyOf, Expression, Not, Operator, Test, parse
from catalogue.domain.model import Kind, Segment
from catalogue.domain.search import folded
from catalogue.importer.checks_of_bundles import bundle_findings
from catalogue.importer.checks_of_prices import all_charges, price_findings, uncovered
from catalogue.importer.compile import items
from catalogue.importer.recipes import recipe_findings
from catalogue.importer.schema import Catalogue, CharacteristicPart
from catalogue.importer.sources import Trail
from commerce.kernel.errors import InvalidInput

Finding = tuple[Trail, str]
BUILT_IN_FACTS = frozenset({"code", "kind", "category", "family"})
ROLES = frozenset({kind.value for kind in Kind} - {Kind.BUNDLE.value})
PRICED_ONCE = frozenset({Kind.HANDSET, Kind.ACCESSORY, Kind.SIM, Kind.FEE, Kind.NUMBER})
PRICED_MONTHLY = frozenset({Kind.OPTION, Kind.CONTENT})


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
    yield from _twice(named, "offering or family")
    rules: list[tuple[Trail, str]] = [
        (("rules", i, "code"), rule.code) for i, rule in enumerate(catalogue.rules)
    ]
    yield from _twice(rules, "rule")
    promotions: list[tuple[Trail, str]] = [
        (("promotions", i, "code"), f"{p.code} version {p.version}")
        for i, p in enumerate(catalogue.promotions)
    ]
    yield from _twice(promotions, "promotion")


def _twice(named: list[tuple[Trail, str]], what: str) -> Iterator[Finding]:
    counts = Counter(code for _, code in named)
    for trail, code in named:
        if counts[code] > 1:
            yield trail, f"The code {code} is given to more than one {what}."


def _references(catalogue: Catalogue) -> Iterator[Finding]:
    sold = _sold(catalogue)
    codes = {item["code"]: item for _, item in sold}
    for trail, item in sold:
        part = trail[:2]
        if item["category"] not in catalogue.categories:
            yield (*part, "category"), f"There is no category {item['category']}."
        if item["recipe"] and item["recipe"] not in catalogue.recipes:
            yield (*part, "recipe"), f"There is no recipe {item['recipe']}."
        if not item["recipe"] and item["kind"] not in {Kind.BUNDLE, Kind.FEE}:
            yield (*part, "recipe"), f"A {item['kind']} needs a recipe that fulfils it."
        for charge in item["charges"]:
            bundle = charge["in_bundle"]
            if bundle and codes.get(bundle, {}).get("kind") != Kind.BUNDLE:
                yield (*trail, "charges"), f"There is no bundle {bundle}."
        specification = item["specification"]
        if trail[0] == "offerings" and specification != item["code"]:
            known = catalogue.specifications.get(specification)
            if known is None:
                yield (*part, "specification"), f"There is no specification {specification}."
            elif known.kind != item["kind"]:
                yield (*part, "kind"), f"The specification {specification} is of a {known.kind}."
    for i, bundle_part in enumerate(catalogue.bundles):
        for j, slot in enumerate(bundle_part.slots):
            default = codes.get(slot.default or "")
            if slot.default and slot.kind and (default is None or default["kind"] != slot.kind):
                where = ("bundles", i, "slots", j, "default")
                yield where, f"There is no {slot.kind} {slot.default}."


def _characteristics(catalogue: Catalogue) -> Iterator[Finding]:
    families = {family.code for family in catalogue.families}
    for trail, item in _sold(catalogue):
        where = (*trail, "characteristics")
        given = item["characteristics"]
        for name, value in given.items():
            known = catalogue.characteristics.get(name)
            if known is None:
                yield (*where, name), f"The characteristic {name} is not declared."
                continue
            for single in value if isinstance(value, list) else [value]:
                if known.values and str(single) not in known.values:
                    yield (*where, name), f"{single} is not a declared value of {name}."
                elif not _is_of_type(single, known):
                    yield (*where, name), f"{single} is not of the type {known.type} of {name}."
        for name, declared in catalogue.characteristics.items():
            if item["kind"] in declared.required_for and name not in given:
                yield where, f"A {item['kind']} must say its {name}."
        for family in given.get("fits_families", ()):
            if family not in families:
                yield (*where, "fits_families"), f"There is no family {family}."


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
        kind = Kind(item["kind"])
        for segment in item["segments"]:
            own = [c for c in item["charges"] if c["segment"] == segment]
            if kind is Kind.PLAN:
                yield from _plan_prices(trail, item, segment, own)
            elif kind in PRICED_ONCE:
                yield from _general_price(trail, item, segment, own, "one_off", "list price")
            elif kind in PRICED_MONTHLY:
                yield from _general_price(trail, item, segment, own, "recurring", "monthly price")


def _general_price(
    trail: Trail,
    item: dict[str, Any],
    segment: str,
    charges: list[dict[str, Any]],
    kind: str,
    called: str,
) -> Iterator[Finding]:
    fitting = [c for c in charges if c["kind"] == kind and not c["terms"] and not c["in_bundle"]]
    yield from _covered(trail, item, fitting, f"There is no {called} for {segment} customers")


def _plan_prices(
    trail: Trail, item: dict[str, Any], segment: str, charges: list[dict[str, Any]]
) -> Iterator[Finding]:
    if not item["terms"]:
        yield (*trail, "terms"), "A plan says which terms it has (0 for none)."
    monthly = [c for c in charges if c["kind"] == "recurring" and not c["in_bundle"]]
    for term in item["terms"]:
        fitting = [c for c in monthly if not c["terms"] or term in c["terms"]]
        sentence = f"There is no monthly price for {segment} customers at {term} months"
        yield from _covered(trail, item, fitting, sentence)


def _covered(
    trail: Trail, item: dict[str, Any], charges: list[dict[str, Any]], sentence: str
) -> Iterator[Finding]:
    """A price must last as long as what it is the price of."""
    if not charges:
        yield (*trail, "charges"), f"{sentence}."
        return
    gap = uncovered(item, charges)
    if gap:
        yield (*trail, "charges"), f"{sentence} {gap}."


def _tax(catalogue: Catalogue, tax_classes: frozenset[str]) -> Iterator[Finding]:
    for trail, charge in all_charges(catalogue):
        if charge.tax_class not in tax_classes:
            known = ", ".join(sorted(tax_classes))
            yield (*trail, "tax_class"), f"{charge.tax_class} is not a tax class ({known})."
        if charge.consumer is None and charge.business is None:
            yield trail, "A charge needs an amount for consumer, business, or both."


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
            yield trail, f"{error.message} ({error.detail['field']})".replace(" ()", "")
            continue
        for name in facts_in(expression):
            prefix, _, fact = name.rpartition(".")
            if (
                prefix in roles
                and fact not in BUILT_IN_FACTS
                and fact not in catalogue.characteristics
            ):
                yield trail, f"Nothing has a characteristic {fact} (fact {name})."


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
    seen: Counter[str] = Counter()
    for code, supplier in catalogue.suppliers.items():
        for field, named in (
            ("pieces", supplier.pieces),
            ("back_order_on", supplier.back_order_on),
        ):
            for offering in named:
                if offering not in physical:
                    where = ("suppliers", code, field, offering)
                    yield where, f"There is no handset, accessory or SIM {offering}."
        for offering in supplier.pieces:
            seen[offering] += 1
            if seen[offering] > 1:
                where = ("suppliers", code, "pieces", offering)
                yield where, f"{offering} already has a supplier."
    for trail, item in _sold(catalogue):
        if item["kind"] in {Kind.HANDSET, Kind.ACCESSORY} and item["code"] not in seen:
            yield (*trail, "code"), f"{item['code']} has no supplier and no stock."


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
            yield trail, f"{text!r} ({language}) has its synonyms in another place too."


def segments_of(item: Mapping[str, Any]) -> tuple[Segment, ...]:
    return tuple(Segment(name) for name in item["segments"])
