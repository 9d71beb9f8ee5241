"""The whole system of the suite: as developers have it, but its people log in at little cost."""

from commerce.settings.development import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
