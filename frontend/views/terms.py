"""Changes of running contracts that we announce: tried, announced, and what became of them."""

import hashlib
from collections.abc import Mapping
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache

from catalogue.domain.model import Kind, Segment, Snapshot
from catalogue.selectors import current_snapshot
from commerce.accounts.context import context_for_request
from commerce.kernel.clock import business_now
from commerce.kernel.errors import FaisceauError, RuleViolated
from commerce.web.policy import Policy, policy
from frontend.ops import screen
from frontend.sentences import sentence_of
from frontend.shop.words import said
from subscriptions.contracts.services.terms import (
    Announcement,
    announce_terms,
    check_announcement,
)
from subscriptions.contracts.terms import (
    MOST_REFUSED,
    Campaign,
    campaign_of,
    campaigns,
    days_of_campaign,
    first_day,
    outlook,
    refused_of,
)

HERE = "ops:terms"
SEGMENTS = {
    Segment.CONSUMER: gettext_lazy("Persons"),
    Segment.BUSINESS: gettext_lazy("Firms"),
}
TOUCHED = frozenset({Kind.PLAN, Kind.OPTION, Kind.CONTENT})
"""What runs in a contract, and may change."""
LONGEST = 1000


class AnnouncementForm(forms.Form):
    """What is announced; a text in every language."""

    offering = forms.ChoiceField(label=gettext_lazy("Who holds this"))
    segment = forms.ChoiceField(label=gettext_lazy("Who are"), choices=SEGMENTS.items())
    from_on = forms.DateField(
        label=gettext_lazy("From this day on"), widget=forms.DateInput({"type": "date"})
    )
    successor = forms.ChoiceField(
        label=gettext_lazy("The plan that takes its place"),
        required=False,
        help_text=gettext_lazy("At its own price. None where conditions alone change."),
    )
    code = forms.SlugField(
        label=gettext_lazy("Name of the change"),
        max_length=40,
        help_text=gettext_lazy("For us alone, in letters, figures and dashes."),
    )

    def __init__(self, *args: Any, catalogue: Snapshot, **more: Any) -> None:
        super().__init__(*args, **more)
        self.fields["offering"].choices = _offerings(catalogue, TOUCHED)  # type: ignore[attr-defined]
        self.fields["successor"].choices = [  # type: ignore[attr-defined]
            ("", _("None")),
            *_offerings(catalogue, frozenset({Kind.PLAN})),
        ]
        for code, language in settings.LANGUAGES:
            self.fields[f"text_{code}"] = forms.CharField(
                label=_("What the holders read (%(language)s)") % {"language": language},
                max_length=LONGEST,
                widget=forms.Textarea({"rows": 3, "lang": code}),
            )

    def announcement(self) -> Announcement:
        """Of a form that is valid."""
        told = self.cleaned_data
        return Announcement(
            code=told["code"],
            offering=told["offering"],
            segment=told["segment"],
            from_on=told["from_on"],
            names={code: told[f"text_{code}"] for code, _language in settings.LANGUAGES},
            successor=told["successor"],
        )


@policy(Policy.OPERATOR)
@never_cache
def announcements(request: HttpRequest) -> HttpResponse:
    """All that was announced; and a form that says what an announcement would do before it is
    made."""
    context, catalogue = context_for_request(request), current_snapshot(business_now())
    form = AnnouncementForm(request.POST or None, catalogue=catalogue)
    values: dict[str, Any] = {}
    if form.is_bound and form.is_valid():
        told = form.announcement()
        try:
            # What was changed since it was tried is tried first.
            tried = request.POST.get("tried") == _digest(told)
            if tried and request.POST.get("do") == "announce":
                announce_terms(told, by=context.actor.name, seen=_count(request.POST.get("seen")))
                messages.success(request, _("It is announced; its holders are told now."))
                return redirect("ops:announcement", told.code)
            check_announcement(told)
            values["tried"] = _digest(told)
            values["outlook"] = outlook(
                offering=told.offering, segment=told.segment, from_on=told.from_on
            )
        except FaisceauError as error:
            field = str(error.detail.get("field") or "")
            form.add_error(field if field in form.fields else None, sentence_of(error))
    values |= screen.around(context, here=HERE) | {
        "form": form,
        "earliest": first_day(),
        "rows": [_shown(each, catalogue) for each in campaigns()],
    }
    wrong = form.is_bound and not form.is_valid()
    return render(request, "frontend/ops/terms.html", values, status=422 if wrong else 200)


@policy(Policy.OPERATOR)
@never_cache
def announcement(request: HttpRequest, name: str) -> HttpResponse:
    """One: who is told of what, when it takes effect for how many, and what could not be done."""
    found, catalogue = campaign_of(name), current_snapshot(business_now())
    values = screen.around(context_for_request(request), here=HERE) | {
        "row": _shown(found, catalogue),
        "texts": [(code, found.names.get(code, "")) for code, _language in settings.LANGUAGES],
        "days": days_of_campaign(name),
        "refused": [{"told": each, "why": _why(each.reason)} for each in refused_of(name)],
        "most": MOST_REFUSED,
    }
    return render(request, "frontend/ops/announcement.html", values)


def _count(text: str | None) -> int:
    """As many as were shown; of nonsense as many as never were."""
    return int(text) if text and text.isdecimal() and len(text) < 10 else -1


def _digest(told: Announcement) -> str:
    """Of all that is announced."""
    return hashlib.sha256(repr(told).encode()).hexdigest()[:32]


def _why(code: str) -> str:
    return sentence_of(RuleViolated(code, code=code))


def _offerings(catalogue: Snapshot, kinds: frozenset[Kind]) -> list[tuple[str, str]]:
    found = [each for each in catalogue.offerings.values() if each.kind in kinds]
    return sorted(((each.code, said(each.name)) for each in found), key=lambda each: each[1])


def _shown(found: Campaign, catalogue: Snapshot) -> Mapping[str, Any]:
    def name(code: str) -> str:
        offering = catalogue.offerings.get(code)
        return said(offering.name) if offering is not None else code

    return {
        "told": found,
        "offering": name(found.offering),
        "successor": name(found.successor) if found.successor else "",
        "segment": SEGMENTS[Segment(found.segment)],
    }
