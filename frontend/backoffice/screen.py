"""What the catalogue manager sees, in words."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from catalogue.domain.differences import Difference, What
from catalogue.domain.model import Segment
from catalogue.drafting import Act, DraftFacts
from catalogue.importer.drafts import Finding
from catalogue.selectors import ReleaseFacts
from commerce.accounts.identity import AccountContext
from commerce.accounts.kinds import Channel
from commerce.kernel.sentences import in_words
from frontend.preview import CHANNELS

SECTION_WORDS: Mapping[str, Any] = {
    "families": gettext_lazy("Models"),
    "offerings": gettext_lazy("Offerings"),
    "bundles": gettext_lazy("Bundles"),
    "rules": gettext_lazy("Rules"),
    "promotions": gettext_lazy("Promotions"),
    "next_offers": gettext_lazy("Next best offers"),
    "specifications": gettext_lazy("Specifications"),
    "characteristics": gettext_lazy("Characteristics"),
    "categories": gettext_lazy("Categories"),
    "recipes": gettext_lazy("Recipes"),
    "synonyms": gettext_lazy("Synonyms"),
    "suppliers": gettext_lazy("Suppliers"),
    "numbers": gettext_lazy("Numbers"),
    "release": gettext_lazy("Whole catalogue"),
}
ACT_WORDS: Mapping[str, Any] = {
    "draft_opened": gettext_lazy("began a draft"),
    "part_added": gettext_lazy("added a part"),
    "part_changed": gettext_lazy("changed a part"),
    "part_removed": gettext_lazy("removed a part"),
    "prices_imported": gettext_lazy("took a price list in"),
    "stock_imported": gettext_lazy("took stock in"),
    "draft_caught_up": gettext_lazy("brought the draft up to date"),
    "draft_discarded": gettext_lazy("discarded the draft"),
    "previewed": gettext_lazy("previewed the draft"),
    "published": gettext_lazy("published a release"),
    "rolled_back": gettext_lazy("went back to an earlier release"),
    "withdrawn": gettext_lazy("took a release back before its day"),
    "in_force": gettext_lazy("began to sell a release"),
}
WHAT_WORDS: Mapping[What, tuple[str, Any]] = {
    What.ADDED: ("done", gettext_lazy("added")),
    What.REMOVED: ("failed", gettext_lazy("removed")),
    What.CHANGED: ("running", gettext_lazy("changed")),
}


def around(context: AccountContext, *, here: str) -> dict[str, Any]:
    """The frame of every page of the back office."""
    pages = [
        ("backoffice:home", _("Drafts")),
        ("backoffice:releases", _("Releases")),
        ("backoffice:codes", _("Codes")),
        ("backoffice:stock", _("Stock")),
        ("backoffice:acts", _("What was done")),
    ]
    return {
        "area": _("Catalogue"),
        "area_url": reverse("backoffice:home"),
        "navigation": [
            {"label": label, "url": reverse(name), "current": name == here} for name, label in pages
        ],
        "search_url": "",
        "who": context.actor.name,
    }


def around_draft(
    context: AccountContext, draft: DraftFacts, *, here: str, findings: Sequence[Finding]
) -> dict[str, Any]:
    """The frame of a draft's pages: its tabs, and in which state it is."""
    pages = [
        ("draft", _("Parts")),
        ("findings", _("Findings (%(count)s)") % {"count": len(findings)}),
        ("changes", _("Changes")),
        ("trial", _("What it would cost")),
        ("prices", _("Price list")),
        ("publish", _("Preview and publish")),
    ]
    return around(context, here="backoffice:home") | {
        "draft": draft,
        "open": draft.state == "open",
        "count": len(findings),
        "tabs": [
            {"label": label, "url": reverse(f"backoffice:{name}", args=[draft.id]),
             "current": name == here}
            for name, label in pages
        ],
        "trail": [
            {"label": _("Drafts"), "url": reverse("backoffice:home")},
            {"label": draft.name},
        ],
    }  # fmt: skip


def section_word(section: str) -> str:
    return str(SECTION_WORDS.get(section, section))


def act_rows(acts: Sequence[Act]) -> list[dict[str, Any]]:
    return [
        {
            "act": act,
            "who": _("The system") if act.actor == "system" else act.actor,
            "what": str(ACT_WORDS.get(act.code, act.code)),
            "about": act.values.get("part") or act.values.get("file", ""),
            "change": _change(act),
        }
        for act in acts
    ]


def finding_rows(found: Sequence[Finding], *, draft_id: int) -> list[dict[str, Any]]:
    return [
        {
            "finding": each,
            "said": in_words(each.message, _),
            "section": section_word(each.section),
            "url": (
                reverse("backoffice:part", args=[draft_id, each.section, each.key])
                + f"#line-{each.line}"
                if each.key
                else ""
            ),
        }
        for each in found
    ]


def difference_rows(found: Sequence[Difference]) -> list[dict[str, Any]]:
    return [
        {
            "difference": each,
            "pill": WHAT_WORDS[each.what],
            "section": section_word(each.section),
            "before": _plain(each.before),
            "after": _plain(each.after),
        }
        for each in found
    ]


def release_rows(
    found: Sequence[ReleaseFacts], *, current: int | None, now: Any
) -> list[dict[str, Any]]:
    return [{"release": each, "pill": _pill(each, current=current, now=now)} for each in found]


def lines_of(text: str, findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """The text line by line, each with what is wrong there."""
    said: dict[int, list[Finding]] = {}
    for each in findings:
        said.setdefault(each.line, []).append(each)
    return [
        {"number": number, "text": line, "findings": said.get(number, [])}
        for number, line in enumerate(text.splitlines(), start=1)
    ]


def audiences() -> dict[str, Any]:
    """For whom and where a draft can be looked at."""
    channels = {
        Channel.WEB: _("Web"),
        Channel.CALL_CENTRE: _("Call centre"),
        Channel.PORTAL: _("Business portal"),
        Channel.B2B_API: _("Business API"),
    }
    return {
        "segments": [
            (Segment.CONSUMER.value, _("Consumers")),
            (Segment.BUSINESS.value, _("Businesses")),
        ],
        "channels": [(channel.value, channels[channel]) for channel in CHANNELS],
    }


def _pill(release: ReleaseFacts, *, current: int | None, now: Any) -> tuple[str, str]:
    if release.withdrawn:
        return "failed", _("taken back")
    if release.number == current:
        return "done", _("sold now")
    if release.published_at > now:
        return "waiting", _("on its day")
    return "pending", _("earlier")


def _change(act: Act) -> str:
    before, after = act.values.get("before"), act.values.get("after")
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        names = sorted(n for n in before.keys() | after.keys() if before.get(n) != after.get(n))
        return ", ".join(names)
    return ""


def _plain(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, Mapping) and value.keys() == {"decimal"}:
        return str(value["decimal"])
    if isinstance(value, str | int):
        return str(value)
    return json.dumps(value, ensure_ascii=False)
