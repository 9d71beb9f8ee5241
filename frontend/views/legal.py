"""Ending a contract and withdrawing from it, without an account; notices."""

from typing import Any

from django import forms
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache

from commerce.accounts import selectors as accounts
from commerce.accounts import written
from commerce.accounts.context import context_for_request
from commerce.accounts.kinds import RequestKind
from commerce.accounts.services.proofs import MOST_BYTES, add_proof
from commerce.accounts.services.requests import Statement
from commerce.kernel.clock import business_today
from commerce.kernel.errors import FaisceauError
from commerce.ordering.domain.consents import TERMS_VERSION
from commerce.ordering.services.requests import ask_in_writing
from commerce.web.policy import Policy, policy
from frontend import errors
from frontend.account.words import number
from frontend.shop.motives import motive_choices, motive_label

RECEIVED = "request_reference"
"""Name in the session: the request that this browser has just sent."""


class StatementForm(forms.Form):
    """What has to be said so that a contract is found and an answer arrives."""

    name = forms.CharField(
        label=_("First and last name"),
        max_length=160,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    email = forms.EmailField(
        label=_("E-mail address"),
        max_length=254,
        help_text=_("We acknowledge receipt there, at once."),
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )
    contract = forms.CharField(
        label=_("Contract reference"),
        max_length=40,
        help_text=_("The number of your order (F-…) or of any bill (FA-…)."),
    )
    line_number = forms.CharField(
        label=_("Number of the line"),
        max_length=20,
        required=False,
        widget=forms.TextInput(attrs={"inputmode": "tel"}),
    )
    message = forms.CharField(
        label=_("Anything else"),
        max_length=1000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class ProofForm(forms.Form):
    proof = forms.FileField(
        label=_("The document that proves your reason"),
        help_text=_("A PDF, a JPEG or a PNG of 4 megabytes at most. Only our staff sees it."),
        widget=forms.FileInput(attrs={"accept": ".pdf,.jpg,.jpeg,.png"}),
    )


class EndForm(StatementForm):
    address = forms.CharField(
        label=_("Postal address"),
        max_length=300,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "street-address"}),
    )
    wished_on = forms.DateField(
        label=_("Day on which it should end"),
        required=False,
        help_text=_("Leave it empty for as soon as possible."),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    motive = forms.ChoiceField(
        label=_("A reason for which nothing is owed"),
        required=False,
        help_text=_("Only if one of them is yours: it is to be proved."),
        choices=motive_choices,
    )
    field_order = (
        "name", "email", "address", "contract", "line_number", "wished_on", "motive", "message",
    )  # fmt: skip


@policy(Policy.VISITOR)
@never_cache
def end_contract(request: HttpRequest) -> HttpResponse:
    """Three clicks: this page, the check, the sending (L215-1-1 of the consumer code)."""
    form = EndForm(request.POST or None, initial=_known(request))
    return _stated(request, form, kind=RequestKind.END, page="end_contract")


@policy(Policy.VISITOR)
@never_cache
def withdraw(request: HttpRequest) -> HttpResponse:
    """Two steps: the statement, then its confirmation (article 11a of directive 2011/83/EU)."""
    form = StatementForm(request.POST or None, initial=_known(request))
    return _stated(request, form, kind=RequestKind.WITHDRAW, page="withdraw")


@policy(Policy.VISITOR)
@never_cache
def received(request: HttpRequest) -> HttpResponse:
    """The acknowledgement: content, day and hour; the same goes out by e-mail. A motive is proved
    here, if its document is at hand."""
    reference = request.session.get(RECEIVED)
    if not reference:
        return redirect("legal:end_contract")
    asked = written.contract_request(reference)
    form = ProofForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        sent = form.cleaned_data["proof"]
        try:
            add_proof(reference=reference, name=sent.name, content=sent.read(MOST_BYTES + 1))
        except FaisceauError as error:
            errors.put(form, error)
        else:
            return redirect("legal:received")
    values = {
        "form": form,
        "proofs": written.proofs_of([reference]).get(reference, ()),
        "asked": asked,
        "line": number(asked.line_number),
        "motive": motive_label(asked.motive),
    }
    return render(
        request, "frontend/legal/received.html", values, status=422 if form.errors else 200
    )


@policy(Policy.PUBLIC)
def notice(request: HttpRequest) -> HttpResponse:
    publisher = list(settings.PUBLISHER)
    values = {"publisher": publisher, "is_demonstration": settings.VIRTUAL_CLOCK}
    return render(request, "frontend/legal/notice.html", values)


@policy(Policy.PUBLIC)
def terms(request: HttpRequest) -> HttpResponse:
    """The terms of sale that a buyer agrees to, of the version that his consent names."""
    values = {"publisher": list(settings.PUBLISHER), "version": TERMS_VERSION}
    return render(request, "frontend/legal/terms.html", values)


@policy(Policy.PUBLIC)
def privacy(request: HttpRequest) -> HttpResponse:
    return render(request, "frontend/legal/privacy.html")


@policy(Policy.PUBLIC)
def accessibility(request: HttpRequest) -> HttpResponse:
    return render(request, "frontend/legal/accessibility.html")


def _stated(
    request: HttpRequest, form: StatementForm, *, kind: RequestKind, page: str
) -> HttpResponse:
    if request.method == "POST" and form.is_valid() and "again" not in request.POST:
        if "send" not in request.POST:
            if _too_early(form):
                form.add_error("wished_on", str(_("Choose a day from today on.")))
            else:
                return render(request, f"frontend/legal/{page}_check.html", _review(form))
        else:
            statement = Statement(kind=kind, language=get_language() or "fr", **form.cleaned_data)
            try:
                asked = ask_in_writing(context_for_request(request), statement=statement)
            except FaisceauError as error:
                errors.put(form, error)
            else:
                request.session[RECEIVED] = asked.reference
                return redirect("legal:received")
    wrong = form.is_bound and bool(form.errors)
    values = {"form": form, "today": business_today()}
    return render(request, f"frontend/legal/{page}.html", values, status=422 if wrong else 200)


def _too_early(form: StatementForm) -> bool:
    day = form.cleaned_data.get("wished_on")
    return day is not None and day < business_today()


def _review(form: StatementForm) -> dict[str, Any]:
    """What was said, to be read once more, and to be sent along unseen."""
    data = form.cleaned_data
    hidden = [
        {"name": name, "value": value.isoformat() if name == "wished_on" and value else value}
        for name, value in data.items()
        if value
    ]
    return {
        "said": data,
        "hidden": hidden,
        "line": number(data.get("line_number", "")),
        "motive": motive_label(data.get("motive", "")),
    }


def _known(request: HttpRequest) -> dict[str, str]:
    """What a customer who is logged in, or a link from his contract, says already."""
    known = {
        "contract": request.GET.get("contract", "")[:40],
        "line_number": request.GET.get("line", "")[:20],
    }
    context = context_for_request(request)
    if context.party_id is not None and not context.staff:
        party = accounts.party(context.party_id)
        known |= {"name": party.name, "email": party.email}
        if party.addresses:
            home = party.addresses[0]
            known["address"] = f"{home.line1}, {home.postcode} {home.city}"
    return known
