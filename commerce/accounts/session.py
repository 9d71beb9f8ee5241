"""Logging in and out of a browser."""

from django.contrib.auth import authenticate, login, logout
from django.db import transaction
from django.http import HttpRequest

from commerce.accounts.context import context_for_request, forget_context, new_visitor, visitor_key
from commerce.accounts.identity import AccountContext
from commerce.accounts.models import User
from commerce.accounts.services.customers import identify_visitor

BACKEND = "django.contrib.auth.backends.ModelBackend"


def log_in(request: HttpRequest, *, email: str, password: str) -> AccountContext | None:
    """Check and log in; None if e-mail and password don't match (or were tried too often)."""
    user = authenticate(request, username=email.strip().lower(), password=password)
    return log_in_user(request, user=user) if isinstance(user, User) else None


def log_in_user(request: HttpRequest, *, user: User) -> AccountContext:
    """Log a user in who has just been created or authenticated; returns the new context.

    What the visitor did before becomes the customer's.
    """
    if user.party_id is not None:
        with transaction.atomic():
            identify_visitor(visitor_key=visitor_key(request), party_id=user.party_id)
    login(request, user, backend=BACKEND)
    forget_context(request)
    return context_for_request(request)


def log_out(request: HttpRequest) -> None:
    """The browser is an unknown visitor again."""
    logout(request)
    new_visitor(request)
    forget_context(request)
