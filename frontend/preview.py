"""The shop as a draft would make it, for the catalogue manager who asked for it.

The state of the draft is named in his own session and looked up on every request; nobody else ever
sees it, and nothing in it can be ordered.
"""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from django.http import HttpRequest, HttpResponseBase

from catalogue.domain.model import Segment
from catalogue.selectors import previewing
from commerce.accounts.context import context_for_request, forget_context
from commerce.accounts.identity import AccountContext, Actor
from commerce.accounts.kinds import ActorKind, Channel, Role, StaffKind
from commerce.kernel.errors import NotFound

KEY = "preview"
CART = "cart_code"
PAGES = frozenset({"shop", "checkout"})
API = "/api/v1/offerings"
CHANNELS = (Channel.WEB, Channel.CALL_CENTRE, Channel.PORTAL, Channel.B2B_API)


class PreviewsOfDrafts:
    """Middleware: pages of the shop, and the API's offerings, are those of the draft."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        with ExitStack() as stack:
            request._previews = stack  # type: ignore[attr-defined]
            return self.get_response(request)

    def process_view(self, request: HttpRequest, *_view: Any) -> None:
        asked = request.session.get(KEY) if hasattr(request, "session") else None
        if asked and _shows_the_shop(request):
            _show(request, asked, stack=request._previews)  # type: ignore[attr-defined]


def begin(request: HttpRequest, *, number: int, segment: Segment, channel: Channel) -> None:
    """From now on this session sees that state of a draft, as such a customer."""
    end(request)
    request.session[KEY] = {"number": number, "segment": segment.value, "channel": channel.value}


def end(request: HttpRequest) -> None:
    """This session sees what is sold again; what was put into a cart meanwhile is left behind."""
    if request.session.pop(KEY, None):
        request.session.pop(CART, None)


def _shows_the_shop(request: HttpRequest) -> bool:
    match = request.resolver_match
    return bool(PAGES.intersection(match.namespaces if match else ())) or (
        request.path.startswith(API)
    )


def _show(request: HttpRequest, asked: dict[str, Any], *, stack: ExitStack) -> None:
    context = context_for_request(request)
    if StaffKind.CATALOGUE_MANAGER not in context.staff:
        end(request)
        return
    segment, channel = Segment(asked["segment"]), Channel(asked["channel"])
    try:
        stack.enter_context(
            previewing(int(asked["number"]), segment=segment, channel=channel.value)
        )
    except NotFound:
        end(request)
        return
    forget_context(request, then=_as_customer(context, channel=channel))


def _as_customer(context: AccountContext, *, channel: Channel) -> AccountContext:
    """Somebody unknown on that channel, under the manager's own name."""
    return replace(
        context,
        actor=Actor(ActorKind.VISITOR, None, context.actor.name),
        role=Role.VISITOR,
        channel=channel,
        party_id=None,
        visitor_key=f"preview-{context.actor.id}",
        contact_id=None,
        staff=frozenset(),
    )
