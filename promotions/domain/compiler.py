"""From the readable data of a release to promotions that are found by what triggers them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

from catalogue.domain.expressions import All, Expression, Facts, Operator, Scalar, Test, parse
from catalogue.domain.model import ChargeKind, Text
from commerce.kernel.clock import PARIS
from commerce.kernel.errors import InvalidInput
from promotions.domain.benefits import Benefit, BenefitKind
from promotions.domain.model import EarlyExit, Limits, Promotion, PromotionBenefit

E = TypeVar("E", BenefitKind, ChargeKind, EarlyExit)

_TRIGGER_FACTS = {
    "codes": "codes",
    "offerings": "codes",
    "kinds": "kinds",
    "categories": "categories",
    "bundles": "bundle.code",
}
# Facts that make a good index, the most selective first.
_SELECTIVE = ("code", "codes", "family", "brand", "model", "category", "categories", "kinds")
_KEYS = frozenset(
    [
        *("code", "version", "name", "hint", "when", "trigger", "benefits", "group", "priority"),
        *("exclusive", "requires_code", "limits", "early_exit", "valid_from", "valid_until"),
    ]
)


@dataclass(frozen=True, slots=True)
class CompiledPromotions:
    """All promotions of a release, indexed: fact name -> value -> promotions; and by entered code.

    A promotion stands under one fact only (its trigger), so that looking through a unit's facts
    finds few candidates however many promotions there are.
    """

    promotions: Mapping[str, Promotion]
    by_fact: Mapping[str, Mapping[Scalar, tuple[Promotion, ...]]]
    by_code: Mapping[str, tuple[Promotion, ...]]
    untriggered: tuple[Promotion, ...] = ()
    limited: tuple[Promotion, ...] = ()

    def candidates(self, facts: Facts, *, codes: Sequence[str]) -> dict[str, Promotion]:
        """Those whose trigger is in `facts` or whose code was entered."""
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
                f"The code {promotion.code!r} is used twice.", field=f"promotions[{index}].code"
            )
        promotions[promotion.code] = promotion
    return index_promotions(promotions.values())


def index_promotions(promotions: Any) -> CompiledPromotions:
    """The index over `promotions`."""
    by_fact: dict[str, dict[Scalar, list[Promotion]]] = {}
    by_code: dict[str, list[Promotion]] = {}
    untriggered: list[Promotion] = []
    every = {promotion.code: promotion for promotion in promotions}
    for promotion in sorted(every.values(), key=lambda p: p.code):
        if promotion.requires_code:
            by_code.setdefault(promotion.requires_code, []).append(promotion)
        elif not promotion.trigger:
            untriggered.append(promotion)
        for name, values in promotion.trigger.items() if not promotion.requires_code else ():
            for value in values:
                by_fact.setdefault(name, {}).setdefault(value, []).append(promotion)
    return CompiledPromotions(
        promotions=every,
        by_fact={
            name: {value: tuple(found) for value, found in by_value.items()}
            for name, by_value in by_fact.items()
        },
        by_code={code: tuple(found) for code, found in by_code.items()},
        untriggered=tuple(untriggered),
        limited=tuple(promotion for promotion in every.values() if promotion.limits),
    )


def _promotion(entry: object, *, where: str) -> Promotion:
    if not isinstance(entry, Mapping):
        raise InvalidInput("A promotion is a mapping.", field=where)
    unknown = sorted(set(entry) - _KEYS)
    if unknown:
        raise InvalidInput(f"Unknown: {', '.join(unknown)}.", field=f"{where}.{unknown[0]}")
    code = _word(entry.get("code"), where=f"{where}.code")
    when = parse(entry.get("when"), where=f"{where}.when")
    requires_code = entry.get("requires_code")
    return Promotion(
        code=code,
        version=_whole(entry.get("version", 1), where=f"{where}.version", least=1),
        name=_text(entry.get("name"), where=f"{where}.name"),
        when=when,
        benefits=tuple(_benefits(entry.get("benefits"), code=code, where=f"{where}.benefits")),
        trigger=_trigger(entry.get("trigger"), when=when, where=f"{where}.trigger"),
        group=_word(entry.get("group", code), where=f"{where}.group"),
        priority=_whole(entry.get("priority", 0), where=f"{where}.priority", least=-1000),
        exclusive=entry.get("exclusive") is True,
        requires_code=str(requires_code).strip().upper() if requires_code else None,
        limits=_limits(entry.get("limits"), where=f"{where}.limits"),
        early_exit=_member(
            EarlyExit, entry.get("early_exit", "nothing"), where=f"{where}.early_exit"
        ),
        valid_from=_instant(entry.get("valid_from"), where=f"{where}.valid_from"),
        valid_until=_instant(entry.get("valid_until"), where=f"{where}.valid_until"),
        hint=_text(entry["hint"], where=f"{where}.hint") if entry.get("hint") else None,
    )


def _benefits(data: object, *, code: str, where: str) -> Iterator[PromotionBenefit]:
    if not isinstance(data, (list, tuple)) or not data:
        raise InvalidInput("Give at least one benefit.", field=where)
    for index, entry in enumerate(data):
        place = f"{where}[{index}]"
        if not isinstance(entry, Mapping):
            raise InvalidInput("A benefit is a mapping.", field=place)
        periods = entry.get("periods")
        yield PromotionBenefit(
            target=parse(entry.get("target"), where=f"{place}.target"),
            charge=_member(ChargeKind, entry.get("charge"), where=f"{place}.charge"),
            benefit=Benefit(
                code=code,
                kind=_member(BenefitKind, entry.get("kind"), where=f"{place}.kind"),
                value=_value(entry, where=f"{place}.value"),
                first=_whole(entry.get("first", 1), where=f"{place}.first", least=1),
                periods=None
                if periods is None
                else _whole(periods, where=f"{place}.periods", least=1),
            ),
        )


def _value(entry: Mapping[str, object], *, where: str) -> Decimal:
    raw = entry.get("value")
    if isinstance(raw, bool) or not isinstance(raw, (str, int, Decimal, float)):
        raise InvalidInput("Give the value as text, like '20' or '9.99'.", field=where)
    try:
        value = Decimal(str(raw))
    except InvalidOperation as error:
        raise InvalidInput(f"{raw!r} is not a number.", field=where) from error
    most = 100 if entry.get("kind") == BenefitKind.PERCENT_OFF else 1_000_000
    if not value.is_finite() or not 0 <= value <= most:
        raise InvalidInput(f"{raw!r} is not within 0 and {most}.", field=where)
    return value


def _trigger(data: object, *, when: Expression, where: str) -> Mapping[str, frozenset[Scalar]]:
    if data is None:
        return _derived_trigger(when)
    if not isinstance(data, Mapping) or not set(data) <= set(_TRIGGER_FACTS):
        raise InvalidInput(f"Use {', '.join(sorted(_TRIGGER_FACTS))}.", field=where)
    trigger: dict[str, frozenset[Scalar]] = {}
    for key, values in data.items():
        if not isinstance(values, (list, tuple)):
            raise InvalidInput("A list is expected.", field=f"{where}.{key}")
        trigger[_TRIGGER_FACTS[key]] = frozenset(str(value) for value in values)
    return trigger


def _derived_trigger(when: Expression) -> Mapping[str, frozenset[Scalar]]:
    """One test that must hold whenever `when` does: the most selective that can be looked up."""
    tests = [test for test in _conjuncts(when) if _lookup_values(test)]
    if not tests:
        return {}
    best = min(tests, key=lambda test: (_selectivity(test.name), test.name))
    return {best.name: _lookup_values(best)}


def _conjuncts(when: Expression) -> Iterator[Test]:
    if isinstance(when, Test):
        yield when
    elif isinstance(when, All):
        for part in when.parts:
            yield from _conjuncts(part)


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
        raise InvalidInput("Use total and per_party.", field=where)
    values = {
        key: None if value is None else _whole(value, where=f"{where}.{key}", least=1)
        for key, value in data.items()
    }
    return Limits(**values)


def _text(data: object, *, where: str) -> Text:
    if not isinstance(data, Mapping) or not data:
        raise InvalidInput("A text per language is expected.", field=where)
    return Text({str(language): str(text) for language, text in data.items()})


def _word(data: object, *, where: str) -> str:
    if not isinstance(data, str) or not data.strip():
        raise InvalidInput("A word is expected.", field=where)
    return data.strip()


def _whole(data: object, *, where: str, least: int) -> int:
    if isinstance(data, bool) or not isinstance(data, int) or data < least:
        raise InvalidInput(f"A whole number from {least} on is expected.", field=where)
    return data


def _member(kind: type[E], data: object, *, where: str) -> E:
    try:
        return kind(str(data))
    except ValueError:
        known = ", ".join(member.value for member in kind)
        raise InvalidInput(f"{data!r} is none of: {known}.", field=where) from None


def _instant(data: object, *, where: str) -> datetime | None:
    """An instant; a bare date means its beginning in Paris."""
    if data is None:
        return None
    try:
        value = datetime.fromisoformat(data) if isinstance(data, str) else data
    except ValueError:
        raise InvalidInput(f"{data!r} is not a date.", field=where) from None
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=PARIS)).astimezone(UTC)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=PARIS).astimezone(UTC)
    raise InvalidInput(f"{data!r} is not a date.", field=where)
