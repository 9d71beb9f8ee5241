"""Links with a secret: whoever has one may do what it is for. Only its digest is kept."""

import hashlib
import secrets


def new_token() -> str:
    """A secret that nobody guesses, fit for an address."""
    return secrets.token_urlsafe(24)


def token_digest(token: str) -> str:
    """What is stored of a link's secret."""
    return hashlib.sha256(token.encode()).hexdigest()
