"""The cart as the page shows it: bundles with their steps, single things, what is in the way."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from catalogue.domain.model import Kind, Snapshot, role_of
from commerce.ordering.domain.arrival import Change, Difference
from commerce.ordering.domain.journeys import ways_of
from commerce.ordering.domain.quote import QuoteLine
from commerce.ordering.selectors import CartView
from frontend.shop.contract import line_schedule, number_text
from frontend.shop.deliveries import when_texts
from frontend.shop.panel import panel_of
from frontend.shop.words import drawing, euros, long_name, said, term_text

Context = dict[str, Any]


def cart_page(view: CartView, *, catalogue: Snapshot) -> Context:
    groups: dict[str, list[QuoteLine]] = {}
    for line in view.quote.lines:
        groups.setdefault(line.group, []).append(line)
    problems = [_problem(view, issue) for issue in view.issues]
    return {
        "code": view.code,
        "view": view,
        "bundles": [
            _bundle(view, group, lines, catalogue=catalogue)
            for group, lines in groups.items()
            if group in view.bundles
        ],
        "empty": _empty(view, {*groups, *(issue.group for issue in view.issues)}, catalogue),
        "loose": [
            _line(view, line, catalogue=catalogue)
            for group, lines in groups.items()
            if group not in view.bundles
            for line in lines
        ],
        "problems": problems,
        "codes": view.codes,
        "panel": panel_of(
            view.quote,
            catalogue=catalogue,
            why_url=reverse("checkout:cart_why", args=[view.code]),
            **_action(view, problems),
        ),
    }


def _action(view: CartView, problems: Sequence[Context]) -> Context:
    if view.ordered:
        return {}
    if not problems:
        return {
            "action_url": f"{reverse('checkout:summary')}?cart={view.code}",
            "action_label": _("Continue to the summary"),
        }
    first = next((p for p in problems if p["url"]), None)
    if first is None:
        return {}
    return {"action_url": first["url"], "action_label": _("Go on choosing")}


def _problem(view: CartView, issue: Any) -> Context:
    url = ""
    if issue.group in view.bundles:
        role = issue.role or "plan"
        url = reverse("checkout:step", args=[view.code, issue.group, role])
    return {
        "text": said(issue.message),
        "way_out": said(issue.way_out),
        "url": url,
        "missing": role_name(issue.role) if issue.unfinished and issue.role else "",
        "unfinished": issue.unfinished,
    }


def titled(around: str, what: str) -> str:
    """What stands in something, under both names."""
    return _("%(around)s: %(what)s") % {"around": around, "what": what}


def role_name(role: str) -> str:
    """A role, or a place by its name, in words."""
    role = role_of(role)
    return {
        "handset": _("Phone"),
        "plan": _("Plan"),
        "accessory": _("Accessories"),
        "sim": _("SIM and number"),
        "option": _("Options"),
        "content": _("Services"),
    }.get(role, role)


def bundle_title(code: str, *, catalogue: Snapshot) -> str:
    """A bundle's name; that of a line of a pack with the pack's."""
    bundle = catalogue.offering(code)
    pack = catalogue.offerings.get(bundle.part_of)
    return titled(said(pack.name), said(bundle.name)) if pack else said(bundle.name)


def _empty(view: CartView, known: Collection[str], catalogue: Snapshot) -> list[Context]:
    """Lines of packs that may be left out and have nothing yet, each with the way to its choice."""
    found = []
    for group, code in view.bundles.items():
        ways = () if group in known else ways_of(catalogue.offering(code).slots)
        if ways:
            found.append(
                {
                    "title": bundle_title(code, catalogue=catalogue),
                    "url": reverse("checkout:step", args=[view.code, group, ways[0].code]),
                }
            )
    return found


def _bundle(
    view: CartView, group: str, lines: Iterable[QuoteLine], *, catalogue: Snapshot
) -> Context:
    together = sorted(lines, key=lambda line: line.bundle)
    rows = [_line(view, line, catalogue=catalogue) for line in together]
    return {
        "group": group,
        "title": bundle_title(view.bundles[group], catalogue=catalogue),
        "lines": rows,
        "edit_url": reverse("checkout:step", args=[view.code, group, rows[0]["role"]]),
    }


def _line(view: CartView, line: QuoteLine, *, catalogue: Snapshot) -> Context:
    offering = catalogue.offering(line.offering)
    available = view.available.get(line.offering, 0)
    notes = []
    nested = catalogue.offerings.get(line.bundle)
    sold = catalogue.offerings.get(view.bundles.get(line.group, ""))
    if nested is not None and not (sold is not None and sold.part_of):
        notes.append(_("In: %(bundle)s") % {"bundle": said(nested.name)})
    if offering.kind is Kind.PLAN:
        notes.append(number_text(view.configs.get(line.id, {})))
        notes.append(term_text(line.term))
    notes += when_texts(view.shares.get(line.id, ()))
    return {
        "id": line.id,
        "role": line.role,
        "url": _step_url(view, line),
        "title": long_name(catalogue, offering),
        "device": drawing(offering),
        "notes": notes,
        "quantity": line.quantity,
        "countable": offering.kind in (Kind.ACCESSORY, Kind.HANDSET) and not line.group,
        "removable": line.role not in ("handset", "plan", "sim") or not line.group,
        "today": line.due_today,
        "list_today": line.list_today if line.list_today != line.due_today else None,
        "monthly": line_schedule(line, view.quote) if line.phases else "",
        "warning": _sold_out(available) if view.shares.get(line.id) == () else "",
    }


def _sold_out(available: int) -> str:
    if not available:
        return _("Sold out for now. Take it out, or choose another.")
    return _("Only %(n)d are left.") % {"n": available}


def _step_url(view: CartView, line: QuoteLine) -> str:
    if line.group not in view.bundles:
        return ""
    return reverse("checkout:step", args=[view.code, line.group, line.role])


def arrival_words(differences: Iterable[Difference], *, catalogue: Snapshot) -> list[str]:
    """What is not as it was when the cart was handed over, a sentence each."""
    found = []
    for difference in differences:
        offering = catalogue.offerings.get(difference.subject.split(".")[0])
        name = long_name(catalogue, offering) if offering is not None else difference.subject
        before = euros(difference.before) if difference.before is not None else ""
        after = euros(difference.after) if difference.after is not None else ""
        values = {"name": name, "before": before, "after": after}
        found.append(
            {
                Change.PRICE: _("%(name)s now costs %(after)s instead of %(before)s."),
                Change.NO_LONGER_SOLD: _("%(name)s is no longer sold."),
                Change.OUT_OF_STOCK: _("%(name)s is sold out for now."),
                Change.ADVANTAGE_GONE: _("The advantage %(name)s is over."),
                Change.ADVANTAGE_NEW: _("There is a new advantage: %(name)s."),
                Change.DUE_TODAY: _("Due today: %(after)s instead of %(before)s."),
                Change.COMMITMENT_TOTAL: _("In total: %(after)s instead of %(before)s."),
            }[difference.change]
            % values
        )
    return found
