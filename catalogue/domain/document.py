"""A release as a JSON document, and the frozen `Snapshot` that is made of it.

JSON knows no exact decimals, so a Decimal is written as `{"decimal": "6.7"}`.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from catalogue.domain.expressions import parse
from catalogue.domain.model import (
    Charge,
    ChargeKind,
    Kind,
    Nesting,
    Offering,
    PackLine,
    Rule,
    RuleKind,
    Segment,
    Slot,
    Snapshot,
    Specification,
    Synonyms,
    Text,
)
from catalogue.domain.numbers import classes_from
from commerce.kernel.clock import PARIS
from commerce.kernel.money import Money

Document = Mapping[str, Any]

NOTHING: Document = MappingProxyType({"offerings": [], "rules": [], "tax_rates": {}})


def encoded(value: Any) -> Any:
    """`value` as plain JSON; Decimals are tagged, dates are ISO 8601."""
    if isinstance(value, Decimal):
        return {"decimal": str(value)}
    if isinstance(value, Mapping):
        return {str(key): encoded(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [encoded(part) for part in value]
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return value


def decoded(value: Any) -> Any:
    """The opposite of `encoded`, for Decimals."""
    if isinstance(value, Mapping):
        if value.keys() == {"decimal"}:
            return Decimal(value["decimal"])
        return {key: decoded(part) for key, part in value.items()}
    if isinstance(value, list):
        return [decoded(part) for part in value]
    return value


def digest_of(document: Document) -> str:
    """SHA-256 of the canonical text (keys sorted, no spaces), in hexadecimal."""
    text = json.dumps(document, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def snapshot_from(document: Document, *, release: int, digest: str) -> Snapshot:
    """The frozen values of a release; `document` is one that the importer has accepted."""
    data = decoded(document)
    offerings = [
        offering_from(item, currency=data.get("currency", "EUR"))
        for item in (*data["offerings"], *data.get("pack_lines", ()))
    ]
    return Snapshot(
        release=release,
        digest=digest,
        offerings=MappingProxyType({offering.code: offering for offering in offerings}),
        rules=tuple(_rule(item) for item in data["rules"]),
        tax_rates=MappingProxyType(
            {code: Decimal(rate) for code, rate in data["tax_rates"].items()}
        ),
        recipes=MappingProxyType(data.get("recipes", {})),
        promotions=tuple(MappingProxyType(item) for item in data.get("promotions", ())),
        next_offers=tuple(MappingProxyType(item) for item in data.get("next_offers", ())),
        categories=_texts(data.get("categories", {})),
        labels=_texts(data.get("labels", {})),
        units=MappingProxyType(data.get("units", {})),
        families=_texts(data.get("families", {})),
        synonyms=tuple(
            Synonyms(group["language"], tuple(group["words"])) for group in data.get("synonyms", ())
        ),
        number_classes=classes_from(data.get("number_classes", ())),
    )


def _text(data: Mapping[str, str] | None) -> Text:
    return Text(MappingProxyType(dict(data or {})))


def _texts(data: Mapping[str, Mapping[str, str]]) -> Mapping[str, Text]:
    return MappingProxyType({code: _text(text) for code, text in data.items()})


def _rule(data: Mapping[str, Any]) -> Rule:
    return Rule(
        code=data["code"],
        kind=RuleKind(data["kind"]),
        when=parse(data["when"], where="when"),
        then=parse(data["then"], where="then"),
        message=_text(data["message"]),
        way_out=_text(data["way_out"]),
    )


def _slot(data: Mapping[str, Any]) -> Slot:
    return Slot(
        role=data["role"],
        kind=Kind(data["kind"]),
        minimum=data["minimum"],
        maximum=data["maximum"],
        candidates=parse(data.get("candidates"), where="candidates"),
        default=data.get("default"),
        place=data.get("place", ""),
        title=_text(data["name"]) if data.get("name") else None,
        within=tuple(_nesting(nest, data=data) for nest in data.get("within", ())),
    )


def _nesting(nest: Any, *, data: Mapping[str, Any]) -> Nesting:
    if isinstance(nest, str):  # releases of before places had names
        return Nesting(nest, nest, optional=nest in data.get("needed_with", ()))
    return Nesting(**nest)


def _charge(data: Mapping[str, Any], *, currency: str) -> Charge:
    return Charge(
        code=data["code"],
        kind=ChargeKind(data["kind"]),
        amount=Money.of(data["amount"], currency),
        segment=Segment(data["segment"]),
        tax_class=data["tax_class"],
        every_months=data.get("every_months", 1),
        terms=tuple(data.get("terms", ())),
        in_bundle=data.get("in_bundle"),
        channels=frozenset(data.get("channels", ())),
        valid_from=moment(data.get("valid_from")),
        valid_until=moment(data.get("valid_until")),
        unit=data.get("unit", ""),
        included=Decimal(data["included"]) if data.get("included") is not None else None,
    )


def _frozen(values: Mapping[str, Any]) -> Mapping[str, Any]:
    return MappingProxyType(
        {name: tuple(v) if isinstance(v, list) else v for name, v in values.items()}
    )


def moment(text: str | None) -> datetime | None:
    """An instant from ISO 8601; a day is its first instant in Paris, and so is a time of no zone.

    Raises:
        ValueError: it is neither.
    """
    if not text:
        return None
    found = datetime.fromisoformat(text)
    return (found if found.tzinfo else found.replace(tzinfo=PARIS)).astimezone(UTC)


def _segments(names: Iterable[str]) -> frozenset[Segment]:
    return frozenset(Segment(name) for name in names)


def offering_from(data: Mapping[str, Any], *, currency: str) -> Offering:
    """One offering of a decoded document."""
    kind = Kind(data["kind"])
    return Offering(
        code=data["code"],
        specification=Specification(
            code=data["specification"],
            kind=kind,
            characteristics=_frozen(data["characteristics"]),
            recipe=data.get("recipe"),
        ),
        name=_text(data["name"]),
        summary=_text(data["summary"]),
        description=_text(data.get("description")),
        category=data["category"],
        charges=tuple(_charge(item, currency=currency) for item in data["charges"]),
        terms=tuple(data.get("terms", ())),
        segments=_segments(data["segments"]),
        channels=frozenset(data.get("channels", ())),
        family=data.get("family"),
        slots=tuple(_slot(item) for item in data.get("slots", ())),
        stocked=data.get("stocked", False),
        rank=data.get("rank", 100),
        valid_from=moment(data.get("valid_from")),
        valid_until=moment(data.get("valid_until")),
        nests=tuple(data.get("nests", ())),
        part_of=data.get("part_of", ""),
        lines=tuple(
            PackLine(line["place"], line["minimum"], tuple(line["bundles"]), line["default"])
            for line in data.get("lines", ())
        ),
    )
