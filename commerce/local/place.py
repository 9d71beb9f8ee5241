"""Where one stack stands: its folder, addresses and secrets, and what its processes are told."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from commerce.local.leftovers import MARK
from commerce.local.ports import LOOPBACK
from commerce.local.postgres import DATABASE, Cluster
from commerce.local.secret_store import Secrets

ROOT = Path(__file__).resolve().parent.parent.parent
# Collected static files depend on the code alone, so that all stacks of a checkout share them.
STATIC = ROOT / "static_root"
PORTS = ("web", "postgres", "redis", "payments", "providers", "merchant")
# Set one of these and the stack uses that outside service in place of its own.
OUTSIDE = {
    "DATABASE_URL": "postgres",
    "REDIS_URL": "redis",
    "STRIPE_API_KEY": "payments",
    "PROVIDERS_URL": "providers",
}
# Never taken over from whoever starts a stack: each would silently point it at another one.
_OURS = frozenset(
    {
        *OUTSIDE,
        *("DJANGO_SETTINGS_MODULE", "SECRET_KEY", "PUBLIC_URL", "ALLOWED_HOSTS", "BROKER_URL"),
        *("STRIPE_WEBHOOK_SECRET", "STRIPE_API_BASE", "PROVIDERS_API_KEY"),
        *("PROVIDERS_CALLBACK_SECRET", "MERCHANT_URL", "STATIC_ROOT", "MEDIA_ROOT", "PYTHONPATH"),
        MARK,
    }
)
_PASSED_TO_SANDBOXES = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "VIRTUAL_ENV")


@dataclass(frozen=True, slots=True)
class Place:
    """`outside` holds the variables of outside services; `extra_env` wins over everything."""

    run_dir: Path
    ports: Mapping[str, int]
    secrets: Secrets
    cluster: Cluster | None
    settings: str
    outside: Mapping[str, str] = field(default_factory=dict)
    extra_env: Mapping[str, str] = field(default_factory=dict)

    @property
    def python(self) -> str:
        return sys.executable

    def runs(self, name: str) -> bool:
        """Whether this part is ours to start, not an outside service."""
        return not any(
            part == name and variable in self.outside for variable, part in OUTSIDE.items()
        )

    def url(self, name: str) -> str:
        return f"http://{LOOPBACK}:{self.ports[name]}"

    @property
    def database_url(self) -> str:
        if self.cluster is None:
            return self.outside["DATABASE_URL"]
        return self.cluster.url(
            user=DATABASE, password=self.secrets.database_password, database=DATABASE
        )

    @property
    def redis_url(self) -> str:
        own = f"redis://:{self.secrets.redis_password}@{LOOPBACK}:{self.ports['redis']}/0"
        return self.outside.get("REDIS_URL", own)

    @property
    def env(self) -> dict[str, str]:
        """What every process of ours, and every command beside them, runs with."""
        inherited = {name: value for name, value in os.environ.items() if name not in _OURS}
        return {
            **inherited,
            "DJANGO_SETTINGS_MODULE": self.settings,
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.redis_url,
            "SECRET_KEY": self.secrets.secret_key,
            "PUBLIC_URL": self.url("web"),
            "ALLOWED_HOSTS": f"{LOOPBACK},localhost",
            "STRIPE_API_KEY": self.secrets.stripe_api_key,
            "STRIPE_WEBHOOK_SECRET": self.secrets.stripe_webhook_secret,
            **({"STRIPE_API_BASE": self.url("payments")} if self.runs("payments") else {}),
            "PROVIDERS_URL": self.url("providers"),
            "PROVIDERS_API_KEY": self.secrets.providers_api_key,
            "PROVIDERS_CALLBACK_SECRET": self.secrets.providers_callback_secret,
            "MERCHANT_URL": self.url("merchant"),
            "STATIC_ROOT": str(STATIC),
            "MEDIA_ROOT": str(self.run_dir / "media"),
            "PYTHONUNBUFFERED": "1",
            **self.outside,
            **self.extra_env,
        }

    def sandbox_env(self, name: str, **own: str) -> dict[str, str]:
        """For a simulated outsider: nothing of ours but the secrets that both sides share."""
        return {
            **{key: os.environ[key] for key in _PASSED_TO_SANDBOXES if key in os.environ},
            "SANDBOX_PORT": str(self.ports[name]),
            "SANDBOX_DB": str(self.run_dir / "sandbox" / f"{name}.sqlite3"),
            "SANDBOX_PUBLIC_URL": self.url(name),
            "PYTHONUNBUFFERED": "1",
            **own,
            **{key: value for key, value in self.extra_env.items() if key.startswith("SANDBOX_")},
        }
