"""A TM Forum TMF620 (v4) export of others as parts of a catalogue, and what finds no place in it.

Read are `productOffering`, `productSpecification`, `productOfferingPrice` and `category`. Nothing
is dropped in silence: each field without a counterpart, and each thing that had to be assumed, is
told with its place in the export.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from catalogue.domain.model import Kind, Segment
from commerce.accounts.kinds import Channel
from commerce.kernel.errors import InvalidInput

RESOURCES = ("productOffering", "productSpecification", "productOfferingPrice", "category")
SOLD = frozenset({"active", "launched", "in test", ""})
MEANINGLESS = frozenset(
    {"id", "href", "lastUpdate", "@type", "@baseType", "@schemaLocation", "@referredType"}
)
"""Fields that say where something lies with the other side; they mean nothing here."""

READ: Mapping[str, frozenset[str]] = {
    "productOffering": frozenset(
        {"name", "description", "isBundle", "lifecycleStatus", "bundledProductOffering", "category",
         "channel", "marketSegment", "prodSpecCharValueUse", "productOfferingPrice",
         "productOfferingTerm", "productSpecification", "validFor"}
    ),
    "productOfferingPrice": frozenset(
        {"name", "priceType", "recurringChargePeriodLength", "recurringChargePeriodType", "price",
         "unitOfMeasure", "productOfferingTerm", "validFor", "lifecycleStatus"}
    ),
    "productSpecification": frozenset({"name", "productSpecCharacteristic", "brand"}),
    "category": frozenset({"name"}),
}  # fmt: skip
KIND_WORDS: tuple[tuple[Kind, tuple[str, ...]], ...] = (
    (Kind.ACCESSORY, ("accessor", "case", "charger", "earbud", "headphone")),
    (Kind.SIM, ("sim",)),
    (Kind.HANDSET, ("handset", "phone", "device", "smartphone")),
    (Kind.PLAN, ("plan", "tariff", "mobile line", "subscription", "voice")),
    (Kind.CONTENT, ("music", "video", "tv", "streaming", "content", "press")),
    (Kind.FEE, ("fee",)),
)
SEGMENT_WORDS = {"consumer": Segment.CONSUMER, "residential": Segment.CONSUMER,
                 "b2c": Segment.CONSUMER, "business": Segment.BUSINESS,
                 "enterprise": Segment.BUSINESS, "b2b": Segment.BUSINESS}  # fmt: skip
CHANNEL_WORDS = {"web": Channel.WEB, "online": Channel.WEB, "call centre": Channel.CALL_CENTRE,
                 "call center": Channel.CALL_CENTRE, "portal": Channel.PORTAL,
                 "api": Channel.B2B_API}  # fmt: skip
TAX = {Kind.HANDSET: "goods", Kind.ACCESSORY: "goods", Kind.CONTENT: "digital"}
RECIPES = {Kind.HANDSET: "handset", Kind.PLAN: "mobile-line", Kind.ACCESSORY: "accessory",
           Kind.CONTENT: "content", Kind.OPTION: "option", Kind.SIM: "physical-sim"}  # fmt: skip
PRICE_KINDS = {"onetime": "one_off", "one time": "one_off", "recurring": "recurring",
               "usage": "usage"}  # fmt: skip
MONTHS = {"month": 1, "monthly": 1, "months": 1, "year": 12, "yearly": 12, "years": 12,
          "quarter": 3}  # fmt: skip
UNITS = {"gb": "gb", "min": "minute", "minute": "minute", "minutes": "minute", "sms": "message",
         "message": "message"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Left:
    """Something of the export that has no counterpart, or that was assumed."""

    place: str
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


@dataclass(frozen=True, slots=True)
class Converted:
    """Sections as catalogue files have them; and everything that did not fit into them."""

    data: dict[str, Any]
    left: tuple[Left, ...]


def converted(export: Any) -> Converted:
    """`export`: a mapping of resource names to lists, or a list of things with their `@type`.

    Decimals, not floats, are expected for amounts.

    Raises:
        InvalidInput: it has another shape, or no product offering at all.
    """
    things = _things(export)
    if not things["productOffering"]:
        raise InvalidInput(
            "There is no productOffering in it.", code="not_tmf620", field="productOffering"
        )
    return _Conversion(things).done()


def _things(export: Any) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in RESOURCES}
    if isinstance(export, Mapping):
        for name in RESOURCES:
            listed = export.get(name) or export.get(name[0].upper() + name[1:]) or []
            found[name] += [each for each in listed if isinstance(each, dict)]
    elif isinstance(export, list):
        for each in export:
            name = str(each.get("@type", "")) if isinstance(each, dict) else ""
            name = name[:1].lower() + name[1:]
            if name in found:
                found[name].append(each)
    else:
        raise InvalidInput("A TMF620 export is a mapping or a list.", code="not_tmf620", field="")
    return found


@dataclass
class _Conversion:
    things: dict[str, list[dict[str, Any]]]
    left: list[Left] = field(default_factory=list)
    codes: dict[tuple[str, str], str] = field(default_factory=dict)
    characteristics: dict[str, Any] = field(default_factory=dict)
    kinds: dict[str, Kind] = field(default_factory=dict)

    def done(self) -> Converted:
        for name in RESOURCES:
            for thing in self.things[name]:
                self._name(name, thing)
                unread = thing.keys() - READ[name] - MEANINGLESS - {"version", "isSellable"}
                for key in sorted(key for key in unread if thing[key] not in (None, "", [], {})):
                    self._leave(name, thing, key, "has no counterpart here")
        categories = {
            self.codes["category", _id(each)]: _words(each.get("name"))
            for each in self.things["category"]
        }
        specifications = dict(self._specifications())
        sold = [o for o in self.things["productOffering"] if self._is_sold(o)]
        for offering in sold:
            self.kinds[_id(offering)] = self._kind(offering, specifications)
        offerings = [self._offering(o, specifications) for o in sold if not o.get("isBundle")]
        bundles = [self._bundle(o) for o in sold if o.get("isBundle")]
        if any(part["category"] == "tmf620" for part in (*offerings, *bundles)):
            categories["tmf620"] = {"fr": "TMF620", "en": "TMF620"}
        self.left.append(
            Left("texts", "stand in one language; they were taken for French and English alike")
        )
        data: dict[str, Any] = {
            "categories": categories,
            "characteristics": self.characteristics,
            "specifications": specifications,
            "offerings": offerings,
            "bundles": bundles,
        }
        return Converted({name: part for name, part in data.items() if part}, tuple(self.left))

    def _name(self, resource: str, thing: Mapping[str, Any]) -> None:
        code = _slug(str(thing.get("name") or thing.get("id") or resource))
        if any(code == c for (kind, _), c in self.codes.items() if kind == resource):
            code = _slug(f"{code}-{_id(thing)}")
        self.codes[resource, _id(thing)] = code

    def _specifications(self) -> Iterator[tuple[str, dict[str, Any]]]:
        for spec in self.things["productSpecification"]:
            text = f"{spec.get('@type', '')} {spec.get('name', '')}"
            kind = _kind_of(text)
            if kind is None:
                self._leave(
                    "productSpecification", spec, "name", "does not tell what it is: option"
                )
            values = dict(self._values(spec))
            if spec.get("brand"):
                self.characteristics.setdefault("brand", {"name": _words("Brand"), "type": "text"})
                values["brand"] = str(spec["brand"])
            kind = kind or Kind.OPTION
            yield (
                self.codes["productSpecification", _id(spec)],
                {
                    "kind": kind.value,
                    **({"recipe": RECIPES[kind]} if kind in RECIPES else {}),
                    "characteristics": values,
                },
            )

    def _values(self, spec: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        for each in spec.get("productSpecCharacteristic") or ():
            name = _slug(str(each.get("name", ""))).replace("-", "_")
            options = each.get("productSpecCharacteristicValue") or []
            values = [_value(option.get("value")) for option in options]
            standard = next((o for o in options if o.get("isDefault")), None)
            self.characteristics.setdefault(name, _declared(each, values, options))
            if standard is not None:
                yield name, _value(standard.get("value"))
            elif len(values) == 1 and not each.get("configurable"):
                yield name, values[0]
            elif values:
                self._leave(
                    "productSpecification", spec, f"productSpecCharacteristic[{each.get('name')}]",
                    "can be chosen from several values; offerings say which is theirs",
                )  # fmt: skip

    def _offering(self, thing: Mapping[str, Any], specs: Mapping[str, Any]) -> dict[str, Any]:
        part = self._selling(thing)
        spec = self._referred("productSpecification", thing.get("productSpecification"))
        kind = self.kinds[_id(thing)]
        if spec:
            part["specification"] = spec
        else:
            part |= {"kind": kind.value} | ({"recipe": RECIPES[kind]} if kind in RECIPES else {})
        own = {
            _slug(str(use.get("name", ""))).replace("-", "_"): _value(values[0].get("value"))
            for use in thing.get("prodSpecCharValueUse") or ()
            if (values := use.get("productSpecCharacteristicValue") or [])
        }
        for name, value in own.items():
            self.characteristics.setdefault(name, {"name": _words(name), "type": _type_of([value])})
        if own:
            part["characteristics"] = own
        terms = sorted(
            {months for term in thing.get("productOfferingTerm") or ()
             if (months := self._months(thing, term)) is not None}
        )  # fmt: skip
        if kind is Kind.PLAN:
            part["terms"] = terms or [0]
        charges = [charge for price in thing.get("productOfferingPrice") or ()
                   if (charge := self._charge(thing, price, part, kind))]  # fmt: skip
        return part | {"charges": charges}

    def _bundle(self, thing: Mapping[str, Any]) -> dict[str, Any]:
        part = self._selling(thing)
        slots: list[dict[str, Any]] = []
        for each in thing.get("bundledProductOffering") or ():
            code = self._referred("productOffering", each)
            if code is None or _id(each) not in self.kinds:
                name = each.get("name") or each.get("id")
                self._leave("productOffering", thing, f"bundledProductOffering[{name}]",
                            "is not among the offerings")  # fmt: skip
                continue
            kind = self.kinds[_id(each)]
            if kind is Kind.BUNDLE:
                slots.append({"bundle": code})
                continue
            limits = each.get("bundledProductOfferingOption") or {}
            role = _role(code, kind, taken=[slot.get("role") for slot in slots])
            least = int(limits.get("numberRelOfferLowerLimit", 1))
            most = int(limits.get("numberRelOfferUpperLimit", max(least, 1)))
            slots.append(
                {"role": role, "kind": kind.value, "minimum": least, "maximum": max(most, 1),
                 "candidates": {"fact": f"{role}.code", "is": code}, "default": code}
            )  # fmt: skip
        if thing.get("productOfferingPrice"):
            self._leave("productOffering", thing, "productOfferingPrice",
                        "a bundle has no price of its own here; its parts do")  # fmt: skip
        return part | {"slots": slots}

    def _selling(self, thing: Mapping[str, Any]) -> dict[str, Any]:
        categories = thing.get("category") or []
        category = self._referred("category", categories[0]) if categories else None
        if len(categories) > 1:
            self._leave("productOffering", thing, "category", "only the first of several is kept")
        part: dict[str, Any] = {
            "code": self.codes["productOffering", _id(thing)],
            "category": category or "tmf620",
            "name": _words(thing.get("name")),
            "summary": _words(thing.get("description") or thing.get("name")),
        }
        found = self._known(thing, "marketSegment", SEGMENT_WORDS)
        if found:
            part["segments"] = found
        channels = self._known(thing, "channel", CHANNEL_WORDS)
        if channels:
            part["channels"] = channels
        return part | _period(thing)

    def _known(
        self, thing: Mapping[str, Any], key: str, words: Mapping[str, Segment | Channel]
    ) -> list[str]:
        found: list[str] = []
        for each in thing.get(key) or ():
            name = str(each.get("name") or each.get("id") or "")
            known = next((w for text, w in words.items() if text in name.lower()), None)
            if known is None:
                self._leave("productOffering", thing, f"{key}[{name}]", "is not known here")
            elif known.value not in found:
                found.append(known.value)
        return found

    def _charge(
        self, thing: Mapping[str, Any], ref: Mapping[str, Any], part: Mapping[str, Any], kind: Kind
    ) -> dict[str, Any] | None:
        price = next((p for p in self.things["productOfferingPrice"] if _id(p) == _id(ref)), ref)
        named = f"productOfferingPrice[{price.get('name') or price.get('id')}]"
        what = PRICE_KINDS.get(str(price.get("priceType", "")).lower())
        amount = (price.get("price") or {}).get("value")
        if what is None or amount is None:
            self._leave("productOffering", thing, named, "is neither one-off, recurring nor usage"
                        if what is None else "has no amount")  # fmt: skip
            return None
        unit = str((price.get("price") or {}).get("unit") or "EUR")
        if unit != "EUR":
            self._leave("productOffering", thing, named, f"is in {unit}, not in EUR")
            return None
        tax = TAX.get(kind, "telecom")
        self._leave("productOffering", thing, named, f"tax class assumed: {tax}")
        charge: dict[str, Any] = {"code": _charge_code(price, what), "kind": what, "tax_class": tax}
        if not self._timing(thing, named, price, what, charge):
            return None
        terms = [m for term in price.get("productOfferingTerm") or ()
                 if (m := self._months(thing, term)) is not None]  # fmt: skip
        if terms:
            charge["terms"] = terms
        exact = Decimal(str(amount)).quantize(Decimal("0.01"))
        if exact != Decimal(str(amount)):
            self._leave("productOffering", thing, named, f"{amount} was rounded to {exact}")
        for segment in part.get("segments") or [each.value for each in Segment]:
            charge[segment] = exact
        return charge | _period(price)

    def _timing(
        self, thing: Mapping[str, Any], named: str, price: Mapping[str, Any], what: str,
        charge: dict[str, Any],
    ) -> bool:  # fmt: skip
        """Put how often or for which unit into the charge; False if it can't be said here."""
        if what == "recurring":
            each = MONTHS.get(str(price.get("recurringChargePeriodType") or "month").lower())
            if each is None:
                self._leave("productOffering", thing, named, "recurs neither by month nor year")
                return False
            months = each * int(price.get("recurringChargePeriodLength") or 1)
            if months > 1:
                charge["every_months"] = months
        if what == "usage":
            measure = price.get("unitOfMeasure") or {}
            unit = UNITS.get(str(measure.get("units") or "").lower())
            if unit is None or Decimal(str(measure.get("amount", 1))) != 1:
                self._leave("productOffering", thing, named, "is not per GB, minute or message")
                return False
            charge["unit"] = unit
        return True

    def _months(self, thing: Mapping[str, Any], term: Mapping[str, Any]) -> int | None:
        duration = term.get("duration") or {}
        each = MONTHS.get(str(duration.get("units") or "").lower())
        months = each * int(duration.get("amount") or 0) if each else None
        if months not in (0, 12, 24):
            named = f"productOfferingTerm[{term.get('name') or duration}]"
            self._leave("productOffering", thing, named, "only 0, 12 and 24 months are known here")
            return None
        return months

    def _is_sold(self, thing: Mapping[str, Any]) -> bool:
        status = str(thing.get("lifecycleStatus") or "")
        sold = status.lower() in SOLD and thing.get("isSellable") is not False
        if not sold:
            self._leave("productOffering", thing, "lifecycleStatus",
                        f"{status or 'not sellable'}: left out as a whole")  # fmt: skip
        return sold

    def _kind(self, thing: Mapping[str, Any], specs: Mapping[str, Any]) -> Kind:
        if thing.get("isBundle"):
            return Kind.BUNDLE
        spec = self._referred("productSpecification", thing.get("productSpecification"))
        if spec:
            return Kind(specs[spec]["kind"])
        found = _kind_of(str(thing.get("name", "")))
        if found is None:
            self._leave("productOffering", thing, "name", "does not tell what it is: option")
        return found or Kind.OPTION

    def _referred(self, resource: str, ref: Any) -> str | None:
        return self.codes.get((resource, _id(ref))) if isinstance(ref, Mapping) else None

    def _leave(self, resource: str, thing: Mapping[str, Any], key: str, message: str) -> None:
        self.left.append(Left(f"{resource}[{_id(thing)}].{key}", message))


def _id(thing: Mapping[str, Any]) -> str:
    return str(thing.get("id") or thing.get("name") or "")


def _slug(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:60] or "unnamed"


def _words(text: Any) -> dict[str, str]:
    said = str(text or "").strip() or "–"
    return {"fr": said, "en": said}


def _kind_of(text: str) -> Kind | None:
    low = text.lower()
    return next((kind for kind, words in KIND_WORDS if any(word in low for word in words)), None)


def _role(code: str, kind: Kind, *, taken: Sequence[Any]) -> str:
    role = kind.value
    return role if role not in taken else re.sub(r"[^a-z0-9_]", "_", f"{role}_{code}")


def _charge_code(price: Mapping[str, Any], what: str) -> str:
    standard = {"one_off": "price", "recurring": "monthly"}.get(what)
    named = _slug(str(price.get("name") or what)).replace("-", "_")
    return standard or (named if named[0].isalpha() else f"p_{named}")


def _period(thing: Mapping[str, Any]) -> dict[str, str]:
    period = thing.get("validFor") or {}
    found = {"valid_from": period.get("startDateTime"), "valid_until": period.get("endDateTime")}
    return {name: str(moment) for name, moment in found.items() if moment}


def _value(value: Any) -> Any:
    inner = value.get("value") if isinstance(value, Mapping) else value
    return Decimal(str(inner)) if isinstance(inner, float) else inner


def _type_of(values: Sequence[Any]) -> str:
    if values and all(isinstance(value, bool) for value in values):
        return "yes_no"
    if values and all(
        isinstance(value, int | Decimal) and not isinstance(value, bool) for value in values
    ):
        return "number"
    return "text"


def _declared(
    each: Mapping[str, Any], values: Sequence[Any], options: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    unit = next((str(o["unitOfMeasure"]) for o in options if o.get("unitOfMeasure")), "")
    declared = {"name": _words(each.get("name")), "type": _type_of(values)}
    return declared | ({"unit": unit} if unit else {})
