"""Where a step stands: in a cart (choices are posted), or in an address (choices are links)."""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from django.http import QueryDict
from django.urls import reverse

from catalogue.domain.model import Offering, role_of
from commerce.ordering.domain.drafts import Draft
from commerce.ordering.domain.journey import Candidate, StepView
from commerce.ordering.domain.journeys import shape_of
from commerce.ordering.domain.quote import QuoteLine
from frontend.shop.answers import NAMES

CONFIRM, PLACE, BUNDLE = "confirm", "place", "bundle"
MOST_PLACES = 60
ROLES = ("handset", "plan", "sim", "accessory", "option", "content")


class Place(Protocol):
    """Makes the addresses of a step's page."""

    def pick(self, candidate: Candidate, step: StepView) -> dict[str, Any]:
        """How a candidate is chosen: `url`, or `name` and `value` of a submit button."""

    def step_url(self, code: str) -> str:
        """Where another step of the same journey is, with the same answers."""

    def here(self, **changed: str) -> str:
        """This step with other parameters; an empty one is left out."""


class CartPlace:
    """A step of a cart's bundle. Without `args` the role stands in the query."""

    def __init__(
        self, query: QueryDict, *, route: str, args: tuple[str, ...], name: str = "choose"
    ) -> None:
        self.query, self.route, self.args, self.name = query, route, args, name

    def pick(self, candidate: Candidate, step: StepView) -> dict[str, Any]:
        if candidate.consequences and not candidate.chosen:
            return {"url": self.here(**{CONFIRM: candidate.offering.code, PLACE: step.role})}
        return {"name": self.name, "value": candidate.offering.code}

    def step_url(self, code: str) -> str:
        if not self.args:
            return self.here(role=code, confirm="", place="")
        return _address(reverse(self.route, args=[*self.args, code]), _answers(self.query))

    def here(self, **changed: str) -> str:
        return f"?{_changed(self.query, changed).urlencode()}"


class DraftPlace:
    """A step of a draft: everything that was chosen stands in the address."""

    def __init__(self, query: QueryDict, *, route: str, entry: str) -> None:
        self.query, self.route, self.entry = query, route, entry

    def pick(self, candidate: Candidate, step: StepView) -> dict[str, Any]:
        if candidate.consequences and not candidate.chosen:
            return {"url": self.here(**{CONFIRM: candidate.offering.code, PLACE: step.role})}
        return {"url": self.with_choice(candidate, step)}

    def with_choice(self, candidate: Candidate, step: StepView) -> str:
        """The same step with the choice made, and everything that changes or is filled with it."""
        chosen: dict[str, list[str]] = {}
        term = self.query.get("term", "")
        for line in candidate.quote.lines:
            if line.group == step.group:
                chosen.setdefault(line.role, []).append(line.offering)
                term = str(line.term) if line.role == "plan" else term
        query = _changed(self.query, {CONFIRM: "", PLACE: "", "term": term})
        for role in {*filter(_is_place, query), *chosen}:
            query.setlist(role, chosen.get(role, []))
        return _address("", query) or "?"

    def without(self, role: str, offering: str = "") -> str:
        """The same step with a role emptied, or one thing of it taken out."""
        query = _changed(self.query, {CONFIRM: "", PLACE: ""})
        left = [code for code in query.getlist(role) if offering and code != offering]
        query.setlist(role, left)
        return _address("", query) or "?"

    def step_url(self, code: str) -> str:
        query = _changed(self.query, {CONFIRM: "", PLACE: ""})
        return _address(reverse(self.route, args=[self.entry, code]), query)

    def here(self, **changed: str) -> str:
        return f"?{_changed(self.query, changed).urlencode()}"


def draft_url(lines: Iterable[QuoteLine], *, here: str, bundle: Offering) -> str:
    """A step with these choices as an address of its own; nothing of a cart is in it."""
    query = QueryDict(mutable=True)
    for line in lines:
        query.appendlist(line.role, line.offering)
        if line.role == "plan":
            query["term"] = str(line.term)
    shape = shape_of(bundle)
    entry = {"nested": "pack", "lines": "lines", "loose": "kit"}.get(shape, "handset")
    if shape == "plain" and bundle.slot("handset") is None:
        entry = "keep-handset"
    if shape != "plain":
        query[BUNDLE] = bundle.code
    return _address(reverse("checkout:draft", args=[entry, here]), query)


def choices_in(query: QueryDict) -> Mapping[str, tuple[str, ...]]:
    """What an address says was chosen, by role."""
    found = {
        name: tuple(code[:64] for code in query.getlist(name)[:12])
        for name in list(query)[:MOST_PLACES]
        if _is_place(name)
    }
    return {name: codes for name, codes in found.items() if codes}


def draft_in(query: QueryDict) -> Draft:
    """What an address says was chosen."""
    return Draft(choices_in(query), term_in(query), query.get(BUNDLE, "")[:64])


def _is_place(name: str) -> bool:
    return role_of(name) in ROLES


def term_in(query: QueryDict) -> int | None:
    text = query.get("term", "")
    return int(text) if text in ("0", "12", "24") else None


def _answers(query: QueryDict) -> QueryDict:
    found = QueryDict(mutable=True)
    for name in NAMES:
        found.setlist(name, query.getlist(name))
    return found


def _changed(query: QueryDict, changed: Mapping[str, str]) -> QueryDict:
    found = query.copy()
    for name, value in changed.items():
        if value:
            found[name] = value
        else:
            found.pop(name, None)
    return found


def _address(path: str, query: QueryDict) -> str:
    text = query.urlencode()
    return f"{path}?{text}" if text else path
