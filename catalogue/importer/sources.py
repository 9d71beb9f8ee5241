"""Catalogue files with the place of every value, so that an error can name file, line and field."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import yaml

from commerce.kernel.errors import InvalidInput
from commerce.kernel.sentences import Sentence, in_words

_FAST = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_PLAIN = yaml.SafeLoader("")

_MOST_DIGITS = 30
_DEEPEST = 50
"""Levels in a part; catalogues need seven."""

Step = str | int
Trail = tuple[Step, ...]


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """Something wrong in a catalogue file, where people look for it."""

    file: str
    line: int
    field: str
    message: str

    def __str__(self) -> str:
        return self.told(str)

    def told(self, translate: Callable[[str], str]) -> str:
        """On one line, as editors read it."""
        return f"{self.file}:{self.line}: {self.field}: {in_words(self.message, translate)}"


class CatalogueInvalid(InvalidInput):
    """The files can't be sold; `problems` has all that was found, in reading order."""

    code = "catalogue_invalid"

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(str(problem) for problem in self.problems))


@dataclass(frozen=True, slots=True)
class Place:
    file: str
    line: int


@dataclass(slots=True)
class Sources:
    """The merged content of the files, and where each value stands."""

    data: dict[str, Any] = field(default_factory=dict)
    places: dict[Trail, Place] = field(default_factory=dict)

    def problem(self, trail: Trail, message: str) -> Problem:
        """At `trail`, or at the nearest place above it that stands in a file."""
        above = trail
        while above and above not in self.places:
            above = above[:-1]
        place = self.places.get(above, Place("catalogue", 1))
        return Problem(place.file, place.line, spoken(trail), message)


def spoken(trail: Trail) -> str:
    """("offerings", 3, "charges", 0) as `offerings[3].charges[0]`."""
    text = ""
    for step in trail:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text or "file"


def trail_of(text: str) -> Trail:
    """The inverse of `spoken`."""
    steps = re.findall(r"[^.\[\]]+|\[\d+\]", text)
    return tuple(int(step[1:-1]) if step.startswith("[") else step for step in steps)


def read(path: Path) -> Sources:
    """One file, or all `*.yaml` files of a folder as one catalogue.

    Lists of the same name are joined, mappings merged.

    Raises:
        CatalogueInvalid: not YAML, not a mapping, a key twice, nothing there.
    """
    files = sorted(path.glob("*.yaml")) if path.is_dir() else [path]
    if not files or not files[0].exists():
        raise CatalogueInvalid(
            [Problem(str(path), 1, "file", Sentence("There is no catalogue file here."))]
        )
    sources, problems = Sources(), list[Problem]()
    for file in files:
        problems += _add(file, sources)
    if problems:
        raise CatalogueInvalid(problems)
    return sources


def _add(file: Path, sources: Sources) -> Iterator[Problem]:
    try:
        node = yaml.compose(file.read_text(encoding="utf-8"), Loader=_FAST)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        yield Problem(
            file.name,
            line,
            "file",
            _not_yaml(error),
        )
        return
    if node is None:
        return
    if not isinstance(node, yaml.MappingNode):
        yield Problem(file.name, 1, "file", Sentence("A catalogue file is a mapping of sections."))
        return
    for key_node, value_node in node.value:
        yield from _add_section(str(key_node.value), value_node, file=file.name, sources=sources)


_HINTS: Mapping[str, Sentence] = {
    "did not find expected ',' or '}'": Sentence("a brace { is not closed, or a comma is missing"),
    "did not find expected ',' or ']'": Sentence(
        "a bracket [ is not closed, or a comma is missing"
    ),
    "mapping values are not allowed in this context": Sentence(
        "a colon stands where none may; set the text in quotation marks"
    ),
    "could not find expected ':'": Sentence("a colon is missing after a key"),
    "did not find expected key": Sentence("this does not stand beneath what is above it"),
    "did not find expected '-' indicator": Sentence("this does not stand beneath what is above it"),
    "found unexpected end of stream": Sentence("quotation marks are not closed"),
    "found character that cannot start any token": Sentence(
        "it begins with a sign that has a meaning of its own; set it in quotation marks"
    ),
    "control characters are not allowed": Sentence("there are control signs in it"),
}
"""What the reader of YAML says, in words for those who write catalogues."""


def _not_yaml(error: yaml.YAMLError) -> Sentence:
    said = str(getattr(error, "problem", None) or getattr(error, "reason", None) or "")
    if said in _HINTS:
        return Sentence("This is not YAML: %(problem)s.", problem=_HINTS[said])
    return Sentence("This is not YAML. Look at this line and at the one above it.")


def _add_section(name: str, node: yaml.Node, *, file: str, sources: Sources) -> Iterator[Problem]:
    reader = _Reader(file, sources.places)
    present = sources.data.get(name)
    if isinstance(node, yaml.SequenceNode):
        joined = present if isinstance(present, list) else []
        sources.places.setdefault((name,), Place(file, node.start_mark.line + 1))
        for item in node.value:
            joined.append(reader.value(item, (name, len(joined))))
        sources.data[name] = joined
    else:
        value = reader.value(node, (name,))
        if isinstance(present, dict) and isinstance(value, dict):
            for twice in present.keys() & value.keys():
                yield sources.problem((name, twice), "This name stands in another file too.")
            value = {**present, **value}
        sources.data[name] = value
    yield from reader.problems


@dataclass(slots=True)
class _Reader:
    file: str
    places: dict[Trail, Place]
    problems: list[Problem] = field(default_factory=list)

    def value(self, node: yaml.Node, trail: Trail) -> Any:
        self.places[trail] = Place(self.file, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, trail)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*trail, i)) for i, item in enumerate(node.value)]
        try:
            return _scalar(node)
        except (yaml.YAMLError, ValueError):
            self._refuse(node, trail, Sentence("This can't be read as what it claims to be."))
            return None

    def _mapping(self, node: yaml.MappingNode, trail: Trail) -> dict[Any, Any]:
        result: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode) or "\0" in key_node.value:
                self._refuse(key_node, trail, Sentence("A key is a word."))
                continue
            key = key_node.value
            if key in result:
                self._refuse(key_node, (*trail, key), Sentence("This key stands here twice."))
            result[key] = self.value(value_node, (*trail, key))
        return result

    def _refuse(self, node: yaml.Node, trail: Trail, message: str) -> None:
        self.problems.append(Problem(self.file, node.start_mark.line + 1, spoken(trail), message))


def read_part(text: str, *, name: str) -> tuple[Any, list[Problem]]:
    """One part of a catalogue (an offering, a rule) by itself, and what is wrong with its text.

    Aliases are refused: a few lines of them can stand for more than fits into memory.
    """
    try:
        depth = 0
        for event in yaml.parse(text, Loader=_FAST):
            line = event.start_mark.line + 1 if event.start_mark else 1
            if isinstance(event, yaml.AliasEvent):
                return None, [
                    Problem(name, line, "file", Sentence("Write it out: no aliases here."))
                ]
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth > _DEEPEST:
                return None, [Problem(name, line, "file", Sentence("This is nested too deeply."))]
        node = yaml.compose(text, Loader=_FAST)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        return None, [
            Problem(
                name,
                line,
                "file",
                _not_yaml(error),
            )
        ]
    except yaml.YAMLError as error:
        return None, [Problem(name, 1, "file", _not_yaml(error))]
    if node is None:
        return None, [Problem(name, 1, "file", Sentence("There is nothing here."))]
    reader = _Reader(name, {})
    return reader.value(node, ()), reader.problems


def places_in(text: str, *, name: str) -> dict[Trail, Place]:
    """Where the values of a part stand in its own text."""
    node = yaml.compose(text, Loader=_FAST)
    reader = _Reader(name, {})
    if node is not None:
        reader.value(node, ())
    return reader.places


def _written_out(number: Decimal) -> Decimal:
    """As it will be written: without exponent, with a digit behind the point.

    Raises:
        ValueError: it is no number, or has no end.
    """
    if not number.is_finite() or abs(number.adjusted()) > _MOST_DIGITS:
        raise ValueError(number)
    text = format(number, "f")
    return Decimal(text if "." in text else f"{text}.0")


def _scalar(node: yaml.Node) -> Any:
    """As YAML says, but decimals are exact and dates stay text.

    Raises:
        YAMLError, ValueError: it is not what its tag says, or nothing that can be stored.
    """
    if node.tag == "tag:yaml.org,2002:timestamp":
        return node.value
    if node.tag == "tag:yaml.org,2002:float":
        try:
            return _written_out(Decimal(node.value))
        except (InvalidOperation, ValueError):
            return node.value
    value = _PLAIN.construct_object(node, deep=True)
    if isinstance(value, bytes) or (isinstance(value, str) and "\0" in value):
        raise ValueError(node.value)
    return value
