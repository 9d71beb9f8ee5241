"""Outside services, HTTPS, no default secret, no virtual clock, no eager tasks."""

import os

from django.core.exceptions import ImproperlyConfigured

from commerce.settings.environment import refusals

if _refusals := refusals(os.environ):
    raise ImproperlyConfigured("\n".join(_refusals))

from commerce.settings.base import *  # noqa: F403

SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_SSL_REDIRECT = True
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_HSTS_SECONDS = 31536000
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
LANGUAGE_COOKIE_SECURE = True
