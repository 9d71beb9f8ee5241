"""What a customer answered, what he asks for then, and why something stands where it stands. Pure.

Answers never hide anything: what does not match comes later and says why. Without answers the
catalogue's own order holds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType

from catalogue.domain.model import Kind, Offering, Text
from commerce.kernel.money import Money
from commerce.ordering.domain.simulation import Cost, Usage

NO_VALUES: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Answers:
    """Nothing has to be answered. `budget` is the most per month for this line, once promotions
    are over; `brands` are the makers that are wished for."""

    budget: Money | None = None
    usage: Usage = field(default_factory=Usage)
    brands: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.budget is not None or bool(self.usage) or bool(self.brands)

    def about(self, kind: Kind) -> "Answers":
        """What was answered of such things: a make is one of phones, a usage one of plans."""
        return Answers(
            budget=self.budget if kind in _ASKED["budget"] else None,
            usage=self.usage if kind in _ASKED["usage"] else Usage(),
            brands=self.brands if kind is Kind.HANDSET else (),
        )


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a candidate stands where it stands: a code for machines, a sentence for people."""

    code: str
    message: Text
    values: Mapping[str, str] = field(default_factory=lambda: NO_VALUES)


@dataclass(frozen=True, slots=True)
class Judged:
    """A candidate as it is ranked. `lasting` is its line's month once promotions are over,
    `total` what the cart costs over the commitment with it."""

    offering: Offering
    lasting: Money
    total: Money
    open: bool
    recommended: Text | None = None
    use: Cost | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """`misses` are the answers that it does not meet."""

    reasons: tuple[Reason, ...]
    misses: tuple[Reason, ...]

    @property
    def weight(self) -> int:
        return sum(_WEIGHTS[reason.code] for reason in self.reasons)


@dataclass(frozen=True, slots=True)
class Question:
    """Something that may be asked at a step; `options` where the answer is one of a list."""

    code: str
    options: tuple[str, ...] = ()


def questions(kind: Kind, offerings: Sequence[Offering]) -> tuple[Question, ...]:
    """What is worth asking before these candidates."""
    makers = sorted({str(o.characteristics["brand"]) for o in offerings if _brand(o)})
    found = [Question(code) for code, kinds in _ASKED.items() if kind in kinds]
    if kind is Kind.HANDSET and len(makers) > 1:
        found.append(Question("brand", tuple(makers)))
    return tuple(found)


def verdicts(candidates: Sequence[Judged], answers: Answers) -> tuple[Verdict, ...]:
    """One for each candidate, in their order."""
    choosable = [each for each in candidates if each.open]
    best = _Best(
        total=_first(
            [c for c in choosable if c.offering.kind in _ASKED["budget"]],
            key=lambda c: c.total.amount,
            differ=True,
        ),
        usage=_best_for(choosable) if answers.usage else None,
        data=_first(
            [c for c in choosable if _data(c) and c.lasting.amount],
            key=lambda c: -(_data(c) / c.lasting.amount),
        ),
    )
    return tuple(
        Verdict(_reasons(each, answers, best=best), _misses(each, answers)) for each in candidates
    )


@dataclass(frozen=True, slots=True)
class _Best:
    """The codes of those that win in something."""

    total: str | None
    usage: str | None
    data: str | None


def _reasons(each: Judged, answers: Answers, *, best: _Best) -> tuple[Reason, ...]:
    if not each.open:
        return ()
    code = each.offering.code
    found: list[Reason] = []
    if best.usage == code:
        found.append(Reason("best_for_usage", _TEXTS["best_for_usage"]))
    if answers.budget is not None and each.lasting <= answers.budget:
        found.append(Reason("within_budget", _TEXTS["within_budget"]))
    if answers.brands and _brand(each.offering) in answers.brands:
        found.append(Reason("your_brand", _TEXTS["your_brand"]))
    if each.recommended is not None:
        found.append(Reason("recommended", each.recommended))
    if best.total == code:
        found.append(Reason("cheapest", _TEXTS["cheapest"]))
    if best.data == code:
        found.append(Reason("most_data_for_the_price", _TEXTS["most_data_for_the_price"]))
    return tuple(found)


def _misses(each: Judged, answers: Answers) -> tuple[Reason, ...]:
    found: list[Reason] = []
    if answers.budget is not None and each.lasting > answers.budget:
        over = each.lasting - answers.budget
        values = {"over": str(over.rounded().amount)}
        found.append(Reason("over_budget", _TEXTS["over_budget"], values))
    brand = _brand(each.offering)
    if answers.brands and brand and brand not in answers.brands:
        found.append(Reason("other_brand", _TEXTS["other_brand"], {"brand": brand}))
    if each.use is not None and each.use.short:
        short = ",".join(part.dimension for part in each.use.short)
        found.append(Reason("too_small", _TEXTS["too_small"], {"short": short}))
    return tuple(found)


def _best_for(choosable: Sequence[Judged]) -> str | None:
    used = [each for each in choosable if each.use is not None and not each.use.short]
    return _first(used, key=lambda c: c.use.commitment.amount if c.use else Decimal(0))


def _first(found: Sequence[Judged], *, key: object, differ: bool = False) -> str | None:
    """The code of the least by `key`; with `differ` only where there is something to compare."""
    if not found or not callable(key):
        return None
    if len(found) < 2 or (differ and len({key(each) for each in found}) < 2):
        return None
    return min(found, key=lambda c: (key(c), c.offering.rank, c.offering.code)).offering.code


def _data(each: Judged) -> Decimal:
    amount = each.offering.characteristics.get("data_gb")
    return Decimal(amount) if isinstance(amount, (int, Decimal)) else Decimal(0)


def _brand(offering: Offering) -> str:
    return str(offering.characteristics.get("brand", ""))


def _text(fr: str, en: str) -> Text:
    return Text({"fr": fr, "en": en})


_ASKED: Mapping[str, frozenset[Kind]] = {
    "budget": frozenset({Kind.HANDSET, Kind.PLAN}),
    "usage": frozenset({Kind.PLAN}),
}
_WEIGHTS: Mapping[str, int] = {
    "best_for_usage": 32,
    "within_budget": 16,
    "your_brand": 8,
    "recommended": 4,
    "cheapest": 2,
    "most_data_for_the_price": 1,
}
_TEXTS: Mapping[str, Text] = {
    "best_for_usage": _text("Le moins cher pour votre usage", "The cheapest for your usage"),
    "within_budget": _text("Dans votre budget", "Within your budget"),
    "your_brand": _text("De la marque souhaitée", "Of the make that you wish"),
    "cheapest": _text("Le moins cher au total", "The cheapest in total"),
    "most_data_for_the_price": _text("Le plus de données pour le prix", "Most data for the price"),
    "over_budget": _text("Au-dessus de votre budget.", "Above your budget."),
    "other_brand": _text("D'une autre marque.", "Of another make."),
    "too_small": _text("Trop juste pour votre usage.", "Too small for your usage."),
}
