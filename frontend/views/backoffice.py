"""The catalogue manager's pages: drafts, what is wrong with them, previews, releases."""

from dataclasses import replace
from datetime import date, datetime
from io import BytesIO
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from catalogue import drafting
from catalogue.domain.model import Segment
from catalogue.importer.sources import CatalogueInvalid
from catalogue.importer.writing import KEYED, files_of, text_of
from catalogue.selectors import current_release, release_facts, releases, source_of
from catalogue.services import drafts, price_lists, publishing
from commerce.accounts.context import context_for_request
from commerce.accounts.identity import AccountContext
from commerce.accounts.kinds import Channel
from commerce.kernel.clock import PARIS, business_now
from commerce.kernel.errors import FaisceauError
from commerce.ordering.trials import trial_of, trial_of_draft
from commerce.web.policy import Policy, policy
from frontend import preview as previews
from frontend.backoffice import fields, promotion, screen, trial
from frontend.backoffice.uploads import uploaded_text
from frontend.sentences import sentence_of

PAGE = 50
MOST_SHOWN = 200
MOST_BYTES = 20_000_000


@policy(Policy.CATALOGUE)
@never_cache
def home(request: HttpRequest) -> HttpResponse:
    """Drafts that are open, what is sold, what was done last."""
    context = context_for_request(request)
    values = screen.around(context, here="backoffice:home") | {
        "drafts": drafting.open_drafts(limit=PAGE),
        "current": current_release(),
        "releases": _release_rows(limit=5),
        "acts": screen.act_rows(drafting.latest_acts(limit=10)),
    }
    return render(request, "frontend/backoffice/home.html", values)


@policy(Policy.CATALOGUE)
@require_POST
def begin(request: HttpRequest) -> HttpResponse:
    """A new draft of what was last released, or of an earlier release."""
    name = request.POST.get("name", "").strip()
    if not name:
        messages.error(request, _("Give the draft a name."))
        return redirect("backoffice:home")
    wanted = request.POST.get("release", "")
    draft_id = drafts.open_draft(
        context_for_request(request), name=name, release=int(wanted) if wanted.isdecimal() else None
    )
    return redirect("backoffice:draft", draft_id=draft_id)


@policy(Policy.CATALOGUE)
@never_cache
def draft(request: HttpRequest, draft_id: int) -> HttpResponse:
    """The parts of a draft, section by section, a page at a time."""
    sections = drafting.sections_of(draft_id)
    section = request.GET.get("section", "offerings")
    section = section if section in dict(sections) else "offerings"
    text = request.GET.get("q", "").strip()[:80]
    number = request.GET.get("page", "1")
    offset = (max(int(number), 1) - 1) * PAGE if number.isdecimal() and len(number) < 7 else 0
    rows, count = drafting.parts_found(
        draft_id, section=section, text=text, offset=offset, limit=PAGE
    )
    values = _around_draft(request, draft_id, here="draft") | {
        "section": section,
        "section_word": screen.section_word(section),
        "rows": rows,
        "page": Paginator(range(count), PAGE).get_page(number),
        "query": f"section={section}&q={text}&",
        "text": text,
        "chips": [
            {"label": screen.section_word(name), "url": f"?section={name}", "count": count,
             "current": name == section}
            for name, count in sections
        ],
    }  # fmt: skip
    return render(request, "frontend/backoffice/draft.html", values)


@policy(Policy.CATALOGUE)
@never_cache
def part(request: HttpRequest, draft_id: int, section: str, key: str) -> HttpResponse:
    """One part: simple fields for texts and prices, its readable text, what is wrong with it."""
    if request.method == "POST":
        return _part_posted(request, draft_id, section, key)
    return _part_page(request, draft_id, section, key)


@policy(Policy.CATALOGUE)
@never_cache
def new_part(request: HttpRequest, draft_id: int, section: str) -> HttpResponse:
    """A new part as text; one that is like another begins with its text."""
    like = request.GET.get("like", "")
    text = (
        drafting.part_view(draft_id, section=section, key=like).text
        if like and request.method == "GET"
        else request.POST.get("text", "")
    )
    values: dict[str, Any] = {"problems": ()}
    if request.method == "POST":
        try:
            key = drafts.write_part(
                context_for_request(request),
                draft_id=draft_id,
                section=section,
                key="",
                text=text,
                new_key=request.POST.get("key", "").strip()[:100],
            )
            messages.success(request, _("It is in the draft."))
            return redirect("backoffice:part", draft_id, section, key)
        except CatalogueInvalid as error:
            values["problems"] = error.problems
        except FaisceauError as error:
            messages.error(request, sentence_of(error))
    values |= _around_draft(request, draft_id, here="draft") | {
        "section": section,
        "section_word": screen.section_word(section),
        "text": text,
        "keyed": section in KEYED,
        "key": request.POST.get("key", ""),
    }
    status = 422 if values["problems"] else 200
    return render(request, "frontend/backoffice/new_part.html", values, status=status)


@policy(Policy.CATALOGUE)
@never_cache
def findings(request: HttpRequest, draft_id: int) -> HttpResponse:
    """Everything that keeps the draft from being published, each with its place."""
    values = _around_draft(request, draft_id, here="findings")
    values["rows"] = screen.finding_rows(values["findings"][:MOST_SHOWN], draft_id=draft_id)
    return render(request, "frontend/backoffice/findings.html", values)


@policy(Policy.CATALOGUE)
@never_cache
def changes(request: HttpRequest, draft_id: int) -> HttpResponse:
    """What the draft changes in what it was begun from."""
    values = _around_draft(request, draft_id, here="changes")
    found = drafting.changes_in(values["draft"], on=_today())
    page = Paginator(found or (), MOST_SHOWN).get_page(request.GET.get("page"))
    values |= {
        "sellable": found is not None,
        "page": page,
        "rows": screen.difference_rows(list(page.object_list)),
    }
    return render(request, "frontend/backoffice/changes.html", values)


@policy(Policy.CATALOGUE)
@never_cache
def trial_page(request: HttpRequest, draft_id: int) -> HttpResponse:
    """What all promotions of the draft would have cost, against those in force; when asked."""
    values = _around_draft(request, draft_id, here="trial")
    if request.GET.get("try"):
        try:
            values["trial"] = trial.trial_shown(trial_of_draft(draft_id))
        except FaisceauError as error:
            values["trial_wrong"] = sentence_of(error)
    return render(request, "frontend/backoffice/trial.html", values)


@policy(Policy.CATALOGUE)
@never_cache
def prices(request: HttpRequest, draft_id: int) -> HttpResponse:
    """The price list: downloaded, edited in a spreadsheet, taken in again."""
    values = _around_draft(request, draft_id, here="prices") | {"problems": ()}
    if request.GET.get("csv"):
        return _download(
            price_lists.prices_of_draft(draft_id).encode("utf-8-sig"),
            name=f"prices-draft-{draft_id}.csv",
            kind="text/csv; charset=utf-8",
        )
    if request.method == "POST":
        try:
            changed = _prices_posted(request, draft_id)
            messages.success(
                request, _("%(count)s parts have other prices now.") % {"count": changed}
            )
            return redirect("backoffice:changes", draft_id)
        except CatalogueInvalid as error:
            values["problems"] = error.problems[:MOST_SHOWN]
        except FaisceauError as error:
            messages.error(request, sentence_of(error))
    status = 422 if values["problems"] else 200
    return render(request, "frontend/backoffice/prices.html", values, status=status)


@policy(Policy.CATALOGUE)
@never_cache
def publish(request: HttpRequest, draft_id: int) -> HttpResponse:
    """Look at the shop as somebody else, then publish now or on a day."""
    values = _around_draft(request, draft_id, here="publish") | screen.audiences()
    values["acts"] = screen.act_rows(drafting.latest_acts(limit=10, draft_id=draft_id))
    if request.method == "POST" and _published(request, values["draft"]):
        return redirect("backoffice:releases")
    return render(request, "frontend/backoffice/publish.html", values)


@policy(Policy.CATALOGUE)
@require_POST
def act_on_draft(request: HttpRequest, draft_id: int) -> HttpResponse:
    """Bring it up to date, or discard it."""
    context = context_for_request(request)
    if request.POST.get("act") == "discard":
        drafts.discard(context, draft_id=draft_id)
        messages.success(request, _("The draft is discarded."))
        return redirect("backoffice:home")
    disputed = drafts.catch_up(context, draft_id=draft_id)
    messages.success(request, _("The draft has what was released meanwhile."))
    if disputed:
        names = ", ".join(disputed[:10])
        messages.error(request, _("Both changed these, and yours stayed: %(n)s.") % {"n": names})
    return redirect("backoffice:changes", draft_id)


@policy(Policy.CATALOGUE)
@require_POST
def preview(request: HttpRequest, draft_id: int) -> HttpResponse:
    """The shop as the draft would make it, for such a customer on such a channel."""
    segment, channel = request.POST.get("segment", ""), request.POST.get("channel", "")
    if segment not in set(Segment) or channel not in set(Channel):
        messages.error(request, _("Choose for whom and where."))
        return redirect("backoffice:publish", draft_id)
    try:
        number = drafts.preview(context_for_request(request), draft_id=draft_id)
    except CatalogueInvalid:
        messages.error(request, _("A draft with findings can't be sold, nor looked at."))
        return redirect("backoffice:findings", draft_id)
    previews.begin(request, number=number, segment=Segment(segment), channel=Channel(channel))
    return redirect("shop:home")


@policy(Policy.CATALOGUE)
@require_POST
def end_preview(request: HttpRequest) -> HttpResponse:
    """Back to what is sold."""
    previews.end(request)
    draft_id = request.POST.get("draft", "")
    if draft_id.isdecimal():
        return redirect("backoffice:publish", int(draft_id))
    return redirect("backoffice:home")


@policy(Policy.CATALOGUE)
@never_cache
def releases_page(request: HttpRequest) -> HttpResponse:
    """The releases, the latest first."""
    context = context_for_request(request)
    before = request.GET.get("before", "")
    rows = _release_rows(limit=PAGE, before=int(before) if before.isdecimal() else None)
    values = screen.around(context, here="backoffice:releases") | {
        "releases": rows,
        "last": rows[-1]["release"].number if len(rows) == PAGE else "",
    }
    return render(request, "frontend/backoffice/releases.html", values)


@policy(Policy.CATALOGUE)
@never_cache
def release(request: HttpRequest, number: int) -> HttpResponse:
    """One release, compared with another (default: the one before)."""
    context = context_for_request(request)
    facts = release_facts(number)
    wanted = request.GET.get("against", "")
    against = int(wanted) if wanted.isdecimal() and len(wanted) < 9 else number - 1
    found = drafting.compared(against, number) if against > 0 else ()
    page = Paginator(found, MOST_SHOWN).get_page(request.GET.get("page"))
    current = current_release()
    values = screen.around(context, here="backoffice:releases") | {
        "release": facts,
        "pill": _release_rows(limit=1, before=number + 1)[0]["pill"],
        "against": against,
        "page": page,
        "query": f"against={against}&",
        "rows": screen.difference_rows(list(page.object_list)),
        "coming": facts.published_at > business_now() and not facts.withdrawn,
        "earlier": current is not None and current.number != number and not facts.withdrawn
        and facts.published_at <= business_now(),
        "trail": [
            {"label": _("Releases"), "url": reverse("backoffice:releases")},
            {"label": _("Release %(number)s") % {"number": number}},
        ],
    }  # fmt: skip
    return render(request, "frontend/backoffice/release.html", values)


@policy(Policy.CATALOGUE)
@never_cache
def files(request: HttpRequest, number: int) -> HttpResponse:
    """The whole catalogue of a release as readable files, in one archive."""
    _number, data = source_of(number)
    archive = BytesIO()
    with ZipFile(archive, "w", ZIP_DEFLATED) as packed:
        for name, text in files_of(data).items():
            packed.writestr(ZipInfo(f"release-{number}/{name}"), text.encode())
    return _download(archive.getvalue(), name=f"release-{number}.zip", kind="application/zip")


@policy(Policy.CATALOGUE)
@require_POST
def act_on_release(request: HttpRequest, number: int) -> HttpResponse:
    """Go back to it, or take it back before its day."""
    context = context_for_request(request)
    if request.POST.get("act") == "withdraw":
        publishing.withdraw(context, number=number)
        messages.success(request, _("The release is taken back; it will not be sold."))
    else:
        new = publishing.roll_back(to=number, at=business_now(), context=context)
        sentence = _("Release %(new)s sells what release %(old)s sold.")
        messages.success(request, sentence % {"new": new, "old": number})
    return redirect("backoffice:releases")


@policy(Policy.CATALOGUE)
@never_cache
def acts(request: HttpRequest) -> HttpResponse:
    """Who did what, the latest first."""
    context = context_for_request(request)
    before = request.GET.get("before", "")
    found = drafting.latest_acts(
        limit=PAGE, before=int(before) if before.isdecimal() and len(before) < 19 else None
    )
    values = screen.around(context, here="backoffice:acts") | {
        "acts": screen.act_rows(found),
        "last": found[-1].id if len(found) == PAGE else "",
    }
    return render(request, "frontend/backoffice/acts.html", values)


def _around_draft(request: HttpRequest, draft_id: int, *, here: str) -> dict[str, Any]:
    facts = drafting.draft_facts(draft_id)
    found = drafting.findings_on(facts, on=_today()) if facts.state == "open" else ()
    context = context_for_request(request)
    return screen.around_draft(context, facts, here=here, findings=found) | {"findings": found}


def _part_page(
    request: HttpRequest,
    draft_id: int,
    section: str,
    key: str,
    *,
    text: str | None = None,
    problems: Any = (),
    wrong: dict[str, str] | None = None,
    form: promotion.PromotionForm | None = None,
) -> HttpResponse:
    values = _around_draft(request, draft_id, here="draft")
    view = drafting.part_view(draft_id, section=section, key=key)
    if request.method == "POST":  # what was typed is about the part as it was seen then
        view = replace(view, revision=_seen(request))
    own = [f for f in values["findings"] if (f.section, f.key) == (section, key)]
    posted = request.POST if wrong else {}
    values |= {
        "part": view,
        "section_word": screen.section_word(section),
        "text": view.text if text is None else text,
        "lines": screen.lines_of(view.text, own) if own else (),
        "own": own,
        "problems": problems,
        "wrong": wrong or {},
        "posted": posted,
        "texts": fields.texts(view.data),
        "prices": fields.prices(view.data),
        "validity": fields.validity(view.data),
        "several": fields.several(view.data),
        "rows_of_text": min(max(view.text.count("\n") + 2, 8), 40),
    }
    if section == "promotions":
        values |= _promotion(request, draft_id, view, own=own, wrong=wrong or {}, form=form)
    status = 422 if problems or wrong else 200
    return render(request, "frontend/backoffice/part.html", values, status=status)


def _promotion(
    request: HttpRequest,
    draft_id: int,
    view: drafting.PartView,
    *,
    own: Any,
    wrong: dict[str, str],
    form: promotion.PromotionForm | None,
) -> dict[str, Any]:
    """The form of a promotion, and what it would have cost if that was asked."""
    values: dict[str, Any] = {
        "editor": promotion.editor(
            view.data,
            form or promotion.form_of(view.data),
            findings=own,
            wrong=wrong,
            vocabulary=drafting.vocabulary_of(draft_id),
        )
    }
    if request.GET.get("try"):
        try:
            values["trial"] = trial.trial_shown(trial_of(view.data))
        except FaisceauError as error:
            values["trial_wrong"] = sentence_of(error)
    return values


def _seen(request: HttpRequest) -> int:
    """The revision of the part that the form was made of."""
    posted = request.POST.get("revision", "")
    return int(posted) if posted.isdecimal() and len(posted) < 9 else 0


def _part_posted(request: HttpRequest, draft_id: int, section: str, key: str) -> HttpResponse:
    context = context_for_request(request)
    seen, act = _seen(request), request.POST.get("act", "")
    if act == "remove":
        drafts.remove_part(context, draft_id=draft_id, section=section, key=key, revision=seen)
        messages.success(request, _("It is no longer in the draft."))
        return redirect(f"{reverse('backoffice:draft', args=[draft_id])}?section={section}")
    text = request.POST.get("text", "").replace("\r\n", "\n")
    try:
        if section == "promotions" and (act == "promotion" or "do" in request.POST):
            return _promotion_posted(request, context, draft_id, key, seen)
        if act == "fields":
            data = drafting.part_view(draft_id, section=section, key=key).data
            data, wrong = fields.applied(data, request.POST)
            if wrong:
                return _part_page(request, draft_id, section, key, wrong=wrong)
            text = text_of(data)
        key = drafts.write_part(
            context, draft_id=draft_id, section=section, key=key, text=text, revision=seen
        )
    except CatalogueInvalid as error:
        return _part_page(request, draft_id, section, key, text=text, problems=error.problems)
    messages.success(request, _("The draft is kept."))
    return redirect("backoffice:part", draft_id, section, key)


def _promotion_posted(
    request: HttpRequest, context: AccountContext, draft_id: int, key: str, seen: int
) -> HttpResponse:
    """Keep what the form says; or show it again with a row more, less or moved."""
    section, data = "promotions", drafting.part_view(draft_id, section="promotions", key=key).data
    if not isinstance(data, dict):
        return _part_page(request, draft_id, section, key)
    form = promotion.posted_form(data, request.POST.dict())
    if "do" in request.POST:
        form = promotion.done(form, request.POST["do"])
        return _part_page(request, draft_id, section, key, form=form)
    data, wrong = promotion.applied(data, form, vocabulary=drafting.vocabulary_of(draft_id))
    if wrong:
        return _part_page(request, draft_id, section, key, wrong=wrong, form=form)
    key = drafts.write_part(
        context, draft_id=draft_id, section=section, key=key, text=text_of(data), revision=seen
    )
    messages.success(request, _("The draft is kept."))
    return redirect("backoffice:part", draft_id, section, key)


def _prices_posted(request: HttpRequest, draft_id: int) -> int:
    name, text = uploaded_text(request, most=MOST_BYTES, name="prices.csv")
    return price_lists.take_in(
        context_for_request(request), draft_id=draft_id, text=text, file=name
    )


def _published(request: HttpRequest, facts: drafting.DraftFacts) -> bool:
    moment = request.POST.get("at", "").strip()
    seen = request.POST.get("version", "")
    try:
        at = datetime.fromisoformat(moment).replace(tzinfo=PARIS) if moment else None
    except ValueError:
        messages.error(request, _("Give a day and an hour."))
        return False
    try:
        number = publishing.publish_draft(
            context_for_request(request),
            draft_id=facts.id,
            version=int(seen) if seen.isdecimal() and len(seen) < 9 else 0,
            at=at,
            note=request.POST.get("note", "").strip() or facts.name,
        )
    except CatalogueInvalid:
        messages.error(request, _("The draft has findings; nothing was published."))
        return False
    except FaisceauError as error:
        messages.error(request, sentence_of(error))
        return False
    messages.success(request, _("Release %(number)s is made.") % {"number": number})
    return True


def _release_rows(*, limit: int, before: int | None = None) -> list[dict[str, Any]]:
    current = current_release()
    return screen.release_rows(
        releases(limit=limit, before=before),
        current=current.number if current else None,
        now=business_now(),
    )


def _download(content: bytes, *, name: str, kind: str) -> HttpResponse:
    response = HttpResponse(content, content_type=kind)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _today() -> date:
    return business_now().astimezone(PARIS).date()
