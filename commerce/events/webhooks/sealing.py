"""What must be read again but lie open to nobody who reads the database: sealed by a key that is
not in it."""

from base64 import urlsafe_b64encode
from functools import lru_cache
from hashlib import sha256

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


class Unreadable(Exception):
    """Sealed under a key that is not set any more."""


def seal(text: str) -> str:
    """Under the first key."""
    return _keys().encrypt(text.encode()).decode()


def unseal(sealed: str) -> str:
    """Raises Unreadable: none of the keys opens it."""
    try:
        return _keys().decrypt(sealed.encode()).decode()
    except InvalidToken as error:
        raise Unreadable("no key that is set opens it") from error


def opens(sealed: str) -> bool:
    """Whether a key that is set opens it."""
    try:
        unseal(sealed)
    except Unreadable:
        return False
    return True


def sealed_anew(sealed: str) -> str:
    """The same under the first key. Raises Unreadable."""
    return seal(unseal(sealed))


def _keys() -> MultiFernet:
    """Of `SEALING_KEYS`, or where none is set of the keys that sign: the first seals, all open."""
    chosen = settings.SEALING_KEYS or [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return _fernet(tuple(chosen))


@lru_cache(maxsize=4)
def _fernet(keys: tuple[str, ...]) -> MultiFernet:
    """Keys are any text of many random characters: what it seals with is a digest of it."""
    digests = (sha256(b"faisceau sealing\0" + key.encode()).digest() for key in keys)
    return MultiFernet([Fernet(urlsafe_b64encode(digest)) for digest in digests])
