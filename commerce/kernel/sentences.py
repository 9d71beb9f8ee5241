"""English sentences that can be said in another language too."""

from collections.abc import Callable, Mapping
from typing import Any, Self


class Sentence(str):
    """An English sentence that keeps its pattern and values apart, to be said in other languages.

    `Sentence("There is no category %(category)s.", category="phones")` is that text. Values may be
    sentences themselves. The pattern is collected for translation where it stands as a literal.
    """

    __slots__ = ("pattern", "values")
    pattern: str
    values: Mapping[str, Any]

    def __new__(cls, pattern: str, /, **values: Any) -> Self:
        made = super().__new__(cls, pattern % values if values else pattern)
        made.pattern, made.values = pattern, values
        return made

    def in_(self, translate: Callable[[str], str]) -> str:
        """The sentence with its pattern, and those of its values, translated."""
        values = {name: in_words(value, translate) for name, value in self.values.items()}
        return translate(self.pattern) % values if values else translate(self.pattern)


def in_words(value: Any, translate: Callable[[str], str]) -> Any:
    """`value`, translated if it is a sentence."""
    return value.in_(translate) if isinstance(value, Sentence) else value
