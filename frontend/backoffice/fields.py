"""The simple form of a part: its texts, prices, times, segments and channels, as fields."""

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from django.utils.translation import gettext as _

from catalogue.domain.differences import price_name
from catalogue.domain.model import Segment
from commerce.accounts.kinds import Channel

Path = tuple[str | int, ...]
TEXTS = ("name", "hint", "summary", "description", "message", "way_out", "label")
LANGUAGES = ("fr", "en")
AMOUNTS = ("consumer", "business")
DATES = ("valid_from", "valid_until")
SEVERAL: Mapping[str, Sequence[str]] = {
    "segments": [segment.value for segment in Segment],
    "channels": [channel.value for channel in Channel],
}


@dataclass(frozen=True, slots=True)
class Entry:
    """A field: its name in the form, its path in the part, and what stands there."""

    name: str
    path: Path
    value: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class PriceRow:
    """A charge of the part or of one of its variants, with its fields."""

    title: str
    of: str
    amounts: tuple[Entry, ...]
    dates: tuple[Entry, ...]


def texts(data: Any) -> list[Entry]:
    """The texts of the part per language, and of its variants' labels."""
    if not isinstance(data, Mapping):
        return []
    found = [
        _entry(data, (name, language), label=f"{_word(name)} ({language})")
        for name in TEXTS
        if isinstance(data.get(name), Mapping)
        for language in LANGUAGES
    ]
    if not found and data.keys() and data.keys() <= set(LANGUAGES):
        found = [_entry(data, (language,), label=language) for language in LANGUAGES]
    return found


def prices(data: Any) -> list[PriceRow]:
    """Every charge as a row: those of the part, then those of its variants."""
    return [_price(data, path) for path in _charges(data)]


def validity(data: Any) -> list[Entry]:
    """From when and until when it is sold; only of parts that can say so."""
    if not _is_sold(data):
        return []
    return [_entry(data, (name,), label=_word(name)) for name in DATES]


def several(data: Any) -> list[dict[str, Any]]:
    """Segments and channels as boxes; none ticked means all."""
    if not _is_sold(data):
        return []
    return [
        {
            "name": name,
            "label": _word(name),
            "options": [(word, _audience(word), word in _listed(data.get(name))) for word in words],
        }
        for name, words in SEVERAL.items()
    ]


def applied(data: Any, posted: Any) -> tuple[Any, dict[str, str]]:
    """The part with what was typed into the fields, and what is wrong by name of the field."""
    result, wrong = deepcopy(data), dict[str, str]()
    for entry in texts(data):
        if entry.name in posted:
            _put(result, entry.path, posted[entry.name].strip())
    for entry in validity(data):
        if entry.name in posted:
            _put_or_drop(result, entry.path, posted[entry.name].strip())
    for row in prices(data):
        for entry in row.dates:
            if entry.name in posted:
                _put_or_drop(result, entry.path, posted[entry.name].strip())
        for entry in row.amounts:
            if entry.name in posted and posted[entry.name].strip() != entry.value:
                _amount(result, entry, posted[entry.name].strip(), wrong)
    for box in several(data):
        if f"has-{box['name']}" in posted:
            chosen = posted.getlist(box["name"])
            _put_or_drop(result, (box["name"],), [w for w in SEVERAL[box["name"]] if w in chosen])
    return result, wrong


def _amount(result: Any, entry: Entry, text: str, wrong: dict[str, str]) -> None:
    try:
        amount = Decimal(text.replace(",", ".").replace("\u202f", "")) if text else None
        if amount is not None and (amount < 0 or amount != round(amount, 2)):
            raise InvalidOperation
    except InvalidOperation:
        wrong[entry.name] = _("An amount like 19.99.")
        return
    _put_or_drop(result, entry.path, None if amount is None else amount.quantize(Decimal("0.01")))


def _price(data: Any, path: Path) -> PriceRow:
    charge = _at(data, path)
    variant = _at(data, path[:2]) if path[0] == "variants" else None
    named = price_name({**charge, "segment": ""}).replace(" ,", ",").strip()
    return PriceRow(
        title=named,
        of=str(variant.get("code", "")) if isinstance(variant, Mapping) else "",
        amounts=tuple(_entry(data, (*path, name), label=_word(name)) for name in AMOUNTS),
        dates=tuple(_entry(data, (*path, name), label=_word(name)) for name in DATES),
    )


def _charges(data: Any) -> Iterator[Path]:
    if not isinstance(data, Mapping):
        return
    for name in ("charges", "prices"):
        for place, charge in enumerate(_listed(data.get(name))):
            if isinstance(charge, Mapping):
                yield (name, place)
    for place, variant in enumerate(_listed(data.get("variants"))):
        if isinstance(variant, Mapping):
            for path in _charges(variant):
                yield ("variants", place, *path)


def _listed(value: Any) -> list[Any]:
    """A draft may hold anything where a list belongs; its findings say so."""
    return value if isinstance(value, list) else []


def _is_sold(data: Any) -> bool:
    return isinstance(data, Mapping) and "category" in data and "code" in data


def _entry(data: Any, path: Path, *, label: str) -> Entry:
    value = _at(data, path)
    return Entry("-".join(map(str, path)), path, "" if value is None else str(value), label)


def _at(data: Any, path: Path) -> Any:
    for step in path:
        if isinstance(data, Mapping):
            data = data.get(str(step))
        elif isinstance(data, list) and isinstance(step, int) and step < len(data):
            data = data[step]
        else:
            return None
    return data


def _put(data: Any, path: Path, value: Any) -> None:
    _at(data, path[:-1])[path[-1]] = value


def _put_or_drop(data: Any, path: Path, value: Any) -> None:
    if value in ("", None, []):
        _at(data, path[:-1]).pop(path[-1], None)
    else:
        _put(data, path, value)


def _word(name: str) -> str:
    words = {
        "name": _("Name"), "hint": _("Hint"), "summary": _("Summary"),
        "description": _("Description"),
        "message": _("Sentence"), "way_out": _("Way out"), "label": _("Label"),
        "valid_from": _("Sold from"), "valid_until": _("Sold until"),
        "segments": _("Customers"), "channels": _("Channels"),
        "consumer": _("Consumers, with tax"), "business": _("Businesses, without tax"),
    }  # fmt: skip
    return str(words.get(name, name))


def _audience(word: str) -> str:
    words = {
        "consumer": _("Consumers"),
        "business": _("Businesses"),
        "web": _("Web"),
        "call_centre": _("Call centre"),
        "portal": _("Business portal"),
        "b2b_api": _("Business API"),
    }
    return str(words.get(word, word))
