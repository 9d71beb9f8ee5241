"""Digests of single-use codes, keyed by the installation's secret, which no database holds."""

import hashlib
from collections.abc import Iterable
from functools import lru_cache

from django.conf import settings

from promotions.domain.codes import digest_of


def digest(code: str) -> bytes:
    """By which a new code is found."""
    return digest_of(code, key=_key(settings.SECRET_KEY))


def digests(codes: Iterable[str]) -> list[bytes]:
    """Those that codes may be stored by: made with this secret, or with one before it."""
    secrets = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    return [digest_of(code, key=_key(secret)) for code in codes for secret in secrets]


@lru_cache(maxsize=8)
def _key(secret: str) -> bytes:
    return hashlib.sha256(f"promotions.single_use_code:{secret}".encode()).digest()
