# ruff: noqa: E501  (sample sentences)
"""Sample values for the styleguide: every component in every state, nothing from the database."""

from datetime import date
from decimal import Decimal

from django import forms
from django.core.paginator import Paginator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from commerce.kernel.money import Money
from frontend.typography import money_text, month_text

VIOLET = {
    "form": "bar",
    "camera": "ring3",
    "colour": "#8f7cff",
    "accent": "#ffb42e",
    "screen": "punch",
    "maker": "Ondine",
    "name": "Ondine 5, Pivoine",
}
DRAWINGS: list[dict[str, str]] = [
    VIOLET,
    {"form": "bar", "camera": "dots2", "colour": "#2f6f62", "accent": "#f3d9a4", "screen": "punch", "maker": "Alizé", "name": "bar, dots2"},
    {"form": "bar", "camera": "square4", "colour": "#e8dccb", "accent": "#ff8a6b", "screen": "island", "maker": "Corail", "name": "bar, square4"},
    {"form": "bar", "camera": "bar3", "colour": "#23233a", "accent": "#6fa8ff", "screen": "punch", "maker": "Mistral", "name": "bar, bar3"},
    {"form": "bar", "camera": "stack2", "colour": "#ff8fa3", "accent": "#ffe08a", "screen": "notch", "maker": "Sirocco", "name": "bar, stack2"},
    {"form": "bar", "camera": "dots1", "colour": "#5aa9e6", "accent": "#ffd1a8", "screen": "none", "maker": "Belle-Île", "name": "bar, dots1"},
    {"form": "fold", "camera": "stack3", "colour": "#4b4f6b", "accent": "#ff9d5c", "screen": "punch", "maker": "Ondine", "name": "fold"},
    {"form": "flip", "camera": "dots2", "colour": "#b7a6ea", "accent": "#ff7f6a", "screen": "punch", "maker": "Corail", "name": "flip"},
    {"form": "rugged", "camera": "square3", "colour": "#4a5a48", "accent": "#ffb42e", "screen": "punch", "maker": "Roc", "name": "rugged"},
    {"form": "sim", "colour": "#4a3aff", "accent": "#ffb42e"},
    {"form": "esim", "colour": "#4a3aff", "accent": "#ffb42e"},
    {"form": "case", "colour": "#2f6f62", "accent": "#ffb42e"},
    {"form": "charger", "colour": "#f0eee8", "accent": "#4a3aff"},
    {"form": "earbuds", "colour": "#e9e7f2", "accent": "#ff5c48"},
    {"form": "headphones", "colour": "#3a3766", "accent": "#ffb42e"},
    {"form": "watch", "colour": "#c9c4d8", "accent": "#8f7cff"},
    {"form": "cable", "colour": "#e9e7e0", "accent": "#ff5c48"},
    {"form": "powerbank", "colour": "#2c3a63", "accent": "#ffb42e"},
    {"form": "glass", "colour": "#5aa9e6", "accent": "#ffb42e"},
    {"form": "holder", "colour": "#3b3a52", "accent": "#ffb42e"},
    {"form": "speaker", "colour": "#e0624f", "accent": "#ffb42e"},
    {"form": "music", "colour": "#d6457f", "accent": "#ffd36b"},
    {"form": "video", "colour": "#3526d9", "accent": "#ff5c48"},
    {"form": "cloud", "colour": "#1f7fc4", "accent": "#ff8a3c"},
    {"form": "press", "colour": "#b9481f", "accent": "#ffb42e"},
    {"form": "shield", "colour": "#07634f", "accent": "#ff8a3c"},
    {"form": "travel", "colour": "#0f7c8f", "accent": "#ffb42e"},
    {"form": "data", "colour": "#4a3aff", "accent": "#ffb42e"},
    {"form": "plan", "colour": "#2a2170", "accent": "#ffb42e", "figure": "130", "unit": "Go"},
    {"form": "parcel", "colour": "#c9a77c", "accent": "#ff5c48"},
]  # fmt: skip


def bills(language: str, *, made: int = 0) -> list[dict[str, object]]:
    """Six free months, then 19.99 until month 18, then 24.99; `made` bills already issued."""
    result: list[dict[str, object]] = []
    for index in range(24):
        when = date(2026 + (11 + index) // 12, (11 + index) % 12 + 1, 22)
        free, last = index < 6, index >= 18
        amount = Money.of("0" if free else "24.99" if last else "19.99")
        why = _("offered") if free else _("promotion of 5 euros") if not last else ""
        result.append({
            "label": month_text(when, language=language), "date": when, "amount": amount,
            "list_amount": Money.of("24.99"), "free": free, "bill_text": why,
            "actual": (Money.of("22.49") if index == 8 else amount) if index < made else None,
        })  # fmt: skip
    return result


def panel(language: str) -> dict[str, object]:
    low, high = (money_text(Decimal(text), language=language) for text in ("19.99", "24.99"))
    return {
        "today": Money.of("450"),
        "today_lines": [("Ondine 5", Money.of("449")), (_("eSIM"), Money.of("1")),
                        (_("Horizon 130 5G, first 6 months"), Money.of("0"))],
        "bills": bills(language),
        "phase_text": _("offered, then %(low)s, then %(high)s") % {"low": low, "high": high},
        "commitment_total": Money.of("839.82"), "commitment_months": 24,
        "action_label": _("Continue to the accessories"), "action_url": "#choices",
        "trace": [
            {"label": "Ondine 5", "amount": Money.of("449"), "rule": _("Price list of 1 November 2026"), "children": [
                {"label": _("Price without a plan"), "amount": Money.of("799"), "rule": "", "children": []},
                {"label": _("With a commitment of 24 months"), "amount": Money.of("-350"), "rule": _("Bundle phone and plan"), "children": []},
            ]},
            {"label": _("eSIM"), "amount": Money.of("1"), "rule": "", "children": []},
        ],
    }  # fmt: skip


def choices() -> list[dict[str, object]]:
    return [
        {"figure": "40", "unit": _("GB"), "title": "Essentiel 40", "text": _("Unlimited calls and texts, 4G, 15 GB in Europe"),
         "difference": Money.of("-6"), "per": _("per month"), "url": "#choices"},
        {"figure": "130", "unit": _("GB"), "title": "Horizon 130 5G", "state": "chosen", "url": "#choices",
         "badges": [{"label": _("6 months free"), "kind": "mint"}, {"label": _("Best for 60 GB a month"), "kind": "sun"}],
         "text": _("Unlimited calls and texts, 5G, 30 GB in Europe."), "price_note": _("free for 6 months")},
        {"figure": "300", "unit": _("GB"), "title": "Grand large 300 5G", "text": _("5G+, 80 destinations, two more SIM cards"),
         "difference": Money.of("10"), "per": _("per month"), "url": "#choices"},
        {"figure": "20", "unit": _("GB"), "title": "Mini 20", "state": "closed",
         "reason": _("This phone at a reduced price needs a plan of at least 40 GB."),
         "way_out": {"label": _("See it without commitment"), "url": "#choices"}},
        {"device": DRAWINGS[11], "title": _("Soft case, fir"), "text": _("Fits the Ondine 5."), "difference": Money.of("19.90"),
         "name": "case", "value": "1"},
    ]  # fmt: skip


def cards() -> list[dict[str, object]]:
    colours = [
        {"hex": "#8f7cff", "name": "Pivoine"},
        {"hex": "#2f6f62", "name": "Sapin"},
        {"hex": "#e8dccb", "name": "Dune"},
    ]
    price = {"main": Money.of("449"), "list": Money.of("799"), "following": _("then 19.99 euros per month for 24 months"),
             "condition": _("with Horizon 130 5G, total cost 839.82 euros")}  # fmt: skip
    names = ["Ondine 5", "Alizé 12", "Corail Air", "Mistral Pro"]
    result: list[dict[str, object]] = [
        {"url": "#cards", "title": name, "maker": DRAWINGS[index]["maker"], "text": _("5G, eSIM, 128 GB"),
         "device": DRAWINGS[index], "colours": colours, "price": price,
         "badges": [{"label": _("6 months free"), "kind": "mint"}] if index == 0 else []}
        for index, name in enumerate(names)
    ]  # fmt: skip
    result.append({"url": "#cards", "title": "Roc 3", "maker": "Roc", "text": _("5G, eSIM, 128 GB"), "device": DRAWINGS[8], "closed": True,
                   "reason": _("Sold out until 3 December."), "way_out": {"label": _("Tell me when it is back"), "url": "#cards"}})  # fmt: skip
    return result


def tasks() -> list[dict[str, object]]:
    rows = [
        ("pay", _("Payment taken"), _("payment"), "done", [], "", ""),
        ("contract", _("Contract confirmed"), _("message"), "done", ["pay"], "", ""),
        ("ship", _("Phone shipped"), _("logistics"), "running", ["pay"], _("picked, carrier on its way"), "#graph"),
        ("esim", _("eSIM profile ordered"), _("SIM"), "done", ["pay"], "", ""),
        ("port", _("Number 06 39 98 12 34"), _("porting"), "waiting", ["contract"], _("other operator, until 24 Nov."), "#graph"),
        ("line", _("Line activated"), _("network"), "pending", ["esim", "port"], "", ""),
        ("music", _("Music service"), _("content"), "failed", ["contract"], _("refused: account exists"), "#graph"),
        ("bill", _("Billing started"), _("billing"), "pending", ["line", "ship"], "", ""),
        ("done", _("Order complete"), "", "pending", ["bill", "music"], "", ""),
    ]  # fmt: skip
    keys = ("key", "label", "kind", "state", "needs", "detail", "url")
    return [dict(zip(keys, row, strict=True)) for row in rows]


class SampleForm(forms.Form):
    """Each kind of field; bound to wrong input so that errors can be seen."""

    email = forms.EmailField(
        label=gettext_lazy("E-mail address"),
        help_text=gettext_lazy("We send the contract summary there."),
    )
    rio = forms.CharField(
        label=gettext_lazy("RIO code"),
        help_text=gettext_lazy("Call 3179 from your line, it is free."),
    )
    plan = forms.ChoiceField(
        label=gettext_lazy("Commitment"), choices=[("24", "24"), ("12", "12"), ("0", "0")]
    )
    sim = forms.ChoiceField(label=gettext_lazy("SIM"), widget=forms.RadioSelect,
                            choices=[("esim", gettext_lazy("eSIM")), ("card", gettext_lazy("SIM card"))])  # fmt: skip
    note = forms.CharField(label=gettext_lazy("Note"), required=False, widget=forms.Textarea)
    early = forms.BooleanField(
        label=gettext_lazy("I ask for the service to begin before the 14 days have passed.")
    )


def context(language: str) -> dict[str, object]:
    return {
        "steps": [{"label": label, "url": "#steps", "state": state} for label, state in (
            (_("Phone"), "done"), (_("Plan"), "here"), (_("Accessories"), "coming"),
            (_("SIM and number"), "coming"), (_("Summary"), "coming"))],
        "trail": [{"label": _("Home"), "url": "/"}, {"label": _("Phones"), "url": "#"}, {"label": "Ondine 5"}],
        "device": VIOLET, "drawings": DRAWINGS, "panel": panel(language), "choices": choices(), "cards": cards(),
        "tasks": tasks(), "chart_bills": bills(language, made=10)[:14],
        "form": SampleForm({"email": "moi@exemple", "rio": "02PA1B2C3RE", "sim": "esim"}),
        "chips": [{"label": _("24 months"), "url": "#chips", "current": True}, {"label": _("12 months"), "url": "#chips"},
                  {"label": _("No commitment"), "url": "#chips"}, {"label": _("I give my usage"), "url": "#chips"}],
        "facets": [{"title": _("Maker"), "name": "maker", "open": True, "options": [
            {"label": "Ondine", "value": "ondine", "count": 6, "chosen": True}, {"label": "Alizé", "value": "alize", "count": 4}]},
            {"title": _("Storage"), "name": "storage", "options": [{"label": "128", "value": "128", "count": 9}]}],
        "events": [
            {"title": _("Order placed"), "at": "22 novembre 2026 à 09:12", "state": "done"},
            {"title": _("Phone shipped"), "text": _("picked, carrier on its way"), "state": "running"},
            {"title": _("Number 06 39 98 12 34"), "text": _("other operator, until 24 Nov."), "state": "waiting"},
            {"title": _("Music service"), "text": _("refused: account exists"), "state": "failed"},
            {"title": _("Line activated"), "state": "coming"}],
        "columns": [{"label": _("Bill")}, {"label": _("Day")}, {"label": _("Amount"), "number": True}],
        "rows": [{"cells": [{"text": f"F-2026-00{n}"}, {"text": f"22/{n:02d}/2027", "label": _("Day")},
                            {"text": money_text(Decimal("19.99"), language=language), "label": _("Amount"), "number": True}]} for n in (1, 2, 3)],
        "pairs": [(_("Screen"), "6,3\""), (_("Battery"), "4 900 mAh"), (_("Repairability"), "8,4 / 10")],
        "tabs": [{"label": _("Bills"), "url": "#", "current": True}, {"label": _("Usage"), "url": "#"}, {"label": _("Contract"), "url": "#"}],
        "bill": {
            "title": _("Bill"), "number": "F-2027-000123", "day": date(2027, 5, 22), "due": date(2027, 6, 5), "state": "done", "state_label": _("paid"),
            "period_text": _("22 May 2027 to 21 June 2027"), "seller": ["Faisceau", "1 rue du Phare", "29200 Brest"], "buyer": ["Camille Renard", "12 rue des Lilas", "35000 Rennes"],
            "lines": [{"label": "Horizon 130 5G", "note": _("promotion of 5 euros"), "amount": Money.of("19.99")}, {"label": _("Music service"), "amount": Money.of("9.99")}],
            "taxes": [{"label": _("of which VAT at 20%"), "amount": Money.of("5.00")}], "total": Money.of("29.98"), "promised": Money.of("29.98")},
        "pages": Paginator(range(200), 20).page(4),
        "states": [("done", _("done")), ("running", _("running")), ("waiting", _("waiting")), ("failed", _("failed")), ("pending", _("not started"))],
        "navigation": [{"label": _("Phones"), "url": "#phones", "current": True}, {"label": _("Plans"), "url": "#plans"},
                       {"label": _("Accessories"), "url": "#accessories"}, {"label": _("Business"), "url": "#business"}],
        "search_url": "/", "account_url": "#account", "cart_url": "#cart", "cart_code": "7K2-Q9F",
        "footer_columns": [{"title": _("Your contract"), "links": [
            {"label": _("End your contract"), "url": "#end", "strong": True},
            {"label": _("Withdraw from the contract here"), "url": "#withdraw", "strong": True}]},
            {"title": _("About"), "links": [{"label": _("Legal notice and terms"), "url": "#legal"}, {"label": _("Accessibility"), "url": "#a11y"}]}],
    }  # fmt: skip
