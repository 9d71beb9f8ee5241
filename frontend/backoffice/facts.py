"""What conditions and targets of promotions may ask, in words; see docs/promotions.md."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from catalogue.domain.model import Kind, Segment
from catalogue.drafting import Vocabulary
from commerce.accounts.kinds import Channel

NUMBER, FLAG, TEXT, ANY = "number", "yes_no", "text", ""
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True, slots=True)
class Asked:
    """A fact, or with a dot at its end a family of facts: what follows is its detail.

    `type` is that of its values (ANY: as they are written), `values` a list to choose from.
    """

    name: str
    group: Any
    label: Any
    type: str = TEXT
    values: str = ""
    details: str = ""

    @property
    def is_family(self) -> bool:
        return self.name.endswith(".")


PURCHASE, THING, CUSTOMER = _("The purchase"), _("What is in it"), _("The customer")
CART, TIME, LINE = _("The cart"), _("The time"), _("The line")
CONDITIONS = (
    Asked("codes", PURCHASE, _("offerings in it"), values="offerings"),
    Asked("kinds", PURCHASE, _("kinds in it"), values="kinds"),
    Asked("roles", PURCHASE, _("roles in it")),
    Asked("categories", PURCHASE, _("categories in it"), values="categories"),
    Asked("bundle.code", PURCHASE, _("bundle"), values="bundles"),
    Asked("bundle.codes", PURCHASE, _("bundle, or one in it"), values="bundles"),
    Asked("bundle.complete", PURCHASE, _("bundle is complete"), FLAG),
    Asked("bundle.list_today", PURCHASE, _("list price today"), NUMBER),
    Asked("bundle.list_monthly", PURCHASE, _("list price each month"), NUMBER),
    Asked("term_months", PURCHASE, _("commitment, in months"), NUMBER, values="terms"),
    Asked("item.new_line", PURCHASE, _("new line"), FLAG),
    Asked("item.port_in", PURCHASE, _("number brought along"), FLAG),
    Asked("item.renewal", PURCHASE, _("renewal"), FLAG),
    Asked("handset.", THING, _("of the phone:"), ANY, details="characteristics"),
    Asked("plan.", THING, _("of the plan:"), ANY, details="characteristics"),
    Asked("sim.", THING, _("of the SIM:"), ANY, details="characteristics"),
    Asked("customer.segment", CUSTOMER, _("segment"), values="segments"),
    Asked("customer.known", CUSTOMER, _("known customer"), FLAG),
    Asked("customer.tenure_months", CUSTOMER, _("months with us"), NUMBER),
    Asked("customer.lines", CUSTOMER, _("running lines"), NUMBER),
    Asked("customer.others", CUSTOMER, _("running lines beside this one"), NUMBER),
    Asked("customer.earlier", CUSTOMER, _("running lines that began before this one"), NUMBER),
    Asked("customer.months_to_commitment_end", CUSTOMER, _("months of commitment left"), NUMBER),
    Asked("customer.owns", CUSTOMER, _("owns"), values="offerings"),
    Asked("cart.channel", CART, _("channel"), values="channels"),
    Asked("cart.codes", CART, _("codes entered")),
    Asked("cart.list_today", CART, _("list price of the cart today"), NUMBER),
    Asked("cart.list_monthly", CART, _("list price of the cart each month"), NUMBER),
    Asked("cart.count.", CART, _("pieces of the kind:"), NUMBER, details="kinds"),
    Asked("cart.quantity.", CART, _("pieces of the offering:"), NUMBER, details="offerings"),
    Asked("at.date", TIME, _("day, like 2026-11-27")),
    Asked("at.weekday", TIME, _("day of the week"), values="weekdays"),
    Asked("at.time", TIME, _("time, like 18:30")),
)
TARGETS = (
    Asked("line.code", LINE, _("offering"), values="offerings"),
    Asked("line.kind", LINE, _("kind"), values="kinds"),
    Asked("line.category", LINE, _("category"), values="categories"),
    Asked("line.family", LINE, _("model"), values="families"),
    Asked("line.role", LINE, _("role")),
    Asked("line.charge", LINE, _("code of the price"), values="charges"),
    Asked("line.quantity", LINE, _("pieces of it"), NUMBER),
    Asked("line.", LINE, _("characteristic:"), ANY, details="characteristics"),
)
OTHER = Asked("", "", _("another fact:"), ANY)
_NAMED = {"code": "offerings", "kind": "kinds", "category": "categories", "family": "families"}


def asked(name: str) -> tuple[Asked, str]:
    """Which of them the fact `name` is, and its detail."""
    every = (*CONDITIONS, *TARGETS)
    for each in every:
        if each.name == name:
            return each, ""
    for each in every:
        if each.is_family and name.startswith(each.name):
            return each, name[len(each.name) :]
    return OTHER, name


def named(base: str) -> Asked:
    """The one of that name; what is unknown is another fact."""
    return next((each for each in (*CONDITIONS, *TARGETS) if each.name == base), OTHER)


def type_of(name: str, *, vocabulary: Vocabulary) -> str:
    """Of the values that a fact is compared with."""
    each, detail = asked(name)
    if each.details != "characteristics" or detail in _NAMED:
        return each.type if detail not in _NAMED else TEXT
    return vocabulary.characteristics.get(detail, ANY)


def values_of(name: str) -> str:
    """The list of values to choose from; empty: none."""
    each, detail = asked(name)
    return _NAMED.get(detail, "") if each.details == "characteristics" else each.values


def lists(vocabulary: Vocabulary) -> Mapping[str, Iterable[str]]:
    """What can be chosen from, by the name of the list."""
    return {
        "offerings": vocabulary.offerings,
        "families": vocabulary.families,
        "categories": vocabulary.categories,
        "bundles": vocabulary.bundles,
        "charges": vocabulary.charges,
        "characteristics": sorted({*_NAMED, *vocabulary.characteristics}),
        "kinds": [kind.value for kind in Kind],
        "segments": [segment.value for segment in Segment],
        "channels": [channel.value for channel in Channel],
        "terms": ["0", "12", "24"],
        "weekdays": WEEKDAYS,
    }
