"""Who calls the API: a program with a bearer token, else a browser with its cookies."""

from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from oauth2_provider.contrib.rest_framework import OAuth2Authentication
from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from commerce.web.identity import Caller, caller_of, caller_of_application

VISITOR_COOKIE = "visitor"
SCOPES = "_token_scopes"
"""On the request of an API client: what its access token is good for."""


class ApiClient(OAuth2Authentication):  # type: ignore[misc]
    """OAuth2 bearer token of an application that is bound to one member of an organisation."""

    www_authenticate_realm = "api"

    def authenticate(self, request: Request) -> tuple[Any, Caller] | None:
        """The member's user (or nobody, for a member without login) and the context.

        Raises:
            AuthenticationFailed: a bearer token that is unknown or expired, or an application
                that is bound to no active member.
        """
        if not request.headers.get("Authorization", "").lower().startswith("bearer "):
            return None
        _ = request._request.body  # kept: the OAuth library parses it, the key's digest needs it
        found = super().authenticate(request)
        if found is None:
            raise AuthenticationFailed("The access token is unknown or has expired.")
        _, token = found
        caller = caller_of_application(token.application_id)
        if caller is None:
            raise AuthenticationFailed("This API client is bound to no active member.")
        setattr(request._request, SCOPES, frozenset(token.scope.split()))
        return AnonymousUser(), caller


class Session(SessionAuthentication):
    """A browser: logged in or a visitor. Whatever comes with cookies needs the CSRF token."""

    def authenticate(self, request: Request) -> tuple[Any, Caller] | None:
        """The user (anonymous for a visitor) and the context; never None."""
        http = request._request
        cookies = http.COOKIES
        if settings.SESSION_COOKIE_NAME in cookies or VISITOR_COOKIE in cookies:
            self.enforce_csrf(request)
        user = getattr(http, "user", None)
        return (user if user is not None and user.is_active else AnonymousUser()), caller_of(http)
