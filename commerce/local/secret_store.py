"""The secrets of one local stack: drawn once, kept in its folder, readable by the owner alone."""

import base64
import secrets
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from commerce.local.files import read_json, write_json


@dataclass(frozen=True, slots=True)
class Secrets:
    cluster: str
    secret_key: str
    superuser_password: str
    database_password: str
    redis_password: str
    stripe_api_key: str
    stripe_webhook_secret: str
    providers_api_key: str
    providers_callback_secret: str


def draw() -> Secrets:
    return Secrets(
        cluster=secrets.token_hex(8),
        secret_key=secrets.token_urlsafe(48),
        superuser_password=secrets.token_hex(24),
        database_password=secrets.token_hex(24),
        redis_password=secrets.token_hex(24),
        stripe_api_key=f"sk_test_{secrets.token_hex(24)}",
        stripe_webhook_secret=f"whsec_{secrets.token_hex(24)}",
        providers_api_key=secrets.token_hex(24),
        # Standard Webhooks: the part after the prefix is base64.
        providers_callback_secret=f"whsec_{base64.b64encode(secrets.token_bytes(24)).decode()}",
    )


def kept_in(path: Path) -> Secrets:
    """The secrets stored in `path`; those that it lacks are drawn and added."""
    stored = read_json(path)
    drawn = asdict(draw())
    known = {
        field.name: str(stored.get(field.name, drawn[field.name])) for field in fields(Secrets)
    }
    if known != stored:
        write_json(path, known)
    return Secrets(**known)
