"""Outside services, HTTPS, no default secret, no virtual clock, no eager tasks."""

import os

from django.core.exceptions import ImproperlyConfigured

from commerce.settings.base import *  # noqa: F403
from commerce.settings.base import CELERY, PUBLIC_URL

if not PUBLIC_URL.startswith("https://"):
    raise ImproperlyConfigured("Set PUBLIC_URL to the https address of the shop.")
if os.environ.get("CELERY_TASK_ALWAYS_EAGER") or CELERY["task_always_eager"]:
    raise ImproperlyConfigured("Celery's eager mode is refused in production; run a worker.")
if os.environ.get("VIRTUAL_CLOCK"):
    raise ImproperlyConfigured("The virtual clock is refused in production; unset VIRTUAL_CLOCK.")

SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_SSL_REDIRECT = True
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_HSTS_SECONDS = 31536000
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
