"""A change of a running line, in an address and in words."""

from collections.abc import Sequence
from copy import deepcopy
from datetime import date, timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.http import QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from catalogue.domain.model import Snapshot
from commerce.accounts.selectors import Address
from commerce.kernel.clock import business_today
from commerce.kernel.money import Money
from commerce.markets.pack import market
from commerce.ordering.domain.changes import (
    BLOCKS_BY_WISH,
    ChangeQuote,
    ChangeReason,
    ChangeRequest,
    Leaving,
    LeftInParts,
    When,
)
from commerce.ordering.domain.consents import OrderConsents
from commerce.ordering.domain.instalments import Choice
from frontend.account.forms import AddressForm
from frontend.shop.beside import beside
from frontend.shop.contract import contracts_of, display_number, sections_of
from frontend.shop.in_parts import InPartsForm, why_not
from frontend.shop.panel import panel_of
from frontend.shop.places import choices_in, term_in
from frontend.shop.words import euros, months, named, on_day, said
from subscriptions.domain.states import APART, BlockKind, ChangeKind

TITLES = {
    ChangeKind.ADD: gettext_lazy("Add to your line"),
    ChangeKind.REMOVE: gettext_lazy("Take something off your line"),
    ChangeKind.PLAN: gettext_lazy("Change your plan"),
    ChangeKind.RENEW: gettext_lazy("Renew your line"),
    ChangeKind.SIM: gettext_lazy("Replace your SIM"),
    ChangeKind.NUMBER: gettext_lazy("Change your number"),
    ChangeKind.SUSPEND: gettext_lazy("Let your line stand still"),
    ChangeKind.RESUME: gettext_lazy("Let your line go on"),
    ChangeKind.TERMINATE: gettext_lazy("End your contract"),
}
LEADS = {
    ChangeKind.SIM: gettext_lazy(
        "Your number stays. The old SIM works until the new one does, and is ended only then; a"
        " lost or stolen one is stopped at once."
    ),
    ChangeKind.NUMBER: gettext_lazy(
        "As soon as the new number works, the old one no longer leads to you, and nobody else gets"
        " it for some weeks. Your plan and your bills stay as they are."
    ),
    ChangeKind.SUSPEND: gettext_lazy(
        "Nobody can call or use data with this SIM; emergency calls stay possible. The subscription"
        " goes on and is billed as before."
    ),
    ChangeKind.RESUME: gettext_lazy("Everything works again as before."),
    ChangeKind.TERMINATE: gettext_lazy(
        "To keep your number, do not end the contract yourself: give your new operator your RIO,"
        " and it ends with the transfer of the number."
    ),
}


class ChangeForm(InPartsForm):
    """The price that was seen; what is bought needs the same consents as any order."""

    expected = forms.DecimalField(widget=forms.HiddenInput, max_digits=12, decimal_places=2)
    digest = forms.CharField(widget=forms.HiddenInput, max_length=64)
    summary = forms.BooleanField(
        label=gettext_lazy("I have received the contract summary and agree to it."),
        error_messages={"required": gettext_lazy("Please confirm the contract summary to order.")},
    )
    terms = forms.BooleanField(
        label=gettext_lazy("I accept the terms of sale."),
        error_messages={"required": gettext_lazy("Please accept the terms of sale to order.")},
    )
    early = forms.BooleanField(
        label=gettext_lazy(
            "I ask expressly for it to begin before the 14 days for changing my mind are over."
            " If I withdraw all the same, I pay for the days that I have used."
        ),
        error_messages={"required": gettext_lazy("It begins at once, so please ask for that.")},
    )

    def __init__(
        self,
        *args: Any,
        asks: bool,
        delivers: bool = False,
        in_parts: Sequence[Choice] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.offer(in_parts, agrees=asks)
        if not asks:
            for name in ("summary", "terms", "early"):
                del self.fields[name]
        where = AddressForm.base_fields if delivers else {}
        self.fields.update({name: deepcopy(field) for name, field in where.items()})

    @property
    def where(self) -> list[forms.BoundField]:
        """The fields of where it goes, if anything does."""
        return [self[name] for name in AddressForm.base_fields if name in self.fields]

    @property
    def address(self) -> Address | None:
        names = [name for name in AddressForm.base_fields if name in self.fields]
        return Address(**{name: self.cleaned_data[name] for name in names}) if names else None

    @property
    def expected_total(self) -> Money:
        return Money(self.cleaned_data["expected"])

    @property
    def consents(self) -> OrderConsents:
        given = self.cleaned_data
        return OrderConsents(
            terms=given.get("terms", False),
            contract_summary_confirmed=given.get("summary", False),
            early_execution_requested=given.get("early", False),
            instalments=self.parts_agreed,
        )


def request_in(kind: ChangeKind, query: QueryDict) -> ChangeRequest:
    """What an address says is wanted; words that nobody of ours wrote are left out."""
    block, when, reason = (query.get(name, "") for name in ("block", "when", "reason"))
    items = [text for text in query.getlist("item")[:24] if text.isdecimal() and len(text) < 16]
    return ChangeRequest(
        kind=kind,
        choices=choices_in(query),
        term=term_in(query),
        items=tuple(int(text) for text in items),
        when=When(when) if when in set(When) else When.NOW,
        block=BlockKind(block) if block in BLOCKS_BY_WISH else None,
        on=parse_day(query.get("on", "")),
        motive=query.get("motive", "")[:40],
        reason=ChangeReason(reason) if reason in set(ChangeReason) else None,
        msisdn=query.get("msisdn", "")[:20] if kind is ChangeKind.NUMBER else "",
    )


def parse_day(text: str) -> date | None:
    """A day as a date field sends it; None for anything else."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def change_url(route: str, line: int, kind: ChangeKind, query: QueryDict | None = None) -> str:
    """The page that shows a change before it is ordered."""
    path = reverse(route, args=[line, kind.value])
    text = query.urlencode() if query is not None else ""
    return f"{path}?{text}" if text else path


def change_page(
    shown: ChangeQuote,
    *,
    catalogue: Snapshot,
    form: ChangeForm,
    asks: bool,
    in_parts: Choice | None = None,
) -> dict[str, Any]:
    """The context of `account/change.html`; `asks`: the customer agrees here and now; `in_parts`:
    how he wants to pay the phone that is bought with it."""
    request = shown.request
    due = bool(shown.quote.due_today_gross)
    label = _("Order and pay") if due else _("Order")
    if request.kind is ChangeKind.TERMINATE:
        label = _("Confirm the end of the contract")
    elif not shown.asks:
        label = _("Confirm")
    elif not asks:
        label = _("Send it to the customer")
    agreed = contracts_of(shown.quote, configs=shown.configs(), in_parts=in_parts)
    return {
        "title": TITLES[request.kind],
        "lead": _lead(shown),
        "change": shown,
        "number": display_number(shown.number),
        "begins": [
            *map(said, shown.begins),
            *([display_number(request.msisdn)] if request.msisdn else []),
        ],
        "ends": _ends(shown),
        "differs": any(bill.before != bill.after for bill in shown.bills),
        "whens": _whens(shown),
        "fields": [
            *(("item", item) for item in request.items),
            *((role, code) for role, codes in request.choices.items() for code in codes),
        ],
        "bound": "" if request.kind in APART else _bound(shown),
        "leaving": _leaving(shown),
        "form": form,
        "not_in_parts": why_not(shown.in_parts),
        "asks": asks,
        "takes_back": shown.takes_back,
        "beside": beside(shown.beside),
        "today": business_today(),
        "contracts": [
            {"number": place, "sections": sections_of(each, catalogue=catalogue)}
            for place, each in enumerate(agreed, start=1)
        ],
        "panel": panel_of(
            shown.quote,
            catalogue=catalogue,
            in_parts=in_parts,
            action_form="change",
            action_label=label,
            **({} if shown.quote.monthly else {"commitment_total": None}),
            title=_("What comes with it") if shown.quote.lines else _("Due now"),
        ),
    }


def _ends(shown: ChangeQuote) -> list[dict[str, str]]:
    """What ends, and why where nobody asked for it."""
    why = {said(each.name): said(each.message) for each in shown.unfit}
    return [{"name": name, "why": why.get(name, "")} for name in map(said, shown.ends)]


def _lead(shown: ChangeQuote) -> Any:
    if shown.still_blocked:
        return _("The line still stands still for another reason; nothing works yet.")
    return LEADS.get(shown.request.kind, "")


def _leaving(shown: ChangeQuote) -> dict[str, Any] | None:
    """What ending the contract costs and why, and what else can be said about it."""
    told = shown.leaving
    if told is None:
        return None
    rules = market(settings.MARKET)
    chosen = shown.request.motive
    motives = rules.termination_rules().motives
    saved = shown.on + timedelta(days=rules.porting_rules().recoverable_days)
    return {
        "on": shown.on,
        "earliest": told.earliest,
        "motives": [
            {"code": code, "label": named(text), "chosen": code == chosen}
            for code, text in motives.items()
        ],
        "owed": told.owed,
        "rows": [
            {"label": label, "amount": amount}
            for label, amount in (
                (_("Early termination fee"), told.fee),
                (_("Advantages given back"), told.given_back),
            )
            if amount
        ],
        "why": _why_owed(told),
        "waived": told.without_motive if chosen else None,
        "saved_until": saved,
        "in_parts": [_left_in_parts(each, on=shown.on) for each in told.in_parts],
    }


def _left_in_parts(left: LeftInParts, *, on: date) -> str:
    """What becomes of the phone's parts, in a sentence."""
    words = {
        "left": euros(left.left, short=False),
        "end": on_day(on),
        "last": on_day(left.last_on) if left.last_on else "",
    }
    if left.falls_due:
        return _("%(left)s of the phone is left to pay in parts: it falls due on %(end)s.") % words
    if left.last_on is None:
        return _("%(left)s of the phone is left to pay in parts: they go on as agreed.") % words
    return (
        _("%(left)s of the phone is left to pay in parts: they go on as agreed, until %(last)s.")
        % words
    )


def _why_owed(told: Leaving) -> str:
    if told.free_until is not None:
        day = on_day(told.free_until)
        return _("We are changing your contract: until %(day)s you end it free of charge.") % {
            "day": day
        }
    if not told.months_left:
        return _("There is no commitment left: ending the contract costs nothing.")
    left = _("%(months)s of your commitment are left on that day (article L224-28).") % {
        "months": months(told.months_left)
    }
    return left if told.owed else f"{left} " + _("The law asks for nothing of them.")


def _whens(shown: ChangeQuote) -> list[dict[str, Any]]:
    """What ends or takes another's place may do so at once or with the bill."""
    if shown.request.kind not in (ChangeKind.REMOVE, ChangeKind.PLAN):
        return []
    return [
        {"code": when.value, "label": label, "current": shown.request.when is when}
        for when, label in (
            (When.NOW, _("At once")),
            (When.CYCLE_END, _("With the next bill")),
        )
    ]


def _bound(shown: ChangeQuote) -> str:
    if shown.leaving is not None:
        return ""
    if shown.bound_until_after is None:
        return _("There is no commitment, before or after.")
    after = on_day(shown.bound_until_after)
    if shown.bound_until == shown.bound_until_after:
        return _("Your commitment stays as it is: until %(day)s.") % {"day": after}
    return _("A new commitment begins and ends on %(day)s.") % {"day": after}
