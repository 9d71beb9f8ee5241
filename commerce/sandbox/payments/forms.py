"""Form-encoded requests with nested keys (`a[b][0][c]=1`) and their typed reading."""

import re
from collections.abc import Collection, Iterable
from typing import Self

from commerce.sandbox.payments.errors import ApiError, invalid

Tree = dict[str, "str | Tree"]

MAX_TEXT = 5000
MAX_METADATA_KEYS = 50
MAX_METADATA_KEY = 40
MAX_METADATA_VALUE = 500


def parse(pairs: Iterable[tuple[str, str]]) -> Tree:
    """Nest the pairs; list positions stay as keys ("0", "1") and `a[]` counts up."""
    tree: Tree = {}
    for name, value in pairs:
        head, _, rest = name.partition("[")
        path = [head, *(re.findall(r"\[?([^\[\]]*)\]", rest) if rest else [])]
        branch = tree
        for position, key in enumerate(path):
            step = key or str(len(branch))
            if position == len(path) - 1:
                branch[step] = value
                break
            below = branch.setdefault(step, {})
            if not isinstance(below, dict):
                raise invalid(f"Invalid object: {name}", param=name, code="parameter_unknown")
            branch = below
    return tree


class Params:
    """Reads parameters once each; `finish` refuses those that nobody asked for."""

    def __init__(self, tree: Tree, *, path: str = "") -> None:
        self._tree = tree
        self._path = path
        self._read: set[str] = set()
        self._below: list[Params] = []

    def has(self, name: str) -> bool:
        return name in self._tree

    def is_text(self, name: str) -> bool:
        return isinstance(self._tree.get(name), str)

    def text(self, name: str, *, longest: int = MAX_TEXT) -> str | None:
        """The value; None if it was not sent or sent empty."""
        self._read.add(name)
        value = self._tree.get(name)
        if value is None or value == "":
            return None
        if not isinstance(value, str):
            raise invalid("Invalid string", param=self.name_of(name))
        if len(value) > longest:
            raise invalid(
                f"Invalid string: {value[:20]}…; must be at most {longest} characters",
                param=self.name_of(name),
            )
        return value

    def required(self, name: str) -> str:
        value = self.text(name)
        if value is None:
            raise self.absent(name)
        return value

    def absent(self, name: str) -> ApiError:
        sent_empty = self._tree.get(name) == ""
        full = self.name_of(name)
        if sent_empty:
            return invalid(
                f"You passed an empty string for '{full}'. We assume empty values are an attempt"
                f" to unset a parameter; however '{full}' cannot be unset. You should remove"
                f" '{full}' from your request or supply a non-empty value.",
                param=full,
                code="parameter_invalid_empty",
            )
        return invalid(f"Missing required param: {full}.", param=full, code="parameter_missing")

    def integer(self, name: str, *, least: int = 0) -> int | None:
        value = self.text(name)
        if value is None:
            return None
        if not re.fullmatch(r"-?\d{1,18}", value):
            raise invalid(
                f"Invalid integer: {value}",
                param=self.name_of(name),
                code="parameter_invalid_integer",
            )
        if int(value) < least:
            raise invalid(
                f"This value must be greater than or equal to {least}.",
                param=self.name_of(name),
                code="parameter_invalid_integer",
            )
        return int(value)

    def boolean(self, name: str) -> bool | None:
        value = self.text(name)
        if value is None:
            return None
        if value not in ("true", "false"):
            raise invalid(f"Invalid boolean: {value}", param=self.name_of(name))
        return value == "true"

    def choice(self, name: str, allowed: Collection[str]) -> str | None:
        value = self.text(name)
        if value is not None and value not in allowed:
            listed = ", ".join(sorted(allowed))
            raise invalid(
                f"Invalid {self.name_of(name)}: must be one of {listed}", param=self.name_of(name)
            )
        return value

    def section(self, name: str) -> Self | None:
        """The nested object `name`; None if it was not sent or unset."""
        self._read.add(name)
        value = self._tree.get(name)
        if value is None or value == "":
            return None
        if not isinstance(value, dict):
            raise invalid("Invalid object", param=self.name_of(name))
        below = type(self)(value, path=self.name_of(name))
        self._below.append(below)
        return below

    def sections(self, name: str) -> list[Self]:
        """The objects of the array `name`, in its order."""
        array = self.section(name)
        if array is None:
            return []
        found = [array.section(key) for key in sorted(array._tree, key=_position)]
        return [item for item in found if item is not None]

    def texts(self, name: str) -> list[str]:
        """The strings of the array `name`, in its order."""
        self._read.add(name)
        array = self._tree.get(name)
        if not isinstance(array, dict):
            if array:
                raise invalid("Invalid array", param=self.name_of(name))
            return []
        found = [array[key] for key in sorted(array, key=_position)]
        return [value for value in found if isinstance(value, str)]

    def metadata(self, *, present: dict[str, str] | None = None) -> dict[str, str]:
        """`present` with what was sent merged in; an empty value removes its key."""
        merged = dict(present or {})
        self._read.add("metadata")
        sent = self._tree.get("metadata")
        if sent == "":
            return {}
        if sent is None:
            return merged
        if not isinstance(sent, dict):
            raise invalid("Invalid object", param=self.name_of("metadata"))
        for key, value in sent.items():
            full = f"{self.name_of('metadata')}[{key}]"
            if not isinstance(value, str):
                raise invalid("Metadata values must be strings, not nested objects.", param=full)
            if len(key) > MAX_METADATA_KEY or len(value) > MAX_METADATA_VALUE:
                raise invalid(
                    f"Metadata keys can have up to {MAX_METADATA_KEY} characters and values up"
                    f" to {MAX_METADATA_VALUE}.",
                    param=full,
                )
            if value == "":
                merged.pop(key, None)
            else:
                merged[key] = value
        if len(merged) > MAX_METADATA_KEYS:
            raise invalid(
                f"Metadata can have up to {MAX_METADATA_KEYS} keys.",
                param=self.name_of("metadata"),
            )
        return merged

    def finish(self) -> None:
        """Refuse what was sent and not read.

        Raises:
            ApiError: `parameter_unknown`, naming the parameter.
        """
        for name in self._tree:
            if name not in self._read:
                full = self.name_of(name)
                raise invalid(
                    f"Received unknown parameter: {full}", param=full, code="parameter_unknown"
                )
        for below in self._below:
            below.finish()

    def name_of(self, name: str) -> str:
        return f"{self._path}[{name}]" if self._path else name


def _position(key: str) -> tuple[int, str]:
    return (int(key), "") if key.isdigit() else (10**9, key)
