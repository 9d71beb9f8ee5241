"""A catalogue as readable text: one way to write each value, so the text is always the same."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import yaml

from catalogue.domain.document import decoded, encoded

Data = Mapping[str, Any]
WIDTH = 110
WHOLE = "release"
"""The section that is one part as a whole."""

FILES: Mapping[str, tuple[str, ...]] = {
    "release": ("release", "categories", "characteristics"),
    "stock": ("suppliers",),
}
"""Sections that share a file; every other has one of its own name."""

_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class _Dumper(_DUMPER):  # type: ignore[misc,valid-type]
    """Exact decimals, no aliases."""

    def ignore_aliases(self, _data: object) -> bool:
        return True


def _decimal(dumper: Any, number: Decimal) -> Any:
    return dumper.represent_scalar("tag:yaml.org,2002:float", format(number, "f"))


_Dumper.add_representer(Decimal, _decimal)


@dataclass(frozen=True, slots=True)
class CataloguePart:
    """What is edited as one: an offering, a rule, a category. `key` is unique in its `section`."""

    section: str
    key: str
    data: Any


def stored(value: Any) -> str:
    """As JSON text that keeps the order of keys, which a JSON column would not."""
    return json.dumps(encoded(value), ensure_ascii=False, separators=(",", ":"))


def restored(text: str) -> Any:
    """The opposite of `stored`; nothing is an empty mapping."""
    return decoded(json.loads(text)) if text else {}


def text_of(value: Any) -> str:
    """As YAML: short leaves on one line, decimals as they are, keys in their order."""
    text: str = yaml.dump(
        value,
        Dumper=_Dumper,
        default_flow_style=None,
        sort_keys=False,
        allow_unicode=True,
        width=WIDTH,
    )
    return text


def files_of(data: Data) -> dict[str, str]:
    """The whole catalogue as files by name; a section without content is not written."""
    shared = {section: file for file, sections in FILES.items() for section in sections}
    files: dict[str, dict[str, Any]] = {}
    for section, content in data.items():
        if content:
            files.setdefault(shared.get(section, section), {})[section] = content
    return {f"{name}.yaml": text_of(sections) for name, sections in sorted(files.items())}


def parts_of(data: Data) -> Iterator[CataloguePart]:
    """The parts of a catalogue in their order."""
    for section, content in data.items():
        if section == WHOLE:
            yield CataloguePart(section, WHOLE, content)
        elif isinstance(content, Mapping):
            for key, part in content.items():
                yield CataloguePart(section, str(key), part)
        elif isinstance(content, Sequence) and not isinstance(content, str):
            yield from _listed(section, content)


def assembled(parts: Sequence[CataloguePart]) -> dict[str, Any]:
    """The opposite of `parts_of`."""
    data: dict[str, Any] = {}
    for part in parts:
        if part.section == WHOLE:
            data[WHOLE] = part.data
        elif part.section in KEYED:
            data.setdefault(part.section, {})[part.key] = part.data
        else:
            data.setdefault(part.section, []).append(part.data)
    return data


KEYED = frozenset({"categories", "characteristics", "specifications", "recipes", "suppliers"})
"""Sections that are mappings; the others are lists."""


def key_of(section: str, data: Any) -> str:
    """The key that a part of a list gives itself; empty if it gives none."""
    if not isinstance(data, Mapping):
        return ""
    if section == "numbers":
        return f"{data.get('klass', '')}-{data.get('first', '')}"
    code = str(data.get("code") or "")
    version = data.get("version", 1) if section == "promotions" else 1
    return code if version == 1 or not code else f"{code}@{version}"


def _listed(section: str, content: Sequence[Any]) -> Iterator[CataloguePart]:
    seen: set[str] = set()
    for place, data in enumerate(content, start=1):
        key = key_of(section, data) or f"{place:05d}"
        if key in seen:
            key = f"{key}#{place}"
        seen.add(key)
        yield CataloguePart(section, key, data)
