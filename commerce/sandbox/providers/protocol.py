"""What providers and the sandbox's gateway say to each other: calls, answers, refusals."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from commerce.sandbox.providers.world import World

Json = dict[str, Any]
Value = TypeVar("Value")


class Verdict(StrEnum):
    """What became of a request: taken with more to follow, finished, or refused."""

    ACCEPTED = "accepted"
    DONE = "done"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Answer:
    """`thing_id` names what the request made or changed, to be told when its key is asked for."""

    status: int
    body: Json
    verdict: Verdict = Verdict.DONE
    thing_id: str | None = None


class Refusal(Exception):
    """The provider says no, and would say so again; nothing has happened."""

    def __init__(
        self, code: str, detail: str, *, status: int = 422, fields: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.status = status
        self.fields = dict(fields or {})


def refused(refusal: Refusal) -> Answer:
    """A refusal in the form that all JSON providers share."""
    body: Json = {"code": refusal.code, "detail": refusal.detail}
    if refusal.fields:
        body["fields"] = refusal.fields
    return Answer(refusal.status, body, Verdict.REFUSED)


@dataclass(frozen=True, slots=True)
class Call:
    """One request to a provider, understood and authenticated."""

    provider: str
    operation: str
    key: str
    arrival: int
    body: Json
    path: Mapping[str, str]
    trace: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Thing:
    """Something that a provider keeps: a shipment, a porting, a profile, a line."""

    id: str
    provider: str
    kind: str
    reference: str
    state: str
    facts: Json
    request_key: str
    trace: Mapping[str, str]

    def shown(self) -> Json:
        """The thing as the provider tells it."""
        name = f"{self.kind}_id"
        return {name: self.id, "reference": self.reference, "state": self.state, **self.facts}


Handler = Callable[["World", Call], Answer]
Step = Callable[["World", Thing], None]


@dataclass(frozen=True, slots=True)
class Operation:
    """`path` is a template below the provider's prefix: `shipments/<id>/cancel`."""

    method: str
    path: str
    handler: Handler
    needs_key: bool = True

    def pattern(self) -> re.Pattern[str]:
        return re.compile(re.sub(r"<(\w+)>", r"(?P<\1>[^/]+)", self.path))


@dataclass(frozen=True, slots=True)
class Party:
    """A provider: what may be asked of it, and what happens by itself later."""

    code: str
    title: str
    operations: tuple[Operation, ...]
    steps: Mapping[str, Step] = field(default_factory=dict)
    callbacks: tuple[str, ...] = ()
    refuse: Callable[[Refusal], Answer] = refused


class Fields:
    """Reads a JSON body field by field and collects what is wrong with it."""

    def __init__(self, body: Json) -> None:
        self._body = body
        self._wrong: dict[str, str] = {}

    def text(self, name: str, *, optional: bool = False, longest: int = 500) -> str:
        value = self._body.get(name)
        if value is None or value == "":
            return "" if optional else self._reject(name, "is missing", "")
        if not isinstance(value, str):
            return self._reject(name, "is not a text", "")
        if len(value) > longest:
            return self._reject(name, f"is longer than {longest} characters", "")
        return value

    def flag(self, name: str, *, default: bool | None = None) -> bool:
        value = self._body.get(name, default)
        return (
            value if isinstance(value, bool) else self._reject(name, "is not true or false", False)
        )

    def number(self, name: str, *, low: int, high: int) -> int:
        value = self._body.get(name)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            return self._reject(name, f"is not a whole number from {low} to {high}", low)
        return value

    def day(self, name: str) -> date:
        try:
            return date.fromisoformat(self.text(name))
        except ValueError:
            return self._reject(name, "is not a date like 2026-11-25", date.min)

    def amount(self, name: str) -> str:
        value = self.text(name)
        try:
            if Decimal(value).is_finite():
                return value
        except InvalidOperation:
            pass
        return self._reject(name, 'is not an amount like "19.99"', "0")

    def objects(self, name: str, *, optional: bool = False, most: int = 1000) -> list[Json]:
        value = self._body.get(name)
        if value is None and optional:
            return []
        if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
            return self._reject(name, "is not a list of objects", [])
        if not optional and not value:
            return self._reject(name, "is empty", [])
        return value if len(value) <= most else self._reject(name, f"has more than {most}", [])

    def texts(self, name: str) -> list[str]:
        value = self._body.get(name, [])
        if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
            return self._reject(name, "is not a list of texts", [])
        return value

    def inner(self, name: str) -> "Fields":
        """The fields of an object inside; what is wrong there is reported here."""
        value = self._body.get(name)
        if not isinstance(value, dict):
            self._reject(name, "is not an object", None)
            value = {}
        return Fields(value)

    def adopt(self, other: "Fields", *, under: str) -> None:
        self._wrong |= {f"{under}.{name}": sentence for name, sentence in other._wrong.items()}

    def reject(self, name: str, sentence: str) -> None:
        self._wrong.setdefault(name, sentence)

    def check(self, *, code: str = "invalid_request") -> None:
        """Raises Refusal when anything read so far was wrong."""
        if self._wrong:
            told = "; ".join(f"{name} {sentence}" for name, sentence in self._wrong.items())
            raise Refusal(code, told, fields=self._wrong)

    def _reject(self, name: str, sentence: str, value: Value) -> Value:
        self._wrong.setdefault(name, sentence)
        return value
