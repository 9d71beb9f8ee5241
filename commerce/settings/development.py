"""A developer's machine and the embedded stack: real parts, a clock that can be moved."""

from commerce.settings.base import *  # noqa: F403

VIRTUAL_CLOCK = True
RECONCILIATION_EVERY_DAYS = 28
"""The clock stands still for each look, and is moved by years here."""
WEBHOOKS_STAY_HOME = True
SHOW_STYLEGUIDE = True
STORAGES = {
    **STORAGES,  # noqa: F405
    # Nothing is compressed for a browser on the same machine: it took longer than all else at the
    # first start.
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"},
}
