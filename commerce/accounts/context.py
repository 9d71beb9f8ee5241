"""Who acts, for whom, through which channel: resolved once at the edge, then passed as a value."""

import secrets
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

from commerce.accounts.identity import SYSTEM, AccountContext, Actor
from commerce.accounts.kinds import ActorKind, Channel, Role, StaffKind
from commerce.accounts.models import ApiClient, Contact, Membership, StaffRole, User
from commerce.web.authentication import VISITOR_COOKIE

__all__ = [
    "SYSTEM",
    "AccountContext",
    "Actor",
    "ActorKind",
    "Channel",
    "Role",
    "context_for_client",
    "context_for_request",
    "remember_visitor",
]

CONTACT = "contact_id"
MEMBERSHIP = "membership_id"
"""Names in the session: the agent's open contact, and the membership chosen of several."""
VISITOR_DAYS = 60
_SALT = "visitor"


def context_for_request(request: HttpRequest) -> AccountContext:
    """The context of a browser; a visitor without a key gets one. Looked up once per request."""
    known: AccountContext | None = getattr(request, "_account_context", None)
    if known is None:
        user = getattr(request, "user", None)
        if isinstance(user, User) and user.is_active:
            known = _of_user(user, request)
        else:
            known = _of_visitor(request)
        forget_context(request, then=known)
    return known


def forget_context(request: HttpRequest, *, then: AccountContext | None = None) -> None:
    """Let the context be found anew (after a log-in, or when a contact begins or ends)."""
    request._account_context = then  # type: ignore[attr-defined]


def context_for_client(application_id: Any) -> AccountContext | None:
    """The context of an OAuth2 application: of the member or the merchant that it is bound to, or
    of a system of the operator's own; None if it is none of them, or its member is not active."""
    client = (
        ApiClient.objects.filter(application_id=application_id, active=True)
        .exclude(membership__active=False)
        .select_related("membership__unit__organisation")
        .first()
    )
    if client is None:
        return None
    member = client.membership
    if member is None:
        actor = Actor(ActorKind.CLIENT, client.pk, client.name)
        role = Role.REPORTER if client.merchant_id is None else Role.MERCHANT
        return AccountContext(actor, client.merchant_id, role, Channel.B2B_API)
    return AccountContext(
        actor=Actor(ActorKind.CLIENT, client.pk, f"{member.name} ({client.name})"),
        party_id=member.unit.organisation.party_id,
        role=Role(member.role),
        channel=Channel.B2B_API,
        membership_id=member.pk,
    )


def remember_visitor(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Middleware: a visitor's new key goes out as a signed cookie."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        key = getattr(request, "_new_visitor", None)
        if key:
            response.set_signed_cookie(
                VISITOR_COOKIE,
                key,
                salt=_SALT,
                max_age=VISITOR_DAYS * 86400,
                httponly=True,
                samesite="Lax",
                secure=settings.SESSION_COOKIE_SECURE,
            )
        return response

    return middleware


def visitor_key(request: HttpRequest) -> str:
    """The key of this browser's visitor; made when there is none (or a forged one)."""
    known = _present_key(request)
    if known is None:
        known = new_visitor(request)
    return known


def new_visitor(request: HttpRequest) -> str:
    """A fresh key for this browser; what carried the old one is no longer its own."""
    key = secrets.token_urlsafe(24)
    request._new_visitor = key  # type: ignore[attr-defined]
    return key


def _present_key(request: HttpRequest) -> str | None:
    fresh: str | None = getattr(request, "_new_visitor", None)
    found: str | None = fresh or request.get_signed_cookie(
        VISITOR_COOKIE, default=None, salt=_SALT, max_age=VISITOR_DAYS * 86400
    )
    return found


def _of_visitor(request: HttpRequest) -> AccountContext:
    return AccountContext(
        actor=Actor(ActorKind.VISITOR, None, "visitor"),
        party_id=None,
        role=Role.VISITOR,
        channel=Channel.WEB,
        visitor_key=visitor_key(request),
    )


def _of_user(user: User, request: HttpRequest) -> AccountContext:
    name = user.get_full_name() or user.email
    staff = frozenset(StaffRole.objects.filter(user=user).values_list("kind", flat=True))
    if staff or user.is_superuser:
        return _of_staff(user, name, staff, request)
    member = _membership(user, request)
    if member is not None:
        return AccountContext(
            actor=Actor(ActorKind.USER, user.pk, name),
            party_id=member.unit.organisation.party_id,
            role=Role(member.role),
            channel=Channel.PORTAL,
            membership_id=member.pk,
        )
    return AccountContext(
        actor=Actor(ActorKind.USER, user.pk, name),
        party_id=user.party_id,
        role=Role.CUSTOMER,
        channel=Channel.WEB,
        visitor_key=_present_key(request),
    )


def _of_staff(user: User, name: str, staff: frozenset[str], request: HttpRequest) -> AccountContext:
    contact_id = request.session.get(CONTACT)
    contact = (
        Contact.objects.filter(pk=contact_id, agent=user, ended_at=None).first()
        if contact_id
        else None
    )
    if user.is_superuser:
        staff = frozenset(str(kind) for kind in StaffKind)
    operates = StaffKind.OPERATOR in staff
    role = Role.AGENT if contact or not operates else Role.OPERATOR
    return AccountContext(
        actor=Actor(ActorKind.AGENT, user.pk, name),
        party_id=contact.party_id if contact else None,
        role=role,
        channel=Channel.CALL_CENTRE,
        contact_id=contact.pk if contact else None,
        staff=staff,
    )


def _membership(user: User, request: HttpRequest) -> Membership | None:
    members = Membership.objects.filter(user=user, active=True).select_related("unit__organisation")
    chosen = request.session.get(MEMBERSHIP)
    found = list(members.order_by("pk"))
    return next((member for member in found if member.pk == chosen), found[0] if found else None)
