"""Every route says who may use it; one that says nothing is closed."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import wraps
from typing import Any, TypeVar

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern, URLResolver
from django.utils.http import urlencode
from rest_framework.exceptions import NotAuthenticated
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from commerce.web.identity import Caller, caller_of


class Policy(StrEnum):
    """Who may use a route. Several may be declared: any of them is enough.

    PUBLIC and VISITOR are open to all; VISITOR says that the route serves what belongs to the
    caller alone. SIGNED routes check a signature of their own. STAFF is the back office. REPORTER
    is a system of the operator's own, MERCHANT one of who sells on our bills, each with a token:
    nothing else is open to them.
    """

    PUBLIC = "public"
    VISITOR = "visitor"
    SIGNED = "signed"
    CUSTOMER = "customer"
    BUSINESS = "business"
    AGENT = "agent"
    OPERATOR = "operator"
    CATALOGUE = "catalogue_manager"
    FINANCE = "finance"
    STAFF = "staff"
    REPORTER = "reporter"
    MERCHANT = "merchant"


OPEN = frozenset({Policy.PUBLIC, Policy.VISITOR, Policy.SIGNED})
CLOSED_IN = frozenset({Policy.REPORTER, Policy.MERCHANT})
MEMBERS = frozenset({"buyer", "approver", "administrator", "viewer"})
STAFF_KINDS = frozenset({Policy.AGENT, Policy.OPERATOR, Policy.CATALOGUE, Policy.FINANCE})

THIRD_PARTY: Mapping[str, Policy] = {
    "django.contrib.admin": Policy.STAFF,
    "django.contrib.auth.admin": Policy.STAFF,
    "django.contrib.contenttypes": Policy.STAFF,
    "treebeard.admin": Policy.STAFF,
    "django.contrib.staticfiles": Policy.PUBLIC,
    "django.contrib.flatpages": Policy.PUBLIC,
    "django.views.i18n": Policy.PUBLIC,
    "django.views.generic.base": Policy.PUBLIC,
    "django.contrib.auth.views": Policy.PUBLIC,
    "oscar.apps.dashboard": Policy.STAFF,
    "oscar": Policy.STAFF,
    "oauth2_provider.views.base": Policy.PUBLIC,
    "drf_spectacular.views": Policy.PUBLIC,
}
"""Routes of others, by the module of their view; they check by themselves, this says what."""

Policies = tuple[Policy, ...]
Target = TypeVar("Target", bound=Callable[..., Any])


def policy(*allowed: Policy | str) -> Callable[[Target], Target]:
    """Declare who may use an HTML view (function or class). Strangers are sent to log in."""
    policies = tuple(Policy(word) for word in allowed)

    def declare(target: Target) -> Target:
        if isinstance(target, type):
            target.policy = policies  # type: ignore[attr-defined]
            target.dispatch = _guarded(target.dispatch, policies, place=1)  # type: ignore[attr-defined]
            return target
        guarded = _guarded(target, policies, place=0)
        guarded.policy = policies  # type: ignore[attr-defined]
        return guarded  # type: ignore[return-value]

    return declare


def allows(policies: Policies, caller: Caller, *, is_staff: bool = False) -> bool:
    """Whether one of `policies` is met."""
    return any(_met(each, caller, is_staff=is_staff) for each in policies)


class Declared(BasePermission):
    """DRF: the view's `policy` (one, several, or by HTTP method) is met; undeclared is closed."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Raises NotAuthenticated where logging in (or a token) could help."""
        method = "GET" if request.method == "HEAD" else request.method or "GET"
        if not hasattr(view, method.lower()):
            return True  # and the view answers 405
        caller: Any = request.auth
        policies = declared_by(view, method=method)
        if caller is not None and str(caller.role) in CLOSED_IN:
            return str(caller.role) in policies
        if OPEN.intersection(policies):
            return True
        if not policies:
            return False
        if caller is not None and allows(
            policies, caller, is_staff=bool(getattr(request.user, "is_staff", False))
        ):
            return True
        if caller is None or caller.role == "visitor":
            raise NotAuthenticated
        return False


def declared_by(view: Any, *, method: str | None = None) -> Policies:
    """What a view (class, instance or function) declares; all methods together without `method`."""
    found = getattr(view, "policy", None)
    if isinstance(found, Mapping):
        chosen = found.values() if method is None else [found.get(method, found.get("*", ()))]
        found = tuple(each for entry in chosen for each in _several(entry))
    return _several(found)


def policies_of(callback: Callable[..., Any]) -> Policies:
    """The policies of a resolved route; empty if nobody declared any."""
    owner = getattr(callback, "view_class", None) or getattr(callback, "cls", None) or callback
    own = declared_by(owner) or declared_by(callback)
    return own or _third_party(owner)


def routes(patterns: list[Any], prefix: str = "") -> list[tuple[str, Callable[..., Any]]]:
    """Every route of a URL configuration, as (pattern, view)."""
    found: list[tuple[str, Callable[..., Any]]] = []
    for entry in patterns:
        path = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            found += routes(list(entry.url_patterns), path)
        elif isinstance(entry, URLPattern):
            found.append((path, entry.callback))
    return found


def _guarded(view: Callable[..., Any], policies: Policies, *, place: int) -> Callable[..., Any]:
    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        refusal = _refusal(args[place], policies)
        return refusal if refusal is not None else view(*args, **kwargs)

    return guarded


def _refusal(request: HttpRequest, policies: Policies) -> HttpResponseBase | None:
    if OPEN.intersection(policies):
        return None
    user = request.user
    if allows(policies, caller_of(request), is_staff=bool(getattr(user, "is_staff", False))):
        return None
    if user.is_authenticated:
        raise PermissionDenied
    return redirect(f"/account/login/?{urlencode({'next': request.get_full_path()})}")


def _met(wanted: Policy, caller: Caller, *, is_staff: bool) -> bool:
    if wanted in OPEN:
        return True
    if wanted == Policy.STAFF:
        return is_staff
    if wanted in STAFF_KINDS:
        return str(wanted) in caller.staff
    if wanted == Policy.BUSINESS:
        return str(caller.role) in MEMBERS and caller.party_id is not None
    return str(caller.role) == str(wanted) and caller.party_id is not None


def _several(found: Any) -> Policies:
    if not found:
        return ()
    return (Policy(found),) if isinstance(found, str) else tuple(Policy(each) for each in found)


def _third_party(owner: Any) -> Policies:
    module = f"{getattr(owner, '__module__', '')}."
    matches = [name for name in THIRD_PARTY if module.startswith(f"{name}.")]
    return (THIRD_PARTY[max(matches, key=len)],) if matches else ()
