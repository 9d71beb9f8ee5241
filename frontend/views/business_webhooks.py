"""Webhooks in the portal: where a firm's programs hear of events, and what was sent to them."""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from commerce.accounts.context import context_for_request
from commerce.accounts.identity import AccountContext
from commerce.accounts.services.webhooks import MANAGERS, owner_of_webhooks
from commerce.events.webhooks import endpoints, selectors
from commerce.events.webhooks.sealing import seal, unseal
from commerce.kernel.clock import business_today
from commerce.kernel.errors import FaisceauError, InvalidInput, NotFound
from commerce.web.policy import Policy, policy
from frontend.business import screen
from frontend.business import webhooks as words
from frontend.business.forms import EndpointForm, ReplayForm
from frontend.sentences import sentence_of

HERE = "portal:webhooks"
TO_SHOW = "webhook_to_show"
LAST_DAY = date.max - timedelta(days=1)
"""That a calendar has another day after."""


@policy(Policy.BUSINESS)
@never_cache
def webhooks(request: HttpRequest) -> HttpResponse:
    """The firm's endpoints; POST adds one, whose page shows its secret, this once."""
    context = context_for_request(request)
    owner = owner_of_webhooks(context, manage=request.method == "POST")
    form = _endpoint_form(owner, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            made, secret = endpoints.register(
                party_id=owner, by=context.actor.name, **form.cleaned_data
            )
        except FaisceauError as refusal:
            _note(form, refusal)
        else:
            return _show_once(request, made, secret=secret)
    values = _around(context) | {
        "rows": [words.endpoint_row(each) for each in selectors.endpoints_of(owner)],
        "most": endpoints.MOST_ENDPOINTS,
        "form": form,
    }
    status = 422 if form.errors else 200
    return render(request, "frontend/portal/webhooks.html", values, status=status)


@policy(Policy.BUSINESS)
@never_cache
def webhook(request: HttpRequest, endpoint: UUID) -> HttpResponse:
    """One endpoint: how it does, what was sent, and what can be done with it (POST, `do`)."""
    context = context_for_request(request)
    if request.method != "POST":
        owner_of_webhooks(context)
        return _page(request, context, endpoint, secret=_shown_once(request, endpoint))
    owner = owner_of_webhooks(context, manage=True)
    asked = request.POST.get("do", "")
    if asked in FORMS:
        return _with_form(request, context, endpoint, asked=asked)
    if asked != "rotate" and asked not in ACTS:
        raise InvalidInput("Nothing is done by that name.", code="unknown_act", field="do")
    try:
        if asked == "rotate":
            secret = endpoints.rotate(party_id=owner, endpoint_id=endpoint)
            return _show_once(request, endpoint, secret=secret)
        done = ACTS[asked](request, context, endpoint)
        messages.success(request, done)
    except NotFound:
        raise
    except FaisceauError as refusal:
        messages.error(request, sentence_of(refusal))
    return redirect(HERE) if asked == "remove" else redirect("portal:webhook", endpoint=endpoint)


@policy(Policy.BUSINESS)
@never_cache
@require_GET
def log(request: HttpRequest, endpoint: UUID) -> HttpResponse:
    """The live part of an endpoint's page."""
    context = context_for_request(request)
    owner = owner_of_webhooks(context)
    values = {"may_manage": context.role in MANAGERS} | _log(owner, endpoint)
    return render(request, "frontend/portal/webhook_log.html", values)


def _show_once(request: HttpRequest, endpoint: UUID, *, secret: str) -> HttpResponse:
    """On to the page of the endpoint, so that a reload asks for nothing again; meanwhile the secret
    lies sealed in the session."""
    request.session[TO_SHOW] = {"endpoint": str(endpoint), "sealed": seal(secret)}
    return redirect("portal:webhook", endpoint=endpoint)


def _shown_once(request: HttpRequest, endpoint: UUID) -> str:
    """The new secret of the endpoint, the first time that its page is shown; else nothing."""
    if request.session.get(TO_SHOW, {}).get("endpoint") != str(endpoint):
        return ""
    return unseal(request.session.pop(TO_SHOW)["sealed"])


def _page(
    request: HttpRequest,
    context: AccountContext,
    endpoint: UUID,
    *,
    secret: str = "",
    form: EndpointForm | None = None,
    replay: ReplayForm | None = None,
) -> HttpResponse:
    owner = owner_of_webhooks(context)
    found = selectors.endpoint_of(owner, endpoint_id=endpoint)
    given = {"url": found.url, "name": found.name, "types": found.types}
    day = business_today()
    values = _around(context) | words.endpoint_row(found) | _log(owner, endpoint)
    values |= {
        "trail": [
            {"label": _("Webhooks"), "url": reverse(HERE)},
            {"label": found.name or found.url},
        ],
        "secret": secret,
        "form": form or _endpoint_form(owner, None, initial=given),
        "replay": replay or _replay_form(owner, None, initial={"first": day, "last": day}),
    }
    refused = (form and form.errors) or (replay and replay.errors)
    status = 422 if refused else 200
    return render(request, "frontend/portal/webhook.html", values, status=status)


def _around(context: AccountContext) -> dict[str, Any]:
    return screen.around(context, here=HERE) | {"may_manage": context.role in MANAGERS}


def _log(owner: int | None, endpoint: UUID) -> dict[str, Any]:
    found = selectors.messages_of(owner, endpoint_id=endpoint)
    return {
        "log_url": reverse("portal:webhook_log", kwargs={"endpoint": endpoint}),
        "do_url": reverse("portal:webhook", kwargs={"endpoint": endpoint}),
        "messages_sent": words.message_rows(found),
        "live": words.is_moving(found),
    }


def _endpoint_form(owner: int | None, data: Any, **options: Any) -> EndpointForm:
    return EndpointForm(data, types=_choices(owner), **options)


def _replay_form(owner: int | None, data: Any, **options: Any) -> ReplayForm:
    return ReplayForm(data, types=_choices(owner), **options)


def _choices(owner: int | None) -> list[tuple[str, str]]:
    return [(each, words.event_name(each)) for each in endpoints.types_for(party_id=owner)]


def _with_form(
    request: HttpRequest, context: AccountContext, endpoint: UUID, *, asked: str
) -> HttpResponse:
    """Change it, or tell it again what happened: what is wrong stands beside its field."""
    owner = owner_of_webhooks(context, manage=True)
    make, act = FORMS[asked]
    form = make(owner, request.POST)
    if form.is_valid():
        try:
            messages.success(request, act(owner, endpoint, form.cleaned_data))
        except NotFound:
            raise
        except FaisceauError as refusal:
            _note(form, refusal)
        else:
            return redirect("portal:webhook", endpoint=endpoint)
    return _page(request, context, endpoint, **{asked: form})


def _change(owner: int | None, endpoint: UUID, said: dict[str, Any]) -> str:
    endpoints.change(party_id=owner, endpoint_id=endpoint, **said)
    return _("It is changed.")


def _replay(owner: int | None, endpoint: UUID, said: dict[str, Any]) -> str:
    count = endpoints.replay(
        party_id=owner,
        endpoint_id=endpoint,
        since=_midnight(said["first"]),
        until=_midnight(min(said["last"], LAST_DAY) + timedelta(days=1)),
        type_=said["type"],
    )
    text = ngettext("%(count)s message goes out.", "%(count)s messages go out.", count)
    return text % {"count": count}


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time()))


def _test(_request: HttpRequest, context: AccountContext, endpoint: UUID) -> str:
    endpoints.send_test(party_id=context.party_id, endpoint_id=endpoint, by=context.actor.name)
    return _("A test message is on its way; its answer appears below.")


def _pause(_request: HttpRequest, context: AccountContext, endpoint: UUID) -> str:
    endpoints.pause(party_id=context.party_id, endpoint_id=endpoint)
    return _("It hears of nothing until you resume it.")


def _resume(_request: HttpRequest, context: AccountContext, endpoint: UUID) -> str:
    endpoints.resume(party_id=context.party_id, endpoint_id=endpoint)
    return _("It hears of what happens from now on. Tell it again what happened meanwhile.")


def _remove(_request: HttpRequest, context: AccountContext, endpoint: UUID) -> str:
    endpoints.remove(party_id=context.party_id, endpoint_id=endpoint)
    return _("The address and its log are removed.")


def _again(request: HttpRequest, context: AccountContext, endpoint: UUID) -> str:
    try:
        message = UUID(request.POST.get("message", ""))
    except ValueError as error:
        raise NotFound("There is no such message.", code="unknown_message") from error
    endpoints.send_again(party_id=context.party_id, endpoint_id=endpoint, message_id=message)
    return _("It is sent again under its own id.")


def _note(form: Any, refusal: FaisceauError) -> None:
    field = str(refusal.detail.get("field", ""))
    form.add_error(field if field in form.fields else None, sentence_of(refusal))


Act = Callable[[HttpRequest, AccountContext, UUID], str]
ACTS: dict[str, Act] = {
    "test": _test,
    "pause": _pause,
    "resume": _resume,
    "remove": _remove,
    "again": _again,
}
FORMS: dict[str, tuple[Callable[..., Any], Callable[..., str]]] = {
    "form": (_endpoint_form, _change),
    "replay": (_replay_form, _replay),
}
"""By the name of the form on the page: how it is read, and what it does."""
