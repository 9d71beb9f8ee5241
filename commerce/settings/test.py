"""The test suite: as in development, with cheap password hashing."""

import os

for name, value in {
    "SECRET_KEY": "test-only",
    "DATABASE_URL": "postgresql://127.0.0.1:1/unset",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "STRIPE_API_KEY": "sk_test_suite",
    "STRIPE_WEBHOOK_SECRET": "whsec_suite",
    "PROVIDERS_URL": "http://127.0.0.1:1",
    "PROVIDERS_API_KEY": "suite",
    "PROVIDERS_CALLBACK_SECRET": "whsec_c3VpdGUtc3VpdGUtc3VpdGUtc3VpdGU=",
}.items():
    os.environ.setdefault(name, value)

from commerce.settings.development import *  # noqa: E402, F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
