"""From the readable data of a release to promotions that are found by what triggers them."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import TypeVar

from catalogue.domain.expressions import (
    All,
    AnyOf,
    Expression,
    Facts,
    Not,
    Operator,
    Scalar,
    Test,
    parse,
)
from catalogue.domain.model import ChargeKind, Text
from commerce.kernel.clock import PARIS
from commerce.kernel.errors import InvalidInput
from commerce.kernel.money import CENT
from commerce.kernel.sentences import Sentence
from promotions.domain.benefits import Benefit, BenefitKind, EarlyExit
from promotions.domain.model import (
    Beside,
    BundleItem,
    BundlePrice,
    FreeItem,
    Limits,
    Pick,
    Promotion,
    PromotionBenefit,
    Reduction,
    WhileLines,
)

E = TypeVar("E", "Form", ChargeKind, EarlyExit, Pick)


class Form(StrEnum):
    """The kinds of benefits that the data knows."""

    PERCENT_OFF = "percent_off"
    AMOUNT_OFF = "amount_off"
    FIXED_PRICE = "fixed_price"
    FREE_ITEM = "free_item"
    BUNDLE_PRICE = "bundle_price"


_TRIGGER_FACTS = {
    "codes": "codes",
    "offerings": "codes",
    "kinds": "kinds",
    "categories": "categories",
    "bundles": "bundle.code",
}
HISTORY = frozenset(
    [
        *("customer.tenure_months", "customer.lines", "customer.owns"),
        *("customer.months_to_commitment_end", "customer.others", "customer.earlier"),
    ]
)
# Facts that make a good index, the most selective first.
_SELECTIVE = ("code", "codes", "family", "brand", "model", "category", "categories", "kinds")
_KEYS = frozenset(
    [
        *("code", "version", "name", "hint", "when", "trigger", "benefits", "group", "priority"),
        *("exclusive", "requires_code", "limits", "early_exit", "valid_from", "valid_until"),
        *("single_use", "reasons", "lines"),
    ]
)
_MONTHS = frozenset({"kind", "charge", "first", "periods"})
BENEFIT_KEYS: Mapping[Form, frozenset[str]] = {
    Form.PERCENT_OFF: _MONTHS | {"target", "value"},
    Form.AMOUNT_OFF: _MONTHS | {"target", "value"},
    Form.FIXED_PRICE: _MONTHS | {"target", "value"},
    Form.FREE_ITEM: _MONTHS | {"target", "value", "buy", "free", "most", "pick"},
    Form.BUNDLE_PRICE: _MONTHS | {"items", "value", "most"},
}
_FORMS = {
    Form.PERCENT_OFF: BenefitKind.PERCENT_OFF,
    Form.AMOUNT_OFF: BenefitKind.AMOUNT_OFF,
    Form.FIXED_PRICE: BenefitKind.FIXED_PRICE,
    Form.FREE_ITEM: BenefitKind.PERCENT_OFF,
    Form.BUNDLE_PRICE: BenefitKind.FIXED_PRICE,
}


@dataclass(frozen=True, slots=True)
class CompiledPromotions:
    """All promotions of a release, indexed: fact name -> value -> promotions; and by entered code.

    A promotion stands under one fact only (its trigger), so that looking through a unit's facts
    finds few candidates however many promotions there are. `times_of_day` are the times ("18:00")
    at which a condition may turn; `asks_history` says whether any asks what the customer has.
    """

    promotions: Mapping[str, Promotion]
    by_fact: Mapping[str, Mapping[Scalar, tuple[Promotion, ...]]]
    by_code: Mapping[str, tuple[Promotion, ...]]
    untriggered: tuple[Promotion, ...] = ()
    limited: tuple[Promotion, ...] = ()
    single_use: bool = False
    times_of_day: tuple[str, ...] = ()
    asks_history: bool = False

    def candidates(
        self, facts: Facts, *, codes: Sequence[str], named: Collection[str] = ()
    ) -> dict[str, Promotion]:
        """Those whose trigger is in `facts`, whose code was entered, or which are `named`."""
        found = {promotion.code: promotion for promotion in self.untriggered}
        for name, by_value in self.by_fact.items():
            fact = facts.get(name)
            if fact is None:
                continue
            for value in fact if isinstance(fact, tuple) else (fact,):
                for promotion in by_value.get(value, ()):
                    found[promotion.code] = promotion
        for code in codes:
            for promotion in self.by_code.get(code.upper(), ()):
                found[promotion.code] = promotion
        for name in named:
            waiting = self.promotions.get(name)
            if waiting is not None and waiting.on_demand:
                found[name] = waiting
        return found

    def knows_code(self, code: str) -> bool:
        return code.strip().upper() in self.by_code


NO_PROMOTIONS = CompiledPromotions({}, {}, {})


def compile_promotions(data: Sequence[Mapping[str, object]]) -> CompiledPromotions:
    """Read `data` (the release's list) and index it.

    Raises:
        InvalidInput: `detail["field"]` says where, like `promotions[3].benefits[0].value`.
    """
    promotions: dict[str, Promotion] = {}
    for index, entry in enumerate(data):
        promotion = _promotion(entry, where=f"promotions[{index}]")
        if promotion.code in promotions:
            raise InvalidInput(
                Sentence("The code %(code)s is used twice.", code=repr(promotion.code)),
                field=f"promotions[{index}].code",
            )
        promotions[promotion.code] = promotion
    return index_promotions(promotions.values())


def index_promotions(promotions: Iterable[Promotion]) -> CompiledPromotions:
    """The index over `promotions`."""
    by_fact: dict[str, dict[Scalar, list[Promotion]]] = {}
    by_code: dict[str, list[Promotion]] = {}
    untriggered: list[Promotion] = []
    every = {promotion.code: promotion for promotion in promotions}
    for promotion in sorted(every.values(), key=lambda p: p.code):
        if promotion.requires_code:
            by_code.setdefault(promotion.requires_code, []).append(promotion)
        elif not promotion.on_demand and not promotion.trigger:
            untriggered.append(promotion)
        for name, values in promotion.trigger.items() if not promotion.on_demand else ():
            for value in values:
                by_fact.setdefault(name, {}).setdefault(value, []).append(promotion)
    tests = [test for promotion in every.values() for test in tests_of(promotion.when)]
    return CompiledPromotions(
        promotions=every,
        by_fact={
            name: {value: tuple(found) for value, found in by_value.items()}
            for name, by_value in by_fact.items()
        },
        by_code={code: tuple(found) for code, found in by_code.items()},
        untriggered=tuple(untriggered),
        limited=tuple(p for p in every.values() if p.limits or p.single_use),
        single_use=any(p.single_use for p in every.values()),
        times_of_day=tuple(
            sorted({t.value for t in tests if t.name == "at.time" and isinstance(t.value, str)})
        ),
        asks_history=any(test.name in HISTORY for test in tests),
    )


def tests_of(expression: Expression) -> Iterator[Test]:
    """Every comparison in it."""
    for _place, test in placed_tests(expression):
        yield test


def placed_tests(expression: Expression, *, where: str = "") -> Iterator[tuple[str, Test]]:
    """Every comparison in it with its place in the data, like `when.all[1].not`."""
    match expression:
        case Test():
            yield where, expression
        case Not():
            yield from placed_tests(expression.part, where=f"{where}.not")
        case All() | AnyOf():
            name = "all" if isinstance(expression, All) else "any"
            for index, part in enumerate(expression.parts):
                yield from placed_tests(part, where=f"{where}.{name}[{index}]")


def _promotion(entry: object, *, where: str) -> Promotion:
    if not isinstance(entry, Mapping):
        raise InvalidInput(Sentence("A promotion is a mapping."), field=where)
    unknown = sorted(set(entry) - _KEYS)
    if unknown:
        raise InvalidInput(
            Sentence("Unknown: %(value)s.", value=", ".join(unknown)), field=f"{where}.{unknown[0]}"
        )
    code = _word(entry.get("code"), where=f"{where}.code")
    when = parse(entry.get("when"), where=f"{where}.when")
    lines = _while_lines(entry.get("lines"), where=f"{where}.lines")
    if lines is not None:
        when = All((when, lines.test))
    requires_code = entry.get("requires_code")
    early_exit = _member(EarlyExit, entry.get("early_exit", "nothing"), where=f"{where}.early_exit")
    if requires_code and entry.get("single_use"):
        raise InvalidInput(
            Sentence("Either one code for all, or codes of a batch."), field=f"{where}.single_use"
        )
    if lines is not None:
        _check_comes_and_goes(entry, lines, early_exit=early_exit, where=where)
    return Promotion(
        code=code,
        version=_whole(entry.get("version", 1), where=f"{where}.version", least=1),
        name=_text(entry.get("name"), where=f"{where}.name"),
        when=when,
        benefits=tuple(
            _benefits(
                entry.get("benefits"), code=code, early_exit=early_exit, where=f"{where}.benefits"
            )
        ),
        trigger=_trigger(entry.get("trigger"), when=when, where=f"{where}.trigger"),
        group=_word(entry.get("group", code), where=f"{where}.group"),
        priority=_whole(entry.get("priority", 0), where=f"{where}.priority", least=-1000),
        exclusive=_flag(entry.get("exclusive", False), where=f"{where}.exclusive"),
        requires_code=str(requires_code).strip().upper() if requires_code else None,
        single_use=_flag(entry.get("single_use", False), where=f"{where}.single_use"),
        reasons=_words(entry.get("reasons", ()), where=f"{where}.reasons"),
        limits=_limits(entry.get("limits"), where=f"{where}.limits"),
        early_exit=early_exit,
        valid_from=_instant(entry.get("valid_from"), where=f"{where}.valid_from"),
        valid_until=_instant(entry.get("valid_until"), where=f"{where}.valid_until"),
        hint=_text(entry["hint"], where=f"{where}.hint") if entry.get("hint") else None,
        lines=lines,
    )


def _while_lines(entry: object, *, where: str) -> WhileLines | None:
    """`{others: 1}` or `{earlier: 1}`, perhaps with `begins`."""
    if entry is None:
        return None
    if not isinstance(entry, Mapping):
        raise InvalidInput(Sentence("Say how many lines: others or earlier."), field=where)
    unknown = sorted(set(entry) - {*Beside, "begins"})
    if unknown:
        raise InvalidInput(
            Sentence("Unknown: %(value)s.", value=", ".join(unknown)), field=f"{where}.{unknown[0]}"
        )
    named = [each for each in Beside if each in entry]
    if len(named) != 1:
        raise InvalidInput(Sentence("Say how many lines: others or earlier."), field=where)
    return WhileLines(
        beside=named[0],
        at_least=_whole(entry[named[0]], where=f"{where}.{named[0]}", least=1),
        begins=_flag(entry.get("begins", False), where=f"{where}.begins"),
    )


def _check_comes_and_goes(
    entry: Mapping[str, object], lines: WhileLines, *, early_exit: EarlyExit, where: str
) -> None:
    """What comes and goes with lines is of a month, counts nothing and is not given back."""
    if early_exit is not EarlyExit.NOTHING:
        raise InvalidInput(
            Sentence("What ends with another line is not given back."), field=f"{where}.early_exit"
        )
    on_demand = any(entry.get(key) for key in ("requires_code", "single_use", "reasons", "limits"))
    if lines.begins and on_demand:
        raise InvalidInput(
            Sentence("What begins by itself needs no code, reason or limit."),
            field=f"{where}.lines.begins",
        )
    benefits = entry.get("benefits")
    for index, each in enumerate(benefits if isinstance(benefits, (list, tuple)) else ()):
        kind = each.get("kind") if isinstance(each, Mapping) else None
        charge = each.get("charge") if isinstance(each, Mapping) else None
        if kind not in (Form.PERCENT_OFF, Form.AMOUNT_OFF) or charge != ChargeKind.RECURRING:
            raise InvalidInput(
                Sentence("With lines comes and goes what is off a recurring price alone."),
                field=f"{where}.benefits[{index}]",
            )


def _benefits(
    data: object, *, code: str, early_exit: EarlyExit, where: str
) -> Iterator[PromotionBenefit]:
    if not isinstance(data, (list, tuple)) or not data:
        raise InvalidInput(Sentence("Give at least one benefit."), field=where)
    for index, entry in enumerate(data):
        place = f"{where}[{index}]"
        if not isinstance(entry, Mapping):
            raise InvalidInput(Sentence("A benefit is a mapping."), field=place)
        form = _member(Form, entry.get("kind"), where=f"{place}.kind")
        unknown = sorted(set(entry) - BENEFIT_KEYS[form])
        if unknown:
            raise InvalidInput(
                Sentence("A %(form)s knows no %(value)s.", form=form, value=unknown[0]),
                field=f"{place}.{unknown[0]}",
            )
        periods = entry.get("periods")
        benefit = Benefit(
            code=code,
            kind=_FORMS[form],
            value=_value(entry, form=form, where=f"{place}.value"),
            first=_whole(entry.get("first", 1), where=f"{place}.first", least=1),
            periods=_whole_or_none(periods, where=f"{place}.periods"),
            early_exit=early_exit,
        )
        yield _benefit(entry, form=form, benefit=benefit, where=place)


def _benefit(
    entry: Mapping[str, object], *, form: Form, benefit: Benefit, where: str
) -> PromotionBenefit:
    default = ChargeKind.ONE_OFF if form is Form.FREE_ITEM else None
    charge = _member(ChargeKind, entry.get("charge", default), where=f"{where}.charge")
    if charge is ChargeKind.USAGE:
        raise InvalidInput(
            Sentence("Usage is not promised, so not reduced."), field=f"{where}.charge"
        )
    most = _whole_or_none(entry.get("most"), where=f"{where}.most")
    if form is Form.BUNDLE_PRICE:
        items = tuple(_items(entry.get("items"), where=f"{where}.items"))
        return BundlePrice(items, charge, benefit, most)
    target = parse(entry.get("target"), where=f"{where}.target")
    if form is Form.FREE_ITEM:
        return FreeItem(
            target=target,
            charge=charge,
            benefit=benefit,
            buy=_whole(entry.get("buy", 0), where=f"{where}.buy", least=0),
            free=_whole(entry.get("free", 1), where=f"{where}.free", least=1),
            most=most,
            pick=_member(Pick, entry.get("pick", Pick.CHEAPEST), where=f"{where}.pick"),
        )
    return Reduction(target, charge, benefit)


def _items(data: object, *, where: str) -> Iterator[BundleItem]:
    if not isinstance(data, (list, tuple)) or not data:
        raise InvalidInput(Sentence("Say what costs so much together."), field=where)
    for index, entry in enumerate(data):
        place = f"{where}[{index}]"
        if not isinstance(entry, Mapping) or not set(entry) <= {"target", "pieces"}:
            raise InvalidInput(Sentence("Give target and pieces."), field=place)
        yield BundleItem(
            parse(entry.get("target"), where=f"{place}.target"),
            _whole(entry.get("pieces", 1), where=f"{place}.pieces", least=1),
        )


def _value(entry: Mapping[str, object], *, form: Form, where: str) -> Decimal:
    raw = entry.get("value", 100 if form is Form.FREE_ITEM else None)
    if isinstance(raw, bool) or not isinstance(raw, (str, int, Decimal, float)):
        raise InvalidInput(Sentence("Give the value as text, like '20' or '9.99'."), field=where)
    try:
        value = Decimal(str(raw))
    except InvalidOperation as error:
        raise InvalidInput(
            Sentence("%(raw)s is not a number.", raw=repr(raw)), field=where
        ) from error
    percent = form in (Form.PERCENT_OFF, Form.FREE_ITEM)
    most = 100 if percent else 1_000_000
    if not value.is_finite() or not 0 <= value <= most:
        raise InvalidInput(
            Sentence("%(raw)s is not within 0 and %(most)s.", raw=repr(raw), most=most), field=where
        )
    if not percent and value != value.quantize(CENT):
        raise InvalidInput(
            Sentence("%(raw)s has more than two decimals.", raw=repr(raw)), field=where
        )
    return value


def _trigger(data: object, *, when: Expression, where: str) -> Mapping[str, frozenset[Scalar]]:
    if data is None:
        return _derived_trigger(when)
    if not isinstance(data, Mapping) or not set(data) <= set(_TRIGGER_FACTS):
        raise InvalidInput(
            Sentence("Use %(value)s.", value=", ".join(sorted(_TRIGGER_FACTS))), field=where
        )
    trigger: dict[str, frozenset[Scalar]] = {}
    for key, values in data.items():
        if not isinstance(values, (list, tuple)):
            raise InvalidInput(Sentence("A list is expected."), field=f"{where}.{key}")
        trigger[_TRIGGER_FACTS[key]] = frozenset(str(value) for value in values)
    return trigger


def _derived_trigger(when: Expression) -> Mapping[str, frozenset[Scalar]]:
    """One test that must hold whenever `when` does: the most selective that can be looked up."""
    tests = [test for test in conjuncts(when) if _lookup_values(test)]
    if not tests:
        return {}
    best = min(tests, key=lambda test: (_selectivity(test.name), test.name))
    return {best.name: _lookup_values(best)}


def conjuncts(when: Expression) -> Iterator[Test]:
    """The comparisons that must hold whenever `when` does."""
    if isinstance(when, Test):
        yield when
    elif isinstance(when, All):
        for part in when.parts:
            yield from conjuncts(part)


def _lookup_values(test: Test) -> frozenset[Scalar]:
    match test.operator:
        case Operator.IS | Operator.INCLUDES if isinstance(test.value, (str, int)):
            return frozenset([test.value])
        case Operator.IN if isinstance(test.value, tuple):
            return frozenset(test.value)
        case _:
            return frozenset()


def _selectivity(name: str) -> int:
    last = name.rpartition(".")[2]
    if name == "bundle.code":
        return len(_SELECTIVE)
    if name.startswith(("customer.", "cart.")):
        return len(_SELECTIVE) + 2
    return _SELECTIVE.index(last) if last in _SELECTIVE else len(_SELECTIVE) + 1


def _limits(data: object, *, where: str) -> Limits:
    if data is None:
        return Limits()
    if not isinstance(data, Mapping) or not set(data) <= {"total", "per_party"}:
        raise InvalidInput(Sentence("Use total and per_party."), field=where)
    values = {key: _whole_or_none(value, where=f"{where}.{key}") for key, value in data.items()}
    return Limits(**values)


def _text(data: object, *, where: str) -> Text:
    if not isinstance(data, Mapping) or not data:
        raise InvalidInput(Sentence("A text per language is expected."), field=where)
    return Text({str(language): str(text) for language, text in data.items()})


def _word(data: object, *, where: str) -> str:
    if not isinstance(data, str) or not data.strip():
        raise InvalidInput(Sentence("A word is expected."), field=where)
    return data.strip()


def _whole(data: object, *, where: str, least: int) -> int:
    if isinstance(data, bool) or not isinstance(data, int) or data < least:
        raise InvalidInput(
            Sentence("A whole number from %(least)s on is expected.", least=least), field=where
        )
    return data


def _whole_or_none(data: object, *, where: str) -> int | None:
    return None if data is None else _whole(data, where=where, least=1)


def _flag(data: object, *, where: str) -> bool:
    if not isinstance(data, bool):
        raise InvalidInput(Sentence("Say true or false."), field=where)
    return data


def _words(data: object, *, where: str) -> tuple[str, ...]:
    if not isinstance(data, (list, tuple)):
        raise InvalidInput(Sentence("A list of words is expected."), field=where)
    return tuple(_word(word, where=f"{where}[{index}]") for index, word in enumerate(data))


def _member(kind: type[E], data: object, *, where: str) -> E:
    try:
        return kind(str(data))
    except ValueError:
        known = ", ".join(member.value for member in kind)
        raise InvalidInput(
            Sentence("%(data)s is none of: %(known)s.", data=repr(data), known=known), field=where
        ) from None


def _instant(data: object, *, where: str) -> datetime | None:
    """An instant; a bare date means its beginning in Paris."""
    if data is None:
        return None
    try:
        value = datetime.fromisoformat(data) if isinstance(data, str) else data
    except ValueError:
        raise InvalidInput(
            Sentence("%(data)s is not a date.", data=repr(data)), field=where
        ) from None
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=PARIS)).astimezone(UTC)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=PARIS).astimezone(UTC)
    raise InvalidInput(Sentence("%(data)s is not a date.", data=repr(data)), field=where)
